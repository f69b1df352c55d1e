// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-outline-regions | FileCheck %s

#q = #qfmt.scaled<i8, scale = 0.1>
#u = #qfmt.scaled<ui8, scale = 0.25, zero_point = 3>
#w = #qfmt.scaled<i4, block = [*, 1], scale = f32>
#id = affine_map<(a, b) -> (a, b)>

// The argument's quantization stays; weights and constants go with the region.
// CHECK-LABEL: func.func private @main.region0
// CHECK-SAME: (%[[X:.*]]: tensor<2x2xf32, #[[$Q:.*]]>) -> tensor<2x2xf32, #[[$U:.*]]> {
// CHECK: qfmt.assemble
// CHECK: linalg.matmul ins(%[[X]],
// CHECK: qfmt.quantize %{{.*}} : tensor<2x2xf32> to tensor<2x2xf32, #[[$U]]>

// In f64 the scale is the f32 it was, 0.1 rounded to f32; the scales of weights are constituents and stay.
// CHECK-LABEL: func.func private @main.region0.real
// CHECK-SAME: (%[[X:.*]]: tensor<2x2xf64, #[[$QR:.*]]>) -> tensor<2x2xf64> {
// CHECK: qfmt.assemble %{{.*}} : tensor<2x2xi4>, tensor<1x2xf32> to tensor<2x2xf64, #{{.*}}>
// CHECK: %[[M:.*]] = linalg.matmul ins(%[[X]], %{{.*}} : tensor<2x2xf64, #[[$QR]]>, {{.*}}) outs(%{{.*}} : tensor<2x2xf64>)
// CHECK: return %[[M]] : tensor<2x2xf64>

// Casts between float types are gone, inside and outside of bodies.
// CHECK-LABEL: func.func private @main.region1(
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK-LABEL: func.func private @main.region1.real
// CHECK-SAME: (%{{.*}}: tensor<2x2xf64, #{{.*}}>) -> tensor<2x2xf64> {
// CHECK: arith.constant 2.000000e+00 : f64
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f64, %{{.*}}: f64):
// CHECK-NEXT: %[[E:.*]] = math.exp %[[IN]] : f64
// CHECK-NEXT: arith.mulf %[[E]], %{{.*}} : f64
// CHECK-NEXT: linalg.yield

// convert ends a region, too; what enters it is moved in it.
// CHECK-LABEL: func.func private @main.region2.real
// CHECK-SAME: (%[[A:.*]]: tensor<2x2xf64, #[[$UR:.*]]>) -> tensor<4xf64> {
// CHECK: %[[C:.*]] = tensor.collapse_shape %[[A]] {{.*}} into tensor<4xf64, #[[$UR]]>
// CHECK: qfmt.dequantize %[[C]] : tensor<4xf64, #[[$UR]]> to tensor<4xf64>

// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[Q:.*]] = qfmt.quantize %arg0
// CHECK-NEXT: %[[R0:.*]] = call @main.region0(%[[Q]])
// CHECK-NEXT: %[[R1:.*]] = call @main.region1(%[[R0]])
// CHECK-NEXT: %[[R2:.*]] = call @main.region2(%[[R0]])
// CHECK-NEXT: %[[D:.*]] = qfmt.dequantize %[[R1]]
// CHECK-NEXT: return %[[D]], %[[R2]]
func.func @main(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<4xf32, #q>) {
  %zero = arith.constant 0.0 : f32
  %two = arith.constant 2.0 : f32
  %codes = arith.constant dense<[[1, 2], [-3, 4]]> : tensor<2x2xi4>
  %scales = arith.constant dense<[[0.5, 0.3]]> : tensor<1x2xf32>
  %w = qfmt.assemble %codes, %scales : tensor<2x2xi4>, tensor<1x2xf32> to tensor<2x2xf32, #w>
  %empty = tensor.empty() : tensor<2x2xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x2xf32>) -> tensor<2x2xf32>
  %q = qfmt.quantize %x : tensor<2x2xf32> to tensor<2x2xf32, #q>
  %m = linalg.matmul ins(%q, %w : tensor<2x2xf32, #q>, tensor<2x2xf32, #w>) outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  %r0 = qfmt.quantize %m : tensor<2x2xf32> to tensor<2x2xf32, #u>
  %e = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%r0 : tensor<2x2xf32, #u>) outs(%empty : tensor<2x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %exp = math.exp %in : f32
    %half = arith.truncf %exp : f32 to f16
    %back = arith.extf %half : f16 to f32
    %twice = arith.mulf %back, %two : f32
    linalg.yield %twice : f32
  } -> tensor<2x2xf32>
  %r1 = qfmt.quantize %e : tensor<2x2xf32> to tensor<2x2xf32, #q>
  %flat = tensor.collapse_shape %r0 [[0, 1]] : tensor<2x2xf32, #u> into tensor<4xf32, #u>
  %r2 = qfmt.convert %flat : tensor<4xf32, #u> to tensor<4xf32, #q>
  %d = qfmt.dequantize %r1 : tensor<2x2xf32, #q> to tensor<2x2xf32>
  return %d, %r2 : tensor<2x2xf32>, tensor<4xf32, #q>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.1>

// Nothing is computed: the function stays.
// CHECK-LABEL: func.func @moves
// CHECK-NEXT: qfmt.quantize
// CHECK-NEXT: tensor.collapse_shape
// CHECK-NEXT: return
func.func @moves(%x: tensor<2x2xf32>) -> tensor<4xf32, #q> {
  %q = qfmt.quantize %x : tensor<2x2xf32> to tensor<2x2xf32, #q>
  %flat = tensor.collapse_shape %q [[0, 1]] : tensor<2x2xf32, #q> into tensor<4xf32, #q>
  return %flat : tensor<4xf32, #q>
}

// -----

// expected-error @+1 {{function has control flow; only functions of one block have regions that can be outlined}}
func.func @flow(%x: tensor<4xf32>, %c: i1) -> tensor<4xf32> {
  cf.cond_br %c, ^a, ^a
^a:
  return %x : tensor<4xf32>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.1>

func.func private @main.region0.real()

// expected-error @+1 {{needs the name @main.region0.real for a region, but the module has it already; rename that}}
func.func @main(%x: tensor<4xf32, #q>) -> tensor<4xf32, #qfmt.scaled<i4>> {
  %q = qfmt.convert %x : tensor<4xf32, #q> to tensor<4xf32, #qfmt.scaled<i4>>
  return %q : tensor<4xf32, #qfmt.scaled<i4>>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.1>

func.func @bits(%x: tensor<4xf32, #q>) -> tensor<4xf32, #q> {
  %empty = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a)>], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32, #q>) outs(%empty : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    // expected-error @+1 {{are cast incompatible}}
    %bits = arith.bitcast %in : f32 to i32
    %back = arith.sitofp %bits : i32 to f32
    linalg.yield %back : f32
  } -> tensor<4xf32>
  // expected-error @+1 {{ends a region with an operation that cannot be computed in f64}}
  %q = qfmt.quantize %y : tensor<4xf32> to tensor<4xf32, #q>
  return %q : tensor<4xf32, #q>
}
