// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exp, erf, tanh and other functions of one value.
//
// A chain of operations that depends on one code alone is kept as an expression
// until something needs its integers; then the whole chain is one table of the
// codes, exact but for one rounding, or, for codes of more than `tableBits`,
// one program of polynomials and tables whose error is known for every code.
// Functions of other integers are tables or programs of those; of more than
// 2^16 of them, kernels with range reduction (exponentials, logarithms, powers,
// rounding to whole numbers) or programs fitted to samples.

#include "ElementFunction.h"
#include "ProgramEmitter.h"
#include "Rules.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "qfmt/Support/IntegerKernels.h"
#include "qfmt/Support/SampledFunction.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// Codes of more values than 2^16 are never evaluated one by one.
static constexpr int64_t kMaxValues = int64_t(1) << 16;

static int64_t countValues(const IntegerRange &range) {
  __int128 count = range.hi - range.lo + 1;
  return static_cast<int64_t>(std::min<__int128>(count, kMaxValues + 1));
}

bool mlir::qfmt::isFunctionOfCode(const ExpressionRef &expression) {
  const Expression *element = getOnlyElement(expression);
  return element && element->model &&
         element->model->kind == TensorModel::Kind::Integer &&
         element->model->error.isExact() &&
         element->model->scale.getUniform() &&
         countValues(element->model->range) <= kMaxValues;
}

/// scale * i for all i of the range.
static std::vector<double> listValues(const IntegerRange &range, double scale) {
  std::vector<double> values;
  for (auto i = static_cast<int64_t>(range.lo); i <= range.hi; ++i)
    values.push_back(static_cast<double>(i) * scale);
  return values;
}

/// The unit in which the largest of `values` has `bits` bits with its sign: a
/// power of two; none if one is not finite.
static std::optional<double> chooseUnit(ArrayRef<double> values,
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
static ScalarModel emitTable(BodyBuilder &body, Value index,
                             ArrayRef<double> inOrderOfIndex, double unit) {
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

//===----------------------------------------------------------------------===//
// Programs fitted to samples
//===----------------------------------------------------------------------===//

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
static FailureOr<ScalarModel>
emitSamples(BodyBuilder &body, Location loc, StringRef name, Value integer,
            const IntegerRange &range, ArrayRef<double> values, double unit) {
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
};
} // namespace

/// At most 2^16 steps over `range`. Samples are multiples of the step: 0, where
/// functions have kinks, is one of them, or far away.
static Samples listSamples(const IntegerRange &range, double scale,
                           llvm::function_ref<double(double)> function) {
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
    if (k < steps)
      samples.midpoints.push_back(get(at + half));
  }
  return samples;
}

/// Of the ends of wide ranges that are cut off, in units of the result.
static constexpr double kFlatness = 1.0 / 64;

/// The part of `range` outside of which the samples are within kFlatness of
/// those at the ends.
static IntegerRange getSteepPart(const Samples &samples,
                                 const IntegerRange &range, double unit) {
  double flat = kFlatness * unit;
  size_t first = 0, last = samples.values.size() - 1;
  auto isFlat = [&](size_t step, double end) {
    return std::abs(samples.values[step] - end) <= flat &&
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

/// Samples lie that close after ranges have been cut to their steep parts.
static constexpr int kMaxCuts = 6;

FailureOr<ScalarModel>
mlir::qfmt::approximateWide(BodyBuilder &body, const ScalarModel &value,
                            llvm::function_ref<double(double)> function,
                            std::string &reason) {
  double scale = *value.scale.getUniform();
  IntegerRange range = value.range;
  Samples samples = listSamples(range, scale, function);
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
    flatness = 2 * kFlatness;
    bool isShort = 2 * (steep.hi - steep.lo) > range.hi - range.lo;
    range = steep;
    samples = listSamples(range, scale, function);
    if (isShort || samples.stepBits == 1)
      break;
  }
  std::vector<double> inUnits = divide(samples.values, *unit);
  std::vector<double> midpoints = divide(samples.midpoints, *unit);
  SampledRequest request = {inUnits, samples.lo, 0};
  request.stepBits = samples.stepBits;
  request.midpoints = midpoints;
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

static InFlightDiagnostic emitNotFinite(Location loc, StringRef name,
                                        ArrayRef<double> operands,
                                        ArrayRef<double> values) {
  size_t i = 0;
  while (std::isfinite(values[i]))
    ++i;
  return emitError(loc) << "'" << name << "' is " << values[i]
                        << " where its operand is " << operands[i]
                        << ", a value that the operand's range holds; add a "
                           "constant to it, clamp it, or calibrate it to "
                           "another range";
}

/// The index of a table of all codes of `model` as they are stored, and their
/// integers in that order.
static Value getStoredIndex(BodyBuilder &body, const TensorModel &model,
                            AffineMap map, std::vector<int64_t> &integers) {
  Value code = body.loadCode(model, map);
  unsigned width = code.getType().getIntOrFloatBitWidth();
  for (int64_t bits = 0; bits < int64_t(1) << width; ++bits) {
    int64_t number = model.isUnsigned ? bits : llvm::SignExtend64(bits, width);
    integers.push_back(number - model.zeroPoint);
  }
  return code;
}

/// Poles stay, and what is no number, for whoever looks for them.
static double clampReal(double value, const FunctionResult &asked) {
  if (!asked.clamp || !std::isfinite(value))
    return value;
  return std::clamp(value, asked.clamp->first, asked.clamp->second);
}

FailureOr<ScalarModel> mlir::qfmt::materialize(BodyBuilder &body,
                                               const ExpressionRef &expression,
                                               const FunctionResult &asked) {
  StringRef name = expression->name;
  const Expression *element = getOnlyElement(expression);
  const TensorModel &model = *element->model;
  double scale = *model.scale.getUniform();
  std::optional<ElementFunction> real = ElementFunction::make(expression);
  if (!real)
    return body.emitError() << "'" << name << "' is not evaluated on codes";
  auto function = [&](double x) { return clampReal((*real)(x), asked); };
  std::vector<double> operands = listValues(model.range, scale);
  std::vector<double> values;
  for (double operand : operands)
    values.push_back(function(operand));
  std::optional<double> unit =
      chooseUnit(values, body.getSettings().functionBits);
  if (!unit)
    return emitNotFinite(expression->location.value_or(body.getLoc()), name,
                         operands, values);
  auto map = AffineMap::get(body.getLoopSizes().size(), 0, element->indices,
                            body.getBuilder().getContext());

  FailureOr<ScalarModel> result;
  unsigned width =
      getElementTypeOrSelf(model.payload.getType()).getIntOrFloatBitWidth();
  if (width <= body.getSettings().tableBits) {
    std::vector<int64_t> integers;
    Value index = getStoredIndex(body, model, map, integers);
    std::vector<double> entries;
    // Codes that do not occur have any entry.
    for (int64_t i : integers)
      entries.push_back(i < model.range.lo || i > model.range.hi
                            ? values.front()
                            : values[i - int64_t(model.range.lo)]);
    result = emitTable(body, index, entries, asked.unit.value_or(*unit));
  } else {
    ScalarModel loaded = body.load(model, map, model.scale);
    // A sixteenth of the unit asked for is lost in its rounding, but nothing of
    // 0.
    auto isZero = [](double value) { return value == 0; };
    if (asked.unit)
      unit = llvm::all_of(values, isZero) ? *asked.unit
                                          : std::max(*unit, *asked.unit / 16);
    result = emitSamples(body, expression->location.value_or(body.getLoc()),
                         name, loaded.value, model.range, values, *unit);
  }
  if (succeeded(result))
    result->expression = expression;
  return result;
}

/// function(v) for integers that can be listed.
static FailureOr<ScalarModel>
applyToListed(BodyBuilder &body, StringRef name, const ScalarModel &value,
              llvm::function_ref<double(double)> function) {
  std::vector<double> operands =
      listValues(value.range, *value.scale.getUniform());
  std::vector<double> values;
  for (double operand : operands)
    values.push_back(function(operand));
  std::optional<double> unit =
      chooseUnit(values, body.getSettings().functionBits);
  if (!unit)
    return emitNotFinite(body.getLoc(), name, operands, values);
  if (countValues(value.range) > int64_t(1) << body.getSettings().tableBits)
    return emitSamples(body, body.getLoc(), name, value.value, value.range,
                       values, *unit);
  // The index is the distance from the lowest value.
  unsigned width = *body.chooseWidth(value.range);
  Value index = arith::SubIOp::create(
      body.getBuilder(), body.getLoc(), body.cast(value.value, width),
      body.constant(static_cast<int64_t>(value.range.lo), width));
  index = body.cast(index, values.size() <= 256 ? 8 : 16);
  return emitTable(body, index, values, *unit);
}

/// Adds what the operand's error does to f(operand).
static LogicalResult addVariation(BodyBuilder &body, StringRef name,
                                  const ScalarModel &operand,
                                  Variation variation, ScalarModel &result) {
  double scale = *operand.scale.getUniform();
  double off = operand.error.getTotal(operand.getMagnitude()) * scale;
  if (off == 0)
    return success();
  double error =
      variation(static_cast<double>(operand.range.lo) * scale - off,
                static_cast<double>(operand.range.hi) * scale + off, off);
  if (!std::isfinite(error))
    return body.emitError() << "'" << name
                            << "' jumps or is not finite near its operand, "
                               "which is off by up to "
                            << off << "; quantize the operand first";
  result.error.absolute += error / *result.scale.getUniform();
  return success();
}

FailureOr<ScalarModel> mlir::qfmt::applyFunction(
    BodyBuilder &body, StringRef name, const ScalarModel &value,
    llvm::function_ref<double(double)> function, Variation variation) {
  FailureOr<ScalarModel> uniform = body.makeUniform(value);
  if (failed(uniform))
    return failure();
  FailureOr<ScalarModel> result;
  if (countValues(uniform->range) <= kMaxValues) {
    result = applyToListed(body, name, *uniform, function);
  } else {
    // What is lost beyond 30 bits is an error of the operand.
    uniform = body.narrow(*uniform, 30);
    if (failed(uniform))
      return failure();
    std::string reason;
    result = approximateWide(body, *uniform, function, reason);
    if (failed(result))
      return body.emitError() << "'" << name << "' " << reason;
  }
  if (failed(result) ||
      failed(addVariation(body, name, *uniform, variation, *result)))
    return failure();
  return result;
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// The largest derivative on [lo, hi]; infinite if there is none.
static double getSlope(StringRef name, double lo, double hi) {
  double infinity = std::numeric_limits<double>::infinity();
  // Of log(x) from x = `from` on.
  auto logarithm = [&](double from) { return from > 0 ? 1 / from : infinity; };
  return llvm::StringSwitch<double>(name)
      .Case("math.exp", std::exp(hi))
      .Case("math.expm1", std::exp(hi))
      .Case("math.exp2", std::exp2(hi))
      .Case("math.erf", 1.1283791670955126)
      .Case("math.log", logarithm(lo))
      .Case("math.log2", 1.4426950408889634 * logarithm(lo))
      .Case("math.log10", 0.43429448190325176 * logarithm(lo))
      .Case("math.log1p", logarithm(1 + lo))
      .Cases({"math.tanh", "math.sin", "math.cos"}, 1)
      .Default(infinity);
}

/// Of a value with more than 32 bits: what is so low that its exponential is
/// below 2^-10 of the result's unit becomes the largest such value, so that no
/// low bits are lost for it. Returns what that changes, in units.
static double clampUnderflow(BodyBuilder &body, ScalarModel &value,
                             bool isBase2) {
  if (value.range.fits(32))
    return 0;
  double toLog2 =
      *value.scale.getUniform() * (isBase2 ? 1.0 : 1.4426950408889634);
  double largest = static_cast<double>(value.range.hi) * toLog2;
  double underflow =
      largest - static_cast<double>(body.getSettings().functionBits) - 10;
  double lowest = std::floor(underflow / toLog2);
  if (!(lowest > static_cast<double>(value.range.lo)) ||
      !(lowest > -0x1p62 && lowest < 0x1p62))
    return 0;
  value.value = arith::MaxSIOp::create(
      body.getBuilder(), body.getLoc(), body.cast(value.value, 64),
      body.constant(static_cast<int64_t>(lowest), 64));
  value.range.lo = static_cast<int64_t>(lowest);
  return 0x1p-10;
}

/// exp of more values than a table has: range reduction, one polynomial.
static FailureOr<ScalarModel> compileWideExp(RuleContext &context,
                                             bool isBase2) {
  FailureOr<ScalarModel> value = context.body.makeUniform(context.operands[0]);
  if (failed(value))
    return failure();
  double clamped = clampUnderflow(context.body, *value, isBase2);
  value = context.body.narrow(*value, 32);
  if (failed(value))
    return failure();
  double scale = *value->scale.getUniform();
  double largest = static_cast<double>(value->range.hi) * scale;
  double log2Largest = isBase2 ? largest : largest * 1.4426950408889634;
  ExpRequest request;
  request.lo = static_cast<int64_t>(value->range.lo);
  request.hi = static_cast<int64_t>(value->range.hi);
  request.inputScale = scale;
  request.isBase2 = isBase2;
  request.fractionBits =
      static_cast<int>(context.body.getSettings().functionBits) - 2 -
      static_cast<int>(std::ceil(std::clamp(log2Largest, -1e6, 1e6)));
  std::string reason;
  std::optional<IntegerKernel> kernel = buildExp(request, &reason);
  if (!kernel)
    return context.emitError() << "has no integer code: " << reason;
  Value result =
      emitProgram(context.body, kernel->program, value->value).front();
  IntegerProgram::Range range = kernel->program.getResultRange();
  // exp(v + d) - exp(v) is at most exp(largest + d) * d.
  double off = value->error.getTotal(value->getMagnitude()) * scale;
  double growth = std::exp2(log2Largest + 2 * off) * off *
                  std::ldexp(1.0, request.fractionBits);
  return ScalarModel::makeInteger(
      result, Table(std::ldexp(1.0, -request.fractionBits)),
      {range.lo, range.hi}, {kernel->bound + growth + clamped, 0});
}

/// log of more values than can be listed.
static FailureOr<ScalarModel> compileWideLog(RuleContext &context,
                                             StringRef name) {
  BodyBuilder &body = context.body;
  FailureOr<ScalarModel> value = body.makeUniform(context.operands[0]);
  if (failed(value))
    return failure();
  if (name == "math.log1p") {
    FailureOr<std::pair<ScalarModel, ScalarModel>> terms =
        body.align(*value, ScalarModel::makeConstant(Table(1.0)));
    if (failed(terms))
      return failure();
    const auto &[a, one] = *terms;
    IntegerRange sum = a.range + one.range;
    std::optional<unsigned> width = body.chooseWidth(sum);
    if (!width)
      return context.emitError() << "the operand needs more than 64 bits";
    Value added = arith::AddIOp::create(body.getBuilder(), body.getLoc(),
                                        body.cast(a.value, *width),
                                        body.cast(one.value, *width));
    ErrorBound error = a.error.toAbsolute(a.getMagnitude());
    error.absolute += one.error.absolute;
    value = ScalarModel::makeInteger(added, a.scale, sum, error);
  }
  value = body.narrow(*value, 62);
  if (failed(value))
    return failure();
  double scale = *value->scale.getUniform();
  auto lo = static_cast<double>(value->range.lo) * scale;
  auto hi = static_cast<double>(value->range.hi) * scale;
  double off = value->error.getTotal(value->getMagnitude()) * scale;
  if (value->range.lo < 1 || lo <= off)
    return context.emitError()
           << "the operand" << (name == "math.log1p" ? " plus 1" : "")
           << " lies between " << lo << " and " << hi
           << " as far as is known, off by up to " << off
           << ", and may be 0; take the maximum with a larger constant";
  // log2 is a factor of the scale, and so is log10.
  bool isBase2 = name == "math.log2";
  double factor = name == "math.log10" ? 0.43429448190325176 : 1.0;
  double largest = std::max(std::abs(std::log(lo)), std::abs(std::log(hi)));
  if (isBase2)
    largest *= 1.4426950408889634;
  LogRequest request;
  request.range = {static_cast<int64_t>(value->range.lo),
                   static_cast<int64_t>(value->range.hi)};
  request.inputScale = scale;
  request.isBase2 = isBase2;
  request.fractionBits = static_cast<unsigned>(
      std::clamp(static_cast<int>(body.getSettings().functionBits) - 2 -
                     std::ilogb(std::max(largest, 1e-3)),
                 0, 24));
  std::string reason;
  std::optional<IntegerKernel> kernel = buildLog(request, &reason);
  if (!kernel)
    return context.emitError() << "has no integer code: " << reason;
  Value result = emitProgram(body, kernel->program, value->value).front();
  IntegerProgram::Range range = kernel->program.getResultRange();
  // log(v) - log(v - d) with the smallest v, twice: the double's error.
  double spread = -std::log1p(-off / lo) * (isBase2 ? 1.4426950408889634 : 1);
  return ScalarModel::makeInteger(
      result,
      Table(std::ldexp(factor, -static_cast<int>(request.fractionBits))),
      {range.lo, range.hi},
      {kernel->bound + std::ldexp(spread, request.fractionBits), 0});
}

/// v rounded to a whole number: a shift at a scale of 2^-n, to which v is
/// brought with up to 31 bits, or exactly if its scale is such a power.
static FailureOr<ScalarModel> compileWideRounding(RuleContext &context,
                                                  StringRef name) {
  BodyBuilder &body = context.body;
  FailureOr<ScalarModel> value = body.makeUniform(context.operands[0]);
  if (failed(value))
    return failure();
  double scale = *value->scale.getUniform();
  double largest = static_cast<double>(value->range.getMaxMagnitude()) * scale;
  int bits = -std::ilogb(scale);
  if (std::ldexp(1.0, -bits) != scale)
    bits = 29 - std::ilogb(largest);
  bits = std::clamp(bits, 0, 60);
  value = body.rescale(*value, Table(std::ldexp(1.0, -bits)));
  if (failed(value))
    return failure();
  int64_t one = int64_t(1) << bits, half = one / 2;
  IntegerRange sum = value->range + IntegerRange{-one, one};
  std::optional<unsigned> width = body.chooseWidth(sum);
  if (!width)
    return context.emitError() << "the operand needs more than 64 bits";
  OpBuilder &builder = body.getBuilder();
  Location loc = body.getLoc();
  Value v = body.cast(value->value, *width);
  auto constant = [&](int64_t number) { return body.constant(number, *width); };
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddIOp::create(builder, loc, a, b);
  };
  auto shift = [&](Value a, int64_t by) -> Value {
    return arith::ShRSIOp::create(builder, loc, a, constant(by));
  };
  // -1 for v < 0.
  Value sign = shift(v, *width - 1);
  if (bits > 0 && name == "math.ceil")
    v = add(v, constant(one - 1));
  // Ties of negative values go down, of others up.
  if (bits > 0 && name == "math.round")
    v = add(add(v, constant(half)), sign);
  if (bits > 0 && name == "math.trunc")
    v = add(v, arith::AndIOp::create(builder, loc, sign, constant(one - 1)));
  // Ties go up if the floor is odd.
  if (bits > 0 && name == "math.roundeven") {
    Value odd =
        arith::AndIOp::create(builder, loc, shift(v, bits), constant(1));
    v = add(add(v, constant(half - 1)), odd);
  }
  Value result = bits > 0 ? shift(v, bits) : v;
  // |floor(v + d) - floor(v)| <= ceil |d|, and so with the others.
  double off = value->error.getTotal(value->getMagnitude());
  return ScalarModel::makeInteger(result, Table(1.0),
                                  {sum.lo >> bits, sum.hi >> bits},
                                  {std::ceil(std::ldexp(off, -bits)), 0});
}

static bool isRounding(StringRef name) {
  return llvm::is_contained(
      {"math.floor", "math.ceil", "math.round", "math.roundeven", "math.trunc"},
      name);
}

/// exp(v) - 1 of more values than can be listed.
static FailureOr<ScalarModel> compileWideExpm1(RuleContext &context) {
  FailureOr<ScalarModel> result = compileWideExp(context, /*isBase2=*/false);
  if (failed(result))
    return failure();
  // In units of a power of two; above 1, 1 is rounded.
  double one = std::nearbyint(1 / *result->scale.getUniform());
  double off = std::abs(one - 1 / *result->scale.getUniform());
  auto integer = static_cast<int64_t>(one);
  result->range = result->range + IntegerRange{-integer, -integer};
  unsigned width = *context.body.chooseWidth(result->range);
  result->value =
      arith::SubIOp::create(context.builder(), context.body.getLoc(),
                            context.body.cast(result->value, width),
                            context.body.constant(integer, width));
  result->error.absolute += off;
  return result;
}

static FailureOr<ScalarModel> compileFunction(RuleContext &context) {
  const ScalarModel &value = context.operands[0];
  StringRef name = context.op->getName().getStringRef();
  bool isExp = isa<math::ExpOp>(context.op);
  bool isExp2 = isa<math::Exp2Op>(context.op);
  int64_t count = countValues(value.range);
  if ((isExp || isExp2) && count > int64_t(1)
                                       << context.body.getSettings().tableBits)
    return compileWideExp(context, isExp2);
  if (count > kMaxValues &&
      isa<math::LogOp, math::Log2Op, math::Log10Op, math::Log1pOp>(context.op))
    return compileWideLog(context, name);
  if (count > kMaxValues && isa<math::ExpM1Op>(context.op))
    return compileWideExpm1(context);
  if (count > kMaxValues && isRounding(name))
    return compileWideRounding(context, name);
  ScalarFunction function = getScalarFunction(name, 1);
  return applyFunction(
      context.body, name, value, [&](double x) { return function(x); },
      [&](double lo, double hi, double off) {
        // |floor(v + d) - floor(v)| <= ceil |d|, and so with the others.
        return isRounding(name) ? std::ceil(off) : getSlope(name, lo, hi) * off;
      });
}

/// How far v^c moves if v does by `off`. Integers below 0 that stand for 0 are
/// refused where v^c is no number.
static double getPowerVariation(double exponent, double lo, double hi,
                                double off) {
  // v^c is nowhere steeper than at 0.
  if (exponent > 0 && exponent < 1)
    return std::pow(off, exponent);
  if (exponent < 0 && lo <= 0 && hi >= 0)
    return std::numeric_limits<double>::infinity();
  // |c| |v|^(c-1) is largest at an end.
  return off * std::abs(exponent) *
         std::max(std::pow(std::abs(lo), exponent - 1),
                  std::pow(std::abs(hi), exponent - 1));
}

/// v^c of more values than can be listed.
static FailureOr<ScalarModel> compileWidePower(RuleContext &context,
                                               double exponent) {
  BodyBuilder &body = context.body;
  FailureOr<ScalarModel> value = body.makeUniform(context.operands[0]);
  if (succeeded(value))
    value = body.narrow(*value, 62);
  if (failed(value))
    return failure();
  double scale = *value->scale.getUniform();
  double off = value->error.getTotal(value->getMagnitude()) * scale;
  auto lo = static_cast<double>(value->range.lo) * scale;
  auto hi = static_cast<double>(value->range.hi) * scale;
  if (value->range.lo < 0 || (exponent < 0 && lo <= off))
    return context.emitError()
           << "the operand lies between " << lo << " and " << hi
           << " as far as is known, off by up to " << off
           << (exponent < 0 ? ", a range that holds zero; take the maximum "
                              "with a positive constant"
                            : ", and may be negative; take the maximum with 0");
  double largest = std::pow(exponent < 0 ? lo : hi, exponent);
  double least = std::pow(exponent < 0 ? hi : lo, exponent);
  // 31 bits for the smallest result, as far as the largest has no more than 58;
  // 31 bits for the largest if the smallest is 0.
  int point = 30 - std::ilogb(least > 0 ? least : largest);
  point = std::min(point, 57 - std::ilogb(largest));
  PowerRequest request = {{static_cast<int64_t>(value->range.lo),
                           static_cast<int64_t>(value->range.hi)},
                          scale,
                          exponent,
                          point};
  std::string reason;
  std::optional<PowerKernel> kernel = buildPower(request, &reason);
  if (!kernel)
    return context.emitError() << "has no integer code: " << reason;
  Value result = emitProgram(body, kernel->program, value->value).front();
  IntegerProgram::Range range = kernel->program.getResultRange();
  ErrorBound error = {0.5 + 1e-9, kernel->relativeBound};
  double spread =
      off == 0 ? 0 : getPowerVariation(exponent, lo - off, hi + off, off);
  if (lo - off < 0 && exponent > 1)
    spread = off * exponent * std::pow(hi + off, exponent - 1);
  error.absolute += std::ldexp(spread, point) * (1 + kernel->relativeBound);
  return ScalarModel::makeInteger(result, Table(std::ldexp(1.0, -point)),
                                  {range.lo, range.hi}, error);
}

/// v^c with a constant c.
static FailureOr<ScalarModel> compilePower(RuleContext &context) {
  const ScalarModel &base = context.operands[0];
  std::optional<double> exponent =
      context.operands[1].isConstant()
          ? context.operands[1].constant.getUniform()
          : std::nullopt;
  if (!exponent || !base.isInteger())
    return context.emitError() << "has an exponent that is no constant, which "
                                  "has no integer rule; make it a constant, "
                                  "or compute exp(log(v) * exponent)";
  if (*exponent == 1)
    return base;
  if (*exponent == std::nearbyint(*exponent) && *exponent >= 2 &&
      *exponent <= 4) {
    FailureOr<ScalarModel> product = base;
    for (int k = 1; succeeded(product) && k < *exponent; ++k)
      product = multiply(context, *product, base);
    return product;
  }
  if (countValues(base.range) > kMaxValues && *exponent != 0)
    return compileWidePower(context, *exponent);
  return applyFunction(
      context.body, "math.powf", base,
      [&](double x) { return std::pow(x, *exponent); },
      [&](double lo, double hi, double off) {
        return getPowerVariation(*exponent, lo, hi, off);
      });
}

void mlir::qfmt::addFunctionRules(RuleTable &rules) {
  for (StringRef name :
       {"math.exp", "math.exp2", "math.expm1", "math.log", "math.log2",
        "math.log10", "math.log1p", "math.erf", "math.tanh", "math.sin",
        "math.cos", "math.floor", "math.ceil", "math.round", "math.roundeven",
        "math.trunc"})
    rules[name] = compileFunction;
  rules["math.powf"] = compilePower;
  rules["math.fpowi"] = compilePower;
}
