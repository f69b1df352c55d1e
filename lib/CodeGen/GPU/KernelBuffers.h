// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes that make kernels of operations of qfmt_gpu ask of their buffers.

#ifndef QFMT_LIB_CODEGEN_GPU_KERNELBUFFERS_H
#define QFMT_LIB_CODEGEN_GPU_KERNELBUFFERS_H

#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace mlir::qfmt {

/// Fails for tensors, and for buffers whose layout is not one of strides.
LogicalResult verifyOnBuffers(DestinationStyleOpInterface op);

/// Kernels read several elements of inputs `operands` at a time: where those of
/// the last dimension do not lie one after the other, `op` reads a copy in
/// which they do, which is freed after it.
void copyStridedRows(DestinationStyleOpInterface op, ValueRange operands);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_KERNELBUFFERS_H
