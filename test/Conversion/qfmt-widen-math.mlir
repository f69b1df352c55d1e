// RUN: qfmt-opt %s --qfmt-widen-math --split-input-file | FileCheck %s

// CHECK-LABEL: @sqrt(
// CHECK-SAME:    %[[X:.*]]: bf16
// CHECK:         %[[WIDE:.*]] = arith.extf %[[X]] {{.*}}: bf16 to f32
// CHECK:         %[[ROOT:.*]] = math.sqrt %[[WIDE]] : f32
// With `contract` the rounding might fold away.
// CHECK:         arith.truncf %[[ROOT]] : f32 to bf16
func.func @sqrt(%x: bf16) -> bf16 {
  %y = math.sqrt %x : bf16
  return %y : bf16
}

// -----

// CHECK-LABEL: @exp_of_small(
// CHECK:         math.exp {{.*}} : vector<4xf32>
// CHECK:         arith.truncf {{.*}} : vector<4xf32> to vector<4xf8E4M3FN>
func.func @exp_of_small(%x: vector<4xf8E4M3FN>) -> vector<4xf8E4M3FN> {
  %y = math.exp %x : vector<4xf8E4M3FN>
  return %y : vector<4xf8E4M3FN>
}

// -----

// CHECK-LABEL: @f16_stays(
// CHECK-NEXT:    math.sqrt {{.*}} : f16
// CHECK-NEXT:    math.fma {{.*}} : f16
// CHECK-NEXT:    return
func.func @f16_stays(%x: f16) -> f16 {
  %y = math.sqrt %x : f16
  %z = math.fma %y, %x, %x : f16
  return %z : f16
}

// -----

// CHECK-LABEL: @signs(
// CHECK-NOT:     extf
// CHECK:         %[[MAGNITUDES:.*]] = arith.constant 32767 : i16
// CHECK:         arith.andi {{.*}}, %[[MAGNITUDES]] : i16
// CHECK:         %[[SIGN:.*]] = arith.constant -32768 : i16
// CHECK:         arith.andi {{.*}}, %[[SIGN]] : i16
// CHECK:         arith.ori
// CHECK-NOT:     truncf
// CHECK:         return
func.func @signs(%x: bf16, %y: bf16) -> (bf16, bf16) {
  %abs = math.absf %x : bf16
  %signed = math.copysign %x, %y : bf16
  return %abs, %signed : bf16, bf16
}

// -----

// A sign alone is a NaN of this type.
// CHECK-LABEL: @fnuz(
// CHECK:         math.absf {{.*}} : f32
func.func @fnuz(%x: f8E5M2FNUZ) -> f8E5M2FNUZ {
  %abs = math.absf %x : f8E5M2FNUZ
  return %abs : f8E5M2FNUZ
}

// -----

// The smallest normal number of f8E5M2 is 2^-14, not that of f32.
// CHECK-LABEL: @isnormal(
// CHECK:         %[[MIN:.*]] = arith.constant 6.10351563E-5 : f32
// CHECK:         arith.cmpf oge, {{.*}}, %[[MIN]] : f32
func.func @isnormal(%x: f8E5M2) -> i1 {
  %y = math.isnormal %x : f8E5M2
  return %y : i1
}

// -----

// Product and sum in f64, rounded to odd, then once to bf16.
// CHECK-LABEL: @fma(
// CHECK:         %[[PRODUCT:.*]] = arith.mulf {{.*}} : f64
// CHECK:         arith.addf %[[PRODUCT]], {{.*}} : f64
// CHECK:         %[[ODD:.*]] = arith.bitcast {{.*}} : i64 to f64
// CHECK:         arith.truncf %[[ODD]] : f64 to bf16
// CHECK-NOT:     math.fma
func.func @fma(%x: bf16, %y: bf16, %z: bf16) -> bf16 {
  %r = math.fma %x, %y, %z : bf16
  return %r : bf16
}
