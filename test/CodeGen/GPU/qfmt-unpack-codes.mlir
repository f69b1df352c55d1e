// RUN: qfmt-opt %s -split-input-file -qfmt-unpack-codes -canonicalize | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-unpack-codes -qfmt-codes-to-linalg -canonicalize | FileCheck %s --check-prefix=LINALG

#id = affine_map<(i, j) -> (i, j)>

// Bodies that extend codes read bytes, through reshapes, too.
// CHECK-LABEL: @extended
// CHECK-SAME: (%[[B:.*]]: tensor<18xi8>
// CHECK-DAG: %[[S:.*]] = qfmt_gpu.unpack %[[B]] bits 4 : tensor<18xi8> -> tensor<2x3x6xi8>
// CHECK-DAG: %[[U:.*]] = qfmt_gpu.unpack %[[B]] bits 4 unsigned : tensor<18xi8> -> tensor<2x3x6xi8>
// CHECK-DAG: %[[SM:.*]] = tensor.collapse_shape %[[S]]
// CHECK-DAG: %[[UM:.*]] = tensor.collapse_shape %[[U]]
// CHECK: linalg.generic {{.*}} ins(%[[SM]], %[[UM]] : tensor<6x6xi8>, tensor<6x6xi8>)
// CHECK-NEXT: ^bb0(%[[A:.*]]: i8, %[[C:.*]]: i8, %{{.*}}: i32):
// CHECK-NEXT: arith.extsi %[[A]] : i8 to i32
// CHECK-NEXT: arith.extui %[[C]] : i8 to i32

// The code in its byte, shifted up and down.
// LINALG: #[[MAP:.*]] = affine_map<(d0) -> ((d0 * 4) floordiv 8)>
// LINALG-LABEL: @extended
// LINALG: linalg.generic {indexing_maps = [#[[MAP]], #{{.*}}], iterator_types = ["parallel"]} ins(%{{.*}} : tensor<18xi8>)
// LINALG: %[[PLACE:.*]] = arith.index_castui
// LINALG: %[[LOW:.*]] = arith.shrui %{{.*}}, %[[PLACE]] : i32
// LINALG: %[[UP:.*]] = arith.shli %[[LOW]], %c28_i32
// LINALG: arith.shrsi %[[UP]], %c28_i32
// LINALG: tensor.expand_shape
func.func @extended(%b: tensor<18xi8>, %e: tensor<6x6xi32>) -> tensor<6x6xi32> {
  %codes = qfmt.unpack %b : tensor<18xi8> to tensor<2x3x6xi4>
  %m = tensor.collapse_shape %codes [[0, 1], [2]] : tensor<2x3x6xi4> into tensor<6x6xi4>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%m, %m : tensor<6x6xi4>, tensor<6x6xi4>) outs(%e : tensor<6x6xi32>) {
  ^bb0(%a: i4, %c: i4, %o: i32):
    %1 = arith.extsi %a : i4 to i32
    %2 = arith.extui %c : i4 to i32
    %3 = arith.addi %1, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<6x6xi32>
  return %0 : tensor<6x6xi32>
}

// -----

#id = affine_map<(i) -> (i)>

// What does something else with a code gets one; a code may lie in two bytes.
// CHECK-LABEL: @others
// CHECK: %[[C:.*]] = qfmt_gpu.unpack %{{.*}} bits 3 : tensor<4xi8> -> tensor<9xi8>
// CHECK: %[[N:.*]] = linalg.generic {{.*}} ins(%[[C]] : tensor<9xi8>)
// CHECK: arith.trunci %{{.*}} : i8 to i3
// CHECK: ins(%[[N]] : tensor<9xi3>)
// LINALG: #[[FIRST:.*]] = affine_map<(d0) -> ((d0 * 3) floordiv 8)>
// LINALG: #[[LAST:.*]] = affine_map<(d0) -> ((d0 * 3 + 2) floordiv 8)>
// LINALG-LABEL: @others
// LINALG-SAME: (%[[B:.*]]: tensor<4xi8>
// LINALG: linalg.generic {indexing_maps = [#[[FIRST]], #[[LAST]], #{{.*}}], iterator_types = ["parallel"]} ins(%[[B]], %[[B]] : tensor<4xi8>, tensor<4xi8>)
func.func @others(%b: tensor<4xi8>, %e: tensor<9xi3>) -> tensor<9xi3> {
  %codes = qfmt.unpack %b : tensor<4xi8> to tensor<9xi3>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%codes : tensor<9xi3>) outs(%e : tensor<9xi3>) {
  ^bb0(%a: i3, %o: i3):
    %1 = arith.addi %a, %a : i3
    linalg.yield %1 : i3
  } -> tensor<9xi3>
  return %0 : tensor<9xi3>
}

// -----

// CHECK-LABEL: @ternary
// CHECK: qfmt_gpu.unpack %{{.*}} bits 2 base3 : tensor<2xi8> -> tensor<7xi8>
// LINALG: #[[FIVE:.*]] = affine_map<(d0) -> (d0 floordiv 5)>
// LINALG-LABEL: @ternary
// LINALG: arith.divui
// LINALG: arith.remui %{{.*}}, %c3_i32
func.func @ternary(%b: tensor<2xi8>) -> tensor<7xi2> {
  %codes = qfmt.unpack %b packing = base3 : tensor<2xi8> to tensor<7xi2>
  return %codes : tensor<7xi2>
}
