//===- ParetoSweep.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/ParetoSweep.h"

using namespace mlir::qfmt::assignment;

llvm::Expected<std::vector<ParetoPoint>>
mlir::qfmt::assignment::sweepBudget(Problem problem, llvm::StringRef budget,
                                    unsigned steps, const Solver &solver,
                                    const SolverOptions &options) {
  std::vector<ParetoPoint> points;
  for (unsigned step = 0; step <= steps; ++step) {
    double fraction = steps == 0 ? 1 : double(step) / steps;
    problem.budgets[budget.str()] = Budget::ofRange(fraction);
    llvm::Expected<Solution> solution = solver.solve(problem, options);
    if (!solution)
      return solution.takeError();
    // A solver that ran out of time, learns, or takes an equal objective that
    // comes first may be behind the point before.
    if (!points.empty()) {
      const Solution &before = points.back().solution;
      if (!before.assignment.empty() &&
          (solution->assignment.empty() ||
           before.objective < solution->objective)) {
        solution->assignment = before.assignment;
        if (solution->status != Status::Optimal)
          solution->status = Status::Feasible;
        describe(problem, *solution);
        solution->bound = std::min(solution->bound, solution->objective);
      }
    }
    points.push_back({fraction, std::move(*solution)});
  }
  return points;
}
