// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TFLite: kernels/add.cc and internal/reference/add.h, internal/reference/
// integer_ops/pooling.h, internal/reference/reduce.h. TOSA: RESCALE and
// AVG_POOL2D of the specification, put together as TensorFlow's legalization
// from TFLite does. HAWQ: quant_utils.py, fixedpoint_fn and
// transfer_float_averaging_to_int_averaging. ONNX: what the operators define
// between DequantizeLinear and QuantizeLinear.

#include "FrameworkRules.h"
#include "Norms.h"
#include "ProgramEmitter.h"
#include "TensorMoves.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Where a value is quantized
//===----------------------------------------------------------------------===//

/// The format of an encoded tensor, if it is an integer format with a static
/// scale.
static std::optional<ScaledAttr> getStaticFormat(Type type) {
  auto scaled = dyn_cast<ScaledAttr>(EncodedTensorType::get(type).getFormat());
  if (!scaled || !scaled.getNumberFormat().hasIntegerCodes() ||
      !scaled.isStatic())
    return std::nullopt;
  return scaled;
}

/// What `use` makes of the value it reads; null for operations that end the
/// search.
static Value follow(OpOperand &use) {
  Operation *op = use.getOwner();
  if (isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
          arith::MinNumFOp, arith::CmpFOp, arith::SelectOp>(op) ||
      isPayloadMove(op))
    return op->getResult(0);
  if (isa<linalg::YieldOp>(op))
    return op->getParentOp()->getResult(use.getOperandNumber());
  auto linalg = dyn_cast<linalg::LinalgOp>(op);
  if (!linalg || linalg.getNumReductionLoops() != 0)
    return nullptr;
  return linalg.getBlock()->getArgument(use.getOperandNumber());
}

std::optional<ScaledAttr> mlir::qfmt::findResultFormat(Value value) {
  std::optional<ScaledAttr> found;
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    for (OpOperand &use : pending.pop_back_val().getUses()) {
      if (!isa<QuantizeOp, ConvertOp>(use.getOwner())) {
        pending.push_back(follow(use));
        if (!pending.back())
          return std::nullopt;
        continue;
      }
      std::optional<ScaledAttr> format =
          getStaticFormat(use.getOwner()->getResult(0).getType());
      if (!format || (found && *found != *format))
        return std::nullopt;
      found = format;
    }
  }
  return found;
}

//===----------------------------------------------------------------------===//
// ONNX: the real number, rounded once
//===----------------------------------------------------------------------===//

namespace {
/// `value`, exact integers, times `scale`.
struct Term {
  ScalarModel value;
  double scale;
};
} // namespace

/// The exponent of the lowest one of a float.
static int getLowestExponent(double value) {
  int exponent;
  double mantissa = std::frexp(value, &exponent);
  auto bits = static_cast<uint64_t>(std::ldexp(mantissa, 53));
  return exponent - 53 + static_cast<int>(llvm::countr_zero(bits));
}

/// value / 2^shift, rounded half to even, shift >= 1.
static Value shiftHalfEven(BodyBuilder &body, Value value, unsigned shift) {
  OpBuilder &builder = body.getBuilder();
  Location loc = body.getLoc();
  Value quotient =
      arith::ShRSIOp::create(builder, loc, value, body.constant(shift, 64));
  Value odd =
      arith::AndIOp::create(builder, loc, quotient, body.constant(1, 64));
  Value half = body.constant((int64_t(1) << (shift - 1)) - 1, 64);
  Value sum = arith::AddIOp::create(builder, loc, value, half);
  sum = arith::AddIOp::create(builder, loc, sum, odd);
  return arith::ShRSIOp::create(builder, loc, sum, body.constant(shift, 64));
}

/// round_half_even((sum of terms) / (count * target)) at the scale `target`;
/// none if that needs more than 64 bits.
///
/// v = sum i_k m_k with m_k = round(2^n r_k), r_k = scale_k / (count target),
/// is off by `off` at most, for the rounding of m_k and of r_k in double.
/// Scales are floats, so that a real is a tie or at least `gap` away from one.
/// If `off` is much smaller, rounding v to multiples of twice to four times of
/// it makes ties of those that are and of no others, and what follows is exact.
/// Elsewhere it is within `off` of that.
static std::optional<FailureOr<ScalarModel>> roundOnce(BodyBuilder &body,
                                                       ArrayRef<Term> terms,
                                                       int64_t count,
                                                       double target) {
  double divisor = static_cast<double>(count) * target;
  double reach = 0, lo = 0, hi = 0;
  int lowest = getLowestExponent(target) - 1;
  for (const Term &term : terms) {
    double ratio = term.scale / divisor;
    reach += static_cast<double>(term.value.range.getMaxMagnitude()) * ratio;
    lo += static_cast<double>(term.value.range.lo) * ratio;
    hi += static_cast<double>(term.value.range.hi) * ratio;
    lowest = std::min(lowest, getLowestExponent(term.scale));
  }
  if (!std::isfinite(reach) || !(reach > 0x1p-40) || !(reach < 0x1p31))
    return std::nullopt;
  int n = 59 - static_cast<int>(std::ceil(std::log2(reach)));
  n = std::min(n, 60);

  OpBuilder &builder = body.getBuilder();
  Location loc = body.getLoc();
  double off = reach * 0x1p-52;
  Value sum;
  for (const Term &term : terms) {
    auto multiplier = static_cast<int64_t>(
        std::nearbyint(std::ldexp(term.scale / divisor, n)));
    off += std::ldexp(static_cast<double>(term.value.range.getMaxMagnitude()),
                      -n - 1);
    Value product =
        arith::MulIOp::create(builder, loc, body.cast(term.value.value, 64),
                              body.constant(multiplier, 64));
    sum = sum ? arith::AddIOp::create(builder, loc, sum, product) : product;
  }
  double gap = std::ldexp(1, lowest) / divisor;
  // 2^(snap - 1) is between 2 and 4 times `off`, in units of 2^-n.
  int snap = static_cast<int>(std::ceil(std::log2(std::ldexp(off, n)))) + 2;
  double units = 0.5;
  if (gap > 6 * off && snap < n) {
    Value nudge = body.constant(int64_t(1) << (snap - 1), 64);
    sum = arith::AddIOp::create(builder, loc, sum, nudge);
    sum = arith::ShRSIOp::create(builder, loc, sum, body.constant(snap, 64));
    n -= snap;
  } else {
    units += off;
  }
  IntegerRange range = {static_cast<__int128>(std::floor(lo)) - 1,
                        static_cast<__int128>(std::ceil(hi)) + 1};
  unsigned width = *body.chooseWidth(range);
  Value result = body.cast(shiftHalfEven(body, sum, n), width);
  return ScalarModel::makeInteger(result, Table(target), range, {units, 0});
}

//===----------------------------------------------------------------------===//
// Residual sums
//===----------------------------------------------------------------------===//

/// The scale of a code of an encoded tensor, as it was read.
static std::optional<double> getCodeScale(const ScalarModel &value) {
  if (!value.isInteger() || !value.error.isExact() || !value.expression ||
      value.expression->kind != Expression::Kind::Element ||
      !value.expression->tensor)
    return std::nullopt;
  return value.scale.getUniform();
}

static FailureOr<ScalarModel> addAtOneScale(RuleContext &context,
                                            FailureOr<ScalarModel> a,
                                            FailureOr<ScalarModel> b) {
  if (failed(a) || failed(b))
    return failure();
  BodyBuilder &body = context.body;
  IntegerRange range = a->range + b->range;
  std::optional<unsigned> width = body.chooseWidth(range);
  if (!width)
    return context.emitError() << "a sum may need more than 64 bits";
  Value sum = arith::AddIOp::create(context.builder(), body.getLoc(),
                                    body.cast(a->value, *width),
                                    body.cast(b->value, *width));
  return ScalarModel::makeInteger(sum, a->scale, range,
                                  addErrors(a->error, a->getMagnitude(),
                                            b->error, b->getMagnitude(),
                                            /*sameSign=*/false));
}

/// ADD of TFLite and what TOSA makes of it: both sides at 2 max(S_a, S_b) /
/// 2^20 (2^15 for more than 8 bits), where their sum is formed. Rounding twice
/// needs the shift to the left before, as a ratio below 1; rounding once does
/// not.
static std::optional<FailureOr<ScalarModel>>
addAtSharedScale(RuleContext &context, double scaleA, double scaleB) {
  BodyBuilder &body = context.body;
  Compat compat = body.getSettings().compat;
  int shift = 20;
  for (const ScalarModel &operand : context.operands) {
    // A code and the zero point that was subtracted from it.
    if (!operand.range.fits(17))
      return std::nullopt;
    if (!operand.range.fits(9))
      shift = 15;
  }
  Table shared(std::ldexp(2 * std::max(scaleA, scaleB), -shift));
  auto toShared = [&](ScalarModel operand,
                      double scale) -> FailureOr<ScalarModel> {
    if (compat != Compat::TOSA) {
      FailureOr<ScalarModel> fine =
          body.rescale(operand, Table(std::ldexp(scale, -shift)));
      if (failed(fine))
        return failure();
      operand = *fine;
    }
    return body.rescale(operand, shared, RoundingMode::HalfEven, compat);
  };
  return addAtOneScale(context, toShared(context.operands[0], scaleA),
                       toShared(context.operands[1], scaleB));
}

std::optional<FailureOr<ScalarModel>>
mlir::qfmt::addTensors(RuleContext &context) {
  BodyBuilder &body = context.body;
  Compat compat = body.getSettings().compat;
  const ScalarModel &a = context.operands[0], &b = context.operands[1];
  if (compat == Compat::None || !a.isInteger() || !b.isInteger() || a.mask ||
      b.mask)
    return std::nullopt;
  std::optional<ScaledAttr> format = findResultFormat(context.op->getResult(0));
  Type real = context.op->getResult(0).getType();
  std::optional<double> target =
      format ? format->getStaticScale(real) : std::nullopt;
  if (!target)
    return std::nullopt;
  // Accumulators, too.
  if (compat == Compat::HAWQ) {
    auto toTarget = [&](const ScalarModel &value) {
      return body.rescale(value, Table(*target), RoundingMode::HalfEven,
                          compat);
    };
    return addAtOneScale(context, toTarget(a), toTarget(b));
  }
  std::optional<double> scaleA = getCodeScale(a), scaleB = getCodeScale(b);
  if (!scaleA || !scaleB)
    return std::nullopt;
  if (compat == Compat::ONNX)
    return roundOnce(body, {{a, *scaleA}, {b, *scaleB}}, 1, *target);
  return addAtSharedScale(context, *scaleA, *scaleB);
}

//===----------------------------------------------------------------------===//
// Means
//===----------------------------------------------------------------------===//

namespace {
/// The sum of `count` codes of an encoded tensor, of which the mean is asked.
struct CodeMean {
  int64_t count;
  double scale;
  int64_t zeroPoint;
  /// Of windows, as a pooling; else of whole dimensions.
  bool isPooling;
};
} // namespace

static std::optional<CodeMean> matchCodeMean(const ScalarModel &value) {
  std::optional<Mean> mean = matchMean(value.expression);
  if (!mean || !value.error.isExact() ||
      mean->term->kind != Expression::Kind::Element || !mean->term->tensor ||
      mean->count >= int64_t(1) << 20)
    return std::nullopt;
  const TensorModel &codes = *mean->term->model;
  std::optional<double> scale = codes.scale.getUniform();
  std::optional<double> unit = value.scale.getUniform();
  // The integers are the sums.
  if (!scale || !unit || !value.range.fits(29) || !codes.error.isExact() ||
      std::abs(*unit * static_cast<double>(mean->count) / *scale - 1) > 1e-6)
    return std::nullopt;
  // A window that is the whole dimension is no more than its variable.
  bool isPooling = llvm::any_of(mean->term->indices, [](AffineExpr index) {
    return isa<AffineBinaryOpExpr>(index);
  });
  return CodeMean{mean->count, *scale, codes.zeroPoint, isPooling};
}

/// trunc((x + away sign(x) floor(n / 2)) / n) of the integers, plus `offset` n
/// before and minus it after, at the scale of the codes. C++ divides so.
static FailureOr<ScalarModel> divideSum(BodyBuilder &body,
                                        const ScalarModel &value,
                                        const CodeMean &mean, int64_t offset,
                                        bool roundsAway) {
  IntegerProgramBuilder builder;
  auto x = builder.addInput({static_cast<int64_t>(value.range.lo),
                             static_cast<int64_t>(value.range.hi)});
  x = builder.addImmediate(x, offset * mean.count);
  auto negated = builder.subtract(builder.addConstant(0), x);
  auto magnitude = builder.maximum(x, negated);
  builder.assume(magnitude, {0, builder.getRange(magnitude).hi});
  if (roundsAway)
    magnitude = builder.addImmediate(magnitude, mean.count / 2);
  auto quotient = builder.multiply(builder.divideBy(magnitude, mean.count),
                                   builder.clamp(x, {-1, 1}));
  auto result = builder.addImmediate(quotient, -offset);
  if (builder.hasFailed())
    return body.emitError()
           << "the mean of " << mean.count
           << " codes has no integer rule: " << builder.getFailure();
  IntegerProgram program = builder.finish({result});
  IntegerProgram::Range range = program.getResultRange();
  return ScalarModel::makeInteger(
      emitProgram(body, program, value.value).front(), Table(mean.scale),
      {range.lo, range.hi}, {roundsAway ? 0.5 : 1.0, 0});
}

/// The mean at the scale of the codes, or of the result where the rule goes
/// there at once; none if there is no rule.
static std::optional<FailureOr<ScalarModel>>
computeMean(BodyBuilder &body, const ScalarModel &value, const CodeMean &mean,
            double target) {
  switch (body.getSettings().compat) {
  case Compat::HAWQ:
    return divideSum(body, value, mean, /*offset=*/0, /*roundsAway=*/false);
  case Compat::ONNX:
    return roundOnce(body, {{value, mean.scale}}, mean.count, target);
  case Compat::TFLite: {
    if (mean.isPooling)
      return divideSum(body, value, mean, mean.zeroPoint, /*roundsAway=*/true);
    double ratio = mean.scale / target;
    std::optional<Requantization> rule = chooseTFLiteMean(ratio, mean.count);
    if (!rule)
      return std::nullopt;
    return body.requantize(value, Table(target),
                           Table(ratio / static_cast<double>(mean.count)),
                           *rule);
  }
  case Compat::TOSA:
  case Compat::TOSADoubleRound:
    if (!mean.isPooling)
      return std::nullopt;
    return body.requantize(value, Table(mean.scale),
                           Table(1 / static_cast<double>(mean.count)),
                           chooseTOSAAverage(mean.count));
  case Compat::None:
    return std::nullopt;
  }
  return std::nullopt;
}

FailureOr<ScalarModel> mlir::qfmt::requantizeElement(BodyBuilder &body,
                                                     const ScalarModel &value,
                                                     const TensorModel &result,
                                                     RoundingMode rounding) {
  FailureOr<ScalarModel> source = value;
  if (std::optional<CodeMean> mean = matchCodeMean(value))
    if (auto computed =
            computeMean(body, value, *mean, *result.scale.getUniform()))
      source = *computed;
  if (failed(source))
    return failure();
  return body.rescale(*source, result.scale, rounding,
                      body.getSettings().compat);
}
