// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a sum is cut into chains.

#ifndef QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CHAINPLANNER_H
#define QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CHAINPLANNER_H

#include "ConstantFactor.h"

namespace mlir::qfmt {

/// By how much a step of `loop` moves `expr`, which is linear; -1 if it is not.
int64_t getLoopStride(AffineExpr expr, unsigned loop, unsigned numLoops);

/// A chain runs over the loops `whole` and over `length` steps of `split`;
/// there is one for each of the steps of `outer` and each part of `split`.
struct ChainPlan {
  SmallVector<unsigned> whole, outer;
  std::optional<unsigned> split;
  int64_t length = 0;

  /// In parts of one step a loop is not cut but outside.
  void setLength(int64_t steps) {
    length = steps;
    if (length == 1) {
      outer.push_back(*split);
      split.reset();
    }
  }

  /// One chain holds the sum.
  bool isWhole() const { return !split && outer.empty(); }

  uint64_t countTerms(const WideSum &sum) const {
    uint64_t terms = split ? length : 1;
    for (unsigned loop : whole)
      terms *= sum.sizes[loop];
    return terms;
  }
};

/// Finds the longest safe chains of a sum, or such of a given length.
class ChainPlanner {
public:
  ChainPlanner(const WideSum &sum, ElementRanges &ranges, uint64_t forced,
               uint64_t shortest);

  /// The plan with the longest chains; none if they are too short.
  std::optional<ChainPlan> choose() const;
  bool isSafe(const ChainPlan &plan) const;
  uint64_t getSafeLength() const { return safeLength; }

private:
  uint64_t getSteps(unsigned loop, ArrayRef<unsigned> whole, bool safely) const;
  uint64_t getSteps(unsigned loop, ArrayRef<unsigned> whole) const {
    return getSteps(loop, whole, forced == 0);
  }
  std::optional<ChainPlan> cutOneLoop() const;
  std::optional<ChainPlan> cutFromInside() const;
  void avoidRest(ChainPlan &plan) const;

  const WideSum &sum;
  std::optional<ChainFactor> factor;
  /// By the range of one term alone.
  uint64_t safeLength;
  /// Terms of a chain whatever is safe; 0: safe ones.
  uint64_t forced;
  /// Terms of a chain at least, unless it is the whole sum.
  uint64_t shortest;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CHAINPLANNER_H
