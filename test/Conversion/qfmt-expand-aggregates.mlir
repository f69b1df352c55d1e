// RUN: qfmt-opt %s --qfmt-expand-aggregates | FileCheck %s

// CHECK-LABEL: @concat(
// CHECK-NOT:     tensor.concat
// CHECK:         %[[A:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [2, 3] [1, 1]
// CHECK:         tensor.insert_slice %{{.*}} into %[[A]][0, 3] [2, 1] [1, 1]
func.func @concat(%x: tensor<2x3xi8>, %y: tensor<2x1xi8>) -> tensor<2x4xi8> {
  %0 = tensor.concat dim(1) %x, %y : (tensor<2x3xi8>, tensor<2x1xi8>) -> tensor<2x4xi8>
  return %0 : tensor<2x4xi8>
}

// CHECK-LABEL: @softmax(
// CHECK-NOT:     linalg.softmax
// CHECK:         math.exp
func.func @softmax(%x: tensor<2x3xf32>, %y: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = linalg.softmax dimension(1) ins(%x : tensor<2x3xf32>) outs(%y : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// A padded tensor without elements is padding alone.
// CHECK-LABEL: @pad_nothing(
// CHECK-SAME:    %{{.*}}: tensor<0x?xi8>, %[[B:[^:]*]]: i8
// CHECK:         %[[N:.*]] = affine.apply
// CHECK:         tensor.generate %[[N]] {
// CHECK:           tensor.yield %[[B]]
// CHECK:         : tensor<2x?xi8>
// CHECK-NOT:     tensor.pad
func.func @pad_nothing(%x: tensor<0x?xi8>, %b: i8) -> tensor<2x?xi8> {
  %0 = tensor.pad %x low[2, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %b : i8
  } : tensor<0x?xi8> to tensor<2x?xi8>
  return %0 : tensor<2x?xi8>
}

// So is one between paddings that fill the result.
// CHECK-LABEL: @pad_to_end(
// CHECK:         tensor.generate
// CHECK-NOT:     tensor.pad
func.func @pad_to_end(%x: tensor<?xi8>, %b: i8) -> tensor<2xi8> {
  %0 = tensor.pad %x low[2] high[0] {
  ^bb0(%i: index):
    tensor.yield %b : i8
  } : tensor<?xi8> to tensor<2xi8>
  return %0 : tensor<2xi8>
}

// CHECK-LABEL: @pad_something(
// CHECK:         tensor.pad
func.func @pad_something(%x: tensor<1xi8>, %b: i8) -> tensor<3xi8> {
  %0 = tensor.pad %x low[2] high[0] {
  ^bb0(%i: index):
    tensor.yield %b : i8
  } : tensor<1xi8> to tensor<3xi8>
  return %0 : tensor<3xi8>
}
