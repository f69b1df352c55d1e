//===- Search.cpp - Branch and bound: candidates and the tree -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Search.h"
#include "LocalImprovement.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <map>
#include <numeric>

using namespace mlir::qfmt::assignment;

Search::Search(const ReducedProblem &problem, Prices prices, Goal goal,
               const Deadline &deadline)
    : problem(problem), goal(goal), deadline(deadline),
      numBudgets(problem.limits.size()),
      pairDamage(std::move(prices.pairDamage)),
      rootMultipliers(std::move(prices.multipliers)),
      twin(problem.sets.size(), -1) {
  for (auto [index, set] : llvm::enumerate(problem.sets)) {
    firstFlat.push_back(flatDamage.size());
    for (auto [number, option] : llvm::enumerate(set.options)) {
      flatDamage.push_back(goal == Goal::Damage ? prices.damage[index][number]
                                                : 0.0);
      llvm::append_range(flatCost, option.costs);
    }
  }
  if (goal == Goal::Violation)
    rootMultipliers.assign(numBudgets, 0.0);

  // Sets with equal options may swap them: it is enough to look at those
  // assignments where the earlier one has the earlier option.
  std::vector<bool> hasPairs(problem.sets.size());
  for (const ReducedProblem::Pair &pair : problem.pairs)
    hasPairs[pair.first] = hasPairs[pair.second] = true;
  std::map<std::vector<double>, int> latest;
  for (auto [index, set] : llvm::enumerate(problem.sets)) {
    if (hasPairs[index] || set.options.size() < 2)
      continue;
    std::vector<double> key;
    for (const ReducedProblem::Option &option : set.options) {
      key.push_back(option.damage);
      llvm::append_range(key, option.costs);
    }
    auto [it, isNew] = latest.try_emplace(std::move(key), int(index));
    if (isNew)
      continue;
    twin[index] = it->second;
    it->second = index;
    hasTwins = true;
  }
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

double Search::getViolation(const Assignment &assignment) const {
  CompensatedSum sum;
  for (auto [budget, scale] :
       llvm::zip_equal(problem.budgets, problem.scales)) {
    double used = problem.indexed.getBudgetCost(budget, assignment);
    if (!problem.indexed.keepsBudget(budget, used))
      sum += (used - problem.indexed.limits[budget]) / scale;
  }
  return sum.get();
}

double Search::getThreshold() const {
  if (goal == Goal::Violation || leastObjective == kInfinity)
    return leastObjective;
  return leastObjective + kRelativeTolerance * std::abs(leastObjective);
}

void Search::offer(const std::vector<unsigned> &options) {
  Assignment assignment = problem.getAssignment(options);
  double objective;
  if (goal == Goal::Violation) {
    objective = getViolation(assignment);
    if (objective >= leastObjective)
      return;
  } else {
    if (!problem.indexed.keepsBudgets(assignment))
      return;
    objective = problem.indexed.getObjective(assignment);
    if (objective > getThreshold())
      return;
  }
  leastObjective = std::min(leastObjective, objective);
  // Of equal ones the first; one that was the best until now may be no more.
  if (best.empty() || bestObjective > getThreshold() ||
      goal == Goal::Violation || options < best) {
    best = options;
    bestObjective = objective;
  }
}

/// The cheapest options at the point, whether they keep the budgets or not.
void Search::offerPoint(const Node &node, const Point &point) {
  if (goal == Goal::Damage)
    for (size_t b = 0; b < numBudgets; ++b)
      if (point.excess[b] > kLooseTolerance * std::abs(problem.limits[b]))
        return;
  std::vector<unsigned> options(node.decided.begin(), node.decided.end());
  for (auto [set, position] : llvm::zip_equal(node.sets, point.choice))
    options[set] = getOption(set, node.options[position]);
  offer(options);
}

void Search::offerHeuristics() {
  Node root = makeRoot();
  Point point = optimize(root, kRootSteps);
  std::vector<unsigned> options(root.decided.begin(), root.decided.end());
  for (auto [set, position] : llvm::zip_equal(root.sets, point.choice))
    options[set] = getOption(set, root.options[position]);
  rootMultipliers = point.multipliers;
  LocalImprovement improvement(problem, rootMultipliers, options);
  if (improvement.repair()) {
    improvement.improve(deadline);
    offer(improvement.getOptions());
  }
}

//===----------------------------------------------------------------------===//
// Tree
//===----------------------------------------------------------------------===//

/// Bounds and reduces the node as far as it goes, then branches. `bound` is
/// what is known of it.
void Search::visit(Node &node, double bound) {
  if (++numNodes > maxNodes)
    stopped = Outcome::OutOfNodes;
  else if ((numNodes & 15) == 0 && deadline.isOver())
    stopped = Outcome::OutOfTime;
  if (stopped) {
    openBound = std::min(openBound, bound);
    return;
  }
  while (true) {
    Point point = optimize(node, kNodeSteps);
    if (canPrune(node, point.safe))
      return;
    node.multipliers = point.multipliers;
    if (node.sets.empty()) {
      offer(std::vector<unsigned>(node.decided.begin(), node.decided.end()));
      return;
    }
    size_t before = node.options.size();
    if (!reduce(node, point))
      return;
    if (node.sets.empty() || node.options.size() * 10 <= before * 9)
      continue;
    if (node.options.size() != before) {
      point.multipliers = node.multipliers;
      evaluate(node, point);
    }
    branch(node, point);
    return;
  }
}

/// Tries all options of the set whose decision changes the relaxation most
/// for the least reduced cost.
void Search::branch(Node &node, const Point &point) {
  double gap = getThreshold() - point.safe;
  if (!(gap > 0) || gap == kInfinity)
    gap = std::abs(point.value);
  size_t chosen = 0;
  double highest = -1;
  for (size_t s = 0; s < node.sets.size(); ++s) {
    unsigned cheapest = point.choice[s];
    unsigned next = cheapest;
    double second = kInfinity;
    for (unsigned i = node.start[s]; i < node.start[s + 1]; ++i)
      if (i != cheapest && point.priced[i] < second) {
        second = point.priced[i];
        next = i;
      }
    double spread = 0;
    for (size_t b = 0; b < numBudgets; ++b)
      spread += point.multipliers[b] *
                std::abs(flatCost[node.options[next] * numBudgets + b] -
                         flatCost[node.options[cheapest] * numBudgets + b]);
    double score = (spread + 1e-3 * gap) /
                   (second - point.priced[cheapest] + 0.1 * gap + 1e-300);
    if (score > highest) {
      highest = score;
      chosen = s;
    }
  }
  std::vector<unsigned> order(node.start[chosen + 1] - node.start[chosen]);
  std::iota(order.begin(), order.end(), node.start[chosen]);
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return std::tie(point.priced[a], a) < std::tie(point.priced[b], b);
  });
  double least = point.priced[point.choice[chosen]];
  for (unsigned option : order) {
    double bound =
        point.safe + (point.priced[option] - least) * (1 - 4 * kRounding);
    if (!best.empty() && bound > getThreshold())
      return;
    Node child = node;
    std::vector<char> keep(child.options.size(), true);
    for (unsigned i = node.start[chosen]; i < node.start[chosen + 1]; ++i)
      keep[i] = i == option;
    if (goal == Goal::Damage && !propagateBudgets(child, keep))
      continue;
    propagateSymmetry(child, keep);
    if (shrink(child, keep))
      visit(child, bound);
  }
}

std::vector<std::vector<unsigned>> Search::getRemainingOptions() {
  Node root = makeRoot();
  Point point = optimize(root, kRootSteps);
  rootBound = std::max(rootBound, point.safe);
  rootMultipliers = point.multipliers;
  std::vector<std::vector<unsigned>> remaining(problem.sets.size());
  if (canPrune(root, point.safe) || !reduce(root, point))
    return remaining;
  for (unsigned set = 0; set < problem.sets.size(); ++set)
    if (root.decided[set] >= 0)
      remaining[set].push_back(root.decided[set]);
  for (size_t s = 0; s < root.sets.size(); ++s)
    for (unsigned i = root.start[s]; i < root.start[s + 1]; ++i)
      remaining[root.sets[s]].push_back(
          getOption(root.sets[s], root.options[i]));
  return remaining;
}

Search::Outcome Search::run(uint64_t limit) {
  maxNodes = limit;
  numNodes = 0;
  stopped.reset();
  Node root = makeRoot();
  Point point = optimize(root, kRootSteps);
  rootBound = std::max(rootBound, point.safe);
  root.multipliers = point.multipliers;
  openBound = kInfinity;
  visit(root, rootBound);
  return stopped.value_or(Outcome::Proven);
}

std::optional<bool> Search::decideFeasibility() {
  // An excess, relative to the limits, that no tolerance explains.
  constexpr double kExcess = 1e-9;
  constexpr uint64_t kNodes = 20000;
  assert(goal == Goal::Violation && "others do not search for it");
  for (uint64_t nodes : {kNodes, std::numeric_limits<uint64_t>::max()}) {
    Outcome outcome = run(nodes);
    if (!best.empty() && bestObjective == 0)
      return true;
    if (outcome == Outcome::Proven || (!best.empty() && getBound() > kExcess))
      return false;
    if (outcome == Outcome::OutOfTime)
      return std::nullopt;
  }
  return std::nullopt;
}

double Search::getBound() const {
  double left = std::max(rootBound, openBound);
  if (!stopped || openBound == kInfinity)
    left = rootBound;
  return best.empty() ? left : std::min(left, leastObjective);
}
