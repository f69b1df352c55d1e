// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --qfmt-decompose --split-input-file | FileCheck %s
// RUN: qfmt-opt %s --qfmt-decompose --qfmt-verify-level="level=constituents" --split-input-file -o /dev/null

// What is computed is tested by execution, in test/python/test_format_lowering.py.

#i8 = #qfmt.scaled<i8, scale = 0.5, zero_point = 3>

// One constituent: one argument, whose name stays.
// CHECK-LABEL: func.func @dequantize_static(
// CHECK-SAME: %[[CODES:.*]]: tensor<4x8xi8> {qfmt.name = "x"}) -> (tensor<4x8xf32> {qfmt.name = "y"})
// CHECK: linalg.generic {{.*}} ins(%[[CODES]] : tensor<4x8xi8>)
// CHECK: %[[INT:.*]] = arith.extsi %{{.*}} : i8 to i32
// CHECK: %[[REAL:.*]] = arith.sitofp %[[INT]] : i32 to f32
// CHECK: %[[ZERO:.*]] = arith.constant 3.000000e+00 : f32
// CHECK: %[[DIFF:.*]] = arith.subf %[[REAL]], %[[ZERO]] : f32
// CHECK: %[[SCALE:.*]] = arith.constant 5.000000e-01 : f32
// CHECK: %[[PRODUCT:.*]] = arith.mulf %[[DIFF]], %[[SCALE]] : f32
// CHECK: linalg.yield %[[PRODUCT]] : f32
func.func @dequantize_static(%x: tensor<4x8xf32, #i8> {qfmt.name = "x"}) -> (tensor<4x8xf32> {qfmt.name = "y"}) {
  %0 = qfmt.dequantize %x : tensor<4x8xf32, #i8> to tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#unsigned = #qfmt.scaled<ui8, scale = 0.3>

// The division is in f32, as the logical type, and by the scale; codes of ui8 are signless.
// CHECK-LABEL: func.func @quantize_static(
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>) -> tensor<8xi8>
// CHECK: %[[SCALE:.*]] = arith.constant 3.000000e-01 : f32
// CHECK: %[[QUOTIENT:.*]] = arith.divf %{{.*}}, %[[SCALE]] : f32
// CHECK: math.round %{{.*}} : f32
// CHECK: arith.constant 2.550000e+02 : f32
// CHECK: %[[INT:.*]] = arith.fptosi %{{.*}} : f32 to i32
// CHECK: arith.trunci %[[INT]] : i32 to i8
func.func @quantize_static(%x: tensor<8xf32>) -> tensor<8xf32, #unsigned> {
  %0 = qfmt.quantize %x rounding = half_away : tensor<8xf32> to tensor<8xf32, #unsigned>
  return %0 : tensor<8xf32, #unsigned>
}

// -----

#i8 = #qfmt.scaled<i8, scale = 0.3>

// f16 values times a scale of 24 bits need f64 to be exact; the rounding to f16 is integer arithmetic.
// CHECK-LABEL: func.func @dequantize_f16(
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: arith.mulf %{{.*}} : f64
// CHECK-NOT: arith.truncf
// CHECK: arith.bitcast %{{.*}} : i16 to f16
func.func @dequantize_f16(%x: tensor<8xf16, #i8>) -> tensor<8xf16> {
  %0 = qfmt.dequantize %x : tensor<8xf16, #i8> to tensor<8xf16>
  return %0 : tensor<8xf16>
}

// -----

#rows = #qfmt.scaled<i8, block = [1, *], scale = f32>

// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func @linalg_reads_through_dequantize(
// CHECK-SAME: %[[A:.*]]: tensor<4x8xf32>,
// CHECK-SAME: %[[CODES:[a-z0-9]*]]: tensor<8x16xi8> {qfmt.name = "w"},
// CHECK-SAME: %[[SCALES:[a-z0-9]*]]: tensor<8x1xf32> {qfmt.name = "w.scale"},
// CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[SCALES]] {{\[}}[0, 1]] : tensor<8x1xf32> into tensor<8xf32>
// CHECK: %[[W:.*]] = linalg.generic {indexing_maps = [#[[ALL]], #[[ROW]], #[[ALL]]]
// CHECK-SAME: ins(%[[CODES]], %[[FLAT]] : tensor<8x16xi8>, tensor<8xf32>)
// CHECK: linalg.matmul ins(%[[A]], %[[W]] : tensor<4x8xf32>, tensor<8x16xf32>)
func.func @linalg_reads_through_dequantize(%a: tensor<4x8xf32>, %w: tensor<8x16xf32, #rows> {qfmt.name = "w"},
                                           %init: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %0 = linalg.matmul ins(%a, %w : tensor<4x8xf32>, tensor<8x16xf32, #rows>)
                     outs(%init : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}

// -----

#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>

// Blocks are loops of their own; codes of builtin floats are integers.
// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[BLOCK:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: func.func @dequantize_blocks(
// CHECK-SAME: %[[CODES:.*]]: tensor<4x64xi4>, %[[SCALES:.*]]: tensor<4x2xi8>) -> tensor<4x64xf32>
// CHECK: %[[SPLIT:.*]] = tensor.expand_shape %[[CODES]] {{\[}}[0], [1, 2]] output_shape [4, 2, 32]
// CHECK: %[[REALS:.*]] = linalg.generic {indexing_maps = [#[[ALL]], #[[BLOCK]], #[[ALL]]]
// CHECK-SAME: ins(%[[SPLIT]], %[[SCALES]] : tensor<4x2x32xi4>, tensor<4x2xi8>)
// CHECK-NOT: arith.extf
// CHECK: tensor.collapse_shape %[[REALS]] {{\[}}[0], [1, 2]] : tensor<4x2x32xf32> into tensor<4x64xf32>
func.func @dequantize_blocks(%x: tensor<4x64xf32, #mxfp4>) -> tensor<4x64xf32> {
  %0 = qfmt.dequantize %x : tensor<4x64xf32, #mxfp4> to tensor<4x64xf32>
  return %0 : tensor<4x64xf32>
}

// -----

#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>

// A partial block is padded first and cut off last.
// CHECK-LABEL: func.func @dequantize_partial_block(
// CHECK: %[[PADDED:.*]] = tensor.pad %{{.*}} low[0, 0] high[0, 24]
// CHECK: tensor.expand_shape %[[PADDED]] {{\[}}[0], [1, 2]] output_shape [4, 2, 32]
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [4, 40] [1, 1] : tensor<4x64xf32> to tensor<4x40xf32>
func.func @dequantize_partial_block(%x: tensor<4x40xf32, #mxfp4>) -> tensor<4x40xf32> {
  %0 = qfmt.dequantize %x : tensor<4x40xf32, #mxfp4> to tensor<4x40xf32>
  return %0 : tensor<4x40xf32>
}

// -----

#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>

// Scales at run time: the maximum of each block, its scale, then the codes. Maxima are those of the bits, as integers. The
// reciprocal of a power of two is exact.
// CHECK-LABEL: func.func @quantize_blocks(
// CHECK-SAME: %[[X:.*]]: tensor<4x64xf32>) -> (tensor<4x64xi4> {qfmt.name = "q"}, tensor<4x2xi8> {qfmt.name = "q.scale"})
// CHECK: %[[SPLIT:.*]] = tensor.expand_shape %[[X]]
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[SPLIT]]
// CHECK: arith.maxsi
// CHECK: %[[SCALES:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<4x2xi8>)
// CHECK: %[[RECIPROCALS:.*]] = linalg.generic {{.*}} ins(%[[SCALES]] : tensor<4x2xi8>) outs(%{{.*}} : tensor<4x2xf32>)
// CHECK: arith.divf %cst
// CHECK: linalg.generic {{.*}} ins(%[[SPLIT]], %[[RECIPROCALS]] : tensor<4x2x32xf32>, tensor<4x2xf32>)
// CHECK: arith.mulf
// CHECK: return %{{.*}}, %[[SCALES]] : tensor<4x64xi4>, tensor<4x2xi8>
func.func @quantize_blocks(%x: tensor<4x64xf32>) -> (tensor<4x64xf32, #mxfp4> {qfmt.name = "q"}) {
  %0 = qfmt.quantize %x scale_rule = floor_log2 : tensor<4x64xf32> to tensor<4x64xf32, #mxfp4>
  return %0 : tensor<4x64xf32, #mxfp4>
}

// -----

#nvfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>

// Scales that are tensors themselves: the code times the inner scale is exact in f32, the product with the outer one is
// rounded.
// CHECK-LABEL: func.func @dequantize_nested(
// CHECK-SAME: %{{.*}}: tensor<4x32xi4> {qfmt.name = "x"}, %{{.*}}: tensor<4x2xi8> {qfmt.name = "x.scale.payload"},
// CHECK-SAME: %{{.*}}: tensor<1x1xf32> {qfmt.name = "x.scale.scale"})
// CHECK: %[[OUTER:.*]] = tensor.collapse_shape %{{.*}} : tensor<1x1xf32> into tensor<f32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %[[OUTER]] : tensor<4x2x16xi4>, tensor<4x2xi8>, tensor<f32>)
// CHECK: %[[REAL:.*]] = qfmt.lookup
// CHECK: %[[EXACT:.*]] = arith.mulf %[[REAL]], %{{.*}} : f32
// CHECK: arith.mulf %[[EXACT]], %{{.*}} : f32
// CHECK-NOT: f64
// CHECK: return
func.func @dequantize_nested(%x: tensor<4x32xf32, #nvfp4> {qfmt.name = "x"}) -> tensor<4x32xf32> {
  %0 = qfmt.dequantize %x : tensor<4x32xf32, #nvfp4> to tensor<4x32xf32>
  return %0 : tensor<4x32xf32>
}

// -----

#nvfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>

// Scales of 28 bits are held in f64, and their reciprocals in two numbers, one of each for a block, by one division.
//
// The exponent and the units of the sum make the code of three bits; all bits above it are the sign.
// CHECK-LABEL: func.func @quantize_nested(
// CHECK: %[[RECIPROCALS:.*]]:2 = linalg.generic {{.*}} outs(%{{.*}}, %{{.*}} : tensor<4x2xf64>, tensor<4x2xf64>)
// CHECK: arith.divf %{{.*}} : f64
// CHECK-NOT: arith.divf
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[RECIPROCALS]]#0, %[[RECIPROCALS]]#1 : tensor<4x2x16xf32>, tensor<4x2xf64>, tensor<4x2xf64>)
// CHECK: %[[LITTLE:.*]] = arith.mulf %[[X:.*]], %{{.*}} : f64
// CHECK: %[[QUOTIENT:.*]] = math.fma %[[X]], %{{.*}}, %[[LITTLE]] : f64
// CHECK: %[[REAL:.*]] = arith.truncf %[[QUOTIENT]] : f64 to f32
// CHECK: %[[BITS:.*]] = arith.bitcast %[[REAL]] : f32 to i32
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK: %[[SUM_BITS:.*]] = arith.bitcast %[[SUM]] : f32 to i32
// CHECK: %[[EXPONENT:.*]] = arith.shrui %[[SUM_BITS]], %c22_i32
// CHECK: %[[CODE:.*]] = arith.addi %[[EXPONENT]], %[[SUM_BITS]]
// CHECK: %[[LOW:.*]] = arith.andi %[[CODE]], %c7_i32
// CHECK: %[[SHIFTED:.*]] = arith.shrsi %[[BITS]], %c28_i32
// CHECK: %[[SIGN:.*]] = arith.andi %[[SHIFTED]], %c-8_i32
// CHECK: arith.ori %[[LOW]], %[[SIGN]]
func.func @quantize_nested(%x: tensor<4x32xf32>) -> tensor<4x32xf32, #nvfp4> {
  %0 = qfmt.quantize %x : tensor<4x32xf32> to tensor<4x32xf32, #nvfp4>
  return %0 : tensor<4x32xf32, #nvfp4>
}

// -----

#a = #qfmt.scaled<i8, scale = 0.5>
#b = #qfmt.scaled<i4, scale = 3.0>

// The exact reals of the source, then one rounding.
// CHECK-LABEL: func.func @convert(
// CHECK: arith.mulf %{{.*}} : f32
// CHECK: arith.divf %{{.*}} : f64
// CHECK: arith.trunci %{{.*}} : i64 to i4
func.func @convert(%x: tensor<8xf32, #a>) -> tensor<8xf32, #b> {
  %0 = qfmt.convert %x : tensor<8xf32, #a> to tensor<8xf32, #b>
  return %0 : tensor<8xf32, #b>
}

// -----

#rows = #qfmt.scaled<f8E4M3FN, block = [1, *], scale = f32>
!w = tensor<8x8xf32, #rows>

// CHECK-LABEL: func.func private @callee(
// CHECK-SAME: tensor<8x8xi8>, tensor<8x1xf32>) -> (tensor<8x8xi8>, tensor<8x1xf32>)
func.func private @callee(!w) -> !w

// Values, calls and control flow are split.
// CHECK-LABEL: func.func @control_flow(
// CHECK-SAME: %[[CODES:[a-z0-9]*]]: tensor<8x8xi8>, %[[SCALES:[a-z0-9]*]]: tensor<8x1xf32>,
func.func @control_flow(%w: !w, %n: index, %p: i1) -> !w {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: %[[FOR:.*]]:2 = scf.for {{.*}} iter_args(%[[C:.*]] = %[[CODES]], %[[S:.*]] = %[[SCALES]])
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%state = %w) -> !w {
    // CHECK: %[[IF:.*]]:2 = scf.if %{{.*}} -> (tensor<8x8xi8>, tensor<8x1xf32>)
    %1 = scf.if %p -> !w {
      // CHECK: %[[CALL:.*]]:2 = func.call @callee(%[[C]], %[[S]])
      %2 = func.call @callee(%state) : (!w) -> !w
      scf.yield %2 : !w
    } else {
      scf.yield %state : !w
    }
    // CHECK: arith.select %{{.*}}, %[[IF]]#0, %[[C]] : tensor<8x8xi8>
    // CHECK: arith.select %{{.*}}, %[[IF]]#1, %[[S]] : tensor<8x1xf32>
    %3 = arith.select %p, %1, %state : !w
    scf.yield %3 : !w
  }
  // CHECK: cf.br ^[[BLOCK:.*]](%[[FOR]]#0, %[[FOR]]#1 : tensor<8x8xi8>, tensor<8x1xf32>)
  cf.br ^next(%0 : !w)
// CHECK: ^[[BLOCK]](%[[C:.*]]: tensor<8x8xi8>, %[[S:.*]]: tensor<8x1xf32>)
// CHECK: return %[[C]], %[[S]]
^next(%4: !w):
  return %4 : !w
}

// -----

#mxfp4 = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>

// Constants of codes keep their bits: 1.0 is 2 in f4E2M1FN and 127 in f8E8M0FNU.
// CHECK-LABEL: func.func @assemble_constants(
// CHECK-DAG: %[[CODES:.*]] = arith.constant dense<2> : tensor<4x32xi4>
// CHECK-DAG: %[[SCALES:.*]] = arith.constant dense<127> : tensor<4x1xi8>
// CHECK: return %[[CODES]], %[[SCALES]], %[[CODES]]
func.func @assemble_constants() -> (tensor<4x32xf32, #mxfp4>, tensor<4x32xf4E2M1FN>) {
  %codes = arith.constant dense<1.0> : tensor<4x32xf4E2M1FN>
  %scales = arith.constant dense<1.0> : tensor<4x1xf8E8M0FNU>
  %0 = qfmt.assemble %codes, %scales : tensor<4x32xf4E2M1FN>, tensor<4x1xf8E8M0FNU> to tensor<4x32xf32, #mxfp4>
  %c, %s = qfmt.constituents %0 : tensor<4x32xf32, #mxfp4> to tensor<4x32xf4E2M1FN>, tensor<4x1xf8E8M0FNU>
  return %0, %c : tensor<4x32xf32, #mxfp4>, tensor<4x32xf4E2M1FN>
}

// -----

#rows = #qfmt.scaled<f8E5M2, block = [1, *], scale = f32>

// A resource is shared, not copied.
// CHECK-LABEL: func.func @assemble_resource(
// CHECK: arith.constant dense_resource<weights> : tensor<2x2xi8>
func.func @assemble_resource(%scales: tensor<2x1xf32>) -> tensor<2x2xf32, #rows> {
  %codes = arith.constant dense_resource<weights> : tensor<2x2xf8E5M2>
  %0 = qfmt.assemble %codes, %scales : tensor<2x2xf8E5M2>, tensor<2x1xf32> to tensor<2x2xf32, #rows>
  return %0 : tensor<2x2xf32, #rows>
}

{-# dialect_resources: { builtin: { weights: "0x010000003c3d3e3f" } } #-}

// -----

// An operation that is not decomposed keeps its floats.
// CHECK-LABEL: func.func @unencoded_minifloats(
// CHECK-SAME: %[[CODES:.*]]: tensor<4xi8>) -> tensor<4xf32>
// CHECK: %[[FLOATS:.*]] = arith.bitcast %[[CODES]] : tensor<4xi8> to tensor<4xf8E4M3FN>
// CHECK: linalg.generic {{.*}} ins(%[[FLOATS]] : tensor<4xf8E4M3FN>)
func.func @unencoded_minifloats(%x: tensor<4xf8E4M3FN>) -> tensor<4xf32> {
  %init = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
                       iterator_types = ["parallel"]}
      ins(%x : tensor<4xf8E4M3FN>) outs(%init : tensor<4xf32>) {
  ^bb0(%in: f8E4M3FN, %out: f32):
    %1 = arith.extf %in : f8E4M3FN to f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

#q = #qfmt.scaled<i8, scale = 0.5, zero_point = -3>

// Moves act on the payload; a pad has the code of its value, here 1.0 / 0.5 - 3.
// CHECK-LABEL: func.func @moves(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<4x6xi8>, %[[Y:[a-z0-9]*]]: tensor<2x6xi8>
func.func @moves(%x: tensor<4x6xf32, #q>, %y: tensor<2x6xf32, #q>) -> tensor<?x8x12xf32, #q> {
  // CHECK: %[[SLICE:.*]] = tensor.extract_slice %[[X]][1, 0] [2, 6] [1, 1] : tensor<4x6xi8> to tensor<2x6xi8>
  %0 = tensor.extract_slice %x[1, 0] [2, 6] [1, 1] : tensor<4x6xf32, #q> to tensor<2x6xf32, #q>
  // CHECK: %[[CONCAT:.*]] = tensor.concat dim(0) %[[SLICE]], %[[Y]] : (tensor<2x6xi8>, tensor<2x6xi8>) -> tensor<4x6xi8>
  %1 = tensor.concat dim(0) %0, %y : (tensor<2x6xf32, #q>, tensor<2x6xf32, #q>) -> tensor<4x6xf32, #q>
  // CHECK: %[[CODE:.*]] = arith.constant -1 : i8
  // CHECK: %[[PAD:.*]] = tensor.pad %[[CONCAT]] low[0, 1] high[0, 1] {
  // CHECK: tensor.yield %[[CODE]] : i8
  // CHECK: } : tensor<4x6xi8> to tensor<4x8xi8>
  %one = arith.constant 1.0 : f32
  %2 = tensor.pad %1 low[0, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %one : f32
  } : tensor<4x6xf32, #q> to tensor<4x8xf32, #q>
  // CHECK: %[[INIT:.*]] = tensor.empty() : tensor<8x4xi8>
  // CHECK: %[[TRANSPOSED:.*]] = linalg.transpose ins(%[[PAD]] : tensor<4x8xi8>) outs(%[[INIT]] : tensor<8x4xi8>) permutation = [1, 0]
  %init = tensor.empty() : tensor<8x4xf32, #q>
  %3 = linalg.transpose ins(%2 : tensor<4x8xf32, #q>) outs(%init : tensor<8x4xf32, #q>) permutation = [1, 0]
  // CHECK: %[[COLLAPSED:.*]] = tensor.collapse_shape %[[TRANSPOSED]] {{\[}}[0, 1]] : tensor<8x4xi8> into tensor<32xi8>
  %4 = tensor.collapse_shape %3 [[0, 1]] : tensor<8x4xf32, #q> into tensor<32xf32, #q>
  // CHECK: tensor.expand_shape %[[COLLAPSED]] {{\[}}[0, 1, 2]] output_shape [1, 8, 4] : tensor<32xi8> into tensor<1x8x4xi8>
  %5 = tensor.expand_shape %4 [[0, 1, 2]] output_shape [1, 8, 4] : tensor<32xf32, #q> into tensor<1x8x4xf32, #q>
  // CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 8] [1, 8, 4] [1, 1, 1] : tensor<1x8x4xi8> into tensor<1x8x12xi8>
  %6 = tensor.empty() : tensor<1x8x12xf32, #q>
  %7 = tensor.insert_slice %5 into %6[0, 0, 8] [1, 8, 4] [1, 1, 1] : tensor<1x8x4xf32, #q> into tensor<1x8x12xf32, #q>
  // CHECK: tensor.cast %{{.*}} : tensor<1x8x12xi8> to tensor<?x8x12xi8>
  %8 = tensor.cast %7 : tensor<1x8x12xf32, #q> to tensor<?x8x12xf32, #q>
  return %8 : tensor<?x8x12xf32, #q>
}

// -----

#group = #qfmt.scaled<i4, block = [1, 32], scale = f16, zero_point = i4>

// Scales move with the blocks that they belong to.
// CHECK-LABEL: func.func @moves_of_blocks(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<4x80xi4>, %[[S:[a-z0-9]*]]: tensor<4x3xf16>, %[[Z:[a-z0-9]*]]: tensor<4x3xi4>
func.func @moves_of_blocks(%x: tensor<4x80xf32, #group>) -> tensor<2x144xf32, #group> {
  // CHECK-DAG: %[[X1:.*]] = tensor.extract_slice %[[X]][2, 0] [2, 80] [1, 1] : tensor<4x80xi4> to tensor<2x80xi4>
  // CHECK-DAG: %[[S1:.*]] = tensor.extract_slice %[[S]][2, 0] [2, 3] [1, 1] : tensor<4x3xf16> to tensor<2x3xf16>
  // CHECK-DAG: %[[Z1:.*]] = tensor.extract_slice %[[Z]][2, 0] [2, 3] [1, 1] : tensor<4x3xi4> to tensor<2x3xi4>
  %0 = tensor.extract_slice %x[2, 0] [2, 80] [1, 1] : tensor<4x80xf32, #group> to tensor<2x80xf32, #group>
  // CHECK-DAG: %[[X2:.*]] = tensor.extract_slice %[[X1]][0, 0] [2, 64] [1, 1]
  // CHECK-DAG: %[[S2:.*]] = tensor.extract_slice %[[S1]][0, 0] [2, 2] [1, 1]
  // CHECK-DAG: %[[Z2:.*]] = tensor.extract_slice %[[Z1]][0, 0] [2, 2] [1, 1]
  %1 = tensor.extract_slice %0[0, 0] [2, 64] [1, 1] : tensor<2x80xf32, #group> to tensor<2x64xf32, #group>
  // CHECK-DAG: tensor.concat dim(1) %[[X2]], %[[X1]] : (tensor<2x64xi4>, tensor<2x80xi4>) -> tensor<2x144xi4>
  // CHECK-DAG: tensor.concat dim(1) %[[S2]], %[[S1]] : (tensor<2x2xf16>, tensor<2x3xf16>) -> tensor<2x5xf16>
  // CHECK-DAG: tensor.concat dim(1) %[[Z2]], %[[Z1]] : (tensor<2x2xi4>, tensor<2x3xi4>) -> tensor<2x5xi4>
  %2 = tensor.concat dim(1) %1, %0 : (tensor<2x64xf32, #group>, tensor<2x80xf32, #group>) -> tensor<2x144xf32, #group>
  return %2 : tensor<2x144xf32, #group>
}

// Sizes that are known at run time.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: %[[CODES:.*]]: tensor<?x?xi4>, %{{.*}}: tensor<?x?xf16>, %{{.*}}: tensor<?x?xi4>) -> (tensor<?x?xf32>, index)
// CHECK: tensor.dim %[[CODES]]
// CHECK: arith.ceildivui
// CHECK: tensor.pad
// CHECK: tensor.expand_shape {{.*}} : tensor<?x?xi4> into tensor<?x?x32xi4>
// CHECK: tensor.extract_slice
func.func @dynamic(%x: tensor<?x?xf32, #group>) -> (tensor<?x?xf32>, index) {
  %c1 = arith.constant 1 : index
  %size = tensor.dim %x, %c1 : tensor<?x?xf32, #group>
  %0 = qfmt.dequantize %x : tensor<?x?xf32, #group> to tensor<?x?xf32>
  return %0, %size : tensor<?x?xf32>, index
}

// -----

// Nothing encoded: nothing changes.
// CHECK-LABEL: func.func @unencoded(
// CHECK-NEXT: tensor.pad
// CHECK-NOT: arith
// CHECK: return
func.func @unencoded(%x: tensor<4xf32>, %v: f32) -> tensor<8xf32> {
  %0 = tensor.pad %x low[2] high[2] {
  ^bb0(%i: index):
    tensor.yield %v : f32
  } : tensor<4xf32> to tensor<8xf32>
  return %0 : tensor<8xf32>
}
