// RUN: qfmt-opt %s -qfmt-erase-unused-results | FileCheck %s

// The index of a maximum which nobody reads is not computed; the maximum is.

#whole = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
// CHECK-LABEL: func @maximum
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>)
func.func @maximum(%x: tensor<4x8xf32>) -> tensor<4xf32> {
  // CHECK-NOT: i64
  // CHECK: %[[MAX:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<4x8xf32>) outs(%{{.*}} : tensor<4xf32>)
  // CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %[[OUT:.*]]: f32):
  // CHECK-NEXT: %[[M:.*]] = arith.maximumf %[[IN]], %[[OUT]]
  // CHECK-NEXT: linalg.yield %[[M]] : f32
  // CHECK: return %[[MAX]]
  %lows = arith.constant dense<0xFF800000> : tensor<4xf32>
  %empty = tensor.empty() : tensor<4xi64>
  %none = arith.constant 0 : i64
  %zeros = linalg.fill ins(%none : i64) outs(%empty : tensor<4xi64>) -> tensor<4xi64>
  %max:2 = linalg.generic {indexing_maps = [#whole, #row, #row], iterator_types = ["parallel", "reduction"]}
    ins(%x : tensor<4x8xf32>) outs(%lows, %zeros : tensor<4xf32>, tensor<4xi64>) {
  ^bb0(%in: f32, %out: f32, %place: i64):
    %0 = linalg.index 1 : index
    %1 = arith.index_cast %0 : index to i64
    %2 = arith.maximumf %in, %out : f32
    %3 = arith.cmpf ogt, %in, %out : f32
    %4 = arith.select %3, %1, %place : i64
    linalg.yield %2, %4 : f32, i64
  } -> (tensor<4xf32>, tensor<4xi64>)
  return %max#0 : tensor<4xf32>
}

// CHECK-LABEL: func @index
func.func @index(%x: tensor<4x8xf32>) -> tensor<4xi64> {
  // CHECK: linalg.generic
  // CHECK: arith.select
  // CHECK: return %{{.*}} : tensor<4xi64>
  %lows = arith.constant dense<0xFF800000> : tensor<4xf32>
  %zeros = arith.constant dense<0> : tensor<4xi64>
  %max:2 = linalg.generic {indexing_maps = [#whole, #row, #row], iterator_types = ["parallel", "reduction"]}
    ins(%x : tensor<4x8xf32>) outs(%lows, %zeros : tensor<4xf32>, tensor<4xi64>) {
  ^bb0(%in: f32, %out: f32, %place: i64):
    %0 = linalg.index 1 : index
    %1 = arith.index_cast %0 : index to i64
    %2 = arith.maximumf %in, %out : f32
    %3 = arith.cmpf ogt, %in, %out : f32
    %4 = arith.select %3, %1, %place : i64
    linalg.yield %2, %4 : f32, i64
  } -> (tensor<4xf32>, tensor<4xi64>)
  return %max#1 : tensor<4xi64>
}
