//===- RegisterPipelines.cpp - The pipelines' names -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Pass/PassRegistry.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {

void registerQFmtPipelines() {
  PassPipelineRegistration<>(
      "qfmt-lower-to-llvm",
      "From constituents level (no encoded type) to the LLVM dialect",
      buildLowerToLLVMPipeline);
  PassPipelineRegistration<>("qfmt-compile",
                             "From any level that can run to the LLVM dialect",
                             buildCompilePipeline);
}

} // namespace mlir::qfmt
