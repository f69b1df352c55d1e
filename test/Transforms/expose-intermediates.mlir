// RUN: qfmt-opt %s -qfmt-expose-intermediates | FileCheck %s

#q = #qfmt.scaled<i8, scale = 0.5>

// An observer is replaced by the result it asks for.
// CHECK-LABEL: func.func @observed
// CHECK-SAME: -> (tensor<4xf32> {qfmt.name = "y"}, tensor<4xf32>)
// CHECK-NEXT: return %arg0, %arg0
func.func @observed(%x: tensor<4xf32>) -> (tensor<4xf32> {qfmt.name = "y"}) {
  %0 = qfmt.observe %x "x" : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @encoded
// CHECK-NEXT: %[[Q:.*]] = qfmt.quantize %arg0
// CHECK-NEXT: %[[D:.*]] = qfmt.dequantize %[[Q]]
// CHECK-NEXT: return %[[Q]], %[[D]]
func.func @encoded(%x: tensor<4xf32>) -> tensor<4xf32, #q> {
  %0 = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #q>
  return %0 : tensor<4xf32, #q>
}

// CHECK-LABEL: func.func private @private
// CHECK-NEXT: qfmt.observe
func.func private @private(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = qfmt.observe %x "private" : tensor<4xf32>
  return %0 : tensor<4xf32>
}
