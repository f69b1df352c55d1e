// RUN: qfmt-opt %s --pass-pipeline='builtin.module(qfmt-convolutions-to-products,canonicalize,qfmt-pack-products{instructions=vnni512},qfmt-products-to-vectors{instructions=vnni512},canonicalize,cse)' | FileCheck %s

// A row of 7 places is a loop of 6 and one more. Four rows of 16 codes become one vector; neighbours in a row share two of three of these: of 6
// places with a window of 3 columns and stride 1 there are 8, of 3 rows each, for 18 dot products.
// CHECK-LABEL: func.func @places
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0, 1, 2], [3]] : tensor<1x5x9x16xi8> into tensor<45x16xi8>
// CHECK-COUNT-3: vector.transfer_read %{{.*}} : tensor<1x3x64xi8>, vector<64xi8>
// CHECK: scf.for
// CHECK-COUNT-3: vector.transfer_read %{{.*}} : tensor<45x16xi8>, vector<16xi8>
// CHECK: vector.bitcast %{{.*}} : vector<16xi32> to vector<64xi8>
// CHECK: qfmt_cpu.dot %{{.*}} : vector<16xi32>, vector<64xi8>
// CHECK-COUNT-21: vector.transfer_read %{{.*}} : tensor<45x16xi8>, vector<16xi8>
// CHECK-NOT: tensor<45x16xi8>, vector<16xi8>
// CHECK-COUNT-6: vector.transfer_write %{{.*}} : vector<16xi32>, tensor<21x16xi32>
// CHECK: scf.yield
func.func @places(%x: tensor<1x5x9x16xi8>, %init: tensor<1x3x7x16xi32>) -> tensor<1x3x7x16xi32> {
  %w = arith.constant dense<3> : tensor<3x3x16xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, c, i, j) -> (n, h + i, w + j, c)>, affine_map<(n, h, w, c, i, j) -> (i, j, c)>, affine_map<(n, h, w, c, i, j) -> (n, h, w, c)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%x, %w : tensor<1x5x9x16xi8>, tensor<3x3x16xi8>) outs(%init : tensor<1x3x7x16xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x3x7x16xi32>
  return %y : tensor<1x3x7x16xi32>
}
