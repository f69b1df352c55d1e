// One network through every level, each stage alone on the file that the one before wrote; then compiled, and compared with the reference
// evaluator bit for bit.
// RUN: %npy make %t.data.npy "<f4" 5x1x1x4x4 0 0.25 1 0.5 0.75 -0.5 0.125 -1 0.375
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-verify-level{level=real},qfmt-fold-batch-norm,qfmt-insert-observers,qfmt-verify-level{level=observed})' -o %t.unseen.mlir
// RUN: qfmt-opt %t.unseen.mlir -pass-pipeline='builtin.module(qfmt-annotate{data=%t.data.npy bins=8})' -o %t.observed.mlir
// RUN: FileCheck %s --check-prefix=OBSERVED --input-file=%t.observed.mlir
// RUN: qfmt-opt %t.observed.mlir -pass-pipeline='builtin.module(qfmt-quantize,qfmt-verify-level{level=encoded})' -o %t.encoded.mlir
// RUN: FileCheck %s --check-prefix=ENCODED --input-file=%t.encoded.mlir
// RUN: qfmt-opt %t.encoded.mlir -pass-pipeline='builtin.module(qfmt-integerize,canonicalize,cse,qfmt-verify-level{level=integer})' -o %t.integer.mlir
// RUN: FileCheck %s --check-prefix=INTEGER --input-file=%t.integer.mlir
// RUN: qfmt-opt %t.integer.mlir -pass-pipeline='builtin.module(qfmt-decompose,qfmt-verify-level{level=constituents},qfmt-verify-integer-only)' -o %t.constituents.mlir
// RUN: FileCheck %s --check-prefix=CONSTITUENTS --input-file=%t.constituents.mlir
// RUN: qfmt-opt %t.constituents.mlir -pass-pipeline='builtin.module(qfmt-lower-to-llvm)' -o %t.llvm.mlir
// RUN: FileCheck %s --check-prefix=LLVM --input-file=%t.llvm.mlir

// Every level runs; from integer on, in both engines, with the same codes.
// RUN: %npy make %t.x.npy "<f4" 1x1x4x4 0.5 -0.25 0.125 1 0 0.75 -1
// RUN: %npy make %t.codes.npy "|i1" 1x1x4x4 64 -32 16 127 0 95 -127
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.real.npy
// RUN: qfmt-run %t.encoded.mlir --inputs=%t.x.npy --outputs=%t.encoded.npy
// RUN: qfmt-run %t.integer.mlir --inputs=%t.codes.npy --outputs=%t.jit.npy
// RUN: qfmt-run %t.integer.mlir --engine=reference --inputs=%t.codes.npy --outputs=%t.reference.npy
// RUN: qfmt-run %t.constituents.mlir --engine=reference --inputs=%t.codes.npy --outputs=%t.constituents.npy
// RUN: qfmt-run %t.integer.mlir --entry=main_f32 --inputs=%t.x.npy --outputs=%t.wrapped.npy
// RUN: cmp %t.jit.npy %t.reference.npy
// The codes of level constituents are signless: the headers say i1 and u1.
// RUN: cmp -i 24 %t.jit.npy %t.constituents.npy
// RUN: %npy print %t.jit.npy | FileCheck %s --check-prefix=SHAPE
// SHAPE: {{[iu]}}1 (1, 2) {{[1-9]}}

// OBSERVED-LABEL: func.func @main
// OBSERVED: qfmt.observe %arg0 "argument.0" statistics = <min = -1.000000e+00, max = 1.000000e+00, count = 80
// OBSERVED: linalg.conv_2d_nchw_fchw
// OBSERVED: qfmt.observe %{{.*}} "generic.0" statistics
// OBSERVED: linalg.pooling_nchw_sum
// OBSERVED: linalg.matmul
// OBSERVED: qfmt.observe

// ENCODED-LABEL: func.func @main
// ENCODED-SAME: tensor<1x1x4x4xf32>
// ENCODED: qfmt.quantize %arg0
// ENCODED: qfmt.assemble %{{.*}}, %{{.*}} : tensor<2x1x3x3xi8>, tensor<2x1x1x1xf32>
// ENCODED: linalg.conv_2d_nchw_fchw
// ENCODED-SAME: ins(%{{.*}}, %{{.*}} : tensor<1x1x6x6xf32, #{{.*}}>, tensor<2x1x3x3xf32, #{{.*}}>)
// ENCODED: qfmt.dequantize
// ENCODED-NOT: qfmt.observe

// INTEGER-LABEL: func.func @main(
// INTEGER-SAME: tensor<1x1x4x4xf32, #{{.*}}>
// INTEGER: qfmt.constituents %arg0
// INTEGER: arith.muli
// INTEGER: qfmt.dyadic_scale
// INTEGER: qfmt.assemble
// INTEGER-LABEL: func.func @main_f32
// INTEGER-SAME: qfmt.float_wrapper

// CONSTITUENTS-LABEL: func.func @main(
// CONSTITUENTS-SAME: tensor<1x1x4x4xi8>
// CONSTITUENTS-SAME: -> (tensor<1x2xi8>
// CONSTITUENTS: qfmt.dyadic_scale

// LLVM: llvm.func @main

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @main(%image: tensor<1x1x4x4xf32> {qfmt.name = "image"}) -> (tensor<1x2xf32> {qfmt.name = "logits"}) {
  %zero = arith.constant 0.0 : f32
  %sixteen = arith.constant 16.0 : f32
  %w = arith.constant dense<[[[[0.1, -0.2, 0.3], [0.4, 0.5, -0.6], [0.7, 0.8, 0.9]]], [[[-1.0, 2.0, 0.5], [0.25, 1.5, -0.75], [0.5, 0.0, 1.0]]]]> : tensor<2x1x3x3xf32>
  %bias = arith.constant dense<[0.1, -0.3]> : tensor<2xf32>
  %padded = tensor.pad %image low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x1x4x4xf32> to tensor<1x1x6x6xf32>
  %empty = tensor.empty() : tensor<1x2x4x4xf32>
  %init = linalg.broadcast ins(%bias : tensor<2xf32>) outs(%empty : tensor<1x2x4x4xf32>) dimensions = [0, 2, 3]
  %conv = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%padded, %w : tensor<1x1x6x6xf32>, tensor<2x1x3x3xf32>) outs(%init : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %relu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%conv : tensor<1x2x4x4xf32>) outs(%empty : tensor<1x2x4x4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %m = arith.maximumf %x, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x2x4x4xf32>
  %small = tensor.empty() : tensor<1x2x1x1xf32>
  %window = tensor.empty() : tensor<4x4xf32>
  %start = linalg.fill ins(%zero : f32) outs(%small : tensor<1x2x1x1xf32>) -> tensor<1x2x1x1xf32>
  %sum = linalg.pooling_nchw_sum {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%relu, %window : tensor<1x2x4x4xf32>, tensor<4x4xf32>) outs(%start : tensor<1x2x1x1xf32>) -> tensor<1x2x1x1xf32>
  %mean = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%sum : tensor<1x2x1x1xf32>) outs(%small : tensor<1x2x1x1xf32>) {
  ^bb0(%x: f32, %o: f32):
    %d = arith.divf %x, %sixteen : f32
    linalg.yield %d : f32
  } -> tensor<1x2x1x1xf32>
  %flat = tensor.collapse_shape %mean [[0], [1, 2, 3]] : tensor<1x2x1x1xf32> into tensor<1x2xf32>
  %fc = arith.constant dense<[[1.0, -0.5], [0.25, 0.75]]> : tensor<2x2xf32>
  %out = tensor.empty() : tensor<1x2xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%out : tensor<1x2xf32>) -> tensor<1x2xf32>
  %logits = linalg.matmul ins(%flat, %fc : tensor<1x2xf32>, tensor<2x2xf32>) outs(%fill : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %logits : tensor<1x2xf32>
}
