//===- Minifloat.h - Floating-point formats of 2 to 16 bits -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code layout, from the high bit: sign (if any), exponent field e, mantissa
// field m of M bits. With bias B a code that is not special denotes
//   e == 0:  (-1)^s * m * 2^(1 - B - M)
//   e >  0:  (-1)^s * (2^M + m) * 2^(e - B - M)
// and the E8M0 format, which has no zero, 2^(e - B) for every e. Without
// subnormals every code with e == 0 denotes (-1)^s * 0; a format may also give
// the code of -0 (s = 1, all else 0) a value of its own.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_MINIFLOAT_H
#define QFMT_SUPPORT_MINIFLOAT_H

#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/IntegerGrid.h"
#include "qfmt/Support/Rounding.h"
#include "qfmt/Support/ValueTable.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace llvm {
struct fltSemantics;
} // namespace llvm

namespace mlir::qfmt {

struct MinifloatSpec {
  /// Which codes are not finite.
  enum class Specials {
    /// None: all codes finite.
    None,
    /// e all ones: m == 0 is infinity, anything else NaN.
    IEEE,
    /// e and m all ones is NaN; no infinity.
    FN,
    /// The code of negative zero is NaN; no infinity, no negative zero.
    FNUZ,
    /// No sign, no mantissa, no zero, no infinity; all ones is NaN.
    E8M0
  };

  unsigned exponentBits;
  unsigned mantissaBits;
  int bias;
  bool hasSign = true;
  Specials specials = Specials::None;
  /// False: the only value below the smallest normal one is 0. The codes with
  /// e == 0 and m > 0 denote it too, and encode makes none of them.
  bool hasSubnormals = true;
  /// What the code of -0 denotes instead (BitMoD, arXiv 2411.11745).
  std::optional<double> negativeZero = std::nullopt;

  /// The builtin MLIR floats of at most 16 bits.
  static constexpr MinifloatSpec f4E2M1FN() { return {2, 1, 1}; }
  static constexpr MinifloatSpec f6E2M3FN() { return {2, 3, 1}; }
  static constexpr MinifloatSpec f6E3M2FN() { return {3, 2, 3}; }
  static constexpr MinifloatSpec f8E3M4() {
    return {3, 4, 3, true, Specials::IEEE};
  }
  static constexpr MinifloatSpec f8E4M3() {
    return {4, 3, 7, true, Specials::IEEE};
  }
  static constexpr MinifloatSpec f8E4M3FN() {
    return {4, 3, 7, true, Specials::FN};
  }
  static constexpr MinifloatSpec f8E4M3FNUZ() {
    return {4, 3, 8, true, Specials::FNUZ};
  }
  static constexpr MinifloatSpec f8E4M3B11FNUZ() {
    return {4, 3, 11, true, Specials::FNUZ};
  }
  static constexpr MinifloatSpec f8E5M2() {
    return {5, 2, 15, true, Specials::IEEE};
  }
  static constexpr MinifloatSpec f8E5M2FNUZ() {
    return {5, 2, 16, true, Specials::FNUZ};
  }
  static constexpr MinifloatSpec f8E8M0FNU() {
    return {8, 0, 127, false, Specials::E8M0};
  }
  static constexpr MinifloatSpec f16() {
    return {5, 10, 15, true, Specials::IEEE};
  }
  static constexpr MinifloatSpec bf16() {
    return {8, 7, 127, true, Specials::IEEE};
  }
  /// Signed, all codes finite, bias 2^(E-1) - 1.
  static constexpr MinifloatSpec generic(unsigned exponentBits,
                                         unsigned mantissaBits) {
    return {exponentBits, mantissaBits, defaultBias(exponentBits)};
  }
  /// 2^(E-1) - 1, the IEEE bias (0 for E = 1).
  static constexpr int defaultBias(unsigned exponentBits) {
    return (1 << (exponentBits - 1)) - 1;
  }

  /// The format of at most 16 bits with these semantics; none if it is not one
  /// that a spec describes.
  static std::optional<MinifloatSpec> of(const llvm::fltSemantics &semantics);

  /// Empty if the spec describes a format, else what is wrong with it in words
  /// fit for a diagnostic. Every other method requires a valid spec. A valid
  /// spec has 2 to 16 bits, 1 to 8 exponent bits, a finite nonzero value, and
  /// only values that are exact in f32, whatever the bias. `negativeZero` needs
  /// a signed format without specials and must be a value that the format does
  /// not have otherwise.
  llvm::StringRef getInvalidReason() const;

  /// Bits of a code.
  unsigned getWidth() const {
    return exponentBits + mantissaBits + (hasSign ? 1 : 0);
  }
  uint64_t getNumCodes() const { return uint64_t(1) << getWidth(); }

  /// Largest finite value, exact.
  double getLargest() const;
  /// Lowest finite value: -getLargest(), or the smallest value of an unsigned
  /// format; `negativeZero` may lie beyond either.
  double getLowest() const;
  /// Smallest positive value.
  double getSmallestPositive() const;
  /// Code of the largest finite value, `negativeZero` aside.
  uint64_t getLargestCode() const;
  /// The canonical NaN (quiet, positive), none if the format has no NaN.
  std::optional<uint64_t> getNaNCode() const;
  /// Code of infinity with the given sign, none if the format has none.
  std::optional<uint64_t> getInfinityCode(bool negative) const;
  /// True if the code is NaN (IEEE formats have several such codes).
  bool isNaNCode(uint64_t code) const;
  bool hasZero() const { return specials != Specials::E8M0; }
  /// True if -0 has a code of its own.
  bool hasNegativeZero() const {
    return hasSign && specials != Specials::FNUZ && !negativeZero;
  }
  /// The smallest normal value, 2^(1 - B); for E8M0 the smallest value.
  double getSmallestNormal() const;

  /// The value of a code, exact (also in float). Bits above the width must be
  /// 0.
  double decode(uint64_t code) const;
  ExactReal decodeExact(uint64_t code) const;

  /// The code of `value` after one rounding.
  ///
  /// Nearest and directed rounding act on the exact value over the grid that
  /// the format would have with an unbounded exponent range; a HalfEven tie
  /// goes to the even significand. With M = 0 every normal significand is 1
  /// (odd), so a tie goes to the larger magnitude, except between 0 and the
  /// smallest value, where it goes to 0. A result beyond the largest finite
  /// value, and an infinite input, follow `overflow` (Wrap acts as Saturate:
  /// verifiers refuse it; SaturateSymmetric acts as Saturate but never gives a
  /// `negativeZero` below -largest). -0 and negative values that round to zero
  /// become -0 where the format has it, else +0.
  ///
  /// Without subnormals the grid below the smallest normal value is that value
  /// and 0; a HalfEven tie between them goes to 0.
  ///
  /// Between `negativeZero` and its neighbours on either side rounding is that
  /// of ValueTable: a HalfEven tie goes to the even code (negativeZero's is
  /// even), or towards zero if both are even; beyond a `negativeZero` at the
  /// end of the range the table goes on with the distance of its last gap. All
  /// other ties are those of the format without it.
  ///
  /// Unsigned formats: a negative value that does not round to zero overflows
  /// at the lower end: the lowest value under Saturate, NaN (if there is one)
  /// under Infinity, directed modes as above.
  ///
  /// E8M0 has M = 0, so a HalfEven tie (1.5 * 2^k) goes to 2^(k+1), as in
  /// APFloat and ml_dtypes; it is not decided by the parity of the code. Values
  /// in [0, 2^-127) become 2^-127 in every mode.
  uint64_t encode(const ExactReal &value,
                  RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  NaNMode nan = NaNMode::Zero) const;
  uint64_t encode(double value, RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  NaNMode nan = NaNMode::Zero) const {
    return encode(ExactReal::fromDouble(value), rounding, overflow, nan);
  }

  /// All finite values (+0 for zero) with their codes, and the rounding of
  /// encode between and beyond them, but for what Infinity does at an end: the
  /// steps of a lowering that searches a table.
  ValueTable getValueTable() const;

  /// The grid of the finite values; none if it needs more than
  /// IntegerGrid::kMaxBits bits (f16, bf16, f8E8M0FNU).
  std::optional<IntegerGrid> getIntegerGrid() const;

  bool operator==(const MinifloatSpec &other) const {
    return exponentBits == other.exponentBits &&
           mantissaBits == other.mantissaBits && bias == other.bias &&
           hasSign == other.hasSign && specials == other.specials &&
           hasSubnormals == other.hasSubnormals &&
           negativeZero == other.negativeZero;
  }
  bool operator!=(const MinifloatSpec &other) const {
    return !(*this == other);
  }

private:
  /// The same format with -0.
  MinifloatSpec getBase() const;
  uint64_t encodeBase(const ExactReal &value, RoundingMode rounding,
                      OverflowMode overflow, NaNMode nan) const;
  std::optional<uint64_t> encodeNearNegativeZero(const ExactReal &value,
                                                 RoundingMode rounding,
                                                 OverflowMode overflow) const;
  uint64_t encodeOverflow(bool negative, bool infinite, RoundingMode rounding,
                          OverflowMode overflow) const;
  uint64_t getSignBit(bool negative) const;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_MINIFLOAT_H
