// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Additive masks: -inf, -3.4e38 or -1e9 added to the scores of a softmax, or
// selected instead of them. No integer with the scores' scale holds such a
// number, and none needs to: the mask is replaced by a B that is beyond the
// scores' range by kDistance, and the fact that it was (MaskFact) goes with the
// values to exp(v - max v), where what remains of it is exp(-kDistance).
//
//   v + c, c constant    min(v, t), t a constant below all v where c masks
//   v + c, c = -1e9      v - B where c masks: rows that are masked altogether
//                        are the softmax of v in real arithmetic and here
//   v + b, b 0 or B      of truth values: as those two
//   v + k B, k integers  v + k t, t beyond the scores' range, as (1 - m) * -1e9
//                        with a quantized or an integer m is
//   select(p, v, c)      the same with c below all v
//
// A constant is a mask if no integer of 30 bits holds it AND it is, as a real
// number, far enough below the scores for exp(-kDistance) to be true, and only
// if what reads the sum is what masked scores are for (MaskReaders.h). A bias
// of -1.5 added to values of a scale of 1e-10 is none.
//
// A mask is absorbing if v + c is c in double precision, too: then all masked
// elements are one number, as they are in float.

#include "ElementFunction.h"
#include "ExpressionFacts.h"
#include "MaskReaders.h"
#include "Rules.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// Between what is masked and what is not; exp(-32) = 2^-46.
static constexpr double kDistance = 32;
/// Constants of a smaller magnitude in units of the scores are no masks.
static constexpr double kLargestCode = 0x1p30;
/// As constants and as scales, nothing but masks is that large (-1e30 is).
static constexpr double kSmallestPureMask = 0x1p99;
/// No score of an attention is that large, masks are.
static constexpr double kSmallestMask = 1000;
/// The magnitude that stands for infinity until it meets scores.
static constexpr double kInfinity = 0x1p1000;

namespace {
/// Scores before a mask, as real numbers.
struct RealScores {
  double lo, hi;
  /// The finest scale.
  double scale;

  explicit RealScores(const ScalarModel &scores)
      : scale(scores.scale.getMin()) {
    double largest = scores.scale.getMax();
    double error = scores.error.getTotal(scores.getMagnitude()) * largest;
    auto first = static_cast<double>(scores.range.lo);
    auto last = static_cast<double>(scores.range.hi);
    lo = first * (first < 0 ? largest : scale) - error;
    hi = last * (last > 0 ? largest : scale) + error;
  }

  /// A number so far below all scores that exp does not see it.
  bool isBelow(double number) const { return number <= lo - kDistance; }
  /// The same for what a mask of -size makes of any score.
  bool isBelowWith(double size) const {
    return size / scale >= kLargestCode && isBelow(hi - size);
  }
};
} // namespace

/// True if the result of `op` is read as masked scores are, or a mask of -size
/// is too large for anything else. What is masked is below `largest`, the
/// largest score, by kDistance.
static bool isAskedFor(Operation *op, double largest, double size) {
  return size >= kSmallestPureMask ||
         isReadAsMasked(op->getResult(0), largest - kDistance, -kDistance,
                        /*throughSums=*/size >= kSmallestMask);
}

/// True if x + mask is mask for all |x| <= magnitude, even in double.
static bool isAbsorbing(double mask, double magnitude) {
  return std::abs(mask) * 0x1p-54 > magnitude;
}

/// kDistance in units of `scale`, rounded up.
static __int128 getDistance(double scale) {
  return static_cast<__int128>(std::min(std::ceil(kDistance / scale), 0x1p100));
}

/// `value`, an integer with another range, and what is known of its mask.
static FailureOr<ScalarModel> makeMasked(RuleContext &context,
                                         const ScalarModel &scores, Value value,
                                         IntegerRange range,
                                         const Table &infinite) {
  // Offsets are of the values' own unit; where they are relative to values,
  // masked ones are none.
  ScalarModel result =
      ScalarModel::makeInteger(value, scores.scale, range,
                               scores.error.toAbsolute(scores.getMagnitude()));
  result.mask = MaskFact{kDistance, infinite};
  if (scores.mask) {
    result.mask->distance = std::min(kDistance, scores.mask->distance);
    result.mask->infinite =
        Table::combine(infinite, scores.mask->infinite,
                       [](double a, double b) { return std::max(a, b); });
  }
  return result;
}

/// The lowest code of masked elements if all of them have one, or their offset,
/// and the width of the result; fails where they have none.
namespace {
struct MaskedRange {
  __int128 level;
  IntegerRange range;
  unsigned width;
};
} // namespace

static FailureOr<MaskedRange>
getMaskedRange(RuleContext &context, const ScalarModel &scores, bool isOffset) {
  __int128 distance = getDistance(*scores.scale.getUniform());
  MaskedRange result;
  result.level = isOffset ? scores.range.lo - scores.range.hi - distance
                          : scores.range.lo - distance;
  result.range = scores.range;
  result.range.lo = scores.range.lo - distance;
  if (isOffset)
    result.range.lo = scores.range.lo + result.level;
  std::optional<unsigned> width = context.body.chooseWidth(result.range);
  if (!width)
    return context.emitError() << "masked scores may need more than 64 bits";
  result.width = *width;
  return result;
}

/// `scores` with the elements for which `isMasked` is 1 masked.
static FailureOr<ScalarModel> maskByTable(RuleContext &context,
                                          const ScalarModel &scores,
                                          const Table &isMasked, bool isOffset,
                                          const Table &infinite) {
  BodyBuilder &body = context.body;
  FailureOr<MaskedRange> masked = getMaskedRange(context, scores, isOffset);
  if (failed(masked))
    return failure();
  auto level = static_cast<double>(masked->level);
  double other = isOffset ? 0 : static_cast<double>(scores.range.hi);
  Value table = body.materialize(
      isMasked.map([&](double m) { return m != 0 ? level : other; }),
      masked->width);
  Value value = body.cast(scores.value, masked->width);
  value = isOffset ? arith::AddIOp::create(context.builder(), body.getLoc(),
                                           value, table)
                         .getResult()
                   : arith::MinSIOp::create(context.builder(), body.getLoc(),
                                            value, table)
                         .getResult();
  return makeMasked(context, scores, value, masked->range, infinite);
}

/// `scores` where `condition`, which is run-time data, is not `masked`.
static FailureOr<ScalarModel> maskByCondition(RuleContext &context,
                                              const ScalarModel &scores,
                                              Value condition, bool masked,
                                              bool isOffset) {
  BodyBuilder &body = context.body;
  FailureOr<MaskedRange> range = getMaskedRange(context, scores, isOffset);
  if (failed(range))
    return failure();
  OpBuilder &builder = context.builder();
  Value value = body.cast(scores.value, range->width);
  Value level = body.constant(static_cast<int64_t>(range->level), range->width);
  if (isOffset)
    level = arith::AddIOp::create(builder, body.getLoc(), value, level);
  value = masked ? arith::SelectOp::create(builder, body.getLoc(), condition,
                                           level, value)
                 : arith::SelectOp::create(builder, body.getLoc(), condition,
                                           value, level);
  return makeMasked(context, scores, value, range->range, Table(0.0));
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

namespace {
/// The masks of a constant tensor.
struct ConstantMask {
  /// 1 where the constant is a mask, else 0.
  Table isMasked;
  /// The smallest and largest of them.
  double lo, hi;
  /// The constant where it is none, else 0.
  Table rest;
};
} // namespace

/// None if `constant` is to be added as it is.
static std::optional<ConstantMask>
findMasks(Operation *op, const ScalarModel &scores, const Table &constant) {
  RealScores real(scores);
  ConstantMask result{Table(0.0), 0, -HUGE_VAL, Table(0.0)};
  for (double c : constant.getValues()) {
    if (!real.isBelowWith(-c))
      continue;
    result.lo = std::min(result.lo, c);
    result.hi = std::max(result.hi, c);
  }
  if (result.lo == 0)
    return std::nullopt;
  auto isMasked = [&](double c) { return real.isBelowWith(-c); };
  result.isMasked = constant.map([&](double c) { return double(isMasked(c)); });
  result.rest = constant.map([&](double c) { return isMasked(c) ? 0.0 : c; });
  // The rest moves what is not masked.
  double largest = real.hi + std::max(result.rest.getMax(), 0.0);
  real.lo += std::min(result.rest.getMin(), 0.0);
  if (!real.isBelowWith(-result.hi) || !isAskedFor(op, largest, -result.hi))
    return std::nullopt;
  if (result.lo != result.hi && -result.lo < kSmallestPureMask)
    return std::nullopt;
  return result;
}

/// scores + constant, or scores - (-constant).
static FailureOr<ScalarModel> addConstantMask(RuleContext &context, Rule rule,
                                              unsigned scoresOperand,
                                              const ConstantMask &mask) {
  if (mask.lo != mask.hi)
    return context.emitError() << "holds masks of two sizes, " << mask.hi
                               << " and " << mask.lo << "; use one";
  ScalarModel scores = context.operands[scoresOperand];
  // What else is in the constant, such as a bias of positions.
  ScalarModel &other = context.operands[1 - scoresOperand];
  if (!mask.rest.all([](double c) { return c == 0; })) {
    other.constant =
        Table::combine(other.constant, mask.isMasked,
                       [](double c, double m) { return m != 0 ? 0.0 : c; });
    std::optional<MaskFact> before = scores.mask;
    FailureOr<ScalarModel> sum = rule(context);
    if (failed(sum))
      return failure();
    scores = *sum;
    scores.mask = before;
  }
  FailureOr<ScalarModel> uniform = context.body.makeUniform(scores);
  if (failed(uniform))
    return failure();
  uniform->mask = scores.mask;
  bool isOffset = !isAbsorbing(mask.lo, uniform->getMagnitude() *
                                            *uniform->scale.getUniform());
  return maskByTable(context, *uniform, mask.isMasked, isOffset,
                     std::isinf(mask.lo) ? mask.isMasked : Table(0.0));
}

/// scores + mask, which is 0 or -1 times a mask. Of run-time data, both; none
/// if it may be any sum.
static std::optional<FailureOr<ScalarModel>>
addTruthMask(RuleContext &context, const ScalarModel &scores,
             const ScalarModel &mask) {
  BodyBuilder &body = context.body;
  double size = *mask.scale.getUniform();
  RealScores real(scores);
  if (!real.isBelowWith(size) || !isAskedFor(context.op, real.hi, size))
    return std::nullopt;
  unsigned width = mask.value.getType().getIntOrFloatBitWidth();
  Value isMasked = arith::CmpIOp::create(context.builder(), body.getLoc(),
                                         arith::CmpIPredicate::ne, mask.value,
                                         body.constant(0, width));
  FailureOr<ScalarModel> uniform = body.makeUniform(scores);
  if (failed(uniform))
    return FailureOr<ScalarModel>(failure());
  uniform->mask = scores.mask;
  bool isOffset = !isAbsorbing(size, uniform->getMagnitude() *
                                         *uniform->scale.getUniform());
  return maskByCondition(context, *uniform, isMasked, /*masked=*/true,
                         isOffset);
}

namespace {
/// A mask of run-time data that has many sizes, the function of an integer.
struct LevelMask {
  /// Of the integers; larger ones are masked less, or more if `isFalling`.
  IntegerRange range;
  bool isFalling;
  /// Real: between the masks of two integers, and of the first and the last.
  double gap, spread;
  /// Of which the mask is 0.
  std::optional<int64_t> zero;
  /// The element of an encoded tensor that the integer is; null if it is the
  /// mask's.
  const Expression *element = nullptr;
};
} // namespace

/// As (1 - m) * -1e9, with a quantized m whose 1 is not exactly 1.
static std::optional<LevelMask> matchCodeMask(const ExpressionRef &expression) {
  if (!isFunctionOfCode(expression))
    return std::nullopt;
  std::optional<ElementFunction> function = ElementFunction::make(expression);
  const Expression *element = getOnlyElement(expression);
  const IntegerRange &range = element->model->range;
  double scale = *element->model->scale.getUniform();
  if (!function || range.lo == range.hi)
    return std::nullopt;
  auto evaluate = [&](__int128 i) {
    return (*function)(static_cast<double>(i) * scale);
  };
  LevelMask mask = {
      range,        evaluate(range.lo) > evaluate(range.hi),
      HUGE_VAL,     std::abs(evaluate(range.hi) - evaluate(range.lo)),
      std::nullopt, element};
  for (__int128 i = range.lo; i <= range.hi; ++i) {
    if (evaluate(i) == 0)
      mask.zero = static_cast<int64_t>(i);
    if (i == range.lo)
      continue;
    double step = evaluate(i) - evaluate(i - 1);
    // None where it is not strictly monotone, or NaN.
    mask.gap = std::min(mask.gap, mask.isFalling ? -step : step);
    if (!(mask.gap > 0))
      return std::nullopt;
  }
  return mask;
}

static std::optional<LevelMask> matchLevelMask(const ScalarModel &mask) {
  std::optional<double> size = mask.scale.getUniform();
  if (!mask.isInteger() || mask.mask || !size)
    return std::nullopt;
  if (!mask.error.isExact())
    return matchCodeMask(mask.expression);
  bool hasZero = mask.range.lo <= 0 && mask.range.hi >= 0;
  return LevelMask{mask.range, /*isFalling=*/false, *size,
                   static_cast<double>(mask.range.hi - mask.range.lo) * *size,
                   hasZero ? std::optional<int64_t>(0) : std::nullopt};
}

/// scores + mask with a mask of many sizes: the scores of a row that are masked
/// least compete, and exp sees no others. Any distance between two sizes that
/// is beyond the scores' range does that.
static std::optional<FailureOr<ScalarModel>>
addLevelMask(RuleContext &context, const ScalarModel &scores,
             const ScalarModel &mask, bool isSubtracted) {
  std::optional<LevelMask> levels = matchLevelMask(mask);
  if (!levels && mask.isInteger() && mask.scale.getMin() >= kSmallestPureMask)
    return context.emitError()
           << "adds a mask that is a multiple of " << mask.scale.getMin()
           << ", between " << static_cast<double>(mask.range.lo) << " and "
           << static_cast<double>(mask.range.hi)
           << " times as far as is known; compute it from truth values (i1), "
              "or select by a comparison";
  if (!levels)
    return std::nullopt;
  RealScores real(scores);
  // What integers hold exactly needs no other mask.
  if ((mask.error.isExact() && levels->spread / real.scale < kLargestCode) ||
      !real.isBelow(real.hi - levels->gap) ||
      !isAskedFor(context.op, real.hi, levels->gap))
    return std::nullopt;
  BodyBuilder &body = context.body;
  FailureOr<ScalarModel> uniform = body.makeUniform(scores);
  if (failed(uniform))
    return FailureOr<ScalarModel>(failure());
  uniform->mask = scores.mask;
  double unit = *uniform->scale.getUniform();
  bool isOffset = !isAbsorbing(levels->gap, uniform->getMagnitude() * unit);
  if (!isOffset && !levels->zero)
    return context.emitError()
           << "adds a mask that is 0 for no code of the tensor that it is "
              "computed from, so that the scores vanish beside it; give that "
              "tensor a scale of which 1 is a multiple, or compute the mask "
              "from truth values (i1)";
  // Integers that are 0 where the mask is, or where the largest is.
  bool isFalling = levels->isFalling != isSubtracted;
  __int128 zero = levels->zero.value_or(
      static_cast<int64_t>(isFalling ? levels->range.lo : levels->range.hi));
  __int128 distance = uniform->range.hi - uniform->range.lo + getDistance(unit);
  IntegerRange shifted = levels->range + IntegerRange{-zero, -zero};
  if (isFalling)
    shifted = -shifted;
  IntegerRange offsets = {shifted.lo * distance, shifted.hi * distance};
  IntegerRange range = uniform->range + offsets;
  std::optional<unsigned> width =
      body.chooseWidth(range.hull(offsets).hull(levels->range));
  if (!width)
    return context.emitError()
           << "masked scores may need more than 64 bits, since the mask has "
           << static_cast<double>(shifted.hi - shifted.lo) + 1
           << " sizes as far as is known; compute it from truth values (i1)";
  Value level = mask.value;
  if (levels->element) {
    auto map =
        AffineMap::get(body.getLoopSizes().size(), 0, levels->element->indices,
                       body.getBuilder().getContext());
    const TensorModel &tensor = *levels->element->model;
    level = body.load(tensor, map, tensor.scale).value;
  }
  OpBuilder &builder = context.builder();
  Location loc = body.getLoc();
  auto constant = [&](__int128 value) {
    return body.constant(static_cast<int64_t>(value), *width);
  };
  level = body.cast(level, *width);
  Value isZero = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       level, constant(zero));
  level = isFalling ? arith::SubIOp::create(builder, loc, constant(zero), level)
                          .getResult()
                    : arith::SubIOp::create(builder, loc, level, constant(zero))
                          .getResult();
  Value offset = arith::MulIOp::create(builder, loc, level, constant(distance));
  Value value = body.cast(uniform->value, *width);
  Value sum = arith::AddIOp::create(
      builder, loc, isOffset ? value : constant(uniform->range.lo), offset);
  if (!isOffset)
    sum = arith::SelectOp::create(builder, loc, isZero, value, sum);
  return makeMasked(context, *uniform, sum, range, Table(0.0));
}

/// None if there is no mask among the operands.
static std::optional<FailureOr<ScalarModel>>
compileMaskedSum(RuleContext &context, Rule rule) {
  bool subtracts = isa<arith::SubFOp>(context.op);
  for (unsigned i : {1, 0}) {
    const ScalarModel &mask = context.operands[i];
    const ScalarModel &scores = context.operands[1 - i];
    if (!scores.isInteger() || (subtracts && i == 0))
      continue;
    if (mask.isConstant()) {
      Table constant = mask.constant;
      if (subtracts)
        constant = constant.map([](double c) { return -c; });
      if (std::optional<ConstantMask> masks =
              findMasks(context.op, scores, constant))
        return addConstantMask(context, rule, 1 - i, *masks);
      continue;
    }
    IntegerRange range = subtracts ? -mask.range : mask.range;
    bool isTruth = mask.isInteger() && !mask.mask && mask.error.isExact() &&
                   range.lo >= -1 && range.hi <= 0 && mask.scale.getUniform();
    std::optional<FailureOr<ScalarModel>> sum =
        isTruth ? addTruthMask(context, scores, mask)
                : addLevelMask(context, scores, mask, subtracts);
    if (sum)
      return sum;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Selections
//===----------------------------------------------------------------------===//

/// True if `value` is 0 where `condition` is false, or true if `isWhereTrue`:
/// the condition compares it with 0.
static bool isZeroWhere(bool isWhereTrue, const ScalarModel &condition,
                        const ScalarModel &value) {
  if (value.isConstant())
    return value.constant.getUniform() == 0.0;
  const ExpressionRef &compared = condition.expression;
  if (!value.isInteger() || !compared || compared->operands.size() != 2 ||
      !isSame(compared->operands[0], value.expression) ||
      compared->operands[1]->kind != Expression::Kind::Constant ||
      compared->operands[1]->constant != 0)
    return false;
  StringRef name = compared->name;
  return isWhereTrue ? name == "arith.cmpf oeq" || name == "arith.cmpf ueq"
                     : name == "arith.cmpf one" || name == "arith.cmpf une";
}

/// select(condition, a, b), one of them masks and the other scores, or one a
/// constant mask and the other 0, as select(v != 0, -1e9, v) has it.
static std::optional<FailureOr<ScalarModel>>
compileMaskedSelection(RuleContext &context) {
  // A clamp from below is no mask.
  if (isExtremum(cast<arith::SelectOp>(context.op)))
    return std::nullopt;
  const ScalarModel &condition = context.operands[0];
  for (unsigned i : {1, 2}) {
    const ScalarModel &mask = context.operands[i];
    const ScalarModel &scores = context.operands[3 - i];
    if (!mask.isConstant())
      continue;
    std::optional<double> constant = mask.constant.getUniform();
    if (constant && *constant < 0 && condition.isPredicate() &&
        condition.error.isExact() && isZeroWhere(i == 2, condition, scores)) {
      // 0 or the mask: a multiple of it.
      BodyBuilder &body = context.body;
      Value one = body.constant(-1, 32), zero = body.constant(0, 32);
      Value value = arith::SelectOp::create(
          context.builder(), body.getLoc(), condition.value,
          i == 1 ? one : zero, i == 1 ? zero : one);
      return ScalarModel::makeInteger(
          value, Table(std::isinf(*constant) ? kInfinity : -*constant),
          {-1, 0});
    }
    if (!scores.isInteger() || !constant)
      continue;
    RealScores real(scores);
    if (*constant / real.scale > -kLargestCode || !real.isBelow(*constant) ||
        !isAskedFor(context.op, real.hi, -*constant))
      continue;
    if (!condition.error.isExact())
      return context.emitError() << "masks by a comparison of values that are "
                                    "not exact; quantize them first";
    FailureOr<ScalarModel> uniform = context.body.makeUniform(scores);
    if (failed(uniform))
      return FailureOr<ScalarModel>(failure());
    uniform->mask = scores.mask;
    if (condition.isPredicate())
      return maskByCondition(context, *uniform, condition.value,
                             /*masked=*/i == 1, /*isOffset=*/false);
    if (!condition.isConstant())
      continue;
    Table isMasked = condition.constant.map(
        [&](double c) { return (c != 0) == (i == 1) ? 1.0 : 0.0; });
    return maskByTable(context, *uniform, isMasked, /*isOffset=*/false,
                       std::isinf(*constant) ? isMasked : Table(0.0));
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Operations on masked values
//===----------------------------------------------------------------------===//

/// True if max(v, c) is v, but for masks beside which scores vanish as they do
/// beside c: all of them are one number, c or not.
static bool isMaximumWithMask(const RuleContext &context) {
  if (!isa<arith::MaximumFOp, arith::MaxNumFOp>(context.op))
    return false;
  return llvm::any_of(context.operands, [&](const ScalarModel &operand) {
    return operand.isConstant() &&
           llvm::all_of(context.operands, [&](const ScalarModel &other) {
             return other.isConstant() || operand.constant.all([&](double c) {
               return -c >= kSmallestPureMask && RealScores(other).isBelow(c);
             });
           });
  });
}

/// True if `op` is the exponential of masked scores less their maximum.
static bool isMaskedExp(const RuleContext &context) {
  return context.operands[0].mask &&
         isa<math::ExpOp, math::Exp2Op>(context.op) &&
         context.operands[0].range.hi <= 0;
}

void mlir::qfmt::countMask(const RuleContext &context, ScalarModel &result) {
  if (!isMaskedExp(context))
    return;
  // Those of all masks are between 0 and this.
  double distance = context.operands[0].mask->distance;
  double rest =
      isa<math::ExpOp>(context.op) ? std::exp(-distance) : std::exp2(-distance);
  result.error = result.error.plus(rest / result.scale.getMin());
}

/// Masked values times a positive constant are masked by as much of that.
static std::optional<FailureOr<ScalarModel>> scaleMasked(RuleContext &context,
                                                         Rule rule) {
  bool isProduct = isa<arith::MulFOp>(context.op);
  if (!isProduct && !isa<arith::DivFOp>(context.op))
    return std::nullopt;
  unsigned i = isProduct && context.operands[0].isConstant() ? 0 : 1;
  std::optional<double> constant =
      context.operands[i].isConstant()
          ? context.operands[i].constant.getUniform()
          : std::nullopt;
  std::optional<MaskFact> mask = context.operands[1 - i].mask;
  if (!constant || !(*constant > 0) || !mask)
    return std::nullopt;
  FailureOr<ScalarModel> result = rule(context);
  if (failed(result))
    return result;
  result->mask = mask;
  result->mask->distance *= isProduct ? *constant : 1 / *constant;
  return result;
}

static FailureOr<ScalarModel> compileOnMasked(RuleContext &context, Rule rule) {
  if (std::optional<FailureOr<ScalarModel>> scaled = scaleMasked(context, rule))
    return *scaled;
  ScalarModel &value = context.operands[0];
  std::optional<MaskFact> mask = value.mask;
  if (mask && isa<arith::SubFOp>(context.op) &&
      isMaximumOf(context.operands[1].expression, value.expression)) {
    FailureOr<ScalarModel> result = rule(context);
    if (succeeded(result))
      result->mask = MaskFact{mask->distance, Table(0.0)};
    return result;
  }
  if (isMaskedExp(context)) {
    FailureOr<ScalarModel> result = rule(context);
    if (succeeded(result))
      countMask(context, *result);
    return result;
  }
  if (mask && isa<arith::ExtFOp, arith::TruncFOp>(context.op)) {
    FailureOr<ScalarModel> result = rule(context);
    if (succeeded(result))
      result->mask = mask;
    return result;
  }
  if (isMaximumWithMask(context))
    return context.operands[context.operands[0].isConstant() ? 1 : 0];
  return context.emitError()
         << "reads scores to which a mask was added; of those only exp(v - "
            "max v), with the maximum over the scores themselves, has an "
            "integer rule; use a mask whose integers fit 30 bits elsewhere";
}

FailureOr<ScalarModel> mlir::qfmt::compileWithMasks(RuleContext &context,
                                                    Rule rule) {
  std::optional<FailureOr<ScalarModel>> result;
  if (isa<arith::AddFOp, arith::SubFOp>(context.op))
    result = compileMaskedSum(context, rule);
  else if (isa<arith::SelectOp>(context.op))
    result = compileMaskedSelection(context);
  if (result)
    return *result;
  if (llvm::any_of(context.operands,
                   [](const ScalarModel &v) { return v.mask.has_value(); }))
    return compileOnMasked(context, rule);
  return rule(context);
}
