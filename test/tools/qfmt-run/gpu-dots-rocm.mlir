// AMD's chips multiply four bytes by one instruction: gfx906 to gfx103x those of two factors with the same signs, gfx11 and newer any, gfx900 none.
// RUN: qfmt-run %s --gpu=rocm --gpu-chip=gfx90a --emit=kernels -o - | FileCheck %s --check-prefix=SAME
// RUN: qfmt-run %s --gpu=rocm --gpu-chip=gfx906 --emit=kernels -o - | FileCheck %s --check-prefix=SAME
// RUN: qfmt-run %s --gpu=rocm --gpu-chip=gfx942 --emit=kernels -o - | FileCheck %s --check-prefix=SAME
// RUN: qfmt-run %s --gpu=rocm --gpu-chip=gfx1030 --emit=kernels -o - | FileCheck %s --check-prefix=SAME
// RUN: qfmt-run %s --gpu=rocm --gpu-chip=gfx1100 --emit=kernels -o - | FileCheck %s --check-prefix=ANY
// RUN: qfmt-run %s --gpu=rocm --gpu-chip=gfx1200 --emit=kernels -o - | FileCheck %s --check-prefix=ANY
// RUN: qfmt-run %s --gpu=rocm --gpu-chip=gfx900 --emit=kernels -o - | FileCheck %s --check-prefix=NONE

// SAME-LABEL: {{^}}main_kernel:
// SAME: v_dot4{{c?}}_i32_i8
// SAME: s_endpgm
// SAME-LABEL: {{^}}main_kernel_0:
// SAME: v_dot4_u32_u8
// SAME: s_endpgm
// The unsigned bytes less 128, and 128 times the sum of the signed ones.
// SAME-LABEL: {{^}}main_kernel_1:
// SAME-DAG: v_xor_b32{{.*}}0x80808080
// SAME-COUNT-2: v_dot4{{c?}}_i32_i8
// SAME: s_endpgm

// Bits of neg_lo say which factor is signed.
// ANY-LABEL: {{^}}main_kernel:
// ANY: v_dot4_i32_iu8 {{.*}} neg_lo:[1,1,0]
// ANY-LABEL: {{^}}main_kernel_0:
// ANY: v_dot4_{{i32_i|u32_}}u8
// ANY-LABEL: {{^}}main_kernel_1:
// ANY: v_dot4_i32_iu8 {{.*}} neg_lo:[0,1,0]

// NONE-NOT: v_dot4
// NONE: s_endpgm
// NONE-NOT: v_dot4

// What the kernels compute, by the operations that they are made of: sum u s = sum (u - 128) s + 128 sum s.
// RUN: qfmt-opt %s --qfmt-compile-for-gpu="runtime=rocm chip=gfx90a" --mlir-print-ir-after=qfmt-products-to-dots -o /dev/null 2>&1 | FileCheck %s --check-prefix=OPS
// OPS: %[[HIGHEST:.*]] = arith.constant -2139062144 : i32
// OPS: %[[SHIFTED:.*]] = arith.xori %{{.*}}, %[[HIGHEST]] : i32
// OPS: %[[ONES:.*]] = arith.constant 16843009 : i32
// OPS: %[[SUM:.*]] = llvm.call_intrinsic "llvm.amdgcn.sdot4"(%[[S:.*]], %[[ONES]], %{{.*}}, %false{{.*}})
// OPS: %[[C7:.*]] = arith.constant 7 : i32
// OPS: %[[MISSING:.*]] = arith.shli %[[SUM]], %[[C7]]
// OPS: %[[START:.*]] = arith.addi %{{.*}}, %[[MISSING]]
// OPS: llvm.call_intrinsic "llvm.amdgcn.sdot4"(%[[SHIFTED]], %[[S]], %[[START]], %false{{.*}})
#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>
func.func @main(%x: tensor<5x36xi8>, %u: tensor<3x36xi8>) -> (tensor<5x4xi32>, tensor<3x4xi32>, tensor<3x4xi32>) {
  %w = arith.constant dense<"0x0B30557A9FC4E913385D82A7CCF11B40658AAFD4F923486D92B7DC062B50759ABFE40E33587DA2C7EC163B6085AACFF41E43688DB2D701264B7095BADF092E53789DC2E711365B80A5CAEF193E6388ADD2F721466B90B5DA04294E7398BDE20C31567BA0C5EA14395E83A8CDF21C41668BB0D5FA24496E93B8DD072C51769BC0E50F34597EA3C8ED173C6186ABD0F51F">
      : tensor<36x4xi8>
  %zero = arith.constant 0 : i32
  %e0 = tensor.empty() : tensor<5x4xi32>
  %z0 = linalg.fill ins(%zero : i32) outs(%e0 : tensor<5x4xi32>) -> tensor<5x4xi32>
  %0 = linalg.matmul ins(%x, %w : tensor<5x36xi8>, tensor<36x4xi8>) outs(%z0 : tensor<5x4xi32>) -> tensor<5x4xi32>
  %e1 = tensor.empty() : tensor<3x4xi32>
  %z1 = linalg.fill ins(%zero : i32) outs(%e1 : tensor<3x4xi32>) -> tensor<3x4xi32>
  %1 = linalg.matmul {cast = #linalg.type_fn<cast_unsigned>} ins(%u, %w : tensor<3x36xi8>, tensor<36x4xi8>) outs(%z1 : tensor<3x4xi32>) -> tensor<3x4xi32>
  %2 = linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%u, %w : tensor<3x36xi8>, tensor<36x4xi8>) outs(%z1 : tensor<3x4xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %c = arith.extui %a : i8 to i32
    %d = arith.extsi %b : i8 to i32
    %t = arith.muli %c, %d : i32
    %v = arith.addi %s, %t : i32
    linalg.yield %v : i32
  } -> tensor<3x4xi32>
  return %0, %1, %2 : tensor<5x4xi32>, tensor<3x4xi32>, tensor<3x4xi32>
}
