// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exp, erf, tanh and other functions of one value.
//
// A chain of operations that depends on one code alone is kept as an expression
// until something needs its integers; then the whole chain is one table of the
// codes, exact but for one rounding, or, for codes of more than `tableBits`,
// one program of polynomials whose error is known for every code. Functions of
// other integers are tables or programs of those.

#include "ProgramEmitter.h"
#include "Rules.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "qfmt/Support/IntegerKernels.h"
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

static IntegerRange getHull(ArrayRef<int64_t> entries) {
  auto [lo, hi] = std::minmax_element(entries.begin(), entries.end());
  return {*lo, *hi};
}

/// A table of `values`, one for each integer of `value`'s range, in `unit`s.
static ScalarModel emitTable(BodyBuilder &body, Value index,
                             ArrayRef<double> inOrderOfIndex, double unit,
                             const IntegerRange &range) {
  std::vector<int64_t> entries;
  for (double entry : inOrderOfIndex)
    entries.push_back(static_cast<int64_t>(std::nearbyint(entry / unit)));
  unsigned width = range.fits(32) ? 32 : 64;
  // The rounding of an entry, and 1 ulp of the double it is evaluated in.
  double magnitude = static_cast<double>(range.getMaxMagnitude());
  return ScalarModel::makeInteger(body.lookup(index, entries, width),
                                  Table(unit), range,
                                  {0.5 + magnitude * 0x1p-50, 0});
}

static IntegerRange roundRange(ArrayRef<double> values, double unit) {
  std::vector<int64_t> entries;
  for (double value : values)
    entries.push_back(static_cast<int64_t>(std::nearbyint(value / unit)));
  return getHull(entries);
}

/// Polynomials for function(scale * i), i in `range`.
static FailureOr<ScalarModel>
emitPolynomials(BodyBuilder &body, StringRef name, Value integer,
                const IntegerRange &range, double scale, double unit,
                const IntegerRange &results,
                llvm::function_ref<double(double)> function) {
  FixedPointRequest request;
  request.function = [&](long double x) -> long double {
    return function(static_cast<double>(x));
  };
  request.lo = static_cast<int64_t>(range.lo);
  request.hi = static_cast<int64_t>(range.hi);
  request.inputScale = scale;
  request.outputScale = unit;
  // Between two operands the function may leave the hull of its values.
  double margin = 2 + static_cast<double>(results.getMaxMagnitude()) * 0x1p-16;
  IntegerRange clamp = {results.lo - static_cast<__int128>(margin),
                        results.hi + static_cast<__int128>(margin)};
  request.clamp = {static_cast<int64_t>(clamp.lo),
                   static_cast<int64_t>(clamp.hi)};
  std::string reason;
  // As near to one rounding as 32-bit coefficients come.
  for (double error : {0.75, 1.5, 4.0, 16.0, 64.0, 1024.0, 32768.0}) {
    request.maxError = error;
    std::optional<FixedPointFunction> found =
        approximateFunction(request, &reason);
    if (!found)
      continue;
    Value result = emitProgram(body, found->program, integer).front();
    return ScalarModel::makeInteger(result, Table(unit), clamp,
                                    {found->bound, 0});
  }
  return body.emitError() << "'" << name
                          << "' has no polynomials for values between "
                          << static_cast<double>(range.lo) * scale << " and "
                          << static_cast<double>(range.hi) * scale << ": "
                          << reason;
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

/// Integers at both ends of `range` where the function does not change, as
/// where it saturates, become the last of them: polynomials would have to bend
/// there.
static Value trimFlatEnds(BodyBuilder &body, Value integer, IntegerRange &range,
                          ArrayRef<double> values) {
  size_t first = 0, last = values.size() - 1;
  while (first < last && values[first + 1] == values.front())
    ++first;
  while (last > first && values[last - 1] == values.back())
    --last;
  IntegerRange trimmed = {range.lo + static_cast<int64_t>(first),
                          range.lo + static_cast<int64_t>(last)};
  unsigned width = *body.chooseWidth(range);
  Value result = body.cast(integer, width);
  OpBuilder &builder = body.getBuilder();
  if (trimmed.lo > range.lo)
    result = arith::MaxSIOp::create(
        builder, body.getLoc(), result,
        body.constant(static_cast<int64_t>(trimmed.lo), width));
  if (trimmed.hi < range.hi)
    result = arith::MinSIOp::create(
        builder, body.getLoc(), result,
        body.constant(static_cast<int64_t>(trimmed.hi), width));
  range = trimmed;
  return result;
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
    unit = asked.unit.value_or(*unit);
    result = emitTable(body, index, entries, *unit, roundRange(values, *unit));
  } else {
    ScalarModel loaded = body.load(model, map, model.scale);
    // A sixteenth of the unit asked for is lost in its rounding.
    if (asked.unit)
      unit = std::max(*unit, *asked.unit / 16);
    IntegerRange range = model.range;
    Value integer = trimFlatEnds(body, loaded.value, range, values);
    result = emitPolynomials(body, name, integer, range, scale, *unit,
                             roundRange(values, *unit), function);
  }
  if (succeeded(result))
    result->expression = expression;
  return result;
}

FailureOr<ScalarModel> mlir::qfmt::applyFunction(
    BodyBuilder &body, StringRef name, const ScalarModel &value,
    llvm::function_ref<double(double)> function, Variation variation) {
  FailureOr<ScalarModel> uniform = body.makeUniform(value);
  if (failed(uniform))
    return failure();
  // More than 16 bits cannot be evaluated one by one; what they lose is an
  // error of the operand.
  if (countValues(uniform->range) > kMaxValues)
    uniform = body.narrow(*uniform, 16);
  if (failed(uniform))
    return failure();
  double scale = *uniform->scale.getUniform();
  std::vector<double> operands = listValues(uniform->range, scale);
  std::vector<double> values;
  for (double operand : operands)
    values.push_back(function(operand));
  std::optional<double> unit =
      chooseUnit(values, body.getSettings().functionBits);
  if (!unit)
    return emitNotFinite(body.getLoc(), name, operands, values);
  IntegerRange results = roundRange(values, *unit);

  FailureOr<ScalarModel> result;
  if (countValues(uniform->range) <= int64_t(1)
                                         << body.getSettings().tableBits) {
    // The index is the distance from the lowest value.
    unsigned width = *body.chooseWidth(uniform->range);
    OpBuilder &builder = body.getBuilder();
    Value index = arith::SubIOp::create(
        builder, body.getLoc(), body.cast(uniform->value, width),
        body.constant(static_cast<int64_t>(uniform->range.lo), width));
    index = body.cast(index, values.size() <= 256 ? 8 : 16);
    result = emitTable(body, index, values, *unit, results);
  } else {
    result = emitPolynomials(body, name, uniform->value, uniform->range, scale,
                             *unit, results, function);
  }
  if (failed(result))
    return failure();
  double off = uniform->error.getTotal(uniform->getMagnitude()) * scale;
  if (off == 0)
    return result;
  double error = variation(operands.front() - off, operands.back() + off, off);
  if (!std::isfinite(error))
    return body.emitError() << "'" << name
                            << "' jumps or is not finite near its operand, "
                               "which is off by up to "
                            << off << "; quantize the operand first";
  result->error.absolute += error / *unit;
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

static FailureOr<ScalarModel> compileFunction(RuleContext &context) {
  const ScalarModel &value = context.operands[0];
  bool isExp = isa<math::ExpOp>(context.op);
  bool isExp2 = isa<math::Exp2Op>(context.op);
  if ((isExp || isExp2) &&
      countValues(value.range) > int64_t(1)
                                     << context.body.getSettings().tableBits)
    return compileWideExp(context, isExp2);
  StringRef name = context.op->getName().getStringRef();
  ScalarFunction function = getScalarFunction(name, 1);
  return applyFunction(
      context.body, name, value, [&](double x) { return function(x); },
      [&](double lo, double hi, double off) {
        return getSlope(name, lo, hi) * off;
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
  if (*exponent == 2)
    return multiply(context, base, base);
  if (*exponent == 1)
    return base;
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
