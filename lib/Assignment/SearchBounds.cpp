//===- SearchBounds.cpp - The relaxation of a node by prices --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Search.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace mlir::qfmt::assignment;

/// Bounds this close to the best objective count as equal to it, as those of
/// equal assignments in another order of summation are.
static constexpr double kEqual = 3e-13;

Search::Node Search::makeRoot() const {
  Node root;
  root.decided.assign(problem.sets.size(), -1);
  root.used.assign(numBudgets, CompensatedSum());
  root.multipliers = rootMultipliers;
  for (unsigned set = 0; set < problem.sets.size(); ++set) {
    size_t size = problem.sets[set].options.size();
    if (size == 1) {
      root.base += flatDamage[firstFlat[set]];
      decide(root, set, firstFlat[set]);
      continue;
    }
    root.sets.push_back(set);
    root.start.push_back(root.options.size());
    for (unsigned option = 0; option < size; ++option) {
      root.options.push_back(firstFlat[set] + option);
      root.damage.push_back(flatDamage[firstFlat[set] + option]);
    }
  }
  root.start.push_back(root.options.size());
  if (goal == Goal::Damage)
    for (unsigned pair = 0; pair < problem.pairs.size(); ++pair)
      root.pairs.push_back(pair);
  boundPairs(root);
  return root;
}

/// The least that the pairs of undecided sets can damage.
void Search::boundPairs(Node &node) const {
  node.pairBound = 0;
  if (node.pairs.empty())
    return;
  std::vector<int> position(problem.sets.size(), -1);
  for (auto [index, set] : llvm::enumerate(node.sets))
    position[set] = index;
  CompensatedSum sum;
  for (unsigned index : node.pairs) {
    const ReducedProblem::Pair &pair = problem.pairs[index];
    size_t columns = problem.sets[pair.second].options.size();
    double least = kInfinity;
    int first = position[pair.first], second = position[pair.second];
    for (unsigned i = node.start[first]; i < node.start[first + 1]; ++i)
      for (unsigned j = node.start[second]; j < node.start[second + 1]; ++j)
        least = std::min(
            least,
            pairDamage[index][getOption(pair.first, node.options[i]) * columns +
                              getOption(pair.second, node.options[j])]);
    sum += least;
  }
  node.pairBound = sum.get();
}

void Search::evaluate(const Node &node, Point &point) const {
  CompensatedSum value = node.base;
  value += node.pairBound;
  double magnitude = std::abs(value.get());
  point.excess.resize(numBudgets);
  std::vector<CompensatedSum> used = node.used;
  for (size_t b = 0; b < numBudgets; ++b)
    used[b] += -problem.limits[b];
  for (size_t b = 0; b < numBudgets; ++b) {
    value += point.multipliers[b] * used[b].get();
    magnitude += point.multipliers[b] *
                 (std::abs(problem.limits[b]) + node.used[b].get());
  }
  point.choice.resize(node.sets.size());
  point.priced.resize(node.options.size());
  const double *multipliers = point.multipliers.data();
  for (size_t index = 0; index < node.sets.size(); ++index) {
    double least = kInfinity;
    unsigned chosen = 0;
    for (unsigned i = node.start[index]; i < node.start[index + 1]; ++i) {
      const double *cost = flatCost.data() + node.options[i] * numBudgets;
      double priced = node.damage[i];
      for (size_t b = 0; b < numBudgets; ++b)
        priced += multipliers[b] * cost[b];
      point.priced[i] = priced;
      if (priced < least) {
        least = priced;
        chosen = i;
      }
    }
    point.choice[index] = chosen;
    value += least;
    magnitude += 2 * std::abs(node.damage[chosen]) + std::abs(least);
    const double *cost = flatCost.data() + node.options[chosen] * numBudgets;
    for (size_t b = 0; b < numBudgets; ++b)
      used[b] += cost[b];
  }
  for (size_t b = 0; b < numBudgets; ++b)
    point.excess[b] = used[b].get();
  point.value = value.get();
  point.safe = point.value - kRounding * magnitude;
}

/// Subgradient steps towards the best known objective (Polyak): with the step
///     (target - value) / |excess|^2
/// a bound that can reach the target gets there. Returns the best point.
Search::Point Search::optimize(const Node &node, unsigned steps) {
  Point point, bestPoint;
  point.multipliers = node.multipliers;
  double relax = 1;
  for (unsigned step = 0;; ++step) {
    evaluate(node, point);
    offerPoint(node, point);
    if (point.safe > bestPoint.safe)
      bestPoint = point;
    else
      relax *= 0.7;
    if (step >= steps || canPrune(node, bestPoint.safe))
      return bestPoint;
    double norm = 0;
    for (size_t b = 0; b < numBudgets; ++b) {
      // A price cannot fall below zero.
      if (point.multipliers[b] > 0 || point.excess[b] > 0)
        norm += point.excess[b] * point.excess[b];
    }
    if (norm == 0)
      return bestPoint;
    double target = getThreshold();
    if (target == kInfinity)
      target = bestPoint.value + 0.1 * std::abs(bestPoint.value) + 1e-300;
    double length = relax * (target - point.value) / norm;
    if (!(length > 0) || !std::isfinite(length))
      return bestPoint;
    for (size_t b = 0; b < numBudgets; ++b) {
      double &multiplier = point.multipliers[b];
      multiplier = std::max(0.0, multiplier + length * point.excess[b]);
      if (goal == Goal::Violation)
        multiplier = std::min(1.0, multiplier);
    }
  }
}

/// Whether the node can still have an assignment that comes before the best in
/// the order that breaks ties.
bool Search::comesFirst(const Node &node) const {
  size_t next = 0;
  for (unsigned set = 0; set < problem.sets.size(); ++set) {
    unsigned first;
    if (node.decided[set] >= 0) {
      first = node.decided[set];
    } else {
      first = getOption(set, node.options[node.start[next]]);
      ++next;
    }
    if (first != best[set])
      return first < best[set];
  }
  return false;
}

bool Search::canPrune(const Node &node, double safe) const {
  if (best.empty())
    return false;
  if (goal == Goal::Violation)
    return leastObjective == 0 || safe >= leastObjective - 1e-14;
  if (safe > getThreshold())
    return true;
  return safe >= leastObjective - kEqual * std::abs(leastObjective) &&
         !comesFirst(node);
}
