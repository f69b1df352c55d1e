// Second moments of what a layer reads: of x = (1, -2) and (3, 0.5) the mean of
// x x^T is [[5, -0.25], [-0.25, 2.125]].
// RUN: %npy make %t.npy "<f4" 2x1x2 1 -2 3 0.5
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.npy moments=%t.npz" -o /dev/null
// RUN: %python -c "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extract('matmul.0.npy', sys.argv[2])" %t.npz %t.dir
// RUN: %npy print %t.dir/matmul.0.npy | FileCheck %s
// CHECK: <f8 (2, 2) 5 -0.25 -0.25 2.125

// RUN: not qfmt-opt %s -qfmt-annotate="data=%t.npy moments=%t.dir/no/such/folder.npz" 2>&1 | FileCheck %s --check-prefix=UNWRITABLE
// UNWRITABLE: error: qfmt-annotate: cannot write '{{.*}}folder.npz'

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x3xf32> {
  %o = qfmt.observe %x "argument.0" : tensor<1x2xf32>
  %w = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x3xf32>
  %y = linalg.matmul ins(%o, %w : tensor<1x2xf32>, tensor<2x3xf32>) outs(%zeros : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}
