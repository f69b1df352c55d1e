//===- CbcSolver.cpp - CBC, completed to the last digit -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// First a search (Search.h) of few nodes; then, with few pairwise terms,
// dynamic programming (StateSearch.h), which is enough for some hundred groups,
// equal ones included; then a longer search, CBC on what that could not
// exclude, and the search again, from CBC's assignment, until it has a proof.
// CBC alone is not enough: with 400 groups it has returned assignments that
// exceed a budget by 7e-8 of its limit, as its tolerances allow.
//
//===----------------------------------------------------------------------===//

#include "CbcModel.h"
#include "Solvers.h"
#include "StateSearch.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::qfmt::assignment;

/// Where the first threshold is between bound and best known objective, and by
/// how much each is farther from the bound than the last. Hard problems have
/// three times as many states for each such step.
static constexpr double kThresholds = 32;
static constexpr double kStepGrowth = 1.4;
/// States of one level, for a better assignment and for a proof.
static constexpr size_t kFirstWidth = 1000;
static constexpr size_t kMaxWidth = 1000000;

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
  StateSearch::Outcome searchStates(double threshold, size_t maxWidth);
  bool proveByStates();
  void askCbc();

  const SolverOptions &options;
  Deadline deadline;
  IndexedProblem indexed;
  ReducedProblem reduced;
  Search search;
  /// The options that the search could not exclude.
  std::vector<std::vector<unsigned>> remaining;
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
  std::optional<bool> isFeasible = closest.decideFeasibility();
  if (!isFeasible)
    return false;
  if (*isFeasible) {
    search.offer(closest.getBest());
    return true;
  }
  solution.status = Status::Infeasible;
  solution.shortfall = describeShortfall(
      indexed.problem, reduced.getAssignment(closest.getBest()));
  return false;
}

/// Looks for something better than the best known among what the search has
/// not excluded.
void Run::askCbc() {
  remaining = search.getRemainingOptions();
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

/// Offers what there is up to the threshold.
StateSearch::Outcome Run::searchStates(double threshold, size_t maxWidth) {
  StateSearchOptions stateOptions;
  stateOptions.deadline = deadline;
  stateOptions.maxWidth = maxWidth;
  stateOptions.maxStates = options.maxStates;
  stateOptions.remaining = remaining;
  stateOptions.multipliers = search.getMultipliers();
  StateSearch states(reduced, threshold, stateOptions);
  // They come in the order of objectives but for rounding. The one to return
  // is among those within the tolerance of the least.
  return states.run([&](const std::vector<unsigned> &found) {
    search.offer(found);
    double last = search.getThreshold();
    return indexed.getObjective(reduced.getAssignment(found)) <=
           last + kRelativeTolerance * std::abs(last);
  });
}

/// First a few states for a better assignment to start from; then all up to
/// thresholds that rise from the bound to the best known objective: the number
/// of states grows fast with the threshold, and the optimum is often far below
/// what heuristics find. False if there are too many states.
bool Run::proveByStates() {
  if (options.maxStates == 0)
    return false;
  remaining = search.getRemainingOptions();
  if (llvm::any_of(remaining, [](auto &options) { return options.empty(); }))
    return true;
  double threshold = search.getThreshold();
  double bound = search.getBound();
  double step = (threshold - bound) / kThresholds;
  size_t maxWidth = kFirstWidth;
  while (true) {
    StateSearch::Outcome outcome = searchStates(threshold, maxWidth);
    bool isFirst = maxWidth == kFirstWidth;
    if (outcome != StateSearch::Outcome::Complete && !isFirst)
      return false;
    if (outcome == StateSearch::Outcome::Complete) {
      // What was found may have lowered the other one.
      if (threshold >= search.getThreshold())
        return true;
      search.raiseBound(threshold);
    }
    if (!isFirst)
      step *= kStepGrowth;
    maxWidth = kMaxWidth;
    threshold = std::min(bound + step, search.getThreshold());
  }
}

/// In the order of what is quickest for most networks; CBC for those with
/// pairwise terms, and where even states are too many.
Search::Outcome Run::prove() {
  bool asksCbcFirst = options.nodesBeforeCbc == 0;
  if (asksCbcFirst)
    askCbc();
  Search::Outcome outcome = search.run(options.nodesBeforeStates);
  if (outcome != Search::Outcome::OutOfNodes)
    return outcome;
  if (proveByStates())
    return Search::Outcome::Proven;
  if (asksCbcFirst)
    return search.run(std::numeric_limits<uint64_t>::max());
  outcome = search.run(options.nodesBeforeCbc);
  if (outcome != Search::Outcome::OutOfNodes)
    return outcome;
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
