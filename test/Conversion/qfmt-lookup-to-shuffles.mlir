// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --qfmt-lookup-to-shuffles --split-input-file | FileCheck %s

module attributes {qfmt.target_features = ["avx2", "avx512f"]} {
// A table of four floats: their bits, the last one repeated.
// CHECK-LABEL: @floats(
// CHECK-SAME:    %[[CODES:.*]]: vector<16xi8>
// CHECK:         %[[INDEX:.*]] = arith.extui %[[CODES]] : vector<16xi8> to vector<16xi32>
// CHECK:         %[[TABLE:.*]] = arith.constant dense<[-1082130432, 0, 1056964608, 1065353216, 1065353216, {{.*}}, 1065353216]> : vector<16xi32>
// CHECK:         %[[BITS:.*]] = llvm.call_intrinsic "llvm.x86.avx512.permvar.si.512"(%[[TABLE]], %[[INDEX]])
// CHECK:         arith.bitcast %[[BITS]] : vector<16xi32> to vector<16xf32>
func.func @floats(%codes: vector<16xi8>) -> vector<16xf32> {
  %x = qfmt.lookup %codes in dense<[-1.0, 0.0, 0.5, 1.0]> : tensor<4xf32> : vector<16xi8> to vector<16xf32>
  return %x : vector<16xf32>
}

// 40 entries: two permutations of 32, and bit 5 selects.
// CHECK-LABEL: @two_permutations(
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.d.512"
// CHECK:         %[[BIT:.*]] = arith.constant dense<32> : vector<16xi32>
// CHECK:         arith.andi %{{.*}}, %[[BIT]]
// CHECK:         arith.select
// CHECK:         arith.trunci %{{.*}} : vector<16xi32> to vector<16xi8>
func.func @two_permutations(%index: vector<16xi32>) -> vector<16xi8> {
  %x = qfmt.lookup %index in dense<[
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]> : tensor<40xi8> : vector<16xi32> to vector<16xi8>
  return %x : vector<16xi8>
}

// Two registers of indices, the second of three lanes.
// CHECK-LABEL: @odd_lanes(
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.permvar.di.512"
// CHECK:         arith.bitcast %{{.*}} : vector<11xi64> to vector<11xf64>
func.func @odd_lanes(%index: vector<11xi32>) -> vector<11xf64> {
  %x = qfmt.lookup %index in dense<[1.0, 2.0, 3.0]> : tensor<3xf64> : vector<11xi32> to vector<11xf64>
  return %x : vector<11xf64>
}

// CHECK-LABEL: @scalar(
// CHECK:         qfmt.lookup
func.func @scalar(%index: i8) -> f32 {
  %x = qfmt.lookup %index in dense<[1.0, 2.0, 3.0]> : tensor<3xf32> : i8 to f32
  return %x : f32
}
}

// -----

module attributes {qfmt.target_features = ["avx2"]} {
// CHECK-LABEL: @avx2(
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx2.permd"
func.func @avx2(%codes: vector<16xi4>) -> vector<16xf32> {
  %x = qfmt.lookup %codes in dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]> : tensor<12xf32> : vector<16xi4> to vector<16xf32>
  return %x : vector<16xf32>
}
}

// -----

// CHECK-LABEL: @unknown_target(
// CHECK:         qfmt.lookup
func.func @unknown_target(%codes: vector<16xi8>) -> vector<16xf32> {
  %x = qfmt.lookup %codes in dense<[1.0, 2.0, 3.0]> : tensor<3xf32> : vector<16xi8> to vector<16xf32>
  return %x : vector<16xf32>
}
