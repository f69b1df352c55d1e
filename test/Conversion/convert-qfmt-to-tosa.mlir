// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-qfmt-to-tosa --split-input-file | FileCheck %s

// The multiplier gets as many bits as it can, so that every i32 fits TOSA's range: 3 / 2^35 is 3 * 2^27 / 2^62.

// CHECK-LABEL: func.func @tensors
// CHECK-DAG: %[[M:.*]] = "tosa.const"() <{values = dense<402653184> : tensor<1xi32>}>
// CHECK-DAG: %[[N:.*]] = "tosa.const"() <{values = dense<62> : tensor<1xi8>}>
// CHECK: tosa.rescale %{{.*}}, %[[M]], %[[N]], %{{.*}}, %{{.*}} {input_unsigned = false, output_unsigned = false, per_channel = false, rounding_mode = SINGLE_ROUND, scale32 = true}
// CHECK-SAME: -> tensor<2x3xi8>
// CHECK: %[[M3:.*]] = "tosa.const"() <{values = dense<[1610612736, 2013265920, 1610612736]> : tensor<3xi32>}>
// CHECK: %[[N3:.*]] = "tosa.const"() <{values = dense<[45, 48, 40]> : tensor<3xi8>}>
// CHECK: tosa.rescale %{{.*}}, %[[M3]], %[[N3]], {{.*}}per_channel = true
// CHECK-NOT: qfmt
func.func @tensors(%x: tensor<2x3xi32>) -> (tensor<2x3xi8>, tensor<2x3xi16>) {
  %m = arith.constant dense<3> : tensor<2x3xi32>
  %n = arith.constant dense<35> : tensor<2x3xi32>
  %0 = qfmt.dyadic_scale %x, %m, %n rounding = half_up : tensor<2x3xi32>, tensor<2x3xi32>, tensor<2x3xi32> to tensor<2x3xi8>
  %m3 = arith.constant dense<[[3, 15, 3], [3, 15, 3]]> : tensor<2x3xi32>
  %n3 = arith.constant dense<[[16, 21, 11], [16, 21, 11]]> : tensor<2x3xi32>
  %1 = qfmt.dyadic_scale %x, %m3, %n3 rounding = half_up : tensor<2x3xi32>, tensor<2x3xi32>, tensor<2x3xi32> to tensor<2x3xi16>
  return %0, %1 : tensor<2x3xi8>, tensor<2x3xi16>
}

// -----

// CHECK-LABEL: func.func @linalg
// CHECK-DAG: %[[IZ:.*]] = "tosa.const"() <{values = dense<-3> : tensor<1xi8>}>
// CHECK-DAG: %[[OZ:.*]] = "tosa.const"() <{values = dense<-56> : tensor<1xi8>}>
// CHECK: tosa.rescale %{{.*}}, %{{.*}}, %{{.*}}, %[[IZ]], %[[OZ]] {input_unsigned = false, output_unsigned = true, per_channel = true
// CHECK-NOT: linalg
#all = affine_map<(d0, d1) -> (d0, d1)>
#last = affine_map<(d0, d1) -> (d1)>
func.func @linalg(%x: tensor<?x2xi8>, %y: tensor<?x2xi8>) -> tensor<?x2xi8> {
  %m = arith.constant dense<[20000, 30000]> : tensor<2xi16>
  %n = arith.constant dense<[15, 16]> : tensor<2xi8>
  %zero = arith.constant -3 : i32
  %out = arith.constant 200 : i64
  %low = arith.constant 0 : i64
  %high = arith.constant 255 : i64
  %0 = linalg.generic {indexing_maps = [#all, #last, #last, #all], iterator_types = ["parallel", "parallel"]} ins(%x, %m, %n : tensor<?x2xi8>, tensor<2xi16>, tensor<2xi8>) outs(%y : tensor<?x2xi8>) {
  ^bb0(%a: i8, %b: i16, %c: i8, %d: i8):
    %1 = arith.extsi %a : i8 to i32
    %2 = arith.subi %1, %zero : i32
    %3 = arith.extsi %b : i16 to i32
    %4 = arith.extsi %c : i8 to i32
    %5 = qfmt.dyadic_scale %2, %3, %4 rounding = half_up : i32, i32, i32 to i64
    %6 = arith.addi %5, %out : i64
    %7 = arith.maxsi %6, %low : i64
    %8 = arith.minsi %7, %high : i64
    %9 = arith.trunci %8 : i64 to i8
    linalg.yield %9 : i8
  } -> tensor<?x2xi8>
  return %0 : tensor<?x2xi8>
}

// -----

// A block-scaled tensor is a pair, also where functions and branches pass it on.

// CHECK-LABEL: func.func @casts
// CHECK-SAME: (%[[D:.*]]: tensor<4x64xf4E2M1FN>, %[[S:.*]]: tensor<4x2xf8E8M0FNU>, %{{.*}}: i1) -> (tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU>, tensor<4x64xf32>)
// CHECK: scf.if %{{.*}} -> (tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU>)
// CHECK: tosa.cast_from_block_scaled %[[D]], %[[S]] {block_size = BLOCK_SIZE_32}
#mx = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
func.func @casts(%x: tensor<4x64xf32, #mx>, %c: i1) -> (tensor<4x64xf32, #mx>, tensor<4x64xf32>) {
  %0 = scf.if %c -> tensor<4x64xf32, #mx> {
    scf.yield %x : tensor<4x64xf32, #mx>
  } else {
    %d, %s = qfmt.constituents %x : tensor<4x64xf32, #mx> to tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU>
    %2 = qfmt.assemble %d, %s : tensor<4x64xf4E2M1FN>, tensor<4x2xf8E8M0FNU> to tensor<4x64xf32, #mx>
    scf.yield %2 : tensor<4x64xf32, #mx>
  }
  %1 = qfmt.dequantize %x : tensor<4x64xf32, #mx> to tensor<4x64xf32>
  return %0, %1 : tensor<4x64xf32, #mx>, tensor<4x64xf32>
}

// -----

// CHECK-LABEL: func.func @cast_to
// CHECK: %[[D:.*]], %[[S:.*]] = tosa.cast_to_block_scaled %{{.*}} {block_size = BLOCK_SIZE_32} : (tensor<64xbf16>) -> (tensor<64xf8E4M3FN>, tensor<2xf8E8M0FNU>)
// CHECK: return %[[D]], %[[S]]
#mx = #qfmt.scaled<f8E4M3FN, block = [32], scale = f8E8M0FNU>
func.func @cast_to(%x: tensor<64xbf16>) -> tensor<64xbf16, #mx> {
  %0 = qfmt.quantize %x scale_rule = ceil_log2 : tensor<64xbf16> to tensor<64xbf16, #mx>
  return %0 : tensor<64xbf16, #mx>
}

// -----

// The product that TOSA has, and another one, which reads reals.

// CHECK-LABEL: func.func @products
// CHECK: tosa.matmul_t_block_scaled %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {block_size = BLOCK_SIZE_32}
// CHECK-COUNT-2: tosa.cast_from_block_scaled
// CHECK: linalg.batch_matmul
#mx = #qfmt.scaled<f4E2M1FN, block = [1, 1, 32], scale = f8E8M0FNU>
func.func @products(%a: tensor<2x4x64xf32, #mx>, %b: tensor<1x32x64xf32, #mx>, %d: tensor<2x64x32xf32, #mx>, %y: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>, tensor<2x4x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%y : tensor<2x4x32xf32>) -> tensor<2x4x32xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(n, h, w, c) -> (n, h, c)>, affine_map<(n, h, w, c) -> (0, w, c)>, affine_map<(n, h, w, c) -> (n, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%a, %b : tensor<2x4x64xf32, #mx>, tensor<1x32x64xf32, #mx>) outs(%init : tensor<2x4x32xf32>) {
  ^bb0(%p: f32, %q: f32, %r: f32):
    %s = arith.mulf %p, %q : f32
    %t = arith.addf %r, %s : f32
    linalg.yield %t : f32
  } -> tensor<2x4x32xf32>
  %1 = linalg.batch_matmul ins(%a, %d : tensor<2x4x64xf32, #mx>, tensor<2x64x32xf32, #mx>) outs(%y : tensor<2x4x32xf32>) -> tensor<2x4x32xf32>
  return %0, %1 : tensor<2x4x32xf32>, tensor<2x4x32xf32>
}

// -----

// The first rescale is replaced before the one that reads it.

// CHECK-LABEL: func.func @one_after_the_other
// CHECK: %[[FIRST:.*]] = tosa.rescale %arg0
// CHECK: %[[SECOND:.*]] = tosa.rescale %[[FIRST]]
// CHECK: return %[[SECOND]]
func.func @one_after_the_other(%x: tensor<4xi32>) -> tensor<4xi32> {
  %m = arith.constant dense<3> : tensor<4xi32>
  %n = arith.constant dense<45> : tensor<4xi32>
  %0 = qfmt.dyadic_scale %x, %m, %n rounding = half_up : tensor<4xi32>, tensor<4xi32>, tensor<4xi32> to tensor<4xi32>
  %1 = qfmt.dyadic_scale %0, %m, %n rounding = half_up : tensor<4xi32>, tensor<4xi32>, tensor<4xi32> to tensor<4xi32>
  return %1 : tensor<4xi32>
}
