// RUN: qfmt-opt %s --qfmt-linalg-to-parallel-loops --canonicalize | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// CHECK-LABEL: func.func @sums(
// CHECK:         scf.parallel (%[[I:.*]]) =
// CHECK:           scf.for %[[J:.*]] =
// CHECK:             memref.store %{{.*}}, %{{.*}}[%[[I]]]
func.func @sums(%x: memref<4x?xi32>, %y: memref<4xi32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<4x?xi32>) outs(%y : memref<4xi32>) {
  ^bb0(%a: i32, %b: i32):
    %0 = arith.addi %a, %b : i32
    linalg.yield %0 : i32
  }
  return
}

// All iterations of the second loop write the same element: not for threads.
// CHECK-LABEL: func.func @last_one(
// CHECK:         linalg.generic
func.func @last_one(%x: memref<4x9xi32>, %y: memref<4xi32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<4x9xi32>) outs(%y : memref<4xi32>) {
  ^bb0(%a: i32, %b: i32):
    linalg.yield %a : i32
  }
  return
}
