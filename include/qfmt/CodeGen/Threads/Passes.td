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
    Option<"threads", "threads", "int64_t", "1", "Number of threads, 1 to 1024">,
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

#endif // QFMT_CODEGEN_THREADS_PASSES_TD
