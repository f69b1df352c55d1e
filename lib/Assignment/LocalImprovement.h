//===- LocalImprovement.h - Better assignments by a few moves ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Repairs what exceeds the budgets of an assignment, then replaces one or two
// options at a time as long as this lowers the objective.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_LOCALIMPROVEMENT_H
#define QFMT_ASSIGNMENT_LOCALIMPROVEMENT_H

#include "Deadline.h"
#include "ReducedProblem.h"

namespace mlir::qfmt::assignment {

class LocalImprovement {
public:
  /// `options` has one for each set of `problem`; `multipliers` are prices of
  /// the budgets, which say what moves look promising.
  LocalImprovement(const ReducedProblem &problem,
                   const std::vector<double> &multipliers,
                   std::vector<unsigned> options);

  /// Keeps all budgets after this; false if it finds no way to.
  bool repair();
  /// Lowers the objective within the budgets until no move or pair of moves
  /// does, or until `deadline`.
  void improve(const Deadline &deadline);

  const std::vector<unsigned> &getOptions() const { return options; }

private:
  /// Replacing the option of a set by another one.
  struct Move {
    unsigned set, option;
    double damage;
    std::vector<double> costs;
    /// Damage and cost at the prices.
    double priced;
  };
  /// The second may be null, or both.
  using Moves = std::pair<const Move *, const Move *>;

  std::vector<Move> listMoves() const;
  double getPairDamage(size_t pair, unsigned set, unsigned option) const;
  double getMissing(Moves moves) const;
  Moves findBest(const std::vector<Move> &moves) const;
  void updateExcess();

  const ReducedProblem &problem;
  const std::vector<double> &multipliers;
  std::vector<unsigned> options;
  size_t numBudgets;
  std::vector<std::vector<size_t>> pairsOfSet;
  /// Of each budget the costs less the limit.
  std::vector<double> excess;
};

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_LOCALIMPROVEMENT_H
