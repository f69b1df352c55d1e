//===- RegisterPipelines.cpp - The pipelines' names -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Pass/PassRegistry.h"
#include "qfmt/CodeGen/Threads/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {

/// `build` for as many threads as the options say.
static auto withThreads(void (*build)(OpPassManager &)) {
  return [build](OpPassManager &pm, const LoweringOptions &options) {
    if (options.threads != 0)
      pm.addPass(createSetThreads({options.threads}));
    build(pm);
  };
}

void registerQFmtPipelines() {
  PassPipelineRegistration<LoweringOptions>(
      "qfmt-lower-to-llvm",
      "From constituents level (no encoded type) to the LLVM dialect",
      withThreads(buildLowerToLLVMPipeline));
  PassPipelineRegistration<LoweringOptions>(
      "qfmt-compile", "From any level that can run to the LLVM dialect",
      withThreads(buildCompilePipeline));
}

} // namespace mlir::qfmt
