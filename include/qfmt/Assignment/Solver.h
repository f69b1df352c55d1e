//===- Solver.h - From a problem to a solution ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Solvers of Problem.h, by name:
//   cbc         exact: a search, CBC (COIN-OR branch and cut) where the search
//               needs help, and a proof to the last digit
//   exhaustive  tries everything; refuses large problems; for tests
//   reinforce   learns a distribution (Reinforce.h); never proves anything
//
// All exact solvers return the same assignment: among those whose objective is
// optimal within kRelativeTolerance the first in lexicographic order, where
// earlier groups count first, and a group's choices are ordered by what they
// cost (budgets in alphabetical order; tied groups together), then as listed.
// So in doubt the earlier group stays at the cheaper format.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_SOLVER_H
#define QFMT_ASSIGNMENT_SOLVER_H

#include "qfmt/Assignment/Solution.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>

namespace mlir::qfmt::assignment {

struct SolverOptions {
  /// In seconds; 0 is no limit. A solver that runs out of it returns what it
  /// has as feasible or unknown.
  double timeLimit = 0;
  /// Only `reinforce` draws random numbers. It learns in so many steps, from so
  /// many samples each.
  uint64_t seed = 0;
  unsigned steps = 600;
  unsigned samples = 32;
  /// `cbc`: how many nodes its own search may take before it goes on with
  /// dynamic programming, and how many states that may keep, at 8 bytes each;
  /// 0 for none.
  uint64_t nodesBeforeStates = 1000;
  uint64_t maxStates = 30000000;
  /// `cbc`: how many nodes its own search may take before it asks CBC; with 0
  /// it asks CBC first.
  uint64_t nodesBeforeCbc = 100000;
};

class Solver {
public:
  virtual ~Solver();
  virtual llvm::StringRef getName() const = 0;
  /// An error if the problem has errors (all of them, one a line) or is too
  /// large for this solver. No solution is not an error, see Status.
  virtual llvm::Expected<Solution>
  solve(const Problem &problem, const SolverOptions &options) const = 0;
};

/// "cbc", "exhaustive" or "reinforce"; null for any other name.
std::unique_ptr<Solver> createSolver(llvm::StringRef name);

/// "cbc, exhaustive, reinforce", for diagnostics.
std::string getSolverNames();

/// Sentences about why a problem has no solution: which budgets are too small,
/// by how much.
std::vector<std::string> explainInfeasibility(const Problem &problem,
                                              const Solution &solution);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_SOLVER_H
