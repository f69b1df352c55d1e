// RUN: qfmt-opt %s --qfmt-legalize-gpu-types | FileCheck %s

// CHECK: gpu.func @upper(%[[X:.*]]: i32, %[[Y:.*]]: i16
// CHECK:   %[[W:.*]] = arith.extsi %[[Y]] : i16 to i32
// CHECK:   %{{.*}}, %[[HIGH:.*]] = arith.mulsi_extended %[[X]], %[[W]] : i32
// CHECK:   memref.store %[[HIGH]]
// CHECK-NOT: i64
// A constant that is no word, and an operand that is not extended, stay.
// CHECK: gpu.func @wide
// CHECK-COUNT-2: arith.muli {{.*}} : i64
// CHECK: gpu.func @zeros
// CHECK-COUNT-2: math.ctlz {{.*}} : i32
// CHECK: arith.extui {{.*}} : i32 to i64
gpu.module @kernels {
  gpu.func @upper(%x: i32, %y: i16, %out: memref<i32>) kernel {
    %c32 = arith.constant 32 : i64
    %0 = arith.extsi %x : i32 to i64
    %1 = arith.extsi %y : i16 to i64
    %2 = arith.muli %0, %1 : i64
    %3 = arith.shrui %2, %c32 : i64
    %4 = arith.trunci %3 : i64 to i32
    memref.store %4, %out[] : memref<i32>
    gpu.return
  }
  gpu.func @wide(%x: i32, %y: i64, %out: memref<2xi32>) kernel {
    %i0 = arith.constant 0 : index
    %i1 = arith.constant 1 : index
    %c32 = arith.constant 32 : i64
    %m = arith.constant 4294967297 : i64
    %0 = arith.extsi %x : i32 to i64
    %1 = arith.muli %0, %m : i64
    %2 = arith.shrsi %1, %c32 : i64
    %3 = arith.trunci %2 : i64 to i32
    memref.store %3, %out[%i0] : memref<2xi32>
    %4 = arith.muli %0, %y : i64
    %5 = arith.shrsi %4, %c32 : i64
    %6 = arith.trunci %5 : i64 to i32
    memref.store %6, %out[%i1] : memref<2xi32>
    gpu.return
  }
  gpu.func @zeros(%x: i64, %out: memref<i64>) kernel {
    %0 = math.ctlz %x : i64
    memref.store %0, %out[] : memref<i64>
    gpu.return
  }
}
