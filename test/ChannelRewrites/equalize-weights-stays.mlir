// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-equalize-weights)" 2>&1 | FileCheck %s

// tanh(x / s) is not tanh(x) / s.
// CHECK-NOT: remark
// CHECK: {{^}}module
// CHECK-DAG: arith.constant dense<[{{\[}}8.000000e+00, 1.000000e+00]]>
// CHECK-DAG: arith.constant dense<[{{\[}}1.000000e+00], [4.000000e+00]]>
func.func @tanh(%x: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %zero = arith.constant 0.0 : f32
  %a = arith.constant dense<[[8.0, 1.0]]> : tensor<1x2xf32>
  %b = arith.constant dense<[[1.0], [4.0]]> : tensor<2x1xf32>
  %0 = tensor.empty() : tensor<4x2xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = linalg.matmul ins(%x, %a : tensor<4x1xf32>, tensor<1x2xf32>) outs(%1 : tensor<4x2xf32>) -> tensor<4x2xf32>
  %3 = linalg.tanh ins(%2 : tensor<4x2xf32>) outs(%0 : tensor<4x2xf32>) -> tensor<4x2xf32>
  %4 = tensor.empty() : tensor<4x1xf32>
  %5 = linalg.fill ins(%zero : f32) outs(%4 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %6 = linalg.matmul ins(%3, %b : tensor<4x2xf32>, tensor<2x1xf32>) outs(%5 : tensor<4x1xf32>) -> tensor<4x1xf32>
  return %6 : tensor<4x1xf32>
}
