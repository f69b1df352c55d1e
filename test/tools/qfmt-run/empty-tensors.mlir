// Padding and joining tensors without elements, compiled code against the reference.

// RUN: %npy make %t.x.npy '|i1' 0x3 1
// RUN: %npy make %t.z.npy '|i1' 2x3 1 -2 3
// RUN: qfmt-run %s --entry=pads --inputs=%t.x.npy --outputs=%t.0.npy,%t.1.npy,%t.2.npy
// RUN: qfmt-run %s --entry=pads --engine=reference --inputs=%t.x.npy --outputs=%t.r0.npy,%t.r1.npy,%t.r2.npy
// RUN: cmp %t.0.npy %t.r0.npy && cmp %t.1.npy %t.r1.npy && cmp %t.2.npy %t.r2.npy
// RUN: qfmt-run %s --entry=concats --inputs=%t.x.npy,%t.z.npy --outputs=%t.0.npy,%t.1.npy
// RUN: qfmt-run %s --entry=concats --engine=reference --inputs=%t.x.npy,%t.z.npy --outputs=%t.r0.npy,%t.r1.npy
// RUN: cmp %t.0.npy %t.r0.npy && cmp %t.1.npy %t.r1.npy

// Behind the last element, in codes of 4 bits, and to a tensor that has no elements either.
func.func @pads(%x: tensor<0x3xi8>) -> (tensor<2x5xi8>, tensor<2x8xi4>, tensor<0x5xi8>) {
  %c9 = arith.constant 9 : i8
  %0 = tensor.pad %x low[2, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %c9 : i8
  } : tensor<0x3xi8> to tensor<2x5xi8>
  %codes = arith.trunci %x : tensor<0x3xi8> to tensor<0x3xi4>
  %any = tensor.cast %codes : tensor<0x3xi4> to tensor<?x3xi4>
  %1 = tensor.pad %any low[2, 3] high[0, 2] {
  ^bb0(%i: index, %j: index):
    %place = arith.index_cast %j : index to i4
    tensor.yield %place : i4
  } : tensor<?x3xi4> to tensor<2x8xi4>
  %2 = tensor.pad %x low[0, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %c9 : i8
  } : tensor<0x3xi8> to tensor<0x5xi8>
  return %0, %1, %2 : tensor<2x5xi8>, tensor<2x8xi4>, tensor<0x5xi8>
}

func.func @concats(%x: tensor<0x3xi8>, %z: tensor<2x3xi8>) -> (tensor<4x3xi8>, tensor<0x3xi8>) {
  %0 = tensor.concat dim(0) %z, %z, %x : (tensor<2x3xi8>, tensor<2x3xi8>, tensor<0x3xi8>) -> tensor<4x3xi8>
  %1 = tensor.concat dim(0) %x, %x : (tensor<0x3xi8>, tensor<0x3xi8>) -> tensor<0x3xi8>
  return %0, %1 : tensor<4x3xi8>, tensor<0x3xi8>
}
