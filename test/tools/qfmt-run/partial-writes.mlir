// A result keeps the initial values that its operation does not write, in compiled code as in the reference.

// RUN: %npy make %t.x.npy '<i4' 4 11 22 33 44
// RUN: %npy make %t.y.npy '|i1' 4x6 1 -2 3 -4 5 -6 7
// RUN: qfmt-run %s --entry=diagonal --inputs=%t.x.npy,%t.y.npy --outputs=%t.0.npy,%t.1.npy
// RUN: qfmt-run %s --entry=diagonal --engine=reference --inputs=%t.x.npy,%t.y.npy --outputs=%t.r0.npy,%t.r1.npy
// RUN: cmp %t.0.npy %t.r0.npy && cmp %t.1.npy %t.r1.npy
// RUN: qfmt-run %s --entry=masked --inputs=%t.y.npy --outputs=%t.0.npy
// RUN: qfmt-run %s --entry=masked --engine=reference --inputs=%t.y.npy --outputs=%t.r0.npy
// RUN: cmp %t.0.npy %t.r0.npy
// RUN: %npy make %t.none.npy '|i1' 0x6 1
// RUN: qfmt-run %s --entry=last --inputs=%t.none.npy --outputs=%t.0.npy
// RUN: %npy print %t.0.npy | FileCheck %s --check-prefix=LAST
// LAST: 7 7 7 7 7 7
// RUN: qfmt-run %s --entry=last --inputs=%t.y.npy --outputs=%t.0.npy
// RUN: qfmt-run %s --entry=last --engine=reference --inputs=%t.y.npy --outputs=%t.r0.npy
// RUN: cmp %t.0.npy %t.r0.npy

// No kernel is made of it.
// RUN: not qfmt-run %s --entry=masked --gpu=cuda --emit=kernels -o %t.ptx 2>&1 | FileCheck %s --check-prefix=GPU
// GPU: error: 'linalg.generic' op may leave elements of operand 1, of 'tensor<4x6xi8>', as they are: it writes at affine_map<(d0, d1) -> (d0 * 2, d1 * 2 + 1)>

// A diagonal, a copy of it, of which canonicalization would make all of %0, and a column of codes of 4 bits.
func.func @diagonal(%x: tensor<4xi32>, %y: tensor<4x6xi8>) -> (tensor<4x4xi32>, tensor<4x6xi4>) {
  %c7 = arith.constant dense<7> : tensor<4x4xi32>
  %c9 = arith.constant dense<9> : tensor<4x4xi32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i, i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<4xi32>) outs(%c7 : tensor<4x4xi32>) {
  ^bb0(%a: i32, %b: i32):
    linalg.yield %a : i32
  } -> tensor<4x4xi32>
  %1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i, i)>, affine_map<(i) -> (i, i)>], iterator_types = ["parallel"]}
      ins(%0 : tensor<4x4xi32>) outs(%c9 : tensor<4x4xi32>) {
  ^bb0(%a: i32, %b: i32):
    linalg.yield %a : i32
  } -> tensor<4x4xi32>
  %codes = arith.trunci %y : tensor<4x6xi8> to tensor<4x6xi4>
  %2 = linalg.generic {indexing_maps = [affine_map<(i) -> (i, 5)>], iterator_types = ["parallel"]}
      outs(%codes : tensor<4x6xi4>) {
  ^bb0(%b: i4):
    %i = linalg.index 0 : index
    %c = arith.index_cast %i : index to i4
    linalg.yield %c : i4
  } -> tensor<4x6xi4>
  return %1, %2 : tensor<4x4xi32>, tensor<4x6xi4>
}

// The old values are read, but a constant says that no element takes one.
func.func @masked(%y: tensor<4x6xi8>) -> tensor<4x6xi8> {
  %mask = arith.constant dense<true> : tensor<2x3xi1>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (2 * i, 2 * j + 1)>], iterator_types = ["parallel", "parallel"]}
      ins(%mask : tensor<2x3xi1>) outs(%y : tensor<4x6xi8>) {
  ^bb0(%m: i1, %b: i8):
    %c5 = arith.constant 5 : i8
    %s = arith.select %m, %c5, %b : i8
    linalg.yield %s : i8
  } -> tensor<4x6xi8>
  return %r : tensor<4x6xi8>
}

// The last row, if there is one.
func.func @last(%x: tensor<?x6xi8>) -> tensor<6xi8> {
  %c7 = arith.constant dense<7> : tensor<6xi8>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>], iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<?x6xi8>) outs(%c7 : tensor<6xi8>) {
  ^bb0(%a: i8, %b: i8):
    linalg.yield %a : i8
  } -> tensor<6xi8>
  return %r : tensor<6xi8>
}
