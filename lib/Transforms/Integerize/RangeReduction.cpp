// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RangeReduction.h"
#include "ProgramEmitter.h"
#include "qfmt/Support/IntegerKernels.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

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
FailureOr<ScalarModel> mlir::qfmt::compileWideExp(RuleContext &context,
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
FailureOr<ScalarModel> mlir::qfmt::compileWideLog(RuleContext &context,
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
FailureOr<ScalarModel> mlir::qfmt::compileWideRounding(RuleContext &context,
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

bool mlir::qfmt::isRounding(StringRef name) {
  return llvm::is_contained(
      {"math.floor", "math.ceil", "math.round", "math.roundeven", "math.trunc"},
      name);
}

/// exp(v) - 1 of more values than can be listed.
FailureOr<ScalarModel> mlir::qfmt::compileWideExpm1(RuleContext &context) {
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

double mlir::qfmt::getPowerVariation(double exponent, double lo, double hi,
                                     double off) {
  // v^c is nowhere steeper than at 0.
  if (exponent > 0 && exponent < 1) {
    double largest = std::pow(off, exponent);
    return lo > 0
               ? std::min(largest, off * exponent * std::pow(lo, exponent - 1))
               : largest;
  }
  if (exponent < 0 && lo <= 0 && hi >= 0)
    return std::numeric_limits<double>::infinity();
  // |c| |v|^(c-1) is largest at an end.
  return off * std::abs(exponent) *
         std::max(std::pow(std::abs(lo), exponent - 1),
                  std::pow(std::abs(hi), exponent - 1));
}

/// v^c of more values than can be listed.
FailureOr<ScalarModel> mlir::qfmt::compileWidePower(RuleContext &context,
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
