// Products of slices, one with a stride, that read each other and are read by several: compiled code for this machine and for a plain one
// gives what the reference gives.
// RUN: %npy make %t.x.npy "|i1" 8x40 1 -2 3 -128 127 5 -6 7 -8 9 100 -99 64
// RUN: %npy make %t.i.npy "<i4" 8x9 1000000 -7 2147483647 -2147483648 3 0 12
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy,%t.i.npy --outputs=%t.a.npy,%t.b.npy,%t.c.npy
// RUN: qfmt-run %s --inputs=%t.x.npy,%t.i.npy --outputs=%t.a1.npy,%t.b1.npy,%t.c1.npy
// RUN: cmp %t.a.npy %t.a1.npy && cmp %t.b.npy %t.b1.npy && cmp %t.c.npy %t.c1.npy
// RUN: qfmt-run %s --inputs=%t.x.npy,%t.i.npy --mcpu=generic -O 0 --outputs=%t.a2.npy,%t.b2.npy,%t.c2.npy
// RUN: cmp %t.a.npy %t.a2.npy && cmp %t.b.npy %t.b2.npy && cmp %t.c.npy %t.c2.npy

func.func @main(%x: tensor<8x40xi8>, %i: tensor<8x9xi32>) -> (tensor<8x9xi32>, tensor<8x9xf32>, tensor<8x9xi8>) {
  %w = arith.constant dense<"0x82B70EEE7F1A5039BEF07EC2347F066ED08F5DC7512447E3404300026B6E545594A065685D64C4980BB8D4544A8721A99A01AD219EB59CF6A15EF6F15A1D830BB7CE09D6BBC004E7175C643C7DECB0B580EC37BC9712DD2E6AAEB94BAE8D2F9FA29C5A284C9EF7521829CF1079B080E9D74A1C10FCAB6A4243D33656DEBE4C1ED79648E856E8F9A2F58C95F0CE4B39C1"> : tensor<16x9xi8>
  %w2 = arith.constant dense<"0x5BFFAD5C2DFB8BB820B6119CBA8FF88796AE5B05F280A68CED93B6B28CB0D1B358E6BAAB485565B9F49028D557D79A8A0E6451E15C705C15F173541B4438A25CF76312D4EEB3C2246879BF00B3CF8ED13A"> : tensor<9x9xi8>
  %sl = tensor.extract_slice %x[0, 3] [8, 16] [1, 2] : tensor<8x40xi8> to tensor<8x16xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%sl, %w : tensor<8x16xi8>, tensor<16x9xi8>) outs(%i : tensor<8x9xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<8x9xi32>
  %s2 = tensor.extract_slice %x[0, 5] [8, 16] [1, 1] : tensor<8x40xi8> to tensor<8x16xi8>
  %y2 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%s2, %w : tensor<8x16xi8>, tensor<16x9xi8>) outs(%y : tensor<8x9xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<8x9xi32>
  %fe = tensor.empty() : tensor<8x9xf32>
  %f = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} ins(%y2, %y : tensor<8x9xi32>, tensor<8x9xi32>) outs(%fe : tensor<8x9xf32>) {
  ^bb0(%a: i32, %b: i32, %o: f32):
    %n = linalg.index 1 : index
    %n32 = arith.index_cast %n : index to i32
    %t = arith.addi %a, %n32 : i32
    %u = arith.subi %t, %b : i32
    %v = arith.sitofp %u : i32 to f32
    %c = arith.constant 1.0e-4 : f32
    %w3 = arith.mulf %v, %c : f32
    linalg.yield %w3 : f32
  } -> tensor<8x9xf32>
  %qe = tensor.empty() : tensor<8x9xi8>
  %q = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<8x9xi32>) outs(%qe : tensor<8x9xi8>) {
  ^bb0(%a: i32, %o: i8):
    %n = linalg.index 0 : index
    %n32 = arith.index_cast %n : index to i32
    %t = arith.addi %a, %n32 : i32
    %v = arith.trunci %t : i32 to i8
    linalg.yield %v : i8
  } -> tensor<8x9xi8>
  %z = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%q, %w2 : tensor<8x9xi8>, tensor<9x9xi8>) outs(%i : tensor<8x9xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<8x9xi32>
  return %z, %f, %q : tensor<8x9xi32>, tensor<8x9xf32>, tensor<8x9xi8>
}
