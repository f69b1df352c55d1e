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

// A seed, given scales and values of no constant stay.
// CHECK-LABEL: @stay
// CHECK-COUNT-3: qfmt.quantize
func.func @stay(%x: tensor<2xf32>, %s: tensor<1xf32>) -> (tensor<2xf32, #qfmt.scaled<i8>>, tensor<2xf32, #qfmt.scaled<i8>>,
                                                           tensor<2xf32, #qfmt.scaled<i8, scale = f32>>) {
  %w = arith.constant dense<[2.5, 2.0]> : tensor<2xf32>
  %a = qfmt.quantize %w stochastic = 1 : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i8>>
  %b = qfmt.quantize %x : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i8>>
  %c = qfmt.quantize %w given(%s : tensor<1xf32>) : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i8, scale = f32>>
  return %a, %b, %c : tensor<2xf32, #qfmt.scaled<i8>>, tensor<2xf32, #qfmt.scaled<i8>>, tensor<2xf32, #qfmt.scaled<i8, scale = f32>>
}
