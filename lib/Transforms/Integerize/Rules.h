// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a rule is: it takes the models of a scalar operation's operands and
// returns that of its result. One file a family; docs/IntegerOnly.md derives
// widths and errors.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_RULES_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_RULES_H

#include "BodyBuilder.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::qfmt {

/// What a rule sees.
struct RuleContext {
  Operation *op;
  BodyBuilder &body;
  SmallVector<ScalarModel, 0> operands;
  /// Of the result, if it is known.
  ExpressionRef expression = nullptr;

  InFlightDiagnostic emitError() const { return body.emitOpError(); }
  OpBuilder &builder() const { return body.getBuilder(); }
};

/// Operands are integers, constants or predicates, not all of them constants.
using Rule = FailureOr<ScalarModel> (*)(RuleContext &);
using RuleTable = llvm::StringMap<Rule>;

/// Sums, products, negation, magnitudes, casts.
void addArithmeticRules(RuleTable &rules);
/// Maxima, minima, comparison, selection.
void addComparisonRules(RuleTable &rules);
/// Division by values, square roots.
void addDivisionRules(RuleTable &rules);
/// exp, erf and other functions of one value.
void addFunctionRules(RuleTable &rules);

/// Integers and truth values as such.
void addIntegerRules(RuleTable &rules);

/// `rule`, unless a mask is added or selected, or an operand is masked.
FailureOr<ScalarModel> compileWithMasks(RuleContext &context, Rule rule);

/// Adds to the error of an exponential what a mask of its operand leaves open.
void countMask(const RuleContext &context, ScalarModel &result);

/// True if `op` selects the larger or smaller of two values by their
/// comparison.
bool isExtremum(arith::SelectOp op);

/// The outcome of a comparison that is a function of one code, by the codes for
/// which it is true.
FailureOr<ScalarModel> materializePredicate(BodyBuilder &body,
                                            const ExpressionRef &expression);

/// An operation on constants alone, evaluated in double at compile time.
FailureOr<ScalarModel> foldConstants(RuleContext &context);

/// a * b for any two models, with the range that the operands' expressions
/// allow.
FailureOr<ScalarModel> multiply(RuleContext &context, const ScalarModel &a,
                                const ScalarModel &b);
/// v * c.
FailureOr<ScalarModel> multiplyByConstant(RuleContext &context,
                                          const ScalarModel &value,
                                          const Table &constant);

//===----------------------------------------------------------------------===//
// Functions of one element
//===----------------------------------------------------------------------===//

/// True if `expression` is a function of one element of an integer tensor that
/// has few enough values to evaluate it at all of them: at most 2^16, on one
/// scale.
bool isFunctionOfCode(const ExpressionRef &expression);

/// What is asked of the integers of a function.
struct FunctionResult {
  /// The reals that matter: what is beyond saturates. None: all.
  std::optional<std::pair<double, double>> clamp;
  /// The unit of tables. None: what `functionBits` says.
  std::optional<double> unit;
};

/// The integers of a deferred function: by a table of the codes, or, for codes
/// of more than `tableBits`, by polynomials and tables within `functionError`.
/// `expression` is over the loops.
FailureOr<ScalarModel> materialize(BodyBuilder &body,
                                   const ExpressionRef &expression,
                                   const FunctionResult &result = {});

/// `function`, of one element, at a value v of at most 30 bits on one scale, as
/// the value stands: its error is not counted. Fails without a diagnostic;
/// `reason` says why as the predicate of a sentence.
FailureOr<ScalarModel> approximateWide(BodyBuilder &body,
                                       const ScalarModel &value,
                                       const ExpressionRef &function,
                                       std::string &reason);

/// The largest |f(v + d) - f(v)| for v and v + d in [lo, hi] and |d| <= off;
/// infinite if there is none.
using Variation = llvm::function_ref<double(double lo, double hi, double off)>;

/// `function`, of one element, at an integer value, by a table or by
/// polynomials; `variation` says what the operand's error becomes.
FailureOr<ScalarModel> applyFunction(BodyBuilder &body, StringRef name,
                                     const ScalarModel &value,
                                     const ExpressionRef &function,
                                     Variation variation);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_RULES_H
