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
FailureOr<BlockParameters>
ScaledEmitter::readParameters(ValueRange constituents) {
  BlockParameters parameters;
  if (Type zeroFormat = scaled.getZeroPointFormat()) {
    parameters.zeroPoint = BlockNumber::getCodes(
        loops.dropUnitDims(builder, loc, constituents.back()), zeroFormat);
    constituents = constituents.drop_back();
  } else {
    parameters.zeroPoint = BlockNumber::get(*scaled.getStaticZeroPoint());
  }
  if (scaled.getScaleEncoding()) {
    FailureOr<BlockNumber> scale = readEncodedScale(constituents);
    if (failed(scale))
      return failure();
    parameters.scale = *scale;
  } else if (Type scaleFormat = scaled.getScaleFormat()) {
    parameters.scale = BlockNumber::getCodes(
        loops.dropUnitDims(builder, loc, constituents.front()), scaleFormat);
  } else {
    parameters.scale = BlockNumber::get(*scaled.getStaticScale(logical));
  }
  return parameters;
}

FailureOr<Value> ScaledEmitter::emitDecode(ValueRange constituents,
                                           Division division) {
  FailureOr<BlockParameters> parameters =
      readParameters(constituents.drop_front());
  if (failed(parameters))
    return failure();
  const BlockNumber &scale = parameters->scale;
  const BlockNumber &zeroPoint = parameters->zeroPoint;
  FloatType type = chooseProductType(getDifferenceRange(zeroPoint), scale.range,
                                     logical, division);
  if (!type)
    return emitInexact("the exact value");
  Value payload = loops.split(builder, loc, constituents.front());
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
  Value reals = emitElementwise(builder, loc, loops, payload,
                                {scale, zeroPoint}, element, body);
  return loops.join(builder, loc, reals, constituents.front());
}
