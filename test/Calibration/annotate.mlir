// Two samples of a network that doubles: the argument holds 1, -2, 3, 0.5, its
// sum with itself twice that. Bins are 2 and 4 wide around zero.
// RUN: %npy make %t.npy "<f4" 2x1x2 1 -2 3 0.5
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.npy bins=3" | FileCheck %s

// The axis of the batch may be left out, or be there; statistics that were
// there are replaced.
// RUN: %npy make %t.flat.npy "<f4" 2x2 1 -2 3 0.5
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.flat.npy bins=3" | FileCheck %s
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.npy bins=7" | qfmt-opt -qfmt-annotate="data=%t.npy bins=3" | FileCheck %s

// An archive, compressed and not, with the name of the input, with numpy's, or
// with any: there is one argument.
// RUN: mkdir -p %t.dir
// RUN: cp %t.npy %t.dir/pixels.npy
// RUN: cp %t.npy %t.dir/arr_0.npy
// RUN: cp %t.npy %t.dir/other.npy
// RUN: %python -m zipfile -c %t.pixels.npz %t.dir/pixels.npy
// RUN: %python -m zipfile -c %t.arr.npz %t.dir/arr_0.npy
// RUN: %python -m zipfile -c %t.other.npz %t.dir/other.npy
// RUN: %python -c "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').write(sys.argv[2], 'pixels.npy')" %t.stored.npz %t.npy
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.pixels.npz bins=3" | FileCheck %s
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.arr.npz bins=3" | FileCheck %s
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.other.npz bins=3" | FileCheck %s
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.stored.npz bins=3" | FileCheck %s

// The result of annotating is at level observed, and can be quantized.
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.npy" -qfmt-verify-level=level=observed -qfmt-quantize -qfmt-verify-level=level=encoded -o /dev/null

// CHECK-LABEL: func @main
// CHECK: qfmt.observe %{{.*}} "argument.0" statistics = <min = -2.000000e+00, max = 3.000000e+00, count = 4, histogram = [1, 1, 2]>
// CHECK-DAG: qfmt.observe %{{.*}} "called" statistics = <min = -4.000000e+00, max = 6.000000e+00, count = 4, histogram = [1, 1, 2]>
// CHECK-DAG: qfmt.observe %{{.*}} "zeros" statistics = <min = 0.000000e+00, max = 0.000000e+00, count = 4, histogram = [0, 4, 0]>
func.func @main(%x: tensor<1x2xf32> {qfmt.name = "pixels"}) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %o = qfmt.observe %x "argument.0" : tensor<1x2xf32>
  %y = func.call @twice(%o) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %empty = tensor.empty() : tensor<1x2xf32>
  %d = linalg.sub ins(%o, %o : tensor<1x2xf32>, tensor<1x2xf32>) outs(%empty : tensor<1x2xf32>) -> tensor<1x2xf32>
  %z = qfmt.observe %d "zeros" : tensor<1x2xf32>
  return %y, %z : tensor<1x2xf32>, tensor<1x2xf32>
}
func.func private @twice(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %empty = tensor.empty() : tensor<1x2xf32>
  %y = linalg.add ins(%x, %x : tensor<1x2xf32>, tensor<1x2xf32>) outs(%empty : tensor<1x2xf32>) -> tensor<1x2xf32>
  %o = qfmt.observe %y "called" : tensor<1x2xf32>
  return %o : tensor<1x2xf32>
}
