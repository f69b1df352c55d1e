// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FunctionFit.h"
#include "ElementFunction.h"
#include "FunctionIntervals.h"
#include "ProgramEmitter.h"
#include "qfmt/Support/SampledFunction.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

int64_t mlir::qfmt::countValues(const IntegerRange &range) {
  __int128 count = range.hi - range.lo + 1;
  return static_cast<int64_t>(std::min<__int128>(count, kMaxValues + 1));
}

/// scale * i for all i of the range.
std::vector<double> mlir::qfmt::listValues(const IntegerRange &range,
                                           double scale) {
  std::vector<double> values;
  for (auto i = static_cast<int64_t>(range.lo); i <= range.hi; ++i)
    values.push_back(static_cast<double>(i) * scale);
  return values;
}

/// The unit in which the largest of `values` has `bits` bits with its sign: a
/// power of two; none if one is not finite.
std::optional<double> mlir::qfmt::chooseUnit(ArrayRef<double> values,
                                             unsigned bits) {
  double largest = 0;
  for (double value : values) {
    if (!std::isfinite(value))
      return std::nullopt;
    largest = std::max(largest, std::abs(value));
  }
  if (largest == 0)
    return 1.0;
  int exponent;
  std::frexp(largest, &exponent);
  // |largest| < 2^exponent; its integer is at most 2^(bits - 1).
  return std::ldexp(1.0, exponent - static_cast<int>(bits) + 1);
}

/// `values` in `unit`s.
static std::vector<double> divide(ArrayRef<double> values, double unit) {
  std::vector<double> quotients;
  for (double value : values)
    quotients.push_back(value / unit);
  return quotients;
}

/// What doubles are off themselves: a few ulps of the largest.
static double getDoubleError(ArrayRef<double> values) {
  double largest = 0;
  for (double value : values)
    largest = std::max(largest, std::abs(value));
  return largest * 0x1p-50;
}

/// A table of `values`, one for each index, in `unit`s.
ScalarModel mlir::qfmt::emitTable(BodyBuilder &body, Value index,
                                  ArrayRef<double> inOrderOfIndex,
                                  double unit) {
  std::vector<double> values = divide(inOrderOfIndex, unit);
  std::vector<int64_t> entries;
  double rounding = 0;
  for (double value : values) {
    entries.push_back(static_cast<int64_t>(std::nearbyint(value)));
    rounding = std::max(rounding,
                        std::abs(value - static_cast<double>(entries.back())));
  }
  auto [lo, hi] = std::minmax_element(entries.begin(), entries.end());
  IntegerRange range = {*lo, *hi};
  unsigned width = range.fits(32) ? 32 : 64;
  return ScalarModel::makeInteger(body.lookup(index, entries, width),
                                  Table(unit), range,
                                  {rounding + getDoubleError(values), 0});
}

/// A fit for errors of one rounding, if there is one, and of ever more up to
/// the one that is asked for. `reached` becomes the least error that there is a
/// fit for.
static std::optional<SampledFunction>
fitSamples(SampledRequest request, double maxError, double &reached) {
  SmallVector<double> errors;
  for (double error = 0.75; error < maxError; error *= 2)
    errors.push_back(error);
  errors.push_back(maxError);
  for (double error : errors) {
    request.maxError = error;
    if (std::optional<SampledFunction> found = approximateSamples(request))
      return found;
  }
  // For the diagnostic only.
  for (reached = maxError * 16; reached < 0x1p31; reached *= 16) {
    request.maxError = reached;
    if (std::optional<SampledFunction> found = approximateSamples(request)) {
      reached = found->bound;
      break;
    }
  }
  return std::nullopt;
}

static ScalarModel emitSampled(BodyBuilder &body,
                               const SampledFunction &function, Value integer,
                               double unit, double valueError) {
  Value result = emitProgram(body, function.program, integer).front();
  IntegerProgram::Range range = function.program.getResultRange();
  return ScalarModel::makeInteger(result, Table(unit), {range.lo, range.hi},
                                  {function.bound + valueError, 0});
}

/// A program for a function of the integers of `range`, which has `values`.
FailureOr<ScalarModel> mlir::qfmt::emitSamples(BodyBuilder &body, Location loc,
                                               StringRef name, Value integer,
                                               const IntegerRange &range,
                                               ArrayRef<double> values,
                                               double unit) {
  std::vector<double> inUnits = divide(values, unit);
  SampledRequest request = {inUnits, static_cast<int64_t>(range.lo), 0};
  double asked = body.getSettings().functionError, reached = 0;
  std::optional<SampledFunction> function = fitSamples(request, asked, reached);
  if (function)
    return emitSampled(body, *function, integer, unit, getDoubleError(inUnits));
  return mlir::emitError(loc)
         << "'" << name << "' of " << values.size()
         << " codes is to be off by at most function-error = " << asked
         << " units of " << unit << "; tables of up to " << request.maxTableSize
         << " entries reach " << reached
         << " units; use table-bits=16, a larger function-error, fewer "
            "function-bits, or codes of 8 bits";
}

namespace {
/// A function of more integers than can be listed, at some of them.
struct Samples {
  int64_t lo;
  unsigned stepBits;
  std::vector<double> values, midpoints;
  /// For each step, how far the function is from the lines through its ends and
  /// its middle, at the integers between them.
  std::vector<double> between;
};
} // namespace

/// How far the function is from the line through a and b, at the integers of
/// `range` from a + 1 to b - 1. A jump at a or b is before those.
static double getDistanceFromLine(double a, double b, const IntegerRange &range,
                                  double scale,
                                  llvm::function_ref<double(double)> function,
                                  const FunctionIntervals &intervals) {
  double first = std::max(a + 1, static_cast<double>(range.lo));
  double last = std::min(b - 1, static_cast<double>(range.hi));
  if (first > last)
    return 0;
  double start = function(a), slope = (function(b) - start) / (b - a);
  auto getDistance = [&](double i) {
    return std::abs(function(i) - (start + slope * (i - a)));
  };
  Jet jet = intervals({first * scale, last * scale});
  // With slopes of s to t, the line through these two is missed by at most (t -
  // s) / 4 of its length; by no more than values differ, if there is a jump.
  double missed =
      std::min(jet.slope.getWidth() * scale * (last - first) / 4 + 2 * jet.off,
               jet.value.getWidth());
  double distance = std::max(getDistance(first), getDistance(last)) + missed;
  return std::isnan(distance) ? HUGE_VAL : distance;
}

/// At most 2^16 steps over `range`. Samples are multiples of the step: 0, where
/// functions have kinks, is one of them, or far away.
static Samples listSamples(const IntegerRange &range, double scale,
                           const ElementFunction &function,
                           const FunctionIntervals &intervals) {
  Samples samples;
  auto lo = static_cast<int64_t>(range.lo), hi = static_cast<int64_t>(range.hi);
  int64_t steps;
  samples.stepBits = 0;
  do {
    int64_t step = int64_t(1) << ++samples.stepBits;
    samples.lo = (lo >> samples.stepBits) * step;
    steps = (hi - samples.lo) / step + 1;
  } while (steps > kMaxValues);
  // The first step may begin before the range, and the last ends beyond it,
  // where the function goes on if it does.
  auto get = [&](double i) {
    double value = function(i * scale);
    if (std::isfinite(value))
      return value;
    return function(
        std::clamp(i, static_cast<double>(lo), static_cast<double>(hi)) *
        scale);
  };
  double half = std::ldexp(0.5, static_cast<int>(samples.stepBits));
  for (int64_t k = 0; k <= steps; ++k) {
    double at =
        static_cast<double>(samples.lo) + static_cast<double>(2 * k) * half;
    samples.values.push_back(get(at));
    if (k == steps)
      break;
    samples.midpoints.push_back(get(at + half));
    samples.between.push_back(std::max(
        getDistanceFromLine(at, at + half, range, scale, get, intervals),
        getDistanceFromLine(at + half, at + 2 * half, range, scale, get,
                            intervals)));
  }
  return samples;
}

/// Of the ends of wide ranges that are cut off, in units of the result: of
/// their samples, and of what lies between.
static constexpr double kFlatness = 1.0 / 64;

/// The part of `range` outside of which the samples are within kFlatness of
/// those at the ends.
static IntegerRange getSteepPart(const Samples &samples,
                                 const IntegerRange &range, double unit) {
  double flat = kFlatness * unit;
  size_t first = 0, last = samples.values.size() - 1;
  auto isFlat = [&](size_t step, double end) {
    return samples.between[step] <= flat &&
           std::abs(samples.values[step] - end) <= flat &&
           std::abs(samples.midpoints[step] - end) <= flat &&
           std::abs(samples.values[step + 1] - end) <= flat;
  };
  while (first < last && isFlat(first, samples.values.front()))
    ++first;
  while (last > first && isFlat(last - 1, samples.values.back()))
    --last;
  if (first == last)
    return {range.lo, range.lo};
  auto at = [&](size_t step) -> __int128 {
    return samples.lo + (static_cast<int64_t>(step) << samples.stepBits);
  };
  return {std::max(at(first), range.lo), std::min(at(last), range.hi)};
}

static Value clampInteger(BodyBuilder &body, Value integer,
                          const IntegerRange &range, const IntegerRange &to) {
  unsigned width = *body.chooseWidth(range);
  Value result = body.cast(integer, width);
  OpBuilder &builder = body.getBuilder();
  if (to.lo > range.lo)
    result = arith::MaxSIOp::create(
        builder, body.getLoc(), result,
        body.constant(static_cast<int64_t>(to.lo), width));
  if (to.hi < range.hi)
    result = arith::MinSIOp::create(
        builder, body.getLoc(), result,
        body.constant(static_cast<int64_t>(to.hi), width));
  return result;
}

/// How far the function is from that at the ends of `part` beyond them.
static double getFlatness(const IntegerRange &range, const IntegerRange &part,
                          double scale, const FunctionIntervals &intervals) {
  auto getReal = [&](__int128 i) { return static_cast<double>(i) * scale; };
  double lo = getReal(part.lo), hi = getReal(part.hi);
  return std::max(intervals.getDistance(getReal(range.lo), lo, lo),
                  intervals.getDistance(hi, getReal(range.hi), hi));
}

/// Samples lie that close after ranges have been cut to their steep parts.
static constexpr int kMaxCuts = 6;

FailureOr<ScalarModel>
mlir::qfmt::approximateWide(BodyBuilder &body, const ScalarModel &value,
                            const ExpressionRef &expression,
                            std::string &reason) {
  std::optional<ElementFunction> function = ElementFunction::make(expression);
  std::optional<FunctionIntervals> intervals =
      FunctionIntervals::make(expression);
  if (!function || !intervals) {
    reason = "is not evaluated on intervals";
    return failure();
  }
  double scale = *value.scale.getUniform();
  IntegerRange range = value.range;
  Samples samples = listSamples(range, scale, *function, *intervals);
  std::vector<double> all = samples.values;
  llvm::append_range(all, samples.midpoints);
  std::optional<double> unit = chooseUnit(all, body.getSettings().functionBits);
  if (!unit) {
    reason = "is not finite on its operand's range";
    return failure();
  }
  double flatness = 0;
  for (int cut = 0; cut < kMaxCuts; ++cut) {
    IntegerRange steep = getSteepPart(samples, range, *unit);
    if (steep.lo == range.lo && steep.hi == range.hi)
      break;
    // Lines between samples are within kFlatness of the end, the function is as
    // close to the lines, and where the steep part begins it is as close to the
    // end.
    flatness += 3 * kFlatness;
    bool isShort = 2 * (steep.hi - steep.lo) > range.hi - range.lo;
    range = steep;
    samples = listSamples(range, scale, *function, *intervals);
    if (isShort || samples.stepBits == 1)
      break;
  }
  flatness = std::min(
      flatness, getFlatness(value.range, range, scale, *intervals) / *unit);
  std::vector<double> inUnits = divide(samples.values, *unit);
  std::vector<double> midpoints = divide(samples.midpoints, *unit);
  SampledRequest request = {inUnits, samples.lo, 0};
  request.stepBits = samples.stepBits;
  request.midpoints = midpoints;
  std::vector<double> between = divide(samples.between, *unit);
  request.between = between;
  double asked = body.getSettings().functionError, reached = 0;
  std::optional<SampledFunction> found = fitSamples(request, asked, reached);
  if (!found) {
    llvm::raw_string_ostream(reason)
        << "is to be off by at most function-error = " << asked << " units of "
        << *unit << " between " << static_cast<double>(range.lo) * scale
        << " and " << static_cast<double>(range.hi) * scale
        << "; polynomials and tables reach " << reached
        << " units; quantize the operand to 8 or 16 bits, or use a larger "
           "function-error or fewer function-bits";
    return failure();
  }
  Value integer = clampInteger(body, value.value, value.range, range);
  return emitSampled(body, *found, integer, *unit,
                     getDoubleError(inUnits) + flatness);
}
