// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fused product of bytes as a kernel with wgmma.

#ifndef QFMT_LIB_CODEGEN_GPU_WGMMAKERNEL_H
#define QFMT_LIB_CODEGEN_GPU_WGMMAKERNEL_H

#include "KernelBuilder.h"
#include "WgmmaShape.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"

namespace mlir::qfmt {

/// Emits the kernel before `op`, on buffers, which stays. Fails if `whyNot`;
/// then nothing was emitted.
LogicalResult emitWgmmaKernel(KernelBuilder &b, kernel::ProductOp op,
                              const WgmmaShape &shape, StringRef &whyNot);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_WGMMAKERNEL_H
