// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar operations on whole tensors.

#ifndef QFMT_LIB_REFERENCE_ELEMENTWISE_H
#define QFMT_LIB_REFERENCE_ELEMENTWISE_H

#include "Frame.h"

namespace mlir::qfmt::reference {

/// Evaluates an operation that has a scalar emitter: on scalars, or element by
/// element on tensors of one shape (a scalar operand among tensors, as the
/// condition of arith.select, is used for every element).
LogicalResult evaluateElementwise(Operation *op, Frame &frame);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_ELEMENTWISE_H
