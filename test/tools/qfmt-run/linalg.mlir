// Floats and codes through compiled code and through the reference.

// RUN: %npy make %t.x.npy '<f4' 2x3 1 -2 3 4 -5 6
// RUN: %npy make %t.c.npy '|i1' 3 10 20 -30
// RUN: qfmt-run %s --inputs=%t.x.npy,%t.c.npy --outputs=%t.y.npy,%t.s.npy | FileCheck %s --check-prefix=TIME
// RUN: %npy print %t.y.npy | FileCheck %s --check-prefix=Y
// RUN: %npy print %t.s.npy | FileCheck %s --check-prefix=S
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy,%t.c.npy --outputs=%t.ry.npy,%t.rs.npy
// RUN: cmp %t.y.npy %t.ry.npy
// RUN: cmp %t.s.npy %t.rs.npy

// TIME: time per call: {{[0-9]+\.[0-9][0-9][0-9]}} ms
// Y: <f4 (2, 3) 10 0 0 40 0 0
// S: <i4 () 0

#x = affine_map<(i, j) -> (i, j)>
#c = affine_map<(i, j) -> (j)>
#d = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
func.func @main(%x: tensor<2x3xf32>, %c: tensor<3xi8>) -> (tensor<2x3xf32>, tensor<i32>) {
  %zero = arith.constant 0.0 : f32
  %zero32 = arith.constant 0 : i32
  %e = tensor.empty() : tensor<2x3xf32>
  %0 = linalg.generic {indexing_maps = [#x, #c, #x], iterator_types = ["parallel", "parallel"]}
      ins(%x, %c : tensor<2x3xf32>, tensor<3xi8>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%a: f32, %b: i8, %o: f32):
    %2 = arith.sitofp %b : i8 to f32
    %3 = arith.mulf %a, %2 : f32
    %4 = arith.maximumf %3, %zero : f32
    linalg.yield %4 : f32
  } -> tensor<2x3xf32>
  %i = tensor.empty() : tensor<i32>
  %f = linalg.fill ins(%zero32 : i32) outs(%i : tensor<i32>) -> tensor<i32>
  %1 = linalg.generic {indexing_maps = [#d, #s], iterator_types = ["reduction"]}
      ins(%c : tensor<3xi8>) outs(%f : tensor<i32>) {
  ^bb0(%a: i8, %o: i32):
    %2 = arith.extsi %a : i8 to i32
    %3 = arith.addi %2, %o : i32
    linalg.yield %3 : i32
  } -> tensor<i32>
  return %0, %1 : tensor<2x3xf32>, tensor<i32>
}
