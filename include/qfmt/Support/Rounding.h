//===- Rounding.h - Rounding, overflow and NaN modes ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The modes every encode takes, and the one decision all rounding code shares.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_ROUNDING_H
#define QFMT_SUPPORT_ROUNDING_H

namespace mlir::qfmt {

/// How an exact real is mapped to one of its two representable neighbours.
/// The first three go to the nearest neighbour and differ in ties only.
enum class RoundingMode {
  /// Ties to the neighbour whose significand is even (IEEE roundTiesToEven).
  HalfEven,
  /// Ties away from zero.
  HalfAway,
  /// Ties towards +infinity: floor(x + 1/2) on a uniform grid.
  HalfUp,
  /// Truncation.
  TowardZero,
  /// Towards -infinity.
  Floor,
  /// Towards +infinity.
  Ceil
};

/// What becomes of a value whose rounded magnitude exceeds the format's range.
enum class OverflowMode {
  /// The largest (or lowest) finite value, for infinite inputs as well.
  Saturate,
  /// The low bits of the two's complement code. Integer formats only.
  Wrap,
  /// IEEE 754: infinity; NaN where the format has no infinity; saturation where
  /// it has neither. A directed rounding mode that points back into the range
  /// (TowardZero; Floor above it; Ceil below it) stops at the largest finite
  /// value, as in IEEE 754 section 7.4.
  Infinity
};

/// What becomes of a NaN input.
enum class NaNMode {
  /// Zero (the smallest code of a format without zero).
  Zero,
  /// The format's canonical NaN; zero where the format has none.
  Propagate
};

/// What is cut off below the last kept digit, relative to half a unit of it.
enum class Remainder { Zero, BelowHalf, Half, AboveHalf };

/// True if a magnitude, truncated to an integer number of units with the given
/// remainder, must be incremented. `odd` is the parity of the truncated
/// magnitude. Exhaustive over every mode; this is the only place that knows
/// what a mode means.
inline bool roundsAwayFromZero(RoundingMode mode, bool negative, bool odd,
                               Remainder remainder) {
  if (remainder == Remainder::Zero)
    return false;
  switch (mode) {
  case RoundingMode::HalfEven:
    return remainder == Remainder::AboveHalf ||
           (remainder == Remainder::Half && odd);
  case RoundingMode::HalfAway:
    return remainder != Remainder::BelowHalf;
  case RoundingMode::HalfUp:
    return remainder == Remainder::AboveHalf ||
           (remainder == Remainder::Half && !negative);
  case RoundingMode::TowardZero:
    return false;
  case RoundingMode::Floor:
    return negative;
  case RoundingMode::Ceil:
    return !negative;
  }
  return false;
}

/// True if values beyond the range on the given side round to infinity rather
/// than to the last finite value (IEEE 754 section 7.4).
inline bool overflowsToInfinity(RoundingMode mode, bool negative) {
  switch (mode) {
  case RoundingMode::HalfEven:
  case RoundingMode::HalfAway:
  case RoundingMode::HalfUp:
    return true;
  case RoundingMode::TowardZero:
    return false;
  case RoundingMode::Floor:
    return negative;
  case RoundingMode::Ceil:
    return !negative;
  }
  return true;
}

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_ROUNDING_H
