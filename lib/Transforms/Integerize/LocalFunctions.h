// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chains of operations on one integer value that is no code: s / (1 + exp(-s))
// of a sum s of two tensors. What is computed from s alone is, beside what its
// rules made of it, known as an expression of s, its local expression, across
// operations; where it passes through a function like exp and comes together
// with itself or with s again, it is computed from s anew, by one program.
// Step by step, 1 + exp(-s) would need one scale for 1 and for e^50, and errors
// of factors would add up as if they were not of the same s.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_LOCALFUNCTIONS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_LOCALFUNCTIONS_H

#include "Rules.h"

namespace mlir::qfmt {

/// What an integer tensor's elements are as local expressions, read at
/// `indices`: what they have been computed from, or the tensor itself. Null if
/// it has masked elements.
ExpressionRef makeLocal(const TensorModel &tensor,
                        ArrayRef<AffineExpr> indices);

/// The local expression of `op`'s result; null if its operands are not
/// functions of one value.
ExpressionRef makeLocal(Operation *op, ArrayRef<ScalarModel> operands);

/// True if `local` is over elements of tensors, which other operations can
/// read.
bool isOverTensor(const ExpressionRef &local);

/// `op` computed from the one value that `local` is a function of. None if its
/// rule is as good, or if no program is accurate enough.
std::optional<ScalarModel> compileLocal(const RuleContext &context,
                                        const ExpressionRef &local);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_LOCALFUNCTIONS_H
