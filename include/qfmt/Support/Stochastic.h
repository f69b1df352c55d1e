// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The random numbers of stochastic rounding. They are counter-based: number i
// of a seed depends on i and the seed alone, so that loops may run in any order
// and in parallel.

#ifndef QFMT_SUPPORT_STOCHASTIC_H
#define QFMT_SUPPORT_STOCHASTIC_H

#include <cstdint>

namespace mlir::qfmt {

/// Hashes 32 bits, one to one: two rounds of multiplication and xor-shift.
/// Multipliers and shifts are those of `lowbias32` (C. Wellons,
/// hash-prospector, 2018), found by search for the least bias between input and
/// output bits.
struct Hash32 {
  static constexpr unsigned kShifts[] = {16, 15, 16};
  static constexpr uint32_t kMultipliers[] = {0x7feb352d, 0x846ca68b};

  static constexpr uint32_t apply(uint32_t x) {
    x ^= x >> kShifts[0];
    x *= kMultipliers[0];
    x ^= x >> kShifts[1];
    x *= kMultipliers[1];
    return x ^ x >> kShifts[2];
  }
};

/// What a seed contributes: two keys, because the numbers of two seeds that
/// differ in the first one alone would be shifted copies of each other.
struct StochasticKey {
  /// Of 2^32 / golden ratio; spreads the high half of an index.
  static constexpr uint32_t kGolden = 0x9e3779b9;

  uint32_t first, second;

  static constexpr StochasticKey get(uint64_t seed) {
    uint32_t low = static_cast<uint32_t>(seed);
    uint32_t high = static_cast<uint32_t>(seed >> 32);
    return {Hash32::apply(low ^ Hash32::apply(high + kGolden)),
            Hash32::apply(high ^ Hash32::apply(low + 2 * kGolden))};
  }
};

/// Number `index` of the sequence of a key, each of 0 ... 2^32 - 1 equally
/// likely.
constexpr uint32_t getStochasticBits(StochasticKey key, uint64_t index) {
  uint32_t low = static_cast<uint32_t>(index);
  uint32_t high = static_cast<uint32_t>(index >> 32);
  return Hash32::apply(Hash32::apply(low + key.first) ^
                       (key.second + high * StochasticKey::kGolden));
}

/// The same as a fraction of 1, exact.
constexpr double getStochasticThreshold(StochasticKey key, uint64_t index) {
  return getStochasticBits(key, index) * 0x1p-32;
}

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_STOCHASTIC_H
