// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What expressions tell of the order of values, whatever the tensors hold.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_EXPRESSIONFACTS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_EXPRESSIONFACTS_H

#include "Expression.h"

namespace mlir::qfmt {

/// True if the expression is >= 0 whatever the tensors hold.
bool isNonNegative(const ExpressionRef &expression);

/// True if `bound` is the maximum over some dimensions of tensors of which
/// `value` is one entry: value - bound <= 0.
bool isMaximumOf(const ExpressionRef &bound, const ExpressionRef &value);

/// The same of a minimum: value - bound >= 0.
bool isMinimumOf(const ExpressionRef &bound, const ExpressionRef &value);

/// True if one of the values of `value`, over loops, along the loops `reduced`
/// is 1: exp or exp2 of a - max a, of min a - a, or of a multiple of those,
/// whose maximum is over these loops and no others.
bool attainsOne(const ExpressionRef &value, ArrayRef<unsigned> reduced,
                ArrayRef<int64_t> loopSizes);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_EXPRESSIONFACTS_H
