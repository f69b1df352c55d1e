// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90a -qfmt-products-to-kernels="tier=wgmma block-rows=128 block-columns=256 stages=2" -canonicalize -cse | FileCheck %s

// Threads that copy give registers to those that multiply. 128 columns at a time: four wgmma, the first of which begins at 0, are awaited and added to the sums.
// CHECK-LABEL: @constant
// CHECK: %[[MAP:.*]] = qfmt_gpu.tensor_map %{{.*}} box [128, 128] : memref<?x256xi8>
// CHECK: gpu.launch
// CHECK-SAME: threads({{.*}}) in (%{{.*}} = %c384
// CHECK: nvvm.setmaxregister decrease 24
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: nvvm.setmaxregister increase 240
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-COUNT-1: nvvm.wgmma.mma_async {{.*}} <m = 64, n = 128, k = 32>, D[<f32>, <zero>], A[<e4m3>, <one>, <row>], B[<e5m2>, <one>, <col>]
// CHECK-COUNT-3: nvvm.wgmma.mma_async {{.*}} <m = 64, n = 128, k = 32>, D[<f32>, <one>], A[<e4m3>, <one>, <row>], B[<e5m2>, <one>, <col>]
// CHECK: nvvm.wgmma.commit.group.sync.aligned
// CHECK-NEXT: nvvm.wgmma.wait.group.sync.aligned 0
// CHECK-COUNT-64: arith.addf
// CHECK-COUNT-1: nvvm.wgmma.mma_async {{.*}} D[<f32>, <zero>]
// CHECK-COUNT-3: nvvm.wgmma.mma_async {{.*}} D[<f32>, <one>]
// CHECK: nvvm.wgmma.wait.group.sync.aligned 0
// CHECK-NEXT: %[[IS_FIRST:.*]] = arith.cmpi slt
// CHECK-NEXT: scf.if %[[IS_FIRST]]
// CHECK: nvvm.mbarrier.arrive
// CHECK-COUNT-64: arith.addf
// CHECK: scf.yield
memref.global "private" constant @w : memref<256x256xi8> = dense<0x31>
func.func @constant(%x: memref<?x256xi8>, %out: memref<?x256xf32>) {
  %w = memref.get_global @w : memref<256x256xi8>
  qfmt_gpu.product %x as f8E4M3FN * %w as f8E5M2 into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<?x256xi8>, memref<256x256xi8>, memref<?x256xf32>
  return
}

// -----

// Rows that tensor maps cannot describe are copied first.
// CHECK-LABEL: @odd_rows
// CHECK-SAME: (%[[X:.*]]: memref<5x33xi8>, %[[W:.*]]: memref<7x33xi8>
// CHECK: %[[WCOPY:.*]] = memref.alloc() : memref<7x48xi8>
// CHECK: %[[WROWS:.*]] = memref.subview %[[WCOPY]][0, 0] [7, 33] [1, 1]
// CHECK: memref.copy %[[W]], %[[WROWS]]
// CHECK: %[[XCOPY:.*]] = memref.alloc() : memref<5x48xi8>
// CHECK: %[[XROWS:.*]] = memref.subview %[[XCOPY]][0, 0] [5, 33] [1, 1]
// CHECK: memref.copy %[[X]], %[[XROWS]]
// CHECK-DAG: qfmt_gpu.tensor_map %[[XROWS]] box [128, 128] : memref<5x33xi8, strided<[48, 1]>>
// CHECK-DAG: qfmt_gpu.tensor_map %[[WROWS]] box [256, 128] : memref<7x33xi8, strided<[48, 1]>>
// CHECK: gpu.launch
// CHECK: memref.dealloc %[[XCOPY]]
// CHECK: memref.dealloc %[[WCOPY]]
func.func @odd_rows(%x: memref<5x33xi8>, %w: memref<7x33xi8>, %out: memref<5x7xf32>) {
  qfmt_gpu.product %x as f8E5M2 * %w as f8E5M2 into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<5x33xi8>, memref<7x33xi8>, memref<5x7xf32>
  return
}
