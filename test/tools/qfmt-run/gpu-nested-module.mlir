// Modules within the module are none of the function's business; the one here has a product of its own.

// RUN: %npy make %t.x.npy '|i1' 4x16 1 -2 3 -128 127 5 -6
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy --outputs=%t.r.npy
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.c.npy
// RUN: cmp %t.r.npy %t.c.npy
// RUN: qfmt-run %s --gpu=sim --inputs=%t.x.npy --outputs=%t.s.npy
// RUN: cmp %t.r.npy %t.s.npy

func.func @main(%x: tensor<4x16xi8>) -> tensor<4x4xi32> {
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<4x4xi32>
  %i = linalg.fill ins(%zero : i32) outs(%e : tensor<4x4xi32>) -> tensor<4x4xi32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %x : tensor<4x16xi8>, tensor<4x16xi8>) outs(%i : tensor<4x4xi32>) -> tensor<4x4xi32>
  return %y : tensor<4x4xi32>
}
module @within {
  func.func @main(%x: tensor<4x16xi8>) -> tensor<4x4xi32> {
    %zero = arith.constant 0 : i32
    %e = tensor.empty() : tensor<4x4xi32>
    %i = linalg.fill ins(%zero : i32) outs(%e : tensor<4x4xi32>) -> tensor<4x4xi32>
    %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %x : tensor<4x16xi8>, tensor<4x16xi8>) outs(%i : tensor<4x4xi32>) -> tensor<4x4xi32>
    return %y : tensor<4x4xi32>
  }
}
