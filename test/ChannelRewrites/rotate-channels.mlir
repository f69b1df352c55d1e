// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-rotate-channels{seed=0 verify-equivalence})" --mlir-print-local-scope 2>&1 | FileCheck %s
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-rotate-channels{seed=0 materialize=false})" --mlir-print-local-scope 2>&1 | FileCheck %s --check-prefix=FOLD
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-rotate-channels{seed=0 block=2})" 2>&1 | FileCheck %s --check-prefix=TWO

// The argument is rotated at run time, what lies between the layers by their weights.
// CHECK: remark: rotate-channels: rotation of 4 channels, folded into {{.*}}, 1 added that compute 12 elements (an argument of the function has these channels)
// CHECK: remark: rotate-channels: rotation of 4 channels, folded into 2 operations
// CHECK-NOT: added
// CHECK: remark: equivalent:
// CHECK: {{^}}module
// CHECK-DAG: arith.constant dense<{{\[\[}}4.000000e+00], [0.000000e+00], [0.000000e+00], [0.000000e+00]]>

// FOLD: remark: rotate-channels: the rotation of 4 channels is refused: an argument of the function has these channels
// FOLD: remark: rotate-channels: rotation of 4 channels, folded into 2 operations
// FOLD: arith.constant dense<{{\[\[}}2.000000e+00, 2.000000e+00, 2.000000e+00, 2.000000e+00], [4.000000e+00,

// TWO: rotation of 4 channels
// TWO: arith.constant dense<{{\[\[}}2.82842708], [0.000000e+00], [2.82842708], [0.000000e+00]]>
func.func @layers(%x: tensor<3x4xf32>) -> tensor<3x1xf32> {
  %zero = arith.constant 0.0 : f32
  %a = arith.constant dense<[[4.0, 0.0, 0.0, 0.0], [0.0, 8.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 6.0]]> : tensor<4x4xf32>
  %b = arith.constant dense<2.0> : tensor<4x1xf32>
  %0 = tensor.empty() : tensor<3x4xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = linalg.matmul ins(%x, %a : tensor<3x4xf32>, tensor<4x4xf32>) outs(%1 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %3 = tensor.empty() : tensor<3x1xf32>
  %4 = linalg.fill ins(%zero : f32) outs(%3 : tensor<3x1xf32>) -> tensor<3x1xf32>
  %5 = linalg.matmul ins(%2, %b : tensor<3x4xf32>, tensor<4x1xf32>) outs(%4 : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %5 : tensor<3x1xf32>
}
