// REQUIRES: gpu-sim

// Sizes from the arrays, a loop on the host whose bounds it reads, slices whose offsets are known at run time.
// RUN: %npy make %t.x.npy '<f4' 7x3 1 2.5 -3 4 0.125
// RUN: %npy make %t.n.npy '<i4' 1 4
// RUN: qfmt-run %s --inputs=%t.x.npy,%t.n.npy --outputs=%t.c0.npy,%t.c1.npy
// RUN: qfmt-run %s --gpu=sim --inputs=%t.x.npy,%t.n.npy --outputs=%t.s0.npy,%t.s1.npy
// RUN: cmp %t.c0.npy %t.s0.npy && cmp %t.c1.npy %t.s1.npy
func.func @main(%x: tensor<?x3xf32>, %n: tensor<1xi32>) -> (tensor<?x3xf32>, tensor<4x3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %sum = arith.addf %x, %x : tensor<?x3xf32>
  %count = tensor.extract %n[%c0] : tensor<1xi32>
  %end = arith.index_cast %count : i32 to index
  %rows = tensor.dim %x, %c0 : tensor<?x3xf32>
  %init = arith.constant dense<0.5> : tensor<4x3xf32>
  %r = scf.for %i = %c0 to %end step %c1 iter_args(%acc = %init) -> tensor<4x3xf32> {
    %row = tensor.extract_slice %sum[%i, 0] [1, 3] [1, 1] : tensor<?x3xf32> to tensor<1x3xf32>
    %old = tensor.extract_slice %acc[%i, 0] [1, 3] [1, 1] : tensor<4x3xf32> to tensor<1x3xf32>
    %new = arith.mulf %row, %old : tensor<1x3xf32>
    %next = tensor.insert_slice %new into %acc[%i, 0] [1, 3] [1, 1] : tensor<1x3xf32> into tensor<4x3xf32>
    scf.yield %next : tensor<4x3xf32>
  }
  return %sum, %r : tensor<?x3xf32>, tensor<4x3xf32>
}

// A buffer of indices.
// RUN: %npy make %t.i.npy '<i4' 3 2 0 1
// RUN: qfmt-run %s --entry=indices --inputs=%t.i.npy --outputs=%t.ic.npy
// RUN: qfmt-run %s --entry=indices --gpu=sim --inputs=%t.i.npy --outputs=%t.is.npy
// RUN: cmp %t.ic.npy %t.is.npy
func.func @indices(%x: tensor<3xi32>) -> tensor<3xi32> {
  %c0 = arith.constant 0 : index
  %i = arith.index_cast %x : tensor<3xi32> to tensor<3xindex>
  %first = tensor.extract %i[%c0] : tensor<3xindex>
  %many = tensor.insert %first into %i[%first] : tensor<3xindex>
  %r = arith.index_cast %many : tensor<3xindex> to tensor<3xi32>
  return %r : tensor<3xi32>
}
