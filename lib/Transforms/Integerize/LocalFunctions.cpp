// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LocalFunctions.h"
#include "ElementFunction.h"
#include "FunctionIntervals.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Local expressions
//===----------------------------------------------------------------------===//

ExpressionRef mlir::qfmt::makeLocal(const TensorModel &tensor,
                                    ArrayRef<AffineExpr> indices) {
  if (tensor.mask || tensor.kind != TensorModel::Kind::Integer)
    return nullptr;
  // Moves make tensors of which nothing is known.
  if (tensor.local && tensor.localOf == tensor.payload)
    return substitute(tensor.local, indices);
  if (!tensor.range.fits(62))
    return nullptr;
  return Expression::makeElement(
      tensor.payload, std::make_shared<const TensorModel>(tensor), indices);
}

/// Of a value in a body; it has no indices.
static ExpressionRef makeLocal(const ScalarModel &value) {
  if (value.isConstant()) {
    std::optional<double> constant = value.constant.getUniform();
    return constant ? Expression::makeConstant(*constant) : nullptr;
  }
  if (value.mask)
    return nullptr;
  if (value.local || !value.isInteger())
    return value.local;
  if (!value.scale.getUniform() || !value.range.fits(62))
    return nullptr;
  auto model = std::make_shared<TensorModel>();
  model->kind = TensorModel::Kind::Integer;
  model->payload = value.value;
  model->scale = value.scale;
  model->range = value.range;
  model->error = value.error;
  return Expression::makeElement(value.value, model, {});
}

/// The only element, which is the same integer on one scale wherever it stands.
static bool findAnchor(const Expression &expression,
                       const Expression *&anchor) {
  if (expression.kind == Expression::Kind::Reduce)
    return false;
  if (expression.kind == Expression::Kind::Element) {
    if (!expression.model)
      return false;
    if (!anchor) {
      anchor = &expression;
      return true;
    }
    return anchor->tensor == expression.tensor &&
           anchor->indices == expression.indices &&
           anchor->model->scale == expression.model->scale;
  }
  return llvm::all_of(expression.operands, [&](const ExpressionRef &operand) {
    return findAnchor(*operand, anchor);
  });
}

static const Expression *getAnchor(const ExpressionRef &local) {
  const Expression *anchor = nullptr;
  return local && findAnchor(*local, anchor) ? anchor : nullptr;
}

ExpressionRef mlir::qfmt::makeLocal(Operation *op,
                                    ArrayRef<ScalarModel> operands) {
  SmallVector<ExpressionRef> expressions;
  for (const ScalarModel &operand : operands)
    expressions.push_back(::makeLocal(operand));
  if (llvm::is_contained(expressions, nullptr) ||
      !getScalarFunction(getFunctionName(op), operands.size()))
    return nullptr;
  ExpressionRef result =
      Expression::makeApply(getFunctionName(op), expressions, op->getLoc());
  return getAnchor(result) ? result : nullptr;
}

bool mlir::qfmt::isOverTensor(const ExpressionRef &local) {
  const Expression *anchor = getAnchor(local);
  return anchor && isa<RankedTensorType>(anchor->tensor.getType());
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// True if the expression contains a function for which integers need a scale
/// of their own.
static bool isTranscendental(const ExpressionRef &expression) {
  static const llvm::StringSet<> names = {
      "math.exp",  "math.exp2",  "math.expm1", "math.log",
      "math.log2", "math.log10", "math.log1p", "math.erf",
      "math.tanh", "math.sin",   "math.cos",   "math.powf"};
  return expression && (names.contains(expression->name) ||
                        llvm::any_of(expression->operands, isTranscendental));
}

/// Rules handle steps that have one operand as well as a program does, and so
/// are exponentials of anything.
static bool isWorthwhile(Operation *op, const ExpressionRef &local) {
  if (!isTranscendental(local) || op->getResult(0).getType().isInteger())
    return false;
  bool ofFunction = llvm::any_of(local->operands, isTranscendental);
  unsigned values =
      llvm::count_if(local->operands, [](const ExpressionRef &operand) {
        return operand->kind != Expression::Kind::Constant;
      });
  if (isa<arith::DivFOp>(op) && values == 1)
    return isTranscendental(local->operands[1]);
  if (isa_and_nonnull<math::MathDialect>(op->getDialect()) &&
      !isa<math::AbsFOp>(op))
    return ofFunction;
  return ofFunction && values > 1;
}

std::optional<ScalarModel>
mlir::qfmt::compileLocal(const RuleContext &context,
                         const ExpressionRef &local) {
  const Expression *anchor = getAnchor(local);
  if (!anchor || !isWorthwhile(context.op, local))
    return std::nullopt;
  std::optional<FunctionIntervals> intervals = FunctionIntervals::make(local);
  if (!intervals)
    return std::nullopt;
  BodyBuilder &body = context.body;
  const TensorModel &model = *anchor->model;
  FailureOr<ScalarModel> value = ScalarModel::makeInteger(
      anchor->tensor, model.scale, model.range, model.error);
  if (isOverTensor(local)) {
    auto map = AffineMap::get(body.getLoopSizes().size(), 0, anchor->indices,
                              body.getBuilder().getContext());
    std::optional<Table> scale = toLoops(model.scale, map);
    if (!scale)
      return std::nullopt;
    value = body.load(model, map, *scale);
  }
  // The rule remains; it says what is wrong.
  ScopedDiagnosticHandler quiet(context.op->getContext(),
                                [](Diagnostic &) { return success(); });
  FailureOr<ScalarModel> result = applyFunction(
      body, local->name, *value, local, [&](double lo, double hi, double off) {
        return intervals->getVariation(lo + off, hi - off, off);
      });
  if (failed(result))
    return std::nullopt;
  return *result;
}
