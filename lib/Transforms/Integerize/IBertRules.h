// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax, GELU and layer norm with the integer arithmetic of I-BERT
// (qfmt/Support/IBert.h), bit by bit: with functions=ibert.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_IBERTRULES_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_IBERTRULES_H

#include "Rules.h"

namespace mlir::qfmt {

/// The value of `context.op`, whose real is `expression`, if I-BERT has a
/// kernel that ends with it; operands may be deferred. None for other
/// operations, and without functions=ibert.
std::optional<FailureOr<ScalarModel>>
compileIBert(RuleContext &context, const ExpressionRef &expression);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_IBERTRULES_H
