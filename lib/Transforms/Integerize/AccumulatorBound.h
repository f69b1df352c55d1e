// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A bound on the sums of a reduction that is tighter than the number of
// summands times the largest.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_ACCUMULATORBOUND_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_ACCUMULATORBOUND_H

#include "IntegerModel.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"

namespace mlir::qfmt {

/// sum |w| * max |a| over the loops that are reduced, for a body that adds up
/// w * a with a constant w: the largest over all results. None if the body is
/// something else.
std::optional<__int128> boundByConstantWeights(linalg::LinalgOp op,
                                               Value summand,
                                               ArrayRef<TensorModel> operands,
                                               ArrayRef<int64_t> loopSizes);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_ACCUMULATORBOUND_H
