//===- Solution.h - The formats that were chosen, and how good --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a solver returns. Everything but status and bound follows from problem
// and assignment, and is computed in one place (describe), whoever solved it.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_SOLUTION_H
#define QFMT_ASSIGNMENT_SOLUTION_H

#include "qfmt/Assignment/Problem.h"

namespace mlir::qfmt::assignment {

enum class Status {
  /// No assignment has a smaller objective (beyond kRelativeTolerance).
  Optimal,
  /// Keeps all budgets; nobody has proven that there is nothing better.
  Feasible,
  /// Proven: no assignment keeps all budgets.
  Infeasible,
  /// The time was over before an assignment was found.
  Unknown,
};

/// "optimal", "feasible", "infeasible", "unknown".
llvm::StringRef stringifyStatus(Status status);

struct BudgetUse {
  double used = 0, limit = 0;
  /// limit - used; negative by what is missing.
  double slack = 0;
};

/// The next better format of a group, everything else (but tied groups) left
/// as it is: the one with the smallest saving among those that save damage.
struct NextBetter {
  unsigned choice = 0;
  /// Of the objective; positive. Includes tied groups and pairwise terms.
  double damageSaved = 0;
  /// By the name of the cost, for all common costs; negative if it costs less.
  std::map<std::string, double> extraCosts;
  /// By how much the budgets would be exceeded, those that would be.
  std::map<std::string, double> exceeds;
};

/// Why there is no solution.
struct Shortfall {
  /// For every budget the least that any assignment uses, the other budgets
  /// left aside. A negative slack: this budget alone is too small.
  std::map<std::string, BudgetUse> alone;
  /// If each budget alone could be kept: the assignment that exceeds the
  /// budgets by the least sum of fractions of their limits (an absolute sum
  /// where a limit is 0), and what it uses.
  std::map<std::string, BudgetUse> together;
};

struct Solution {
  Status status = Status::Unknown;
  double objective = 0;
  /// No assignment has an objective below this. -infinity if nothing is known.
  double bound = 0;
  /// Empty if there is none (infeasible, unknown).
  Assignment assignment;
  std::map<std::string, BudgetUse> budgets;
  /// Totals of all common costs, budget or not.
  std::map<std::string, double> costs;
  /// One for each group; none if no format of the group would be better.
  std::vector<std::optional<NextBetter>> nextBetter;
  /// Only if infeasible.
  Shortfall shortfall;
  /// How long the solver took. The only member that differs between two runs.
  double seconds = 0;
};

/// Fills in what follows from the assignment: objective, budgets, costs,
/// nextBetter.
void describe(const Problem &problem, Solution &solution);

/// Everything that is wrong with the assignment as a solution, independent of
/// all solvers: ties, forced choices and budgets are kept. Empty if all is
/// well.
std::vector<std::string> verify(const Problem &problem,
                                const Assignment &assignment);

/// As verify, and the numbers of the solution are those of its assignment.
std::vector<std::string> verify(const Problem &problem,
                                const Solution &solution);

/// Whether the objective is that of the known optimum, if the problem has one
/// (within 1e-9, relative: others may have rounded). An unproven solution may
/// be worse, not better. Another choice with the same objective is no error.
std::vector<std::string> compareToExpected(const Problem &problem,
                                           const Solution &solution);

/// Checks the known optimum without a solver: it is an assignment that keeps
/// ties, forced choices and budgets, and has the objective that it claims.
std::vector<std::string> verifyExpected(const Problem &problem);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_SOLUTION_H
