//===- CompletionBounds.h - What the undecided sets add ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lower bounds of the damage of whatever completes a state of StateSearch. With
// a price p for each budget, the sets from `level` on add at least
//
//     sum of min (damage + p cost)  -  p (what is left of the budgets),
//
// a plane over the costs of the state. A pool of prices makes planes that
// together follow the convex value function of the linear relaxation, wherever
// the states are; a state costs some additions for each plane.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_COMPLETIONBOUNDS_H
#define QFMT_ASSIGNMENT_COMPLETIONBOUNDS_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::qfmt::assignment {

/// Costs are fractions of what the budgets allow; damage is in units of what
/// the threshold allows, so that bounds above 1 exclude a state.
class CompletionBounds {
public:
  struct Level {
    /// Of each option the damage and the costs, one after the other.
    std::vector<double> options;
  };

  CompletionBounds(std::vector<Level> levels, size_t numBudgets)
      : levels(std::move(levels)), numBudgets(numBudgets) {}

  /// Adds prices for the root to the pool: zero, and `start`, improved by
  /// subgradient steps. First of all.
  void improveRoot(std::vector<double> start);
  /// Adds prices for this state (damage and costs) at this level, if a few
  /// steps find any with a better bound than those in the pool.
  void improve(size_t level, llvm::ArrayRef<double> state);

  /// Before children of states at `level` are bounded: orders the pool by use,
  /// drops the least useful ones.
  void prepare(size_t level);
  /// Before children of this state are bounded.
  void setParent(llvm::ArrayRef<double> state);
  /// A lower bound of the child with this option, the best one that is known
  /// if it is not above 1.
  double boundChild(size_t option);

  /// A lower bound of all assignments, in units of the threshold.
  double getRootBound() const;
  /// A lower bound of all assignments with this option at this level.
  double getOptionBound(size_t level, size_t option) const;

private:
  struct Plane {
    std::vector<double> prices;
    /// Of level i, the sum of the least priced damages from level i on.
    std::vector<double> rest;
    /// The sum of prices, and what rounding may add to a bound.
    double total = 0, rounding = 0;
    /// How many states it excluded lately; the order of coming.
    uint64_t uses = 0, number = 0;
  };

  void add(std::vector<double> prices);
  double getLeastPriced(size_t level, llvm::ArrayRef<double> prices,
                        double *costs) const;
  double evaluate(size_t level, llvm::ArrayRef<double> state,
                  llvm::ArrayRef<double> prices, double *excess) const;
  double getBound(const Plane &plane, size_t level,
                  llvm::ArrayRef<double> state) const;

  std::vector<Level> levels;
  size_t numBudgets;
  std::vector<Plane> planes;
  uint64_t numAdded = 0;
  /// Of the prepared level: what each option adds to each plane; of the parent:
  /// its part of each bound.
  std::vector<double> added, base;
};

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_COMPLETIONBOUNDS_H
