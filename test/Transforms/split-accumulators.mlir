// RUN: qfmt-opt %s -split-input-file -qfmt-split-accumulators -canonicalize | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-split-accumulators -o /dev/null \
// RUN:   --remarks-filter=qfmt-split-accumulators --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: qfmt-opt %s -split-input-file -qfmt-split-accumulators=min-length=257 -canonicalize | FileCheck %s --check-prefix=MIN

// Terms are in 32767 * -128 ... 32768 * 128: 511 of them are safe, of which 256 divide 1024.
// CHECK-DAG: #[[A:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d0, d3)>
// CHECK-DAG: #[[B:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>
// CHECK-DAG: #[[PART:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[SUM:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func.func @mixed(
// CHECK-SAME: %[[X:.*]]: tensor<4x1024xi16>, %[[W:.*]]: tensor<1024x8xi8>, %[[INIT:.*]]: tensor<4x8xi64>
// CHECK-DAG: %[[XS:.*]] = tensor.expand_shape %[[X]] {{\[}}[0], [1, 2]] output_shape [4, 4, 256]
// CHECK-DAG: %[[WS:.*]] = tensor.expand_shape %[[W]] {{\[}}[0, 1], [2]] output_shape [4, 256, 8]
// CHECK: %[[ZERO:.*]] = linalg.fill ins(%c0_i32 : i32) outs(%{{.*}} : tensor<4x4x8xi32>)
// CHECK: %[[PARTS:.*]] = linalg.generic {indexing_maps = [#[[A]], #[[B]], #[[PART]]], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
// CHECK-SAME: ins(%[[XS]], %[[WS]] : tensor<4x4x256xi16>, tensor<4x256x8xi8>) outs(%[[ZERO]] : tensor<4x4x8xi32>)
// CHECK-NEXT: ^bb0(%[[U:.*]]: i16, %[[V:.*]]: i8, %[[ACC:.*]]: i32):
// CHECK-NEXT: %[[U32:.*]] = arith.extsi %[[U]] : i16 to i32
// CHECK-NEXT: %[[V32:.*]] = arith.extsi %[[V]] : i8 to i32
// CHECK-NEXT: %[[P:.*]] = arith.muli %[[U32]], %[[V32]] : i32
// CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[ACC]], %[[P]] : i32
// CHECK-NEXT: linalg.yield %[[NEXT]] : i32
// CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[SUM]]], iterator_types = ["reduction", "parallel", "parallel"]}
// CHECK-SAME: ins(%[[PARTS]] : tensor<4x4x8xi32>) outs(%[[INIT]] : tensor<4x8xi64>)
// CHECK-NEXT: ^bb0(%[[Q:.*]]: i32, %[[T:.*]]: i64):
// CHECK-NEXT: %[[Q64:.*]] = arith.extsi %[[Q]] : i32 to i64
// CHECK-NEXT: %[[S:.*]] = arith.addi %[[T]], %[[Q64]] : i64
// CHECK-NEXT: linalg.yield %[[S]] : i64
// REMARK: remark: [Passed] Chains {{.*}}Terms=256{{$}}
// Chains of 257 terms or more leave a rest.
// MIN-LABEL: func.func @mixed(
// MIN: tensor<4x2x511xi16>
// MIN: tensor<4x2xi16>
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @mixed(%x: tensor<4x1024xi16>, %w: tensor<1024x8xi8>, %acc: tensor<4x8xi64>) -> tensor<4x8xi64> {
  %0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x1024xi16>, tensor<1024x8xi8>) outs(%acc : tensor<4x8xi64>) {
  ^bb0(%u: i16, %v: i8, %s: i64):
    %u64 = arith.extsi %u : i16 to i64
    %v64 = arith.extsi %v : i8 to i64
    %p = arith.muli %u64, %v64 : i64
    %t = arith.addi %s, %p : i64
    linalg.yield %t : i64
  } -> tensor<4x8xi64>
  return %0 : tensor<4x8xi64>
}

// -----

// Both factors may be -32768: 2 * 2^30 is no i32. Nothing to gain.
// CHECK-LABEL: func.func @any_i16
// CHECK: arith.muli %{{.*}} : i32
// CHECK: arith.addi %{{.*}} : i64
// CHECK-NOT: linalg.generic
// CHECK: return
// REMARK: remark: [Missed] Wide {{.*}}SafeTerms=1, TermMax=1073741824, TermMin=-1073709056
func.func @any_i16(%x: tensor<4x64xi16>, %w: tensor<64x8xi16>, %acc: tensor<4x8xi64>) -> tensor<4x8xi64> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x64xi16>, tensor<64x8xi16>) outs(%acc : tensor<4x8xi64>) -> tensor<4x8xi64>
  %1 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x64xi16>, tensor<64x8xi16>) outs(%0 : tensor<4x8xi64>) {
  ^bb0(%u: i16, %v: i16, %s: i64):
    %u32 = arith.extsi %u : i16 to i32
    %v32 = arith.extsi %v : i16 to i32
    %p = arith.muli %u32, %v32 : i32
    %p64 = arith.extsi %p : i32 to i64
    %t = arith.addi %s, %p64 : i64
    linalg.yield %t : i64
  } -> tensor<4x8xi64>
  return %1 : tensor<4x8xi64>
}

// -----

// What `quantize` makes is never -32768: dynamic fixed point has chains of 2.
// CHECK-LABEL: func.func @dfp16
// CHECK: %[[P:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<4x32x2xi16>, tensor<32x2x8xi16>) outs(%{{.*}} : tensor<32x4x8xi32>)
// CHECK: linalg.generic {{.*}} ins(%[[P]] : tensor<32x4x8xi32>) outs(%{{.*}} : tensor<4x8xi64>)
// REMARK: remark: [Passed] Chains {{.*}}Terms=2{{$}}
// MIN-LABEL: func.func @dfp16
// MIN: linalg.matmul
#dfp = #qfmt.scaled<!qfmt.int<i16, -32767, 32767>, scale = f8E8M0FNU>
func.func @dfp16(%x: tensor<4x64xf32>, %w: tensor<64x8xf32>, %acc: tensor<4x8xi64>) -> tensor<4x8xi64> {
  %p = qfmt.quantize %x scale_rule = floor_log2 : tensor<4x64xf32> to tensor<4x64xf32, #dfp>
  %q = qfmt.quantize %w scale_rule = floor_log2 : tensor<64x8xf32> to tensor<64x8xf32, #dfp>
  %i, %e = qfmt.constituents %p : tensor<4x64xf32, #dfp> to tensor<4x64xi16>, tensor<1x1xf8E8M0FNU>
  %j, %f = qfmt.constituents %q : tensor<64x8xf32, #dfp> to tensor<64x8xi16>, tensor<1x1xf8E8M0FNU>
  %0 = linalg.matmul ins(%i, %j : tensor<4x64xi16>, tensor<64x8xi16>) outs(%acc : tensor<4x8xi64>) -> tensor<4x8xi64>
  return %0 : tensor<4x8xi64>
}

// -----

// An argument may hold any code, in the narrow range of its format or not.
// CHECK-LABEL: func.func @argument
// CHECK: linalg.matmul
// CHECK-NOT: linalg.generic
// CHECK: return
// REMARK: remark: [Missed] Wide {{.*}}SafeTerms=1,
#dfp = #qfmt.scaled<!qfmt.int<i16, -32767, 32767>, scale = 0.5>
func.func @argument(%x: tensor<4x64xf32, #dfp>, %acc: tensor<4x4xi64>) -> tensor<4x4xi64> {
  %i = qfmt.constituents %x : tensor<4x64xf32, #dfp> to tensor<4x64xi16>
  %e = tensor.empty() : tensor<64x4xi16>
  %t = linalg.transpose ins(%i : tensor<4x64xi16>) outs(%e : tensor<64x4xi16>) permutation = [1, 0]
  %0 = linalg.matmul ins(%i, %t : tensor<4x64xi16>, tensor<64x4xi16>) outs(%acc : tensor<4x4xi64>) -> tensor<4x4xi64>
  return %0 : tensor<4x4xi64>
}

// -----

// The range of what was clamped, through moves; 64 terms in all: one chain, widened once.
// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func @clamped
// CHECK: %[[P:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%{{.*}}, %{{.*}} : tensor<8x64xi16>, tensor<64x8xi16>) outs(%{{.*}} : tensor<8x8xi32>)
// CHECK: linalg.generic {indexing_maps = [#[[ID]], #[[ID]]], iterator_types = ["parallel", "parallel"]} ins(%[[P]] : tensor<8x8xi32>) outs(%{{.*}} : tensor<8x8xi64>)
// REMARK: remark: [Passed] Chains {{.*}}Terms=64{{$}}
// MIN-LABEL: func.func @clamped
// MIN: tensor<8x8xi32>
#id = affine_map<(m, n) -> (m, n)>
func.func @clamped(%x: tensor<4x64xi32>, %w: tensor<64x8xi16>, %acc: tensor<8x8xi64>) -> tensor<8x8xi64> {
  %e = tensor.empty() : tensor<4x64xi16>
  %c = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x64xi32>) outs(%e : tensor<4x64xi16>) {
  ^bb0(%u: i32, %o: i16):
    %lo = arith.constant -1000 : i32
    %hi = arith.constant 1000 : i32
    %a = arith.maxsi %u, %lo : i32
    %b = arith.minsi %a, %hi : i32
    %t = arith.trunci %b : i32 to i16
    linalg.yield %t : i16
  } -> tensor<4x64xi16>
  %zero = arith.constant 0 : i16
  %padded = tensor.pad %c low[2, 0] high[2, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : i16
  } : tensor<4x64xi16> to tensor<8x64xi16>
  %0 = linalg.matmul ins(%padded, %w : tensor<8x64xi16>, tensor<64x8xi16>) outs(%acc : tensor<8x8xi64>) -> tensor<8x8xi64>
  return %0 : tensor<8x8xi64>
}

// -----

// The range is that of the difference from the zero point, -131 ... 124, and 0 ... 65535: 250 terms. 3 * 250 + 247.
// CHECK-LABEL: func.func @zero_point_and_rest
// CHECK-SAME: %[[X:.*]]: tensor<997xi16>, %[[W:.*]]: tensor<997x8xi8>, %[[INIT:.*]]: tensor<8xi64>
// CHECK-DAG: tensor.extract_slice %[[X]][0] [750] [1]
// CHECK-DAG: tensor.extract_slice %[[W]][0, 0] [750, 8] [1, 1]
// CHECK: %[[P:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<3x250xi16>, tensor<3x250x8xi8>) outs(%{{.*}} : tensor<3x8xi32>)
// CHECK: arith.extui %{{.*}} : i16 to i32
// CHECK: arith.extsi %{{.*}} : i8 to i32
// CHECK: arith.subi %{{.*}}, %c3_i32 : i32
// CHECK: %[[FIRST:.*]] = linalg.generic {{.*}} ins(%[[P]] : tensor<3x8xi32>) outs(%[[INIT]] : tensor<8xi64>)
// CHECK-DAG: %[[XR:.*]] = tensor.extract_slice %[[X]][750] [247] [1]
// CHECK-DAG: %[[WR:.*]] = tensor.extract_slice %[[W]][750, 0] [247, 8] [1, 1]
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[XR]], %[[WR]] : tensor<247xi16>, tensor<247x8xi8>) outs(%{{.*}} : tensor<8xi32>)
// CHECK: linalg.generic {{.*}} ins(%[[R]] : tensor<8xi32>) outs(%[[FIRST]] : tensor<8xi64>)
func.func @zero_point_and_rest(%x: tensor<997xi16>, %w: tensor<997x8xi8>, %acc: tensor<8xi64>) -> tensor<8xi64> {
  %0 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (k)>, affine_map<(n, k) -> (k, n)>, affine_map<(n, k) -> (n)>], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : tensor<997xi16>, tensor<997x8xi8>) outs(%acc : tensor<8xi64>) {
  ^bb0(%u: i16, %v: i8, %s: i64):
    %v32 = arith.extsi %v : i8 to i32
    %z = arith.constant 3 : i32
    %d = arith.subi %v32, %z : i32
    %u32 = arith.extui %u : i16 to i32
    %p = arith.muli %u32, %d : i32
    %p64 = arith.extsi %p : i32 to i64
    %t = arith.addi %p64, %s : i64
    linalg.yield %t : i64
  } -> tensor<8xi64>
  return %0 : tensor<8xi64>
}

// -----

// The largest weight, less the zero point 1, is 40000, of which one product is safe. But no sum of weights' magnitudes exceeds 65535.
// CHECK-LABEL: func.func @constant_weights
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x3xi16>, tensor<3x2xi32>) outs(%{{.*}} : tensor<2x2xi32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x2xi32>) outs(%{{.*}} : tensor<2x2xi64>)
// REMARK: remark: [Passed] Chains {{.*}}Terms=3{{$}}
func.func @constant_weights(%x: tensor<2x3xi16>, %acc: tensor<2x2xi64>) -> tensor<2x2xi64> {
  %w = arith.constant dense<[[4, 40001], [-24999, 5001], [40001, -19998]]> : tensor<3x2xi32>
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x3xi16>, tensor<3x2xi32>) outs(%acc : tensor<2x2xi64>) {
  ^bb0(%u: i16, %v: i32, %s: i64):
    %u64 = arith.extsi %u : i16 to i64
    %v64 = arith.extsi %v : i32 to i64
    %one = arith.constant 1 : i64
    %d = arith.subi %v64, %one : i64
    %p = arith.muli %u64, %d : i64
    %t = arith.addi %s, %p : i64
    linalg.yield %t : i64
  } -> tensor<2x2xi64>
  return %0 : tensor<2x2xi64>
}

// -----

// One unit more, in one sum, is too much: 65536 * 32768 is 2^31.
// CHECK-LABEL: func.func @constant_weights_too_large
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x2xi16>, tensor<2x2xi32>) outs(%{{.*}} : tensor<2x2xi32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x1xi16>, tensor<1x2xi32>) outs(%{{.*}} : tensor<2x2xi32>)
// REMARK: remark: [Passed] Chains {{.*}}Terms=2{{$}}
func.func @constant_weights_too_large(%x: tensor<2x3xi16>, %acc: tensor<2x2xi64>) -> tensor<2x2xi64> {
  %w = arith.constant dense<[[4, 40001], [-24999, 5001], [40001, -20535]]> : tensor<3x2xi32>
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x3xi16>, tensor<3x2xi32>) outs(%acc : tensor<2x2xi64>) {
  ^bb0(%u: i16, %v: i32, %s: i64):
    %u64 = arith.extsi %u : i16 to i64
    %v64 = arith.extsi %v : i32 to i64
    %one = arith.constant 1 : i64
    %d = arith.subi %v64, %one : i64
    %p = arith.muli %u64, %d : i64
    %t = arith.addi %s, %p : i64
    linalg.yield %t : i64
  } -> tensor<2x2xi64>
  return %0 : tensor<2x2xi64>
}

// -----

// 511 terms: 3 * 3 of the window and 32 of 64 channels (56 do not divide them).
// CHECK-LABEL: func.func @convolution
// CHECK: tensor.expand_shape {{.*}} output_shape [1, 2, 32, 10, 10]
// CHECK: tensor.expand_shape {{.*}} output_shape [4, 2, 32, 3, 3]
// CHECK: linalg.generic {{.*}}"parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}{{.*}} outs(%{{.*}} : tensor<2x1x4x8x8xi32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x1x4x8x8xi32>) outs(%{{.*}} : tensor<1x4x8x8xi64>)
// REMARK: remark: [Passed] Chains {{.*}}Terms=288{{$}}
func.func @convolution(%x: tensor<1x64x10x10xi16>, %w: tensor<4x64x3x3xi8>, %acc: tensor<1x4x8x8xi64>) -> tensor<1x4x8x8xi64> {
  %0 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
      ins(%x, %w : tensor<1x64x10x10xi16>, tensor<4x64x3x3xi8>) outs(%acc : tensor<1x4x8x8xi64>) -> tensor<1x4x8x8xi64>
  return %0 : tensor<1x4x8x8xi64>
}

// -----

// 7 terms, one row of the window. Rows are added up in 64 bits.
// CHECK-DAG: affine_map<(d0, d1, d2) -> (d0 * 2 + d1, d2)>
// CHECK-LABEL: func.func @window
// CHECK: %[[P:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%{{.*}}, %{{.*}} : tensor<9x7xi15>, tensor<2x7xi15>) outs(%{{.*}} : tensor<2x4xi32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[P]] : tensor<2x4xi32>) outs(%{{.*}} : tensor<4xi64>)
// REMARK: remark: [Passed] Chains {{.*}}Terms=7{{$}}
func.func @window(%x: tensor<9x7xi15>, %w: tensor<2x7xi15>, %acc: tensor<4xi64>) -> tensor<4xi64> {
  %0 = linalg.generic {indexing_maps = [affine_map<(o, h, w) -> (o * 2 + h, w)>, affine_map<(o, h, w) -> (h, w)>, affine_map<(o, h, w) -> (o)>], iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<9x7xi15>, tensor<2x7xi15>) outs(%acc : tensor<4xi64>) {
  ^bb0(%u: i15, %v: i15, %s: i64):
    %u64 = arith.extsi %u : i15 to i64
    %v64 = arith.extsi %v : i15 to i64
    %p = arith.muli %u64, %v64 : i64
    %t = arith.addi %s, %p : i64
    linalg.yield %t : i64
  } -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// -----

// The loop of a window: steps of a part are 2 * (7 * part + step) elements on.
// CHECK-DAG: affine_map<(d0, d1, d2) -> (d1 + (d0 * 7 + d2) * 2)>
// CHECK-DAG: affine_map<(d0, d1) -> (d0 + d1 * 2)>
// CHECK-LABEL: func.func @window_with_rest
// CHECK-SAME: %[[X:.*]]: tensor<40xi15>
// CHECK: %[[PARTS:.*]] = linalg.generic {{.*}} ins(%[[X]], %{{.*}} : tensor<40xi15>, tensor<2x7xi15>) outs(%{{.*}} : tensor<2x4xi32>)
// CHECK: linalg.generic {{.*}} ins(%[[PARTS]] : tensor<2x4xi32>)
// CHECK: %[[REST:.*]] = tensor.extract_slice %[[X]][28] [12] [1]
// CHECK: linalg.generic {{.*}} ins(%[[REST]], %{{.*}} : tensor<12xi15>, tensor<3xi15>) outs(%{{.*}} : tensor<4xi32>)
func.func @window_with_rest(%x: tensor<40xi15>, %w: tensor<17xi15>, %acc: tensor<4xi64>) -> tensor<4xi64> {
  %0 = linalg.generic {indexing_maps = [affine_map<(o, h) -> (o + h * 2)>, affine_map<(o, h) -> (h)>, affine_map<(o, h) -> (o)>], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : tensor<40xi15>, tensor<17xi15>) outs(%acc : tensor<4xi64>) {
  ^bb0(%u: i15, %v: i15, %s: i64):
    %u64 = arith.extsi %u : i15 to i64
    %v64 = arith.extsi %v : i15 to i64
    %p = arith.muli %u64, %v64 : i64
    %t = arith.addi %s, %p : i64
    linalg.yield %t : i64
  } -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// -----

// Sums of anything: no product, a dynamic size beside it, all of it one number.
// CHECK-LABEL: func.func @plain_sum
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<?x2x50000xi16>) outs(%{{.*}} : tensor<2x?xi32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x?xi32>) outs(%{{.*}} : tensor<?xi64>)
func.func @plain_sum(%x: tensor<?x100000xi16>, %acc: tensor<?xi64>) -> tensor<?xi64> {
  %0 = linalg.reduce ins(%x : tensor<?x100000xi16>) outs(%acc : tensor<?xi64>) dimensions = [1] (%in: i16, %s: i64) {
    %w = arith.extsi %in : i16 to i64
    %t = arith.addi %s, %w : i64
    linalg.yield %t : i64
  }
  return %0 : tensor<?xi64>
}

// CHECK-LABEL: func.func @one_number
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<10xi32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%{{.*}} : tensor<10xi32>) outs(%{{.*}} : tensor<i64>)
func.func @one_number(%x: tensor<10x60000xi16>, %acc: tensor<i64>) -> tensor<i64> {
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> ()>], iterator_types = ["reduction", "reduction"]}
      ins(%x : tensor<10x60000xi16>) outs(%acc : tensor<i64>) {
  ^bb0(%in: i16, %s: i64):
    %w = arith.extsi %in : i16 to i64
    %t = arith.addi %s, %w : i64
    linalg.yield %t : i64
  } -> tensor<i64>
  return %0 : tensor<i64>
}

// -----

// A sum is not bounded by its last step, nor is what reads one: its elements may be any i32.
// CHECK-LABEL: func.func @sum_of_sums
// CHECK: arith.extsi %{{.*}} : i32 to i64
// CHECK-NEXT: arith.addi %{{.*}} : i64
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @sum_of_sums(%x: tensor<4x4xi8>, %init: tensor<4xi32>, %acc: tensor<i64>) -> tensor<i64> {
  %0 = linalg.reduce ins(%x : tensor<4x4xi8>) outs(%init : tensor<4xi32>) dimensions = [1] (%in: i8, %s: i32) {
    %w = arith.extsi %in : i8 to i32
    %t = arith.addi %s, %w : i32
    linalg.yield %t : i32
  }
  %1 = linalg.reduce ins(%0 : tensor<4xi32>) outs(%acc : tensor<i64>) dimensions = [0] (%in: i32, %s: i64) {
    %w = arith.extsi %in : i32 to i64
    %t = arith.addi %s, %w : i64
    linalg.yield %t : i64
  }
  return %1 : tensor<i64>
}

// -----

// Entries of the table are -300 ... 70, of the constant 1 ... 21: 7158278 terms are safe, there are 6300000. Moves change no element. Of 16-bit codes 65536
// terms are.
// CHECK-LABEL: func.func @tables
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<i32>)
// CHECK: linalg.generic {{.*}} iterator_types = []} ins(%{{.*}} : tensor<i32>) outs(%{{.*}} : tensor<i64>)
func.func @tables(%x: tensor<6xi2>, %acc: tensor<i64>) -> tensor<i64> {
  %e = tensor.empty() : tensor<6xi16>
  %t = linalg.generic {indexing_maps = [affine_map<(m) -> (m)>, affine_map<(m) -> (m)>], iterator_types = ["parallel"]} ins(%x : tensor<6xi2>) outs(%e : tensor<6xi16>) {
  ^bb0(%in: i2, %o: i16):
    %v = qfmt.lookup %in in dense<[0, -300, 5, 70]> : tensor<4xi16> : i2 to i16
    linalg.yield %v : i16
  } -> tensor<6xi16>
  %c = arith.constant dense<[[1, 21, 3], [4, 5, 6]]> : tensor<2x3xi16>
  %f = tensor.collapse_shape %c [[0, 1]] : tensor<2x3xi16> into tensor<6xi16>
  %all = tensor.concat dim(0) %t, %f : (tensor<6xi16>, tensor<6xi16>) -> tensor<12xi16>
  %some = tensor.extract_slice %all[2] [7] [1] : tensor<12xi16> to tensor<7xi16>
  %b = tensor.empty() : tensor<7x900000xi16>
  %many = linalg.broadcast ins(%some : tensor<7xi16>) outs(%b : tensor<7x900000xi16>) dimensions = [1]
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> ()>], iterator_types = ["reduction", "reduction"]}
      ins(%many : tensor<7x900000xi16>) outs(%acc : tensor<i64>) {
  ^bb0(%in: i16, %s: i64):
    %w = arith.extsi %in : i16 to i64
    %next = arith.addi %w, %s : i64
    linalg.yield %next : i64
  } -> tensor<i64>
  return %0 : tensor<i64>
}

// -----

// Positions, maxima and differences from the accumulator are no sums of terms.
// CHECK-LABEL: func.func @others
// CHECK-NOT: i32
// CHECK: return
func.func @others(%x: tensor<8xi16>, %acc: tensor<i64>) -> (tensor<i64>, tensor<i64>, tensor<i64>) {
  %0 = linalg.generic {indexing_maps = [affine_map<(m) -> (m)>, affine_map<(m) -> ()>], iterator_types = ["reduction"]} ins(%x : tensor<8xi16>) outs(%acc : tensor<i64>) {
  ^bb0(%in: i16, %s: i64):
    %i = linalg.index 0 : index
    %w = arith.index_cast %i : index to i64
    %t = arith.addi %s, %w : i64
    linalg.yield %t : i64
  } -> tensor<i64>
  %1 = linalg.reduce ins(%x : tensor<8xi16>) outs(%acc : tensor<i64>) dimensions = [0] (%in: i16, %s: i64) {
    %w = arith.extsi %in : i16 to i64
    %t = arith.maxsi %s, %w : i64
    linalg.yield %t : i64
  }
  %2 = linalg.reduce ins(%x : tensor<8xi16>) outs(%acc : tensor<i64>) dimensions = [0] (%in: i16, %s: i64) {
    %w = arith.extsi %in : i16 to i64
    %t = arith.subi %w, %s : i64
    linalg.yield %t : i64
  }
  return %0, %1, %2 : tensor<i64>, tensor<i64>, tensor<i64>
}

// -----

// Factors as large as an i64 can be.
// CHECK-LABEL: func.func @extreme_factors(
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: arith.addi %{{.*}}, %{{.*}} : i64
#rows = affine_map<(m, k) -> (m, k)>
#columns = affine_map<(m, k) -> (k)>
#sums = affine_map<(m, k) -> (m)>
func.func @extreme_factors(%x: tensor<4x2xi1>, %acc: tensor<4xi64>) -> tensor<4xi64> {
  %w = arith.constant dense<[9223372036854775807, 3]> : tensor<2xi64>
  %0 = linalg.generic {indexing_maps = [#rows, #columns, #sums], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : tensor<4x2xi1>, tensor<2xi64>) outs(%acc : tensor<4xi64>) {
  ^bb0(%u: i1, %v: i64, %s: i64):
    %1 = arith.extui %u : i1 to i64
    %2 = arith.muli %1, %v : i64
    %3 = arith.addi %s, %2 : i64
    linalg.yield %3 : i64
  } -> tensor<4xi64>
  return %0 : tensor<4xi64>
}
