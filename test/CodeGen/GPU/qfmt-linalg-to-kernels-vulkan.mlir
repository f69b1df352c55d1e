// RUN: qfmt-opt %s --qfmt-set-gpu-target=runtime=vulkan --qfmt-linalg-to-kernels --canonicalize | FileCheck %s
// RUN: qfmt-opt %s --qfmt-set-gpu-target=runtime=cuda --qfmt-linalg-to-kernels --canonicalize | FileCheck %s --check-prefix=CUDA

// A thread has 32768 turns of loops at most, 161 x (201 + 2) + 1, and what is left of 300.
// CHECK-LABEL: func @sum
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C161:.*]] = arith.constant 161 : index
// CHECK-DAG: %[[C300:.*]] = arith.constant 300 : index
// CHECK: gpu.launch
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C161]]
// CHECK: gpu.launch
// CHECK: scf.for %{{.*}} = %[[C161]] to %[[C300]]
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

// Loops of the body count, those of both branches, and each for one turn more: 301 and 4 x (61 + 1) + 1 turns are 550, and 59 x 551 + 1 are no more than 32768.
// CUDA-LABEL: func @loops_in_body
// CHECK-LABEL: func @loops_in_body
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C59:.*]] = arith.constant 59 : index
// CHECK-DAG: %[[C80:.*]] = arith.constant 80 : index
// CHECK: gpu.launch
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C59]]
// CHECK: gpu.launch
// CHECK: scf.for %{{.*}} = %[[C59]] to %[[C80]]
// CHECK-NOT: gpu.launch
func.func @loops_in_body(%x: memref<2x80xi32>, %s: memref<2xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, i) -> (m, i)>, affine_map<(m, i) -> (m)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<2x80xi32>) outs(%s : memref<2xi32>) {
  ^bb0(%a: i32, %acc: i32):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c300 = arith.constant 300 : index
    %c5 = arith.constant 5 : index
    %zero = arith.constant 0 : i32
    %odd = arith.cmpi slt, %a, %zero : i32
    %0 = scf.if %odd -> i32 {
      %1 = scf.for %i = %c0 to %c300 step %c1 iter_args(%n = %acc) -> i32 {
        %2 = arith.muli %n, %a : i32
        scf.yield %2 : i32
      }
      scf.yield %1 : i32
    } else {
      %c4 = arith.constant 4 : index
      %1 = scf.for %i = %c0 to %c4 step %c1 iter_args(%n = %acc) -> i32 {
        %2 = scf.for %j = %c0 to %c300 step %c5 iter_args(%p = %n) -> i32 {
          %3 = arith.xori %p, %a : i32
          scf.yield %3 : i32
        }
        scf.yield %2 : i32
      }
      scf.yield %1 : i32
    }
    linalg.yield %0 : i32
  }
  return
}
