// What level `encoded` allows, and what the other levels refuse.
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-verify-level{level=encoded})' | FileCheck %s
// RUN: not qfmt-opt %s -pass-pipeline='builtin.module(qfmt-verify-level{level=real})' 2>&1 | FileCheck %s --check-prefix=REAL
// RUN: not qfmt-opt %s -pass-pipeline='builtin.module(qfmt-verify-level{level=observed})' 2>&1 | FileCheck %s --check-prefix=OBSERVED
// RUN: not qfmt-opt %s -pass-pipeline='builtin.module(qfmt-verify-level{level=integer})' 2>&1 | FileCheck %s --check-prefix=INTEGER
// RUN: not qfmt-opt %s -pass-pipeline='builtin.module(qfmt-verify-level{level=constituents})' 2>&1 | FileCheck %s --check-prefix=CONSTITUENTS

// CHECK-LABEL: func.func @moves
// REAL: error: 'func.func' op has an encoded type in its signature at level real
// REAL: error: 'tensor.extract_slice' op has the encoded type {{.*}} at level real
// OBSERVED: error: 'tensor.extract_slice' op has the encoded type {{.*}} at level observed
// CONSTITUENTS: error: 'func.func' op has an encoded type in its signature at level constituents
// CONSTITUENTS: error: 'tensor.extract_slice' op has the encoded type {{.*}} at level constituents; run qfmt-decompose
#q = #qfmt.scaled<i8, scale = 0.5>
#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
func.func @moves(%a: tensor<4x64xf32, #q>, %b: tensor<4x64xf32, #mxfp4>) -> (tensor<4x60xf32, #q>, tensor<4x32xf32, #mxfp4>) {
  %zero = arith.constant 0.0 : f32
  // A static format per tensor is cut anywhere, padded with 0 and reshaped.
  %0 = tensor.extract_slice %a[0, 1] [4, 59] [1, 1] : tensor<4x64xf32, #q> to tensor<4x59xf32, #q>
  %1 = tensor.pad %0 low[0, 1] high[0, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<4x59xf32, #q> to tensor<4x60xf32, #q>
  %2 = tensor.collapse_shape %1 [[0, 1]] : tensor<4x60xf32, #q> into tensor<240xf32, #q>
  %3 = tensor.expand_shape %2 [[0, 1]] output_shape [4, 60] : tensor<240xf32, #q> into tensor<4x60xf32, #q>
  // Blocks are cut between blocks.
  %4 = tensor.extract_slice %b[0, 32] [4, 32] [1, 1] : tensor<4x64xf32, #mxfp4> to tensor<4x32xf32, #mxfp4>
  // A transposition has a tensor to write into.
  %5 = tensor.empty() : tensor<60x4xf32, #q>
  %6 = linalg.transpose ins(%3 : tensor<4x60xf32, #q>) outs(%5 : tensor<60x4xf32, #q>) permutation = [1, 0]
  return %3, %4 : tensor<4x60xf32, #q>, tensor<4x32xf32, #mxfp4>
}

// CHECK-LABEL: func.func @compute
// INTEGER: error: 'linalg.matmul' op has the float type 'tensor<4x4xf32>' at level integer; run qfmt-integerize
func.func @compute(%a: tensor<4x4xf32, #q>, %init: tensor<4x4xf32>, %c: i1) -> tensor<4x4xf32, #q> {
  %0 = linalg.matmul ins(%a, %a : tensor<4x4xf32, #q>, tensor<4x4xf32, #q>) outs(%init : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = qfmt.quantize %0 : tensor<4x4xf32> to tensor<4x4xf32, #q>
  %2 = scf.if %c -> tensor<4x4xf32, #q> {
    scf.yield %1 : tensor<4x4xf32, #q>
  } else {
    %called = func.call @compute(%a, %init, %c) : (tensor<4x4xf32, #q>, tensor<4x4xf32>, i1) -> tensor<4x4xf32, #q>
    scf.yield %called : tensor<4x4xf32, #q>
  }
  %3 = arith.select %c, %1, %2 : tensor<4x4xf32, #q>
  return %3 : tensor<4x4xf32, #q>
}
