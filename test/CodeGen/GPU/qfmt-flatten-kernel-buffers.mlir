// RUN: qfmt-opt %s --qfmt-set-gpu-target --qfmt-flatten-kernel-buffers --cse | FileCheck %s --check-prefixes=CHECK,POINTER
// RUN: qfmt-opt %s --qfmt-set-gpu-target=runtime=vulkan --qfmt-flatten-kernel-buffers --cse | FileCheck %s --check-prefixes=CHECK,ARRAY

// As far as the last element: 3 + 3 * 16 + 7 + 1.
// CHECK-LABEL: func @strided
// CHECK-SAME: %[[X:.*]]: memref<4x8xi8, strided<[16, 1], offset: 3>>
// CHECK: %[[FLAT:.*]] = memref.reinterpret_cast %[[X]] to offset: [0], sizes: [59], strides: [1] : {{.*}} to memref<59xi8>
// CHECK: gpu.launch
// CHECK:   %[[ROW:.*]] = arith.muli %[[I:.*]], %c16
// CHECK:   %[[PLACE:.*]] = arith.addi %[[ROW]], %[[J:.*]]
// CHECK:   %[[INDEX:.*]] = arith.addi %[[PLACE]], %c3
// CHECK:   memref.load %[[FLAT]][%[[INDEX]]] : memref<59xi8>
func.func @strided(%x: memref<4x8xi8, strided<[16, 1], offset: 3>>, %y: memref<8xi8>) {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  gpu.launch blocks(%i, %by, %bz) in (%gx = %c4, %gy = %c1, %gz = %c1) threads(%j, %ty, %tz) in (%sx = %c8, %sy = %c1, %sz = %c1) {
    %v = memref.load %x[%i, %j] : memref<4x8xi8, strided<[16, 1], offset: 3>>
    memref.store %v, %y[%j] : memref<8xi8>
    gpu.terminator
  }
  return
}

// Sizes that are unknown become arguments of NVIDIA's kernels; Vulkan's have arrays of unknown size.
// CHECK-LABEL: func @unknown
// CHECK-SAME: %[[X:.*]]: memref<?x?xf32>
// CHECK: %[[FIRST:.*]], %{{.*}}, %{{.*}}, %{{.*}} = memref.extract_strided_metadata %[[X]]
// ARRAY: memref.reinterpret_cast %[[X]] to offset: [0], sizes: [%{{.*}}], strides: [1] : memref<?x?xf32> to memref<?xf32>
// CHECK: gpu.launch
// POINTER: memref.reinterpret_cast %[[FIRST]] {{.*}} : memref<f32> to memref<?xf32>
// CHECK: memref.load {{.*}} : memref<?xf32>
func.func @unknown(%x: memref<?x?xf32>, %y: memref<8xf32>) {
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  gpu.launch blocks(%i, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%j, %ty, %tz) in (%sx = %c8, %sy = %c1, %sz = %c1) {
    %v = memref.load %x[%i, %j] : memref<?x?xf32>
    memref.store %v, %y[%j] : memref<8xf32>
    gpu.terminator
  }
  return
}

// What something else uses stays.
// CHECK-LABEL: func @used
// CHECK: gpu.launch
// CHECK:   vector.load %{{.*}}[%{{.*}}, %{{.*}}] : memref<4x8xi8>
func.func @used(%x: memref<4x8xi8>, %y: memref<8xi8>) {
  %c1 = arith.constant 1 : index
  gpu.launch blocks(%i, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%j, %ty, %tz) in (%sx = %c1, %sy = %c1, %sz = %c1) {
    %v = vector.load %x[%i, %j] : memref<4x8xi8>, vector<8xi8>
    vector.store %v, %y[%j] : memref<8xi8>, vector<8xi8>
    gpu.terminator
  }
  return
}
