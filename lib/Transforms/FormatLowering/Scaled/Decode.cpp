// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads constituents: scales and zero points, and the reals they denote
// together with the payload.

#include "Emitter.h"

using namespace mlir;
using namespace mlir::qfmt;

FloatType mlir::qfmt::chooseProductType(const ExactRange &code,
                                        const ExactRange &scale,
                                        FloatType logical, Division division) {
  MLIRContext *context = logical.getContext();
  for (FloatType type : {FloatType(Float32Type::get(context)),
                         FloatType(Float64Type::get(context))}) {
    bool rounds = division == Division::Rounded && type == logical;
    if (code.fits(type) && scale.fits(type) &&
        (rounds || (code * scale).fits(type)))
      return type;
  }
  return {};
}

FailureOr<BlockNumber>
ScaledEmitter::readEncodedScale(ValueRange constituents) {
  FailureOr<TensorFormatLowering> nested = getScaleLowering();
  if (failed(nested))
    return failure();
  FailureOr<Value> reals = nested->emitDecode(builder, loc, getScaleType(),
                                              constituents, Division::Exact);
  if (failed(reals))
    return failure();
  return BlockNumber{0, loops.dropUnitDims(builder, loc, *reals), CodeEmitter(),
                     nested->getExactRange(builder.getF32Type())};
}

/// `constituents` without the payload.
BlockNumber ScaledEmitter::readZeroPoints(ValueRange constituents) {
  if (Type format = scaled.getZeroPointFormat())
    return BlockNumber::getCodes(
        loops.dropUnitDims(builder, loc, constituents.back()), format);
  return BlockNumber::get(*scaled.getStaticZeroPoint());
}

/// `constituents` without the payload.
FailureOr<BlockNumber> ScaledEmitter::readScales(ValueRange constituents) {
  if (scaled.getScaleEncoding())
    return readEncodedScale(
        scaled.getZeroPointFormat() ? constituents.drop_back() : constituents);
  if (Type format = scaled.getScaleFormat())
    return BlockNumber::getCodes(
        loops.dropUnitDims(builder, loc, constituents.front()), format);
  return BlockNumber::get(*scaled.getStaticScale(logical));
}

FailureOr<BlockParameters>
ScaledEmitter::readParameters(ValueRange constituents) {
  FailureOr<BlockNumber> scale = readScales(constituents);
  if (failed(scale))
    return failure();
  return BlockParameters{*scale, readZeroPoints(constituents)};
}

std::optional<ScaledEmitter::ScaleFactors>
ScaledEmitter::readScaleFactors(ValueRange constituents) {
  auto nested =
      dyn_cast_if_present<ScaledAttr>(Attribute(scaled.getScaleEncoding()));
  if (!nested || nested.getScaleEncoding() ||
      nested.getStaticZeroPoint() != int64_t(0))
    return std::nullopt;
  ScaledEmitter outer(builder, loc, getScaleType());
  if (outer.loops.getGridMap().getNumResults() != 0)
    return std::nullopt;
  FailureOr<BlockNumber> scale = outer.readScales(constituents.drop_front());
  if (failed(scale))
    return std::nullopt;
  Value codes = loops.dropUnitDims(builder, loc, constituents.front());
  return ScaleFactors{BlockNumber::getCodes(codes, nested.getFormat()), *scale};
}

/// Where a product of three is rounded once to f32: the code times the inner
/// factor, exact, times the outer one. Null if it is not exact.
Value ScaledEmitter::emitDecodeByFactors(Value payload,
                                         const ScaleFactors &factors,
                                         const BlockNumber &zeroPoint) {
  FloatType f32 = builder.getF32Type();
  ExactRange codes = getDifferenceRange(zeroPoint);
  if (!logical.isF32() || !codes.fits(f32) || !factors.inner.range.fits(f32) ||
      !(codes * factors.inner.range).fits(f32) ||
      !factors.outer.range.fits(f32))
    return {};
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value real = format.emitDecode(b, loc, values[0]);
    if (!zeroPoint.is(0))
      real = b.apply<arith::SubFOp>(real, zeroPoint.read(b, values[3], f32));
    real = b.apply<arith::MulFOp>(real, factors.inner.read(b, values[1], f32));
    return b.apply<arith::MulFOp>(real, factors.outer.read(b, values[2], f32));
  };
  return emitElementwise(builder, loc, loops, payload,
                         {factors.inner, factors.outer, zeroPoint}, f32, body);
}

FailureOr<Value> ScaledEmitter::emitDecode(ValueRange constituents,
                                           Division division) {
  Value payload = loops.split(builder, loc, constituents.front());
  auto join = [&](Value reals) {
    return loops.join(builder, loc, reals, constituents.front());
  };
  BlockNumber zeroPoint = readZeroPoints(constituents.drop_front());
  if (division == Division::Rounded)
    if (auto factors = readScaleFactors(constituents.drop_front()))
      if (Value reals = emitDecodeByFactors(payload, *factors, zeroPoint))
        return join(reals);
  FailureOr<BlockNumber> read = readScales(constituents.drop_front());
  if (failed(read))
    return failure();
  const BlockNumber &scale = *read;
  FloatType type = chooseProductType(getDifferenceRange(zeroPoint), scale.range,
                                     logical, division);
  if (!type)
    return emitInexact("the exact value");
  Type element = division == Division::Rounded ? logical : type;
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value real = format.emitDecode(b, loc, values[0]);
    if (!zeroPoint.is(0))
      real = b.apply<arith::SubFOp>(
          real, zeroPoint.read(b, values[2], real.getType()));
    real = b.extend(real, type);
    if (!scale.is(1))
      real = b.apply<arith::MulFOp>(real, scale.read(b, values[1], type));
    return division == Division::Rounded ? emitRoundTo(b, real, logical) : real;
  };
  return join(emitElementwise(builder, loc, loops, payload, {scale, zeroPoint},
                              element, body));
}
