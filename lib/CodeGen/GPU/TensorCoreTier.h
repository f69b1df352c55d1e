// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The option `tier` of passes that fuse products: auto, mma,
// wgmma or portable.

#ifndef QFMT_LIB_CODEGEN_GPU_TENSORCORETIER_H
#define QFMT_LIB_CODEGEN_GPU_TENSORCORETIER_H

#include "qfmt/CodeGen/GPU/GpuTarget.h"

namespace mlir::qfmt {

/// False if products are left to other kernels; fails if the target has not
/// what `tier` asks for.
FailureOr<bool> usesTensorCores(ModuleOp module, StringRef tier);

/// What `op` is computed by; fails if it has no mma.sync for bytes.
FailureOr<GpuTarget> getTensorCoreTarget(Operation *op);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_TENSORCORETIER_H
