//===- TablesTest.cpp - Codebooks, powers and K-hot numbers ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "NumberFormats.h"
#include "TableProbes.h"
#include "qfmt/Support/Codebook.h"
#include "qfmt/Support/KHot.h"
#include "qfmt/Support/Power.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;

TEST(Codebook, InvalidValuesSayWhy) {
  EXPECT_EQ(getCodebookInvalidReason({}), "must have 2 to 256 values, has 0");
  EXPECT_EQ(getCodebookInvalidReason({1.0}),
            "must have 2 to 256 values, has 1");
  std::vector<double> many(257);
  for (size_t i = 0; i < many.size(); ++i)
    many[i] = double(i);
  EXPECT_EQ(getCodebookInvalidReason(many),
            "must have 2 to 256 values, has 257");
  many.pop_back();
  EXPECT_EQ(getCodebookInvalidReason(many), "");
  EXPECT_EQ(getCodebookInvalidReason({0, 1, HUGE_VAL}),
            "has the value inf at index 2, which is not finite");
  EXPECT_EQ(getCodebookInvalidReason({std::nan(""), 1}),
            "has the value nan at index 0, which is not finite");
  EXPECT_EQ(getCodebookInvalidReason({0, 0.1}),
            "has the value 0.10000000000000001 at index 1, which is not exact "
            "in f32");
  EXPECT_EQ(getCodebookInvalidReason({0, 1e300}),
            "has the value 1.0000000000000001e+300 at index 1, which is not "
            "exact in f32");
  EXPECT_EQ(getCodebookInvalidReason({-1, 2, 2}),
            "has the value 2 at index 2, which is there twice");
  EXPECT_EQ(getCodebookInvalidReason({-0.0, 0.0}),
            "has the value 0 at index 1, which is there twice");
  EXPECT_EQ(getCodebookInvalidReason({-1, 2, 1}),
            "has the value 1 at index 2, which is less than the one before it");
}

TEST(Codebook, CodesAreIndices) {
  EXPECT_EQ(getCodebookWidth(2), 1u);
  EXPECT_EQ(getCodebookWidth(3), 2u);
  EXPECT_EQ(getCodebookWidth(16), 4u);
  EXPECT_EQ(getCodebookWidth(17), 5u);
  EXPECT_EQ(getCodebookWidth(256), 8u);
  ValueTable binary = makeCodebook({-1, 1});
  EXPECT_EQ(binary.encode(-0.1), 0u);
  EXPECT_EQ(binary.encode(0.1), 1u);
  EXPECT_EQ(binary.encode(0.0, RoundingMode::HalfUp), 1u);
  ValueTable table = makeCodebook({-0.0, 1});
  EXPECT_FALSE(std::signbit(table.getValue(0)));
  // All 256 values of a byte, uneven.
  std::vector<double> values;
  for (int i = 0; i < 256; ++i)
    values.push_back(double(float(std::sinh((i - 100) / 20.0))));
  checkTable(makeCodebook(values));
}

//===----------------------------------------------------------------------===//
// K-hot
//===----------------------------------------------------------------------===//

TEST(KHot, CountsAndErrors) {
  struct Row {
    unsigned width, maxOnes;
    size_t count;
    const char *rmse;
  };
  const Row rows[] = {
      {4, 1, 5, "3.031"},  {4, 2, 11, "1.000"},  {4, 3, 15, "0.250"},
      {6, 1, 7, "12.997"}, {6, 2, 22, "4.593"},  {6, 3, 42, "1.601"},
      {8, 1, 9, "52.881"}, {8, 2, 37, "18.963"}, {8, 3, 93, "6.785"}};
  for (const Row &row : rows) {
    ValueTable table = KHotSpec{row.width, row.maxOnes, false}.getTable();
    EXPECT_EQ(table.size(), row.count);
    double squares = 0;
    unsigned count = 1u << row.width;
    for (unsigned n = 0; n < count; ++n) {
      double value =
          *table.decode(table.encode(double(n), RoundingMode::HalfTowardZero));
      squares += (value - n) * (value - n);
    }
    char text[32];
    std::snprintf(text, sizeof(text), "%.3f", std::sqrt(squares / count));
    EXPECT_STREQ(text, row.rmse) << row.width << " " << row.maxOnes;
  }
}

TEST(KHot, RelativeErrors) {
  const char *expected[] = {"0.498", "0.247", "0.122"};
  for (unsigned maxOnes : {1, 2, 3}) {
    ValueTable table = KHotSpec{8, maxOnes, false}.getTable();
    double worst = 0;
    for (unsigned n = 1; n < 256; ++n) {
      double value =
          *table.decode(table.encode(double(n), RoundingMode::HalfTowardZero));
      worst = std::max(worst, std::fabs(value - n) / n);
    }
    char text[32];
    std::snprintf(text, sizeof(text), "%.3f", worst);
    EXPECT_STREQ(text, expected[maxOnes - 1]);
  }
}

TEST(KHot, EveryFormatUpTo10Bits) {
  for (unsigned width = 1; width <= 10; ++width)
    for (unsigned maxOnes = 1; maxOnes <= width; ++maxOnes)
      for (bool isSigned : {false, true}) {
        KHotSpec spec{width, maxOnes, isSigned};
        if (!spec.getInvalidReason().empty())
          continue;
        ValueTable table = spec.getTable();
        EXPECT_EQ(table.getLargest(), double(spec.getLargest()));
        for (uint64_t code : table.getCodes()) {
          ASSERT_EQ(*table.decode(code), spec.decode(code));
          for (RoundingMode mode : kRoundingModes)
            ASSERT_EQ(table.encode(spec.decode(code), mode), code);
        }
        // Above, the many values of many ones are nearly integers.
        if (width <= 8 || maxOnes <= 2)
          ASSERT_NO_FATAL_FAILURE(checkTable(table));
        // All bits may be ones: the integers of sign-magnitude.
        if (maxOnes == spec.getMagnitudeBits())
          ASSERT_EQ(table.size(), (size_t(1) << width) - (isSigned ? 1 : 0));
      }
}

TEST(KHot, HandPicked) {
  KHotSpec spec{5, 2};
  ValueTable table = spec.getTable();
  EXPECT_EQ(spec.decode(0x1c), -12);
  EXPECT_EQ(table.encode(-12.0), 0x1cu);
  EXPECT_EQ(table.encode(-0.0), 0u);
  // 6 = 0110 and 8 = 1000 are both even.
  EXPECT_EQ(table.encode(7.0), 6u);
  EXPECT_EQ(table.encode(-7.0), 0x16u);
  EXPECT_EQ(table.encode(7.0, RoundingMode::HalfAway), 8u);
  // Beyond 12 lies 16.
  EXPECT_EQ(table.encode(13.9, RoundingMode::HalfEven, OverflowMode::Zero),
            12u);
  EXPECT_EQ(table.encode(14.1, RoundingMode::HalfEven, OverflowMode::Zero), 0u);
  auto reason = [](KHotSpec spec) { return spec.getInvalidReason().str(); };
  EXPECT_EQ(reason({1, 1}), "must have 2 to 16 bits");
  EXPECT_EQ(reason({17, 1}), "must have 2 to 16 bits");
  EXPECT_EQ(reason({0, 1, false}), "must have 1 to 15 bits");
  EXPECT_EQ(reason({16, 1, false}), "must have 1 to 15 bits");
  const char *ones =
      "must allow at least one one bit and no more than its magnitude has";
  EXPECT_EQ(reason({8, 0}), ones);
  EXPECT_EQ(reason({8, 8}), ones);
  EXPECT_EQ(reason({8, 7}), "");
}

//===----------------------------------------------------------------------===//
// Powers
//===----------------------------------------------------------------------===//

TEST(Power, IntegerRootsAreExact) {
  PowerSpec spec{4, 0.5};
  ValueTable table = spec.getTable();
  ASSERT_EQ(table.size(), 15u);
  for (int q = -7; q <= 7; ++q) {
    EXPECT_EQ(table.getCode(q + 7), uint64_t(q) & 15);
    EXPECT_EQ(table.getValue(q + 7), double(q * std::abs(q)));
    EXPECT_EQ(spec.decode(uint64_t(q) & 15), double(q * std::abs(q)));
  }
  EXPECT_EQ(spec.decode(8), -64.0) << "never made";
  // 3.5^2 is a tie.
  EXPECT_EQ(table.encode(12.25), 4u);
  EXPECT_EQ(table.encode(12.25, RoundingMode::HalfDown), 3u);
  EXPECT_EQ(table.encode(-12.25), 12u);
  EXPECT_EQ(table.encode(std::nextafter(12.25, 0)), 3u);
}

// round(|x|^a) for 1/a = n in exact integers: |x| against (q + 1/2)^n.
TEST(Power, EncodeIsRoundingInThePowerDomain) {
  for (unsigned width : {2, 3, 4, 5, 6, 8, 10})
    for (int n : {1, 2, 3, 4}) {
      PowerSpec spec{width, 1.0 / n};
      ASSERT_EQ(spec.getInvalidReason(), "");
      ValueTable table = spec.getTable();
      int64_t largest = spec.getLargestInteger();
      auto raise = [&](uint64_t base) {
        ExactReal result = ExactReal::fromInteger(1);
        for (int i = 0; i < n; ++i)
          result = result * ExactReal::fromUnsigned(base);
        return result;
      };
      for (double probe : getProbes(table)) {
        double magnitude = std::fabs(probe);
        if (!std::isfinite(magnitude))
          continue;
        ExactReal scaled =
            ExactReal::fromDouble(magnitude).scaleByPowerOfTwo(n);
        int64_t q = 0;
        while (q < largest && raise(2 * q + 1) < scaled)
          ++q;
        // On a tie the loop stops at the lower one.
        if (q < largest && raise(2 * q + 1) == scaled && q % 2 != 0)
          ++q;
        int64_t expected = probe < 0 ? -q : q;
        ASSERT_EQ(table.encode(probe),
                  uint64_t(expected) & ((uint64_t(1) << width) - 1))
            << width << " " << n << " " << probe;
      }
    }
}

// a = 1: the symmetric integers, code for code, in every nearest mode.
TEST(Power, OneIsUniform) {
  for (unsigned width : {2, 3, 4, 8, 10}) {
    PowerSpec spec{width, 1};
    ValueTable table = spec.getTable();
    int64_t largest = spec.getLargestInteger();
    IntegerSpec integer{width, true, -largest, largest};
    for (double probe : getProbes(table)) {
      ExactReal exact = ExactReal::fromDouble(probe);
      for (RoundingMode mode : {RoundingMode::HalfEven, RoundingMode::HalfAway,
                                RoundingMode::HalfUp, RoundingMode::HalfDown,
                                RoundingMode::HalfTowardZero})
        for (OverflowMode overflow :
             {OverflowMode::Saturate, OverflowMode::Zero,
              OverflowMode::SaturateSymmetric})
          ASSERT_EQ(table.encode(exact, mode, overflow),
                    integer.encode(exact, mode, overflow))
              << width << " " << probe << " mode " << int(mode);
    }
  }
}

TEST(Power, EveryCodeAndBoundary) {
  for (unsigned width = 2; width <= 10; ++width)
    for (double exponent : {1.0, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 1.0 / 3, 2.0}) {
      PowerSpec spec{width, exponent};
      ASSERT_EQ(spec.getInvalidReason(), "");
      ValueTable table = spec.getTable();
      for (uint64_t code : table.getCodes()) {
        double value = spec.decode(code);
        ASSERT_EQ(*table.decode(code), value);
        ASSERT_EQ(double(float(value)), value);
        for (RoundingMode mode : kRoundingModes)
          ASSERT_EQ(table.encode(value, mode), code);
      }
      ASSERT_NO_FATAL_FAILURE(checkBoundaries(table));
      // In f64, away from the thresholds, the textbook formula.
      double largest = table.getLargest();
      for (int i = 0; i <= 1000; ++i) {
        double x = largest * i / 1000.0, scaled = std::pow(x, exponent);
        if (std::fabs(scaled - std::floor(scaled) - 0.5) > 1e-9)
          ASSERT_EQ(table.encode(x), uint64_t(std::nearbyint(scaled)));
      }
    }
}

// Powers respect products: (x y)^a = x^a y^a, to one unit of f32.
TEST(Power, PreservesProducts) {
  for (double a : {0.4, 0.5, 0.55, 0.8, 1.0})
    for (int i = 1; i <= 60; ++i)
      for (int j = 1; j <= 60; ++j) {
        double x = i / 61.0, y = j / 59.0;
        float product = float(std::pow(x * y, a));
        float factors = float(std::pow(x, a) * std::pow(y, a));
        ASSERT_LE(std::fabs(product - factors),
                  std::nextafterf(product, HUGE_VALF) - product);
      }
}

TEST(Power, InvalidSpecsSayWhy) {
  auto reason = [](PowerSpec spec) { return spec.getInvalidReason().str(); };
  EXPECT_EQ(reason({1, 0.5}), "must have 2 to 16 bits");
  EXPECT_EQ(reason({17, 0.5}), "must have 2 to 16 bits");
  EXPECT_EQ(reason({16, 0.5}), "");
  const char *exponent = "must have a finite exponent above 0";
  EXPECT_EQ(reason({4, 0}), exponent);
  EXPECT_EQ(reason({4, -1}), exponent);
  EXPECT_EQ(reason({4, std::nan("")}), exponent);
  EXPECT_EQ(reason({4, HUGE_VAL}), exponent);
  EXPECT_EQ(reason({4, 1e-320}), exponent);
  EXPECT_EQ(reason({8, 0.06}), "");
  EXPECT_EQ(reason({8, 0.05}), "has values beyond f32");
  EXPECT_EQ(reason({8, 1000}), "");
  EXPECT_EQ(reason({8, 0.01}), "has values beyond f32");
  EXPECT_EQ(reason({8, 1e8}), "has values that f32 does not tell apart");
  // Values -1, 0 and 1, but thresholds 2^-333 and 2^(-1e300).
  EXPECT_EQ(reason({2, 0.003}), "");
  EXPECT_EQ(reason({2, 1e-300}),
            "rounds to 0 up to a number that f64 does not hold");
}
