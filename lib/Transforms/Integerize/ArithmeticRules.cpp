// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums, products, negation, magnitudes and casts.
//
//   a + b   one scale (BodyBuilder::align); width of the sum; errors add
//   a * b   integers and scales multiply; width of the product, or of what the
//           operands' expressions allow; exact, but for products that do not
//           fit 64 bits: operands then lose low bits
//   v * c   the scale takes |c|; exact for constants of one sign
//   -v, |v| exact

#include "ExpressionFacts.h"
#include "FrameworkRules.h"
#include "NormReaders.h"
#include "Norms.h"
#include "Rules.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

static bool isNonNegative(const ScalarModel &value) {
  return value.range.lo >= 0;
}

static Precision choosePrecision(const RuleContext &context) {
  const ScalarModel &a = context.operands[0], &b = context.operands[1];
  if (isNorm(a.expression) || isNorm(b.expression))
    return Precision::Norm;
  bool needsRounding = a.isConstant() || b.isConstant() || a.scale != b.scale;
  return needsRounding && isReadByNorm(context.op->getResult(0))
             ? Precision::Root
             : Precision::Normal;
}

/// `value` at the scale of `extremum`, a maximum or minimum of values like it,
/// by the rounding that they had before they were compared.
static LogicalResult bringToExtremum(BodyBuilder &body, ScalarModel &value,
                                     const ScalarModel &extremum) {
  if (!value.isInteger() || !extremum.isInteger() ||
      value.scale == extremum.scale ||
      extremum.expression->kind != Expression::Kind::Reduce)
    return success();
  FailureOr<ScalarModel> rescaled = body.rescale(value, extremum.scale);
  if (failed(rescaled))
    return failure();
  rescaled->expression = value.expression;
  value = *rescaled;
  return success();
}

/// a + b and a - b of two values at one scale, in the narrowest width without
/// overflow.
template <typename IntOp, bool subtract>
static FailureOr<ScalarModel> compileSum(RuleContext &context) {
  BodyBuilder &body = context.body;
  if constexpr (!subtract)
    if (std::optional<FailureOr<ScalarModel>> sum = addTensors(context))
      return *sum;
  // What extrema are compared with is at their scale, by the same rounding.
  bool toMaximum = subtract && isMaximumOf(context.operands[1].expression,
                                           context.operands[0].expression);
  bool toMinimum = subtract && isMinimumOf(context.operands[0].expression,
                                           context.operands[1].expression);
  if (toMaximum || toMinimum)
    if (failed(bringToExtremum(body, context.operands[toMaximum ? 0 : 1],
                               context.operands[toMaximum ? 1 : 0])))
      return failure();
  FailureOr<std::pair<ScalarModel, ScalarModel>> aligned = body.align(
      context.operands[0], context.operands[1], choosePrecision(context));
  if (failed(aligned))
    return failure();
  auto &[a, b] = *aligned;
  IntegerRange range = a.range + (subtract ? -b.range : b.range);
  ErrorBound error =
      addErrors(a.error, a.getMagnitude(), b.error, b.getMagnitude(),
                !subtract && isNonNegative(a) && isNonNegative(b));
  // Integers are subtracted from a maximum that they are part of.
  bool isUnchanged = a.value == context.operands[0].value &&
                     b.value == context.operands[1].value;
  if (toMaximum && isUnchanged)
    range.hi = std::min<__int128>(range.hi, 0);
  if (toMinimum && isUnchanged)
    range.hi = std::min<__int128>(range.hi, 0);
  if (subtract &&
      isMinimumOf(context.operands[1].expression,
                  context.operands[0].expression) &&
      isUnchanged)
    range.lo = std::max<__int128>(range.lo, 0);
  if (subtract && error.isExact() && isVariance(context.expression)) {
    range.lo = std::max<__int128>(range.lo, 0);
    error.norm = NormError();
  }
  std::optional<unsigned> width = body.chooseWidth(range);
  if (!width)
    return context.emitError() << "a sum may need more than 64 bits";
  Value sum =
      IntOp::create(context.builder(), body.getLoc(),
                    body.cast(a.value, *width), body.cast(b.value, *width));
  return ScalarModel::makeInteger(sum, a.scale, range, error);
}

static FailureOr<ScalarModel> negate(RuleContext &context,
                                     const ScalarModel &value) {
  BodyBuilder &body = context.body;
  std::optional<unsigned> width =
      body.chooseWidth((-value.range).hull(value.range));
  if (!width)
    return context.emitError() << "the operand may need more than 64 bits";
  Value negated = arith::SubIOp::create(context.builder(), body.getLoc(),
                                        body.constant(0, *width),
                                        body.cast(value.value, *width));
  return ScalarModel::makeInteger(negated, value.scale, -value.range,
                                  value.error);
}

/// A constant that changes its sign along a dimension, or has zeros, is an
/// integer: of 16 bits, or of 32 where the value has more than 16 already.
static FailureOr<ScalarModel> multiplyByMixedConstant(RuleContext &context,
                                                      const ScalarModel &value,
                                                      const Table &constant) {
  BodyBuilder &body = context.body;
  bool isWide = !value.range.fits(16);
  double largest = std::max(-constant.getMin(), constant.getMax());
  FailureOr<ScalarModel> narrow = body.narrow(value, 32);
  FailureOr<ScalarModel> factor =
      body.quantize(constant, Table(largest / (isWide ? 0x7fffffff : 0x7fff)));
  if (failed(factor) || failed(narrow))
    return failure();
  IntegerRange range = narrow->range * factor->range;
  std::optional<unsigned> width = body.chooseWidth(range);
  if (!width)
    return context.emitError() << "the product may need more than 64 bits";
  Value product = arith::MulIOp::create(context.builder(), body.getLoc(),
                                        body.cast(narrow->value, *width),
                                        body.cast(factor->value, *width));
  return ScalarModel::makeInteger(
      product, narrow->scale * factor->scale, range,
      multiplyErrors(narrow->error, narrow->getMagnitude(), factor->error,
                     factor->getMagnitude()));
}

FailureOr<ScalarModel> mlir::qfmt::multiplyByConstant(RuleContext &context,
                                                      const ScalarModel &value,
                                                      const Table &constant) {
  if (!constant.all([](double c) { return std::isfinite(c); }))
    return context.emitError()
           << "a constant factor holds NaN or infinity, which has no integer "
              "rule; look where the weights come from";
  if (constant.all([](double c) { return c == 0; }))
    return ScalarModel::makeConstant(Table(0.0));
  auto withScale = [&](ScalarModel model, const Table &factor) {
    model.scale = model.scale * factor;
    return model;
  };
  if (constant.all([](double c) { return c > 0; }))
    return withScale(value, constant);
  if (constant.all([](double c) { return c < 0; })) {
    FailureOr<ScalarModel> negated = negate(context, value);
    if (failed(negated))
      return failure();
    return withScale(*negated, constant.map([](double c) { return -c; }));
  }
  return multiplyByMixedConstant(context, value, constant);
}

/// The range of a product of a and b, from what their expressions are: a square
/// is >= 0, and normalised values are bounded whatever the factors are. The
/// integers differ from the reals by `error`.
static IntegerRange getProductRange(const ScalarModel &a, const ScalarModel &b,
                                    const ErrorBound &error) {
  IntegerRange range = a.range * b.range;
  if (a.value == b.value)
    range.lo = std::max<__int128>(range.lo, 0);
  std::optional<double> scale = (a.scale * b.scale).getUniform();
  if (!scale)
    return range;
  for (auto [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    std::optional<double> bound =
        getQuotientBound(x->expression, y->expression, /*isReciprocal=*/true);
    if (!bound)
      continue;
    double units = *bound / *scale;
    units += error.getTotal(units) + 1;
    if (!(units < 0x1p100))
      continue;
    auto limit = static_cast<__int128>(units);
    range.lo = std::max(range.lo, -limit);
    range.hi = std::min(range.hi, limit);
  }
  return range;
}

/// The error of x * f, where f is 1 / D(x) for a norm D and known from the
/// integers that were squared, y. If those are x, and both exact, the product
/// is 0 where all of them are, and f is as good as it is elsewhere. Otherwise
///   x' f' - x / D(x) = (x' - y) f' + (y f' - y / D(y)) + (y / D(y) - x / D(x))
/// with |x' - y| at most the errors of both, the second term as before, and the
/// third at most the slope times |y - x|, and at most twice the bound.
static ErrorBound getQuotientError(const ScalarModel &x, const ScalarModel &f,
                                   const NormQuotient &quotient) {
  ErrorBound ofNorm = f.error.getOfNorm();
  double magnitude = getMagnitude(f.range, ofNorm);
  if (x.error.isExact() && f.error.norm->off == 0)
    return multiplyErrors(x.error, x.getMagnitude(), ofNorm, magnitude);
  double unitX = x.scale.getMax(), unitF = f.scale.getMax();
  double off = f.error.norm->off;
  double distance = x.error.getTotal(x.getMagnitude()) * unitX + off;
  double slope = quotient.slope * std::sqrt(double(quotient.count)) * off;
  double total =
      distance * magnitude * unitF + ofNorm.relative * quotient.bound +
      ofNorm.absolute * unitF * (x.getMagnitude() * unitX + distance) +
      std::min(off == 0 ? 0 : slope, 2 * quotient.bound);
  return {total / (x.scale * f.scale).getMin(), 0};
}

static ErrorBound getProductError(const ScalarModel &a, const ScalarModel &b) {
  for (auto [x, f] : {std::pair(&a, &b), std::pair(&b, &a)})
    if (f->error.norm)
      if (std::optional<NormQuotient> quotient = matchNormQuotient(
              x->expression, f->expression, /*isReciprocal=*/true))
        return getQuotientError(*x, *f, *quotient);
  ErrorBound error =
      multiplyErrors(a.error, a.getMagnitude(), b.error, b.getMagnitude());
  // A square is exact for the number that its integer is.
  if (a.value == b.value)
    if (std::optional<double> unit = a.scale.getUniform())
      error.norm =
          NormError{a.error.getTotal(a.getMagnitude()) * *unit, *unit * *unit};
  return error;
}

FailureOr<ScalarModel> mlir::qfmt::multiply(RuleContext &context,
                                            const ScalarModel &a,
                                            const ScalarModel &b) {
  BodyBuilder &body = context.body;
  ScalarModel lhs = a, rhs = b;
  // Of v and c * v, which have the same integer, each keeps its scale.
  if (a.value == b.value && a.scale == b.scale) {
    FailureOr<ScalarModel> narrowed = body.narrow(a, 32);
    if (failed(narrowed))
      return failure();
    lhs = rhs = *narrowed;
  }
  ErrorBound error = getProductError(lhs, rhs);
  IntegerRange range = getProductRange(lhs, rhs, error);
  // What does not fit loses bits, of the wider operand first.
  while (!range.fits(63)) {
    ScalarModel &wider =
        lhs.range.getSignedBits() >= rhs.range.getSignedBits() ? lhs : rhs;
    unsigned excess = range.getSignedBits() - 63;
    unsigned bits = wider.range.getSignedBits();
    unsigned other = (&wider == &lhs ? rhs : lhs).range.getSignedBits();
    // Never below the other operand's bits: then both take turns.
    unsigned target = std::max(bits - std::min(excess, bits - 1), other);
    FailureOr<ScalarModel> narrowed =
        body.narrow(wider, target < bits ? target : bits - 1);
    if (failed(narrowed))
      return failure();
    narrowed->expression = wider.expression;
    wider = *narrowed;
    error = getProductError(lhs, rhs);
    range = getProductRange(lhs, rhs, error);
  }
  unsigned width = *body.chooseWidth(range);
  // Factors of a small product may be wide.
  width = std::max(
      {width, *body.chooseWidth(lhs.range), *body.chooseWidth(rhs.range)});
  Value product = arith::MulIOp::create(context.builder(), body.getLoc(),
                                        body.cast(lhs.value, width),
                                        body.cast(rhs.value, width));
  return ScalarModel::makeInteger(product, lhs.scale * rhs.scale, range, error);
}

/// a * b: integers and scales multiply, exactly.
static FailureOr<ScalarModel> compileProduct(RuleContext &context) {
  const ScalarModel &a = context.operands[0], &b = context.operands[1];
  if (a.isConstant())
    return multiplyByConstant(context, b, a.constant);
  if (b.isConstant())
    return multiplyByConstant(context, a, b.constant);
  return multiply(context, a, b);
}

static FailureOr<ScalarModel> compileNegation(RuleContext &context) {
  return negate(context, context.operands[0]);
}

/// |v| = max(v, -v).
static FailureOr<ScalarModel> compileAbsolute(RuleContext &context) {
  FailureOr<ScalarModel> negated = negate(context, context.operands[0]);
  if (failed(negated))
    return failure();
  unsigned width = negated->value.getType().getIntOrFloatBitWidth();
  const ScalarModel &value = context.operands[0];
  Value result = arith::MaxSIOp::create(
      context.builder(), context.body.getLoc(),
      context.body.cast(value.value, width), negated->value);
  IntegerRange range = value.range.max(negated->range);
  range.lo = std::max<__int128>(range.lo, 0);
  return ScalarModel::makeInteger(result, value.scale, range, value.error);
}

/// extf and truncf change the precision of the real arithmetic, which the
/// integer arithmetic does not imitate.
static FailureOr<ScalarModel> compileFloatCast(RuleContext &context) {
  return context.operands[0];
}

void mlir::qfmt::addArithmeticRules(RuleTable &rules) {
  rules["arith.addf"] = compileSum<arith::AddIOp, false>;
  rules["arith.subf"] = compileSum<arith::SubIOp, true>;
  rules["arith.mulf"] = compileProduct;
  rules["arith.negf"] = compileNegation;
  rules["math.absf"] = compileAbsolute;
  rules["arith.extf"] = compileFloatCast;
  rules["arith.truncf"] = compileFloatCast;
}
