//===- RemezTest.cpp - Minimax polynomials --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Remez.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::qfmt;

static long double exp2OfReal(long double x) { return std::exp2(x); }

/// |f - p| at 100001 points that the exchange does not use.
static long double searchError(const PolynomialFit &fit, RealFunctionRef f,
                               long double lo, long double hi, bool relative) {
  long double largest = 0;
  for (int i = 0; i <= 100000; ++i) {
    long double x = lo + (hi - lo) * i / 100000;
    long double error = std::fabs(f(x) - fit.evaluate(x));
    largest = std::max(largest, relative ? error / std::fabs(f(x)) : error);
  }
  return largest;
}

// The errors of minimax polynomials for 2^x on [0, 1], which the published
// (Sollya) baselines reach: 7.49e-8, 1.86e-9, ... for degrees 5, 6, ...
TEST(Remez, Exp2PublishedErrors) {
  const long double published[] = {7.49e-8L, 1.86e-9L, 4.02e-11L, 7.74e-13L,
                                   1.34e-14L};
  for (unsigned degree = 5; degree <= 9; ++degree) {
    auto fit = fitPolynomial(
        {exp2OfReal, 0, 1, [](long double x) { return 1 / std::exp2(x); }},
        degree);
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->maxError / published[degree - 5], 1, 0.01) << degree;
    EXPECT_LE(fit->maxError, fit->leastError * (1 + 1e-4L)) << degree;
    long double searched = searchError(*fit, exp2OfReal, 0, 1, true);
    EXPECT_LE(searched, fit->maxError * (1 + 1e-6L)) << degree;
    EXPECT_GE(searched, fit->maxError * 0.999L) << degree;
  }
}

// Known in closed form: |x| by a quadratic (error 1/8) and x^3 by a quadratic
// (error 2^-2, the Chebyshev polynomial T3 / 4) on [-1, 1].
TEST(Remez, ClosedForms) {
  auto cubic = fitPolynomial(
      {[](long double x) { return x * x * x; }, -1, 1, nullptr}, 2);
  ASSERT_TRUE(cubic);
  EXPECT_NEAR(cubic->maxError, 0.25, 1e-15);
  EXPECT_NEAR(cubic->coefficients[1], 0.75, 1e-15);
  auto magnitude = fitPolynomial(
      {[](long double x) { return std::fabs(x); }, -1, 1, nullptr}, 2);
  ASSERT_TRUE(magnitude);
  EXPECT_NEAR(magnitude->maxError, 0.125, 1e-7);
  EXPECT_NEAR(magnitude->coefficients[2], 1, 1e-6);
}

TEST(Remez, ExactPolynomialsAndPoints) {
  auto line = fitPolynomial(
      {[](long double x) { return 3 * x - 7; }, -100, 1000, nullptr}, 4);
  ASSERT_TRUE(line);
  EXPECT_LT(line->maxError, 1e-12L);
  auto point = fitPolynomial({exp2OfReal, 2, 2, nullptr}, 3);
  ASSERT_TRUE(point);
  EXPECT_EQ(point->evaluate(2), 4);
}

TEST(Remez, SelectedPowers) {
  // sin on [0.001, 1] by x, x^3, x^5: Taylor's error is x^7 / 5040 at 1.
  auto fit = fitPolynomial(
      {[](long double x) { return std::sin(x); }, 0.001L, 1, nullptr},
      {1u, 3u, 5u});
  ASSERT_TRUE(fit);
  ASSERT_EQ(fit->coefficients.size(), 6u);
  EXPECT_EQ(fit->coefficients[0], 0);
  EXPECT_EQ(fit->coefficients[4], 0);
  EXPECT_LT(fit->maxError, 1.0L / 5040 / 30);
  EXPECT_LE(fit->maxError, fit->leastError * (1 + 1e-4L));
}

// Functions that are not smooth get a polynomial with an honest error.
TEST(Remez, Kinks) {
  auto relu = [](long double x) { return std::max(x, 0.0L); };
  for (unsigned degree : {1, 3, 6, 8}) {
    auto fit = fitPolynomial({relu, -3, 5, nullptr}, degree);
    ASSERT_TRUE(fit);
    long double searched = searchError(*fit, relu, -3, 5, false);
    EXPECT_LE(searched, fit->maxError * (1 + 1e-3L)) << degree;
  }
}

TEST(Remez, Refuses) {
  auto reciprocal = [](long double x) { return 1 / x; };
  EXPECT_FALSE(fitPolynomial({reciprocal, 0, 1, nullptr}, 3));
  EXPECT_FALSE(fitPolynomial({exp2OfReal, 1, 0, nullptr}, 3));
  EXPECT_FALSE(fitPolynomial(
      {exp2OfReal, 0, std::numeric_limits<long double>::infinity(), nullptr},
      3));
}
