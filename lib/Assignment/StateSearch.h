//===- StateSearch.h - Dynamic programming with bounds ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds every assignment up to a threshold that may be the one to return, or
// shows that there is none. Sets are decided one after the other, those that
// pairs connect together, which must be few; of the states that are reached
// (damage and costs of decided sets), those that another one replaces are
// dropped (Nemhauser and Ullmann, 1969; Dominance.h), and so are those that
// cannot be completed within threshold and budgets (Marsten and Morin, 1978;
// CompletionBounds.h). Where Search meets the same sums again and again (equal
// layers), or nearly the same ones, this meets each once.
//
// Costs and damage are integers in here, so that sums do not depend on the
// order: multiples of a power of ten, where all costs are, or of 2^-58 of
// what the budget or the threshold allows.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_STATESEARCH_H
#define QFMT_ASSIGNMENT_STATESEARCH_H

#include "CompletionBounds.h"
#include "Dominance.h"
#include "Search.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::qfmt::assignment {

struct StateSearchOptions {
  Deadline deadline{0};
  /// Of all levels together.
  uint64_t maxStates = 30000000;
  /// Of one level; beyond, only the most promising ones are kept, and nothing
  /// is proven.
  size_t maxWidth = 1000000;
  /// Prices of the budgets to start from.
  std::vector<double> multipliers;
  /// The options to look at, by set; all if there are no lists.
  std::vector<std::vector<unsigned>> remaining;
};

class StateSearch {
public:
  enum class Outcome {
    /// Whatever has an objective up to the threshold was offered, but for what
    /// those that were offered replace.
    Complete,
    /// Only some of it was, if any: there are too many states, or damages that
    /// cancel beyond the precision of numbers.
    Incomplete,
    OutOfTime,
  };

  StateSearch(const ReducedProblem &problem, double threshold,
              const StateSearchOptions &options);

  /// Offers one option for each set, those with the least damage first, until
  /// `offer` says no. They keep the budgets up to a rounding error.
  Outcome run(llvm::function_ref<bool(const std::vector<unsigned> &)> offer);

  uint64_t getNumStates() const { return numStates; }

private:
  struct Option {
    /// Of each set of the level, the option.
    std::vector<unsigned> numbers;
    /// Damage, then costs, above those of the least of the set.
    std::vector<int64_t> values;
  };
  /// A set, or sets that pairs connect.
  struct Level {
    std::vector<unsigned> sets, pairs;
    std::vector<Option> options;
  };
  /// Where a state comes from.
  struct Origin {
    uint32_t parent;
    uint16_t option;
  };
  using GetValue =
      llvm::function_ref<double(const Level &level, const Option &option)>;

  bool build();
  bool connectSets();
  bool combineOptions(Level &level) const;
  double getDamage(const Level &level, const Option &option,
                   double &magnitude) const;
  double getCost(size_t budget, const Level &level, const Option &option) const;
  bool addDamage();
  bool addCost(size_t budget);
  bool addColumn(GetValue getValue, double most, double unit);
  bool settle();
  bool dropOptions();
  void orderLevels();
  CompletionBounds makeBounds() const;
  std::vector<double> normalize(const int64_t *values) const;

  bool expand(size_t level, CompletionBounds &bounds);
  void filter(size_t level);
  void improveBounds(size_t level, CompletionBounds &bounds) const;
  bool comesFirst(size_t level, uint32_t a, uint32_t b) const;
  std::vector<unsigned> getOptions(uint32_t state) const;

  const ReducedProblem &problem;
  StateSearchOptions options;
  double threshold;
  size_t numBudgets;
  /// What `run` returns at once.
  std::optional<Outcome> known;
  std::vector<Level> levels;
  /// Damage, then costs: the units, and what is allowed in these units.
  std::vector<double> units;
  std::vector<int64_t> allowed;
  /// Differences of damage up to here count as none.
  int64_t equal = 0;
  /// The options of the sets that are no level.
  std::vector<unsigned> decided;
  /// Those of the present level, where they and all before come from, and
  /// their bounds.
  States states;
  std::vector<std::vector<Origin>> origins;
  std::vector<float> childBounds;
  /// How many states it takes to look for those that others replace.
  size_t nextFilter = 0;
  uint64_t numStates = 0;
  bool complete = true;
};

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_STATESEARCH_H
