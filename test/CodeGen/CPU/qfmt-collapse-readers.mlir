// RUN: qfmt-opt %s --qfmt-collapse-readers --canonicalize | FileCheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(a, b, c) -> (a, b, c)>
#columns = affine_map<(a, b, c) -> (c)>

// CHECK-LABEL: func.func @residual
// CHECK: %[[Y:.*]] = linalg.generic {{.*}}"reduction"
// CHECK: %[[X:.*]] = tensor.collapse_shape %arg1 {{\[\[}}0, 1], [2]] : tensor<2x3x4xi32> into tensor<6x4xi32>
// CHECK: %[[Z:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #{{.*}}, #{{.*}}, #{{.*}}], iterator_types = ["parallel", "parallel"]} ins(%[[Y]], %[[X]], %arg2 : tensor<6x4xi32>, tensor<6x4xi32>, tensor<4xi32>)
// CHECK: %[[R:.*]] = tensor.expand_shape %[[Z]] {{\[\[}}0, 1], [2]] output_shape [2, 3, 4]
// CHECK: return %[[R]]
func.func @residual(%x: tensor<6x8xi8>, %r: tensor<2x3x4xi32>, %b: tensor<4xi32>, %init: tensor<6x4xi32>) -> tensor<2x3x4xi32> {
  %w = arith.constant dense<3> : tensor<8x4xi8>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<6x8xi8>, tensor<8x4xi8>) outs(%init : tensor<6x4xi32>) {
  ^bb0(%a: i8, %c: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %c32 = arith.extsi %c : i8 to i32
    %p = arith.muli %a32, %c32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<6x4xi32>
  %e = tensor.expand_shape %y [[0, 1], [2]] output_shape [2, 3, 4] : tensor<6x4xi32> into tensor<2x3x4xi32>
  %empty = tensor.empty() : tensor<2x3x4xi32>
  %z = linalg.generic {indexing_maps = [#id, #id, #columns, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%e, %r, %b : tensor<2x3x4xi32>, tensor<2x3x4xi32>, tensor<4xi32>) outs(%empty : tensor<2x3x4xi32>) {
  ^bb0(%a: i32, %c: i32, %d: i32, %o: i32):
    %s = arith.addi %a, %c : i32
    %t = arith.addi %s, %d : i32
    linalg.yield %t : i32
  } -> tensor<2x3x4xi32>
  return %z : tensor<2x3x4xi32>
}

// An expanded argument stays as it is.
// CHECK-LABEL: func.func @no_product
// CHECK: tensor.expand_shape
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x3x4xi32>)
func.func @no_product(%y: tensor<6x4xi32>) -> tensor<2x3x4xi32> {
  %e = tensor.expand_shape %y [[0, 1], [2]] output_shape [2, 3, 4] : tensor<6x4xi32> into tensor<2x3x4xi32>
  %empty = tensor.empty() : tensor<2x3x4xi32>
  %z = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%e : tensor<2x3x4xi32>) outs(%empty : tensor<2x3x4xi32>) {
  ^bb0(%a: i32, %o: i32):
    %s = arith.addi %a, %a : i32
    linalg.yield %s : i32
  } -> tensor<2x3x4xi32>
  return %z : tensor<2x3x4xi32>
}
