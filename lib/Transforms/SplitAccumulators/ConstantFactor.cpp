// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ConstantFactor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Support/AccumulatorWidth.h"
#include <map>

using namespace mlir;
using namespace mlir::qfmt;

/// The argument of `block` that `value` is computed from, if it is one only.
static BlockArgument getOnlyArgument(Value value, Block *block) {
  BlockArgument only;
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    Value current = pending.pop_back_val();
    auto argument = dyn_cast<BlockArgument>(current);
    if (current.getParentBlock() != block)
      continue;
    if (!argument)
      llvm::append_range(pending, current.getDefiningOp()->getOperands());
    else if (only && only != argument)
      return {};
    else
      only = argument;
  }
  return only;
}

static uint64_t getMagnitude(const ConstantIntRanges &range) {
  APInt low = range.smin().abs(), high = range.smax().abs();
  return llvm::APIntOps::umax(low, high).getLimitedValue();
}

/// |factor| for each code of the constant that `argument` reads.
static std::optional<std::vector<uint64_t>>
evaluateFactor(Value factor, BlockArgument argument, Attribute constant) {
  std::optional<std::vector<int64_t>> codes = readIntegers(constant);
  if (!codes)
    return std::nullopt;
  unsigned width = argument.getType().getIntOrFloatBitWidth();
  // A DenseMap would refuse the least and the greatest code.
  std::map<int64_t, uint64_t> known;
  std::vector<uint64_t> magnitudes;
  for (int64_t code : *codes) {
    auto [entry, isNew] = known.try_emplace(code, 0);
    if (isNew) {
      ElementRanges atCode;
      atCode.assume(argument,
                    ConstantIntRanges::constant(
                        APInt(64, static_cast<uint64_t>(code)).trunc(width)));
      entry->second = getMagnitude(atCode.get(factor));
    }
    magnitudes.push_back(entry->second);
  }
  return magnitudes;
}

std::optional<ChainFactor> ChainFactor::match(const WideSum &sum,
                                              ElementRanges &ranges) {
  Value product = sum.term;
  if (auto widened = product.getDefiningOp<arith::ExtSIOp>())
    product = widened.getIn();
  auto multiply = product.getDefiningOp<arith::MulIOp>();
  // A product that wraps around says nothing of its factors.
  if (!multiply ||
      ranges.get(product) == ConstantIntRanges::maxRange(
                                 product.getType().getIntOrFloatBitWidth()))
    return std::nullopt;
  linalg::LinalgOp op = sum.op;
  for (unsigned i : {0, 1}) {
    Value factor = multiply->getOperand(i), other = multiply->getOperand(1 - i);
    BlockArgument argument = getOnlyArgument(factor, op.getBlock());
    if (!argument || getOnlyArgument(other, op.getBlock()) == argument)
      continue;
    OpOperand *operand = op.getMatchingOpOperand(argument);
    AffineMap map = op.getMatchingIndexingMap(operand);
    Attribute constant;
    if (!matchPattern(operand->get(), m_Constant(&constant)) ||
        !isa<RankedTensorType>(operand->get().getType()) ||
        !map.isProjectedPermutation())
      continue;
    ChainFactor result;
    auto magnitudes = evaluateFactor(factor, argument, constant);
    if (!magnitudes)
      continue;
    result.magnitudes = std::move(*magnitudes);
    result.shape = llvm::to_vector(op.getShape(operand));
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      result.loops.push_back(map.getDimPosition(dim));
    result.other = getMagnitude(ranges.get(other));
    return result;
  }
  return std::nullopt;
}

uint64_t mlir::qfmt::getSafeSteps(const ChainFactor &factor, const WideSum &sum,
                                  unsigned loop, ArrayRef<unsigned> whole) {
  // What each step adds, one row for each position in the other dimensions.
  int64_t steps = 1, repeats = 1;
  SmallVector<int64_t> strides(factor.shape.size(), 0);
  for (auto [dim, index] : llvm::enumerate(factor.loops))
    if (index == loop)
      steps = factor.shape[dim], strides[dim] = 1;
  int64_t total = steps;
  for (auto [dim, index] : llvm::enumerate(factor.loops)) {
    if (index == loop || llvm::is_contained(whole, index))
      continue;
    strides[dim] = total;
    total *= factor.shape[dim];
  }
  for (unsigned index : whole)
    if (!llvm::is_contained(factor.loops, index))
      repeats *= sum.sizes[index];

  std::vector<uint64_t> rows(total, 0);
  for (auto [flat, magnitude] : llvm::enumerate(factor.magnitudes)) {
    int64_t rest = flat, position = 0;
    for (unsigned dim = factor.shape.size(); dim-- > 0;
         rest /= factor.shape[dim])
      position += rest % factor.shape[dim] * strides[dim];
    rows[position] = llvm::SaturatingMultiplyAdd(
        magnitude, static_cast<uint64_t>(repeats), rows[position]);
  }
  uint64_t limit = factor.other == 0 ? kAnyLength : kLargestSum / factor.other;
  uint64_t length = kAnyLength;
  for (int64_t row = 0; row < total; row += steps) {
    if (steps == sum.sizes[loop])
      length = std::min(length,
                        getSafeWindow(ArrayRef(rows).slice(row, steps), limit));
    else if (rows[row] != 0)
      // The constant does not vary along the loop.
      length = std::min(length, limit / rows[row]);
  }
  return length;
}
