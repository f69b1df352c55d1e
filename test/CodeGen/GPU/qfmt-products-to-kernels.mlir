// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90 -qfmt-products-to-kernels="block-rows=64 block-columns=64 stages=3" -canonicalize -cse | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90 -qfmt-products-to-kernels --remark-policy=all --remarks-filter-passed=qfmt-products-to-kernels --remarks-filter-analyse=qfmt-products-to-kernels -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_86 -qfmt-products-to-kernels="block-rows=128 block-columns=256 stages=3" 2>&1 | FileCheck %s --check-prefix=TOO-LARGE
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-products-to-kernels=block-rows=48 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not qfmt-opt %s -split-input-file -qfmt-products-to-kernels 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_90 -qfmt-products-to-kernels=tier=portable 2>&1 | FileCheck %s --check-prefix=PORTABLE

// PORTABLE: error: 'qfmt_gpu.product' op is computed by tensor cores, which tier=portable leaves out; qfmt-products-to-dots makes kernels for targets without them
// TOO-LARGE: error: 'qfmt_gpu.product' op has no block of 128 x 256 in 3 stages that fits the 101376 bytes of shared memory of 'sm_86'
// SIZE: error: 'qfmt_gpu.product' op has no block of 48 x any that fits
// RUN: not qfmt-opt %s -split-input-file -qfmt-set-gpu-target=chip=sm_80 -qfmt-products-to-kernels=stages=99 2>&1 | FileCheck %s --check-prefix=STAGES
// STAGES: error: 'qfmt_gpu.product' op has no block of any x any in 99 stages that fits
// RUN: not qfmt-opt %s -split-input-file -qfmt-products-to-kernels=stages=1 2>&1 | FileCheck %s --check-prefix=STAGE
// STAGE: error: there are 2 stages or more, and 0 lets the pass choose; found stages=1
// RUN: not qfmt-opt %s -split-input-file -qfmt-products-to-kernels=block-rows=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: a block has rows and columns, and 0 lets the pass choose; found block-rows=-1 block-columns=0
// RUN: not qfmt-opt %s -split-input-file -qfmt-products-to-kernels=rows-if-unknown=0 2>&1 | FileCheck %s --check-prefix=EXPECTED
// EXPECTED: error: 1 row or more is expected, found rows-if-unknown=0
// TARGET: error: 'qfmt_gpu.product' op needs a target with mma.sync

// 16 x 4 blocks of four warps, 3 stages of (64 + 64) rows of 128 bytes.
// CHECK-LABEL: @whole
// CHECK-DAG: %[[BLOCKS:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[THREADS:.*]] = arith.constant 128 : index
// CHECK-DAG: %[[SHARED:.*]] = arith.constant 49152 : i32
// CHECK: gpu.launch blocks(%{{.*}}, %{{.*}}, %{{.*}}) in (%{{.*}} = %[[BLOCKS]], {{.*}}) threads(%{{.*}}, %{{.*}}, %{{.*}}) in (%{{.*}} = %[[THREADS]], {{.*}}) dynamic_shared_memory_size %[[SHARED]]
// Two parts on their way, the first of them awaited.
// CHECK-COUNT-8: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.commit.group
// CHECK-COUNT-8: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: gpu.barrier
// Fragments of the first step: two of 16 rows, two of 2 x 8 columns.
// CHECK-COUNT-4: nvvm.ldmatrix
// CHECK: scf.for
// CHECK-COUNT-8: nvvm.cp.async.shared.global
// CHECK-COUNT-4: nvvm.ldmatrix
// CHECK-COUNT-8: nvvm.mma.sync {{.*}}intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>
// CHECK: gpu.barrier
// CHECK: nvvm.cp.async.wait.group 0
// No element is asked whether it is there; 8 columns of 4 rows.
// CHECK-NOT: scf.if
// CHECK-COUNT-4: llvm.store %{{.*}}, %{{.*}} {alignment = 8 : i64} : vector<8xi8>, !llvm.ptr<1>
// CHECK-NOT: llvm.store

// REMARK: remark: [Passed] Blocks | Category:qfmt-products-to-kernels | Columns=64, {{.*}}, Rows=32, Stages=6, Warps=4
// REMARK: remark: [Analysis] Roofline | {{.*}}MemoryBytes=5505024, {{.*}}ProductCycles=3971, Remark="bound by the rate of the instructions that multiply"
func.func @whole(%x: memref<1024x4096xi8>, %w: memref<256x4096xi8>, %out: memref<1024x256xi8>) {
  qfmt_gpu.product %x * %w unsigned into %out {
  ^bb0(%s: i32):
    %0 = arith.trunci %s : i32 to i8
    qfmt_gpu.yield %0 : i8
  } : memref<1024x4096xi8>, memref<256x4096xi8>, memref<1024x256xi8>
  return
}

// -----

// Terms that are not there are copied as zeros; rows that are not there are neither read nor written.
// CHECK-LABEL: @tails
// CHECK: %[[ROWS:.*]] = memref.dim
// CHECK: gpu.launch
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 4, cache = {{ *}}ca, %{{.*}} :
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = {{ *}}cg, %{{.*}} :
// CHECK: scf.if
// CHECK: llvm.store %{{.*}} : i32, !llvm.ptr<1>
func.func @tails(%x: memref<?x60xi8>, %w: memref<33x64xi8>, %out: memref<?x33xi32>) {
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<?x60xi8>, memref<33x64xi8>, memref<?x33xi32>
  return
}
