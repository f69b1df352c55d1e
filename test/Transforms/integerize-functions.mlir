// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},canonicalize,cse,qfmt-verify-level{level=integer})' | FileCheck %s
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},qfmt-decompose,canonicalize,qfmt-verify-integer-only)' | FileCheck %s --check-prefix=ONLY
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false table-bits=16})' | FileCheck %s --check-prefix=WIDE

// No float arithmetic, no division.
// ONLY-NOT: {{(arith|math)\.[a-z]+f }}
// ONLY-NOT: arith.div
// ONLY-NOT: arith.rem

#map = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0, 0)>
#row1 = affine_map<(d0, d1) -> (d0)>
#id = affine_map<(d0) -> (d0)>
!x = tensor<4x16xf32, #qfmt.scaled<i8, scale = 0.05>>
!y = tensor<4x16xf32, #qfmt.scaled<ui8, scale = 0.00392156862745098>>

// a - max a lies in [-255, 0], exp of it is a table of 256 entries in units of 2^-22, and the sum of 16 of them at least 1 (4194304, less one
// half unit): 1 / sum is computed once a row, and the quotients, at most 1, are half a step off and hardly more.
// CHECK-LABEL: func.func @softmax
// CHECK: arith.maxsi %{{.*}}, %{{.*}} : i8
// CHECK: arith.subi
// CHECK: %[[EXP:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<4x16xi32>)
// CHECK: qfmt.lookup %{{.*}} in dense<{{.*}}> : tensor<256xi32> : i8 to i32
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[EXP]] : tensor<4x16xi32>) outs(%{{.*}} : tensor<4x1xi32>)
// CHECK: %[[INVERSE:.*]] = linalg.generic {{.*}} ins(%[[SUM]] : tensor<4x1xi32>) outs(%{{.*}} : tensor<4x1xi64>)
// CHECK: math.ctlz
// CHECK: linalg.generic {{.*}} ins(%[[EXP]], %[[INVERSE]] : tensor<4x16xi32>, tensor<4x1xi64>) outs(%{{.*}} : tensor<4x16xi64>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.extsi
// CHECK-NEXT: arith.muli
// CHECK-NEXT: linalg.yield
// CHECK: qfmt.error_bound = 0.00196{{[0-9]*}} : f64
func.func @softmax(%x: !x) -> !y {
  %ninf = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %e1 = tensor.empty() : tensor<4x1xf32>
  %e2 = tensor.empty() : tensor<4x16xf32>
  %mi = linalg.fill ins(%ninf : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %m = linalg.generic {indexing_maps = [#map, #row1], iterator_types = ["parallel", "reduction"]} ins(%x : !x) outs(%mi : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.maximumf %in, %out : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  %mm = tensor.expand_shape %m [[0, 1]] output_shape [4, 1] : tensor<4xf32> into tensor<4x1xf32>
  %d = linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]} ins(%x, %mm : !x, tensor<4x1xf32>) outs(%e2 : tensor<4x16xf32>) {
  ^bb0(%in: f32, %max: f32, %out: f32):
    %r = arith.subf %in, %max : f32
    linalg.yield %r : f32
  } -> tensor<4x16xf32>
  %ex = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%d : tensor<4x16xf32>) outs(%e2 : tensor<4x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = math.exp %in : f32
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
  %q = qfmt.quantize %p : tensor<4x16xf32> to !y
  return %q : !y
}

// x * (1 + erf(x / sqrt 2)) / 2 depends on one code: one table of codes.
// CHECK-LABEL: func.func @gelu
// CHECK: linalg.generic {{.*}}qfmt.error_bound = 0.0246{{[0-9]*}} : f64
// CHECK-NEXT: ^bb0(%[[CODE:.*]]: i8, %{{.*}}: i8):
// CHECK-NEXT: %[[RESULT:.*]] = qfmt.lookup %[[CODE]] in dense<{{.*}}> : tensor<256xi32> : i8 to i32
// CHECK-NOT: linalg.generic
// CHECK: return
#gelu_in = #qfmt.scaled<i8, scale = 0.03>
#gelu_out = #qfmt.scaled<i8, scale = 0.05, zero_point = -100>
func.func @gelu(%x: tensor<8xf32, #gelu_in>) -> tensor<8xf32, #gelu_out> {
  %half = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %root = arith.constant 1.41421354 : f32
  %e = tensor.empty() : tensor<8xf32>
  %erf = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32, #gelu_in>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.divf %in, %root : f32
    %1 = math.erf %0 : f32
    %2 = arith.addf %1, %one : f32
    linalg.yield %2 : f32
  } -> tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %erf : tensor<8xf32, #gelu_in>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %f: f32, %out: f32):
    %0 = arith.mulf %in, %f : f32
    %1 = arith.mulf %0, %half : f32
    linalg.yield %1 : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %r : tensor<8xf32> to tensor<8xf32, #gelu_out>
  return %q : tensor<8xf32, #gelu_out>
}

// Codes of 16 bits take polynomials, or a table of 2^16 entries if that is asked for.
// CHECK-LABEL: func.func @tanh16
// CHECK-NOT: tensor<65536
// CHECK: qfmt.error_bound
// CHECK: arith.muli
// WIDE-LABEL: func.func @tanh16
// WIDE: qfmt.lookup {{.*}} : tensor<65536xi32> : i16 to i32
#wide = #qfmt.scaled<i16, scale = 1.0e-4>
#tanh = #qfmt.scaled<i16, scale = 4.0e-5>
func.func @tanh16(%x: tensor<8xf32, #wide>) -> tensor<8xf32, #tanh> {
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32, #wide>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.tanh %in : f32
    linalg.yield %0 : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %r : tensor<8xf32> to tensor<8xf32, #tanh>
  return %q : tensor<8xf32, #tanh>
}

// The maximum of two neighbours is no bound of elements farther on: exp has no table of 256 entries for differences up to 0.
// CHECK-LABEL: func.func @window
// CHECK-NOT: tensor<256xi32>
// CHECK: return
#i8 = #qfmt.scaled<i8, scale = 0.01>
#w = affine_map<(i, w) -> (i + w)>
#w1 = affine_map<(i, w) -> (w)>
func.func @window(%x: tensor<7xf32, #i8>) -> tensor<4x4xf32, #qfmt.scaled<ui8, scale = 0.1>> {
  %ninf = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<4xf32>
  %e2 = tensor.empty() : tensor<4x4xf32>
  %size = tensor.empty() : tensor<2xf32>
  %init = linalg.fill ins(%ninf : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %m = linalg.generic {indexing_maps = [#w, #w1, #row1], iterator_types = ["parallel", "reduction"]} ins(%x, %size : tensor<7xf32, #i8>, tensor<2xf32>) outs(%init : tensor<4xf32>) {
  ^bb0(%in: f32, %s: f32, %out: f32):
    %r = arith.maximumf %in, %out : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  %d = linalg.generic {indexing_maps = [#w, #row1, #map], iterator_types = ["parallel", "parallel"]} ins(%x, %m : tensor<7xf32, #i8>, tensor<4xf32>) outs(%e2 : tensor<4x4xf32>) {
  ^bb0(%in: f32, %max: f32, %out: f32):
    %0 = arith.subf %in, %max : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<4x4xf32>
  %q = qfmt.quantize %d : tensor<4x4xf32> to tensor<4x4xf32, #qfmt.scaled<ui8, scale = 0.1>>
  return %q : tensor<4x4xf32, #qfmt.scaled<ui8, scale = 0.1>>
}
