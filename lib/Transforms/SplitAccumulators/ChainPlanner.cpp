// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChainPlanner.h"
#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "qfmt/Support/AccumulatorWidth.h"

using namespace mlir;
using namespace mlir::qfmt;

int64_t mlir::qfmt::getLoopStride(AffineExpr expr, unsigned loop,
                                  unsigned numLoops) {
  SmallVector<int64_t> coefficients;
  if (failed(getFlattenedAffineExpr(expr, numLoops, /*numSymbols=*/0,
                                    &coefficients)) ||
      coefficients.size() != numLoops + 1)
    return -1;
  return coefficients[loop];
}

/// Whether the operands of `op` can be cut along `loop`: each moves forward by
/// a fixed stride, and in one dimension at most where it is the only loop.
static bool canCut(linalg::LinalgOp op, unsigned loop) {
  return llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) {
    AffineExpr dim = getAffineDimExpr(loop, map.getContext());
    return llvm::count(map.getResults(), dim) <= 1 &&
           llvm::all_of(map.getResults(), [&](AffineExpr expr) {
             return getLoopStride(expr, loop, map.getNumDims()) >= 0;
           });
  });
}

ChainPlanner::ChainPlanner(const WideSum &sum, ElementRanges &ranges,
                           uint64_t forced, uint64_t shortest)
    : sum(sum), factor(ChainFactor::match(sum, ranges)),
      safeLength(getSafeChainLength(sum.termRange.smin().getSExtValue(),
                                    sum.termRange.smax().getSExtValue(),
                                    kChainBits)),
      forced(forced), shortest(std::max<uint64_t>(shortest, 2)) {}

/// How many steps of `loop` a chain may have that runs over `whole` besides.
uint64_t ChainPlanner::getSteps(unsigned loop, ArrayRef<unsigned> whole,
                                bool safely) const {
  uint64_t others = 1;
  for (unsigned index : whole)
    others *= sum.sizes[index];
  if (!safely)
    return forced / others;
  uint64_t steps = safeLength / others;
  // One term has to be safe by its range: it is computed in 32 bits.
  if (factor && safeLength > 0 &&
      steps < static_cast<uint64_t>(sum.sizes[loop]))
    steps = std::max(steps, getSafeSteps(*factor, sum, loop, whole));
  return steps;
}

bool ChainPlanner::isSafe(const ChainPlan &plan) const {
  if (plan.split)
    return getSteps(*plan.split, plan.whole, /*safely=*/true) >=
           static_cast<uint64_t>(plan.length);
  if (plan.whole.empty())
    return safeLength > 0;
  unsigned loop = plan.whole.front();
  return getSteps(loop, ArrayRef(plan.whole).drop_front(), /*safely=*/true) >=
         static_cast<uint64_t>(sum.sizes[loop]);
}

/// One loop in parts, or none, where all others can run as a whole.
std::optional<ChainPlan> ChainPlanner::cutOneLoop() const {
  std::optional<ChainPlan> best;
  uint64_t most = 0;
  for (unsigned loop : sum.reductions) {
    ChainPlan plan;
    for (unsigned other : sum.reductions)
      if (other != loop)
        plan.whole.push_back(other);
    uint64_t steps = getSteps(loop, plan.whole);
    if (steps >= static_cast<uint64_t>(sum.sizes[loop])) {
      plan.whole.push_back(loop);
      return plan;
    }
    if (steps == 0 || !canCut(sum.op, loop))
      continue;
    plan.split = loop;
    plan.setLength(steps);
    if (plan.countTerms(sum) > most) {
      most = plan.countTerms(sum);
      best = plan;
    }
  }
  return best;
}

/// The innermost loops as a whole as far as it goes, part of the next, and the
/// others not at all.
std::optional<ChainPlan> ChainPlanner::cutFromInside() const {
  ChainPlan plan;
  for (unsigned loop : llvm::reverse(sum.reductions)) {
    bool isFull = plan.split || !plan.outer.empty();
    uint64_t steps = isFull ? 0 : getSteps(loop, plan.whole);
    if (steps >= static_cast<uint64_t>(sum.sizes[loop])) {
      plan.whole.push_back(loop);
    } else if (steps >= 2 && canCut(sum.op, loop)) {
      plan.split = loop;
      plan.length = steps;
    } else {
      plan.outer.push_back(loop);
    }
  }
  llvm::sort(plan.outer);
  return plan;
}

/// Chains that are up to half as long, if all are of one length then.
void ChainPlanner::avoidRest(ChainPlan &plan) const {
  if (!plan.split || forced != 0)
    return;
  for (int64_t length = plan.length; 2 * length >= plan.length; --length) {
    ChainPlan shorter = plan;
    shorter.setLength(length);
    if (sum.sizes[*plan.split] % length == 0 &&
        shorter.countTerms(sum) >= shortest) {
      plan = shorter;
      return;
    }
  }
}

std::optional<ChainPlan> ChainPlanner::choose() const {
  std::optional<ChainPlan> plan = cutOneLoop();
  if (!plan)
    plan = cutFromInside();
  uint64_t terms = plan->countTerms(sum);
  if (terms < 2 || (terms < shortest && !plan->isWhole()))
    return std::nullopt;
  avoidRest(*plan);
  return plan;
}
