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
  return isa_and_nonnull<math::MathDialect>(op->getDialect()) &&
         !isa<math::AbsFOp>(op) && !isSquare(op, operands);
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

/// What `op` computes, as real arithmetic has it.
static ExpressionRef makeExpression(const RuleContext &context) {
  SmallVector<ExpressionRef> operands;
  for (const ScalarModel &operand : context.operands)
    operands.push_back(operand.expression);
  Operation *op = context.op;
  if (isSquare(op, context.operands))
    return Expression::makeApply("arith.mulf", {operands[0], operands[0]},
                                 op->getLoc());
  return Expression::makeApply(getFunctionName(op), operands, op->getLoc());
}

/// The integers of what waits, for an operation that needs them.
static LogicalResult materializeOperands(RuleContext &context) {
  bool readsTruth = isa<arith::SelectOp, arith::UIToFPOp, arith::SIToFPOp,
                        arith::ExtUIOp, arith::ExtSIOp, arith::CmpIOp,
                        arith::AndIOp, arith::OrIOp, arith::XOrIOp>(context.op);
  for (auto [value, operand] :
       llvm::zip(context.op->getOperands(), context.operands)) {
    if (operand.isPredicate() && !readsTruth)
      return context.emitError()
             << "computes with the outcome of a comparison; only selections, "
                "casts and logic may";
    if (!operand.isDeferred())
      continue;
    FailureOr<ScalarModel> integer =
        value.getType().isInteger(1)
            ? materializePredicate(context.body, operand.expression)
            : materialize(context.body, operand.expression);
    if (failed(integer))
      return failure();
    operand = *integer;
  }
  return success();
}

/// An operation on constants alone.
static FailureOr<ScalarModel> compileConstants(RuleContext &context) {
  FailureOr<ScalarModel> folded = foldConstants(context);
  if (succeeded(folded) && !folded->expression)
    folded->expression =
        Expression::makeConstant(folded->constant, context.op->getContext());
  return folded;
}

/// An operation that is computed in integers, by the rule of its name.
static FailureOr<ScalarModel> compileByRule(RuleContext &context) {
  Rule rule = getRules().lookup(getRuleName(context.op, context.operands));
  if (!rule)
    return context.emitError()
           << "has no integer rule; keep this operation out of the "
              "integer-only part or rewrite it with add, sub, mul, max, min, "
              "compare and select";
  if (failed(materializeOperands(context)))
    return failure();
  ExpressionRef local = makeLocal(context.op, context.operands);
  FailureOr<ScalarModel> result = failure();
  if (std::optional<ScalarModel> function = compileLocal(context, local))
    result = *function;
  else
    result = compileWithMasks(context, rule);
  if (failed(result))
    return failure();
  if (!result->isConstant())
    result->expression = context.expression;
  if (!result->mask)
    result->local = local;
  return result;
}

static FailureOr<ScalarModel> compile(RuleContext &context) {
  auto isConstant = [](const ScalarModel &model) { return model.isConstant(); };
  if (llvm::all_of(context.operands, isConstant))
    return compileConstants(context);
  context.expression = makeExpression(context);
  if (std::optional<FailureOr<ScalarModel>> result =
          compileIBert(context, context.expression)) {
    if (failed(*result))
      return failure();
    countMask(context, **result);
    (*result)->expression = context.expression;
    return *result;
  }
  if (isDeferrable(context.op, context.operands, context.expression))
    return ScalarModel::makeDeferred(context.expression);
  return compileByRule(context);
}

LogicalResult mlir::qfmt::compileScalarOp(Operation *op, BodyBuilder &body,
                                          ScalarModels &models) {
  body.setScalarOp(op);
  llvm::scope_exit atLinalgOp([&] { body.setScalarOp(nullptr); });
  RuleContext context = {op, body, {}};
  for (Value operand : op->getOperands()) {
    auto it = models.find(operand);
    if (it == models.end())
      return context.emitError()
             << "operand " << operand << " has no integer value";
    context.operands.push_back(it->second);
  }
  FailureOr<ScalarModel> result = compile(context);
  if (failed(result))
    return failure();
  models[op->getResult(0)] = std::move(*result);
  return success();
}
