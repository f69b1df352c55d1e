// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maxima, minima, comparison and selection, on integers of one scale
// (BodyBuilder::align). A maximum is off by no more than its operands are; a
// selection whose condition may come out wrong by as much as its values differ.

#include "ElementFunction.h"
#include "Norms.h"
#include "Rules.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

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
  // What a norm is at least decides what rows that are nearly 0 give.
  bool ofNorm = isNorm(context.operands[0].expression) ||
                isNorm(context.operands[1].expression);
  FailureOr<std::pair<ScalarModel, ScalarModel>> aligned =
      body.align(context.operands[0], context.operands[1],
                 ofNorm ? Precision::Norm : Precision::Normal);
  if (failed(aligned))
    return failure();
  auto &[a, b] = *aligned;
  std::optional<unsigned> width = body.chooseWidth(a.range.hull(b.range));
  if (!width)
    return context.emitError() << "an operand may need more than 64 bits";
  Value result =
      IntOp::create(context.builder(), body.getLoc(),
                    body.cast(a.value, *width), body.cast(b.value, *width));
  return ScalarModel::makeInteger(
      result, a.scale, isMax ? a.range.max(b.range) : a.range.min(b.range),
      mergeErrors(a.error, b.error));
}

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
    constant.constant = Table::combine(constant.constant,
                                       getBound(value, /*upper=*/true, 1), min);
  }
  FailureOr<std::pair<ScalarModel, ScalarModel>> aligned =
      body.align(context.operands[0], context.operands[1]);
  if (failed(aligned))
    return failure();
  auto &[a, b] = *aligned;
  unsigned width = *body.chooseWidth(a.range.hull(b.range));
  ScalarModel result = ScalarModel::makePredicate(arith::CmpIOp::create(
      context.builder(), body.getLoc(), *integer, body.cast(a.value, width),
      body.cast(b.value, width)));
  result.error = mergeErrors(a.error, b.error);
  return result;
}

FailureOr<ScalarModel>
mlir::qfmt::materializePredicate(BodyBuilder &body,
                                 const ExpressionRef &expression) {
  const Expression *element = getOnlyElement(expression);
  const TensorModel &model = *element->model;
  double scale = *model.scale.getUniform();
  std::optional<ElementFunction> function = ElementFunction::make(expression);
  if (!function)
    return body.emitError()
           << "'" << expression->name << "' is not evaluated on codes";
  // Runs of integers for which it is true.
  constexpr unsigned kMaxRuns = 16;
  SmallVector<IntegerRange> runs;
  for (__int128 i = model.range.lo; i <= model.range.hi; ++i) {
    if ((*function)(static_cast<double>(i) * scale) == 0)
      continue;
    if (!runs.empty() && runs.back().hi == i - 1)
      runs.back().hi = i;
    else
      runs.push_back({i, i});
    if (runs.size() > kMaxRuns)
      return body.emitError()
             << "'" << expression->name << "' changes its outcome more than "
             << kMaxRuns
             << " times over the codes of its operand, which has no integer "
                "rule; quantize what it compares first";
  }
  auto map = AffineMap::get(body.getLoopSizes().size(), 0, element->indices,
                            body.getBuilder().getContext());
  ScalarModel loaded = body.load(model, map, model.scale);
  OpBuilder &builder = body.getBuilder();
  unsigned width = *body.chooseWidth(model.range);
  Value code = body.cast(loaded.value, width);
  Value result;
  auto combine = [&](Value &all, Value next, bool isOr) {
    if (!all)
      all = next;
    else if (isOr)
      all = arith::OrIOp::create(builder, body.getLoc(), all, next);
    else
      all = arith::AndIOp::create(builder, body.getLoc(), all, next);
  };
  for (const IntegerRange &run : runs) {
    Value inside;
    if (run.lo > model.range.lo)
      combine(inside,
              arith::CmpIOp::create(
                  builder, body.getLoc(), arith::CmpIPredicate::sge, code,
                  body.constant(static_cast<int64_t>(run.lo), width)),
              /*isOr=*/false);
    if (run.hi < model.range.hi)
      combine(inside,
              arith::CmpIOp::create(
                  builder, body.getLoc(), arith::CmpIPredicate::sle, code,
                  body.constant(static_cast<int64_t>(run.hi), width)),
              /*isOr=*/false);
    combine(result, inside ? inside : body.constant(1, 1), /*isOr=*/true);
  }
  ScalarModel predicate =
      ScalarModel::makePredicate(result ? result : body.constant(0, 1));
  predicate.expression = expression;
  return predicate;
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

bool mlir::qfmt::isExtremum(arith::SelectOp op) {
  return matchExtremum(op).has_value();
}

static FailureOr<ScalarModel> compileSelection(RuleContext &context) {
  BodyBuilder &body = context.body;
  std::optional<arith::CmpIPredicate> extremum =
      matchExtremum(cast<arith::SelectOp>(context.op));
  ScalarModel condition = context.operands[0];
  if (condition.isConstant())
    condition = ScalarModel::makePredicate(arith::CmpIOp::create(
        context.builder(), body.getLoc(), arith::CmpIPredicate::ne,
        body.materialize(condition.constant, 8), body.constant(0, 8)));
  if (!condition.isPredicate())
    return context.emitError() << "the condition is not a comparison";
  RuleContext values = {
      context.op, body, {context.operands[1], context.operands[2]}};
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
  ErrorBound error = mergeErrors(a.error, b.error);
  // The wrong one of the two.
  if (!condition.error.isExact())
    error = ErrorBound{
        error.getTotal(std::max(a.getMagnitude(), b.getMagnitude())) +
            static_cast<double>(range.hi - range.lo),
        0};
  return ScalarModel::makeInteger(result, a.scale, range, error);
}

void mlir::qfmt::addComparisonRules(RuleTable &rules) {
  rules["arith.maximumf"] = compileExtremum<arith::MaxSIOp, true>;
  rules["arith.maxnumf"] = compileExtremum<arith::MaxSIOp, true>;
  rules["arith.minimumf"] = compileExtremum<arith::MinSIOp, false>;
  rules["arith.minnumf"] = compileExtremum<arith::MinSIOp, false>;
  rules["arith.cmpf"] = compileComparison;
  rules["arith.select"] = compileSelection;
}
