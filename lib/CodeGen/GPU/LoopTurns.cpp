// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoopTurns.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt {

static constexpr int64_t kMany = int64_t(1) << 62;

static int64_t addTurns(int64_t a, int64_t b) { return std::min(a + b, kMany); }

int64_t getLoopTurns(int64_t times, int64_t bodyTurns) {
  int64_t turns;
  if (llvm::MulOverflow(times, bodyTurns + 1, turns))
    return kMany;
  return addTurns(std::min(turns, kMany), 1);
}

/// How often the body of `loop` runs, if it is known.
static std::optional<int64_t> getTimes(LoopLikeOpInterface loop) {
  if (auto affineLoop = dyn_cast<affine::AffineForOp>(loop.getOperation())) {
    if (!affineLoop.hasConstantBounds())
      return std::nullopt;
    int64_t range =
        affineLoop.getConstantUpperBound() - affineLoop.getConstantLowerBound();
    return llvm::divideCeil(std::max<int64_t>(range, 0),
                            affineLoop.getStepAsInt());
  }
  std::optional<APInt> times = loop.getStaticTripCount();
  if (!times)
    return std::nullopt;
  return times->getLimitedValue(kMany);
}

static FailureOr<int64_t> countOfOp(Operation &op, int64_t maxTurns) {
  auto loop = dyn_cast<LoopLikeOpInterface>(op);
  std::optional<int64_t> times = loop ? getTimes(loop) : std::nullopt;
  bool hasBranches = llvm::any_of(op.getRegions(), [](Region &region) {
    return !region.empty() && !region.hasOneBlock();
  });
  if ((loop && !times) || hasBranches || isa<CallOpInterface>(op))
    return op.emitOpError()
           << "in a kernel may go round any number of times, and drivers end "
              "the loops of a thread that go round too often, without an "
              "error; write loops with constant bounds, at most "
           << maxTurns
           << " turns, or a loop on tensors, or choose another target";
  int64_t turns = 0;
  for (Region &region : op.getRegions())
    for (Block &block : region) {
      FailureOr<int64_t> inner = countLoopTurns(block, maxTurns);
      if (failed(inner))
        return failure();
      turns = addTurns(turns, *inner);
    }
  return loop ? getLoopTurns(*times, turns) : turns;
}

FailureOr<int64_t> countLoopTurns(Block &block, int64_t maxTurns) {
  int64_t turns = 0;
  for (Operation &op : block) {
    FailureOr<int64_t> inner = countOfOp(op, maxTurns);
    if (failed(inner))
      return failure();
    turns = addTurns(turns, *inner);
  }
  return turns;
}

} // namespace mlir::qfmt
