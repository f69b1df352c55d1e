// REQUIRES: vulkan, spirv-val

// RUN: %npy make %t.x.npy '|i1' 5x36 1 -2 3 -4 100 -128 127 0 9 17 -33
// RUN: %npy make %t.u.npy '|u1' 3x38 1 254 3 128 0 255 7
// RUN: qfmt-run %S/gpu-dots.mlir --inputs=%t.x.npy,%t.u.npy --outputs=%t.c0.npy,%t.c1.npy
// RUN: qfmt-run %S/gpu-dots.mlir --gpu=vulkan --gpu-chip=vulkan1.3 --inputs=%t.x.npy,%t.u.npy --outputs=%t.v0.npy,%t.v1.npy
// RUN: cmp %t.c0.npy %t.v0.npy && cmp %t.c1.npy %t.v1.npy
// RUN: qfmt-run %S/gpu-dots.mlir --gpu=vulkan --gpu-chip=vulkan1.3 --emit=kernels -o %t.spv
// RUN: spirv-val --target-env vulkan1.3 %t.spv

// Without integers of 64 bits.
// RUN: %npy make %t.w.npy '<i4' 7 2147483647 -2147483648 5 -7 123456789 0 -1
// RUN: qfmt-run %s --inputs=%t.w.npy --outputs=%t.wc.npy
// RUN: qfmt-run %s --gpu=vulkan --inputs=%t.w.npy --outputs=%t.wv.npy
// RUN: cmp %t.wc.npy %t.wv.npy
// RUN: qfmt-opt %s --qfmt-compile-for-gpu="runtime=vulkan emulate-wide-integers" --mlir-print-ir-before=qfmt-spirv-to-binary -o /dev/null 2>&1 | FileCheck %s
// CHECK: spirv.module @{{.*}} requires #spirv.vce<v1.0, [Shader, Matrix], [SPV_KHR_storage_buffer_storage_class]>
// CHECK: spirv.EntryPoint
func.func @main(%x: tensor<7xi32>) -> tensor<7xi64> {
  %e = tensor.empty() : tensor<7xi64>
  %wide = arith.extsi %x : tensor<7xi32> to tensor<7xi64>
  %square = arith.muli %wide, %wide : tensor<7xi64>
  %zero = arith.constant 0 : i64
  %e1 = tensor.empty() : tensor<i64>
  %z = linalg.fill ins(%zero : i64) outs(%e1 : tensor<i64>) -> tensor<i64>
  %sum = linalg.reduce ins(%square : tensor<7xi64>) outs(%z : tensor<i64>) dimensions = [0]
    (%a: i64, %b: i64) {
      %s = arith.addi %a, %b : i64
      linalg.yield %s : i64
    }
  %all = linalg.broadcast ins(%sum : tensor<i64>) outs(%e : tensor<7xi64>) dimensions = [0]
  %r = arith.subi %all, %square : tensor<7xi64>
  return %r : tensor<7xi64>
}
