//===- ReducedProblem.h - What is left to decide ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tied groups are one set with one choice; options that can never be part of
// the solution are gone; costs are fractions of the limits. Every optimal
// solution that solvers may return (Solver.h says which) is still there.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_REDUCEDPROBLEM_H
#define QFMT_ASSIGNMENT_REDUCEDPROBLEM_H

#include "IndexedProblem.h"

namespace mlir::qfmt::assignment {

struct ReducedProblem {
  /// A format of a set of tied groups.
  struct Option {
    /// With pairwise terms inside the set and with sets of one option: may be
    /// negative.
    double damage = 0;
    /// Of the budgets that can be exceeded, each divided by its scale.
    std::vector<double> costs;
    /// The choices of the groups of the set.
    std::vector<unsigned> choices;
  };

  /// Options are in the order that breaks ties: by cost, budget by budget in
  /// alphabetical order, then as the first group lists them.
  struct Set {
    std::vector<unsigned> groups;
    std::vector<Option> options;
  };

  /// The damage of each combination of options of two sets, row-major; both
  /// sets have several options.
  struct Pair {
    unsigned first, second;
    std::vector<double> damage;
  };

  /// `dropDominated`: the damage is the problem's.
  explicit ReducedProblem(const IndexedProblem &indexed,
                          bool dropDominated = true);

  /// From one option for each set.
  Assignment getAssignment(const std::vector<unsigned> &options) const;

  /// With these options of each set only, at least one.
  ReducedProblem
  restrictTo(const std::vector<std::vector<unsigned>> &options) const;

  const IndexedProblem &indexed;
  std::vector<Set> sets;
  std::vector<Pair> pairs;
  /// Indices of the budgets that some assignment exceeds, their limits (1 if
  /// positive), and what costs were divided by.
  std::vector<unsigned> budgets;
  std::vector<double> limits;
  std::vector<double> scales;

private:
  void buildSets();
  void buildPairs();
  void sortOptions();
  void scaleCosts();
  void dropSlackBudgets();
  bool foldDecidedPairs();
  bool dropDominatedOptions();
};

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_REDUCEDPROBLEM_H
