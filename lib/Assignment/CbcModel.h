//===- CbcModel.h - A reduced problem, solved by CBC ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CBC works with tolerances (1e-7 for rows): what it calls a solution may
// exceed a budget, what it calls optimal may be missed by a little. Callers
// check its assignment and leave the proof to Search.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_CBCMODEL_H
#define QFMT_ASSIGNMENT_CBCMODEL_H

#include "Search.h"

namespace mlir::qfmt::assignment {

struct CbcOptions {
  Deadline deadline{0};
  int maxNodes = 100000;
  /// Prices of the budgets: the model's objective is reduced cost, so that
  /// CBC's absolute tolerances are small against differences of assignments.
  std::vector<double> multipliers;
  /// What is worth finding: an objective up to `best`, where `bound` is known
  /// to be below all. Without, any assignment.
  std::optional<double> best, bound;
};

/// One option for each set, or none if CBC has found none that is good enough.
/// Deterministic but for the deadline.
std::optional<std::vector<unsigned>> solveByCbc(const ReducedProblem &problem,
                                                const CbcOptions &options);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_CBCMODEL_H
