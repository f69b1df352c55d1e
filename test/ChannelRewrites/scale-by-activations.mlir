// Of two channels in one block of four bits, the weights of the one that is 16
// times as large matter more: they are enlarged, and rounded finer.
// RUN: %npy make %t.npy "<f4" 4x1x2 8 1 -7.5 0.5 7 -1 -8 0.8
// RUN: qfmt-opt %s -qfmt-insert-observers -qfmt-annotate="data=%t.npy moments=%t.npz" -o /dev/null
// RUN: qfmt-opt %s -qfmt-scale-by-activations="moments=%t.npz weights=i4 verify-equivalence" -canonicalize 2> %t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.err
// RUN: qfmt-opt %s -qfmt-scale-by-activations="moments=%t.npz weights=f32" -canonicalize 2>&1 | FileCheck %s --check-prefix=STAYS

// REMARK: remark: scale-by-activations: rounding to i4/f32 loses {{[0-9.e+-]+}}, and {{[0-9.e+-]+}} with channels changed
// REMARK: remark: scale-by-activations: scale of 2 channels, folded into 2 operations
// CHECK-NOT: dense<[2.000000e+00, 1.000000e+00]>
// CHECK: linalg.matmul

// STAYS: remark: scale-by-activations: rounding to f32/f32 loses {{.*}}, and not less with channels changed; they stay
// STAYS: dense<[2.000000e+00, 1.000000e+00]>

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %factors = arith.constant dense<[2.0, 1.0]> : tensor<2xf32>
  %w = arith.constant dense<[[0.23, 0.31], [1.0, -1.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %empty = tensor.empty() : tensor<1x2xf32>
  %n = linalg.generic {
    indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
    iterator_types = ["parallel", "parallel"]}
    ins(%x, %factors : tensor<1x2xf32>, tensor<2xf32>) outs(%empty : tensor<1x2xf32>) {
  ^bb0(%a: f32, %f: f32, %out: f32):
    %p = arith.mulf %a, %f : f32
    linalg.yield %p : f32
  } -> tensor<1x2xf32>
  %y = linalg.matmul ins(%n, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
