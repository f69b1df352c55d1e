// RUN: qfmt-opt %s --qfmt-sharpness-to-linalg | FileCheck %s

// Everything in f64, the result rounded once; sizes that are not known are those of the logits.
// CHECK-LABEL: @sharpness(
// CHECK-SAME:    %[[Z:.*]]: tensor<?x9xf32>, %[[T:.*]]: tensor<?xi32>
// CHECK:         %[[ROWS:.*]] = tensor.dim %[[Z]], %{{.*}} : tensor<?x9xf32>
// CHECK:         tensor.empty(%[[ROWS]]) : tensor<?xf64>
// CHECK:         %[[EXTREMES:.*]]:3 = linalg.generic {{.*}}["parallel", "reduction"]} ins(%[[Z]], %[[T]] : tensor<?x9xf32>, tensor<?xi32>)
// CHECK:           arith.extf %{{.*}} : f32 to f64
// CHECK:           linalg.index 1
// CHECK:           arith.maximumf
// CHECK:           arith.maximumf
// CHECK:         %[[SUMS:.*]]:2 = linalg.generic {{.*}}["parallel", "reduction"]} ins(%[[Z]], %[[T]], %[[EXTREMES]]#0, %[[EXTREMES]]#1 :
// CHECK:           math.exp
// CHECK:           math.exp
// CHECK:         %[[S:.*]] = linalg.generic {{.*}}["parallel"]} ins(%[[EXTREMES]]#0, %[[EXTREMES]]#1, %[[EXTREMES]]#2, %[[SUMS]]#0, %[[SUMS]]#1 :
// CHECK:           math.log
// CHECK:           math.log
// CHECK:           arith.truncf %{{.*}} : f64 to f32
// CHECK:         return %[[S]] : tensor<?xf32>
func.func @sharpness(%z: tensor<?x9xf32>, %t: tensor<?xi32>) -> tensor<?xf32> {
  %s = qfmt.sharpness %z, %t epsilon = 1.0e-3 : tensor<?x9xf32>, tensor<?xi32> to tensor<?xf32>
  return %s : tensor<?xf32>
}

// One row without a dimension of its own.
// CHECK-LABEL: @one_row(
// CHECK:         linalg.generic {{.*}}["reduction"]}
// CHECK:         linalg.generic {{.*}}["reduction"]}
// CHECK:         linalg.generic {{.*}}iterator_types = []}
func.func @one_row(%z: tensor<9xf64>, %t: tensor<i64>) -> tensor<f64> {
  %s = qfmt.sharpness %z, %t epsilon = 1.0e-3 : tensor<9xf64>, tensor<i64> to tensor<f64>
  return %s : tensor<f64>
}
