// REQUIRES: vulkan
// Lavapipe ends the loops of a thread after 65535 turns in all.

// RUN: %npy make %t.x.npy '|i1' 1x131073 1
// RUN: qfmt-run %s --gpu=vulkan --inputs=%t.x.npy --outputs=%t.v.npy
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.c.npy
// RUN: cmp %t.c.npy %t.v.npy
func.func @main(%x: tensor<1x131073xi8>) -> tensor<1xi32> {
  %c = arith.extsi %x : tensor<1x131073xi8> to tensor<1x131073xi32>
  %z = arith.constant dense<0> : tensor<1xi32>
  %r = linalg.reduce { arith.addi } ins(%c : tensor<1x131073xi32>) outs(%z : tensor<1xi32>) dimensions = [1]
  return %r : tensor<1xi32>
}

// Nested loops, together.
// RUN: %npy make %t.n.npy '|i1' 2x3x150x200 1 2 -3 4 5
// RUN: qfmt-run %s --entry=nested --gpu=vulkan --inputs=%t.n.npy --outputs=%t.nv.npy
// RUN: qfmt-run %s --entry=nested --inputs=%t.n.npy --outputs=%t.nc.npy
// RUN: cmp %t.nc.npy %t.nv.npy
func.func @nested(%x: tensor<2x3x150x200xi8>) -> tensor<2xi32> {
  %c = arith.extsi %x : tensor<2x3x150x200xi8> to tensor<2x3x150x200xi32>
  %z = arith.constant dense<0> : tensor<2xi32>
  %r = linalg.reduce { arith.addi } ins(%c : tensor<2x3x150x200xi32>) outs(%z : tensor<2xi32>) dimensions = [1, 2, 3]
  return %r : tensor<2xi32>
}

// A product whose terms are too many for the loop of a kernel with dot products of bytes.
// RUN: %npy make %t.p.npy '|i1' 2x262148 1 2 -3
// RUN: qfmt-run %s --entry=product --gpu=vulkan --gpu-chip=vulkan1.3 --inputs=%t.p.npy --outputs=%t.pv.npy
// RUN: qfmt-run %s --entry=product --inputs=%t.p.npy --outputs=%t.pc.npy
// RUN: cmp %t.pc.npy %t.pv.npy
func.func @product(%x: tensor<2x262148xi8>) -> tensor<2x3xi32> {
  %w = arith.constant dense<3> : tensor<262148x3xi8>
  %z = arith.constant dense<0> : tensor<2x3xi32>
  %r = linalg.matmul ins(%x, %w : tensor<2x262148xi8>, tensor<262148x3xi8>) outs(%z : tensor<2x3xi32>) -> tensor<2x3xi32>
  return %r : tensor<2x3xi32>
}
