//===- SetThreads.cpp - The number of threads code is generated for -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  any module.
// Output: the same with the attribute qfmt_cpu.threads, or without it for one
//         thread.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Builders.h"
#include "qfmt/CodeGen/Threads/Passes.h"
#include "qfmt/CodeGen/Threads/Threads.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_SETTHREADS
#include "qfmt/CodeGen/Threads/Passes.h.inc"

namespace {

struct SetThreadsPass : impl::SetThreadsBase<SetThreadsPass> {
  using SetThreadsBase::SetThreadsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!isNumThreads(threads)) {
      emitError(module.getLoc()) << "code is for 1 to " << kMaxThreads
                                 << " threads, found " << int64_t(threads);
      return signalPassFailure();
    }
    module->removeAttr(kThreadsAttr);
    if (threads > 1)
      module->setAttr(kThreadsAttr,
                      Builder(module.getContext()).getI64IntegerAttr(threads));
  }
};

} // namespace
} // namespace mlir::qfmt
