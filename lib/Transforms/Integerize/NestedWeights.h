// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of several widths from one master (Double Rounding): `convert` of
// constant weights to integers of fewer bits whose given scales are those of
// the master times 2^n becomes a shift with rounding.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_NESTEDWEIGHTS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_NESTEDWEIGHTS_H

#include "IntegerModel.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

/// The model of `op`, which has given scales, and whose input is `master`:
/// codes w / 2^n, rounded half to even and saturated, exactly those of `op`.
/// Fails with a diagnostic at `op` if it is anything else.
FailureOr<TensorModel> roundWeights(ConvertOp op, const TensorModel &master,
                                    OpBuilder &builder);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_NESTEDWEIGHTS_H
