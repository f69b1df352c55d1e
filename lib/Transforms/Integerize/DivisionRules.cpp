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
// relative to the smallest value it may have, does: d / (1 - d) to a
// reciprocal, half of it to a square root.

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
  double lowest = static_cast<double>(uniform->range.lo) -
                  uniform->error.getTotal(uniform->getMagnitude());
  // The relative part matters less near 0.
  lowest = std::max(lowest, (static_cast<double>(uniform->range.lo) -
                             uniform->error.absolute) /
                                (1 + uniform->error.relative));
  if (uniform->range.lo <= 0 || lowest <= 0)
    return context.emitError()
           << "the operand lies between "
           << static_cast<double>(uniform->range.lo) * scale << " and "
           << static_cast<double>(uniform->range.hi) * scale
           << " as far as is known, off by up to "
           << uniform->error.getTotal(uniform->getMagnitude()) * scale
           << ", a range that holds zero; add a positive constant to it, or "
              "take the maximum with one";
  return uniform;
}

/// The operand's error relative to its smallest value.
static double getRelativeError(const ScalarModel &positive) {
  double lowest =
      (static_cast<double>(positive.range.lo) - positive.error.absolute) /
      (1 + positive.error.relative);
  return positive.error.absolute / lowest + positive.error.relative;
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

/// A reciprocal `kernel` of `value`, exact in a scale of 2^-point / `unit`,
/// where the real results without scales lie between `least` and `largest`.
static FailureOr<ScalarModel>
emitReciprocal(RuleContext &context, const ScalarModel &value,
               const ScaledKernel &kernel, double unit, double least,
               double largest, double relativeError) {
  // 2^point * least >= 2^30 if 2^point * largest < 2^61.
  int point = 30 - static_cast<int>(std::floor(std::log2(least)));
  point = std::min(point, 60 - static_cast<int>(std::ceil(std::log2(largest))));
  double slack = 1 + kernel.relativeBound;
  auto lo = static_cast<int64_t>(std::ldexp(least / slack, point) - 1);
  auto hi = static_cast<int64_t>(std::ldexp(largest * slack, point) + 1);
  IntegerProgram program =
      fixPoint(kernel.program, getRange(value), point, {lo, hi});
  Value result = emitProgram(context.body, program, value.value).front();
  ErrorBound error = {0.5, kernel.relativeBound};
  error.relative += relativeError * (1 + kernel.relativeBound);
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
  double delta = getRelativeError(*positive);
  FailureOr<ScalarModel> result = emitReciprocal(
      context, *positive, *kernel, *positive->scale.getUniform(),
      1 / static_cast<double>(positive->range.hi),
      1 / static_cast<double>(positive->range.lo), delta / (1 - delta));
  if (succeeded(result))
    result->expression = Expression::makeApply(
        "arith.divf", {Expression::makeConstant(1), value.expression});
  return result;
}

/// max(value, least), for values that are 0 or at least `least`, in integers.
static ScalarModel raise(BodyBuilder &body, ScalarModel value, double least) {
  double units = least / value.scale.getMax();
  units -= value.error.getTotal(units);
  auto lowest =
      std::max<int64_t>(1, static_cast<int64_t>(std::min(units, 0x1p60)));
  if (value.range.lo >= lowest || value.range.hi < lowest)
    return value;
  unsigned width = *body.chooseWidth(value.range);
  value.value = arith::MaxSIOp::create(body.getBuilder(), body.getLoc(),
                                       body.cast(value.value, width),
                                       body.constant(lowest, width));
  value.range.lo = lowest;
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
    return context.emitError() << "the divisor is zero or not finite";
  }
  bool isNegative = divisor.range.hi < 0;
  if (isNegative) {
    FailureOr<ScalarModel> negated = negate(context, divisor);
    if (failed(negated))
      return failure();
    divisor = *negated;
  }
  // x / sqrt(sum x^2): where the root is 0, x is, and the quotient 0.
  std::optional<double> least;
  if (dividend.isInteger() && dividend.error.isExact() &&
      getQuotientBound(dividend.expression, divisor.expression,
                       /*isReciprocal=*/false))
    least = getLeastRootUnlessZero(divisor.expression);
  FailureOr<ScalarModel> inverse = context.body.computeOnce(
      divisor,
      [&](BodyBuilder &body,
          const ScalarModel &value) -> FailureOr<ScalarModel> {
        RuleContext once = {context.op, body, {}};
        if (!least)
          return reciprocal(once, value);
        return reciprocal(once, raise(body, value, *least));
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
  FailureOr<ScalarModel> positive = preparePositive(context, value);
  if (failed(positive))
    return failure();
  std::string reason;
  std::optional<ScaledKernel> kernel =
      buildReciprocalSqrt(getRange(*positive), &reason);
  if (!kernel)
    return context.emitError() << "has no integer code: " << reason;
  double scale = *positive->scale.getUniform();
  auto toRootError = [](double delta) { return 1 / std::sqrt(1 - delta) - 1; };
  FailureOr<ScalarModel> result =
      emitReciprocal(context, *positive, *kernel, std::sqrt(scale),
                     1 / std::sqrt(static_cast<double>(positive->range.hi)),
                     1 / std::sqrt(static_cast<double>(positive->range.lo)),
                     toRootError(std::min(getRelativeError(*positive), 0.99)));
  std::optional<double> least = getLeastUnlessZero(value.expression);
  if (failed(result) || !least)
    return result;
  // Away from 0 a fixed error of the operand weighs less, and so does the half
  // unit to which the constant below the root is rounded.
  double lowest = *least / scale;
  double delta = positive->error.absolute / lowest + positive->error.relative;
  result->errorUnlessZero = ErrorBound{
      0.5, kernel->relativeBound + toRootError(std::min(delta, 0.99)) *
                                       (1 + kernel->relativeBound)};
  return result;
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
  // sqrt(hi) * 2^bits has 31 bits.
  double root = std::sqrt(static_cast<double>(value->range.hi) + 1);
  int bits =
      std::clamp(30 - static_cast<int>(std::ceil(std::log2(root))), 0, 28);
  std::string reason;
  std::optional<IntegerKernel> kernel =
      buildSqrt(getRange(*value), static_cast<unsigned>(bits), &reason);
  if (!kernel)
    return context.emitError() << "has no integer code: " << reason;
  Value result =
      emitProgram(context.body, kernel->program, value->value).front();
  double scale = std::sqrt(*value->scale.getUniform());
  // |sqrt(a) - sqrt(b)| is at most sqrt|a - b|, and |a - b| / sqrt(lo).
  double lo = std::max(0.0, static_cast<double>(value->range.lo) - error);
  double spread = std::sqrt(error);
  if (lo > 0)
    spread = std::min(spread, error / (2 * std::sqrt(lo)));
  IntegerProgram::Range range = kernel->program.getResultRange();
  return ScalarModel::makeInteger(
      result, Table(std::ldexp(scale, -bits)), {range.lo, range.hi},
      {kernel->bound + std::ldexp(spread, bits), 0});
}

void mlir::qfmt::addDivisionRules(RuleTable &rules) {
  rules["arith.divf"] = compileQuotient;
  rules["math.sqrt"] = compileSqrt;
  rules["math.rsqrt"] = compileReciprocalSqrt;
}
