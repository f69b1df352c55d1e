// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the operations of qfmt_gpu that compute a matrix have in common: a body
// for each element, which has an argument for a sum and one for each of some
// extra operands, and one result.

#ifndef QFMT_LIB_CODEGEN_GPU_KERNELOPS_H
#define QFMT_LIB_CODEGEN_GPU_KERNELOPS_H

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::qfmt {

/// The result's type, and the maps from (m, n) by which `extras` are read.
LogicalResult verifyKernelOp(DestinationStyleOpInterface op, ValueRange extras,
                             ArrayRef<AffineMap> maps);
LogicalResult verifyKernelBody(DestinationStyleOpInterface op, Block &block,
                               ValueRange extras);

void getKernelEffects(DestinationStyleOpInterface op,
                      SmallVectorImpl<MemoryEffects::EffectInstance> &effects);
/// The last operand is what `op` writes to.
LogicalResult
bufferizeKernelOp(Operation *op, RewriterBase &rewriter,
                  const bufferization::BufferizationOptions &options,
                  bufferization::BufferizationState &state);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_KERNELOPS_H
