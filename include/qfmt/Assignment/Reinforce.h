//===- Reinforce.h - Learns which formats to choose -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For objectives that are no sum over groups, such as the accuracy of the
// network: a distribution over formats for each set of tied groups, learned by
// policy gradient (REINFORCE) from samples, after FLIQS (Dotzel et al., 2023).
// The reward of a sample is
//
//     -damage / typical damage + beta * |cost / budget - 1|,   beta < 0,
//
// of the budget that is used up most; an entropy term rewards exploring first
// and certainty later (cosine schedule).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_REINFORCE_H
#define QFMT_ASSIGNMENT_REINFORCE_H

#include "qfmt/Assignment/Solver.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::qfmt::assignment {

struct ReinforceOptions {
  /// Updates of the distribution, and samples for each: damages of at most
  /// steps * samples + 1 assignments are asked for.
  unsigned steps = 600;
  unsigned samples = 32;
  double learningRate = 0.3;
  /// Of what is missing to, or exceeds, the budget.
  double beta = -2;
  /// Of the entropy, in units of the spread of rewards: its weight falls from
  /// +entropy to -entropy.
  double entropy = 0.2;
  /// How slowly the average reward forgets.
  double baselineDecay = 0.9;
  uint64_t seed = 0;
  /// In seconds; 0 is no limit.
  double timeLimit = 0;
};

/// The damage of each assignment, in their order; less is better. What has
/// infinite damage is never chosen, and rated as the worst of all others. An
/// error ends the search. The assignments of one call differ, and none is asked
/// for in two calls: an objective may take long.
using DamageFunction = llvm::function_ref<llvm::Expected<std::vector<double>>(
    llvm::ArrayRef<Assignment>)>;

/// Groups, formats, ties, forced choices, costs and budgets are those of the
/// problem; `getDamages` takes the place of its damage. The result keeps all
/// budgets and is the best of all samples that do, or the most likely
/// assignment if that is better. Its status is feasible; its objective is the
/// damage that `getDamages` returned. Same seed, same result.
llvm::Expected<Solution> solveByReinforce(const Problem &problem,
                                          DamageFunction getDamages,
                                          const ReinforceOptions &options);

/// One at a time; the damages are finite.
llvm::Expected<Solution>
solveByReinforce(const Problem &problem,
                 llvm::function_ref<double(const Assignment &)> getDamage,
                 const ReinforceOptions &options);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_REINFORCE_H
