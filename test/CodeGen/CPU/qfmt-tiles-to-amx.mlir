// RUN: qfmt-opt %s --qfmt-tiles-to-amx | FileCheck %s

// Each factor is loaded once a step for two tiles of sums, which stay in tile registers.
// CHECK-LABEL: func.func @row_major
// CHECK-COUNT-4: amx.tile_zero : !amx.tile<16x16xi32>
// CHECK: %[[SUMS:.*]]:4 = scf.for %[[I:.*]] = %c0{{.*}} to %arg5 step %c1{{.*}} iter_args(%[[S0:.*]] = %{{.*}}, %[[S1:.*]] = %{{.*}}, %[[S2:.*]] = %{{.*}}, %[[S3:.*]] = %{{.*}}) ->
// CHECK: %[[A0:.*]] = amx.tile_load %arg0[%{{.*}}, %{{.*}}] : memref<64x768xi8> into !amx.tile<16x64xi8>
// CHECK: %[[A1:.*]] = amx.tile_load %arg0
// CHECK: %[[B0:.*]] = amx.tile_load %arg1[%{{.*}}, %{{.*}}, %c0{{.*}}, %c0{{.*}}] : memref<4x12x16x64xi8> into !amx.tile<16x64xi8>
// CHECK: %[[B1:.*]] = amx.tile_load %arg1
// CHECK: amx.tile_muli %[[A0]] zext, %[[B0]], %[[S0]]
// CHECK: amx.tile_muli %[[A0]] zext, %[[B1]], %[[S1]]
// CHECK: amx.tile_muli %[[A1]] zext, %[[B0]], %[[S2]]
// CHECK: amx.tile_muli %[[A1]] zext, %[[B1]], %[[S3]]
// CHECK: scf.yield
// CHECK: amx.tile_store %arg2[%c0{{.*}}, %c0{{.*}}], %[[SUMS]]#0
// CHECK: amx.tile_store %arg2[%c0{{.*}}, %c16{{.*}}], %[[SUMS]]#1
// CHECK: amx.tile_store %arg2[%c16{{.*}}, %c0{{.*}}], %[[SUMS]]#2
// CHECK: amx.tile_store %arg2[%c16{{.*}}, %c16{{.*}}], %[[SUMS]]#3
func.func @row_major(%a: memref<64x768xi8>, %b: memref<4x12x16x64xi8>, %c: memref<32x32xi32>, %row: index, %block: index, %steps: index) {
  qfmt_cpu.tile_product %a[%row, %row] unsigned * %b[%block, %block] for %steps into %c : memref<64x768xi8>, memref<4x12x16x64xi8>, memref<32x32xi32>
  return
}

// CHECK-LABEL: func.func @packed_and_added
// CHECK: amx.tile_load %arg2[%c0{{.*}}, %c0{{.*}}] : memref<16x16xi32, strided<[32, 1], offset: ?>> into !amx.tile<16x16xi32>
// CHECK: amx.tile_load %arg0[%{{.*}}, %{{.*}}, %c0{{.*}}, %c0{{.*}}] : memref<2x12x16x64xi8> into !amx.tile<16x64xi8>
// CHECK: amx.tile_muli %{{.*}}, %{{.*}}, %{{.*}} :
func.func @packed_and_added(%a: memref<2x12x16x64xi8>, %b: memref<4x12x16x64xi8>, %c: memref<16x16xi32, strided<[32, 1], offset: ?>>, %row: index, %block: index, %steps: index) {
  qfmt_cpu.tile_product %a[%row, %row] * %b[%block, %block] for %steps added into %c : memref<2x12x16x64xi8>, memref<4x12x16x64xi8>, memref<16x16xi32, strided<[32, 1], offset: ?>>
  return
}

// Bytes of a row that lie apart are copied, tile by tile.
// CHECK-LABEL: func.func @strided
// CHECK: %[[COPY:.*]] = memref.alloca() : memref<16x64xi8>
// CHECK: scf.for %{{.*}} iter_args
// CHECK: scf.for
// CHECK: scf.for
// CHECK: memref.load %arg0
// CHECK: memref.store %{{.*}}, %[[COPY]]
// CHECK: amx.tile_load %[[COPY]][%c0{{.*}}, %c0{{.*}}]
func.func @strided(%a: memref<64x768xi8, strided<[1536, 2]>>, %b: memref<4x12x16x64xi8>, %c: memref<16x16xi32>, %row: index, %steps: index) {
  qfmt_cpu.tile_product %a[%row, %row] * %b[%row, %row] for %steps into %c : memref<64x768xi8, strided<[1536, 2]>>, memref<4x12x16x64xi8>, memref<16x16xi32>
  return
}

// Terms of groups follow each other: two steps begin 16 rows of 64 bytes apart, and are written one after the other.
// CHECK-LABEL: func.func @groups
// CHECK-NOT: scf.for
// CHECK: amx.tile_load %arg0
// CHECK: amx.tile_load %arg1[%{{.*}}, %{{.*}}, %c0{{.*}}] : memref<2x60x64xi8> into !amx.tile<16x64xi8>
// CHECK: %[[FIRST:.*]] = amx.tile_muli
// CHECK: %[[NEXT:.*]] = arith.addi %arg4, %c16{{.*}}
// CHECK: amx.tile_load %arg1[%{{.*}}, %[[NEXT]], %c0{{.*}}]
// CHECK: amx.tile_muli %{{.*}}, %{{.*}}, %[[FIRST]]
func.func @groups(%a: memref<2x12x16x64xi8>, %b: memref<2x60x64xi8>, %c: memref<16x16xi32>, %row: index, %dot: index) {
  %steps = arith.constant 2 : index
  qfmt_cpu.tile_product %a[%row, %row] * %b[%row, %dot] for %steps into %c : memref<2x12x16x64xi8>, memref<2x60x64xi8>, memref<16x16xi32>
  return
}
