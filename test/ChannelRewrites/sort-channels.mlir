// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-channels{block=2 bits=8 verify-equivalence})" --mlir-print-local-scope 2>&1 | FileCheck %s
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-channels{block=4 bits=8})" 2>&1 | FileCheck %s --check-prefix=ONE

// Weights that read the channels: 1, -9, 2, 8.
// CHECK: remark: sort-channels: the permutation of 2 channels is refused: an argument of the function has these channels
// CHECK: remark: sort-channels: sorting changes the squared rounding errors by a factor of {{[0-8]}}
// CHECK: remark: sort-channels: permutation of 4 channels, folded into 2 operations
// CHECK: {{^}}module
// CHECK-DAG: arith.constant dense<{{\[\[}}2.000000e+00, 4.000000e+00, 3.000000e+00, 1.000000e+00], [6.000000e+00, 8.000000e+00, 7.000000e+00, 5.000000e+00]]>
// CHECK-DAG: arith.constant dense<{{\[\[}}-9.000000e+00], [8.000000e+00], [2.000000e+00], [1.000000e+00]]>
// One block: nothing to gain.
// ONE: channels stay, as sorting would change the squared rounding errors by a factor of 1.0
// ONE: arith.constant dense<{{\[\[}}1.000000e+00], [-9.000000e+00]
func.func @tanh(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  %zero = arith.constant 0.0 : f32
  %a = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %b = arith.constant dense<[[1.0], [-9.0], [2.0], [8.0]]> : tensor<4x1xf32>
  %0 = tensor.empty() : tensor<3x4xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = linalg.matmul ins(%x, %a : tensor<3x2xf32>, tensor<2x4xf32>) outs(%1 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %3 = linalg.tanh ins(%2 : tensor<3x4xf32>) outs(%0 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %4 = tensor.empty() : tensor<3x1xf32>
  %5 = linalg.fill ins(%zero : f32) outs(%4 : tensor<3x1xf32>) -> tensor<3x1xf32>
  %6 = linalg.matmul ins(%3, %b : tensor<3x4xf32>, tensor<4x1xf32>) outs(%5 : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %6 : tensor<3x1xf32>
}
