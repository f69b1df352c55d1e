// Numbers are tested in unittests/CodeGen/CPU/FloatProductsTest.cpp.
//
// RUN: qfmt-opt %s --qfmt-float-products-to-vectors --canonicalize --cse --split-input-file | FileCheck %s
// RUN: qfmt-opt %s --qfmt-float-products-to-vectors --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=GROUPS
// RUN: qfmt-opt %s --qfmt-float-products-to-vectors=group-sums=false --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=EACH
// RUN: qfmt-opt %s --qfmt-float-products-to-vectors=contract --split-input-file | FileCheck %s --check-prefix=CONTRACT
// RUN: qfmt-opt %s --qfmt-float-products-to-vectors --split-input-file --remark-policy=all \
// RUN:   --remarks-filter-passed='qfmt-f.*' --remarks-filter-missed='qfmt-f.*' -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#t = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>

// Sums begin with the initial values and are multiplied and added in their order; a maximum is computed on them.
// CHECK-LABEL: @row_major(
// CHECK-SAME:    %[[X:.*]]: tensor<1x8xf32>, %[[W:.*]]: tensor<8x16xf32>, %[[Z:.*]]: tensor<1x16xf32>)
// CHECK:         %[[START:.*]] = vector.transfer_read %[[Z]]
// CHECK:         %[[SUM:.*]] = scf.for %[[K:.*]] = {{.*}} iter_args(%[[S:.*]] = %[[START]]) -> (vector<16xf32>)
// CHECK:           %[[COLUMNS:.*]] = vector.transfer_read %[[W]][%[[K]], %{{.*}}]
// CHECK:           %[[LEFT:.*]] = tensor.extract %[[X]][%{{.*}}, %[[K]]]
// CHECK:           %[[SAME:.*]] = vector.broadcast %[[LEFT]]
// CHECK:           %[[P:.*]] = arith.mulf %[[SAME]], %[[COLUMNS]] : vector<16xf32>
// CHECK:           %[[N:.*]] = arith.addf %[[S]], %[[P]] : vector<16xf32>
// CHECK:           scf.yield %[[N]]
// CHECK:         %[[MAX:.*]] = arith.maximumf %[[SUM]]
// CHECK:         vector.transfer_write %[[MAX]]
// CHECK-NOT:     linalg
// REMARK: Blocks {{.*}}FusedOperations=1
func.func @row_major(%x: tensor<1x8xf32>, %w: tensor<8x16xf32>, %z: tensor<1x16xf32>) -> tensor<1x16xf32> {
  %zero = arith.constant 0.0 : f32
  %y = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x8xf32>, tensor<8x16xf32>) outs(%z : tensor<1x16xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<1x16xf32>
  %e = tensor.empty() : tensor<1x16xf32>
  %q = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>],
                       iterator_types = ["parallel", "parallel"]} ins(%y : tensor<1x16xf32>) outs(%e : tensor<1x16xf32>) {
  ^bb0(%v: f32, %o: f32):
    %m = arith.maximumf %v, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x16xf32>
  return %q : tensor<1x16xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#t = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>

// The codes of eight rows are one word; the scale of 16 rows is read once for them. No matrix of f32 but activations and result.
// CHECK-LABEL: @decoded(
// CHECK-DAG:     %[[CODES:.*]] = arith.constant {{.*}} : tensor<1x4x16xi32>
// CHECK-DAG:     %[[SCALES:.*]] = arith.constant {{.*}} : tensor<1x2x16xi32>
// CHECK:         scf.for %[[GROUP:.*]] = %{{.*}} to %{{.*}} step %c16 iter_args(
// CHECK:           %[[G:.*]] = arith.divui %[[GROUP]], %c16
// CHECK:           vector.transfer_read %[[SCALES]][%c0, %[[G]], %c0]
// CHECK:           scf.for %[[UNIT:.*]] = %[[GROUP]] to %{{.*}} step %c8 iter_args(
// CHECK:             %[[U:.*]] = arith.divui %[[UNIT]], %c8
// CHECK:             vector.transfer_read %[[CODES]][%c0, %[[U]], %c0]
// CHECK-COUNT-8:     arith.shrsi
// The scale is applied to the sums of the group, which begin with 0; or to each of the eight numbers.
// GROUPS-LABEL: @decoded(
// GROUPS-DAG:     %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// GROUPS:         scf.for {{.*}} iter_args(%[[ALL:.*]] = %{{.*}}) -> (vector<16xf32>)
// GROUPS:           %[[SUMS:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[ZERO]]) -> (vector<16xf32>)
// GROUPS-COUNT-8:     arith.mulf
// GROUPS-NOT:         arith.mulf
// GROUPS:             scf.yield
// GROUPS:           %[[SCALED:.*]] = arith.mulf %[[SUMS]], %{{.*}} fastmath<contract>
// GROUPS:           %[[NEXT:.*]] = arith.addf %[[ALL]], %[[SCALED]] fastmath<contract>
// GROUPS:           scf.yield %[[NEXT]]
// EACH-LABEL: @decoded(
// EACH-COUNT-16:    arith.mulf
// EACH-NOT:         fastmath
// EACH:             scf.yield
// CHECK-NOT:     tensor<16x32xf32>
// CHECK-NOT:     tensor<16x2x16xf32>
// REMARK: Decoded {{.*}}Bytes=384
func.func @decoded(%x: tensor<1x32xf32>, %z: tensor<1x16xf32>) -> tensor<1x16xf32> {
  %codes = arith.constant dense_resource<codes> : tensor<16x2x16xi8>
  %scales = arith.constant dense_resource<scales> : tensor<16x2xf32>
  %e = tensor.empty() : tensor<16x2x16xf32>
  %d = linalg.generic {indexing_maps = [affine_map<(n, g, i) -> (n, g, i)>, affine_map<(n, g, i) -> (n, g)>,
                                        affine_map<(n, g, i) -> (n, g, i)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%codes, %scales : tensor<16x2x16xi8>, tensor<16x2xf32>) outs(%e : tensor<16x2x16xf32>) {
  ^bb0(%c: i8, %s: f32, %o: f32):
    %i = arith.extsi %c : i8 to i32
    %f = arith.sitofp %i : i32 to f32
    %v = arith.mulf %f, %s : f32
    linalg.yield %v : f32
  } -> tensor<16x2x16xf32>
  %w = tensor.collapse_shape %d [[0], [1, 2]] : tensor<16x2x16xf32> into tensor<16x32xf32>
  %y = linalg.generic {indexing_maps = [#a, #t, #c], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x32xf32>, tensor<16x32xf32>) outs(%z : tensor<1x16xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<1x16xf32>
  return %y : tensor<1x16xf32>
}

{-#
  dialect_resources: {
    builtin: {
      codes: "0x01000000f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01f8ff06fd04fb02f90007fe05fc03fa01",
      scales: "0x040000000000803f0000a03f0000c03f0000e03f000000400000104000002040000030400000803f0000a03f0000c03f0000e03f000000400000104000002040000030400000803f0000a03f0000c03f0000e03f000000400000104000002040000030400000803f0000a03f0000c03f0000e03f00000040000010400000204000003040"
    }
  }
#-}

// -----

#a = affine_map<(b, m, n, k) -> (b, m, k)>
#t = affine_map<(b, m, n, k) -> (b, n, k)>
#c = affine_map<(b, m, n, k) -> (b, m, n)>

// A product of matrices for each of a batch, without copies; the right factor is transposed in registers.
// CHECK-LABEL: @batch(
// CHECK:         scf.for
// CHECK-DAG:       tensor.extract_slice {{.*}} : tensor<3x4x16xf32> to tensor<4x16xf32>
// CHECK-DAG:       tensor.extract_slice {{.*}} : tensor<3x16x16xf32> to tensor<16x16xf32>
// CHECK:           vector.shuffle
// CHECK:           tensor.insert_slice
func.func @batch(%x: tensor<3x4x16xf32>, %w: tensor<3x16x16xf32>, %z: tensor<3x4x16xf32>) -> tensor<3x4x16xf32> {
  %y = linalg.generic {indexing_maps = [#a, #t, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<3x4x16xf32>, tensor<3x16x16xf32>) outs(%z : tensor<3x4x16xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<3x4x16xf32>
  return %y : tensor<3x4x16xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: @unknown_columns(
// CHECK:         linalg.generic
// REMARK: NotBlocked{{.*}}only the number of rows may be unknown
func.func @unknown_columns(%x: tensor<4x8xf32>, %w: tensor<8x?xf32>, %z: tensor<4x?xf32>) -> tensor<4x?xf32> {
  %y = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<4x8xf32>, tensor<8x?xf32>) outs(%z : tensor<4x?xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<4x?xf32>
  return %y : tensor<4x?xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>

// Sums of something else than products stay.
// CHECK-LABEL: @differences(
// CHECK:         linalg.generic
func.func @differences(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %z: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %y = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%z : tensor<4x16xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.subf %l, %r : f32
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: @contracted(
// CHECK:         arith.mulf %{{.*}}, %{{.*}} : vector
// CONTRACT-LABEL: @contracted(
// CONTRACT:         arith.mulf {{.*}} fastmath<contract> : vector<16xf32>
// CONTRACT:         arith.addf {{.*}} fastmath<contract> : vector<16xf32>
func.func @contracted(%x: tensor<1x8xf32>, %w: tensor<8x16xf32>, %z: tensor<1x16xf32>) -> tensor<1x16xf32> {
  %y = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x8xf32>, tensor<8x16xf32>) outs(%z : tensor<1x16xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<1x16xf32>
  return %y : tensor<1x16xf32>
}
