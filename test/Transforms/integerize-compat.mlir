// Requantization by the rules of other frameworks: multipliers, shifts and how they round.

// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,EVEN
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false compat=onnx},canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,EVEN
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false compat=hawq},canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,HAWQ
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false compat=tosa},canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,TOSA
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false compat=tflite},canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,TFLITE

#acc = #qfmt.scaled<i16, scale = 0.1>
#act = #qfmt.scaled<i8, scale = 0.3>
#coarse = #qfmt.scaled<i8, scale = 1.0e10>
#all = affine_map<(c, n) -> (c, n)>
#channel = affine_map<(c, n) -> (c)>

// 0.1f * 0.7f / 0.3f. HAWQ rounds the product to a float.
// CHECK-LABEL: func.func @one_scale
// EVEN-DAG: %[[M:.*]] = arith.constant 2004317988 : i32
// EVEN-DAG: %[[N:.*]] = arith.constant 33 : i32
// EVEN: qfmt.dyadic_scale %{{.*}}, %[[M]], %[[N]] : i32, i32, i32 to i32
// HAWQ-DAG: %[[M:.*]] = arith.constant 2004318000 : i32
// HAWQ-DAG: %[[N:.*]] = arith.constant 33 : i32
// HAWQ: qfmt.dyadic_scale %{{.*}}, %[[M]], %[[N]] : i32, i32, i32 to i32
// TOSA-DAG: %[[M:.*]] = arith.constant 2004317988 : i32
// TOSA-DAG: %[[N:.*]] = arith.constant 33 : i32
// TOSA: qfmt.dyadic_scale %{{.*}}, %[[M]], %[[N]] rounding = half_up : i32, i32, i32 to i32
// TFLITE-DAG: %[[M:.*]] = arith.constant 2004317988 : i32
// TFLITE-DAG: %[[N:.*]] = arith.constant 33 : i32
// TFLITE: qfmt.dyadic_scale %{{.*}}, %[[M]], %[[N]] double_rounding : i32, i32, i32 to i32
// CHECK: return
func.func @one_scale(%a: tensor<2x8xf32, #acc>) -> tensor<2x8xf32, #act> {
  %f = arith.constant dense<0.7> : tensor<2xf32>
  %e = tensor.empty() : tensor<2x8xf32>
  %p = linalg.generic {indexing_maps = [#all, #channel, #all], iterator_types = ["parallel", "parallel"]}
      ins(%a, %f : tensor<2x8xf32, #acc>, tensor<2xf32>) outs(%e : tensor<2x8xf32>) {
  ^bb0(%x: f32, %w: f32, %o: f32):
    %m = arith.mulf %x, %w : f32
    linalg.yield %m : f32
  } -> tensor<2x8xf32>
  %q = qfmt.quantize %p : tensor<2x8xf32> to tensor<2x8xf32, #act>
  return %q : tensor<2x8xf32, #act>
}

// 1/3 and 5/3: TFLite shifts the second channel left by 1 before it rounds twice; the others need no more than a smaller n.
// CHECK-LABEL: func.func @two_scales
// EVEN-DAG: arith.constant dense<[32, 30]> : tensor<2xi32>
// HAWQ-DAG: arith.constant dense<[32, 30]> : tensor<2xi32>
// TOSA-DAG: arith.constant dense<[32, 30]> : tensor<2xi32>
// TOSA: rounding = half_up
// TFLITE-DAG: arith.constant dense<[32, 31]> : tensor<2xi32>
// TFLITE-DAG: arith.constant dense<[0, 1]> : tensor<2xi32>
// TFLITE: %[[LEFT:.*]] = arith.shli
// TFLITE: qfmt.dyadic_scale %[[LEFT]], {{.*}} double_rounding
// CHECK: return
func.func @two_scales(%a: tensor<2x8xf32, #acc>) -> tensor<2x8xf32, #act> {
  %f = arith.constant dense<[1.0, 5.0]> : tensor<2xf32>
  %e = tensor.empty() : tensor<2x8xf32>
  %p = linalg.generic {indexing_maps = [#all, #channel, #all], iterator_types = ["parallel", "parallel"]}
      ins(%a, %f : tensor<2x8xf32, #acc>, tensor<2xf32>) outs(%e : tensor<2x8xf32>) {
  ^bb0(%x: f32, %w: f32, %o: f32):
    %m = arith.mulf %x, %w : f32
    linalg.yield %m : f32
  } -> tensor<2x8xf32>
  %q = qfmt.quantize %p : tensor<2x8xf32> to tensor<2x8xf32, #act>
  return %q : tensor<2x8xf32, #act>
}

// 0.3 / 0.1, a ratio of at least 1 and nothing below: TFLite's high multiplication rounds once, half up.
// CHECK-LABEL: func.func @larger
// EVEN: qfmt.dyadic_scale %{{.*}}, %{{.*}}, %{{.*}} : i32
// HAWQ: qfmt.dyadic_scale %{{.*}}, %{{.*}}, %{{.*}} : i32
// TOSA: rounding = half_up
// TFLITE-NOT: arith.shli
// TFLITE: rounding = half_up
// CHECK: return
func.func @larger(%a: tensor<8xf32, #act>) -> tensor<8xf32, #acc> {
  %0 = qfmt.convert %a : tensor<8xf32, #act> to tensor<8xf32, #acc>
  return %0 : tensor<8xf32, #acc>
}

// Below 2^-31 the shift ends at 62. TOSA cuts the multiplier off, qfmt rounds it; HAWQ and TFLite have 0.
// CHECK-LABEL: func.func @tiny
// EVEN-DAG: arith.constant 46116861 : i32
// EVEN-DAG: arith.constant 62 : i32
// TOSA-DAG: arith.constant 46116860 : i32
// TOSA-DAG: arith.constant 62 : i32
// HAWQ-NOT: constant {{[1-9].*}} : i32
// TFLITE-NOT: dyadic_scale {{.*}}double
// CHECK: return
func.func @tiny(%a: tensor<8xf32, #acc>) -> tensor<8xf32, #coarse> {
  %0 = qfmt.convert %a : tensor<8xf32, #acc> to tensor<8xf32, #coarse>
  return %0 : tensor<8xf32, #coarse>
}
