// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maxima and minima of contiguous rows as loops over vectors.

#ifndef QFMT_LIB_CONVERSION_MAXIMUMLOOPS_H
#define QFMT_LIB_CONVERSION_MAXIMUMLOOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// Writes `op`, a linalg.generic on buffers whose body ends in a maximum or
/// minimum of the output and a function of the inputs, before itself, with the
/// innermost reduction in the lanes of vectors of `vectorBits`. Does nothing
/// and fails for anything else, where sizes are dynamic or the inputs are not
/// contiguous along that reduction.
LogicalResult emitMaximumLoops(linalg::GenericOp op, int64_t vectorBits);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CONVERSION_MAXIMUMLOOPS_H
