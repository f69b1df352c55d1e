// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of more integers than can be listed, by kernels that split the
// operand into a power of two and a mantissa or fraction: exponentials,
// logarithms, powers, and rounding to whole numbers. Each counts the operand's
// error.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_RANGEREDUCTION_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_RANGEREDUCTION_H

#include "Rules.h"

namespace mlir::qfmt {

FailureOr<ScalarModel> compileWideExp(RuleContext &context, bool isBase2);
/// exp(v) - 1.
FailureOr<ScalarModel> compileWideExpm1(RuleContext &context);
/// `name` is math.log, log2, log10 or log1p.
FailureOr<ScalarModel> compileWideLog(RuleContext &context, StringRef name);
/// v^exponent, not 0.
FailureOr<ScalarModel> compileWidePower(RuleContext &context, double exponent);

/// math.floor, ceil, round, roundeven, trunc.
bool isRounding(StringRef name);
FailureOr<ScalarModel> compileWideRounding(RuleContext &context,
                                           StringRef name);

/// How far v^c moves if v does by `off`. Integers below 0 that stand for 0 are
/// refused where v^c is no number.
double getPowerVariation(double exponent, double lo, double hi, double off);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_RANGEREDUCTION_H
