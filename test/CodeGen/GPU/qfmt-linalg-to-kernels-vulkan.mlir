// RUN: qfmt-opt %s --qfmt-set-gpu-target=runtime=vulkan --qfmt-linalg-to-kernels --canonicalize | FileCheck %s
// RUN: qfmt-opt %s --qfmt-set-gpu-target=runtime=cuda --qfmt-linalg-to-kernels --canonicalize | FileCheck %s --check-prefix=CUDA

// A thread has 32768 turns of loops at most: 163 x 201, and what is left of 300.
// CHECK-LABEL: func @sum
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C163:.*]] = arith.constant 163 : index
// CHECK-DAG: %[[C300:.*]] = arith.constant 300 : index
// CHECK: gpu.launch
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C163]]
// CHECK: gpu.launch
// CHECK: scf.for %{{.*}} = %[[C163]] to %[[C300]]
// CHECK-NOT: gpu.launch
// CUDA-LABEL: func @sum
// CUDA: gpu.launch
// CUDA-NOT: gpu.launch
func.func @sum(%x: memref<2x300x201xi32>, %s: memref<2xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, i, j) -> (m, i, j)>, affine_map<(m, i, j) -> (m)>], iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x : memref<2x300x201xi32>) outs(%s : memref<2xi32>) {
  ^bb0(%a: i32, %acc: i32):
    %0 = arith.addi %a, %acc : i32
    linalg.yield %0 : i32
  }
  return
}
