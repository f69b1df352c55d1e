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
// RUN: not qfmt-run %s --entry=wide --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=WIDE
// WIDE: error: 'arith.{{.*}}' op cannot be computed in SPIR-V on 'i128'; use numbers of at most 64 bits
// RUN: not qfmt-run %s --entry=long_double --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=F80
// F80: error: 'arith.{{.*}}' op computes with 'f80', of which no kernels for GPUs are made; use floats of at most 64 bits
// RUN: not qfmt-run %s --entry=prints --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=PRINT
// PRINT: error: 'vector.print' op is in a kernel, and kernels for GPUs do not print; leave it out
// RUN: not qfmt-run %s --entry=asserts --gpu=vulkan --emit=kernels -o %t.spv 2>&1 | FileCheck %s --check-prefix=ASSERT
// ASSERT: error: 'cf.assert' op cannot be computed in SPIR-V; kernels for Vulkan are made of arith, math, memref and scf: write it in these, leave it out, or choose another target
// RUN: not qfmt-run %s --entry=asserts --gpu=rocm --emit=kernels -o %t.s 2>&1 | FileCheck %s --check-prefix=ROCM
// ROCM: error: 'cf.assert' op is in a kernel, and kernels for AMD's chips have no assertions; leave it out
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
func.func @wide(%x: tensor<8xi64>) -> tensor<8xi64> {
  %c64 = arith.constant dense<64> : tensor<8xi128>
  %w = arith.extsi %x : tensor<8xi64> to tensor<8xi128>
  %p = arith.muli %w, %w : tensor<8xi128>
  %h = arith.shrsi %p, %c64 : tensor<8xi128>
  %r = arith.trunci %h : tensor<8xi128> to tensor<8xi64>
  return %r : tensor<8xi64>
}
func.func @long_double(%x: tensor<8xf32>) -> tensor<8xf32> {
  %w = arith.extf %x : tensor<8xf32> to tensor<8xf80>
  %p = arith.mulf %w, %w : tensor<8xf80>
  %r = arith.truncf %p : tensor<8xf80> to tensor<8xf32>
  return %r : tensor<8xf32>
}
#id = affine_map<(i) -> (i)>
func.func @prints(%x: tensor<8xi32>) -> tensor<8xi32> {
  %e = tensor.empty() : tensor<8xi32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xi32>) outs(%e : tensor<8xi32>) {
  ^bb0(%v: i32, %o: i32):
    vector.print %v : i32
    linalg.yield %v : i32
  } -> tensor<8xi32>
  return %r : tensor<8xi32>
}
func.func @asserts(%x: tensor<8xi32>) -> tensor<8xi32> {
  %e = tensor.empty() : tensor<8xi32>
  %zero = arith.constant 0 : i32
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xi32>) outs(%e : tensor<8xi32>) {
  ^bb0(%v: i32, %o: i32):
    %c = arith.cmpi sgt, %v, %zero : i32
    cf.assert %c, "not positive"
    linalg.yield %v : i32
  } -> tensor<8xi32>
  return %r : tensor<8xi32>
}
func.func @index(%x: tensor<8xi32>) -> tensor<8xindex> {
  %r = arith.index_cast %x : tensor<8xi32> to tensor<8xindex>
  return %r : tensor<8xindex>
}
