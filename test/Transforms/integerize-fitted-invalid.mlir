// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-integerize
// RUN: not qfmt-opt %s -split-input-file -qfmt-integerize=function-error=0.5 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: error: {{.*}}function-error is more than 0.5, the last rounding, found 5.000000e-01

#id = affine_map<(d0) -> (d0)>
#wide = #qfmt.scaled<i16, scale = 4.0e-4>
func.func @wild(%x: tensor<8xf32, #wide>) -> tensor<8xf32, #wide> {
  %many = arith.constant 3000.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32, #wide>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %many : f32
    // expected-error @+1 {{'math.sin' of 65536 codes is to be off by at most function-error = 4.000000e+00 units of}}
    %1 = math.sin %0 : f32
    linalg.yield %1 : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %r : tensor<8xf32> to tensor<8xf32, #wide>
  return %q : tensor<8xf32, #wide>
}

// -----

// A period is half the distance of the samples: all of them are 0, and the function is not.
#id = affine_map<(d0) -> (d0)>
#fine = #qfmt.scaled<i16, scale = 0.0078125>
func.func @resonance(%x: tensor<8xf32, #fine>, %y: tensor<8xf32, #fine>) -> tensor<8xf32, #fine> {
  %many = arith.constant 6.283185307 : f32
  %e = tensor.empty() : tensor<8xf32>
  // expected-note @+1 {{in the body of this operation}}
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %y : tensor<8xf32, #fine>, tensor<8xf32, #fine>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.mulf %0, %many : f32
    // expected-error @+1 {{'math.sin' is to be off by at most function-error = 4.000000e+00 units of}}
    %2 = math.sin %1 : f32
    linalg.yield %2 : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %r : tensor<8xf32> to tensor<8xf32, #fine>
  return %q : tensor<8xf32, #fine>
}
