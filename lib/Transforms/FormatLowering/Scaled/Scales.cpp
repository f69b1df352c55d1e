// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales and zero points at run time: what the scale rules ask for, and how it
// is stored. scale_rule = mse is in BestScale.cpp.

#include "Emitter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

//===----------------------------------------------------------------------===//
// What blocks are like
//===----------------------------------------------------------------------===//

Value ScaledEmitter::emitSplit(Value reals,
                               const TensorEncodeModes &modes) const {
  TypedAttr padding;
  if (modes.scaleRule == ScaleRule::MSE)
    padding = builder.getFloatAttr(getElementTypeOrSelf(reals.getType()), NAN);
  return loops.split(builder, loc, reals, padding);
}

Value ScaledEmitter::emitAbsMax(Value elements) const {
  return emitBlockMax(builder, loc, loops, elements,
                      [](ScalarBuilder &b, ValueRange x) {
                        return b.createOrFold<math::AbsFOp>(x[0]);
                      });
}

static Value emitBlockMaxOf(OpBuilder &builder, Location loc,
                            const BlockLoops &loops, Value elements,
                            double sign) {
  return emitBlockMax(builder, loc, loops, elements,
                      [&](ScalarBuilder &b, ValueRange x) -> Value {
                        if (sign > 0)
                          return x[0];
                        return b.createOrFold<arith::NegFOp>(x[0]);
                      });
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// Where a number of f64 is below this, the scale underflows in every format
/// (their targets are above 2^-150, and so are their smallest values), and
/// neither it nor the quotient may underflow in f64.
static constexpr double kTinyMagnitude = 0x1p-600;

/// A magnitude in f64, tiny ones but 0 replaced by kTinyMagnitude.
static Value emitMagnitude(ScalarBuilder &b, Value absMax) {
  if (!absMax.getType().isF64())
    return b.extend(absMax, b.getF64Type());
  Value isTiny = b.apply<arith::AndIOp>(
      b.compare(CmpFPredicate::OLT, absMax, kTinyMagnitude),
      b.compare(CmpFPredicate::OGT, absMax, 0.0));
  return b.select(isTiny, b.constant(absMax.getType(), kTinyMagnitude), absMax);
}

/// a / target such that a later rounding to at most 24 bits is that of the
/// exact quotient.
Value ScaledEmitter::emitAbsMaxScales(Value absMax, double target) {
  FloatType f64 = builder.getF64Type();
  auto type = cast<FloatType>(getElementTypeOrSelf(absMax.getType()));
  Quotient quotient = chooseQuotient(24, ExactRange::of(type),
                                     ExactRange::of(target), EncodeModes());
  return emitMap(builder, loc, absMax, f64,
                 [&](ScalarBuilder &b, ValueRange values) {
                   return emitQuotient(b, emitMagnitude(b, values[0]),
                                       b.constant(f64, target), quotient);
                 });
}

/// (max(x, 0) - min(x, 0)) / (hi - lo) such that a later rounding to at most 24
/// bits is that of the exact quotient.
Value ScaledEmitter::emitSpanScales(Value elements) {
  FloatType f64 = builder.getF64Type();
  NumberFormat number = scaled.getNumberFormat();
  Value above = emitBlockMaxOf(builder, loc, loops, elements, 1);
  Value below = emitBlockMaxOf(builder, loc, loops, elements, -1);
  double steps = number.getLargest() - number.getLowest();
  return emitMap(builder, loc, {above, below}, f64,
                 [&](ScalarBuilder &b, ValueRange values) -> Value {
                   Value span = emitSumToOdd(b, b.extend(values[0], f64),
                                             b.extend(values[1], f64));
                   return b.apply<arith::DivFOp>(emitMagnitude(b, span),
                                                 b.constant(f64, steps));
                 });
}

/// 2^(floor(log2 a) - floor(log2 target)), and twice that where ceil_log2 finds
/// it too small. A zero stays 0.
Value ScaledEmitter::emitPowerScales(Value absMax, ScaleRule rule) {
  FloatType f64 = builder.getF64Type();
  double target = scaled.getNumberFormat().getScaleTarget();
  double targetPower = std::ldexp(1.0, std::ilogb(target));
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value a = emitMagnitude(b, values[0]);
    // 2^floor(log2 a) is a without its mantissa.
    Value bits = b.createOrFold<arith::BitcastOp>(b.getI64Type(), a);
    bits = b.apply<arith::AndIOp>(bits, int64_t(0x7ff) << 52);
    Value power = b.createOrFold<arith::BitcastOp>(f64, bits);
    if (rule == ScaleRule::CeilLog2) {
      // The target over its power is below 2; no product of this overflows but
      // where it is not below a either.
      Value limit =
          b.apply<arith::MulFOp>(power, b.constant(f64, target / targetPower));
      Value isAbove =
          b.createOrFold<arith::CmpFOp>(CmpFPredicate::OGT, a, limit);
      power = b.select(
          isAbove, b.apply<arith::MulFOp>(power, b.constant(f64, 2.0)), power);
    }
    return b.apply<arith::MulFOp>(power, b.constant(f64, 1 / targetPower));
  };
  return emitMap(builder, loc, absMax, f64, body);
}

FailureOr<Value>
ScaledEmitter::emitIdealScales(Value elements, const ExactRange &range,
                               const TensorEncodeModes &modes) {
  switch (modes.scaleRule) {
  case ScaleRule::FloorLog2:
  case ScaleRule::CeilLog2:
    return emitPowerScales(emitAbsMax(elements), modes.scaleRule);
  case ScaleRule::MSE:
    return emitBestScales(elements, range, modes);
  case ScaleRule::AbsMax:
  case ScaleRule::TwoLevel:
    break;
  }
  if (scaled.getZeroPointFormat())
    return emitSpanScales(elements);
  return emitAbsMaxScales(emitAbsMax(elements),
                          scaled.getNumberFormat().getScaleTarget());
}

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

/// The code of a scale in its number format. (C23) A scale of 0 becomes 1.
Value ScaledEmitter::emitStoredScale(ScalarBuilder &b, Value ideal) {
  CodeEmitter format(scaled.getScaleFormat());
  auto encode = [&](Value value) {
    return format.emitEncode(b, loc, value, EncodeModes(), Value());
  };
  Value code = encode(ideal);
  Value decoded = format.emitDecode(b, loc, code);
  Value isZero =
      b.apply<arith::OrIOp>(b.compare(CmpFPredicate::OEQ, decoded, 0.0),
                            b.compare(CmpFPredicate::OEQ, ideal, 0.0));
  return b.select(isZero, encode(b.constant(b.getF32Type(), 1.0)), code);
}

BlockNumber ScaledEmitter::emitTrialScales(Value ideal) {
  FloatType f32 = builder.getF32Type();
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    if (Type format = scaled.getScaleFormat())
      return CodeEmitter(format).emitDecode(b, loc,
                                            emitStoredScale(b, values[0]));
    Value rounded = emitRoundTo(b, values[0], f32);
    return b.select(b.compare(CmpFPredicate::OEQ, rounded, 0.0),
                    b.constant(f32, 1.0), rounded);
  };
  ExactRange range = ExactRange::f32();
  if (Type format = scaled.getScaleFormat())
    range = CodeEmitter(format).getExactRange();
  return BlockNumber{0, emitMap(builder, loc, ideal, f32, body), CodeEmitter(),
                     range};
}

FailureOr<BlockNumber>
ScaledEmitter::encodeScales(Value ideal, ScaleRule rule,
                            SmallVectorImpl<Value> &constituents) {
  if (scaled.getScaleEncoding()) {
    TensorEncodeModes modes;
    modes.scaleRule = rule;
    return encodeNestedScales(ideal, modes, constituents);
  }
  Type format = scaled.getScaleFormat();
  Value codes =
      emitMap(builder, loc, ideal,
              getCodeType(cast<NumberFormat>(format).getStorageType()),
              [&](ScalarBuilder &b, ValueRange values) {
                return emitStoredScale(b, values[0]);
              });
  constituents.push_back(loops.addUnitDims(builder, loc, codes));
  return BlockNumber::getCodes(codes, format);
}

/// Scales in an encoding of their own are quantized as a tensor of f32. Blocks
/// of zeros count as 0 there, not as 1, so that they do not stretch the scales
/// of their neighbours; (C23) holds for what comes out.
FailureOr<BlockNumber>
ScaledEmitter::encodeNestedScales(Value ideal, const TensorEncodeModes &modes,
                                  SmallVectorImpl<Value> &constituents) {
  FailureOr<TensorFormatLowering> nested = getScaleLowering();
  if (failed(nested))
    return failure();
  FloatType f32 = builder.getF32Type();
  Value rounded = emitMap(builder, loc, ideal, f32,
                          [&](ScalarBuilder &b, ValueRange values) {
                            return emitRoundTo(b, values[0], f32);
                          });
  FailureOr<SmallVector<Value>> parts = nested->emitEncode(
      builder, loc, getScaleType(), loops.addUnitDims(builder, loc, rounded),
      ExactRange::f32(), modes);
  if (failed(parts))
    return failure();
  parts = nested->emitReplaceZeros(builder, loc, getScaleType(), *parts);
  if (failed(parts))
    return failure();
  llvm::append_range(constituents, *parts);
  return readEncodedScale(*parts);
}

/// The scales of the scale tensor are max a / (largest(scale's format) *
/// largest(format)), and the scale tensor is quantized with them as given.
FailureOr<BlockNumber>
ScaledEmitter::encodeTwoLevelScales(Value absMax,
                                    SmallVectorImpl<Value> &constituents) {
  auto nested = dyn_cast<ScaledAttr>(Attribute(scaled.getScaleEncoding()));
  if (!nested)
    return emitError(loc) << "scale_rule = two_level needs a scale in "
                             "#qfmt.scaled, found "
                          << scaled.getScale();
  ScaledEmitter outer(builder, loc, getScaleType());
  Value blocks =
      outer.loops.split(builder, loc, loops.addUnitDims(builder, loc, absMax));
  double target = scaled.getNumberFormat().getScaleTarget();
  Value outerIdeal = outer.emitAbsMaxScales(
      outer.emitAbsMax(blocks),
      nested.getNumberFormat().getScaleTarget() * target);
  TensorEncodeModes modes;
  if (failed(outer.encodeScales(outerIdeal, ScaleRule::AbsMax, modes.given)))
    return failure();
  return encodeNestedScales(emitAbsMaxScales(absMax, target), modes,
                            constituents);
}

FailureOr<BlockNumber>
ScaledEmitter::emitScales(Value elements, const ExactRange &range,
                          const TensorEncodeModes &modes,
                          SmallVectorImpl<Value> &constituents) {
  if (std::optional<double> number = scaled.getStaticScale(logical))
    return BlockNumber::get(*number);
  if (modes.scaleRule == ScaleRule::TwoLevel)
    return encodeTwoLevelScales(emitAbsMax(elements), constituents);
  FailureOr<Value> ideal = emitIdealScales(elements, range, modes);
  if (failed(ideal))
    return failure();
  return encodeScales(*ideal, modes.scaleRule, constituents);
}

/// Appends the constituents after the payload.
FailureOr<BlockParameters>
ScaledEmitter::emitParameters(Value elements, const ExactRange &range,
                              const TensorEncodeModes &modes,
                              SmallVectorImpl<Value> &constituents) {
  FailureOr<BlockNumber> scale =
      emitScales(elements, range, modes, constituents);
  if (failed(scale))
    return failure();
  if (std::optional<int64_t> number = scaled.getStaticZeroPoint())
    return BlockParameters{*scale, BlockNumber::get(*number)};
  FailureOr<BlockNumber> zeroPoint =
      emitZeroPoint(elements, range, *scale, modes.element.rounding);
  if (failed(zeroPoint))
    return failure();
  constituents.push_back(loops.addUnitDims(builder, loc, zeroPoint->tensor));
  return BlockParameters{*scale, *zeroPoint};
}

/// z = clamp(round(lo - min(x, 0) / s), lo, hi).
FailureOr<BlockNumber> ScaledEmitter::emitZeroPoint(Value elements,
                                                    const ExactRange &range,
                                                    const BlockNumber &scale,
                                                    RoundingMode rounding) {
  FloatType f64 = builder.getF64Type();
  Type zeroFormat = scaled.getZeroPointFormat();
  CodeEmitter lowering(zeroFormat);
  EncodeModes element;
  element.rounding = rounding;
  element.zeroPointPlace = ZeroPointPlace::BeforeRounding;
  Quotient plan =
      chooseQuotient(kIntegerQuotientBits, range, scale.range, element);
  if (!scale.range.fits(f64) || plan == Quotient::Impossible)
    return emitInexact("the zero point");
  Value below = emitBlockMaxOf(builder, loc, loops, elements, -1);
  SmallVector<Value> inputs{below};
  if (scale.tensor)
    inputs.push_back(scale.tensor);
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value quotient = emitQuotient(
        b, b.extend(values[0], f64),
        scale.read(b, scale.tensor ? values[1] : Value(), f64), plan);
    Value lowest = b.integer(b.getI32Type(),
                             int64_t(scaled.getNumberFormat().getLowest()));
    return lowering.emitEncode(b, loc, quotient, element, lowest);
  };
  Value codes = emitMap(
      builder, loc, inputs,
      getCodeType(cast<NumberFormat>(zeroFormat).getStorageType()), body);
  return BlockNumber::getCodes(codes, zeroFormat);
}

/// (C23) The smallest positive number of a format, less its zero point; where
/// it has none, the negative one nearest to 0.
static double getNumberNextToZero(NumberFormat format,
                                  std::optional<int64_t> zeroPoint) {
  // A zero point of a block of scales, none of which is negative, is lo.
  if (format.hasIntegerCodes())
    return format.getLargest() > zeroPoint.value_or(format.getLowest()) ? 1
                                                                        : -1;
  auto roundAway = [&](bool isNegative, RoundingMode mode) {
    ExactReal tiny = ExactReal::make(isNegative, 1, -1000);
    return format.decodeCode(
        format.encodeReal(tiny, mode, OverflowMode::Saturate, NaNMode::Zero));
  };
  double above = roundAway(/*isNegative=*/false, RoundingMode::Ceil);
  return above != 0 ? above
                    : roundAway(/*isNegative=*/true, RoundingMode::Floor);
}

/// Scales are not 0 (C23), so an element is 0 if its code is the zero point.
FailureOr<SmallVector<Value>>
ScaledEmitter::emitReplaceZeros(ValueRange constituents) {
  FailureOr<BlockParameters> parameters =
      readParameters(constituents.drop_front());
  if (failed(parameters))
    return failure();
  const BlockNumber &scale = parameters->scale;
  const BlockNumber &zeroPoint = parameters->zeroPoint;
  TensorEncodeModes modes;
  modes.division = Division::Exact;
  FailureOr<QuotientPlan> plan =
      planQuotient(scale, ExactRange::of(1.0), modes);
  if (failed(plan))
    return failure();
  EncodeModes exact;
  exact.zeroPointPlace = ZeroPointPlace::BeforeRounding;
  FloatType f64 = builder.getF64Type();
  double next = getNumberNextToZero(scaled.getNumberFormat(),
                                    scaled.getStaticZeroPoint());
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value zeroCode = readZeroPoint(b, zeroPoint, values[2]);
    auto encode = [&](Value quotient) {
      return format.emitEncode(b, loc, quotient, exact, zeroCode);
    };
    auto selectNonZero = [&](Value code, Value other) {
      Value real = format.emitDecode(b, loc, code);
      Value zero = zeroPoint.read(b, values[2], real.getType());
      Value isZero =
          b.createOrFold<arith::CmpFOp>(CmpFPredicate::OEQ, real, zero);
      return b.select(isZero, other, code);
    };
    Value quotient = emitQuotient(
        b, b.constant(f64, 1.0), scale.read(b, values[1], f64), plan->quotient);
    Value one = encode(quotient);
    one = selectNonZero(one, encode(b.constant(f64, next)));
    return selectNonZero(values[0], one);
  };
  Value payload = loops.split(builder, loc, constituents.front());
  Value codes =
      emitElementwise(builder, loc, loops, payload, {scale, zeroPoint},
                      getElementTypeOrSelf(payload.getType()), body);
  SmallVector<Value> replaced(constituents);
  replaced.front() = loops.join(builder, loc, codes, constituents.front());
  return replaced;
}
