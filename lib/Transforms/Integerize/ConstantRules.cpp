// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations on constants and positions, evaluated in double at compile time.
// Integers are sizes and positions, far below 2^53.

#include "ElementFunction.h"
#include "Rules.h"
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

/// The position in a loop, a constant that varies along it: the number of
/// elements in a window that average pooling divides by is computed from it.
static FailureOr<ScalarModel> foldIndex(RuleContext &context) {
  auto loop = static_cast<unsigned>(cast<linalg::IndexOp>(context.op).getDim());
  int64_t size = context.body.getLoopSizes()[loop];
  std::vector<double> positions(size);
  std::iota(positions.begin(), positions.end(), 0.0);
  return ScalarModel::makeConstant(Table({loop}, {size}, std::move(positions)));
}

/// A constant in the body.
static FailureOr<ScalarModel> foldConstant(RuleContext &context) {
  Attribute value = cast<arith::ConstantOp>(context.op).getValue();
  if (auto number = dyn_cast<FloatAttr>(value))
    return ScalarModel::makeConstant(Table(number.getValueAsDouble()));
  if (auto number = dyn_cast<IntegerAttr>(value))
    return ScalarModel::makeConstant(Table(
        number.getType().isInteger(1) ? double(number.getValue().getBoolValue())
                                      : static_cast<double>(number.getInt())));
  return context.emitError() << "is no number";
}

FailureOr<ScalarModel> mlir::qfmt::foldConstants(RuleContext &context) {
  if (isa<linalg::IndexOp>(context.op))
    return foldIndex(context);
  if (isa<arith::ConstantOp>(context.op))
    return foldConstant(context);
  ArrayRef<ScalarModel> operands = context.operands;
  ScalarFunction function =
      getScalarFunction(getFunctionName(context.op), operands.size());
  if (!function)
    return context.emitError() << "is not evaluated on constants";
  switch (operands.size()) {
  case 1:
    return ScalarModel::makeConstant(
        operands[0].constant.map([&](double v) { return function(v); }));
  case 2:
    return ScalarModel::makeConstant(
        Table::combine(operands[0].constant, operands[1].constant,
                       [&](double a, double b) { return function({a, b}); }));
  default:
    break;
  }
  // A selection: the condition takes the first or nothing, then the second.
  auto pick = [](double condition, double value) {
    return condition != 0 ? value : 0;
  };
  auto pickOther = [](double condition, double value) {
    return condition != 0 ? 0 : value;
  };
  Table first =
      Table::combine(operands[0].constant, operands[1].constant, pick);
  Table second =
      Table::combine(operands[0].constant, operands[2].constant, pickOther);
  return ScalarModel::makeConstant(
      Table::combine(first, second, [](double a, double b) { return a + b; }));
}
