// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90a -qfmt-products-to-kernels="tier=wgmma block-rows=128 block-columns=128 stages=3" -canonicalize -cse | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90a -qfmt-products-to-kernels=tier=wgmma --remark-policy=all --remarks-filter-passed=qfmt-products-to-kernels --remarks-filter-missed=qfmt-products-to-kernels -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90 -qfmt-products-to-kernels=tier=wgmma 2>&1 | FileCheck %s --check-prefix=SM90 --implicit-check-not="see current operation"
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_75 -qfmt-products-to-kernels=tier=wgmma 2>&1 | FileCheck %s --check-prefix=SM75
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90a -qfmt-products-to-kernels=tier=wgmmma 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90a -qfmt-products-to-kernels=tier=wgmma -qfmt-tensor-maps-to-calls | FileCheck %s --check-prefix=CALL

// SM90: error: 'sm_90' has no wgmma, which sm_90a alone has; the nearest tier that it has is mma
// SM75: error: 'sm_75' has no wgmma, which sm_90a alone has; the nearest tier that it has is portable
// UNKNOWN: error: there is no tier 'wgmmma' of products; there are auto, mma, wgmma and portable

// Two warpgroups and a warp; for two parts 2 stages of (128 + 128) rows of 128 bytes, two barriers for each, and what aligns them.
// CHECK: memref.global "private" constant @w_wgmma : memref<64x160xi8> = dense
// CHECK-LABEL: @constant
// CHECK-DAG: %[[THREADS:.*]] = arith.constant 288 : index
// CHECK-DAG: %[[SHARED:.*]] = arith.constant 66592 : i32
// CHECK-DAG: %[[LHS:.*]] = qfmt_gpu.tensor_map %{{.*}} box [128, 128] : memref<?x160xi8>
// CHECK-DAG: %[[WEIGHTS:.*]] = memref.get_global @w_wgmma
// CHECK-DAG: %[[RHS:.*]] = qfmt_gpu.tensor_map %[[WEIGHTS]] box [128, 128] : memref<64x160xi8>
// CHECK: gpu.launch blocks({{.*}}) threads(%{{.*}}, %{{.*}}, %{{.*}}) in (%{{.*}} = %[[THREADS]], {{.*}}) dynamic_shared_memory_size %[[SHARED]]
// CHECK: scf.if
// CHECK-COUNT-2: nvvm.mbarrier.init
// CHECK: nvvm.fence.mbarrier.init
// CHECK: gpu.barrier
// The thread that copies.
// CHECK: scf.if
// CHECK-COUNT-2: nvvm.fence.proxy.acquire <sys>
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK-COUNT-2: nvvm.cp.async.bulk.tensor.shared.cluster.global
// Those that multiply.
// CHECK: scf.if
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.wgmma.fence.aligned
// CHECK-COUNT-4: nvvm.wgmma.mma_async {{.*}}, <m = 64, n = 128, k = 32>, D[<s32>, <one>, <wrapped>], A[<s8>, <one>, <row>], B[<u8>, <one>, <col>]
// CHECK: nvvm.wgmma.commit.group.sync.aligned
// CHECK: nvvm.wgmma.wait.group.sync.aligned 1
// CHECK: nvvm.mbarrier.arrive
// CHECK: scf.yield
// CHECK: nvvm.wgmma.wait.group.sync.aligned 0
// CHECK: llvm.inline_asm has_side_effects
// CHECK: llvm.store %{{.*}} : vector<4xi32>, !llvm.ptr<1>
// CALL-LABEL: @constant
// CALL: call @qfmtGpuTensorMap(%{{.*}}) : (!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr, !llvm.ptr, i64, i64) -> !llvm.ptr
// CALL: call @qfmtGpuTensorMap
// CALL: gpu.launch
// REMARK: remark: [Passed] Wgmma | Category:qfmt-products-to-kernels | {{.*}}Remark="a product by wgmma"
memref.global "private" constant @w : memref<40x160xi8> = dense<1>
func.func @constant(%x: memref<?x160xi8>, %out: memref<?x40xi32>) {
  %w = memref.get_global @w : memref<40x160xi8>
  qfmt_gpu.product %x * %w unsigned into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<?x160xi8>, memref<40x160xi8>, memref<?x40xi32>
  return
}

// -----

// No constant: the columns are where they are.
// CHECK-LABEL: @variable
// CHECK: qfmt_gpu.tensor_map %{{.*}} box [128, 128] : memref<40x32xi8>
// CHECK: llvm.store %{{.*}} : vector<2xi32>, !llvm.ptr<1>
func.func @variable(%x: memref<?x32xi8>, %w: memref<40x32xi8>, %out: memref<?x40xi32>) {
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<?x32xi8>, memref<40x32xi8>, memref<?x40xi32>
  return
}

// -----

// CHECK-LABEL: @rows
// CHECK-NOT: wgmma
// CHECK: nvvm.mma.sync
// REMARK: remark: [Missed] NotByWgmma | Category:qfmt-products-to-kernels | Remark="a product by mma.sync: ", Remark="rows of the left factor do not begin at multiples of 16 bytes
func.func @rows(%x: memref<?x24xi8>, %w: memref<40x32xi8>, %out: memref<?x40xi32>) {
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<?x24xi8>, memref<40x32xi8>, memref<?x40xi32>
  return
}
