// Channels that reach 12, 3 and 0.1 get exponent biases of 0, 2 and 3, the most
// of two exponent bits: they are multiplied by 1, 4 and 8, the weights divided.
// RUN: %npy make %t.npy "<f4" 4x1x3 6 3 0.1 -5.5 2.1 0.07 4.5 -2.6 0.03 -3.5 1.3 -0.09
// RUN: qfmt-opt %s -qfmt-insert-observers -qfmt-annotate="data=%t.npy moments=%t.npz" -o /dev/null
// RUN: qfmt-opt %s -qfmt-shift-exponents="moments=%t.npz weights=f32 verify-equivalence" -canonicalize 2> %t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.err

// REMARK: remark: shift-exponents: rounding to f32/f4E2M1FN loses {{[0-9.e+-]+}}, and {{[0-9.e+-]+}} with channels changed
// REMARK: remark: shift-exponents: scale of 3 channels, folded into 2 operations
// REMARK: remark: equivalent: 0.00e+00 of the largest result; with rounded constants 0.00e+00
// CHECK-DAG: dense<[2.000000e+00, 4.000000e+00, 8.000000e+00]>
// CHECK-DAG: dense<{{\[\[}}1.000000e+00, 5.000000e-01], [2.500000e-01, 1.250000e-01], [4.000000e+00, 2.000000e+00]]>

func.func @main(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %factors = arith.constant dense<[2.0, 1.0, 1.0]> : tensor<3xf32>
  %w = arith.constant dense<[[1.0, 0.5], [1.0, 0.5], [32.0, 16.0]]> : tensor<3x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %empty = tensor.empty() : tensor<1x3xf32>
  %n = linalg.generic {
    indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
    iterator_types = ["parallel", "parallel"]}
    ins(%x, %factors : tensor<1x3xf32>, tensor<3xf32>) outs(%empty : tensor<1x3xf32>) {
  ^bb0(%a: f32, %f: f32, %out: f32):
    %p = arith.mulf %a, %f : f32
    linalg.yield %p : f32
  } -> tensor<1x3xf32>
  %y = linalg.matmul ins(%n, %w : tensor<1x3xf32>, tensor<3x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
