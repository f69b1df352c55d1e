// Integer weights that qfmt-quantize encodes by itself have the codes and scales that `quantize` to the same encoding computes: the two layers
// become one.
// RUN: qfmt-opt %s -qfmt-quantize -qfmt-encode-constants -canonicalize -cse | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: qfmt.assemble
// CHECK-NOT: qfmt.assemble
// CHECK: %[[Y:.*]] = linalg.matmul
// CHECK-NOT: linalg.matmul
// CHECK: return %[[Y]], %[[Y]]
func.func @main(%x: tensor<1x4xf32>, %z: tensor<1x5xf32>) -> (tensor<1x5xf32>, tensor<1x5xf32>) {
  // A channel of zeros, one of tiny values, ties between codes.
  %w = arith.constant dense<[[0.0, 1.0e-40, 7.0, -0.3, 1.0], [0.0, -3.0e-40, 0.5, 0.1, 3.1], [0.0, 0.0, 1.5, 0.7, -2.7], [-0.0, 2.0e-40, -2.5, 0.33, 0.1]]> : tensor<4x5xf32>
  %a = linalg.matmul {qfmt.assigned = "i4/f32"} ins(%x, %w : tensor<1x4xf32>, tensor<4x5xf32>) outs(%z : tensor<1x5xf32>) -> tensor<1x5xf32>
  %b = linalg.matmul {qfmt.assigned = "#qfmt.scaled<i4, block = [*, 1], scale = f32>/f32"} ins(%x, %w : tensor<1x4xf32>, tensor<4x5xf32>) outs(%z : tensor<1x5xf32>) -> tensor<1x5xf32>
  return %a, %b : tensor<1x5xf32>, tensor<1x5xf32>
}
