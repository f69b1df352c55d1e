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
        case RoundingMode::HalfDown:
          rounded = std::ceil(sum - 0.5);
          break;
        case RoundingMode::HalfTowardZero:
          rounded = std::copysign(std::ceil(std::fabs(sum) - 0.5), sum);
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

TEST(Integer, NarrowRanges) {
  IntegerSpec narrow{8, true, -127, 127}, ternary{2, true, -1, 1};
  EXPECT_EQ(narrow.decode(narrow.encode(-300.0)), -127);
  EXPECT_EQ(narrow.decode(narrow.encode(-127.6)), -127);
  EXPECT_EQ(narrow.decode(narrow.encode(2.6)), 3);
  EXPECT_EQ(narrow.decode(narrow.encode(200.0)), 127);
  EXPECT_EQ(narrow.decode(0x80), -128) << "denoted, but never made";
  EXPECT_EQ(ternary.decode(ternary.encode(-1.9)), -1);
  EXPECT_EQ(ternary.encode(-1.0), 3u);
  constexpr auto kMode = RoundingMode::HalfEven;
  EXPECT_EQ(narrow.decode(narrow.encode(200.0, kMode, OverflowMode::Wrap)), 127)
      << "no wrapping in a narrow range";
}

TEST(Integer, HLSOverflow) {
  IntegerSpec i4{4, true}, u4{4, false}, i1{1, true};
  constexpr auto kMode = RoundingMode::HalfEven;
  constexpr auto kZero = OverflowMode::Zero;
  constexpr auto kSymmetric = OverflowMode::SaturateSymmetric;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(i4.encode(7.4, kMode, kZero), 7u) << "rounds into the range";
  EXPECT_EQ(i4.encode(7.5, kMode, kZero), 0u);
  EXPECT_EQ(i4.encode(-9.0, kMode, kZero), 0u);
  EXPECT_EQ(i4.decode(i4.encode(-8.5, kMode, kZero)), -8) << "to even";
  EXPECT_EQ(i4.encode(-kInfinity, kMode, kZero), 0u);
  EXPECT_EQ(u4.encode(-1.0, kMode, kZero), 0u);
  EXPECT_EQ(u4.encode(16.0, kMode, kZero), 0u);
  EXPECT_EQ(i4.decode(i4.encode(-8.0, kMode, kSymmetric)), -7);
  EXPECT_EQ(i4.decode(i4.encode(-kInfinity, kMode, kSymmetric)), -7);
  EXPECT_EQ(i4.decode(i4.encode(100.0, kMode, kSymmetric)), 7);
  EXPECT_EQ(u4.decode(u4.encode(-5.0, kMode, kSymmetric)), 0);
  EXPECT_EQ(i1.decode(i1.encode(-1.0, kMode, kSymmetric)), 0);
}

TEST(Integer, InvalidSpecsSayWhy) {
  auto reason = [](IntegerSpec spec) { return spec.getInvalidReason().str(); };
  EXPECT_EQ(reason({1}), "");
  EXPECT_EQ(reason({1, false}), "");
  EXPECT_EQ(reason({64}), "");
  EXPECT_EQ(reason({0}), "must have 1 to 64 bits");
  EXPECT_EQ(reason({65}), "must have 1 to 64 bits");
  EXPECT_EQ(reason({64, false}), "must have 1 to 63 bits");
  EXPECT_EQ(reason({8, true, -129, 0}),
            "has a range that its bits do not hold");
  EXPECT_EQ(reason({8, false, -1, 5}), "has a range that its bits do not hold");
  EXPECT_EQ(reason({8, true, 1, 5}), "has a range without 0");
  EXPECT_EQ(reason({8, true, -5, -1}), "has a range without 0");
  EXPECT_EQ(reason({8, true, 0, 0}), "must have at least two values");
}

// Double Rounding: lower widths from the int8 master by a rounding shift, which
// is the encoding of w / 2^D.
TEST(Integer, DoubleRounding) {
  IntegerSpec high{8, true}, low{4, true};
  std::vector<int> counts(16), floorCounts(16);
  double error = 0, floorError = 0;
  for (int w = -128; w < 128; ++w) {
    int64_t q = low.decode(low.encode(w / 16.0));
    int64_t f = low.decode(low.encode(w / 16.0, RoundingMode::Floor));
    EXPECT_EQ(f, w >> 4);
    ++counts[q + 8];
    ++floorCounts[f + 8];
    error += double((w - 16 * q) * (w - 16 * q)) / 256;
    floorError += double((w - 16 * f) * (w - 16 * f)) / 256;
  }
  EXPECT_EQ(counts, (std::vector<int>{9, 15, 17, 15, 17, 15, 17, 15, 17, 15, 17,
                                      15, 17, 15, 17, 23}));
  EXPECT_EQ(floorCounts, std::vector<int>(16, 16));
  EXPECT_EQ(error, 25.0);
  EXPECT_EQ(floorError, 77.5);

  // Against rounding the reals at once, on a grid of 1/64.
  for (auto [width, differing] : {std::pair(6u, 2016), {4u, 480}, {2u, 96}}) {
    IntegerSpec spec{width, true};
    double scale = std::ldexp(1, int(width) - 8);
    int count = 0;
    for (int i = 0; i < 256 * 64; ++i) {
      double w = -128 + i / 64.0;
      int64_t master = high.decode(high.encode(w));
      int64_t twice = spec.decode(spec.encode(double(master) * scale));
      int64_t once = spec.decode(spec.encode(w * scale));
      count += twice != once;
      EXPECT_LE(std::abs(twice - once), 1);
    }
    // 12.305 %, 2.930 %, 0.586 % of 16384.
    EXPECT_EQ(count, differing) << width;
  }
}
