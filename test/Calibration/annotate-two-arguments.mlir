// Arrays of an archive go by name, in any order; b has values that a never sees.
// RUN: mkdir -p %t.dir
// RUN: %npy make %t.dir/a.npy "<f4" 2x2 1 1 1 1
// RUN: %npy make %t.dir/b.npy "<f4" 2x2 -5 7 -5 7
// RUN: %python -m zipfile -c %t.npz %t.dir/b.npy %t.dir/a.npy
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.npz bins=2 entry=network" | FileCheck %s

// RUN: %python -m zipfile -c %t.one.npz %t.dir/b.npy
// RUN: not qfmt-opt %s -qfmt-annotate="data=%t.one.npz entry=network" 2>&1 | FileCheck %s --check-prefix=ONE
// ONE: .one.npz': needs one array for each of the 2 arguments of @network, found 1

// RUN: cp %t.dir/b.npy %t.dir/c.npy
// RUN: %python -m zipfile -c %t.names.npz %t.dir/b.npy %t.dir/c.npy
// RUN: not qfmt-opt %s -qfmt-annotate="data=%t.names.npz entry=network" 2>&1 | FileCheck %s --check-prefix=NAMES
// NAMES: no array for argument #0 ('a'); it has 'b', 'c'

// RUN: mkdir -p %t.count
// RUN: cp %t.dir/a.npy %t.count/a.npy
// RUN: %npy make %t.count/b.npy "<f4" 3x2 1
// RUN: %python -m zipfile -c %t.count.npz %t.count/a.npy %t.count/b.npy
// RUN: not qfmt-opt %s -qfmt-annotate="data=%t.count.npz entry=network" 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: argument #1 ('b') has 3 samples, but argument #0 ('a') has 2

// CHECK: "a" statistics = <min = 1.000000e+00, max = 1.000000e+00, count = 4, histogram = [0, 4]>
// CHECK: "b" statistics = <min = -5.000000e+00, max = 7.000000e+00, count = 4, histogram = [2, 2]>
func.func @network(%a: tensor<2xf32> {qfmt.name = "a"}, %b: tensor<2xf32> {qfmt.name = "b"}) -> (tensor<2xf32>, tensor<2xf32>) {
  %oa = qfmt.observe %a "a" : tensor<2xf32>
  %ob = qfmt.observe %b "b" : tensor<2xf32>
  return %oa, %ob : tensor<2xf32>, tensor<2xf32>
}
