// BERT's attention mask: (1 - m) * -1e9 for each sentence, of a quantized m whose 1 is not exactly 1.

// RUN: %npy make %t.q.npy '|i1' 2x4x8 -125 -88 -51 -14 23 60 97 -117 -80 -43 -6 31 68 105 -109 -72 -35 2 39 76 113 -101 -64 -27 10 47 84 121 -93 -56 -19 18 55 92 -122 -85 -48 -11 26 63 100 -114 -77 -40 -3 34 71 108 -106 -69 -32 5 42 79 116 -98 -61 -24 13 50 87 124 -90 -53
// RUN: %npy make %t.k.npy '|i1' 6x8 -126 -55 16 87 -95 -24 47 118 -64 7 78 -104 -33 38 109 -73 -2 69 -113 -42 29 100 -82 -11 60 -122 -51 20 91 -91 -20 51 122 -60 11 82 -100 -29 42 113 -69 2 73 -109 -38 33 104 -78
// RUN: %npy make %t.m.npy '|i1' 2x1x1x6 127 127 0 127 0 0 127 0 0 0 0 0
// RUN: qfmt-run %s --check-bound --inputs=%t.q.npy,%t.k.npy,%t.m.npy | FileCheck %s
// RUN: qfmt-opt %s --qfmt-integerize | FileCheck %s --check-prefix=INTEGER

// CHECK: region elements worst error in steps bound in steps ratio codes location
// CHECK-NEXT: 0 48 {{[^ ]+ [^ ]+ [^ ]+}} 0.50

// INTEGER-LABEL: func.func @main(
// INTEGER: %[[LEVEL:.*]] = arith.subi %{{.*}}, %c127_i32 : i32
// INTEGER-NEXT: %[[DISTANCE:.*]] = arith.constant {{[0-9]+}} : i32
// INTEGER-NEXT: %[[MASK:.*]] = arith.muli %[[LEVEL]], %[[DISTANCE]] : i32
// INTEGER-NEXT: arith.addi %{{.*}}, %[[MASK]] : i32

#q = #qfmt.scaled<i8, scale = 0.03>
#m = #qfmt.scaled<i8, scale = 0.00787401574>
#p = #qfmt.scaled<ui8, scale = 0.00390625>
#m0 = affine_map<(h, i, j, d) -> (h, i, d)>
#m1 = affine_map<(h, i, j, d) -> (j, d)>
#m2 = affine_map<(h, i, j, d) -> (h, i, j)>
#b4 = affine_map<(h, i, j) -> (h, 0, 0, j)>
#id4 = affine_map<(a, b, c, d) -> (a, b, c, d)>
#v3 = affine_map<(h, i, j) -> (h, i, j)>
#r3 = affine_map<(h, i, j) -> (h, i)>
func.func @main(%x: tensor<2x4x8xf32, #q>, %k: tensor<6x8xf32, #q>, %mm: tensor<2x1x1x6xf32, #m>) -> tensor<2x4x6xf32, #p> {
  %z = arith.constant 0.0 : f32
  %ni = arith.constant 0xFF800000 : f32
  %c = arith.constant 0.35355339 : f32
  %e = tensor.empty() : tensor<2x4x6xf32>
  %e2 = tensor.empty() : tensor<2x4xf32>
  %i = linalg.fill ins(%z : f32) outs(%e : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %s = linalg.generic {indexing_maps = [#m0, #m1, #m2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %k : tensor<2x4x8xf32, #q>, tensor<6x8xf32, #q>) outs(%i : tensor<2x4x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.mulf %a, %b : f32
    %2 = arith.addf %o, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<2x4x6xf32>
  %t = linalg.generic {indexing_maps = [#v3, #v3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%s : tensor<2x4x6xf32>) outs(%e : tensor<2x4x6xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.mulf %a, %c : f32
    linalg.yield %1 : f32
  } -> tensor<2x4x6xf32>
  %one = arith.constant 1.0 : f32
  %big = arith.constant -1.0e9 : f32
  %e4 = tensor.empty() : tensor<2x1x1x6xf32>
  %inv = linalg.generic {indexing_maps = [#id4, #id4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%mm : tensor<2x1x1x6xf32, #m>) outs(%e4 : tensor<2x1x1x6xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.subf %one, %a : f32
    linalg.yield %1 : f32
  } -> tensor<2x1x1x6xf32>
  %neg = linalg.generic {indexing_maps = [#id4, #id4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%inv : tensor<2x1x1x6xf32>) outs(%e4 : tensor<2x1x1x6xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.mulf %a, %big : f32
    linalg.yield %1 : f32
  } -> tensor<2x1x1x6xf32>
  %tt = linalg.generic {indexing_maps = [#v3, #b4, #v3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t, %neg : tensor<2x4x6xf32>, tensor<2x1x1x6xf32>) outs(%e : tensor<2x4x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.addf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<2x4x6xf32>
  %mi = linalg.fill ins(%ni : f32) outs(%e2 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %m = linalg.generic {indexing_maps = [#v3, #r3], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%tt : tensor<2x4x6xf32>) outs(%mi : tensor<2x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.maximumf %o, %a : f32
    linalg.yield %1 : f32
  } -> tensor<2x4xf32>
  %si = linalg.fill ins(%z : f32) outs(%e2 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %x1 = linalg.generic {indexing_maps = [#v3, #r3, #v3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%tt, %m : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.subf %a, %b : f32
    %2 = math.exp %1 : f32
    linalg.yield %2 : f32
  } -> tensor<2x4x6xf32>
  %u = linalg.generic {indexing_maps = [#v3, #r3], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x1 : tensor<2x4x6xf32>) outs(%si : tensor<2x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.addf %o, %a : f32
    linalg.yield %1 : f32
  } -> tensor<2x4xf32>
  %pp = linalg.generic {indexing_maps = [#v3, #r3, #v3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x1, %u : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.divf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<2x4x6xf32>
  %q = qfmt.quantize %pp : tensor<2x4x6xf32> to tensor<2x4x6xf32, #p>
  return %q : tensor<2x4x6xf32, #p>
}
