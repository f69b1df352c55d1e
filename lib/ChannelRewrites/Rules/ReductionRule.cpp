//===- ReductionRule.cpp - Sums and maxima along loops --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// result = init op f(x, y, ...) op f(...) op ..., op one of +, *, max, min:
//
//   channels that are reduced       may change their order: all inputs alike
//   channels of the result          may change their order: inputs and result
//                                   alike; and their scale or rotation if f is
//                                   one input and op + (scale: or max, min)
//
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// The operation that joins what is new to what has been joined before; null
/// if there is none.
Operation *getCombiner(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  Value yielded = body->getTerminator()->getOperand(0);
  Operation *combiner = yielded.getDefiningOp();
  BlockArgument out = op.getRegionOutputArgs()[0];
  if (!combiner || combiner->getBlock() != body || !out.hasOneUse() ||
      *out.user_begin() != combiner ||
      !isa<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp,
           arith::MaxNumFOp, arith::MinNumFOp>(combiner))
    return nullptr;
  return combiner;
}

/// Inputs whose elements count; others only tell the size of a window.
SmallVector<OpOperand *> getInputs(linalg::LinalgOp op) {
  SmallVector<OpOperand *> inputs;
  for (OpOperand *input : op.getDpsInputOperands())
    if (op.payloadUsesValueFromOperand(input))
      inputs.push_back(input);
  return inputs;
}

bool joinsOneInput(linalg::LinalgOp op) {
  SmallVector<OpOperand *> inputs = getInputs(op);
  return inputs.size() == 1 &&
         llvm::is_contained(getCombiner(op)->getOperands(),
                            op.getMatchingBlockArgument(inputs[0]));
}

class ReductionRule : public ChannelRule {
public:
  bool solveBackward(Operation *operation, OperationMaps &maps,
                     const ExactConstants &constants,
                     std::string &reason) const override {
    auto op = cast<linalg::LinalgOp>(operation);
    AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    std::optional<ChannelMap> map = toLoops(maps.results[0], result);
    if (!map)
      return refuse(reason, "it has no loop of the channels");
    return checkParallel(op, *map, constants, reason) &&
           setInputs(op, *map, maps, reason);
  }

  bool solveForward(Operation *operation, OperationMaps &maps,
                    const ExactConstants &constants,
                    std::string &reason) const override {
    auto op = cast<linalg::LinalgOp>(operation);
    AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    std::optional<ChannelMap> map;
    for (OpOperand *input : getInputs(op)) {
      const ChannelMap &given = maps.operands[input->getOperandNumber()];
      if (given.isIdentity())
        continue;
      std::optional<ChannelMap> own =
          toLoops(given, op.getMatchingIndexingMap(input));
      if (!own || (map && *map != *own))
        return refuse(reason, "its inputs would change in different ways");
      map = own;
    }
    if (!map)
      return refuse(reason, "it starts from them");
    auto isReduced = [&](int64_t loop) {
      return !result.isFunctionOfDim(loop);
    };
    if (llvm::none_of(map->axes, isReduced)) {
      if (!checkParallel(op, *map, constants, reason))
        return false;
      std::optional<ChannelMap> own = toDims(*map, result);
      if (!own)
        return refuse(reason, "it turns the channels");
      maps.results[0] = *own;
      return setInputs(op, *map, maps, reason);
    }
    if (map->scales() || map->shifts() || map->rotation)
      return refuse(reason, "it joins all channels");
    for (int64_t loop : map->axes)
      if (!isReduced(loop) && !map->keepsIndex(loop))
        return refuse(reason, "channels would change places between results");
    return setInputs(op, *map, maps, reason);
  }

private:
  static bool checkParallel(linalg::LinalgOp op, const ChannelMap &map,
                            const ExactConstants &constants,
                            std::string &reason) {
    Operation *combiner = getCombiner(op);
    bool adds = isa<arith::AddFOp>(combiner);
    if (map.shifts() || (map.rotation && !adds) ||
        (map.scales() && isa<arith::MulFOp>(combiner)) ||
        ((map.scales() || map.rotation) && !joinsOneInput(op)))
      return refuse(reason, "it joins functions of the channels");
    // What it starts from must be the same for all, and with scales 0 or
    // infinite.
    std::optional<ConstantTensor> init =
        constants.read(op.getDpsInitOperand(0)->get());
    if (!init)
      return refuse(reason, "it does not start from a constant");
    std::vector<double> values = init->getElements();
    bool uniform = llvm::all_equal(values);
    bool neutral = !values.empty() && (values[0] == 0 || std::isinf(values[0]));
    if (!uniform || ((map.scales() || map.rotation) && !neutral))
      return refuse(reason, "it starts from other numbers than 0");
    return true;
  }

  /// All inputs that the channels' loops index.
  static bool setInputs(linalg::LinalgOp op, const ChannelMap &map,
                        OperationMaps &maps, std::string &reason) {
    for (OpOperand *input : getInputs(op)) {
      AffineMap indexing = op.getMatchingIndexingMap(input);
      std::optional<ChannelMap> own = map.permutes() && !map.scales()
                                          ? getOperandOrder(map, indexing)
                                          : toDims(map, indexing);
      if (!own)
        return refuse(reason, "an input has not the same channels");
      maps.operands[input->getOperandNumber()] = *own;
    }
    return true;
  }
};

} // namespace

const ChannelRule *mlir::qfmt::getReductionRule(Operation *op) {
  static const ReductionRule rule;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureTensorSemantics() ||
      linalgOp.getNumReductionLoops() == 0 || linalgOp.getNumDpsInits() != 1 ||
      !linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0))
           .isProjectedPermutation(/*allowZeroInResults=*/true) ||
      linalgOp.hasIndexSemantics() || !getCombiner(linalgOp))
    return nullptr;
  return &rule;
}
