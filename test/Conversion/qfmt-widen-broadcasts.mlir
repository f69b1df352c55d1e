// RUN: qfmt-opt %s --qfmt-widen-broadcasts --split-input-file | FileCheck %s

// The left operand is broadcast along the columns and read once for each of them.
// CHECK-LABEL: @matmul(
// CHECK-SAME:    %[[X:.*]]: memref<8x4xi8>, %[[W:.*]]: memref<4x32xi8>, %[[Y:.*]]: memref<8x32xi32>)
// CHECK:         %[[WIDE:.*]] = memref.alloc() {alignment = 64 : i64} : memref<8x4xi32>
// CHECK:         %[[FROM:.*]] = memref.collapse_shape %[[X]]
// CHECK:         %[[TO:.*]] = memref.collapse_shape %[[WIDE]]
// CHECK:         linalg.generic {{.*}} ins(%[[FROM]] : memref<32xi8>) outs(%[[TO]] : memref<32xi32>)
// CHECK:           arith.extui
// CHECK:         linalg.generic {{.*}} ins(%[[WIDE]], %[[W]] : memref<8x4xi32>, memref<4x32xi8>) outs(%[[Y]] : memref<8x32xi32>)
// CHECK-NEXT:    ^bb0(%[[A:.*]]: i32, %[[B:.*]]: i8, %[[C:.*]]: i32):
// CHECK-NEXT:      %[[B32:.*]] = arith.extsi %[[B]]
// CHECK-NEXT:      arith.muli %[[A]], %[[B32]]
// CHECK:         memref.dealloc %[[WIDE]]
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @matmul(%x: memref<8x4xi8>, %w: memref<4x32xi8>, %y: memref<8x32xi32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x4xi8>, memref<4x32xi8>) outs(%y : memref<8x32xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %2, %c : i32
    linalg.yield %3 : i32
  }
  return
}

// -----

// Eight columns do not pay for the buffer.
// CHECK-LABEL: @few_reads(
// CHECK-NOT:     memref.alloc
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @few_reads(%x: memref<8x4xi8>, %w: memref<4x8xi8>, %y: memref<8x8xi32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x4xi8>, memref<4x8xi8>) outs(%y : memref<8x8xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %2, %c : i32
    linalg.yield %3 : i32
  }
  return
}

// -----

// A view with gaps is converted row by row.
// CHECK-LABEL: @strided(
// CHECK-NOT:     memref.collapse_shape
// CHECK:         linalg.generic {{.*}} ins(%{{.*}} : memref<8x4xi8, strided<[5, 1]>>) outs(%{{.*}} : memref<8x4xi32>)
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @strided(%x: memref<8x4xi8, strided<[5, 1]>>, %w: memref<4x32xi32>, %y: memref<8x32xi32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x4xi8, strided<[5, 1]>>, memref<4x32xi32>) outs(%y : memref<8x32xi32>) {
  ^bb0(%a: i8, %b: i32, %c: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.muli %0, %b : i32
    %2 = arith.addi %1, %c : i32
    linalg.yield %2 : i32
  }
  return
}
