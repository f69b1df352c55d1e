// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One scalar operation: constants are folded, functions of one code deferred,
// everything else is up to the rule of its name.

#include "BodyRules.h"
#include "ElementFunction.h"
#include "IBertRules.h"
#include "LocalFunctions.h"
#include "Rules.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace mlir::qfmt;

static const RuleTable &getRules() {
  static const RuleTable rules = [] {
    RuleTable table;
    addArithmeticRules(table);
    addComparisonRules(table);
    addDivisionRules(table);
    addFunctionRules(table);
    addIntegerRules(table);
    return table;
  }();
  return rules;
}

/// v^2, as it is written in norms, for instance: a product.
static bool isSquare(Operation *op, ArrayRef<ScalarModel> operands) {
  return isa<math::PowFOp, math::FPowIOp>(op) && operands[1].isConstant() &&
         operands[1].constant.getUniform() == 2.0;
}

/// True for functions that are cheaper and more exact as a table of the code
/// than as integer arithmetic.
static bool isNonlinear(Operation *op, ArrayRef<ScalarModel> operands) {
  return op->getDialect()->getNamespace() == "math" && !isa<math::AbsFOp>(op) &&
         !isSquare(op, operands);
}

/// A value that depends on one code alone, and is no chain of exact operations,
/// stays an expression.
static bool isDeferrable(Operation *op, ArrayRef<ScalarModel> operands,
                         const ExpressionRef &expression) {
  bool nonlinear = isNonlinear(op, operands) ||
                   llvm::any_of(operands, [](const ScalarModel &model) {
                     return model.isDeferred();
                   });
  // A quotient with a value below the line.
  if (isa<arith::DivFOp>(op) && !operands[1].isConstant())
    nonlinear = true;
  return nonlinear && isFunctionOfCode(expression) &&
         getScalarFunction(getFunctionName(op), operands.size());
}

/// The operation whose rule compiles `op`: a root may be written as a power.
static StringRef getRuleName(Operation *op, ArrayRef<ScalarModel> operands) {
  std::optional<double> exponent =
      isa<math::PowFOp>(op) && operands[1].isConstant()
          ? operands[1].constant.getUniform()
          : std::nullopt;
  if (exponent == 0.5)
    return "math.sqrt";
  if (exponent == -0.5)
    return "math.rsqrt";
  return op->getName().getStringRef();
}

LogicalResult mlir::qfmt::compileScalarOp(Operation *op, BodyBuilder &body,
                                          ScalarModels &models) {
  body.setScalarOp(op);
  llvm::scope_exit atLinalgOp([&] { body.setScalarOp(nullptr); });
  RuleContext context = {op, body, {}};
  SmallVector<ExpressionRef> expressions;
  for (Value operand : op->getOperands()) {
    auto it = models.find(operand);
    if (it == models.end())
      return context.emitError()
             << "operand " << operand << " has no integer value";
    context.operands.push_back(it->second);
    expressions.push_back(it->second.expression);
  }
  auto isConstant = [](const ScalarModel &model) { return model.isConstant(); };
  if (llvm::all_of(context.operands, isConstant)) {
    FailureOr<ScalarModel> folded = foldConstants(context);
    if (failed(folded))
      return failure();
    if (!folded->expression)
      folded->expression =
          Expression::makeConstant(folded->constant, op->getContext());
    models[op->getResult(0)] = std::move(*folded);
    return success();
  }
  ExpressionRef expression =
      isSquare(op, context.operands)
          ? Expression::makeApply(
                "arith.mulf", {expressions[0], expressions[0]}, op->getLoc())
          : Expression::makeApply(getFunctionName(op), expressions,
                                  op->getLoc());
  context.expression = expression;
  if (std::optional<FailureOr<ScalarModel>> result =
          compileIBert(context, expression)) {
    if (failed(*result))
      return failure();
    countMask(context, **result);
    (*result)->expression = expression;
    models[op->getResult(0)] = std::move(**result);
    return success();
  }
  if (isDeferrable(op, context.operands, expression)) {
    models[op->getResult(0)] = ScalarModel::makeDeferred(expression);
    return success();
  }
  Rule rule = getRules().lookup(getRuleName(op, context.operands));
  if (!rule)
    return context.emitError()
           << "has no integer rule; keep this operation out of the "
              "integer-only part or rewrite it with add, sub, mul, max, min, "
              "compare and select";
  bool readsTruth = isa<arith::SelectOp, arith::UIToFPOp, arith::SIToFPOp,
                        arith::ExtUIOp, arith::ExtSIOp, arith::CmpIOp,
                        arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op);
  for (auto [value, operand] : llvm::zip(op->getOperands(), context.operands)) {
    if (operand.isPredicate() && !readsTruth)
      return context.emitError()
             << "computes with the outcome of a comparison; only selections, "
                "casts and logic may";
    if (!operand.isDeferred())
      continue;
    FailureOr<ScalarModel> integer =
        value.getType().isInteger(1)
            ? materializePredicate(body, operand.expression)
            : materialize(body, operand.expression);
    if (failed(integer))
      return failure();
    operand = *integer;
  }
  ExpressionRef local = makeLocal(op, context.operands);
  FailureOr<ScalarModel> result = failure();
  if (std::optional<ScalarModel> function = compileLocal(context, local))
    result = *function;
  else
    result = compileWithMasks(context, rule);
  if (failed(result))
    return failure();
  if (!result->isConstant())
    result->expression = expression;
  if (!result->mask)
    result->local = local;
  models[op->getResult(0)] = std::move(*result);
  return success();
}
