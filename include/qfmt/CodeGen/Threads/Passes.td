// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CODEGEN_THREADS_PASSES_TD
#define QFMT_CODEGEN_THREADS_PASSES_TD

include "mlir/Pass/PassBase.td"

def SetThreads : Pass<"qfmt-set-threads", "::mlir::ModuleOp"> {
  let summary = "Says how many threads code is generated for";
  let description = [{
    Writes the module's attribute `qfmt_cpu.threads`, which passes that write loops and qfmt-distribute-loops read. With one thread the attribute is
    removed. Fails if the number is not 1 to 1024.

    ```mlir
    module attributes {qfmt_cpu.threads = 2 : i64} { ... }
    ```
  }];
  let options = [
    Option<"threads", "threads", "::mlir::qfmt::ThreadCount", "1",
           "Number of threads, 1 to 1024, or auto for those of this process's processors">,
  ];
}

def DistributeLoops : Pass<"qfmt-distribute-loops", "::mlir::ModuleOp"> {
  let summary = "Divides parallel loops among threads, or runs them in one";
  let description = [{
    On buffers. An `scf.parallel` with enough work becomes an OpenMP loop, all others nests of `scf.for`: without the module's attribute
    `qfmt_cpu.threads`, all are. A loop gets a thread for each 20 000 cycles of estimated work, and no more than the attribute says or than
    the process has processors. Loops within a
    loop that is divided are not; one with too few iterations to keep the threads equally busy leaves that to the loop within it.

    An `scf.forall` on buffers says that its iterations are work for a thread each; it is divided whatever they cost.

    What an iteration computes and in which order does not change: results do not depend on the number of threads.

    ```mlir
    scf.parallel (%i) = (%c0) to (%c4096) step (%c1) {
      ...
    }
    ```
    becomes
    ```mlir
    %processors = call @omp_get_num_procs() : () -> i32
    %threads = arith.minsi %c2, %processors : i32
    omp.parallel num_threads(%threads : i32) {
      omp.wsloop {
        omp.loop_nest (%i) : index = (%c0) to (%c4096) step (%c1) {
          ...
          omp.yield
        }
      }
      omp.terminator
    }
    ```
    Remarks say which loops were divided (passed), and which not (missed).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::omp::OpenMPDialect", "::mlir::scf::SCFDialect"];
}

def JoinParallelRegions : Pass<"qfmt-join-parallel-regions", "::mlir::ModuleOp"> {
  let summary = "Lets threads go on where one parallel loop follows another";
  let description = [{
    Neighbouring `omp.parallel` of as many threads become one, with a barrier between their loops: threads that have been started wait for each other,
    but not for the one that started them to start them again. Between them may stand what reads no memory, and allocations and deallocations of small
    buffers, which are moved out of the way. In the last loop of a region nobody waits, as all do so at its end.

    ```mlir
    omp.parallel num_threads(%n : i32) {
      omp.wsloop { ... }
      omp.terminator
    }
    %buffer = memref.alloc() : memref<128xf32>
    omp.parallel num_threads(%m : i32) {   // %m as %n
      omp.wsloop { ... }
      omp.terminator
    }
    ```
    becomes
    ```mlir
    %buffer = memref.alloc() : memref<128xf32>
    omp.parallel num_threads(%n : i32) {
      omp.wsloop { ... }
      omp.wsloop nowait { ... }
      omp.terminator
    }
    ```
  }];
  let dependentDialects = ["::mlir::omp::OpenMPDialect"];
}

#endif // QFMT_CODEGEN_THREADS_PASSES_TD
