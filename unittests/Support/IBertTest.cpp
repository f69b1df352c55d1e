//===- IBertTest.cpp - The integer kernels of I-BERT ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IBert.h"
#include "gtest/gtest.h"
#include <cmath>
#include <functional>
#include <random>

using namespace mlir::qfmt;

static double gelu(double x) {
  return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
}

/// The largest and the root mean square distance from GELU on [-4, 4].
static std::pair<double, double>
measureGelu(std::function<double(double)> approximation) {
  double largest = 0, sum = 0;
  const int steps = 65536;
  for (int i = -steps; i <= steps; ++i) {
    double x = 4.0 * i / steps;
    double error = approximation(x) - gelu(x);
    largest = std::max(largest, std::fabs(error));
    sum += error * error;
  }
  return {largest, std::sqrt(sum / (2 * steps + 1))};
}

// The table of the paper: .018 / .0082, .020 / .012, .068 / .031.
TEST(IBert, PublishedGeluErrors) {
  double scale = std::ldexp(1.0, -14);
  auto kernel = IBertGelu::make(scale);
  ASSERT_TRUE(kernel);
  auto [largest, rms] = measureGelu([&](double x) {
    return kernel->evaluate(int64_t(std::round(x / scale))) *
           kernel->outputScale;
  });
  EXPECT_NEAR(largest, 0.01815, 2e-5);
  EXPECT_NEAR(rms, 0.00819, 1e-5);
  std::tie(largest, rms) =
      measureGelu([](double x) { return x / (1 + std::exp(-1.702 * x)); });
  EXPECT_NEAR(largest, 0.02033, 1e-5);
  EXPECT_NEAR(rms, 0.01181, 1e-5);
  std::tie(largest, rms) = measureGelu([](double x) {
    return x * std::min(std::max(1.702 * x + 3, 0.0), 6.0) / 6;
  });
  EXPECT_NEAR(largest, 0.06870, 1e-5);
  EXPECT_NEAR(rms, 0.03060, 1e-5);
}

// GELU as the published code computes it, in double, for the scale of 8 bits.
TEST(IBert, GeluOfEightBits) {
  double scale = 4.0 / 127;
  auto kernel = IBertGelu::make(scale);
  ASSERT_TRUE(kernel);
  auto program = kernel->makeProgram({-127, 127});
  ASSERT_TRUE(program);
  double inner = scale / 1.4142;
  double b = std::floor(-1.769 / inner);
  double c = std::floor(1 / -0.2888 / (inner * inner));
  double erfScale = -0.2888 * inner * inner * 16384;
  for (int q = -127; q <= 127; ++q) {
    double t = std::min<double>(std::abs(q), -b);
    double sign = (q > 0) - (q < 0);
    double y = std::floor(sign * ((t + b) * (t + b) + c) / 16384);
    double expected = q * (y + std::floor(1 / erfScale));
    EXPECT_EQ(double(kernel->evaluate(q)), expected) << q;
    EXPECT_EQ(program->evaluate(q), kernel->evaluate(q)) << q;
  }
  EXPECT_DOUBLE_EQ(kernel->outputScale, scale * erfScale / 2);
}

TEST(IBert, PublishedExpError) {
  // The polynomial on [-ln 2, 0]: 1.913e-3.
  double scale = 5e-5;
  auto kernel = IBertExp::make(scale);
  ASSERT_TRUE(kernel);
  double largest = 0;
  for (int64_t q = 0; q > kernel->ln2; --q)
    largest =
        std::max(largest, std::fabs(kernel->evaluate(q) * kernel->outputScale -
                                    std::exp(q * scale)));
  EXPECT_NEAR(largest, 1.913e-3, 3e-5);
}

TEST(IBert, ExpPrograms) {
  for (double scale : {0.69, 0.1, 1.0 / 127, 1e-3, 4e-5}) {
    auto kernel = IBertExp::make(scale);
    ASSERT_TRUE(kernel);
    int64_t lo = 32 * kernel->ln2 - 5;
    auto program = kernel->makeProgram(lo);
    ASSERT_TRUE(program);
    for (int64_t q = 0; q >= lo; --q) {
      bool rangesHold;
      EXPECT_EQ(program->evaluate(llvm::ArrayRef(q), &rangesHold)[0],
                kernel->evaluate(q))
          << scale << " " << q;
      EXPECT_TRUE(rangesHold) << scale << " " << q;
    }
    // Fine scales: the published error everywhere.
    if (scale < 0.01) {
      for (int64_t q = 0; q >= lo; --q)
        EXPECT_NEAR(kernel->evaluate(q) * kernel->outputScale,
                    std::exp(q * scale), 0.01);
    }
  }
  std::string reason;
  EXPECT_FALSE(IBertExp::make(0.7, &reason));
  EXPECT_FALSE(IBertExp::make(3e-5, &reason));
  EXPECT_NE(reason.find("31-bit"), std::string::npos);
  EXPECT_FALSE(IBertGelu::make(3e-5, &reason));
}

TEST(IBert, Softmax) {
  double scale = 0.05;
  auto exp = IBertExp::make(scale);
  ASSERT_TRUE(exp);
  std::mt19937 random(5);
  for (int size : {1, 2, 7, 64, 128}) {
    llvm::SmallVector<int64_t> row;
    double sum = 0;
    for (int i = 0; i < size; ++i)
      row.push_back(int64_t(random() % 256) - 128);
    for (int64_t q : row)
      sum += std::exp(q * scale);
    auto result = computeIBertSoftmax(row, *exp, 8);
    for (auto [q, y] : llvm::zip(row, result))
      EXPECT_NEAR(y / 256.0, std::exp(q * scale) / sum, 0.02) << size;
  }
  // Equal values: floor(32767 floor(2^32 / (4 32767)) / 2^24) = 63.
  EXPECT_EQ(computeIBertSoftmax({5, 5, 5, 5}, *exp, 8),
            (llvm::SmallVector<int64_t>{63, 63, 63, 63}));
}

// What softmax adds up, without 92-bit products.
TEST(IBert, SixteenBitPrograms) {
  for (double scale : {0.69, 0.3, 0.05, 1.0 / 127, 1e-3, 4e-5}) {
    auto kernel = IBertExp::make(scale);
    ASSERT_TRUE(kernel);
    for (double expMax : {1.0, 0.7}) {
      int64_t lo = 32 * kernel->ln2 - 5;
      auto program = kernel->makeProgram16(lo, expMax);
      ASSERT_TRUE(program);
      for (int64_t q = 0; q >= lo; --q) {
        bool rangesHold;
        EXPECT_EQ(program->evaluate(llvm::ArrayRef(q), &rangesHold)[0],
                  kernel->evaluate16(q, expMax))
            << scale << " " << q;
        EXPECT_TRUE(rangesHold) << scale << " " << q;
      }
    }
  }
}

// Divisions and roots without dividing, where they are whole and next to it.
TEST(IBert, FloorPrograms) {
  auto check = [](const IntegerProgram &program, int64_t input,
                  int64_t expected) {
    bool rangesHold;
    EXPECT_EQ(program.evaluate(llvm::ArrayRef(input), &rangesHold)[0], expected)
        << input;
    EXPECT_TRUE(rangesHold) << input;
  };
  for (auto [exponent, lo] : {std::pair(31u, int64_t(1)), {32u, 2}}) {
    int64_t hi = (int64_t(1) << 30) - 1, power = int64_t(1) << exponent;
    auto program = buildFloorReciprocal(exponent, {lo, hi});
    ASSERT_TRUE(program);
    for (int64_t x = lo; x < 70000; ++x)
      check(*program, x, power / x);
    std::mt19937_64 random(3);
    for (int i = 0; i < 100000; ++i) {
      int64_t x = std::max<int64_t>(lo, (random() % hi) >> (random() % 30));
      check(*program, x, power / x);
      // The largest x with this quotient, and one more.
      int64_t last = std::min(power / (power / x), hi);
      check(*program, last, power / last);
      if (last < hi)
        check(*program, last + 1, power / (last + 1));
    }
    check(*program, hi, power / hi);
  }
  EXPECT_FALSE(buildFloorReciprocal(32, {1, 5}));
  auto root = buildFloorSqrt({0, int64_t(1) << 40});
  ASSERT_TRUE(root);
  for (int64_t n = 0; n < 70000; ++n)
    check(*root, n, computeIBertSqrt(n));
  for (int64_t k = 1; k < (int64_t(1) << 20); k = k * 3 / 2 + 1)
    for (int64_t delta : {-1, 0, 1})
      check(*root, k * k + delta, computeIBertSqrt(k * k + delta));
}

TEST(IBert, Sqrt) {
  auto check = [](int64_t n) {
    int64_t root = computeIBertSqrt(n);
    EXPECT_LE(__int128(root) * root, n) << n;
    EXPECT_GT(__int128(root + 1) * (root + 1), n) << n;
  };
  for (int64_t n = 0; n < 70000; ++n)
    check(n);
  for (int64_t k = 1; k < (int64_t(1) << 31); k = k * 3 + 1)
    for (int64_t delta : {-1, 0, 1})
      check(k * k + delta);
  check(std::numeric_limits<int64_t>::max());
}

TEST(IBert, LayerNorm) {
  std::mt19937 random(11);
  for (int64_t magnitude : {100, 5000, 2000000}) {
    llvm::SmallVector<int64_t> row;
    for (int i = 0; i < 96; ++i)
      row.push_back(int64_t(random() % (2 * magnitude)) - magnitude / 2);
    IBertLayerNorm kernel;
    kernel.shift = IBertLayerNorm::findShift(row);
    EXPECT_EQ(kernel.shift > 0, magnitude > 5000);
    kernel.bias.assign(row.size(), 12345);
    double mean = 0, variance = 0;
    for (int64_t q : row)
      mean += double(q) / row.size();
    for (int64_t q : row)
      variance += (q - mean) * (q - mean) / row.size();
    double scale = IBertLayerNorm::getScale(row.size());
    auto result = kernel.evaluate(row);
    // The mean is off by half a unit; the factor 2^31 / deviation, the shifted
    // values (about 2^11 or more) and the root are cut off.
    double sigma = std::sqrt(variance);
    double root = sigma * std::sqrt(96.0);
    double relative = root / 0x1p31 + 1 / root + 0x1p-11;
    for (auto [q, y] : llvm::zip(row, result)) {
      double exact = (q - mean) / sigma;
      EXPECT_NEAR((y - 12345) * scale, exact,
                  0.5 / sigma + std::fabs(exact) * relative)
          << magnitude;
    }
  }
  EXPECT_EQ(IBertLayerNorm().evaluate({7, 7, 7}),
            (llvm::SmallVector<int64_t>{0, 0, 0}));
}
