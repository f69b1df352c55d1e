// REQUIRES: gpu-sim
// RUN: %npy make %t.x.npy '<f4' 4 1
// RUN: rm -f %t.y.npy
// RUN: not qfmt-run %s --gpu=sim --inputs=%t.x.npy --outputs=%t.y.npy 2>&1 | FileCheck %s
// RUN: not ls %t.y.npy

// CHECK: error: kernel 'main_kernel': a grid of 1x1x70000 blocks is too large, the device takes 2147483647x65535x65535
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c1 = arith.constant 1 : index
  %n = arith.constant 70000 : index
  %m = bufferization.to_buffer %x : tensor<4xf32> to memref<4xf32>
  %o = memref.alloc() : memref<4xf32>
  memref.copy %m, %o : memref<4xf32> to memref<4xf32>
  gpu.launch blocks(%a, %b, %c) in (%ga = %c1, %gb = %c1, %gc = %n) threads(%d, %e, %f) in (%td = %c1, %te = %c1, %tf = %c1) {
    %v = arith.constant 1.0 : f32
    %i = arith.constant 0 : index
    memref.store %v, %o[%i] : memref<4xf32>
    gpu.terminator
  }
  %y = bufferization.to_tensor %o restrict : memref<4xf32> to tensor<4xf32>
  return %y : tensor<4xf32>
}
