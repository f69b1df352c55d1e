// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-fuse-products -cse -canonicalize | FileCheck %s
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_75 -qfmt-fuse-products=tier=mma 2>&1 | FileCheck %s --check-prefix=OLD
// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-fuse-products=tier=portable | FileCheck %s --check-prefix=LEFT
// RUN: not qfmt-opt %s -split-input-file -qfmt-fuse-products=tier=fast 2>&1 | FileCheck %s --check-prefix=TIER --implicit-check-not="see current operation"

// OLD: error: 'sm_75' has no mma.sync
// LEFT-NOT: qfmt_gpu.product
// TIER: error: there is no tier 'fast'

#id = affine_map<(m, n) -> (m, n)>
#column = affine_map<(m, n) -> (n)>

// The bias, what is computed from the sums, and the zero point of the left factor: 3 (1 + 2), 3 (3 + 4), 3 (5 + 6).
// CHECK-LABEL: @chain
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x2xi8>
// CHECK-DAG: %[[COLUMNS:.*]] = arith.constant dense<[9, 21, 33]> : tensor<3xi32>
// CHECK-DAG: %[[BIAS:.*]] = arith.constant dense<[10, 20, 30]> : tensor<3xi32>
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[}}1, 2, 0, 0, {{.*}}], [3, 4, 0, {{.*}}], [5, 6, 0, {{.*}}]]> : tensor<3x16xi8>
// CHECK: %[[R:.*]] = qfmt_gpu.product %[[X]] unsigned * %[[W]] with %[[BIAS]], %[[COLUMNS]] : tensor<3xi32>, tensor<3xi32>
// CHECK: ^bb0(%[[S:.*]]: i32, %[[B:.*]]: i32, %[[C:.*]]: i32):
// CHECK:   %[[S0:.*]] = arith.addi %[[S]], %[[B]]
// CHECK:   %[[S1:.*]] = arith.addi %[[S0]], %[[C]]
// CHECK:   %[[T:.*]] = arith.trunci %[[S1]]
// CHECK:   qfmt_gpu.yield %[[T]] : i8
// CHECK: return %[[R]]
func.func @chain(%x: tensor<?x2xi8>, %m: index) -> tensor<?x3xi8> {
  %w = arith.constant dense<[[1, 3, 5], [2, 4, 6]]> : tensor<2x3xi8>
  %bias = arith.constant dense<[10, 20, 30]> : tensor<3xi32>
  %e = tensor.empty(%m) : tensor<?x3xi32>
  %init = linalg.generic {indexing_maps = [#column, #id], iterator_types = ["parallel", "parallel"]} ins(%bias : tensor<3xi32>) outs(%e : tensor<?x3xi32>) {
  ^bb0(%b: i32, %o: i32):
    linalg.yield %b : i32
  } -> tensor<?x3xi32>
  %p = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<?x2xi8>, tensor<2x3xi8>) outs(%init : tensor<?x3xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %zero = arith.constant -3 : i32
    %a0 = arith.extui %a : i8 to i32
    %a1 = arith.subi %a0, %zero : i32
    %b0 = arith.extsi %b : i8 to i32
    %t = arith.muli %a1, %b0 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<?x3xi32>
  %e8 = tensor.empty(%m) : tensor<?x3xi8>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<?x3xi32>) outs(%e8 : tensor<?x3xi8>) {
  ^bb0(%s: i32, %o: i8):
    %t = arith.trunci %s : i32 to i8
    linalg.yield %t : i8
  } -> tensor<?x3xi8>
  return %r : tensor<?x3xi8>
}

// -----

// Values of -200 ... 55 fit no byte: sums of the rows of the left factor, -72 times.
// CHECK-LABEL: @row_sums
// CHECK: %[[SUMS:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<4xi32>)
// CHECK: qfmt_gpu.product %{{.*}} * %{{.*}} with %{{.*}}, %[[SUMS]] : tensor<4x2xi32>, tensor<4xi32>
// CHECK: arith.muli %{{.*}}, %c-72_i32
func.func @row_sums(%x: tensor<4x2xi8>) -> tensor<4x2xi32> {
  %w = arith.constant dense<[[0, 255], [255, 0]]> : tensor<2x2xi8>
  %zero = arith.constant dense<0> : tensor<4x2xi32>
  %p = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<4x2xi8>, tensor<2x2xi8>) outs(%zero : tensor<4x2xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %z = arith.constant 200 : i32
    %a0 = arith.extsi %a : i8 to i32
    %b0 = arith.extui %b : i8 to i32
    %b1 = arith.subi %b0, %z : i32
    %t = arith.muli %a0, %b1 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<4x2xi32>
  return %p : tensor<4x2xi32>
}

// -----

// What reads the sums twice is not part of it.
// CHECK-LABEL: @two_readers
// CHECK: %[[P:.*]] = qfmt_gpu.product
// CHECK: return %[[P]], %[[P]]
func.func @two_readers(%x: tensor<4x2xi8>, %init: tensor<4x2xi32>) -> (tensor<4x2xi32>, tensor<4x2xi32>) {
  %w = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %p = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<4x2xi8>, tensor<2x2xi8>) outs(%init : tensor<4x2xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %a0 = arith.extsi %a : i8 to i32
    %b0 = arith.extsi %b : i8 to i32
    %t = arith.muli %a0, %b0 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<4x2xi32>
  return %p, %p : tensor<4x2xi32>, tensor<4x2xi32>
}
