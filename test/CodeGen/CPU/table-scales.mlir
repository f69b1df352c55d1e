// Scales beside entries of tables are multiplied with each other at compile time if they lose nothing: 2^-80 * 2^-60 is no normal number
// of f32, 2^-80 * 2^60 is.
// RUN: %python -c "import sys; print(sys.stdin.read().replace('CODES', '0x01000000' + bytes(i * 37 % 251 for i in range(8192)).hex()))" < %s > %t.mlir
// RUN: qfmt-opt %t.mlir --qfmt-float-products-to-vectors --remark-policy=all --remarks-filter-passed='qfmt-f.*' -o /dev/null 2>&1 | FileCheck %s

#id = affine_map<(n, g, i) -> (n, g, i)>
#code = affine_map<(n, g, i) -> (n, g)>
#row = affine_map<(n, g, i) -> (n)>
#a = affine_map<(m, n, k) -> (m, k)>
#t = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>

// CHECK-NOT: looked up
// CHECK: Decoded
func.func @small(%x: tensor<1x16xf32>, %z: tensor<1x4096xf32>) -> tensor<1x4096xf32> {
  %codes = arith.constant dense_resource<codes> : tensor<4096x2xi8>
  %first = arith.constant dense<0x17800000> : tensor<4096xf32>
  %second = arith.constant dense<0x21800000> : tensor<4096xf32>
  %e = tensor.empty() : tensor<4096x2x8xf32>
  %d = linalg.generic {indexing_maps = [#code, #row, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%codes, %first, %second : tensor<4096x2xi8>, tensor<4096xf32>, tensor<4096xf32>) outs(%e : tensor<4096x2x8xf32>) {
  ^bb0(%code: i8, %s: f32, %t: f32, %o: f32):
    %f = arith.sitofp %code : i8 to f32
    %p = arith.mulf %f, %s : f32
    %q = arith.mulf %p, %t : f32
    linalg.yield %q : f32
  } -> tensor<4096x2x8xf32>
  %w = tensor.collapse_shape %d [[0], [1, 2]] : tensor<4096x2x8xf32> into tensor<4096x16xf32>
  %y = linalg.generic {indexing_maps = [#a, #t, #c], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x16xf32>, tensor<4096x16xf32>) outs(%z : tensor<1x4096xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %v = arith.addf %s, %p : f32
    linalg.yield %v : f32
  } -> tensor<1x4096xf32>
  return %y : tensor<1x4096xf32>
}

// CHECK: looked up
func.func @normal(%x: tensor<1x16xf32>, %z: tensor<1x4096xf32>) -> tensor<1x4096xf32> {
  %codes = arith.constant dense_resource<codes> : tensor<4096x2xi8>
  %first = arith.constant dense<0x17800000> : tensor<4096xf32>
  %second = arith.constant dense<0x5D800000> : tensor<4096xf32>
  %e = tensor.empty() : tensor<4096x2x8xf32>
  %d = linalg.generic {indexing_maps = [#code, #row, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%codes, %first, %second : tensor<4096x2xi8>, tensor<4096xf32>, tensor<4096xf32>) outs(%e : tensor<4096x2x8xf32>) {
  ^bb0(%code: i8, %s: f32, %t: f32, %o: f32):
    %f = arith.sitofp %code : i8 to f32
    %p = arith.mulf %f, %s : f32
    %q = arith.mulf %p, %t : f32
    linalg.yield %q : f32
  } -> tensor<4096x2x8xf32>
  %w = tensor.collapse_shape %d [[0], [1, 2]] : tensor<4096x2x8xf32> into tensor<4096x16xf32>
  %y = linalg.generic {indexing_maps = [#a, #t, #c], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x16xf32>, tensor<4096x16xf32>) outs(%z : tensor<1x4096xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %v = arith.addf %s, %p : f32
    linalg.yield %v : f32
  } -> tensor<1x4096xf32>
  return %y : tensor<1x4096xf32>
}

{-#
  dialect_resources: {
    builtin: {
      codes: "CODES"
    }
  }
#-}
