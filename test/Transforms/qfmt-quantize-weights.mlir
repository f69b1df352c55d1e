// RUN: qfmt-opt %s --qfmt-quantize-weights=format=mxfp4 --split-input-file | FileCheck %s
// RUN: qfmt-opt %s --qfmt-quantize-weights=format='#qfmt.scaled<i4,scale=f16>' --split-input-file | FileCheck %s --check-prefix=TEXT

// The reduced dimension is the row; blocks lie along it.
// CHECK-DAG: [[KN:#.*]] = #qfmt.scaled<f4E2M1FN, block = [32, 1], scale = f8E8M0FNU>
// CHECK-DAG: [[NK:#.*]] = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
// TEXT-DAG: #[[ENC:.*]] = #qfmt.scaled<i4, scale = f16>

// CHECK-LABEL: @matmul
//       CHECK: %[[W:.*]] = arith.constant dense
//       CHECK: %[[Q:.*]] = qfmt.quantize %[[W]] scale_rule = floor_log2 : tensor<64x8xf32> to tensor<64x8xf32, [[KN]]>
//       CHECK: linalg.matmul ins(%{{.*}}, %[[Q]] : tensor<4x64xf32>, tensor<64x8xf32, [[KN]]>)
//  TEXT-LABEL: @matmul
//        TEXT: qfmt.quantize %{{.*}} : tensor<64x8xf32> to tensor<64x8xf32, #[[ENC]]>
func.func @matmul(%x: tensor<4x64xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %w = arith.constant dense<2.0> : tensor<64x8xf32>
  %r = linalg.matmul ins(%x, %w : tensor<4x64xf32>, tensor<64x8xf32>) outs(%y : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}

// Read twice in one way, encoded once; the result's first value is no weight.
// CHECK-LABEL: @transposed
//       CHECK: qfmt.quantize {{.*}} to tensor<8x64xf32, [[NK]]>
//   CHECK-NOT: qfmt.quantize
//       CHECK: return
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#r = affine_map<(m, n, k) -> (m, n)>
func.func @transposed(%x: tensor<4x64xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %w = arith.constant dense<2.0> : tensor<8x64xf32>
  %y = arith.constant dense<1.0> : tensor<4x8xf32>
  %a = linalg.generic {indexing_maps = [#x, #w, #r], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x64xf32>, tensor<8x64xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %b = linalg.generic {indexing_maps = [#x, #w, #r], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x64xf32>, tensor<8x64xf32>) outs(%a : tensor<4x8xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  return %a, %b : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Output channel, input channels, kernel: the blocks lie along the input
// channels, the largest dimension of a row.
// CHECK: [[OIHW:#.*]] = #qfmt.scaled<f4E2M1FN, block = [1, 32, 1, 1], scale = f8E8M0FNU>
// CHECK-LABEL: @conv
//       CHECK: qfmt.quantize {{.*}} to tensor<16x64x3x3xf32, [[OIHW]]>
//  TEXT-LABEL: @conv
func.func @conv(%x: tensor<1x64x8x8xf32>, %y: tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32> {
  %w = arith.constant dense<2.0> : tensor<16x64x3x3xf32>
  %r = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x64x8x8xf32>, tensor<16x64x3x3xf32>)
      outs(%y : tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32>
  return %r : tensor<1x16x6x6xf32>
}
