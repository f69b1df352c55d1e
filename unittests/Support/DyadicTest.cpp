//===- DyadicTest.cpp - Rescaling by m / 2^n ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Dyadic.h"
#include "NumberFormats.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <random>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;

/// round(acc * m / 2^n) by floor division of 128-bit integers; another path
/// than the sign-magnitude one under test.
static int64_t applySlowly(int64_t acc, Dyadic dyadic, RoundingMode mode) {
  __int128 product = __int128(acc) * dyadic.multiplier;
  __int128 divisor = __int128(1) << dyadic.shift;
  __int128 floor = product / divisor;
  if (floor * divisor > product)
    --floor;
  __int128 twice = 2 * (product - floor * divisor);
  if (twice == 0)
    return int64_t(floor);
  bool up = false;
  switch (mode) {
  case RoundingMode::HalfEven:
    up = twice > divisor || (twice == divisor && floor % 2 != 0);
    break;
  case RoundingMode::HalfAway:
    up = twice > divisor || (twice == divisor && product > 0);
    break;
  case RoundingMode::HalfUp:
    up = twice >= divisor;
    break;
  case RoundingMode::HalfDown:
    up = twice > divisor;
    break;
  case RoundingMode::HalfTowardZero:
    up = twice > divisor || (twice == divisor && product < 0);
    break;
  case RoundingMode::TowardZero:
    up = product < 0;
    break;
  case RoundingMode::Floor:
    up = false;
    break;
  case RoundingMode::Ceil:
    up = true;
    break;
  }
  return int64_t(floor + up);
}

TEST(Dyadic, ApplyExtremesAndTies) {
  constexpr int64_t kMax = Dyadic::kMaxAccumulator;
  std::vector<int64_t> accumulators = {0, kMax, -kMax, kMax - 1, 1 - kMax};
  for (int64_t acc = -70; acc <= 70; ++acc)
    accumulators.push_back(acc);
  std::vector<uint32_t> multipliers = {
      0, 1, 2, 3, 5, 0x7fffffff, 0x40000000, 0x40000001, 0x7ffffffe};
  for (unsigned shift = 0; shift <= Dyadic::kMaxShift; ++shift)
    for (uint32_t multiplier : multipliers)
      for (int64_t acc : accumulators)
        for (RoundingMode mode : kRoundingModes)
          ASSERT_EQ(applyDyadic(acc, {multiplier, shift}, mode),
                    applySlowly(acc, {multiplier, shift}, mode))
              << acc << " * " << multiplier << " >> " << shift << " mode "
              << int(mode);
}

TEST(Dyadic, ApplyRandom) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 500000; ++i) {
    // All magnitudes alike.
    int64_t acc = int64_t(random() >> 33) >> (random() % 31);
    acc = random() % 2 ? -acc - int64_t(random() % 2) : acc;
    Dyadic dyadic{uint32_t(random() >> 33) >> (random() % 31),
                  unsigned(random() % 63)};
    for (RoundingMode mode : kRoundingModes)
      ASSERT_EQ(applyDyadic(acc, dyadic, mode), applySlowly(acc, dyadic, mode));
  }
}

TEST(Dyadic, NegativeTies) {
  Dyadic half{1, 1};
  EXPECT_EQ(applyDyadic(-5, half, RoundingMode::HalfEven), -2);
  EXPECT_EQ(applyDyadic(-3, half, RoundingMode::HalfEven), -2);
  EXPECT_EQ(applyDyadic(-5, half, RoundingMode::HalfAway), -3);
  EXPECT_EQ(applyDyadic(-5, half, RoundingMode::HalfUp), -2);
  EXPECT_EQ(applyDyadic(-5, half, RoundingMode::TowardZero), -2);
  EXPECT_EQ(applyDyadic(-5, half, RoundingMode::Floor), -3);
  EXPECT_EQ(applyDyadic(-5, half, RoundingMode::Ceil), -2);
}

/// gemmlowp's fixedpoint.h, on |acc| < 2^31, written with its own operations.
static int64_t gemmlowpMultiply(int64_t acc, int64_t multiplier, int exponent) {
  int64_t product = acc * multiplier;
  int64_t nudge = product >= 0 ? int64_t(1) << 30 : 1 - (int64_t(1) << 30);
  int64_t high = (product + nudge) / (int64_t(1) << 31);
  int64_t mask = (int64_t(1) << exponent) - 1;
  int64_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> exponent) + ((high & mask) > threshold ? 1 : 0);
}

TEST(Dyadic, TwiceIsGemmlowp) {
  std::mt19937_64 random(4);
  unsigned different = 0;
  for (int i = 0; i < 1000000; ++i) {
    int64_t acc = int64_t(random()) >> (33 + random() % 31);
    uint32_t multiplier = (1u << 30) + uint32_t(random() % (1u << 30));
    // Ties are rare among random numbers.
    if (i % 4 == 0)
      multiplier = 1u << 30;
    unsigned shift = 31 + random() % 20;
    int64_t twice = applyDyadicTwice(acc, {multiplier, shift});
    ASSERT_EQ(twice, gemmlowpMultiply(acc, multiplier, int(shift) - 31))
        << acc << " " << multiplier << " " << shift;
    different += twice != applyDyadic(acc, {multiplier, shift});
  }
  EXPECT_GT(different, 0u) << "is not the single rounding";
}

TEST(Dyadic, ApproximateKnown) {
  EXPECT_EQ(approximateDyadic(0), (Dyadic{0, 0}));
  EXPECT_EQ(approximateDyadic(1), (Dyadic{1u << 30, 30}));
  EXPECT_TRUE(approximateDyadic(1)->isOne());
  EXPECT_EQ(approximateDyadic(1)->getReduced(), (Dyadic{1, 0}));
  EXPECT_EQ(approximateDyadic(0.75), (Dyadic{3u << 29, 31}));
  EXPECT_EQ(approximateDyadic(0.75)->getReduced(), (Dyadic{3, 2}));
  EXPECT_FALSE((Dyadic{1, 62}).isOne());
  // The mantissa rounds up to 2^31.
  EXPECT_EQ(approximateDyadic(1 - std::ldexp(1, -40)), (Dyadic{1u << 30, 30}));
  EXPECT_EQ(approximateDyadic(2147483647.0), (Dyadic{0x7fffffff, 0}));
  EXPECT_EQ(approximateDyadic(std::ldexp(1, -32)), (Dyadic{1u << 30, 62}));
  EXPECT_EQ(approximateDyadic(std::ldexp(1, -62)), (Dyadic{1, 62}));
  EXPECT_EQ(approximateDyadic(std::ldexp(1, -63)), (Dyadic{1, 62}));
  EXPECT_EQ(approximateDyadic(1000, 3), (Dyadic{1024, 0}));
  EXPECT_EQ(approximateDyadic(1001, 10), (Dyadic{1001, 0}));
}

TEST(Dyadic, ApproximateRefuses) {
  double infinity = std::numeric_limits<double>::infinity();
  for (double ratio :
       {-1.0, -1e-30, infinity, -infinity, std::nan(""), std::ldexp(1, 31),
        2147483647.5, std::nextafter(std::ldexp(1, -63), 0), 5e-324, 1e300})
    EXPECT_FALSE(approximateDyadic(ratio).has_value()) << ratio;
  EXPECT_FALSE(approximateDyadic(std::ldexp(1, 31), 4).has_value());
}

TEST(Dyadic, ApproximateErrorBound) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200000; ++i) {
    unsigned bits = 1 + random() % 31;
    double fraction = 0.5 + std::ldexp(double(random() >> 12), -53);
    double ratio = std::ldexp(fraction, int(random() % 93) - 62);
    std::optional<Dyadic> dyadic = approximateDyadic(ratio, bits);
    if (!dyadic) {
      ASSERT_GE(ratio, std::ldexp(1 - std::ldexp(1, -int(bits)), 31));
      continue;
    }
    ASSERT_TRUE(dyadic->isValid());
    // At most `bits` significant bits.
    uint32_t odd = dyadic->multiplier >> llvm::countr_zero(dyadic->multiplier);
    ASSERT_LT(odd, 1u << bits);
    if (ratio >= std::ldexp(1, int(bits) - 63))
      ASSERT_LE(relativeError(ratio, *dyadic), std::ldexp(1, -int(bits)))
          << ratio << " bits " << bits;
    else
      ASSERT_LE(std::fabs(dyadic->getValue() - ratio), std::ldexp(1, -63));
  }
}

// No other multiplier at the same shift is nearer, and ties go up.
TEST(Dyadic, ApproximateIsNearest) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 100000; ++i) {
    double ratio = std::ldexp(0.5 + std::ldexp(double(random() >> 12), -53),
                              int(random() % 60) - 40);
    Dyadic dyadic = *approximateDyadic(ratio);
    double error = std::fabs(dyadic.getValue() - ratio);
    if (dyadic.multiplier < Dyadic::kMaxMultiplier)
      ASSERT_LT(
          error,
          std::fabs(Dyadic{dyadic.multiplier + 1, dyadic.shift}.getValue() -
                    ratio));
    ASSERT_LE(error,
              std::fabs(Dyadic{dyadic.multiplier - 1, dyadic.shift}.getValue() -
                        ratio));
  }
  EXPECT_EQ(approximateDyadic(4.5, 3)->getReduced(), (Dyadic{5, 0}));
}
