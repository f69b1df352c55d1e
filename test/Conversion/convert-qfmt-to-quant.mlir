// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-qfmt-to-quant --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @per_layer
// CHECK: quant.qcast %{{.*}} : tensor<4xf32> to tensor<4x!quant.uniform<i8:f32, 5.000000e-01>>
// CHECK: quant.qcast %{{.*}} : tensor<4xf32> to tensor<4x!quant.uniform<i8<-127:127>:f32, 5.000000e-01:3>>
// CHECK: quant.qcast %{{.*}} : tensor<4xf32> to tensor<4x!quant.uniform<u4:f32, 2.000000e+00:8>>
// CHECK: quant.qcast %{{.*}} : tensor<4xf32> to tensor<4x!quant.uniform<i2<-1:1>:f32, 2.000000e+00>>
// CHECK: return {{.*}} : tensor<4x!quant.uniform<i8:f32, 5.000000e-01>>
#a = #qfmt.scaled<i8, scale = 0.5>
#b = #qfmt.scaled<!qfmt.int<i8, -127, 127>, scale = 0.5, zero_point = 3>
#c = #qfmt.scaled<ui4, scale = 2.0, zero_point = 8>
#d = #qfmt.scaled<!qfmt.int<i2, -1, 1>, scale = 2.0>
func.func @per_layer(%x: tensor<4xf32>) -> (tensor<4xf32, #a>, tensor<4xf32, #b>, tensor<4xf32, #c>, tensor<4xf32, #d>) {
  %0 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #a>
  %1 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #b>
  %2 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #c>
  %3 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #d>
  return %0, %1, %2, %3 : tensor<4xf32, #a>, tensor<4xf32, #b>, tensor<4xf32, #c>, tensor<4xf32, #d>
}

// -----

// The scales of weights are those of the type.

// CHECK-LABEL: func.func @per_axis
// CHECK: %[[C:.*]] = arith.constant dense<{{.*}}> : tensor<2x3xi8>
// CHECK: %[[W:.*]] = quant.scast %[[C]] : tensor<2x3xi8> to tensor<2x3x!quant.uniform<i8:f32:1, {5.000000e-01,2.000000e+00:1,4.000000e+00:-2}>>
// CHECK: quant.dcast %[[W]]
// CHECK: quant.scast %[[W]] : {{.*}} to tensor<2x3xi8>
#rows = #qfmt.scaled<i8, block = [*, 1], scale = f32, zero_point = i8>
func.func @per_axis() -> (tensor<2x3xf32>, tensor<2x3xi8>, tensor<1x3xf32>) {
  %c = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8>
  %s = arith.constant dense<[[0.5, 2.0, 4.0]]> : tensor<1x3xf32>
  %z = arith.constant dense<[[0, 1, -2]]> : tensor<1x3xi8>
  %0 = qfmt.assemble %c, %s, %z : tensor<2x3xi8>, tensor<1x3xf32>, tensor<1x3xi8> to tensor<2x3xf32, #rows>
  %1 = qfmt.dequantize %0 : tensor<2x3xf32, #rows> to tensor<2x3xf32>
  %2:3 = qfmt.constituents %0 : tensor<2x3xf32, #rows> to tensor<2x3xi8>, tensor<1x3xf32>, tensor<1x3xi8>
  return %1, %2#0, %2#1 : tensor<2x3xf32>, tensor<2x3xi8>, tensor<1x3xf32>
}

// -----

// Upstream prints zero points of sub-channel types as signed numbers: 8 as -8.

// CHECK-LABEL: func.func @sub_channel
// CHECK: quant.qcast %{{.*}} : tensor<4x2xf16> to tensor<4x2x!quant.uniform<u4:f16:{0:2, 1:1}, {{[{][{]}}1.000000e+00:-8, 2.000000e+00:-8}, {3.000000e+00:-8, 4.000000e+00:-8}}>>
#blocks = #qfmt.scaled<ui4, block = [2, 1], scale = f16, zero_point = ui4>
func.func @sub_channel(%x: tensor<4x2xf16>) -> tensor<4x2xf16> {
  %s = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf16>
  %z = arith.constant dense<8> : tensor<2x2xi4>
  %0 = qfmt.quantize %x given(%s, %z : tensor<2x2xf16>, tensor<2x2xi4>) : tensor<4x2xf16> to tensor<4x2xf16, #blocks>
  %1 = qfmt.dequantize %0 : tensor<4x2xf16, #blocks> to tensor<4x2xf16>
  return %1 : tensor<4x2xf16>
}

// -----

// linalg reads what it reads through a cast; power of two scales are numbers like others.

// CHECK-LABEL: func.func @linalg_input
// CHECK: %[[X:.*]] = quant.dcast %{{.*}} : tensor<2x2x!quant.uniform<i8:f32, 2.000000e+00>> to tensor<2x2xf32>
// CHECK: %[[W:.*]] = quant.dcast %{{.*}} : tensor<2x2x!quant.uniform<i8:f32:0, {2.500000e-01,2.000000e+00}>> to tensor<2x2xf32>
// CHECK: linalg.matmul ins(%[[X]], %[[W]] : tensor<2x2xf32>, tensor<2x2xf32>)
#a = #qfmt.scaled<i8, scale = 2.0>
#w = #qfmt.scaled<i8, block = [1, *], scale = f8E8M0FNU>
func.func @linalg_input(%x: tensor<2x2xf32, #a>, %y: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %c = arith.constant dense<3> : tensor<2x2xi8>
  %s = arith.constant dense<[[0.25], [2.0]]> : tensor<2x1xf8E8M0FNU>
  %w = qfmt.assemble %c, %s : tensor<2x2xi8>, tensor<2x1xf8E8M0FNU> to tensor<2x2xf32, #w>
  %0 = linalg.matmul ins(%x, %w : tensor<2x2xf32, #a>, tensor<2x2xf32, #w>) outs(%y : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

// CHECK-LABEL: func.func @carried
// CHECK: scf.if {{.*}} -> (tensor<4x!quant.uniform<i8:f32, 2.000000e+00>>)
// CHECK: tensor.expand_shape {{.*}} : tensor<4x!quant.uniform<i8:f32, 2.000000e+00>> into tensor<2x2x!quant.uniform<i8:f32, 2.000000e+00>>
#q = #qfmt.scaled<i8, scale = 2.0>
func.func @carried(%x: tensor<4xf32, #q>, %y: tensor<4xf32, #q>, %c: i1) -> tensor<2x2xf32, #q> {
  %0 = scf.if %c -> tensor<4xf32, #q> {
    scf.yield %x : tensor<4xf32, #q>
  } else {
    scf.yield %y : tensor<4xf32, #q>
  }
  %1 = tensor.expand_shape %0 [[0, 1]] output_shape [2, 2] : tensor<4xf32, #q> into tensor<2x2xf32, #q>
  return %1 : tensor<2x2xf32, #q>
}
