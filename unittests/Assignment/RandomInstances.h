//===- RandomInstances.h - Small problems of all kinds ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_UNITTESTS_ASSIGNMENT_RANDOMINSTANCES_H
#define QFMT_UNITTESTS_ASSIGNMENT_RANDOMINSTANCES_H

#include "qfmt/Assignment/Problem.h"
#include "qfmt/Support/SplitMix64.h"

namespace mlir::qfmt::assignment {

/// The same instances everywhere.
class InstanceRandom {
public:
  explicit InstanceRandom(uint64_t seed) : bits(seed * 0x9e3779b97f4a7c15) {}
  /// In [0, 1).
  double real() { return bits.uniform(); }
  /// In [0, bound).
  unsigned below(unsigned bound) { return unsigned(real() * bound); }
  bool chance(double probability) { return real() < probability; }

private:
  SplitMix64 bits;
};

/// Up to 7 groups of 1 to 4 formats, not the same ones in each group; 0 to 3
/// budgets, some of which an assignment meets exactly and some of which none
/// meets; ties, forced choices and pairwise terms of either sign. Every third
/// instance has small integers for all numbers, so that many assignments are
/// equally good; others range over 18 decades.
Problem makeRandomProblem(uint64_t seed);

} // namespace mlir::qfmt::assignment

#endif // QFMT_UNITTESTS_ASSIGNMENT_RANDOMINSTANCES_H
