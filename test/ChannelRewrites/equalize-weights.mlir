// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-equalize-weights{verify-equivalence})" --mlir-print-local-scope 2>&1 | FileCheck %s
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-equalize-weights{power-of-two verify-equivalence})" --mlir-print-local-scope 2>&1 | FileCheck %s --check-prefix=TWO

// s = sqrt(8/2), sqrt(1/4), and 1 where no weight reads the channel: weights of 4, 2 on both sides.
// CHECK: remark: equalize-weights: scale of 3 channels, folded into 3 operations
// CHECK: remark: equivalent: {{.*}} of the largest result; with rounded constants 0.00e+00
// CHECK: {{^}}module
// CHECK-DAG: arith.constant dense<{{\[\[}}4.000000e+00, 2.000000e+00, 3.000000e+00], [2.000000e+00, 0.000000e+00, 1.000000e+00]]>
// CHECK-DAG: arith.constant dense<[1.000000e+00, 4.000000e+00, 1.000000e+00]>
// CHECK-DAG: arith.constant dense<{{\[\[}}4.000000e+00], [-2.000000e+00], [0.000000e+00]]>
// TWO: equivalent: 0.00e+00 of the largest result; with rounded constants 0.00e+00
func.func @relu(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %zero = arith.constant 0.0 : f32
  %a = arith.constant dense<[[8.0, 1.0, 3.0], [4.0, 0.0, 1.0]]> : tensor<2x3xf32>
  %bias = arith.constant dense<[2.0, 2.0, 1.0]> : tensor<3xf32>
  %b = arith.constant dense<[[2.0], [-4.0], [0.0]]> : tensor<3x1xf32>
  %0 = tensor.empty() : tensor<4x3xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<4x3xf32>) -> tensor<4x3xf32>
  %2 = linalg.matmul ins(%x, %a : tensor<4x2xf32>, tensor<2x3xf32>) outs(%1 : tensor<4x3xf32>) -> tensor<4x3xf32>
  %3 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
      iterator_types = ["parallel", "parallel"]} ins(%2, %bias : tensor<4x3xf32>, tensor<3xf32>) outs(%0 : tensor<4x3xf32>) {
  ^bb0(%in: f32, %add: f32, %out: f32):
    %sum = arith.addf %in, %add : f32
    linalg.yield %sum : f32
  } -> tensor<4x3xf32>
  %relu = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>],
      iterator_types = ["parallel", "parallel"]} ins(%3 : tensor<4x3xf32>) outs(%0 : tensor<4x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<4x3xf32>
  %4 = tensor.empty() : tensor<4x1xf32>
  %5 = linalg.fill ins(%zero : f32) outs(%4 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %6 = linalg.matmul ins(%relu, %b : tensor<4x3xf32>, tensor<3x1xf32>) outs(%5 : tensor<4x1xf32>) -> tensor<4x1xf32>
  return %6 : tensor<4x1xf32>
}
