// Moves of #qfmt.select and #qfmt.additive: whole blocks, as of any encoding.
//
// RUN: qfmt-opt %s --qfmt-verify-level=level=encoded --split-input-file --verify-diagnostics

#pair = #qfmt.select<[i4, f4E2M1FN], block = [1, 8], scale = 0.5>
#aqlm = #qfmt.additive<codebooks = 1, bits = 8, group = [1, 4], table = f16, block = [2, 8], scale = f16>
func.func @whole_blocks(%x: tensor<4x20xf32, #pair>, %w: tensor<4x32xf32, #aqlm>) {
  %0 = tensor.extract_slice %x[1, 8] [2, 12] [1, 1] : tensor<4x20xf32, #pair> to tensor<2x12xf32, #pair>
  %1 = tensor.extract_slice %w[2, 8] [2, 16] [1, 1] : tensor<4x32xf32, #aqlm> to tensor<2x16xf32, #aqlm>
  return
}

// A linalg operation reads them.
func.func @body(%x: tensor<4x20xf32, #pair>, %y: tensor<20x4xf32>, %init: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = linalg.matmul ins(%x, %y : tensor<4x20xf32, #pair>, tensor<20x4xf32>) outs(%init : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#pair = #qfmt.select<[i4, f4E2M1FN], block = [1, 8], scale = 0.5>
func.func @c45_cut_selector(%x: tensor<4x20xf32, #pair>) {
  // expected-error @+1 {{cuts through a block of dimension 1, whose blocks have 8 elements}}
  %0 = tensor.extract_slice %x[0, 4] [4, 8] [1, 1] : tensor<4x20xf32, #pair> to tensor<4x8xf32, #pair>
  return
}

// -----

// One selector for all.
#pair = #qfmt.select<[i4, f4E2M1FN], scale = 0.5>
func.func @c45_cut_tensor(%x: tensor<4x20xf32, #pair>) {
  // expected-error @+1 {{cuts through a block of dimension 0, which is one block}}
  %0 = tensor.extract_slice %x[0, 0] [2, 20] [1, 1] : tensor<4x20xf32, #pair> to tensor<2x20xf32, #pair>
  return
}

// -----

#aqlm = #qfmt.additive<codebooks = 1, bits = 8, group = [1, 4], table = f16, block = [2, 8], scale = f16>
func.func @c45_cut_rows(%w: tensor<4x32xf32, #aqlm>) {
  // expected-error @+1 {{cuts through a block of dimension 0, whose blocks have 2 elements}}
  %0 = tensor.extract_slice %w[1, 8] [2, 16] [1, 1] : tensor<4x32xf32, #aqlm> to tensor<2x16xf32, #aqlm>
  return
}

// -----

#pair = #qfmt.select<[i4, f4E2M1FN], block = [1, 8], scale = 0.5>
func.func @c46_pad(%x: tensor<4x8xf32, #pair>) {
  %zero = arith.constant 0.0 : f32
  // expected-error @+1 {{for which #qfmt.select<[i4, f4E2M1FN], block = [1, 8], scale = 5.000000e-01> has no code; dequantize first}}
  %0 = tensor.pad %x low[0, 0] high[0, 8] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<4x8xf32, #pair> to tensor<4x16xf32, #pair>
  return
}
