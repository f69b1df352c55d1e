// A TOSA network, through upstream's own passes and then ours, to integer-only
// code: convolution (NHWC), relu as TOSA's clamp, a transposed weight, residual
// add with broadcast, pooling, a dense layer.
//
// RUN: %npy make %t.calibration.npy "<f4" 4x1x4x4x2 0.5 -1 1.5 -0.25 2 -2 0.75 1.25 -1.75 0.125 1
//
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(tosa-to-linalg-pipeline,func.func(tosa-to-arith,tosa-to-tensor),canonicalize,cse,qfmt-verify-level{level=real})' -o %t.real.mlir
// RUN: FileCheck %s --check-prefix=REAL --implicit-check-not=tosa. --input-file %t.real.mlir
// RUN: qfmt-opt %t.real.mlir -pass-pipeline='builtin.module(qfmt-fold-batch-norm,qfmt-insert-observers,qfmt-annotate{data=%t.calibration.npy},qfmt-quantize,qfmt-verify-level{level=encoded})' -o %t.encoded.mlir
// RUN: FileCheck %s --check-prefix=ENCODED --input-file %t.encoded.mlir
// RUN: qfmt-opt %t.encoded.mlir -pass-pipeline='builtin.module(qfmt-integerize,canonicalize,cse,qfmt-verify-level{level=integer})' -o %t.integer.mlir
// RUN: FileCheck %s --check-prefix=INTEGER --input-file %t.integer.mlir
// RUN: qfmt-opt %t.integer.mlir -pass-pipeline='builtin.module(qfmt-decompose,qfmt-verify-integer-only,qfmt-verify-level{level=constituents})' -o /dev/null
//
// Compiled code and the reference evaluator agree in every byte, on codes and
// through the wrapper.
// RUN: %npy make %t.codes.npy "|i1" 3x1x4x4x2 -128 -77 -3 -1 0 1 2 5 40 77 100 127 -64
// RUN: qfmt-run %t.integer.mlir --samples --inputs=%t.codes.npy --outputs=%t.jit.npy
// RUN: qfmt-run %t.integer.mlir --samples --inputs=%t.codes.npy --outputs=%t.reference.npy --engine=reference
// RUN: cmp %t.jit.npy %t.reference.npy
// RUN: %npy print %t.jit.npy | FileCheck %s --check-prefix=CODES
// RUN: qfmt-run %t.integer.mlir --entry=main_f32 --samples --inputs=%t.calibration.npy --outputs=%t.jit_f32.npy
// RUN: qfmt-run %t.integer.mlir --entry=main_f32 --samples --inputs=%t.calibration.npy --outputs=%t.reference_f32.npy --engine=reference
// RUN: cmp %t.jit_f32.npy %t.reference_f32.npy
//
// And both are near the network one started with. In steps of the formats: the
// image is off by 0.008, its convolution by 0.05, what is pooled by 0.08. The
// dense layer multiplies that by at most 3.9 and adds 8 x 4.4 x 0.004 for its
// weights and 0.01 for its result: 0.46 in all.
// RUN: qfmt-run %t.real.mlir --samples --inputs=%t.calibration.npy --outputs=%t.real.npy
// RUN: %npy near %t.real.npy %t.jit_f32.npy 0.46

// REAL-LABEL: func.func @main
// REAL-SAME: qfmt.name = "image"
// REAL: linalg.conv_2d_nhwc_{{fhwc|hwcf}}
// REAL: linalg.pooling_nhwc_max
// REAL: linalg.{{batch_matmul|matmul}}

// ENCODED: qfmt.quantize %{{.*}} : tensor<1x4x4x2xf32> to
// ENCODED: qfmt.assemble
// ENCODED: linalg.conv_2d_nhwc_
// ENCODED: linalg.pooling_nhwc_max

// INTEGER: func.func @main(%{{.*}}: tensor<1x4x4x2xf32, #{{.*}}> {qfmt.name = "image"})
// INTEGER: qfmt.dyadic_scale
// INTEGER: func.func @main_f32(%{{.*}}: tensor<1x4x4x2xf32> {qfmt.name = "image"})

// Codes of the result, of both signs.
// CODES: |i1 (3, 1, 3) 102 -104 19 81 -118 71 74 -96 47

func.func @main(%image: tensor<1x4x4x2xf32> {qfmt.name = "image"}) -> (tensor<1x3xf32> {qfmt.name = "logits"}) {
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>

  // The weights lie as 2x1x1x2 (in, h, w, out) and are transposed to (out, h, w, in).
  %w_in = "tosa.const"() <{values = dense<[[[[0.5, -1.0]]], [[[2.0, 0.25]]]]> : tensor<2x1x1x2xf32>}> : () -> tensor<2x1x1x2xf32>
  %w = tosa.transpose %w_in {perms = array<i32: 3, 1, 2, 0>} : (tensor<2x1x1x2xf32>) -> tensor<2x1x1x2xf32>
  %b = "tosa.const"() <{values = dense<[0.5, -0.5]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %conv = tosa.conv2d %image, %w, %b, %zero, %zero {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>}
      : (tensor<1x4x4x2xf32>, tensor<2x1x1x2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x2xf32>
  %relu = tosa.clamp %conv {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>

  %shift = "tosa.const"() <{values = dense<[0.25, -0.125]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %shift_shape = tosa.const_shape {values = dense<[1, 1, 1, 2]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %shift4 = tosa.reshape %shift, %shift_shape : (tensor<2xf32>, !tosa.shape<4>) -> tensor<1x1x1x2xf32>
  %shifted = tosa.add %relu, %shift4 : (tensor<1x4x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x4x4x2xf32>
  %residual = tosa.add %shifted, %image : (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  %pooled = tosa.max_pool2d %residual {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>

  %flat_shape = tosa.const_shape {values = dense<[1, 1, 8]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %flat = tosa.reshape %pooled, %flat_shape : (tensor<1x2x2x2xf32>, !tosa.shape<3>) -> tensor<1x1x8xf32>
  %m = "tosa.const"() <{values = dense<[[[0.5, -0.5, 0.25], [1.0, -0.125, -0.75], [-0.25, 0.5, 0.5], [0.375, -1.0, 0.25],
                                         [0.25, -0.75, -0.5], [-0.5, 0.25, 1.0], [0.125, -0.25, 0.5], [0.5, -0.5, -0.125]]]> : tensor<1x8x3xf32>}> : () -> tensor<1x8x3xf32>
  %product = tosa.matmul %flat, %m, %zero, %zero : (tensor<1x1x8xf32>, tensor<1x8x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x3xf32>
  %logits_shape = tosa.const_shape {values = dense<[1, 3]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %logits = tosa.reshape %product, %logits_shape : (tensor<1x1x3xf32>, !tosa.shape<2>) -> tensor<1x3xf32>
  return %logits : tensor<1x3xf32>
}
