// Kernels for few and for many rows. Weights are the left factor of mma.sync; never s4 or fp8, which chips from sm_90 on do by other instructions.
// RUN: qfmt-opt %s --qfmt-set-gpu-target=chip=sm_80 --qfmt-scaled-products-to-kernels | FileCheck %s
// RUN: not qfmt-opt %s --qfmt-scaled-products-to-kernels=block-rows=12 2>&1 | FileCheck %s --check-prefix=ROWS
// ROWS: error: a block has 8, 16, 32 or 64 rows, found 12
// RUN: not qfmt-opt %s --qfmt-scaled-products-to-kernels=warps-along-terms=9 2>&1 | FileCheck %s --check-prefix=WARPS
// WARPS: error: 1 to 8 warps share the terms of a column, found 9

// Four bits: two masks for a word, 32 terms an instruction, and a scale for each 32. Two tiles of 64 terms, so that two warps share them.
// CHECK-LABEL: @int4
// CHECK: gpu.launch {{.*}} threads(%{{.*}}, %{{.*}}, %{{.*}}) in (%{{.*}} = %c64, {{.*}} workgroup(%{{.*}} : memref<2x8x16xf32, #gpu.address_space<workgroup>>)
// CHECK: llvm.load {{.*}} {alignment = 16 : i64} {{.*}}-> vector<4xi32>
// CHECK: arith.andi %{{.*}}, %c-252645136_i32
// CHECK: nvvm.mma.sync {{.*}}wrapped{{.*}}mma_type<s8>{{.*}}k = 32>
// CHECK: arith.shrsi
// CHECK: arith.sitofp
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK: gpu.barrier
func.func private @int4(%x: memref<3x4x32xi8>, %c: memref<4x2x32x4xi32>, %s: memref<4x4x16xf32>, %o: memref<3x64xf32>) {
  qfmt_gpu.scaled_product %x * %c bits 4 scales %s : memref<4x4x16xf32> into %o {
  ^bb0(%sum: f32):
    qfmt_gpu.yield %sum : f32
  } : memref<3x4x32xi8>, memref<4x2x32x4xi32>, memref<3x64xf32>
  return
}

// Groups of 16: half as many terms an instruction. Entries of tables are bytes that prmt selects.
// CHECK-LABEL: @nvfp4
// CHECK: nvvm.prmt
// CHECK: nvvm.mma.sync {{.*}}mma_type<s8>{{.*}}k = 16>
func.func private @nvfp4(%x: memref<3x4x16xi8>, %c: memref<4x1x32x4xi32>, %s: memref<4x4x16xf32>, %o: memref<3x64xf32>) {
  qfmt_gpu.scaled_product %x * %c bits 4 table [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 0.0, -1.0, -2.0, -3.0, -4.0, -6.0, -8.0, -12.0] scales %s : memref<4x4x16xf32> into %o {
  ^bb0(%sum: f32):
    qfmt_gpu.yield %sum : f32
  } : memref<3x4x16xi8>, memref<4x1x32x4xi32>, memref<3x64xf32>
  return
}

// Without scales the sums are integers.
// CHECK-LABEL: @ternary
// CHECK: memref<1x8x16xi32, #gpu.address_space<workgroup>>
// CHECK-NOT: sitofp
// CHECK: gpu.terminator
func.func private @ternary(%x: memref<1x1x128xi8>, %c: memref<4x1x32x4xi32>, %o: memref<1x64xi32>) {
  qfmt_gpu.scaled_product %x * %c bits 2 into %o {
  ^bb0(%sum: i32):
    qfmt_gpu.yield %sum : i32
  } : memref<1x1x128xi8>, memref<4x1x32x4xi32>, memref<1x64xi32>
  return
}

// Blocks of rows, of which there may be more than 65535, are along the first dimension.
// CHECK-LABEL: @many_rows
// CHECK: gpu.launch blocks({{.*}}) in (%{{.*}} = %c65537, %{{.*}} = %c1{{(_[0-9]+)?}}, {{.*}}) threads
func.func private @many_rows(%x: memref<4194305x1x128xi8>, %c: memref<4x1x32x4xi32>, %o: memref<4194305x64xi32>) {
  qfmt_gpu.scaled_product %x * %c bits 2 into %o {
  ^bb0(%sum: i32):
    qfmt_gpu.yield %sum : i32
  } : memref<4194305x1x128xi8>, memref<4x1x32x4xi32>, memref<4194305x64xi32>
  return
}

// 0x64006400: 1024 in f16.
// CHECK-LABEL: @halves
// CHECK: arith.constant 1677747200 : i32
// CHECK: llvm.intr.fma{{.*}}vector<2xf16>
// CHECK: nvvm.mma.sync {{.*}}k = 16>{{.*}}vector<2xf16>
func.func private @halves(%x: memref<3x4x32xf16>, %c: memref<4x2x32x4xi32>, %s: memref<4x4x16xf32>, %o: memref<3x64xf32>) {
  qfmt_gpu.scaled_product %x * %c bits 4 scales %s : memref<4x4x16xf32> into %o {
  ^bb0(%sum: f32):
    qfmt_gpu.yield %sum : f32
  } : memref<3x4x32xf16>, memref<4x2x32x4xi32>, memref<3x64xf32>
  return
}

// An unknown number of rows: kernels for up to 8 rows and for more, and none for none.
// CHECK-LABEL: @unknown
// CHECK: scf.if
// CHECK: scf.if
// CHECK: gpu.launch
// CHECK: else
// CHECK: gpu.launch
func.func private @unknown(%x: memref<?x4x32xbf16>, %c: memref<4x2x32x4xi32>, %s: memref<4x4x16xf32>, %o: memref<?x64xf32>) {
  qfmt_gpu.scaled_product %x * %c bits 4 scales %s : memref<4x4x16xf32> into %o {
  ^bb0(%sum: f32):
    qfmt_gpu.yield %sum : f32
  } : memref<?x4x32xbf16>, memref<4x2x32x4xi32>, memref<?x64xf32>
  return
}
