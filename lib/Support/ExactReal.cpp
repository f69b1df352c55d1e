//===- ExactReal.cpp - Exact binary reals and single rounding -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/ExactReal.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ADT/APSInt.h"
#include "llvm/ADT/bit.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir::qfmt;

static constexpr unsigned kMantissaBits = 128;

static unsigned countBits(ExactReal::Mantissa value) {
  uint64_t high = uint64_t(value >> 64);
  return high ? 64 + llvm::bit_width(high) : llvm::bit_width(uint64_t(value));
}

static unsigned countTrailingZeros(ExactReal::Mantissa value) {
  uint64_t low = uint64_t(value);
  return low ? llvm::countr_zero(low)
             : 64 + llvm::countr_zero(uint64_t(value >> 64));
}

/// Splits a nonzero mantissa at bit `drop` > 0 into the kept high part and what
/// the low part is relative to half a unit.
static ExactReal::Mantissa splitAt(ExactReal::Mantissa mantissa, unsigned drop,
                                   Remainder &remainder) {
  assert(mantissa && drop);
  if (drop > kMantissaBits) {
    remainder = Remainder::BelowHalf;
    return 0;
  }
  ExactReal::Mantissa half = ExactReal::Mantissa(1) << (drop - 1);
  ExactReal::Mantissa kept = drop == kMantissaBits ? 0 : mantissa >> drop;
  ExactReal::Mantissa low = mantissa & (half | (half - 1));
  if (low == 0)
    remainder = Remainder::Zero;
  else if (low == half)
    remainder = Remainder::Half;
  else
    remainder = low < half ? Remainder::BelowHalf : Remainder::AboveHalf;
  return kept;
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

BinaryFormat BinaryFormat::of(const llvm::fltSemantics &semantics) {
  return {llvm::APFloat::semanticsPrecision(semantics),
          llvm::APFloat::semanticsMinExponent(semantics),
          llvm::APFloat::semanticsMaxExponent(semantics)};
}

ExactReal ExactReal::make(bool negative, Mantissa mantissa, int exponent) {
  ExactReal result;
  result.negative = negative;
  if (mantissa == 0)
    return result;
  unsigned zeros = countTrailingZeros(mantissa);
  result.mantissa = mantissa >> zeros;
  result.exponent = exponent + int(zeros);
  return result;
}

ExactReal ExactReal::infinity(bool negative) {
  ExactReal result;
  result.kind = Kind::Infinity;
  result.negative = negative;
  return result;
}

ExactReal ExactReal::nan() {
  ExactReal result;
  result.kind = Kind::NaN;
  return result;
}

ExactReal ExactReal::fromDouble(double value) {
  if (std::isnan(value))
    return nan();
  if (std::isinf(value))
    return infinity(value < 0);
  int exponent;
  double fraction = std::frexp(std::fabs(value), &exponent);
  return make(std::signbit(value), Mantissa(uint64_t(std::ldexp(fraction, 53))),
              exponent - 53);
}

ExactReal ExactReal::fromInteger(int64_t value) {
  uint64_t magnitude = value < 0 ? -uint64_t(value) : uint64_t(value);
  return make(value < 0, magnitude, 0);
}

ExactReal ExactReal::fromUnsigned(uint64_t value) {
  return make(false, value, 0);
}

ExactReal ExactReal::fromAPFloat(const llvm::APFloat &value) {
  if (value.isNaN())
    return nan();
  if (value.isInfinity())
    return infinity(value.isNegative());
  if (value.isZero())
    return make(value.isNegative(), 0, 0);
  unsigned precision = llvm::APFloat::semanticsPrecision(value.getSemantics());
  assert(precision <= 64 && "significand too wide");
  // IEEEquad holds every such value and leaves room to scale it to an integer.
  bool losesInfo = false;
  llvm::APFloat wide = value;
  wide.convert(llvm::APFloat::IEEEquad(), llvm::APFloat::rmNearestTiesToEven,
               &losesInfo);
  assert(!losesInfo);
  int shift = int(precision) - 1 - llvm::ilogb(wide);
  wide =
      llvm::scalbn(llvm::abs(wide), shift, llvm::APFloat::rmNearestTiesToEven);
  llvm::APSInt integer(64, /*isUnsigned=*/true);
  bool isExact = false;
  wide.convertToInteger(integer, llvm::APFloat::rmTowardZero, &isExact);
  assert(isExact);
  return make(value.isNegative(), integer.getZExtValue(), -shift);
}

//===----------------------------------------------------------------------===//
// Queries and exact arithmetic
//===----------------------------------------------------------------------===//

unsigned ExactReal::getMantissaBits() const { return countBits(mantissa); }

int ExactReal::getLeadingExponent() const {
  assert(isFinite() && mantissa && "zero and infinity have no leading bit");
  return exponent + int(countBits(mantissa)) - 1;
}

ExactReal ExactReal::operator-() const {
  ExactReal result = *this;
  result.negative = !isNaN() && !negative;
  return result;
}

ExactReal ExactReal::abs() const {
  ExactReal result = *this;
  result.negative = false;
  return result;
}

ExactReal ExactReal::scaleByPowerOfTwo(int n) const {
  ExactReal result = *this;
  if (mantissa)
    result.exponent += n;
  return result;
}

bool ExactReal::multiplyFits(const ExactReal &a, const ExactReal &b) {
  return !a.isFinite() || !b.isFinite() ||
         a.getMantissaBits() + b.getMantissaBits() <= kMantissaBits;
}

ExactReal ExactReal::operator*(const ExactReal &other) const {
  assert(multiplyFits(*this, other) && "product needs more than 128 bits");
  if (isNaN() || other.isNaN())
    return nan();
  bool resultNegative = negative != other.negative;
  if (isInfinity() || other.isInfinity())
    return isZero() || other.isZero() ? nan() : infinity(resultNegative);
  return make(resultNegative, mantissa * other.mantissa,
              exponent + other.exponent);
}

bool ExactReal::addFits(const ExactReal &a, const ExactReal &b) {
  if (!a.isFinite() || !b.isFinite() || a.isZero() || b.isZero())
    return true;
  int top = std::max(a.getLeadingExponent(), b.getLeadingExponent());
  return top - std::min(a.exponent, b.exponent) + 1 < int(kMantissaBits);
}

ExactReal ExactReal::operator+(const ExactReal &other) const {
  assert(addFits(*this, other) && "sum needs more than 127 bits");
  if (isNaN() || other.isNaN())
    return nan();
  if (isInfinity() || other.isInfinity()) {
    if (isInfinity() && other.isInfinity() && negative != other.negative)
      return nan();
    return isInfinity() ? *this : other;
  }
  if (isZero() && other.isZero())
    return make(negative && other.negative, 0, 0);
  if (isZero() || other.isZero())
    return isZero() ? other : *this;
  int unit = std::min(exponent, other.exponent);
  Mantissa a = mantissa << (exponent - unit);
  Mantissa b = other.mantissa << (other.exponent - unit);
  if (negative == other.negative)
    return make(negative, a + b, unit);
  if (a == b)
    return ExactReal();
  return a > b ? make(negative, a - b, unit)
               : make(other.negative, b - a, unit);
}

ExactReal ExactReal::operator-(const ExactReal &other) const {
  return *this + -other;
}

bool ExactReal::operator==(const ExactReal &other) const {
  if (isNaN() || other.isNaN() || kind != other.kind)
    return false;
  if (isZero() && other.isZero())
    return true;
  // Both in normal form.
  return negative == other.negative && mantissa == other.mantissa &&
         exponent == other.exponent;
}

bool ExactReal::operator<(const ExactReal &other) const {
  if (isNaN() || other.isNaN() || *this == other)
    return false;
  // Different values from here on: zeros sort by the other side's sign.
  if (isZero())
    return !other.negative;
  if (other.isZero() || negative != other.negative)
    return negative;
  if (isInfinity() || other.isInfinity())
    return other.isInfinity() != negative;
  bool magnitudeLess;
  if (getLeadingExponent() != other.getLeadingExponent())
    magnitudeLess = getLeadingExponent() < other.getLeadingExponent();
  else
    magnitudeLess = mantissa << (kMantissaBits - getMantissaBits()) <
                    other.mantissa << (kMantissaBits - other.getMantissaBits());
  return magnitudeLess != negative;
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

__int128 ExactReal::roundToInteger(RoundingMode mode, int64_t offset) const {
  assert(isFinite() && "only finite values round to an integer");
  if (isZero())
    return offset;
  constexpr int kHuge = 126;
  if (getLeadingExponent() >= kHuge) {
    __int128 huge = __int128(1) << kHuge;
    return (negative ? -huge : huge) + offset;
  }
  if (exponent >= 0) {
    __int128 magnitude = __int128(mantissa << exponent);
    return (negative ? -magnitude : magnitude) + offset;
  }

  // x = floor + fraction with 0 < fraction < 1 (the mantissa is odd), so that
  // the offset can be added before the sign of the sum decides the direction.
  Remainder fraction;
  __int128 floor = __int128(splitAt(mantissa, -exponent, fraction));
  auto complement = [](Remainder remainder) {
    if (remainder == Remainder::BelowHalf)
      return Remainder::AboveHalf;
    return remainder == Remainder::AboveHalf ? Remainder::BelowHalf : remainder;
  };
  if (negative) {
    floor = -floor - 1;
    fraction = complement(fraction);
  }
  floor += offset;
  bool sumNegative = floor < 0;
  __int128 truncated = sumNegative ? -floor - 1 : floor;
  if (sumNegative)
    fraction = complement(fraction);
  if (roundsAwayFromZero(mode, sumNegative, truncated & 1, fraction))
    ++truncated;
  return sumNegative ? -truncated : truncated;
}

ExactReal ExactReal::roundToPrecision(unsigned precision, int minExponent,
                                      RoundingMode mode) const {
  if (!isFinite() || isZero())
    return *this;
  int unit = std::max(getLeadingExponent(), minExponent) - int(precision) + 1;
  if (exponent >= unit)
    return *this;
  Remainder remainder;
  Mantissa kept = splitAt(mantissa, unit - exponent, remainder);
  if (roundsAwayFromZero(mode, negative, kept & 1, remainder))
    ++kept;
  return make(negative, kept, unit);
}

ExactReal ExactReal::roundTo(const BinaryFormat &format,
                             RoundingMode mode) const {
  ExactReal rounded =
      roundToPrecision(format.precision, format.minExponent, mode);
  if (!rounded.isFinite() || rounded.isZero() ||
      rounded.getLeadingExponent() <= format.maxExponent)
    return rounded;
  if (overflowsToInfinity(mode, negative))
    return infinity(negative);
  Mantissa ones = (Mantissa(1) << format.precision) - 1;
  return make(negative, ones, format.maxExponent - int(format.precision) + 1);
}

double ExactReal::roundToDouble(RoundingMode mode) const {
  if (isNaN())
    return std::nan("");
  ExactReal rounded = roundTo(BinaryFormat::f64(), mode);
  double magnitude =
      rounded.isInfinity()
          ? HUGE_VAL
          : std::ldexp(double(uint64_t(rounded.mantissa)), rounded.exponent);
  return negative ? -magnitude : magnitude;
}

float ExactReal::roundToFloat(RoundingMode mode) const {
  // The second rounding is exact: the value is already a float.
  return float(roundTo(BinaryFormat::f32(), mode).roundToDouble());
}

llvm::APFloat ExactReal::roundToAPFloat(const llvm::fltSemantics &semantics,
                                        RoundingMode mode) const {
  if (isNaN())
    return llvm::APFloat::getNaN(semantics);
  ExactReal rounded = roundTo(BinaryFormat::of(semantics), mode);
  if (rounded.isInfinity())
    return llvm::APFloat::getInf(semantics, negative);
  // Through IEEEquad, which holds every value of `semantics`: all steps exact.
  constexpr auto kExact = llvm::APFloat::rmNearestTiesToEven;
  uint64_t words[] = {uint64_t(rounded.mantissa),
                      uint64_t(rounded.mantissa >> 64)};
  llvm::APFloat result(llvm::APFloat::IEEEquad());
  result.convertFromAPInt(llvm::APInt(128, words), /*IsSigned=*/false, kExact);
  result = llvm::scalbn(result, rounded.exponent, kExact);
  bool losesInfo = false;
  result.convert(semantics, kExact, &losesInfo);
  assert(!losesInfo);
  if (negative)
    result.changeSign();
  return result;
}

ExactReal ExactReal::divideRounded(const ExactReal &a, const ExactReal &b,
                                   const BinaryFormat &format,
                                   RoundingMode mode) {
  bool negative = a.negative != b.negative;
  if (a.isNaN() || b.isNaN() || (a.isInfinity() && b.isInfinity()) ||
      (a.isZero() && b.isZero()))
    return nan();
  if (a.isInfinity() || b.isZero())
    return infinity(negative);
  if (a.isZero() || b.isInfinity())
    return make(negative, 0, 0);
  assert(a.getMantissaBits() <= 64 && b.getMantissaBits() <= 64 &&
         format.precision <= 62 && "operands too wide");
  // The dividend is at least 2^127 and the divisor below 2^64, so the quotient
  // has at least 64 bits: two or more below the last kept one. A nonzero
  // remainder set into the lowest of them cannot change which side of a tie
  // the value lies on.
  unsigned shift = kMantissaBits - a.getMantissaBits();
  Mantissa dividend = a.mantissa << shift;
  Mantissa quotient = dividend / b.mantissa;
  if (dividend % b.mantissa)
    quotient |= 1;
  return make(negative, quotient, a.exponent - int(shift) - b.exponent)
      .roundTo(format, mode);
}
