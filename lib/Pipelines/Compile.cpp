//===- Compile.cpp - The pipeline from any level to LLVM ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  IR of any level that can run.
// Output: the LLVM dialect.
//
//===----------------------------------------------------------------------===//

#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {

/// To constituents level. IR without encoded types is left as it is.
static void addDecompose(OpPassManager &pm) { pm.addPass(createDecompose()); }

/// Constants as packed bytes. Before the number formats are gone, which say how
/// their codes are packed; signatures stay.
static void addPackStorage(OpPassManager &pm) {
  pm.addPass(createPackStorage());
}

/// Sums in 64 bits as sums of 32-bit chains. With fewer terms a chain what the
/// chains give takes more time to write and read than 32-bit arithmetic saves
/// (measured: as fast at 64 terms, half the time from 256 on). Before
/// decomposition, while formats still say which codes `quantize` makes.
static void addSplitAccumulators(OpPassManager &pm) {
  SplitAccumulatorsOptions options;
  options.minLength = 128;
  pm.addPass(createSplitAccumulators(options));
}

void buildCompilePipeline(OpPassManager &pm) {
  addPackStorage(pm);           // the level it was
  addSplitAccumulators(pm);     // the same
  addDecompose(pm);             // constituents
  buildLowerToLLVMPipeline(pm); // llvm
}

void buildCompileForGpuPipeline(OpPassManager &pm, const GpuOptions &options) {
  // Kernels choose the layout of codes themselves.
  addSplitAccumulators(pm);
  addDecompose(pm);
  buildLowerToGpuPipeline(pm, options);
}

} // namespace mlir::qfmt
