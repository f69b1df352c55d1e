// Every region's error stays within the bound that qfmt-integerize states, whatever computes the codes.

// RUN: %npy make %t.x.npy '<f4' 5x2x4 0.1 -3 7 100 -0.4 0.01 2.5 0 -100 3 1.7
// RUN: qfmt-run %s --check-bound --samples --inputs=%t.x.npy --bound-json=%t.json > %t.jit
// RUN: FileCheck %s < %t.jit
// RUN: FileCheck %s --check-prefix=JSON < %t.json
// RUN: qfmt-run %s --check-bound --engine=reference --samples --inputs=%t.x.npy > %t.reference
// RUN: cmp %t.jit %t.reference
// RUN: qfmt-run %s --check-bound --integerize-options='function-bits=20 accumulator-bits=64' --samples --inputs=%t.x.npy | FileCheck %s

// CHECK: region elements worst error in steps bound in steps ratio codes location
// CHECK-NEXT: 0 40 {{.*}} check-bound.mlir:{{[0-9]+}}:8
// CHECK-NEXT: 1 40 {{.*}} check-bound.mlir:
// CHECK-NEXT: 2 40 {{.*}} check-bound.mlir:
// CHECK-NEXT: 3 40 {{.*}} check-bound.mlir:
// Codes that only move are exact.
// CHECK-NEXT: 4 40 0.0000E+00 0.0000 0.0000E+00 0.0000 - 0 check-bound.mlir:
// CHECK-NOT: check-bound.mlir

// JSON: [{"bound":{{[0-9.e-]+}},"codes_off":{{[01]}},"elements":40,"location":"check-bound.mlir:{{.*}}","region":0,"step":0.5,"worst_element":{{.*}},"worst_error":

// Errors are not 0, so that part of a bound is exceeded.
// RUN: not qfmt-run %s --check-bound --bound-factor=0.01 --samples --inputs=%t.x.npy 2>&1 | FileCheck %s --check-prefix=EXCEEDED
// EXCEEDED: check-bound.mlir:{{.*}}: error: region 0 is off by {{.*}} at element {{[0-7]}} of sample {{[0-4]}}, more than its bound
// EXCEEDED: check-bound.mlir:{{.*}}: error: region 1 is off by

// Differences are taken modulo the codes where they wrap.
// RUN: %npy make %t.w.npy '|i1' 8 0 1 -2 127 -128 64 31 -31
// RUN: qfmt-run %s --entry=wraps --check-bound --inputs=%t.w.npy | FileCheck %s --check-prefix=WRAPS
// WRAPS: region
// WRAPS-NEXT: 0 8 {{.*}} 0.5000 {{.*}} 0 check-bound.mlir

// RUN: not qfmt-run %s --entry=real --check-bound --inputs=%t.x.npy --samples 2>&1 | FileCheck %s --check-prefix=REAL
// REAL: error: computes no encoded tensor, so there is no bound to check; --check-bound takes a function at level encoded, as qfmt-quantize makes it, before qfmt-integerize
// RUN: not qfmt-run %s --entry=unquantized --check-bound --inputs=%t.w.npy 2>&1 | FileCheck %s --check-prefix=UNQUANTIZED
// UNQUANTIZED: error: {{.*}}result #0 is not quantized
// RUN: not qfmt-run %s --entry=block --check-bound --inputs=%t.w.npy 2>&1 | FileCheck %s --check-prefix=BLOCK
// BLOCK: error: 'qfmt.convert' op gives a tensor without a static integer encoding ('tensor<8xf32, {{.*}}>'), which integer-only arithmetic does not support; no bound can be checked
// RUN: not qfmt-run %s --check-bound --inputs=%t.x.npy --samples --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=OUTPUTS
// OUTPUTS: error: --check-bound compares and writes no arrays or times; drop --outputs and --time-json
// RUN: not qfmt-run %s --check-bound --inputs=%t.x.npy --samples --integerize-options=speed=3 2>&1 | FileCheck %s --check-prefix=OPTIONS
// OPTIONS: error: cannot read --integerize-options: {{.*}}speed

#x = #qfmt.scaled<i8, scale = 0.05>
#h = #qfmt.scaled<i8, scale = 0.5, zero_point = -7>
#p = #qfmt.scaled<ui8, scale = 0.00390625>
#s = #qfmt.scaled<i16, scale = 0.002>
#w = #qfmt.scaled<i8, block = [*, 1], scale = f32>
#id = affine_map<(a, b) -> (a, b)>
#row = affine_map<(a, b) -> (a)>
#column = affine_map<(a, b) -> (b)>

func.func @main(%x: tensor<2x4xf32> {qfmt.name = "x"}) -> (tensor<2x4xf32>, tensor<2x4xf32, #s>, tensor<8xf32, #h>) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %codes = arith.constant dense<[[1, -2, 3, 4], [127, 9, 0, -128], [5, 5, -5, 5], [-40, 30, 20, 10]]> : tensor<4x4xi8>
  %scales = arith.constant dense<[[0.01, 0.3, 0.027, 0.5]]> : tensor<1x4xf32>
  %w = qfmt.assemble %codes, %scales : tensor<4x4xi8>, tensor<1x4xf32> to tensor<4x4xf32, #w>
  %bias = arith.constant dense<[0.25, -1.3, 0.0, 7.77]> : tensor<4xf32>
  %e1 = tensor.empty() : tensor<2xf32>
  %e2 = tensor.empty() : tensor<2x4xf32>
  %x0 = qfmt.quantize %x : tensor<2x4xf32> to tensor<2x4xf32, #x>

  %b = linalg.broadcast ins(%bias : tensor<4xf32>) outs(%e2 : tensor<2x4xf32>) dimensions = [0]
  %m = linalg.matmul ins(%x0, %w : tensor<2x4xf32, #x>, tensor<4x4xf32, #w>) outs(%b : tensor<2x4xf32>) -> tensor<2x4xf32>
  %h = qfmt.quantize %m : tensor<2x4xf32> to tensor<2x4xf32, #h>

  // Softmax.
  %i0 = linalg.fill ins(%lowest : f32) outs(%e1 : tensor<2xf32>) -> tensor<2xf32>
  %max = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%h : tensor<2x4xf32, #h>) outs(%i0 : tensor<2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.maximumf %in, %out : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>
  %exp = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%h, %max : tensor<2x4xf32, #h>, tensor<2xf32>) outs(%e2 : tensor<2x4xf32>) {
  ^bb0(%in: f32, %top: f32, %out: f32):
    %d = arith.subf %in, %top : f32
    %r = math.exp %d : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %i1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<2xf32>) -> tensor<2xf32>
  %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%exp : tensor<2x4xf32>) outs(%i1 : tensor<2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.addf %in, %out : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>
  %soft = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%exp, %sum : tensor<2x4xf32>, tensor<2xf32>) outs(%e2 : tensor<2x4xf32>) {
  ^bb0(%in: f32, %total: f32, %out: f32):
    %r = arith.divf %in, %total : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %p = qfmt.quantize %soft : tensor<2x4xf32> to tensor<2x4xf32, #p>

  // x * sigmoid(x)
  %silu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<2x4xf32, #h>) outs(%e2 : tensor<2x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %r = arith.divf %in, %d : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %s = qfmt.quantize %silu : tensor<2x4xf32> to tensor<2x4xf32, #s>

  %flat = tensor.collapse_shape %s [[0, 1]] : tensor<2x4xf32, #s> into tensor<8xf32, #s>
  %c = qfmt.convert %flat : tensor<8xf32, #s> to tensor<8xf32, #h>
  %relu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<2x4xf32, #h>) outs(%e2 : tensor<2x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.maximumf %in, %zero : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %positive = qfmt.quantize %relu : tensor<2x4xf32> to tensor<2x4xf32, #h>
  %d = qfmt.dequantize %p : tensor<2x4xf32, #p> to tensor<2x4xf32>
  return %d, %s, %c : tensor<2x4xf32>, tensor<2x4xf32, #s>, tensor<8xf32, #h>
}

func.func @wraps(%x: tensor<8xf32, #x>) -> tensor<8xf32, #qfmt.scaled<i8, scale = 0.013>> {
  %y = qfmt.dequantize %x : tensor<8xf32, #x> to tensor<8xf32>
  %q = qfmt.quantize %y overflow = wrap : tensor<8xf32> to tensor<8xf32, #qfmt.scaled<i8, scale = 0.013>>
  return %q : tensor<8xf32, #qfmt.scaled<i8, scale = 0.013>>
}

func.func @real(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  return %x : tensor<2x4xf32>
}

func.func @unquantized(%x: tensor<8xf32, #x>) -> (tensor<8xf32>, tensor<8xf32, #s>) {
  %e = tensor.empty() : tensor<8xf32>
  %y = linalg.exp ins(%x : tensor<8xf32, #x>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %q = qfmt.quantize %y : tensor<8xf32> to tensor<8xf32, #s>
  return %y, %q : tensor<8xf32>, tensor<8xf32, #s>
}

func.func @block(%x: tensor<8xf32, #x>) -> tensor<8xf32, #qfmt.scaled<i8, block = [4], scale = f32>> {
  %q = qfmt.convert %x : tensor<8xf32, #x> to tensor<8xf32, #qfmt.scaled<i8, block = [4], scale = f32>>
  return %q : tensor<8xf32, #qfmt.scaled<i8, block = [4], scale = f32>>
}
