// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Norms.h"
#include "ExpressionFacts.h"
#include "IntegerModel.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// The scale of an element of exact integers.
static std::optional<double> getGrid(const ExpressionRef &expression) {
  if (expression->kind != Expression::Kind::Element || !expression->tensor ||
      !expression->model || !expression->model->error.isExact())
    return std::nullopt;
  return expression->model->scale.getUniform();
}

std::optional<Mean> mlir::qfmt::matchMean(const ExpressionRef &expression) {
  double factor = 1;
  ExpressionRef stripped = stripFactors(expression, factor);
  const Expression *sum = matchReduce(stripped, Combiner::Add);
  if (!sum)
    return std::nullopt;
  Mean mean = {sum->operands[0], 1};
  for (const Expression::Variable &variable : sum->variables)
    mean.count *= variable.size;
  if (std::abs(factor * static_cast<double>(mean.count) - 1) > 1e-6)
    return std::nullopt;
  return mean;
}

/// n if `mean` is the mean of n values of which `value` is one.
static std::optional<double> matchMeanOf(const ExpressionRef &expression,
                                         const ExpressionRef &value) {
  std::optional<Mean> mean = matchMean(expression);
  Bindings bindings;
  if (!mean || !unify(mean->term, value, bindings))
    return std::nullopt;
  return static_cast<double>(mean->count);
}

namespace {
/// factor * sum of base^2 + addend, or its root, at least `lowest`.
struct Norm {
  double factor = 1;
  ExpressionRef base;
  int64_t count = 1;
  double addend = 0;
  bool isRoot = false;
  double lowest = 0;
};
} // namespace

/// The operand if `expression` is its power with this exponent.
static ExpressionRef matchPower(const ExpressionRef &expression, StringRef name,
                                double exponent) {
  if (const Expression *named = matchApply(expression, name))
    return named->operands[0];
  const Expression *power = matchApply(expression, "math.powf");
  if (power && matchConstant(power->operands[1]) == exponent)
    return power->operands[0];
  return nullptr;
}

namespace {
/// x + c or max(x, c), c >= 0, once or twice.
struct Shifted {
  ExpressionRef inner;
  /// Of x + c. A maximum adds nothing that one may rely on.
  double addend = 0;
  /// From outside.
  struct Step {
    bool isSum;
    double constant;
  };
  SmallVector<Step, 2> steps;

  /// What the whole is at least if x is at least `lowest`.
  double getLowest(double lowest) const {
    for (const Step &step : llvm::reverse(steps))
      lowest =
          step.isSum ? lowest + step.constant : std::max(lowest, step.constant);
    return lowest;
  }
};
} // namespace

static Shifted stripShifts(const ExpressionRef &expression) {
  Shifted shifted;
  shifted.inner = expression;
  for (unsigned depth = 0; depth < 2; ++depth)
    for (StringRef name : {"arith.addf", "arith.maximumf", "arith.maxnumf"}) {
      const Expression *step = matchApply(shifted.inner, name);
      unsigned i = step && matchConstant(step->operands[0]) ? 0 : 1;
      std::optional<double> constant =
          step ? matchConstant(step->operands[i]) : std::nullopt;
      if (!constant || !(*constant >= 0))
        continue;
      bool isSum = name == "arith.addf";
      if (isSum)
        shifted.addend += *constant;
      shifted.steps.push_back({isSum, *constant});
      shifted.inner = step->operands[1 - i];
      break;
    }
  return shifted;
}

/// sum x^2 / n - (sum x / n)^2 is the mean of (x - mean x)^2.
static bool matchVariance(const ExpressionRef &expression, Norm &norm) {
  const Expression *difference = matchApply(expression, "arith.subf");
  const Expression *square =
      difference ? matchApply(difference->operands[1], "arith.mulf") : nullptr;
  if (!square || !isSame(square->operands[0], square->operands[1]))
    return false;
  std::optional<Mean> mean = matchMean(square->operands[0]);
  std::optional<Mean> squares = matchMean(difference->operands[0]);
  const Expression *term =
      squares ? matchApply(squares->term, "arith.mulf") : nullptr;
  Bindings bindings;
  if (!mean || !term || mean->count != squares->count ||
      !isSame(term->operands[0], term->operands[1]) ||
      !unify(mean->term, term->operands[0], bindings))
    return false;
  norm.base = Expression::makeApply("arith.subf",
                                    {term->operands[0], square->operands[0]});
  norm.factor = 1 / static_cast<double>(mean->count);
  norm.count = mean->count;
  return norm.base != nullptr;
}

/// Fills factor, base and count of c * sum x^2.
static bool matchSumOfSquares(const ExpressionRef &expression, Norm &norm) {
  if (matchVariance(expression, norm))
    return true;
  ExpressionRef stripped = stripFactors(expression, norm.factor);
  const Expression *sum = matchReduce(stripped, Combiner::Add);
  if (!sum)
    return false;
  for (const Expression::Variable &variable : sum->variables)
    norm.count *= variable.size;
  ExpressionRef square = stripFactors(sum->operands[0], norm.factor);
  const Expression *product = matchApply(square, "arith.mulf");
  if (!product || !isSame(product->operands[0], product->operands[1]))
    return false;
  norm.base = product->operands[0];
  if (const Expression *magnitude = matchApply(norm.base, "math.absf"))
    norm.base = magnitude->operands[0];
  return true;
}

static std::optional<Norm> matchNorm(const ExpressionRef &expression) {
  if (!expression)
    return std::nullopt;
  Norm norm;
  Shifted shifted = stripShifts(expression);
  ExpressionRef below = matchPower(shifted.inner, "math.sqrt", 0.5);
  norm.isRoot = below != nullptr;
  Shifted sum = norm.isRoot ? stripShifts(below) : shifted;
  norm.addend = sum.addend;
  norm.lowest = sum.getLowest(0);
  if (norm.isRoot)
    norm.lowest = shifted.getLowest(std::sqrt(norm.lowest));
  return matchSumOfSquares(sum.inner, norm) ? std::optional(norm)
                                            : std::nullopt;
}

std::optional<NormQuotient>
mlir::qfmt::matchNormQuotient(const ExpressionRef &numerator,
                              const ExpressionRef &denominator,
                              bool isReciprocal) {
  if (!numerator || !denominator)
    return std::nullopt;
  ExpressionRef divisor = denominator;
  bool needsRoot = true;
  if (isReciprocal) {
    const Expression *quotient = matchApply(denominator, "arith.divf");
    ExpressionRef base = matchPower(denominator, "math.rsqrt", -0.5);
    if (quotient && matchConstant(quotient->operands[0]) == 1.0)
      divisor = quotient->operands[1];
    else if (base)
      divisor = base, needsRoot = false;
    else
      return std::nullopt;
  }
  std::optional<Norm> norm = matchNorm(divisor);
  Bindings bindings;
  if (!norm || norm->isRoot != needsRoot ||
      !unify(norm->base, numerator, bindings))
    return std::nullopt;
  double lowest = needsRoot ? norm->lowest : std::sqrt(norm->lowest);
  return NormQuotient{1 / std::sqrt(norm->factor), 1 / lowest, norm->count};
}

std::optional<double>
mlir::qfmt::getLeastUnlessZero(const ExpressionRef &expression,
                               double leastSquare) {
  std::optional<Norm> norm = matchNorm(expression);
  if (!norm)
    return std::nullopt;
  double square = leastSquare;
  const Expression *difference = matchApply(norm->base, "arith.subf");
  if (std::optional<double> grid = getGrid(norm->base)) {
    square = std::max(square, *grid * *grid);
  } else if (difference) {
    std::optional<double> inner = getGrid(difference->operands[0]);
    std::optional<double> count =
        matchMeanOf(difference->operands[1], difference->operands[0]);
    if (inner && count && *count >= 2)
      square = std::max(square, *inner * *inner * (*count - 1) / *count);
  }
  // A little less, for what is rounded here.
  double least = norm->factor * square * (1 - 1e-6) + norm->addend;
  if (norm->isRoot)
    least = std::sqrt(least);
  return std::max(least, norm->lowest);
}

double mlir::qfmt::getLowest(const ExpressionRef &expression) {
  std::optional<Norm> norm = matchNorm(expression);
  return norm ? norm->lowest : 0;
}

std::optional<double>
mlir::qfmt::getQuotientBound(const ExpressionRef &numerator,
                             const ExpressionRef &denominator,
                             bool isReciprocal) {
  if (!numerator || !denominator)
    return std::nullopt;
  if (std::optional<NormQuotient> quotient =
          matchNormQuotient(numerator, denominator, isReciprocal))
    return quotient->bound;
  ExpressionRef divisor = denominator;
  if (isReciprocal) {
    const Expression *quotient = matchApply(denominator, "arith.divf");
    if (!quotient || matchConstant(quotient->operands[0]) != 1.0)
      return std::nullopt;
    divisor = quotient->operands[1];
  }
  // A sum of terms >= 0, and perhaps something more.
  const Expression *sum =
      matchReduce(stripShifts(divisor).inner, Combiner::Add);
  if (!sum || !isNonNegative(sum->operands[0]))
    return std::nullopt;
  ExpressionRef term = sum->operands[0];
  Bindings bindings, ofMagnitude;
  const Expression *magnitude = matchApply(term, "math.absf");
  if (unify(term, numerator, bindings) ||
      (magnitude && unify(magnitude->operands[0], numerator, ofMagnitude)))
    return 1.0;
  return std::nullopt;
}

bool mlir::qfmt::isNorm(const ExpressionRef &expression) {
  return matchNorm(expression).has_value();
}

bool mlir::qfmt::isVariance(const ExpressionRef &expression) {
  Norm norm;
  return matchVariance(expression, norm);
}

std::optional<LayerNorm>
mlir::qfmt::matchLayerNorm(const ExpressionRef &numerator,
                           const ExpressionRef &denominator,
                           bool isReciprocal) {
  ExpressionRef base = isReciprocal
                           ? matchPower(denominator, "math.rsqrt", -0.5)
                           : matchPower(denominator, "math.sqrt", 0.5);
  std::optional<Norm> sum = base ? matchNorm(base) : std::nullopt;
  // Without a maximum.
  if (sum && (sum->isRoot || sum->addend != sum->lowest))
    sum = std::nullopt;
  const Expression *difference = matchApply(numerator, "arith.subf");
  if (!sum || !difference || !getGrid(difference->operands[0]))
    return std::nullopt;
  std::optional<Mean> mean = matchMean(difference->operands[1]);
  Bindings terms, squares;
  if (!mean || !unify(mean->term, difference->operands[0], terms) ||
      !unify(sum->base, numerator, squares) ||
      std::abs(sum->factor * static_cast<double>(mean->count) - 1) > 1e-6)
    return std::nullopt;
  return LayerNorm{difference->operands[0], mean->term, mean->count,
                   sum->addend};
}
