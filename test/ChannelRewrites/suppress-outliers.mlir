// Channels from -97 to -58 and from 5.7 to 43, as in the paper: shifted by their
// mid-ranges, -77.5 and 24.35, the tensor reaches over 39 rather than 140.
// RUN: %npy make %t.npy "<f4" 4x1x2 -97.5 -5.7 -58.5 -43 -80.5 -20 -66.5 -31
// RUN: qfmt-opt %s -qfmt-insert-observers -qfmt-annotate="data=%t.npy moments=%t.npz" -o /dev/null
// RUN: qfmt-opt %s -qfmt-suppress-outliers="moments=%t.npz activations=i4 verify-equivalence" -canonicalize 2> %t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.err
// RUN: qfmt-opt %s -qfmt-suppress-outliers="moments=%t.npz activations=i4 least-threshold=1000" -canonicalize | FileCheck %s --check-prefix=SHIFT
// RUN: qfmt-opt %s -qfmt-suppress-outliers="moments=%t.npz activations=i4 shift=false" -canonicalize 2>&1 | FileCheck %s --check-prefix=SCALE
// RUN: qfmt-opt %s -qfmt-suppress-outliers="moments=%t.npz activations=i4 least-threshold=1000 shift=false" 2>&1 | FileCheck %s --check-prefix=STAYS

// REMARK: remark: suppress-outliers: rounding to i8/i4 loses {{[0-9.e+-]+}}, and {{[0-9.e+-]+}} with channels changed
// REMARK: remark: suppress-outliers: scale and shift of 2 channels, folded into 2 operations
// REMARK-NOT: added that compute
// What the layer adds for the shifts: (-77.5, 24.35) times its weights.
// CHECK: dense<[-1.262000e+02, -6.310000e+01]>
// CHECK: linalg.matmul

// Nothing reaches the threshold: shifts alone, and weights stay.
// SHIFT-DAG: dense<[7.800000e+01, -2.435000e+01]>
// SHIFT-DAG: dense<{{\[\[}}1.000000e+00, 5.000000e-01], [-2.000000e+00, -1.000000e+00]]>

// SCALE: remark: suppress-outliers: {{.*}} loses
// SCALE-NOT: shift of 2 channels

// STAYS: remark: suppress-outliers: rounding to i8/i4 loses {{.*}}, and not less with channels changed; they stay

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %factors = arith.constant dense<[1.0, -1.0]> : tensor<2xf32>
  %offsets = arith.constant dense<[0.5, 0.0]> : tensor<2xf32>
  %w = arith.constant dense<[[1.0, 0.5], [-2.0, -1.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %empty = tensor.empty() : tensor<1x2xf32>
  %n = linalg.generic {
    indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (j)>,
                     affine_map<(i, j) -> (i, j)>],
    iterator_types = ["parallel", "parallel"]}
    ins(%x, %factors, %offsets : tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>) outs(%empty : tensor<1x2xf32>) {
  ^bb0(%a: f32, %f: f32, %o: f32, %out: f32):
    %p = arith.mulf %a, %f : f32
    %s = arith.addf %p, %o : f32
    linalg.yield %s : f32
  } -> tensor<1x2xf32>
  %y = linalg.matmul ins(%n, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
