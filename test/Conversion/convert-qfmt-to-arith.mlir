// RUN: qfmt-opt %s --convert-qfmt-to-arith | FileCheck %s

// Flooring needs no bias: shift, then saturate to the result.
// CHECK-LABEL: @floor(
// CHECK-SAME:    %[[ACC:.*]]: i32, %[[M:.*]]: i32, %[[N:.*]]: i32
// CHECK-DAG:     %[[N64:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK-DAG:     %[[ACC64:.*]] = arith.extsi %[[ACC]]
// CHECK-DAG:     %[[M64:.*]] = arith.extsi %[[M]]
// CHECK:         %[[P:.*]] = arith.muli %[[ACC64]], %[[M64]] : i64
// CHECK-NEXT:    %[[S:.*]] = arith.shrsi %[[P]], %[[N64]] : i64
// CHECK:         %[[LOW:.*]] = arith.constant -128 : i64
// CHECK:         %[[MAX:.*]] = arith.maxsi %[[S]], %[[LOW]]
// CHECK:         %[[HIGH:.*]] = arith.constant 127 : i64
// CHECK:         %[[MIN:.*]] = arith.minsi %[[MAX]], %[[HIGH]]
// CHECK:         arith.trunci %[[MIN]] : i64 to i8
func.func @floor(%acc: i32, %m: i32, %n: i32) -> i8 {
  %0 = qfmt.dyadic_scale %acc, %m, %n rounding = floor : i32, i32, i32 to i8
  return %0 : i8
}

// Half a unit is (1 << n) >> 1, so that a shift by 0 adds nothing.
// CHECK-LABEL: @half_up(
// CHECK:         %[[UNIT:.*]] = arith.shli
// CHECK:         %[[HALF:.*]] = arith.shrui %[[UNIT]]
// CHECK-NEXT:    arith.addi %{{.*}}, %[[HALF]]
// CHECK-NEXT:    arith.shrsi
func.func @half_up(%acc: i32, %m: i32, %n: i32) -> i32 {
  %0 = qfmt.dyadic_scale %acc, %m, %n rounding = half_up : i32, i32, i32 to i32
  return %0 : i32
}

// Vectors stay vectors; an i64 result needs no saturation.
// CHECK-LABEL: @vector(
// CHECK:         arith.muli %{{.*}}, %{{.*}} : vector<16xi64>
// CHECK-NOT:     arith.minsi
// CHECK:         %[[R:.*]] = arith.shrsi
// CHECK-NEXT:    return %[[R]] : vector<16xi64>
func.func @vector(%acc: vector<16xi32>, %m: vector<16xi32>, %n: vector<16xi32>) -> vector<16xi64> {
  %0 = qfmt.dyadic_scale %acc, %m, %n rounding = ceil : vector<16xi32>, vector<16xi32>, vector<16xi32> to vector<16xi64>
  return %0 : vector<16xi64>
}
