// Sizes that the function leaves open come from the arrays.

// RUN: %npy make %t.x.npy '<f4' 3x2 1 2 3 4 5 6
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.y.npy
// RUN: %npy print %t.y.npy | FileCheck %s
// CHECK: <f4 (3, 2) 2 4 6 8 10 12
// RUN: qfmt-run %s --print-signature | FileCheck %s --check-prefix=SIGNATURE
// SIGNATURE: "shape":[-1,2]
// RUN: not qfmt-run %s --emit=object -o %t.o 2>&1 | FileCheck %s --check-prefix=STATIC
// STATIC: error: argument #0 of 'main' has a dynamic shape; a C function needs static ones
// RUN: not ls %t.o

func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %0 = arith.addf %x, %x : tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
