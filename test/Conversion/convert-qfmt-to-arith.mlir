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

// Ties down: half less one, but nothing if nothing is shifted out.
// CHECK-LABEL: @half_down(
// CHECK:         %[[HALF:.*]] = arith.shrui
// CHECK:         %[[STEP:.*]] = arith.minsi %[[HALF]]
// CHECK:         %[[LESS:.*]] = arith.subi %[[HALF]], %[[STEP]]
// CHECK-NEXT:    arith.addi %{{.*}}, %[[LESS]]
func.func @half_down(%acc: i32, %m: i32, %n: i32) -> i32 {
  %0 = qfmt.dyadic_scale %acc, %m, %n rounding = half_down : i32, i32, i32 to i32
  return %0 : i32
}

// CHECK-LABEL: @half_toward_zero(
// CHECK:         %[[HALF:.*]] = arith.shrui
// CHECK:         %[[LESS:.*]] = arith.subi %[[HALF]]
// CHECK:         arith.select %{{.*}}, %[[HALF]], %[[LESS]]
func.func @half_toward_zero(%acc: i32, %m: i32, %n: i32) -> i32 {
  %0 = qfmt.dyadic_scale %acc, %m, %n rounding = half_toward_zero : i32, i32, i32 to i32
  return %0 : i32
}

// Fields are added, the constant 0x3F780000 is taken off, and the result is clamped.
// CHECK-LABEL: @lmul(
// CHECK-SAME:    %[[A:.*]]: f32, %[[B:.*]]: f32
// CHECK:         %[[BITS:.*]] = arith.bitcast %[[A]] : f32 to i32
// CHECK:         %[[SUM:.*]] = arith.addi %{{.*}}, %{{.*}} : i32
// CHECK:         %[[K:.*]] = arith.constant 1064828928 : i32
// CHECK:         %[[UP:.*]] = arith.maxui %[[SUM]], %[[K]] : i32
// CHECK:         %[[FIELD:.*]] = arith.subi %[[UP]], %[[K]] : i32
// CHECK:         %[[LARGEST:.*]] = arith.constant 2139095039 : i32
// CHECK:         arith.minui %[[FIELD]], %[[LARGEST]] : i32
// CHECK-NOT:     arith.shli
// CHECK:         %[[R:.*]] = arith.bitcast %{{.*}} : i32 to f32
// CHECK-NEXT:    return %[[R]]
func.func @lmul(%a: f32, %b: f32) -> f32 {
  %0 = qfmt.lmul %a, %b : f32
  return %0 : f32
}

// Three bits are kept: fields of 8 bits without the low 4, K = (127 << 3) - 1.
// CHECK-LABEL: @lmul_of_few_bits(
// CHECK:         arith.shrui %{{.*}}, %{{.*}} : vector<16xi16>
// CHECK:         arith.constant dense<1015> : vector<16xi16>
// CHECK:         arith.shli %{{.*}}, %{{.*}} : vector<16xi16>
// CHECK:         arith.bitcast %{{.*}} : vector<16xi16> to vector<16xbf16>
func.func @lmul_of_few_bits(%a: vector<16xbf16>, %b: vector<16xbf16>) -> vector<16xbf16> {
  %0 = qfmt.lmul %a, %b mantissa = 3 : vector<16xbf16>
  return %0 : vector<16xbf16>
}
