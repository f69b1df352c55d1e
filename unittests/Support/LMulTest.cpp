//===- LMulTest.cpp - Products by one integer addition --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/LMul.h"
#include "qfmt/Support/AccumulatorWidth.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>

using namespace mlir::qfmt;

using M = MinifloatSpec;
static constexpr M f32() { return {8, 23, 127, true, M::Specials::IEEE}; }

static std::string print(const char *format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

TEST(LMul, Constants) {
  EXPECT_EQ((LMulSpec{f32()}).getConstant(), 0x3F780000);
  EXPECT_EQ((LMulSpec{M::bf16()}).getConstant(), 0x3F78);
  EXPECT_EQ((LMulSpec{M::f16()}).getConstant(), 0x3BC0);
  EXPECT_EQ((LMulSpec{M::f8E4M3()}).getConstant(), 55);
  EXPECT_EQ((LMulSpec{M::f8E5M2()}).getConstant(), 59);
  EXPECT_EQ((LMulSpec{f32(), 3}).getOffsetShift(), 3u);
  EXPECT_EQ((LMulSpec{f32(), 4}).getOffsetShift(), 3u);
  EXPECT_EQ((LMulSpec{f32(), 5}).getOffsetShift(), 4u);
  EXPECT_EQ((LMulSpec{f32(), 5, 2}).getOffsetShift(), 2u);
}

namespace {
/// Over all pairs of m-bit mantissas in [1, 2).
struct Statistics {
  double bias = 0, meanRelative = 0, maxRelative = 0, squared = 0;
};
} // namespace

template <typename Multiply>
static Statistics measure(unsigned mantissaBits, Multiply multiply) {
  Statistics result;
  int count = 1 << mantissaBits;
  for (int i = 0; i < count; ++i)
    for (int j = 0; j < count; ++j) {
      double x = 1 + double(i) / count, y = 1 + double(j) / count;
      double error = multiply(x, y) - x * y;
      double relative = std::fabs(error) / (x * y);
      double weight = 1.0 / (double(count) * count);
      result.bias += error * weight;
      result.meanRelative += relative * weight;
      result.maxRelative = std::max(result.maxRelative, relative);
      result.squared += error * error * weight;
    }
  return result;
}

TEST(LMul, PublishedErrors) {
  struct Row {
    unsigned m;
    const char *bias, *mean, *max, *squared, *rounded;
  };
  const Row rows[] = {
      {1, "+0.562500", "0.375000", "0.500000", "0.328125", "0.027778"},
      {2, "+0.265625", "0.146736", "0.250000", "0.077148", "0.035720"},
      {3, "+0.097656", "0.052412", "0.125000", "0.014343", "0.019013"},
      {4, "+0.104492", "0.051408", "0.125000", "0.016544", "0.010684"},
      {5, "+0.010498", "0.026659", "0.072884", "0.004643", "0.005443"},
      {8, "+0.012160", "0.026550", "0.072884", "0.004936", "0.000701"},
  };
  for (const Row &row : rows) {
    // Through f32 operands of m mantissa bits, and through a format of m bits.
    LMulSpec wide{f32(), row.m};
    M narrow{4, row.m, 7};
    LMulSpec direct{narrow};
    ASSERT_EQ(wide.getInvalidReason(), "");
    ASSERT_EQ(direct.getInvalidReason(), "");
    M single = f32();
    auto encodeSingle = [](double x) {
      float value = float(x);
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof(bits));
      return uint64_t(bits);
    };
    Statistics found = measure(row.m, [&](double x, double y) {
      double product =
          single.decodeExact(wide.multiply(encodeSingle(x), encodeSingle(y)))
              .roundToDouble();
      EXPECT_EQ(product, narrow.decode(direct.multiply(narrow.encode(x),
                                                       narrow.encode(y))));
      return product;
    });
    EXPECT_EQ(print("%+.6f", found.bias), row.bias) << row.m;
    EXPECT_EQ(print("%.6f", found.meanRelative), row.mean) << row.m;
    EXPECT_EQ(print("%.6f", found.maxRelative), row.max) << row.m;
    EXPECT_EQ(print("%.6f", found.squared), row.squared) << row.m;
    Statistics rounded = measure(row.m, [&](double x, double y) {
      return ExactReal::fromDouble(x * y)
          .roundToPrecision(row.m + 1, -126, RoundingMode::HalfEven)
          .roundToDouble();
    });
    EXPECT_EQ(print("%.6f", rounded.meanRelative), row.rounded) << row.m;
  }
}

TEST(LMul, EquationOneErrors) {
  auto check = [](unsigned m, unsigned shift, const char *bias,
                  const char *mean, const char *max, const char *squared) {
    Statistics found = measure(m, [&](double x, double y) {
      return multiplyByEquation1(x, y, shift);
    });
    EXPECT_EQ(print("%.6f", found.bias), bias);
    EXPECT_EQ(print("%.6f", found.meanRelative), mean);
    EXPECT_EQ(print("%.6f", found.maxRelative), max);
    EXPECT_EQ(print("%.6f", found.squared), squared);
  };
  check(3, 3, "-0.066406", "0.068862", "0.182222", "0.042542");
  check(7, 4, "-0.183609", "0.075058", "0.232295", "0.081672");
  EXPECT_EQ(multiplyByEquation1(-3, 0, 4), 0);
  EXPECT_EQ(multiplyByEquation1(-2, 0.5, 3), -1.125);
}

// Where F < 1 the integer form is equation 1.
TEST(LMul, WorstCaseAndForms) {
  for (unsigned m : {5, 8, 10}) {
    LMulSpec spec{M::f16(), m};
    M f16 = M::f16();
    double x = 1 + 15.0 / 32;
    EXPECT_EQ(f16.decode(spec.multiply(f16.encode(x), f16.encode(x))), 2);
    EXPECT_EQ(f16.decode(spec.multiply(f16.encode(1.0), f16.encode(1.0))),
              1.0625);
    EXPECT_EQ(f16.decode(spec.multiply(f16.encode(1.25), f16.encode(-2.5))),
              multiplyByEquation1(1.25, -2.5, 4));
  }
}

// A continuum of operands, rounded to m bits first.
TEST(LMul, RoundedOperands) {
  struct Row {
    unsigned m;
    const char *mean, *rmse;
  };
  const Row rows[] = {{3, "0.05744", "0.16858"},
                      {4, "0.05270", "0.14750"},
                      {5, "0.02730", "0.07388"},
                      {6, "0.02673", "0.07144"},
                      {23, "0.02655", "0.07060"}};
  constexpr int kCount = 1024;
  for (const Row &row : rows) {
    LMulSpec spec{f32(), row.m};
    double mean = 0, squares = 0;
    std::vector<uint64_t> codes;
    for (int i = 0; i < kCount; ++i)
      codes.push_back(uint64_t(0x3F800000) +
                      uint64_t(std::ldexp((i + 0.5) / kCount, 23)));
    for (int i = 0; i < kCount; ++i)
      for (int j = 0; j < kCount; ++j) {
        double product = (1 + (i + 0.5) / kCount) * (1 + (j + 0.5) / kCount);
        uint32_t bits = uint32_t(spec.multiply(codes[i], codes[j]));
        float value;
        std::memcpy(&value, &bits, sizeof(value));
        double error = value - product;
        mean += std::fabs(error) / product;
        squares += error * error;
      }
    mean /= double(kCount) * kCount;
    squares /= double(kCount) * kCount;
    EXPECT_EQ(print("%.5f", mean), row.mean) << row.m;
    EXPECT_EQ(print("%.5f", std::sqrt(squares)), row.rmse) << row.m;
  }
}

// Every pair of codes of 8-bit formats against the sum of fields in integers of
// their own, with the rules for zero, subnormals, overflow and specials.
TEST(LMul, EveryPairOf8BitCodes) {
  for (M format : {M::f8E4M3(), M::f8E5M2(), M::f8E4M3FN(), M::generic(4, 3),
                   M::generic(3, 4)}) {
    LMulSpec spec{format};
    int mantissas = 1 << format.mantissaBits;
    for (int a = 0; a < 256; ++a)
      for (int b = 0; b < 256; ++b) {
        double x = format.decode(a), y = format.decode(b);
        int sign = (a ^ b) & 128;
        int expected;
        auto isSmall = [&](int code) { return (code & 127) < mantissas; };
        if (std::isnan(x) || std::isnan(y) || (std::isinf(x) && isSmall(b)) ||
            (std::isinf(y) && isSmall(a))) {
          expected = int(*format.getNaNCode());
        } else if (std::isinf(x) || std::isinf(y)) {
          expected = sign | int(*format.getInfinityCode(false));
        } else if (isSmall(a) || isSmall(b)) {
          expected = sign;
        } else {
          // In f64: exponents and mantissas apart, then put together.
          int exponent =
              (a & 127) / mantissas + (b & 127) / mantissas - format.bias;
          int mantissa = a % mantissas + b % mantissas +
                         (mantissas >> spec.getOffsetShift());
          int field = exponent * mantissas + mantissa;
          int largest = int(format.getLargestCode());
          expected = sign | (field < 0 ? 0 : field > largest ? largest : field);
        }
        ASSERT_EQ(int(spec.multiply(a, b)), expected)
            << x << " * " << y << " E" << format.exponentBits;
      }
  }
}

TEST(LMul, SpecialValuesOfF32) {
  LMulSpec spec{f32()};
  constexpr uint64_t kOne = 0x3F800000, kMinus = 0x80000000;
  EXPECT_EQ(spec.multiply(kOne, kOne), 0x3F880000u);
  EXPECT_EQ(spec.multiply(kOne, kMinus | kOne), 0xBF880000u);
  EXPECT_EQ(spec.multiply(kOne, 0), 0u);
  EXPECT_EQ(spec.multiply(kOne, kMinus), kMinus);
  EXPECT_EQ(spec.multiply(kOne, 0x7FFFFF), 0u) << "subnormal";
  EXPECT_EQ(spec.multiply(0x7F000000, 0x7F000000), 0x7F7FFFFFu) << "saturates";
  EXPECT_EQ(spec.multiply(0x00800000, 0x00800000), 0u) << "underflows";
  EXPECT_EQ(spec.multiply(0x7F800000, kMinus | kOne), 0xFF800000u);
  EXPECT_EQ(spec.multiply(0x7F800000, 0), 0x7FC00000u);
  EXPECT_EQ(spec.multiply(0x7FC00001, 0), 0x7FC00000u);
  // Saturated at three mantissa bits.
  EXPECT_EQ((LMulSpec{f32(), 3}).multiply(0x7F7FFFFF, 0x7F7FFFFF), 0x7F700000u);
}

TEST(LMul, InvalidSpecsSayWhy) {
  auto reason = [](LMulSpec spec) { return spec.getInvalidReason().str(); };
  EXPECT_EQ(reason({f32()}), "");
  EXPECT_EQ(reason({M::generic(3, 0)}),
            "needs 1 to 8 exponent bits and 1 to 23 mantissa bits");
  M isUnsigned = M::generic(4, 3);
  isUnsigned.hasSign = false;
  EXPECT_EQ(reason({isUnsigned}), "needs a signed format");
  EXPECT_EQ(reason({M::f8E4M3FNUZ()}), "needs a format with negative zero");
  const char *kept = "must keep at least one mantissa bit and at most all";
  EXPECT_EQ(reason({f32(), 0}), kept);
  EXPECT_EQ(reason({M::f16(), 11}), kept);
  EXPECT_EQ(reason({f32(), 3, 64}), "has an offset shift above 63");
}

TEST(AccumulatorWidth, PublishedWidths) {
  auto kulisch = [](unsigned e, unsigned m) {
    M spec = M::generic(e, m);
    return getExactAccumulatorBits(spec, spec, 1024);
  };
  EXPECT_EQ(kulisch(2, 1), 19u);
  EXPECT_EQ(kulisch(4, 3), 47u);
  EXPECT_EQ(kulisch(5, 2), 77u);
  auto integer = [](unsigned width) {
    return getExactAccumulatorBits(IntegerSpec{width}, IntegerSpec{width},
                                   1024);
  };
  EXPECT_EQ(integer(8), 26u);
  EXPECT_EQ(integer(4), 18u);
}
