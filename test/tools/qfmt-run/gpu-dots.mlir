// REQUIRES: gpu-sim

// A chip without tensor cores: four products by one instruction, the element-wise operations in the same kernel. 36 terms are nine words, 38 are none.
// RUN: %npy make %t.x.npy '|i1' 5x36 1 -2 3 -4 100 -128 127 0 9 17 -33
// RUN: %npy make %t.u.npy '|u1' 3x38 1 254 3 128 0 255 7
// RUN: qfmt-run %s --inputs=%t.x.npy,%t.u.npy --outputs=%t.c0.npy,%t.c1.npy
// RUN: qfmt-run %s --gpu=sim --gpu-chip=sm_75 --inputs=%t.x.npy,%t.u.npy --outputs=%t.s0.npy,%t.s1.npy
// RUN: cmp %t.c0.npy %t.s0.npy && cmp %t.c1.npy %t.s1.npy
// RUN: qfmt-run %s --gpu=cuda --gpu-chip=sm_75 --emit=kernels -o - | FileCheck %s
// CHECK: dp4a.s32.s32
// Without the instruction: sm_60 has none.
// RUN: qfmt-run %s --gpu=sim --gpu-chip=sm_60 --inputs=%t.x.npy,%t.u.npy --outputs=%t.t0.npy,%t.t1.npy
// RUN: cmp %t.c0.npy %t.t0.npy && cmp %t.c1.npy %t.t1.npy
// RUN: qfmt-run %s --gpu=cuda --gpu-chip=sm_60 --emit=kernels -o - | FileCheck %s --check-prefix=NONE
// NONE-NOT: dp4a

func.func @main(%x: tensor<5x36xi8>, %u: tensor<3x38xi8>) -> (tensor<5x8xi8>, tensor<3x4xi32>) {
  %w = arith.constant dense<"0x4420823CFDE6F1C26B30F90EC7DD01E4887534A20F0B0D04C36ED80E71E0FD77B07670EB940BD5335F973DAAD8619B91FFC911F57CCED458BBBF2CE03753C9BDFA0FF0169DC9575674066676CFB0B4EB8902C44269DA1CF6BA66D3F8B6D4B100A9EA0E755A5C2E8210242A08E7078F7F89385EB09423555182568B96E8A4FEF23A0C9FC5AFD7608437816BDD0A7309CB4A1252E4DA70E6720FCAA4DA1E98406C189C24279E9851D5814204136FEB5713C166B13269DD63FC35C797FF08A6CD90095066A745ADDB6D8831C2B0F87821142B4456556D89AA82BCADAE3A9578FA4535A414D025C24B40AE3AC127722988BA973AEA8D37179706072ED33A14607AD7523BE6557B5134DEC19681F4A1336AA2140D0597A3E6C8A0CC2020A2E939806E">
      : tensor<36x8xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<5x8xi32>
  %z = linalg.fill ins(%zero : i32) outs(%e : tensor<5x8xi32>) -> tensor<5x8xi32>
  %p = linalg.matmul ins(%x, %w : tensor<5x36xi8>, tensor<36x8xi8>) outs(%z : tensor<5x8xi32>) -> tensor<5x8xi32>
  %m = arith.constant dense<1518500250> : tensor<5x8xi32>
  %n = arith.constant dense<40> : tensor<5x8xi32>
  %r = qfmt.dyadic_scale %p, %m, %n : tensor<5x8xi32>, tensor<5x8xi32>, tensor<5x8xi32> to tensor<5x8xi8>

  %v = arith.constant dense<3> : tensor<38x4xi8>
  %e1 = tensor.empty() : tensor<3x4xi32>
  %z1 = linalg.fill ins(%zero : i32) outs(%e1 : tensor<3x4xi32>) -> tensor<3x4xi32>
  %q = linalg.matmul {cast = #linalg.type_fn<cast_unsigned>} ins(%u, %v : tensor<3x38xi8>, tensor<38x4xi8>) outs(%z1 : tensor<3x4xi32>) -> tensor<3x4xi32>
  return %r, %q : tensor<5x8xi8>, tensor<3x4xi32>
}
