// RUN: qfmt-opt %s --qfmt-copies-to-loops | FileCheck %s

// CHECK-LABEL: @strided(
// CHECK-NOT:     memref.copy
// CHECK:         linalg.generic {{.*}}["parallel", "parallel"]
func.func @strided(%x: memref<2x3xi8>, %y: memref<2x3xi8, strided<[5, 1], offset: 6>>) {
  memref.copy %x, %y : memref<2x3xi8> to memref<2x3xi8, strided<[5, 1], offset: 6>>
  return
}

// CHECK-LABEL: @contiguous(
// CHECK:         memref.copy
func.func @contiguous(%x: memref<2x3xi8>, %y: memref<2x3xi8>) {
  memref.copy %x, %y : memref<2x3xi8> to memref<2x3xi8>
  return
}
