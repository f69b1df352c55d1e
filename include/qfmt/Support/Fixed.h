//===- Fixed.h - Fixed-point formats and their growth -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fixed<W, I>: W bits in all, I of them (the sign included) before the binary
// point, F = W - I after it. I may be negative or above W. A code is the two's
// complement (or plain binary) integer n and denotes n * 2^-F:
//
//   fixed<8, 3>   s i i . f f f f f      -4 .. 3.96875 in steps of 1/32
//
// The same numbers as ap_fixed<W, I> and ap_ufixed<W, I> of Vitis HLS, whose
// rounding and overflow modes Rounding.h lists.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_FIXED_H
#define QFMT_SUPPORT_FIXED_H

#include "qfmt/Support/Integer.h"

namespace mlir::qfmt {

struct FixedSpec {
  unsigned width;
  int integerBits;
  bool isSigned = true;

  /// Empty if the spec describes a number format, else what is wrong with it in
  /// words fit for a diagnostic. A valid spec has 1 to 16 bits and only values
  /// that are exact in f32. The results of the growth rules need not be valid:
  /// encode and decode serve every spec of at most 64 (unsigned: 63) bits.
  llvm::StringRef getInvalidReason() const;

  int getFractionBits() const { return int(width) - integerBits; }
  /// The format of the integers n.
  IntegerSpec getInteger() const { return {width, isSigned}; }

  /// Ends of the range, exact up to 53 bits.
  double getLowest() const;
  double getLargest() const;

  /// The value of a code; the double is exact up to 53 bits.
  ExactReal decodeExact(uint64_t code) const;
  double decode(uint64_t code) const {
    return decodeExact(code).roundToDouble();
  }

  /// The code of overflow(round(value * 2^F)): one rounding, the modes as in
  /// IntegerSpec::encode. NaN becomes 0.
  uint64_t encode(const ExactReal &value,
                  RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate) const;
  uint64_t encode(double value, RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate) const {
    return encode(ExactReal::fromDouble(value), rounding, overflow);
  }

  /// Unit 2^-F; none above IntegerGrid::kMaxBits bits.
  std::optional<IntegerGrid> getIntegerGrid() const;

  /// The smallest specs by the rules of ap_fixed that hold every sum,
  /// difference and product of two values.
  ///   a + b, a - b:  I = max(Ia, Ib) + 1, F = max(Fa, Fb)
  ///   a * b:         W = Wa + Wb, I = Ia + Ib
  /// If only one operand of a sum or difference is signed, the other counts
  /// with one integer bit more, its sign. A result is signed if an operand is;
  /// a difference always is.
  static FixedSpec add(const FixedSpec &a, const FixedSpec &b);
  static FixedSpec sub(const FixedSpec &a, const FixedSpec &b);
  static FixedSpec mul(const FixedSpec &a, const FixedSpec &b);

  bool operator==(const FixedSpec &other) const {
    return width == other.width && integerBits == other.integerBits &&
           isSigned == other.isSigned;
  }
  bool operator!=(const FixedSpec &other) const { return !(*this == other); }
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_FIXED_H
