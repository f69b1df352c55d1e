// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// HAWQ: Zhen-Dong/HAWQ, utils/quantization_utils/quant_utils.py (batch_frexp
// and fixedpoint_mul). TFLite: kernels/internal/quantization_util.cc and
// common.h, without TFLITE_SINGLE_ROUNDING; ratios as those of a convolution
// with one scale a channel; MEAN: kernels/internal/reference/reduce.h. TOSA:
// RESCALE of the specification with scale32 and single or double rounding,
// multipliers as MLIR's tosa::computeMultiplierAndShift has them; AVG_POOL2D:
// reciprocal_scale.

#include "Requantization.h"
#include "qfmt/Support/Dyadic.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;

std::optional<Compat> mlir::qfmt::parseCompat(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<Compat>>(name)
      .Case("", Compat::None)
      .Case("tflite", Compat::TFLite)
      .Case("onnx", Compat::ONNX)
      .Case("tosa", Compat::TOSA)
      .Case("tosa-double-round", Compat::TOSADoubleRound)
      .Case("hawq", Compat::HAWQ)
      .Default(std::nullopt);
}

Table mlir::qfmt::getRatio(Compat compat, const Table &from, const Table &to) {
  if (compat != Compat::HAWQ)
    return from / to;
  return Table::combine(from, to, [](double from, double to) {
    auto x = static_cast<float>(from), y = static_cast<float>(to);
    if (!std::isnormal(x) || !std::isnormal(y))
      return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(x) / static_cast<double>(y);
  });
}

double mlir::qfmt::getRatioError(Compat compat) {
  // Two normal floats, each off by a factor of at most 1 +- u, u = 2^-24, and a
  // quotient of doubles: (1 + u) / (1 - u) * (1 + 2^-53) < 1 + 2^-23 + 2^-46.
  // For the others the ratio is the definition; 2^-53 is within what dyadic
  // numbers are allowed.
  return compat == Compat::HAWQ ? 0x1p-23 + 0x1p-46 : 0;
}

namespace {
/// ratio ~ multiplier * 2^(exponent - 31), 2^30 <= multiplier < 2^31, off by a
/// factor of at most 1 +- 2^-31: half a unit of the multiplier.
struct NormalMultiplier {
  int64_t multiplier;
  int exponent;
};

/// A dyadic number and how far one use of it may be off, in units of the
/// result, beyond that factor.
struct Step {
  Dyadic dyadic;
  double units;
};
} // namespace

/// Rounds half up, what std::round and ROUND_HALF_UP do to a positive number.
static NormalMultiplier normalize(double ratio) {
  NormalMultiplier normal;
  double mantissa = std::frexp(ratio, &normal.exponent);
  normal.multiplier =
      static_cast<int64_t>(std::round(std::ldexp(mantissa, 31)));
  if (normal.multiplier == int64_t(1) << 31) {
    normal.multiplier = int64_t(1) << 30;
    ++normal.exponent;
  }
  return normal;
}

/// What one rounding is off by, in units.
static double getRoundingError(RoundingMode rounding) {
  switch (rounding) {
  case RoundingMode::HalfEven:
  case RoundingMode::HalfUp:
  case RoundingMode::HalfDown:
  case RoundingMode::HalfAway:
  case RoundingMode::HalfTowardZero:
    return 0.5;
  default:
    return 1;
  }
}

/// Of results of two roundings, by 2^31 and then by 2^(shift - 31): the first
/// is off by at most half of its unit, which is 2^-k units of the result, k =
/// shift
/// - 31; the second by half a unit of the result. With k <= 0 there is no
/// second one. So at most 3/4 in all.
static double getDoubleRoundingError(int shift) {
  return shift > 31 ? 0.5 + std::ldexp(0.5, 31 - shift) : 0.5;
}

/// Of qfmt itself, and of ONNX, which only defines what is rounded and how.
static std::optional<Step> chooseNearest(double ratio, RoundingMode rounding) {
  // Dyadic numbers are off by 2^-63 where the shift ends: 2^-32 of a unit for
  // the 32 bits there are.
  double units = getRoundingError(rounding) + 0x1p-32;
  // Below 2^-62 every product rounds as that of the smallest ratio does: it is
  // not 0, and less than 1/2.
  if (ratio > 0 && ratio < 0x1p-62)
    return Step{{1, Dyadic::kMaxShift}, units};
  std::optional<Dyadic> dyadic = approximateDyadic(ratio);
  if (!dyadic)
    return std::nullopt;
  return Step{*dyadic, units};
}

static std::optional<Step> chooseHAWQ(double ratio) {
  NormalMultiplier normal = normalize(ratio);
  int shift = 31 - normal.exponent;
  if (shift < 0)
    return std::nullopt;
  // |acc| * multiplier < 2^62: less than 1/2, which is what 0 is off by.
  if (shift > static_cast<int>(Dyadic::kMaxShift))
    return Step{{0, 0}, 0.5};
  return Step{
      {static_cast<uint32_t>(normal.multiplier), static_cast<unsigned>(shift)},
      0.5};
}

static std::optional<Step> chooseTOSA(double ratio, bool doubleRounding) {
  NormalMultiplier normal = normalize(ratio);
  int shift = 31 - normal.exponent;
  if (shift < 2)
    return std::nullopt;
  double units = doubleRounding ? getDoubleRoundingError(shift) : 0.5;
  if (shift > 62) {
    normal.multiplier >>= std::min(31, shift - 62);
    shift = 62;
    // The ratio is off by less than 2^-62 for the bits that are cut off and
    // 2^-64 for the rounding before: 1.25 * 2^-31 units for |acc| <= 2^31.
    units += 0x1p-30;
  }
  return Step{
      {static_cast<uint32_t>(normal.multiplier), static_cast<unsigned>(shift)},
      units};
}

static std::optional<Step> chooseTFLite(double ratio) {
  NormalMultiplier normal = normalize(ratio);
  // |acc| * ratio < 2^31 * 2^-32: less than 1/2, which is what 0 is off by.
  if (normal.exponent < -31)
    return Step{{0, 31}, 0.5};
  int shift = 31 - normal.exponent;
  if (shift < 0)
    return std::nullopt;
  return Step{
      {static_cast<uint32_t>(normal.multiplier), static_cast<unsigned>(shift)},
      getDoubleRoundingError(shift)};
}

static std::optional<Step> chooseStep(Compat compat, double ratio,
                                      RoundingMode rounding) {
  if (!std::isfinite(ratio) || ratio < 0)
    return std::nullopt;
  switch (compat) {
  case Compat::None:
    return chooseNearest(ratio, rounding);
  case Compat::ONNX:
    return chooseNearest(ratio, RoundingMode::HalfEven);
  case Compat::HAWQ:
    return chooseHAWQ(ratio);
  case Compat::TOSA:
    return chooseTOSA(ratio, /*doubleRounding=*/false);
  case Compat::TOSADoubleRound:
    return chooseTOSA(ratio, /*doubleRounding=*/true);
  case Compat::TFLite:
    return chooseTFLite(ratio);
  }
  return std::nullopt;
}

/// MultiplyByQuantizedMultiplier(acc, m, e), e = 31 - shift, shifts acc left by
/// max(e, 0), multiplies high, which rounds acc * 2^max(e, 0) * m / 2^31 half
/// up, and divides by 2^max(-e, 0), which rounds half away. Without the latter,
/// everywhere, that is acc * m / 2^shift rounded half up once. apply_scale_32
/// of TOSA with double_round is the same: for n > 31 it adds 2^30 to the
/// product, or subtracts it below 0, where shifting by 31 and dividing half
/// away round, and for n <= 31 it rounds half up once.
static void roundTwiceWhereNeeded(Requantization &result) {
  result.rounding = RoundingMode::HalfUp;
  if (result.shift.getMax() <= 31)
    return;
  result.rounding = RoundingMode::HalfEven;
  result.doubleRounding = true;
  result.leftShift =
      result.shift.map([](double n) { return std::max(31 - n, 0.0); });
  result.shift = result.shift.map([](double n) { return std::max(n, 31.0); });
}

std::optional<Requantization>
mlir::qfmt::chooseRequantization(Compat compat, const Table &ratio,
                                 RoundingMode rounding) {
  Requantization result;
  bool representable = true;
  auto choose = [&](double ratio) {
    std::optional<Step> step = chooseStep(compat, ratio, rounding);
    representable &= step.has_value();
    return step.value_or(Step{{0, 0}, 0});
  };
  result.multiplier = ratio.map([&](double r) {
    Step step = choose(r);
    result.units = std::max(result.units, step.units);
    return static_cast<double>(step.dyadic.multiplier);
  });
  result.shift = ratio.map(
      [&](double r) { return static_cast<double>(choose(r).dyadic.shift); });
  if (!representable)
    return std::nullopt;
  result.factor = 0x1p-31;
  if (double error = getRatioError(compat))
    result.factor += error * (1 + 0x1p-30);
  if (compat == Compat::None)
    result.rounding = rounding;
  else if (compat == Compat::TOSA)
    result.rounding = RoundingMode::HalfUp;
  else if (compat == Compat::TFLite || compat == Compat::TOSADoubleRound)
    roundTwiceWhereNeeded(result);
  return result;
}

std::optional<Requantization> mlir::qfmt::chooseTFLiteMean(double ratio,
                                                           int64_t count) {
  if (!std::isfinite(ratio) || !(ratio > 0) || count < 1)
    return std::nullopt;
  NormalMultiplier normal = normalize(ratio);
  // QuantizeMultiplier has 0 there.
  if (normal.exponent < -31)
    normal = {0, 0};
  int fold = std::min(static_cast<int>(llvm::Log2_64(count)), 32);
  fold = std::min(fold, 31 + normal.exponent);
  int64_t multiplier = (normal.multiplier << fold) / count;
  int shift = 31 - normal.exponent + fold;
  if (shift < 0 || shift > static_cast<int>(Dyadic::kMaxShift))
    return std::nullopt;
  Requantization result;
  result.multiplier = Table(static_cast<double>(multiplier));
  result.shift = Table(static_cast<double>(shift));
  // Less than 1 is cut off the multiplier, which was off by 1/2 before it was
  // divided: in sums of up to 2^31.
  result.units = getDoubleRoundingError(shift) + std::ldexp(1.5, 31 - shift);
  if (multiplier >= int64_t(1) << 28) {
    result.units = getDoubleRoundingError(shift);
    result.factor = 1.5 * 0x1p-28;
  }
  roundTwiceWhereNeeded(result);
  return result;
}

Requantization mlir::qfmt::chooseTOSAAverage(int64_t count) {
  // reciprocal_scale: 2^k / 2 < count <= 2^k.
  unsigned k = llvm::Log2_64_Ceil(count);
  Requantization result;
  result.multiplier =
      Table(static_cast<double>((((int64_t(1) << 30) + 1) << k) / count));
  result.shift = Table(30.0 + k);
  result.rounding = RoundingMode::HalfUp;
  result.units = 0.5;
  // 1 / 2^30 above the reciprocal, and less than 1 cut off.
  result.factor = 0x1p-29;
  return result;
}
