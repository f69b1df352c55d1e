// RUN: qfmt-opt %s --qfmt-simulate-precision="exponent=7 mantissa=3" | FileCheck %s
// RUN: qfmt-opt %s --qfmt-simulate-precision="exponent=8 mantissa=7 rounding=half_even" | FileCheck %s --check-prefix=BF16
// RUN: qfmt-opt %s --qfmt-simulate-precision="exponent=5 mantissa=2 scope=all" | FileCheck %s --check-prefix=ALL
// RUN: qfmt-opt %s --qfmt-simulate-precision="exponent=5 mantissa=2 scope=all" --qfmt-verify-level=level=encoded -o /dev/null

// The factors, each once, although two products read %a. Not the sum.
// CHECK-DAG:   #[[FORMAT:.*]] = #qfmt.scaled<!qfmt.float<7, 3, specials = ieee, no_subnormals>>
// CHECK-LABEL: @matmul(
// CHECK-SAME:    %[[A:.*]]: tensor<4x4xf32>, %[[B:.*]]: tensor<4x4xf32>, %[[C:.*]]: tensor<4x4xf32>
// CHECK-DAG:     %[[QA:.*]] = qfmt.quantize %[[A]] rounding = toward_zero nan = propagate : tensor<4x4xf32> to tensor<4x4xf32, #[[FORMAT]]>
// CHECK-DAG:     %[[RA:.*]] = qfmt.dequantize %[[QA]]
// CHECK-DAG:     %[[QB:.*]] = qfmt.quantize %[[B]]
// CHECK-DAG:     %[[RB:.*]] = qfmt.dequantize %[[QB]]
// CHECK:         linalg.matmul ins(%[[RA]], %[[RB]] : {{.*}}) outs(%[[C]] :
// CHECK:         linalg.matmul ins(%[[RB]], %[[RA]] : {{.*}}) outs(%[[C]] :
// CHECK-NEXT:    linalg.add ins(
// CHECK-NEXT:    return

// bf16 has the exponents of f32: nothing is clipped.
// BF16-LABEL: @matmul(
// BF16:         qfmt.quantize %{{.*}} overflow = infinity nan = propagate : tensor<4x4xf32> to tensor<4x4xf32, #q_bf16>
func.func @matmul(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>, %c: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) outs(%c : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = linalg.matmul ins(%b, %a : tensor<4x4xf32>, tensor<4x4xf32>) outs(%c : tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = linalg.add ins(%0, %1 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%c : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// bf16 products have every bit already.
// BF16-LABEL: @bf16(
// BF16-NOT:     qfmt.quantize
// BF16:         return
// With all tensors: the argument, the constant and the sum, but nothing that has no elements yet, and no integers.
// ALL-LABEL:  @bf16(
// ALL-SAME:     %[[X:.*]]: tensor<4xbf16>
// ALL-DAG:      qfmt.quantize %[[X]]
// ALL-DAG:      %[[C:.*]] = arith.constant dense<1.0{{.*}}> : tensor<4xbf16>
// ALL-DAG:      qfmt.quantize %[[C]]
// ALL:          %[[E:.*]] = tensor.empty() : tensor<4xbf16>
// ALL-NOT:      qfmt.quantize %[[E]]
// ALL:          %[[Y:.*]] = linalg.add
// ALL:          %[[Q:.*]] = qfmt.quantize %[[Y]]
// ALL:          %[[R:.*]] = qfmt.dequantize %[[Q]]
// ALL:          return %[[R]], %{{.*}} : tensor<4xbf16>, tensor<4xi8>
func.func @bf16(%x: tensor<4xbf16>, %i: tensor<4xi8>) -> (tensor<4xbf16>, tensor<4xi8>) {
  %c = arith.constant dense<1.0> : tensor<4xbf16>
  %e = tensor.empty() : tensor<4xbf16>
  %y = linalg.add ins(%x, %c : tensor<4xbf16>, tensor<4xbf16>) outs(%e : tensor<4xbf16>) -> tensor<4xbf16>
  return %y, %i : tensor<4xbf16>, tensor<4xi8>
}
