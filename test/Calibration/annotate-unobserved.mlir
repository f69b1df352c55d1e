// RUN: %npy make %t.npy "<f4" 2x2 1 2 3 4
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.npy 2>&1 | FileCheck %s
// CHECK: qfmt-annotate: finds no observers; run qfmt-insert-observers first

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  return %x : tensor<1x2xf32>
}
