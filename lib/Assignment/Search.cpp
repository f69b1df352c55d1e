//===- Search.cpp ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Search.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <numeric>

using namespace mlir::qfmt::assignment;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A bound is a compensated sum of terms that are correct to a few roundings
/// each: its error is below this times the sum of their absolute values.
static constexpr double kRounding = 1e-15;
/// Bounds this close to the best objective count as equal to it, as those of
/// equal assignments in another order of summation are.
static constexpr double kEqual = 3e-13;
/// The costs in here are rounded once more than those that decide whether a
/// budget is kept; what might keep it is left for these to judge.
static constexpr double kLooseTolerance = 2 * kRelativeTolerance;

static constexpr unsigned kRootSteps = 200;
static constexpr unsigned kNodeSteps = 12;
/// Moves that pairs of moves are made of.
static constexpr size_t kMovesToPair = 600;

Deadline::Deadline(double seconds) {
  // Beyond some decades a duration overflows.
  if (seconds > 0 && seconds < 1e9)
    end = std::chrono::steady_clock::now() +
          std::chrono::duration_cast<std::chrono::steady_clock::duration>(
              std::chrono::duration<double>(seconds));
}

bool Deadline::isOver() const {
  return end && std::chrono::steady_clock::now() >= *end;
}

double Deadline::getLeft() const {
  if (!end)
    return kInfinity;
  std::chrono::duration<double> left = *end - std::chrono::steady_clock::now();
  return std::max(0.0, left.count());
}

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

//===----------------------------------------------------------------------===//
// Heuristics
//===----------------------------------------------------------------------===//

namespace {
/// Replacing the option of a set by another one.
struct Move {
  unsigned set, option;
  double damage;
  std::vector<double> costs;
  /// Damage and cost at the prices of the relaxation.
  double priced;
};
} // namespace

void Search::offerHeuristics() {
  Node root = makeRoot();
  Point point = optimize(root, kRootSteps);
  std::vector<unsigned> options(root.decided.begin(), root.decided.end());
  for (auto [set, position] : llvm::zip_equal(root.sets, point.choice))
    options[set] = getOption(set, root.options[position]);
  rootMultipliers = point.multipliers;
  if (improve(options))
    offer(options);
}

/// Repairs what exceeds the budgets, then replaces one or two options as long
/// as this helps. False if it finds no repair.
bool Search::improve(std::vector<unsigned> &options) const {
  std::vector<std::vector<size_t>> pairsOfSet(problem.sets.size());
  for (auto [index, pair] : llvm::enumerate(problem.pairs)) {
    pairsOfSet[pair.first].push_back(index);
    pairsOfSet[pair.second].push_back(index);
  }
  auto getPair = [&](size_t index, unsigned set, unsigned option) {
    const ReducedProblem::Pair &pair = problem.pairs[index];
    unsigned first = pair.first == set ? option : options[pair.first];
    unsigned second = pair.second == set ? option : options[pair.second];
    return pair
        .damage[first * problem.sets[pair.second].options.size() + second];
  };
  auto getMoves = [&] {
    std::vector<Move> moves;
    for (auto [index, set] : llvm::enumerate(problem.sets)) {
      const ReducedProblem::Option &now = set.options[options[index]];
      for (auto [number, option] : llvm::enumerate(set.options)) {
        if (number == options[index])
          continue;
        Move move{unsigned(index), unsigned(number), option.damage - now.damage,
                  std::vector<double>(numBudgets), 0};
        for (size_t pair : pairsOfSet[index])
          move.damage += getPair(pair, index, number) -
                         getPair(pair, index, options[index]);
        move.priced = move.damage;
        for (size_t b = 0; b < numBudgets; ++b) {
          move.costs[b] = option.costs[b] - now.costs[b];
          move.priced += rootMultipliers[b] * move.costs[b];
        }
        moves.push_back(std::move(move));
      }
    }
    return moves;
  };
  std::vector<double> excess(numBudgets);
  auto updateExcess = [&] {
    for (size_t b = 0; b < numBudgets; ++b) {
      CompensatedSum sum = -problem.limits[b];
      for (auto [set, option] : llvm::zip_equal(problem.sets, options))
        sum += set.options[option].costs[b];
      excess[b] = sum.get();
    }
  };
  auto getMissing = [&](const std::vector<double> *costs,
                        const std::vector<double> *others) {
    double missing = 0;
    for (size_t b = 0; b < numBudgets; ++b) {
      double over = excess[b];
      if (costs)
        over += (*costs)[b];
      if (others)
        over += (*others)[b];
      if (over > kRelativeTolerance * std::abs(problem.limits[b]))
        missing += over;
    }
    return missing;
  };

  updateExcess();
  for (double missing = getMissing(nullptr, nullptr); missing > 0;
       missing = getMissing(nullptr, nullptr)) {
    // The move that costs least for what it repairs.
    std::vector<Move> moves = getMoves();
    const Move *chosen = nullptr;
    double least = kInfinity;
    for (const Move &move : moves) {
      double repaired = missing - getMissing(&move.costs, nullptr);
      if (repaired <= 0)
        continue;
      double price = std::max(move.priced, 1e-300) * (missing / repaired);
      if (price < least) {
        least = price;
        chosen = &move;
      }
    }
    if (!chosen)
      return false;
    options[chosen->set] = chosen->option;
    updateExcess();
  }
  auto getObjective = [&] {
    return problem.indexed.getObjective(problem.getAssignment(options));
  };
  double objective = getObjective();
  while (!deadline.isOver()) {
    std::vector<Move> moves = getMoves();
    llvm::sort(moves, [](const Move &a, const Move &b) {
      return std::tie(a.priced, a.set, a.option) <
             std::tie(b.priced, b.set, b.option);
    });
    if (moves.size() > kMovesToPair)
      moves.erase(moves.begin() + kMovesToPair, moves.end());
    double least = 0;
    const Move *first = nullptr, *second = nullptr;
    for (auto it = moves.begin(); it != moves.end(); ++it) {
      if (it->damage < least && getMissing(&it->costs, nullptr) <= 0) {
        least = it->damage;
        first = &*it;
        second = nullptr;
      }
      for (auto other = std::next(it); other != moves.end(); ++other)
        if (other->set != it->set && it->damage + other->damage < least &&
            getMissing(&it->costs, &other->costs) <= 0) {
          least = it->damage + other->damage;
          first = &*it;
          second = &*other;
        }
    }
    if (!first)
      return true;
    std::vector<unsigned> before = options;
    options[first->set] = first->option;
    if (second)
      options[second->set] = second->option;
    updateExcess();
    // Rounding, or a pairwise term between the two sets.
    double now = getObjective();
    if (now >= objective) {
      options = before;
      return true;
    }
    objective = now;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Reduction
//===----------------------------------------------------------------------===//

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

double Search::getBound() const {
  double left = std::max(rootBound, openBound);
  if (!stopped || openBound == kInfinity)
    left = rootBound;
  return best.empty() ? left : std::min(left, leastObjective);
}
