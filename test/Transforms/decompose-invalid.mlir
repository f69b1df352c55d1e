// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --qfmt-decompose --split-input-file --verify-diagnostics

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @arithmetic_on_encoded(%x: tensor<4xf32, #q>) -> tensor<4xf32, #q> {
  // expected-error @below {{'arith.addf' op cannot be decomposed: arithmetic on encoded tensors is linalg with encoded inputs and unencoded results; use 'qfmt.dequantize' and 'qfmt.quantize'}}
  %0 = arith.addf %x, %x : tensor<4xf32, #q>
  return %0 : tensor<4xf32, #q>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @linalg_with_encoded_result(%x: tensor<4xf32>, %init: tensor<4xf32, #q>) -> tensor<4xf32, #q> {
  // expected-error @below {{'linalg.exp' op cannot be decomposed}}
  %0 = linalg.exp ins(%x : tensor<4xf32>) outs(%init : tensor<4xf32, #q>) -> tensor<4xf32, #q>
  return %0 : tensor<4xf32, #q>
}

// -----

#rows = #qfmt.scaled<i8, block = [1, *], scale = f32>
func.func @move_of_a_part_of_a_block(%x: tensor<4x8xf32, #rows>) -> tensor<4x4xf32, #rows> {
  // expected-error @below {{'tensor.extract_slice' op cuts through a block of dimension 1, which is one block; dequantize first, or cut at block boundaries}}
  %0 = tensor.extract_slice %x[0, 0] [4, 4] [1, 1] : tensor<4x8xf32, #rows> to tensor<4x4xf32, #rows>
  return %0 : tensor<4x4xf32, #rows>
}

// -----

#rows = #qfmt.scaled<i8, block = [1, *], scale = f32>
func.func @pad_with_scales(%x: tensor<4x8xf32, #rows>) -> tensor<5x8xf32, #rows> {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{'tensor.pad' op moves 'tensor<4x8xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>', whose scales or zero points are only known at run time; move its constituents before 'qfmt.assemble', or dequantize}}
  %0 = tensor.pad %x low[0, 0] high[1, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<4x8xf32, #rows> to tensor<5x8xf32, #rows>
  return %0 : tensor<5x8xf32, #rows>
}

// -----

#a = #qfmt.scaled<i8, scale = 0.5>
#b = #qfmt.scaled<i8, scale = 0.25>
func.func @move_between_encodings(%x: tensor<4xf32, #a>) -> tensor<4xf32, #b> {
  // expected-error @below {{'tensor.cast' op moves elements between the encodings #qfmt.scaled<i8, scale = 5.000000e-01> and #qfmt.scaled<i8, scale = 2.500000e-01>; use 'qfmt.convert'}}
  %0 = tensor.cast %x : tensor<4xf32, #a> to tensor<4xf32, #b>
  return %0 : tensor<4xf32, #b>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @pad_without_a_code(%x: tensor<4xf32, #q>) -> tensor<6xf32, #q> {
  %value = arith.constant 0.3 : f32
  // expected-error @below {{'tensor.pad' op pads with 3.000000e-01, which #qfmt.scaled<i8, scale = 5.000000e-01> cannot represent}}
  %0 = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %value : f32
  } : tensor<4xf32, #q> to tensor<6xf32, #q>
  return %0 : tensor<6xf32, #q>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @pad_with_a_variable(%x: tensor<4xf32, #q>, %value: f32) -> tensor<6xf32, #q> {
  // expected-error @below {{'tensor.pad' op pads an encoded tensor with a value that is not a constant}}
  %0 = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %value : f32
  } : tensor<4xf32, #q> to tensor<6xf32, #q>
  return %0 : tensor<6xf32, #q>
}

// -----

// Three numbers of 24 bits: their product has up to 72, f64 53.
#q = #qfmt.scaled<f32, block = [1], scale = #qfmt.scaled<f32, scale = f32>>
func.func @inexact_product(%x: tensor<4xf32, #q>) -> tensor<4xf32> {
  // expected-error @below {{the exact value of #qfmt.scaled<f32, block = [1], scale = #qfmt.scaled<f32, scale = f32>> needs more precision than f64 has; use formats of fewer bits or fewer nested scales}}
  %0 = qfmt.dequantize %x : tensor<4xf32, #q> to tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// The payload is computed from the scales as they were stored.
#scales = #qfmt.scaled<f32, block = [1], scale = #qfmt.scaled<f32, scale = f32>>
#q = #qfmt.scaled<i8, block = [1], scale = #scales>
func.func @inexact_scale(%x: tensor<4xf32>) -> tensor<4xf32, #q> {
  // expected-error @below {{the exact value of #qfmt.scaled<f32, block = [1], scale = #qfmt.scaled<f32, scale = f32>> needs more precision than f64 has}}
  %0 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #q>
  return %0 : tensor<4xf32, #q>
}

// -----

// Wrapping keeps every bit of the quotient, which may be far above 2^53.
#a = #qfmt.scaled<f8E8M0FNU>
#b = #qfmt.scaled<i8, scale = 0.3>
func.func @inexact_wrap(%x: tensor<4xf32, #a>) -> tensor<4xf32, #b> {
  // expected-error @below {{the quotient of #qfmt.scaled<i8, scale = 3.000000e-01> needs more precision than f64 has}}
  %0 = qfmt.convert %x overflow = wrap : tensor<4xf32, #a> to tensor<4xf32, #b>
  return %0 : tensor<4xf32, #b>
}

// -----

func.func @observed(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'qfmt.observe' op does not belong to level encoded; run qfmt-quantize, which uses observers up}}
  %0 = qfmt.observe %x "x" : tensor<4xf32>
  return %0 : tensor<4xf32>
}
