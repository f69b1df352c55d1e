// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attaches the lowering of #qfmt.scaled; see Scaled/Emitter.h.

#include "FormatModels.h"
#include "Scaled/Emitter.h"

using namespace mlir;
using namespace mlir::qfmt;

FailureOr<SmallVector<Value>>
ScaledEmitter::emitEncode(Value reals, const ExactRange &range,
                          const TensorEncodeModes &modes) {
  Value elements = emitSplit(reals, modes);
  // The payload's place is first, and it is known last.
  SmallVector<Value> constituents(1);
  llvm::append_range(constituents, modes.given);
  FailureOr<BlockParameters> parameters =
      modes.given.empty() ? emitParameters(elements, range, modes, constituents)
                          : readParameters(modes.given);
  if (failed(parameters))
    return failure();
  FailureOr<Value> codes =
      emitPayload(elements, reals, range, *parameters, modes);
  if (failed(codes))
    return failure();
  constituents.front() = loops.join(builder, loc, *codes, reals);
  return constituents;
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

namespace {
struct ScaledLowering
    : TensorFormatLowering::ExternalModel<ScaledLowering, ScaledAttr> {
  ExactRange getExactRange(Attribute attr, Type elementType) const {
    auto scaled = cast<ScaledAttr>(attr);
    ExactRange range = CodeEmitter(scaled.getFormat()).getExactRange();
    if (Type zeroFormat = scaled.getZeroPointFormat())
      range = range - CodeEmitter(zeroFormat).getExactRange();
    else if (int64_t number = *scaled.getStaticZeroPoint())
      range = range - ExactRange::of(number);
    if (std::optional<double> number = scaled.getStaticScale(elementType))
      return *number == 1 ? range : range * ExactRange::of(*number);
    if (Type scaleFormat = scaled.getScaleFormat())
      return range * CodeEmitter(scaleFormat).getExactRange();
    auto nested = dyn_cast<TensorFormatLowering>(
        static_cast<Attribute>(scaled.getScaleEncoding()));
    Type f32 = Float32Type::get(attr.getContext());
    return nested ? range * nested.getExactRange(f32) : range;
  }

  FailureOr<Value> emitDecode(Attribute, OpBuilder &builder, Location loc,
                              EncodedTensorType type, ValueRange constituents,
                              Division division) const {
    return ScaledEmitter(builder, loc, type).emitDecode(constituents, division);
  }

  FailureOr<SmallVector<Value>>
  emitEncode(Attribute, OpBuilder &builder, Location loc,
             EncodedTensorType type, Value reals, const ExactRange &range,
             const TensorEncodeModes &modes) const {
    return ScaledEmitter(builder, loc, type).emitEncode(reals, range, modes);
  }

  FailureOr<SmallVector<Value>>
  emitReplaceZeros(Attribute, OpBuilder &builder, Location loc,
                   EncodedTensorType type, ValueRange constituents) const {
    return ScaledEmitter(builder, loc, type).emitReplaceZeros(constituents);
  }

  TypedAttr getPayloadCode(Attribute attr, EncodedTensorType type,
                           double value) const {
    auto scaled = cast<ScaledAttr>(attr);
    Type logical = type.getLogicalElementType();
    if (!scaled.isStatic() || !scaled.canRepresent(value, logical))
      return {};
    NumberFormat format = scaled.getNumberFormat();
    // The exact quotient is a code less the zero point, so it has no rounding.
    ExactReal quotient = ExactReal::divideRounded(
        ExactReal::fromDouble(value),
        ExactReal::fromDouble(*scaled.getStaticScale(logical)),
        BinaryFormat::f64());
    uint64_t bits = format.encodeReal(
        quotient + ExactReal::fromInteger(*scaled.getStaticZeroPoint()),
        RoundingMode::HalfEven, OverflowMode::Saturate, NaNMode::Zero);
    Type code = getCodeType(format.getStorageType());
    APInt integer(format.getFormatWidth(), bits);
    if (auto floatType = dyn_cast<FloatType>(code))
      return FloatAttr::get(floatType,
                            APFloat(floatType.getFloatSemantics(), integer));
    return IntegerAttr::get(code, integer);
  }
};
} // namespace

void mlir::qfmt::attachScaledLowering(MLIRContext *context) {
  ScaledAttr::attachInterface<ScaledLowering>(*context);
}
