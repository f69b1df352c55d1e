// RUN: qfmt-opt %s --qfmt-convolutions-to-products --canonicalize --cse --split-input-file | FileCheck %s
// RUN: qfmt-opt %s --qfmt-convolutions-to-products --split-input-file --remark-policy=all --remarks-filter-missed='qfmt-conv.*' -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Three runs of 6 terms, one for each row of the window; rows of the result are 7 to a row of the image. The constant is in the order of runs,
// terms, columns.
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2, d3) -> (0, d2 + d0 floordiv 7, d0 * 2 + d3 - (d0 floordiv 7) * 14)>
// CHECK-DAG: #[[FACTOR:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3, d1)>
// CHECK-DAG: #[[MATRIX:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1)>
// CHECK-LABEL: func.func @window
// CHECK-SAME: (%[[X:.*]]: tensor<1x9x9x2xi8>, %[[I:.*]]: tensor<1x7x7x1xi32>)
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[}}[1], [10], [2], [11], [3], [12]], {{\[}}[4], [13], [5], [14], [6], [15]], {{\[}}[7], [16], [8], [17], [9], [18]]]> : tensor<3x6x1xi8>
// CHECK-DAG: %[[R:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0], [1], [2, 3]] : tensor<1x9x9x2xi8> into tensor<1x9x18xi8>
// CHECK-DAG: %[[M:.*]] = tensor.collapse_shape %[[I]] {{\[\[}}0, 1, 2], [3]]
// CHECK: %[[Y:.*]] = linalg.generic {indexing_maps = [#[[ROWS]], #[[FACTOR]], #[[MATRIX]]], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%[[R]], %[[W]] : tensor<1x9x18xi8>, tensor<3x6x1xi8>) outs(%[[M]] : tensor<49x1xi32>)
// CHECK: tensor.expand_shape %[[Y]] {{\[\[}}0, 1, 2], [3]] output_shape [1, 7, 7, 1]
func.func @window(%x: tensor<1x9x9x2xi8>, %init: tensor<1x7x7x1xi32>) -> tensor<1x7x7x1xi32> {
  %w = arith.constant dense<[[[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[10, 11, 12], [13, 14, 15], [16, 17, 18]]]]> : tensor<1x2x3x3xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, f, c, i, j) -> (n, h + i, w + j, c)>, affine_map<(n, h, w, f, c, i, j) -> (f, c, i, j)>, affine_map<(n, h, w, f, c, i, j) -> (n, h, w, f)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : tensor<1x9x9x2xi8>, tensor<1x2x3x3xi8>) outs(%init : tensor<1x7x7x1xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x7x7x1xi32>
  return %y : tensor<1x7x7x1xi32>
}

// -----

// A window with gaps: a run for each of its places.
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2, d3) -> (0, {{.*}}, {{.*}}, d3)>
// CHECK-LABEL: func.func @gaps
// CHECK: linalg.generic {indexing_maps = [#[[ROWS]],{{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x9x9x5xi8>, tensor<9x5x4xi8>)
func.func @gaps(%x: tensor<1x9x9x5xi8>, %init: tensor<1x5x5x4xi32>) -> tensor<1x5x5x4xi32> {
  %w = arith.constant dense<3> : tensor<3x3x5x4xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, f, i, j, c) -> (n, h + i * 2, w + j * 2, c)>, affine_map<(n, h, w, f, i, j, c) -> (i, j, c, f)>, affine_map<(n, h, w, f, i, j, c) -> (n, h, w, f)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : tensor<1x9x9x5xi8>, tensor<3x3x5x4xi8>) outs(%init : tensor<1x5x5x4xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x5x5x4xi32>
  return %y : tensor<1x5x5x4xi32>
}

// -----

// No window: a product of matrices.
// CHECK-DAG: #[[LEFT:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[RIGHT:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-LABEL: func.func @points
// CHECK: linalg.generic {indexing_maps = [#[[LEFT]], #[[RIGHT]],{{.*}} ins(%{{.*}}, %{{.*}} : tensor<50x6xi8>, tensor<6x4xi8>) outs(%{{.*}} : tensor<50x4xi32>)
func.func @points(%x: tensor<2x5x5x6xi8>, %init: tensor<2x5x5x4xi32>) -> tensor<2x5x5x4xi32> {
  %w = arith.constant dense<3> : tensor<4x6x1x1xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, f, c, i, j) -> (n, h + i, w + j, c)>, affine_map<(n, h, w, f, c, i, j) -> (f, c, i, j)>, affine_map<(n, h, w, f, c, i, j) -> (n, h, w, f)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : tensor<2x5x5x6xi8>, tensor<4x6x1x1xi8>) outs(%init : tensor<2x5x5x4xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x5x5x4xi32>
  return %y : tensor<2x5x5x4xi32>
}

// -----

// Depthwise: a run for each column of the window, whose terms are those of its rows.
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2, d3) -> (0, d3 + d0 floordiv 3, d0 + d2 - (d0 floordiv 3) * 3, d1)>
// CHECK-LABEL: func.func @depthwise
// CHECK: linalg.generic {indexing_maps = [#[[ROWS]],{{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x5x4x6xi8>, tensor<2x3x6xi8>) outs(%{{.*}} : tensor<9x6xi32>)
func.func @depthwise(%x: tensor<1x5x4x6xi8>, %init: tensor<1x3x3x6xi32>) -> tensor<1x3x3x6xi32> {
  %w = arith.constant dense<3> : tensor<3x2x6xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, c, i, j) -> (n, h + i, w + j, c)>, affine_map<(n, h, w, c, i, j) -> (i, j, c)>, affine_map<(n, h, w, c, i, j) -> (n, h, w, c)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%x, %w : tensor<1x5x4x6xi8>, tensor<3x2x6xi8>) outs(%init : tensor<1x3x3x6xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x3x3x6xi32>
  return %y : tensor<1x3x3x6xi32>
}

// -----

// REMARK: NoConvolution{{.*}}its channels do not come last
// CHECK-LABEL: func.func @first
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x2x9x9xi8>, tensor<1x2x3x3xi8>)
func.func @first(%x: tensor<1x2x9x9xi8>, %init: tensor<1x1x7x7xi32>) -> tensor<1x1x7x7xi32> {
  %w = arith.constant dense<3> : tensor<1x2x3x3xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, f, h, w, c, i, j) -> (n, c, h + i, w + j)>, affine_map<(n, f, h, w, c, i, j) -> (f, c, i, j)>, affine_map<(n, f, h, w, c, i, j) -> (n, f, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : tensor<1x2x9x9xi8>, tensor<1x2x3x3xi8>) outs(%init : tensor<1x1x7x7xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x1x7x7xi32>
  return %y : tensor<1x1x7x7xi32>
}
