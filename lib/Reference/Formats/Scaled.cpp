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
//   as 0 gets the code nearest to 1.
// - A zero point that is a constituent is clamp(round(lo - min(x, 0) / s)) also
//   when the scale is static; it saturates in its own format, too.
//
//===----------------------------------------------------------------------===//

#include "../Codec.h"
#include "../ExactQuotient.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// Calls `visit` with each element and the block it is in, in row-major order.
static void forEachElement(ScaledAttr format, ArrayRef<int64_t> shape,
                           function_ref<void(int64_t, int64_t)> visit) {
  int64_t element = 0;
  if (format.getBlock().empty()) {
    for (int64_t count = ShapedType::getNumElements(shape); element < count;
         ++element)
      visit(element, 0);
    return;
  }
  SmallVector<int64_t> grid = format.getBlockGrid(shape);
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t block = 0;
    for (auto [i, size, count] : llvm::zip(index, format.getBlock(), grid))
      block = block * count + (size == ScaledAttr::kWhole ? 0 : i / size);
    visit(element++, block);
  });
}

static int64_t getNumBlocks(ScaledAttr format, ArrayRef<int64_t> shape) {
  return ShapedType::getNumElements(format.getBlockGrid(shape));
}

namespace {
/// One entry a block.
struct Parameters {
  std::vector<ExactReal> scales;
  std::vector<int64_t> zeroPoints;
};
} // namespace

/// The type of the scales if they are encoded themselves.
static EncodedTensorType getScaleType(ScaledAttr format,
                                      ArrayRef<int64_t> shape) {
  return EncodedTensorType::get(
      RankedTensorType::get(format.getBlockGrid(shape),
                            Float32Type::get(format.getContext())),
      format.getScaleEncoding());
}

static std::vector<ExactReal> readScales(ScaledAttr format,
                                         EncodedTensorType type,
                                         ArrayRef<Tensor> constituents) {
  int64_t count = getNumBlocks(format, type.getShape());
  if (auto scale = format.getStaticScale(type.getLogicalElementType()))
    return std::vector<ExactReal>(count, ExactReal::fromDouble(*scale));
  constituents = constituents.drop_front();
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
  std::vector<ExactReal> scales = readScales(format, type, constituents);
  std::vector<int64_t> zeros = readZeroPoints(format, type, constituents);
  Codec codec(format.getFormat());
  ArrayRef<Scalar> payload = constituents.front().getData();
  std::vector<ExactReal> reals(payload.size());
  forEachElement(format, type.getShape(), [&](int64_t element, int64_t block) {
    reals[element] =
        getExact(codec.decode(payload[element]), zeros[block], scales[block]);
  });
  return reals;
}

static Tensor read(ScaledAttr format, EncodedTensorType type,
                   ArrayRef<Tensor> constituents) {
  std::vector<ExactReal> scales = readScales(format, type, constituents);
  std::vector<int64_t> zeros = readZeroPoints(format, type, constituents);
  std::vector<std::optional<double>> doubles;
  for (const ExactReal &scale : scales)
    doubles.push_back(getExactDouble(scale));
  Codec codec(format.getFormat());
  ArrayRef<Scalar> payload = constituents.front().getData();
  FloatType logical = type.getLogicalElementType();
  BinaryFormat rounding = BinaryFormat::of(logical.getFloatSemantics());
  Tensor result(type.getShape(), logical);
  MutableArrayRef<Scalar> values = result.getMutableData();
  forEachElement(format, type.getShape(), [&](int64_t element, int64_t block) {
    double code = codec.decode(payload[element]);
    if (doubles[block]) {
      values[element].real =
          roundToType((code - zeros[block]) * *doubles[block], logical);
      return;
    }
    values[element].real = getExact(code, zeros[block], scales[block])
                               .roundTo(rounding)
                               .roundToDouble();
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Scales and zero points of reals
//===----------------------------------------------------------------------===//

namespace {
/// What the scale rules ask of a block: of its finite values and 0.
struct BlockRange {
  ExactReal low, high;

  void include(const ExactReal &value) {
    if (!value.isFinite())
      return;
    if (value < low)
      low = value;
    if (value > high)
      high = value;
  }
  ExactReal getAbsMax() const {
    return low.abs() > high.abs() ? low.abs() : high.abs();
  }
};
} // namespace

static std::vector<BlockRange>
getRanges(ScaledAttr format, ArrayRef<int64_t> shape, const Reals &reals) {
  std::vector<BlockRange> ranges(getNumBlocks(format, shape));
  forEachElement(format, shape, [&](int64_t element, int64_t block) {
    ranges[block].include(reals[element]);
  });
  return ranges;
}

/// The scale that the rule wants, before it is rounded to its format; 0 if all
/// values are 0.
static ExactReal getIdealScale(ScaledAttr format, const BlockRange &range,
                               ScaleRule rule) {
  NumberFormat number = format.getNumberFormat();
  ExactReal absMax = range.getAbsMax();
  if (absMax.isZero())
    return absMax;
  ExactReal largest = ExactReal::fromDouble(number.getLargest());
  switch (rule) {
  case ScaleRule::AbsMax:
    if (!format.getZeroPointFormat())
      return divideForRounding(absMax, largest);
    return divideForRounding(
        subtractForRounding(range.high, range.low),
        ExactReal::fromDouble(number.getLargest() - number.getLowest()));
  case ScaleRule::FloorLog2:
    return ExactReal::make(
        false, 1, absMax.getLeadingExponent() - largest.getLeadingExponent());
  }
}

/// The code of a scale; the code nearest to 1 if it came out as 0.
static Scalar encodeScale(const Codec &codec, const ExactReal &scale) {
  auto encode = [&](const ExactReal &value) {
    return codec.encode(value, RoundingMode::HalfEven, OverflowMode::Saturate,
                        NaNMode::Zero);
  };
  bool isZero = scale.isZero() || codec.decode(encode(scale)) == 0;
  return encode(isZero ? ExactReal::fromInteger(1) : scale);
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
  Tensor rounded = roundToLogicalType(ideal, scaleType);
  SmallVector<Tensor> parts = model.encode(scaleType, Reals(rounded), modes);
  SmallVector<int64_t> zeros;
  for (auto [i, scale] : llvm::enumerate(model.readExact(scaleType, parts)))
    if (scale.isZero())
      zeros.push_back(i);
  model.setElements(scaleType, parts, zeros, ExactReal::fromInteger(1));
  return parts;
}

/// The scale's constituents; none if it is static.
static SmallVector<Tensor> encodeScales(ScaledAttr format,
                                        EncodedTensorType type,
                                        ArrayRef<BlockRange> ranges,
                                        ScaleRule rule) {
  if (format.getStaticScale(type.getLogicalElementType()))
    return {};
  std::vector<ExactReal> ideal;
  for (const BlockRange &range : ranges)
    ideal.push_back(getIdealScale(format, range, rule));
  if (format.getScaleEncoding())
    return encodeNestedScales(format, type, ideal, rule);
  Codec codec(format.getScaleFormat());
  Tensor scales(format.getBlockGrid(type.getShape()), codec.getStorageType());
  for (auto [stored, scale] : llvm::zip_equal(scales.getMutableData(), ideal))
    stored = encodeScale(codec, scale);
  return {scales};
}

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
    __int128 zero = divideForRounding(-range.low, scale)
                        .roundToInteger(rounding, low);
    zero = std::clamp<__int128>(zero, low, high);
    stored = codec.encodeInteger(zero, OverflowMode::Saturate);
  }
  return zeros;
}

//===----------------------------------------------------------------------===//
// Payload
//===----------------------------------------------------------------------===//

/// `value` rounded to an integer; |value| < 2^52.
static int64_t roundToInteger(double value, RoundingMode mode) {
  double magnitude = std::fabs(value), floor = std::floor(magnitude);
  double fraction = magnitude - floor;
  Remainder remainder = fraction == 0    ? Remainder::Zero
                        : fraction < 0.5 ? Remainder::BelowHalf
                        : fraction > 0.5 ? Remainder::AboveHalf
                                         : Remainder::Half;
  int64_t result = static_cast<int64_t>(floor);
  result += roundsAwayFromZero(mode, value < 0, result & 1, remainder);
  return value < 0 ? -result : result;
}

namespace {
/// Encodes the elements of one block after the other.
class PayloadEncoder {
public:
  PayloadEncoder(ScaledAttr format, FloatType logical, const EncodeModes &modes)
      : codec(format.getFormat()), logical(logical),
        logicalFormat(BinaryFormat::of(logical.getFloatSemantics())),
        modes(modes) {}

  void setBlock(const ExactReal &newScale, int64_t newZeroPoint) {
    scale = newScale;
    zeroPoint = newZeroPoint;
    divisor = getDivisor();
  }

  Scalar encode(const ExactReal &value) const {
    if (codec.isInteger())
      return encodeToInteger(value);
    return codec.encode(divide(value), modes.rounding, modes.overflow,
                        modes.nan);
  }
  /// The same for a value of the logical type; faster.
  Scalar encode(double value) const;

private:
  /// The scale as a double, if dividing in double and rounding to the logical
  /// type is the correctly rounded division: a quotient of p by q bits is not
  /// closer to a midpoint of p bits than 2^-(p + 1 + q), relatively, unless it
  /// is one.
  std::optional<double> getDivisor() const {
    if (modes.division != EncodeModes::Division::Rounded || !scale.isFinite() ||
        scale.isZero() || std::abs(scale.getLeadingExponent()) > 700)
      return std::nullopt;
    unsigned limit = logical.isF64() ? 53 : 51 - logicalFormat.precision;
    if (scale.getMantissaBits() > limit)
      return std::nullopt;
    return scale.roundToDouble();
  }

  ExactReal divide(const ExactReal &value) const {
    ExactReal quotient = divideForRounding(value, scale);
    return modes.division == EncodeModes::Division::Rounded
               ? quotient.roundTo(logicalFormat)
               : quotient;
  }

  Scalar encodeToInteger(const ExactReal &value) const {
    // A NaN becomes the real 0, whose code is the zero point.
    if (value.isNaN())
      return codec.encodeInteger(zeroPoint, OverflowMode::Saturate);
    ExactReal quotient = divide(value);
    if (!quotient.isFinite())
      return codec.encode(quotient, modes.rounding, OverflowMode::Saturate,
                          modes.nan);
    // `quantize` rounds, then adds; `convert` adds, then rounds.
    if (modes.division == EncodeModes::Division::Rounded)
      return codec.encodeInteger(
          quotient.roundToInteger(modes.rounding) + zeroPoint, modes.overflow);
    return codec.encodeInteger(
        quotient.roundToInteger(modes.rounding, zeroPoint), modes.overflow);
  }

  Codec codec;
  FloatType logical;
  BinaryFormat logicalFormat;
  const EncodeModes &modes;
  ExactReal scale;
  int64_t zeroPoint = 0;
  std::optional<double> divisor;
};
} // namespace

Scalar PayloadEncoder::encode(double value) const {
  if (!divisor || !std::isfinite(value))
    return encode(ExactReal::fromDouble(value));
  double quotient = roundToType(value / *divisor, logical);
  if (!codec.isInteger())
    return codec.encode(ExactReal::fromDouble(quotient), modes.rounding,
                        modes.overflow, modes.nan);
  if (!(std::fabs(quotient) < 0x1p52))
    return encode(ExactReal::fromDouble(value));
  return codec.encodeInteger(
      roundToInteger(quotient, modes.rounding) + zeroPoint, modes.overflow);
}

static Tensor encodePayload(ScaledAttr format, EncodedTensorType type,
                            const Reals &reals, const EncodeModes &modes,
                            const Parameters &parameters) {
  PayloadEncoder encoder(format, type.getLogicalElementType(), modes);
  Tensor payload(type.getShape(), format.getNumberFormat().getStorageType());
  MutableArrayRef<Scalar> codes = payload.getMutableData();
  int64_t current = -1;
  forEachElement(format, type.getShape(), [&](int64_t element, int64_t block) {
    if (block != current)
      encoder.setBlock(parameters.scales[block], parameters.zeroPoints[block]);
    current = block;
    std::optional<double> value = reals.getDouble(element);
    codes[element] =
        value ? encoder.encode(*value) : encoder.encode(reals[element]);
  });
  return payload;
}

static SmallVector<Tensor> encode(ScaledAttr format, EncodedTensorType type,
                                  const Reals &reals,
                                  const EncodeModes &modes) {
  std::vector<BlockRange> ranges;
  if (!format.isStatic())
    ranges = getRanges(format, type.getShape(), reals);
  // The payload's place is first, and it is known last.
  SmallVector<Tensor> parts(1);
  llvm::append_range(parts,
                     encodeScales(format, type, ranges, modes.scaleRule));
  Parameters parameters;
  parameters.scales = readScales(format, type, parts);
  if (format.getZeroPointFormat())
    parts.push_back(encodeZeroPoints(format, type, ranges, parameters.scales,
                                     modes.rounding));
  parameters.zeroPoints = readZeroPoints(format, type, parts);
  parts.front() = encodePayload(format, type, reals, modes, parameters);
  return parts;
}

static void setElements(ScaledAttr format, EncodedTensorType type,
                        MutableArrayRef<Tensor> constituents,
                        ArrayRef<int64_t> indices, const ExactReal &value) {
  if (indices.empty())
    return;
  std::vector<ExactReal> scales = readScales(format, type, constituents);
  std::vector<int64_t> zeros = readZeroPoints(format, type, constituents);
  EncodeModes modes;
  modes.division = EncodeModes::Division::Exact;
  PayloadEncoder encoder(format, type.getLogicalElementType(), modes);
  llvm::SmallDenseSet<int64_t> wanted(indices.begin(), indices.end());
  MutableArrayRef<Scalar> codes = constituents.front().getMutableData();
  forEachElement(format, type.getShape(), [&](int64_t element, int64_t block) {
    if (!wanted.contains(element))
      return;
    encoder.setBlock(scales[block], zeros[block]);
    codes[element] = encoder.encode(value);
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
