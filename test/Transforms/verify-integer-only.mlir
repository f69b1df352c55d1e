// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-verify-integer-only

func.func @integers(%a: tensor<4xi8>) -> tensor<4xi8> {
  return %a : tensor<4xi8>
}

// A wrapper for callers that hold floats is not counted.
func.func @integers_f32(%a: tensor<4xf32>) -> tensor<4xf32> attributes {qfmt.float_wrapper} {
  return %a : tensor<4xf32>
}

// -----

// Only the first is named.
func.func @operation(%a: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error @+1 {{is not integer-only: it has the type 'f32'}}
  %0 = arith.constant 1.0 : f32
  %1 = arith.addf %0, %0 : f32
  return %a : tensor<4xi8>
}

// -----

// expected-error @+1 {{is not integer-only: it has the type}}
func.func @argument(%a: tensor<4xf16>, %b: tensor<4xi8>) -> tensor<4xi8> {
  return %b : tensor<4xi8>
}

// -----

#map = affine_map<(i) -> (i)>
func.func @body(%a: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error @+3 {{'arith.sitofp' op is not integer-only}}
  %0 = linalg.generic {indexing_maps = [#map], iterator_types = ["parallel"]} outs(%a : tensor<4xi8>) {
  ^bb0(%x: i8):
    %1 = arith.sitofp %x : i8 to f32
    %2 = arith.fptosi %1 : f32 to i8
    linalg.yield %2 : i8
  } -> tensor<4xi8>
  return %0 : tensor<4xi8>
}
