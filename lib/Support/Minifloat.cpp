//===- Minifloat.cpp - Floating-point formats of 2 to 16 bits -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Minifloat.h"
#include <algorithm>
#include <cassert>

using namespace mlir::qfmt;

llvm::StringRef MinifloatSpec::getInvalidReason() const {
  // Before any shift by these numbers.
  if (exponentBits < 1 || exponentBits > 8)
    return "must have 1 to 8 exponent bits";
  if (mantissaBits > 14 || getWidth() < 2 || getWidth() > 16)
    return "must have 2 to 16 bits in all";
  switch (specials) {
  case Specials::None:
    break;
  case Specials::IEEE:
    if (exponentBits < 2 || mantissaBits < 1)
      return "needs two exponent bits and a mantissa bit for infinity and NaN";
    break;
  case Specials::FN:
    if (exponentBits + mantissaBits < 2)
      return "has no finite value but zero";
    break;
  case Specials::FNUZ:
    if (!hasSign)
      return "needs a sign for NaN to take the code of negative zero";
    break;
  case Specials::E8M0:
    if (exponentBits != 8 || mantissaBits != 0 || hasSign || bias != 127)
      return "must have 8 exponent bits, no mantissa, no sign and bias 127";
    return {};
  }
  // Keeps the sums below from overflowing.
  if (bias < -256 || bias > 256)
    return "has values that f32 does not hold";
  int largestField = int(getLargestCode() >> mantissaBits);
  // f32: multiples of 2^-149 below 2^128.
  if (1 - bias - int(mantissaBits) < -149 ||
      (largestField > 0 ? largestField : 1) - bias > 127)
    return "has values that f32 does not hold";
  return {};
}

uint64_t MinifloatSpec::getLargestCode() const {
  uint64_t ones = (uint64_t(1) << (exponentBits + mantissaBits)) - 1;
  switch (specials) {
  case Specials::None:
  case Specials::FNUZ:
    return ones;
  case Specials::FN:
  case Specials::E8M0:
    return ones - 1;
  case Specials::IEEE:
    return ones - (uint64_t(1) << mantissaBits);
  }
  return ones;
}

double MinifloatSpec::getLowest() const {
  return hasSign ? -getLargest() : decode(0);
}

double MinifloatSpec::getSmallestPositive() const {
  return decode(hasZero() ? 1 : 0);
}

std::optional<uint64_t> MinifloatSpec::getNaNCode() const {
  uint64_t ones = (uint64_t(1) << (exponentBits + mantissaBits)) - 1;
  switch (specials) {
  case Specials::None:
    return std::nullopt;
  case Specials::IEEE: {
    // Quiet: only the high mantissa bit set.
    uint64_t mantissaMask = (uint64_t(1) << mantissaBits) - 1;
    return (ones & ~mantissaMask) | (uint64_t(1) << (mantissaBits - 1));
  }
  case Specials::FN:
  case Specials::E8M0:
    return ones;
  case Specials::FNUZ:
    return ones + 1;
  }
  return std::nullopt;
}

std::optional<uint64_t> MinifloatSpec::getInfinityCode(bool negative) const {
  if (specials != Specials::IEEE || (negative && !hasSign))
    return std::nullopt;
  return getSignBit(negative) | (getLargestCode() + 1);
}

bool MinifloatSpec::isNaNCode(uint64_t code) const {
  uint64_t magnitude =
      code & ((uint64_t(1) << (exponentBits + mantissaBits)) - 1);
  switch (specials) {
  case Specials::None:
    return false;
  case Specials::IEEE:
    return magnitude > getLargestCode() + 1;
  case Specials::FN:
  case Specials::E8M0:
    return magnitude > getLargestCode();
  case Specials::FNUZ:
    return code == *getNaNCode();
  }
  return false;
}

uint64_t MinifloatSpec::getSignBit(bool negative) const {
  return uint64_t(negative && hasSign) << (exponentBits + mantissaBits);
}

ExactReal MinifloatSpec::decodeExact(uint64_t code) const {
  assert(code < getNumCodes() && "bits above the width must be 0");
  if (isNaNCode(code))
    return ExactReal::nan();
  bool negative = hasSign && (code >> (exponentBits + mantissaBits)) != 0;
  if (getInfinityCode(negative) == code)
    return ExactReal::infinity(negative);
  uint64_t hidden = uint64_t(1) << mantissaBits;
  uint64_t mantissa = code & (hidden - 1);
  int exponent =
      int((code >> mantissaBits) & ((uint64_t(1) << exponentBits) - 1));
  if (exponent > 0 || !hasZero())
    mantissa |= hidden;
  else
    exponent = 1;
  return ExactReal::make(negative, mantissa,
                         exponent - bias - int(mantissaBits));
}

double MinifloatSpec::decode(uint64_t code) const {
  return decodeExact(code).roundToDouble();
}

uint64_t MinifloatSpec::encodeOverflow(bool negative, bool infinite,
                                       RoundingMode rounding,
                                       OverflowMode overflow) const {
  if (overflow == OverflowMode::Infinity &&
      (infinite || overflowsToInfinity(rounding, negative))) {
    if (std::optional<uint64_t> infinity = getInfinityCode(negative))
      return *infinity;
    if (std::optional<uint64_t> nan = getNaNCode())
      return *nan;
  }
  if (negative && !hasSign)
    return 0;
  return getSignBit(negative) | getLargestCode();
}

uint64_t MinifloatSpec::encode(const ExactReal &value, RoundingMode rounding,
                               OverflowMode overflow, NaNMode nan) const {
  assert(getInvalidReason().empty() && "not a format");
  if (value.isNaN())
    return nan == NaNMode::Propagate ? getNaNCode().value_or(0) : 0;
  bool negative = value.isNegative();
  if (value.isInfinity())
    return encodeOverflow(negative, /*infinite=*/true, rounding, overflow);

  // E8M0 has a normal value at exponent field 0; what rounds to zero below it
  // becomes the code 0 like any other zero.
  int minExponent = (hasZero() ? 1 : 0) - bias;
  ExactReal rounded =
      value.roundToPrecision(mantissaBits + 1, minExponent, rounding);
  if (rounded.isZero())
    return hasNegativeZero() ? getSignBit(negative) : 0;
  if (negative && !hasSign)
    return encodeOverflow(negative, /*infinite=*/false, rounding, overflow);

  // The significand as an integer in units of its last place. In the subnormal
  // range it stays below 2^M and the exponent field is 0; a carry to 2^M is
  // the first normal code without further ado.
  int leading = rounded.getLeadingExponent();
  int unit = std::max(leading, minExponent) - int(mantissaBits);
  uint64_t significand = uint64_t(rounded.getMantissa())
                         << (rounded.getExponent() - unit);
  uint64_t hidden = uint64_t(1) << mantissaBits;
  int64_t field = leading < minExponent
                      ? int64_t(significand)
                      : (int64_t(leading + bias) << mantissaBits) +
                            int64_t(significand - hidden);
  if (field > int64_t(getLargestCode()))
    return encodeOverflow(negative, /*infinite=*/false, rounding, overflow);
  return getSignBit(negative) | uint64_t(field);
}

std::optional<IntegerGrid> MinifloatSpec::getIntegerGrid() const {
  if (!hasZero())
    return std::nullopt;
  // The smallest positive value is the unit itself, with or without mantissa.
  int unit = decodeExact(1).getLeadingExponent();
  unsigned bits = decodeExact(getLargestCode()).getLeadingExponent() - unit + 1;
  if (bits > IntegerGrid::kMaxBits)
    return std::nullopt;
  return IntegerGrid{unit, bits};
}
