// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scores of queries and keys that one layer computes.
func.func @scores(%x: tensor<3x1xf32>) -> tensor<3x3xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<[[3.0, 1.0, 2.0, 4.0, 1.0, 9.0, 2.0, -8.0]]> : tensor<1x8xf32>
  %e = tensor.empty() : tensor<3x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<3x8xf32>) -> tensor<3x8xf32>
  %both = linalg.matmul ins(%x, %w : tensor<3x1xf32>, tensor<1x8xf32>) outs(%z : tensor<3x8xf32>) -> tensor<3x8xf32>
  %q = tensor.extract_slice %both[0, 0] [3, 4] [1, 1] : tensor<3x8xf32> to tensor<3x4xf32>
  %k = tensor.extract_slice %both[0, 4] [3, 4] [1, 1] : tensor<3x8xf32> to tensor<3x4xf32>
  %te = tensor.empty() : tensor<4x3xf32>
  %t = linalg.transpose ins(%k : tensor<3x4xf32>) outs(%te : tensor<4x3xf32>) permutation = [1, 0]
  %se = tensor.empty() : tensor<3x3xf32>
  %sz = linalg.fill ins(%zero : f32) outs(%se : tensor<3x3xf32>) -> tensor<3x3xf32>
  %s = linalg.matmul ins(%q, %t : tensor<3x4xf32>, tensor<4x3xf32>) outs(%sz : tensor<3x3xf32>) -> tensor<3x3xf32>
  return %s : tensor<3x3xf32>
}
