// More of what networks are made of, compiled code against the reference.

// RUN: %npy make %t.x.npy '<f4' 5x19 0.5 -1.25 3.1 0.7 -2.9 8.3 -0.01 -7.7 2.2 0.3 1e-40 65519.9
// RUN: %npy make %t.c.npy '|i1' 5x19 1 -128 127 55 -77 13 0 -1 99 -100 31
// RUN: qfmt-run %s --engine=jit --entry=halves --inputs=%t.x.npy --outputs=%t.y0.npy,%t.y1.npy
// RUN: qfmt-run %s --engine=reference --entry=halves --inputs=%t.x.npy --outputs=%t.r0.npy,%t.r1.npy
// RUN: cmp %t.y0.npy %t.r0.npy
// RUN: cmp %t.y1.npy %t.r1.npy
// RUN: qfmt-run %s --engine=jit --entry=lut --inputs=%t.c.npy --outputs=%t.y0.npy,%t.y1.npy
// RUN: qfmt-run %s --engine=reference --entry=lut --inputs=%t.c.npy --outputs=%t.r0.npy,%t.r1.npy
// RUN: cmp %t.y0.npy %t.r0.npy
// RUN: cmp %t.y1.npy %t.r1.npy
// RUN: qfmt-run %s --engine=jit --entry=moves --inputs=%t.c.npy --outputs=%t.y0.npy,%t.y1.npy,%t.y2.npy
// RUN: qfmt-run %s --engine=reference --entry=moves --inputs=%t.c.npy --outputs=%t.r0.npy,%t.r1.npy,%t.r2.npy
// RUN: cmp %t.y0.npy %t.r0.npy
// RUN: cmp %t.y1.npy %t.r1.npy
// RUN: cmp %t.y2.npy %t.r2.npy
// RUN: qfmt-run %s --engine=jit --entry=loop --inputs=%t.x.npy --outputs=%t.y0.npy
// RUN: qfmt-run %s --engine=reference --entry=loop --inputs=%t.x.npy --outputs=%t.r0.npy
// RUN: cmp %t.y0.npy %t.r0.npy

#i2 = affine_map<(i, j) -> (i, j)>

// Each operation on f16 and bf16 rounds once.
func.func @halves(%x: tensor<5x19xf32>) -> (tensor<5x19xf16>, tensor<5x19xbf16>) {
  %0 = arith.truncf %x : tensor<5x19xf32> to tensor<5x19xf16>
  %1 = arith.addf %0, %0 : tensor<5x19xf16>
  %3 = arith.truncf %x : tensor<5x19xf32> to tensor<5x19xbf16>
  %4 = arith.mulf %3, %3 : tensor<5x19xbf16>
  return %1, %4 : tensor<5x19xf16>, tensor<5x19xbf16>
}
// A table, and booleans, which take a byte each.
func.func @lut(%x: tensor<5x19xi8>) -> (tensor<5x19xi8>, tensor<5x19xi1>) {
  %t = arith.constant dense<[3,1,4,1,5,9,2,6]> : tensor<8xi8>
  %e = tensor.empty() : tensor<5x19xi8>
  %c7 = arith.constant 7 : i8
  %0 = linalg.generic {indexing_maps=[#i2,#i2], iterator_types=["parallel","parallel"]} ins(%x : tensor<5x19xi8>) outs(%e : tensor<5x19xi8>) {
  ^bb0(%a: i8, %b: i8):
    %k = arith.andi %a, %c7 : i8
    %i = arith.index_castui %k : i8 to index
    %v = tensor.extract %t[%i] : tensor<8xi8>
    linalg.yield %v : i8
  } -> tensor<5x19xi8>
  %z = arith.constant dense<2> : tensor<5x19xi8>
  %1 = arith.cmpi sgt, %0, %z : tensor<5x19xi8>
  return %0, %1 : tensor<5x19xi8>, tensor<5x19xi1>
}
func.func @moves(%x: tensor<5x19xi8>) -> (tensor<19x10xi8>, tensor<95xi8>, tensor<3x4xi8>) {
  %e = tensor.empty() : tensor<19x5xi8>
  %0 = linalg.transpose ins(%x : tensor<5x19xi8>) outs(%e : tensor<19x5xi8>) permutation = [1, 0]
  %1 = tensor.concat dim(1) %0, %0 : (tensor<19x5xi8>, tensor<19x5xi8>) -> tensor<19x10xi8>
  %2 = tensor.collapse_shape %x [[0,1]] : tensor<5x19xi8> into tensor<95xi8>
  %3 = tensor.extract_slice %x[1,2][3,4][1,3] : tensor<5x19xi8> to tensor<3x4xi8>
  return %1, %2, %3 : tensor<19x10xi8>, tensor<95xi8>, tensor<3x4xi8>
}
// Each iteration needs new memory, and a function is called.
func.func @loop(%x: tensor<5x19xf32>) -> tensor<5x19xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %r = scf.for %i = %c0 to %c7 step %c1 iter_args(%a = %x) -> tensor<5x19xf32> {
    %y = arith.mulf %a, %x : tensor<5x19xf32>
    %z = func.call @f(%y) : (tensor<5x19xf32>) -> tensor<5x19xf32>
    scf.yield %z : tensor<5x19xf32>
  }
  return %r : tensor<5x19xf32>
}
func.func private @f(%x: tensor<5x19xf32>) -> tensor<5x19xf32> {
  %y = arith.addf %x, %x : tensor<5x19xf32>
  return %y : tensor<5x19xf32>
}
