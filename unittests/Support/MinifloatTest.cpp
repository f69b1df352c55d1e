//===- MinifloatTest.cpp - Every code of every minifloat ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Minifloat.h"
#include "NumberFormats.h"
#include "TableOracle.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;

static std::vector<NumberFormat> getAllFormats() {
  std::vector<NumberFormat> formats = getFormatsUpTo8Bits();
  for (const NumberFormat &format : getMoreFormatsUpTo10Bits())
    formats.push_back(format);
  for (const NumberFormat &format : getBuiltinFloats())
    if (format.getWidth() > 8)
      formats.push_back(format);
  return formats;
}

/// Same value, NaN equal to NaN, -0 different from +0.
static bool isSame(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         (a == b && std::signbit(a) == std::signbit(b));
}

TEST(Minifloat, DecodeEqualsTable) {
  for (const NumberFormat &format : getAllFormats()) {
    TableOracle oracle(format);
    for (uint64_t code = 0; code < format.getNumCodes(); ++code) {
      double value = format.decode(code);
      ASSERT_TRUE(isSame(value, oracle.decode(code)))
          << format.name << " " << code << ": " << value
          << " != " << oracle.decode(code);
      // Every value is exact in f32.
      ASSERT_TRUE(isSame(double(float(value)), value)) << format.name;
    }
  }
}

TEST(Minifloat, SpecOfSemantics) {
  for (const NumberFormat &format : getBuiltinFloats()) {
    std::optional<MinifloatSpec> spec = MinifloatSpec::of(*format.semantics);
    ASSERT_TRUE(spec) << format.name;
    EXPECT_TRUE(*spec == *format.getMinifloat()) << format.name;
  }
  EXPECT_FALSE(MinifloatSpec::of(llvm::APFloat::IEEEsingle()));
  EXPECT_FALSE(MinifloatSpec::of(llvm::APFloat::FloatTF32()));
}

/// False for codes that encode never makes: integers out of a narrow range,
/// subnormals of a format without.
static bool isMade(const NumberFormat &format, uint64_t code) {
  if (const IntegerSpec *integer = format.getInteger())
    return integer->decode(code) >= integer->getLowest() &&
           integer->decode(code) <= integer->getLargest();
  const MinifloatSpec *spec = format.getMinifloat();
  return !spec || spec->hasSubnormals || spec->isNaNCode(code) ||
         std::fabs(spec->decode(code)) != 0 ||
         code % (1 << spec->mantissaBits) == 0;
}

TEST(Minifloat, EncodeInvertsDecode) {
  for (const NumberFormat &format : getAllFormats())
    for (uint64_t code = 0; code < format.getNumCodes(); ++code) {
      if (!isMade(format, code))
        continue;
      ExactReal value = ExactReal::fromDouble(format.decode(code));
      const MinifloatSpec *spec = format.getMinifloat();
      uint64_t expected = value.isNaN() ? *spec->getNaNCode() : code;
      for (RoundingMode mode : kRoundingModes)
        ASSERT_EQ(format.encode(value, mode, OverflowMode::Infinity,
                                NaNMode::Propagate),
                  expected)
            << format.name;
    }
}

// Each value, the midpoint to the next, the doubles on either side of both, and
// the same beyond both ends of the range, in all modes.
TEST(Minifloat, ProbesAroundEveryMidpoint) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const NumberFormat &format : getAllFormats()) {
    TableOracle oracle(format);
    std::vector<double> grid = oracle.getSortedValues();
    grid.insert(grid.begin(), oracle.getBelow());
    grid.push_back(oracle.getAbove());
    std::vector<double> probes = {-kInfinity, kInfinity, -0.0,
                                  0.0,        1e300,     -1e300,
                                  5e-324,     -5e-324,   std::nan("")};
    for (size_t i = 0; i + 1 < grid.size(); ++i) {
      double middle = grid[i] + (grid[i + 1] - grid[i]) / 2;
      for (double center : {grid[i], middle}) {
        probes.push_back(center);
        probes.push_back(std::nextafter(center, kInfinity));
        probes.push_back(std::nextafter(center, -kInfinity));
      }
    }
    probes.push_back(grid.back());
    for (double probe : probes) {
      ExactReal exact = ExactReal::fromDouble(probe);
      for (RoundingMode mode : kRoundingModes)
        for (OverflowMode overflow : kOverflowModes)
          for (NaNMode nan : {NaNMode::Zero, NaNMode::Propagate})
            ASSERT_EQ(format.encode(exact, mode, overflow, nan),
                      oracle.encode(probe, mode, overflow, nan))
                << format.name << " value " << probe << " mode " << int(mode)
                << " overflow " << int(overflow) << " nan " << int(nan);
    }
  }
}

// The extremes of the OCP formats and of LLVM's, as their specifications print
// them.
TEST(Minifloat, PublishedExtremes) {
  using M = MinifloatSpec;
  struct Row {
    M spec;
    double largest, smallest;
  };
  const Row rows[] = {
      {M::f4E2M1FN(), 6, 0.5},
      {M::f6E2M3FN(), 7.5, 0.125},
      {M::f6E3M2FN(), 28, 0.0625},
      {M::f8E3M4(), 15.5, std::ldexp(1, -6)},
      {M::f8E4M3(), 240, std::ldexp(1, -9)},
      {M::f8E4M3FN(), 448, std::ldexp(1, -9)},
      {M::f8E4M3FNUZ(), 240, std::ldexp(1, -10)},
      {M::f8E4M3B11FNUZ(), 30, std::ldexp(1, -13)},
      {M::f8E5M2(), 57344, std::ldexp(1, -16)},
      {M::f8E5M2FNUZ(), 57344, std::ldexp(1, -17)},
      {M::f8E8M0FNU(), std::ldexp(1, 127), std::ldexp(1, -127)},
      {M::f16(), 65504, std::ldexp(1, -24)},
      {M::bf16(), std::ldexp(255, 120), std::ldexp(1, -133)},
  };
  for (const Row &row : rows) {
    EXPECT_EQ(row.spec.getInvalidReason(), "");
    EXPECT_EQ(row.spec.getLargest(), row.largest);
    EXPECT_EQ(row.spec.getSmallestPositive(), row.smallest);
    EXPECT_EQ(row.spec.getLowest(), row.spec.hasSign     ? -row.largest
                                    : row.spec.hasZero() ? 0
                                                         : row.smallest);
  }
}

TEST(Minifloat, HandPickedRoundings) {
  MinifloatSpec fp4 = MinifloatSpec::f4E2M1FN();
  EXPECT_EQ(fp4.decode(fp4.encode(2.5)), 2);
  EXPECT_EQ(fp4.decode(fp4.encode(3.5)), 4);
  EXPECT_EQ(fp4.decode(fp4.encode(5.0)), 4);
  EXPECT_EQ(fp4.decode(fp4.encode(0.25)), 0);
  EXPECT_EQ(fp4.decode(fp4.encode(-0.75)), -1);
  EXPECT_EQ(fp4.decode(fp4.encode(1e9)), 6);
  EXPECT_EQ(fp4.encode(-0.1), 8u) << "-0 has its own code";
  MinifloatSpec fn = MinifloatSpec::f8E4M3FN();
  // 464 is half-way to the 480 that NaN displaced; 448 is even.
  EXPECT_EQ(fn.encode(464.0, RoundingMode::HalfEven, OverflowMode::Infinity),
            0x7eu);
  EXPECT_EQ(fn.encode(464.5, RoundingMode::HalfEven, OverflowMode::Infinity),
            0x7fu);
  EXPECT_EQ(fn.encode(1e9, RoundingMode::TowardZero, OverflowMode::Infinity),
            0x7eu);
  EXPECT_EQ(fn.encode(std::nan(""), RoundingMode::HalfEven,
                      OverflowMode::Saturate, NaNMode::Propagate),
            0x7fu);
  EXPECT_EQ(fn.encode(std::nan("")), 0u);
}

// Appendix rule for formats without mantissa: a tie doubles, save between zero
// and the smallest value.
TEST(Minifloat, NoMantissaTies) {
  MinifloatSpec e3m0 = MinifloatSpec::generic(3, 0);
  EXPECT_EQ(e3m0.decode(e3m0.encode(1.5)), 2);
  EXPECT_EQ(e3m0.decode(e3m0.encode(3.0)), 4);
  EXPECT_EQ(e3m0.decode(e3m0.encode(-6.0)), -8);
  EXPECT_EQ(e3m0.getSmallestPositive(), 0.25);
  EXPECT_EQ(e3m0.decode(e3m0.encode(0.125)), 0);
  MinifloatSpec e8m0 = MinifloatSpec::f8E8M0FNU();
  EXPECT_EQ(e8m0.encode(1.5), 128u);
  EXPECT_EQ(e8m0.encode(3.0), 129u);
  EXPECT_EQ(e8m0.encode(1.5, RoundingMode::Floor), 127u);
  EXPECT_EQ(e8m0.encode(0.0), 0u);
  EXPECT_EQ(e8m0.encode(-4.0), 0u);
  EXPECT_EQ(e8m0.encode(-4.0, RoundingMode::HalfEven, OverflowMode::Infinity),
            255u);
  EXPECT_EQ(e8m0.encode(1e39), 254u);
}

// The value lists of all formats of 3 to 5 bits and the extremes of the others,
// with the standard bias and no special codes.
TEST(Minifloat, PublishedValueLists) {
  auto list = [](unsigned e, unsigned m) {
    MinifloatSpec spec = MinifloatSpec::generic(e, m);
    std::vector<double> values;
    for (uint64_t code = 0; code <= spec.getLargestCode(); ++code)
      values.push_back(spec.decode(code));
    return values;
  };
  using Values = std::vector<double>;
  EXPECT_EQ(list(1, 1), (Values{0, 1, 2, 3}));
  EXPECT_EQ(list(1, 2), (Values{0, .5, 1, 1.5, 2, 2.5, 3, 3.5}));
  EXPECT_EQ(list(2, 0), (Values{0, 1, 2, 4}));
  EXPECT_EQ(list(2, 1), (Values{0, .5, 1, 1.5, 2, 3, 4, 6}));
  EXPECT_EQ(list(3, 0), (Values{0, .25, .5, 1, 2, 4, 8, 16}));
  EXPECT_EQ(list(2, 2), (Values{0, .25, .5, .75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3,
                                3.5, 4, 5, 6, 7}));
  EXPECT_EQ(list(3, 1), (Values{0, .125, .25, .375, .5, .75, 1, 1.5, 2, 3, 4, 6,
                                8, 12, 16, 24}));
  struct Row {
    unsigned e, m;
    double subnormal, normal, largest;
  };
  const Row rows[] = {{2, 3, .125, 1, 7.5},
                      {3, 2, .0625, .25, 28},
                      {4, 1, std::ldexp(1, -7), std::ldexp(1, -6), 384},
                      {3, 3, std::ldexp(1, -5), .25, 30},
                      {4, 2, std::ldexp(1, -8), std::ldexp(1, -6), 448},
                      {5, 1, std::ldexp(1, -15), std::ldexp(1, -14), 98304},
                      {2, 4, .0625, 1, 7.75},
                      {4, 3, std::ldexp(1, -9), std::ldexp(1, -6), 480},
                      {5, 2, std::ldexp(1, -16), std::ldexp(1, -14), 114688},
                      {3, 4, std::ldexp(1, -6), .25, 31},
                      {2, 5, std::ldexp(1, -5), 1, 7.875}};
  for (const Row &row : rows) {
    MinifloatSpec spec = MinifloatSpec::generic(row.e, row.m);
    EXPECT_EQ(spec.getSmallestPositive(), row.subnormal);
    EXPECT_EQ(spec.getSmallestNormal(), row.normal);
    EXPECT_EQ(spec.getLargest(), row.largest);
  }
}

TEST(Minifloat, WithoutSubnormals) {
  MinifloatSpec spec = MinifloatSpec::generic(2, 2);
  spec.hasSubnormals = false;
  EXPECT_EQ(spec.getSmallestPositive(), 1);
  EXPECT_EQ(spec.decode(3), 0);
  EXPECT_TRUE(isSame(spec.decode(0x13), -0.0));
  auto round = [&](double value, RoundingMode mode) {
    return spec.decode(spec.encode(value, mode));
  };
  EXPECT_EQ(round(0.5, RoundingMode::HalfEven), 0);
  EXPECT_EQ(round(0.501, RoundingMode::HalfEven), 1);
  EXPECT_EQ(round(0.5, RoundingMode::HalfUp), 1);
  EXPECT_EQ(round(-0.5, RoundingMode::HalfDown), -1);
  EXPECT_EQ(round(0.001, RoundingMode::Ceil), 1);
  EXPECT_EQ(round(0.999, RoundingMode::Floor), 0);
  EXPECT_EQ(round(1.1, RoundingMode::HalfEven), 1);
  EXPECT_EQ(spec.encode(-0.25), 0x10u) << "-0";
}

TEST(Minifloat, IntegerGridHoldsEveryValue) {
  for (const NumberFormat &format : getAllFormats()) {
    std::vector<double> values;
    for (uint64_t code = 0; code < format.getNumCodes(); ++code)
      values.push_back(format.decode(code));
    std::optional<IntegerGrid> grid =
        format.getInteger() ? format.getInteger()->getIntegerGrid()
        : format.getFixed() ? format.getFixed()->getIntegerGrid()
                            : format.getMinifloat()->getIntegerGrid();
    if (format.name == "f8E8M0FNU" || format.name == "f16" ||
        format.name == "bf16")
      EXPECT_FALSE(grid.has_value());
    EXPECT_EQ(grid, computeIntegerGrid(values)) << format.name;
    if (!grid)
      continue;
    bool needsAllBits = false;
    for (double value : values) {
      if (!std::isfinite(value))
        continue;
      double k = std::ldexp(value, -grid->unitExponent);
      ASSERT_EQ(k, std::trunc(k)) << format.name;
      ASSERT_LT(std::fabs(k), std::ldexp(1, grid->bits)) << format.name;
      needsAllBits |= std::fabs(k) >= std::ldexp(1, grid->bits - 1);
    }
    EXPECT_TRUE(needsAllBits) << format.name;
  }
  EXPECT_EQ(MinifloatSpec::f4E2M1FN().getIntegerGrid(), (IntegerGrid{-1, 4}));
  EXPECT_EQ(MinifloatSpec::f8E4M3FN().getIntegerGrid(), (IntegerGrid{-9, 18}));
  EXPECT_EQ(MinifloatSpec::f8E5M2().getIntegerGrid(), (IntegerGrid{-16, 32}));
  EXPECT_EQ((IntegerSpec{8, true}).getIntegerGrid(), (IntegerGrid{0, 8}));
  EXPECT_EQ(computeIntegerGrid({0.0, -6.0, 1.5}), (IntegerGrid{-1, 4}));
  EXPECT_EQ(computeIntegerGrid({0.0}), (IntegerGrid{0, 0}));
  EXPECT_EQ(computeIntegerGrid({1.0, 1e30}), std::nullopt);
}

TEST(Minifloat, InvalidSpecsSayWhy) {
  using Specials = MinifloatSpec::Specials;
  auto reason = [](MinifloatSpec spec) {
    return spec.getInvalidReason().str();
  };
  EXPECT_EQ(reason({0, 3, 0}), "must have 1 to 8 exponent bits");
  EXPECT_EQ(reason({9, 3, 0}), "must have 1 to 8 exponent bits");
  EXPECT_EQ(reason({8, 8, 127}), "must have 2 to 16 bits in all");
  EXPECT_EQ(reason({1, 0, 0, false}), "must have 2 to 16 bits in all");
  EXPECT_EQ(reason({4, ~0u, 0}), "must have 2 to 16 bits in all");
  EXPECT_EQ(reason({1, 2, 0, true, Specials::IEEE}),
            "needs two exponent bits and a mantissa bit for infinity and NaN");
  EXPECT_EQ(reason({3, 0, 3, true, Specials::IEEE}),
            "needs two exponent bits and a mantissa bit for infinity and NaN");
  EXPECT_EQ(reason({1, 0, 0, true, Specials::FN}),
            "has no finite value but zero");
  EXPECT_EQ(reason({4, 3, 7, false, Specials::FNUZ}),
            "needs a sign for NaN to take the code of negative zero");
  EXPECT_EQ(reason({8, 0, 126, false, Specials::E8M0}),
            "must have 8 exponent bits, no mantissa, no sign and bias 127");
  const char *tooWide = "has values that f32 does not hold";
  EXPECT_EQ(reason({8, 7, 127}), tooWide);
  EXPECT_EQ(reason({4, 3, 1 << 30}), tooWide);
  EXPECT_EQ(reason({4, 3, -113}), tooWide);
  EXPECT_EQ(reason({4, 3, -112}), "");
  EXPECT_EQ(reason({4, 3, 147}), "");
  EXPECT_EQ(reason({4, 3, 148}), tooWide);
  EXPECT_EQ(reason({8, 0, 127, false, Specials::E8M0, false}),
            "has no subnormals to leave out");
  auto reasonOfValue = [&](MinifloatSpec spec, double value) {
    spec.negativeZero = value;
    return reason(spec);
  };
  MinifloatSpec fp4 = MinifloatSpec::f4E2M1FN(), unsignedFp4 = fp4;
  unsignedFp4.hasSign = false;
  EXPECT_EQ(reasonOfValue(fp4, 5), "");
  EXPECT_EQ(reasonOfValue(fp4, -8), "");
  EXPECT_EQ(reasonOfValue(fp4, std::ldexp(1, -149)), "");
  const char *hasIt = "gives negative zero a value that it has already";
  EXPECT_EQ(reasonOfValue(fp4, 6), hasIt);
  EXPECT_EQ(reasonOfValue(fp4, -0.0), hasIt);
  const char *notF32 = "gives negative zero a value that f32 does not hold";
  EXPECT_EQ(reasonOfValue(fp4, 0.1), notF32);
  EXPECT_EQ(reasonOfValue(fp4, 1e300), notF32);
  EXPECT_EQ(reasonOfValue(fp4, std::nan("")), notF32);
  const char *noZero = "has no negative zero to give a value";
  EXPECT_EQ(reasonOfValue(unsignedFp4, 5), noZero);
  EXPECT_EQ(reasonOfValue(MinifloatSpec::f8E8M0FNU(), 5), noZero);
  EXPECT_EQ(reasonOfValue(MinifloatSpec::f8E4M3FN(), 5),
            "can give negative zero a value only without special values");
}
