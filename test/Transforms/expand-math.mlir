// RUN: qfmt-opt %s --qfmt-expand-math | FileCheck %s
// RUN: qfmt-opt %s --qfmt-expand-math=division=false | FileCheck %s --check-prefix=POLYNOMIAL
// RUN: qfmt-opt %s --qfmt-expand-math="fma=true division=false" | FileCheck %s --check-prefix=FMA
// RUN: qfmt-opt %s --qfmt-expand-math=max-ulp=1000 | FileCheck %s --check-prefix=COARSE

// 2^n 2^r: the rounding, the quotient of 8 operations, two factors.
// CHECK-LABEL: @exp2(
// CHECK-SAME:    %[[X:.*]]: f32)
// CHECK-DAG:     %[[LOW:.*]] = arith.constant -1.520000e+02 : f32
// CHECK-DAG:     %[[HIGH:.*]] = arith.constant 1.290000e+02 : f32
// CHECK:         arith.cmpf olt, %[[X]], %[[LOW]]
// CHECK:         arith.cmpf olt, %[[HIGH]],
// CHECK:         %[[ROUNDER:.*]] = arith.constant 0x4B400000 : f32
// CHECK:         %[[SUM:.*]] = arith.addf %{{.*}}, %[[ROUNDER]]
// CHECK:         %[[N:.*]] = arith.subf %[[SUM]], %[[ROUNDER]]
// CHECK:         %[[R:.*]] = arith.subf %{{.*}}, %[[N]]
// CHECK:         arith.mulf %[[R]], %[[R]]
// CHECK:         %[[UP:.*]] = arith.addf %[[Q:.*]], %[[R]]
// CHECK:         %[[DOWN:.*]] = arith.subf %[[Q]], %[[R]]
// CHECK:         %[[P:.*]] = arith.divf %[[UP]], %[[DOWN]]
// CHECK:         arith.bitcast %[[SUM]] : f32 to i32
// CHECK:         %[[F:.*]] = arith.mulf %[[P]],
// CHECK:         %[[Y:.*]] = arith.mulf %[[F]],
// CHECK-NOT:     math.
// CHECK:         return %[[Y]]

// A polynomial of degree 5: five products, five sums.
// POLYNOMIAL-LABEL:   @exp2(
// POLYNOMIAL-NOT:       arith.divf
// POLYNOMIAL-COUNT-5:   arith.mulf
// POLYNOMIAL:           arith.bitcast
// FMA-LABEL:          @exp2(
// FMA-COUNT-5:          math.fma
// FMA-NOT:              math.fma
// FMA:                  return

// COARSE-LABEL: @exp2(
// COARSE:         arith.divf
func.func @exp2(%x: f32) -> f32 {
  %0 = math.exp2 %x : f32
  return %0 : f32
}

// n ln 2 is subtracted in two parts.
// CHECK-LABEL: @exp(
// CHECK-DAG:     arith.constant dense<1.44269{{.*}}> : vector<4xf64>
// CHECK:         arith.constant dense<-0.6931471{{.*}}> : vector<4xf64>
// CHECK:         arith.constant dense<-1.908{{.*}}E-10> : vector<4xf64>
// CHECK:         arith.bitcast %{{.*}} : vector<4xf64> to vector<4xi64>
// CHECK-NOT:     math.
// CHECK:         return
func.func @exp(%x: vector<4xf64>) -> vector<4xf64> {
  %0 = math.exp %x : vector<4xf64>
  return %0 : vector<4xf64>
}

// Narrow types are computed in f32, with a shorter program.
// CHECK-LABEL: @log2(
// CHECK-SAME:    %[[X:.*]]: tensor<2x3xbf16>)
// CHECK:         arith.extf %[[X]] : tensor<2x3xbf16> to tensor<2x3xf32>
// CHECK:         arith.sitofp
// CHECK:         %[[Y:.*]] = arith.truncf %{{.*}} : tensor<2x3xf32> to tensor<2x3xbf16>
// CHECK:         return %[[Y]]
func.func @log2(%x: tensor<2x3xbf16>) -> tensor<2x3xbf16> {
  %0 = math.log2 %x : tensor<2x3xbf16>
  return %0 : tensor<2x3xbf16>
}

// A named operation becomes a generic one; its attributes stay.
// CHECK-LABEL: @named(
// CHECK:         linalg.generic {{.*}} attrs = {my.mark}
// CHECK-NEXT:    ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK:           %[[A:.*]] = math.absf %[[X]] : f32
// CHECK:           math.copysign %{{.*}}, %[[X]] : f32
// CHECK-NOT:       math.erf
// CHECK:           linalg.yield
func.func @named(%x: tensor<4xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.erf {my.mark} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Other functions stay.
// CHECK-LABEL: @others(
// CHECK:         math.tanh
// CHECK-NEXT:    return
func.func @others(%x: f32) -> f32 {
  %0 = math.tanh %x : f32
  return %0 : f32
}
