//===- FixedPointFunctionTest.cpp - Real functions in integers ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/FixedPointFunction.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir::qfmt;

static long double gelu(long double x) {
  return x / 2 * (1 + std::erf(x * 0.70710678118654752440L));
}
static long double silu(long double x) { return x / (1 + std::exp(-x)); }
static long double sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }
static long double hyperbolicTangent(long double x) { return std::tanh(x); }
static long double errorFunction(long double x) { return std::erf(x); }
static long double relu(long double x) { return std::max(x, 0.0L); }

/// The largest error over the inputs: all of them, or 2^15 random ones and
/// those around powers of two and the ends. Checks every value's range.
static double observe(const FixedPointFunction &function,
                      const FixedPointRequest &request) {
  long double largest = 0;
  auto check = [&](int64_t i) {
    bool rangesHold;
    int64_t result = function.program.evaluate(i, &rangesHold)[0];
    EXPECT_TRUE(rangesHold) << "input " << i;
    largest = std::max(largest,
                       std::fabs(result - request.function(request.inputScale *
                                                           (long double)i) /
                                              request.outputScale));
  };
  if (request.hi - request.lo < kMaxExhaustive) {
    for (int64_t i = request.lo; i <= request.hi; ++i)
      check(i);
    return double(largest);
  }
  std::mt19937_64 random(1);
  std::uniform_int_distribution<int64_t> pick(request.lo, request.hi);
  for (int i = 0; i < (1 << 15); ++i)
    check(pick(random));
  for (int bit = 0; bit < 62; ++bit)
    for (int64_t sign : {-1, 1})
      for (int64_t delta : {-1, 0, 1}) {
        int64_t i = sign * (int64_t(1) << bit) + delta;
        if (request.lo <= i && i <= request.hi)
          check(i);
      }
  check(request.lo);
  check(request.hi);
  return double(largest);
}

static FixedPointFunction approximate(const FixedPointRequest &request) {
  std::string reason;
  auto function = approximateFunction(request, &reason);
  EXPECT_TRUE(function) << reason;
  if (!function)
    std::abort();
  EXPECT_LE(function->bound, request.maxError);
  EXPECT_LE(function->bound, function->analyticBound);
  double observed = observe(*function, request);
  EXPECT_LE(observed, function->bound);
  EXPECT_LE(observed, function->analyticBound);
  EXPECT_LE(function->bound, 8 * observed);
  return *function;
}

// The functions of networks: 8- and 16-bit operands over [-8, 8], results of
// 8 and 16 bits, within 0.75 units of the exact result.
TEST(FixedPointFunction, ElementwiseFunctions) {
  RealFunction functions[] = {gelu,          silu, sigmoid, hyperbolicTangent,
                              errorFunction, relu};
  for (auto &function : functions)
    for (int inputBits : {8, 16, 20})
      for (int outputBits : {8, 16}) {
        int64_t limit = int64_t(1) << (inputBits - 1);
        double range = std::max<double>(1, std::fabs(double(function(8))));
        FixedPointRequest request = {function,
                                     -limit,
                                     limit - 1,
                                     8.0 / limit,
                                     range / ((1 << (outputBits - 1)) - 1),
                                     0.75};
        FixedPointFunction result = approximate(request);
        EXPECT_EQ(result.isExhaustive, inputBits <= 16);
        EXPECT_LE(result.program.getResultRange().getMagnitude(), int64_t(1)
                                                                      << 40);
      }
}

TEST(FixedPointFunction, SmallestDegree) {
  auto getDegree = [](double maxError) {
    FixedPointRequest request = {[](long double x) { return std::exp2(x); },
                                 0,
                                 1 << 20,
                                 std::ldexp(1.0, -20),
                                 std::ldexp(1.0, -24),
                                 maxError};
    return approximate(request).degree;
  };
  // Minimax errors of 2^x on [0, 1], in units of 2^-24, fall by about 30 for
  // each degree.
  EXPECT_EQ(getDegree(2e6), 1u);
  EXPECT_EQ(getDegree(5e4), 2u);
  EXPECT_EQ(getDegree(3e3), 3u);
  EXPECT_EQ(getDegree(0.7), 6u);
}

TEST(FixedPointFunction, WideRangesAndAccuracies) {
  // 31 and 40 bits of input: the argument is rounded to 30.
  for (int bits : {31, 33, 40})
    approximate({hyperbolicTangent, -(int64_t(1) << (bits - 1)),
                 int64_t(1) << (bits - 1), std::ldexp(2.0, -bits),
                 std::ldexp(1.0, -26), 0.8});
  // A single input; two; a constant.
  for (int64_t hi : {5, 6, 7})
    approximate({gelu, 5, hi, 0.5, 1e-3, 0.51});
  FixedPointFunction constant =
      approximate({[](long double) { return 0.37L; }, -1000, 100000, 1.0,
                   std::ldexp(1.0, -20), 0.51});
  EXPECT_EQ(constant.degree, 0u);
  EXPECT_EQ(constant.program.countOperations(), 0u);
  // Off centre, negative, large.
  approximate({[](long double x) { return std::log(x); }, 1 << 20, 1 << 22, 1.0,
               1e-6, 0.75});
  approximate(
      {[](long double x) { return std::exp(-x); }, -5, 5000, 1e-3, 1e-5, 0.75});
}

TEST(FixedPointFunction, SegmentsForKinks) {
  FixedPointRequest request = {
      [](long double x) { return std::fabs(x - 0.37L); },
      -(1 << 19),
      1 << 19,
      std::ldexp(1.0, -19),
      std::ldexp(1.0, -8),
      0.75};
  FixedPointFunction result = approximate(request);
  EXPECT_GT(result.segments, 1u);
  EXPECT_GT(result.program.countOperations(IntegerProgram::Opcode::Lookup), 0u);
  request.maxSegments = 1;
  std::string reason;
  EXPECT_FALSE(approximateFunction(request, &reason));
  EXPECT_NE(reason.find("no polynomial of degree 8"), std::string::npos);
}

TEST(FixedPointFunction, Clamp) {
  FixedPointRequest request = {
      sigmoid, -32768, 32767, 8.0 / 32768, std::ldexp(1.0, -15), 2.0};
  request.clamp = IntegerProgram::Range{0, 32768};
  FixedPointFunction result = approximate(request);
  EXPECT_TRUE(result.program.getResultRange().isWithin({0, 32768}));
  request.clamp = IntegerProgram::Range{0, 30000};
  std::string reason;
  EXPECT_FALSE(approximateFunction(request, &reason));
  EXPECT_NE(reason.find("leaves the range"), std::string::npos);
}

TEST(FixedPointFunction, Refuses) {
  auto refuse = [](FixedPointRequest request, const char *expected) {
    std::string reason;
    EXPECT_FALSE(approximateFunction(request, &reason));
    EXPECT_NE(reason.find(expected), std::string::npos) << reason;
  };
  auto reciprocal = [](long double x) { return 1 / x; };
  refuse({reciprocal, -10, 10, 1, 1e-3, 1}, "not finite");
  refuse({reciprocal, 10, 1, 1, 1e-3, 1}, "empty");
  refuse({reciprocal, 1, 10, 0, 1e-3, 1}, "scales");
  refuse({reciprocal, 1, 10, 1, 1e-12, 1}, "more than 32 bits");
  refuse({reciprocal, 1, 10, 1, 1e-3, 0}, "positive");
  refuse({[](long double x) { return std::sin(1000 * x); }, -50000, 50000, 1e-3,
          1e-3, 0.75},
         "segments");
}
