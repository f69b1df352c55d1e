// Errors of our own before those of the conversion to SPIR-V.
// RUN: not qfmt-run %s --entry=trunc --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=TRUNC
// TRUNC: error: 'math.trunc' op on 'f32' cannot be computed in SPIR-V; use math.floor
// RUN: not qfmt-run %s --entry=ctpop --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=CTPOP
// CTPOP: error: 'math.ctpop' op on 'i32' cannot be computed in SPIR-V; use shifts
// RUN: not qfmt-run %s --entry=cttz --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=CTTZ
// CTTZ: error: 'math.cttz' op on 'i32' cannot be computed in SPIR-V; use shifts
// RUN: not qfmt-run %s --entry=ctlz --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=CTLZ
// CTLZ: error: 'math.ctlz' op on 'i8' cannot be computed in SPIR-V; use math.ctlz on 32 bits
// RUN: not qfmt-run %s --entry=bit --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=BIT
// BIT: error: 'arith.fptoui' op on 'f32' cannot be computed in SPIR-V; use arith.cmpf
// RUN: not qfmt-run %s --entry=odd --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=ODD
// ODD: error: 'arith.trunci' op cannot be computed in SPIR-V on 'i12'; use integers of 1, 2, 4, 8, 16, 32 or 64 bits
// RUN: not qfmt-run %s --entry=index --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=INDEX
// INDEX: error: {{.*}}cannot be computed in SPIR-V on a buffer of indices, 'memref<8xindex
func.func @trunc(%x: tensor<8xf32>) -> tensor<8xf32> {
  %r = math.trunc %x : tensor<8xf32>
  return %r : tensor<8xf32>
}
func.func @ctpop(%x: tensor<8xi32>) -> tensor<8xi32> {
  %r = math.ctpop %x : tensor<8xi32>
  return %r : tensor<8xi32>
}
func.func @cttz(%x: tensor<8xi32>) -> tensor<8xi32> {
  %r = math.cttz %x : tensor<8xi32>
  return %r : tensor<8xi32>
}
func.func @ctlz(%x: tensor<8xi8>) -> tensor<8xi8> {
  %r = math.ctlz %x : tensor<8xi8>
  return %r : tensor<8xi8>
}
func.func @bit(%x: tensor<8xf32>) -> tensor<8xi1> {
  %r = arith.fptoui %x : tensor<8xf32> to tensor<8xi1>
  return %r : tensor<8xi1>
}
func.func @odd(%x: tensor<8xi32>) -> tensor<8xi12> {
  %r = arith.trunci %x : tensor<8xi32> to tensor<8xi12>
  return %r : tensor<8xi12>
}
func.func @index(%x: tensor<8xi32>) -> tensor<8xindex> {
  %r = arith.index_cast %x : tensor<8xi32> to tensor<8xindex>
  return %r : tensor<8xindex>
}
