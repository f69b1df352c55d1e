// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --pass-pipeline='builtin.module(func.func(qfmt-share-buffers{min-bytes=64}))' | FileCheck %s
// RUN: qfmt-opt %s --pass-pipeline='builtin.module(func.func(qfmt-share-buffers))' | FileCheck %s --check-prefix=DEFAULT

// All are smaller than the default.
// DEFAULT-NOT: memref.view

// The third one takes the bytes of the first, which is dead by then; the second, of 40 bytes, is small.
// CHECK-LABEL: func.func @turns
// CHECK-SAME: (%[[X:.*]]: memref<100xi8>, %[[Y:.*]]: memref<25xi32>)
func.func @turns(%x: memref<100xi8>, %y: memref<25xi32>) {
  // CHECK-NEXT: %[[MEMORY:.*]] = memref.alloc() {alignment = 64 : i64} : memref<228xi8>
  // CHECK: %[[C0:.*]] = arith.constant 0 : index
  // CHECK: %[[A:.*]] = memref.view %[[MEMORY]][%[[C0]]][] : memref<228xi8> to memref<25xi32>
  %a = memref.alloc() : memref<25xi32>
  // CHECK: %[[SMALL:.*]] = memref.alloc() : memref<40xi8>
  %small = memref.alloc() : memref<40xi8>
  memref.copy %y, %a : memref<25xi32> to memref<25xi32>
  // CHECK: %[[C128:.*]] = arith.constant 128 : index
  // CHECK: %[[B:.*]] = memref.view %[[MEMORY]][%[[C128]]][] : memref<228xi8> to memref<100xi8>
  %b = memref.alloc() {alignment = 64 : i64} : memref<100xi8>
  memref.copy %x, %b : memref<100xi8> to memref<100xi8>
  // CHECK: memref.copy %[[A]], %[[Y]]
  memref.copy %a, %y : memref<25xi32> to memref<25xi32>
  // CHECK-NOT: memref.dealloc %[[A]]
  memref.dealloc %a : memref<25xi32>
  // CHECK: %[[AGAIN:.*]] = arith.constant 0 : index
  // CHECK: %[[C:.*]] = memref.view %[[MEMORY]][%[[AGAIN]]][] : memref<228xi8> to memref<100xi8>
  %c = memref.alloc() : memref<100xi8>
  // CHECK: memref.copy %[[B]], %[[C]]
  memref.copy %b, %c : memref<100xi8> to memref<100xi8>
  memref.copy %c, %x : memref<100xi8> to memref<100xi8>
  memref.dealloc %b : memref<100xi8>
  memref.dealloc %c : memref<100xi8>
  // CHECK: memref.dealloc %[[SMALL]]
  memref.dealloc %small : memref<40xi8>
  // CHECK: memref.dealloc %[[MEMORY]]
  // CHECK-NEXT: return
  return
}

// What is returned, of unknown size, freed under a condition, or in a loop, stays.
// CHECK-LABEL: func.func @stays
// CHECK-NOT: memref.view
// CHECK: return
func.func @stays(%n: index, %condition: i1) -> memref<100xi8> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %dynamic = memref.alloc(%n) : memref<?xi8>
  %maybe = memref.alloc() : memref<100xi8>
  %returned = memref.alloc() : memref<100xi8>
  scf.for %i = %c0 to %n step %c1 {
    %inner = memref.alloc() : memref<100xi8>
    memref.copy %inner, %returned : memref<100xi8> to memref<100xi8>
    memref.dealloc %inner : memref<100xi8>
  }
  scf.if %condition {
    memref.dealloc %maybe : memref<100xi8>
  }
  memref.dealloc %dynamic : memref<?xi8>
  return %returned : memref<100xi8>
}

// Bytes of a shared buffer begin at multiples of 64: what asks for more stays.
// CHECK-LABEL: func.func @aligned
// CHECK-NOT: memref.view
// CHECK: return
func.func @aligned(%x: memref<100xi8>) {
  %page = memref.alloc() {alignment = 4096 : i64} : memref<100xi8>
  %other = memref.alloc() : memref<100xi8>
  memref.copy %x, %page : memref<100xi8> to memref<100xi8>
  memref.copy %page, %other : memref<100xi8> to memref<100xi8>
  memref.dealloc %page : memref<100xi8>
  memref.dealloc %other : memref<100xi8>
  return
}
