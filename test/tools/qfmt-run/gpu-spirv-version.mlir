// REQUIRES: spirv-val
// An entry point lists its buffers from version 1.4 on, and not before: the version is that of the environment, whatever the kernel needs.
// RUN: qfmt-run %s --gpu=vulkan --gpu-chip=vulkan1.3 --emit=kernels -o %t.13.spv
// RUN: spirv-val --target-env vulkan1.3 %t.13.spv
// RUN: qfmt-run %s --gpu=vulkan --gpu-chip=vulkan1.1 --emit=kernels -o %t.11.spv
// RUN: spirv-val --target-env vulkan1.1 %t.11.spv
func.func @main(%x: tensor<8xi32>) -> tensor<8xi32> {
  %r = arith.addi %x, %x : tensor<8xi32>
  return %r : tensor<8xi32>
}
