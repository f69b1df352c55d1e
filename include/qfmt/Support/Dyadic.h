//===- Dyadic.h - Rescaling by m / 2^n --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer-only requantization: a positive real ratio of scales is replaced by
// multiplier / 2^shift, and an accumulator is rescaled with one 64-bit product
// and one rounding shift (HAWQ-V3, arXiv 2011.10680).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_DYADIC_H
#define QFMT_SUPPORT_DYADIC_H

#include "qfmt/Support/Rounding.h"
#include <cstdint>
#include <optional>

namespace mlir::qfmt {

/// multiplier / 2^shift.
struct Dyadic {
  /// 0 <= multiplier < 2^31.
  uint32_t multiplier;
  /// 0 <= shift <= 62.
  unsigned shift;

  static constexpr uint32_t kMaxMultiplier = 0x7fffffff;
  static constexpr unsigned kMaxShift = 62;
  /// |acc| <= 2^31: an i32 accumulator and its negation.
  static constexpr int64_t kMaxAccumulator = int64_t(1) << 31;

  bool isValid() const {
    return multiplier <= kMaxMultiplier && shift <= kMaxShift;
  }
  /// True if the value is exactly 1.
  bool isOne() const {
    return shift <= 30 && multiplier == uint32_t(1) << shift;
  }
  /// Exact: a double holds 31 bits.
  double getValue() const;
  /// The same value with the smallest shift.
  Dyadic getReduced() const;

  bool operator==(const Dyadic &other) const {
    return multiplier == other.multiplier && shift == other.shift;
  }
};

/// The dyadic number nearest to `ratio` (ties up) with a multiplier of at most
/// `multiplierBits` significant bits (1..31) and shift <= 62.
///
/// For 2^(multiplierBits - 63) <= ratio < 2^31 the relative error is at most
/// 2^-multiplierBits (2^-31 for ratios of at least 2^-32). Below, shift stays
/// 62, the multiplier loses bits, and the absolute error is at most 2^-63: with
/// |acc| <= 2^31 no more than 2^-32 of an output unit. Zero gives {0, 0}.
/// None for a negative, infinite or NaN ratio, for one that rounds to 2^31 or
/// more, and for a positive one that rounds to zero (below 2^-63).
std::optional<Dyadic> approximateDyadic(double ratio,
                                        unsigned multiplierBits = 31);

/// round(acc * multiplier / 2^shift), the product exact, one rounding.
/// Requires |acc| <= 2^31 (asserted); then |product| <= 2^62 and the result
/// fits.
int64_t applyDyadic(int64_t acc, Dyadic dyadic,
                    RoundingMode rounding = RoundingMode::HalfEven);

/// The high multiply of gemmlowp (SaturatingRoundingDoublingHighMul, then
/// RoundingDivideByPOT): acc * multiplier / 2^31 rounded half up, the result
/// divided by 2^(shift - 31) and rounded half away from zero. Requires |acc| <=
/// 2^31 and shift >= 31 (asserted).
int64_t applyDyadicTwice(int64_t acc, Dyadic dyadic);

/// |dyadic - ratio| / ratio, for ratio > 0. The difference is formed exactly up
/// to one rounding to double.
double relativeError(double ratio, Dyadic dyadic);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_DYADIC_H
