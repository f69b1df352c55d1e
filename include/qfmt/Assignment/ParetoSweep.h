//===- ParetoSweep.h - Less damage for more cost ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_ASSIGNMENT_PARETOSWEEP_H
#define QFMT_ASSIGNMENT_PARETOSWEEP_H

#include "qfmt/Assignment/Solver.h"

namespace mlir::qfmt::assignment {

struct ParetoPoint {
  double fraction = 0;
  Solution solution;
};

/// Solves the problem with the budget at fractions 0, 1 / steps, ..., 1 of its
/// range, the other budgets as they are. The objective never rises: what keeps
/// a smaller budget keeps a larger one.
llvm::Expected<std::vector<ParetoPoint>>
sweepBudget(Problem problem, llvm::StringRef budget, unsigned steps,
            const Solver &solver, const SolverOptions &options);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_PARETOSWEEP_H
