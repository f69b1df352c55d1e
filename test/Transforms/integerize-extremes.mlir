// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false accumulator-bits=64},canonicalize,cse,qfmt-verify-level{level=integer})' | FileCheck %s

// Values at the ends of what integers hold.

#act = #qfmt.scaled<i8, scale = 0.5>
#wide = #qfmt.scaled<i16, scale = 0.5>
#nibbles = #qfmt.scaled<ui4, scale = 0.5, zero_point = 3>
#coarse = #qfmt.scaled<i16, scale = 65536.0>
#tiny = #qfmt.scaled<i8, scale = 1.0e-13>
#huge = #qfmt.scaled<i8, scale = 1.0e13>

// CHECK-LABEL: func.func @wraps_around
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.trunci %{{.*}} : i16 to i8
// CHECK-NEXT: linalg.yield
func.func @wraps_around(%a: tensor<4xf32, #wide>) -> tensor<4xf32, #act> {
  %0 = qfmt.convert %a overflow = wrap : tensor<4xf32, #wide> to tensor<4xf32, #act>
  return %0 : tensor<4xf32, #act>
}

// The lowest float and -infinity start a maximum alike: at the lowest code, in bytes.
// CHECK-LABEL: func.func @lowest_float
// CHECK: linalg.fill ins(%c-128_i8 : i8)
// CHECK: arith.maxsi %{{.*}} : i8
// CHECK-NOT: dyadic_scale
// CHECK: return
func.func @lowest_float(%a: tensor<2x2xf32, #act>) -> tensor<2xf32, #act> {
  %init = arith.constant dense<-3.40282347E+38> : tensor<2xf32>
  %0 = linalg.reduce { arith.maximumf } ins(%a : tensor<2x2xf32, #act>) outs(%init : tensor<2xf32>) dimensions = [1]
  %1 = qfmt.quantize %0 : tensor<2xf32> to tensor<2xf32, #act>
  return %1 : tensor<2xf32, #act>
}

// Beside -infinity, 1000 = 2000 * 0.5 needs 16 bits.
// CHECK-LABEL: func.func @mixed_starts
// CHECK: arith.constant dense<[-128, 2000]> : tensor<2xi16>
func.func @mixed_starts(%a: tensor<2x2xf32, #act>) -> tensor<2xf32, #act> {
  %init = arith.constant dense<[0xFF800000, 1000.0]> : tensor<2xf32>
  %0 = linalg.reduce { arith.maximumf } ins(%a : tensor<2x2xf32, #act>) outs(%init : tensor<2xf32>) dimensions = [1]
  %1 = qfmt.quantize %0 : tensor<2xf32> to tensor<2xf32, #act>
  return %1 : tensor<2xf32, #act>
}

// Of an accumulator of 34 bits dyadic_scale takes 32: those that do not saturate, ...
// CHECK-LABEL: func.func @clamped_accumulator
// CHECK: arith.addi %{{.*}} : i64
// CHECK: arith.maxsi %{{.*}}, %c-65540_i64 : i64
// CHECK: arith.minsi %{{.*}}, %c65538_i64 : i64
// CHECK-NOT: arith.shrsi
// CHECK: qfmt.dyadic_scale
func.func @clamped_accumulator(%a: tensor<4x4xf32, #wide>, %b: tensor<4x4xf32, #wide>) -> tensor<4x4xf32, #wide> {
  %init = arith.constant dense<0.0> : tensor<4x4xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<4x4xf32, #wide>, tensor<4x4xf32, #wide>) outs(%init : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = qfmt.quantize %0 : tensor<4x4xf32> to tensor<4x4xf32, #wide>
  return %1 : tensor<4x4xf32, #wide>
}

// ... or, if none does, the upper ones.
// CHECK-LABEL: func.func @wide_accumulator
// CHECK: arith.addi %{{.*}} : i64
// CHECK: arith.addi %{{.*}}, %c2_i64 : i64
// CHECK: arith.shrsi %{{.*}}, %c2_i64 : i64
// CHECK: qfmt.dyadic_scale
func.func @wide_accumulator(%a: tensor<4x4xf32, #wide>, %b: tensor<4x4xf32, #wide>) -> tensor<4x4xf32, #coarse> {
  %init = arith.constant dense<0.0> : tensor<4x4xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<4x4xf32, #wide>, tensor<4x4xf32, #wide>) outs(%init : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = qfmt.quantize %0 : tensor<4x4xf32> to tensor<4x4xf32, #coarse>
  return %1 : tensor<4x4xf32, #coarse>
}

// Infinities and what is far beyond the codes saturate, NaN is 0, ties go where `rounding` says.
// CHECK-LABEL: func.func @constants
// CHECK-DAG: dense<[1152921504606846976, 127, -128, 0, 3]> : tensor<5xi64>
// CHECK-DAG: dense<[2, -2]> : tensor<2xi32>
func.func @constants() -> (tensor<5xf32, #act>, tensor<2xf32, #act>) {
  %0 = arith.constant dense<[1.0e38, 0x7F800000, 0xFF800000, 0x7FC00000, 1.25]> : tensor<5xf32>
  %1 = qfmt.quantize %0 rounding = half_up : tensor<5xf32> to tensor<5xf32, #act>
  %2 = arith.constant dense<[1.25, -1.25]> : tensor<2xf32>
  %3 = qfmt.quantize %2 rounding = toward_zero : tensor<2xf32> to tensor<2xf32, #act>
  return %1, %3 : tensor<5xf32, #act>, tensor<2xf32, #act>
}

// 1e-13 beside 1e13 rounds to 0; it is not an error, and not undefined.
// CHECK-LABEL: func.func @far_apart
// CHECK: %[[SMALL:.*]] = qfmt.dyadic_scale %{{.*}}, %c1_i32, %c62_i32
func.func @far_apart(%a: tensor<4xf32, #tiny>, %b: tensor<4xf32, #huge>) -> tensor<4xf32, #huge> {
  %empty = tensor.empty() : tensor<4xf32>
  %0 = linalg.add ins(%a, %b : tensor<4xf32, #tiny>, tensor<4xf32, #huge>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  %1 = qfmt.quantize %0 : tensor<4xf32> to tensor<4xf32, #huge>
  return %1 : tensor<4xf32, #huge>
}

// Codes keep their width and their zero point when transposed.
// CHECK-LABEL: func.func @transposed_codes
// CHECK: qfmt.assemble %{{.*}} : tensor<3x2xi4> to tensor<3x2xf32
func.func @transposed_codes(%a: tensor<2x3xf32, #nibbles>) -> tensor<3x2xf32, #nibbles> {
  %empty = tensor.empty() : tensor<3x2xf32, #nibbles>
  %0 = linalg.transpose ins(%a : tensor<2x3xf32, #nibbles>) outs(%empty : tensor<3x2xf32, #nibbles>) permutation = [1, 0]
  return %0 : tensor<3x2xf32, #nibbles>
}
