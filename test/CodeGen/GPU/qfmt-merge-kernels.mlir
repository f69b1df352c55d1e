// RUN: qfmt-opt %s --qfmt-merge-kernels | FileCheck %s

// Three kernels, two of them equal but for their names.
// CHECK: gpu.launch_func @kernels::@[[A:.*]] blocks
// CHECK: gpu.launch_func @kernels::@[[A]] blocks
// CHECK: gpu.launch_func @kernels::@[[B:.*]] blocks
// CHECK: gpu.module @kernels
// CHECK-COUNT-2: gpu.func
// CHECK-NOT: gpu.func
// CHECK-NOT: gpu.module
module attributes {gpu.container_module} {
  func.func @main(%x: memref<4xi32>) {
    %c1 = arith.constant 1 : index
    gpu.launch_func @a::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<4xi32>)
    gpu.launch_func @b::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<4xi32>)
    gpu.launch_func @c::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<4xi32>)
    return
  }
  gpu.module @a {
    gpu.func @k(%x: memref<4xi32>) kernel {
      %c0 = arith.constant 0 : index
      %v = arith.constant 1 : i32
      memref.store %v, %x[%c0] : memref<4xi32>
      gpu.return
    }
  }
  gpu.module @b {
    gpu.func @k(%x: memref<4xi32>) kernel {
      %c0 = arith.constant 0 : index
      %v = arith.constant 1 : i32
      memref.store %v, %x[%c0] : memref<4xi32>
      gpu.return
    }
  }
  gpu.module @c {
    gpu.func @k(%x: memref<4xi32>) kernel {
      %c0 = arith.constant 0 : index
      %v = arith.constant 2 : i32
      memref.store %v, %x[%c0] : memref<4xi32>
      gpu.return
    }
  }
}
