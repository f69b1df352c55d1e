// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-quantize

func.func @nan(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[-127.0, 1.0], [64.0, 0x7FC00000]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  // expected-error @below {{has weights that are NaN or infinite}}
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

func.func @infinity(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<0xFF800000> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  // expected-error @below {{has weights that are NaN or infinite}}
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
