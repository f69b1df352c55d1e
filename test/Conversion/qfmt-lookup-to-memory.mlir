// RUN: qfmt-opt %s --qfmt-lookup-to-memory --split-input-file --verify-diagnostics | FileCheck %s

// The table has an entry for every index; equal tables share one.
// CHECK:       memref.global "private" constant @qfmt_table : memref<4xf32> = dense<[-1.000000e+00, 0.000000e+00, 5.000000e-01, 5.000000e-01]> {alignment = 64 : i64}
// CHECK-NOT:   memref.global
// CHECK-LABEL: @scalar(
// CHECK-SAME:    %[[CODE:.*]]: i2, %[[OTHER:.*]]: i2
// CHECK-DAG:     %[[TABLE:.*]] = memref.get_global @qfmt_table : memref<4xf32>
// CHECK-DAG:     %[[INDEX:.*]] = arith.index_castui %[[CODE]] : i2 to index
// CHECK:         %[[X:.*]] = memref.load %[[TABLE]][%[[INDEX]]] : memref<4xf32>
// CHECK:         %[[Y:.*]] = memref.load
// CHECK:         return %[[X]], %[[Y]]
func.func @scalar(%code: i2, %other: i2) -> (f32, f32) {
  %x = qfmt.lookup %code in dense<[-1.0, 0.0, 0.5]> : tensor<3xf32> : i2 to f32
  %y = qfmt.lookup %other in dense<[-1.0, 0.0, 0.5]> : tensor<3xf32> : i2 to f32
  return %x, %y : f32, f32
}

// -----

// A wide index is clamped: a table of its size would be too large.
// CHECK:       memref.global {{.*}} memref<3xi16> = dense<[7, 8, 9]>
// CHECK-LABEL: @wide_index(
// CHECK-SAME:    %[[CODE:.*]]: i16
// CHECK:         %[[LAST:.*]] = arith.constant 2 : i16
// CHECK:         %[[CLAMPED:.*]] = arith.minui %[[CODE]], %[[LAST]] : i16
// CHECK:         arith.index_castui %[[CLAMPED]] : i16 to index
func.func @wide_index(%code: i16) -> i16 {
  %x = qfmt.lookup %code in dense<[7, 8, 9]> : tensor<3xi16> : i16 to i16
  return %x : i16
}

// -----

// Entries take whole bytes, and floats that LLVM does not have are integers.
// CHECK-DAG:   memref.global {{.*}} memref<2xi8> = dense<[7, 8]>
// CHECK-DAG:   memref.global {{.*}} memref<2xi8> = dense<[56, -64]>
// CHECK-LABEL: @narrow_entries(
// CHECK:         %[[LOADED:.*]] = memref.load {{.*}} : memref<2xi8>
// CHECK:         arith.trunci %[[LOADED]] : i8 to i4
// CHECK:         %[[BITS:.*]] = memref.load {{.*}} : memref<2xi8>
// CHECK:         arith.bitcast %[[BITS]] : i8 to f8E4M3FN
func.func @narrow_entries(%code: i1) -> (i4, f8E4M3FN) {
  %x = qfmt.lookup %code in dense<[7, -8]> : tensor<2xi4> : i1 to i4
  %y = qfmt.lookup %code in dense<[1.0, -2.0]> : tensor<2xf8E4M3FN> : i1 to f8E4M3FN
  return %x, %y : i4, f8E4M3FN
}

// -----

// CHECK-LABEL: @vector(
// CHECK-SAME:    %[[CODES:.*]]: vector<16xi8>, %{{.*}}: vector<2x3xi8>
// CHECK:         %[[INDEX:.*]] = arith.index_castui %[[CODES]] : vector<16xi8> to vector<16xindex>
// CHECK:         vector.gather %{{.*}}[%{{.*}}] [%[[INDEX]]], %{{.*}}, %{{.*}} : memref<256xf32>, vector<16xindex>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK:         %[[FLAT:.*]] = vector.shape_cast %{{.*}} : vector<2x3xindex> to vector<6xindex>
// CHECK:         %[[LOADED:.*]] = vector.gather %{{.*}}[%{{.*}}] [%[[FLAT]]], {{.*}} into vector<6xf32>
// CHECK:         vector.shape_cast %[[LOADED]] : vector<6xf32> to vector<2x3xf32>
func.func @vector(%codes: vector<16xi8>, %more: vector<2x3xi8>) -> (vector<16xf32>, vector<2x3xf32>) {
  %v = qfmt.lookup %codes in dense<[1.0, 2.0]> : tensor<2xf32> : vector<16xi8> to vector<16xf32>
  %w = qfmt.lookup %more in dense<[1.0, 2.0]> : tensor<2xf32> : vector<2x3xi8> to vector<2x3xf32>
  return %v, %w : vector<16xf32>, vector<2x3xf32>
}

// -----

// A tensor has no memory yet.
// CHECK-LABEL: @tensor(
// CHECK:         qfmt.lookup
func.func @tensor(%codes: tensor<16xi8>) -> tensor<16xf32> {
  %v = qfmt.lookup %codes in dense<[1.0, 2.0]> : tensor<2xf32> : tensor<16xi8> to tensor<16xf32>
  return %v : tensor<16xf32>
}

// -----

func.func @index_entries(%code: i8) -> index {
  // expected-error @+1 {{'qfmt.lookup' op has a table that cannot be read, of type 'tensor<2xindex>'}}
  %v = qfmt.lookup %code in dense<[1, 2]> : tensor<2xindex> : i8 to index
  return %v : index
}
