//===- Problem.h - Which format does each group get? ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every group (a layer, a tensor) gets one of its candidate formats, such that
//
//     sum over groups of damage(choice)
//   + sum over pairwise terms of damage, where both formats are chosen
//
// is as small as possible, while for every budget
//
//     sum over groups of cost(choice) <= limit.
//
// Tied groups get the same format; a forced group has no choice. Groups and
// formats are names: a problem knows no IR and no solver. Fill one in, ask
// check(), hand it to a solver (Solver.h), ask verify() (Solution.h).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_PROBLEM_H
#define QFMT_ASSIGNMENT_PROBLEM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mlir::qfmt::assignment {

/// One candidate format of a group. Costs are in whatever unit the budget of
/// the same name is in (bytes, milliseconds).
struct Choice {
  std::string format;
  /// Finite, not negative.
  double damage = 0;
  /// Finite, not negative; one for every budget of the problem. Costs that no
  /// budget names may be there or not.
  std::map<std::string, double> costs;
};

struct Group {
  std::string name;
  /// At least one; no format twice.
  std::vector<Choice> choices;
};

/// Damage that is there only if both groups have these formats; finite, and
/// negative where errors cancel.
struct PairwiseTerm {
  std::array<std::string, 2> groups;
  std::array<std::string, 2> formats;
  double damage = 0;
};

/// The most that the chosen formats may cost together: an absolute number, or
/// a fraction f in [0, 1] of the range that the problem leaves:
/// cheapest + f * (dearest - cheapest), see Problem::getCostRange.
struct Budget {
  std::optional<double> max;
  std::optional<double> fraction;

  static Budget atMost(double max) { return {max, std::nullopt}; }
  static Budget ofRange(double fraction) { return {std::nullopt, fraction}; }
};

/// What somebody else found to be the optimum.
struct KnownOptimum {
  std::optional<double> objective;
  /// Format by group; empty if only the objective is known.
  std::map<std::string, std::string> choice;
};

/// The index of the chosen choice of each group, in the order of the groups.
using Assignment = std::vector<unsigned>;

struct Problem {
  std::vector<Group> groups;
  std::vector<PairwiseTerm> pairwise;
  /// Groups of one list have the same format. Lists that share a group join.
  std::vector<std::vector<std::string>> ties;
  /// Format by group.
  std::map<std::string, std::string> forced;
  /// By the name of the cost.
  std::map<std::string, Budget> budgets;
  std::optional<KnownOptimum> expected;

  /// Everything that is wrong with the problem, each a sentence that names the
  /// group, format or budget and says what to do; empty if nothing is. All
  /// functions below and all solvers need a problem without errors.
  std::vector<std::string> check() const;

  /// What the cheapest and the dearest assignment cost that respect ties and
  /// forced choices, no matter what else they cost and damage: the sum, over
  /// the sets of tied groups, of the least (largest) cost of a format that the
  /// set may have.
  struct Range {
    double cheapest = 0, dearest = 0;
  };
  Range getCostRange(llvm::StringRef cost) const;

  /// The limit of a budget of this problem.
  double getLimit(llvm::StringRef cost) const;

  /// Sums over all groups; the objective has the pairwise terms too. The order
  /// of summation is fixed, and its rounding error is below 1e-15 times the
  /// sum of the absolute terms.
  double getObjective(const Assignment &assignment) const;
  double getCost(llvm::StringRef cost, const Assignment &assignment) const;

  /// Costs that every choice of every group has, by name: all budgets, and
  /// those that are only reported.
  std::vector<std::string> getCommonCosts() const;

  /// Index of a group or a choice by name.
  std::optional<unsigned> findGroup(llvm::StringRef name) const;
  std::optional<unsigned> findChoice(unsigned group,
                                     llvm::StringRef format) const;

  /// The sets of tied groups, ordered by their first group; a group without
  /// ties is a set of its own.
  std::vector<std::vector<unsigned>> getTiedSets() const;

  /// The formats that a set of tied groups may have (common to all of them,
  /// and the forced one only if one is forced), in the order of the first
  /// group's choices.
  std::vector<std::string>
  getAllowedFormats(llvm::ArrayRef<unsigned> tiedSet) const;
};

/// Objectives that differ by less than this, relative to the better one, count
/// as equal; a budget counts as kept if it is exceeded by less than this,
/// relative to its limit (sums of decimal fractions are not exact).
inline constexpr double kRelativeTolerance = 1e-12;

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_PROBLEM_H
