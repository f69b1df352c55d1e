// RUN: qfmt-opt %s --pass-pipeline='builtin.module(convert-scf-to-cf,convert-to-llvm,llvm.func(qfmt-keep-long-loops{max-operations=400}))' | FileCheck %s

// 64 times some 10 operations are too many; 8 times 8 of them, too, but the inner loop may be straight code. Of an unknown count nothing is known.
// CHECK:       #[[UNROLL:.*]] = #llvm.loop_unroll<disable = true>
// CHECK:       #[[KEEP:.*]] = #llvm.loop_annotation<unroll = #[[UNROLL]]>
// CHECK-LABEL: llvm.func @long(
// CHECK:         llvm.br ^bb1({{.*}}) {loop_annotation = #[[KEEP]]}
// CHECK-LABEL: llvm.func @nested(
// CHECK:         llvm.br ^bb3(%{{.*}} : i64){{$}}
// CHECK:         llvm.br ^bb1({{.*}}) {loop_annotation = #[[KEEP]]}
// CHECK-LABEL: llvm.func @short(
// CHECK-NOT:     loop_annotation
// CHECK-LABEL: llvm.func @unknown(
// CHECK-NOT:     loop_annotation
func.func @long(%m: memref<64xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c64 step %c1 {
    %v = memref.load %m[%i] : memref<64xi32>
    %w = arith.addi %v, %v : i32
    memref.store %w, %m[%i] : memref<64xi32>
  }
  return
}
func.func @nested(%m: memref<8x8xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    scf.for %j = %c0 to %c8 step %c1 {
      %v = memref.load %m[%i, %j] : memref<8x8xi32>
      %w = arith.addi %v, %v : i32
      memref.store %w, %m[%i, %j] : memref<8x8xi32>
    }
  }
  return
}
func.func @short(%m: memref<8xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %v = memref.load %m[%i] : memref<8xi32>
    %w = arith.addi %v, %v : i32
    memref.store %w, %m[%i] : memref<8xi32>
  }
  return
}
func.func @unknown(%m: memref<?xi32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %v = memref.load %m[%i] : memref<?xi32>
    %w = arith.addi %v, %v : i32
    memref.store %w, %m[%i] : memref<?xi32>
  }
  return
}
// The distance is more than an i64 holds: nothing is known of the count.
// CHECK-LABEL: llvm.func @distant
// CHECK-NOT: loop_annotation
func.func @distant(%m: memref<8xi32>) {
  %low = arith.constant -9223372036854775808 : index
  %c1 = arith.constant 1 : index
  %high = arith.constant 9223372036854775807 : index
  scf.for %i = %low to %high step %c1 {
    %v = memref.load %m[%c1] : memref<8xi32>
    %w = arith.addi %v, %v : i32
    memref.store %w, %m[%c1] : memref<8xi32>
  }
  return
}
