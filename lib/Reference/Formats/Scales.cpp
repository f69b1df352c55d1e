// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Scales.h"
#include "../Codec.h"
#include "../ExactQuotient.h"
#include "ScaledPayload.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

/// The type of the scales if they are encoded themselves.
static EncodedTensorType getScaleType(ScaledAttr format,
                                      ArrayRef<int64_t> shape) {
  return EncodedTensorType::get(
      RankedTensorType::get(format.getBlockGrid(shape),
                            Float32Type::get(format.getContext())),
      format.getScaleEncoding());
}

std::vector<ExactReal> readScales(ScaledAttr format, EncodedTensorType type,
                                  ArrayRef<Tensor> constituents) {
  int64_t count = getNumBlocks(format, type.getShape());
  if (auto scale = format.getStaticScale(type.getLogicalElementType()))
    return std::vector<ExactReal>(count, ExactReal::fromDouble(*scale));
  if (TensorFormat nested = format.getScaleEncoding()) {
    EncodedTensorType scaleType = getScaleType(format, type.getShape());
    return cast<ReferenceFormat>(nested).readExact(
        scaleType, constituents.take_front(scaleType.getConstituents().size()));
  }
  Codec codec(format.getScaleFormat());
  std::vector<ExactReal> scales;
  for (Scalar stored : constituents.front().getData())
    scales.push_back(ExactReal::fromDouble(codec.decode(stored)));
  return scales;
}

/// The code of a scale; the code nearest to 1 if it came out as 0 (C23).
static Scalar encodeScale(const Codec &codec, const ExactReal &scale) {
  auto encode = [&](const ExactReal &value) {
    return codec.encode(value, RoundingMode::HalfEven, OverflowMode::Saturate,
                        NaNMode::Zero);
  };
  bool isZero = scale.isZero() || codec.decode(encode(scale)) == 0;
  return encode(isZero ? ExactReal::fromInteger(1) : scale);
}

/// The scales of a scale tensor by scale_rule = two_level: max a /
/// (largest(scale's format) * largest(format)).
static SmallVector<Tensor> encodeOuterScales(ScaledAttr inner,
                                             EncodedTensorType scaleType,
                                             ArrayRef<ExactReal> ideal) {
  ExactReal largest =
      ExactReal::fromDouble(inner.getNumberFormat().getScaleTarget());
  std::vector<ExactReal> outer;
  for (const BlockRange &range :
       getBlockRanges(inner, scaleType.getShape(), Reals(ideal)))
    outer.push_back(divideForRounding(range.high, largest));
  return encodeScales(inner, scaleType, outer, ScaleRule::AbsMax);
}

/// Scales in an encoding of their own.
static SmallVector<Tensor> encodeNestedScales(ScaledAttr format,
                                              EncodedTensorType type,
                                              ArrayRef<ExactReal> ideal,
                                              ScaleRule rule) {
  EncodedTensorType scaleType = getScaleType(format, type.getShape());
  auto model = cast<ReferenceFormat>(format.getScaleEncoding());
  EncodeModes modes;
  modes.scaleRule = rule;
  SmallVector<Tensor> outer;
  if (rule == ScaleRule::TwoLevel) {
    auto inner = cast<ScaledAttr>(scaleType.getFormat());
    outer = encodeOuterScales(inner, scaleType, ideal);
    modes.given = outer;
  }
  Tensor rounded = roundToLogicalType(ideal, scaleType);
  SmallVector<Tensor> parts = model.encode(scaleType, Reals(rounded), modes);
  SmallVector<int64_t> zeros;
  for (auto [i, scale] : llvm::enumerate(model.readExact(scaleType, parts)))
    if (scale.isZero())
      zeros.push_back(i);
  model.setElements(scaleType, parts, zeros, ExactReal::fromInteger(1));
  return parts;
}

SmallVector<Tensor> encodeScales(ScaledAttr format, EncodedTensorType type,
                                 ArrayRef<ExactReal> ideal, ScaleRule rule) {
  if (format.getStaticScale(type.getLogicalElementType()))
    return {};
  if (format.getScaleEncoding())
    return encodeNestedScales(format, type, ideal, rule);
  Codec codec(format.getScaleFormat());
  Tensor scales(format.getBlockGrid(type.getShape()), codec.getStorageType());
  for (auto [stored, scale] : llvm::zip_equal(scales.getMutableData(), ideal))
    stored = encodeScale(codec, scale);
  return {scales};
}

ExactReal getTrialScale(ScaledAttr format, const ExactReal &ideal) {
  if (Type scaleFormat = format.getScaleFormat()) {
    Codec codec(scaleFormat);
    return ExactReal::fromDouble(codec.decode(encodeScale(codec, ideal)));
  }
  ExactReal rounded = ideal.roundTo(BinaryFormat::f32());
  return rounded.isZero() ? ExactReal::fromInteger(1) : rounded;
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// The rules that ask for a block's range alone.
static ExactReal getIdealScale(ScaledAttr format, const BlockRange &range,
                               ScaleRule rule) {
  NumberFormat number = format.getNumberFormat();
  ExactReal absMax = range.getAbsMax();
  if (absMax.isZero())
    return absMax;
  ExactReal target = ExactReal::fromDouble(number.getScaleTarget());
  ExactReal power = ExactReal::make(
      false, 1, absMax.getLeadingExponent() - target.getLeadingExponent());
  switch (rule) {
  case ScaleRule::FloorLog2:
    return power;
  case ScaleRule::CeilLog2:
    return absMax > target * power ? power.scaleByPowerOfTwo(1) : power;
  case ScaleRule::AbsMax:
  case ScaleRule::TwoLevel:
  case ScaleRule::MSE:
    break;
  }
  if (!format.getZeroPointFormat())
    return divideForRounding(absMax, target);
  return divideForRounding(
      subtractForRounding(range.high, range.low),
      ExactReal::fromDouble(number.getLargest() - number.getLowest()));
}

namespace {
/// The best candidate of a block so far.
struct BestScale {
  ExactReal ideal;
  double error = std::numeric_limits<double>::infinity();
};
} // namespace

/// The candidates k/64 * fl_f64(a / largest), k = 80 ... 16. The first one with
/// the smallest error wins; that of k = 64 if none has a finite one.
static std::vector<ExactReal>
chooseByError(ScaledAttr format, EncodedTensorType type, const Reals &reals,
              ArrayRef<BlockRange> ranges, const EncodeModes &modes) {
  double target = format.getNumberFormat().getScaleTarget();
  std::vector<double> whole;
  std::vector<BestScale> best;
  for (const BlockRange &range : ranges) {
    whole.push_back(range.getAbsMax().roundToDouble() / target);
    best.push_back({ExactReal::fromDouble(whole.back())});
  }
  BlockParameters parameters;
  parameters.scales.resize(ranges.size());
  parameters.zeroPoints.assign(ranges.size(), *format.getStaticZeroPoint());
  for (int k = 80; k >= 16; --k) {
    auto getCandidate = [&](size_t block) {
      return ExactReal::fromDouble(whole[block] * (k / 64.0));
    };
    for (size_t block = 0; block < ranges.size(); ++block)
      parameters.scales[block] = getTrialScale(format, getCandidate(block));
    std::vector<double> errors =
        getSquaredErrors(format, type, reals, ranges, modes, parameters);
    for (size_t block = 0; block < ranges.size(); ++block)
      if (errors[block] < best[block].error)
        best[block] = {getCandidate(block), errors[block]};
  }
  std::vector<ExactReal> ideal;
  for (const BestScale &scale : best)
    ideal.push_back(scale.ideal);
  return ideal;
}

std::vector<ExactReal> chooseScales(ScaledAttr format, EncodedTensorType type,
                                    const Reals &reals,
                                    ArrayRef<BlockRange> ranges,
                                    const EncodeModes &modes) {
  if (modes.scaleRule == ScaleRule::MSE)
    return chooseByError(format, type, reals, ranges, modes);
  std::vector<ExactReal> ideal;
  for (const BlockRange &range : ranges)
    ideal.push_back(getIdealScale(format, range, modes.scaleRule));
  return ideal;
}

} // namespace mlir::qfmt::reference
