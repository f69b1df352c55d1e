//===- ReducedProblem.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ReducedProblem.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <map>

using namespace mlir::qfmt::assignment;

ReducedProblem::ReducedProblem(const IndexedProblem &indexed,
                               bool dropDominated)
    : indexed(indexed) {
  for (unsigned budget = 0; budget < indexed.limits.size(); ++budget) {
    double limit = indexed.limits[budget];
    budgets.push_back(budget);
    scales.push_back(limit == 0 ? 1 : std::abs(limit));
    limits.push_back(limit / scales.back());
  }
  buildSets();
  sortOptions();
  scaleCosts();
  buildPairs();
  dropSlackBudgets();
  // Either step makes work for the other.
  bool changed = true;
  while (changed) {
    changed = foldDecidedPairs();
    changed |= dropDominated && dropDominatedOptions();
  }
}

void ReducedProblem::buildSets() {
  const Problem &problem = indexed.problem;
  for (const std::vector<unsigned> &groups : problem.getTiedSets()) {
    Set &set = sets.emplace_back();
    set.groups = groups;
    for (const std::string &format : problem.getAllowedFormats(groups)) {
      Option option;
      for (unsigned group : groups)
        option.choices.push_back(*problem.findChoice(group, format));
      CompensatedSum damage;
      for (auto [group, choice] : llvm::zip_equal(groups, option.choices))
        damage += indexed.damage[group][choice];
      option.damage = damage.get();
      for (unsigned budget : budgets) {
        CompensatedSum cost;
        for (auto [group, choice] : llvm::zip_equal(groups, option.choices))
          cost += indexed.costs[budget][group][choice];
        option.costs.push_back(cost.get());
      }
      set.options.push_back(std::move(option));
    }
  }
}

void ReducedProblem::sortOptions() {
  for (Set &set : sets)
    llvm::sort(set.options, [](const Option &a, const Option &b) {
      return std::tie(a.costs, a.choices) < std::tie(b.costs, b.choices);
    });
}

void ReducedProblem::scaleCosts() {
  for (Set &set : sets)
    for (Option &option : set.options)
      for (auto [cost, scale] : llvm::zip_equal(option.costs, scales))
        cost /= scale;
}

/// Terms within a set become damage of its options; the others one matrix for
/// each two sets.
void ReducedProblem::buildPairs() {
  // Of each group: its set and its position there.
  std::vector<std::pair<unsigned, unsigned>> place(indexed.damage.size());
  for (auto [index, set] : llvm::enumerate(sets))
    for (auto [position, group] : llvm::enumerate(set.groups))
      place[group] = {unsigned(index), unsigned(position)};
  auto findOption = [&](unsigned group, unsigned choice) -> int {
    auto [set, position] = place[group];
    for (auto [index, option] : llvm::enumerate(sets[set].options))
      if (option.choices[position] == choice)
        return index;
    return -1; // ties or forced choices rule it out
  };
  std::map<std::pair<unsigned, unsigned>, size_t> pairOfSets;
  for (const IndexedProblem::Term &term : indexed.terms) {
    int options[2];
    unsigned setIndex[2];
    for (int side : {0, 1}) {
      options[side] = findOption(term.groups[side], term.choices[side]);
      setIndex[side] = place[term.groups[side]].first;
    }
    if (options[0] < 0 || options[1] < 0)
      continue;
    if (setIndex[0] == setIndex[1]) {
      if (options[0] == options[1])
        sets[setIndex[0]].options[options[0]].damage += term.damage;
      continue;
    }
    if (setIndex[0] > setIndex[1]) {
      std::swap(setIndex[0], setIndex[1]);
      std::swap(options[0], options[1]);
    }
    size_t columns = sets[setIndex[1]].options.size();
    auto [it, isNew] =
        pairOfSets.try_emplace({setIndex[0], setIndex[1]}, pairs.size());
    if (isNew) {
      std::vector<double> damage(sets[setIndex[0]].options.size() * columns);
      pairs.push_back({setIndex[0], setIndex[1], std::move(damage)});
    }
    pairs[it->second].damage[options[0] * columns + options[1]] += term.damage;
  }
}

/// A budget that even the dearest options keep decides nothing.
void ReducedProblem::dropSlackBudgets() {
  std::vector<unsigned> kept;
  for (unsigned budget : budgets) {
    CompensatedSum dearest;
    for (const Set &set : sets) {
      double most = set.options.front().costs[budget];
      for (const Option &option : set.options)
        most = std::max(most, option.costs[budget]);
      dearest += most;
    }
    if (dearest.get() > limits[budget])
      kept.push_back(budget);
  }
  auto select = [&](std::vector<double> &values) {
    std::vector<double> selected;
    for (unsigned budget : kept)
      selected.push_back(values[budget]);
    values = std::move(selected);
  };
  select(limits);
  select(scales);
  for (Set &set : sets)
    for (Option &option : set.options)
      select(option.costs);
  budgets = std::move(kept);
}

/// A set with one option left: its pairwise damage is damage of the other set.
bool ReducedProblem::foldDecidedPairs() {
  size_t before = pairs.size();
  llvm::erase_if(pairs, [&](const Pair &pair) {
    Set &first = sets[pair.first], &second = sets[pair.second];
    if (first.options.size() > 1 && second.options.size() > 1)
      return false;
    // With one row or one column the matrix is a list of the other's options.
    Set &undecided = first.options.size() > 1 ? first : second;
    for (auto [option, damage] :
         llvm::zip_equal(undecided.options, pair.damage))
      option.damage += damage;
    return true;
  });
  return pairs.size() != before;
}

/// Leaves out options that an earlier one of the same set replaces: as cheap in
/// every budget, as little damage. Whatever assignment has such an option has a
/// better one, or an equal one that comes first. Sets with pairwise terms keep
/// all: what an option damages depends on others.
bool ReducedProblem::dropDominatedOptions() {
  std::vector<bool> hasPairs(sets.size());
  for (const Pair &pair : pairs)
    hasPairs[pair.first] = hasPairs[pair.second] = true;
  bool changed = false;
  for (auto [index, set] : llvm::enumerate(sets)) {
    if (hasPairs[index])
      continue;
    std::vector<Option> kept;
    for (Option &option : set.options) {
      bool dominated = llvm::any_of(kept, [&](const Option &other) {
        return other.damage <= option.damage &&
               llvm::all_of(llvm::zip_equal(other.costs, option.costs),
                            [](auto costs) {
                              return std::get<0>(costs) <= std::get<1>(costs);
                            });
      });
      if (!dominated)
        kept.push_back(std::move(option));
    }
    changed |= kept.size() != set.options.size();
    set.options = std::move(kept);
  }
  return changed;
}

ReducedProblem ReducedProblem::restrictTo(
    const std::vector<std::vector<unsigned>> &options) const {
  ReducedProblem restricted = *this;
  for (auto [set, original, kept] :
       llvm::zip_equal(restricted.sets, sets, options)) {
    set.options.clear();
    for (unsigned option : kept)
      set.options.push_back(original.options[option]);
  }
  for (auto [pair, original] : llvm::zip_equal(restricted.pairs, pairs)) {
    size_t columns = sets[original.second].options.size();
    pair.damage.clear();
    for (unsigned i : options[original.first])
      for (unsigned j : options[original.second])
        pair.damage.push_back(original.damage[i * columns + j]);
  }
  restricted.foldDecidedPairs();
  return restricted;
}

Assignment
ReducedProblem::getAssignment(const std::vector<unsigned> &options) const {
  Assignment assignment(indexed.damage.size());
  for (auto [set, option] : llvm::zip_equal(sets, options))
    for (auto [group, choice] :
         llvm::zip_equal(set.groups, set.options[option].choices))
      assignment[group] = choice;
  return assignment;
}
