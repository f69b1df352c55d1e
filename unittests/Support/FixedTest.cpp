//===- FixedTest.cpp - Fixed-point formats and their growth ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every code and midpoint is in MinifloatTest, with the other formats.

#include "qfmt/Support/Fixed.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt;

TEST(Fixed, CastTruthTable) {
  FixedSpec fixed{8, 4};
  auto cast = [&](double x, RoundingMode rounding, OverflowMode overflow) {
    return fixed.decode(fixed.encode(x, rounding, overflow));
  };
  constexpr auto kWrap = OverflowMode::Wrap;
  constexpr auto kSaturate = OverflowMode::Saturate;
  EXPECT_EQ(cast(2.71828, RoundingMode::Floor, kWrap), 2.6875);
  EXPECT_EQ(cast(2.71828, RoundingMode::HalfUp, kWrap), 2.6875);
  EXPECT_EQ(cast(-2.71828, RoundingMode::Floor, kWrap), -2.75);
  EXPECT_EQ(cast(-2.71828, RoundingMode::HalfUp, kWrap), -2.6875);
  EXPECT_EQ(cast(9.0, RoundingMode::Floor, kSaturate), 7.9375);
  EXPECT_EQ(cast(9.0, RoundingMode::Floor, kWrap), -7.0);
  EXPECT_EQ(cast(9.0, RoundingMode::Floor, OverflowMode::Zero), 0);
  EXPECT_EQ(cast(-9.0, RoundingMode::Floor, OverflowMode::SaturateSymmetric),
            -7.9375);
  // Ties, 2.5 and -2.5 steps: the seven modes of HLS and Ceil.
  const std::tuple<RoundingMode, int, int> ties[] = {
      {RoundingMode::Floor, 2, -3},    {RoundingMode::TowardZero, 2, -2},
      {RoundingMode::HalfUp, 3, -2},   {RoundingMode::HalfTowardZero, 2, -2},
      {RoundingMode::HalfDown, 2, -3}, {RoundingMode::HalfAway, 3, -3},
      {RoundingMode::HalfEven, 2, -2}, {RoundingMode::Ceil, 3, -2}};
  for (auto [mode, positive, negative] : ties) {
    EXPECT_EQ(cast(2.5 / 16, mode, kWrap), positive / 16.0);
    EXPECT_EQ(cast(-2.5 / 16, mode, kWrap), negative / 16.0);
  }
}

TEST(Fixed, OddPlacesOfThePoint) {
  FixedSpec coarse{4, 7}, fine{4, -2, false};
  EXPECT_EQ(coarse.getFractionBits(), -3);
  EXPECT_EQ(coarse.getLargest(), 56);
  EXPECT_EQ(coarse.getLowest(), -64);
  EXPECT_EQ(coarse.decode(coarse.encode(20.0)), 16) << "tie to even";
  EXPECT_EQ(coarse.decode(coarse.encode(21.0)), 24);
  EXPECT_EQ(fine.getLargest(), 15.0 / 64);
  EXPECT_EQ(fine.encode(2.6 / 64), 3u);
  EXPECT_EQ(coarse.getIntegerGrid(), (IntegerGrid{3, 4}));
}

TEST(Fixed, GrowthRules) {
  FixedSpec a{8, 3}, b{8, 2};
  EXPECT_EQ(FixedSpec::mul(a, b), (FixedSpec{16, 5}));
  EXPECT_EQ(FixedSpec::add(a, a), (FixedSpec{9, 4}));
  EXPECT_EQ(FixedSpec::add(a, b), (FixedSpec{10, 4}));
  EXPECT_EQ(FixedSpec::add({8, 3, false}, {8, 3, false}),
            (FixedSpec{9, 4, false}));
  EXPECT_EQ(FixedSpec::sub({8, 3, false}, {8, 3, false}), (FixedSpec{9, 4}));
  EXPECT_EQ(FixedSpec::add({8, 3, false}, {8, 3}), (FixedSpec{10, 5}));
  EXPECT_EQ(FixedSpec::mul({8, 3, false}, {8, 3}), (FixedSpec{16, 6}));
  EXPECT_EQ(FixedSpec::add({4, -6}, {4, 9}), (FixedSpec{20, 10}));
}

// Every sum, difference and product of the ends of two formats is exact in the
// grown one, and one bit less does not hold all of them.
TEST(Fixed, GrowthHoldsTheExtremes) {
  for (unsigned widthA = 1; widthA <= 9; ++widthA)
    for (unsigned widthB = 1; widthB <= 9; ++widthB)
      for (int integerA : {-4, 0, 3, 11})
        for (int integerB : {-3, 2, 5})
          for (int signs = 0; signs < 4; ++signs) {
            FixedSpec a{widthA, integerA, (signs & 1) != 0};
            FixedSpec b{widthB, integerB, (signs & 2) != 0};
            FixedSpec sum = FixedSpec::add(a, b),
                      product = FixedSpec::mul(a, b);
            FixedSpec difference = FixedSpec::sub(a, b);
            auto expectHeld = [](const FixedSpec &spec, const ExactReal &real) {
              // A round trip in the mode that would wrap.
              uint64_t code =
                  spec.encode(real, RoundingMode::Floor, OverflowMode::Wrap);
              ASSERT_TRUE(spec.decodeExact(code) == real);
            };
            for (double x : {a.getLowest(), a.getLargest()})
              for (double y : {b.getLowest(), b.getLargest()}) {
                ExactReal realX = ExactReal::fromDouble(x);
                ExactReal realY = ExactReal::fromDouble(y);
                expectHeld(sum, realX + realY);
                expectHeld(difference, realX - realY);
                expectHeld(product, realX * realY);
              }
          }
}

TEST(Fixed, InvalidSpecsSayWhy) {
  auto reason = [](FixedSpec spec) { return spec.getInvalidReason().str(); };
  EXPECT_EQ(reason({1, 1}), "");
  EXPECT_EQ(reason({16, 16, false}), "");
  EXPECT_EQ(reason({0, 0}), "must have 1 to 16 bits");
  EXPECT_EQ(reason({17, 3}), "must have 1 to 16 bits");
  const char *notF32 = "has values that f32 does not hold";
  EXPECT_EQ(reason({8, 128}), "");
  EXPECT_EQ(reason({8, 129}), notF32);
  EXPECT_EQ(reason({8, -141}), "");
  EXPECT_EQ(reason({8, -142}), notF32);
  for (FixedSpec spec : {FixedSpec{8, 128, false}, FixedSpec{8, -141}})
    for (uint64_t code = 0; code < 256; ++code)
      EXPECT_EQ(double(float(spec.decode(code))), spec.decode(code));
}
