// What is not printed counts, too.
// RUN: qfmt-opt %s --qfmt-merge-kernels --mlir-elide-elementsattrs-if-larger=4 | FileCheck %s

// CHECK: gpu.launch_func @kernels::@[[A:.*]] blocks
// CHECK-NOT: gpu.launch_func @kernels::@[[A]] blocks
// CHECK-COUNT-2: gpu.func
module attributes {gpu.container_module} {
  func.func @main(%m: memref<8xf32>) {
    %c1 = arith.constant 1 : index
    gpu.launch_func @a::@k blocks in (%c1,%c1,%c1) threads in (%c1,%c1,%c1) args(%m : memref<8xf32>)
    gpu.launch_func @b::@k blocks in (%c1,%c1,%c1) threads in (%c1,%c1,%c1) args(%m : memref<8xf32>)
    return
  }
  gpu.module @a { gpu.func @k(%m: memref<8xf32>) kernel {
    %c = arith.constant dense<[1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0]> : vector<8xf32>
    %z = arith.constant 0 : index
    vector.store %c, %m[%z] : memref<8xf32>, vector<8xf32>
    gpu.return } }
  gpu.module @b { gpu.func @k(%m: memref<8xf32>) kernel {
    %c = arith.constant dense<[9.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0]> : vector<8xf32>
    %z = arith.constant 0 : index
    vector.store %c, %m[%z] : memref<8xf32>, vector<8xf32>
    gpu.return } }
}
