// A product with a table, a convolution with padding, a concatenation and a result that is an argument, on what runs kernels here.

// RUN: %npy make %t.x.npy '|i1' 5x7 1 -2 3 -4 100 -128 127 0 9
// RUN: %npy make %t.i.npy '|u1' 1x2x6x5 0 1 2 255 128 77 3
// RUN: qfmt-run %s --inputs=%t.x.npy,%t.i.npy --outputs=%t.c0.npy,%t.c1.npy,%t.c2.npy,%t.c3.npy
// RUN: qfmt-run %s --gpu=sim --inputs=%t.x.npy,%t.i.npy --outputs=%t.s0.npy,%t.s1.npy,%t.s2.npy,%t.s3.npy
// RUN: for i in 0 1 2 3; do cmp %t.c$i.npy %t.s$i.npy || exit 1; done

// The kernels alone: PTX that names no function of a library, and AMD's instructions, for which nothing here has a device.
// RUN: qfmt-run %s --gpu=cuda --gpu-chip=sm_80 --emit=kernels -o - | FileCheck %s --check-prefix=PTX
// PTX: .version 8.0
// PTX: .target sm_80
// PTX-NOT: .extern
// PTX: .visible .entry main_kernel
// RUN: qfmt-run %s --gpu=rocm --emit=kernels -o - | FileCheck %s --check-prefix=ROCM
// ROCM: .amdgcn_target "amdgcn-amd-amdhsa--gfx942"
// ROCM: s_endpgm

// REQUIRES: gpu-sim
func.func @main(%x: tensor<5x7xi8>, %image: tensor<1x2x6x5xi8>) -> (tensor<5x3xi8>, tensor<1x4x6x5xi32>, tensor<10x7xi8>, tensor<5x7xi8>) {
  %w = arith.constant dense<[[1, -2, 3], [4, 5, -6], [7, 8, 9], [-10, 11, 12], [13, -14, 15], [16, 17, 18], [-19, 20, 21]]> : tensor<7x3xi8>
  %zero = arith.constant 0 : i32
  %e0 = tensor.empty() : tensor<5x3xi32>
  %z0 = linalg.fill ins(%zero : i32) outs(%e0 : tensor<5x3xi32>) -> tensor<5x3xi32>
  %p = linalg.matmul ins(%x, %w : tensor<5x7xi8>, tensor<7x3xi8>) outs(%z0 : tensor<5x3xi32>) -> tensor<5x3xi32>
  %m = arith.constant dense<1518500250> : tensor<5x3xi32>
  %n = arith.constant dense<36> : tensor<5x3xi32>
  %r = qfmt.dyadic_scale %p, %m, %n : tensor<5x3xi32>, tensor<5x3xi32>, tensor<5x3xi32> to tensor<5x3xi4>
  %y = qfmt.lookup %r in dense<[0, 1, 4, 9, 16, 25, 36, 49, -64, -49, -36, -25, -16, -9, -4, -1]> : tensor<16xi8> : tensor<5x3xi4> to tensor<5x3xi8>

  %byte = arith.constant 7 : i8
  %padded = tensor.pad %image low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %byte : i8
  } : tensor<1x2x6x5xi8> to tensor<1x2x8x7xi8>
  %k = arith.constant dense<[[[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[-1, -2, -3], [-4, -5, -6], [-7, -8, -9]]],
                             [[[1, 0, 1], [0, 1, 0], [1, 0, 1]], [[2, 2, 2], [2, 2, 2], [2, 2, 2]]],
                             [[[127, -128, 127], [1, 1, 1], [0, 0, 0]], [[0, 0, 0], [0, 1, 0], [0, 0, 0]]],
                             [[[3, 1, 4], [1, 5, 9], [2, 6, 5]], [[3, 5, 8], [9, 7, 9], [3, 2, 3]]]]> : tensor<4x2x3x3xi8>
  %e1 = tensor.empty() : tensor<1x4x6x5xi32>
  %z1 = linalg.fill ins(%zero : i32) outs(%e1 : tensor<1x4x6x5xi32>) -> tensor<1x4x6x5xi32>
  %conv = linalg.conv_2d_nchw_fchw ins(%padded, %k : tensor<1x2x8x7xi8>, tensor<4x2x3x3xi8>) outs(%z1 : tensor<1x4x6x5xi32>) -> tensor<1x4x6x5xi32>

  %cat = tensor.concat dim(0) %x, %x : (tensor<5x7xi8>, tensor<5x7xi8>) -> tensor<10x7xi8>
  return %y, %conv, %cat, %x : tensor<5x3xi8>, tensor<1x4x6x5xi32>, tensor<10x7xi8>, tensor<5x7xi8>
}
