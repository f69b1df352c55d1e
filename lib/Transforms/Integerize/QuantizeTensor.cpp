// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qfmt.quantize on integers: one rescaling, the zero point, a clamp where
// ranges do not prove it superfluous.

#include "QuantizeTensor.h"
#include "ExpressionFacts.h"
#include "FrameworkRules.h"
#include "Rules.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Support/Integer.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// True if the codes of `value` are those of `result` as they stand.
static bool hasCodesOf(const TensorModel &value, const TensorModel &result,
                       Type storage) {
  return value.kind == TensorModel::Kind::Integer &&
         value.scale == result.scale && value.zeroPoint == result.zeroPoint &&
         value.isUnsigned == result.isUnsigned &&
         getElementTypeOrSelf(value.payload.getType()) == storage &&
         value.range.lo >= result.range.lo && value.range.hi <= result.range.hi;
}

/// round(c / scale) of the constants of `value` for an integer format with
/// `range` of codes without zero point. Infinities saturate, NaN is 0.
static Table quantizeConstant(const TensorModel &value, double scale,
                              RoundingMode rounding, bool saturates,
                              const IntegerRange &range) {
  bool isSingle = value.realType.getElementType().isF32();
  return value.constant.map([&](double constant) {
    double quotient = constant / scale;
    if (std::isnan(quotient))
      return 0.0;
    if (std::isinf(quotient))
      return static_cast<double>(quotient < 0 ? range.lo : range.hi);
    // Beyond, nothing is left to round.
    if (std::abs(quotient) >= 0x1p60)
      return saturates ? std::copysign(0x1p60, quotient) : quotient;
    // The quotient of two floats in double, rounded to float, is theirs.
    IntegerSpec integer{62};
    return static_cast<double>(integer.decode(integer.encode(
        isSingle ? static_cast<float>(quotient) : quotient, rounding)));
  });
}

/// By how much `codes` of the constants of `value` are off, beyond saturation,
/// which both sides do.
static ErrorBound getConstantError(const TensorModel &value, double scale,
                                   const Table &codes,
                                   const IntegerRange &range) {
  auto clamp = [&](double v) {
    return std::clamp(v, static_cast<double>(range.lo),
                      static_cast<double>(range.hi));
  };
  Table off =
      Table::combine(value.constant, codes, [&](double constant, double code) {
        double quotient = constant / scale;
        return std::isnan(quotient) ? 0
                                    : std::abs(clamp(quotient) - clamp(code));
      });
  return {off.getMax(), 0};
}

/// `value`, an accumulator of more than 32 bits, without what saturates anyway:
/// between the values next to the codes of `result`, so that as few low bits as
/// possible are lost where it is rescaled.
static ScalarModel clampAccumulator(BodyBuilder &body, ScalarModel value,
                                    const TensorModel &result) {
  double ratio = (value.scale / result.scale).getMin();
  auto toLimit = [&](__int128 code) {
    double limit = static_cast<double>(code) / ratio;
    return static_cast<__int128>(std::clamp(limit, -0x1p62, 0x1p62));
  };
  // Two codes away: rounded in any way, they are still beyond the range.
  IntegerRange limits = {toLimit(result.range.lo - 2),
                         toLimit(result.range.hi + 2)};
  OpBuilder &inner = body.getBuilder();
  Location loc = body.getLoc();
  Value clamped = body.cast(value.value, 64);
  if (value.range.lo < limits.lo)
    clamped = arith::MaxSIOp::create(inner, loc, clamped,
                                     body.constant(limits.lo, 64));
  if (value.range.hi > limits.hi)
    clamped = arith::MinSIOp::create(inner, loc, clamped,
                                     body.constant(limits.hi, 64));
  return ScalarModel::makeInteger(
      clamped, value.scale,
      {std::clamp(value.range.lo, limits.lo, limits.hi),
       std::clamp(value.range.hi, limits.lo, limits.hi)},
      value.error);
}

/// The error of `value` clamped to `codes`. Beyond the codes both sides
/// saturate; where nearly everything does, less is left than that of values.
static ErrorBound getSaturatedError(const ScalarModel &value,
                                    const IntegerRange &codes,
                                    const ExpressionRef &expression) {
  double reach = static_cast<double>(codes.getMaxMagnitude()) + 1;
  double error = value.error.getTotal(std::min(reach, value.getMagnitude()));
  auto clamp = [&](double v) {
    return std::clamp(v, static_cast<double>(codes.lo),
                      static_cast<double>(codes.hi));
  };
  auto lo = static_cast<double>(value.range.lo);
  auto hi = static_cast<double>(value.range.hi);
  double slack = value.error.getTotal(value.getMagnitude());
  double realLo =
      isNonNegative(expression) ? std::max(lo - slack, 0.0) : lo - slack;
  return {std::min(error, std::max(clamp(hi) - clamp(realLo),
                                   clamp(hi + slack) - clamp(lo))),
          0};
}

/// Scores to which a mask was added, of any size, have the lowest code where
/// they are masked; the integers of `value` stand for that only if they do.
static LogicalResult verifyMaskSaturates(const TensorModel &value,
                                         const TensorModel &result,
                                         bool saturates, Location loc) {
  double lowest =
      static_cast<double>(result.range.lo) * *result.scale.getUniform();
  // What is masked is at least the distance below the largest of the others.
  double reach = static_cast<double>(value.range.hi) * value.scale.getMax() -
                 value.mask->distance;
  if (saturates && reach < lowest)
    return success();
  return emitError(loc)
         << "quantizes scores to which a mask was added to a format that "
            "reaches down to "
         << lowest
         << ", where masked ones may not be; quantize the scores before the "
            "mask, or the softmax after it";
}

FailureOr<TensorModel> mlir::qfmt::quantizeTensor(
    const TensorModel &value, ScaledAttr format, RoundingMode rounding,
    OverflowMode overflow, OpBuilder &builder, Location loc,
    const IntegerizeSettings &settings, IntegerizeCounts &counts) {
  RankedTensorType type = value.realType;
  NumberFormat number = format.getNumberFormat();
  TensorModel result;
  result.kind = TensorModel::Kind::Integer;
  result.realType = type;
  result.isUnsigned = number.getLowest() == 0;
  result.zeroPoint = *format.getStaticZeroPoint();
  result.scale = Table(*format.getStaticScale(type.getElementType()));
  int64_t lowest = number.getLowest(), largest = number.getLargest();
  result.range = {lowest - result.zeroPoint, largest - result.zeroPoint};

  if (hasCodesOf(value, result, number.getStorageType())) {
    result.payload = value.payload;
    result.error = value.error;
    return result;
  }

  // Otherwise the low bits of the code are its value.
  bool saturates = overflow != OverflowMode::Wrap;
  if (value.mask && failed(verifyMaskSaturates(value, result, saturates, loc)))
    return failure();
  BodyBuilder body(builder, loc, type.getShape(), settings);
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  FailureOr<ScalarModel> scaled;
  if (value.kind == TensorModel::Kind::Deferred) {
    ExpressionRef expression = substitute(
        value.expression, getNormalIndices(identity, type.getShape()));
    // A table has the codes themselves. What saturates may be anything beyond;
    // at twice the range polynomials are cut off where they need not be good.
    double scale = *result.scale.getUniform();
    FunctionResult asked;
    __int128 margin = result.range.hi - result.range.lo + 1;
    if (saturates)
      asked.clamp = {static_cast<double>(result.range.lo - margin) * scale,
                     static_cast<double>(result.range.hi + margin) * scale};
    if (rounding == RoundingMode::HalfEven)
      asked.unit = scale;
    FailureOr<ScalarModel> function = materialize(body, expression, asked);
    if (failed(function))
      return failure();
    scaled = body.rescale(*function, result.scale, rounding, settings.compat);
  } else if (value.kind == TensorModel::Kind::Integer) {
    ScalarModel loaded = body.load(value, identity, value.scale);
    bool isWide = !value.range.fits(32);
    if (isWide && !saturates)
      return emitError(loc) << "wraps around an accumulator of more than 32 "
                               "bits, which has no integer rule";
    if (isWide)
      loaded = clampAccumulator(body, loaded, result);
    scaled = requantizeElement(body, loaded, result, rounding);
  } else if (value.kind == TensorModel::Kind::Constant) {
    double scale = *result.scale.getUniform();
    Table codes =
        quantizeConstant(value, scale, rounding, saturates, result.range);
    scaled = body.quantize(codes, Table(1.0));
    if (succeeded(scaled))
      scaled->error = getConstantError(value, scale, codes, result.range);
  } else {
    return emitError(loc) << "quantizes a tensor without a value";
  }
  if (failed(scaled))
    return failure();

  IntegerRange range =
      scaled->range + IntegerRange{result.zeroPoint, result.zeroPoint};
  std::optional<unsigned> width =
      body.chooseWidth(range.hull({lowest, largest}));
  if (!width)
    return emitError(loc) << "a code before clamping needs more than 64 bits";
  OpBuilder &inner = body.getBuilder();
  Value code = body.cast(scaled->value, *width);
  if (result.zeroPoint != 0)
    code = arith::AddIOp::create(inner, loc, code,
                                 body.constant(result.zeroPoint, *width));
  if (saturates && range.lo < lowest)
    code =
        arith::MaxSIOp::create(inner, loc, code, body.constant(lowest, *width));
  if (saturates && range.hi > largest)
    code = arith::MinSIOp::create(inner, loc, code,
                                  body.constant(largest, *width));
  code = body.cast(code, number.getFormatWidth());
  body.addOutput(tensor::EmptyOp::create(builder, loc, type.getShape(),
                                         number.getStorageType()),
                 identity);
  counts.rescales += body.getNumRescales();
  ++counts.rewritten;
  result.error =
      saturates ? getSaturatedError(*scaled, result.range, value.expression)
                : scaled->error.toAbsolute(scaled->getMagnitude());
  result.payload =
      body.finish(SmallVector<utils::IteratorType>(
                      type.getRank(), utils::IteratorType::parallel),
                  code)
          .getResult(0);
  return result;
}

FailureOr<TensorModel>
mlir::qfmt::materializeTensor(const TensorModel &value, OpBuilder &builder,
                              Location loc, const IntegerizeSettings &settings,
                              IntegerizeCounts &counts) {
  if (value.kind != TensorModel::Kind::Deferred)
    return value;
  ArrayRef<int64_t> shape = value.realType.getShape();
  BodyBuilder body(builder, loc, shape, settings);
  AffineMap identity = builder.getMultiDimIdentityMap(shape.size());
  FailureOr<ScalarModel> integer = materialize(
      body, substitute(value.expression, getNormalIndices(identity, shape)));
  if (failed(integer))
    return failure();
  StorageKind storage = chooseStorage(integer->range);
  TensorModel result = value;
  result.kind = TensorModel::Kind::Integer;
  result.scale = integer->scale;
  result.range = integer->range;
  result.error = integer->error;
  result.isUnsigned = storage.isUnsigned;
  body.addOutput(tensor::EmptyOp::create(builder, loc, shape,
                                         builder.getIntegerType(storage.width)),
                 identity);
  ++counts.rewritten;
  result.payload = body.finish(SmallVector<utils::IteratorType>(
                                   shape.size(), utils::IteratorType::parallel),
                               body.cast(integer->value, storage.width))
                       .getResult(0);
  return result;
}
