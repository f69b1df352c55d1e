// RUN: qfmt-opt %s --qfmt-weights-to-blob | FileCheck %s
// RUN: qfmt-opt %s --qfmt-weights-to-blob=symbol=other | FileCheck %s --check-prefix=NAME

// NAME: module attributes {qfmt.weights = {bytes = dense_resource<other> : tensor<192xi8>, symbol = "other"}}
// NAME: memref.global @other : memref<192xi8>

// Offsets are multiples of 64; what is no constant stays.
// CHECK: module attributes {qfmt.weights = {bytes = dense_resource<[[R:.*]]> : tensor<192xi8>, symbol = "qfmt_weights"}}
// CHECK: memref.global @qfmt_weights : memref<192xi8> {alignment = 64 : i64}
// CHECK: memref.global "private" @state : memref<2xi32> = dense<0>
// CHECK-NOT: memref.global
memref.global "private" constant @codes : memref<3xi8> = dense<[1, -2, 3]>
memref.global "private" constant @floats : memref<2x2xf32> = dense<1.0> {alignment = 64 : i64}
memref.global "private" @state : memref<2xi32> = dense<0>
memref.global "private" constant @resource : memref<2xi16> = dense_resource<words>

// CHECK-LABEL: @uses(
// CHECK:         %[[B0:.*]] = memref.get_global @qfmt_weights : memref<192xi8>
// CHECK:         %[[O0:.*]] = arith.constant 0 : index
// CHECK:         memref.view %[[B0]][%[[O0]]][] : memref<192xi8> to memref<3xi8>
// CHECK:         %[[O1:.*]] = arith.constant 64 : index
// CHECK:         memref.view %{{.*}}[%[[O1]]][] : memref<192xi8> to memref<2x2xf32>
// CHECK:         %[[O2:.*]] = arith.constant 128 : index
// CHECK:         memref.view %{{.*}}[%[[O2]]][] : memref<192xi8> to memref<2xi16>
// CHECK:         memref.get_global @state
func.func @uses() -> (memref<3xi8>, memref<2x2xf32>, memref<2xi16>, memref<2xi32>) {
  %0 = memref.get_global @codes : memref<3xi8>
  %1 = memref.get_global @floats : memref<2x2xf32>
  %2 = memref.get_global @resource : memref<2xi16>
  %3 = memref.get_global @state : memref<2xi32>
  return %0, %1, %2, %3 : memref<3xi8>, memref<2x2xf32>, memref<2xi16>, memref<2xi32>
}

// A module inside has a global of the same name and keeps it.
// CHECK-LABEL: module @inner
module @inner {
  // CHECK: memref.global "private" constant @codes
  memref.global "private" constant @codes : memref<3xi8> = dense<[4, 5, 6]>
  // CHECK: memref.get_global @codes : memref<3xi8>
  func.func @uses() -> memref<3xi8> {
    %0 = memref.get_global @codes : memref<3xi8>
    return %0 : memref<3xi8>
  }
}

// The bytes: codes, then four times 1.0f, then the words as they are.
// CHECK: [[R]]: "0x4000000001FE03{{(00)+}}0000803F0000803F0000803F0000803F{{(00)+}}34127856{{(00)+}}"

{-#
  dialect_resources: { builtin: { words: "0x0200000034127856" } }
#-}
