//===- ExhaustiveSolver.cpp - Tries everything ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shares nothing with the other solvers but how objectives and costs are summed
// up and when a budget is kept: written to be read, it judges them.
//
//===----------------------------------------------------------------------===//

#include "IndexedProblem.h"
#include "Solvers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <chrono>

using namespace mlir::qfmt::assignment;

static constexpr double kMaxAssignments = 4e6;

namespace {
class ExhaustiveSolver : public Solver {
public:
  llvm::StringRef getName() const override { return "exhaustive"; }
  llvm::Expected<Solution> solve(const Problem &problem,
                                 const SolverOptions &options) const override;
};

/// The formats of a set of tied groups, in the order that breaks ties.
struct Digit {
  std::vector<unsigned> groups;
  std::vector<std::string> formats;
};

/// All assignments that keep ties and forced choices, as numbers whose first
/// digit counts most.
class Counter {
public:
  explicit Counter(const Problem &problem);

  double getNumAssignments() const {
    double number = 1;
    for (const Digit &digit : digits)
      number *= digit.formats.size();
    return number;
  }

  /// The first assignment; then the next one, false after the last.
  Assignment getFirst();
  bool advance(Assignment &assignment);

private:
  void apply(size_t digit, Assignment &assignment) const {
    for (unsigned group : digits[digit].groups)
      assignment[group] =
          *problem.findChoice(group, digits[digit].formats[position[digit]]);
  }

  const Problem &problem;
  std::vector<Digit> digits;
  std::vector<size_t> position;
};
} // namespace

Counter::Counter(const Problem &problem) : problem(problem) {
  for (const std::vector<unsigned> &groups : problem.getTiedSets()) {
    // By cost, then as listed.
    std::vector<std::tuple<std::vector<double>, size_t, std::string>> ranked;
    for (const std::string &format : problem.getAllowedFormats(groups)) {
      std::vector<double> costs;
      for (const auto &[name, budget] : problem.budgets) {
        CompensatedSum sum;
        for (unsigned group : groups)
          sum += problem.groups[group]
                     .choices[*problem.findChoice(group, format)]
                     .costs.at(name);
        costs.push_back(sum.get());
      }
      ranked.push_back({std::move(costs), ranked.size(), format});
    }
    llvm::sort(ranked);
    Digit &digit = digits.emplace_back();
    digit.groups = groups;
    for (const auto &[costs, position, format] : ranked)
      digit.formats.push_back(format);
  }
}

Assignment Counter::getFirst() {
  position.assign(digits.size(), 0);
  Assignment assignment(problem.groups.size());
  for (size_t digit = 0; digit < digits.size(); ++digit)
    apply(digit, assignment);
  return assignment;
}

bool Counter::advance(Assignment &assignment) {
  for (size_t digit = digits.size(); digit-- > 0;) {
    position[digit] = (position[digit] + 1) % digits[digit].formats.size();
    apply(digit, assignment);
    if (position[digit] != 0)
      return true;
  }
  return false;
}

/// What the budgets are exceeded by, relative to their limits.
static double getViolation(const IndexedProblem &indexed,
                           const Assignment &assignment) {
  CompensatedSum sum;
  for (size_t budget = 0; budget < indexed.limits.size(); ++budget) {
    double limit = indexed.limits[budget];
    double used = indexed.getBudgetCost(budget, assignment);
    if (!indexed.keepsBudget(budget, used))
      sum += (used - limit) / (limit == 0 ? 1 : std::abs(limit));
  }
  return sum.get();
}

llvm::Expected<Solution>
ExhaustiveSolver::solve(const Problem &problem,
                        const SolverOptions &options) const {
  auto start = std::chrono::steady_clock::now();
  if (llvm::Error error = checkProblem(problem))
    return error;
  IndexedProblem indexed(problem);
  Counter counter(problem);
  if (counter.getNumAssignments() > kMaxAssignments)
    return llvm::createStringError(
        llvm::formatv("the exhaustive solver tries every assignment, and this "
                      "problem has {0:e1} (limit {1:e1}): use another solver",
                      counter.getNumAssignments(), kMaxAssignments)
            .str());

  // First the least objective, then the first assignment that has it.
  std::optional<double> least;
  double leastViolation = std::numeric_limits<double>::infinity();
  Assignment closest;
  Assignment assignment = counter.getFirst();
  do {
    double violation = getViolation(indexed, assignment);
    if (violation < leastViolation) {
      leastViolation = violation;
      closest = assignment;
    }
    if (violation == 0)
      least = std::min(least.value_or(std::numeric_limits<double>::infinity()),
                       indexed.getObjective(assignment));
  } while (counter.advance(assignment));

  Solution solution;
  solution.bound = -std::numeric_limits<double>::infinity();
  if (!least) {
    solution.status = Status::Infeasible;
    solution.shortfall = describeShortfall(problem, closest);
  } else {
    double equal = *least + kRelativeTolerance * std::abs(*least);
    assignment = counter.getFirst();
    while (getViolation(indexed, assignment) != 0 ||
           indexed.getObjective(assignment) > equal)
      counter.advance(assignment);
    solution.status = Status::Optimal;
    solution.assignment = assignment;
    describe(problem, solution);
    solution.bound = solution.objective;
  }
  solution.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return solution;
}

std::unique_ptr<Solver> mlir::qfmt::assignment::createExhaustiveSolver() {
  return std::make_unique<ExhaustiveSolver>();
}
