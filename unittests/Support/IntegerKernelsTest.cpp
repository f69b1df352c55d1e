//===- IntegerKernelsTest.cpp - Range-reduced integer functions -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IntegerKernels.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir::qfmt;

using Range = IntegerProgram::Range;

/// All inputs of small ranges; of others 2^15 with uniform and 2^15 with
/// log-uniform magnitudes, those beside powers of two, and the ends.
static std::vector<int64_t> getInputs(Range range) {
  std::vector<int64_t> inputs;
  if (range.hi - range.lo < kMaxExhaustive) {
    for (int64_t i = range.lo; i <= range.hi; ++i)
      inputs.push_back(i);
    return inputs;
  }
  auto push = [&](int64_t i) {
    if (range.contains(i))
      inputs.push_back(i);
  };
  std::mt19937_64 random(7);
  std::uniform_int_distribution<int64_t> pick(range.lo, range.hi);
  for (int i = 0; i < (1 << 15); ++i) {
    push(pick(random));
    int64_t magnitude = int64_t(random() >> (1 + random() % 63));
    push(random() % 2 ? magnitude : -magnitude);
  }
  for (int bit = 0; bit < 62; ++bit)
    for (int64_t sign : {-1, 1})
      for (int64_t delta : {-1, 0, 1})
        push(sign * (int64_t(1) << bit) + delta);
  push(0);
  push(range.lo);
  push(range.hi);
  return inputs;
}

static llvm::SmallVector<int64_t> run(const IntegerProgram &program,
                                      int64_t input) {
  bool rangesHold;
  auto results = program.evaluate(llvm::ArrayRef(input), &rangesHold);
  EXPECT_TRUE(rangesHold) << "input " << input;
  return results;
}

/// Observed errors stay below the bound, and the bound within 8 times them
/// unless the results happen to be exact.
static void checkKernel(const std::optional<IntegerKernel> &kernel,
                        const std::string &reason, RealFunctionRef exact) {
  ASSERT_TRUE(kernel) << reason;
  long double largest = 0;
  for (int64_t i : getInputs(kernel->program.getInputRange(0)))
    largest =
        std::max(largest, std::fabs(run(kernel->program, i)[0] - exact(i)));
  EXPECT_LE(largest, kernel->bound);
  if (largest > 1e-6L) {
    EXPECT_LE(kernel->bound, 8 * largest);
  }
}

static void checkExp(ExpRequest request) {
  std::string reason;
  auto kernel = buildExp(request, &reason);
  checkKernel(kernel, reason, [&](long double i) {
    long double x = (long double)request.inputScale * i;
    return std::ldexp(request.isBase2 ? std::exp2(x) : std::exp(x),
                      request.fractionBits);
  });
}

TEST(IntegerKernels, ExpOfNegativeArguments) {
  for (double scale : {0.1, 0.01, 1e-4, 3.7e-6, 1e-9, 2.5, 700.0})
    for (int fractionBits : {8, 15, 24, 30})
      for (int64_t lo : {-255, -65535, -(1 << 24)})
        for (bool isBase2 : {false, true})
          checkExp({lo, 0, scale, fractionBits, isBase2});
  checkExp({-(int64_t(1) << 31), 0, 1e-7, 30});
  checkExp({-5000, -1000, 1e-3, 20});
}

TEST(IntegerKernels, ExpOfPositiveArguments) {
  checkExp({-1000, 1000, 0.01, 16});
  checkExp({0, 20, 1.0, 0, true});
  checkExp({-100000, 100000, 1e-4, 30});
  checkExp({-30, 200, 0.1, 8});
}

TEST(IntegerKernels, ExpOfIntegerPowersOfTwoIsExact) {
  auto kernel = buildExp({-60, 20, 1.0, 16, true});
  ASSERT_TRUE(kernel);
  for (int i = -15; i <= 20; ++i)
    EXPECT_NEAR(double(kernel->evaluate(i)), std::ldexp(1.0, 16 + i),
                kernel->bound);
  EXPECT_EQ(kernel->evaluate(-18), 0);
  EXPECT_EQ(kernel->evaluate(-60), 0);
}

TEST(IntegerKernels, ExpRefuses) {
  auto refuse = [](ExpRequest request, const char *expected) {
    std::string reason;
    EXPECT_FALSE(buildExp(request, &reason));
    EXPECT_NE(reason.find(expected), std::string::npos) << reason;
  };
  refuse({1, 0, 1.0, 10}, "empty");
  refuse({-(int64_t(1) << 32), 0, 1.0, 10}, "32 bits");
  refuse({-10, 0, 0.0, 10}, "positive");
  refuse({-10, 60, 1.0, 10}, "62 bits");
  refuse({-10, 0, 0x1p40, 10}, "too large");
}

/// |mantissa 2^-shift / exact - 1| <= bound <= 8 times the largest seen, and
/// the documented ranges.
static void checkScaled(const std::optional<ScaledKernel> &kernel,
                        const std::string &reason, double goal,
                        RealFunctionRef exact) {
  ASSERT_TRUE(kernel) << reason;
  long double largest = 0;
  for (int64_t i : getInputs(kernel->program.getInputRange(0))) {
    auto results = run(kernel->program, i);
    long double value =
        std::ldexp((long double)results[ScaledKernel::kMantissa],
                   -int(results[ScaledKernel::kShift]));
    largest = std::max(largest, std::fabs(value / exact(i) - 1));
  }
  EXPECT_LE(largest, kernel->relativeBound);
  EXPECT_LE(kernel->relativeBound, 8 * largest);
  EXPECT_LE(kernel->relativeBound, goal);
}

TEST(IntegerKernels, Reciprocal) {
  for (Range range : {Range{1, 65536}, Range{1, (int64_t(1) << 31) - 1},
                      Range{1, (int64_t(1) << 62) - 1}, Range{100, 1000000}}) {
    std::string reason;
    auto kernel = buildReciprocal(range, &reason);
    checkScaled(kernel, reason, range.hi >> 31 ? 2.1e-9 : 0x1p-29,
                [](long double i) { return 1 / i; });
    EXPECT_TRUE(kernel->program.getResultRange(0).isWithin(
        {int64_t(1) << 30, (int64_t(1) << 31) - 1}));
    EXPECT_TRUE(kernel->program.getResultRange(1).isWithin({31, 92}));
  }
  std::string reason;
  EXPECT_FALSE(buildReciprocal({0, 5}, &reason));
  EXPECT_NE(reason.find("within 1 ... 2^62 - 1"), std::string::npos);
}

TEST(IntegerKernels, ReciprocalSqrt) {
  for (Range range : {Range{0, 65535}, Range{1, (int64_t(1) << 31) - 1},
                      Range{0, (int64_t(1) << 62) - 1}, Range{7, 1 << 20}}) {
    std::string reason;
    auto kernel = buildReciprocalSqrt(range, &reason);
    checkScaled(kernel, reason, 0x1p-28,
                [](long double i) { return 1 / std::sqrt(std::max(i, 1.0L)); });
    EXPECT_TRUE(kernel->program.getResultRange(1).isWithin({30, 61}));
  }
  std::string reason;
  EXPECT_FALSE(buildReciprocalSqrt({-1, 5}, &reason));
  EXPECT_NE(reason.find("within 0 ... 2^62 - 1"), std::string::npos);
}

TEST(IntegerKernels, Sqrt) {
  for (auto [hi, fractionBits] : std::initializer_list<std::pair<int64_t, int>>{
           {65535, 0},
           {65535, 16},
           {(int64_t(1) << 31) - 1, 8},
           {(int64_t(1) << 40) - 1, 4},
           {(int64_t(1) << 62) - 1, 0},
           {1 << 20, 20}}) {
    std::string reason;
    auto kernel = buildSqrt({0, hi}, fractionBits, &reason);
    checkKernel(kernel, reason, [bits = fractionBits](long double i) {
      return std::ldexp(std::sqrt(i), bits);
    });
    EXPECT_EQ(kernel->evaluate(0), 0);
    EXPECT_EQ(kernel->evaluate(4), int64_t(2) << fractionBits);
  }
  std::string reason;
  EXPECT_FALSE(buildSqrt({0, 100}, 29, &reason));
  EXPECT_NE(reason.find("28 fraction bits"), std::string::npos);
}

TEST(IntegerKernels, Log) {
  for (bool isBase2 : {false, true})
    for (int64_t hi : {int64_t(65535), int64_t(1) << 24,
                       (int64_t(1) << 40) + 12345, (int64_t(1) << 62) - 1})
      for (unsigned fractionBits : {0u, 8u, 16u, 24u})
        for (double scale : {1.0, 0.001}) {
          std::string reason;
          auto kernel =
              buildLog({{1, hi}, scale, fractionBits, isBase2}, &reason);
          checkKernel(kernel, reason, [&](long double i) {
            long double x = (long double)scale * i;
            return std::ldexp(isBase2 ? std::log2(x) : std::log(x),
                              int(fractionBits));
          });
          EXPECT_LE(kernel->bound, 0.6);
        }
  std::string reason;
  EXPECT_FALSE(buildLog({{0, 10}, 1.0, 8}, &reason));
  EXPECT_NE(reason.find("logarithm of 0"), std::string::npos);
}

// What a softmax does: round(n 2^f / d), at most half a unit and a little off.
TEST(IntegerKernels, Power) {
  for (double exponent : {0.1, 1.0 / 3, 1.5, 2.5, 7.9, -0.25, -1.5, -3.0})
    for (Range range : {Range{0, 65535}, Range{1, 65536}, Range{3, 1 << 30},
                        Range{1000, int64_t(1) << 45}}) {
      if (exponent < 0 && range.lo == 0)
        continue;
      SCOPED_TRACE(std::to_string(exponent) + " " + std::to_string(range.hi));
      double scale = 0x1.3p-9;
      double ends[] = {std::pow(scale * double(range.lo), exponent),
                       std::pow(scale * double(range.hi), exponent)};
      int fractionBits = 40 - std::ilogb(std::max(ends[0], ends[1]));
      std::string reason;
      auto kernel = buildPower({range, scale, exponent, fractionBits}, &reason);
      ASSERT_TRUE(kernel) << reason;
      EXPECT_LE(kernel->relativeBound,
                std::ldexp(0x1p-27, int(std::ceil(std::fabs(exponent)))));
      long double largest = 0;
      for (int64_t i : getInputs(range)) {
        long double exact =
            std::ldexp(std::pow((long double)scale * i, (long double)exponent),
                       fractionBits);
        largest = std::max(
            largest, std::fabs(run(kernel->program, i)[0] - exact) /
                         (0.5L + 0x1p-32L + kernel->relativeBound * exact));
      }
      EXPECT_LE(largest, 1);
      EXPECT_GE(largest, 0.125);
    }
  std::string reason;
  EXPECT_FALSE(buildPower({{0, 5}, 1, -1, 3}, &reason));
  EXPECT_EQ(reason, "0 has no power with a negative exponent");
  EXPECT_FALSE(buildPower({{1, 5}, 1, 9, 3}, &reason));
  EXPECT_EQ(reason, "the exponent must be within -8 ... 8, and not 0");
  EXPECT_FALSE(buildPower({{1, 1 << 20}, 1, 3, 30}, &reason));
  EXPECT_EQ(reason, "the largest result needs more than 62 bits: use fewer "
                    "fraction bits");
}

TEST(IntegerKernels, Quotient) {
  auto reciprocal = buildReciprocal({1, int64_t(1) << 40});
  ASSERT_TRUE(reciprocal);
  for (unsigned fractionBits : {0u, 8u, 16u, 30u}) {
    IntegerProgramBuilder b;
    auto n = b.addInput({-(int64_t(1) << 31), (int64_t(1) << 31) - 1});
    auto d = b.addInput({1, int64_t(1) << 40});
    auto parts = b.append(reciprocal->program, d);
    auto quotient = emitScaledProduct(b, n, parts[0], parts[1], fractionBits);
    ASSERT_FALSE(b.hasFailed()) << b.getFailure();
    IntegerProgram program = b.finish(quotient);
    std::mt19937_64 random(3);
    for (int i = 0; i < (1 << 15); ++i) {
      int64_t d = int64_t(random() % (uint64_t(1) << 40) >> random() % 40) + 1;
      int64_t n = int32_t(uint32_t(random())) >> random() % 31;
      bool rangesHold;
      int64_t result = program.evaluate({n, d}, &rangesHold)[0];
      EXPECT_TRUE(rangesHold);
      long double exact = std::ldexp((long double)n / d, int(fractionBits));
      EXPECT_LE(std::fabs(result - exact),
                0.5L + std::fabs(exact) * reciprocal->relativeBound)
          << n << " / " << d;
    }
  }
}
