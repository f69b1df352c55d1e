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

void buildCompilePipeline(OpPassManager &pm) {
  addDecompose(pm);             // constituents
  buildLowerToLLVMPipeline(pm); // llvm
}

} // namespace mlir::qfmt
