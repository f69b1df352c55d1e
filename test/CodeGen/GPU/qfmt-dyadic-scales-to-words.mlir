// RUN: qfmt-opt %s --qfmt-dyadic-scales-to-words --canonicalize --cse | FileCheck %s

// A constant shift over one word leaves little: the upper word, what is added to it, a shift, the clamps.
// CHECK-LABEL: func @constants
// CHECK-SAME: %[[ACC:.*]]: i32
// CHECK: %{{.*}}, %[[HIGH:.*]] = arith.mulsi_extended %[[ACC]], %{{.*}} : i32
// CHECK-NOT: i64
// CHECK: arith.shrsi
// CHECK: return
func.func @constants(%acc: i32) -> i8 {
  %m = arith.constant 1518500250 : i32
  %n = arith.constant 40 : i32
  %0 = qfmt.dyadic_scale %acc, %m, %n rounding = half_up : i32, i32, i32 to i8
  return %0 : i8
}

// A wide result is for convert-qfmt-to-arith.
// CHECK-LABEL: func @wide
// CHECK: qfmt.dyadic_scale
func.func @wide(%acc: i32, %m: i32, %n: i32) -> i64 {
  %0 = qfmt.dyadic_scale %acc, %m, %n : i32, i32, i32 to i64
  return %0 : i64
}
