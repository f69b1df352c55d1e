// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-keys{block=2 verify-equivalence})" --mlir-print-local-scope 2>&1 | FileCheck %s
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-keys{block=2 side=left})" 2>&1 | FileCheck %s --check-prefix=LEFT
// RUN: qfmt-opt %S/Inputs/fused.mlir --pass-pipeline="builtin.module(qfmt-sort-keys{block=2})" 2>&1 | FileCheck %s --check-prefix=FUSED
// RUN: qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-keys{block=4})" 2>&1 | FileCheck %s --check-prefix=WHOLE

// The keys' weights have norms 1, 9, 2, 8; queries follow.
// CHECK: remark: sort-keys: sorting changes the squared rounding errors of keys by a factor of {{[0-8]}}
// CHECK: remark: sort-keys: permutation of 4 channels, folded into 2 operations
// CHECK: remark: sort-keys: the channels summed over stay: an argument of the function has these channels
// CHECK: {{^}}module
// CHECK-DAG: arith.constant dense<{{\[\[}}1.000000e+00, 4.000000e+00, 2.000000e+00, 3.000000e+00]]>
// CHECK-DAG: arith.constant dense<{{\[\[}}9.000000e+00, -8.000000e+00, 2.000000e+00, 1.000000e+00]]>
// By the norms of queries instead: these are 4, 3, 2, 1 then.
// LEFT-DAG: arith.constant dense<{{\[\[}}4.000000e+00, 3.000000e+00, 2.000000e+00, 1.000000e+00]]>
// LEFT-DAG: arith.constant dense<{{\[\[}}-8.000000e+00, 1.000000e+00, 2.000000e+00, 9.000000e+00]]>
// Queries and keys of one layer.
// FUSED: remark: sort-keys: the channels summed over stay: one layer computes both factors
// FUSED-NOT: permutation of
// WHOLE: remark: sort-keys: the channels summed over stay: sorted ones would be rounded no better
// WHOLE-NOT: permutation of
func.func @scores(%x: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %zero = arith.constant 0.0 : f32
  %wq = arith.constant dense<[[3.0, 1.0, 2.0, 4.0]]> : tensor<1x4xf32>
  %wk = arith.constant dense<[[1.0, 9.0, 2.0, -8.0]]> : tensor<1x4xf32>
  %e = tensor.empty() : tensor<3x4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %q = linalg.matmul ins(%x, %wq : tensor<3x1xf32>, tensor<1x4xf32>) outs(%z : tensor<3x4xf32>) -> tensor<3x4xf32>
  %k = linalg.matmul ins(%x, %wk : tensor<3x1xf32>, tensor<1x4xf32>) outs(%z : tensor<3x4xf32>) -> tensor<3x4xf32>
  %te = tensor.empty() : tensor<4x3xf32>
  %t = linalg.transpose ins(%k : tensor<3x4xf32>) outs(%te : tensor<4x3xf32>) permutation = [1, 0]
  %se = tensor.empty() : tensor<3x3xf32>
  %sz = linalg.fill ins(%zero : f32) outs(%se : tensor<3x3xf32>) -> tensor<3x3xf32>
  %s = linalg.matmul ins(%q, %t : tensor<3x4xf32>, tensor<4x3xf32>) outs(%sz : tensor<3x3xf32>) -> tensor<3x3xf32>
  %r = linalg.exp ins(%s : tensor<3x3xf32>) outs(%se : tensor<3x3xf32>) -> tensor<3x3xf32>
  // Sums over positions, which no layer computes.
  %ye = tensor.empty() : tensor<3x1xf32>
  %yz = linalg.fill ins(%zero : f32) outs(%ye : tensor<3x1xf32>) -> tensor<3x1xf32>
  %y = linalg.matmul ins(%r, %x : tensor<3x3xf32>, tensor<3x1xf32>) outs(%yz : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}
