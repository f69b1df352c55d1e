// The channels reach 16, 1, 4 and 0, and the weights that read them 1, 4, 1 and
// 2: sqrt(16 / 1) = 4, sqrt(1 / 4) = 0.5, sqrt(4 / 1) = 2, over their geometric
// mean 2^(2/3); powers of two near these are 2, 0.25 and 1. The channel of
// zeros keeps 1.
// RUN: %npy make %t.npy "<f4" 4x1x4 0.25 1 4 3 0.1 -0.5 2.3 7 -0.07 0.3 -1.1 2 0.01 -0.8 0.2 -6
// RUN: qfmt-opt %s -qfmt-insert-observers -qfmt-annotate="data=%t.npy moments=%t.npz" -o /dev/null
// RUN: qfmt-opt %s -qfmt-smooth-quant="moments=%t.npz power-of-two=true verify-equivalence" -canonicalize 2> %t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.err
// RUN: qfmt-opt %s -qfmt-smooth-quant="moments=%t.npz alpha=1" -canonicalize | FileCheck %s --check-prefix=DATA
// RUN: qfmt-opt %s -qfmt-smooth-quant="moments=%t.npz weights=f32 activations=f32" -canonicalize 2>&1 | FileCheck %s --check-prefix=REAL

// CHECK-DAG: dense<{{\[}}3.200000e+01, 4.000000e+00, 1.000000e+00, 0.000000e+00]>
// CHECK-DAG: dense<{{\[\[}}2.000000e+00, 1.000000e+00], [1.000000e+00, -2.500000e-01], [5.000000e-01, 1.000000e+00], [2.000000e+00, 1.000000e+00]]>

// REMARK: remark: smooth-quant: rounding to i8/i8 loses {{[0-9.e+-]+}}, and {{[0-9.e+-]+}} with channels changed
// REMARK: remark: smooth-quant: scale of 4 channels, folded into

// All channels that are not 0 reach 4: they are divided by 4, 0.25 and 1, which
// are 16, 1 and 4 over their geometric mean.
// DATA: dense<{{\[}}1.600000e+01, 4.000000e+00, 1.000000e+00, 0.000000e+00]>

// REAL: remark: smooth-quant: rounding to f32/f32 loses {{.*}}, and not less with channels changed; they stay
// REAL: dense<{{\[}}6.400000e+01, 1.000000e+00, 1.000000e+00, 0.000000e+00]>

func.func @main(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %factors = arith.constant dense<[64.0, 1.0, 1.0, 0.0]> : tensor<4xf32>
  %w = arith.constant dense<[[1.0, 0.5], [4.0, -1.0], [0.5, 1.0], [2.0, 1.0]]> : tensor<4x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %empty = tensor.empty() : tensor<1x4xf32>
  %n = linalg.generic {
    indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
    iterator_types = ["parallel", "parallel"]}
    ins(%x, %factors : tensor<1x4xf32>, tensor<4xf32>) outs(%empty : tensor<1x4xf32>) {
  ^bb0(%a: f32, %f: f32, %out: f32):
    %p = arith.mulf %a, %f : f32
    linalg.yield %p : f32
  } -> tensor<1x4xf32>
  %y = linalg.matmul ins(%n, %w : tensor<1x4xf32>, tensor<4x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
