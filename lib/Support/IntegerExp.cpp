//===- IntegerExp.cpp - Exponentials in integers --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Dyadic.h"
#include "qfmt/Support/IntegerKernels.h"
#include <algorithm>
#include <cmath>

using namespace mlir::qfmt;

using Builder = IntegerProgramBuilder;
using Value = IntegerProgram::Value;
using Range = IntegerProgram::Range;

/// The polynomial's results are in units of 2^-29: [2^29, 2^30].
static constexpr int kPolynomialBits = 29;

namespace {
/// The numbers of one exponential.
class ExpBuilder {
public:
  explicit ExpBuilder(const ExpRequest &request)
      : request(request),
        log2Step(
            (long double)request.inputScale *
            (request.isBase2 ? 1 : 1.44269504088896340735992468100189214L)) {}

  std::optional<IntegerKernel> build(std::string &reason);

private:
  std::string prepare();
  std::string fitPolynomial();
  Value emit(Builder &builder) const;
  double getBound(int64_t hi) const;
  double getBound(const IntegerProgram &program) const;

  const ExpRequest &request;
  /// log2 of the base^inputScale: the exponent is y = log2Step * i.
  long double log2Step;
  /// Inputs below give 0.
  int64_t lowest = 0;
  /// Fraction bits of v.
  int fractionBits = 30;
  Dyadic dyadic;
  FixedPointFunction polynomial;
};
} // namespace

std::string ExpBuilder::prepare() {
  if (request.lo > request.hi || request.lo < -(int64_t(1) << 31) ||
      request.hi >= int64_t(1) << 31)
    return "the input range is empty or exceeds 32 bits";
  if (!(request.inputScale > 0) || !std::isfinite(request.inputScale))
    return "the scale must be positive and finite";
  long double highest = log2Step * request.hi + request.fractionBits;
  if (highest > 60)
    return "the largest result needs more than 62 bits: use fewer fraction "
           "bits";
  // Below, the exact result is less than 2^-3 units, and so is the computed
  // one before it is rounded.
  long double cut = std::floor((-3.0L - request.fractionBits) / log2Step);
  lowest = cut > request.hi   ? request.hi
           : cut > request.lo ? int64_t(cut)
                              : request.lo;
  // The multiplier has 31 bits: large scales leave fewer for the fraction.
  fractionBits = std::min(30, 30 - std::ilogb(log2Step));
  if (fractionBits < 1)
    return "the scale is too large for an exponential";
  auto ratio = approximateDyadic(double(std::ldexp(log2Step, fractionBits)));
  if (!ratio)
    return "the scale is too small for an exponential: the results are "
           "constant";
  dyadic = *ratio;
  return "";
}

std::string ExpBuilder::fitPolynomial() {
  std::string reason;
  auto fit = approximateFunction(
      {[](long double x) { return std::exp2(x); }, 0,
       (int64_t(1) << fractionBits) - 1, std::ldexp(1.0, -fractionBits),
       std::ldexp(1.0, -kPolynomialBits), request.polynomialError},
      &reason);
  if (!fit)
    return reason;
  polynomial = *fit;
  return "";
}

Value ExpBuilder::emit(Builder &builder) const {
  Value input = builder.addInput({request.lo, request.hi});
  Value i = builder.maximum(input, builder.addConstant(lowest));
  Value v = builder.roundingShiftRightBy(
      builder.multiply(i, builder.addConstant(dyadic.multiplier)),
      dyadic.shift);
  Value exponent = builder.shiftRightBy(v, fractionBits);
  Value fraction = builder.bitAnd(v, (int64_t(1) << fractionBits) - 1);
  Value mantissa = builder.append(polynomial.program, fraction)[0];
  // mantissa * 2^(exponent + request.fractionBits - 29), as a shift to the
  // right: the mantissa is widened first if some exponent asks for a left one.
  Range exponents = builder.getRange(exponent);
  int64_t least = kPolynomialBits - request.fractionBits - exponents.hi;
  int64_t widening = std::max<int64_t>(0, -least);
  Value shift = builder.subtract(
      builder.addConstant(kPolynomialBits + widening - request.fractionBits),
      exponent);
  return builder.roundingShiftRight(
      builder.shiftLeftBy(mantissa, unsigned(widening)),
      builder.minimum(shift, builder.addConstant(63)));
}

/// For inputs up to `hi`: half a unit for the last rounding, the polynomial's
/// error at the largest exponent, and the error of v: with dy = |y| r + h (r
/// the relative error of the multiplier, h half a unit of v) the result moves
/// by at most 2^y (2^dy - 1). 2^y |y| is largest at the upper end or, left of
/// zero, at y = -log2(e).
double ExpBuilder::getBound(int64_t hi) const {
  long double exact = std::ldexp(log2Step, fractionBits);
  long double relative =
      std::fabs(dyadic.getValue() - exact) / exact + 0x1p-62L;
  long double half = std::ldexp(0.5L, -fractionBits);
  long double top = log2Step * hi;
  long double weighted = std::exp2(top) * std::fabs(top);
  constexpr long double kPeak = -1.44269504088896340736L;
  if (top >= kPeak)
    weighted = std::max(weighted, std::exp2(kPeak) * -kPeak);
  long double largestShift =
      std::max(std::fabs(top), std::fabs(log2Step * lowest)) * relative + half;
  // 2^dy - 1 <= ln 2 * dy * 2^dy.
  long double moved = 0.69314718055994530942L * std::exp2(largestShift) *
                      (weighted * relative + std::exp2(top) * half);
  long double exponent = std::floor(top + largestShift);
  long double bound =
      0.5L + std::ldexp(moved, request.fractionBits) +
      std::ldexp((long double)polynomial.analyticBound,
                 int(exponent) + request.fractionBits - kPolynomialBits);
  return double(bound + 1e-9L);
}

/// The 2^16 largest results, where errors are largest, one by one; the others
/// by the bound.
double ExpBuilder::getBound(const IntegerProgram &program) const {
  int64_t lo = std::max(request.lo, request.hi - kMaxExhaustive + 1);
  double bound =
      findLargestErrorOfAll(program, {lo, request.hi}, [&](long double i) {
        long double x = (long double)request.inputScale * i;
        return std::ldexp(request.isBase2 ? std::exp2(x) : std::exp(x),
                          request.fractionBits);
      });
  if (lo > request.lo)
    bound = std::max(bound, getBound(lo - 1));
  return std::min(bound, getBound(request.hi));
}

std::optional<IntegerKernel> ExpBuilder::build(std::string &reason) {
  reason = prepare();
  if (reason.empty())
    reason = fitPolynomial();
  if (!reason.empty())
    return std::nullopt;
  Builder builder;
  Value result = emit(builder);
  if (builder.hasFailed()) {
    reason = builder.getFailure();
    return std::nullopt;
  }
  IntegerKernel kernel{builder.finish(result), 0};
  kernel.bound = getBound(kernel.program);
  return kernel;
}

std::optional<IntegerKernel> mlir::qfmt::buildExp(const ExpRequest &request,
                                                  std::string *reason) {
  std::string problem;
  auto kernel = ExpBuilder(request).build(problem);
  if (reason)
    *reason = problem;
  return kernel;
}
