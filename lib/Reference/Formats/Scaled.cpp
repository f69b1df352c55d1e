//===- Scaled.cpp - What #qfmt.scaled means -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element i denotes (decode(payload[i]) - zero_point[block(i)]) *
// scale[block(i)], exactly. How reals become codes is written at qfmt.quantize
// and qfmt.convert; what that text leaves open is fixed here:
//
// - A scale beyond its format's largest value saturates.
// - The scales of a nested encoding are a / largest rounded to f32, their
//   logical type, and then quantized as any tensor (half to even, saturating,
//   the same scale rule). A zero block counts as 0 there, so that it does not
//   stretch the scales of its neighbours; afterwards each scale that came out
//   as 0 gets the code nearest to 1 that does not denote 0.
// - A zero point that is a constituent is clamp(round(lo - min(x, 0) / s)) also
//   when the scale is static; it saturates in its own format, too.
//
//===----------------------------------------------------------------------===//

#include "../ExactQuotient.h"
#include "ScaledPayload.h"
#include "Scales.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

namespace mlir::qfmt::reference {

static std::vector<int64_t> readZeroPoints(ScaledAttr format,
                                           EncodedTensorType type,
                                           ArrayRef<Tensor> constituents) {
  if (auto zeroPoint = format.getStaticZeroPoint())
    return std::vector<int64_t>(getNumBlocks(format, type.getShape()),
                                *zeroPoint);
  Codec codec(format.getZeroPointFormat());
  std::vector<int64_t> zeroPoints;
  for (Scalar stored : constituents.back().getData())
    zeroPoints.push_back(static_cast<int64_t>(codec.decode(stored)));
  return zeroPoints;
}

static BlockParameters readParameters(ScaledAttr format, EncodedTensorType type,
                                      ArrayRef<Tensor> constituents) {
  return {readScales(format, type, constituents.drop_front()),
          readZeroPoints(format, type, constituents)};
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// The scale as a double if its product with any code less zero point (at most
/// 24 bits) is exact in double and far from its limits.
static std::optional<double> getExactDouble(const ExactReal &scale) {
  if (!scale.isFinite() || scale.isZero() || scale.getMantissaBits() > 29 ||
      std::abs(scale.getLeadingExponent()) > 700)
    return std::nullopt;
  return scale.roundToDouble();
}

/// The exact value of one element.
static ExactReal getExact(double code, int64_t zeroPoint,
                          const ExactReal &scale) {
  ExactReal difference = zeroPoint == 0
                             ? ExactReal::fromDouble(code)
                             : ExactReal::fromDouble(code - zeroPoint);
  return difference * scale;
}

static std::vector<ExactReal> readExact(ScaledAttr format,
                                        EncodedTensorType type,
                                        ArrayRef<Tensor> constituents) {
  BlockParameters parameters = readParameters(format, type, constituents);
  Codec codec(format.getFormat());
  ArrayRef<Scalar> payload = constituents.front().getData();
  std::vector<ExactReal> reals(payload.size());
  forEachElement(format, type.getShape(), [&](int64_t element, int64_t block) {
    reals[element] =
        getExact(codec.decode(payload[element]), parameters.zeroPoints[block],
                 parameters.scales[block]);
  });
  return reals;
}

static Tensor read(ScaledAttr format, EncodedTensorType type,
                   ArrayRef<Tensor> constituents) {
  BlockParameters parameters = readParameters(format, type, constituents);
  std::vector<std::optional<double>> doubles;
  for (const ExactReal &scale : parameters.scales)
    doubles.push_back(getExactDouble(scale));
  Codec codec(format.getFormat());
  ArrayRef<Scalar> payload = constituents.front().getData();
  FloatType logical = type.getLogicalElementType();
  BinaryFormat rounding = BinaryFormat::of(logical.getFloatSemantics());
  Tensor result(type.getShape(), logical);
  MutableArrayRef<Scalar> values = result.getMutableData();
  forEachElement(format, type.getShape(), [&](int64_t element, int64_t block) {
    double code = codec.decode(payload[element]);
    int64_t zeroPoint = parameters.zeroPoints[block];
    if (doubles[block]) {
      values[element].real =
          roundToType((code - zeroPoint) * *doubles[block], logical);
      return;
    }
    values[element].real = getExact(code, zeroPoint, parameters.scales[block])
                               .roundTo(rounding)
                               .roundToDouble();
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Encoding
//===----------------------------------------------------------------------===//

/// round(lo - min(x, 0) / s), saturating in the payload's format and then in
/// that of the zero point.
static Tensor encodeZeroPoints(ScaledAttr format, EncodedTensorType type,
                               ArrayRef<BlockRange> ranges,
                               ArrayRef<ExactReal> scales,
                               RoundingMode rounding) {
  NumberFormat number = format.getNumberFormat();
  int64_t low = static_cast<int64_t>(number.getLowest());
  int64_t high = static_cast<int64_t>(number.getLargest());
  Codec codec(format.getZeroPointFormat());
  Tensor zeros(format.getBlockGrid(type.getShape()), codec.getStorageType());
  for (auto [stored, range, scale] :
       llvm::zip_equal(zeros.getMutableData(), ranges, scales)) {
    ExactReal steps = divideForRounding(-range.low, scale);
    // Scales are finite and not 0 (C23).
    __int128 zero = steps.roundToInteger(rounding, low);
    zero = std::clamp<__int128>(zero, low, high);
    stored = codec.encodeInteger(zero, OverflowMode::Saturate);
  }
  return zeros;
}

/// Scales and zero points.
static SmallVector<Tensor> encodeParameters(ScaledAttr format,
                                            EncodedTensorType type,
                                            const Reals &reals,
                                            const EncodeModes &modes) {
  if (format.isStatic())
    return {};
  std::vector<BlockRange> ranges =
      getBlockRanges(format, type.getShape(), reals);
  SmallVector<Tensor> parts;
  if (!format.getStaticScale(type.getLogicalElementType()))
    parts = encodeScales(format, type,
                         chooseScales(format, type, reals, ranges, modes),
                         modes.scaleRule);
  if (format.getZeroPointFormat()) {
    std::vector<ExactReal> scales = readScales(format, type, parts);
    parts.push_back(
        encodeZeroPoints(format, type, ranges, scales, modes.rounding));
  }
  return parts;
}

static SmallVector<Tensor> encode(ScaledAttr format, EncodedTensorType type,
                                  const Reals &reals,
                                  const EncodeModes &modes) {
  // The payload's place is first, and it is known last.
  SmallVector<Tensor> parts(1);
  if (modes.given.empty())
    llvm::append_range(parts, encodeParameters(format, type, reals, modes));
  else
    llvm::append_range(parts, modes.given);
  parts.front() = encodePayload(format, type, reals, modes,
                                readParameters(format, type, parts));
  return parts;
}

static void setElements(ScaledAttr format, EncodedTensorType type,
                        MutableArrayRef<Tensor> constituents,
                        ArrayRef<int64_t> indices, const ExactReal &value) {
  if (indices.empty())
    return;
  BlockParameters parameters = readParameters(format, type, constituents);
  EncodeModes modes;
  modes.division = EncodeModes::Division::Exact;
  PayloadEncoder encoder(format, type.getLogicalElementType(), modes);
  setElements(format, type.getShape(), constituents.front(), indices, value,
              encoder, [&](int64_t block) {
                encoder.setBlock(parameters.scales[block],
                                 parameters.zeroPoints[block]);
              });
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

namespace {
struct ScaledModel : ReferenceFormat::ExternalModel<ScaledModel, ScaledAttr> {
  std::vector<ExactReal> readExact(Attribute attr, EncodedTensorType type,
                                   ArrayRef<Tensor> constituents) const {
    return reference::readExact(cast<ScaledAttr>(attr), type, constituents);
  }
  Tensor read(Attribute attr, EncodedTensorType type,
              ArrayRef<Tensor> constituents) const {
    return reference::read(cast<ScaledAttr>(attr), type, constituents);
  }
  SmallVector<Tensor> encode(Attribute attr, EncodedTensorType type,
                             const Reals &reals,
                             const EncodeModes &modes) const {
    return reference::encode(cast<ScaledAttr>(attr), type, reals, modes);
  }
  void setElements(Attribute attr, EncodedTensorType type,
                   MutableArrayRef<Tensor> constituents,
                   ArrayRef<int64_t> indices, const ExactReal &value) const {
    reference::setElements(cast<ScaledAttr>(attr), type, constituents, indices,
                           value);
  }
};
} // namespace

void attachScaledModel(MLIRContext *context) {
  ScaledAttr::attachInterface<ScaledModel>(*context);
}

} // namespace mlir::qfmt::reference
