// RUN: qfmt-opt %s --qfmt-encode-constants | FileCheck %s

// 3, 127, -128 at scale 1.
// CHECK-LABEL: @static
//       CHECK: %[[C:.*]] = arith.constant dense<[3, 127, -128]> : tensor<3xi8>
//       CHECK: qfmt.assemble %[[C]] : tensor<3xi8>
//   CHECK-NOT: quantize
func.func @static() -> tensor<3xf32, #qfmt.scaled<i8>> {
  %w = arith.constant dense<[2.6, 200.0, -300.0]> : tensor<3xf32>
  %q = qfmt.quantize %w : tensor<3xf32> to tensor<3xf32, #qfmt.scaled<i8>>
  return %q : tensor<3xf32, #qfmt.scaled<i8>>
}

// Given scales and values of no constant stay.
// CHECK-LABEL: @stay
// CHECK-COUNT-2: qfmt.quantize
func.func @stay(%x: tensor<2xf32>, %s: tensor<1xf32>) -> (tensor<2xf32, #qfmt.scaled<i8>>, tensor<2xf32, #qfmt.scaled<i8, scale = f32>>) {
  %w = arith.constant dense<[2.5, 2.0]> : tensor<2xf32>
  %b = qfmt.quantize %x : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i8>>
  %c = qfmt.quantize %w given(%s : tensor<1xf32>) : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i8, scale = f32>>
  return %b, %c : tensor<2xf32, #qfmt.scaled<i8>>, tensor<2xf32, #qfmt.scaled<i8, scale = f32>>
}

// What is drawn depends on the number of an element, so that a tensor of several pieces has to be run as one:
// of 2^20 halves the second half is not the first one again.
// RUN: qfmt-opt %s --qfmt-encode-constants -o %t.mlir
// RUN: qfmt-run %t.mlir --entry=random --outputs=%t.encoded.npy
// RUN: qfmt-run %s --entry=random --outputs=%t.quantized.npy
// RUN: cmp %t.encoded.npy %t.quantized.npy
// CHECK-LABEL: @random
//   CHECK-NOT: qfmt.quantize
//       CHECK: qfmt.assemble
func.func @random() -> tensor<1024x1024xf32> {
  %w = arith.constant dense<0.5> : tensor<1024x1024xf32>
  %q = qfmt.quantize %w stochastic = 1 : tensor<1024x1024xf32> to tensor<1024x1024xf32, #qfmt.scaled<i8>>
  %y = qfmt.dequantize %q : tensor<1024x1024xf32, #qfmt.scaled<i8>> to tensor<1024x1024xf32>
  return %y : tensor<1024x1024xf32>
}
