// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},canonicalize,cse,qfmt-verify-level{level=integer})' | FileCheck %s
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},qfmt-decompose,canonicalize,qfmt-verify-integer-only{division=forbid})'

#id = affine_map<(d0) -> (d0)>
#wide = #qfmt.scaled<i16, scale = 4.0e-4>

// An infinite slope at one code: segments of two levels, and just above half a step of 1.2e-4.
// CHECK-LABEL: func.func @root
// CHECK: qfmt.error_bound = 6.{{[0-9]*}}E-5 : f64
// CHECK-NOT: tensor<65536
// CHECK-COUNT-2: qfmt.lookup
// CHECK: return
func.func @root(%x: tensor<8xf32, #wide>) -> tensor<8xf32, #qfmt.scaled<i16, scale = 1.2e-4>> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32, #wide>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %zero : f32
    %1 = math.sqrt %0 : f32
    linalg.yield %1 : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %r : tensor<8xf32> to tensor<8xf32, #qfmt.scaled<i16, scale = 1.2e-4>>
  return %q : tensor<8xf32, #qfmt.scaled<i16, scale = 1.2e-4>>
}

// Jumps are exact, and so is their quantization to whole numbers: no bound.
// CHECK-LABEL: func.func @jumps
// CHECK-NOT: error_bound = {{[1-9.]*}}E+00
// CHECK: return
func.func @jumps(%x: tensor<8xf32, #wide>) -> tensor<8xf32, #qfmt.scaled<i8, scale = 1.0>> {
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32, #wide>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.floor %in : f32
    linalg.yield %0 : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %r : tensor<8xf32> to tensor<8xf32, #qfmt.scaled<i8, scale = 1.0>>
  return %q : tensor<8xf32, #qfmt.scaled<i8, scale = 1.0>>
}

// SiLU of a sum is one program of the sum, in three operations of linalg as in one: no reciprocal, no exponential.
// CHECK-LABEL: func.func @silu_of_sum
// CHECK: arith.addi
// CHECK-NOT: math.ctlz
// CHECK: return
#a = #qfmt.scaled<i8, scale = 0.05>
#b = #qfmt.scaled<i8, scale = 0.03>
func.func @silu_of_sum(%x: tensor<8xf32, #a>, %y: tensor<8xf32, #b>) -> tensor<8xf32, #wide> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %y : tensor<8xf32, #a>, tensor<8xf32, #b>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<8xf32>
  %g = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%s : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    %1 = math.exp %0 : f32
    %2 = arith.addf %1, %one : f32
    %3 = arith.divf %one, %2 : f32
    linalg.yield %3 : f32
  } -> tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%s, %g : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %gate: f32, %out: f32):
    %0 = arith.mulf %in, %gate : f32
    linalg.yield %0 : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %r : tensor<8xf32> to tensor<8xf32, #wide>
  return %q : tensor<8xf32, #wide>
}

// 0 everywhere is exactly 0.
// CHECK-LABEL: func.func @zero
// CHECK-NOT: error_bound
// CHECK: return
func.func @zero(%x: tensor<8xf32, #wide>) -> tensor<8xf32, #wide> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32, #wide>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.tanh %in : f32
    %1 = arith.mulf %0, %zero : f32
    linalg.yield %1 : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %r : tensor<8xf32> to tensor<8xf32, #wide>
  return %q : tensor<8xf32, #wide>
}

#act = #qfmt.scaled<i8, scale = 0.05>
#columns = #qfmt.scaled<i8, block = [*, 1], scale = f32>

// Accumulators with a scale for each channel: brought to one, and just above half a step of 0.05.
// CHECK-LABEL: func.func @silu_of_channels
// CHECK: qfmt.dyadic_scale
// CHECK: qfmt.error_bound = 0.025{{[0-4][0-9]*}} : f64
// CHECK: return
func.func @silu_of_channels(%x: tensor<2x4xf32, #act>) -> tensor<2x2xf32, #act> {
  %z = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %c = arith.constant dense<[[100, -3], [7, 90], [-120, 55], [3, 99]]> : tensor<4x2xi8>
  %s = arith.constant dense<[[0.031, 0.017]]> : tensor<1x2xf32>
  %w = qfmt.assemble %c, %s : tensor<4x2xi8>, tensor<1x2xf32> to tensor<4x2xf32, #columns>
  %e = tensor.empty() : tensor<2x2xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  %m = linalg.matmul ins(%x, %w : tensor<2x4xf32, #act>, tensor<4x2xf32, #columns>) outs(%f : tensor<2x2xf32>) -> tensor<2x2xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%m : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) {
  ^bb0(%a: f32, %o: f32):
   %n = arith.negf %a : f32
   %e1 = math.exp %n : f32
   %d = arith.addf %e1, %one : f32
   %v = arith.divf %a, %d : f32
   linalg.yield %v : f32
  } -> tensor<2x2xf32>
  %q = qfmt.quantize %r : tensor<2x2xf32> to tensor<2x2xf32, #act>
  return %q : tensor<2x2xf32, #act>
}
