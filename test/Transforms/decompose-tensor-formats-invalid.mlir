// What qfmt-decompose refuses of #qfmt.select and #qfmt.additive.
//
// RUN: qfmt-opt %s --qfmt-decompose --split-input-file --verify-diagnostics

// Codes of groups and tables do not move like elements.
#sums = #qfmt.additive<codebooks = 1, bits = 4, group = [1, 8], table = f16, block = [1, *], scale = f16>
func.func @move(%x: tensor<4x8xf32, #sums>) -> tensor<2x8xf32, #sums> {
  // expected-error @below {{'tensor.extract_slice' op moves 'tensor<4x8xf32, #qfmt.additive<codebooks = 1, bits = 4, group = [1, 8], table = f16, block = [1, *], scale = f16>>', whose constituents are not laid out like the tensor; move its constituents before 'qfmt.assemble', or dequantize}}
  %0 = tensor.extract_slice %x[0, 0] [2, 8] [1, 1] : tensor<4x8xf32, #sums> to tensor<2x8xf32, #sums>
  return %0 : tensor<2x8xf32, #sums>
}

// -----

#large = #qfmt.additive<codebooks = 1, bits = 8, group = [1, 128], table = f16>
func.func @search_in_large_groups(%x: tensor<4x128xf32>, %t: tensor<1x256x1x128xf16>) -> tensor<4x128xf32, #large> {
  // expected-error @below {{no code is made to search vectors of more than 64 elements, as those of #qfmt.additive<codebooks = 1, bits = 8, group = [1, 128], table = f16>; encode before compilation, with the reference evaluator}}
  %0 = qfmt.quantize %x given(%t : tensor<1x256x1x128xf16>) : tensor<4x128xf32> to tensor<4x128xf32, #large>
  return %0 : tensor<4x128xf32, #large>
}

// -----

// 44 bits of a sum times 24 of a scale: the next rounding would not be that of the exact number.
#a = #qfmt.additive<codebooks = 8, bits = 8, group = [1, 8], table = f16, block = [1, *], scale = f32>
#b = #qfmt.scaled<i8, scale = 0.5>
func.func @exact_values_beyond_f64(%w: tensor<4x16xf32, #a>) -> tensor<4x16xf32, #b> {
  // expected-error @below {{the exact value of #qfmt.additive<codebooks = 8, bits = 8, group = [1, 8], table = f16, block = [1, *], scale = f32> needs more precision than f64 has; use formats of fewer bits or fewer codebooks}}
  %0 = qfmt.convert %w : tensor<4x16xf32, #a> to tensor<4x16xf32, #b>
  return %0 : tensor<4x16xf32, #b>
}
