// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Casts, comparisons and logic of integers and truth values, such as the mask
// of an attention: they denote themselves. Exact, but for truth values that are
// not.

#include "Rules.h"

using namespace mlir;
using namespace mlir::qfmt;

/// 0 or 1, as 0 or `one`. A comparison of values that are not exact may be
/// wrong: then the number is off by 1.
static ScalarModel fromPredicate(RuleContext &context, int64_t one) {
  BodyBuilder &body = context.body;
  Value value = context.operands[0].value;
  Type type = context.builder().getI32Type();
  value = one == 1 ? arith::ExtUIOp::create(context.builder(), body.getLoc(),
                                            type, value)
                         .getResult()
                   : arith::ExtSIOp::create(context.builder(), body.getLoc(),
                                            type, value)
                         .getResult();
  ErrorBound error;
  if (!context.operands[0].error.isExact())
    error.absolute = 1;
  return ScalarModel::makeInteger(
      value, Table(1.0), {std::min<int64_t>(one, 0), std::max<int64_t>(one, 0)},
      error);
}

/// True is -1.
static FailureOr<ScalarModel> compileSignedCast(RuleContext &context) {
  if (context.operands[0].isPredicate())
    return fromPredicate(context, -1);
  return context.operands[0];
}

static FailureOr<ScalarModel> compileUnsignedCast(RuleContext &context) {
  const ScalarModel &value = context.operands[0];
  if (value.isPredicate())
    return fromPredicate(context, 1);
  if (value.range.lo < 0)
    return context.emitError()
           << "reads an integer that may be negative, as far as is known, as "
              "an unsigned one; extend or convert it as a signed one";
  return value;
}

/// A truth value that may be a constant.
static Value getTruthValue(RuleContext &context, const ScalarModel &model) {
  BodyBuilder &body = context.body;
  if (!model.isConstant())
    return model.value;
  return arith::CmpIOp::create(
      context.builder(), body.getLoc(), arith::CmpIPredicate::ne,
      body.materialize(model.constant, 8), body.constant(0, 8));
}

template <typename IntOp>
static FailureOr<ScalarModel> compileLogic(RuleContext &context) {
  if (!context.op->getResult(0).getType().isInteger(1))
    return context.emitError() << "combines bits of integers, which has no "
                                  "integer rule; truth values have";
  ScalarModel result = ScalarModel::makePredicate(
      IntOp::create(context.builder(), context.body.getLoc(),
                    getTruthValue(context, context.operands[0]),
                    getTruthValue(context, context.operands[1])));
  result.error =
      mergeErrors(context.operands[0].error, context.operands[1].error);
  return result;
}

static FailureOr<ScalarModel> compileIntegerComparison(RuleContext &context) {
  BodyBuilder &body = context.body;
  auto predicate = cast<arith::CmpIOp>(context.op).getPredicate();
  IntegerRange ranges[2];
  for (auto [operand, range] : llvm::zip(context.operands, ranges)) {
    if (operand.isPredicate())
      return context.emitError() << "compares truth values; use andi, ori or "
                                    "xori";
    range = operand.range;
    if (operand.isConstant())
      range = {static_cast<__int128>(operand.constant.getMin()),
               static_cast<__int128>(operand.constant.getMax())};
  }
  IntegerRange range = ranges[0].hull(ranges[1]);
  bool isUnsigned = predicate >= arith::CmpIPredicate::ult;
  std::optional<unsigned> width = body.chooseWidth(range);
  if (!width || (isUnsigned && range.lo < 0))
    return context.emitError() << "compares integers that may be negative, as "
                                  "far as is known, as unsigned ones";
  SmallVector<Value> values;
  for (const ScalarModel &operand : context.operands)
    values.push_back(operand.isConstant()
                         ? body.materialize(operand.constant, *width)
                         : body.cast(operand.value, *width));
  return ScalarModel::makePredicate(arith::CmpIOp::create(
      context.builder(), body.getLoc(), predicate, values[0], values[1]));
}

void mlir::qfmt::addIntegerRules(RuleTable &rules) {
  rules["arith.uitofp"] = compileUnsignedCast;
  rules["arith.extui"] = compileUnsignedCast;
  rules["arith.sitofp"] = compileSignedCast;
  rules["arith.extsi"] = compileSignedCast;
  rules["arith.cmpi"] = compileIntegerComparison;
  rules["arith.andi"] = compileLogic<arith::AndIOp>;
  rules["arith.ori"] = compileLogic<arith::OrIOp>;
  rules["arith.xori"] = compileLogic<arith::XOrIOp>;
}
