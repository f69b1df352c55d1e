//===- TableOracle.cpp - Encoding by table search -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TableOracle.h"
#include "llvm/ADT/APInt.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;
using llvm::APFloat;

static double decodeWithAPFloat(const llvm::fltSemantics &semantics,
                                unsigned width, uint64_t code) {
  APFloat value(semantics, llvm::APInt(width, code));
  // APFloat 22 converts the NaN of E8M0 to an infinity.
  if (value.isNaN())
    return std::nan("");
  bool losesInfo = false;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

static double decodeByFormula(const MinifloatSpec &spec, uint64_t code) {
  using Specials = MinifloatSpec::Specials;
  int e = (code >> spec.mantissaBits) % (1 << spec.exponentBits);
  int m = code % (1 << spec.mantissaBits);
  int ones = (1 << spec.exponentBits) - 1;
  int mantissaOnes = (1 << spec.mantissaBits) - 1;
  bool minus =
      spec.hasSign && (code >> (spec.exponentBits + spec.mantissaBits)) == 1;
  double sign = minus ? -1 : 1;
  if (spec.specials == Specials::IEEE && e == ones)
    return m == 0 ? sign * HUGE_VAL : std::nan("");
  if (spec.specials == Specials::FN && e == ones && m == mantissaOnes)
    return std::nan("");
  if (spec.specials == Specials::FNUZ && minus && e == 0 && m == 0)
    return std::nan("");
  double fraction = double(m) / double(1 << spec.mantissaBits);
  if (e == 0 && !spec.hasSubnormals)
    return sign * 0.0;
  return e == 0 ? sign * fraction * std::exp2(1 - spec.bias)
                : sign * (1 + fraction) * std::exp2(e - spec.bias);
}

static double decodeInteger(uint64_t code, unsigned width, bool isSigned) {
  return isSigned && code >> (width - 1) ? double(code) - std::exp2(width)
                                         : double(code);
}

/// An integer out of a range narrower than its width.
static bool isOutOfRange(const NumberFormat &format, double value) {
  const IntegerSpec *integer = format.getInteger();
  return integer && ((integer->lowest && value < double(*integer->lowest)) ||
                     (integer->largest && value > double(*integer->largest)));
}

/// The codes that would be subnormal in a format without subnormals.
static bool isNeverMade(const MinifloatSpec &spec, uint64_t code) {
  uint64_t m = code % (1 << spec.mantissaBits);
  uint64_t e = (code >> spec.mantissaBits) % (1 << spec.exponentBits);
  return !spec.hasSubnormals && e == 0 && m != 0;
}

/// The step beyond the largest value if the format went on.
static double getLastStep(const NumberFormat &format, uint64_t largestCode) {
  if (format.getInteger())
    return 1;
  if (const FixedSpec *fixed = format.getFixed())
    return std::exp2(fixed->integerBits - int(fixed->width));
  const MinifloatSpec &spec = *format.getMinifloat();
  int e = int(largestCode >> spec.mantissaBits);
  return std::exp2(std::max(e, 1) - spec.bias - int(spec.mantissaBits));
}

TableOracle::TableOracle(const NumberFormat &format) : format(format) {
  const MinifloatSpec *minifloat = format.getMinifloat();
  unsigned width = format.getWidth();
  hasMantissa = !minifloat || minifloat->mantissaBits > 0;
  std::map<double, uint64_t> table;
  for (uint64_t code = 0; code < format.getNumCodes(); ++code) {
    double value;
    if (format.semantics)
      value = decodeWithAPFloat(*format.semantics, width, code);
    else if (minifloat)
      value = decodeByFormula(*minifloat, code);
    else if (format.getInteger())
      value = decodeInteger(code, width, format.getInteger()->isSigned);
    else
      value = decodeInteger(code, width, format.getFixed()->isSigned) *
              std::exp2(format.getFixed()->integerBits - int(width));
    values.push_back(value);
    bool isMade = !isOutOfRange(format, value) &&
                  !(minifloat && isNeverMade(*minifloat, code));
    if (!isMade)
      continue;
    if (std::isnan(value)) {
      // The canonical one is positive and quiet; IEEE formats have others.
      bool quiet = minifloat->specials != MinifloatSpec::Specials::IEEE ||
                   code % (1 << minifloat->mantissaBits) ==
                       uint64_t(1) << (minifloat->mantissaBits - 1);
      if (quiet && !nanCode)
        nanCode = code;
    } else if (std::isinf(value)) {
      (value < 0 ? negativeInfinity : positiveInfinity) = code;
    } else if (value == 0 && std::signbit(value)) {
      negativeZero = code;
    } else {
      table[value] = code;
    }
  }
  // E8M0 has no zero: its smallest code stands in.
  if (!table.count(0))
    table[0] = 0;
  for (auto [value, code] : table) {
    sorted.push_back(value);
    codes.push_back(code);
  }
  double step = getLastStep(format, codes.back());
  above = sorted.back() + step;
  bool isSigned = sorted[0] < 0;
  if (!minifloat)
    below = sorted[0] - step;
  else
    below = isSigned ? -above : -sorted[1];
}

uint64_t TableOracle::findCode(double value) const {
  auto it = std::lower_bound(sorted.begin(), sorted.end(), value);
  return codes[it - sorted.begin()];
}

/// Parity of the significand. A neighbour outside the range has the opposite
/// parity of the end of the range.
bool TableOracle::isEven(double value) const {
  if (value == above)
    return !isEven(sorted.back());
  if (value == below)
    return !isEven(sorted.front());
  return findCode(value) % 2 == 0;
}

TableOracle::Choice TableOracle::choose(double value,
                                        RoundingMode rounding) const {
  // The two neighbours, an end of the range and its outer neighbour included.
  double low, high;
  if (value >= above) {
    bool inward =
        rounding == RoundingMode::TowardZero || rounding == RoundingMode::Floor;
    return inward ? Choice{sorted.back(), false} : Choice{above, true};
  }
  if (value <= below) {
    bool inward =
        rounding == RoundingMode::TowardZero || rounding == RoundingMode::Ceil;
    return inward ? Choice{sorted.front(), false} : Choice{below, true};
  }
  auto next = std::lower_bound(sorted.begin(), sorted.end(), value);
  if (next != sorted.end() && *next == value)
    return {value, false};
  high = next == sorted.end() ? above : *next;
  low = next == sorted.begin() ? below : *(next - 1);

  double nearer = std::fabs(low) < std::fabs(high) ? low : high;
  double farther = nearer == low ? high : low;
  // Neighbours share a binade or touch it: the midpoint is exact in double.
  double middle = low + (high - low) / 2;
  double chosen;
  bool tie = value == middle;
  double nearest = value < middle ? low : high;
  switch (rounding) {
  case RoundingMode::HalfEven:
    if (!tie)
      chosen = nearest;
    else if (nearer == 0 || !hasMantissa)
      chosen = nearer == 0 ? nearer : farther;
    else
      chosen = isEven(low) ? low : high;
    break;
  case RoundingMode::HalfAway:
    chosen = tie ? farther : nearest;
    break;
  case RoundingMode::HalfUp:
    chosen = tie ? high : nearest;
    break;
  case RoundingMode::HalfDown:
    chosen = tie ? low : nearest;
    break;
  case RoundingMode::HalfTowardZero:
    chosen = tie ? nearer : nearest;
    break;
  case RoundingMode::TowardZero:
    chosen = nearer;
    break;
  case RoundingMode::Floor:
    chosen = low;
    break;
  case RoundingMode::Ceil:
    chosen = high;
    break;
  }
  return {chosen, chosen == above || chosen == below};
}

/// The lowest value not below -largest.
uint64_t TableOracle::encodeSymmetricLowest() const {
  return *std::lower_bound(sorted.begin(), sorted.end(), -sorted.back()) ==
                 sorted.back()
             ? codes.back()
             : findCode(*std::lower_bound(sorted.begin(), sorted.end(),
                                          -sorted.back()));
}

/// Of integers and fixed point: magnitude and fraction are exact in f64.
uint64_t TableOracle::wrap(double value, RoundingMode rounding) const {
  double scaled = value / (sorted[1] - sorted[0]);
  bool minus = value < 0;
  double kept = std::trunc(std::fabs(scaled));
  double rest = std::fabs(scaled) - kept;
  // The least f64s underflow when divided.
  bool isInexact = rest > 0 || (scaled == 0 && value != 0);
  bool tieAway = false;
  switch (rounding) {
  case RoundingMode::HalfEven:
    tieAway = std::fmod(kept, 2) != 0;
    break;
  case RoundingMode::HalfAway:
    tieAway = true;
    break;
  case RoundingMode::HalfUp:
    tieAway = !minus;
    break;
  case RoundingMode::HalfDown:
    tieAway = minus;
    break;
  case RoundingMode::HalfTowardZero:
    break;
  case RoundingMode::TowardZero:
    rest = 0;
    break;
  case RoundingMode::Floor:
    rest = minus && isInexact ? 1 : 0;
    break;
  case RoundingMode::Ceil:
    rest = !minus && isInexact ? 1 : 0;
    break;
  }
  if (rest > 0.5 || (rest == 0.5 && tieAway))
    kept += 1;
  double modulus = double(values.size());
  double wrapped = std::fmod(minus ? -kept : kept, modulus);
  return uint64_t(wrapped < 0 ? wrapped + modulus : wrapped);
}

uint64_t TableOracle::encode(double value, RoundingMode rounding,
                             OverflowMode overflow, NaNMode nan) const {
  if (std::isnan(value))
    return nan == NaNMode::Propagate && nanCode ? *nanCode : findCode(0);
  Choice choice = std::isinf(value) ? Choice{value < 0 ? below : above, true}
                                    : choose(value, rounding);
  // Wrap first of all: modulo 2^width in units of the last place. (Infinite
  // values saturate.)
  if (overflow == OverflowMode::Wrap && !format.getMinifloat() &&
      !std::isinf(value) && sorted.size() == values.size())
    return wrap(value, rounding);
  // A directed mode that points back does not make a value lie in the range.
  if (overflow == OverflowMode::Zero && values[findCode(0)] == 0 &&
      (value >= above || value <= below))
    return findCode(0);
  if (choice.outside) {
    bool isLow = choice.value == below;
    if (overflow == OverflowMode::Zero && values[findCode(0)] == 0)
      return findCode(0);
    if (overflow == OverflowMode::SaturateSymmetric && isLow)
      return encodeSymmetricLowest();
    if (overflow == OverflowMode::Infinity) {
      if (isLow ? negativeInfinity : positiveInfinity)
        return isLow ? *negativeInfinity : *positiveInfinity;
      if (nanCode)
        return *nanCode;
    }
    return isLow ? codes.front() : codes.back();
  }
  if (overflow == OverflowMode::SaturateSymmetric &&
      choice.value < -sorted.back())
    return encodeSymmetricLowest();
  if (choice.value == 0 && std::signbit(value) && negativeZero)
    return *negativeZero;
  return findCode(choice.value);
}
