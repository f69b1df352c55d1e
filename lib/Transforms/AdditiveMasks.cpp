// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AdditiveMasks.h"
#include "LinalgUses.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Analysis/Moves.h"
#include "qfmt/IR/ConstantData.h"
#include "llvm/ADT/DenseSet.h"
#include <cmath>

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

/// True if `value` is integers, or as exact as what it is computed from, which
/// is put into `sources`.
static bool isExact(Value value, const DataValues &data,
                    SmallVectorImpl<Value> &sources) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !data.contains(value))
    return false;
  if (type.getElementType().isInteger())
    return true;
  Operation *producer = value.getDefiningOp();
  if (Value source = getReshapeSource(producer)) {
    sources.push_back(source);
    return true;
  }
  auto op = dyn_cast_or_null<linalg::LinalgOp>(producer);
  if (!op || !isElementwise(op))
    return false;
  // A lookup by integers is as real as what is looked up.
  for (Operation &scalar : op.getBlock()->without_terminator())
    if (!isa_and_nonnull<arith::ArithDialect>(scalar.getDialect()))
      return false;
  for (OpOperand *input : op.getDpsInputOperands())
    if (data.contains(input->get()) && readsElements(*input))
      sources.push_back(input->get());
  return true;
}

bool mlir::qfmt::isExactImageOfIntegers(Value value, const DataValues &data) {
  SmallVector<Value> pending = {value};
  // Each once: there may be many ways to a value.
  llvm::DenseSet<Value> seen;
  while (!pending.empty()) {
    Value current = pending.pop_back_val();
    if (seen.insert(current).second && !isExact(current, data, pending))
      return false;
  }
  return true;
}

/// True if a number of the constant `value` satisfies `condition`.
static bool hasNumber(Value value, function_ref<bool(double)> condition) {
  Attribute attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return false;
  std::optional<std::vector<double>> numbers;
  if (auto number = dyn_cast<FloatAttr>(attribute))
    numbers = std::vector<double>{number.getValueAsDouble()};
  else if (isa<FloatType>(getElementTypeOrSelf(value.getType())))
    numbers = readFloats(attribute);
  return numbers && llvm::any_of(*numbers, condition);
}

/// The numbers that `value` is computed from.
static SmallVector<Value> getSources(Value value) {
  Operation *producer = value.getDefiningOp();
  if (Value source = getReshapeSource(producer))
    return {source};
  auto op = dyn_cast_or_null<linalg::LinalgOp>(producer);
  if (!op)
    return {};
  SmallVector<Value> sources(op->getOperands());
  for (Operation &scalar : *op.getBlock())
    for (Value operand : scalar.getOperands())
      if (Value outer = getOuterValue(op, operand))
        sources.push_back(outer);
  llvm::erase_if(sources, [](Value source) {
    return !isa<FloatType>(getElementTypeOrSelf(source.getType()));
  });
  return sources;
}

/// True if an element of `value`, which is a constant or computed from
/// constants and integers, may be a mask; `sign` is that with which it is
/// added.
static bool holdsMask(Value value, double sign) {
  while (Value source = getReshapeSource(value.getDefiningOp()))
    value = source;
  if (matchPattern(value, m_Constant()))
    return hasNumber(
        value, [&](double number) { return sign * number <= -kSmallestMask; });
  // Any large constant: factors may have changed its sign.
  SmallVector<Value> pending = getSources(value);
  llvm::DenseSet<Value> seen;
  while (!pending.empty()) {
    Value current = pending.pop_back_val();
    if (!seen.insert(current).second)
      continue;
    if (hasNumber(current, [](double number) {
          return std::abs(number) >= kSmallestMask;
        }))
      return true;
    llvm::append_range(pending, getSources(current));
  }
  return false;
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
