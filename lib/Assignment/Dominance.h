//===- Dominance.h - States that others replace -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A state is a row of integers: damage, then its costs. One that is as cheap in
// every budget replaces another one if it has less damage, by more than what
// counts as equal, or no more and comes first in the order that breaks ties.
// Finds most of such pairs: all with one budget, or with costs of few
// different values.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_DOMINANCE_H
#define QFMT_ASSIGNMENT_DOMINANCE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstdint>
#include <vector>

namespace mlir::qfmt::assignment {

struct States {
  /// Numbers in a row: 1 + the number of budgets.
  size_t width = 1;
  std::vector<int64_t> values;

  size_t size() const { return values.size() / width; }
  const int64_t *get(size_t state) const { return &values[state * width]; }
};

/// The states that stay, ordered by their costs. `equal`: differences of damage
/// up to here count as none. `comesFirst`: of two states, in the order that
/// breaks ties.
std::vector<uint32_t>
findNondominated(const States &states, int64_t equal,
                 llvm::function_ref<bool(uint32_t, uint32_t)> comesFirst);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_DOMINANCE_H
