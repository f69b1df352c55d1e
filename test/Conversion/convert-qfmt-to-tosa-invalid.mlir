// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-qfmt-to-tosa --split-input-file --verify-diagnostics

func.func @rounding(%x: tensor<4xi32>) -> tensor<4xi8> {
  %m = arith.constant dense<3> : tensor<4xi32>
  // expected-error @below {{'qfmt.dyadic_scale' op has rounding = half_even, TOSA rounds half up}}
  %0 = qfmt.dyadic_scale %x, %m, %m : tensor<4xi32>, tensor<4xi32>, tensor<4xi32> to tensor<4xi8>
  return %0 : tensor<4xi8>
}

// -----

func.func @scalar(%x: i32) -> i8 {
  %m = arith.constant 3 : i32
  // expected-error @below {{'qfmt.dyadic_scale' op is no rescale of a tensor by constants: TOSA has no scaling of scalars, and none inside other arithmetic}}
  %0 = qfmt.dyadic_scale %x, %m, %m rounding = half_up : i32, i32, i32 to i8
  return %0 : i8
}

// -----

func.func @number_at_run_time(%x: tensor<4xi32>) -> tensor<4xi8> {
  // expected-error @below {{'qfmt.dyadic_scale' op is no rescale of a tensor by constants}}
  %0 = qfmt.dyadic_scale %x, %x, %x rounding = half_up : tensor<4xi32>, tensor<4xi32>, tensor<4xi32> to tensor<4xi8>
  return %0 : tensor<4xi8>
}

// -----

func.func @numbers_of_rows(%x: tensor<2x2xi32>) -> tensor<2x2xi8> {
  %m = arith.constant dense<[[3, 3], [4, 4]]> : tensor<2x2xi32>
  // expected-error @below {{'qfmt.dyadic_scale' op is no rescale of a tensor by constants}}
  %0 = qfmt.dyadic_scale %x, %m, %m rounding = half_up : tensor<2x2xi32>, tensor<2x2xi32>, tensor<2x2xi32> to tensor<2x2xi8>
  return %0 : tensor<2x2xi8>
}

// -----

#map = affine_map<(d0) -> (d0)>
func.func @other_arithmetic(%x: tensor<4xi32>, %y: tensor<4xi32>) -> tensor<4xi32> {
  %m = arith.constant 3 : i32
  %n = arith.constant 30 : i32
  %0 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%x, %x : tensor<4xi32>, tensor<4xi32>) outs(%y : tensor<4xi32>) {
  ^bb0(%a: i32, %b: i32, %c: i32):
    // expected-error @below {{'qfmt.dyadic_scale' op is no rescale of a tensor by constants}}
    %1 = qfmt.dyadic_scale %a, %m, %n rounding = half_up : i32, i32, i32 to i32
    %2 = arith.addi %1, %b : i32
    linalg.yield %2 : i32
  } -> tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

func.func @ratio(%x: tensor<4xi32>) -> tensor<4xi8> {
  %m = arith.constant dense<3> : tensor<4xi32>
  %n = arith.constant dense<2> : tensor<4xi32>
  // expected-error @below {{'qfmt.dyadic_scale' op scales values of 32 bits by 3 / 2^2, TOSA requires that they are below 2^30; use a smaller ratio or a narrower operand}}
  %0 = qfmt.dyadic_scale %x, %m, %n rounding = half_up : tensor<4xi32>, tensor<4xi32>, tensor<4xi32> to tensor<4xi8>
  return %0 : tensor<4xi8>
}

// -----

func.func @width(%x: tensor<4xi32>) -> tensor<4xi4> {
  %m = arith.constant dense<3> : tensor<4xi32>
  // expected-error @below {{'qfmt.dyadic_scale' op is on 'tensor<4xi4>', TOSA rescales integers of 8, 16 and 32 bits}}
  %0 = qfmt.dyadic_scale %x, %m, %m rounding = half_up : tensor<4xi32>, tensor<4xi32>, tensor<4xi32> to tensor<4xi4>
  return %0 : tensor<4xi4>
}

// -----

func.func @block(%x: tensor<4x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = f8E8M0FNU>>) -> tensor<4x64xf32> {
  // expected-error @above {{'func.func' op has 'tensor<4x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = f8E8M0FNU>>'; TOSA has f32 and bf16 tensors of OCP MX floats in blocks of 32 along the last dimension, with scales of f8E8M0FNU}}
  %0 = qfmt.dequantize %x : tensor<4x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = f8E8M0FNU>> to tensor<4x64xf32>
  return %0 : tensor<4x64xf32>
}

// -----

func.func @integer_format(%x: tensor<4xf32>) {
  // expected-error @below {{'qfmt.quantize' op has 'tensor<4xf32, #qfmt.scaled<i8, scale = 5.000000e-01>>'; TOSA has}}
  %0 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>>
  return
}

// -----

#mx = #qfmt.scaled<f4E2M1FN, block = [32], scale = f8E8M0FNU>
// expected-error @below {{'func.func' op has 'tensor<40xf32, #qfmt.scaled<f4E2M1FN, block = [32], scale = f8E8M0FNU>>', in TOSA the last dimension is a multiple of 32; pad it}}
func.func private @partial_block(tensor<40xf32, #mx>)

// -----

#mx = #qfmt.scaled<f4E2M1FN, block = [32], scale = f8E8M0FNU>
func.func @scale_rule(%x: tensor<64xf32>) -> tensor<64xf32, #mx> {
  // expected-error @below {{'qfmt.quantize' op chooses scales as TOSA does not: 'tosa.cast_to_block_scaled' is scale_rule = ceil_log2 for f8E4M3FN, and no rule of qfmt for other formats}}
  %0 = qfmt.quantize %x scale_rule = floor_log2 : tensor<64xf32> to tensor<64xf32, #mx>
  return %0 : tensor<64xf32, #mx>
}

// -----

#mx = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
func.func @move(%x: tensor<4x64xf32, #mx>) {
  // expected-error @below {{'tensor.extract_slice' op has encoded tensors and is not converted: move their constituents}}
  %0 = tensor.extract_slice %x[0, 0] [2, 64] [1, 1] : tensor<4x64xf32, #mx> to tensor<2x64xf32, #mx>
  return
}

// -----

#map = affine_map<(d0) -> (d0)>
func.func @two_of_one_input(%x: tensor<4xi32>, %y: tensor<4xi32>) -> tensor<4xi32> {
  %m = arith.constant 3 : i32
  %n = arith.constant 45 : i32
  %0 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : tensor<4xi32>) outs(%y : tensor<4xi32>) {
  ^bb0(%a: i32, %b: i32):
    // expected-error @below {{'qfmt.dyadic_scale' op is no rescale of a tensor by constants}}
    %1 = qfmt.dyadic_scale %a, %m, %n rounding = half_up : i32, i32, i32 to i32
    %2 = qfmt.dyadic_scale %a, %m, %n rounding = half_up : i32, i32, i32 to i32
    linalg.yield %2 : i32
  } -> tensor<4xi32>
  return %0 : tensor<4xi32>
}
