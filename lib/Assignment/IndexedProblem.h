//===- IndexedProblem.h - A problem with numbers for names ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables that solvers compute with, and the only place where objectives
// and costs are summed up. Needs a problem without errors.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_INDEXEDPROBLEM_H
#define QFMT_ASSIGNMENT_INDEXEDPROBLEM_H

#include "CompensatedSum.h"
#include "qfmt/Assignment/Problem.h"

namespace mlir::qfmt::assignment {

struct IndexedProblem {
  explicit IndexedProblem(const Problem &problem);

  double getObjective(const Assignment &assignment) const;
  double getBudgetCost(size_t budget, const Assignment &assignment) const;
  /// Whether the budget counts as kept, see kRelativeTolerance.
  bool keepsBudget(size_t budget, double used) const;
  bool keepsBudgets(const Assignment &assignment) const;

  struct Term {
    unsigned groups[2];
    unsigned choices[2];
    double damage;
  };

  const Problem &problem;
  /// [group][choice]
  std::vector<std::vector<double>> damage;
  /// Of the budgets, in alphabetical order.
  std::vector<std::string> budgetNames;
  std::vector<double> limits;
  /// [budget][group][choice]
  std::vector<std::vector<std::vector<double>>> costs;
  std::vector<Term> terms;
};

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_INDEXEDPROBLEM_H
