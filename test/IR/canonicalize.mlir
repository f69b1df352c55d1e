// Folders. None changes a number; what could is left alone.
//
// RUN: qfmt-opt %s -canonicalize | FileCheck %s

!i8 = tensor<4xf32, #qfmt.scaled<i8, scale = 0.1, zero_point = 3>>
!rows = tensor<4x4xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>

//===----------------------------------------------------------------------===//
// quantize(dequantize(q))
//===----------------------------------------------------------------------===//

// A code of an integer format with a static scale survives being read.
// CHECK-LABEL: func.func @fold_round_trip(
// CHECK-SAME: %[[Q:.*]]: tensor
// CHECK-NEXT: return %[[Q]]
func.func @fold_round_trip(%q: !i8) -> !i8 {
  %x = qfmt.dequantize %q : !i8 to tensor<4xf32>
  %r = qfmt.quantize %x : tensor<4xf32> to !i8
  return %r : !i8
}

// CHECK-LABEL: func.func @fold_round_trip_other_ties(
// CHECK-SAME: %[[Q:.*]]: tensor
// CHECK-NEXT: return %[[Q]], %[[Q]]
func.func @fold_round_trip_other_ties(%q: !i8) -> (!i8, !i8) {
  %x = qfmt.dequantize %q : !i8 to tensor<4xf32>
  %r = qfmt.quantize %x rounding = half_away overflow = wrap : tensor<4xf32> to !i8
  %s = qfmt.quantize %x rounding = half_up nan = propagate : tensor<4xf32> to !i8
  return %r, %s : !i8, !i8
}

// 3 * 0.1 rounds up or down on the way; floor would make the code smaller.
// CHECK-LABEL: func.func @keep_round_trip_of_directed_rounding
// CHECK: qfmt.dequantize
// CHECK: qfmt.quantize %{{.*}} rounding = floor
// CHECK: qfmt.quantize %{{.*}} rounding = ceil
// CHECK: qfmt.quantize %{{.*}} rounding = toward_zero
func.func @keep_round_trip_of_directed_rounding(%q: !i8) -> (!i8, !i8, !i8) {
  %x = qfmt.dequantize %q : !i8 to tensor<4xf32>
  %r = qfmt.quantize %x rounding = floor : tensor<4xf32> to !i8
  %s = qfmt.quantize %x rounding = ceil : tensor<4xf32> to !i8
  %t = qfmt.quantize %x rounding = toward_zero : tensor<4xf32> to !i8
  return %r, %s, %t : !i8, !i8, !i8
}

// So does a seed: fl(k * s) / s is next to k, and a random number decides.
// CHECK-LABEL: func.func @keep_round_trip_of_stochastic_rounding
// CHECK: qfmt.dequantize
// CHECK: qfmt.quantize %{{.*}} stochastic = 1
func.func @keep_round_trip_of_stochastic_rounding(%q: !i8) -> !i8 {
  %x = qfmt.dequantize %q : !i8 to tensor<4xf32>
  %r = qfmt.quantize %x stochastic = 1 : tensor<4xf32> to !i8
  return %r : !i8
}

// -128 becomes -127.
// CHECK-LABEL: func.func @keep_round_trip_of_symmetric_saturation
// CHECK: qfmt.quantize
// CHECK: qfmt.convert
func.func @keep_round_trip_of_symmetric_saturation(%q: !i8) -> (!i8, !i8) {
  %x = qfmt.dequantize %q : !i8 to tensor<4xf32>
  %r = qfmt.quantize %x overflow = saturate_symmetric : tensor<4xf32> to !i8
  %s = qfmt.convert %q overflow = saturate_symmetric : !i8 to !i8
  return %r, %s : !i8, !i8
}

// So does the code -128 of a range without it.
!narrow = tensor<4xf32, #qfmt.scaled<!qfmt.int<i8, -127, 127>, scale = 0.1>>
// CHECK-LABEL: func.func @keep_round_trip_of_a_narrow_range
// CHECK: qfmt.quantize
// CHECK: qfmt.convert
func.func @keep_round_trip_of_a_narrow_range(%q: !narrow) -> (!narrow, !narrow) {
  %x = qfmt.dequantize %q : !narrow to tensor<4xf32>
  %r = qfmt.quantize %x : tensor<4xf32> to !narrow
  %s = qfmt.convert %q : !narrow to !narrow
  return %r, %s : !narrow, !narrow
}

// Given constituents may be others than those that were read.
// CHECK-LABEL: func.func @keep_round_trip_with_given_scale
// CHECK: qfmt.quantize
// CHECK: qfmt.convert
func.func @keep_round_trip_with_given_scale(%q: !rows, %s: tensor<4x1xf32>) -> (!rows, !rows) {
  %x = qfmt.dequantize %q : !rows to tensor<4x4xf32>
  %r = qfmt.quantize %x given(%s : tensor<4x1xf32>) : tensor<4x4xf32> to !rows
  %t = qfmt.convert %q given(%s : tensor<4x1xf32>) : !rows to !rows
  return %r, %t : !rows, !rows
}

// The format changes.
// CHECK-LABEL: func.func @keep_change_of_format
// CHECK: qfmt.dequantize
// CHECK: qfmt.quantize
func.func @keep_change_of_format(%q: !i8) -> tensor<4xf32, #qfmt.scaled<i8, scale = 0.2, zero_point = 3>> {
  %x = qfmt.dequantize %q : !i8 to tensor<4xf32>
  %r = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.2, zero_point = 3>>
  return %r : tensor<4xf32, #qfmt.scaled<i8, scale = 0.2, zero_point = 3>>
}

// The new scale is that of the values that occur, not the old one.
// CHECK-LABEL: func.func @keep_round_trip_with_run_time_scale
// CHECK: qfmt.dequantize
// CHECK: qfmt.quantize
func.func @keep_round_trip_with_run_time_scale(%q: !rows) -> !rows {
  %x = qfmt.dequantize %q : !rows to tensor<4x4xf32>
  %r = qfmt.quantize %x : tensor<4x4xf32> to !rows
  return %r : !rows
}

// f16 holds 16-bit codes times a scale with too few bits.
// CHECK-LABEL: func.func @keep_round_trip_through_f16
// CHECK: qfmt.dequantize
// CHECK: qfmt.quantize
func.func @keep_round_trip_through_f16(%q: tensor<4xf16, #qfmt.scaled<i16, scale = 0.1>>) -> tensor<4xf16, #qfmt.scaled<i16, scale = 0.1>> {
  %x = qfmt.dequantize %q : tensor<4xf16, #qfmt.scaled<i16, scale = 0.1>> to tensor<4xf16>
  %r = qfmt.quantize %x : tensor<4xf16> to tensor<4xf16, #qfmt.scaled<i16, scale = 0.1>>
  return %r : tensor<4xf16, #qfmt.scaled<i16, scale = 0.1>>
}

// A scale near the end of f32's range: the product is subnormal or infinite.
// CHECK-LABEL: func.func @keep_round_trip_near_the_ends_of_f32
// CHECK-COUNT-2: qfmt.quantize
func.func @keep_round_trip_near_the_ends_of_f32(%p: tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e-44>>, %q: tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e38>>)
    -> (tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e-44>>, tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e38>>) {
  %x = qfmt.dequantize %p : tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e-44>> to tensor<4xf32>
  %r = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e-44>>
  %y = qfmt.dequantize %q : tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e38>> to tensor<4xf32>
  %s = qfmt.quantize %y : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e38>>
  return %r, %s : tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e-44>>, tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e38>>
}

// Two codes may denote the same number (-0 and 0).
// CHECK-LABEL: func.func @keep_round_trip_of_floats
// CHECK: qfmt.quantize
func.func @keep_round_trip_of_floats(%q: tensor<4xf32, #qfmt.scaled<f8E4M3FN, scale = 0.1>>) -> tensor<4xf32, #qfmt.scaled<f8E4M3FN, scale = 0.1>> {
  %x = qfmt.dequantize %q : tensor<4xf32, #qfmt.scaled<f8E4M3FN, scale = 0.1>> to tensor<4xf32>
  %r = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<f8E4M3FN, scale = 0.1>>
  return %r : tensor<4xf32, #qfmt.scaled<f8E4M3FN, scale = 0.1>>
}

// dequantize(quantize(x)) rounds: it is not x.
// CHECK-LABEL: func.func @keep_rounding
// CHECK: qfmt.quantize
// CHECK: qfmt.dequantize
func.func @keep_rounding(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = qfmt.quantize %x : tensor<4xf32> to !i8
  %y = qfmt.dequantize %q : !i8 to tensor<4xf32>
  return %y : tensor<4xf32>
}

//===----------------------------------------------------------------------===//
// convert
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @fold_convert_to_itself(
// CHECK-SAME: %[[Q:.*]]: tensor
// CHECK-NEXT: return %[[Q]]
func.func @fold_convert_to_itself(%q: !i8) -> !i8 {
  %r = qfmt.convert %q rounding = floor : !i8 to !i8
  return %r : !i8
}

// The exact quotient is the code: there is nothing random.
// CHECK-LABEL: func.func @fold_stochastic_convert_to_itself(
// CHECK-SAME: %[[Q:.*]]: tensor
// CHECK-NEXT: return %[[Q]]
func.func @fold_stochastic_convert_to_itself(%q: !i8) -> !i8 {
  %r = qfmt.convert %q stochastic = 1 : !i8 to !i8
  return %r : !i8
}

// CHECK-LABEL: func.func @keep_convert_with_run_time_scale
// CHECK: qfmt.convert
func.func @keep_convert_with_run_time_scale(%q: !rows) -> !rows {
  %r = qfmt.convert %q : !rows to !rows
  return %r : !rows
}

// CHECK-LABEL: func.func @keep_convert_to_another_format
// CHECK: qfmt.convert
func.func @keep_convert_to_another_format(%q: !i8) -> tensor<4xf32, #qfmt.scaled<i4, scale = 0.1>> {
  %r = qfmt.convert %q : !i8 to tensor<4xf32, #qfmt.scaled<i4, scale = 0.1>>
  return %r : tensor<4xf32, #qfmt.scaled<i4, scale = 0.1>>
}

//===----------------------------------------------------------------------===//
// assemble and constituents
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @fold_assemble_of_constituents(
// CHECK-SAME: %[[Q:.*]]: tensor
// CHECK-NEXT: return %[[Q]]
func.func @fold_assemble_of_constituents(%q: !rows) -> !rows {
  %c, %s = qfmt.constituents %q : !rows to tensor<4x4xi8>, tensor<4x1xf32>
  %r = qfmt.assemble %c, %s : tensor<4x4xi8>, tensor<4x1xf32> to !rows
  return %r : !rows
}

// CHECK-LABEL: func.func @fold_constituents_of_assemble(
// CHECK-SAME: %[[C:.*]]: tensor<4x4xi8>, %[[S:.*]]: tensor<4x1xf32>
// CHECK-NEXT: return %[[C]], %[[S]]
func.func @fold_constituents_of_assemble(%c: tensor<4x4xi8>, %s: tensor<4x1xf32>) -> (tensor<4x4xi8>, tensor<4x1xf32>) {
  %q = qfmt.assemble %c, %s : tensor<4x4xi8>, tensor<4x1xf32> to !rows
  %d, %t = qfmt.constituents %q : !rows to tensor<4x4xi8>, tensor<4x1xf32>
  return %d, %t : tensor<4x4xi8>, tensor<4x1xf32>
}

// The codes of one tensor with the scales of another.
// CHECK-LABEL: func.func @keep_assemble_of_a_mixture
// CHECK: qfmt.assemble
func.func @keep_assemble_of_a_mixture(%p: !rows, %q: !rows) -> !rows {
  %c, %s = qfmt.constituents %p : !rows to tensor<4x4xi8>, tensor<4x1xf32>
  %d, %t = qfmt.constituents %q : !rows to tensor<4x4xi8>, tensor<4x1xf32>
  %r = qfmt.assemble %c, %t : tensor<4x4xi8>, tensor<4x1xf32> to !rows
  return %r : !rows
}

// The same codes read with another scale.
// CHECK-LABEL: func.func @keep_reinterpretation
// CHECK: qfmt.constituents
// CHECK: qfmt.assemble
func.func @keep_reinterpretation(%q: !i8) -> tensor<4xf32, #qfmt.scaled<i8, scale = 0.2>> {
  %c = qfmt.constituents %q : !i8 to tensor<4xi8>
  %r = qfmt.assemble %c : tensor<4xi8> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.2>>
  return %r : tensor<4xf32, #qfmt.scaled<i8, scale = 0.2>>
}

//===----------------------------------------------------------------------===//
// dyadic_scale
//===----------------------------------------------------------------------===//

// 5 / 2 and -5 / 2 in every rounding mode.
// CHECK-LABEL: func.func @fold_dyadic_rounding
// CHECK-DAG: %[[P3:.*]] = arith.constant 3 : i8
// CHECK-DAG: %[[P2:.*]] = arith.constant 2 : i8
// CHECK-DAG: %[[M3:.*]] = arith.constant -3 : i8
// CHECK-DAG: %[[M2:.*]] = arith.constant -2 : i8
// CHECK: call @six(%[[P2]], %[[P3]], %[[P3]], %[[P2]], %[[P2]], %[[P3]])
// CHECK: call @six(%[[M2]], %[[M3]], %[[M2]], %[[M2]], %[[M3]], %[[M2]])
func.func private @six(i8, i8, i8, i8, i8, i8)
func.func @fold_dyadic_rounding() {
  %five = arith.constant 5 : i32
  %minusFive = arith.constant -5 : i32
  %one = arith.constant 1 : i32
  %a = qfmt.dyadic_scale %five, %one, %one : i32, i32, i32 to i8
  %b = qfmt.dyadic_scale %five, %one, %one rounding = half_away : i32, i32, i32 to i8
  %c = qfmt.dyadic_scale %five, %one, %one rounding = half_up : i32, i32, i32 to i8
  %d = qfmt.dyadic_scale %five, %one, %one rounding = toward_zero : i32, i32, i32 to i8
  %e = qfmt.dyadic_scale %five, %one, %one rounding = floor : i32, i32, i32 to i8
  %f = qfmt.dyadic_scale %five, %one, %one rounding = ceil : i32, i32, i32 to i8
  call @six(%a, %b, %c, %d, %e, %f) : (i8, i8, i8, i8, i8, i8) -> ()
  %g = qfmt.dyadic_scale %minusFive, %one, %one : i32, i32, i32 to i8
  %h = qfmt.dyadic_scale %minusFive, %one, %one rounding = half_away : i32, i32, i32 to i8
  %i = qfmt.dyadic_scale %minusFive, %one, %one rounding = half_up : i32, i32, i32 to i8
  %j = qfmt.dyadic_scale %minusFive, %one, %one rounding = toward_zero : i32, i32, i32 to i8
  %k = qfmt.dyadic_scale %minusFive, %one, %one rounding = floor : i32, i32, i32 to i8
  %l = qfmt.dyadic_scale %minusFive, %one, %one rounding = ceil : i32, i32, i32 to i8
  call @six(%g, %h, %i, %j, %k, %l) : (i8, i8, i8, i8, i8, i8) -> ()
  return
}

// (C31) A result beyond its type saturates; the product has 64 bits.
// CHECK-LABEL: func.func @fold_dyadic_saturates
// CHECK-DAG: %[[MAX:.*]] = arith.constant 127 : i8
// CHECK-DAG: %[[MIN:.*]] = arith.constant -128 : i8
// CHECK-DAG: %[[WIDE:.*]] = arith.constant -4611686016279904256 : i64
// CHECK: return %[[MAX]], %[[MIN]], %[[WIDE]]
func.func @fold_dyadic_saturates() -> (i8, i8, i64) {
  %big = arith.constant 2147483647 : i32
  %lowest = arith.constant -2147483648 : i32
  %zero = arith.constant 0 : i32
  %a = qfmt.dyadic_scale %big, %big, %zero : i32, i32, i32 to i8
  %b = qfmt.dyadic_scale %lowest, %big, %zero : i32, i32, i32 to i8
  %c = qfmt.dyadic_scale %lowest, %big, %zero : i32, i32, i32 to i64
  return %a, %b, %c : i8, i8, i64
}

// (C30) Outside of its domain the result is poison; nothing is made up.
// CHECK-LABEL: func.func @keep_dyadic_outside_of_its_domain
// CHECK-COUNT-3: qfmt.dyadic_scale
func.func @keep_dyadic_outside_of_its_domain() -> (i8, i8, i8) {
  %one = arith.constant 1 : i32
  %negative = arith.constant -1 : i32
  %tooFar = arith.constant 63 : i32
  %tooBig = arith.constant 2147483649 : i64
  %a = qfmt.dyadic_scale %one, %negative, %one : i32, i32, i32 to i8
  %b = qfmt.dyadic_scale %one, %one, %tooFar : i32, i32, i32 to i8
  %c = qfmt.dyadic_scale %tooBig, %one, %one : i64, i32, i32 to i8
  return %a, %b, %c : i8, i8, i8
}

//===----------------------------------------------------------------------===//
// Unused operations go away: all of them are pure.
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @dead
// CHECK-NEXT: return
func.func @dead(%x: tensor<4xf32>, %n: i32) {
  %o = qfmt.observe %x "a" : tensor<4xf32>
  %q = qfmt.quantize %o : tensor<4xf32> to !i8
  %c = qfmt.constituents %q : !i8 to tensor<4xi8>
  %d = qfmt.dyadic_scale %n, %n, %n : i32, i32, i32 to i8
  return
}
