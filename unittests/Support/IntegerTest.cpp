//===- IntegerTest.cpp - Integer formats ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Integer.h"
#include "NumberFormats.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;

TEST(Integer, Ranges) {
  EXPECT_EQ((IntegerSpec{8, true}).getLowest(), -128);
  EXPECT_EQ((IntegerSpec{8, true}).getLargest(), 127);
  EXPECT_EQ((IntegerSpec{4, false}).getLowest(), 0);
  EXPECT_EQ((IntegerSpec{4, false}).getLargest(), 15);
  EXPECT_EQ((IntegerSpec{64, true}).getLowest(), INT64_MIN);
  EXPECT_EQ((IntegerSpec{64, true}).getLargest(), INT64_MAX);
  EXPECT_EQ((IntegerSpec{63, false}).getLargest(), INT64_MAX);
  EXPECT_EQ((IntegerSpec{1, true}).getLowest(), -1);
  EXPECT_EQ((IntegerSpec{1, true}).getLargest(), 0);
}

TEST(Integer, CodesRoundTrip) {
  for (unsigned width = 1; width <= 16; ++width)
    for (bool isSigned : {false, true}) {
      IntegerSpec spec{width, isSigned};
      for (uint64_t code = 0; code < uint64_t(1) << width; ++code) {
        int64_t value = spec.decode(code);
        ASSERT_GE(value, spec.getLowest());
        ASSERT_LE(value, spec.getLargest());
        ASSERT_EQ(spec.encodeExact(value), code);
        ASSERT_EQ(spec.encode(double(value)), code);
      }
    }
}

TEST(Integer, OffsetIsPartOfTheRoundedSum) {
  IntegerSpec i8{8, true};
  auto encode = [&](double value, int64_t offset, RoundingMode mode) {
    return i8.decode(i8.encode(value, mode, OverflowMode::Saturate, offset));
  };
  // The parity of the sum decides, not that of the value.
  EXPECT_EQ(encode(0.5, 1, RoundingMode::HalfEven), 2);
  EXPECT_EQ(encode(0.5, 0, RoundingMode::HalfEven), 0);
  EXPECT_EQ(encode(-0.5, 1, RoundingMode::HalfEven), 0);
  // The sign of the sum decides which way is away from zero.
  EXPECT_EQ(encode(-0.5, 3, RoundingMode::HalfAway), 3);
  EXPECT_EQ(encode(-2.25, 1, RoundingMode::TowardZero), -1);
  EXPECT_EQ(encode(-2.25, 3, RoundingMode::TowardZero), 0);
  // Nothing is absorbed: floor(3 - 2^-1000) = 2.
  EXPECT_EQ(encode(-std::ldexp(1, -1000), 3, RoundingMode::Floor), 2);
  EXPECT_EQ(encode(std::ldexp(1, -1000), 3, RoundingMode::Ceil), 4);
  EXPECT_EQ(encode(1e300, -5, RoundingMode::HalfEven), 127);
}

TEST(Integer, Overflow) {
  IntegerSpec i4{4, true}, u4{4, false};
  EXPECT_EQ(i4.decode(i4.encode(100.0)), 7);
  EXPECT_EQ(i4.decode(i4.encode(-100.0)), -8);
  EXPECT_EQ(u4.decode(u4.encode(-100.0)), 0);
  EXPECT_EQ(u4.decode(u4.encode(15.5)), 15);
  constexpr auto kMode = RoundingMode::HalfEven;
  EXPECT_EQ(i4.decode(i4.encode(100.0, kMode, OverflowMode::Wrap)), 4);
  EXPECT_EQ(i4.decode(i4.encode(9.0, kMode, OverflowMode::Wrap)), -7);
  EXPECT_EQ(u4.decode(u4.encode(-1.0, kMode, OverflowMode::Wrap)), 15);
  EXPECT_EQ(i4.decode(i4.encode(9.0, kMode, OverflowMode::Infinity)), 7);
  double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(i4.decode(i4.encode(infinity, kMode, OverflowMode::Wrap)), 7);
  EXPECT_EQ(i4.decode(i4.encode(-infinity)), -8);
  EXPECT_EQ(i4.encode(std::nan("")), 0u);
}

// Quarter steps through the range and beyond, with offsets, against long double
// arithmetic (exact here).
TEST(Integer, QuarterSteps) {
  IntegerSpec spec{5, true};
  for (int quarters = -200; quarters <= 200; ++quarters)
    for (int64_t offset = -9; offset <= 9; ++offset)
      for (RoundingMode mode : kRoundingModes) {
        double sum = quarters / 4.0 + double(offset);
        double rounded = 0;
        switch (mode) {
        case RoundingMode::HalfEven:
          rounded = std::nearbyint(sum);
          break;
        case RoundingMode::HalfAway:
          rounded = std::round(sum);
          break;
        case RoundingMode::HalfUp:
          rounded = std::floor(sum + 0.5);
          break;
        case RoundingMode::TowardZero:
          rounded = std::trunc(sum);
          break;
        case RoundingMode::Floor:
          rounded = std::floor(sum);
          break;
        case RoundingMode::Ceil:
          rounded = std::ceil(sum);
          break;
        }
        double clamped = std::min(15.0, std::max(-16.0, rounded));
        ASSERT_EQ(double(spec.decode(spec.encode(
                      quarters / 4.0, mode, OverflowMode::Saturate, offset))),
                  clamped);
        ASSERT_EQ(spec.encode(quarters / 4.0, mode, OverflowMode::Wrap, offset),
                  uint64_t(int64_t(rounded)) & 31);
      }
}
