// RUN: qfmt-opt %s --split-input-file --qfmt-join-parallel-regions | FileCheck %s

// What stands between regions moves out of the way. All but the last loop have
// a barrier.
// CHECK-LABEL: func.func @join(
// CHECK-SAME: %[[A:.*]]: memref<8xf32>, %[[B:.*]]: memref<8xf32>)
// CHECK: %[[TEAM:.*]] = arith.minsi
// CHECK: %[[C:.*]] = memref.alloc() : memref<8xf32>
// CHECK: omp.parallel num_threads(%[[TEAM]] : i32) {
// CHECK: omp.wsloop {
// CHECK: memref.store %{{.*}}, %[[A]]
// CHECK: omp.wsloop {
// CHECK: memref.store %{{.*}}, %[[C]]
// CHECK: omp.wsloop nowait {
// CHECK: memref.store %{{.*}}, %[[B]]
// CHECK: omp.terminator
// CHECK-NOT: omp.parallel
// CHECK: memref.dealloc %[[C]]
// CHECK: return
func.func private @omp_get_num_procs() -> i32
func.func @join(%a: memref<8xf32>, %b: memref<8xf32>) {
  %two = arith.constant 2 : i32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %f = arith.constant 1.0 : f32
  %p = func.call @omp_get_num_procs() : () -> i32
  %n = arith.minsi %two, %p : i32
  omp.parallel num_threads(%n : i32) {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%c8) step (%c1) {
        memref.store %f, %a[%i] : memref<8xf32>
        omp.yield
      }
    }
    omp.terminator
  }
  %c = memref.alloc() : memref<8xf32>
  %q = func.call @omp_get_num_procs() : () -> i32
  %m = arith.minsi %two, %q : i32
  omp.parallel num_threads(%m : i32) {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%c8) step (%c1) {
        %v = memref.load %a[%i] : memref<8xf32>
        memref.store %v, %c[%i] : memref<8xf32>
        omp.yield
      }
    }
    omp.terminator
  }
  %r = func.call @omp_get_num_procs() : () -> i32
  %o = arith.minsi %two, %r : i32
  omp.parallel num_threads(%o : i32) {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%c8) step (%c1) {
        %v = memref.load %c[%i] : memref<8xf32>
        memref.store %v, %b[%i] : memref<8xf32>
        omp.yield
      }
    }
    omp.terminator
  }
  memref.dealloc %c : memref<8xf32>
  return
}

// -----

// Other numbers of threads, something that reads memory, and memory that is
// better used again.
// CHECK-LABEL: func.func @keep(
// CHECK-COUNT-4: omp.parallel
func.func private @omp_get_num_procs() -> i32
func.func @keep(%a: memref<8xf32>, %large: memref<100000xf32>) -> f32 {
  %two = arith.constant 2 : i32
  %three = arith.constant 3 : i32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %f = arith.constant 1.0 : f32
  %p = func.call @omp_get_num_procs() : () -> i32
  %n = arith.minsi %two, %p : i32
  omp.parallel num_threads(%n : i32) {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%c8) step (%c1) {
        memref.store %f, %a[%i] : memref<8xf32>
        omp.yield
      }
    }
    omp.terminator
  }
  %m = arith.minsi %three, %p : i32
  omp.parallel num_threads(%m : i32) {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%c8) step (%c1) {
        memref.store %f, %a[%i] : memref<8xf32>
        omp.yield
      }
    }
    omp.terminator
  }
  %v = memref.load %a[%c0] : memref<8xf32>
  omp.parallel num_threads(%m : i32) {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%c8) step (%c1) {
        memref.store %f, %a[%i] : memref<8xf32>
        omp.yield
      }
    }
    omp.terminator
  }
  memref.dealloc %large : memref<100000xf32>
  omp.parallel num_threads(%m : i32) {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%c8) step (%c1) {
        memref.store %f, %a[%i] : memref<8xf32>
        omp.yield
      }
    }
    omp.terminator
  }
  return %v : f32
}
