// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-integerize=accumulator-bits=32

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
func.func @no_rule(%a: tensor<8xf32, #act>) -> tensor<8xf32, #act> {
  %empty = tensor.empty() : tensor<8xf32>
  // expected-note @+1 {{in the body of this operation}}
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %o: f32):
    // expected-error @+1 {{'math.acos': has no integer rule}}
    %e = math.acos %x : f32
    linalg.yield %e : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// -----

// 4 products of 16-bit codes need more than 32 bits.
#wide = #qfmt.scaled<i16, scale = 0.5>
func.func @overflow(%a: tensor<4x4xf32, #wide>, %b: tensor<4x4xf32, #wide>) -> tensor<4x4xf32, #wide> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x4xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>
  // expected-error @+1 {{accumulator may overflow: 4 summands and an initial value need 34 bits, accumulators have 32; use narrower weights or activations, or accumulator-bits=64}}
  %0 = linalg.matmul ins(%a, %b : tensor<4x4xf32, #wide>, tensor<4x4xf32, #wide>) outs(%init : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = qfmt.quantize %0 : tensor<4x4xf32> to tensor<4x4xf32, #wide>
  return %1 : tensor<4x4xf32, #wide>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @stochastic(%a: tensor<4xf32, #act>) -> tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>> {
  // expected-error @+1 {{'qfmt.convert' op rounds stochastically, which has no integer rule; drop the seed}}
  %0 = qfmt.convert %a stochastic = 1 : tensor<4xf32, #act> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>>
  return %0 : tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @other_overflow(%a: tensor<4xf32, #act>) -> tensor<4xf32, #qfmt.scaled<i4, scale = 0.75>> {
  // expected-error @+1 {{'qfmt.convert' op has overflow = zero, which has no integer rule; use saturate or wrap}}
  %0 = qfmt.convert %a overflow = zero : tensor<4xf32, #act> to tensor<4xf32, #qfmt.scaled<i4, scale = 0.75>>
  return %0 : tensor<4xf32, #qfmt.scaled<i4, scale = 0.75>>
}

// -----

#row = #qfmt.scaled<i8, block = [1, *], scale = f32>
#act = #qfmt.scaled<i8, scale = 0.5>
// expected-error @+1 {{scale or zero point that is only known at run time}}
func.func @run_time_scale(%a: tensor<4x4xf32, #row>) -> tensor<4x4xf32, #row> {
  return %a : tensor<4x4xf32, #row>
}

// -----

#act = #qfmt.scaled<f8E4M3FN, scale = 0.5>
// expected-error @+1 {{integer arithmetic needs an integer format}}
func.func @float_format(%a: tensor<4x4xf32, #act>) -> tensor<4x4xf32, #act> {
  return %a : tensor<4x4xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @result_not_quantized(%a: tensor<8xf32, #act>) -> tensor<8xf32> {
  %empty = tensor.empty() : tensor<8xf32>
  %0 = linalg.copy ins(%a : tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
  // expected-error @+1 {{result #0 is not quantized; integer functions return encoded tensors}}
  return %0 : tensor<8xf32>
}

// -----

// expected-error @+1 {{argument #0 must be encoded, or quantized to one format and used in no other way; it is read by linalg.copy}}
func.func @argument_not_quantized(%a: tensor<8xf32>) -> tensor<8xf32> {
  %empty = tensor.empty() : tensor<8xf32>
  %0 = linalg.copy ins(%a : tensor<8xf32>) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @call(%a: tensor<8xf32, #act>) -> tensor<8xf32, #act> {
  // expected-error @+1 {{has no integer rule at the level of tensors}}
  %0 = func.call @call(%a) : (tensor<8xf32, #act>) -> tensor<8xf32, #act>
  return %0 : tensor<8xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
// expected-error @+1 {{argument #1}}
func.func @no_tensor(%a: tensor<4xf32, #act>, %n: index) -> tensor<4xf32, #act> {
  return %a : tensor<4xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
// expected-error @+1 {{has dynamic sizes ('tensor<?xf32, #qfmt.scaled<i8, scale = 5.000000e-01>>'), which integerization does not support yet}}
func.func @dynamic(%a: tensor<?xf32, #act>) -> tensor<?xf32, #act> {
  return %a : tensor<?xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @no_elements(%a: tensor<4xf32, #act>) -> tensor<4xf32, #act> {
  // expected-error @+1 {{has a tensor without elements ('tensor<0xf32>'), which has no integer rule}}
  %c = arith.constant dense<[]> : tensor<0xf32>
  return %a : tensor<4xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @start_of_maximum(%a: tensor<2x2xf32, #act>) -> tensor<2xf32, #act> {
  %init = arith.constant dense<[0xFF800000, 0x7F800000]> : tensor<2xf32>
  // expected-error @+1 {{starts a reduction from INF, which has no integer}}
  %0 = linalg.reduce { arith.maximumf } ins(%a : tensor<2x2xf32, #act>) outs(%init : tensor<2xf32>) dimensions = [1]
  %1 = qfmt.quantize %0 : tensor<2xf32> to tensor<2xf32, #act>
  return %1 : tensor<2xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @start_of_sum(%a: tensor<2x2xf32, #act>) -> tensor<2xf32, #act> {
  %init = arith.constant dense<[1.0, 0x7FC00000]> : tensor<2xf32>
  // expected-error-re @+1 {{starts a reduction from {{[-+]?(nan|NAN|NaN)}}, which has no integer}}
  %0 = linalg.reduce { arith.addf } ins(%a : tensor<2x2xf32, #act>) outs(%init : tensor<2xf32>) dimensions = [1]
  %1 = qfmt.quantize %0 : tensor<2xf32> to tensor<2xf32, #act>
  return %1 : tensor<2xf32, #act>
}

// -----

// The products are rescaled by up to 2^20 to the scale of the first row: what their weights say of the sum does not hold any more.
#act = #qfmt.scaled<i16, scale = 1.0>
#rows = #qfmt.scaled<i8, block = [1, *], scale = f32>
func.func @bound_of_rescaled_products(%a: tensor<1x2xf32, #act>) -> tensor<1x1xf32, #act> {
  %codes = arith.constant dense<1> : tensor<2x1xi8>
  %scales = arith.constant dense<[[1.0], [1048576.0]]> : tensor<2x1xf32>
  %w = qfmt.assemble %codes, %scales : tensor<2x1xi8>, tensor<2x1xf32> to tensor<2x1xf32, #rows>
  %init = arith.constant dense<0.0> : tensor<1x1xf32>
  // expected-error @+1 {{accumulator may overflow}}
  %0 = linalg.matmul ins(%a, %w : tensor<1x2xf32, #act>, tensor<2x1xf32, #rows>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  %1 = qfmt.quantize %0 : tensor<1x1xf32> to tensor<1x1xf32, #act>
  return %1 : tensor<1x1xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5, zero_point = 3>
#fine = #qfmt.scaled<i8, scale = 0.25>
func.func @convert_by_sign(%a: tensor<4xf32, #fine>) -> tensor<4xf32, #act> {
  // expected-error @+1 {{rounds by sign (toward_zero) after adding a zero point, which has no integer rule; use half_even}}
  %0 = qfmt.convert %a rounding = toward_zero : tensor<4xf32, #fine> to tensor<4xf32, #act>
  return %0 : tensor<4xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
// expected-error @+1 {{needs the name @f_f32 for its float wrapper, but the module has it already}}
func.func @f(%a: tensor<4xf32, #act>) -> tensor<4xf32, #act> {
  return %a : tensor<4xf32, #act>
}
func.func private @f_f32()

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
#weights = #qfmt.scaled<i8, block = [*, 2], scale = f32>
func.func @blocked_weights(%a: tensor<4x4xf32, #act>) -> tensor<4x4xf32, #act> {
  %codes = arith.constant dense<1> : tensor<4x4xi8>
  %scales = arith.constant dense<[[0.5, 0.25]]> : tensor<1x2xf32>
  // expected-error @+1 {{has blocks of 2 elements, which have no integer rule}}
  %w = qfmt.assemble %codes, %scales : tensor<4x4xi8>, tensor<1x2xf32> to tensor<4x4xf32, #weights>
  return %a : tensor<4x4xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
func.func @division(%a: tensor<8xf32, #act>) -> tensor<8xf32, #act> {
  %empty = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %o: f32):
    // expected-error @+1 {{where its operand is 0.000000e+00, a value that the operand's range holds; add a constant to it, clamp it, or calibrate it to another range}}
    %e = arith.divf %x, %x : f32
    linalg.yield %e : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// -----

// The constant weights add up to 90001; times 2^15 that needs 33 bits.
#wide = #qfmt.scaled<i16, scale = 0.5>
func.func @overflow_with_these_weights(%a: tensor<2x4xf32, #wide>) -> tensor<2x1xf32, #wide> {
  %zero = arith.constant 0.0 : f32
  %codes = arith.constant dense<[[30000], [30000], [-30000], [1]]> : tensor<4x1xi16>
  %w = qfmt.assemble %codes : tensor<4x1xi16> to tensor<4x1xf32, #wide>
  %empty = tensor.empty() : tensor<2x1xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x1xf32>) -> tensor<2x1xf32>
  // expected-error @+1 {{accumulator may overflow: 4 summands and an initial value need 33 bits}}
  %0 = linalg.matmul ins(%a, %w : tensor<2x4xf32, #wide>, tensor<4x1xf32, #wide>) outs(%init : tensor<2x1xf32>) -> tensor<2x1xf32>
  %1 = qfmt.quantize %0 : tensor<2x1xf32> to tensor<2x1xf32, #wide>
  return %1 : tensor<2x1xf32, #wide>
}

// -----

// Of the divisor no more is known than its format.
#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
func.func @division_by_zero(%a: tensor<8xf32, #act>, %b: tensor<8xf32, #act>) -> tensor<8xf32, #act> {
  %empty = tensor.empty() : tensor<8xf32>
  // expected-note @+1 {{in the body of this operation}}
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %b : tensor<8xf32, #act>, tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    // expected-error @+1 {{'arith.divf': the operand lies between -6.400000e+01 and 6.350000e+01 as far as is known, off by up to 0.000000e+00, a range that holds zero; add a positive constant to it, or take the maximum with one}}
    %e = arith.divf %x, %y : f32
    linalg.yield %e : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
func.func @root_of_negative(%a: tensor<8xf32, #act>, %b: tensor<8xf32, #act>) -> tensor<8xf32, #act> {
  %empty = tensor.empty() : tensor<8xf32>
  // expected-note @+1 {{in the body of this operation}}
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %b : tensor<8xf32, #act>, tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = arith.addf %x, %y : f32
    // expected-error @+1 {{'math.sqrt': the operand may be negative; take the maximum with 0}}
    %e = math.sqrt %s : f32
    linalg.yield %e : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
func.func @reciprocal_of_zero(%a: tensor<8xf32, #act>) -> tensor<8xf32, #act> {
  %one = arith.constant 1.0 : f32
  %empty = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %o: f32):
    // expected-error @+1 {{'arith.divf' is INF where its operand is 0.000000e+00, a value that the operand's range holds; add a constant to it, clamp it, or calibrate it to another range}}
    %e = arith.divf %one, %x : f32
    linalg.yield %e : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
// The comparison may be wrong: so may be the value, by much.
func.func @logarithm_near_zero(%a: tensor<8xf32, #act>, %b: tensor<8xf32, #qfmt.scaled<i8, scale = 0.3>>) -> tensor<8xf32, #act> {
  %one = arith.constant 1.0 : f32
  %empty = tensor.empty() : tensor<8xf32>
  // expected-note @+1 {{in the body of this operation}}
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %b : tensor<8xf32, #act>, tensor<8xf32, #qfmt.scaled<i8, scale = 0.3>>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %greater = arith.cmpf ogt, %x, %y : f32
    %n = arith.negf %y : f32
    %either = arith.select %greater, %x, %n : f32
    %m = math.absf %either : f32
    %s = arith.addf %m, %one : f32
    // expected-error @+1 {{'math.log': the operand lies between 9.999999e-01 and 6.500005e+01 as far as is known, off by up to 1.275002e+02, and may be 0; take the maximum with a larger constant}}
    %e = math.log %s : f32
    linalg.yield %e : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// -----

// A bias alone, which nobody encoded, is added up.
#act = #qfmt.scaled<i8, scale = 0.5>
#row = affine_map<(r, c) -> (r, c)>
#sum = affine_map<(r, c) -> (r)>
func.func @sum_of_floats(%a: tensor<2xf32, #act>) -> tensor<2xf32, #act> {
  %c = arith.constant dense<[[1.0, 2.0], [3.0, 4.5]]> : tensor<2x2xf32>
  %zero = arith.constant dense<0.0> : tensor<2xf32>
  // expected-error @+1 {{reduces a constant of floats, which has no integers; quantize it, or evaluate the reduction at compile time}}
  %0 = linalg.generic {indexing_maps = [#row, #sum], iterator_types = ["parallel", "reduction"]} ins(%c : tensor<2x2xf32>) outs(%zero : tensor<2xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.addf %o, %x : f32
    linalg.yield %s : f32
  } -> tensor<2xf32>
  %1 = qfmt.quantize %0 : tensor<2xf32> to tensor<2xf32, #act>
  return %1 : tensor<2xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @no_start(%a: tensor<4x4xf32, #act>) -> tensor<4xf32, #act> {
  %empty = tensor.empty() : tensor<4xf32>
  // expected-error @+1 {{result #0 starts from a tensor without values; fill it}}
  %0 = linalg.reduce { arith.addf } ins(%a : tensor<4x4xf32, #act>) outs(%empty : tensor<4xf32>) dimensions = [1]
  %1 = qfmt.quantize %0 : tensor<4xf32> to tensor<4xf32, #act>
  return %1 : tensor<4xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
func.func @infinite_bias(%a: tensor<2xf32, #act>) -> tensor<2xf32, #act> {
  %c = arith.constant dense<[1.0, 0x7F800000]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<2xf32>
  // expected-note @+1 {{in the body of this operation}}
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %c : tensor<2xf32, #act>, tensor<2xf32>) outs(%empty : tensor<2xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    // expected-error @+1 {{'arith.addf': a constant operand is not finite; clamp it to what the result's format holds}}
    %e = arith.addf %x, %y : f32
    linalg.yield %e : f32
  } -> tensor<2xf32>
  %1 = qfmt.quantize %0 : tensor<2xf32> to tensor<2xf32, #act>
  return %1 : tensor<2xf32, #act>
}

// -----

// A trained network that diverged.
#act = #qfmt.scaled<i8, scale = 0.5>
func.func @nan_weights(%a: tensor<1x2xf32, #act>) -> tensor<1x2xf32, #act> {
  %w = arith.constant dense<[[1.0, 0x7FC00000], [2.0, 3.0]]> : tensor<2x2xf32>
  %zero = arith.constant dense<0.0> : tensor<1x2xf32>
  // expected-error @+1 {{'arith.mulf': a constant factor holds NaN or infinity, which has no integer rule}}
  %0 = linalg.matmul ins(%a, %w : tensor<1x2xf32, #act>, tensor<2x2xf32>) outs(%zero : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = qfmt.quantize %0 : tensor<1x2xf32> to tensor<1x2xf32, #act>
  return %1 : tensor<1x2xf32, #act>
}

// -----

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
func.func @divided_by_zero(%a: tensor<2xf32, #act>) -> tensor<2xf32, #act> {
  %c = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<2xf32>
  // expected-error @+1 {{'arith.divf': a constant divisor holds zero, NaN or infinity, which has no integer rule}}
  %0 = linalg.div ins(%a, %c : tensor<2xf32, #act>, tensor<2xf32>) outs(%empty : tensor<2xf32>) -> tensor<2xf32>
  %1 = qfmt.quantize %0 : tensor<2xf32> to tensor<2xf32, #act>
  return %1 : tensor<2xf32, #act>
}
