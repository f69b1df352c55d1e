//===- Solvers.h - The solvers, one a file ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_ASSIGNMENT_SOLVERS_H
#define QFMT_ASSIGNMENT_SOLVERS_H

#include "qfmt/Assignment/Solver.h"

namespace mlir::qfmt::assignment {

std::unique_ptr<Solver> createCbcSolver();
std::unique_ptr<Solver> createExhaustiveSolver();
std::unique_ptr<Solver> createReinforceSolver();

/// All errors of the problem, one a line.
llvm::Error checkProblem(const Problem &problem);

/// How a problem without solution misses its budgets; `closest` is the
/// assignment that exceeds them least.
Shortfall describeShortfall(const Problem &problem, const Assignment &closest);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_SOLVERS_H
