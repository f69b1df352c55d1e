// RUN: qfmt-opt %s --qfmt-batches-to-products=instructions=madd256 --canonicalize --cse | FileCheck %s
// RUN: qfmt-opt %s --qfmt-batches-to-products=instructions=madd256 --remark-policy=all --remarks-filter-missed='qfmt-batches.*' -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: qfmt-opt %s --qfmt-batches-to-products=instructions=plain | FileCheck %s --check-prefix=PLAIN
// RUN: qfmt-opt %s --pass-pipeline='builtin.module(qfmt-batches-to-products{instructions=madd256},canonicalize,cse,qfmt-collapse-readers,canonicalize,qfmt-products-to-vectors{instructions=madd256},canonicalize)' | FileCheck %s --check-prefix=VECTORS

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#y = affine_map<(b, m, n, k) -> (b, k, n)>
#t = affine_map<(b, m, n, k) -> (b, n, k)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>
#id = affine_map<(b, m, n) -> (b, m, n)>

// The rows of both batches in one matrix; what reads it is computed on sums.
// CHECK-DAG: #[[RIGHT:.*]] = affine_map<(d0, d1, d2) -> (d0 floordiv 5, d2, d1)>
// CHECK-LABEL: func.func @batches
// CHECK: %[[L:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2]] : tensor<2x5x8xi16> into tensor<10x8xi16>
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[RIGHT]], #{{.*}}], {{.*}} ins(%[[L]], %{{.*}} : tensor<10x8xi16>, tensor<2x8x16xi16>) outs(%{{.*}} : tensor<10x16xi64>)
// PLAIN-LABEL: func.func @batches
// PLAIN: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x5x8xi16>, tensor<2x8x16xi16>)
// VECTORS-LABEL: func.func @batches
// VECTORS: tensor.empty() : tensor<1x4x16xi32>
// VECTORS: vector.transfer_write %{{.*}} : vector<16xi32>, tensor<1x4x16xi32>
// VECTORS: %[[Q:.*]] = qfmt_cpu.dot %{{.*}} : vector<8xi32>, vector<16xi16>
// VECTORS: arith.addi %{{.*}}, %[[Q]] : vector<8xi32>
// VECTORS: arith.shrsi %[[Q]], %{{.*}} : vector<8xi32>
// VECTORS: arith.trunci %{{.*}} : vector<16xi64> to vector<16xi16>
// VECTORS: vector.transfer_write %{{.*}} : vector<16xi16>, tensor<10x16xi16>
func.func @batches(%x: tensor<2x5x8xi16>, %y: tensor<2x8x16xi16>) -> tensor<2x5x16xi16> {
  %zero = arith.constant 0 : i64
  %e = tensor.empty() : tensor<2x5x16xi64>
  %f = linalg.fill ins(%zero : i64) outs(%e : tensor<2x5x16xi64>) -> tensor<2x5x16xi64>
  %z = linalg.generic {indexing_maps = [#x, #y, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x5x8xi16>, tensor<2x8x16xi16>) outs(%f : tensor<2x5x16xi64>) {
  ^bb0(%a: i16, %b: i16, %o: i64):
    %a32 = arith.extsi %a : i16 to i32
    %b32 = arith.extsi %b : i16 to i32
    %p = arith.muli %a32, %b32 : i32
    %l = arith.extsi %p : i32 to i64
    %s = arith.addi %o, %l : i64
    linalg.yield %s : i64
  } -> tensor<2x5x16xi64>
  %re = tensor.empty() : tensor<2x5x16xi16>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%z : tensor<2x5x16xi64>) outs(%re : tensor<2x5x16xi16>) {
  ^bb0(%a: i64, %o: i16):
    %t = arith.trunci %a : i64 to i16
    linalg.yield %t : i16
  } -> tensor<2x5x16xi16>
  return %r : tensor<2x5x16xi16>
}

// A second factor with a zero point.
// REMARK: NoBatches{{.*}}its second factor has a zero point or is unsigned
// CHECK-LABEL: func.func @zero_point
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x5x8xi8>, tensor<2x16x8xi8>)
func.func @zero_point(%x: tensor<2x5x8xi8>, %y: tensor<2x16x8xi8>, %f: tensor<2x5x16xi32>) -> tensor<2x5x16xi32> {
  %three = arith.constant 3 : i32
  %z = linalg.generic {indexing_maps = [#x, #t, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x5x8xi8>, tensor<2x16x8xi8>) outs(%f : tensor<2x5x16xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %bz = arith.subi %b32, %three : i32
    %p = arith.muli %a32, %bz : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x5x16xi32>
  return %z : tensor<2x5x16xi32>
}

// Too few rows.
// REMARK: NoBatches{{.*}}too few rows
// CHECK-LABEL: func.func @rows
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x2x8xi8>, tensor<2x16x8xi8>)
func.func @rows(%x: tensor<2x2x8xi8>, %y: tensor<2x16x8xi8>, %f: tensor<2x2x16xi32>) -> tensor<2x2x16xi32> {
  %z = linalg.generic {indexing_maps = [#x, #t, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x2x8xi8>, tensor<2x16x8xi8>) outs(%f : tensor<2x2x16xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x2x16xi32>
  return %z : tensor<2x2x16xi32>
}
