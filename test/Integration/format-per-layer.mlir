// A network whose layers have different formats, integers and floats side by side, through level encoded; compiled and in the reference
// evaluator it is the same, bit for bit.
// RUN: %npy make %t.data.npy "<f4" 5x1x2x6x6 0 0.25 1 0.5 0.75 -0.5 0.125 -1 0.375 0.8125 -0.3125
// RUN: %npy make %t.x.npy "<f4" 1x2x6x6 0.5 -0.25 0.125 1 0 0.75 -1 0.6875 -0.4375
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-fold-batch-norm,qfmt-insert-observers,qfmt-annotate{data=%t.data.npy bins=8})' -o %t.observed.mlir
// RUN: qfmt-opt %t.observed.mlir -pass-pipeline='builtin.module(qfmt-quantize,qfmt-encode-constants,qfmt-verify-level{level=encoded})' -o %t.encoded.mlir
// RUN: FileCheck %s --check-prefix=ENCODED --input-file=%t.encoded.mlir
// RUN: qfmt-run %t.encoded.mlir --inputs=%t.x.npy --outputs=%t.jit.npy
// RUN: qfmt-run %t.encoded.mlir --engine=reference --inputs=%t.x.npy --outputs=%t.reference.npy
// RUN: cmp %t.jit.npy %t.reference.npy
// RUN: %npy print %t.jit.npy | FileCheck %s --check-prefix=SHAPE
// SHAPE: f4 (1, 3) {{-?[0-9.]+}}

// Float formats have no integer arithmetic.
// RUN: not qfmt-opt %t.encoded.mlir -qfmt-integerize 2>&1 | FileCheck %s --check-prefix=FLOATS
// FLOATS: integer arithmetic needs an integer format

// The same network with integers alone, of four kinds, has.
// RUN: sed 's|"mxfp4/mxfp8"|"i4/i4"|; s|"f8E4M3FN"|"i2/i8"|; s|"nf4/f32"|"i8/i8"|' %t.observed.mlir > %t.mixed.mlir
// RUN: qfmt-opt %t.mixed.mlir -pass-pipeline='builtin.module(qfmt-quantize,qfmt-verify-level{level=encoded})' -o %t.integers.mlir
// RUN: FileCheck %s --check-prefix=INTEGERS --input-file=%t.integers.mlir
// RUN: qfmt-opt %t.integers.mlir -pass-pipeline='builtin.module(qfmt-integerize,canonicalize,cse,qfmt-verify-level{level=integer})' -o %t.integer.mlir
// RUN: qfmt-opt %t.integer.mlir -pass-pipeline='builtin.module(qfmt-decompose,qfmt-verify-integer-only)' -o /dev/null
// RUN: qfmt-run %t.integers.mlir --check-bound --inputs=%t.x.npy
// RUN: qfmt-run %t.integer.mlir --entry=main_f32 --inputs=%t.x.npy --outputs=%t.integer-jit.npy
// RUN: qfmt-run %t.integer.mlir --entry=main_f32 --engine=reference --inputs=%t.x.npy --outputs=%t.integer-reference.npy
// RUN: cmp %t.integer-jit.npy %t.integer-reference.npy

// ENCODED-DAG: #[[I8:.*]] = #qfmt.scaled<i8, scale = {{[0-9]}}
// ENCODED-DAG: #[[I4:.*]] = #qfmt.scaled<i4, block = [1, *, *, *], scale = f32>
// ENCODED-DAG: #[[MX4:.*]] = #qfmt.scaled<f4E2M1FN, block = [1, 32, 1, 1], scale = f8E8M0FNU>
// ENCODED-DAG: #[[MX8:.*]] = #qfmt.scaled<f8E4M3FN, block = [1, 32, 1, 1], scale = f8E8M0FNU>
// ENCODED-DAG: #[[F8:.*]] = #qfmt.scaled<f8E4M3FN, block = [1, *, *, *], scale = f32>
// ENCODED-DAG: #[[F8X:.*]] = #qfmt.scaled<f8E4M3FN, scale = {{[0-9]}}
// ENCODED-DAG: #[[NF4:.*]] = #qfmt.scaled<!qfmt.codebook<{{.*}}>, block = [64, 1], scale = f32>
// ENCODED: linalg.conv_2d_nchw_fchw {{.*}}ins(%{{.*}} : tensor<1x2x8x8xf32, #[[I8]]>, tensor<4x2x3x3xf32, #[[I4]]>)
// ENCODED: linalg.conv_2d_nchw_fchw {{.*}}ins(%{{.*}} : tensor<1x4x6x6xf32, #[[MX8]]>, tensor<4x4x3x3xf32, #[[MX4]]>)
// ENCODED: linalg.conv_2d_nchw_fchw {{.*}}ins(%{{.*}} : tensor<1x4x4x4xf32, #[[F8X]]>, tensor<4x4x1x1xf32, #[[F8]]>)
// ENCODED: linalg.matmul ins(%{{.*}} : tensor<1x4xf32>, tensor<4x3xf32, #[[NF4]]>)
// ENCODED-NOT: qfmt.quantize %cst

// INTEGERS-DAG: scaled<i2, block
// INTEGERS-DAG: scaled<i4, block
// INTEGERS-DAG: scaled<i8, block
// INTEGERS-DAG: scaled<ui4, scale
// INTEGERS-DAG: scaled<i8, scale

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @main(%image: tensor<1x2x6x6xf32>) -> tensor<1x3xf32> {
  %zero = arith.constant 0.0 : f32
  %w0 = arith.constant dense<"0x0000003D0000003F0000C0BE0000D03E0000C0BD0000C0BD0000403F0000803D000000BD0000903E0000E03E000000000000803E0000C0BE000020BE000040BE000008BF000018BF000028BF0000C0BD000080BD000000BE0000003D000008BF000000BD0000C03D0000A03E0000B0BE000020BE000050BF000040BE000060BF000010BF0000E03E000060BF0000A03E0000003E000000BE0000403E0000603E0000D03E0000C0BD000080BE000080BE0000D0BE000000BD0000A0BE0000E03E000040BF0000E0BE0000C0BE000058BF0000403F000078BF000000BE000060BE0000283F000048BF0000E03E000090BE000080BD000090BE0000803E0000F0BE000000BD0000203E0000403F000078BF0000203F0000C03E000040BE0000003E"> : tensor<4x2x3x3xf32>
  %w1 = arith.constant dense<"0x000040BE0000283F0000C03D0000C0BD0000C0BD0000C0BD000080BD0000B0BE0000503F000040BF000080BF000080BD000080BD0000203E0000C0BD000080BD0000003E0000C03E000040BE000020BE0000483F0000603E0000D0BE0000703F0000A03E000080BE0000F0BE0000003E0000B0BE0000E0BE000008BF000040BE0000E03E000040BE000018BF0000903E0000003D0000B03E0000F03E000080BD000080BD000000BD0000F0BE0000903E0000103F0000803D0000C0BD0000C0BD0000A0BE0000A0BE000020BE0000B0BE000040BE000020BF0000003E0000003D0000F0BE000068BF000000000000E03E000090BE000040BE000060BE0000803E0000C0BE0000D03E000000BE0000C03E000000000000C0BD000018BF000090BE0000C0BD0000803E0000C03D000090BE0000203E0000D03E000080BD000040BE000020BE0000A03E0000603E0000C0BE0000203E000040BE0000A0BE0000003F0000B03E000090BE0000003D0000403E000080BE000080BD0000903E000038BF0000003E0000903E0000403E000008BF0000003E0000B0BE0000603E0000803E0000C03D0000A0BE000080BE0000B03E0000C0BE0000403E0000603E000000BE0000783F0000003D0000583F000050BF000068BF0000D03E0000803E000000BE000000BD000040BF000080BE0000D0BE0000C0BD0000B03E0000003D0000203E000090BE000040BE0000003D000000BE0000003F0000B0BE0000403F0000D0BE0000E03E0000A0BE0000283F0000803D0000203E0000A03E000080BE0000D0BE"> : tensor<4x4x3x3xf32>
  %w2 = arith.constant dense<"0x000050BF0000003F000090BE000080BE000000000000483F000030BF0000C03D000020BE0000603E000038BF000020BE0000B03E0000203F0000203F0000B0BE"> : tensor<4x4x1x1xf32>
  %w3 = arith.constant dense<[[0.1, -0.3, 0.25], [0.7, 0.2, -0.9], [-0.4, 0.6, 0.35], [0.05, -0.8, 0.45]]> : tensor<4x3xf32>
  %bias = arith.constant dense<[[0.1, -0.3, 0.2]]> : tensor<1x3xf32>
  %padded = tensor.pad %image low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x2x6x6xf32> to tensor<1x2x8x8xf32>
  %e0 = tensor.empty() : tensor<1x4x6x6xf32>
  %z0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  %c0 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>, qfmt.assigned = "i4/i8"}
    ins(%padded, %w0 : tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32>) outs(%z0 : tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  %relu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%c0 : tensor<1x4x6x6xf32>) outs(%e0 : tensor<1x4x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %m = arith.maximumf %x, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x4x6x6xf32>
  %e1 = tensor.empty() : tensor<1x4x4x4xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %c1 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>, qfmt.assigned = "mxfp4/mxfp8"}
    ins(%relu, %w1 : tensor<1x4x6x6xf32>, tensor<4x4x3x3xf32>) outs(%z1 : tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %c2 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>, qfmt.assigned = "f8E4M3FN"}
    ins(%c1, %w2 : tensor<1x4x4x4xf32>, tensor<4x4x1x1xf32>) outs(%z1 : tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %window = tensor.empty() : tensor<4x4xf32>
  %e3 = tensor.empty() : tensor<1x4x1x1xf32>
  %z3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  %sum = linalg.pooling_nchw_sum {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%c2, %window : tensor<1x4x4x4xf32>, tensor<4x4xf32>) outs(%z3 : tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  %flat = tensor.collapse_shape %sum [[0], [1, 2, 3]] : tensor<1x4x1x1xf32> into tensor<1x4xf32>
  %logits = linalg.matmul {qfmt.assigned = "nf4/f32"} ins(%flat, %w3 : tensor<1x4xf32>, tensor<4x3xf32>) outs(%bias : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %logits : tensor<1x3xf32>
}
