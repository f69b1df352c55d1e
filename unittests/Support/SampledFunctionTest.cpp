//===- SampledFunctionTest.cpp - Functions of few integers ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/SampledFunction.h"
#include "gtest/gtest.h"
#include <cmath>
#include <functional>
#include <random>

using namespace mlir::qfmt;

/// Checks ranges and the bound for every input. Returns the program.
static SampledFunction check(const SampledRequest &request) {
  std::optional<SampledFunction> function = approximateSamples(request);
  EXPECT_TRUE(function);
  if (!function)
    std::abort();
  double largest = 0;
  int64_t lowest = INT64_MAX, highest = INT64_MIN;
  for (size_t k = 0; k < request.values.size(); ++k) {
    bool rangesHold;
    int64_t result =
        function->program.evaluate({request.lo + int64_t(k)}, &rangesHold)[0];
    EXPECT_TRUE(rangesHold) << "input " << request.lo + int64_t(k);
    largest = std::max(largest, std::fabs(double(result) - request.values[k]));
    lowest = std::min(lowest, result);
    highest = std::max(highest, result);
  }
  EXPECT_EQ(largest, function->bound);
  EXPECT_LE(function->bound, request.maxError);
  EXPECT_EQ(function->program.getResultRange().lo, lowest);
  EXPECT_EQ(function->program.getResultRange().hi, highest);
  EXPECT_LE(function->tableSize, request.maxTableSize);
  return *function;
}

/// function(scale * i) for codes of 16 bits, the largest of 24 bits.
static std::vector<double> sample(const std::function<double(double)> &function,
                                  double scale) {
  std::vector<double> values;
  double largest = 0;
  for (int i = -32768; i < 32768; ++i) {
    values.push_back(function(scale * i));
    largest = std::max(largest, std::fabs(values.back()));
  }
  double unit = std::ldexp(1.0, std::ilogb(largest) + 1 - 23);
  for (double &value : values)
    value /= unit;
  return values;
}

// Smooth functions, kinks, jumps, and ends at which derivatives or values are
// large, at all codes of 16 bits and with results of 24: one rounding each.
TEST(SampledFunction, All16BitCodes) {
  struct {
    const char *name;
    std::function<double(double)> function;
  } cases[] = {
      {"sqrt", [](double x) { return std::sqrt(std::max(x, 0.0)); }},
      {"sqrt of abs", [](double x) { return std::sqrt(std::fabs(x)); }},
      {"rsqrt", [](double x) { return 1 / std::sqrt(std::max(x, 1e-3)); }},
      {"rsqrt2", [](double x) { return 1 / std::sqrt(std::fabs(x) + 1e-5); }},
      {"reciprocal", [](double x) { return 1 / std::max(x, 1e-2); }},
      {"reciprocal2", [](double x) { return 1 / (std::fabs(x) + 0.01); }},
      {"pole", [](double x) { return x == 0 ? 0 : 1 / x; }},
      {"log", [](double x) { return std::log(std::fabs(x) + 1e-5); }},
      {"power 1.5", [](double x) { return std::pow(std::fabs(x), 1.5); }},
      {"power 0.1", [](double x) { return std::pow(std::fabs(x), 0.1); }},
      {"floor", [](double x) { return std::floor(x); }},
      {"rounding", [](double x) { return std::nearbyint(x * 3); }},
      {"sign", [](double x) { return x < 0 ? -1.0 : 1.0; }},
      {"softplus", [](double x) { return std::log1p(std::exp(x)); }},
      {"selu", [](double x) { return x > 0 ? x : 1.6733 * std::expm1(x); }},
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"exp", [](double x) { return std::exp(x); }},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"erf", [](double x) { return std::erf(x); }},
      {"sine", [](double x) { return std::sin(5 * x); }},
      {"product", [](double x) { return std::tanh(x) * std::fabs(x - 1); }},
  };
  for (const auto &[name, function] : cases) {
    SCOPED_TRACE(name);
    std::vector<double> values = sample(function, 4e-4);
    SampledFunction found = check({values, -32768, 0.75});
    EXPECT_LE(found.program.countOperations(), 40u);
    // Coarser results need less.
    for (double &value : values)
      value /= 4096;
    SampledFunction coarse = check({values, -32768, 0.75});
    EXPECT_LE(coarse.tableSize, std::max(found.tableSize, 256u));
  }
}

TEST(SampledFunction, ExactWhereValuesAre) {
  std::vector<double> values =
      sample([](double x) { return std::floor(x); }, 4e-4);
  EXPECT_EQ(check({values, -32768, 0.75}).bound, 0);
  values.assign(65536, 0.0);
  SampledFunction zero = check({values, -32768, 0.75});
  EXPECT_EQ(zero.bound, 0);
  EXPECT_EQ(zero.program.countOperations(), 0u);
  // The identity is no look-up.
  for (int i = 0; i < 65536; ++i)
    values[i] = i;
  SampledFunction identity = check({values, 0, 0.75});
  EXPECT_EQ(identity.bound, 0);
  EXPECT_EQ(identity.tableSize, 0u);
}

// Every number of inputs, so that last cells and segments are incomplete.
TEST(SampledFunction, AnyNumberOfInputs) {
  std::mt19937_64 random(1);
  for (int count = 1; count < 700; count += count < 70 ? 1 : 37) {
    SCOPED_TRACE(count);
    std::vector<double> values;
    for (int i = 0; i < count; ++i)
      values.push_back(1e6 * std::sqrt(double(i) / count) +
                       (i > count / 3 ? 1e5 : 0));
    check({values, -17, 0.75});
    for (double &value : values)
      value = double(random() % 1000000) / 7;
    check({values, 1 << 20, 0.75});
    check({values, 1 << 20, 0.51});
  }
}

// Of ranges of 30 bits: samples and midpoints, and every input of some steps.
TEST(SampledFunction, BetweenSamples) {
  struct {
    const char *name;
    std::function<double(double)> function;
  } cases[] = {
      {"tanh", [](double x) { return std::tanh(x); }},
      {"gelu", [](double x) { return x / 2 * (1 + std::erf(x / M_SQRT2)); }},
      {"softplus", [](double x) { return std::log1p(std::exp(x)); }},
      {"sine", [](double x) { return std::sin(x); }},
      {"elu", [](double x) { return x > 0 ? x : std::expm1(x); }},
      // A kink between samples, where the slope changes by 0.7.
      {"selu", [](double x) {
         x -= 0.12345;
         return x > 0 ? 1.05 * x : 1.758 * std::expm1(x);
       }}};
  std::mt19937_64 random(3);
  for (const auto &[name, function] : cases)
    for (unsigned stepBits : {1, 5, 14}) {
      SCOPED_TRACE(name + std::string(" ") + std::to_string(stepBits));
      double unit = 0x1p-18;
      int64_t lo = -(int64_t(5) << (stepBits + 12)), step = int64_t(1)
                                                            << stepBits;
      double scale = std::ldexp(1.0, -12 - int(stepBits)) * 1.7;
      std::vector<double> values, midpoints;
      auto get = [&, f = function](double i) { return f(i * scale) / unit; };
      for (int k = 0; k <= 43000; ++k) {
        values.push_back(get(double(lo + k * step)));
        if (k < 43000)
          midpoints.push_back(get(double(lo + k * step + step / 2)));
      }
      SampledRequest request = {values, lo, 0.75};
      request.stepBits = stepBits;
      request.midpoints = midpoints;
      std::optional<SampledFunction> found = approximateSamples(request);
      for (double error : {1.5, 4.0, 16.0, 64.0})
        if (!found) {
          request.maxError = error;
          found = approximateSamples(request);
        }
      ASSERT_TRUE(found);
      EXPECT_LE(found->bound, request.maxError);
      double largest = 0;
      auto check = [&](int64_t i) {
        bool rangesHold;
        int64_t result = found->program.evaluate({i}, &rangesHold)[0];
        EXPECT_TRUE(rangesHold) << i;
        largest = std::max(largest, std::fabs(double(result) - get(double(i))));
      };
      int64_t hi = lo + 43000 * step - 1;
      std::uniform_int_distribution<int64_t> pick(lo, hi);
      for (int i = 0; i < 100000; ++i)
        check(pick(random));
      auto kink = int64_t(0.12345 / scale);
      for (int64_t i = -2 * step; i <= 2 * step; ++i)
        check(kink + i);
      check(lo);
      check(hi);
      EXPECT_LE(largest, found->bound);
      EXPECT_GE(8 * largest, found->bound);
    }
}

TEST(SampledFunction, RefusesTablesThatAreTooLarge) {
  std::mt19937_64 random(2);
  std::vector<double> values;
  for (int i = 0; i < 65536; ++i)
    values.push_back(double(random() % 1000));
  EXPECT_FALSE(approximateSamples({values, 0, 0.75}));
  // What is nearly constant needs none.
  EXPECT_EQ(check({values, 0, 1000}).tableSize, 0u);
}
