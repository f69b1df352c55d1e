// RUN: qfmt-opt %s -qfmt-raise-concat -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @side_by_side
// CHECK: %[[C:.*]] = tensor.concat dim(1) %arg0, %arg1, %arg0 : (tensor<1x2x4xf32>, tensor<1x3x4xf32>, tensor<1x2x4xf32>) -> tensor<1x7x4xf32>
// CHECK-NEXT: return %[[C]]
func.func @side_by_side(%a: tensor<1x2x4xf32>, %b: tensor<1x3x4xf32>) -> tensor<1x7x4xf32> {
  %e = tensor.empty() : tensor<1x7x4xf32>
  %0 = tensor.insert_slice %a into %e[0, 0, 0] [1, 2, 4] [1, 1, 1] : tensor<1x2x4xf32> into tensor<1x7x4xf32>
  %1 = tensor.insert_slice %b into %0[0, 2, 0] [1, 3, 4] [1, 1, 1] : tensor<1x3x4xf32> into tensor<1x7x4xf32>
  %2 = tensor.insert_slice %a into %1[0, 5, 0] [1, 2, 4] [1, 1, 1] : tensor<1x2x4xf32> into tensor<1x7x4xf32>
  return %2 : tensor<1x7x4xf32>
}

// -----

// A gap keeps what was there.
// CHECK-LABEL: func.func @gap
// CHECK-NOT: tensor.concat
func.func @gap(%a: tensor<2xf32>) -> tensor<7xf32> {
  %e = tensor.empty() : tensor<7xf32>
  %0 = tensor.insert_slice %a into %e[0] [2] [1] : tensor<2xf32> into tensor<7xf32>
  %1 = tensor.insert_slice %a into %0[5] [2] [1] : tensor<2xf32> into tensor<7xf32>
  return %1 : tensor<7xf32>
}

// -----

// The first half is read by itself.
// CHECK-LABEL: func.func @half_is_used
// CHECK-NOT: tensor.concat
func.func @half_is_used(%a: tensor<2xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %e = tensor.empty() : tensor<4xf32>
  %0 = tensor.insert_slice %a into %e[0] [2] [1] : tensor<2xf32> into tensor<4xf32>
  %1 = tensor.insert_slice %a into %0[2] [2] [1] : tensor<2xf32> into tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @into_data
// CHECK-NOT: tensor.concat
func.func @into_data(%a: tensor<2xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tensor.insert_slice %a into %e[0] [2] [1] : tensor<2xf32> into tensor<4xf32>
  %1 = tensor.insert_slice %a into %0[2] [2] [1] : tensor<2xf32> into tensor<4xf32>
  return %1 : tensor<4xf32>
}
