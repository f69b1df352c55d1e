// A call writes into no input, and repeating it gives the same: the sum could be computed in place.

// RUN: %npy make %t.x.npy '<i4' 4 1 2 3 4
// RUN: qfmt-run %s --repeat=3 --inputs=%t.x.npy --outputs=%t.y.npy,%t.x2.npy
// RUN: %npy print %t.y.npy | FileCheck %s
// RUN: %npy print %t.x2.npy | FileCheck %s --check-prefix=X
// CHECK: <i4 (4,) 2 4 6 8
// X: <i4 (4,) 1 2 3 4

func.func @main(%x: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>) {
  %0 = linalg.add ins(%x, %x : tensor<4xi32>, tensor<4xi32>) outs(%x : tensor<4xi32>) -> tensor<4xi32>
  return %0, %x : tensor<4xi32>, tensor<4xi32>
}
