//===- ProductSumRule.cpp - Sums of products of computed tensors ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// result = init + sum of left * right, both computed (attention):
//
//   channels that are summed over      the other factor has the same order and
//                                      rotation, and one over the scale
//   channels of one factor that the    the result has the same, but for shifts
//   result has
//
// Channels stay in the batch (the head) that they are in. Nothing is to be done
// in the operation itself.
//
//===----------------------------------------------------------------------===//

#include "../../Transforms/WeightedSum.h"
#include "Rules.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

struct Factors {
  linalg::LinalgOp op;

  OpOperand &getInput(unsigned number) {
    return *op.getDpsInputOperand(number);
  }
  AffineMap getMap(OpOperand &operand) {
    return op.getMatchingIndexingMap(&operand);
  }
  AffineMap getResultMap() { return getMap(*op.getDpsInitOperand(0)); }
  bool isReduction(int64_t loop) {
    return !getResultMap().isFunctionOfDim(loop);
  }
  bool isBatch(int64_t loop) {
    return !isReduction(loop) && getMap(getInput(0)).isFunctionOfDim(loop) &&
           getMap(getInput(1)).isFunctionOfDim(loop);
  }
};

class ProductSumRule : public ChannelRule {
public:
  bool solveBackward(Operation *op, OperationMaps &maps,
                     const ExactConstants &constants,
                     std::string &reason) const override {
    Factors factors{cast<linalg::LinalgOp>(op)};
    std::optional<ChannelMap> found =
        toLoops(maps.results[0], factors.getResultMap());
    if (!found)
      return refuse(reason, "it turns the channels");
    const ChannelMap &map = *found;
    if (!checkInit(factors, constants, reason) ||
        !checkParallel(factors, map, reason))
      return false;
    for (unsigned number : {0u, 1u}) {
      OpOperand &input = factors.getInput(number);
      std::optional<ChannelMap> own = toDims(map, factors.getMap(input));
      if (!own)
        continue;
      maps.operands[input.getOperandNumber()] = *own;
      return true;
    }
    return refuse(reason, "its channels come from both factors");
  }

  bool solveForward(Operation *op, OperationMaps &maps,
                    const ExactConstants &constants,
                    std::string &reason) const override {
    Factors factors{cast<linalg::LinalgOp>(op)};
    OpOperand &left = factors.getInput(0), &right = factors.getInput(1);
    ChannelMap &leftMap = maps.operands[left.getOperandNumber()],
               &rightMap = maps.operands[right.getOperandNumber()];
    if (leftMap.isIdentity() == rightMap.isIdentity())
      return refuse(reason, "both factors, or the sum's init, would change");
    bool isLeft = !leftMap.isIdentity();
    OpOperand &given = isLeft ? left : right, &other = isLeft ? right : left;
    std::optional<ChannelMap> map =
        toLoops(isLeft ? leftMap : rightMap, factors.getMap(given));
    if (!map)
      return refuse(reason, "it reads the channels through a window");
    bool sums = llvm::any_of(
        map->axes, [&](int64_t loop) { return factors.isReduction(loop); });
    if (!sums) {
      if (!checkInit(factors, constants, reason) ||
          !checkParallel(factors, *map, reason))
        return false;
      std::optional<ChannelMap> result = toDims(*map, factors.getResultMap());
      if (!result)
        return refuse(reason, "it turns the channels");
      maps.results[0] = *result;
      return true;
    }
    for (int64_t loop : map->axes)
      if (!factors.isReduction(loop) &&
          !(factors.isBatch(loop) && map->keepsIndex(loop)))
        return refuse(reason, "channels would change places between batches");
    if (map->shifts())
      return refuse(reason, "it multiplies the channels by computed ones, "
                            "which cannot absorb a shift");
    std::optional<ChannelMap> dual = toDims(map->dual(), factors.getMap(other));
    if (!dual)
      return refuse(reason, "the other factor has not the same channels");
    (isLeft ? rightMap : leftMap) = *dual;
    return true;
  }

private:
  /// Channels that are not summed over.
  static bool checkParallel(Factors &factors, const ChannelMap &map,
                            std::string &reason) {
    if (map.shifts())
      return refuse(reason, "it multiplies the channels by computed numbers, "
                            "which a shift does not survive");
    for (int64_t loop : map.axes)
      if (factors.isBatch(loop) && !map.keepsIndex(loop))
        return refuse(reason, "channels would change places between batches");
    return true;
  }

  static bool checkInit(Factors &factors, const ExactConstants &constants,
                        std::string &reason) {
    std::optional<ConstantTensor> init =
        constants.read(factors.op.getDpsInitOperand(0)->get());
    if (!init ||
        init->getElements() != std::vector<double>(init->getNumElements(), 0.0))
      return refuse(reason, "it does not sum from zero");
    return true;
  }
};

} // namespace

const ChannelRule *mlir::qfmt::getProductSumRule(Operation *op) {
  static const ProductSumRule rule;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureTensorSemantics() ||
      linalgOp.getNumReductionLoops() == 0 || linalgOp.getNumDpsInputs() != 2 ||
      linalgOp.getNumDpsInits() != 1 || !sumsProducts(linalgOp) ||
      !linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0))
           .isProjectedPermutation() ||
      linalgOp.getDpsInputOperand(0)->get() ==
          linalgOp.getDpsInputOperand(1)->get())
    return nullptr;
  return &rule;
}
