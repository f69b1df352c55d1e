// RUN: qfmt-opt %s --qfmt-transposes-to-vectors | FileCheck %s

#id = affine_map<(n, h, w, c) -> (n, h, w, c)>
#first = affine_map<(n, h, w, c) -> (n, c, h, w)>

// 16 columns and one that is left; 8 x 8 elements of 16 bits: 3 rounds of 8 shuffles.
// CHECK-LABEL: func.func @last
// CHECK-COUNT-8: vector.load %{{.*}} : memref<2x8x3x17xi16>, vector<8xi16>
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 8, 1, 9, 2, 10, 3, 11] : vector<8xi16>, vector<8xi16>
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [4, 12, 5, 13, 6, 14, 7, 15] : vector<8xi16>, vector<8xi16>
// CHECK-COUNT-22: vector.shuffle
// CHECK-NOT: vector.shuffle
// CHECK-COUNT-8: vector.store %{{.*}} : memref<2x3x17x8xi16>, vector<8xi16>
// CHECK: memref.load %{{.*}} : memref<2x8x3x17xi16>
// CHECK: memref.store %{{.*}} : memref<2x3x17x8xi16>
// CHECK-NOT: linalg.generic
func.func @last(%x: memref<2x8x3x17xi16>, %y: memref<2x3x17x8xi16>) {
  linalg.generic {indexing_maps = [#first, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : memref<2x8x3x17xi16>) outs(%y : memref<2x3x17x8xi16>) {
  ^bb0(%a: i16, %o: i16):
    linalg.yield %a : i16
  }
  return
}

// Too few channels; nothing changes places; something is computed.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-3: linalg.generic
// CHECK-NOT: vector.load
func.func @others(%x: memref<2x3x3x17xi8>, %y: memref<2x3x17x3xi8>, %u: memref<1x16x16x16xi8>, %v: memref<1x16x16x16xi8>) {
  linalg.generic {indexing_maps = [#first, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : memref<2x3x3x17xi8>) outs(%y : memref<2x3x17x3xi8>) {
  ^bb0(%a: i8, %o: i8):
    linalg.yield %a : i8
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%u : memref<1x16x16x16xi8>) outs(%v : memref<1x16x16x16xi8>) {
  ^bb0(%a: i8, %o: i8):
    linalg.yield %a : i8
  }
  linalg.generic {indexing_maps = [#first, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%u : memref<1x16x16x16xi8>) outs(%v : memref<1x16x16x16xi8>) {
  ^bb0(%a: i8, %o: i8):
    %s = arith.addi %a, %a : i8
    linalg.yield %s : i8
  }
  return
}
