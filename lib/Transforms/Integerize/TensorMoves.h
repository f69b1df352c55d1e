// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that only move elements, on integers: the payload moves, scale and
// zero point stay.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_TENSORMOVES_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_TENSORMOVES_H

#include "IntegerModel.h"

namespace mlir::qfmt {

/// True if `op` moves elements and `moveTensor` knows how.
bool isPayloadMove(Operation *op);

/// The same move of the operands' payloads. `operands` are the models of the
/// tensor operands.
FailureOr<TensorModel> moveTensor(Operation *op, ArrayRef<TensorModel> operands,
                                  OpBuilder &builder);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_TENSORMOVES_H
