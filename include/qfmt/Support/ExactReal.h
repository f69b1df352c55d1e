//===- ExactReal.h - Exact binary reals and single rounding -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A real number sign * mantissa * 2^exponent with a mantissa of at most 128
// bits, plus infinities and NaN. Products and sums are exact or refused; every
// conversion to a narrower format rounds exactly once. This is what "an encoded
// tensor denotes exact reals" is computed with.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_EXACTREAL_H
#define QFMT_SUPPORT_EXACTREAL_H

#include "qfmt/Support/Rounding.h"
#include "llvm/ADT/APFloat.h"
#include <cstdint>

namespace mlir::qfmt {

/// The finite values of a binary floating-point format with gradual underflow:
///   k * 2^(e - precision + 1),  |k| < 2^precision,
///   minExponent <= e <= maxExponent.
struct BinaryFormat {
  /// Significand bits, the hidden one included.
  unsigned precision;
  /// floor(log2) of the smallest normal value.
  int minExponent;
  /// floor(log2) of the largest finite value, whose significand is all ones.
  int maxExponent;

  static constexpr BinaryFormat f16() { return {11, -14, 15}; }
  static constexpr BinaryFormat bf16() { return {8, -126, 127}; }
  static constexpr BinaryFormat f32() { return {24, -126, 127}; }
  static constexpr BinaryFormat f64() { return {53, -1022, 1023}; }
  /// Any IEEE-like semantics (f16, bf16, f32, f64, tf32). Not for formats
  /// with fewer special codes than IEEE: use MinifloatSpec.
  static BinaryFormat of(const llvm::fltSemantics &semantics);
};

class ExactReal {
public:
  using Mantissa = unsigned __int128;

  /// +0.
  ExactReal() = default;

  static ExactReal fromDouble(double value);
  static ExactReal fromInteger(int64_t value);
  static ExactReal fromUnsigned(uint64_t value);
  /// Exact for every semantics of at most 64 significand bits.
  static ExactReal fromAPFloat(const llvm::APFloat &value);
  /// (negative ? -1 : 1) * mantissa * 2^exponent, brought to normal form.
  static ExactReal make(bool negative, Mantissa mantissa, int exponent);
  static ExactReal infinity(bool negative = false);
  static ExactReal nan();

  bool isNaN() const { return kind == Kind::NaN; }
  bool isInfinity() const { return kind == Kind::Infinity; }
  bool isFinite() const { return kind == Kind::Finite; }
  bool isZero() const { return isFinite() && mantissa == 0; }
  /// The sign bit: true for -0 and -infinity too, false for NaN.
  bool isNegative() const { return negative; }
  /// True if the value is finite and an integer.
  bool isInteger() const { return isFinite() && exponent >= 0; }

  /// Normal form: odd, or 0 together with exponent 0.
  Mantissa getMantissa() const { return mantissa; }
  int getExponent() const { return exponent; }
  /// Bits of the odd mantissa: the precision needed to hold the value.
  unsigned getMantissaBits() const;
  /// floor(log2 |x|) of a finite value other than 0.
  int getLeadingExponent() const;

  ExactReal operator-() const;
  ExactReal abs() const;

  /// True if a * b can be held: mantissa bits of a and b together <= 128 (or
  /// one of them is not finite). A product of two doubles always fits.
  static bool multiplyFits(const ExactReal &a, const ExactReal &b);
  /// Exact product; asserts multiplyFits. 0 * infinity is NaN. The sign of a
  /// zero product is the product of the signs.
  ExactReal operator*(const ExactReal &other) const;

  /// True if a + b can be held: from the lowest set bit to the leading bit of
  /// the two at most 127 bits (or one of them is zero or not finite).
  static bool addFits(const ExactReal &a, const ExactReal &b);
  /// Exact sum; asserts addFits. x + (-x) is +0; -0 + -0 is -0;
  /// infinity - infinity is NaN.
  ExactReal operator+(const ExactReal &other) const;
  ExactReal operator-(const ExactReal &other) const;

  /// x * 2^n, exact.
  ExactReal scaleByPowerOfTwo(int n) const;

  /// Exact comparisons; -0 == +0; NaN compares false (and != true).
  bool operator==(const ExactReal &other) const;
  bool operator!=(const ExactReal &other) const { return !(*this == other); }
  bool operator<(const ExactReal &other) const;
  bool operator<=(const ExactReal &other) const {
    return *this < other || *this == other;
  }
  bool operator>(const ExactReal &other) const { return other < *this; }
  bool operator>=(const ExactReal &other) const { return other <= *this; }

  /// round(x + offset) with x + offset taken exactly, for finite x. The parity
  /// that decides a HalfEven tie is that of the sum. |x| >= 2^126 is replaced
  /// by +-2^126, beyond every integer format.
  __int128 roundToInteger(RoundingMode mode, int64_t offset = 0) const;

  /// Nearest value with at most `precision` significand bits whose last bit
  /// has weight >= 2^(minExponent - precision + 1), with no upper bound on the
  /// exponent. A value that rounds to zero keeps its sign.
  ExactReal roundToPrecision(unsigned precision, int minExponent,
                             RoundingMode mode) const;

  /// One rounding to the format; overflow as IEEE 754 (infinity, or the largest
  /// finite value for a directed mode that points back into the range).
  ExactReal roundTo(const BinaryFormat &format,
                    RoundingMode mode = RoundingMode::HalfEven) const;

  double roundToDouble(RoundingMode mode = RoundingMode::HalfEven) const;
  float roundToFloat(RoundingMode mode = RoundingMode::HalfEven) const;
  /// One rounding to an IEEE-like semantics; NaN becomes the quiet NaN.
  llvm::APFloat
  roundToAPFloat(const llvm::fltSemantics &semantics,
                 RoundingMode mode = RoundingMode::HalfEven) const;

  /// a / b rounded once to the format. x / 0 is infinity with the sign of the
  /// operands, 0 / 0 and infinity / infinity are NaN, x / infinity is 0.
  /// Asserts that each mantissa has at most 64 bits (a double has 53) and that
  /// format.precision <= 62.
  static ExactReal divideRounded(const ExactReal &a, const ExactReal &b,
                                 const BinaryFormat &format,
                                 RoundingMode mode = RoundingMode::HalfEven);

private:
  enum class Kind { Finite, Infinity, NaN };

  Kind kind = Kind::Finite;
  bool negative = false;
  Mantissa mantissa = 0;
  int exponent = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_EXACTREAL_H
