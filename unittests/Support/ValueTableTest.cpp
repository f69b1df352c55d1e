//===- ValueTableTest.cpp - Rounding to a finite set of reals -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/ValueTable.h"
#include "NumberFormats.h"
#include "TableProbes.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

static ValueTable makeTable(std::vector<double> values) {
  ValueTable::Definition definition;
  definition.values = std::move(values);
  return ValueTable(std::move(definition));
}

// What each mode does between 2 and 6, -6 and -2 and in gaps around 0. Codes
// are indices: 0 to 5.
TEST(ValueTable, HandPicked) {
  ValueTable table = makeTable({-6, -2, 1, 2, 6, 7});
  auto round = [&](double x, RoundingMode mode) {
    return *table.decode(table.encode(x, mode));
  };
  struct Row {
    RoundingMode mode;
    double tieUp, tieDown, tieAcross, inside, insideBelow;
  };
  // At 4, -4, -0.5; 3.9; -3.9.
  const Row rows[] = {
      {RoundingMode::HalfEven, 6, -6, 1, 2, -2},
      {RoundingMode::HalfAway, 6, -6, -2, 2, -2},
      {RoundingMode::HalfUp, 6, -2, 1, 2, -2},
      {RoundingMode::HalfDown, 2, -6, -2, 2, -2},
      {RoundingMode::HalfTowardZero, 2, -2, 1, 2, -2},
      {RoundingMode::TowardZero, 2, -2, 1, 2, -2},
      {RoundingMode::Floor, 2, -6, -2, 2, -6},
      {RoundingMode::Ceil, 6, -2, 1, 6, -2},
  };
  for (const Row &row : rows) {
    EXPECT_EQ(round(4, row.mode), row.tieUp) << int(row.mode);
    EXPECT_EQ(round(-4, row.mode), row.tieDown) << int(row.mode);
    EXPECT_EQ(round(-0.5, row.mode), row.tieAcross) << int(row.mode);
    EXPECT_EQ(round(3.9, row.mode), row.inside) << int(row.mode);
    EXPECT_EQ(round(-3.9, row.mode), row.insideBelow) << int(row.mode);
  }
  EXPECT_EQ(table.encode(std::nan("")), 2u) << "1, the value nearest to 0";
  EXPECT_FALSE(table.decode(6).has_value());
}

TEST(ValueTable, Overflow) {
  // The table is thought to go on with -3 and 5.
  ValueTable table = makeTable({-2, -1, 0, 1, 3});
  auto round = [&](double x, RoundingMode mode, OverflowMode overflow) {
    return *table.decode(table.encode(x, mode, overflow));
  };
  constexpr auto kNearest = RoundingMode::HalfEven;
  constexpr auto kZero = OverflowMode::Zero;
  EXPECT_EQ(round(3.99, kNearest, kZero), 3);
  EXPECT_EQ(round(4.0, kNearest, kZero), 3) << "3 has an even code";
  EXPECT_EQ(round(4.01, kNearest, kZero), 0);
  EXPECT_EQ(round(3.01, RoundingMode::Ceil, kZero), 0);
  EXPECT_EQ(round(4.99, RoundingMode::Floor, kZero), 3);
  EXPECT_EQ(round(5.0, RoundingMode::TowardZero, kZero), 0);
  EXPECT_EQ(round(-2.5, RoundingMode::HalfDown, kZero), 0);
  EXPECT_EQ(round(-2.5, RoundingMode::HalfUp, kZero), -2);
  EXPECT_EQ(round(-kInfinity, kNearest, kZero), 0);
  for (OverflowMode mode :
       {OverflowMode::Saturate, OverflowMode::Wrap, OverflowMode::Infinity}) {
    EXPECT_EQ(round(kInfinity, kNearest, mode), 3);
    EXPECT_EQ(round(-1e30, RoundingMode::TowardZero, mode), -2);
  }
  ValueTable skewed = makeTable({-4, -2, 1, 3});
  EXPECT_EQ(skewed.encode(-5.0, kNearest, OverflowMode::SaturateSymmetric), 1u);
  EXPECT_EQ(skewed.encode(9.0, kNearest, kZero), 3u) << "no zero: saturates";
  EXPECT_EQ(
      makeTable({1, 2}).encode(-9.0, kNearest, OverflowMode::SaturateSymmetric),
      0u);
  EXPECT_EQ(makeTable({7}).encode(-9.0), 0u);
}

// Thresholds that no f64 holds: 2^100 + 2^-100 and the like, by exact reals on
// both sides.
TEST(ValueTable, MidpointsAreExact) {
  ValueTable table = makeTable({-std::ldexp(1, -149), std::ldexp(3, -149), 1,
                                std::ldexp(1, 60), double(0x1p127f)});
  // (2^60 + 1) / 2 = 2^59 + 0.5.
  ExactReal half = ExactReal::fromDouble(0.5),
            big = ExactReal::fromDouble(0x1p59);
  ExactReal tiny = ExactReal::fromDouble(0x1p-60);
  EXPECT_EQ(table.encode(big + half, RoundingMode::HalfDown), 2u);
  EXPECT_EQ(table.encode(big + half, RoundingMode::HalfUp), 3u);
  EXPECT_EQ(table.encode(big + half + tiny, RoundingMode::HalfDown), 3u);
  EXPECT_EQ(table.encode(big + half - tiny, RoundingMode::HalfUp), 2u);
  EXPECT_EQ(table.encode(0x1p59, RoundingMode::HalfUp), 2u);
  // (1 + 3 * 2^-149) / 2: just above 0.5.
  EXPECT_EQ(table.encode(0.5, RoundingMode::HalfUp), 1u);
  EXPECT_EQ(table.encode(std::nextafter(0.5, 1), RoundingMode::HalfDown), 2u);
  EXPECT_EQ(
      table.getStepBoundaries(RoundingMode::HalfUp, ValueTable::Input::F32)[1],
      double(std::nextafterf(0.5f, 1)));
}

TEST(ValueTable, RandomTables) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) {
    // Few mantissa bits and exponents: neighbours of all kinds, -149 included.
    int spread = i % 3 == 0 ? 250 : i % 3 == 1 ? 8 : 1;
    std::vector<double> values;
    unsigned count = 2 + random() % 20;
    for (unsigned k = 0; k < count; ++k) {
      int exponent = int(random() % spread) - (spread > 200 ? 140 : 2);
      double value = std::ldexp(double(random() % 33) - 16, exponent - 5);
      values.push_back(double(float(value)) + 0.0);
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    ASSERT_NO_FATAL_FAILURE(checkTable(makeTable(values)));
  }
}

// The table of a minifloat or of integers rounds as the format itself does.
TEST(ValueTable, AgreesWithFormats) {
  std::vector<NumberFormat> formats = getFormatsUpTo8Bits();
  for (const NumberFormat &format : getMoreFormatsUpTo10Bits())
    formats.push_back(format);
  for (const NumberFormat &format : formats) {
    const MinifloatSpec *spec = format.getMinifloat();
    if (!spec)
      continue;
    ValueTable table = spec->getValueTable();
    ASSERT_NO_FATAL_FAILURE(checkTable(table, spec->mantissaBits == 0))
        << format.name;
    for (double probe : getProbes(table)) {
      // Its own NaN, and below an unsigned table, whose step there is not that
      // of encode, infinity.
      if (std::isnan(probe))
        continue;
      for (RoundingMode mode : kRoundingModes)
        for (OverflowMode overflow :
             {OverflowMode::Saturate, OverflowMode::Zero,
              OverflowMode::SaturateSymmetric}) {
          if (!table.hasZero() && overflow == OverflowMode::Zero)
            continue;
          double expected = spec->decode(
              spec->encode(ExactReal::fromDouble(probe), mode, overflow));
          double found = *table.decode(table.encode(probe, mode, overflow));
          ASSERT_EQ(found, expected)
              << format.name << " " << probe << " mode " << int(mode)
              << " overflow " << int(overflow);
        }
    }
  }
}

// BitMoD's extended types: every value list, and rounding against the nearest
// of the set found by distances.
TEST(ValueTable, NegativeZeroWithAValue) {
  for (unsigned mantissaBits : {0, 1})
    for (bool hasSubnormals : {false, true})
      for (double value : {3., -3., 5., -5., 6., -6., 8., -8., 2.5, .25, -.125,
                           100., -1e-3f * 1.0}) {
        MinifloatSpec base{2, mantissaBits, 1};
        base.hasSubnormals = hasSubnormals;
        MinifloatSpec spec = base;
        spec.negativeZero = double(float(value));
        if (!spec.getInvalidReason().empty())
          continue;
        uint64_t special = spec.getNumCodes() / 2;
        EXPECT_EQ(spec.decode(special), *spec.negativeZero);
        EXPECT_FALSE(spec.hasNegativeZero());
        EXPECT_EQ(spec.encode(*spec.negativeZero), special);
        EXPECT_EQ(spec.encode(-0.0), 0u);
        EXPECT_EQ(spec.getLargest(),
                  std::max(base.getLargest(), *spec.negativeZero));
        EXPECT_EQ(spec.getLowest(),
                  std::min(base.getLowest(), *spec.negativeZero));
        ValueTable table = spec.getValueTable();
        ASSERT_NO_FATAL_FAILURE(checkTable(table, mantissaBits == 0));
        for (double probe : getProbes(table))
          for (RoundingMode mode : kRoundingModes)
            for (OverflowMode overflow :
                 {OverflowMode::Saturate, OverflowMode::Zero,
                  OverflowMode::SaturateSymmetric}) {
              uint64_t code =
                  spec.encode(ExactReal::fromDouble(probe), mode, overflow);
              ASSERT_EQ(table.encode(probe, mode, overflow), code)
                  << value << " " << probe << " " << int(mode) << " "
                  << int(overflow);
            }
        std::vector<double> values;
        for (uint64_t code = 0; code < spec.getNumCodes(); ++code)
          values.push_back(spec.decode(code));
        EXPECT_EQ(spec.getIntegerGrid(), computeIntegerGrid(values));
      }

  // The published sets, ties to the lower value.
  auto collect = [](MinifloatSpec spec, double value) {
    spec.negativeZero = value;
    ValueTable table = spec.getValueTable();
    return std::vector<double>(table.getValues().begin(),
                               table.getValues().end());
  };
  using Values = std::vector<double>;
  MinifloatSpec fp3 = MinifloatSpec::generic(2, 0);
  MinifloatSpec fp4 = MinifloatSpec::generic(2, 1);
  EXPECT_EQ(collect(fp3, 3), (Values{-4, -2, -1, 0, 1, 2, 3, 4}));
  EXPECT_EQ(collect(fp3, -6), (Values{-6, -4, -2, -1, 0, 1, 2, 4}));
  EXPECT_EQ(collect(fp4, 5), (Values{-6, -4, -3, -2, -1.5, -1, -.5, 0, .5, 1,
                                     1.5, 2, 3, 4, 5, 6}));
  EXPECT_EQ(collect(fp4, -8), (Values{-8, -6, -4, -3, -2, -1.5, -1, -.5, 0, .5,
                                      1, 1.5, 2, 3, 4, 6}));
  fp4.negativeZero = 5;
  auto round = [&](double x, RoundingMode mode) {
    return fp4.decode(fp4.encode(x, mode));
  };
  EXPECT_EQ(round(4.5, RoundingMode::HalfDown), 4);
  EXPECT_EQ(round(5.5, RoundingMode::HalfDown), 5);
  EXPECT_EQ(round(4.5, RoundingMode::HalfEven), 4) << "codes 6 and 8";
  EXPECT_EQ(round(5.5, RoundingMode::HalfEven), 5) << "codes 8 and 7";
  EXPECT_EQ(round(-5, RoundingMode::HalfEven), -4) << "as without it";
  fp4.negativeZero = 8;
  EXPECT_EQ(round(7, RoundingMode::HalfEven), 8) << "codes 7 and 8";
  EXPECT_EQ(round(100, RoundingMode::HalfEven), 8);
  EXPECT_EQ(round(-100, RoundingMode::HalfEven), -6);
}
