// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-qfmt-to-arith-scaling --split-input-file | FileCheck %s

// A blocked dimension is split, so that its scales can be broadcast.

// CHECK-DAG: #[[G:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: func.func @blocks
// CHECK-SAME: (%[[D:.*]]: tensor<4x64xf4E2M1FN>, %[[S:.*]]: tensor<4x2xf8E8M0FNU>)
// CHECK: %[[X:.*]] = tensor.expand_shape %[[D]] {{\[\[}}0], [1, 2]] output_shape [4, 2, 32]
// CHECK: %[[T:.*]] = linalg.generic {indexing_maps = [#[[G]], #{{.*}}], {{.*}}} ins(%[[S]] : tensor<4x2xf8E8M0FNU>)
// CHECK: %[[Y:.*]] = arith.scaling_extf %[[X]], %[[T]] : tensor<4x2x32xf4E2M1FN>, tensor<4x2x32xf8E8M0FNU> to tensor<4x2x32xf32>
// CHECK: tensor.collapse_shape %[[Y]] {{\[\[}}0], [1, 2]] : tensor<4x2x32xf32> into tensor<4x64xf32>
#mx = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
func.func @blocks(%x: tensor<4x64xf32, #mx>) -> tensor<4x64xf32> {
  %0 = qfmt.dequantize %x : tensor<4x64xf32, #mx> to tensor<4x64xf32>
  return %0 : tensor<4x64xf32>
}

// -----

// CHECK-DAG: #[[G:.*]] = affine_map<(d0, d1) -> (d0, 0)>
// CHECK-LABEL: func.func @rows
// CHECK-SAME: (%{{[a-z0-9]+}}: tensor<?x64xf32>, %[[S:[a-z0-9]+]]: tensor<?x1xf8E8M0FNU>) -> (tensor<?x64xf8E4M3FN>, tensor<?x1xf8E8M0FNU>)
// CHECK: linalg.generic {indexing_maps = [#[[G]], #{{.*}}], {{.*}}} ins(%[[S]] :
// CHECK: %[[Y:.*]] = arith.scaling_truncf %{{.*}}, %{{.*}} downward : tensor<?x64xf32>, tensor<?x64xf8E8M0FNU> to tensor<?x64xf8E4M3FN>
// CHECK: return %[[Y]], %[[S]]
#rows = #qfmt.scaled<f8E4M3FN, block = [1, *], scale = f8E8M0FNU>
func.func @rows(%x: tensor<?x64xf32>, %s: tensor<?x1xf8E8M0FNU>) -> tensor<?x64xf32, #rows> {
  %0 = qfmt.quantize %x given(%s : tensor<?x1xf8E8M0FNU>) rounding = floor overflow = infinity nan = propagate : tensor<?x64xf32> to tensor<?x64xf32, #rows>
  return %0 : tensor<?x64xf32, #rows>
}

// -----

// A format with neither infinity nor NaN saturates in arith, too.

// CHECK-LABEL: func.func @static
// CHECK: %[[S:.*]] = arith.constant dense<2.500000e-01> : tensor<4xf8E8M0FNU>
// CHECK: arith.scaling_truncf %{{.*}}, %[[S]] to_nearest_even : tensor<4xbf16>, tensor<4xf8E8M0FNU> to tensor<4xf6E3M2FN>
#q = #qfmt.scaled<f6E3M2FN, scale = 0.25>
func.func @static(%x: tensor<4xbf16>) -> tensor<4xbf16, #q> {
  %0 = qfmt.quantize %x : tensor<4xbf16> to tensor<4xbf16, #q>
  return %0 : tensor<4xbf16, #q>
}

// -----

// CHECK-LABEL: func.func @linalg_input
// CHECK: %[[X:.*]] = arith.scaling_extf
// CHECK: linalg.exp ins(%[[X]] : tensor<4xf32>)
#q = #qfmt.scaled<f8E5M2, block = [1], scale = f8E8M0FNU>
func.func @linalg_input(%x: tensor<4xf32, #q>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.exp ins(%x : tensor<4xf32, #q>) outs(%y : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
