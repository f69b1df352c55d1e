// RUN: qfmt-opt %s --split-input-file --qfmt-linalg-to-kernels --canonicalize | FileCheck %s
// RUN: not qfmt-opt %s --split-input-file --qfmt-linalg-to-kernels=block-size=2048 2>&1 | FileCheck %s --check-prefix=BLOCK
// RUN: not qfmt-opt %s --split-input-file --qfmt-linalg-to-kernels=max-blocks=3000000000 2>&1 | FileCheck %s --check-prefix=GRID
// RUN: not qfmt-opt %s --split-input-file --qfmt-linalg-to-kernels=max-blocks=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE

// NEGATIVE: error: a launch has 1 to 2147483647 blocks, found -1
// BLOCK: error: a block has 1 to 1024 threads, found 2048
// GRID: error: a launch has 1 to 2147483647 blocks, found 3000000000

// One thread a sum; 5 * 30 = 150 threads are two blocks, and the last ones do nothing.
// CHECK-LABEL: func @product
// CHECK-SAME: %[[A:.*]]: memref<5x8xi8>, %[[B:.*]]: memref<8x30xi8>, %[[C:.*]]: memref<5x30xi32>
// CHECK-DAG: %[[C150:.*]] = arith.constant 150 : index
// CHECK-DAG: %[[C128:.*]] = arith.constant 128 : index
// CHECK-DAG: %[[C30:.*]] = arith.constant 30 : index
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
// CHECK: gpu.launch blocks(%[[BX:.*]], %{{.*}}, %{{.*}}) in (%{{.*}} = %[[C2]], {{.*}}) threads(%[[TX:.*]], %{{.*}}, %{{.*}}) in (%{{.*}} = %[[C128]],
// CHECK:   %[[FIRST:.*]] = arith.muli %[[BX]], %[[C128]]
// CHECK:   %[[ID:.*]] = arith.addi %[[FIRST]], %[[TX]]
// CHECK:   %[[INSIDE:.*]] = arith.cmpi ult, %[[ID]], %[[C150]]
// CHECK:   scf.if %[[INSIDE]]
// CHECK-DAG: %[[N:.*]] = arith.remui %[[ID]], %[[C30]]
// CHECK-DAG: %[[M:.*]] = arith.divui %[[ID]], %[[C30]]
// CHECK:     %[[INIT:.*]] = memref.load %[[C]][%[[M]], %[[N]]]
// CHECK:     %[[SUM:.*]] = scf.for %[[K:.*]] = {{.*}} iter_args(%[[ACC:.*]] = %[[INIT]])
// CHECK:       memref.load %[[A]][%[[M]], %[[K]]]
// CHECK:       memref.load %[[B]][%[[K]], %[[N]]]
// CHECK:     memref.store %[[SUM]], %[[C]][%[[M]], %[[N]]]
// CHECK: gpu.terminator
// CHECK-NOT: linalg
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @product(%a: memref<5x8xi8>, %b: memref<8x30xi8>, %c: memref<5x30xi32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<5x8xi8>, memref<8x30xi8>) outs(%c : memref<5x30xi32>) {
  ^bb0(%x: i8, %y: i8, %sum: i32):
    %0 = arith.extsi %x : i8 to i32
    %1 = arith.extsi %y : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %2, %sum : i32
    linalg.yield %3 : i32
  }
  return
}

// -----

// Transposed: neighbouring threads write neighbouring elements. What is not used is not read. 256 elements need no test.
// CHECK-LABEL: func @transpose
// CHECK-SAME: %[[X:.*]]: memref<16x16xi8>, %[[Y:.*]]: memref<16x16xi8>
// CHECK: gpu.launch
// CHECK-NOT: scf.if
// CHECK: %[[I:.*]] = arith.remui
// CHECK: %[[J:.*]] = arith.divui
// CHECK-NEXT: %[[V:.*]] = memref.load %[[X]][%[[I]], %[[J]]]
// CHECK-NEXT: memref.store %[[V]], %[[Y]][%[[J]], %[[I]]]
#id = affine_map<(i, j) -> (i, j)>
#t = affine_map<(i, j) -> (j, i)>
func.func @transpose(%x: memref<16x16xi8>, %y: memref<16x16xi8>) {
  linalg.generic {indexing_maps = [#id, #t], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<16x16xi8>) outs(%y : memref<16x16xi8>) {
  ^bb0(%v: i8, %o: i8):
    linalg.yield %v : i8
  }
  return
}

// -----

// An unknown number of elements, and more than can be launched: each thread takes several.
// CHECK-LABEL: func @unknown
// CHECK: %[[SIZE:.*]] = memref.dim
// CHECK: %[[NEEDED:.*]] = affine.apply {{.*}}%[[SIZE]]
// CHECK: %[[MOST:.*]] = arith.minui %[[NEEDED]], %c65535
// CHECK: %[[BLOCKS:.*]] = arith.maxui %[[MOST]], %c1
// CHECK: gpu.launch blocks({{.*}}) in (%{{.*}} = %[[BLOCKS]],
// CHECK: %[[STRIDE:.*]] = arith.muli %[[BLOCKS]], %c128
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[SIZE]] step %[[STRIDE]]
#i = affine_map<(i) -> (i)>
func.func @unknown(%x: memref<?xf32>) {
  linalg.generic {indexing_maps = [#i], iterator_types = ["parallel"]} outs(%x : memref<?xf32>) {
  ^bb0(%v: f32):
    %0 = arith.negf %v : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Nothing to do.
// CHECK-LABEL: func @nothing
// CHECK-NOT: gpu.launch
// CHECK: return
#i = affine_map<(i) -> (i)>
func.func @nothing(%x: memref<0xf32>) {
  linalg.generic {indexing_maps = [#i], iterator_types = ["parallel"]} outs(%x : memref<0xf32>) {
  ^bb0(%v: f32):
    linalg.yield %v : f32
  }
  return
}

// -----

// The output's loop is within one thread where iterations write to the same element.
// CHECK-LABEL: func @collide
// CHECK: gpu.launch blocks({{.*}}) in (%{{.*}} = %c1, {{.*}}
// CHECK: scf.for
// CHECK:   memref.load
// CHECK:   memref.load
// CHECK:   memref.store
#id = affine_map<(i) -> (i)>
#half = affine_map<(i) -> (i floordiv 2)>
func.func @collide(%x: memref<8xi32>, %y: memref<4xi32>) {
  linalg.generic {indexing_maps = [#id, #half], iterator_types = ["reduction"]}
      ins(%x : memref<8xi32>) outs(%y : memref<4xi32>) {
  ^bb0(%v: i32, %o: i32):
    %0 = arith.addi %v, %o : i32
    linalg.yield %0 : i32
  }
  return
}

// -----

// What the host stores is a kernel, too.
// CHECK-LABEL: func @store
// CHECK-SAME: %[[V:.*]]: i32
// CHECK: gpu.launch
// CHECK: memref.store %[[V]]
// CHECK: gpu.terminator
func.func @store(%v: i32, %x: memref<4xi32>, %i: index) {
  memref.store %v, %x[%i] : memref<4xi32>
  return
}

// -----

// Without an output there are as many threads as elements.
// CHECK-LABEL: func @asserts
// CHECK-DAG: %[[C24:.*]] = arith.constant 24 : index
// CHECK: gpu.launch
// CHECK:   arith.cmpi ult, %{{.*}}, %[[C24]]
// CHECK:   memref.load
// CHECK:   cf.assert
// CHECK: gpu.terminator
#matrix = affine_map<(i, j) -> (i, j)>
func.func @asserts(%x: memref<4x6xi1>) {
  linalg.generic {indexing_maps = [#matrix], iterator_types = ["parallel", "parallel"]} ins(%x : memref<4x6xi1>) {
  ^bb0(%v: i1):
    cf.assert %v, "false"
    linalg.yield
  }
  return
}
