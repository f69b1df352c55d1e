// Codes of less than a byte take a byte each, at every edge: arguments, constants, results.

// RUN: %npy make %t.x.npy '|i1' 8 -8 -7 -1 0 1 6 7 -4
// RUN: %npy make %t.u.npy '|u1' 4 0 15 8 3
// RUN: qfmt-run %s --inputs=%t.x.npy,%t.u.npy --outputs=%t.y.npy,%t.v.npy
// RUN: %npy print %t.y.npy | FileCheck %s --check-prefix=Y
// RUN: %npy print %t.v.npy | FileCheck %s --check-prefix=V
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy,%t.u.npy --outputs=%t.ry.npy,%t.rv.npy
// RUN: cmp %t.y.npy %t.ry.npy
// RUN: cmp %t.v.npy %t.rv.npy

// 8 wraps to -8 in four bits. Without a sign of its own an i4 is written signed.
// Y: |i1 (8,) -7 -5 2 4 6 -4 -2 4
// V: |i1 (4,) 0 -1 -8 3

// RUN: %npy make %t.w.npy '|u1' 8 16 0
// RUN: not qfmt-run %s --inputs=%t.w.npy,%t.u.npy 2>&1 | FileCheck %s --check-prefix=RANGE
// RANGE: error: '{{.*}}.w.npy': argument #0: element 0 is no value of i4

func.func @main(%x: tensor<8xi4>, %u: tensor<4xi4>) -> (tensor<8xi4>, tensor<4xi4>) {
  %w = arith.constant dense<[1, 2, 3, 4, 5, 6, 7, -8]> : tensor<8xi4>
  %0 = arith.addi %x, %w : tensor<8xi4>
  return %0, %u : tensor<8xi4>, tensor<4xi4>
}
