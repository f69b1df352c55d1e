// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AccumulatorBound.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include <map>

using namespace mlir;
using namespace mlir::qfmt;

/// The largest, over the points of the loops that are not reduced, of the sum
/// of the magnitudes of the constant `w`, read through `map`.
static std::optional<__int128> sumMagnitudes(linalg::LinalgOp op,
                                             const TensorModel &w,
                                             AffineMap map,
                                             ArrayRef<int64_t> loopSizes) {
  Attribute attr;
  if (!matchPattern(w.payload, m_Constant(&attr)) ||
      !map.isProjectedPermutation())
    return std::nullopt;
  std::optional<std::vector<int64_t>> codes = readIntegers(attr);
  if (!codes)
    return std::nullopt;
  unsigned width =
      getElementTypeOrSelf(w.payload.getType()).getIntOrFloatBitWidth();
  int64_t mask = w.isUnsigned ? (int64_t(1) << width) - 1 : -1;
  ArrayRef<int64_t> shape = w.realType.getShape();
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();

  // One sum for each index in the dimensions that are not reduced.
  std::map<std::vector<int64_t>, __int128> sums;
  for (auto [flat, code] : llvm::enumerate(*codes)) {
    std::vector<int64_t> key;
    int64_t rest = flat;
    for (unsigned dim = shape.size(); dim-- > 0; rest /= shape[dim])
      if (iterators[map.getDimPosition(dim)] == utils::IteratorType::parallel)
        key.push_back(rest % shape[dim]);
    int64_t value = (code & mask) - w.zeroPoint;
    sums[key] += value < 0 ? -value : value;
  }
  __int128 largest = 0;
  for (auto &entry : sums)
    largest = std::max(largest, entry.second);
  // Reduced loops that do not index the weights repeat them.
  for (auto [loop, size] : llvm::enumerate(loopSizes))
    if (iterators[loop] == utils::IteratorType::reduction &&
        !map.isFunctionOfDim(loop))
      largest *= size;
  return largest;
}

std::optional<__int128>
mlir::qfmt::boundByConstantWeights(linalg::LinalgOp op, Value summand,
                                   ArrayRef<TensorModel> operands,
                                   ArrayRef<int64_t> loopSizes) {
  auto product = summand.getDefiningOp<arith::MulFOp>();
  if (!product)
    return std::nullopt;
  for (unsigned i : {0, 1}) {
    auto weight = dyn_cast<BlockArgument>(product->getOperand(i));
    auto other = dyn_cast<BlockArgument>(product->getOperand(1 - i));
    if (!weight || !other || weight.getOwner() != op.getBlock() ||
        other.getOwner() != op.getBlock())
      continue;
    const TensorModel &w = operands[weight.getArgNumber()];
    const TensorModel &a = operands[other.getArgNumber()];
    if (w.kind != TensorModel::Kind::Integer ||
        a.kind != TensorModel::Kind::Integer)
      continue;
    AffineMap map =
        op.getMatchingIndexingMap(&op->getOpOperand(weight.getArgNumber()));
    if (std::optional<__int128> sum = sumMagnitudes(op, w, map, loopSizes))
      return *sum * a.range.getMaxMagnitude();
  }
  return std::nullopt;
}
