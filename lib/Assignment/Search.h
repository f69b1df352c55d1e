//===- Search.h - Branch and bound to the last digit ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the best assignment of a reduced problem and proves that it is, in
// double arithmetic with error bounds of its own; a solver with tolerances
// cannot tell a budget that is just kept from one that is just missed.
//
// Every node has a lower bound by Lagrange multipliers: with a price for each
// budget, each set takes its cheapest option. Any prices give a bound; a few
// subgradient steps improve the parent's. Options whose reduced cost exceeds
// the gap between bound and best known objective are dropped for good.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_SEARCH_H
#define QFMT_ASSIGNMENT_SEARCH_H

#include "Deadline.h"
#include "Relaxation.h"
#include <cstdint>
#include <limits>
#include <optional>

namespace mlir::qfmt::assignment {

class Search {
public:
  enum class Goal {
    /// The least damage within all budgets.
    Damage,
    /// The least sum of what the budgets are exceeded by, relative to their
    /// limits; stops as soon as all are kept.
    Violation,
  };
  enum class Outcome { Proven, OutOfNodes, OutOfTime };

  Search(const ReducedProblem &problem, Prices prices, Goal goal,
         const Deadline &deadline);

  /// A candidate to start from, one option for each set: counts if it keeps
  /// the budgets (with Goal::Violation always).
  void offer(const std::vector<unsigned> &options);

  /// Rounds the relaxation, repairs and improves it; offers what comes out.
  void offerHeuristics();

  /// The options that a solution better than the best known may have; with
  /// a best one known, after the reduction at the root. Empty sets of options
  /// mean that there is no better one.
  std::vector<std::vector<unsigned>> getRemainingOptions();

  Outcome run(uint64_t maxNodes);

  /// With Goal::Violation: whether any assignment keeps all budgets, then
  /// getBest() does; none if the time is over before that is known. Else
  /// getBest() is the closest, or the closest found where proving that takes
  /// long: where budgets oppose each other, all assignments may be equally
  /// close.
  std::optional<bool> decideFeasibility();

  bool hasBest() const { return !best.empty(); }
  /// The one to return, see Solver.h, and its objective.
  const std::vector<unsigned> &getBest() const { return best; }
  double getObjective() const { return bestObjective; }
  /// Objectives up to here count as equal to the least.
  double getThreshold() const;
  /// What somebody else has proven.
  void raiseBound(double bound) { rootBound = std::max(rootBound, bound); }
  /// Never above the optimum: of the root, or of what an unfinished run has
  /// left.
  double getBound() const;
  /// Prices of the root.
  const std::vector<double> &getMultipliers() const { return rootMultipliers; }

private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  /// A bound is a compensated sum of terms that are correct to a few roundings
  /// each: its error is below this times the sum of their absolute values.
  static constexpr double kRounding = 1e-15;
  /// The costs in here are rounded once more than those that decide whether a
  /// budget is kept; what might keep it is left for these to judge.
  static constexpr double kLooseTolerance = 2 * kRelativeTolerance;
  /// Subgradient steps.
  static constexpr unsigned kRootSteps = 200, kNodeSteps = 12;

  struct Node {
    /// The undecided sets, their options (flat) and their damage with that of
    /// the pairs with decided sets; those of sets[i] are at start[i] to
    /// start[i + 1].
    std::vector<unsigned> sets, start, options;
    std::vector<double> damage;
    /// Pairs of undecided sets, and the sum of their least damages.
    std::vector<unsigned> pairs;
    double pairBound = 0;
    /// Of decided sets.
    std::vector<int> decided;
    CompensatedSum base;
    std::vector<CompensatedSum> used;
    std::vector<double> multipliers;
  };
  /// The relaxation of a node at some multipliers.
  struct Point {
    std::vector<double> multipliers;
    /// A lower bound, and the same less what rounding may have added.
    double value = -kInfinity;
    double safe = -kInfinity;
    /// Of each set the position of the cheapest option; their costs with those
    /// of decided sets, less the limit.
    std::vector<unsigned> choice;
    std::vector<double> excess;
    /// Priced damage of each option.
    std::vector<double> priced;
  };

  // The tree: Search.cpp.
  void visit(Node &node, double bound);
  void branch(Node &node, const Point &point);
  void offerPoint(const Node &node, const Point &point);

  // Bounds of a node: SearchBounds.cpp.
  Node makeRoot() const;
  void boundPairs(Node &node) const;
  void evaluate(const Node &node, Point &point) const;
  Point optimize(const Node &node, unsigned steps);
  bool canPrune(const Node &node, double safe) const;
  bool comesFirst(const Node &node) const;

  // Options that a node can do without: SearchReduction.cpp.
  bool reduce(Node &node, const Point &point);
  bool propagateBudgets(const Node &node, std::vector<char> &keep) const;
  void propagateSymmetry(const Node &node, std::vector<char> &keep) const;
  bool shrink(Node &node, const std::vector<char> &keep) const;
  void decide(Node &node, unsigned set, unsigned flat) const;

  double getViolation(const Assignment &assignment) const;
  unsigned getOption(unsigned set, unsigned flat) const {
    return flat - firstFlat[set];
  }

  const ReducedProblem &problem;
  Goal goal;
  Deadline deadline;
  size_t numBudgets;
  std::vector<unsigned> firstFlat;
  std::vector<double> flatDamage, flatCost;
  std::vector<std::vector<double>> pairDamage;
  std::vector<double> rootMultipliers;
  /// The previous set with the same options, or -1.
  std::vector<int> twin;
  bool hasTwins = false;

  std::vector<unsigned> best;
  double leastObjective = kInfinity;
  double bestObjective = kInfinity;
  double rootBound = -kInfinity;
  /// The least bound among the nodes that a stopped run has not visited.
  double openBound = kInfinity;
  uint64_t numNodes = 0, maxNodes = 0;
  std::optional<Outcome> stopped;
};

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_SEARCH_H
