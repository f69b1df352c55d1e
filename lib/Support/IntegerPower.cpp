//===- IntegerPower.cpp - Powers in integers ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IntegerKernels.h"
#include <cmath>
#include <limits>

using namespace mlir::qfmt;

using Builder = IntegerProgramBuilder;
using Value = IntegerProgram::Value;

/// The polynomial's largest result is 2^30.
static constexpr int kPolynomialBits = 30;

/// Why the request makes no sense; empty if it does.
static std::string checkRequest(const PowerRequest &request) {
  if (request.range.lo < 0 || request.range.lo > request.range.hi ||
      request.range.hi < 1 || request.range.hi >= int64_t(1) << 62)
    return "the input range must be within 0 ... 2^62 - 1";
  if (request.exponent < 0 && request.range.lo == 0)
    return "0 has no power with a negative exponent";
  if (!(request.inputScale > 0) || !std::isfinite(request.inputScale))
    return "the scale must be positive and finite";
  if (request.exponent == 0 || !(std::fabs(request.exponent) <= 8))
    return "the exponent must be within -8 ... 8, and not 0";
  return "";
}

namespace {
/// factor * 2^-shift, one for each position of the leading one.
struct Factors {
  std::vector<int64_t> factors, shifts;
};
} // namespace

/// (inputScale * 2^(63 - zeros))^exponent, in units of the result per unit of
/// the polynomial. None if a result needs more than 62 bits.
static std::optional<Factors> listFactors(const PowerRequest &request,
                                          IntegerProgram::Range zeros,
                                          int polynomialUnit) {
  Factors result;
  for (int64_t lz = zeros.lo; lz <= zeros.hi; ++lz) {
    if (lz == 64) {
      // 0^c for c > 0.
      result.factors.push_back(0);
      result.shifts.push_back(1);
      continue;
    }
    long double log2 = (std::log2((long double)request.inputScale) + 63 - lz) *
                           request.exponent +
                       request.fractionBits + polynomialUnit;
    long double whole = std::floor(log2);
    // The factor has 31 bits.
    int shift = 30 - int(whole);
    if (shift < 1)
      return std::nullopt;
    long double factor = std::exp2(log2 - whole + 30);
    if (shift > 62) {
      factor = std::ldexp(factor, 62 - shift);
      shift = 62;
    }
    result.factors.push_back(
        std::min(int64_t(std::round(factor)), (int64_t(1) << 31) - 1));
    result.shifts.push_back(shift);
  }
  return result;
}

std::optional<PowerKernel> mlir::qfmt::buildPower(const PowerRequest &request,
                                                  std::string *reason) {
  auto fail = [&](const std::string &problem) {
    if (reason)
      *reason = problem;
    return std::nullopt;
  };
  std::string problem = checkRequest(request);
  if (!problem.empty())
    return fail(problem);
  double c = request.exponent;
  // x^c is within [1, 2^c] or [2^c, 1] for 1 <= x < 2; at most 2^30 here.
  int unit = c > 0 ? int(std::ceil(c)) - kPolynomialBits : -kPolynomialBits;
  std::optional<FixedPointFunction> polynomial;
  for (double error : {4.0, 32.0, 256.0})
    if (!polynomial)
      polynomial = approximateFunction(
          {[&](long double x) { return std::pow(x, (long double)c); },
           int64_t(1) << 30, (int64_t(1) << 31) - 1, 0x1p-30,
           std::ldexp(1.0, unit), error},
          reason);
  if (!polynomial)
    return std::nullopt;
  Builder b;
  Value input = b.addInput(request.range);
  Value zeros = b.leadingZeros(input);
  // i = m 2^(33 - lz); 0 takes the least m, and the factor 0.
  Value positive = b.maximum(input, b.addConstant(1));
  Value normalised =
      b.shiftLeftInto(positive, b.addImmediate(b.leadingZeros(positive), -1),
                      {int64_t(1) << 62, std::numeric_limits<int64_t>::max()});
  Value m = b.shiftRightBy(normalised, 32);
  IntegerProgram::Range zerosRange = b.getRange(zeros);
  std::optional<Factors> factors = listFactors(request, zerosRange, unit);
  if (!factors)
    return fail("the largest result needs more than 62 bits: use fewer "
                "fraction bits");
  Value index = b.addImmediate(zeros, -zerosRange.lo);
  Value factor = b.lookup(index, std::move(factors->factors));
  Value shift = b.lookup(index, std::move(factors->shifts));
  Value power = b.append(polynomial->program, m)[0];
  Value result = b.roundingShiftRight(b.multiply(power, factor), shift);
  // The polynomial's error, of its least value; the factor's half a unit of
  // 2^30, or its logarithm's; what m cuts off.
  long double least =
      std::ldexp(c > 0 ? 1.0L : std::exp2((long double)c), -unit);
  long double relative =
      (long double)polynomial->bound / least + 0x1p-31L + 0x1p-50L;
  if (request.range.hi >= int64_t(1) << 31)
    relative += std::fabs(c) * 0x1p-30L * std::exp2(std::fabs(c) * 0x1p-29L);
  relative *= 1 + 1e-6L;
  auto exact = [&](int64_t i) {
    return std::pow((long double)request.inputScale * i, (long double)c) *
           std::ldexp(1.0L, request.fractionBits);
  };
  long double ends[] = {exact(request.range.lo), exact(request.range.hi)};
  long double lowest = std::min(ends[0], ends[1]);
  long double highest = std::max(ends[0], ends[1]);
  if (highest >= 0x1p61L)
    return fail("the largest result needs more than 62 bits: use fewer "
                "fraction bits");
  b.assume(result, {int64_t(std::floor(lowest * (1 - relative) - 0.5L)),
                    int64_t(std::ceil(highest * (1 + relative) + 0.5L))});
  if (b.hasFailed())
    return fail(b.getFailure());
  return PowerKernel{b.finish(result), double(relative)};
}
