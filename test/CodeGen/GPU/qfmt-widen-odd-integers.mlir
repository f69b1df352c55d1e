// RUN: qfmt-opt %s --pass-pipeline='builtin.module(gpu.module(qfmt-widen-odd-integers,canonicalize))' | FileCheck %s

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @sum
  // CHECK-SAME: %[[X:.*]]: i8, %[[Y:.*]]: i8
  // CHECK-DAG: %[[C2:.*]] = arith.constant 2 : i8
  // CHECK-DAG: %[[C63:.*]] = arith.constant 63 : i8
  // CHECK: %[[A:.*]] = arith.andi %[[X]], %[[C63]] : i8
  // CHECK: %[[B:.*]] = arith.andi %[[Y]], %[[C63]] : i8
  // CHECK: %[[SUM:.*]] = arith.addi %[[A]], %[[B]] : i8
  // CHECK: %[[MASKED:.*]] = arith.andi %[[SUM]], %[[C63]] : i8
  // CHECK: %[[UPPER:.*]] = arith.shli %[[MASKED]], %[[C2]] : i8
  // CHECK: %[[SIGNED:.*]] = arith.shrsi %[[UPPER]], %[[C2]] : i8
  // CHECK: %[[R:.*]] = arith.extsi %[[SIGNED]] : i8 to i32
  // CHECK: memref.store %[[R]]
  gpu.func @sum(%x: i8, %y: i8, %out: memref<i32>) kernel {
    %a = arith.trunci %x : i8 to i6
    %b = arith.trunci %y : i8 to i6
    %sum = arith.addi %a, %b : i6
    %r = arith.extsi %sum : i6 to i32
    memref.store %r, %out[] : memref<i32>
    gpu.return
  }

  // No sign is extended to read numbers without one; 48 bits are kept in 64, and widths that SPIR-V has stay.
  // CHECK-LABEL: gpu.func @unsigned
  // CHECK: %[[A:.*]] = arith.andi %{{.*}}, %{{.*}} : i64
  // CHECK: %[[B:.*]] = arith.divui %[[A]], %{{.*}} : i64
  // CHECK-NOT: arith.sh
  // CHECK: %[[R:.*]] = arith.andi %[[B]], %{{.*}} : i64
  // CHECK-NEXT: memref.store %[[R]]
  gpu.func @unsigned(%x: i64, %out: memref<i64>) kernel {
    %c5 = arith.constant 5 : i48
    %a = arith.trunci %x : i64 to i48
    %b = arith.divui %a, %c5 : i48
    %r = arith.extui %b : i48 to i64
    memref.store %r, %out[] : memref<i64>
    gpu.return
  }
}
