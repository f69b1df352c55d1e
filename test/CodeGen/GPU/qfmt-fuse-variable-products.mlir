// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-batches-to-rows -canonicalize -cse -qfmt-collapse-readers -canonicalize -qfmt-fuse-variable-products -canonicalize | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-batches-to-rows=tier=portable -qfmt-fuse-variable-products=tier=portable | FileCheck %s --check-prefix=LEFT
// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-batches-to-rows --remark-policy=all --remarks-filter-missed='qfmt-batches.*' -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_75 -qfmt-batches-to-rows=tier=mma 2>&1 | FileCheck %s --check-prefix=OLD
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_75 -qfmt-fuse-variable-products=tier=mma 2>&1 | FileCheck %s --check-prefix=OLD

// OLD: error: 'sm_75' has no mma.sync
// LEFT-NOT: qfmt_gpu.product

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#y = affine_map<(b, m, n, k) -> (b, k, n)>
#t = affine_map<(b, m, n, k) -> (b, n, k)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>
#id = affine_map<(b, m, n) -> (b, m, n)>

// Codes of 16 bits, terms in rows, and what is computed from the sums of 64 bits.
// CHECK-LABEL: @values
// CHECK: %[[L:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2]] : tensor<2x5x8xi16> into tensor<10x8xi16>
// CHECK: %[[R:.*]] = qfmt_gpu.product %[[L]] * %{{.*}} by_terms into %{{.*}} {
// CHECK: ^bb0(%[[S:.*]]: i64):
// CHECK:   %[[T:.*]] = arith.trunci %[[S]] : i64 to i16
// CHECK:   qfmt_gpu.yield %[[T]] : i16
// CHECK: tensor<10x8xi16>, tensor<2x8x16xi16>, tensor<10x16xi16> -> tensor<10x16xi16>
// CHECK: tensor.expand_shape %[[R]]
func.func @values(%x: tensor<2x5x8xi16>, %y: tensor<2x8x16xi16>) -> tensor<2x5x16xi16> {
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

// -----

// Bytes, terms in columns, one matrix for all rows, and an initial value.
// CHECK-LABEL: @keys
// CHECK: %[[K:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0, 1], [2]] output_shape [1, 16, 8] : tensor<16x8xi8> into tensor<1x16x8xi8>
// CHECK: qfmt_gpu.product %{{.*}} unsigned * %[[K]] with %{{.*}} : tensor<5x16xi32>
// CHECK: ^bb0(%[[S:.*]]: i32, %[[I:.*]]: i32):
// CHECK:   arith.addi %[[S]], %[[I]]
func.func @keys(%x: tensor<5x8xi8>, %y: tensor<16x8xi8>, %f: tensor<5x16xi32>) -> tensor<5x16xi32> {
  %z = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %y : tensor<5x8xi8>, tensor<16x8xi8>) outs(%f : tensor<5x16xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<5x16xi32>
  return %z : tensor<5x16xi32>
}

// -----

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#t = affine_map<(b, m, n, k) -> (b, n, k)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>

// REMARK: NoBatches{{.*}}a factor has a zero point
// CHECK-LABEL: @zero_point
// CHECK-NOT: qfmt_gpu.product
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

// -----

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#t = affine_map<(b, m, n, k) -> (b, n, k)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>

// Sums of planes would overflow.
// REMARK: NoBatches{{.*}}sums of so many terms would overflow 32 bits
// CHECK-LABEL: @terms
// CHECK-NOT: qfmt_gpu.product
func.func @terms(%x: tensor<2x5x16385xi16>, %y: tensor<2x16x16385xi16>, %f: tensor<2x5x16xi64>) -> tensor<2x5x16xi64> {
  %z = linalg.generic {indexing_maps = [#x, #t, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x5x16385xi16>, tensor<2x16x16385xi16>) outs(%f : tensor<2x5x16xi64>) {
  ^bb0(%a: i16, %b: i16, %o: i64):
    %a32 = arith.extsi %a : i16 to i32
    %b32 = arith.extsi %b : i16 to i32
    %p = arith.muli %a32, %b32 : i32
    %l = arith.extsi %p : i32 to i64
    %s = arith.addi %o, %l : i64
    linalg.yield %s : i64
  } -> tensor<2x5x16xi64>
  return %z : tensor<2x5x16xi64>
}

// -----

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#y = affine_map<(b, m, n, k) -> (b, n, k)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>

// Bytes of two codes are read by the product.
// CHECK-LABEL: @packed_keys
// CHECK-SAME: %[[B:[^:]*]]: tensor<112xi8>
// CHECK-NOT: qfmt_gpu.unpack
// CHECK: %[[E:.*]] = tensor.expand_shape %[[B]] {{\[\[}}0, 1, 2]] output_shape [2, 7, 8] : tensor<112xi8> into tensor<2x7x8xi8>
// CHECK: qfmt_gpu.product %{{.*}} * %[[E]] bits 4 with
func.func @packed_keys(%x: tensor<2x5x16xi8>, %b: tensor<112xi8>, %f: tensor<2x5x7xi32>) -> tensor<2x5x7xi32> {
  %y = qfmt_gpu.unpack %b bits 4 : tensor<112xi8> -> tensor<2x7x16xi8>
  %z = linalg.generic {indexing_maps = [#x, #y, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x5x16xi8>, tensor<2x7x16xi8>) outs(%f : tensor<2x5x7xi32>) {
  ^bb0(%a: i8, %c: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %c32 = arith.extsi %c : i8 to i32
    %p = arith.muli %a32, %c32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x5x7xi32>
  return %z : tensor<2x5x7xi32>
}

// -----

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#y = affine_map<(b, m, n, k) -> (b, k, n)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>

// Terms in rows. Codes without sign are the same numbers for both extensions.
// CHECK-LABEL: @packed_values
// CHECK-SAME: %[[B:[^:]*]]: tensor<56xi8>
// CHECK: %[[E:.*]] = tensor.expand_shape %[[B]] {{.*}} into tensor<2x7x4xi8>
// CHECK: qfmt_gpu.product %{{.*}} * %[[E]] unsigned by_terms bits 4 with
func.func @packed_values(%x: tensor<2x5x7xi8>, %b: tensor<56xi8>, %f: tensor<2x5x8xi32>) -> tensor<2x5x8xi32> {
  %y = qfmt_gpu.unpack %b bits 4 unsigned : tensor<56xi8> -> tensor<2x7x8xi8>
  %z = linalg.generic {indexing_maps = [#x, #y, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x5x7xi8>, tensor<2x7x8xi8>) outs(%f : tensor<2x5x8xi32>) {
  ^bb0(%a: i8, %c: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %c32 = arith.extsi %c : i8 to i32
    %p = arith.muli %a32, %c32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x5x8xi32>
  return %z : tensor<2x5x8xi32>
}

// -----

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#y = affine_map<(b, m, n, k) -> (b, k, n)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>

// Rows do not begin at whole bytes.
// CHECK-LABEL: @odd_rows
// CHECK: %[[C:.*]] = qfmt_gpu.unpack
// CHECK: qfmt_gpu.product %{{.*}} * %[[C]] by_terms with
func.func @odd_rows(%x: tensor<2x5x8xi8>, %b: tensor<56xi8>, %f: tensor<2x5x7xi32>) -> tensor<2x5x7xi32> {
  %y = qfmt_gpu.unpack %b bits 4 : tensor<56xi8> -> tensor<2x8x7xi8>
  %z = linalg.generic {indexing_maps = [#x, #y, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x5x8xi8>, tensor<2x8x7xi8>) outs(%f : tensor<2x5x7xi32>) {
  ^bb0(%a: i8, %c: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %c32 = arith.extsi %c : i8 to i32
    %p = arith.muli %a32, %c32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x5x7xi32>
  return %z : tensor<2x5x7xi32>
}

// -----

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#y = affine_map<(b, m, n, k) -> (b, n, k)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>

// Bytes of negative codes without their sign.
// CHECK-LABEL: @other_extension
// CHECK: %[[C:.*]] = qfmt_gpu.unpack
// CHECK: qfmt_gpu.product %{{.*}} * %[[C]] unsigned with
func.func @other_extension(%x: tensor<2x5x8xi8>, %b: tensor<56xi8>, %f: tensor<2x5x7xi32>) -> tensor<2x5x7xi32> {
  %y = qfmt_gpu.unpack %b bits 4 : tensor<56xi8> -> tensor<2x7x8xi8>
  %z = linalg.generic {indexing_maps = [#x, #y, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x5x8xi8>, tensor<2x7x8xi8>) outs(%f : tensor<2x5x7xi32>) {
  ^bb0(%a: i8, %c: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %c32 = arith.extui %c : i8 to i32
    %p = arith.muli %a32, %c32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x5x7xi32>
  return %z : tensor<2x5x7xi32>
}

// -----

#x = affine_map<(b, m, n, k) -> (b, m, k)>
#y = affine_map<(b, m, n, k) -> (b, n, k)>
#z = affine_map<(b, m, n, k) -> (b, m, n)>

// Sums of bytes wrap, those of codes of 4 bits do not.
// CHECK-LABEL: @many_terms
// CHECK: %[[C:.*]] = qfmt_gpu.unpack
// CHECK: qfmt_gpu.product %{{.*}} * %[[C]] with
func.func @many_terms(%x: tensor<2x1x16386xi8>, %b: tensor<16386xi8>, %f: tensor<2x1x1xi32>) -> tensor<2x1x1xi32> {
  %y = qfmt_gpu.unpack %b bits 4 : tensor<16386xi8> -> tensor<2x1x16386xi8>
  %z = linalg.generic {indexing_maps = [#x, #y, #z], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<2x1x16386xi8>, tensor<2x1x16386xi8>) outs(%f : tensor<2x1x1xi32>) {
  ^bb0(%a: i8, %c: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %c32 = arith.extsi %c : i8 to i32
    %p = arith.muli %a32, %c32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x1x1xi32>
  return %z : tensor<2x1x1xi32>
}
