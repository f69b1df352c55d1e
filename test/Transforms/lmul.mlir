// RUN: qfmt-opt %s --qfmt-lmul --split-input-file | FileCheck %s
// RUN: qfmt-opt %s --qfmt-lmul="scope=all mantissa=9" --split-input-file | FileCheck %s --check-prefix=ALL
// RUN: qfmt-opt %s --qfmt-lmul="scope=marked mantissa=5" --split-input-file | FileCheck %s --check-prefix=MARKED

// A named operation becomes a generic one; the sum stays.
// CHECK-LABEL: @matmul(
// CHECK:         linalg.generic
// CHECK-NEXT:    ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[ACC:.*]]: f32)
// CHECK-NEXT:      %[[P:.*]] = qfmt.lmul %[[X]], %[[W]] : f32
// CHECK-NEXT:      %[[S:.*]] = arith.addf %[[ACC]], %[[P]] : f32
// ALL-LABEL:   @matmul(
// ALL:           qfmt.lmul {{.*}} mantissa = 9 : f32
// MARKED-LABEL: @matmul(
// MARKED:        linalg.matmul
func.func @matmul(%a: tensor<4x8xf32>, %b: tensor<8x4xf32>, %z: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %y = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

// Also a convolution of bf16, which is multiplied in f32, and one that reads codes.
// CHECK-LABEL: @convolutions(
// CHECK:         qfmt.lmul {{.*}} : f32
// CHECK:         ins(%{{.*}}, %{{.*}} : tensor<1x2x5x5xf32, #{{.*}}>, tensor<3x2x3x3xf32>)
// CHECK:         qfmt.lmul {{.*}} : f32
func.func @convolutions(%x: tensor<1x2x5x5xbf16>, %w: tensor<3x2x3x3xbf16>, %z: tensor<1x3x3x3xf32>,
                        %q: tensor<1x2x5x5xf32, #qfmt.scaled<i8, scale = 0.5>>, %v: tensor<3x2x3x3xf32>)
    -> (tensor<1x3x3x3xf32>, tensor<1x3x3x3xf32>) {
  %0 = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x2x5x5xbf16>, tensor<3x2x3x3xbf16>) outs(%z : tensor<1x3x3x3xf32>) -> tensor<1x3x3x3xf32>
  %1 = linalg.conv_2d_nchw_fchw ins(%q, %v : tensor<1x2x5x5xf32, #qfmt.scaled<i8, scale = 0.5>>, tensor<3x2x3x3xf32>)
       outs(%z : tensor<1x3x3x3xf32>) -> tensor<1x3x3x3xf32>
  return %0, %1 : tensor<1x3x3x3xf32>, tensor<1x3x3x3xf32>
}

// -----

#id = affine_map<(i) -> (i)>
#scalar = affine_map<(i) -> ()>

// A product that is not summed, one with a constant, one of f64: no contraction. Of `all`, only f64 stays; a type with less
// mantissa bits keeps all of them.
// CHECK-LABEL: @others(
// CHECK-NOT:     qfmt.lmul
// CHECK:         return
// ALL-LABEL:   @others(
// ALL:           qfmt.lmul {{.*}} mantissa = 9 : f16
// ALL:           linalg.dot
// ALL:           qfmt.lmul {{.*}} mantissa = 9 : f32
// ALL:           qfmt.lmul {{.*}} : tensor<4xbf16>
func.func @others(%h: tensor<4xf16>, %d: tensor<4xf64>, %f: tensor<4xf32>, %b: tensor<4xbf16>, %dz: tensor<f64>, %fz: tensor<f32>)
    -> (tensor<4xf16>, tensor<f64>, tensor<f32>, tensor<4xbf16>) {
  %c = arith.constant 0.25 : f32
  %0 = linalg.mul {keep = 1 : i32} ins(%h, %h : tensor<4xf16>, tensor<4xf16>) outs(%h : tensor<4xf16>) -> tensor<4xf16>
  %1 = linalg.dot ins(%d, %d : tensor<4xf64>, tensor<4xf64>) outs(%dz : tensor<f64>) -> tensor<f64>
  %2 = linalg.generic {indexing_maps = [#id, #scalar], iterator_types = ["reduction"]} ins(%f : tensor<4xf32>) outs(%fz : tensor<f32>) {
  ^bb0(%x: f32, %acc: f32):
    %p = arith.mulf %x, %c : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  %3 = arith.mulf %b, %b : tensor<4xbf16>
  return %0, %1, %2, %3 : tensor<4xf16>, tensor<f64>, tensor<f32>, tensor<4xbf16>
}

// -----

// A mark on the operation or on the product, with its own mantissa or that of the pass. Marks do not stay.
// MARKED-LABEL: @marked(
// MARKED-NOT:     {{.*}}qfmt.lmul}
// MARKED:         linalg.generic
// MARKED:         qfmt.lmul {{.*}} mantissa = 3 : f32
// MARKED:         } -> tensor<4x4xf32>
// MARKED:         qfmt.lmul {{.*}} mantissa = 5 : tensor<4x4xf32>
// MARKED-NEXT:    arith.mulf
func.func @marked(%a: tensor<4x4xf32>, %z: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = linalg.matmul {qfmt.lmul = 3 : i64} ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = arith.mulf %0, %a {qfmt.lmul} : tensor<4x4xf32>
  %2 = arith.mulf %1, %a : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}
