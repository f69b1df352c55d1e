// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},canonicalize,cse,qfmt-verify-level{level=integer})' | FileCheck %s

#act = #qfmt.scaled<i8, scale = 0.5>
#pixels = #qfmt.scaled<ui8, scale = 0.25>
#weights = #qfmt.scaled<i8, block = [1, *, *, *], scale = f32>
#shifted = #qfmt.scaled<ui8, scale = 0.25, zero_point = 3>
#id4 = affine_map<(a, b, c, d) -> (a, b, c, d)>
#id1 = affine_map<(a) -> (a)>

// A convolution with bias: 0.25 * 0.5 and 0.25 * 0.125 are the scales of the accumulators, in which the biases 0.95 and -2.01 are
// 7.6 and -64.32, to the nearest 8 and -64. Codes and zero padding stay bytes.
// CHECK-LABEL: func.func @convolution
// CHECK-SAME: tensor<1x1x4x4xf32, #[[$PIXELS:.*]]> {qfmt.name = "image"}
// CHECK-DAG: %[[BIAS:.*]] = arith.constant dense<[8, -64]> : tensor<2xi32>
// CHECK-DAG: %[[CODES:.*]] = arith.constant dense<{{.*}}> : tensor<2x1x3x3xi8>
// CHECK: %[[IN:.*]] = qfmt.constituents %arg0 : tensor<1x1x4x4xf32, #[[$PIXELS]]> to tensor<1x1x4x4xi8>
// CHECK: tensor.pad %[[IN]]
// CHECK: tensor.yield %c0_i8 : i8
// CHECK: %[[INIT:.*]] = linalg.broadcast ins(%[[BIAS]] : tensor<2xi32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[CODES]] : tensor<1x1x6x6xi8>, tensor<2x1x3x3xi8>) outs(%[[INIT]]
// CHECK: arith.extui %{{.*}} : i8 to i32
// CHECK: arith.extsi %{{.*}} : i8 to i32
// CHECK: arith.muli
// CHECK: arith.addi
// 0.125 / 0.5 and 0.03125 / 0.5: powers of two have one multiplier and two shifts.
// CHECK: qfmt.dyadic_scale
// CHECK: arith.maxsi %{{.*}}, %c-128_i32
// CHECK: arith.minsi %{{.*}}, %c127_i32
// CHECK: arith.trunci %{{.*}} : i32 to i8
// CHECK: qfmt.assemble %{{.*}} : tensor<1x2x4x4xi8> to tensor<1x2x4x4xf32, #{{.*}}>
func.func @convolution(%image: tensor<1x1x4x4xf32> {qfmt.name = "image"}) -> tensor<1x2x4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %qx = qfmt.quantize %image : tensor<1x1x4x4xf32> to tensor<1x1x4x4xf32, #pixels>
  %padded = tensor.pad %qx low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x1x4x4xf32, #pixels> to tensor<1x1x6x6xf32, #pixels>
  %codes = arith.constant dense<[[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], [[[-1, -2, -3], [-4, -5, -6], [9, 9, 9]]]]> : tensor<2x1x3x3xi8>
  %scales = arith.constant dense<[[[[0.5]]], [[[0.125]]]]> : tensor<2x1x1x1xf32>
  %w = qfmt.assemble %codes, %scales : tensor<2x1x3x3xi8>, tensor<2x1x1x1xf32> to tensor<2x1x3x3xf32, #weights>
  %bias = arith.constant dense<[0.95, -2.01]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<1x2x4x4xf32>
  %init = linalg.broadcast ins(%bias : tensor<2xf32>) outs(%empty : tensor<1x2x4x4xf32>) dimensions = [0, 2, 3]
  %conv = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%padded, %w : tensor<1x1x6x6xf32, #pixels>, tensor<2x1x3x3xf32, #weights>) outs(%init : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %q = qfmt.quantize %conv : tensor<1x2x4x4xf32> to tensor<1x2x4x4xf32, #act>
  %r = qfmt.dequantize %q : tensor<1x2x4x4xf32, #act> to tensor<1x2x4x4xf32>
  return %r : tensor<1x2x4x4xf32>
}

// compare and select of the same two values is a maximum: its range starts at 0.
// CHECK-LABEL: func.func @relu
// CHECK: linalg.generic
// CHECK: arith.maxsi %{{.*}}, %c0_i32 : i32
// CHECK-NOT: arith.select
// CHECK-NOT: qfmt.dyadic_scale
// CHECK: return
func.func @relu(%a: tensor<8xf32, #act>) -> tensor<8xf32, #act> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%a : tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %c = arith.cmpf ugt, %x, %zero : f32
    %s = arith.select %c, %x, %zero : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// The scales 0.5 and 0.25 differ by a whole factor: one side is shifted, exactly, to the finer scale.
// CHECK-LABEL: func.func @residual_add
// CHECK: linalg.generic
// CHECK: arith.shli %{{.*}}, %c1_i32 : i32
// CHECK-NOT: arith.shli
// CHECK: arith.addi
func.func @residual_add(%a: tensor<8xf32, #act>, %b: tensor<8xf32, #pixels>) -> tensor<8xf32, #act> {
  %empty = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id1, #id1, #id1], iterator_types = ["parallel"]} ins(%a, %b : tensor<8xf32, #act>, tensor<8xf32, #pixels>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// Max-pooling in one format moves codes: -infinity is the lowest code, quantization is the identity.
// CHECK-LABEL: func.func @max_pool
// CHECK: linalg.fill ins(%c-128_i8 : i8)
// CHECK: %[[POOLED:.*]] = linalg.generic
// CHECK: arith.maxsi %{{.*}}, %{{.*}} : i8
// CHECK: qfmt.assemble %[[POOLED]] : tensor<1x1x2x2xi8>
func.func @max_pool(%a: tensor<1x1x4x4xf32, #act>) -> tensor<1x1x2x2xf32, #act> {
  %lowest = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<1x1x2x2xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %init = linalg.fill ins(%lowest : f32) outs(%empty : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %0 = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%a, %window : tensor<1x1x4x4xf32, #act>, tensor<2x2xf32>) outs(%init : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %1 = qfmt.quantize %0 : tensor<1x1x2x2xf32> to tensor<1x1x2x2xf32, #act>
  return %1 : tensor<1x1x2x2xf32, #act>
}

// Division by a constant is a change of the scale: only the quantization multiplies.
// CHECK-LABEL: func.func @average_pool
// CHECK: arith.addi
// CHECK-NOT: divsi
// CHECK: qfmt.dyadic_scale %{{.*}}, %c1073741824_i32, %c32_i32
// CHECK: return
func.func @average_pool(%a: tensor<1x1x4x4xf32, #act>) -> tensor<1x1x2x2xf32, #act> {
  %zero = arith.constant 0.0 : f32
  %four = arith.constant 4.0 : f32
  %empty = tensor.empty() : tensor<1x1x2x2xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %sum = linalg.pooling_nchw_sum {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%a, %window : tensor<1x1x4x4xf32, #act>, tensor<2x2xf32>) outs(%init : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %0 = linalg.generic {indexing_maps = [#id4, #id4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%sum : tensor<1x1x2x2xf32>) outs(%empty : tensor<1x1x2x2xf32>) {
  ^bb0(%x: f32, %o: f32):
    %d = arith.divf %x, %four : f32
    linalg.yield %d : f32
  } -> tensor<1x1x2x2xf32>
  %1 = qfmt.quantize %0 : tensor<1x1x2x2xf32> to tensor<1x1x2x2xf32, #act>
  return %1 : tensor<1x1x2x2xf32, #act>
}

// A zero point is subtracted where the code is read and added where it is written; padding with 0 is padding with it.
// CHECK-LABEL: func.func @zero_point
// CHECK: tensor.yield %c3_i8 : i8
// CHECK: arith.extui %{{.*}} : i8 to i32
// CHECK: arith.subi %{{.*}}, %c3_i32
// CHECK: arith.addi %{{.*}}, %c3_i32
// CHECK: arith.maxsi %{{.*}}, %c0_i32
// CHECK: arith.minsi %{{.*}}, %c255_i32
func.func @zero_point(%a: tensor<8xf32, #shifted>) -> tensor<9xf32, #shifted> {
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %a low[0] high[1] {
  ^bb0(%i: index):
    tensor.yield %zero : f32
  } : tensor<8xf32, #shifted> to tensor<9xf32, #shifted>
  %empty = tensor.empty() : tensor<9xf32>
  %0 = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%padded : tensor<9xf32, #shifted>) outs(%empty : tensor<9xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.addf %x, %x : f32
    linalg.yield %s : f32
  } -> tensor<9xf32>
  %1 = qfmt.quantize %0 : tensor<9xf32> to tensor<9xf32, #shifted>
  return %1 : tensor<9xf32, #shifted>
}

// What is computed from positions alone is a constant: here the sizes 1, 2, 2, 2 that a window of two has at the border, by which an
// average is divided. They end in the multipliers.
// CHECK-LABEL: func.func @average_without_padding
// CHECK: arith.constant dense<[30, 31, 31, 31]> : tensor<4xi32>
// CHECK-NOT: linalg.index
// CHECK: qfmt.dyadic_scale
func.func @average_without_padding(%a: tensor<4xf32, #act>) -> tensor<4xf32, #act> {
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %empty = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%a : tensor<4xf32, #act>) outs(%empty : tensor<4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 0 : index
    %next = arith.addi %i, %one : index
    %size = arith.minsi %next, %two : index
    %size_i64 = arith.index_cast %size : index to i64
    %divisor = arith.sitofp %size_i64 : i64 to f32
    %d = arith.divf %x, %divisor : f32
    linalg.yield %d : f32
  } -> tensor<4xf32>
  %1 = qfmt.quantize %0 : tensor<4xf32> to tensor<4xf32, #act>
  return %1 : tensor<4xf32, #act>
}

// A constant is rounded to the nearest step of a scale with 12 guard bits: 0.3 * 2^12 / 0.5 = 2457.6.
// CHECK-LABEL: func.func @add_constant
// CHECK: %[[C:.*]] = arith.constant 2458 : i32
// CHECK: arith.shli %{{.*}}, %c12_i32 : i32
// CHECK: arith.addi %{{.*}}, %[[C]]
func.func @add_constant(%a: tensor<8xf32, #act>) -> tensor<8xf32, #act> {
  %c = arith.constant 0.3 : f32
  %empty = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%a : tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.addf %x, %c : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #act>
  return %1 : tensor<8xf32, #act>
}

// Four products with the largest weight, 30000, need 33 bits; the weights that there are add up to 30003 and need 31.
// CHECK-LABEL: func.func @bounded_by_weights
// CHECK: linalg.generic
// CHECK: arith.addi %{{.*}}, %{{.*}} : i32
#wide = #qfmt.scaled<i16, scale = 0.5>
func.func @bounded_by_weights(%a: tensor<2x4xf32, #wide>) -> tensor<2x1xf32, #wide> {
  %zero = arith.constant 0.0 : f32
  %codes = arith.constant dense<[[30000], [1], [-1], [1]]> : tensor<4x1xi16>
  %w = qfmt.assemble %codes : tensor<4x1xi16> to tensor<4x1xf32, #wide>
  %empty = tensor.empty() : tensor<2x1xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x1xf32>) -> tensor<2x1xf32>
  %0 = linalg.matmul ins(%a, %w : tensor<2x4xf32, #wide>, tensor<4x1xf32, #wide>) outs(%init : tensor<2x1xf32>) -> tensor<2x1xf32>
  %1 = qfmt.quantize %0 : tensor<2x1xf32> to tensor<2x1xf32, #wide>
  return %1 : tensor<2x1xf32, #wide>
}
