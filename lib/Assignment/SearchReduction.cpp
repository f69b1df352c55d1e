//===- SearchReduction.cpp - Options that a node can do without -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Search.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace mlir::qfmt::assignment;

void Search::decide(Node &node, unsigned set, unsigned flat) const {
  node.decided[set] = getOption(set, flat);
  for (size_t b = 0; b < numBudgets; ++b)
    node.used[b] += flatCost[flat * numBudgets + b];
}

/// Leaves out options that no budget allows any more. False if a set has none
/// left or a budget cannot be kept at all.
bool Search::propagateBudgets(const Node &node, std::vector<char> &keep) const {
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t b = 0; b < numBudgets; ++b) {
      CompensatedSum left = problem.limits[b];
      left += kLooseTolerance * std::abs(problem.limits[b]);
      left += -node.used[b].get();
      std::vector<double> least(node.sets.size(), kInfinity);
      for (size_t s = 0; s < node.sets.size(); ++s) {
        for (unsigned i = node.start[s]; i < node.start[s + 1]; ++i)
          if (keep[i])
            least[s] =
                std::min(least[s], flatCost[node.options[i] * numBudgets + b]);
        if (least[s] == kInfinity)
          return false;
        left += -least[s];
      }
      if (left.get() < 0)
        return false;
      for (size_t s = 0; s < node.sets.size(); ++s)
        for (unsigned i = node.start[s]; i < node.start[s + 1]; ++i)
          if (keep[i] && flatCost[node.options[i] * numBudgets + b] - least[s] >
                             left.get()) {
            keep[i] = false;
            changed = true;
          }
    }
  }
  return true;
}

/// Of sets with equal options, the earlier one has the earlier option.
void Search::propagateSymmetry(const Node &node,
                               std::vector<char> &keep) const {
  if (!hasTwins)
    return;
  size_t numSets = problem.sets.size();
  std::vector<unsigned> first(numSets, ~0u), last(numSets, 0);
  std::vector<int> position(numSets, -1);
  for (unsigned set = 0; set < numSets; ++set)
    if (node.decided[set] >= 0)
      first[set] = last[set] = node.decided[set];
  auto update = [&](size_t s) {
    unsigned set = node.sets[s];
    first[set] = ~0u;
    last[set] = 0;
    for (unsigned i = node.start[s]; i < node.start[s + 1]; ++i)
      if (keep[i]) {
        first[set] = std::min(first[set], getOption(set, node.options[i]));
        last[set] = std::max(last[set], getOption(set, node.options[i]));
      }
  };
  for (size_t s = 0; s < node.sets.size(); ++s) {
    position[node.sets[s]] = s;
    update(s);
  }
  // Forwards the first option rises, backwards the last one falls.
  auto drop = [&](unsigned set, auto isWrong) {
    if (position[set] < 0)
      return;
    size_t s = position[set];
    for (unsigned i = node.start[s]; i < node.start[s + 1]; ++i)
      if (keep[i] && isWrong(getOption(set, node.options[i])))
        keep[i] = false;
    update(s);
  };
  for (unsigned set = 0; set < numSets; ++set)
    if (twin[set] >= 0)
      drop(set, [&](unsigned option) { return option < first[twin[set]]; });
  for (unsigned set = numSets; set-- > 0;)
    if (twin[set] >= 0)
      drop(twin[set], [&](unsigned option) { return option > last[set]; });
}

/// Applies `keep`; sets with one option left are decided. False if a set has
/// none left.
bool Search::shrink(Node &node, const std::vector<char> &keep) const {
  std::vector<unsigned> sets, start, options;
  std::vector<double> damage;
  std::vector<std::pair<unsigned, unsigned>> decided;
  for (size_t s = 0; s < node.sets.size(); ++s) {
    size_t before = options.size();
    for (unsigned i = node.start[s]; i < node.start[s + 1]; ++i)
      if (keep[i]) {
        options.push_back(node.options[i]);
        damage.push_back(node.damage[i]);
      }
    if (options.size() == before)
      return false;
    if (options.size() > before + 1) {
      sets.push_back(node.sets[s]);
      start.push_back(before);
      continue;
    }
    node.base += damage.back();
    decide(node, node.sets[s], options.back());
    decided.push_back({node.sets[s], getOption(node.sets[s], options.back())});
    options.pop_back();
    damage.pop_back();
  }
  start.push_back(options.size());
  node.sets = std::move(sets);
  node.start = std::move(start);
  node.options = std::move(options);
  node.damage = std::move(damage);
  if (node.pairs.empty())
    return true;

  // Pairs with a decided set are damage of the other one.
  std::vector<int> position(problem.sets.size(), -1);
  for (auto [index, set] : llvm::enumerate(node.sets))
    position[set] = index;
  llvm::erase_if(node.pairs, [&](unsigned index) {
    const ReducedProblem::Pair &pair = problem.pairs[index];
    int first = node.decided[pair.first], second = node.decided[pair.second];
    size_t columns = problem.sets[pair.second].options.size();
    const std::vector<double> &table = pairDamage[index];
    if (first < 0 && second < 0)
      return false;
    if (first >= 0 && second >= 0) {
      node.base += table[first * columns + second];
      return true;
    }
    unsigned open = first < 0 ? pair.first : pair.second;
    int s = position[open];
    for (unsigned i = node.start[s]; i < node.start[s + 1]; ++i) {
      unsigned option = getOption(open, node.options[i]);
      node.damage[i] += first < 0 ? table[option * columns + second]
                                  : table[first * columns + option];
    }
    return true;
  });
  boundPairs(node);
  return true;
}

/// Drops options by reduced cost, budgets and symmetry. False if nothing is
/// left.
bool Search::reduce(Node &node, const Point &point) {
  std::vector<char> keep(node.options.size(), true);
  if (!best.empty())
    for (size_t s = 0; s < node.sets.size(); ++s) {
      double least = point.priced[point.choice[s]];
      for (unsigned i = node.start[s]; i < node.start[s + 1]; ++i) {
        double bound =
            point.safe + (point.priced[i] - least) * (1 - 4 * kRounding);
        if (goal == Goal::Violation ? bound >= leastObjective
                                    : bound > getThreshold())
          keep[i] = false;
      }
    }
  if (goal == Goal::Damage && !propagateBudgets(node, keep))
    return false;
  propagateSymmetry(node, keep);
  return shrink(node, keep);
}
