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

TEST(SampledFunction, RefusesTablesThatAreTooLarge) {
  std::mt19937_64 random(2);
  std::vector<double> values;
  for (int i = 0; i < 65536; ++i)
    values.push_back(double(random() % 1000));
  EXPECT_FALSE(approximateSamples({values, 0, 0.75}));
  // What is nearly constant needs none.
  EXPECT_EQ(check({values, 0, 1000}).tableSize, 0u);
}
