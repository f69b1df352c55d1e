// RUN: qfmt-opt %s --qfmt-partial-writes-to-loops | FileCheck %s

// CHECK-LABEL: @diagonal(
// CHECK-SAME:    %[[X:[^:]*]]: tensor<4xi32>, %[[Y:[^:]*]]: tensor<4x4xi32>
// CHECK:         %[[R:.*]] = scf.for %[[I:.*]] = %{{.*}} to %{{.*}} iter_args(%[[T:.*]] = %[[Y]])
// CHECK:           %[[A:.*]] = tensor.extract %[[X]][%[[I]]]
// CHECK:           %[[U:.*]] = tensor.insert %[[A]] into %[[T]][%[[I]], %[[I]]]
// CHECK:           scf.yield %[[U]]
// CHECK:         return %[[R]]
func.func @diagonal(%x: tensor<4xi32>, %y: tensor<4x4xi32>) -> tensor<4x4xi32> {
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i, i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<4xi32>) outs(%y : tensor<4x4xi32>) {
  ^bb0(%a: i32, %b: i32):
    linalg.yield %a : i32
  } -> tensor<4x4xi32>
  return %r : tensor<4x4xi32>
}

// A scalar operand, a place in the body, and two results, one of them written whole. What a body reads may be folded
// later: it becomes loops, too.
// CHECK-LABEL: @column(
// CHECK-SAME:    %[[X:[^:]*]]: i8, %[[Y:[^:]*]]: tensor<?x4xi8>, %[[Z:[^:]*]]: tensor<?xindex>
// CHECK:         %[[N:.*]] = tensor.dim %[[Y]], %{{.*}}
// CHECK:         scf.for %[[I:.*]] = %{{.*}} to %[[N]] step %{{.*}} iter_args(%[[T:.*]] = %[[Y]], %[[V:.*]] = %[[Z]])
// CHECK:           %[[OLD:.*]] = tensor.extract %[[T]][%[[I]], %{{.*}}]
// CHECK:           %[[NEW:.*]] = arith.addi %[[X]], %[[OLD]]
// CHECK:           tensor.insert %[[NEW]] into %[[T]][%[[I]], %{{.*}}]
// CHECK:           tensor.insert %[[I]] into %[[V]][%[[I]]]
// CHECK-NOT:       linalg.index
func.func @column(%x: i8, %y: tensor<?x4xi8>, %z: tensor<?xindex>) -> (tensor<?x4xi8>, tensor<?xindex>) {
  %r:2 = linalg.generic {indexing_maps = [affine_map<(i) -> ()>, affine_map<(i) -> (i, 3)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : i8) outs(%y, %z : tensor<?x4xi8>, tensor<?xindex>) {
  ^bb0(%a: i8, %b: i8, %c: index):
    %i = linalg.index 0 : index
    %s = arith.addi %a, %b : i8
    linalg.yield %s, %i : i8, index
  } -> (tensor<?x4xi8>, tensor<?xindex>)
  return %r#0, %r#1 : tensor<?x4xi8>, tensor<?xindex>
}

// Without a column, nothing is written.
// CHECK-LABEL: @last(
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             tensor.insert
func.func @last(%x: tensor<4x?xi8>, %y: tensor<4xi8>) -> tensor<4xi8> {
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x?xi8>) outs(%y : tensor<4xi8>) {
  ^bb0(%a: i8, %b: i8):
    linalg.yield %a : i8
  } -> tensor<4xi8>
  return %r : tensor<4xi8>
}

// CHECK-LABEL: @stay(
// CHECK-NOT:     scf.for
func.func @stay(%x: tensor<4x?xi8>, %y: tensor<?x1x4xi8>, %z: tensor<4xi8>) -> (tensor<?x1x4xi8>, tensor<4xi8>) {
  // Each dimension has its loop or one element.
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j, 0, i)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x?xi8>) outs(%y : tensor<?x1x4xi8>) {
  ^bb0(%a: i8, %b: i8):
    linalg.yield %a : i8
  } -> tensor<?x1x4xi8>
  // A sum of no terms is what it began with.
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x?xi8>) outs(%z : tensor<4xi8>) {
  ^bb0(%a: i8, %b: i8):
    %s = arith.addi %a, %b : i8
    linalg.yield %s : i8
  } -> tensor<4xi8>
  return %0, %1 : tensor<?x1x4xi8>, tensor<4xi8>
}
