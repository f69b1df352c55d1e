//===- CbcSolver.cpp - CBC, completed to the last digit -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// First a search (Search.h) of limited size, which is enough for separable
// problems of some hundred groups; then CBC on what it could not exclude; then
// the search again, from CBC's assignment, until it has a proof. CBC alone is
// not enough: with 400 groups it has returned assignments that exceed a budget
// by 7e-8 of its limit, as its tolerances allow.
//
//===----------------------------------------------------------------------===//

#include "CbcModel.h"
#include "Solvers.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::qfmt::assignment;

namespace {
class CbcSolver : public Solver {
public:
  llvm::StringRef getName() const override { return "cbc"; }
  llvm::Expected<Solution> solve(const Problem &problem,
                                 const SolverOptions &options) const override;
};

/// One run of the solver.
class Run {
public:
  Run(const Problem &problem, const SolverOptions &options)
      : options(options), deadline(options.timeLimit), indexed(problem),
        reduced(indexed), search(reduced, computePrices(reduced),
                                 Search::Goal::Damage, deadline) {}

  Solution solve();

private:
  bool findStart(Solution &solution);
  Search::Outcome prove();
  void askCbc();

  const SolverOptions &options;
  Deadline deadline;
  IndexedProblem indexed;
  ReducedProblem reduced;
  Search search;
};
} // namespace

/// Gets the search an assignment to start from. False if there is none (with
/// the reason in the solution) or if the time is over.
bool Run::findStart(Solution &solution) {
  search.offerHeuristics();
  if (search.hasBest())
    return true;
  Search closest(reduced, Prices(), Search::Goal::Violation, deadline);
  closest.offerHeuristics();
  Search::Outcome outcome = closest.run(std::numeric_limits<uint64_t>::max());
  if (closest.getObjective() == 0) {
    search.offer(closest.getBest());
    return true;
  }
  if (outcome != Search::Outcome::Proven)
    return false;
  solution.status = Status::Infeasible;
  solution.shortfall = describeShortfall(
      indexed.problem, reduced.getAssignment(closest.getBest()));
  return false;
}

/// Looks for something better than the best known among what the search has
/// not excluded.
void Run::askCbc() {
  std::vector<std::vector<unsigned>> remaining = search.getRemainingOptions();
  if (llvm::any_of(remaining, [](auto &options) { return options.empty(); }))
    return;
  CbcOptions cbcOptions;
  cbcOptions.deadline = deadline;
  cbcOptions.multipliers = search.getMultipliers();
  cbcOptions.best = search.getObjective();
  cbcOptions.bound = search.getBound();
  std::optional<std::vector<unsigned>> found =
      solveByCbc(reduced.restrictTo(remaining), cbcOptions);
  if (!found)
    return;
  for (auto [option, options] : llvm::zip_equal(*found, remaining))
    option = options[option];
  search.offer(*found);
}

Search::Outcome Run::prove() {
  if (options.nodesBeforeCbc != 0) {
    Search::Outcome outcome = search.run(options.nodesBeforeCbc);
    if (outcome != Search::Outcome::OutOfNodes)
      return outcome;
  }
  askCbc();
  return search.run(std::numeric_limits<uint64_t>::max());
}

Solution Run::solve() {
  Solution solution;
  solution.bound = -std::numeric_limits<double>::infinity();
  if (!findStart(solution))
    return solution;
  Search::Outcome outcome = prove();
  solution.assignment = reduced.getAssignment(search.getBest());
  describe(indexed.problem, solution);
  if (outcome == Search::Outcome::Proven) {
    solution.status = Status::Optimal;
    solution.bound = solution.objective;
  } else {
    solution.status = Status::Feasible;
    solution.bound = std::min(search.getBound(), solution.objective);
  }
  return solution;
}

llvm::Expected<Solution> CbcSolver::solve(const Problem &problem,
                                          const SolverOptions &options) const {
  auto start = std::chrono::steady_clock::now();
  if (llvm::Error error = checkProblem(problem))
    return error;
  Solution solution = Run(problem, options).solve();
  solution.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return solution;
}

std::unique_ptr<Solver> mlir::qfmt::assignment::createCbcSolver() {
  return std::make_unique<CbcSolver>();
}
