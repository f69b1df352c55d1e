// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stages that lowering for CPUs and for GPUs have in common.

#ifndef QFMT_LIB_PIPELINES_LOWERINGSTAGES_H
#define QFMT_LIB_PIPELINES_LOWERINGSTAGES_H

#include "mlir/Pass/PassManager.h"

namespace mlir::qfmt {

/// Every computation a linalg.generic on tensors whose elements take whole
/// bytes; element-wise chains fused. `addRescaling` adds passes that lower
/// qfmt.dyadic_scale in another way than with 64-bit integers.
void addTensorPasses(OpPassManager &pm,
                     function_ref<void(OpPassManager &)> addRescaling = {});

/// Tensors to contiguous buffers, each freed where it is last used.
void addBufferPasses(OpPassManager &pm);

/// Arithmetic that no target has, or not exactly, in arithmetic that all have.
/// `extrema`: arith.maximumf and minimumf are among it.
void addArithmeticPasses(OpPassManager &pm, bool extrema = false);

/// Everything but kernels to the LLVM dialect.
void addLLVMPasses(OpPassManager &pm);

} // namespace mlir::qfmt

#endif // QFMT_LIB_PIPELINES_LOWERINGSTAGES_H
