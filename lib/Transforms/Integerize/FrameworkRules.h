// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Residual sums and means by the rule of another framework, where it has one
// that is more than requantization of an exact integer. docs/IntegerOnly.md has
// the formulas and their sources.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_FRAMEWORKRULES_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_FRAMEWORKRULES_H

#include "Rules.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

/// The one static integer format to which everything that is made of `value` is
/// quantized, if nothing but maxima, minima, selections between compared values
/// and moves lies in between. `value` is a scalar in the body of a linalg
/// operation or a tensor. None if there is no such format.
std::optional<ScaledAttr> findResultFormat(Value value);

/// context.operands[0] + context.operands[1] as `compat` adds two tensors that
/// are quantized to one format. None if these are no such two, or `compat` has
/// no rule for them.
std::optional<FailureOr<ScalarModel>> addTensors(RuleContext &context);

/// `value`, an element of the tensor `input`, at the scale of `result` as
/// `compat` requantizes it: by the rule for means if it is one.
FailureOr<ScalarModel> requantizeElement(BodyBuilder &body,
                                         const ScalarModel &value,
                                         const TensorModel &result,
                                         RoundingMode rounding);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_FRAMEWORKRULES_H
