// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MaskReaders.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::qfmt;

static bool isMaximum(Operation *op) {
  return isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op);
}

/// Operations that keep what is masked, elsewhere or in another type.
static bool isMoveOrCast(Operation *op) {
  return isa_and_nonnull<arith::ExtFOp, arith::TruncFOp, tensor::ExpandShapeOp,
                         tensor::CollapseShapeOp, tensor::ExtractSliceOp>(op);
}

static linalg::LinalgOp getOwner(Value value) {
  return dyn_cast_or_null<linalg::LinalgOp>(
      value.getParentBlock()->getParentOp());
}

/// True if `value` is an element of maxima, moved or not.
static bool isElementOfMaxima(Value value) {
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      linalg::LinalgOp op = getOwner(argument);
      if (!op)
        return false;
      value = op.getMatchingOpOperand(argument)->get();
      continue;
    }
    Operation *producer = value.getDefiningOp();
    if (isMaximum(producer))
      return true;
    if (isMoveOrCast(producer))
      value = producer->getOperand(0);
    else if (auto op = dyn_cast<linalg::LinalgOp>(producer))
      value = op.getBlock()->getTerminator()->getOperand(
          cast<OpResult>(value).getResultNumber());
    else
      return false;
  }
}

/// True if a reduction of `op` adds to `value`.
static bool isAccumulator(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  linalg::LinalgOp op = argument ? getOwner(argument) : linalg::LinalgOp();
  return op && op.isDpsInit(op.getMatchingOpOperand(argument));
}

/// True if all numbers of `reach` and below have the lowest code.
static bool saturates(QuantizeOp op, double reach) {
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  auto scaled = dyn_cast<ScaledAttr>(encoded.getFormat());
  if (!scaled || !scaled.getNumberFormat().hasIntegerCodes() ||
      !scaled.isStatic() || op.getOverflow() != OverflowMode::Saturate)
    return false;
  int64_t lowest =
      scaled.getNumberFormat().getLowest() - *scaled.getStaticZeroPoint();
  Type element = getElementTypeOrSelf(op.getInput().getType());
  return reach < static_cast<double>(lowest) * *scaled.getStaticScale(element);
}

/// True if `op` multiplies its operand `index` by a constant that leaves enough
/// of the distance from the maximum: exp(-32 / 2) is 2^-23.
static bool isTemperature(Operation *op, unsigned index) {
  FloatAttr constant;
  bool isProduct = isa<arith::MulFOp>(op);
  if (!isProduct && !(isa<arith::DivFOp>(op) && index == 0))
    return false;
  if (!matchPattern(op->getOperand(1 - index), m_Constant(&constant)))
    return false;
  double factor = constant.getValueAsDouble();
  return isProduct ? factor >= 0.5 : factor > 0 && factor <= 2;
}

namespace {
class Readers {
public:
  Readers(double reach, double reachBelowMaximum, bool throughSums)
      : reach(reach), reachBelowMaximum(reachBelowMaximum),
        throughSums(throughSums) {}

  bool areAll(Value value, bool isBelowMaximum) {
    if (!seen.insert({value, isBelowMaximum}).second)
      return true;
    return llvm::all_of(value.getUses(), [&](OpOperand &use) {
      return isOne(use, isBelowMaximum);
    });
  }

private:
  bool isOne(OpOperand &use, bool isBelowMaximum) {
    Operation *user = use.getOwner();
    unsigned index = use.getOperandNumber();
    if (isa<linalg::YieldOp>(user))
      return areAll(user->getParentOp()->getResult(index), isBelowMaximum);
    if (auto op = dyn_cast<linalg::LinalgOp>(user))
      return areAll(op.getMatchingBlockArgument(&use), isBelowMaximum);
    if (auto op = dyn_cast<QuantizeOp>(user))
      return saturates(op, isBelowMaximum ? reachBelowMaximum : reach);
    if (isMoveOrCast(user))
      return areAll(user->getResult(0), isBelowMaximum);
    if (isBelowMaximum && isTemperature(user, index))
      return areExponentials(user->getResult(0));
    if (isBelowMaximum)
      return isa<math::ExpOp, math::Exp2Op>(user);
    if (isMaximum(user) || (isa<arith::SelectOp>(user) && index != 0))
      return areAll(user->getResult(0), false);
    if (isa<arith::SubFOp>(user) && isElementOfMaxima(user->getOperand(1)))
      return areAll(user->getResult(0), true);
    bool isSum =
        isa<arith::AddFOp>(user) || (isa<arith::SubFOp>(user) && index == 0);
    return isSum && throughSums &&
           !isAccumulator(user->getOperand(1 - index)) &&
           areAll(user->getResult(0), false);
  }

  /// What the distances from the maximum were multiplied to become.
  bool areExponentials(Value value) {
    return llvm::all_of(value.getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      if (isa<linalg::YieldOp>(user))
        return areExponentials(
            user->getParentOp()->getResult(use.getOperandNumber()));
      if (auto op = dyn_cast<linalg::LinalgOp>(user))
        return areExponentials(op.getMatchingBlockArgument(&use));
      return isMoveOrCast(user) ? areExponentials(user->getResult(0))
                                : isa<math::ExpOp, math::Exp2Op>(user);
    });
  }

  double reach, reachBelowMaximum;
  bool throughSums;
  /// Values, and whether a maximum was subtracted from them.
  llvm::DenseSet<std::pair<Value, unsigned>> seen;
};
} // namespace

bool mlir::qfmt::isReadAsMasked(Value scores, double reach,
                                double reachBelowMaximum, bool throughSums) {
  return Readers(reach, reachBelowMaximum, throughSums).areAll(scores, false);
}
