// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-qfmt-to-quant --split-input-file --verify-diagnostics

func.func @float_format(%x: tensor<4xf32>) {
  // expected-error @below {{'qfmt.quantize' op has elements of 'f8E4M3FN', quant stores integers only; convert to an integer format}}
  %0 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<f8E4M3FN>>
  return
}

// -----

func.func @scale_chosen_at_run_time(%x: tensor<4xf32>) {
  // expected-error @below {{'qfmt.quantize' op has 'tensor<4xf32, #qfmt.scaled<i8, scale = f32>>', whose scales or zero points are not known at this place; quant has constants only: give them to 'qfmt.quantize' or 'qfmt.assemble' where they are read}}
  %0 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = f32>>
  return
}

// -----

func.func @scale_given_at_run_time(%x: tensor<4xi8>, %s: tensor<1xf32>) {
  // expected-error @below {{'qfmt.assemble' op has a scale that is computed at run time; quant has constants only, which a calibrated or given scale can be}}
  %0 = qfmt.assemble %x, %s : tensor<4xi8>, tensor<1xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = f32>>
  return
}

// -----

#q = #qfmt.scaled<i8, block = [2], scale = #qfmt.scaled<i8, scale = f32>>
func.func @nested_scale(%x: tensor<4xi8>) {
  %s = arith.constant dense<3> : tensor<2xi8>
  %t = arith.constant dense<3.0> : tensor<1xf32>
  // expected-error @below {{'qfmt.assemble' op has scales that are themselves encoded, #qfmt.scaled<i8, scale = f32>; quant has plain ones: dequantize them first}}
  %0 = qfmt.assemble %x, %s, %t : tensor<4xi8>, tensor<2xi8>, tensor<1xf32> to tensor<4xf32, #q>
  return
}

// -----

#q = #qfmt.scaled<i8, block = [3], scale = f32>
func.func @partial_block(%x: tensor<4xi8>) {
  %s = arith.constant dense<3.0> : tensor<2xf32>
  // expected-error @below {{'qfmt.assemble' op has a partial block in dimension 0 of size 4, which quant lacks; pad the dimension to a multiple of 3}}
  %0 = qfmt.assemble %x, %s : tensor<4xi8>, tensor<2xf32> to tensor<4xf32, #q>
  return
}

// -----

#q = #qfmt.scaled<i8, block = [1], scale = f32>
func.func @scale_of_zero(%x: tensor<2xi8>) {
  %s = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  // expected-error @below {{'qfmt.assemble' op has the scale 0, quant has positive finite ones only}}
  %0 = qfmt.assemble %x, %s : tensor<2xi8>, tensor<2xf32> to tensor<2xf32, #q>
  return
}

// -----

func.func @scale_beyond_the_expressed_type(%x: tensor<2xf16>) {
  // expected-error @below {{'qfmt.quantize' op has the scale 0.1, which is no value of 'f16' as quant requires of it}}
  %0 = qfmt.quantize %x : tensor<2xf16> to tensor<2xf16, #qfmt.scaled<i8, scale = 0.1>>
  return
}

// -----

func.func @rounding(%x: tensor<2xf32>) {
  // expected-error @below {{'qfmt.quantize' op has rounding = floor, which quant cannot say: 'quant.qcast' rounds half to even and saturates here}}
  %0 = qfmt.quantize %x rounding = floor : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i8>>
  return
}

// -----

func.func @overflow(%x: tensor<2xf32>) {
  // expected-error @below {{'qfmt.quantize' op has overflow = wrap, which quant cannot say}}
  %0 = qfmt.quantize %x overflow = wrap : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i8>>
  return
}

// -----

func.func @stochastic(%x: tensor<2xf32>) {
  // expected-error @below {{'qfmt.quantize' op has stochastic rounding, which quant cannot say}}
  %0 = qfmt.quantize %x stochastic = 3 : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i8>>
  return
}

// -----

func.func @requantization(%x: tensor<2xf32, #qfmt.scaled<i8>>) {
  // expected-error @below {{'qfmt.convert' op has no counterpart in quant; use 'qfmt.dequantize' and 'qfmt.quantize', which round twice}}
  %0 = qfmt.convert %x : tensor<2xf32, #qfmt.scaled<i8>> to tensor<2xf32, #qfmt.scaled<i4>>
  return
}

// -----

#rows = #qfmt.scaled<i8, block = [1, *], scale = f32>
// expected-error @below {{'func.func' op has 'tensor<4x8xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>', whose scales or zero points are not known at this place}}
func.func @scale_of_an_argument(%x: tensor<4x8xf32, #rows>) {
  return
}

// -----

#rows = #qfmt.scaled<i8, block = [1, *], scale = f32>
// expected-error @below {{'func.func' op takes or returns 'tensor<4x8xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>', whose scales or zero points come at run time; quant has constants only}}
func.func private @declaration(tensor<4x8xf32, #rows>)

// -----

#rows = #qfmt.scaled<i8, block = [1, *], scale = f32>
func.func @move_with_scales(%x: tensor<2x8xi8>) {
  %s = arith.constant dense<3.0> : tensor<2x1xf32>
  %0 = qfmt.assemble %x, %s : tensor<2x8xi8>, tensor<2x1xf32> to tensor<2x8xf32, #rows>
  // expected-error @below {{'tensor.extract_slice' op passes on 'tensor<2x8xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>', whose scales or zero points are no part of its type as they are in quant; pass on its constituents}}
  %1 = tensor.extract_slice %0[0, 0] [1, 8] [1, 1] : tensor<2x8xf32, #rows> to tensor<1x8xf32, #rows>
  return
}

// -----

func.func @other_operation(%x: tensor<2xf32, #qfmt.scaled<i8>>, %c: i1) {
  // expected-error @below {{'arith.select' op has encoded tensors and is not converted: put 'qfmt.dequantize' before it and 'qfmt.quantize' after it}}
  %0 = arith.select %c, %x, %x : tensor<2xf32, #qfmt.scaled<i8>>
  return
}
