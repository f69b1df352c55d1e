// What upstream verifiers accept and level `encoded` refuses. Each function is legal for a stock mlir-opt.
// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -pass-pipeline='builtin.module(qfmt-verify-level{level=encoded})'

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @c41_encoded_outs(%a: tensor<4x4xf32, #q>, %init: tensor<4x4xf32, #q>) -> tensor<4x4xf32, #q> {
  // expected-error @+1 {{writes to an encoded tensor through 'outs'}}
  %0 = linalg.matmul ins(%a, %a : tensor<4x4xf32, #q>, tensor<4x4xf32, #q>) outs(%init : tensor<4x4xf32, #q>) -> tensor<4x4xf32, #q>
  return %0 : tensor<4x4xf32, #q>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @c42_constant() {
  // expected-error @+1 {{makes a constant of encoded type}}
  %0 = arith.constant dense<1.0> : tensor<4xf32, #q>
  return
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @c43_arithmetic(%a: tensor<4xf32, #q>) -> tensor<4xf32, #q> {
  // expected-error @+1 {{computes on the codes of 'tensor<4xf32, #qfmt.scaled<i8, scale = 5.000000e-01>>'; read it with qfmt.dequantize}}
  %0 = arith.addf %a, %a : tensor<4xf32, #q>
  return %0 : tensor<4xf32, #q>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @c43_bufferization(%a: tensor<4xf32, #q>) -> memref<4xf32> {
  // expected-error @+1 {{would drop its encoding; run qfmt-decompose first}}
  %0 = bufferization.to_buffer %a : tensor<4xf32, #q> to memref<4xf32>
  return %0 : memref<4xf32>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @c43_empty() -> tensor<4xf32, #q> {
  // expected-error @+1 {{computes on the codes}}
  %0 = tensor.empty() : tensor<4xf32, #q>
  return %0 : tensor<4xf32, #q>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
#r = #qfmt.scaled<i8, scale = 0.25>
func.func @c44_cast(%a: tensor<4xf32, #q>) -> tensor<4xf32, #r> {
  // expected-error @+1 {{which would read codes as numbers; use qfmt.quantize, qfmt.convert or qfmt.dequantize}}
  %0 = tensor.cast %a : tensor<4xf32, #q> to tensor<4xf32, #r>
  return %0 : tensor<4xf32, #r>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @c44_cast_away(%a: tensor<4xf32, #q>) -> tensor<4xf32> {
  // expected-error @+1 {{which would read codes as numbers}}
  %0 = tensor.cast %a : tensor<4xf32, #q> to tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
func.func @c45_slice_through_block(%a: tensor<4x64xf32, #mxfp4>) -> tensor<4x16xf32, #mxfp4> {
  // expected-error @+1 {{cuts through a block of dimension 1, whose blocks have 32 elements; dequantize first, or cut at block boundaries}}
  %0 = tensor.extract_slice %a[0, 16] [4, 16] [1, 1] : tensor<4x64xf32, #mxfp4> to tensor<4x16xf32, #mxfp4>
  return %0 : tensor<4x16xf32, #mxfp4>
}

// -----

#row = #qfmt.scaled<i8, block = [1, *], scale = f32>
func.func @c45_slice_through_whole_dimension(%a: tensor<4x64xf32, #row>) -> tensor<4x32xf32, #row> {
  // expected-error @+1 {{cuts through a block of dimension 1, which is one block}}
  %0 = tensor.extract_slice %a[0, 0] [4, 32] [1, 1] : tensor<4x64xf32, #row> to tensor<4x32xf32, #row>
  return %0 : tensor<4x32xf32, #row>
}

// -----

#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
func.func @c45_dynamic_offset(%a: tensor<4x64xf32, #mxfp4>, %i: index) -> tensor<4x32xf32, #mxfp4> {
  // expected-error @+1 {{cuts through a block of dimension 1}}
  %0 = tensor.extract_slice %a[0, %i] [4, 32] [1, 1] : tensor<4x64xf32, #mxfp4> to tensor<4x32xf32, #mxfp4>
  return %0 : tensor<4x32xf32, #mxfp4>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @c45_insert_plain(%a: tensor<2xf32>, %b: tensor<4xf32, #q>) -> tensor<4xf32, #q> {
  // expected-error @+1 {{'tensor.insert_slice' op moves between an encoded and a plain tensor; use qfmt.quantize or qfmt.dequantize}}
  %0 = tensor.insert_slice %a into %b[0] [2] [1] : tensor<2xf32> into tensor<4xf32, #q>
  return %0 : tensor<4xf32, #q>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
func.func @c46_pad_without_code(%a: tensor<4xf32, #q>) -> tensor<6xf32, #q> {
  %value = arith.constant 0.3 : f32
  // expected-error @+1 {{has no code; dequantize first}}
  %0 = tensor.pad %a low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %value : f32
  } : tensor<4xf32, #q> to tensor<6xf32, #q>
  return %0 : tensor<6xf32, #q>
}

// -----

#row = #qfmt.scaled<i8, block = [1, *], scale = f32>
func.func @c46_reshape_with_scales(%a: tensor<4x64xf32, #row>) -> tensor<256xf32, #qfmt.scaled<i8, scale = f32>> {
  // expected-error @+1 {{moves a tensor whose scales come at run time or per block}}
  %0 = tensor.collapse_shape %a [[0, 1]] : tensor<4x64xf32, #row> into tensor<256xf32, #qfmt.scaled<i8, scale = f32>>
  return %0 : tensor<256xf32, #qfmt.scaled<i8, scale = f32>>
}

// -----

#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
func.func @c46_concat_within_a_block(%a: tensor<4x48xf32, #mxfp4>) -> tensor<4x96xf32, #mxfp4> {
  // expected-error @+1 {{'tensor.concat' op joins tensors of 'tensor<4x48xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>>' within a block of dimension 1; dequantize first, or join at block boundaries}}
  %0 = tensor.concat dim(1) %a, %a : (tensor<4x48xf32, #mxfp4>, tensor<4x48xf32, #mxfp4>) -> tensor<4x96xf32, #mxfp4>
  return %0 : tensor<4x96xf32, #mxfp4>
}

// -----

#tensor = #qfmt.scaled<i8, scale = f32>
func.func @c46_concat_of_two_scales(%a: tensor<4xf32, #tensor>) -> tensor<8xf32, #tensor> {
  // expected-error @+1 {{'tensor.concat' op joins tensors of 'tensor<4xf32, #qfmt.scaled<i8, scale = f32>>' within a block of dimension 0}}
  %0 = tensor.concat dim(0) %a, %a : (tensor<4xf32, #tensor>, tensor<4xf32, #tensor>) -> tensor<8xf32, #tensor>
  return %0 : tensor<8xf32, #tensor>
}

// -----

#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
func.func @c46_transposed_blocks(%a: tensor<32x32xf32, #mxfp4>) -> tensor<32x32xf32, #mxfp4> {
  %e = tensor.empty() : tensor<32x32xf32, #mxfp4>
  // expected-error @+1 {{'linalg.transpose' op permutes the dimensions 1 and 0 of 'tensor<32x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>>', whose blocks differ; dequantize first}}
  %0 = linalg.transpose ins(%a : tensor<32x32xf32, #mxfp4>) outs(%e : tensor<32x32xf32, #mxfp4>) permutation = [1, 0]
  return %0 : tensor<32x32xf32, #mxfp4>
}

// -----

func.func @c40_observe(%a: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{belongs to level observed; run qfmt-quantize}}
  %0 = qfmt.observe %a "x" : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5>
#r = #qfmt.scaled<i8, scale = 0.25>
func.func @c46_transpose_to_another_encoding(%a: tensor<2x4xf32, #q>, %init: tensor<4x2xf32, #r>) -> tensor<4x2xf32, #r> {
  // expected-error @+1 {{use qfmt.convert to change the encoding}}
  %0 = linalg.transpose ins(%a : tensor<2x4xf32, #q>) outs(%init : tensor<4x2xf32, #r>) permutation = [1, 0]
  return %0 : tensor<4x2xf32, #r>
}

// -----

func.func @c43_encoded_factors(%q: tensor<4xf32, #qfmt.scaled<i8>>) {
  // expected-error @+1 {{'qfmt.lmul' op computes on the codes of 'tensor<4xf32, #qfmt.scaled<i8>>'; read it with qfmt.dequantize or through 'ins' of a linalg op}}
  %0 = qfmt.lmul %q, %q : tensor<4xf32, #qfmt.scaled<i8>>
  return
}
