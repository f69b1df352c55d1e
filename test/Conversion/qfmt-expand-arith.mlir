// RUN: qfmt-opt %s --qfmt-expand-arith --split-input-file | FileCheck %s --check-prefixes=CHECK,KEEP
// RUN: qfmt-opt %s --qfmt-expand-arith=extrema --split-input-file | FileCheck %s --check-prefixes=CHECK,EXTREMA

// The machine's addition rounds ties to even; its bits are the code.
// CHECK-LABEL: @truncate(
// CHECK-SAME:    %[[X:.*]]: f32
// CHECK:         %[[BITS:.*]] = arith.bitcast %[[X]] : f32 to i32
// CHECK:         %[[SUM:.*]] = arith.addf
// CHECK:         arith.bitcast %[[SUM]] : f32 to i32
// CHECK-NOT:     arith.truncf
// CHECK:         %[[CODE:.*]] = arith.trunci {{.*}} : i32 to i4
// CHECK:         %[[Y:.*]] = arith.bitcast %[[CODE]] : i4 to f4E2M1FN
// CHECK:         return %[[Y]]
func.func @truncate(%x: f32) -> f4E2M1FN {
  %y = arith.truncf %x : f32 to f4E2M1FN
  return %y : f4E2M1FN
}

// -----

// Powers of two need no f64, nor shifts by what is not known.
// CHECK-LABEL: @truncate_to_power(
// CHECK-NOT:     f64
// CHECK-NOT:     arith.shrui {{.*}}, %{{[0-9]+}}
// CHECK:         arith.bitcast {{.*}} : i8 to f8E8M0FNU
func.func @truncate_to_power(%x: f32) -> f8E8M0FNU {
  %y = arith.truncf %x : f32 to f8E8M0FNU
  return %y : f8E8M0FNU
}

// -----

// Vectors of i32.
// CHECK-LABEL: @vectors(
// CHECK-SAME:    %[[X:.*]]: vector<4x8xf8E5M2>
// CHECK:         %[[CODE:.*]] = arith.bitcast %[[X]] : vector<4x8xf8E5M2> to vector<4x8xi8>
// CHECK:         arith.extui %[[CODE]] : vector<4x8xi8> to vector<4x8xi32>
// CHECK:         arith.mulf {{.*}} : vector<4x8xf32>
// CHECK:         arith.trunci {{.*}} : vector<4x8xi32> to vector<4x8xi6>
// CHECK-NOT:     arith.extf
func.func @vectors(%x: vector<4x8xf8E5M2>) -> vector<4x8xf6E3M2FN> {
  %y = arith.truncf %x : vector<4x8xf8E5M2> to vector<4x8xf6E3M2FN>
  return %y : vector<4x8xf6E3M2FN>
}

// -----

// What machines round stays; bf16 is a few operations on integers.
// CHECK-LABEL: @machine(
// CHECK:         arith.truncf {{.*}} : f32 to f16
// CHECK-NOT:     to bf16
// CHECK:         arith.trunci {{.*}} : i32 to i16
func.func @machine(%x: f32) -> (f16, bf16) {
  %h = arith.truncf %x : f32 to f16
  %b = arith.truncf %x : f32 to bf16
  return %h, %b : f16, bf16
}

// -----

// From f64 to bf16 once, not by way of f32; no rounding mode is left.
// CHECK-LABEL: @once(
// CHECK-NOT:     arith.truncf
// CHECK:         arith.trunci {{.*}} : i64 to i16
// CHECK-NOT:     arith.truncf
// CHECK:         arith.trunci {{.*}} : i64 to i32
// CHECK:         arith.bitcast {{.*}} : i32 to f32
func.func @once(%x: f64) -> (bf16, f32) {
  %b = arith.truncf %x : f64 to bf16
  %f = arith.truncf %x upward : f64 to f32
  return %b, %f : bf16, f32
}

// -----

// KEEP-LABEL:    @maximum(
// KEEP:            arith.maximumf
// KEEP:            arith.minimumf
// EXTREMA-LABEL: @maximum(
// EXTREMA-SAME:    %[[X:.*]]: f32, %[[Y:.*]]: f32
// EXTREMA:         %[[GREATER:.*]] = arith.cmpf ugt, %[[X]], %[[Y]]
// EXTREMA:         arith.select %[[GREATER]], %[[X]], %[[Y]]
// EXTREMA:         arith.andi
// EXTREMA:         arith.cmpf oeq, %[[X]], %[[Y]]
// EXTREMA:         arith.cmpf uno, %[[Y]], %[[Y]]
// EXTREMA:         arith.cmpf ule, %[[X]], %{{.*}}
func.func @maximum(%x: f32, %y: f32) -> (f32, f32) {
  %a = arith.maximumf %x, %y : f32
  %zero = arith.constant 0.0 : f32
  %b = arith.minimumf %x, %zero : f32
  return %a, %b : f32, f32
}

// -----

// One comparison with a constant; -0 does not win.
// CHECK-LABEL: @maxnum(
// CHECK-SAME:    %[[X:.*]]: vector<8xf32>
// CHECK:         %[[ZERO:.*]] = arith.constant dense<-0.000000e+00> : vector<8xf32>
// CHECK:         %[[IS:.*]] = arith.cmpf oge, %[[X]], %[[ZERO]]
// CHECK-NEXT:    %[[Y:.*]] = arith.select %[[IS]], %[[X]], %[[ZERO]]
// CHECK-NEXT:    return %[[Y]]
func.func @maxnum(%x: vector<8xf32>) -> vector<8xf32> {
  %zero = arith.constant dense<-0.0> : vector<8xf32>
  %y = arith.maxnumf %x, %zero : vector<8xf32>
  return %y : vector<8xf32>
}

// -----

// CHECK-LABEL: @scaling(
// CHECK-NOT:     arith.scaling_truncf
// CHECK-NOT:     arith.truncf
// CHECK:         arith.divf
func.func @scaling(%x: vector<4xf32>, %s: vector<4xf8E8M0FNU>) -> vector<4xf4E2M1FN> {
  %y = arith.scaling_truncf %x, %s : vector<4xf32>, vector<4xf8E8M0FNU> to vector<4xf4E2M1FN>
  return %y : vector<4xf4E2M1FN>
}

// -----

// In f32, rounded once more.
// CHECK-LABEL: @sum(
// CHECK:         %[[SUM:.*]] = arith.addf {{.*}} : f32
// CHECK:         arith.bitcast %[[SUM]] : f32 to i32
// CHECK:         arith.bitcast {{.*}} : i8 to f8E4M3B11FNUZ
func.func @sum(%x: f8E4M3B11FNUZ) -> f8E4M3B11FNUZ {
  %y = arith.addf %x, %x : f8E4M3B11FNUZ
  return %y : f8E4M3B11FNUZ
}

// -----

// f32 would round a first time; 64 bits keep one bit for all that f64 leaves out.
// CHECK-LABEL: @integers(
// CHECK-SAME:    %[[X:.*]]: i32, %[[Y:.*]]: i64
// CHECK:         arith.sitofp %[[X]] : i32 to f64
// CHECK:         arith.andi %[[Y]], %{{.*}} : i64
// CHECK:         %[[ODD:.*]] = arith.select {{.*}} : i64
// CHECK:         %[[SHORT:.*]] = arith.select %{{.*}}, %[[Y]], %[[ODD]] : i64
// CHECK:         arith.uitofp %[[SHORT]] : i64 to f64
func.func @integers(%x: i32, %y: i64) -> (bf16, bf16) {
  %a = arith.sitofp %x : i32 to bf16
  %b = arith.uitofp %y : i64 to bf16
  return %a, %b : bf16, bf16
}
