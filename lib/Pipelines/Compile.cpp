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

void buildCompilePipeline(OpPassManager &pm) {
  addPackStorage(pm);           // the level it was
  addDecompose(pm);             // constituents
  buildLowerToLLVMPipeline(pm); // llvm
}

} // namespace mlir::qfmt
