// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales and zero points at run time.

#include "Emitter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

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

/// The scale of each block before it is rounded to the scale's format: f64, and
/// such that this rounding is that of the exact one (chooseQuotient: 24 + 24
/// bits at most). 0 for a block of zeros.
Value ScaledEmitter::emitScaleReals(Value elements,
                                    const TensorEncodeModes &modes) {
  FloatType f64 = builder.getF64Type();
  NumberFormat number = scaled.getNumberFormat();
  if (scaled.getZeroPointFormat() && modes.scaleRule == ScaleRule::AbsMax) {
    Value above = emitBlockMaxOf(builder, loc, loops, elements, 1);
    Value below = emitBlockMaxOf(builder, loc, loops, elements, -1);
    double steps = number.getLargest() - number.getLowest();
    return emitMap(builder, loc, {above, below}, f64,
                   [&](ScalarBuilder &b, ValueRange values) -> Value {
                     Value span = emitSumToOdd(b, b.extend(values[0], f64),
                                               b.extend(values[1], f64));
                     return b.apply<arith::DivFOp>(span,
                                                   b.constant(f64, steps));
                   });
  }
  Value largest = emitBlockMax(builder, loc, loops, elements,
                               [](ScalarBuilder &b, ValueRange x) {
                                 return b.createOrFold<math::AbsFOp>(x[0]);
                               });
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value a = b.extend(values[0], f64);
    if (modes.scaleRule == ScaleRule::AbsMax)
      return b.apply<arith::DivFOp>(a, b.constant(f64, number.getLargest()));
    // 2^floor(log2 a) is a without its mantissa.
    Value bits = b.createOrFold<arith::BitcastOp>(b.getI64Type(), a);
    bits = b.apply<arith::AndIOp>(bits, int64_t(0x7ff) << 52);
    Value power = b.createOrFold<arith::BitcastOp>(f64, bits);
    return b.apply<arith::MulFOp>(
        power,
        b.constant(f64, std::ldexp(1.0, -std::ilogb(number.getLargest()))));
  };
  return emitMap(builder, loc, largest, f64, body);
}

/// Appends the scale's constituents.
FailureOr<BlockNumber>
ScaledEmitter::emitScale(Value elements, const TensorEncodeModes &modes,
                         SmallVectorImpl<Value> &constituents) {
  if (std::optional<double> number = scaled.getStaticScale(logical))
    return BlockNumber::get(*number);
  Value reals = emitScaleReals(elements, modes);
  if (scaled.getScaleEncoding())
    return emitEncodedScale(reals, modes, constituents);

  Type scaleFormat = scaled.getScaleFormat();
  auto lowering = cast<NumberFormatLowering>(scaleFormat);
  auto encode = [&](ScalarBuilder &b, Value value) {
    return lowering.emitEncode(b, loc, value, EncodeModes(), Value());
  };
  // (C23) A scale of 0 becomes 1.
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value code = encode(b, values[0]);
    Value decoded = lowering.emitDecode(b, loc, code);
    Value isZero =
        b.apply<arith::OrIOp>(b.compare(CmpFPredicate::OEQ, decoded, 0.0),
                              b.compare(CmpFPredicate::OEQ, values[0], 0.0));
    return b.select(isZero, encode(b, b.constant(b.getF32Type(), 1.0)), code);
  };
  Type code = getCodeType(cast<NumberFormat>(scaleFormat).getStorageType());
  Value codes = emitMap(builder, loc, reals, code, body);
  constituents.push_back(loops.addUnitDims(builder, loc, codes));
  return BlockNumber::getCodes(codes, scaleFormat);
}

/// Scales in an encoding of their own are quantized as a tensor of f32. Blocks
/// of zeros count as 0 there, not as 1, so that they do not stretch the scales
/// of their neighbours; (C23) holds for what comes out.
FailureOr<BlockNumber>
ScaledEmitter::emitEncodedScale(Value reals, const TensorEncodeModes &modes,
                                SmallVectorImpl<Value> &constituents) {
  FailureOr<TensorFormatLowering> nested = getScaleLowering();
  if (failed(nested))
    return failure();
  FloatType f32 = builder.getF32Type();
  Value rounded = emitMap(builder, loc, reals, f32,
                          [&](ScalarBuilder &b, ValueRange values) {
                            return emitRoundTo(b, values[0], f32);
                          });
  TensorEncodeModes scaleModes;
  scaleModes.scaleRule = modes.scaleRule;
  FailureOr<SmallVector<Value>> parts = nested->emitEncode(
      builder, loc, getScaleType(), loops.addUnitDims(builder, loc, rounded),
      ExactRange::f32(), scaleModes);
  if (failed(parts))
    return failure();
  parts = nested->emitReplaceZeros(builder, loc, getScaleType(), *parts);
  if (failed(parts))
    return failure();
  llvm::append_range(constituents, *parts);
  return readEncodedScale(*parts);
}

/// z = clamp(round(lo - min(x, 0) / s), lo, hi).
FailureOr<BlockNumber> ScaledEmitter::emitZeroPoint(Value elements,
                                                    const ExactRange &range,
                                                    const BlockNumber &scale,
                                                    RoundingMode rounding) {
  FloatType f64 = builder.getF64Type();
  Type zeroFormat = scaled.getZeroPointFormat();
  auto lowering = cast<NumberFormatLowering>(zeroFormat);
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
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value quotient = emitQuotient(
        b, b.constant(f64, 1.0), scale.read(b, values[1], f64), plan->quotient);
    Value one = format.emitEncode(b, loc, quotient, exact,
                                  readZeroPoint(b, zeroPoint, values[2]));
    Value real = format.emitDecode(b, loc, values[0]);
    Value zero = zeroPoint.read(b, values[2], real.getType());
    Value isZero =
        b.createOrFold<arith::CmpFOp>(CmpFPredicate::OEQ, real, zero);
    return b.select(isZero, one, values[0]);
  };
  Value payload = loops.split(builder, loc, constituents.front());
  Value codes =
      emitElementwise(builder, loc, loops, payload, {scale, zeroPoint},
                      getElementTypeOrSelf(payload.getType()), body);
  SmallVector<Value> replaced(constituents);
  replaced.front() = loops.join(builder, loc, codes, constituents.front());
  return replaced;
}
