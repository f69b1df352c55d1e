// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The random numbers of stochastic rounding: their definition (spec C36), and
// that they are spread evenly.

#include "qfmt/Support/Stochastic.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir::qfmt;

namespace {

// Computed with a program of its own from the text of the specification.
TEST(StochasticTest, known_numbers) {
  EXPECT_EQ(getStochasticBits(StochasticKey::get(0x0), 0x0), 0x3f9522d8u);
  EXPECT_EQ(getStochasticBits(StochasticKey::get(0x0), 0x1), 0xd933409bu);
  EXPECT_EQ(getStochasticBits(StochasticKey::get(0x2a), 0x7), 0xc61aa1c2u);
  EXPECT_EQ(getStochasticBits(StochasticKey::get(0x123456789abcdef), 0x75bcd15),
            0xd239ee59u);
  EXPECT_EQ(getStochasticBits(StochasticKey::get(0x1), 0x300000005),
            0x96d62fdau);
  EXPECT_EQ(getStochasticBits(StochasticKey::get(0xffffffffffffffff), 0x0),
            0xca27cac9u);
}

// Bit k of half of the numbers is set, of neighbours half of the time the same:
// within 5 standard deviations of 2^16 coins.
TEST(StochasticTest, bits_are_fair) {
  constexpr int kCount = 1 << 16;
  StochasticKey key = StochasticKey::get(1), other = StochasticKey::get(2);
  for (int bit = 0; bit < 32; ++bit) {
    int ones = 0, changes = 0, differences = 0;
    for (int i = 0; i < kCount; ++i) {
      uint32_t number = getStochasticBits(key, i) >> bit & 1;
      ones += number;
      changes += number != (getStochasticBits(key, i + 1) >> bit & 1);
      differences += number != (getStochasticBits(other, i) >> bit & 1);
    }
    for (int count : {ones, changes, differences})
      EXPECT_LT(std::abs(count - kCount / 2), 5 * 128) << bit;
  }
}

// Each seed has a sequence of its own, not a part of another's.
TEST(StochasticTest, seeds_are_no_shifts) {
  StochasticKey key = StochasticKey::get(0);
  for (uint64_t seed = 1; seed < 1000; ++seed) {
    StochasticKey other = StochasticKey::get(seed);
    uint32_t shift = other.first - key.first;
    EXPECT_NE(getStochasticBits(key, shift), getStochasticBits(other, 0));
  }
}

TEST(StochasticTest, high_halves_count) {
  StochasticKey key = StochasticKey::get(5);
  EXPECT_NE(getStochasticBits(key, 1), getStochasticBits(key, 1 | 1ull << 32));
  EXPECT_NE(StochasticKey::get(1).first, StochasticKey::get(1ull << 32).first);
  EXPECT_LT(getStochasticThreshold(key, 7), 1.0);
}

} // namespace
