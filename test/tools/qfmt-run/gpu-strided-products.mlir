// Factors whose rows do not lie in one piece: every second element of an argument. On tensor cores they are copied first.
// REQUIRES: gpu-sim
// RUN: %npy make %t.x.npy '|i1' 6x64 $(seq -64 127)
// RUN: %npy make %t.y.npy '|i1' 2x6x64 $(seq -101 97)
// RUN: %npy make %t.z.npy '|i1' 1x5x5x32 $(seq -128 117)
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy,%t.y.npy,%t.z.npy --outputs=%t.r0.npy,%t.r1.npy,%t.r2.npy
// RUN: qfmt-run %s --gpu=sim --gpu-chip=sm_75 --inputs=%t.x.npy,%t.y.npy,%t.z.npy --outputs=%t.a0.npy,%t.a1.npy,%t.a2.npy
// RUN: qfmt-run %s --gpu=sim --gpu-chip=sm_80 --inputs=%t.x.npy,%t.y.npy,%t.z.npy --outputs=%t.b0.npy,%t.b1.npy,%t.b2.npy
// RUN: qfmt-run %s --gpu=sim --gpu-chip=sm_90a --gpu-tier=wgmma --inputs=%t.x.npy,%t.y.npy,%t.z.npy --outputs=%t.c0.npy,%t.c1.npy,%t.c2.npy
// RUN: cmp %t.r0.npy %t.a0.npy && cmp %t.r1.npy %t.a1.npy && cmp %t.r2.npy %t.a2.npy
// RUN: cmp %t.r0.npy %t.b0.npy && cmp %t.r1.npy %t.b1.npy && cmp %t.r2.npy %t.b2.npy
// RUN: cmp %t.r0.npy %t.c0.npy && cmp %t.r1.npy %t.c1.npy && cmp %t.r2.npy %t.c2.npy
// RUN: qfmt-run %s --gpu=cuda --gpu-chip=sm_80 --emit=kernels -o - | FileCheck %s --check-prefix=PTX
// PTX-COUNT-3: mma.sync.aligned.m16n8k32

func.func @main(%x: tensor<6x64xi8>, %y: tensor<2x6x64xi8>, %z: tensor<1x5x5x32xi8>) -> (tensor<6x3xi32>, tensor<2x6x6xi32>, tensor<1x4x4x3xi32>) {
  %zero = arith.constant 0 : i32
  %w = arith.constant dense<"0x000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1FFFFEFDFCFBFAF9F8F7F6F5F4F3F2F1F0EFEEEDECEBEAE9E8E7E6E5E4E3E2E1E07F7D7B797775737169686765636361605F5D5B59575553514F4D4B4947454341"> : tensor<3x32xi8>

  // By a constant.
  %half = tensor.extract_slice %x[0, 0] [6, 32] [1, 2] : tensor<6x64xi8> to tensor<6x32xi8>
  %e0 = tensor.empty() : tensor<6x3xi32>
  %i0 = linalg.fill ins(%zero : i32) outs(%e0 : tensor<6x3xi32>) -> tensor<6x3xi32>
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]} ins(%half, %w : tensor<6x32xi8>, tensor<3x32xi8>) outs(%i0 : tensor<6x3xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %2 = arith.extsi %a : i8 to i32
    %3 = arith.extsi %b : i8 to i32
    %4 = arith.muli %2, %3 : i32
    %5 = arith.addi %s, %4 : i32
    linalg.yield %5 : i32
  } -> tensor<6x3xi32>

  // Two variables.
  %even = tensor.extract_slice %y[0, 0, 0] [2, 6, 32] [1, 1, 2] : tensor<2x6x64xi8> to tensor<2x6x32xi8>
  %odd = tensor.extract_slice %y[0, 0, 1] [2, 6, 32] [1, 1, 2] : tensor<2x6x64xi8> to tensor<2x6x32xi8>
  %e1 = tensor.empty() : tensor<2x6x6xi32>
  %i1 = linalg.fill ins(%zero : i32) outs(%e1 : tensor<2x6x6xi32>) -> tensor<2x6x6xi32>
  %1 = linalg.generic {indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%even, %odd : tensor<2x6x32xi8>, tensor<2x6x32xi8>) outs(%i1 : tensor<2x6x6xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %2 = arith.extsi %a : i8 to i32
    %3 = arith.extsi %b : i8 to i32
    %4 = arith.muli %2, %3 : i32
    %5 = arith.addi %s, %4 : i32
    linalg.yield %5 : i32
  } -> tensor<2x6x6xi32>

  // A convolution, with every second channel.
  %kernel = tensor.expand_shape %w [[0], [1, 2, 3]] output_shape [3, 2, 2, 8] : tensor<3x32xi8> into tensor<3x2x2x8xi8>
  %channels = tensor.extract_slice %z[0, 0, 0, 4] [1, 5, 5, 8] [1, 1, 1, 2] : tensor<1x5x5x32xi8> to tensor<1x5x5x8xi8>
  %e2 = tensor.empty() : tensor<1x4x4x3xi32>
  %i2 = linalg.fill ins(%zero : i32) outs(%e2 : tensor<1x4x4x3xi32>) -> tensor<1x4x4x3xi32>
  %2 = linalg.conv_2d_nhwc_fhwc ins(%channels, %kernel : tensor<1x5x5x8xi8>, tensor<3x2x2x8xi8>) outs(%i2 : tensor<1x4x4x3xi32>) -> tensor<1x4x4x3xi32>
  return %0, %1, %2 : tensor<6x3xi32>, tensor<2x6x6xi32>, tensor<1x4x4x3xi32>
}
