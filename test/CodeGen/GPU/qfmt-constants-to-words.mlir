// RUN: qfmt-opt %s -split-input-file --qfmt-constants-to-words=min-bytes=8 | FileCheck %s
// RUN: qfmt-opt %s -split-input-file --qfmt-constants-to-words=min-bytes=8 --remark-policy=all --remarks-filter-passed='qfmt-constants.*' \
// RUN:   --remarks-filter-missed='qfmt-constants.*' -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: qfmt-opt %s -split-input-file --qfmt-constants-to-words | FileCheck %s --check-prefix=SMALL
// SMALL-NOT: xi32>

// Codes are what is added to -8: 0x76543210, 0xFEDCBA98, and 0xF (7) or 0 (-8) alone in the last word of a row.
// CHECK: memref.global "private" constant @neighbours_words : memref<2x3xi32> =
// CHECK-SAME: dense<{{\[}}[1985229328, -19088744, 15], [-19088744, 1985229328, 0]]> {alignment = 64 : i64}
memref.global "private" constant @neighbours : memref<2x17xi8> = dense<[
  [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 7],
  [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1, -8]]> {alignment = 64 : i64}

// REMARK: [Passed] Packed | Category:qfmt-constants-to-words | Bits=4, BytesAfter=24, BytesBefore=34, Remark="a constant in words of 32 bits", TableEntries=0
// CHECK-LABEL: func @load_neighbours
// CHECK-DAG: %[[W:.*]] = memref.get_global @neighbours_words : memref<2x3xi32>
// CHECK: gpu.launch
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : index
// CHECK-DAG: %[[C7:.*]] = arith.constant 7 : index
// CHECK-DAG: %[[TWO:.*]] = arith.constant 2 : i32
// CHECK-DAG: %[[MASK:.*]] = arith.constant 15 : i32
// CHECK-DAG: %[[FIRST:.*]] = arith.constant -8 : i32
// CHECK-DAG: %[[PLACE:.*]] = arith.shrui %[[K:.*]], %[[C3]] : index
// CHECK-DAG: %[[REST:.*]] = arith.andi %[[K]], %[[C7]] : index
// CHECK-DAG: %[[LOWER:.*]] = arith.index_castui %[[REST]] : index to i32
// CHECK-DAG: %[[BIT:.*]] = arith.shli %[[LOWER]], %[[TWO]] : i32
// CHECK-DAG: %[[WORD:.*]] = memref.load %[[W]][%{{.*}}, %[[PLACE]]] : memref<2x3xi32>
// CHECK-DAG: %[[SHIFTED:.*]] = arith.shrui %[[WORD]], %[[BIT]] : i32
// CHECK-DAG: %[[CODE:.*]] = arith.andi %[[SHIFTED]], %[[MASK]] : i32
// CHECK-DAG: %[[SUM:.*]] = arith.addi %[[CODE]], %[[FIRST]] : i32
// CHECK: %[[V:.*]] = arith.trunci %[[SUM]] overflow<nsw> : i32 to i8
// CHECK: memref.store %[[V]]
func.func @load_neighbours(%out: memref<2x17xi8>) {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c17 = arith.constant 17 : index
  %w = memref.get_global @neighbours : memref<2x17xi8>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c2, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c17, %sy = %c1, %sz = %c1) {
    %v = memref.load %w[%bx, %tx] : memref<2x17xi8>
    memref.store %v, %out[%bx, %tx] : memref<2x17xi8>
    gpu.terminator
  }
  return
}

// -----

// Four values that are no neighbours, read by two kernels. Codes of two bits: 0x1BE4 = 7140 has 0 1 2 3 3 2 1 0 from the lowest bits on. The table
// is one word of four bytes, -9 (0xF7), 0, 9, 100 (0x64).
// CHECK: memref.global "private" constant @table_words : memref<1xi32> = dense<7140>
memref.global "private" constant @table : memref<8xi8> = dense<[-9, 0, 9, 100, 100, 9, 0, -9]>

// REMARK: [Passed] Packed | {{.*}} Bits=2, BytesAfter=4, BytesBefore=8, {{.*}} TableEntries=4
// CHECK-LABEL: func @load_table
// CHECK: gpu.launch
// CHECK-DAG: %[[TABLE:.*]] = arith.constant 1678311671 : i32
// CHECK-DAG: %[[MASK:.*]] = arith.constant 3 : i32
// CHECK: %[[CODE:.*]] = arith.andi %{{.*}}, %{{.*}} : i32
// CHECK-NOT: arith.select
// CHECK: %[[ENTRY:.*]] = arith.shrui %[[TABLE]], %{{.*}} : i32
// CHECK: arith.trunci %[[ENTRY]] : i32 to i8
// CHECK: gpu.launch
// CHECK: memref.load %{{.*}} : memref<1xi32>
func.func @load_table(%out: memref<8xi8>) {
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %w = memref.get_global @table : memref<8xi8>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c8, %sy = %c1, %sz = %c1) {
    %v = memref.load %w[%tx] : memref<8xi8>
    memref.store %v, %out[%tx] : memref<8xi8>
    gpu.terminator
  }
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c8, %sy = %c1, %sz = %c1) {
    %w2 = memref.get_global @table : memref<8xi8>
    %v = memref.load %w2[%tx] : memref<8xi8>
    memref.store %v, %out[%tx] : memref<8xi8>
    gpu.terminator
  }
  return
}

// -----

// Numbers of MXFP4, twice: a table of 15 bytes, selected by the upper two bits of the code.
// REMARK: [Passed] Packed | {{.*}} Bits=4, BytesAfter=8, BytesBefore=16, {{.*}} TableEntries=15
// CHECK: memref.global "private" constant @fp4_words : memref<2xi32>
memref.global "private" constant @fp4 : memref<16xi8> = dense<[-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12, 12]>

// CHECK-LABEL: func @load_fp4
// CHECK: gpu.launch
// CHECK-COUNT-3: arith.select
// CHECK-NOT: arith.select
// CHECK: arith.trunci
func.func @load_fp4(%out: memref<16xi8>) {
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %w = memref.get_global @fp4 : memref<16xi8>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c16, %sy = %c1, %sz = %c1) {
    %v = memref.load %w[%tx] : memref<16xi8>
    memref.store %v, %out[%tx] : memref<16xi8>
    gpu.terminator
  }
  return
}

// -----

// Signs: 32 of them in a word.
// REMARK: [Passed] Packed | {{.*}} Bits=1, BytesAfter=8, BytesBefore=64, {{.*}} TableEntries=2
// CHECK: memref.global "private" constant @signs_words : memref<2x1xi32> = dense<{{\[}}[1], [-2147483648]]>
memref.global "private" constant @signs : memref<2x32xi8> = dense<"0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF01">

// A name of the words that is taken already stays what it is.
// CHECK: memref.global "private" constant @taken_words : memref<1xi8>
// CHECK: memref.global "private" constant @taken_words_0 : memref<1xi32>
memref.global "private" constant @taken_words : memref<1xi8> = dense<1>
memref.global "private" constant @taken : memref<8xi8> = dense<[0, 1, 2, 3, 3, 2, 1, 0]>

func.func @load_signs(%out: memref<2x32xi8>) {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %w = memref.get_global @signs : memref<2x32xi8>
  %t = memref.get_global @taken : memref<8xi8>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c2, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c32, %sy = %c1, %sz = %c1) {
    %v = memref.load %w[%bx, %tx] : memref<2x32xi8>
    memref.store %v, %out[%bx, %tx] : memref<2x32xi8>
    %u = memref.load %t[%bx] : memref<8xi8>
    memref.store %u, %out[%bx, %bx] : memref<2x32xi8>
    gpu.terminator
  }
  return
}

// -----

// What stays as it is.
// CHECK: @seventeen : memref<17xi8>
// REMARK: [Missed] NotPacked | Category:qfmt-constants-to-words | Remark="a constant stays bytes: ", Remark="it has more than 16 different values"
memref.global "private" constant @seventeen : memref<17xi8> = dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]>
// CHECK: @short_rows : memref<8x3xi8>
// REMARK: [Missed] NotPacked | {{.*}} Remark="its rows do not fill words"
memref.global "private" constant @short_rows : memref<8x3xi8> = dense<1>
// CHECK: @of_host : memref<16xi8>
// REMARK: [Missed] NotPacked | {{.*}} Remark="it is read by other operations than loads of kernels"
memref.global "private" constant @of_host : memref<16xi8> = dense<1>
// CHECK: @of_vectors : memref<16xi8>
// REMARK: [Missed] NotPacked | {{.*}} Remark="it is read by other operations than loads of kernels"
memref.global "private" constant @of_vectors : memref<16xi8> = dense<1>
// CHECK: @as_view : memref<16xi8>
// REMARK: [Missed] NotPacked | {{.*}} Remark="it is read by other operations than loads of kernels"
memref.global "private" constant @as_view : memref<16xi8> = dense<1>
// CHECK: @no_constant : memref<16xi8>
// CHECK: @public : memref<16xi8>
// CHECK: @wide : memref<16xi16>
// CHECK: @scalar : memref<i8>
// REMARK-NOT: NotPacked
memref.global "private" @no_constant : memref<16xi8> = dense<1>
memref.global constant @public : memref<16xi8> = dense<1>
memref.global "private" constant @wide : memref<16xi16> = dense<1>
memref.global "private" constant @scalar : memref<i8> = dense<1>

// CHECK-NOT: arith.shrui
func.func @others(%out: memref<17xi8>, %i: index) -> i8 {
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %seventeen = memref.get_global @seventeen : memref<17xi8>
  %short_rows = memref.get_global @short_rows : memref<8x3xi8>
  %of_host = memref.get_global @of_host : memref<16xi8>
  %of_vectors = memref.get_global @of_vectors : memref<16xi8>
  %as_view = memref.get_global @as_view : memref<16xi8>
  %no_constant = memref.get_global @no_constant : memref<16xi8>
  %public = memref.get_global @public : memref<16xi8>
  %wide = memref.get_global @wide : memref<16xi16>
  %scalar = memref.get_global @scalar : memref<i8>
  %flat = memref.expand_shape %as_view [[0, 1]] output_shape [4, 4] : memref<16xi8> into memref<4x4xi8>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c16, %sy = %c1, %sz = %c1) {
    %0 = memref.load %seventeen[%tx] : memref<17xi8>
    %1 = memref.load %short_rows[%tx, %bx] : memref<8x3xi8>
    %2 = memref.load %of_host[%tx] : memref<16xi8>
    %3 = memref.load %of_vectors[%tx] : memref<16xi8>
    %4 = vector.load %of_vectors[%tx] : memref<16xi8>, vector<4xi8>
    %5 = memref.load %flat[%bx, %bx] : memref<4x4xi8>
    %6 = memref.load %no_constant[%tx] : memref<16xi8>
    %7 = memref.load %public[%tx] : memref<16xi8>
    %8 = memref.load %wide[%tx] : memref<16xi16>
    %9 = memref.load %scalar[] : memref<i8>
    gpu.terminator
  }
  %first = memref.load %of_host[%i] : memref<16xi8>
  return %first : i8
}
