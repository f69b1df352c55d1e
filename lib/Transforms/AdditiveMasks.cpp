// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AdditiveMasks.h"
#include "LinalgUses.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Analysis/Moves.h"
#include "qfmt/IR/ConstantData.h"

using namespace mlir;
using namespace mlir::qfmt;

/// No score of an attention is that large; masks are -1e4 at least.
static constexpr double kSmallestMask = 1000;

/// What `value` is outside of the body of `op`: the operand of an argument, the
/// value itself if it is defined elsewhere or a constant; null otherwise.
static Value getOuterValue(linalg::LinalgOp op, Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value);
      argument && argument.getOwner() == op.getBlock())
    return op.getMatchingOpOperand(argument)->get();
  if (value.getParentBlock() != op.getBlock() ||
      value.getDefiningOp<arith::ConstantOp>())
    return value;
  return {};
}

static Value getReshapeSource(Operation *op) {
  return isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)
             ? op->getOperand(0)
             : Value();
}

bool mlir::qfmt::isExactImageOfIntegers(Value value, const DataValues &data) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !data.contains(value))
    return false;
  if (type.getElementType().isInteger())
    return true;
  Operation *producer = value.getDefiningOp();
  if (Value source = getReshapeSource(producer))
    return isExactImageOfIntegers(source, data);
  auto op = dyn_cast_or_null<linalg::LinalgOp>(producer);
  if (!op || !isElementwise(op))
    return false;
  // A lookup by integers is as real as what is looked up.
  for (Operation &scalar : op.getBlock()->without_terminator())
    if (!isa<arith::ArithDialect>(scalar.getDialect()))
      return false;
  return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *input) {
    return !data.contains(input->get()) || !readsElements(*input) ||
           isExactImageOfIntegers(input->get(), data);
  });
}

/// True if an element of `value`, which is a constant or computed from
/// constants and integers, may be a mask; `sign` is that with which it is
/// added.
static bool holdsMask(Value value, double sign) {
  Attribute attribute;
  if (matchPattern(value, m_Constant(&attribute))) {
    std::optional<std::vector<double>> numbers;
    if (auto number = dyn_cast<FloatAttr>(attribute))
      numbers = std::vector<double>{number.getValueAsDouble()};
    else if (isa<FloatType>(getElementTypeOrSelf(value.getType())))
      numbers = readFloats(attribute);
    return numbers && llvm::any_of(*numbers, [&](double number) {
             return sign * number <= -kSmallestMask;
           });
  }
  Operation *producer = value.getDefiningOp();
  if (Value source = getReshapeSource(producer))
    return holdsMask(source, sign);
  auto op = dyn_cast_or_null<linalg::LinalgOp>(producer);
  if (!op)
    return false;
  // Any large constant: factors may have changed its sign.
  auto isLarge = [&](Value operand) {
    Value outer = getOuterValue(op, operand);
    return outer && isa<FloatType>(getElementTypeOrSelf(outer.getType())) &&
           (holdsMask(outer, 1) || holdsMask(outer, -1));
  };
  for (Operation &scalar : *op.getBlock())
    if (llvm::any_of(scalar.getOperands(), isLarge))
      return true;
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return isa<FloatType>(getElementTypeOrSelf(operand.getType())) &&
           (holdsMask(operand, 1) || holdsMask(operand, -1));
  });
}

bool mlir::qfmt::addsMask(linalg::LinalgOp op, const DataValues &data) {
  auto isMask = [&](Value operand, double sign) {
    Value outer = getOuterValue(op, operand);
    return outer && isa<FloatType>(getElementTypeOrSelf(outer.getType())) &&
           (!data.contains(outer) || isExactImageOfIntegers(outer, data)) &&
           holdsMask(outer, sign);
  };
  for (Operation &scalar : *op.getBlock()) {
    if (isa<arith::AddFOp>(scalar) &&
        (isMask(scalar.getOperand(0), 1) || isMask(scalar.getOperand(1), 1)))
      return true;
    if (isa<arith::SubFOp>(scalar) && isMask(scalar.getOperand(1), -1))
      return true;
    if (isa<arith::SelectOp>(scalar) &&
        (isMask(scalar.getOperand(1), 1) || isMask(scalar.getOperand(2), 1)))
      return true;
  }
  return false;
}
