// RUN: qfmt-opt %s --qfmt-channels-last --canonicalize --cse --split-input-file | FileCheck %s

// A convolution, an element-wise operation, padding, pooling: elements move at the beginning, and at the end before what is returned.
// CHECK-DAG: #[[LAST:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>
// CHECK-DAG: #[[IMAGE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1 + d5, d2 + d6, d4)>
// CHECK-DAG: #[[WEIGHTS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d3, d4, d5, d6)>
// CHECK-DAG: #[[CHANNELS:.*]] = affine_map<(d0, d1, d2, d3) -> (d3)>
// CHECK-DAG: #[[POOL:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1 * 2 + d4, d2 * 2 + d5, d3)>
// CHECK-LABEL: func.func @network
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x6x6xi8>
// CHECK: linalg.generic {indexing_maps = [#[[CHANNELS]], {{.*}} outs(%{{.*}} : tensor<1x4x4x3xi32>)
// CHECK: %[[MOVED:.*]] = linalg.generic {indexing_maps = [#[[LAST]], {{.*}} ins(%[[X]] : tensor<1x2x6x6xi8>) outs(%{{.*}} : tensor<1x6x6x2xi8>)
// CHECK: %[[Y:.*]] = linalg.generic {indexing_maps = [#[[IMAGE]], #[[WEIGHTS]], {{.*}} ins(%[[MOVED]], %{{.*}} : tensor<1x6x6x2xi8>, tensor<3x2x3x3xi8>)
// CHECK: %[[Q:.*]] = linalg.generic {{.*}} ins(%[[Y]], %{{.*}} : tensor<1x4x4x3xi32>, tensor<3xi32>) outs(%{{.*}} : tensor<1x4x4x3xi8>)
// CHECK: %[[P:.*]] = tensor.pad %[[Q]] low[0, 1, 1, 0] high[0, 1, 1, 0]
// CHECK: %[[M:.*]] = linalg.generic {indexing_maps = [#[[POOL]], {{.*}} ins(%[[P]], %{{.*}} : tensor<1x6x6x3xi8>, tensor<2x2xi8>) outs(%{{.*}} : tensor<1x3x3x3xi8>)
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[M]] : tensor<1x3x3x3xi8>) outs(%{{.*}} : tensor<1x3x3x3xi8>)
// CHECK: return %[[R]]
func.func @network(%x: tensor<1x2x6x6xi8>, %shift: tensor<3xi32>, %bias: tensor<3xi32>) -> tensor<1x3x3x3xi8> {
  %w = arith.constant dense<[[[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]], [[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]], [[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]> : tensor<3x2x3x3xi8>
  %e = tensor.empty() : tensor<1x3x4x4xi32>
  %init = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%bias : tensor<3xi32>) outs(%e : tensor<1x3x4x4xi32>) {
  ^bb0(%a: i32, %o: i32):
    linalg.yield %a : i32
  } -> tensor<1x3x4x4xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, f, h, w, c, i, j) -> (n, c, h + i, w + j)>, affine_map<(n, f, h, w, c, i, j) -> (f, c, i, j)>, affine_map<(n, f, h, w, c, i, j) -> (n, f, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : tensor<1x2x6x6xi8>, tensor<3x2x3x3xi8>) outs(%init : tensor<1x3x4x4xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x3x4x4xi32>
  %qe = tensor.empty() : tensor<1x3x4x4xi8>
  %q = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%y, %shift : tensor<1x3x4x4xi32>, tensor<3xi32>) outs(%qe : tensor<1x3x4x4xi8>) {
  ^bb0(%a: i32, %r: i32, %o: i8):
    %s = arith.shrsi %a, %r : i32
    %t = arith.trunci %s : i32 to i8
    linalg.yield %t : i8
  } -> tensor<1x3x4x4xi8>
  %zero = arith.constant 0 : i8
  %pad = tensor.pad %q low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : i8
  } : tensor<1x3x4x4xi8> to tensor<1x3x6x6xi8>
  %window = tensor.empty() : tensor<2x2xi8>
  %me = tensor.empty() : tensor<1x3x3x3xi8>
  %mi = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%me : tensor<1x3x3x3xi8>) {
  ^bb0(%o: i8):
    linalg.yield %zero : i8
  } -> tensor<1x3x3x3xi8>
  %m = linalg.generic {indexing_maps = [affine_map<(n, c, h, w, i, j) -> (n, c, h * 2 + i, w * 2 + j)>, affine_map<(n, c, h, w, i, j) -> (i, j)>, affine_map<(n, c, h, w, i, j) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%pad, %window : tensor<1x3x6x6xi8>, tensor<2x2xi8>) outs(%mi : tensor<1x3x3x3xi8>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %s = arith.maxui %a, %o : i8
    linalg.yield %s : i8
  } -> tensor<1x3x3x3xi8>
  return %m : tensor<1x3x3x3xi8>
}

// -----

// Nothing to do: channels are last, or there is no convolution.
// CHECK-LABEL: func.func @last
// CHECK-SAME: (%[[X:.*]]: tensor<1x6x6x2xi8>
// CHECK: linalg.generic {{.*}} ins(%[[X]],
// CHECK-LABEL: func.func @alone
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x6x6xi8>
// CHECK: linalg.generic {{.*}} ins(%[[X]] : tensor<1x2x6x6xi8>) outs(%{{.*}} : tensor<1x2x6x6xi8>)
func.func @last(%x: tensor<1x6x6x2xi8>, %init: tensor<1x4x4x1xi32>) -> tensor<1x4x4x1xi32> {
  %w = arith.constant dense<3> : tensor<3x3x2x1xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, f, i, j, c) -> (n, h + i, w + j, c)>, affine_map<(n, h, w, f, i, j, c) -> (i, j, c, f)>, affine_map<(n, h, w, f, i, j, c) -> (n, h, w, f)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : tensor<1x6x6x2xi8>, tensor<3x3x2x1xi8>) outs(%init : tensor<1x4x4x1xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x4x4x1xi32>
  return %y : tensor<1x4x4x1xi32>
}

func.func @alone(%x: tensor<1x2x6x6xi8>) -> tensor<1x2x6x6xi8> {
  %e = tensor.empty() : tensor<1x2x6x6xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<1x2x6x6xi8>) outs(%e : tensor<1x2x6x6xi8>) {
  ^bb0(%a: i8, %o: i8):
    %s = arith.addi %a, %a : i8
    linalg.yield %s : i8
  } -> tensor<1x2x6x6xi8>
  return %y : tensor<1x2x6x6xi8>
}

// -----

// A constant in the body of the padding itself.
#oi = affine_map<(n, o, h, w, c, i, j) -> (n, c, h + i, w + j)>
#wi = affine_map<(n, o, h, w, c, i, j) -> (o, c, i, j)>
#oo = affine_map<(n, o, h, w, c, i, j) -> (n, o, h, w)>
// CHECK-LABEL: @constant_inside(
// CHECK-DAG:     %[[C:.*]] = arith.constant -7 : i8
// CHECK:         tensor.pad
// CHECK:           tensor.yield %[[C]] : i8
func.func @constant_inside(%x: tensor<1x8x6x6xi8>) -> tensor<1x16x6x6xi32> {
  %w = arith.constant dense<3> : tensor<16x8x3x3xi8>
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    %v = arith.constant -7 : i8
    tensor.yield %v : i8
  } : tensor<1x8x6x6xi8> to tensor<1x8x8x8xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x16x6x6xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<1x16x6x6xi32>) -> tensor<1x16x6x6xi32>
  %y = linalg.generic {indexing_maps = [#oi, #wi, #oo], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%p, %w : tensor<1x8x8x8xi8>, tensor<16x8x3x3xi8>) outs(%init : tensor<1x16x6x6xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %q = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %q : i32
    linalg.yield %s : i32
  } -> tensor<1x16x6x6xi32>
  return %y : tensor<1x16x6x6xi32>
}

// -----

// What a copy with two readers is computed from is computed once.
// CHECK-LABEL: @copied(
// CHECK-COUNT-2: arith.muli
// CHECK-NOT: arith.muli
func.func @copied(%x: tensor<1x8x6x6xi8>, %i: tensor<1x8x6x6xi32>) -> (tensor<1x8x6x6xi32>, tensor<1x8x6x6xi32>) {
  %w = arith.constant dense<3> : tensor<8x8x1x1xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(n, f, h, w, c, i, j) -> (n, c, h + i, w + j)>, affine_map<(n, f, h, w, c, i, j) -> (f, c, i, j)>, affine_map<(n, f, h, w, c, i, j) -> (n, f, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : tensor<1x8x6x6xi8>, tensor<8x8x1x1xi8>) outs(%i : tensor<1x8x6x6xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x8x6x6xi32>
  %e = tensor.empty() : tensor<1x8x6x6xi32>
  %c = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%y : tensor<1x8x6x6xi32>) outs(%e : tensor<1x8x6x6xi32>) {
  ^bb0(%a: i32, %o: i32):
    linalg.yield %a : i32
  } -> tensor<1x8x6x6xi32>
  %te = tensor.empty() : tensor<1x8x6x6xi8>
  %t = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%c : tensor<1x8x6x6xi32>) outs(%te : tensor<1x8x6x6xi8>) {
  ^bb0(%a: i32, %o: i8):
    %code = arith.trunci %a : i32 to i8
    linalg.yield %code : i8
  } -> tensor<1x8x6x6xi8>
  %z = linalg.generic {indexing_maps = [affine_map<(n, f, h, w, c, i, j) -> (n, c, h + i, w + j)>, affine_map<(n, f, h, w, c, i, j) -> (f, c, i, j)>, affine_map<(n, f, h, w, c, i, j) -> (n, f, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%t, %w : tensor<1x8x6x6xi8>, tensor<8x8x1x1xi8>) outs(%i : tensor<1x8x6x6xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x8x6x6xi32>
  return %c, %z : tensor<1x8x6x6xi32>, tensor<1x8x6x6xi32>
}
