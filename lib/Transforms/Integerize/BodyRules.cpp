// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules by which scalar operations of a body become integer arithmetic.
// Each takes the operands' models and returns the result's; docs/IntegerOnly.md
// states them with their errors. A new scalar operation is one more rule in the
// table at the end.

#include "BodyRules.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// What a rule sees.
struct RuleContext {
  Operation *op;
  BodyBuilder &body;
  ScalarModels &models;
  SmallVector<ScalarModel, 0> operands;

  InFlightDiagnostic emitError() const {
    return body.emitError() << "'" << op->getName() << "': ";
  }
  OpBuilder &builder() const { return body.getBuilder(); }
};
} // namespace

using Rule = FailureOr<ScalarModel> (*)(RuleContext &);

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// a + b and a - b of two values at one scale, in the narrowest width without
/// overflow.
template <typename IntOp, bool subtract>
static FailureOr<ScalarModel> compileSum(RuleContext &context) {
  BodyBuilder &body = context.body;
  FailureOr<std::pair<ScalarModel, ScalarModel>> aligned =
      body.align(context.operands[0], context.operands[1]);
  if (failed(aligned))
    return failure();
  auto &[a, b] = *aligned;
  IntegerRange range = a.range + (subtract ? -b.range : b.range);
  std::optional<unsigned> width = body.chooseWidth(range);
  if (!width)
    return context.emitError() << "a sum may need more than 64 bits";
  Value sum = IntOp::create(context.builder(), body.getLoc(),
                            body.cast(a.value, *width),
                            body.cast(b.value, *width));
  return ScalarModel::makeInteger(sum, a.scale, range);
}

/// The largest (or smallest) real that `value` can take, at each loop index,
/// `steps` of its scale farther out.
static Table getBound(const ScalarModel &value, bool upper, int steps = 0) {
  double code = static_cast<double>(upper ? value.range.hi : value.range.lo) +
                (upper ? steps : -steps);
  return value.scale.map([code](double scale) { return code * scale; });
}

/// max(a, b) and min(a, b) of two values at one scale.
template <typename IntOp, bool isMax>
static FailureOr<ScalarModel> compileExtremum(RuleContext &context) {
  BodyBuilder &body = context.body;
  // max(v, c) is v where c is below everything that v can be: a clamp on one
  // side comes with -inf or the lowest finite number on the other. There, c may
  // be any number below, so that it need not be beyond every accumulator.
  for (unsigned i : {0, 1}) {
    ScalarModel &constant = context.operands[i];
    const ScalarModel &value = context.operands[1 - i];
    if (!constant.isConstant() || !value.isInteger())
      continue;
    Table bound = getBound(value, /*upper=*/!isMax);
    auto excess = [](double c, double bound) {
      return isMax ? c - bound : bound - c;
    };
    if (Table::combine(constant.constant, bound, excess).all([](double e) {
          return e <= 0;
        }))
      return value;
    constant.constant =
        Table::combine(constant.constant, bound, [](double c, double bound) {
          return isMax ? std::max(c, bound) : std::min(c, bound);
        });
  }
  FailureOr<std::pair<ScalarModel, ScalarModel>> aligned =
      body.align(context.operands[0], context.operands[1]);
  if (failed(aligned))
    return failure();
  auto &[a, b] = *aligned;
  std::optional<unsigned> width = body.chooseWidth(a.range.hull(b.range));
  if (!width)
    return context.emitError() << "an operand may need more than 64 bits";
  Value result = IntOp::create(context.builder(), body.getLoc(),
                               body.cast(a.value, *width),
                               body.cast(b.value, *width));
  return ScalarModel::makeInteger(
      result, a.scale, isMax ? a.range.max(b.range) : a.range.min(b.range));
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
  return ScalarModel::makeInteger(negated, value.scale, -value.range);
}

/// v * c: the integer stays, the scale takes |c|, exactly. A constant that
/// changes its sign along a dimension, or has zeros, is itself an integer of 16
/// bits instead: relative error of the largest entry at most 2^-16.
static FailureOr<ScalarModel> multiplyByConstant(RuleContext &context,
                                                 const ScalarModel &value,
                                                 const Table &constant) {
  BodyBuilder &body = context.body;
  if (!constant.all([](double c) { return std::isfinite(c); }))
    return context.emitError() << "a factor is not finite";
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
  double largest = std::max(-constant.getMin(), constant.getMax());
  FailureOr<ScalarModel> factor =
      body.quantize(constant, Table(largest / 32767));
  if (failed(factor))
    return failure();
  IntegerRange range = value.range * factor->range;
  std::optional<unsigned> width = body.chooseWidth(range);
  if (!width)
    return context.emitError() << "the product may need more than 64 bits";
  Value product = arith::MulIOp::create(
      context.builder(), body.getLoc(), body.cast(value.value, *width),
      body.cast(factor->value, *width));
  return ScalarModel::makeInteger(product, value.scale * factor->scale, range);
}

/// a * b: integers and scales multiply, exactly.
static FailureOr<ScalarModel> compileProduct(RuleContext &context) {
  BodyBuilder &body = context.body;
  const ScalarModel &a = context.operands[0], &b = context.operands[1];
  if (a.isConstant())
    return multiplyByConstant(context, b, a.constant);
  if (b.isConstant())
    return multiplyByConstant(context, a, b.constant);
  IntegerRange range = a.range * b.range;
  std::optional<unsigned> width = body.chooseWidth(range);
  if (!width)
    return context.emitError() << "the product may need more than 64 bits";
  Value product = arith::MulIOp::create(context.builder(), body.getLoc(),
                                        body.cast(a.value, *width),
                                        body.cast(b.value, *width));
  return ScalarModel::makeInteger(product, a.scale * b.scale, range);
}

/// v / c: as v * (1 / c), exact in the scale.
static FailureOr<ScalarModel> compileQuotient(RuleContext &context) {
  if (!context.operands[1].isConstant())
    return context.emitError()
           << "division by a value that is not a constant has no integer rule";
  const Table &divisor = context.operands[1].constant;
  if (divisor.all([](double c) { return c != 0 && std::isfinite(c); }))
    return multiplyByConstant(context, context.operands[0],
                              divisor.map([](double c) { return 1 / c; }));
  return context.emitError() << "the divisor is zero or not finite";
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
  return ScalarModel::makeInteger(result, value.scale, range);
}

/// extf and truncf change the precision of the real arithmetic, which the
/// integer arithmetic does not imitate.
static FailureOr<ScalarModel> compileFloatCast(RuleContext &context) {
  return context.operands[0];
}

//===----------------------------------------------------------------------===//
// Comparison and selection
//===----------------------------------------------------------------------===//

/// Integers have no NaN, so ordered and unordered predicates agree.
static std::optional<arith::CmpIPredicate>
getIntegerPredicate(arith::CmpFPredicate predicate) {
  switch (predicate) {
  case arith::CmpFPredicate::OEQ:
  case arith::CmpFPredicate::UEQ:
    return arith::CmpIPredicate::eq;
  case arith::CmpFPredicate::ONE:
  case arith::CmpFPredicate::UNE:
    return arith::CmpIPredicate::ne;
  case arith::CmpFPredicate::OGT:
  case arith::CmpFPredicate::UGT:
    return arith::CmpIPredicate::sgt;
  case arith::CmpFPredicate::OGE:
  case arith::CmpFPredicate::UGE:
    return arith::CmpIPredicate::sge;
  case arith::CmpFPredicate::OLT:
  case arith::CmpFPredicate::ULT:
    return arith::CmpIPredicate::slt;
  case arith::CmpFPredicate::OLE:
  case arith::CmpFPredicate::ULE:
    return arith::CmpIPredicate::sle;
  default:
    return std::nullopt;
  }
}

static FailureOr<ScalarModel> compileComparison(RuleContext &context) {
  BodyBuilder &body = context.body;
  auto predicate = cast<arith::CmpFOp>(context.op).getPredicate();
  std::optional<arith::CmpIPredicate> integer = getIntegerPredicate(predicate);
  if (!integer) {
    bool isTrue = predicate == arith::CmpFPredicate::ORD ||
                  predicate == arith::CmpFPredicate::AlwaysTrue;
    return ScalarModel::makePredicate(body.constant(isTrue ? 1 : 0, 1));
  }
  // Beyond the range of the other side all constants compare alike.
  for (unsigned i : {0, 1}) {
    ScalarModel &constant = context.operands[i];
    const ScalarModel &value = context.operands[1 - i];
    if (!constant.isConstant() || !value.isInteger())
      continue;
    auto max = [](double c, double bound) { return std::max(c, bound); };
    auto min = [](double c, double bound) { return std::min(c, bound); };
    constant.constant = Table::combine(
        constant.constant, getBound(value, /*upper=*/false, 1), max);
    constant.constant = Table::combine(
        constant.constant, getBound(value, /*upper=*/true, 1), min);
  }
  FailureOr<std::pair<ScalarModel, ScalarModel>> aligned =
      body.align(context.operands[0], context.operands[1]);
  if (failed(aligned))
    return failure();
  auto &[a, b] = *aligned;
  unsigned width = *body.chooseWidth(a.range.hull(b.range));
  return ScalarModel::makePredicate(arith::CmpIOp::create(
      context.builder(), body.getLoc(), *integer, body.cast(a.value, width),
      body.cast(b.value, width)));
}

/// The comparison by which `select` takes the larger (sgt) or smaller (slt) of
/// the two values compared, if it does: clamps come as compare and select, and
/// their range is that of max and min.
static std::optional<arith::CmpIPredicate> matchExtremum(arith::SelectOp op) {
  auto compare = op.getCondition().getDefiningOp<arith::CmpFOp>();
  if (!compare)
    return std::nullopt;
  std::optional<arith::CmpIPredicate> predicate =
      getIntegerPredicate(compare.getPredicate());
  bool same = compare.getLhs() == op.getTrueValue() &&
              compare.getRhs() == op.getFalseValue();
  bool swapped = compare.getLhs() == op.getFalseValue() &&
                 compare.getRhs() == op.getTrueValue();
  if (!predicate || (!same && !swapped))
    return std::nullopt;
  bool greater = *predicate == arith::CmpIPredicate::sgt ||
                 *predicate == arith::CmpIPredicate::sge;
  bool less = *predicate == arith::CmpIPredicate::slt ||
              *predicate == arith::CmpIPredicate::sle;
  if (!greater && !less)
    return std::nullopt;
  return greater == same ? arith::CmpIPredicate::sgt
                         : arith::CmpIPredicate::slt;
}

static FailureOr<ScalarModel> compileSelection(RuleContext &context) {
  BodyBuilder &body = context.body;
  std::optional<arith::CmpIPredicate> extremum =
      matchExtremum(cast<arith::SelectOp>(context.op));
  ScalarModel condition = context.operands[0];
  if (!condition.isPredicate())
    return context.emitError() << "the condition is not a comparison";
  RuleContext values = {context.op, body, context.models,
                        {context.operands[1], context.operands[2]}};
  if (extremum)
    return *extremum == arith::CmpIPredicate::sgt
               ? compileExtremum<arith::MaxSIOp, true>(values)
               : compileExtremum<arith::MinSIOp, false>(values);
  FailureOr<std::pair<ScalarModel, ScalarModel>> aligned =
      body.align(context.operands[1], context.operands[2]);
  if (failed(aligned))
    return failure();
  auto &[a, b] = *aligned;
  IntegerRange range = a.range.hull(b.range);
  unsigned width = *body.chooseWidth(range);
  Value result = arith::SelectOp::create(
      context.builder(), body.getLoc(), condition.value,
      body.cast(a.value, width), body.cast(b.value, width));
  return ScalarModel::makeInteger(result, a.scale, range);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

using UnaryFunction = double (*)(double);
using BinaryFunction = double (*)(double, double);

/// Functions of constants, evaluated in double at compile time. Integers are
/// sizes and positions, far below 2^53.
static UnaryFunction getUnaryFunction(StringRef name) {
  static const llvm::StringMap<UnaryFunction> table = {
      {"arith.negf", [](double x) { return -x; }},
      {"arith.extf", [](double x) { return x; }},
      {"arith.truncf", [](double x) { return x; }},
      {"arith.index_cast", [](double x) { return x; }},
      {"arith.sitofp", [](double x) { return x; }},
      {"math.absf", [](double x) { return std::fabs(x); }},
      {"math.sqrt", [](double x) { return std::sqrt(x); }},
      {"math.rsqrt", [](double x) { return 1 / std::sqrt(x); }},
      {"math.exp", [](double x) { return std::exp(x); }}};
  return table.lookup(name);
}

static BinaryFunction getBinaryFunction(StringRef name) {
  auto max = [](double x, double y) { return std::max(x, y); };
  auto min = [](double x, double y) { return std::min(x, y); };
  static const llvm::StringMap<BinaryFunction> table = {
      {"arith.addf", [](double x, double y) { return x + y; }},
      {"arith.subf", [](double x, double y) { return x - y; }},
      {"arith.mulf", [](double x, double y) { return x * y; }},
      {"arith.divf", [](double x, double y) { return x / y; }},
      {"arith.addi", [](double x, double y) { return x + y; }},
      {"arith.subi", [](double x, double y) { return x - y; }},
      {"arith.muli", [](double x, double y) { return x * y; }},
      {"arith.maxsi", max},
      {"arith.minsi", min},
      {"arith.maximumf", max},
      {"arith.maxnumf", max},
      {"arith.minimumf", min},
      {"arith.minnumf", min}};
  return table.lookup(name);
}

/// The position in a loop, a constant that varies along it: the number of
/// elements in a window that average pooling divides by is computed from it.
static FailureOr<ScalarModel> foldIndex(RuleContext &context) {
  auto loop = static_cast<unsigned>(cast<linalg::IndexOp>(context.op).getDim());
  int64_t size = context.body.getLoopSizes()[loop];
  std::vector<double> positions(size);
  std::iota(positions.begin(), positions.end(), 0.0);
  return ScalarModel::makeConstant(Table({loop}, {size}, std::move(positions)));
}

/// A constant in the body.
static FailureOr<ScalarModel> foldConstant(RuleContext &context) {
  Attribute value = cast<arith::ConstantOp>(context.op).getValue();
  if (auto number = dyn_cast<FloatAttr>(value))
    return ScalarModel::makeConstant(Table(number.getValueAsDouble()));
  if (auto number = dyn_cast<IntegerAttr>(value))
    return ScalarModel::makeConstant(
        Table(static_cast<double>(number.getInt())));
  return context.emitError() << "is no number";
}

static FailureOr<ScalarModel> foldConstants(RuleContext &context) {
  if (isa<linalg::IndexOp>(context.op))
    return foldIndex(context);
  if (isa<arith::ConstantOp>(context.op))
    return foldConstant(context);
  StringRef name = context.op->getName().getStringRef();
  ArrayRef<ScalarModel> operands = context.operands;
  if (operands.size() == 1)
    if (UnaryFunction function = getUnaryFunction(name))
      return ScalarModel::makeConstant(operands[0].constant.map(function));
  if (operands.size() == 2)
    if (BinaryFunction function = getBinaryFunction(name))
      return ScalarModel::makeConstant(Table::combine(
          operands[0].constant, operands[1].constant, function));
  return context.emitError() << "is not evaluated on constants";
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static const llvm::StringMap<Rule> &getRules() {
  static const llvm::StringMap<Rule> rules = {
      {"arith.addf", compileSum<arith::AddIOp, false>},
      {"arith.subf", compileSum<arith::SubIOp, true>},
      {"arith.mulf", compileProduct},
      {"arith.divf", compileQuotient},
      {"arith.negf", compileNegation},
      {"arith.maximumf", compileExtremum<arith::MaxSIOp, true>},
      {"arith.maxnumf", compileExtremum<arith::MaxSIOp, true>},
      {"arith.minimumf", compileExtremum<arith::MinSIOp, false>},
      {"arith.minnumf", compileExtremum<arith::MinSIOp, false>},
      {"arith.cmpf", compileComparison},
      {"arith.select", compileSelection},
      {"arith.extf", compileFloatCast},
      {"arith.truncf", compileFloatCast},
      {"math.absf", compileAbsolute}};
  return rules;
}

LogicalResult mlir::qfmt::compileScalarOp(Operation *op, BodyBuilder &body,
                                          ScalarModels &models) {
  RuleContext context = {op, body, models, {}};
  for (Value operand : op->getOperands()) {
    auto it = models.find(operand);
    if (it == models.end())
      return context.emitError() << "operand " << operand
                                 << " has no integer value";
    context.operands.push_back(it->second);
  }
  bool constant = llvm::all_of(context.operands, [](const ScalarModel &model) {
    return model.isConstant();
  });
  Rule rule = constant ? foldConstants
                       : getRules().lookup(op->getName().getStringRef());
  if (!rule)
    return context.emitError()
           << "has no integer rule; keep this operation out of the "
              "integer-only part or rewrite it with add, sub, mul, max, min, "
              "compare and select";
  if (rule != compileSelection)
    for (const ScalarModel &operand : context.operands)
      if (operand.isPredicate())
        return context.emitError()
               << "computes with the outcome of a comparison; only select may";
  FailureOr<ScalarModel> result = rule(context);
  if (failed(result))
    return failure();
  models[op->getResult(0)] = std::move(*result);
  return success();
}
