// RUN: qfmt-opt %s --qfmt-distribute-loops --split-input-file | FileCheck %s
// RUN: qfmt-opt %s --qfmt-distribute-loops --split-input-file --remark-policy=all --remarks-filter=qfmt-distribute-loops -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Enough work for four threads, if the process has as many processors.
// CHECK: module {
// CHECK: func.func private @omp_get_num_procs() -> i32
// CHECK-LABEL: func.func @large(
// CHECK-DAG:     %[[FOUR:.*]] = arith.constant 4 : i32
// CHECK-DAG:     %[[PROCESSORS:.*]] = {{.*}}call @omp_get_num_procs() : () -> i32
// CHECK:         %[[THREADS:.*]] = arith.minsi %[[FOUR]], %[[PROCESSORS]] : i32
// CHECK:         omp.parallel num_threads(%[[THREADS]] : i32) {
// CHECK-NEXT:      omp.wsloop {
// CHECK-NEXT:        omp.loop_nest (%[[I:.*]]) : index = (%c0{{.*}}) to (%c1000{{.*}}) step (%c1{{.*}}) {
// CHECK-NEXT:          scf.for
// CHECK-NOT:     scf.parallel
// CHECK:             omp.yield
// CHECK:         omp.terminator
// REMARK: remark: [Passed] Threads | Category:qfmt-distribute-loops | {{.*}}Threads=4
module attributes {qfmt_cpu.threads = 4 : i64} {
  func.func @large(%x: memref<1000x1024xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %c1000 = arith.constant 1000 : index
    %c1024 = arith.constant 1024 : index
    scf.parallel (%i) = (%c0) to (%c1000) step (%c1) {
      scf.parallel (%j) = (%c0) to (%c1024) step (%c16) {
        %a = vector.load %x[%i, %j] : memref<1000x1024xf32>, vector<16xf32>
        %b = arith.mulf %a, %a : vector<16xf32>
        vector.store %b, %x[%i, %j] : memref<1000x1024xf32>, vector<16xf32>
      }
    }
    return
  }
}

// -----

// CHECK-LABEL: func.func @small(
// CHECK-NOT:     omp.
// CHECK-COUNT-2: scf.for
// CHECK-NOT:     scf.parallel
// REMARK: remark: [Missed] OneThread | Category:qfmt-distribute-loops | Cycles=3072, Remark="too little work for a second thread"
module attributes {qfmt_cpu.threads = 4 : i64} {
  func.func @small(%x: memref<16x1024xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %c1024 = arith.constant 1024 : index
    scf.parallel (%i) = (%c0) to (%c16) step (%c1) {
      scf.parallel (%j) = (%c0) to (%c1024) step (%c16) {
        %a = vector.load %x[%i, %j] : memref<16x1024xf32>, vector<16xf32>
        %b = arith.mulf %a, %a : vector<16xf32>
        vector.store %b, %x[%i, %j] : memref<16x1024xf32>, vector<16xf32>
      }
    }
    return
  }
}

// -----

// Without the attribute there is one thread.
// CHECK-LABEL: func.func @one_thread(
// CHECK-NOT:     omp.
// CHECK-COUNT-2: scf.for
// CHECK-NOT:     scf.parallel
func.func @one_thread(%x: memref<1000x1024xf32>, %v: vector<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c1000 = arith.constant 1000 : index
  %c1024 = arith.constant 1024 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%c1000, %c1024) step (%c1, %c16) {
    vector.store %v, %x[%i, %j] : memref<1000x1024xf32>, vector<16xf32>
  }
  return
}

// -----

// Two iterations do not keep three threads busy, those of the loop within do.
// CHECK-LABEL: func.func @few_iterations(
// CHECK:         scf.for
// CHECK:           omp.parallel
// CHECK:             omp.loop_nest {{.*}} to (%c9000
module attributes {qfmt_cpu.threads = 3 : i64} {
  func.func @few_iterations(%x: memref<2x9000x64xf32>, %v: vector<16xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c16 = arith.constant 16 : index
    %c64 = arith.constant 64 : index
    %c9000 = arith.constant 9000 : index
    scf.parallel (%h) = (%c0) to (%c2) step (%c1) {
      scf.parallel (%i) = (%c0) to (%c9000) step (%c1) {
        scf.parallel (%j) = (%c0) to (%c64) step (%c16) {
          %a = vector.load %x[%h, %i, %j] : memref<2x9000x64xf32>, vector<16xf32>
          %b = arith.addf %a, %v : vector<16xf32>
          vector.store %b, %x[%h, %i, %j] : memref<2x9000x64xf32>, vector<16xf32>
        }
      }
    }
    return
  }
}

// -----

// Whoever wrote an scf.forall knew that its iterations are worth a thread each. Two dimensions are one loop.
// CHECK-LABEL: func.func @forall(
// CHECK-DAG:     arith.constant 6 : i32
// CHECK:         omp.loop_nest (%{{.*}}, %{{.*}}) : index = (%{{.*}}, %{{.*}}) to (%c2{{.*}}, %c3{{.*}}) step (%{{.*}}, %{{.*}}) collapse(2)
module attributes {qfmt_cpu.threads = 8 : i64} {
  func.func @forall(%x: memref<2x3xf32>, %v: f32) {
    scf.forall (%i, %j) in (2, 3) {
      memref.store %v, %x[%i, %j] : memref<2x3xf32>
    }
    return
  }
}

// -----

// A loop with a result is not ours.
// CHECK-LABEL: func.func @reduction(
// CHECK:         scf.parallel
module attributes {qfmt_cpu.threads = 8 : i64} {
  func.func @reduction(%x: memref<100000xf32>) -> f32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %n = arith.constant 100000 : index
    %zero = arith.constant 0.0 : f32
    %sum = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%zero) -> f32 {
      %a = memref.load %x[%i] : memref<100000xf32>
      scf.reduce(%a : f32) {
      ^bb0(%l: f32, %r: f32):
        %s = arith.addf %l, %r : f32
        scf.reduce.return %s : f32
      }
    }
    return %sum : f32
  }
}
