// Weights that are sums of vectors, of a layer whose four inputs are nearly the
// same: what one group loses by rounding, the other makes up for.
// RUN: %npy make %t.npy "<f4" 4x1x4 1.0 1.01 0.99 1.0 -2.0 -1.98 -2.01 -2.01 0.5 0.51 0.49 0.5 3.0 2.99 3.02 3.0
// RUN: qfmt-opt %S/Inputs/four-inputs.mlir -qfmt-annotate="data=%t.npy moments=%t.npz" -o /dev/null
// RUN: qfmt-opt %s -qfmt-round-weights="moments=%t.npz" 2> %t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.err
// RUN: qfmt-opt %s -qfmt-round-weights="moments=%t.npz method=learned beam=2" -mlir-print-op-on-diagnostic=false 2>&1 | FileCheck %s --check-prefix=LEARNED
// RUN: not qfmt-opt %s -qfmt-round-weights="moments=%t.npz beam=0" 2>&1 | FileCheck %s --check-prefix=BEAM
// BEAM: error: qfmt-round-weights: option 'beam' is 0: give a number that is at least 1

// The nearest vectors are [1, 1] twice, 1.6 too little of the sum; with [2, 2]
// once it is 0.4 too much. As i2, 2 is -2.
// CHECK-NOT: tensor<1x4xf32>{{$}}
// CHECK: %[[SCALE:.*]] = arith.constant dense<5.000000e-01> : tensor<1x1xf16>
// CHECK: %[[TABLE:.*]] = arith.constant {{.*}} : tensor<1x4x1x2xf16>
// CHECK: %[[CODES:.*]] = arith.constant dense<{{\[\[\[1\], \[-2\]\]\]|\[\[\[-2\], \[1\]\]\]}}> : tensor<1x2x1xi2>
// CHECK: qfmt.assemble %[[CODES]], %[[SCALE]], %[[TABLE]]
// CHECK-NOT: qfmt.quantize
// CHECK-NOT: qfmt.layer
// REMARK: remark: weights are rounded with a loss of {{[0-9.e+-]+}} by gptq, of {{[0-9.e+-]+}} to nearest
// LEARNED: remark: weights are rounded with a loss of {{.*}} by gptq and of {{.*}} learned, of

#additive = #qfmt.additive<codebooks = 1, bits = 2, group = [1, 2], table = f16, block = [1, *], scale = f16>
#map = affine_map<(m, n, k) -> (m, k)>
#map1 = affine_map<(m, n, k) -> (n, k)>
#map2 = affine_map<(m, n, k) -> (m, n)>
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x1xf32> {
  %w = arith.constant dense<1.4> : tensor<1x4xf32>
  %scale = arith.constant dense<0.5> : tensor<1x1xf16>
  // Times 0.5: zeros, [1, 1], [2, 2], [-1, 1].
  %table = arith.constant dense<[[[[0.0, 0.0]], [[2.0, 2.0]], [[4.0, 4.0]], [[-2.0, 2.0]]]]> : tensor<1x4x1x2xf16>
  %q = qfmt.quantize %w given(%scale, %table : tensor<1x1xf16>, tensor<1x4x1x2xf16>) : tensor<1x4xf32> to tensor<1x4xf32, #additive>
  %zeros = arith.constant dense<0.0> : tensor<1x1xf32>
  %y = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "reduction"], qfmt.layer = "matmul.0"}
      ins(%x, %q : tensor<1x4xf32>, tensor<1x4xf32, #additive>) outs(%zeros : tensor<1x1xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %s, %p : f32
    linalg.yield %t : f32
  } -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}
