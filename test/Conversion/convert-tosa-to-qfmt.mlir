// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-tosa-to-qfmt --split-input-file | FileCheck %s

// The rounding of a rescale is half_up; without zero point dyadic_scale saturates by itself.

// CHECK-LABEL: func.func @rescale
// CHECK-NOT: tosa.const
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x3xi32>) outs(%{{.*}} : tensor<2x3xi8>)
// CHECK: ^bb0(%[[X:.*]]: i32, %{{.*}}: i8):
// CHECK-DAG: %[[M:.*]] = arith.constant 1073741824 : i32
// CHECK-DAG: %[[N:.*]] = arith.constant 31 : i32
// CHECK: %[[Y:.*]] = qfmt.dyadic_scale %[[X]], %[[M]], %[[N]] rounding = half_up : i32, i32, i32 to i8
// CHECK: linalg.yield %[[Y]]
func.func @rescale(%x: tensor<2x3xi32>) -> tensor<2x3xi8> {
  %m = "tosa.const"() {values = dense<1073741824> : tensor<1xi32>} : () -> tensor<1xi32>
  %s = "tosa.const"() {values = dense<31> : tensor<1xi8>} : () -> tensor<1xi8>
  %iz = "tosa.const"() {values = dense<0> : tensor<1xi32>} : () -> tensor<1xi32>
  %oz = "tosa.const"() {values = dense<0> : tensor<1xi8>} : () -> tensor<1xi8>
  %0 = tosa.rescale %x, %m, %s, %iz, %oz {scale32 = true, rounding_mode = SINGLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<2x3xi32>, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}

// -----

// Zero points, unsigned results and a number for each channel.

// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[LAST:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @per_channel
// CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[LAST]], #[[LAST]], #[[ALL]]]
// CHECK: ^bb0(%[[X:.*]]: i8, %[[M16:.*]]: i16, %[[N8:.*]]: i8, %{{.*}}: i8):
// CHECK: arith.extsi %[[X]] : i8 to i32
// CHECK: arith.subi %{{.*}}, %{{.*}} : i32
// CHECK: qfmt.dyadic_scale {{.*}} rounding = half_up : i32, i32, i32 to i64
// CHECK: arith.addi
// CHECK: arith.maxsi
// CHECK: arith.minsi
// CHECK: arith.trunci %{{.*}} : i64 to i8
func.func @per_channel(%x: tensor<?x2xi8>) -> tensor<?x2xi8> {
  %m = "tosa.const"() {values = dense<[20000, 30000]> : tensor<2xi16>} : () -> tensor<2xi16>
  %s = "tosa.const"() {values = dense<[15, 16]> : tensor<2xi8>} : () -> tensor<2xi8>
  %iz = "tosa.const"() {values = dense<-3> : tensor<1xi8>} : () -> tensor<1xi8>
  %oz = "tosa.const"() {values = dense<200> : tensor<1xi8>} : () -> tensor<1xi8>
  %0 = tosa.rescale %x, %m, %s, %iz, %oz {scale32 = false, rounding_mode = INEXACT_ROUND, per_channel = true, input_unsigned = false, output_unsigned = true} : (tensor<?x2xi8>, tensor<2xi16>, tensor<2xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<?x2xi8>
  return %0 : tensor<?x2xi8>
}

// -----

// Two roundings are one where the shift has at most 31 bits.

// CHECK-LABEL: func.func @double_round
// CHECK: qfmt.dyadic_scale
// CHECK: linalg.generic
// CHECK-NOT: qfmt.dyadic_scale
// CHECK: arith.shrsi
func.func @double_round(%x: tensor<2xi32>) -> (tensor<2xi32>, tensor<2xi32>) {
  %m = "tosa.const"() {values = dense<1073741824> : tensor<1xi32>} : () -> tensor<1xi32>
  %s = "tosa.const"() {values = dense<31> : tensor<1xi8>} : () -> tensor<1xi8>
  %l = "tosa.const"() {values = dense<35> : tensor<1xi8>} : () -> tensor<1xi8>
  %z = "tosa.const"() {values = dense<0> : tensor<1xi32>} : () -> tensor<1xi32>
  %0 = tosa.rescale %x, %m, %s, %z, %z {scale32 = true, rounding_mode = DOUBLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<2xi32>, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
  %1 = tosa.rescale %x, %m, %l, %z, %z {scale32 = true, rounding_mode = DOUBLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<2xi32>, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
  return %0, %1 : tensor<2xi32>, tensor<2xi32>
}

// -----

// CHECK: #[[MX:.*]] = #qfmt.scaled<f6E2M3FN, block = [1, 32], scale = f8E8M0FNU>
// CHECK-LABEL: func.func @cast_from
// CHECK: %[[E:.*]] = qfmt.assemble %{{.*}}, %{{.*}} : tensor<4x64xf6E2M3FN>, tensor<4x2xf8E8M0FNU> to tensor<4x64xbf16, #[[MX]]>
// CHECK: qfmt.dequantize %[[E]] : tensor<4x64xbf16, #[[MX]]> to tensor<4x64xbf16>
func.func @cast_from(%x: tensor<4x64xf6E2M3FN>, %s: tensor<4x2xf8E8M0FNU>) -> tensor<4x64xbf16> {
  %0 = tosa.cast_from_block_scaled %x, %s {block_size = BLOCK_SIZE_32} : (tensor<4x64xf6E2M3FN>, tensor<4x2xf8E8M0FNU>) -> tensor<4x64xbf16>
  return %0 : tensor<4x64xbf16>
}

// -----

// CHECK: #[[MX:.*]] = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
// CHECK-LABEL: func.func @cast_to
// CHECK: %[[S:.*]] = arith.bitcast %{{.*}} : tensor<4x2xi8> to tensor<4x2xf8E8M0FNU>
// CHECK: %[[E:.*]] = qfmt.quantize %{{.*}} given(%[[S]] : tensor<4x2xf8E8M0FNU>) nan = propagate : tensor<4x64xf32> to tensor<4x64xf32, #[[MX]]>
// CHECK: qfmt.constituents %[[E]]
func.func @cast_to(%x: tensor<4x64xf32>) -> (tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU>) {
  %0:2 = tosa.cast_to_block_scaled %x {block_size = BLOCK_SIZE_32} : (tensor<4x64xf32>) -> (tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU>)
  return %0#0, %0#1 : tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU>
}

// -----

// CHECK-DAG: #[[B:.*]] = affine_map<(d0, d1, d2, d3) -> (0, d2, d3)>
// CHECK-LABEL: func.func @matmul
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[B]], #{{.*}}], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<2x4x64xf32, #{{.*}}>, tensor<1x8x64xf32, #{{.*}}>)
func.func @matmul(%a: tensor<2x4x64xf4E2M1FN>, %as: tensor<2x4x2xf8E8M0FNU>, %b: tensor<1x8x64xf4E2M1FN>, %bs: tensor<1x8x2xf8E8M0FNU>) -> tensor<2x4x8xf32> {
  %0 = tosa.matmul_t_block_scaled %a, %as, %b, %bs {block_size = BLOCK_SIZE_32} : (tensor<2x4x64xf4E2M1FN>, tensor<2x4x2xf8E8M0FNU>, tensor<1x8x64xf4E2M1FN>, tensor<1x8x2xf8E8M0FNU>) -> tensor<2x4x8xf32>
  return %0 : tensor<2x4x8xf32>
}
