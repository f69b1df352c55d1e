// Every diagnostic of lib/IR. The label in a function's name is that of the
// constraint in docs/spec.md.
//
// RUN: qfmt-opt %s -split-input-file -verify-diagnostics

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

// expected-error @+1 {{an encoded tensor's element type is the logical type f16, bf16, f32 or f64, found 'i8'}}
func.func private @c1_integer_logical_type(tensor<4xi8, #qfmt.scaled<i8>>)

// -----

// expected-error @+1 {{an encoded tensor's element type is the logical type f16, bf16, f32 or f64, found 'f8E4M3FN'}}
func.func private @c1_minifloat_logical_type(tensor<4xf8E4M3FN, #qfmt.scaled<i8>>)

// -----

// expected-error @+1 {{expected a number format such as i8, ui4, f8E4M3FN or !qfmt.float<E, M>, found 'index'}}
func.func private @c2_no_number_format(tensor<4xf32, #qfmt.scaled<index>>)

// -----

// expected-error @+1 {{expected a number format such as i8, ui4, f8E4M3FN or !qfmt.float<E, M>, found 'f64'}}
func.func private @c2_f64_is_no_number_format(tensor<4xf32, #qfmt.scaled<f64>>)

// -----

// expected-error @+1 {{expected a number format such as i8, ui4, f8E4M3FN or !qfmt.float<E, M>, found 'tensor<1xf32>'}}
func.func private @c2_scale_is_no_number_format(tensor<4xf32, #qfmt.scaled<i8, scale = tensor<1xf32>>>)

// -----

// expected-error @+1 {{block has 1 entries, but the tensor has rank 2}}
func.func private @c3_block_of_wrong_rank(tensor<4x4xf32, #qfmt.scaled<i8, block = [2], scale = f32>>)

// -----

// expected-error @+2 {{block has 3 entries, but the tensor has rank 2}}
func.func private @c3_nested_block_of_wrong_rank(
  tensor<4x4xf32, #qfmt.scaled<i8, block = [1, 2], scale = #qfmt.scaled<i8, block = [1, 1, 1], scale = f32>>>)

// -----

// expected-error @+1 {{block sizes are positive, or * for a whole dimension, found 0}}
func.func private @c3_block_of_zero(tensor<4x4xf32, #qfmt.scaled<i8, block = [1, 0], scale = f32>>)

// -----

// expected-error @+1 {{block sizes are positive, or * for a whole dimension, found -4}}
func.func private @c3_negative_block(tensor<4x4xf32, #qfmt.scaled<i8, block = [1, -4], scale = f32>>)

// -----

// expected-error @+1 {{static scale must be a positive finite number, found 0}}
func.func private @c5_zero_scale(tensor<4xf32, #qfmt.scaled<i8, scale = 0.0>>)

// -----

// expected-error @+1 {{static scale must be a positive finite number, found -0.5}}
func.func private @c5_negative_scale(tensor<4xf32, #qfmt.scaled<i8, scale = -0.5>>)

// -----

// expected-error @+1 {{static scale must be a positive finite number, found nan}}
func.func private @c5_nan_scale(tensor<4xf32, #qfmt.scaled<i8, scale = 0x7FF8000000000000>>)

// -----

// expected-error @+1 {{static scale must be a positive finite number, found inf}}
func.func private @c5_infinite_scale(tensor<4xf32, #qfmt.scaled<i8, scale = 0x7FF0000000000000>>)

// -----

// expected-error @+1 {{static scale 1e-60 is not a positive finite number in f32, in which it is read}}
func.func private @c5_scale_that_f32_rounds_to_zero(tensor<4xf32, #qfmt.scaled<i8, scale = 1.0e-60>>)

// -----

// expected-error @+1 {{static scale 1e+60 is not a positive finite number in f32, in which it is read}}
func.func private @c5_scale_beyond_f32(tensor<4xf16, #qfmt.scaled<i8, scale = 1.0e60>>)

// -----

// expected-error @+2 {{static scale 1e-60 is not a positive finite number in f32, in which it is read}}
func.func private @c5_nested_scale_that_f32_rounds_to_zero(
  tensor<4xf64, #qfmt.scaled<i8, scale = #qfmt.scaled<i8, scale = 1.0e-60, zero_point = i8>>>)

// -----

// expected-error @+1 {{a static scale is per tensor: drop 'block', or give the format of a scale constituent such as scale = f32}}
func.func private @c6_static_scale_with_blocks(tensor<4x4xf32, #qfmt.scaled<i8, block = [1, *], scale = 0.5>>)

// -----

// expected-error @+1 {{'block' needs a scale constituent, write for example scale = f32}}
func.func private @c6_blocks_without_scale(tensor<4x4xf32, #qfmt.scaled<i8, block = [1, *]>>)

// -----

// expected-error @+1 {{'si8' is not a number format, write i8 for signed and ui8 for unsigned integers}}
func.func private @c8_explicitly_signed_integer(tensor<4xf32, #qfmt.scaled<si8>>)

// -----

// expected-error @+1 {{integer formats have 1 to 16 bits, found 'ui17'}}
func.func private @c8_too_many_bits(tensor<4xf32, #qfmt.scaled<ui17>>)

// -----

// expected-error @+1 {{integer formats have 1 to 16 bits, found 'i32'}}
func.func private @c8_scale_of_too_many_bits(tensor<4xf32, #qfmt.scaled<i8, scale = i32>>)

// -----

// expected-error @+1 {{a zero point needs an integer format, found 'f8E4M3FN'}}
func.func private @c9_zero_point_of_a_float(tensor<4xf32, #qfmt.scaled<f8E4M3FN, zero_point = 1>>)

// -----

// expected-error @+1 {{a zero point needs an integer format, found '!qfmt.float<1, 1>'}}
func.func private @c9_integers_with_two_zeros_are_no_integer_format(tensor<4xf32, #qfmt.scaled<!qfmt.float<1, 1>, zero_point = i2>>)

// -----

// expected-error @+1 {{zero point 128 is not a value of 'i8' (-128 to 127)}}
func.func private @c9_zero_point_too_large(tensor<4xf32, #qfmt.scaled<i8, zero_point = 128>>)

// -----

// expected-error @+1 {{zero point -1 is not a value of 'ui4' (0 to 15)}}
func.func private @c9_negative_zero_point(tensor<4xf32, #qfmt.scaled<ui4, zero_point = -1>>)

// -----

// expected-error @+1 {{the zero point's format 'ui8' has values that 'i8' lacks}}
func.func private @c9_zero_point_format_does_not_fit(tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = ui8>>)

// -----

// expected-error @+1 {{the zero point's format 'f8E4M3FN' has values that 'i8' lacks}}
func.func private @c9_float_zero_point_format(tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = f8E4M3FN>>)

// -----

// expected-error @+1 {{expected a number format such as i8, ui4, f8E4M3FN or !qfmt.float<E, M>, found 'index'}}
func.func private @c9_zero_point_without_number_format(tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = index>>)

// -----

// expected-error @+1 {{!qfmt.float needs 1 to 8 exponent bits and at most 16 bits with sign and mantissa, found <0, 4>}}
func.func private @c10_no_exponent(!qfmt.float<0, 4>)

// -----

// expected-error @+1 {{!qfmt.float needs 1 to 8 exponent bits and at most 16 bits with sign and mantissa, found <2, 14>}}
func.func private @c10_long_mantissa(!qfmt.float<2, 14>)

// -----

// expected-error @+1 {{!qfmt.float needs 1 to 8 exponent bits and at most 16 bits with sign and mantissa, found <7, 9>}}
func.func private @c10_too_wide(!qfmt.float<7, 9>)

// -----

// expected-error @+1 {{!qfmt.float<8, 3> with bias 127 has values that f32 does not hold}}
func.func private @c10_values_beyond_f32(!qfmt.float<8, 3>)

// -----

// expected-error @+1 {{!qfmt.float<2, 1> is the builtin type f4E2M1FN, use that}}
func.func private @c10_builtin_fp4(!qfmt.float<2, 1>)

// -----

// expected-error @+1 {{!qfmt.float<2, 3> is the builtin type f6E2M3FN, use that}}
func.func private @c10_builtin_fp6(!qfmt.float<2, 3>)

// -----

// expected-error @+1 {{!qfmt.float<3, 2> is the builtin type f6E3M2FN, use that}}
func.func private @c10_builtin_other_fp6(!qfmt.float<3, 2>)

// -----

// expected-error @+1 {{the scale's format '!qfmt.float<1, 0>' lacks the value 1, the scale of a block of zeros}}
func.func private @c11_scale_format_without_one(tensor<4xf32, #qfmt.scaled<i8, scale = !qfmt.float<1, 0>>>)

// -----

// expected-error @+1 {{the scale's format #qfmt.scaled<i8, scale = 3.000000e-01> lacks the value 1, the scale of a block of zeros}}
func.func private @c11_static_nested_scale_without_one(tensor<4xf32, #qfmt.scaled<i8, scale = #qfmt.scaled<i8, scale = 0.3>>>)

// -----

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

// expected-error @+1 {{expected 'block', 'scale' or 'zero_point', found 'axis'}}
func.func private @unknown_key(tensor<4xf32, #qfmt.scaled<i8, axis = 1>>)

// -----

// expected-error @+1 {{'scale' is given twice}}
func.func private @scale_twice(tensor<4xf32, #qfmt.scaled<i8, scale = f32, scale = f32>>)

// -----

// expected-error @+1 {{'block' is given twice}}
func.func private @block_twice(tensor<4x4xf32, #qfmt.scaled<i8, block = [*, *], block = [1, *], scale = f32>>)

// -----

// expected-error @+1 {{'zero_point' is given twice}}
func.func private @zero_point_twice(tensor<4xf32, #qfmt.scaled<i8, zero_point = 1, zero_point = 1>>)

// -----

// expected-error @+1 {{scale is a positive finite number, a number format or a tensor format}}
func.func private @scale_is_a_word(tensor<4xf32, #qfmt.scaled<i8, scale = nan>>)

// -----

// A list of scales belongs into a constituent.
// expected-error @+1 {{scale is a positive finite number, a number format or a tensor format}}
func.func private @scale_is_a_list(tensor<4xf32, #qfmt.scaled<i8, scale = [0.5, 0.25]>>)

// -----

// expected-error @+1 {{expected integer value}}
func.func private @zero_point_is_a_float(tensor<4xf32, #qfmt.scaled<i8, zero_point = 1.5>>)

// -----

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

func.func @c26_min_above_max(%x: tensor<1xf32>) {
  // expected-error @+1 {{statistics need finite min <= max, found min = 1.000000e+00, max = 0.000000e+00}}
  %0 = qfmt.observe %x "a" statistics = <min = 1.0, max = 0.0, count = 1, histogram = [1]> : tensor<1xf32>
  return
}

// -----

func.func @c26_nan_statistics(%x: tensor<1xf32>) {
  // expected-error @+1 {{statistics need finite min <= max, found min = nan, max = 0.000000e+00}}
  %0 = qfmt.observe %x "a" statistics = <min = 0x7FF8000000000000, max = 0.0, count = 1, histogram = [1]> : tensor<1xf32>
  return
}

// -----

func.func @c26_negative_bin(%x: tensor<1xf32>) {
  // expected-error @+1 {{histogram has a negative count, -1}}
  %0 = qfmt.observe %x "a" statistics = <min = 0.0, max = 0.0, count = 1, histogram = [2, -1]> : tensor<1xf32>
  return
}

// -----

func.func @c26_histogram_misses_values(%x: tensor<1xf32>) {
  // expected-error @+1 {{histogram adds up to 3, but the positive number of values is said to be 4}}
  %0 = qfmt.observe %x "a" statistics = <min = 0.0, max = 0.0, count = 4, histogram = [2, 1]> : tensor<1xf32>
  return
}

// -----

func.func @c26_no_values(%x: tensor<1xf32>) {
  // expected-error @+1 {{histogram adds up to 0, but the positive number of values is said to be 0}}
  %0 = qfmt.observe %x "a" statistics = <min = 0.0, max = 0.0, count = 0, histogram = [0]> : tensor<1xf32>
  return
}

// -----

func.func @c26_histogram_overflows(%x: tensor<1xf32>) {
  // expected-error @+1 {{histogram adds up to more than 2^63 - 1}}
  %0 = qfmt.observe %x "a" statistics = <min = 0.0, max = 0.0, count = 1, histogram = [9223372036854775807, 1]> : tensor<1xf32>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

func.func @quantize_input_is_encoded(%q: tensor<4xf32, #qfmt.scaled<i8>>) {
  // expected-error @+1 {{'qfmt.quantize' op operand #0 must be ranked tensor of f16, bf16, f32 or f64 without an encoding}}
  %0 = qfmt.quantize %q : tensor<4xf32, #qfmt.scaled<i8>> to tensor<4xf32, #qfmt.scaled<i4>>
  return
}

// -----

func.func @quantize_result_is_not_encoded(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op result #0 must be ranked tensor with a qfmt encoding}}
  %0 = qfmt.quantize %x : tensor<4xf32> to tensor<4xi8>
  return
}

// -----

func.func @c20_quantize_changes_shape(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op needs the same shape and logical type on both sides, found 'tensor<4xf32>' and 'tensor<5xf32, #qfmt.scaled<i8>>'}}
  %0 = qfmt.quantize %x : tensor<4xf32> to tensor<5xf32, #qfmt.scaled<i8>>
  return
}

// -----

func.func @c20_dequantize_changes_logical_type(%q: tensor<4xf16, #qfmt.scaled<i8>>) {
  // expected-error @+1 {{'qfmt.dequantize' op needs the same shape and logical type on both sides, found 'tensor<4xf16, #qfmt.scaled<i8>>' and 'tensor<4xf32>'}}
  %0 = qfmt.dequantize %q : tensor<4xf16, #qfmt.scaled<i8>> to tensor<4xf32>
  return
}

// -----

func.func @c20_convert_changes_shape(%q: tensor<4xf32, #qfmt.scaled<i8>>) {
  // expected-error @+1 {{'qfmt.convert' op needs the same shape and logical type on both sides, found 'tensor<4xf32, #qfmt.scaled<i8>>' and 'tensor<?xf32, #qfmt.scaled<i4>>'}}
  %0 = qfmt.convert %q : tensor<4xf32, #qfmt.scaled<i8>> to tensor<?xf32, #qfmt.scaled<i4>>
  return
}

// -----

func.func @c21_quantize_wraps_a_float(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op overflow = wrap needs an integer or fixed-point format all of whose codes are used, found 'f8E4M3FN'; use saturate or infinity}}
  %0 = qfmt.quantize %x overflow = wrap : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<f8E4M3FN>>
  return
}

// -----

func.func @c21_convert_wraps_a_float(%q: tensor<4xf32, #qfmt.scaled<i8>>) {
  // expected-error @+1 {{'qfmt.convert' op overflow = wrap needs an integer or fixed-point format all of whose codes are used, found '!qfmt.float<3, 4>'; use saturate or infinity}}
  %0 = qfmt.convert %q overflow = wrap : tensor<4xf32, #qfmt.scaled<i8>> to tensor<4xf32, #qfmt.scaled<!qfmt.float<3, 4>>>
  return
}

// -----

func.func @c22_floor_log2_with_run_time_zero_point(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op scale_rule = floor_log2 defines no zero point, but that of 'tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = i8>>' is computed at run time; use absmax}}
  %0 = qfmt.quantize %x scale_rule = floor_log2 : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = i8>>
  return
}

// -----

func.func @c22_convert_with_run_time_zero_point(%q: tensor<4xf32, #qfmt.scaled<i8>>) {
  // expected-error @+1 {{'qfmt.convert' op scale_rule = floor_log2 defines no zero point}}
  %0 = qfmt.convert %q scale_rule = floor_log2
       : tensor<4xf32, #qfmt.scaled<i8>> to tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = i8>>
  return
}

// -----

func.func @c22_nested_run_time_zero_point(%x: tensor<4x4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op scale_rule = mse defines no zero point, but that of}}
  %0 = qfmt.quantize %x scale_rule = mse
       : tensor<4x4xf32> to tensor<4x4xf32, #qfmt.scaled<i4, block = [1, 2], scale = #qfmt.scaled<ui8, scale = f32, zero_point = ui8>>>
  return
}

// -----

func.func @c34_two_level_of_one_level(%x: tensor<4x4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op scale_rule = two_level needs a scale that is itself scaled at run time, such as scale = #qfmt.scaled<f8E4M3FN, scale = f32>, found #qfmt.scaled<i4, block = [1, 2], scale = f32>}}
  %0 = qfmt.quantize %x scale_rule = two_level : tensor<4x4xf32> to tensor<4x4xf32, #qfmt.scaled<i4, block = [1, 2], scale = f32>>
  return
}

// -----

func.func @c34_two_level_of_a_static_scale(%q: tensor<4x4xf32, #qfmt.scaled<i8>>) {
  // expected-error @+1 {{'qfmt.convert' op scale_rule = two_level needs a scale that is itself scaled at run time}}
  %0 = qfmt.convert %q scale_rule = two_level : tensor<4x4xf32, #qfmt.scaled<i8>>
       to tensor<4x4xf32, #qfmt.scaled<i4, block = [1, 2], scale = #qfmt.scaled<ui8, scale = 0.5>>>
  return
}

// -----

func.func @c35_given_and_a_rule(%x: tensor<4xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op takes either given constituents or scale_rule = mse, drop one of them}}
  %0 = qfmt.quantize %x given(%s : tensor<1xf32>) scale_rule = mse : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = f32>>
  return
}

// -----

func.func @c35_given_to_a_static_encoding(%x: tensor<4xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op needs no given constituent for 'tensor<4xf32, #qfmt.scaled<i8, scale = 5.000000e-01>>', found 1}}
  %0 = qfmt.quantize %x given(%s : tensor<1xf32>) : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>>
  return
}

// -----

func.func @c35_given_without_zero_point(%x: tensor<4xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op needs the given constituents (scale, zero_point) for 'tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = i8>>', found 1}}
  %0 = qfmt.quantize %x given(%s : tensor<1xf32>) : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = i8>>
  return
}

// -----

func.func @c35_given_of_another_type(%q: tensor<4xf32, #qfmt.scaled<i8>>, %s: tensor<1xf16>) {
  // expected-error @+1 {{'qfmt.convert' op given constituent 'scale' must be 'tensor<1xf32>', found 'tensor<1xf16>'}}
  %0 = qfmt.convert %q given(%s : tensor<1xf16>) : tensor<4xf32, #qfmt.scaled<i8>> to tensor<4xf32, #qfmt.scaled<i8, scale = f32>>
  return
}

// -----

func.func @c36_seed_and_rounding(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op rounds either stochastically or by rounding = floor, drop one of them}}
  %0 = qfmt.quantize %x rounding = floor stochastic = 1 : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8>>
  return
}

// -----

func.func @unknown_rounding(%x: tensor<4xf32>) {
  // expected-error @+2 {{expected ::mlir::qfmt::RoundingMode to be one of: half_even, half_away, half_up, toward_zero, floor, ceil}}
  // expected-error @+1 {{failed to parse QFmt_RoundingModeAttr}}
  %0 = qfmt.quantize %x rounding = nearest : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8>>
  return
}

// -----

func.func @c25_missing_constituent(%codes: tensor<16x9xi8>) {
  // expected-error @+1 {{'qfmt.assemble' op needs 2 constituents (payload, scale) for 'tensor<16x9xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>', found 1}}
  %0 = qfmt.assemble %codes : tensor<16x9xi8> to tensor<16x9xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
  return
}

// -----

func.func @c25_no_constituent_at_all() {
  // expected-error @+1 {{'qfmt.assemble' op needs 1 constituents (payload) for 'tensor<4xf32, #qfmt.scaled<i8>>', found 0}}
  %0 = "qfmt.assemble"() : () -> tensor<4xf32, #qfmt.scaled<i8>>
  return
}

// -----

// Unsigned codes are stored in signless integers.
func.func @c25_unsigned_storage(%codes: tensor<4xui8>) {
  // expected-error @+1 {{'qfmt.assemble' op constituent 'payload' must be 'tensor<4xi8>', found 'tensor<4xui8>'}}
  %0 = qfmt.assemble %codes : tensor<4xui8> to tensor<4xf32, #qfmt.scaled<ui8>>
  return
}

// -----

func.func @c25_wrong_scale_shape(%codes: tensor<16x9xi8>, %scales: tensor<16x2xf32>) {
  // expected-error @+1 {{'qfmt.assemble' op constituent 'scale' must be 'tensor<16x3xf32>', found 'tensor<16x2xf32>'}}
  %0 = qfmt.assemble %codes, %scales : tensor<16x9xi8>, tensor<16x2xf32> to tensor<16x9xf32, #qfmt.scaled<i8, block = [1, 4], scale = f32>>
  return
}

// -----

func.func @c25_constituents_of_wrong_order(%w: tensor<4x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>>) {
  // expected-error @+1 {{'qfmt.constituents' op constituent 'scale.payload' must be 'tensor<4x2xf8E4M3FN>', found 'tensor<1x1xf32>'}}
  %0:3 = qfmt.constituents %w : tensor<4x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>>
         to tensor<4x32xf4E2M1FN>, tensor<1x1xf32>, tensor<4x2xf8E4M3FN>
  return
}

// -----

func.func @c25_constituents_of_wrong_number(%w: tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = i8>>) {
  // expected-error @+1 {{'qfmt.constituents' op needs 3 constituents (payload, scale, zero_point) for}}
  %0:2 = qfmt.constituents %w : tensor<4xf32, #qfmt.scaled<i8, scale = f32, zero_point = i8>> to tensor<4xi8>, tensor<1xf32>
  return
}

// -----

func.func @observe_encoded(%q: tensor<4xf32, #qfmt.scaled<i8>>) {
  // expected-error @+1 {{'qfmt.observe' op operand #0 must be ranked tensor of f16, bf16, f32 or f64 without an encoding}}
  %0 = qfmt.observe %q "a" : tensor<4xf32, #qfmt.scaled<i8>>
  return
}

// -----

func.func @c30_accumulator_too_wide(%a: i128, %m: i32) {
  // expected-error @+1 {{'qfmt.dyadic_scale' op operands are integers of at most 64 bits, found 'i128'}}
  %0 = qfmt.dyadic_scale %a, %m, %m : i128, i32, i32 to i8
  return
}

// -----

func.func @c30_index_operand(%a: index, %m: i32) {
  // expected-error @+1 {{'qfmt.dyadic_scale' op operand #0 must be signless-integer, but got 'index'}}
  %0 = qfmt.dyadic_scale %a, %m, %m : index, i32, i32 to i8
  return
}

// -----

func.func @c30_result_too_wide(%a: vector<4xi32>) {
  // expected-error @+1 {{'qfmt.dyadic_scale' op the result is an integer of at most 64 bits, found 'vector<4xi65>'}}
  %0 = qfmt.dyadic_scale %a, %a, %a : vector<4xi32>, vector<4xi32>, vector<4xi32> to vector<4xi65>
  return
}

// -----

func.func @c30_float_operand(%a: f32, %m: i32) {
  // expected-error @+1 {{'qfmt.dyadic_scale' op operand #0 must be signless-integer, but got 'f32'}}
  %0 = qfmt.dyadic_scale %a, %m, %m : f32, i32, i32 to i8
  return
}

// -----

func.func @c30_shapes_differ(%a: vector<4xi32>, %m: vector<8xi32>) {
  // expected-error @+1 {{all non-scalar operands/results must have the same shape and base type}}
  %0 = qfmt.dyadic_scale %a, %m, %a : vector<4xi32>, vector<8xi32>, vector<4xi32> to vector<4xi8>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Names of arguments and results
//===----------------------------------------------------------------------===//

// expected-error @+1 {{'qfmt.name' must be a string, found 3 : i64}}
func.func private @name_is_a_number(tensor<1xf32> {qfmt.name = 3})

// -----

// expected-error @+1 {{'qfmt.name' must be a string, found unit}}
func.func private @result_name_is_a_unit() -> (tensor<1xf32> {qfmt.name})

// -----

// expected-error @+1 {{unknown attribute '"qfmt.nmae"' on an argument or result}}
func.func private @misspelled_name(tensor<1xf32> {qfmt.nmae = "x"})

// -----

// expected-error @+1 {{'qfmt.float_wrapper' is a unit attribute of functions}}
func.func private @wrapper_is_a_string() attributes {qfmt.float_wrapper = "yes"}

// -----

// expected-error @+1 {{'qfmt.weights' is a dictionary {bytes = dense_resource, symbol = string} of a module}}
module attributes {qfmt.weights = 3} {}

// -----

// expected-error @+1 {{unknown attribute 'qfmt.float_wraper'}}
func.func private @misspelt() attributes {qfmt.float_wraper}

// -----

//===----------------------------------------------------------------------===//
// Lookup, L-Mul, sharpness
//===----------------------------------------------------------------------===//

func.func @c37_table_of_two_dimensions(%i: i8) {
  // expected-error @+1 {{'qfmt.lookup' op the table has one dimension and an entry, found 'tensor<1x2xf32>'}}
  %0 = qfmt.lookup %i in dense<[[1.0, 2.0]]> : tensor<1x2xf32> : i8 to f32
  return
}

// -----

func.func @c37_empty_table(%i: i8) {
  // expected-error @+1 {{'qfmt.lookup' op the table has one dimension and an entry, found 'tensor<0xf32>'}}
  %0 = qfmt.lookup %i in dense<> : tensor<0xf32> : i8 to f32
  return
}

// -----

func.func @c37_other_element_type(%i: i8) {
  // expected-error @+1 {{'qfmt.lookup' op the result has the table's element type 'f32', found 'f64'}}
  %0 = qfmt.lookup %i in dense<[1.0, 2.0]> : tensor<2xf32> : i8 to f64
  return
}

// -----

func.func @c37_table_is_a_resource(%i: i8) {
  // expected-error @+1 {{'qfmt.lookup' op the table is a dense constant tensor, found dense_resource<table> : tensor<2xf32>}}
  %0 = qfmt.lookup %i in dense_resource<table> : tensor<2xf32> : i8 to f32
  return
}

// -----

func.func @c37_table_is_a_vector(%i: i8) {
  // expected-error @+1 {{'qfmt.lookup' op the table is a dense constant tensor, found dense<[1.000000e+00, 2.000000e+00]> : vector<2xf32>}}
  %0 = qfmt.lookup %i in dense<[1.0, 2.0]> : vector<2xf32> : i8 to f32
  return
}

// -----

func.func @c37_unranked(%i: tensor<*xi8>) {
  // expected-error @+1 {{'qfmt.lookup' op needs scalars, vectors or ranked tensors, found 'tensor<*xi8>'}}
  %0 = qfmt.lookup %i in dense<[1.0, 2.0]> : tensor<2xf32> : tensor<*xi8> to tensor<*xf32>
  return
}

// -----

func.func @c38_unranked(%a: tensor<*xf32>) {
  // expected-error @+1 {{'qfmt.lmul' op needs scalars, vectors or ranked tensors, found 'tensor<*xf32>'}}
  %0 = qfmt.lmul %a, %a : tensor<*xf32>
  return
}

// -----

func.func @c30_unranked(%a: tensor<*xi32>) {
  // expected-error @+1 {{'qfmt.dyadic_scale' op needs scalars, vectors or ranked tensors, found 'tensor<*xi32>'}}
  %0 = qfmt.dyadic_scale %a, %a, %a : tensor<*xi32>, tensor<*xi32>, tensor<*xi32> to tensor<*xi32>
  return
}

// -----

func.func @c38_type_without_a_layout(%a: f64) {
  // expected-error @+1 {{'qfmt.lmul' op needs f16, bf16, f32, f8E3M4, f8E4M3, f8E4M3FN or f8E5M2, found 'f64'}}
  %0 = qfmt.lmul %a, %a : f64
  return
}

// -----

func.func @c38_no_mantissa(%a: vector<4xbf16>) {
  // expected-error @+1 {{'qfmt.lmul' op keeps 1 to 7 mantissa bits of 'vector<4xbf16>', found 0}}
  %0 = qfmt.lmul %a, %a mantissa = 0 : vector<4xbf16>
  return
}

// -----

func.func @c38_more_mantissa_than_there_is(%a: f16) {
  // expected-error @+1 {{'qfmt.lmul' op keeps 1 to 10 mantissa bits of 'f16', found 11}}
  %0 = qfmt.lmul %a, %a mantissa = 11 : f16
  return
}

// -----

func.func @c38_mark_is_no_number_of_bits(%a: f32) {
  // expected-error @+1 {{'qfmt.lmul' is a unit attribute or a positive number of mantissa bits, found 0 : i64}}
  %0 = arith.mulf %a, %a {qfmt.lmul = 0 : i64} : f32
  return
}

// -----

func.func @c39_no_classes(%z: tensor<f32>, %t: tensor<i64>) {
  // expected-error @+1 {{'qfmt.sharpness' op the logits have a dimension of classes, found 'tensor<f32>'}}
  %0 = qfmt.sharpness %z, %t epsilon = 0.5 : tensor<f32>, tensor<i64> to tensor<f32>
  return
}

// -----

func.func @c39_float_targets(%z: tensor<2x3xf32>, %t: tensor<2xf32>) {
  // expected-error @+1 {{'qfmt.sharpness' op targets are signless integers of at most 64 bits, found 'tensor<2xf32>'}}
  %0 = qfmt.sharpness %z, %t epsilon = 0.5 : tensor<2x3xf32>, tensor<2xf32> to tensor<2xf32>
  return
}

// -----

func.func @c39_targets_of_other_rows(%z: tensor<2x3xf32>, %t: tensor<3xi64>) {
  // expected-error @+1 {{'qfmt.sharpness' op needs a target a row: 'tensor<2x3xf32>' has [2] rows, found 'tensor<3xi64>'}}
  %0 = qfmt.sharpness %z, %t epsilon = 0.5 : tensor<2x3xf32>, tensor<3xi64> to tensor<2xf32>
  return
}

// -----

func.func @c39_other_result(%z: tensor<2x3xf32>, %t: tensor<2xi64>) {
  // expected-error @+1 {{'qfmt.sharpness' op gives 'tensor<2xf32>', found 'tensor<2xf64>'}}
  %0 = qfmt.sharpness %z, %t epsilon = 0.5 : tensor<2x3xf32>, tensor<2xi64> to tensor<2xf64>
  return
}

// -----

func.func @c39_negative_epsilon(%z: tensor<2x3xf32>, %t: tensor<2xi64>) {
  // expected-error @+1 {{'qfmt.sharpness' op epsilon is finite and not negative, found -5.000000e-01}}
  %0 = qfmt.sharpness %z, %t epsilon = -0.5 : tensor<2x3xf32>, tensor<2xi64> to tensor<2xf32>
  return
}

// -----

func.func @c32_twice_has_its_own_modes(%x: i32) {
  // expected-error @+1 {{'qfmt.dyadic_scale' op double_rounding has rounding modes of its own, drop rounding = half_up}}
  %0 = qfmt.dyadic_scale %x, %x, %x rounding = half_up double_rounding : i32, i32, i32 to i32
  return
}

// -----

// expected-error @+1 {{!qfmt.int<'i8', 0, 100> has no negative value, store it in ui8}}
func.func private @c50_no_negative_value(!qfmt.int<i8, 0, 100>)
