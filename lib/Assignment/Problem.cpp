//===- Problem.cpp - What is in a problem, and what is wrong with it ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Problem.h"
#include "CompensatedSum.h"
#include "IndexedProblem.h"
#include "Number.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include <set>

using namespace mlir::qfmt::assignment;
using llvm::formatv;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

std::optional<unsigned> Problem::findGroup(StringRef name) const {
  for (auto [index, group] : llvm::enumerate(groups))
    if (group.name == name)
      return index;
  return std::nullopt;
}

std::optional<unsigned> Problem::findChoice(unsigned group,
                                            StringRef format) const {
  for (auto [index, choice] : llvm::enumerate(groups[group].choices))
    if (choice.format == format)
      return index;
  return std::nullopt;
}

std::vector<std::vector<unsigned>> Problem::getTiedSets() const {
  llvm::StringMap<unsigned> indexByName;
  for (auto [index, group] : llvm::enumerate(groups))
    indexByName.try_emplace(group.name, index);
  llvm::EquivalenceClasses<unsigned> classes;
  for (const std::vector<std::string> &tie : ties) {
    std::optional<unsigned> first;
    for (const std::string &name : tie) {
      auto found = indexByName.find(name);
      if (found == indexByName.end())
        continue;
      if (first)
        classes.unionSets(*first, found->second);
      first = found->second;
    }
  }
  std::vector<std::vector<unsigned>> sets;
  std::map<unsigned, size_t> setOfLeader;
  for (unsigned group = 0; group < groups.size(); ++group) {
    unsigned leader = group;
    if (auto it = classes.findLeader(group); it != classes.member_end())
      leader = *it;
    auto [position, isNew] = setOfLeader.try_emplace(leader, sets.size());
    if (isNew)
      sets.emplace_back();
    sets[position->second].push_back(group);
  }
  return sets;
}

std::vector<std::string>
Problem::getAllowedFormats(llvm::ArrayRef<unsigned> tiedSet) const {
  std::vector<std::string> formats;
  for (const Choice &choice : groups[tiedSet.front()].choices) {
    bool allowed = llvm::all_of(tiedSet, [&](unsigned group) {
      auto wanted = forced.find(groups[group].name);
      return findChoice(group, choice.format) &&
             (wanted == forced.end() || wanted->second == choice.format);
    });
    if (allowed)
      formats.push_back(choice.format);
  }
  return formats;
}

Problem::Range Problem::getCostRange(StringRef cost) const {
  CompensatedSum cheapest, dearest;
  for (const std::vector<unsigned> &set : getTiedSets()) {
    std::optional<double> least, most;
    for (const std::string &format : getAllowedFormats(set)) {
      CompensatedSum sum;
      for (unsigned group : set)
        sum += groups[group].choices[*findChoice(group, format)].costs.at(
            cost.str());
      least = std::min(least.value_or(sum.get()), sum.get());
      most = std::max(most.value_or(sum.get()), sum.get());
    }
    cheapest += *least;
    dearest += *most;
  }
  return {cheapest.get(), dearest.get()};
}

double Problem::getLimit(StringRef cost) const {
  const Budget &budget = budgets.at(cost.str());
  if (budget.max)
    return *budget.max;
  Range range = getCostRange(cost);
  // The ends are the ends, whatever the difference rounds to.
  if (*budget.fraction == 1)
    return range.dearest;
  return range.cheapest + *budget.fraction * (range.dearest - range.cheapest);
}

double Problem::getObjective(const Assignment &assignment) const {
  return IndexedProblem(*this).getObjective(assignment);
}

double Problem::getCost(StringRef cost, const Assignment &assignment) const {
  CompensatedSum sum;
  for (auto [group, choice] : llvm::zip_equal(groups, assignment))
    sum += group.choices[choice].costs.at(cost.str());
  return sum.get();
}

std::vector<std::string> Problem::getCommonCosts() const {
  std::map<std::string, size_t> uses;
  size_t numChoices = 0;
  for (const Group &group : groups) {
    numChoices += group.choices.size();
    for (const Choice &choice : group.choices)
      for (const auto &[name, value] : choice.costs)
        ++uses[name];
  }
  std::vector<std::string> names;
  for (const auto &[name, count] : uses)
    if (count == numChoices)
      names.push_back(name);
  return names;
}

//===----------------------------------------------------------------------===//
// check
//===----------------------------------------------------------------------===//

namespace {
/// Collects the errors of a problem, one subject after the other.
class Checker {
public:
  explicit Checker(const Problem &problem) : problem(problem) {}

  std::vector<std::string> check() {
    checkGroups();
    checkBudgets();
    checkTies();
    checkForced();
    // Which formats remain is clear only once all names are.
    if (errors.empty())
      checkTiedFormats();
    checkPairwise();
    checkTotals();
    return std::move(errors);
  }

private:
  template <typename... Args>
  void error(const char *format, Args &&...args) {
    errors.push_back(formatv(format, std::forward<Args>(args)...).str());
  }

  bool hasGroup(StringRef name) const { return groupByName.count(name); }
  bool hasFormat(StringRef group, StringRef format) const {
    return problem.findChoice(groupByName.lookup(group), format).has_value();
  }
  std::string listFormats(StringRef group) const {
    std::vector<std::string> names;
    for (const Choice &choice :
         problem.groups[groupByName.lookup(group)].choices)
      names.push_back("'" + choice.format + "'");
    return llvm::join(names, ", ");
  }

  void checkGroups();
  void checkChoice(const Group &group, const Choice &choice);
  void checkBudgets();
  void checkTies();
  void checkForced();
  void checkTiedFormats();
  void checkPairwise();
  void checkTotals();

  const Problem &problem;
  llvm::StringMap<unsigned> groupByName;
  std::vector<std::string> errors;
};
} // namespace

void Checker::checkChoice(const Group &group, const Choice &choice) {
  if (std::isnan(choice.damage))
    error("damage of format '{0}' of group '{1}' is not a number (NaN): "
          "measure it again or leave the format out",
          choice.format, group.name);
  else if (std::isinf(choice.damage))
    error("damage of format '{0}' of group '{1}' is infinite: leave the "
          "format out if it must not be chosen",
          choice.format, group.name);
  else if (choice.damage < 0)
    error("damage of format '{0}' of group '{1}' is negative ({2}): give a "
          "number that is at least 0",
          choice.format, group.name, toString(choice.damage));
  for (const auto &[name, value] : choice.costs)
    if (!std::isfinite(value) || value < 0)
      error("cost '{0}' of format '{1}' of group '{2}' is {3}: give a finite "
            "number that is at least 0",
            name, choice.format, group.name, toString(value));
}

void Checker::checkGroups() {
  if (problem.groups.empty())
    error("the problem has no groups: give at least one");
  for (auto [index, group] : llvm::enumerate(problem.groups)) {
    if (group.name.empty())
      error("group number {0} has no name", index);
    if (!groupByName.try_emplace(group.name, index).second)
      error("two groups are named '{0}': names tell groups apart", group.name);
    if (group.choices.empty())
      error("group '{0}' has no choices: give at least one format", group.name);
    llvm::StringSet<> formats;
    for (const Choice &choice : group.choices) {
      if (choice.format.empty())
        error("a choice of group '{0}' names no format", group.name);
      if (!formats.insert(choice.format).second)
        error("group '{0}' has format '{1}' twice: keep one of them",
              group.name, choice.format);
      checkChoice(group, choice);
    }
  }
}

void Checker::checkBudgets() {
  std::set<std::string> known;
  for (const Group &group : problem.groups)
    for (const Choice &choice : group.choices)
      for (const auto &[name, value] : choice.costs)
        known.insert(name);
  for (const auto &[name, budget] : problem.budgets) {
    if (budget.max.has_value() == budget.fraction.has_value())
      error("budget '{0}' needs either a maximum or a fraction", name);
    if (budget.max && !std::isfinite(*budget.max))
      error("the maximum of budget '{0}' is {1}: give a finite number, or no "
            "budget",
            name, toString(*budget.max));
    if (budget.fraction && !(*budget.fraction >= 0 && *budget.fraction <= 1))
      error("the fraction of budget '{0}' is {1}: give one from 0 (the "
            "cheapest formats) to 1 (the dearest)",
            name, toString(*budget.fraction));
    if (!known.count(name)) {
      error("budget '{0}' limits a cost that no choice has: choices have {1}",
            name,
            known.empty() ? std::string("no costs")
                          : "'" + llvm::join(known, "', '") + "'");
      continue;
    }
    for (const Group &group : problem.groups)
      for (const Choice &choice : group.choices)
        if (!choice.costs.count(name))
          error("format '{0}' of group '{1}' has no cost '{2}', which has a "
                "budget: give it, 0 if it costs nothing",
                choice.format, group.name, name);
  }
}

void Checker::checkTies() {
  for (const std::vector<std::string> &tie : problem.ties) {
    if (tie.size() < 2)
      error("a tie names {0}: name at least two groups",
            tie.empty() ? std::string("no group")
                        : "only group '" + tie.front() + "'");
    llvm::StringSet<> seen;
    for (const std::string &name : tie) {
      if (!hasGroup(name))
        error("a tie names group '{0}', which is not there", name);
      if (!seen.insert(name).second)
        error("a tie names group '{0}' twice", name);
    }
  }
}

void Checker::checkForced() {
  for (const auto &[group, format] : problem.forced) {
    if (!hasGroup(group))
      error("group '{0}', forced to '{1}', is not there", group, format);
    else if (!hasFormat(group, format))
      error("group '{0}' is forced to '{1}', which it does not have: it has "
            "{2}",
            group, format, listFormats(group));
  }
}

/// Whether every set of tied groups has a format left.
void Checker::checkTiedFormats() {
  for (const std::vector<unsigned> &set : problem.getTiedSets()) {
    if (!problem.getAllowedFormats(set).empty())
      continue;
    std::vector<std::string> members;
    std::set<std::string> wanted;
    for (unsigned group : set) {
      const std::string &name = problem.groups[group].name;
      auto it = problem.forced.find(name);
      if (it != problem.forced.end())
        wanted.insert(it->second);
      members.push_back(formatv("'{0}' ({1})", name,
                                it == problem.forced.end()
                                    ? "has " + listFormats(name)
                                    : "forced to '" + it->second + "'")
                            .str());
    }
    error("conflicting ties: tied groups need the same format, but {0} {1}: "
          "{2}",
          llvm::join(members, ", "),
          wanted.size() > 1 ? "are forced to different ones"
                            : "have none in common",
          wanted.size() > 1 ? "force one format, or untie them"
                            : "give them a common format, or untie them");
  }
}

void Checker::checkPairwise() {
  using Side = std::pair<std::string, std::string>;
  std::set<std::pair<Side, Side>> seen;
  for (const PairwiseTerm &term : problem.pairwise) {
    bool known = true;
    for (int side : {0, 1}) {
      if (!hasGroup(term.groups[side])) {
        error("a pairwise term names group '{0}', which is not there",
              term.groups[side]);
        known = false;
      } else if (!hasFormat(term.groups[side], term.formats[side])) {
        error("a pairwise term names format '{0}' of group '{1}', which it "
              "does not have: it has {2}",
              term.formats[side], term.groups[side],
              listFormats(term.groups[side]));
        known = false;
      }
    }
    if (term.groups[0] == term.groups[1])
      error("a pairwise term names group '{0}' twice: put what one format "
            "does into its damage",
            term.groups[0]);
    if (!std::isfinite(term.damage))
      error("the damage of the pairwise term of '{0}' ('{1}') and '{2}' "
            "('{3}') is {4}: give a finite number",
            term.groups[0], term.formats[0], term.groups[1], term.formats[1],
            toString(term.damage));
    if (!known)
      continue;
    Side first{term.groups[0], term.formats[0]};
    Side second{term.groups[1], term.formats[1]};
    if (!seen.insert(std::minmax(first, second)).second)
      error("there are two pairwise terms of '{0}' ('{1}') and '{2}' "
            "('{3}'): add them up",
            term.groups[0], term.formats[0], term.groups[1], term.formats[1]);
  }
}

/// Sums of huge numbers must stay numbers.
void Checker::checkTotals() {
  double damage = 0;
  std::map<std::string, double> costs;
  for (const Group &group : problem.groups)
    for (const Choice &choice : group.choices) {
      damage += std::abs(choice.damage);
      for (const auto &[name, value] : choice.costs)
        costs[name] += std::abs(value);
    }
  for (const PairwiseTerm &term : problem.pairwise)
    damage += std::abs(term.damage);
  if (!errors.empty())
    return;
  if (std::isinf(damage))
    error("the damages add up to more than a double holds: use a larger unit");
  for (const auto &[name, total] : costs)
    if (std::isinf(total))
      error("the costs '{0}' add up to more than a double holds: use a larger "
            "unit",
            name);
}

std::vector<std::string> Problem::check() const {
  return Checker(*this).check();
}
