//===- IndexedProblem.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IndexedProblem.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir::qfmt::assignment;

IndexedProblem::IndexedProblem(const Problem &problem) : problem(problem) {
  llvm::StringMap<unsigned> groupByName;
  for (const Group &group : problem.groups) {
    groupByName[group.name] = damage.size();
    std::vector<double> &row = damage.emplace_back();
    for (const Choice &choice : group.choices)
      row.push_back(choice.damage);
  }
  for (const auto &[name, budget] : problem.budgets) {
    budgetNames.push_back(name);
    limits.push_back(problem.getLimit(name));
    auto &table = costs.emplace_back();
    for (const Group &group : problem.groups) {
      std::vector<double> &row = table.emplace_back();
      for (const Choice &choice : group.choices)
        row.push_back(choice.costs.at(name));
    }
  }
  for (const PairwiseTerm &pair : problem.pairwise) {
    Term term;
    for (int side : {0, 1}) {
      term.groups[side] = groupByName.lookup(pair.groups[side]);
      term.choices[side] =
          *problem.findChoice(term.groups[side], pair.formats[side]);
    }
    term.damage = pair.damage;
    terms.push_back(term);
  }
}

double IndexedProblem::getObjective(const Assignment &assignment) const {
  CompensatedSum sum;
  for (size_t group = 0; group < damage.size(); ++group)
    sum += damage[group][assignment[group]];
  for (const Term &term : terms)
    if (assignment[term.groups[0]] == term.choices[0] &&
        assignment[term.groups[1]] == term.choices[1])
      sum += term.damage;
  return sum.get();
}

double IndexedProblem::getBudgetCost(size_t budget,
                                     const Assignment &assignment) const {
  CompensatedSum sum;
  for (size_t group = 0; group < damage.size(); ++group)
    sum += costs[budget][group][assignment[group]];
  return sum.get();
}

bool IndexedProblem::keepsBudget(size_t budget, double used) const {
  double limit = limits[budget];
  return used <= limit + kRelativeTolerance * std::abs(limit);
}

bool IndexedProblem::keepsBudgets(const Assignment &assignment) const {
  for (size_t budget = 0; budget < limits.size(); ++budget)
    if (!keepsBudget(budget, getBudgetCost(budget, assignment)))
      return false;
  return true;
}
