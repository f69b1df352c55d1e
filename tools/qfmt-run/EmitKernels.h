// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --emit=kernels: what would be loaded onto a GPU, as a file.

#ifndef QFMT_TOOLS_QFMT_RUN_EMITKERNELS_H
#define QFMT_TOOLS_QFMT_RUN_EMITKERNELS_H

#include "Options.h"

namespace mlir::qfmt {

/// Writes PTX, SPIR-V, LLVM bitcode or AMD assembly to `options.output`.
LogicalResult emitKernels(ModuleOp module, const Options &options);

} // namespace mlir::qfmt

#endif // QFMT_TOOLS_QFMT_RUN_EMITKERNELS_H
