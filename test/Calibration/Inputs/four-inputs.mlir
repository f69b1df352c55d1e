// The layer of round-weights-vectors.mlir before its weights are encoded.
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x1xf32> {
  %o = qfmt.observe %x "argument.0" : tensor<1x4xf32>
  %w = arith.constant dense<1.4> : tensor<4x1xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x1xf32>
  %y = linalg.matmul ins(%o, %w : tensor<1x4xf32>, tensor<4x1xf32>) outs(%zeros : tensor<1x1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}
