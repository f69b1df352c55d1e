// RUN: qfmt-opt %s --split-input-file --verify-diagnostics --qfmt-device-memory | FileCheck %s
// RUN: qfmt-opt %s --split-input-file --verify-diagnostics --qfmt-set-gpu-target=runtime=vulkan --qfmt-device-memory | FileCheck %s --check-prefix=WHOLE

// Arguments go to the device and results come back; what is allocated lies on the device; a constant is copied once, by the runtime.
// CHECK: func.func private @qfmtGpuConstant(!llvm.ptr, i64, !llvm.ptr) -> !llvm.ptr
// CHECK-LABEL: func @main
// CHECK-SAME: %[[X:.*]]: memref<4xf32>
// CHECK: %[[HOST:.*]] = memref.get_global @table
// CHECK: %[[BYTES:.*]] = arith.constant 16 : i64
// CHECK: %[[POINTER:.*]] = call @qfmtGpuConstant(%{{.*}}, %[[BYTES]], %{{.*}})
// CHECK: %[[TABLE:.*]] = builtin.unrealized_conversion_cast
// CHECK: %[[DX:.*]] = gpu.alloc () : memref<4xf32>
// CHECK: gpu.memcpy %[[DX]], %[[X]]
// CHECK: %[[DY:.*]] = gpu.alloc () : memref<4xf32>
// CHECK: gpu.launch
// CHECK:   memref.load %[[DX]]
// CHECK:   memref.load %[[TABLE]]
// CHECK:   memref.store %{{.*}}, %[[DY]]
// CHECK: %[[Y:.*]] = memref.alloc() : memref<4xf32>
// CHECK: gpu.memcpy %[[Y]], %[[DY]]
// CHECK-DAG: gpu.dealloc %[[DY]]
// CHECK-DAG: gpu.dealloc %[[DX]]
// CHECK: return %[[Y]]
memref.global "private" constant @table : memref<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
func.func @main(%x: memref<4xf32>) -> memref<4xf32> {
  %c1 = arith.constant 1 : index
  %table = memref.get_global @table : memref<4xf32>
  %y = memref.alloc() : memref<4xf32>
  gpu.launch blocks(%i, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%j, %ty, %tz) in (%sx = %c1, %sy = %c1, %sz = %c1) {
    %0 = memref.load %x[%j] : memref<4xf32>
    %1 = memref.load %table[%j] : memref<4xf32>
    %2 = arith.addf %0, %1 : f32
    memref.store %2, %y[%j] : memref<4xf32>
    gpu.terminator
  }
  return %y : memref<4xf32>
}

// -----

// The host reads arguments where they are, and copies what it reads from the device: an element of several by a kernel, but for Vulkan.
// CHECK-LABEL: func @host_reads
// CHECK-SAME: %[[X:.*]]: memref<i32>
// CHECK: %[[A:.*]] = memref.load %[[X]][] : memref<i32>
// CHECK: %[[DY:.*]] = gpu.alloc () : memref<4xi32>
// CHECK: %[[E:.*]] = gpu.alloc () : memref<i32>
// CHECK: gpu.launch
// CHECK:   %[[V:.*]] = memref.load %[[DY]][%{{.*}}]
// CHECK:   memref.store %[[V]], %[[E]][]
// CHECK: %[[HE:.*]] = memref.alloc() : memref<i32>
// CHECK: gpu.memcpy %[[HE]], %[[E]]
// CHECK: %[[B:.*]] = memref.load %[[HE]][]
// CHECK: memref.dealloc %[[HE]]
// CHECK: gpu.dealloc %[[E]]
// CHECK: %[[HZ:.*]] = memref.alloc() : memref<1xi32>
// CHECK: gpu.memcpy %[[HZ]], %{{.*}} : memref<1xi32>, memref<1xi32>
// CHECK: memref.load %[[HZ]][%{{.*}}]
// CHECK: gpu.dealloc %[[DY]]
// WHOLE-LABEL: func @host_reads
// WHOLE: %[[DY:.*]] = gpu.alloc () : memref<4xi32>
// WHOLE: %[[HY:.*]] = memref.alloc() : memref<4xi32>
// WHOLE: gpu.memcpy %[[HY]], %[[DY]]
// WHOLE: memref.load %[[HY]][%{{.*}}]
func.func @host_reads(%x: memref<i32>) -> (i32, i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.load %x[] : memref<i32>
  %y = memref.alloc() : memref<4xi32>
  %z = memref.alloc() : memref<1xi32>
  %b = memref.load %y[%c1] : memref<4xi32>
  %c = memref.load %z[%c0] : memref<1xi32>
  memref.dealloc %y : memref<4xi32>
  memref.dealloc %z : memref<1xi32>
  %s = arith.addi %a, %b : i32
  return %s, %c : i32, i32
}

// -----

// Buffers of private functions are the device's. Callers free what they get, so that what is not the function's own is copied: an argument, a constant,
// and what it returns a second time.
// CHECK-LABEL: func private @inner
// CHECK-SAME: %[[X:.*]]: memref<4xf32>
// CHECK: %[[TABLE:.*]] = builtin.unrealized_conversion_cast
// CHECK: %[[OWN:.*]] = gpu.alloc () : memref<4xf32>
// CHECK: %[[A:.*]] = gpu.alloc () : memref<4xf32>
// CHECK: gpu.memcpy %[[A]], %[[X]]
// CHECK: %[[B:.*]] = gpu.alloc () : memref<4xf32>
// CHECK: gpu.memcpy %[[B]], %[[TABLE]]
// CHECK: %[[C:.*]] = gpu.alloc () : memref<4xf32>
// CHECK: gpu.memcpy %[[C]], %[[OWN]]
// CHECK-NOT: gpu.dealloc
// CHECK: return %[[A]], %[[B]], %[[OWN]], %[[C]]
// CHECK-LABEL: func @outer
// CHECK: %[[R:.*]]:4 = call @inner(%[[DX:[a-z0-9_]+]])
// CHECK-DAG: gpu.dealloc %[[R]]#0
// CHECK-DAG: gpu.dealloc %[[R]]#1
// CHECK-DAG: gpu.dealloc %[[R]]#2
// CHECK-DAG: gpu.dealloc %[[R]]#3
// CHECK-DAG: gpu.dealloc %[[DX]]
// CHECK-NOT: gpu.dealloc
// CHECK: return
memref.global "private" constant @table : memref<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
func.func private @inner(%x: memref<4xf32>) -> (memref<4xf32>, memref<4xf32>, memref<4xf32>, memref<4xf32>) {
  %table = memref.get_global @table : memref<4xf32>
  %own = memref.alloc() : memref<4xf32>
  return %x, %table, %own, %own : memref<4xf32>, memref<4xf32>, memref<4xf32>, memref<4xf32>
}
func.func @outer(%x: memref<4xf32>) -> (memref<4xf32>, memref<4xf32>, memref<4xf32>, memref<4xf32>) {
  %0:4 = call @inner(%x) : (memref<4xf32>) -> (memref<4xf32>, memref<4xf32>, memref<4xf32>, memref<4xf32>)
  return %0#0, %0#1, %0#2, %0#3 : memref<4xf32>, memref<4xf32>, memref<4xf32>, memref<4xf32>
}

// -----

// An argument's copy is freed once, and a constant's copy is the runtime's.
// CHECK-LABEL: func @returned_argument
// CHECK: gpu.dealloc
// CHECK-NOT: gpu.dealloc
// CHECK: return
func.func @returned_argument(%x: memref<4xf32>) -> memref<4xf32> {
  return %x : memref<4xf32>
}

// CHECK-LABEL: func @returned_constant
// CHECK: gpu.memcpy
// CHECK-NOT: gpu.dealloc
// CHECK: return
memref.global "private" constant @c : memref<4xf32> = dense<1.0>
func.func @returned_constant() -> memref<4xf32> {
  %c = memref.get_global @c : memref<4xf32>
  return %c : memref<4xf32>
}

// -----

func.func @called(%x: memref<4xf32>) {
  return
}
func.func @caller(%x: memref<4xf32>) {
  // expected-error @+1 {{calls 'called', which is public: a function that code for GPUs calls has to be private}}
  call @called(%x) : (memref<4xf32>) -> ()
  return
}

// -----

memref.global "private" @state : memref<4xf32> = dense<0.0>
func.func @variable() -> f32 {
  %c1 = arith.constant 1 : index
  // expected-error @+1 {{reads 'state', which is no constant: kernels cannot}}
  %x = memref.get_global @state : memref<4xf32>
  %v = memref.load %x[%c1] : memref<4xf32>
  return %v : f32
}

// -----

// expected-error @+1 {{has an argument or result of type 'memref<4xf32, strided<[2]>>'; a GPU takes contiguous buffers}}
func.func @strided(%x: memref<4xf32, strided<[2]>>) {
  return
}
