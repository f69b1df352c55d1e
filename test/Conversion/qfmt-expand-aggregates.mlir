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
