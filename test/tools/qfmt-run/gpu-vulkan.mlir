// REQUIRES: vulkan

// RUN: %npy make %t.x.npy '|i1' 5x7 1 -2 3 -4 100 -128 127 0 9
// RUN: %npy make %t.i.npy '|u1' 1x2x6x5 0 1 2 255 128 77 3
// RUN: qfmt-run %S/gpu.mlir --inputs=%t.x.npy,%t.i.npy --outputs=%t.c0.npy,%t.c1.npy,%t.c2.npy,%t.c3.npy
// RUN: qfmt-run %S/gpu.mlir --gpu=vulkan --inputs=%t.x.npy,%t.i.npy --outputs=%t.v0.npy,%t.v1.npy,%t.v2.npy,%t.v3.npy
// RUN: for i in 0 1 2 3; do cmp %t.c$i.npy %t.v$i.npy || exit 1; done

// bf16 is kept as bits.
// RUN: %npy make %t.h.npy '<u2' 6 16256 49152 32640 1 16457 32768
// RUN: qfmt-run %s --inputs=%t.h.npy --outputs=%t.hc.npy
// RUN: qfmt-run %s --gpu=vulkan --inputs=%t.h.npy --outputs=%t.hv.npy
// RUN: cmp %t.hc.npy %t.hv.npy
func.func @main(%x: tensor<6xbf16>) -> tensor<6xbf16> {
  %0 = arith.negf %x : tensor<6xbf16>
  return %0 : tensor<6xbf16>
}

// Codes of four bits, which SPIR-V has not: what is looked up, and extended with either sign.
// RUN: %npy make %t.o.npy '<i2' 6 0 7 9 16 100 -3
// RUN: qfmt-run %s --entry=odd --inputs=%t.o.npy --outputs=%t.oc0.npy,%t.oc1.npy,%t.oc2.npy
// RUN: qfmt-run %s --entry=odd --gpu=vulkan --inputs=%t.o.npy --outputs=%t.ov0.npy,%t.ov1.npy,%t.ov2.npy
// RUN: cmp %t.oc0.npy %t.ov0.npy && cmp %t.oc1.npy %t.ov1.npy && cmp %t.oc2.npy %t.ov2.npy
func.func @odd(%x: tensor<6xi16>) -> (tensor<6xi8>, tensor<6xi8>, tensor<6xi16>) {
  %i4 = arith.trunci %x : tensor<6xi16> to tensor<6xi4>
  %three = arith.constant dense<3> : tensor<6xi4>
  %sum = arith.addi %i4, %three : tensor<6xi4>
  %0 = qfmt.lookup %sum in dense<[0, 1, 4, 9, 16, 25, 36, 49, -64, -49, -36, -25, -16, -9, -4, -1]> : tensor<16xi8> : tensor<6xi4> to tensor<6xi8>
  %1 = arith.extsi %sum : tensor<6xi4> to tensor<6xi8>
  %2 = arith.extui %sum : tensor<6xi4> to tensor<6xi16>
  return %0, %1, %2 : tensor<6xi8>, tensor<6xi8>, tensor<6xi16>
}

// RUN: qfmt-run %s --entry=compared --inputs=%t.o.npy --outputs=%t.cc.npy
// RUN: qfmt-run %s --entry=compared --gpu=vulkan --inputs=%t.o.npy --outputs=%t.cv.npy
// RUN: cmp %t.cc.npy %t.cv.npy
func.func @compared(%x: tensor<6xi16>) -> tensor<6xi8> {
  %i4 = arith.trunci %x : tensor<6xi16> to tensor<6xi4>
  %three = arith.constant dense<3> : tensor<6xi4>
  %most = arith.maxsi %i4, %three : tensor<6xi4>
  %0 = arith.extsi %most : tensor<6xi4> to tensor<6xi8>
  return %0 : tensor<6xi8>
}

// RUN: not qfmt-run %s --entry=unknown --gpu=vulkan --inputs=%t.h.npy 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: a kernel takes a buffer of type 'memref<?xi16>', and for Vulkan sizes have to be known: give tensors static shapes and slices places that no loop of the host computes, or choose another target
func.func @unknown(%x: tensor<?xbf16>) -> tensor<?xbf16> {
  %0 = arith.negf %x : tensor<?xbf16>
  return %0 : tensor<?xbf16>
}
