// Numbers that are computed from themselves, 60 times over: what goes through
// all ways that lead to them takes 2^60 steps.
// RUN: %python -c "import sys; print(sys.stdin.read().replace('SUMS', ''.join('%%%%s%d = arith.addf %%%%s%d, %%%%s%d : f32 ' % (i + 1, i, i) for i in range(60))).replace('PRODUCTS', ''.join('%%%%s%d = arith.mulf %%%%s%d, %%%%s%d : f32 ' % (i + 1, i, i) for i in range(60))))" < %s > %t.mlir
// RUN: qfmt-opt %t.mlir --qfmt-factor-scales | FileCheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#n = affine_map<(m, n) -> (m)>

// 2^60 times a code.
// CHECK-LABEL: func.func @sums
// CHECK: ins(%{{.*}}, %{{.*}} : tensor<2x1x8xi8>, tensor<3x1x8xi8>) outs({{.*}} : tensor<2x3x1xi32>)

// CHECK-LABEL: func.func @products
// CHECK-NOT: xi32>
// CHECK: return

func.func @sums(%x: tensor<2x8xi8>, %z: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %codes = arith.constant dense<[[9, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1], [1, -1, 1, -1, 1, -1, 1, -1]]> : tensor<3x8xi8>
  %ex = tensor.empty() : tensor<2x8xf32>
  %ew = tensor.empty() : tensor<3x8xf32>
  %l = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x8xi8>) outs(%ex : tensor<2x8xf32>) {
  ^bb0(%code: i8, %out: f32):
    %v = arith.sitofp %code : i8 to f32
    linalg.yield %v : f32
  } -> tensor<2x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%codes : tensor<3x8xi8>) outs(%ew : tensor<3x8xf32>) {
  ^bb0(%code: i8, %out: f32):
    %s0 = arith.sitofp %code : i8 to f32
    SUMS
    linalg.yield %s60 : f32
  } -> tensor<3x8xf32>
  %y = linalg.matmul indexing_maps = [#a, #b, #c]
      ins(%l, %r : tensor<2x8xf32>, tensor<3x8xf32>) outs(%z : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

func.func @products(%x: tensor<2x8xi8>, %z: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %codes = arith.constant dense<[[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1], [1, -1, 1, -1, 1, -1, 1, -1]]> : tensor<3x8xi8>
  %ex = tensor.empty() : tensor<2x8xf32>
  %ew = tensor.empty() : tensor<3x8xf32>
  %l = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x8xi8>) outs(%ex : tensor<2x8xf32>) {
  ^bb0(%code: i8, %out: f32):
    %v = arith.sitofp %code : i8 to f32
    linalg.yield %v : f32
  } -> tensor<2x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%codes : tensor<3x8xi8>) outs(%ew : tensor<3x8xf32>) {
  ^bb0(%code: i8, %out: f32):
    %s0 = arith.sitofp %code : i8 to f32
    PRODUCTS
    linalg.yield %s60 : f32
  } -> tensor<3x8xf32>
  %y = linalg.matmul indexing_maps = [#a, #b, #c]
      ins(%l, %r : tensor<2x8xf32>, tensor<3x8xf32>) outs(%z : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
