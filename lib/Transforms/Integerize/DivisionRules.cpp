// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Division by values, square roots and their reciprocals, without a division.
//
//   1 / v        mantissa and exponent of 1 / i (lib/Support/IntegerKernels),
//                shifted to one scale: 31 significant bits for the smallest
//                result, as long as the largest fits 62 bits
//   a / v        a * (1 / v), with the range that the expressions allow
//   1 / sqrt(v)  as 1 / v
//   sqrt(v)      a result of up to 62 bits
//
// Errors: that of the kernel, half a unit, and what the operand's error d,
// relative to the smallest integer it may be, does: d to a reciprocal, half of
// it to a square root. Those of norms are counted from the numbers that were
// squared, too (NormError), which are 0 or away from it.

#include "Norms.h"
#include "ProgramEmitter.h"
#include "Rules.h"
#include "qfmt/Support/IntegerKernels.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// `value`, positive integers on one scale in 62 bits, as kernels take it.
static FailureOr<ScalarModel> preparePositive(RuleContext &context,
                                              const ScalarModel &value) {
  FailureOr<ScalarModel> uniform = context.body.makeUniform(value);
  if (succeeded(uniform))
    uniform = context.body.narrow(*uniform, 62);
  if (failed(uniform))
    return failure();
  double scale = *uniform->scale.getUniform();
  ErrorBound error = uniform->error.getOfNorm();
  double lowest = static_cast<double>(uniform->range.lo) -
                  error.getTotal(uniform->getMagnitude());
  // The relative part matters less near 0.
  lowest = std::max(lowest,
                    (static_cast<double>(uniform->range.lo) - error.absolute) /
                        (1 + error.relative));
  if (uniform->range.lo <= 0 || lowest <= 0)
    return context.emitError()
           << "the operand lies between "
           << static_cast<double>(uniform->range.lo) * scale << " and "
           << static_cast<double>(uniform->range.hi) * scale
           << " as far as is known, off by up to "
           << error.getTotal(uniform->getMagnitude()) * scale
           << ", a range that holds zero; "
           << (uniform->range.lo > 0
                   ? "quantize what it is computed from, or add a larger "
                     "constant to it"
                   : "add a positive constant to it, or take the maximum with "
                     "one");
  return uniform;
}

/// |(1 + d)^-power - 1| at most for v' = (1 + d) v where v / v' lies between
/// `least` and `largest`.
static double getInverseError(double least, double largest, double power) {
  return std::max(std::pow(largest, power) - 1,
                  1 - std::pow(std::max(least, 0.0), power));
}

/// The error of v^-power of `value`, whose kernel is off by a factor of at most
/// 1 +- `kernelError` and half a unit. `largest` is what integers and reals of
/// it are at most.
static ErrorBound getInverseError(const ScalarModel &value,
                                  const ExpressionRef &expression, double power,
                                  double kernelError, double largest) {
  auto toError = [&](double lo, double hi) {
    double error = getInverseError(lo, hi, power);
    return kernelError + error * (1 + kernelError);
  };
  // |v - v'| <= a + r v, v' >= lo: v / v' is at most 1 + (a / lo + r) / (1 -
  // r).
  double r = std::min(value.error.relative, 0.9);
  double a = value.error.absolute / static_cast<double>(value.range.lo);
  double relative = toError((1 - a) / (1 + r), 1 + (a + r) / (1 - r));
  ErrorBound result =
      relative < 0.5 ? ErrorBound{0.5, relative} : ErrorBound{largest, 0};
  if (!value.error.norm)
    return result;
  // Away from 0 a fixed error weighs less, and so does the half unit to which
  // the constant below a root is rounded.
  double leastSquare = value.error.norm->leastSquare;
  std::optional<double> least = getLeastUnlessZero(expression, leastSquare);
  if (!least)
    return result;
  ErrorBound ofNorm = value.error.getOfNorm();
  double delta =
      ofNorm.absolute * *value.scale.getUniform() / *least + ofNorm.relative;
  if (delta < 0.5)
    result.norm = NormError{value.error.norm->off, leastSquare, 0.5,
                            toError(1 / (1 + delta), 1 / (1 - delta))};
  return result;
}

static IntegerProgram::Range getRange(const ScalarModel &value) {
  return {static_cast<int64_t>(value.range.lo),
          static_cast<int64_t>(value.range.hi)};
}

/// mantissa * 2^-shift at the one scale 2^-point: the program, and the range of
/// its result, which lies between `least` and `largest` times 2^-point.
static IntegerProgram fixPoint(const IntegerProgram &kernel,
                               IntegerProgram::Range input, int point,
                               IntegerProgram::Range result) {
  IntegerProgramBuilder builder;
  auto values = builder.append(kernel, {builder.addInput(input)});
  // 31 bits of mantissa and 31 of room for shifts to the left.
  auto wide = builder.shiftLeftBy(values[ScaledKernel::kMantissa], 31);
  auto amount = builder.subtract(values[ScaledKernel::kShift],
                                 builder.addConstant(point - 31));
  amount = builder.clamp(amount, {0, 62});
  auto fixed = builder.roundingShiftRight(wide, amount);
  builder.assume(fixed, result);
  return builder.finish({fixed});
}

/// `value`^-power, by its `kernel`.
static FailureOr<ScalarModel> emitInverse(RuleContext &context,
                                          const ScalarModel &value,
                                          const ScaledKernel &kernel,
                                          double power,
                                          const ExpressionRef &expression) {
  double unit = std::pow(*value.scale.getUniform(), power);
  double least = std::pow(static_cast<double>(value.range.hi), -power);
  double largest = std::pow(static_cast<double>(value.range.lo), -power);
  // 2^point * least >= 2^30 if 2^point * largest < 2^61.
  int point = 30 - static_cast<int>(std::floor(std::log2(least)));
  point = std::min(point, 60 - static_cast<int>(std::ceil(std::log2(largest))));
  double slack = 1 + kernel.relativeBound;
  auto lo = static_cast<int64_t>(std::ldexp(least / slack, point) - 1);
  auto hi = static_cast<int64_t>(std::ldexp(largest * slack, point) + 1);
  IntegerProgram program =
      fixPoint(kernel.program, getRange(value), point, {lo, hi});
  Value result = emitProgram(context.body, program, value.value).front();
  // The real is at most the inverse of what the operand is at least.
  double lowest = (static_cast<double>(value.range.lo) - value.error.absolute) /
                  (1 + value.error.relative);
  lowest = std::max(lowest, getLowest(expression) / *value.scale.getUniform());
  double bound =
      lowest > 0 ? std::ldexp(std::pow(lowest, -power), point) : 0x1p200;
  ErrorBound error =
      getInverseError(value, expression, power, kernel.relativeBound,
                      std::max(bound, static_cast<double>(hi)));
  return ScalarModel::makeInteger(result, Table(std::ldexp(1.0, -point) / unit),
                                  {lo, hi}, error);
}

static FailureOr<ScalarModel> reciprocal(RuleContext &context,
                                         const ScalarModel &value) {
  FailureOr<ScalarModel> positive = preparePositive(context, value);
  if (failed(positive))
    return failure();
  std::string reason;
  std::optional<ScaledKernel> kernel =
      buildReciprocal(getRange(*positive), &reason);
  if (!kernel)
    return context.emitError() << "has no reciprocal: " << reason;
  FailureOr<ScalarModel> result =
      emitInverse(context, *positive, *kernel, 1, value.expression);
  if (succeeded(result))
    result->expression = Expression::makeApply(
        "arith.divf", {Expression::makeConstant(1), value.expression});
  return result;
}

/// max(v, the least value but 0 that v has) of a norm that is multiplied by 0
/// where all that it is the norm of is 0.
static ScalarModel raise(BodyBuilder &body, ScalarModel value) {
  std::optional<double> scale = value.scale.getUniform();
  if (!value.error.norm || !scale || value.range.lo > 0)
    return value;
  std::optional<double> least =
      getLeastUnlessZero(value.expression, value.error.norm->leastSquare);
  if (!least)
    return value;
  double units = *least / *scale;
  units -= value.error.getOfNorm().getTotal(units);
  auto lowest =
      std::max<int64_t>(1, static_cast<int64_t>(std::min(units, 0x1p60)));
  if (value.range.hi < lowest)
    return value;
  unsigned width = *body.chooseWidth(value.range);
  value.value = arith::MaxSIOp::create(body.getBuilder(), body.getLoc(),
                                       body.cast(value.value, width),
                                       body.constant(lowest, width));
  value.range.lo = lowest;
  // Where v is 0 it is off by that much more.
  value.error.absolute += static_cast<double>(lowest);
  return value;
}

static FailureOr<ScalarModel> negate(RuleContext &context,
                                     const ScalarModel &value) {
  return multiplyByConstant(context, value, Table(-1.0));
}

/// v / c: as v * (1 / c), exact in the scale. a / v: a * (1 / v).
static FailureOr<ScalarModel> compileQuotient(RuleContext &context) {
  ScalarModel dividend = context.operands[0], divisor = context.operands[1];
  if (divisor.isConstant()) {
    const Table &constant = divisor.constant;
    if (constant.all([](double c) { return c != 0 && std::isfinite(c); }))
      return multiplyByConstant(context, dividend,
                                constant.map([](double c) { return 1 / c; }));
    return context.emitError()
           << "a constant divisor holds zero, NaN or infinity, which has no "
              "integer rule; add a positive constant to it";
  }
  bool isNegative = divisor.range.hi < 0;
  if (isNegative) {
    FailureOr<ScalarModel> negated = negate(context, divisor);
    if (failed(negated))
      return failure();
    divisor = *negated;
  }
  bool ofNorm = dividend.isInteger() &&
                matchNormQuotient(dividend.expression, divisor.expression,
                                  /*isReciprocal=*/false);
  FailureOr<ScalarModel> inverse = context.body.computeOnce(
      divisor, [&](BodyBuilder &body, const ScalarModel &value) {
        RuleContext once = {context.op, body, {}};
        return reciprocal(once, ofNorm ? raise(body, value) : value);
      });
  if (failed(inverse))
    return failure();
  FailureOr<ScalarModel> result =
      dividend.isConstant()
          ? multiplyByConstant(context, *inverse, dividend.constant)
          : multiply(context, dividend, *inverse);
  if (failed(result) || !isNegative)
    return result;
  return negate(context, *result);
}

static FailureOr<ScalarModel> compileReciprocalSqrt(RuleContext &context) {
  const ScalarModel &value = context.operands[0];
  FailureOr<ScalarModel> positive = context.body.makeUniform(value);
  if (failed(positive))
    return failure();
  positive->expression = value.expression;
  // Nothing real is lost where a norm has a least value.
  if (getLowest(value.expression) > 0)
    positive = raise(context.body, *positive);
  positive = preparePositive(context, *positive);
  if (failed(positive))
    return failure();
  std::string reason;
  std::optional<ScaledKernel> kernel =
      buildReciprocalSqrt(getRange(*positive), &reason);
  if (!kernel)
    return context.emitError() << "has no integer code: " << reason;
  return emitInverse(context, *positive, *kernel, 0.5, value.expression);
}

static FailureOr<ScalarModel> compileSqrt(RuleContext &context) {
  FailureOr<ScalarModel> value = context.body.makeUniform(context.operands[0]);
  if (succeeded(value))
    value = context.body.narrow(*value, 62);
  if (failed(value))
    return failure();
  double error = value->error.getTotal(value->getMagnitude());
  if (value->range.lo < 0)
    return context.emitError() << "the operand may be negative; take the "
                                  "maximum with 0";
  // sqrt(hi) * 2^bits has 31 bits, or 60 where it is divided by.
  const ExpressionRef &expression = context.operands[0].expression;
  double root = std::sqrt(static_cast<double>(value->range.hi) + 1);
  int bits = (isNorm(expression) ? 60 : 30) -
             static_cast<int>(std::ceil(std::log2(root)));
  bits = std::clamp(bits, 0, 28);
  std::string reason;
  std::optional<IntegerKernel> kernel =
      buildSqrt(getRange(*value), static_cast<unsigned>(bits), &reason);
  // Its relative error is that of the reciprocal root.
  std::optional<ScaledKernel> inverse =
      buildReciprocalSqrt(getRange(*value), &reason);
  if (!kernel || !inverse)
    return context.emitError() << "has no integer code: " << reason;
  Value result =
      emitProgram(context.body, kernel->program, value->value).front();
  double unit = *value->scale.getUniform();
  // |sqrt(a) - sqrt(b)| is at most sqrt|a - b|, and |a - b| / sqrt(lo).
  double lo = std::max(0.0, static_cast<double>(value->range.lo) - error);
  double spread = std::sqrt(error);
  if (lo > 0)
    spread = std::min(spread, error / (2 * std::sqrt(lo)));
  ErrorBound bound = {0.5 + 1e-6 + std::ldexp(spread, bits),
                      inverse->relativeBound};
  if (kernel->bound < 1)
    bound = {kernel->bound + std::ldexp(spread, bits), 0};
  if (const std::optional<NormError> &norm = value->error.norm)
    if (std::optional<double> least =
            getLeastUnlessZero(expression, norm->leastSquare)) {
      double delta = norm->absolute * unit / *least + norm->relative;
      double factor = inverse->relativeBound;
      if (delta < 0.5)
        bound.norm =
            NormError{norm->off, norm->leastSquare, 0.5 + 1e-6,
                      factor + (1 - std::sqrt(1 - delta)) * (1 + factor)};
    }
  IntegerProgram::Range range = kernel->program.getResultRange();
  return ScalarModel::makeInteger(result,
                                  Table(std::ldexp(std::sqrt(unit), -bits)),
                                  {range.lo, range.hi}, bound);
}

void mlir::qfmt::addDivisionRules(RuleTable &rules) {
  rules["arith.divf"] = compileQuotient;
  rules["math.sqrt"] = compileSqrt;
  rules["math.rsqrt"] = compileReciprocalSqrt;
}
