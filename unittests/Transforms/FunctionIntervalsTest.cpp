//===- FunctionIntervalsTest.cpp - Functions on intervals -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random expressions: what they are and how steep at random points of random
// intervals, against what is said of the whole interval.
//
//===----------------------------------------------------------------------===//

#include "FunctionIntervals.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

static ExpressionRef makeElement() {
  return Expression::makeElement(Value(), nullptr, {});
}

static ExpressionRef apply(StringRef name, ArrayRef<ExpressionRef> operands) {
  return Expression::makeApply(name, operands);
}

namespace {
class Generator {
public:
  explicit Generator(unsigned seed) : random(seed) {}

  unsigned pick(unsigned count) { return random() % count; }
  double pick(double lo, double hi) {
    return std::uniform_real_distribution<double>(lo, hi)(random);
  }

  ExpressionRef make(unsigned depth) {
    if (depth == 0)
      return pick(4) ? makeElement() : makeConstant();
    auto one = [&] { return make(depth - 1); };
    auto other = [&] { return make(pick(depth)); };
    switch (pick(9)) {
    case 0:
    case 1:
    case 2:
      return apply(pickName(unary), {one()});
    case 3:
    case 4:
      return apply(pickName(binary), {one(), other()});
    case 5: {
      ExpressionRef squared = one();
      return apply("arith.mulf", {squared, squared});
    }
    case 6:
      return apply("arith.select", {compare(other(), other()), one(), other()});
    case 7:
      return apply("math.powf",
                   {one(), Expression::makeConstant(0.5 * pick(11) - 2)});
    default:
      return apply("arith.uitofp i1", {compare(one(), other())});
    }
  }

private:
  StringRef pickName(ArrayRef<StringRef> names) {
    return names[pick(unsigned(names.size()))];
  }
  ExpressionRef makeConstant() {
    return Expression::makeConstant(pick(2) ? pick(7) - 3.0 : pick(-3, 3));
  }
  ExpressionRef compare(const ExpressionRef &a, const ExpressionRef &b) {
    return apply(
        pickName({"arith.cmpf ogt", "arith.cmpf oge", "arith.cmpf olt",
                  "arith.cmpf ole", "arith.cmpf oeq", "arith.cmpf one"}),
        {a, b});
  }

  static constexpr StringRef unary[] = {
      "arith.negf", "math.absf",  "math.sqrt",  "math.rsqrt", "math.exp",
      "math.exp2",  "math.expm1", "math.log",   "math.log2",  "math.log10",
      "math.log1p", "math.erf",   "math.tanh",  "math.sin",   "math.cos",
      "math.floor", "math.ceil",  "math.trunc", "math.round", "math.roundeven"};
  static constexpr StringRef binary[] = {"arith.addf",     "arith.subf",
                                         "arith.mulf",     "arith.divf",
                                         "arith.maximumf", "arith.minimumf"};
  std::mt19937_64 random;
};
} // namespace

TEST(FunctionIntervals, HoldValuesAndSlopes) {
  Generator random(1);
  for (int i = 0; i < 3000; ++i) {
    ExpressionRef expression = random.make(1 + random.pick(5));
    auto function = ElementFunction::make(expression);
    auto intervals = FunctionIntervals::make(expression);
    ASSERT_TRUE(function && intervals);
    double lo = random.pick(2) ? random.pick(-8.0, 8.0) : random.pick(9) - 4.0;
    double hi = lo + std::ldexp(random.pick(0.0, 8.0), -int(random.pick(20)));
    Jet jet = (*intervals)({lo, hi});
    double before = NAN, beforeAt = 0;
    for (int k = 0; k < 20; ++k) {
      double at = k == 0 ? lo : k == 1 ? hi : random.pick(lo, hi);
      double value = (*function)(at);
      // What double precision makes of the function.
      double rounding = 1e-9 * (std::abs(value) + 1e-3);
      if (!std::isfinite(value))
        continue;
      EXPECT_GE(value, jet.value.lo - rounding) << expression->name;
      EXPECT_LE(value, jet.value.hi + rounding) << expression->name;
      double most = jet.slope.getMagnitude() * std::abs(at - beforeAt);
      if (std::isfinite(before))
        EXPECT_LE(std::abs(value - before),
                  most * 1.0001 + 2 * jet.off + rounding)
            << expression->name << " of " << at << " and " << beforeAt;
      before = value;
      beforeAt = at;
    }
  }
}

TEST(FunctionIntervals, BoundChanges) {
  Generator random(2);
  unsigned close = 0, all = 0;
  for (int i = 0; i < 600; ++i) {
    ExpressionRef expression = random.make(1 + random.pick(4));
    auto function = ElementFunction::make(expression);
    auto intervals = FunctionIntervals::make(expression);
    ASSERT_TRUE(function && intervals);
    double lo = random.pick(-8.0, 4.0), hi = lo + random.pick(0.1, 8.0);
    double off = (hi - lo) * std::ldexp(1.0, -2 - int(random.pick(18)));
    double bound = intervals->getVariation(lo, hi, off);
    double distance = intervals->getDistance(lo, hi, lo);
    double largest = 0, magnitude = 0;
    for (int k = 0; k < 1000; ++k) {
      double at = random.pick(lo, hi);
      // Jumps are where comparisons have such constants.
      if (k % 4 == 0)
        at = std::clamp(std::nearbyint(at * 4) / 4, lo, hi);
      double value = (*function)(at), moved = (*function)(at + off);
      double start = (*function)(lo);
      if (!std::isfinite(value) || !std::isfinite(moved) ||
          !std::isfinite(start))
        continue;
      largest = std::max(largest, std::abs(value - moved));
      magnitude = std::max({magnitude, std::abs(value), std::abs(start)});
      EXPECT_LE(std::abs(value - start), distance + 1e-9 * (magnitude + 1e-3))
          << expression->name;
    }
    EXPECT_LE(largest, bound * (1 + 1e-6) + 1e-9 * (magnitude + 1e-3))
        << expression->name;
    if (largest > 1e-9 && std::isfinite(bound)) {
      ++all;
      close += bound <= 1.1 * largest;
    }
  }
  EXPECT_GT(all, 200u);
  EXPECT_GT(close, all / 2);
}

// The true number of a comparison jumps where it is undecided.
TEST(FunctionIntervals, ComparisonsJump) {
  ExpressionRef greater =
      apply("arith.cmpf ogt", {makeElement(), Expression::makeConstant(0.5)});
  ExpressionRef gate =
      apply("arith.mulf", {makeElement(), apply("arith.uitofp i1", {greater})});
  auto intervals = FunctionIntervals::make(gate);
  ASSERT_TRUE(intervals);
  double bound = intervals->getVariation(-1, 1, 0x1p-10);
  EXPECT_GE(bound, 0.5);
  EXPECT_LE(bound, 1.05 * (0.5 + 0x1p-10) + 1e-9);
}

// An interval holds the real function, not only what doubles make of it.
TEST(FunctionIntervals, RoundOutwards) {
  ExpressionRef third = apply(
      "arith.divf", {Expression::makeConstant(1), Expression::makeConstant(3)});
  auto intervals = FunctionIntervals::make(
      apply("arith.subf", {apply("arith.mulf", {third, makeElement()}),
                           Expression::makeConstant(1)}));
  ASSERT_TRUE(intervals);
  Jet jet = (*intervals)({3, 3});
  EXPECT_LT(jet.value.lo, 0);
  EXPECT_GT(jet.value.hi, 0);
}

// exp(-x) is beyond all doubles, and 1 / (1 + exp(-x)) still nearly 0.
TEST(FunctionIntervals, Overflow) {
  ExpressionRef exponential =
      apply("math.exp", {apply("arith.negf", {makeElement()})});
  auto intervals = FunctionIntervals::make(
      apply("arith.divf",
            {Expression::makeConstant(1),
             apply("arith.addf", {Expression::makeConstant(1), exponential})}));
  ASSERT_TRUE(intervals);
  for (double hi : {-900.0, -100.0}) {
    Jet jet = (*intervals)({-1000, hi});
    EXPECT_GE(jet.value.lo, 0);
    EXPECT_LE(jet.value.hi, 1e-40);
  }
}
