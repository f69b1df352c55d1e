// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.scaled as linalg on its constituents: one elementwise operation for
// codes, reductions and operations on the grid of blocks for scales and zero
// points that are computed at run time. Each part is a file: Decode.cpp,
// Payload.cpp, Stochastic.cpp, Scales.cpp, BestScale.cpp.
//
// Every product and quotient is computed in f32 or f64 such that it is exact or
// rounded as the operations prescribe; the conditions are derived at
// chooseProductType and chooseQuotient.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_EMITTER_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_EMITTER_H

#include "../CommonSteps.h"
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

/// The type in which to multiply codes by scales, or null. The product of two
/// numbers that the logical type holds is rounded once by the multiplication
/// itself; any other must be exact, and is rounded after it.
FloatType chooseProductType(const ExactRange &code, const ExactRange &scale,
                            FloatType logical, Division division);

/// One tensor of the encoding, while code for it is emitted.
class ScaledEmitter {
public:
  /// `written` is the encoding that diagnostics quote; default: that of `type`.
  ScaledEmitter(OpBuilder &builder, Location loc, EncodedTensorType type,
                Attribute written = {})
      : builder(builder), loc(loc), type(type),
        scaled(cast<ScaledAttr>(type.getFormat())),
        written(written ? written : scaled),
        logical(type.getLogicalElementType()), format(scaled.getFormat()),
        loops(type.getType().getContext(), type.getShape(), scaled.getBlock()) {
  }

  FailureOr<Value> emitDecode(ValueRange constituents, Division division);
  FailureOr<SmallVector<Value>> emitEncode(Value reals, const ExactRange &range,
                                           const TensorEncodeModes &modes);
  FailureOr<SmallVector<Value>> emitReplaceZeros(ValueRange constituents);

  // The steps of emitEncode, also for tensor formats that take over blocks and
  // scale. Grid tensors have one entry a block, unit dimensions dropped.

  const BlockLoops &getLoops() const { return loops; }
  /// This is one of several emitters whose codes are computed from the same
  /// quotients: that of formats[index]. `formats` outlives it.
  void shareSteps(ArrayRef<Type> formats, unsigned index) {
    siblings = formats;
    sibling = index;
  }
  /// `reals` as the other steps take them: whole blocks, filled up with NaNs
  /// where they are to be left out of account.
  Value emitSplit(Value reals, const TensorEncodeModes &modes) const;
  /// Grid of max |x| over the finite elements x, f32 or f64; 0 if there is
  /// none.
  Value emitAbsMax(Value elements) const;
  /// Grid of *ideal* scales, f64: those that the scale rule asks for, before
  /// they are rounded to the scale's format; 0 for a block of zeros.
  FailureOr<Value> emitIdealScales(Value elements, const ExactRange &range,
                                   const TensorEncodeModes &modes);
  /// What a block with this ideal scale is encoded with, as far as that can be
  /// said of one block alone: the scale as it will be stored, but an encoded
  /// one as it is before that, an f32. Never 0 (C23).
  BlockNumber emitTrialScales(Value ideal);
  /// Appends the constituents of a scale that is one. `rule` says how the
  /// scales of an encoded scale are chosen.
  FailureOr<BlockNumber> encodeScales(Value ideal, ScaleRule rule,
                                      SmallVectorImpl<Value> &constituents);
  /// Those constituents by scale_rule = two_level.
  FailureOr<BlockNumber>
  encodeTwoLevelScales(Value absMax, SmallVectorImpl<Value> &constituents);
  /// One of several encodings of the same blocks.
  struct Trial {
    ScaledEmitter &emitter;
    BlockParameters parameters;
  };
  /// How the errors of blocks are added: loops, the last one over the partial
  /// sums of a block if the blocks have more than one.
  struct ErrorLoops {
    Value elements;
    /// Grid of factors.
    Value units;
    bool hasLanes;
    AffineMap gridMap, sumMap;
    SmallVector<utils::IteratorType> iterators;
  };
  /// `elements` are filled up with NaNs.
  ErrorLoops emitErrorLoops(Value elements) const;
  /// Grids of squared errors (spec C24, mse), one a trial, f32, or f64 if the
  /// logical type is. Rounds by the rounding mode, even where there is a seed.
  static FailureOr<SmallVector<Value>>
  emitSquaredErrors(ArrayRef<Trial> trials, const ErrorLoops &sums,
                    const ExactRange &range, const TensorEncodeModes &modes);
  /// The codes, in the shape of `elements`. `reals` is the tensor before it was
  /// split.
  FailureOr<Value> emitPayload(Value elements, Value reals,
                               const ExactRange &range,
                               const BlockParameters &parameters,
                               const TensorEncodeModes &modes);
  /// Scales and zero points of `constituents`, which lack the payload.
  FailureOr<BlockParameters> readParameters(ValueRange constituents);

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
    return emitError(loc) << what << " of " << written
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
  FailureOr<BlockNumber> readScales(ValueRange constituents);
  BlockNumber readZeroPoints(ValueRange constituents);
  /// A scale in #qfmt.scaled with one scale for all: the two numbers whose
  /// product it is.
  struct ScaleFactors {
    BlockNumber inner, outer;
  };
  std::optional<ScaleFactors> readScaleFactors(ValueRange constituents);
  Value emitDecodeByFactors(Value payload, const ScaleFactors &factors,
                            const BlockNumber &zeroPoint);

  FailureOr<QuotientPlan> planQuotient(const BlockNumber &scale,
                                       const ExactRange &range,
                                       const TensorEncodeModes &modes) const;
  static EncodeModes getElementModes(const TensorEncodeModes &modes);
  /// What the elements of a block are divided by.
  struct Divisor {
    /// True if numbers[0] is the scale, else numbers are what the plan's
    /// quotient takes in its place.
    bool isScale;
    BlockNumber numbers[2];
  };
  Divisor prepareDivisor(const BlockNumber &scale,
                         const QuotientPlan &plan) const;
  Value emitRoundQuotient(ScalarBuilder &b, Value quotient,
                          Division division) const;
  Value emitElementQuotient(ScalarBuilder &b, Value element,
                            const BlockNumber &scale, Value s,
                            const QuotientPlan &plan, Division division) const;
  Value emitElementQuotient(ScalarBuilder &b, Value element,
                            const Divisor &divisor, ValueRange values,
                            const QuotientPlan &plan, Division division) const;
  Value emitCodes(Value elements, const BlockParameters &parameters,
                  const QuotientPlan &plan, const TensorEncodeModes &modes);

  FailureOr<Value> emitStochasticCodes(Value elements, Value reals,
                                       const ExactRange &range,
                                       const BlockParameters &parameters,
                                       const TensorEncodeModes &modes);
  Value emitStochasticCode(ScalarBuilder &b, Value quotient, Value threshold,
                           Value zeroPoint, const EncodeModes &modes);

  FailureOr<BlockParameters>
  emitParameters(Value elements, const ExactRange &range,
                 const TensorEncodeModes &modes,
                 SmallVectorImpl<Value> &constituents);
  FailureOr<BlockNumber> emitScales(Value elements, const ExactRange &range,
                                    const TensorEncodeModes &modes,
                                    SmallVectorImpl<Value> &constituents);
  Value emitSpanScales(Value elements);
  Value emitAbsMaxScales(Value absMax, double target);
  Value emitPowerScales(Value absMax, ScaleRule rule);
  FailureOr<Value> emitBestScales(Value elements, const ExactRange &range,
                                  const TensorEncodeModes &modes);
  FailureOr<SmallVector<Value>> emitTrial(const ErrorLoops &sums,
                                          const ExactRange &range,
                                          const TensorEncodeModes &modes,
                                          Value whole, Value step,
                                          ValueRange best);
  Value emitStoredScale(ScalarBuilder &b, Value ideal);
  FailureOr<BlockNumber>
  encodeNestedScales(Value ideal, const TensorEncodeModes &modes,
                     SmallVectorImpl<Value> &constituents);
  FailureOr<BlockNumber> emitZeroPoint(Value elements, const ExactRange &range,
                                       const BlockNumber &scale,
                                       RoundingMode rounding);

  /// The code of a quotient.
  Value emitCode(ScalarBuilder &b, Value quotient, const EncodeModes &modes,
                 Value zeroPoint) const {
    if (auto common = CommonSteps::get(siblings, quotient.getType(), modes))
      return common->emitCode(b, sibling, quotient);
    return format.emitEncode(b, loc, quotient, modes, zeroPoint);
  }
  /// The value of that code.
  Value emitRounded(ScalarBuilder &b, Value quotient, const EncodeModes &modes,
                    Value zeroPoint) const {
    if (auto common = CommonSteps::get(siblings, quotient.getType(), modes))
      return common->emitValue(b, sibling, quotient);
    Value code = format.emitEncode(b, loc, quotient, modes, zeroPoint);
    return format.emitDecode(b, loc, code);
  }
  FloatType getErrorType() const {
    return logical.isF64() ? logical : builder.getF32Type();
  }
  Value emitErrorUnits(Value elements) const;
  Value emitSquaredError(ScalarBuilder &b, const BlockParameters &parameters,
                         const QuotientPlan &plan,
                         const TensorEncodeModes &modes, Value element, Value s,
                         Value unit) const;

  OpBuilder &builder;
  Location loc;
  EncodedTensorType type;
  ScaledAttr scaled;
  Attribute written;
  FloatType logical;
  CodeEmitter format;
  BlockLoops loops;
  ArrayRef<Type> siblings;
  unsigned sibling = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_SCALED_EMITTER_H
