//===- Minifloat.cpp - Floating-point formats of 2 to 16 bits -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Minifloat.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir::qfmt;

/// The value in place of -0 of an otherwise valid spec.
static llvm::StringRef getInvalidNegativeZeroReason(const MinifloatSpec &spec) {
  if (!spec.negativeZero)
    return {};
  double value = *spec.negativeZero;
  if (!spec.hasSign)
    return "has no negative zero to give a value";
  if (spec.specials != MinifloatSpec::Specials::None)
    return "can give negative zero a value only without special values";
  if (!std::isfinite(value) ||
      std::fabs(value) > std::numeric_limits<float>::max() ||
      double(float(value)) != value)
    return "gives negative zero a value that f32 does not hold";
  MinifloatSpec base = spec;
  base.negativeZero.reset();
  if (base.decode(base.encode(value)) == value)
    return "gives negative zero a value that it has already";
  return {};
}

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
    if (!hasSubnormals)
      return "has no subnormals to leave out";
    if (negativeZero)
      return "has no negative zero to give a value";
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
  return getInvalidNegativeZeroReason(*this);
}

static MinifloatSpec::Specials
getSpecials(const llvm::fltSemantics &semantics) {
  using llvm::APFloat;
  using Specials = MinifloatSpec::Specials;
  if (!APFloat::semanticsHasNaN(semantics))
    return Specials::None;
  if (APFloat::semanticsHasInf(semantics))
    return Specials::IEEE;
  if (!APFloat::semanticsHasZero(semantics))
    return Specials::E8M0;
  bool isNegativeZero =
      APFloat::getNaN(semantics).bitcastToAPInt().isMinSignedValue();
  return isNegativeZero ? Specials::FNUZ : Specials::FN;
}

std::optional<MinifloatSpec>
MinifloatSpec::of(const llvm::fltSemantics &semantics) {
  using llvm::APFloat;
  unsigned width = APFloat::semanticsSizeInBits(semantics);
  if (width > 16)
    return std::nullopt;
  MinifloatSpec spec;
  spec.hasSign = APFloat::semanticsHasSignedRepr(semantics);
  spec.mantissaBits = APFloat::semanticsPrecision(semantics) - 1;
  spec.exponentBits = width - spec.mantissaBits - (spec.hasSign ? 1 : 0);
  spec.specials = getSpecials(semantics);
  spec.bias =
      (spec.hasZero() ? 1 : 0) - int(APFloat::semanticsMinExponent(semantics));
  return spec.getInvalidReason().empty() ? std::optional(spec) : std::nullopt;
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

double MinifloatSpec::getLargest() const {
  double largest = decode(getLargestCode());
  return negativeZero ? std::max(largest, *negativeZero) : largest;
}

double MinifloatSpec::getLowest() const {
  double lowest = hasSign ? -decode(getLargestCode()) : decode(0);
  return negativeZero ? std::min(lowest, *negativeZero) : lowest;
}

double MinifloatSpec::getSmallestNormal() const {
  return decode(hasZero() ? uint64_t(1) << mantissaBits : 0);
}

double MinifloatSpec::getSmallestPositive() const {
  double smallest =
      hasZero() && hasSubnormals ? decode(1) : getSmallestNormal();
  return negativeZero && *negativeZero > 0 ? std::min(smallest, *negativeZero)
                                           : smallest;
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
  if (negativeZero && code == getSignBit(true))
    return ExactReal::fromDouble(*negativeZero);
  uint64_t hidden = uint64_t(1) << mantissaBits;
  uint64_t mantissa = code & (hidden - 1);
  int exponent =
      int((code >> mantissaBits) & ((uint64_t(1) << exponentBits) - 1));
  if (exponent > 0 || !hasZero())
    mantissa |= hidden;
  else if (hasSubnormals)
    exponent = 1;
  else
    mantissa = 0;
  return ExactReal::make(negative, mantissa,
                         exponent - bias - int(mantissaBits));
}

double MinifloatSpec::decode(uint64_t code) const {
  return decodeExact(code).roundToDouble();
}

uint64_t MinifloatSpec::encodeOverflow(bool negative, bool infinite,
                                       RoundingMode rounding,
                                       OverflowMode overflow) const {
  if (overflow == OverflowMode::Zero && hasZero())
    return 0;
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
  if (negativeZero && !value.isNaN())
    if (std::optional<uint64_t> code =
            encodeNearNegativeZero(value, rounding, overflow))
      return *code;
  return encodeBase(value, rounding, overflow, nan);
}

/// `rounded` if the value lies in the normal range, else 0 or the smallest
/// normal value: the integers 0 and 1 in units of it, whose tie 0 wins as the
/// even one.
static ExactReal roundWithoutSubnormals(const ExactReal &value,
                                        const ExactReal &rounded,
                                        int minExponent,
                                        RoundingMode rounding) {
  ExactReal inUnits = value.scaleByPowerOfTwo(-minExponent);
  if (inUnits.abs() >= ExactReal::fromInteger(1))
    return rounded;
  bool isZero = inUnits.roundToInteger(rounding) == 0;
  return ExactReal::make(value.isNegative(), isZero ? 0 : 1, minExponent);
}

MinifloatSpec MinifloatSpec::getBase() const {
  MinifloatSpec base = *this;
  base.negativeZero.reset();
  return base;
}

std::optional<uint64_t>
MinifloatSpec::encodeNearNegativeZero(const ExactReal &value,
                                      RoundingMode rounding,
                                      OverflowMode overflow) const {
  // The value in place of -0 and the neighbours it has.
  MinifloatSpec base = getBase();
  ExactReal special = ExactReal::fromDouble(*negativeZero);
  ValueTable::Definition definition;
  auto add = [&](double neighbor, uint64_t code) {
    definition.values.push_back(neighbor);
    definition.codes.push_back(code);
  };
  auto addNeighbor = [&](RoundingMode direction) {
    uint64_t code = base.encodeBase(special, direction, OverflowMode::Saturate,
                                    NaNMode::Zero);
    double neighbor = base.decode(code);
    if (neighbor == 0)
      add(0, 0);
    else
      add(neighbor, code);
  };
  if (*negativeZero > base.getLowest()) {
    addNeighbor(RoundingMode::Floor);
    if (value < ExactReal::fromDouble(definition.values.front()))
      return std::nullopt;
  }
  add(*negativeZero, getSignBit(true));
  if (*negativeZero < base.getLargest()) {
    addNeighbor(RoundingMode::Ceil);
    if (value > ExactReal::fromDouble(definition.values.back()))
      return std::nullopt;
  }
  if (overflow == OverflowMode::Zero) {
    // The table at hand need not hold the 0.
    ValueTable table(definition);
    return table.overflows(value, rounding) ? 0 : table.encode(value, rounding);
  }
  // Below -largest: every other value is in symmetry.
  uint64_t code = ValueTable(definition).encode(value, rounding);
  bool isAsymmetric = *negativeZero < -getLargest();
  if (overflow == OverflowMode::SaturateSymmetric && isAsymmetric &&
      code == getSignBit(true))
    return definition.codes.back();
  return code;
}

uint64_t MinifloatSpec::encodeBase(const ExactReal &value,
                                   RoundingMode rounding, OverflowMode overflow,
                                   NaNMode nan) const {
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
  if (!hasSubnormals)
    rounded = roundWithoutSubnormals(value, rounded, minExponent, rounding);
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

ValueTable MinifloatSpec::getValueTable() const {
  MinifloatSpec base = getBase();
  std::vector<std::pair<double, uint64_t>> entries;
  uint64_t firstMagnitude =
      hasZero() && !hasSubnormals ? uint64_t(1) << mantissaBits : hasZero();
  for (uint64_t code = firstMagnitude; code <= getLargestCode(); ++code) {
    entries.push_back({base.decode(code), code});
    if (hasSign)
      entries.push_back({-base.decode(code), getSignBit(true) | code});
  }
  if (hasZero())
    entries.push_back({0.0, 0});
  if (negativeZero)
    entries.push_back({*negativeZero, getSignBit(true)});
  llvm::sort(entries);

  ValueTable::Definition definition;
  for (auto [value, code] : entries) {
    definition.values.push_back(value);
    definition.codes.push_back(code);
  }
  // Ties are those of encode, which the midpoints tell.
  for (size_t i = 0; i + 1 < entries.size(); ++i) {
    ExactReal middle = (ExactReal::fromDouble(entries[i].first) +
                        ExactReal::fromDouble(entries[i + 1].first))
                           .scaleByPowerOfTwo(-1);
    uint64_t winner = encode(middle);
    definition.evenIsUpper.push_back(decode(winner) == entries[i + 1].first);
  }
  // One unit in the last place beyond the largest value. Without mantissa the
  // significand is odd wherever the exponent field is not 0: ties go outside.
  double largest = base.getLargest();
  int unit = std::max(base.decodeExact(getLargestCode()).getLeadingExponent(),
                      (hasZero() ? 1 : 0) - bias) -
             int(mantissaBits);
  ValueTable::Outside outside{largest + std::ldexp(1, unit),
                              {largest + std::ldexp(1, unit - 1)}};
  if (mantissaBits == 0)
    outside.winsEvenTie = true;
  if (getLargest() == largest)
    definition.above = outside;
  if (hasSign && getLowest() == -largest) {
    outside.value = -outside.value;
    outside.threshold.value = -outside.threshold.value;
    definition.below = outside;
  }
  return ValueTable(std::move(definition));
}

std::optional<IntegerGrid> MinifloatSpec::getIntegerGrid() const {
  if (!hasZero())
    return std::nullopt;
  // The code after the smallest positive one differs from it by a unit of the
  // smallest normal value's last place, if there is such a code.
  MinifloatSpec base = getBase();
  uint64_t smallest = hasSubnormals ? 1 : uint64_t(1) << mantissaBits;
  uint64_t largest = getLargestCode();
  return computeIntegerGrid({base.decode(smallest),
                             base.decode(std::min(smallest + 1, largest)),
                             base.decode(largest), negativeZero.value_or(0)});
}
