//===- Relaxation.h - Fractions of options ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The linear program of a reduced problem. Column x(s, o) says whether set s
// has option o; y(p, i, j) whether pair p has options of classes i and j:
//
//     minimise    sum damage x + sum damage y
//     subject to  sum over o of x(s, o) = 1                       every set
//                 sum over s, o of cost x(s, o) <= limit          every budget
//                 sum over j of y(p, i, j) = sum over o in i of x(first, o)
//                 sum over i of y(p, i, j) = sum over o in j of x(second, o)
//
// Options of a set that behave alike in a pair share a class, so a single term
// needs four columns y. With x in {0, 1}, y follows.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_RELAXATION_H
#define QFMT_ASSIGNMENT_RELAXATION_H

#include "ReducedProblem.h"

namespace mlir::qfmt::assignment {

/// Columns in sparse form, as COIN-OR's loaders take them.
struct LinearProgram {
  explicit LinearProgram(const ReducedProblem &problem);

  unsigned getNumColumns() const { return objective.size(); }
  unsigned getNumRows() const { return rowLower.size(); }

  std::vector<int> starts, rows;
  std::vector<double> entries;
  std::vector<double> objective;
  std::vector<double> rowLower, rowUpper;
  /// x(s, o) is column firstColumn[s] + o; columns y come after all of them.
  std::vector<unsigned> firstColumn;
  unsigned numOptionColumns = 0;

  /// Rows of a pair: of the classes of the first set, then of the second.
  struct PairRows {
    /// The class of each option.
    std::vector<unsigned> classes[2];
    unsigned numClasses[2];
    unsigned firstRow[2];
  };
  std::vector<PairRows> pairRows;
  unsigned firstBudgetRow = 0;
};

/// The optimum of the linear program, as prices: any prices give a lower bound
/// of the objective, these the best.
struct Prices {
  /// Of one unit of each budget; not negative.
  std::vector<double> multipliers;
  /// The problem with damage moved between pairs and options such that the
  /// least damage of a pair is (nearly) 0. The sum is the same for every
  /// assignment.
  std::vector<std::vector<double>> damage; // [set][option]
  std::vector<std::vector<double>> pairDamage;
};

/// Solves the relaxation; deterministic.
Prices computePrices(const ReducedProblem &problem);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_RELAXATION_H
