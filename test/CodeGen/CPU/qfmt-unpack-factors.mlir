// RUN: qfmt-opt %s --qfmt-unpack-factors --split-input-file | FileCheck %s
// RUN: qfmt-opt %s --qfmt-lower-to-llvm --mlir-print-ir-after=qfmt-products-to-vectors,qfmt-float-products-to-vectors \
// RUN:   --split-input-file -o /dev/null 2>&1 | FileCheck %s --check-prefix=MEMORY

#a = affine_map<(m, n, k) -> (m, k)>
#t = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>
#i = affine_map<(m, n) -> (m, n)>

// Through the operations that decode them.
// CHECK-LABEL: @factor(
// CHECK:         arith.constant dense<[{{\[}}1, -2, -1], [3, 0, 1]]> : tensor<2x3xi4>
// CHECK-NOT:     qfmt.unpack
//
// The matrix of f32 is in no tensor once the product is loops.
// MEMORY:        IR Dump After FloatProductsToVectors
// MEMORY:        scf.for
// MEMORY-NOT:    tensor<2x3xf32>
func.func @factor(%x: tensor<4x3xf32>, %z: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %bytes = arith.constant dense<[-31, 63, 16]> : tensor<3xi8>
  %codes = qfmt.unpack %bytes : tensor<3xi8> to tensor<2x3xi4>
  %e = tensor.empty() : tensor<2x3xf32>
  %w = linalg.generic {indexing_maps = [#i, #i], iterator_types = ["parallel", "parallel"]}
    ins(%codes : tensor<2x3xi4>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%k: i4, %o: f32):
    %f = arith.sitofp %k : i4 to f32
    linalg.yield %f : f32
  } -> tensor<2x3xf32>
  %y = linalg.matmul indexing_maps = [#a, #t, #c] ins(%x, %w : tensor<4x3xf32>, tensor<2x3xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// What is read by others stays packed in memory.
// CHECK-LABEL: @returned(
// CHECK:         qfmt.unpack
func.func @returned() -> tensor<3xi4> {
  %bytes = arith.constant dense<[-31, 6]> : tensor<2xi8>
  %codes = qfmt.unpack %bytes : tensor<2xi8> to tensor<3xi4>
  return %codes : tensor<3xi4>
}
