// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AffineBody.h"
#include "ConstantTensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

Affine Affine::constant(Coefficients value) {
  Coefficients zero(value.size(), 0.0);
  return {std::move(zero), std::move(value), /*dependsOnX=*/false};
}

Affine Affine::identity(size_t places) {
  return {Coefficients(places, 1.0), Coefficients(places, 0.0),
          /*dependsOnX=*/true};
}

Affine Affine::compose(const Affine &outer, const Affine &inner) {
  Affine result = inner;
  for (auto [factor, offset, a, b] : llvm::zip_equal(
           result.factor, result.offset, outer.factor, outer.offset)) {
    factor = a * factor;
    offset = a * offset + b;
  }
  return result;
}

bool Affine::isFinite() const {
  auto finite = [](double value) { return std::isfinite(value); };
  return llvm::all_of(factor, finite) && llvm::all_of(offset, finite);
}

namespace {
/// Evaluates the body.
class BodyEvaluator {
public:
  BodyEvaluator(linalg::LinalgOp op, size_t places,
                function_ref<bool(OpOperand &)> isX,
                function_ref<std::optional<Coefficients>(OpOperand &)> read)
      : op(op), places(places), isX(isX), read(read) {}

  std::optional<Affine> evaluate() {
    return evaluate(op.getBlock()->getTerminator()->getOperand(0));
  }

private:
  using Unary = function_ref<double(double)>;

  std::optional<Affine> evaluate(Value value);
  std::optional<Affine> evaluateNew(Value value);
  std::optional<Affine> evaluateArgument(BlockArgument argument);
  std::optional<Affine> evaluateConstantOnly(Operation *op, Unary function);
  std::optional<Affine> evaluateLinear(Operation *op, double leftSign,
                                       double rightSign);
  std::optional<Affine> evaluateScaling(Operation *op, bool divides);

  linalg::LinalgOp op;
  size_t places;
  function_ref<bool(OpOperand &)> isX;
  function_ref<std::optional<Coefficients>(OpOperand &)> read;
  /// There may be many ways to a value.
  llvm::DenseMap<Value, std::optional<Affine>> known;
};

std::optional<Affine> BodyEvaluator::evaluateArgument(BlockArgument argument) {
  OpOperand *operand = op.getMatchingOpOperand(argument);
  if (isX(*operand))
    return Affine::identity(places);
  if (std::optional<double> scalar = readConstantScalar(operand->get()))
    return Affine::constant(Coefficients(places, *scalar));
  std::optional<Coefficients> value = read(*operand);
  if (!value)
    return std::nullopt;
  return Affine::constant(std::move(*value));
}

std::optional<Affine> BodyEvaluator::evaluateConstantOnly(Operation *op,
                                                          Unary function) {
  std::optional<Affine> input = evaluate(op->getOperand(0));
  if (!input || input->dependsOnX)
    return std::nullopt;
  for (double &value : input->offset)
    value = function(value);
  return input;
}

/// leftSign * left + rightSign * right; a unary operation has no right.
std::optional<Affine> BodyEvaluator::evaluateLinear(Operation *op,
                                                    double leftSign,
                                                    double rightSign) {
  std::optional<Affine> left = evaluate(op->getOperand(0));
  if (!left)
    return std::nullopt;
  for (auto *part : {&left->factor, &left->offset})
    for (double &value : *part)
      value *= leftSign;
  if (op->getNumOperands() == 1)
    return left;
  std::optional<Affine> right = evaluate(op->getOperand(1));
  if (!right)
    return std::nullopt;
  for (size_t i = 0, e = places; i != e; ++i) {
    left->factor[i] += rightSign * right->factor[i];
    left->offset[i] += rightSign * right->offset[i];
  }
  left->dependsOnX |= right->dependsOnX;
  return left;
}

/// A product, or quotient, one side of which is constant.
std::optional<Affine> BodyEvaluator::evaluateScaling(Operation *op,
                                                     bool divides) {
  std::optional<Affine> left = evaluate(op->getOperand(0));
  std::optional<Affine> right = evaluate(op->getOperand(1));
  if (!left || !right)
    return std::nullopt;
  if (!divides && !left->dependsOnX)
    std::swap(left, right);
  if (right->dependsOnX)
    return std::nullopt;
  for (size_t i = 0, e = places; i != e; ++i)
    for (double *value : {&left->factor[i], &left->offset[i]})
      *value = divides ? *value / right->offset[i] : *value * right->offset[i];
  return left;
}

/// Rounds constants to the type they are cut to; x itself passes, as sums of
/// reals may be reassociated.
double roundTo(Type type, double value) {
  APFloat number(value);
  bool losesInfo;
  number.convert(cast<FloatType>(type).getFloatSemantics(),
                 APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

std::optional<Affine> BodyEvaluator::evaluate(Value value) {
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  std::optional<Affine> result = evaluateNew(value);
  known[value] = result;
  return result;
}

std::optional<Affine> BodyEvaluator::evaluateNew(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value);
      argument && argument.getOwner() == op.getBlock())
    return evaluateArgument(argument);
  if (std::optional<double> scalar = readConstantScalar(value))
    return Affine::constant(Coefficients(places, *scalar));
  Operation *definition = value.getDefiningOp();
  if (!definition)
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<Affine>>(definition)
      .Case<arith::AddFOp>([&](auto add) { return evaluateLinear(add, 1, 1); })
      .Case<arith::SubFOp>([&](auto sub) { return evaluateLinear(sub, 1, -1); })
      .Case<arith::NegFOp>([&](auto neg) { return evaluateLinear(neg, -1, 0); })
      .Case<arith::MulFOp>(
          [&](auto mul) { return evaluateScaling(mul, /*divides=*/false); })
      .Case<arith::DivFOp>(
          [&](auto div) { return evaluateScaling(div, /*divides=*/true); })
      .Case<arith::ExtFOp>([&](auto ext) { return evaluate(ext.getIn()); })
      .Case<arith::TruncFOp>([&](auto trunc) {
        return evaluateConstantOnly(trunc, [&](double value) {
          return roundTo(trunc.getType(), value);
        });
      })
      .Case<math::SqrtOp>([&](auto sqrt) {
        return evaluateConstantOnly(
            sqrt, [](double value) { return std::sqrt(value); });
      })
      .Case<math::RsqrtOp>([&](auto rsqrt) {
        return evaluateConstantOnly(
            rsqrt, [](double value) { return 1 / std::sqrt(value); });
      })
      .Default([](Operation *) { return std::nullopt; });
}
} // namespace

std::optional<Affine> mlir::qfmt::evaluateAffineBody(
    linalg::LinalgOp op, size_t places, function_ref<bool(OpOperand &)> isX,
    function_ref<std::optional<Coefficients>(OpOperand &)> read) {
  return BodyEvaluator(op, places, isX, read).evaluate();
}
