// Formats with a narrow range: codes outside of it are legal, and saturation keeps inside.
// RUN: %npy make %t.x.npy '|i1' 5 -128 -127 0 127 64
// RUN: %npy make %t.t.npy '|i1' 5 -2 -1 0 1 -2
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy,%t.t.npy --outputs=%t.a.npy,%t.b.npy
// RUN: qfmt-opt %s --qfmt-integerize -o %t.mlir
// RUN: qfmt-run %t.mlir --inputs=%t.x.npy,%t.t.npy --outputs=%t.c.npy,%t.d.npy
// RUN: %npy print %t.c.npy | FileCheck %s --check-prefix=NARROW
// RUN: %npy print %t.d.npy | FileCheck %s --check-prefix=PRODUCT
// RUN: cmp %t.a.npy %t.c.npy
// RUN: cmp %t.b.npy %t.d.npy

// NARROW: |i1 (5,) -127 -127 0 127 64
// -128 * -2, -127 * -1, 0, 127, 64 * -2.
// PRODUCT: <i2 (5,) 256 127 0 127 -128
#narrow = #qfmt.scaled<!qfmt.int<i8, -127, 127>>
#ternary = #qfmt.scaled<!qfmt.int<i2, -1, 1>>
#id = affine_map<(i) -> (i)>
func.func @main(%x: tensor<5xf32, #narrow>, %t: tensor<5xf32, #ternary>) -> (tensor<5xf32, #narrow>, tensor<5xf32, #qfmt.scaled<i16>>) {
  %empty = tensor.empty() : tensor<5xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<5xf32, #narrow>)
      outs(%empty : tensor<5xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<5xf32>
  %q = qfmt.quantize %r : tensor<5xf32> to tensor<5xf32, #narrow>
  %p = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %t : tensor<5xf32, #narrow>, tensor<5xf32, #ternary>) outs(%empty : tensor<5xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<5xf32>
  %w = qfmt.quantize %p : tensor<5xf32> to tensor<5xf32, #qfmt.scaled<i16>>
  return %q, %w : tensor<5xf32, #narrow>, tensor<5xf32, #qfmt.scaled<i16>>
}
