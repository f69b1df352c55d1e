// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ExpressionFacts.h"
#include "IntegerModel.h"

using namespace mlir;
using namespace mlir::qfmt;

/// The maximum or minimum that `bound` is and `value` one entry of, both times
/// one positive factor; null if it is none.
static const Expression *matchExtremumOf(Combiner combiner, ExpressionRef bound,
                                         ExpressionRef value,
                                         Bindings &bindings) {
  double boundFactor = 1, valueFactor = 1;
  bound = stripFactors(bound, boundFactor);
  const Expression *extremum = matchReduce(bound, combiner);
  if (!extremum)
    return nullptr;
  ExpressionRef pattern = stripFactors(extremum->operands[0], boundFactor);
  value = stripFactors(value, valueFactor);
  if (boundFactor != valueFactor || !unify(pattern, value, bindings))
    return nullptr;
  return extremum;
}

bool mlir::qfmt::isMaximumOf(const ExpressionRef &bound,
                             const ExpressionRef &value) {
  Bindings bindings;
  return matchExtremumOf(Combiner::Max, bound, value, bindings);
}

bool mlir::qfmt::isMinimumOf(const ExpressionRef &bound,
                             const ExpressionRef &value) {
  Bindings bindings;
  return matchExtremumOf(Combiner::Min, bound, value, bindings);
}

/// True if the loops `reduced` come by wherever the extremum is attained.
static bool runOver(const Expression &extremum, const Bindings &bindings,
                    ArrayRef<unsigned> reduced, ArrayRef<int64_t> loopSizes) {
  return llvm::all_of(
      extremum.variables, [&](const Expression::Variable &variable) {
        AffineExpr bound = bindings.lookup(variable.symbol);
        if (!bound)
          return true;
        auto loop = dyn_cast<AffineDimExpr>(bound);
        return loop && llvm::is_contained(reduced, loop.getPosition()) &&
               loopSizes[loop.getPosition()] == variable.size;
      });
}

/// True if `value` is 0 for one of the values of the loops `reduced`: the
/// distance from a maximum or minimum, or a multiple of one.
static bool attainsZero(const ExpressionRef &value, ArrayRef<unsigned> reduced,
                        ArrayRef<int64_t> loopSizes) {
  if (!value || value->kind != Expression::Kind::Apply)
    return false;
  ArrayRef<ExpressionRef> operands = value->operands;
  if (value->name == "arith.negf")
    return attainsZero(operands[0], reduced, loopSizes);
  if (value->name == "arith.mulf" && matchConstant(operands[0]))
    return attainsZero(operands[1], reduced, loopSizes);
  if ((value->name == "arith.mulf" || value->name == "arith.divf") &&
      matchConstant(operands[1]))
    return attainsZero(operands[0], reduced, loopSizes);
  if (value->name != "arith.subf")
    return false;
  for (Combiner combiner : {Combiner::Max, Combiner::Min})
    for (unsigned i : {0, 1}) {
      Bindings bindings;
      const Expression *extremum =
          matchExtremumOf(combiner, operands[i], operands[1 - i], bindings);
      if (extremum && runOver(*extremum, bindings, reduced, loopSizes))
        return true;
    }
  return false;
}

bool mlir::qfmt::attainsOne(const ExpressionRef &value,
                            ArrayRef<unsigned> reduced,
                            ArrayRef<int64_t> loopSizes) {
  for (StringRef name : {"math.exp", "math.exp2"})
    if (const Expression *exponential = matchApply(value, name))
      return attainsZero(exponential->operands[0], reduced, loopSizes);
  return false;
}

bool mlir::qfmt::isNonNegative(const ExpressionRef &expression) {
  if (!expression)
    return false;
  if (std::optional<double> constant = matchConstant(expression))
    return *constant >= 0;
  if (expression->kind == Expression::Kind::Element)
    return expression->model &&
           (expression->tensor ? expression->model->range.lo >= 0
                               : expression->model->constant.getMin() >= 0);
  if (expression->kind == Expression::Kind::Reduce)
    return isNonNegative(expression->operands[0]);
  StringRef name = expression->name;
  ArrayRef<ExpressionRef> operands = expression->operands;
  if (name == "math.exp" || name == "math.exp2" || name == "math.absf" ||
      name == "math.sqrt" || name == "math.rsqrt")
    return true;
  if (name == "arith.mulf" && isSame(operands[0], operands[1]))
    return true;
  if (name == "arith.mulf" || name == "arith.divf" || name == "arith.addf")
    return llvm::all_of(operands, isNonNegative);
  if (name == "arith.maximumf" || name == "arith.maxnumf")
    return llvm::any_of(operands, isNonNegative);
  return false;
}
