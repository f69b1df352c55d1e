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
#include "FunctionFit.h"
#include "RangeReduction.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

bool mlir::qfmt::isFunctionOfCode(const ExpressionRef &expression) {
  const Expression *element = getOnlyElement(expression);
  return element && element->model &&
         element->model->kind == TensorModel::Kind::Integer &&
         element->model->error.isExact() &&
         element->model->scale.getUniform() &&
         countValues(element->model->range) <= kMaxValues;
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

FailureOr<ScalarModel> mlir::qfmt::applyFunction(BodyBuilder &body,
                                                 StringRef name,
                                                 const ScalarModel &value,
                                                 const ExpressionRef &function,
                                                 Variation variation) {
  FailureOr<ScalarModel> uniform = body.makeUniform(value);
  if (failed(uniform))
    return failure();
  FailureOr<ScalarModel> result;
  if (countValues(uniform->range) <= kMaxValues) {
    std::optional<ElementFunction> real = ElementFunction::make(function);
    if (!real)
      return body.emitError() << "'" << name << "' is not evaluated";
    result = applyToListed(body, name, *uniform,
                           [&](double x) { return (*real)(x); });
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

/// `name` of an element, and of a constant if there is one.
static ExpressionRef makeFunction(StringRef name,
                                  std::optional<double> constant = {}) {
  SmallVector<ExpressionRef> operands = {
      Expression::makeElement(Value(), nullptr, {})};
  if (constant)
    operands.push_back(Expression::makeConstant(*constant));
  return Expression::makeApply(name, operands);
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
  return applyFunction(context.body, name, value, makeFunction(name),
                       [&](double lo, double hi, double off) {
                         // |floor(v + d) - floor(v)| <= ceil |d|, and so with
                         // the others.
                         return isRounding(name) ? std::ceil(off)
                                                 : getSlope(name, lo, hi) * off;
                       });
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
  return applyFunction(context.body, "math.powf", base,
                       makeFunction("math.powf", exponent),
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
