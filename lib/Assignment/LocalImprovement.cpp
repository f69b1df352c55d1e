// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LocalImprovement.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <limits>

using namespace mlir::qfmt::assignment;

/// Moves that pairs of moves are made of.
static constexpr size_t kMovesToPair = 600;

LocalImprovement::LocalImprovement(const ReducedProblem &problem,
                                   const std::vector<double> &multipliers,
                                   std::vector<unsigned> options)
    : problem(problem), multipliers(multipliers), options(std::move(options)),
      numBudgets(problem.limits.size()), pairsOfSet(problem.sets.size()),
      excess(numBudgets) {
  for (auto [index, pair] : llvm::enumerate(problem.pairs)) {
    pairsOfSet[pair.first].push_back(index);
    pairsOfSet[pair.second].push_back(index);
  }
  updateExcess();
}

/// The damage of a pair if one of its sets had `option`.
double LocalImprovement::getPairDamage(size_t index, unsigned set,
                                       unsigned option) const {
  const ReducedProblem::Pair &pair = problem.pairs[index];
  unsigned first = pair.first == set ? option : options[pair.first];
  unsigned second = pair.second == set ? option : options[pair.second];
  return pair.damage[first * problem.sets[pair.second].options.size() + second];
}

std::vector<LocalImprovement::Move> LocalImprovement::listMoves() const {
  std::vector<Move> moves;
  for (auto [index, set] : llvm::enumerate(problem.sets)) {
    const ReducedProblem::Option &now = set.options[options[index]];
    for (auto [number, option] : llvm::enumerate(set.options)) {
      if (number == options[index])
        continue;
      Move move{unsigned(index), unsigned(number), option.damage - now.damage,
                std::vector<double>(numBudgets), 0};
      for (size_t pair : pairsOfSet[index])
        move.damage += getPairDamage(pair, index, number) -
                       getPairDamage(pair, index, options[index]);
      move.priced = move.damage;
      for (size_t b = 0; b < numBudgets; ++b) {
        move.costs[b] = option.costs[b] - now.costs[b];
        move.priced += multipliers[b] * move.costs[b];
      }
      moves.push_back(std::move(move));
    }
  }
  return moves;
}

void LocalImprovement::updateExcess() {
  for (size_t b = 0; b < numBudgets; ++b) {
    CompensatedSum sum = -problem.limits[b];
    for (auto [set, option] : llvm::zip_equal(problem.sets, options))
      sum += set.options[option].costs[b];
    excess[b] = sum.get();
  }
}

/// By how much budgets are exceeded after these moves, all added up.
double LocalImprovement::getMissing(Moves moves) const {
  double missing = 0;
  for (size_t b = 0; b < numBudgets; ++b) {
    double over = excess[b];
    if (moves.first)
      over += moves.first->costs[b];
    if (moves.second)
      over += moves.second->costs[b];
    if (over > kRelativeTolerance * std::abs(problem.limits[b]))
      missing += over;
  }
  return missing;
}

bool LocalImprovement::repair() {
  for (double missing = getMissing({}); missing > 0; missing = getMissing({})) {
    // The move that costs least for what it repairs.
    std::vector<Move> moves = listMoves();
    const Move *chosen = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const Move &move : moves) {
      double repaired = missing - getMissing({&move, nullptr});
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
  return true;
}

/// The move or pair of moves that lowers the damage most within the budgets,
/// of those that look most promising.
LocalImprovement::Moves
LocalImprovement::findBest(const std::vector<Move> &moves) const {
  double least = 0;
  Moves best;
  for (auto it = moves.begin(); it != moves.end(); ++it) {
    if (it->damage < least && getMissing({&*it, nullptr}) <= 0) {
      least = it->damage;
      best = {&*it, nullptr};
    }
    for (auto other = std::next(it); other != moves.end(); ++other)
      if (other->set != it->set && it->damage + other->damage < least &&
          getMissing({&*it, &*other}) <= 0) {
        least = it->damage + other->damage;
        best = {&*it, &*other};
      }
  }
  return best;
}

void LocalImprovement::improve(const Deadline &deadline) {
  auto getObjective = [&] {
    return problem.indexed.getObjective(problem.getAssignment(options));
  };
  double objective = getObjective();
  while (!deadline.isOver()) {
    std::vector<Move> moves = listMoves();
    llvm::sort(moves, [](const Move &a, const Move &b) {
      return std::tie(a.priced, a.set, a.option) <
             std::tie(b.priced, b.set, b.option);
    });
    if (moves.size() > kMovesToPair)
      moves.erase(moves.begin() + kMovesToPair, moves.end());
    auto [first, second] = findBest(moves);
    if (!first)
      return;
    std::vector<unsigned> before = options;
    options[first->set] = first->option;
    if (second)
      options[second->set] = second->option;
    updateExcess();
    // Rounding, or a pairwise term between the two sets.
    double now = getObjective();
    if (now >= objective) {
      options = before;
      return;
    }
    objective = now;
  }
}
