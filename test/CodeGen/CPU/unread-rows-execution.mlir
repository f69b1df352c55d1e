// The window reads neither the last row nor the last column of the image: compiled code gives what the reference gives.
// RUN: %npy make %t.x.npy "|i1" 1x4x4x8 1 -2 3 -128 127 5 -6 7 -8 9 100 -99 64
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy --outputs=%t.a.npy,%t.b.npy
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.a1.npy,%t.b1.npy
// RUN: cmp %t.a.npy %t.a1.npy && cmp %t.b.npy %t.b1.npy
// RUN: qfmt-run %s --inputs=%t.x.npy --mcpu=x86-64 --outputs=%t.a2.npy,%t.b2.npy
// RUN: cmp %t.a.npy %t.a2.npy && cmp %t.b.npy %t.b2.npy

#in = affine_map<(n, h, w, o, i, j, c) -> (n, h * 2 + i, w * 2 + j, c)>
#window = affine_map<(n, h, w, o, i, j, c) -> (i, j, c, o)>
#out = affine_map<(n, h, w, o, i, j, c) -> (n, h, w, o)>
#in_depthwise = affine_map<(n, h, w, c, i, j) -> (n, h * 2 + i, w * 2 + j, c)>
#window_depthwise = affine_map<(n, h, w, c, i, j) -> (i, j, c)>
#out_depthwise = affine_map<(n, h, w, c, i, j) -> (n, h, w, c)>

func.func @main(%x: tensor<1x4x4x8xi8>) -> (tensor<1x1x1x16xi32>, tensor<1x1x1x8xi32>) {
  %zero = arith.constant 0 : i32
  %w = arith.constant dense<3> : tensor<3x3x8x16xi8>
  %e = tensor.empty() : tensor<1x1x1x16xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<1x1x1x16xi32>) -> tensor<1x1x1x16xi32>
  %y = linalg.generic {indexing_maps = [#in, #window, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<1x4x4x8xi8>, tensor<3x3x8x16xi8>) outs(%init : tensor<1x1x1x16xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %q = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %q : i32
    linalg.yield %s : i32
  } -> tensor<1x1x1x16xi32>
  %v = arith.constant dense<-5> : tensor<3x3x8xi8>
  %e2 = tensor.empty() : tensor<1x1x1x8xi32>
  %init2 = linalg.fill ins(%zero : i32) outs(%e2 : tensor<1x1x1x8xi32>) -> tensor<1x1x1x8xi32>
  %z = linalg.generic {indexing_maps = [#in_depthwise, #window_depthwise, #out_depthwise], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %v : tensor<1x4x4x8xi8>, tensor<3x3x8xi8>) outs(%init2 : tensor<1x1x1x8xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %q = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %q : i32
    linalg.yield %s : i32
  } -> tensor<1x1x1x8xi32>
  return %y, %z : tensor<1x1x1x16xi32>, tensor<1x1x1x8xi32>
}
