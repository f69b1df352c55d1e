// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.scaled as linalg on its constituents: one elementwise operation for
// codes, reductions and operations on the grid of blocks for scales and zero
// points that are computed at run time. Each part is a file: Decode.cpp,
// Payload.cpp, Scales.cpp.
//
// Every product and quotient is computed in f32 or f64 such that it is exact or
// rounded as the operations prescribe; the conditions are derived at
// chooseProductType and chooseQuotient.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_EMITTER_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_EMITTER_H

#include "../ExactArithmetic.h"
#include "BlockOperations.h"

namespace mlir::qfmt {

/// How quotients x / s are computed.
struct QuotientPlan {
  FloatType type;
  Quotient quotient;
};

/// What encodes the elements of one tensor.
struct BlockParameters {
  BlockNumber scale;
  BlockNumber zeroPoint;
};

/// Significand bits of every integer and every half that decides a rounding to
/// a code of at most 16 bits; larger quotients saturate.
inline constexpr unsigned kIntegerQuotientBits = 20;

/// One tensor of the encoding, while code for it is emitted.
class ScaledEmitter {
public:
  ScaledEmitter(OpBuilder &builder, Location loc, EncodedTensorType type)
      : builder(builder), loc(loc), type(type),
        scaled(cast<ScaledAttr>(type.getFormat())),
        logical(type.getLogicalElementType()),
        format(cast<NumberFormatLowering>(scaled.getFormat())),
        loops(type.getType().getContext(), type.getShape(), scaled.getBlock()) {
  }

  FailureOr<Value> emitDecode(ValueRange constituents, Division division);
  FailureOr<SmallVector<Value>> emitEncode(Value reals, const ExactRange &range,
                                           const TensorEncodeModes &modes);
  FailureOr<SmallVector<Value>> emitReplaceZeros(ValueRange constituents);

private:
  /// The scale tensor's own type, if the scale is encoded.
  EncodedTensorType getScaleType() const {
    auto plain = RankedTensorType::get(scaled.getBlockGrid(type.getShape()),
                                       builder.getF32Type());
    return EncodedTensorType::get(plain, scaled.getScaleEncoding());
  }
  ExactRange getDifferenceRange(const BlockNumber &zeroPoint) const {
    ExactRange codes = format.getExactRange();
    return zeroPoint.is(0) ? codes : codes - zeroPoint.range;
  }
  InFlightDiagnostic emitInexact(const char *what) const {
    return emitError(loc) << what << " of " << scaled
                          << " needs more precision than f64 has; use formats "
                             "of fewer bits or fewer nested scales";
  }

  FailureOr<TensorFormatLowering> getScaleLowering() const {
    Attribute nested = scaled.getScale();
    if (auto lowering = dyn_cast<TensorFormatLowering>(nested))
      return lowering;
    return emitError(loc) << "no lowering is registered for the scale's format "
                          << nested;
  }
  FailureOr<BlockNumber> readEncodedScale(ValueRange constituents);
  FailureOr<BlockParameters> readParameters(ValueRange constituents);

  FailureOr<QuotientPlan> planQuotient(const BlockNumber &scale,
                                       const ExactRange &range,
                                       const TensorEncodeModes &modes) const;
  unsigned getQuotientBits(const BlockNumber &scale, const ExactRange &range,
                           OverflowMode overflow) const;
  static EncodeModes getElementModes(const TensorEncodeModes &modes);
  Value emitElementQuotient(ScalarBuilder &b, Value element,
                            const BlockNumber &scale, Value s,
                            const QuotientPlan &plan, Division division) const;
  Value emitCodes(Value elements, const BlockParameters &parameters,
                  const QuotientPlan &plan, const TensorEncodeModes &modes);

  Value emitScaleReals(Value elements, const TensorEncodeModes &modes);
  FailureOr<BlockNumber> emitScale(Value elements,
                                   const TensorEncodeModes &modes,
                                   SmallVectorImpl<Value> &constituents);
  FailureOr<BlockNumber> emitEncodedScale(Value reals,
                                          const TensorEncodeModes &modes,
                                          SmallVectorImpl<Value> &constituents);
  FailureOr<BlockNumber> emitZeroPoint(Value elements, const ExactRange &range,
                                       const BlockNumber &scale,
                                       RoundingMode rounding);

  OpBuilder &builder;
  Location loc;
  EncodedTensorType type;
  ScaledAttr scaled;
  FloatType logical;
  NumberFormatLowering format;
  BlockLoops loops;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_EMITTER_H
