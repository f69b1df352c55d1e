// RUN: qfmt-opt %s -split-input-file -qfmt-quantize -verify-diagnostics -o /dev/null

func.func @unknown(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op qfmt.assigned: 'mxfp5' is no format; give a number format (i4, f8E4M3FN, !qfmt.float<3, 4>), a name that qfmt-opt --list-formats lists (mxfp4), an encoding (#qfmt.scaled<i4, scale = f16>), or f32 for what stays}}
  %z = linalg.matmul {qfmt.assigned = "mxfp4/mxfp5"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @three(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op qfmt.assigned: 'i4/i8/i8' is no choice of formats; give those of weights and activations with one '/' between them}}
  %z = linalg.matmul {qfmt.assigned = "i4/i8/i8"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @width(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op qfmt.assigned: integer formats have 1 to 16 bits, found 'i17'}}
  %z = linalg.matmul {qfmt.assigned = "i4/i17"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @one_bit(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op qfmt.assigned: 'i1' is no format of weights, integers are i2 to i16}}
  %z = linalg.matmul {qfmt.assigned = "i1/i8"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @unsigned(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op qfmt.assigned: 'ui8' is no format of activations, integers are i2 to i16 (of ranges without negative values ui2 to ui16)}}
  %z = linalg.matmul {qfmt.assigned = "i8/ui8"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @positive(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op qfmt.assigned: 'f8E8M0FNU' is no format of weights, which need positive and negative values}}
  %z = linalg.matmul {qfmt.assigned = "f8E8M0FNU/i8"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @learned(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op qfmt.assigned: encoding in #qfmt.additive<codebooks = 2, bits = 8, group = [8], table = f16, scale = f16> needs given scales and tables, which are learned from data before}}
  %z = linalg.matmul {qfmt.assigned = "aqlm/f32"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// What the parser says of an encoding is not lost.
func.func @encoding(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+2 {{'linalg.matmul' op qfmt.assigned: '#qfmt.scaled<i99>' is no format}}
  // expected-note @+1 {{integer formats have 1 to 16 bits, found 'i99'}}
  %z = linalg.matmul {qfmt.assigned = "#qfmt.scaled<i99>/f32"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @rank_of_weights(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op has weights that #qfmt.scaled<i4, block = [1, 1, 32], scale = f16> cannot encode: block has 3 entries, but the tensor has rank 2}}
  %z = linalg.matmul {qfmt.assigned = "#qfmt.scaled<i4, block = [1, 1, 32], scale = f16>/f32"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @rank_of_data(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op reads data that #qfmt.scaled<i4, block = [1, 1, 32], scale = f16> cannot encode: block has 3 entries, but the tensor has rank 2}}
  %z = linalg.matmul {qfmt.assigned = "i4/#qfmt.scaled<i4, block = [1, 1, 32], scale = f16>"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// In a float format, too.
func.func @not_finite(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<0x7FC00000> : tensor<2x2xf32>
  // expected-error @+1 {{'linalg.matmul' op has weights that are NaN or infinite}}
  %z = linalg.matmul {qfmt.assigned = "mxfp4/f32"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// A static scale needs a range.
func.func @statistics(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{'qfmt.observe' op has no statistics; run qfmt-annotate first}}
  %o = qfmt.observe %x "argument.0" : tensor<1x2xf32>
  %z = linalg.matmul {qfmt.assigned = "mxfp4/f8E4M3FN"} ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

func.func @no_layer(%x: tensor<1x2xf32>, %y: tensor<2x2xf32>, %z: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // expected-error @+1 {{'linalg.matmul' op has 'qfmt.assigned', but is no contraction with constant weights}}
  %r = linalg.matmul {qfmt.assigned = "i8"} ins(%x, %y : tensor<1x2xf32>, tensor<2x2xf32>) outs(%z : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %r : tensor<1x2xf32>
}

// -----

// The second layer is matmul.1 by itself.
func.func @names(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-note @+1 {{the other layer}}
  %a = linalg.matmul {qfmt.layer = "matmul.1"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  // expected-error @+1 {{'linalg.matmul' op has the name of another layer, 'matmul.1'; give each its own 'qfmt.layer'}}
  %b = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%a : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %b : tensor<1x2xf32>
}

// -----

func.func @beyond_f32(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // expected-error @+1 {{'qfmt.observe' op was seen as far as 1.000000e+64, for which the scale of 'i8' is beyond f32; scale the tensor down}}
  %o = qfmt.observe %x "argument.0" statistics = <min = -1.0e+64, max = 1.0, count = 2, histogram = [1, 1]> : tensor<1x2xf32>
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %z = linalg.matmul ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}
