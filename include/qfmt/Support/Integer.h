//===- Integer.h - Two's complement and unsigned formats --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The integers lowest..largest as two's complement or plain binary codes: i8,
// ui4, i1 = {0, -1}, ui1 = {0, 1}, the narrow range -127..127 in 8 bits, the
// ternary -1..1 in 2 bits.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_INTEGER_H
#define QFMT_SUPPORT_INTEGER_H

#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/IntegerGrid.h"
#include "qfmt/Support/Rounding.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace mlir::qfmt {

/// A two's complement (width 1..64) or unsigned (width 1..63) integer. Codes
/// are the low `width` bits, zero above.
struct IntegerSpec {
  unsigned width;
  bool isSigned = true;
  /// Ends of a range narrower than the width allows. The codes outside denote
  /// their integers all the same, but encode makes none of them.
  std::optional<int64_t> lowest = std::nullopt;
  std::optional<int64_t> largest = std::nullopt;

  /// Empty if the spec describes a format, else what is wrong with it in words
  /// fit for a diagnostic. A valid spec has a width as above and a range that
  /// lies within it, holds 0, and has at least two values.
  llvm::StringRef getInvalidReason() const;

  /// The ends that the width allows.
  int64_t getFullLowest() const {
    return isSigned ? int64_t(~uint64_t(0) << (width - 1)) : 0;
  }
  int64_t getFullLargest() const {
    unsigned magnitudeBits = isSigned ? width - 1 : width;
    return int64_t((uint64_t(1) << magnitudeBits) - 1);
  }
  int64_t getLowest() const { return lowest.value_or(getFullLowest()); }
  int64_t getLargest() const { return largest.value_or(getFullLargest()); }
  bool isFullRange() const {
    return getLowest() == getFullLowest() && getLargest() == getFullLargest();
  }
  /// The lowest integer that encode makes under an overflow mode:
  /// max(lowest, -largest) for SaturateSymmetric.
  int64_t getLowest(OverflowMode overflow) const;
  uint64_t getMask() const { return ~uint64_t(0) >> (64 - width); }

  /// The integer a code denotes.
  int64_t decode(uint64_t code) const;
  /// The code of an integer that the width holds.
  uint64_t encodeExact(int64_t value) const;

  /// The code of round(value + offset), the sum exact and rounded once, then
  /// for |value| < 2^126
  /// - clamped to the range (Saturate; and Infinity, as integers have none);
  /// - clamped to [-largest, largest] within it (SaturateSymmetric);
  /// - reduced modulo 2^width (Wrap; Saturate for a range narrower than the
  ///   width, where verifiers refuse it);
  /// - 0 if it lies outside the range (Zero).
  /// Infinite values saturate, or give 0 (Zero). NaN gives the code of 0, which
  /// ignores `offset`: integers have no NaN, and a caller whose zero point is
  /// not 0 handles NaN before.
  uint64_t encode(const ExactReal &value,
                  RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  int64_t offset = 0) const;
  uint64_t encode(double value, RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  int64_t offset = 0) const {
    return encode(ExactReal::fromDouble(value), rounding, overflow, offset);
  }

  /// Unit 1, for every code of the width, also those outside a narrower range
  /// (a buffer may hold them); none above IntegerGrid::kMaxBits bits.
  std::optional<IntegerGrid> getIntegerGrid() const;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_INTEGER_H
