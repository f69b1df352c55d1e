// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ScaledPayload.h"
#include "../ExactQuotient.h"
#include <algorithm>
#include <array>
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

namespace mlir::qfmt::reference {

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

//===----------------------------------------------------------------------===//
// One element
//===----------------------------------------------------------------------===//

PayloadEncoder::PayloadEncoder(ScaledAttr format, FloatType logical,
                               const EncodeModes &modes)
    : codec(format.getFormat()), logical(logical),
      logicalFormat(BinaryFormat::of(logical.getFloatSemantics())),
      modes(modes) {
  if (codec.isInteger())
    unit = 1.0;
  else if (codec.getFormat().canWrap())
    unit = std::fabs(codec.getFormat().decodeCode(1));
  if (modes.seed)
    key = StochasticKey::get(*modes.seed);
}

/// The scale as a double, if dividing in double and rounding to the logical
/// type is the correctly rounded division: a quotient of p by q bits is not
/// closer to a midpoint of p bits than 2^-(p + 1 + q), relatively, unless it
/// is one.
std::optional<double> PayloadEncoder::getDivisor() const {
  if (modes.division != EncodeModes::Division::Rounded || modes.seed ||
      !scale.isFinite() || scale.isZero() ||
      std::abs(scale.getLeadingExponent()) > 700)
    return std::nullopt;
  unsigned limit = logical.isF64() ? 53 : 51 - logicalFormat.precision;
  if (scale.getMantissaBits() > limit)
    return std::nullopt;
  return scale.roundToDouble();
}

/// What is rounded to a code.
ExactReal PayloadEncoder::divide(const ExactReal &value) const {
  ExactReal quotient = divideForRounding(value, scale);
  return modes.division == EncodeModes::Division::Rounded
             ? quotient.roundTo(logicalFormat)
             : quotient;
}

/// (C16) and (C17) with the zero point that `quantize` or `convert` have added.
Scalar PayloadEncoder::storeInteger(__int128 integer) const {
  auto low = static_cast<int64_t>(codec.getFormat().getLowest());
  auto high = static_cast<int64_t>(codec.getFormat().getLargest());
  OverflowMode overflow = modes.overflow;
  if (overflow == OverflowMode::Zero && (integer < low || integer > high))
    integer = zeroPoint;
  if (overflow == OverflowMode::SaturateSymmetric && low < -high)
    integer = std::max<__int128>(integer, -high);
  return codec.encodeInteger(integer, overflow == OverflowMode::Wrap
                                          ? OverflowMode::Wrap
                                          : OverflowMode::Saturate);
}

Scalar PayloadEncoder::encodeToInteger(const ExactReal &quotient,
                                       RoundingMode rounding) const {
  // A NaN becomes the real 0, whose code is the zero point.
  if (quotient.isNaN())
    return codec.encodeInteger(zeroPoint, OverflowMode::Saturate);
  if (quotient.isInfinity()) {
    // Infinities have no low bits: they saturate.
    __int128 beyond = __int128(1) << 64;
    if (quotient.isNegative())
      beyond = -beyond;
    if (modes.overflow != OverflowMode::Wrap)
      return storeInteger(beyond);
    return codec.encodeInteger(beyond, OverflowMode::Saturate);
  }
  // `quantize` rounds, then adds; `convert` adds, then rounds.
  if (modes.division == EncodeModes::Division::Rounded)
    return storeInteger(quotient.roundToInteger(rounding) + zeroPoint);
  return storeInteger(quotient.roundToInteger(rounding, zeroPoint));
}

Scalar PayloadEncoder::encodeQuotient(const ExactReal &quotient,
                                      RoundingMode rounding) const {
  if (codec.isInteger())
    return encodeToInteger(quotient, rounding);
  return codec.encode(quotient, rounding, modes.overflow, modes.nan);
}

/// (C36) One of the two neighbours. NaNs compare false.
Scalar PayloadEncoder::encodeStochastically(double quotient,
                                            int64_t index) const {
  double threshold = getStochasticThreshold(key, index);
  auto round = [&](RoundingMode rounding) {
    return encodeQuotient(ExactReal::fromDouble(quotient), rounding);
  };
  double distance;
  if (unit) {
    double steps = quotient / *unit;
    distance = steps - std::floor(steps);
  } else {
    double below = codec.decode(round(RoundingMode::Floor));
    double above = codec.decode(round(RoundingMode::Ceil));
    distance = (quotient - below) / (above - below);
  }
  return round(distance > threshold ? RoundingMode::Ceil : RoundingMode::Floor);
}

Scalar PayloadEncoder::encode(const ExactReal &value, int64_t index) const {
  ExactReal quotient = divide(value);
  if (modes.seed)
    return encodeStochastically(quotient.roundToDouble(), index);
  return encodeQuotient(quotient, modes.rounding);
}

Scalar PayloadEncoder::encodeNonZero(const ExactReal &value) const {
  ExactReal quotient = divide(value);
  Scalar nearest = encodeQuotient(quotient, modes.rounding);
  auto isZero = [&](Scalar code) { return codec.decode(code) == zeroPoint; };
  if (value.isZero() || !isZero(nearest))
    return nearest;
  Scalar above = encodeQuotient(quotient, RoundingMode::Ceil);
  if (!isZero(above))
    return above;
  // Smaller than any value of a number format.
  ExactReal tiny = ExactReal::make(/*isNegative=*/true, 1, -1000);
  return encodeQuotient(tiny, RoundingMode::Floor);
}

Scalar PayloadEncoder::encode(double value, int64_t index) const {
  if (!divisor || !std::isfinite(value))
    return encode(ExactReal::fromDouble(value), index);
  double quotient = roundToType(value / *divisor, logical);
  if (!codec.isInteger())
    return codec.encode(ExactReal::fromDouble(quotient), modes.rounding,
                        modes.overflow, modes.nan);
  if (!(std::fabs(quotient) < 0x1p52))
    return encode(ExactReal::fromDouble(value), index);
  return storeInteger(roundToInteger(quotient, modes.rounding) + zeroPoint);
}

//===----------------------------------------------------------------------===//
// All elements
//===----------------------------------------------------------------------===//

/// Calls `visit` with the number, the block and the code of each element.
static void forEachCode(ScaledAttr format, EncodedTensorType type,
                        const Reals &reals, const EncodeModes &modes,
                        const BlockParameters &parameters,
                        function_ref<void(int64_t, int64_t, Scalar)> visit) {
  PayloadEncoder encoder(format, type.getLogicalElementType(), modes);
  int64_t current = -1;
  forEachElement(format, type.getShape(), [&](int64_t element, int64_t block) {
    if (block != current)
      encoder.setBlock(parameters.scales[block], parameters.zeroPoints[block]);
    current = block;
    std::optional<double> value = reals.getDouble(element);
    visit(element, block,
          value ? encoder.encode(*value, element)
                : encoder.encode(reals[element], element));
  });
}

Tensor encodePayload(ScaledAttr format, EncodedTensorType type,
                     const Reals &reals, const EncodeModes &modes,
                     const BlockParameters &parameters) {
  Tensor payload(type.getShape(), format.getNumberFormat().getStorageType());
  MutableArrayRef<Scalar> codes = payload.getMutableData();
  forEachCode(
      format, type, reals, modes, parameters,
      [&](int64_t element, int64_t, Scalar code) { codes[element] = code; });
  return payload;
}

namespace {
/// The errors of one block, in numbers of `type`, f32 or f64. The operations
/// are those of double, rounded once more to f32: for +, - and * that is one
/// rounding to f32.
class BlockError {
public:
  BlockError(FloatType type, const BlockRange &range, const ExactReal &scale)
      : type(type), format(BinaryFormat::of(type.getFloatSemantics())) {
    // The exponent of 2^-lowest is that of the largest numbers.
    int lowest = -format.maxExponent, exponent = lowest;
    ExactReal absMax = range.getAbsMax();
    if (!absMax.isZero())
      exponent = std::clamp(absMax.getLeadingExponent(), lowest, -lowest - 1);
    shift = -exponent;
    step = makeSmall(scale);
  }

  /// Adds the error of `steps` * scale as the value of x, element number
  /// `index` along the last dimension of the block.
  void add(const ExactReal &x, double steps, int64_t index) {
    double decoded = roundToType(roundToType(steps, type) * step, type);
    double difference = roundToType(makeSmall(x) - decoded, type);
    double square = roundToType(difference * difference, type);
    double &sum = sums[index % kPartialSums];
    sum = roundToType(sum + square, type);
  }

  double getTotal() const {
    std::array<double, kPartialSums> total = sums;
    for (size_t half = kPartialSums / 2; half > 0; half /= 2)
      for (size_t i = 0; i < half; ++i)
        total[i] = roundToType(total[i] + total[i + half], type);
    return total[0];
  }

private:
  static constexpr size_t kPartialSums = 16;

  double makeSmall(const ExactReal &real) const {
    return real.scaleByPowerOfTwo(shift).roundTo(format).roundToDouble();
  }

  FloatType type;
  BinaryFormat format;
  int shift;
  double step;
  std::array<double, kPartialSums> sums = {};
};
} // namespace

/// The number of an element along the last dimension of its block.
static int64_t getLastIndex(ScaledAttr format, ArrayRef<int64_t> shape,
                            int64_t element) {
  if (shape.empty())
    return 0;
  int64_t index = element % shape.back();
  ArrayRef<int64_t> block = format.getBlock();
  return block.empty() || block.back() == ScaledAttr::kWhole
             ? index
             : index % block.back();
}

std::vector<double> getSquaredErrors(ScaledAttr format, EncodedTensorType type,
                                     const Reals &reals,
                                     ArrayRef<BlockRange> ranges,
                                     const EncodeModes &modes,
                                     const BlockParameters &parameters) {
  EncodeModes nearest = modes;
  nearest.seed = std::nullopt;
  Codec codec(format.getFormat());
  FloatType logical = type.getLogicalElementType();
  FloatType errorType =
      logical.isF64() ? logical : Float32Type::get(format.getContext());
  std::vector<BlockError> blocks;
  for (auto [range, scale] : llvm::zip_equal(ranges, parameters.scales))
    blocks.emplace_back(errorType, range, scale);
  forEachCode(format, type, reals, nearest, parameters,
              [&](int64_t element, int64_t block, Scalar code) {
                ExactReal x = reals[element];
                if (x.isFinite())
                  blocks[block].add(
                      x, codec.decode(code) - parameters.zeroPoints[block],
                      getLastIndex(format, type.getShape(), element));
              });
  std::vector<double> errors;
  for (const BlockError &block : blocks)
    errors.push_back(block.getTotal());
  return errors;
}

} // namespace mlir::qfmt::reference
