// Every diagnostic of #qfmt.select and #qfmt.additive. The label in a function's
// name is that of the constraint in docs/spec.md.
//
// RUN: qfmt-opt %s -split-input-file -verify-diagnostics

//===----------------------------------------------------------------------===//
// select
//===----------------------------------------------------------------------===//

// expected-error @+1 {{select takes 2 to 256 number formats, found 1}}
func.func private @c70_one_format(tensor<4xf32, #qfmt.select<[i4]>>)

// -----

// expected-error @+1 {{select takes 2 to 256 number formats, found 0}}
func.func private @c70_no_format(tensor<4xf32, #qfmt.select<[]>>)

// -----

// expected-error @+1 {{select has the number format 'i4' twice}}
func.func private @c70_same_format_twice(tensor<4xf32, #qfmt.select<[i4, ui4, i4]>>)

// -----

// expected-error @+1 {{the number formats of select have one width, but 'i4' has 4 and 'f8E4M3FN' has 8 bits}}
func.func private @c70_widths_differ(tensor<4xf32, #qfmt.select<[i4, f8E4M3FN]>>)

// -----

// expected-error @+1 {{the number formats of select have at most 16 bits, but 'f32' has 32}}
func.func private @c70_too_wide(tensor<4xf32, #qfmt.select<[f32, i8]>>)

// -----

// expected-error @+1 {{expected a number format such as i8, ui4, f8E4M3FN or !qfmt.float<E, M>, found 'index'}}
func.func private @c2_no_number_format(tensor<4xf32, #qfmt.select<[i4, index]>>)

// -----

// expected-error @+1 {{block sizes are positive, or * for a whole dimension, found 0}}
func.func private @c3_block_of_zero(tensor<4x4xf32, #qfmt.select<[i4, ui4], block = [1, 0], scale = f32>>)

// -----

// expected-error @+1 {{block has 1 entries, but the tensor has rank 2}}
func.func private @c3_block_of_wrong_rank(tensor<4x4xf32, #qfmt.select<[i4, ui4], block = [2], scale = f32>>)

// -----

// expected-error @+1 {{an encoded tensor's element type is the logical type f16, bf16, f32 or f64, found 'i8'}}
func.func private @c1_integer_logical_type(tensor<4xi8, #qfmt.select<[i4, ui4]>>)

// -----

// expected-error @+1 {{static scale must be a positive finite number, found -0.5}}
func.func private @c5_negative_scale(tensor<4xf32, #qfmt.select<[i4, ui4], scale = -0.5>>)

// -----

// expected-error @+1 {{static scale 1e-60 is not a positive finite number in f32, in which it is read}}
func.func private @c5_scale_that_f32_rounds_to_zero(tensor<4xf32, #qfmt.select<[i4, ui4], block = [2], scale = 1.0e-60>>)

// -----

// expected-error @+1 {{the scale's format '!qfmt.float<1, 0>' lacks the value 1, the scale of a block of zeros}}
func.func private @c11_scale_format_without_one(tensor<4xf32, #qfmt.select<[i4, ui4], scale = !qfmt.float<1, 0>>>)

// -----

// expected-error @+1 {{expected 'block' or 'scale', found 'zero_point'}}
func.func private @select_has_no_zero_point(tensor<4xf32, #qfmt.select<[i4, ui4], zero_point = i4>>)

// -----

// expected-error @+1 {{'scale' is given twice}}
func.func private @scale_twice(tensor<4xf32, #qfmt.select<[i4, ui4], scale = f32, scale = f16>>)

// -----

func.func @c21_wrap_needs_integers(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op overflow = wrap needs integer or fixed-point formats all of whose codes are used, found 'f4E2M1FN'; use saturate or infinity}}
  %0 = qfmt.quantize %x overflow = wrap : tensor<4xf32> to tensor<4xf32, #qfmt.select<[i4, f4E2M1FN]>>
  return
}

// -----

func.func @c74_two_levels(%x: tensor<4x4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op scale_rule = two_level is that of one number format, found #qfmt.select<[i4, ui4], block = [1, 2], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>; use absmax}}
  %0 = qfmt.quantize %x scale_rule = two_level
       : tensor<4x4xf32> to tensor<4x4xf32, #qfmt.select<[i4, ui4], block = [1, 2], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>>
  return
}

// -----

func.func @c25_no_selector(%codes: tensor<4xi4>, %scale: tensor<1xf32>) {
  // expected-error @+1 {{'qfmt.assemble' op needs 3 constituents (payload, scale, selector)}}
  %0 = qfmt.assemble %codes, %scale : tensor<4xi4>, tensor<1xf32> to tensor<4xf32, #qfmt.select<[i4, ui4], scale = f32>>
  return
}

// -----

func.func @c25_selector_of_wrong_type(%codes: tensor<4xi4>, %selector: tensor<1xi2>) {
  // expected-error @+1 {{'qfmt.assemble' op constituent 'selector' must be 'tensor<1xi1>', found 'tensor<1xi2>'}}
  %0 = qfmt.assemble %codes, %selector : tensor<4xi4>, tensor<1xi2> to tensor<4xf32, #qfmt.select<[i4, ui4]>>
  return
}

// -----

func.func @c35_given_without_selector(%x: tensor<4xf32>, %scale: tensor<1xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op needs the given constituents (scale, selector)}}
  %0 = qfmt.quantize %x given(%scale : tensor<1xf32>) : tensor<4xf32> to tensor<4xf32, #qfmt.select<[i4, ui4], scale = f32>>
  return
}

// -----

//===----------------------------------------------------------------------===//
// additive
//===----------------------------------------------------------------------===//

// expected-error @+1 {{additive takes 1 to 16 codebooks, found 0}}
func.func private @c80_no_codebook(tensor<4xf32, #qfmt.additive<codebooks = 0, bits = 8, group = [2], table = f16>>)

// -----

// expected-error @+1 {{additive takes 1 to 16 codebooks, found 17}}
func.func private @c80_many_codebooks(tensor<4xf32, #qfmt.additive<codebooks = 17, bits = 8, group = [2], table = f16>>)

// -----

// expected-error @+1 {{expected a number from 0 to 65536, found -1}}
func.func private @c80_negative_count(tensor<4xf32, #qfmt.additive<codebooks = -1, bits = 8, group = [2], table = f16>>)

// -----

// expected-error @+1 {{additive takes codes of 1 to 16 bits, found 0}}
func.func private @c80_no_bits(tensor<4xf32, #qfmt.additive<codebooks = 1, bits = 0, group = [2], table = f16>>)

// -----

// expected-error @+1 {{additive takes codes of 1 to 16 bits, found 17}}
func.func private @c80_many_bits(tensor<4xf32, #qfmt.additive<codebooks = 1, bits = 17, group = [2], table = f16>>)

// -----

// expected-error @+1 {{group sizes are positive, found 0}}
func.func private @c80_empty_group(tensor<4xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [0], table = f16>>)

// -----

// expected-error @+1 {{a group has at most 4096 elements, found [1, 8192]}}
func.func private @c80_large_group(tensor<4x8192xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8192], table = f16>>)

// -----

// expected-error @+1 {{expected a number format such as i8, ui4, f8E4M3FN or !qfmt.float<E, M>, found 'f64'}}
func.func private @c2_table_is_no_number_format(tensor<4xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [2], table = f64>>)

// -----

// expected-error @+1 {{sums of entries of 'bf16' are not exact: its magnitudes, 9.18355e-41 to 3.38953e+38, are more than 40 powers of two apart; use f16 or one codebook}}
func.func private @c80_sums_are_not_exact(tensor<4xf32, #qfmt.additive<codebooks = 2, bits = 8, group = [2], table = bf16>>)

// -----

// expected-error @+1 {{group has 1 entries, but the tensor has rank 2}}
func.func private @c81_group_of_wrong_rank(tensor<4x4xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [2], table = f16>>)

// -----

// expected-error @+1 {{dimension 1 has 12 elements, which is no multiple of the group size 8}}
func.func private @c81_partial_group(tensor<4x12xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16>>)

// -----

// expected-error @+1 {{dimension 1 is cut into groups and must be static}}
func.func private @c81_dynamic_groups(tensor<?x?xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16>>)

// -----

// expected-error @+2 {{a block consists of whole groups, but 12 is no multiple of 8}}
func.func private @c82_block_cuts_group(
  tensor<4x48xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16, block = [1, 12], scale = f16>>)

// -----

// expected-error @+2 {{block has 1 entries, but group 2}}
func.func private @c82_block_of_other_rank(
  tensor<4x48xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16, block = [16], scale = f16>>)

// -----

// expected-error @+2 {{'block' needs a scale constituent, write for example scale = f32}}
func.func private @c6_blocks_without_scale(
  tensor<4x48xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16, block = [1, *]>>)

// -----

// expected-error @+2 {{a static scale is per tensor: drop 'block', or give the format of a scale constituent such as scale = f32}}
func.func private @c6_static_scale_with_blocks(
  tensor<4x48xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16, block = [1, *], scale = 0.5>>)

// -----

// expected-error @+1 {{additive needs 'codebooks', 'bits', 'group' and 'table', lacks 'bits'}}
func.func private @no_bits(tensor<4xf32, #qfmt.additive<codebooks = 1, group = [2], table = f16>>)

// -----

// expected-error @+1 {{expected 'codebooks', 'bits', 'group', 'table', 'block' or 'scale', found 'tables'}}
func.func private @unknown_key(tensor<4xf32, #qfmt.additive<codebooks = 1, bits = 8, tables = f16>>)

// -----

func.func @c84_tables_are_given(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op encoding in #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16> needs given scales and tables, which are learned from data before (for example by k-means on the residuals)}}
  %0 = qfmt.quantize %x : tensor<4x8xf32> to tensor<4x8xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16>>
  return
}

// -----

func.func @c84_no_directed_rounding(%x: tensor<4x8xf32>, %t: tensor<1x256x1x8xf16>) {
  // expected-error @+1 {{'qfmt.quantize' op encoding in #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16> takes the nearest vector and no other rounding}}
  %0 = qfmt.quantize %x given(%t : tensor<1x256x1x8xf16>) rounding = floor
       : tensor<4x8xf32> to tensor<4x8xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16>>
  return
}

// -----

func.func @c84_no_stochastic_rounding(%x: tensor<4x8xf32>, %t: tensor<1x256x1x8xf16>) {
  // expected-error @+1 {{takes the nearest vector and no other rounding}}
  %0 = qfmt.quantize %x given(%t : tensor<1x256x1x8xf16>) stochastic = 1
       : tensor<4x8xf32> to tensor<4x8xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16>>
  return
}

// -----

func.func @c84_no_wrapping(%x: tensor<4x8xf32>, %t: tensor<1x256x1x8xf16>) {
  // expected-error @+1 {{takes the nearest vector, which is overflow = saturate, found wrap}}
  %0 = qfmt.quantize %x given(%t : tensor<1x256x1x8xf16>) overflow = wrap
       : tensor<4x8xf32> to tensor<4x8xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16>>
  return
}

// -----

// expected-error @+2 {{encoding in #qfmt.additive<codebooks = 1, bits = 4, group = [1, 1], table = f16> needs given scales and tables}}
func.func private @c84_no_encoding_of_scales(
  tensor<4x8xf32, #qfmt.scaled<i8, block = [1, *], scale = #qfmt.additive<codebooks = 1, bits = 4, group = [1, 1], table = f16>>>)

// -----

func.func @c25_shape_of_tables(%codes: tensor<4x1x1xi8>, %t: tensor<1x256x8xf16>) {
  // expected-error @+1 {{'qfmt.assemble' op constituent 'tables' must be 'tensor<1x256x1x8xf16>', found 'tensor<1x256x8xf16>'}}
  %0 = qfmt.assemble %codes, %t : tensor<4x1x1xi8>, tensor<1x256x8xf16>
       to tensor<4x8xf32, #qfmt.additive<codebooks = 1, bits = 8, group = [1, 8], table = f16>>
  return
}
