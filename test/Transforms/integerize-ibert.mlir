// Softmax, GELU and layer norm with I-BERT's kernels. test/python/test_ibert.py compares every bit; here, that they are emitted, and that
// the certificate covers them.

// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false functions=ibert},canonicalize,cse,qfmt-verify-level{level=integer})' | FileCheck %s
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false functions=ibert},qfmt-decompose,canonicalize,qfmt-verify-integer-only{division=forbid})' > /dev/null
// RUN: not qfmt-opt %s -qfmt-integerize=functions=taylor 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: qfmt-integerize: functions is minimax or ibert, found 'taylor'

// RUN: %npy make %t.x.npy '|i1' 9x4x16 3 -128 127 5 -7 64 0 -1 99 -100 31 12 -55 78 -2 40 6 -90 113
// RUN: qfmt-run %s --entry=softmax --check-bound --samples --inputs=%t.x.npy --integerize-options=functions=ibert
// RUN: qfmt-run %s --entry=gelu --check-bound --samples --inputs=%t.x.npy --integerize-options=functions=ibert
// RUN: qfmt-run %s --entry=layer_norm --check-bound --samples --inputs=%t.x.npy --integerize-options=functions=ibert

#map = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0, 0)>
#column = affine_map<(d0, d1) -> (d1)>
!x = tensor<4x16xf32, #qfmt.scaled<i8, scale = 0.05>>
!p = tensor<4x16xf32, #qfmt.scaled<ui8, scale = 0.00390625>>
!y = tensor<4x16xf32, #qfmt.scaled<i8, scale = 0.04>>

// 2.7 / 0.05 = 54, 1 / (0.358 0.05^2) = 1116; 2^32 / sum without division, and 32 - 8 bits are cut off.
// CHECK-LABEL: func.func @softmax
// CHECK-NOT: qfmt.lookup
// CHECK-DAG: arith.constant 54 : i32
// CHECK-DAG: arith.constant 1116 : i32
// CHECK-DAG: arith.constant 32767 : i32
// CHECK-DAG: arith.constant 4294967296 : i64
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<4x16xi16>)
// CHECK: math.ctlz
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<4x16xi16>, tensor<4x1xi32>)
// CHECK: arith.muli
// CHECK-NEXT: arith.shrsi
// CHECK: return
func.func @softmax(%x: !x) -> !p {
  %ninf = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<4x1xf32>
  %e2 = tensor.empty() : tensor<4x16xf32>
  %mi = linalg.fill ins(%ninf : f32) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %m = linalg.generic {indexing_maps = [#map, #row], iterator_types = ["parallel", "reduction"]} ins(%x : !x) outs(%mi : tensor<4x1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.maximumf %in, %out : f32
    linalg.yield %r : f32
  } -> tensor<4x1xf32>
  %ex = linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]} ins(%x, %m : !x, tensor<4x1xf32>) outs(%e2 : tensor<4x16xf32>) {
  ^bb0(%in: f32, %max: f32, %out: f32):
    %d = arith.subf %in, %max : f32
    %r = math.exp %d : f32
    linalg.yield %r : f32
  } -> tensor<4x16xf32>
  %si = linalg.fill ins(%zero : f32) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %s = linalg.generic {indexing_maps = [#map, #row], iterator_types = ["parallel", "reduction"]} ins(%ex : tensor<4x16xf32>) outs(%si : tensor<4x1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.addf %in, %out : f32
    linalg.yield %r : f32
  } -> tensor<4x1xf32>
  %p = linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]} ins(%ex, %s : tensor<4x16xf32>, tensor<4x1xf32>) outs(%e2 : tensor<4x16xf32>) {
  ^bb0(%in: f32, %sum: f32, %out: f32):
    %r = arith.divf %in, %sum : f32
    linalg.yield %r : f32
  } -> tensor<4x16xf32>
  %q = qfmt.quantize %p : tensor<4x16xf32> to !p
  return %q : !p
}

// No table: the polynomial, which is cut off by 14 bits.
// CHECK-LABEL: func.func @gelu
// CHECK-NOT: qfmt.lookup
// CHECK: arith.constant 14 : i32
// CHECK-NOT: qfmt.lookup
// CHECK: qfmt.dyadic_scale
// CHECK: return
func.func @gelu(%x: !x) -> !y {
  %half = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %root = arith.constant 1.41421354 : f32
  %e = tensor.empty() : tensor<4x16xf32>
  %r = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%x : !x) outs(%e : tensor<4x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.divf %in, %root : f32
    %1 = math.erf %0 : f32
    %2 = arith.addf %1, %one : f32
    %3 = arith.mulf %in, %half : f32
    %4 = arith.mulf %3, %2 : f32
    linalg.yield %4 : f32
  } -> tensor<4x16xf32>
  %q = qfmt.quantize %r : tensor<4x16xf32> to !y
  return %q : !y
}

// A rounded mean, one root and one quotient a row, floor(y factor / 2).
// CHECK-LABEL: func.func @layer_norm
// CHECK-DAG: arith.constant 2147483648 : i64
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<4x16xi8>, tensor<4xi32>) outs(%{{.*}} : tensor<4xi64>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[MEAN:.*]], %[[FACTOR:.*]] : tensor<4x16xi8>, tensor<4xi32>, tensor<4xi64>)
// CHECK: arith.muli
// CHECK: arith.shrsi %{{.*}}, %c1_i64
// CHECK: return
func.func @layer_norm(%x: !x) -> !y {
  %zero = arith.constant 0.0 : f32
  %n = arith.constant 16.0 : f32
  %eps = arith.constant 1.0e-5 : f32
  %e1 = tensor.empty() : tensor<4x1xf32>
  %e2 = tensor.empty() : tensor<4x16xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %s = linalg.generic {indexing_maps = [#map, #row], iterator_types = ["parallel", "reduction"]} ins(%x : !x) outs(%i : tensor<4x1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.addf %in, %out : f32
    linalg.yield %r : f32
  } -> tensor<4x1xf32>
  %d = linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]} ins(%x, %s : !x, tensor<4x1xf32>) outs(%e2 : tensor<4x16xf32>) {
  ^bb0(%in: f32, %sum: f32, %out: f32):
    %mean = arith.divf %sum, %n : f32
    %r = arith.subf %in, %mean : f32
    linalg.yield %r : f32
  } -> tensor<4x16xf32>
  %v = linalg.generic {indexing_maps = [#map, #row], iterator_types = ["parallel", "reduction"]} ins(%d : tensor<4x16xf32>) outs(%i : tensor<4x1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %sq = arith.mulf %in, %in : f32
    %r = arith.addf %sq, %out : f32
    linalg.yield %r : f32
  } -> tensor<4x1xf32>
  %y = linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]} ins(%d, %v : tensor<4x16xf32>, tensor<4x1xf32>) outs(%e2 : tensor<4x16xf32>) {
  ^bb0(%in: f32, %sum: f32, %out: f32):
    %variance = arith.divf %sum, %n : f32
    %shifted = arith.addf %variance, %eps : f32
    %deviation = math.sqrt %shifted : f32
    %r = arith.divf %in, %deviation : f32
    linalg.yield %r : f32
  } -> tensor<4x16xf32>
  %q = qfmt.quantize %y : tensor<4x16xf32> to !y
  return %q : !y
}
