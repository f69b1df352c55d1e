// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-arith-scaling-to-qfmt --split-input-file | FileCheck %s

// A scale for each element.

// CHECK: #[[Q:.*]] = #qfmt.scaled<f8E5M2, block = [1, 1], scale = f8E8M0FNU>
// CHECK-LABEL: func.func @elements
// CHECK: %[[E:.*]] = qfmt.assemble %{{.*}}, %{{.*}} : tensor<4x?xf8E5M2>, tensor<4x?xf8E8M0FNU> to tensor<4x?xbf16, #[[Q]]>
// CHECK: qfmt.dequantize %[[E]] : tensor<4x?xbf16, #[[Q]]> to tensor<4x?xbf16>
func.func @elements(%x: tensor<4x?xf8E5M2>, %s: tensor<4x?xf8E8M0FNU>) -> tensor<4x?xbf16> {
  %0 = arith.scaling_extf %x, %s : tensor<4x?xf8E5M2>, tensor<4x?xf8E8M0FNU> to tensor<4x?xbf16>
  return %0 : tensor<4x?xbf16>
}

// -----

// A broadcast is a block, in both ways to write it.

// CHECK: #[[Q:.*]] = #qfmt.scaled<f4E2M1FN, block = [1, 1, *], scale = f8E8M0FNU>
// CHECK-LABEL: func.func @broadcast
// CHECK: %[[G:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [4, 2, 1] : tensor<4x2xf8E8M0FNU> into tensor<4x2x1xf8E8M0FNU>
// CHECK: qfmt.assemble %{{.*}}, %[[G]] : tensor<4x2x32xf4E2M1FN>, tensor<4x2x1xf8E8M0FNU> to tensor<4x2x32xf32, #[[Q]]>
// CHECK: qfmt.assemble %{{.*}}, %{{.*}} : tensor<4x2x32xf4E2M1FN>, tensor<4x2x1xf8E8M0FNU> to tensor<4x2x32xf32, #[[Q]]>
func.func @broadcast(%x: tensor<4x2x32xf4E2M1FN>, %s: tensor<4x2xf8E8M0FNU>, %t: tensor<4x2x1xf8E8M0FNU>, %y: tensor<4x2x32xf8E8M0FNU>) -> (tensor<4x2x32xf32>, tensor<4x2x32xf32>) {
  %0 = linalg.broadcast ins(%s : tensor<4x2xf8E8M0FNU>) outs(%y : tensor<4x2x32xf8E8M0FNU>) dimensions = [2]
  %1 = arith.scaling_extf %x, %0 : tensor<4x2x32xf4E2M1FN>, tensor<4x2x32xf8E8M0FNU> to tensor<4x2x32xf32>
  %2 = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, 0)>, affine_map<(a, b, c) -> (a, b, c)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%t : tensor<4x2x1xf8E8M0FNU>) outs(%y : tensor<4x2x32xf8E8M0FNU>) {
  ^bb0(%a: f8E8M0FNU, %b: f8E8M0FNU):
    linalg.yield %a : f8E8M0FNU
  } -> tensor<4x2x32xf8E8M0FNU>
  %3 = arith.scaling_extf %x, %2 : tensor<4x2x32xf4E2M1FN>, tensor<4x2x32xf8E8M0FNU> to tensor<4x2x32xf32>
  return %1, %3 : tensor<4x2x32xf32>, tensor<4x2x32xf32>
}

// -----

// One number is in the type; a NaN is not a number.

// CHECK-DAG: #[[Q:.*]] = #qfmt.scaled<f8E4M3FN, scale = 2.500000e-01>
// CHECK-DAG: #[[N:.*]] = #qfmt.scaled<f8E4M3FN, block = [1], scale = f8E8M0FNU>
// CHECK-LABEL: func.func @splat
// CHECK: %[[E:.*]] = qfmt.quantize %{{.*}} rounding = toward_zero overflow = infinity nan = propagate : tensor<4xf32> to tensor<4xf32, #[[Q]]>
// CHECK: qfmt.constituents %[[E]]
// CHECK: qfmt.quantize %{{.*}} given(%{{.*}} : tensor<4xf8E8M0FNU>) overflow = infinity nan = propagate : tensor<4xf32> to tensor<4xf32, #[[N]]>
func.func @splat(%x: tensor<4xf32>) -> (tensor<4xf8E4M3FN>, tensor<4xf8E4M3FN>) {
  %s = arith.constant dense<0.25> : tensor<4xf8E8M0FNU>
  %n = arith.constant dense<0xFF> : tensor<4xf8E8M0FNU>
  %0 = arith.scaling_truncf %x, %s toward_zero : tensor<4xf32>, tensor<4xf8E8M0FNU> to tensor<4xf8E4M3FN>
  %1 = arith.scaling_truncf %x, %n : tensor<4xf32>, tensor<4xf8E8M0FNU> to tensor<4xf8E4M3FN>
  return %0, %1 : tensor<4xf8E4M3FN>, tensor<4xf8E4M3FN>
}

// -----

// One column of several is no repetition of a whole row, and a scalar has no dimensions: a scale for each element.

// CHECK-DAG: #[[E:.*]] = #qfmt.scaled<f4E2M1FN, block = [1, 1], scale = f8E8M0FNU>
// CHECK-LABEL: func.func @column
// CHECK: %[[S:.*]] = linalg.generic
// CHECK: qfmt.assemble %{{.*}}, %[[S]] : tensor<4x8xf4E2M1FN>, tensor<4x8xf8E8M0FNU> to tensor<4x8xf32, #[[E]]>
func.func @column(%s: tensor<4x8xf8E8M0FNU>, %x: tensor<4x8xf4E2M1FN>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf8E8M0FNU>
  %r = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, 3)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]}
      ins(%s : tensor<4x8xf8E8M0FNU>) outs(%e : tensor<4x8xf8E8M0FNU>) {
  ^bb0(%a: f8E8M0FNU, %b: f8E8M0FNU):
    linalg.yield %a : f8E8M0FNU
  } -> tensor<4x8xf8E8M0FNU>
  %0 = arith.scaling_extf %x, %r : tensor<4x8xf4E2M1FN>, tensor<4x8xf8E8M0FNU> to tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @scalar
// CHECK: %[[S:.*]] = linalg.generic
// CHECK: qfmt.assemble %{{.*}}, %[[S]] : tensor<f4E2M1FN>, tensor<f8E8M0FNU>
func.func @scalar(%s: f8E8M0FNU, %x: tensor<f4E2M1FN>) -> tensor<f32> {
  %e = tensor.empty() : tensor<f8E8M0FNU>
  %r = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []}
      ins(%s : f8E8M0FNU) outs(%e : tensor<f8E8M0FNU>) {
  ^bb0(%a: f8E8M0FNU, %b: f8E8M0FNU):
    linalg.yield %a : f8E8M0FNU
  } -> tensor<f8E8M0FNU>
  %0 = arith.scaling_extf %x, %r : tensor<f4E2M1FN>, tensor<f8E8M0FNU> to tensor<f32>
  return %0 : tensor<f32>
}
