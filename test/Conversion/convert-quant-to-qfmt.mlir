// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-quant-to-qfmt --split-input-file | FileCheck %s

// The storage type and range are the number format; scale and zero point are in the type.

// CHECK-DAG: #[[I8:.*]] = #qfmt.scaled<i8, scale = 2.000000e+00>
// CHECK-DAG: #[[NARROW:.*]] = #qfmt.scaled<!qfmt.int<i8, -127, 127>, scale = 5.000000e-01, zero_point = 3>
// CHECK-DAG: #[[U4:.*]] = #qfmt.scaled<ui4, scale = 2.500000e-01, zero_point = 8>
// CHECK-DAG: #[[U10:.*]] = #qfmt.scaled<!qfmt.int<ui16, 0, 1023>, scale = 1.230000e+00, zero_point = 512>
// CHECK-DAG: #[[I1:.*]] = #qfmt.scaled<i2>
// CHECK-LABEL: func.func @per_layer
// CHECK-SAME: -> (tensor<4xf32, #[[I8]]>, tensor<4xf32, #[[NARROW]]>, tensor<4xf32, #[[U4]]>, tensor<4xf64, #[[U10]]>, tensor<4xf32, #[[I1]]>)
// CHECK: qfmt.quantize %{{.*}} : tensor<4xf32> to tensor<4xf32, #[[I8]]>
func.func @per_layer(%x: tensor<4xf32>, %y: tensor<4xf64>) -> (tensor<4x!quant.uniform<i8:f32, 2.0>>,
    tensor<4x!quant.uniform<i8<-127:127>:f32, 0.5:3>>, tensor<4x!quant.uniform<u4:f32, 0.25:8>>,
    tensor<4x!quant.uniform<u16<0:1023>:f64, 1.23:512>>, tensor<4x!quant.uniform<i2:f32, 1.0>>) {
  %0 = quant.qcast %x : tensor<4xf32> to tensor<4x!quant.uniform<i8:f32, 2.0>>
  %1 = quant.qcast %x : tensor<4xf32> to tensor<4x!quant.uniform<i8<-127:127>:f32, 0.5:3>>
  %2 = quant.qcast %x : tensor<4xf32> to tensor<4x!quant.uniform<u4:f32, 0.25:8>>
  %3 = quant.qcast %y : tensor<4xf64> to tensor<4x!quant.uniform<u16<0:1023>:f64, 1.23:512>>
  %4 = quant.qcast %x : tensor<4xf32> to tensor<4x!quant.uniform<i2:f32, 1.0>>
  return %0, %1, %2, %3, %4 : tensor<4x!quant.uniform<i8:f32, 2.0>>, tensor<4x!quant.uniform<i8<-127:127>:f32, 0.5:3>>,
    tensor<4x!quant.uniform<u4:f32, 0.25:8>>, tensor<4x!quant.uniform<u16<0:1023>:f64, 1.23:512>>, tensor<4x!quant.uniform<i2:f32, 1.0>>
}

// -----

// A scale is a value of the expressed type: 0.1 in f16 is 0.0999755859375.

// CHECK: #qfmt.scaled<i8, scale = 0.0999755859375>
// CHECK-LABEL: func.func @half_precision
func.func @half_precision(%x: tensor<4xf16>) -> tensor<4xf16> {
  %0 = quant.qcast %x : tensor<4xf16> to tensor<4x!quant.uniform<i8:f16, 0.1>>
  %1 = quant.dcast %0 : tensor<4x!quant.uniform<i8:f16, 0.1>> to tensor<4xf16>
  return %1 : tensor<4xf16>
}

// -----

// Scales of an axis are constants; what was just quantized is read as it is.

// CHECK: #[[Q:.*]] = #qfmt.scaled<i8, block = [*, 1], scale = f32, zero_point = i8>
// CHECK-LABEL: func.func @per_axis
// CHECK: %[[S:.*]] = arith.constant dense<{{\[\[}}5.000000e-01, 2.000000e+00, 4.000000e+00]]> : tensor<1x3xf32>
// CHECK: %[[Z:.*]] = arith.constant dense<{{\[\[}}0, 1, -2]]> : tensor<1x3xi8>
// CHECK: %[[E:.*]] = qfmt.quantize %{{.*}} given(%[[S]], %[[Z]] : tensor<1x3xf32>, tensor<1x3xi8>) : tensor<2x3xf32> to tensor<2x3xf32, #[[Q]]>
// CHECK: qfmt.dequantize %[[E]]
func.func @per_axis(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = quant.qcast %x : tensor<2x3xf32> to tensor<2x3x!quant.uniform<i8:f32:1, {0.5, 2.0:1, 4.0:-2}>>
  %1 = quant.dcast %0 : tensor<2x3x!quant.uniform<i8:f32:1, {0.5, 2.0:1, 4.0:-2}>> to tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// -----

// Blocks along two dimensions; the third is whole. The scales come with the type, not with the data, so what crosses the
// function's border is the payload.

// CHECK: #[[Q:.*]] = #qfmt.scaled<!qfmt.int<i8, -127, 127>, block = [2, 1, *], scale = f32>
// CHECK-LABEL: func.func @sub_channel
// CHECK-SAME: (%[[CODES:.*]]: tensor<4x2x3xi8>)
// CHECK: %[[S:.*]] = arith.constant dense<{{.*}}1.000000e+00{{.*}}2.000000e+00{{.*}}3.000000e+00{{.*}}4.000000e+00{{.*}}> : tensor<2x2x1xf32>
// CHECK: %[[E:.*]] = qfmt.assemble %[[CODES]], %[[S]] : tensor<4x2x3xi8>, tensor<2x2x1xf32> to tensor<4x2x3xf32, #[[Q]]>
// CHECK: qfmt.dequantize %[[E]]
!sub = !quant.uniform<i8<-127:127>:f32:{0:2, 1:1}, {{{1.0}, {2.0}}, {{3.0}, {4.0}}}>
func.func @sub_channel(%q: tensor<4x2x3x!sub>) -> tensor<4x2x3xf32> {
  %0 = quant.dcast %q : tensor<4x2x3x!sub> to tensor<4x2x3xf32>
  return %0 : tensor<4x2x3xf32>
}

// -----

// One scale needs no constituent, however it is spelled.

// CHECK: #[[Q:.*]] = #qfmt.scaled<ui8, scale = 2.000000e+00, zero_point = 1>
// CHECK-LABEL: func.func @one_scale
// CHECK-SAME: tensor<6x2xf32, #[[Q]]>, %{{.*}}: tensor<1x2xf32, #[[Q]]>
!one = !quant.uniform<u8:f32:{}, {{2.0:1}}>
!axis = !quant.uniform<u8:f32:0, {2.0:1}>
func.func @one_scale(%q: tensor<6x2x!one>, %p: tensor<1x2x!axis>) -> (tensor<6x2xf32>, tensor<1x2xf32>) {
  %0 = quant.dcast %q : tensor<6x2x!one> to tensor<6x2xf32>
  %1 = quant.dcast %p : tensor<1x2x!axis> to tensor<1x2xf32>
  return %0, %1 : tensor<6x2xf32>, tensor<1x2xf32>
}

// -----

// CHECK-LABEL: func.func @storage
// CHECK-SAME: (%[[CODES:.*]]: tensor<2xi8>)
// CHECK: %[[E:.*]] = qfmt.assemble %[[CODES]] : tensor<2xi8> to tensor<2xf32
// CHECK: %[[C:.*]] = qfmt.constituents %[[E]]
// CHECK: return %[[C]], %[[CODES]] : tensor<2xi8>, tensor<2xi8>
func.func @storage(%x: tensor<2xi8>) -> (tensor<2xi8>, tensor<2x!quant.uniform<i8:f32:0, {1.0, 2.0}>>) {
  %0 = quant.scast %x : tensor<2xi8> to tensor<2x!quant.uniform<i8:f32, 2.0>>
  %1 = quant.scast %0 : tensor<2x!quant.uniform<i8:f32, 2.0>> to tensor<2xi8>
  %2 = quant.scast %x : tensor<2xi8> to tensor<2x!quant.uniform<i8:f32:0, {1.0, 2.0}>>
  return %1, %2 : tensor<2xi8>, tensor<2x!quant.uniform<i8:f32:0, {1.0, 2.0}>>
}

// -----

// CHECK-LABEL: func.func @dynamic
// CHECK: %[[S:.*]] = arith.constant dense<{{.*}}> : tensor<2x1xf32>
// CHECK: %[[T:.*]] = tensor.cast %[[S]] : tensor<2x1xf32> to tensor<?x1xf32>
// CHECK: qfmt.assemble %{{.*}}, %[[T]] : tensor<?x?xi16>, tensor<?x1xf32>
func.func @dynamic(%q: tensor<?x?x!quant.uniform<i16:f32:0, {2.0, 3.0}>>) -> tensor<?x?xf32> {
  %0 = quant.dcast %q : tensor<?x?x!quant.uniform<i16:f32:0, {2.0, 3.0}>> to tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// CHECK: #[[Q:.*]] = #qfmt.scaled<i8, scale = 2.000000e+00>
// CHECK-LABEL: func.func @carried
// CHECK: scf.for {{.*}} -> (tensor<4xf32, #[[Q]]>)
// CHECK: tensor.extract_slice {{.*}} : tensor<4xf32, #[[Q]]> to tensor<2xf32, #[[Q]]>
// CHECK: call @callee({{.*}}) : (tensor<2xf32, #[[Q]]>) -> tensor<2xf32, #[[Q]]>
// CHECK: func.func private @callee(tensor<2xf32, #[[Q]]>) -> tensor<2xf32, #[[Q]]>
!q = !quant.uniform<i8:f32, 2.0>
func.func @carried(%x: tensor<4x!q>, %lo: index, %hi: index, %step: index) -> tensor<2x!q> {
  %0 = scf.for %i = %lo to %hi step %step iter_args(%y = %x) -> tensor<4x!q> {
    scf.yield %y : tensor<4x!q>
  }
  %1 = tensor.extract_slice %0[1] [2] [1] : tensor<4x!q> to tensor<2x!q>
  %2 = call @callee(%1) : (tensor<2x!q>) -> tensor<2x!q>
  return %2 : tensor<2x!q>
}
func.func private @callee(tensor<2x!q>) -> tensor<2x!q>

// -----

// Upstream prints and reads zero points of sub-channel types as signed numbers: -8 in u4 is 8.

// CHECK: #qfmt.scaled<ui4, block = [1, *], scale = f32, zero_point = ui4>
// CHECK-LABEL: func.func @unsigned_sub_channel
// CHECK: arith.constant dense<{{\[\[}}-8], [1]]> : tensor<2x1xi4>
!sub = !quant.uniform<u4:f32:{0:1}, {{1.0:-8}, {2.0:1}}>
func.func @unsigned_sub_channel(%q: tensor<2x3x!sub>) -> tensor<2x3xf32> {
  %0 = quant.dcast %q : tensor<2x3x!sub> to tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// Scales of f16 tensors are f16.

// CHECK: #qfmt.scaled<ui8, block = [2, 1], scale = f16>
// CHECK-LABEL: func.func @sub_channel_f16
// CHECK: arith.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]> : tensor<2x2xf16>
!half = !quant.uniform<u8:f16:{0:2, 1:1}, {{1.0, 2.0}, {3.0, 4.0}}>
func.func @sub_channel_f16(%x: tensor<4x2xf16>) -> tensor<4x2xf16> {
  %q = quant.qcast %x : tensor<4x2xf16> to tensor<4x2x!half>
  %d = quant.dcast %q : tensor<4x2x!half> to tensor<4x2xf16>
  return %d : tensor<4x2xf16>
}

// -----

// CHECK: #qfmt.scaled<i8, block = [1, *], scale = bf16>
// CHECK-LABEL: func.func @axis_bf16
// CHECK: arith.constant dense<{{\[\[}}2.500000e-01], [5.000000e-01]]> : tensor<2x1xbf16>
!brain = !quant.uniform<i8:bf16:0, {0.25, 0.5}>
func.func @axis_bf16(%q: tensor<2x3x!brain>) -> tensor<2x3xbf16> {
  %0 = quant.dcast %q : tensor<2x3x!brain> to tensor<2x3xbf16>
  return %0 : tensor<2x3xbf16>
}
