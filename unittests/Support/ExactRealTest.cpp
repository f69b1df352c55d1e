//===- ExactRealTest.cpp - Exact reals against LLVM's APFloat -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/ExactReal.h"
#include "NumberFormats.h"
#include "llvm/ADT/APInt.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <random>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;
using llvm::APFloat;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// LLVM has no HalfUp, HalfDown and HalfTowardZero.
static std::optional<llvm::RoundingMode> toLLVM(RoundingMode mode) {
  switch (mode) {
  case RoundingMode::HalfEven:
    return APFloat::rmNearestTiesToEven;
  case RoundingMode::HalfAway:
    return APFloat::rmNearestTiesToAway;
  case RoundingMode::HalfUp:
  case RoundingMode::HalfDown:
  case RoundingMode::HalfTowardZero:
    return std::nullopt;
  case RoundingMode::TowardZero:
    return APFloat::rmTowardZero;
  case RoundingMode::Floor:
    return APFloat::rmTowardNegative;
  case RoundingMode::Ceil:
    return APFloat::rmTowardPositive;
  }
  return std::nullopt;
}

namespace {
/// Doubles that look for trouble: few mantissa bits so that ties are frequent,
/// exponents around the ends of the narrower formats, specials.
class HardDoubles {
public:
  double operator()() {
    static const double specials[] = {
        0.0, -0.0, kInfinity, -kInfinity, std::nan(""), 5e-324, 1.0, 65520.0};
    if (random() % 16 == 0)
      return specials[random() % 8];
    static const int centers[] = {0,    -14, -24,   15,  -126,
                                  -149, 127, -1022, 1023};
    unsigned bits = 1 + random() % 53;
    double mantissa = double(random() >> (64 - bits) | 1);
    double value = std::ldexp(mantissa, centers[random() % 9] +
                                            int(random() % 9) - 4 - int(bits));
    return random() % 2 ? -value : value;
  }
  uint64_t draw() { return random(); }

private:
  std::mt19937_64 random{7};
};
} // namespace

static const llvm::fltSemantics *const kSemantics[] = {
    &APFloat::IEEEhalf(), &APFloat::BFloat(), &APFloat::FloatTF32(),
    &APFloat::IEEEsingle(), &APFloat::IEEEdouble()};

static void expectSame(const APFloat &expected, const APFloat &found,
                       const std::string &what) {
  if (expected.isNaN())
    ASSERT_TRUE(found.isNaN()) << what;
  else
    ASSERT_TRUE(expected.bitwiseIsEqual(found)) << what;
}

TEST(ExactReal, RoundingEqualsAPFloat) {
  HardDoubles draw;
  for (int i = 0; i < 30000; ++i) {
    double value = draw();
    ExactReal exact = ExactReal::fromDouble(value);
    for (const llvm::fltSemantics *semantics : kSemantics)
      for (RoundingMode mode : kRoundingModes) {
        if (!toLLVM(mode))
          continue;
        APFloat expected(value);
        bool losesInfo;
        expected.convert(*semantics, *toLLVM(mode), &losesInfo);
        APFloat found = exact.roundToAPFloat(*semantics, mode);
        ASSERT_NO_FATAL_FAILURE(
            expectSame(expected, found, std::to_string(value)));
        // And back.
        if (!found.isNaN())
          ASSERT_TRUE(ExactReal::fromAPFloat(found) ==
                      exact.roundTo(BinaryFormat::of(*semantics), mode));
      }
    if (!std::isnan(value)) {
      ASSERT_EQ(exact.roundToDouble(), value);
      ASSERT_EQ(std::signbit(exact.roundToDouble()), std::signbit(value));
      ASSERT_EQ(exact.roundToFloat(), float(value));
    }
  }
}

// The modes that LLVM has not, from their mirror images.
TEST(ExactReal, HalfDownAndHalfTowardZero) {
  HardDoubles draw;
  for (int i = 0; i < 30000; ++i) {
    ExactReal value = ExactReal::fromDouble(draw());
    if (value.isNaN())
      continue;
    BinaryFormat format = i % 2 ? BinaryFormat::f32() : BinaryFormat::bf16();
    auto round = [&](const ExactReal &x, RoundingMode mode) {
      return x.roundTo(format, mode);
    };
    ExactReal down = round(value, RoundingMode::HalfDown);
    ASSERT_TRUE(down == -round(-value, RoundingMode::HalfUp));
    ExactReal toZero = round(value, RoundingMode::HalfTowardZero);
    ASSERT_TRUE(
        toZero ==
        (value.isNegative() ? round(value, RoundingMode::HalfUp) : down));
  }
  EXPECT_EQ(ExactReal::fromDouble(2.5).roundToInteger(RoundingMode::HalfUp), 3);
  EXPECT_EQ(ExactReal::fromDouble(2.5).roundToInteger(RoundingMode::HalfDown),
            2);
}

TEST(ExactReal, ProductsRoundOnce) {
  HardDoubles draw;
  for (int i = 0; i < 100000; ++i) {
    double a = draw(), b = draw();
    ExactReal product = ExactReal::fromDouble(a) * ExactReal::fromDouble(b);
    for (RoundingMode mode : kRoundingModes) {
      if (!toLLVM(mode))
        continue;
      APFloat expected(a);
      expected.multiply(APFloat(b), *toLLVM(mode));
      ASSERT_NO_FATAL_FAILURE(
          expectSame(expected, APFloat(product.roundToDouble(mode)),
                     std::to_string(a) + " * " + std::to_string(b)));
    }
    // float(double product) would round twice; a float product of exact floats
    // must not.
    float fa = float(a), fb = float(b);
    float expected = fa * fb;
    float found =
        (ExactReal::fromDouble(fa) * ExactReal::fromDouble(fb)).roundToFloat();
    if (!std::isnan(expected))
      ASSERT_EQ(found, expected);
  }
}

TEST(ExactReal, SumsAreExact) {
  HardDoubles draw;
  int tested = 0;
  for (int i = 0; i < 200000; ++i) {
    double a = draw(), b = draw();
    ExactReal x = ExactReal::fromDouble(a), y = ExactReal::fromDouble(b);
    if (!ExactReal::addFits(x, y))
      continue;
    ++tested;
    for (RoundingMode mode : kRoundingModes) {
      // An exact zero sum is +0 here; IEEE says -0 when rounding down.
      if (!toLLVM(mode) || mode == RoundingMode::Floor)
        continue;
      APFloat expected(a);
      expected.subtract(APFloat(b), *toLLVM(mode));
      ASSERT_NO_FATAL_FAILURE(
          expectSame(expected, APFloat((x - y).roundToDouble(mode)),
                     std::to_string(a) + " - " + std::to_string(b)));
    }
  }
  EXPECT_GT(tested, 20000);
}

TEST(ExactReal, DivisionRoundsOnce) {
  HardDoubles draw;
  for (int i = 0; i < 15000; ++i) {
    double a = draw(), b = draw();
    for (const llvm::fltSemantics *semantics : kSemantics) {
      APFloat numerator(a), denominator(b);
      bool losesInfo;
      numerator.convert(*semantics, APFloat::rmTowardZero, &losesInfo);
      denominator.convert(*semantics, APFloat::rmTowardZero, &losesInfo);
      ExactReal x = ExactReal::fromAPFloat(numerator),
                y = ExactReal::fromAPFloat(denominator);
      for (RoundingMode mode : kRoundingModes) {
        if (!toLLVM(mode))
          continue;
        APFloat expected = numerator;
        expected.divide(denominator, *toLLVM(mode));
        APFloat found =
            ExactReal::divideRounded(x, y, BinaryFormat::of(*semantics), mode)
                .roundToAPFloat(*semantics);
        ASSERT_NO_FATAL_FAILURE(expectSame(
            expected, found, std::to_string(a) + " / " + std::to_string(b)));
      }
    }
  }
}

TEST(ExactReal, DivisionOfWideOperands) {
  auto divide = [](uint64_t a, uint64_t b, const BinaryFormat &format) {
    return ExactReal::divideRounded(ExactReal::fromUnsigned(a),
                                    ExactReal::fromUnsigned(b), format)
        .roundToDouble();
  };
  // 1 + 2^-24 + 2^-87 and 1 + 2^-53 + 2^-106: ties but for a remainder beyond
  // the digits of the quotient.
  uint64_t ones = (uint64_t(1) << 63) - 1;
  EXPECT_EQ(divide(ones + (uint64_t(1) << 39), ones, BinaryFormat::f32()),
            1 + std::ldexp(1, -23));
  uint64_t power = uint64_t(1) << 53;
  EXPECT_EQ(divide(power, power - 1, BinaryFormat::f64()),
            1 + std::ldexp(1, -52));
  // Exactly a tie, and 64-bit operands.
  EXPECT_EQ(
      divide((uint64_t(1) << 24) + 1, uint64_t(1) << 24, BinaryFormat::f32()),
      1.0);
  EXPECT_EQ(divide(~uint64_t(0), ~uint64_t(0) - 2, BinaryFormat::f64()), 1.0);
  EXPECT_EQ(ExactReal::divideRounded(ExactReal::fromInteger(1),
                                     ExactReal::fromInteger(-3),
                                     BinaryFormat::f64())
                .roundToDouble(),
            -1.0 / 3.0);
}

TEST(ExactReal, HalfUp) {
  auto round = [](double value) {
    return ExactReal::fromDouble(value).roundToFloat(RoundingMode::HalfUp);
  };
  double tie = 1 + std::ldexp(1, -24);
  EXPECT_EQ(round(tie), 1 + std::ldexp(1.0f, -23));
  EXPECT_EQ(round(-tie), -1.0f);
  EXPECT_EQ(round(-(1 + std::ldexp(3, -25))), -(1 + std::ldexp(1.0f, -23)));
}

TEST(ExactReal, ComparisonEqualsDouble) {
  HardDoubles draw;
  for (int i = 0; i < 200000; ++i) {
    double a = draw(), b = draw.draw() % 4 ? draw() : a;
    if (draw.draw() % 8 == 0)
      b = -b;
    ExactReal x = ExactReal::fromDouble(a), y = ExactReal::fromDouble(b);
    ASSERT_EQ(x == y, a == b);
    ASSERT_EQ(x != y, a != b);
    ASSERT_EQ(x < y, a < b) << a << " " << b;
    ASSERT_EQ(x <= y, a <= b);
    ASSERT_EQ(x > y, a > b);
    ASSERT_EQ(x >= y, a >= b);
  }
}

TEST(ExactReal, Integers) {
  for (int64_t value : {INT64_MIN, INT64_MIN + 1, int64_t(-1), int64_t(0),
                        int64_t(96), INT64_MAX}) {
    ExactReal exact = ExactReal::fromInteger(value);
    EXPECT_TRUE(exact.isInteger());
    EXPECT_EQ(int64_t(exact.roundToInteger(RoundingMode::HalfEven)), value);
    APFloat expected(APFloat::IEEEdouble());
    expected.convertFromAPInt(llvm::APInt(64, uint64_t(value)), true,
                              APFloat::rmNearestTiesToEven);
    EXPECT_EQ(exact.roundToDouble(), expected.convertToDouble());
  }
  EXPECT_TRUE(ExactReal::fromUnsigned(~uint64_t(0)) ==
              ExactReal::fromDouble(std::ldexp(1, 64)) -
                  ExactReal::fromInteger(1));
  EXPECT_FALSE(ExactReal::fromDouble(0.5).isInteger());
}

TEST(ExactReal, RoundToIntegerOfWideAndTiny) {
  ExactReal huge = ExactReal::fromDouble(1e300);
  EXPECT_TRUE(huge.roundToInteger(RoundingMode::Floor) == __int128(1) << 126);
  ExactReal tiny = ExactReal::fromDouble(-1e-300);
  EXPECT_TRUE(tiny.roundToInteger(RoundingMode::Floor) == -1);
  EXPECT_TRUE(tiny.roundToInteger(RoundingMode::HalfEven) == 0);
  EXPECT_TRUE(tiny.roundToInteger(RoundingMode::TowardZero, 5) == 4);
  // Exactly 128 bits below the point, and one more.
  for (int exponent : {-127, -128, -129}) {
    ExactReal power = ExactReal::make(false, 1, exponent);
    EXPECT_TRUE(power.roundToInteger(RoundingMode::Ceil) == 1);
    EXPECT_TRUE(power.roundToInteger(RoundingMode::HalfAway) == 0);
  }
  ExactReal::Mantissa top = ~ExactReal::Mantissa(0);
  EXPECT_TRUE(ExactReal::make(false, top, -128)
                  .roundToInteger(RoundingMode::HalfEven) == 1);
  EXPECT_TRUE(ExactReal::make(false, top, -129)
                  .roundToInteger(RoundingMode::HalfEven) == 0);
}

TEST(ExactReal, FitsAreTight) {
  ExactReal a = ExactReal::fromUnsigned(~uint64_t(0));
  EXPECT_TRUE(ExactReal::multiplyFits(a, a));
  EXPECT_FALSE(ExactReal::multiplyFits(a * a, a));
  ExactReal one = ExactReal::fromInteger(1);
  EXPECT_TRUE(ExactReal::addFits(one, ExactReal::make(false, 1, 126)));
  EXPECT_FALSE(ExactReal::addFits(one, ExactReal::make(false, 1, 127)));
  EXPECT_TRUE(ExactReal::addFits(ExactReal(), ExactReal::make(false, 1, 900)));
}
