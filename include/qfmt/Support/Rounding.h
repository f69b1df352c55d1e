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
// neighbours. The Half modes go to the nearest neighbour and differ in ties
// only. TowardZero, Floor and Ceil are directed. Beside each the quantization
// mode of ap_fixed (Vitis HLS) that means the same on a fixed-point grid:
//   HalfEven        tie to the even significand      AP_RND_CONV
//   HalfAway        tie away from zero               AP_RND_INF
//   HalfUp          tie towards +infinity            AP_RND
//   HalfDown        tie towards -infinity            AP_RND_MIN_INF
//   HalfTowardZero  tie towards zero                 AP_RND_ZERO
//   TowardZero      truncation of the magnitude      AP_TRN_ZERO
//   Floor           towards -infinity                AP_TRN
//   Ceil            towards +infinity                (none)
//
// OverflowMode: what becomes of a value that, rounded as if the format had no
// end, lies beyond its range.
// - Saturate (AP_SAT): the largest (or lowest) finite value, for infinite
//   inputs too.
// - Wrap (AP_WRAP): the low bits of the two's complement code. Integer and
//   fixed-point formats only.
// - Infinity: IEEE 754, that is infinity; NaN where the format has no infinity;
//   saturation where it has neither. A directed rounding mode that points back
//   into the range (TowardZero; Floor above it; Ceil below it) stops at the
//   last finite value, as in IEEE 754 section 7.4.
// - Zero (AP_SAT_ZERO): +0, for infinite inputs too; Saturate where the format
//   has no zero.
// - SaturateSymmetric (AP_SAT_SYM): Saturate, with the lowest value raised to
//   -largest: -2^(w-1) is never made from a two's complement format, not even
//   from -2^(w-1) itself. Unsigned formats: Saturate.
//
// NaNMode: what becomes of a NaN.
// - Zero: zero (the smallest code of a format without zero).
// - Propagate: the format's canonical NaN; zero where the format has none.

/// What is cut off below the last kept digit, relative to half a unit of it.
enum class Remainder { Zero, BelowHalf, Half, AboveHalf };

/// True if a magnitude, truncated to an integer number of units with the given
/// remainder, must be incremented. `odd` is the parity of the truncated
/// magnitude. Exhaustive over every mode; this and
/// ValueTable (values without units) are the only places that know what a mode
/// means.
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
  case RoundingMode::HalfDown:
    return remainder == Remainder::AboveHalf ||
           (remainder == Remainder::Half && negative);
  case RoundingMode::HalfTowardZero:
    return remainder == Remainder::AboveHalf;
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
  case RoundingMode::HalfDown:
  case RoundingMode::HalfTowardZero:
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
