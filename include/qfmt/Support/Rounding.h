//===- Rounding.h - Rounding, overflow and NaN modes ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The modes every encode takes, and the one decision all rounding code shares.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_ROUNDING_H
#define QFMT_SUPPORT_ROUNDING_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/DenseMapInfo.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <optional>

#include "qfmt/Support/RoundingEnums.h.inc"

namespace mlir::qfmt {

// The modes come from RoundingEnums.td, so that attributes and this library
// share them.
//
// RoundingMode: how an exact real is mapped to one of its two representable
// neighbours. HalfEven, HalfAway and HalfUp go to the nearest neighbour and
// differ in ties only: to the even significand, away from zero, towards
// +infinity (floor(x + 1/2) on a uniform grid). TowardZero, Floor and Ceil are
// directed.
//
// OverflowMode: what becomes of a value whose rounded magnitude exceeds the
// format's range.
// - Saturate: the largest (or lowest) finite value, for infinite inputs too.
// - Wrap: the low bits of the two's complement code. Integer formats only.
// - Infinity: IEEE 754, that is infinity; NaN where the format has no infinity;
//   saturation where it has neither. A directed rounding mode that points back
//   into the range (TowardZero; Floor above it; Ceil below it) stops at the
//   last finite value, as in IEEE 754 section 7.4.
//
// NaNMode: what becomes of a NaN.
// - Zero: zero (the smallest code of a format without zero).
// - Propagate: the format's canonical NaN; zero where the format has none.

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
