// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables of functions, and programs fitted to them. Real values in, integers
// and the bound on their error out; what a function is of, and what an
// operand's error does to it, is up to FunctionRules.cpp.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONFIT_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONFIT_H

#include "Rules.h"

namespace mlir::qfmt {

/// Functions of more values than 2^16 are never evaluated one by one.
inline constexpr int64_t kMaxValues = int64_t(1) << 16;

/// At most kMaxValues + 1.
int64_t countValues(const IntegerRange &range);

/// scale * i for all i of the range.
std::vector<double> listValues(const IntegerRange &range, double scale);

/// The unit in which the largest of `values` has `bits` bits with its sign: a
/// power of two; none if one is not finite.
std::optional<double> chooseUnit(ArrayRef<double> values, unsigned bits);

/// A table of real values in `unit`s, one for each index, an unsigned number.
ScalarModel emitTable(BodyBuilder &body, Value index,
                      ArrayRef<double> inOrderOfIndex, double unit);

/// A program for a function of the integers of `range`, which has the real
/// `values`, in `unit`s. Says at `loc` which error is reached if it is not the
/// one that is asked for.
FailureOr<ScalarModel> emitSamples(BodyBuilder &body, Location loc,
                                   StringRef name, Value integer,
                                   const IntegerRange &range,
                                   ArrayRef<double> values, double unit);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONFIT_H
