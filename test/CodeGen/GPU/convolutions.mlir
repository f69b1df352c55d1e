// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-convolutions-to-products -qfmt-fuse-products -cse -canonicalize | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-convolutions-to-products -qfmt-fuse-products --remark-policy=all --remarks-filter-missed=qfmt-fuse-products -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Rows of the window are runs of 9 terms, which take 16 in the constant.
// CHECK: #[[MAP:.*]] = affine_map<(d0, d1, d2) -> (0, d1 + d0 floordiv 3, d0 * 3 + d2 - (d0 floordiv 3) * 9)>
// CHECK-LABEL: @window
// CHECK-SAME: %[[X:[^:]*]]: tensor<1x6x5x3xi8>
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{\[}}[0], [1], [2, 3]] : tensor<1x6x5x3xi8> into tensor<1x6x15xi8>
// CHECK: qfmt_gpu.product %[[ROWS]] * %{{[^ ]*}} rows #[[MAP]] runs 3 of 9
// CHECK: } : tensor<1x6x15xi8>, tensor<2x48xi8>, tensor<12x2xi32> -> tensor<12x2xi32>
func.func @window(%x: tensor<1x6x5x3xi8>) -> tensor<1x4x3x2xi32> {
  %w = arith.constant dense<1> : tensor<2x3x3x3xi8>
  %init = arith.constant dense<7> : tensor<1x4x3x2xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, f, i, j, c) -> (n, h + i, w + j, c)>,
      affine_map<(n, h, w, f, i, j, c) -> (f, c, i, j)>, affine_map<(n, h, w, f, i, j, c) -> (n, h, w, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
    ins(%x, %w : tensor<1x6x5x3xi8>, tensor<2x3x3x3xi8>) outs(%init : tensor<1x4x3x2xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x4x3x2xi32>
  return %y : tensor<1x4x3x2xi32>
}

// -----

// A window of one place is an ordinary product.
// CHECK-LABEL: @place
// CHECK: qfmt_gpu.product
// CHECK-NOT: rows
// CHECK: } : tensor<20x16xi8>, tensor<2x16xi8>, tensor<20x2xi32> -> tensor<20x2xi32>
func.func @place(%x: tensor<1x4x5x16xi8>) -> tensor<1x4x5x2xi32> {
  %w = arith.constant dense<1> : tensor<2x16xi8>
  %init = arith.constant dense<0> : tensor<1x4x5x2xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, f, c) -> (n, h, w, c)>,
      affine_map<(n, h, w, f, c) -> (f, c)>, affine_map<(n, h, w, f, c) -> (n, h, w, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x4x5x16xi8>, tensor<2x16xi8>) outs(%init : tensor<1x4x5x2xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x4x5x2xi32>
  return %y : tensor<1x4x5x2xi32>
}

// -----

// CHECK-LABEL: @depthwise
// CHECK-NOT: qfmt_gpu.product
// REMARK: NotForTensorCores{{.*}}each column has terms of its own
func.func @depthwise(%x: tensor<1x6x5x8xi8>) -> tensor<1x4x3x8xi32> {
  %w = arith.constant dense<1> : tensor<8x3x3xi8>
  %init = arith.constant dense<0> : tensor<1x4x3x8xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, f, i, j) -> (n, h + i, w + j, f)>,
      affine_map<(n, h, w, f, i, j) -> (f, i, j)>, affine_map<(n, h, w, f, i, j) -> (n, h, w, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
    ins(%x, %w : tensor<1x6x5x8xi8>, tensor<8x3x3xi8>) outs(%init : tensor<1x4x3x8xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x4x3x8xi32>
  return %y : tensor<1x4x3x8xi32>
}
