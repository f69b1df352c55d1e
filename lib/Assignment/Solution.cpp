//===- Solution.cpp - What follows from an assignment ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Solution.h"
#include "IndexedProblem.h"
#include "Number.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::qfmt::assignment;
using llvm::formatv;
using llvm::StringRef;

/// Of what others have computed, maybe with numbers they have rounded.
static constexpr double kExpectedTolerance = 1e-9;

StringRef mlir::qfmt::assignment::stringifyStatus(Status status) {
  switch (status) {
  case Status::Optimal:
    return "optimal";
  case Status::Feasible:
    return "feasible";
  case Status::Infeasible:
    return "infeasible";
  case Status::Unknown:
    return "unknown";
  }
  llvm_unreachable("all statuses are above");
}

static std::map<std::string, BudgetUse>
getBudgetUse(const IndexedProblem &indexed, const Assignment &assignment) {
  std::map<std::string, BudgetUse> uses;
  for (auto [index, name] : llvm::enumerate(indexed.budgetNames)) {
    double used = indexed.getBudgetCost(index, assignment);
    double limit = indexed.limits[index];
    uses[name] = {used, limit, limit - used};
  }
  return uses;
}

/// The next better format of the groups of a set, all of which have it.
static std::optional<Assignment> findNextBetter(const Problem &problem,
                                                const IndexedProblem &indexed,
                                                llvm::ArrayRef<unsigned> set,
                                                const Assignment &assignment) {
  double objective = indexed.getObjective(assignment);
  double tolerance = kRelativeTolerance * std::abs(objective);
  std::optional<Assignment> next;
  double nextObjective = 0;
  for (const std::string &format : problem.getAllowedFormats(set)) {
    Assignment changed = assignment;
    for (unsigned group : set)
      changed[group] = *problem.findChoice(group, format);
    double value = indexed.getObjective(changed);
    if (value >= objective - tolerance || (next && value <= nextObjective))
      continue;
    next = changed;
    nextObjective = value;
  }
  return next;
}

static void describeNextBetter(const Problem &problem,
                               const IndexedProblem &indexed,
                               Solution &solution) {
  solution.nextBetter.assign(problem.groups.size(), std::nullopt);
  std::vector<std::string> costs = problem.getCommonCosts();
  for (const std::vector<unsigned> &set : problem.getTiedSets()) {
    std::optional<Assignment> next =
        findNextBetter(problem, indexed, set, solution.assignment);
    if (!next)
      continue;
    NextBetter better;
    better.damageSaved = solution.objective - indexed.getObjective(*next);
    for (const std::string &cost : costs) {
      CompensatedSum extra;
      for (unsigned group : set) {
        const auto &choices = problem.groups[group].choices;
        extra += choices[(*next)[group]].costs.at(cost);
        extra += -choices[solution.assignment[group]].costs.at(cost);
      }
      better.extraCosts[cost] = extra.get();
    }
    for (auto [index, name] : llvm::enumerate(indexed.budgetNames)) {
      double used = indexed.getBudgetCost(index, *next);
      if (!indexed.keepsBudget(index, used))
        better.exceeds[name] = used - indexed.limits[index];
    }
    for (unsigned group : set) {
      better.choice = (*next)[group];
      solution.nextBetter[group] = better;
    }
  }
}

void mlir::qfmt::assignment::describe(const Problem &problem,
                                      Solution &solution) {
  IndexedProblem indexed(problem);
  solution.objective = indexed.getObjective(solution.assignment);
  solution.budgets = getBudgetUse(indexed, solution.assignment);
  solution.costs.clear();
  for (const std::string &cost : problem.getCommonCosts())
    solution.costs[cost] = problem.getCost(cost, solution.assignment);
  describeNextBetter(problem, indexed, solution);
}

std::vector<std::string>
mlir::qfmt::assignment::verify(const Problem &problem,
                               const Assignment &assignment) {
  std::vector<std::string> errors;
  auto error = [&](auto &&...args) {
    errors.push_back(formatv(args...).str());
  };
  if (assignment.size() != problem.groups.size()) {
    error("the assignment has {0} groups, the problem {1}", assignment.size(),
          problem.groups.size());
    return errors;
  }
  for (auto [group, choice] : llvm::zip_equal(problem.groups, assignment))
    if (choice >= group.choices.size())
      error("group '{0}' has no choice number {1}", group.name, choice);
  if (!errors.empty())
    return errors;
  auto getFormat = [&](unsigned group) -> const std::string & {
    return problem.groups[group].choices[assignment[group]].format;
  };
  for (const std::vector<unsigned> &set : problem.getTiedSets())
    for (unsigned group : set)
      if (getFormat(group) != getFormat(set.front()))
        error("tied groups '{0}' and '{1}' have different formats: '{2}' and "
              "'{3}'",
              problem.groups[set.front()].name, problem.groups[group].name,
              getFormat(set.front()), getFormat(group));
  for (const auto &[name, format] : problem.forced)
    if (getFormat(*problem.findGroup(name)) != format)
      error("group '{0}' is forced to '{1}' but has '{2}'", name, format,
            getFormat(*problem.findGroup(name)));
  IndexedProblem indexed(problem);
  for (auto [index, name] : llvm::enumerate(indexed.budgetNames)) {
    double used = indexed.getBudgetCost(index, assignment);
    if (!indexed.keepsBudget(index, used))
      error("budget '{0}' is exceeded by {1}: {2} of {3}", name,
            toString(used - indexed.limits[index]), toString(used),
            toString(indexed.limits[index]));
  }
  return errors;
}

std::vector<std::string>
mlir::qfmt::assignment::verify(const Problem &problem,
                               const Solution &solution) {
  if (solution.assignment.empty())
    return {};
  std::vector<std::string> errors = verify(problem, solution.assignment);
  if (!errors.empty())
    return errors;
  Solution again;
  again.assignment = solution.assignment;
  describe(problem, again);
  if (again.objective != solution.objective)
    errors.push_back(formatv("the objective is {0}, not {1}",
                             toString(again.objective),
                             toString(solution.objective)));
  if (solution.bound > solution.objective)
    errors.push_back(formatv("the bound {0} is above the objective {1}",
                             toString(solution.bound),
                             toString(solution.objective)));
  for (const auto &[name, use] : again.budgets) {
    auto it = solution.budgets.find(name);
    if (it == solution.budgets.end() || it->second.used != use.used ||
        it->second.limit != use.limit || it->second.slack != use.slack)
      errors.push_back(
          formatv("budget '{0}' uses {1} of {2}; the solution says otherwise",
                  name, toString(use.used), toString(use.limit)));
  }
  return errors;
}

static bool isClose(double a, double b) {
  return std::abs(a - b) <=
         kExpectedTolerance * std::max(std::abs(a), std::abs(b));
}

std::vector<std::string>
mlir::qfmt::assignment::compareToExpected(const Problem &problem,
                                          const Solution &solution) {
  std::vector<std::string> errors;
  if (!problem.expected)
    return errors;
  const KnownOptimum &expected = *problem.expected;
  if (solution.assignment.empty()) {
    errors.push_back("no assignment was found, but a known optimum is given");
    return errors;
  }
  bool proven = solution.status == Status::Optimal;
  if (expected.objective) {
    double known = *expected.objective;
    if (!isClose(known, solution.objective) &&
        (proven || solution.objective < known))
      errors.push_back(formatv("the objective is {0}, expected {1}",
                               toString(solution.objective), toString(known)));
  }
  return errors;
}

std::vector<std::string>
mlir::qfmt::assignment::verifyExpected(const Problem &problem) {
  std::vector<std::string> errors;
  if (!problem.expected)
    return errors;
  const KnownOptimum &expected = *problem.expected;
  for (const auto &[name, format] : expected.choice) {
    std::optional<unsigned> group = problem.findGroup(name);
    if (!group)
      errors.push_back(formatv(
          "the known optimum names group '{0}', which is not there", name));
    else if (!problem.findChoice(*group, format))
      errors.push_back(formatv("the known optimum has format '{0}' for group "
                               "'{1}', which it does not have",
                               format, name));
  }
  if (expected.choice.empty() || !errors.empty())
    return errors;
  Assignment assignment;
  for (auto [index, group] : llvm::enumerate(problem.groups)) {
    auto it = expected.choice.find(group.name);
    if (it == expected.choice.end()) {
      errors.push_back(formatv(
          "the known optimum has no format for group '{0}'", group.name));
      continue;
    }
    assignment.push_back(*problem.findChoice(index, it->second));
  }
  if (!errors.empty())
    return errors;
  errors = verify(problem, assignment);
  double objective = problem.getObjective(assignment);
  if (expected.objective && !isClose(objective, *expected.objective))
    errors.push_back(formatv("the known optimum claims objective {0}, but its "
                             "choice has {1}",
                             toString(*expected.objective),
                             toString(objective)));
  return errors;
}
