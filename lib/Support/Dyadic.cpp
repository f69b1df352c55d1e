//===- Dyadic.cpp - Rescaling by m / 2^n ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Dyadic.h"
#include "qfmt/Support/ExactReal.h"
#include "llvm/ADT/bit.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir::qfmt;

double Dyadic::getValue() const {
  return std::ldexp(double(multiplier), -int(shift));
}

Dyadic Dyadic::getReduced() const {
  if (multiplier == 0)
    return {0, 0};
  unsigned zeros = std::min<unsigned>(llvm::countr_zero(multiplier), shift);
  return {multiplier >> zeros, shift - zeros};
}

std::optional<Dyadic> mlir::qfmt::approximateDyadic(double ratio,
                                                    unsigned multiplierBits) {
  assert(multiplierBits >= 1 && multiplierBits <= 31);
  if (!std::isfinite(ratio) || ratio < 0)
    return std::nullopt;
  if (ratio == 0)
    return Dyadic{0, 0};
  int exponent;
  std::frexp(ratio, &exponent);
  // ratio = f * 2^exponent, f in [1/2, 1): scaled by 2^shift it has just
  // multiplierBits bits before the binary point. Below 2^-32 shift would
  // exceed 62 and the multiplier gets fewer bits.
  int shift = std::min(int(multiplierBits) - exponent, int(Dyadic::kMaxShift));
  // Exact: a power of two, far from the ends of the double range. Not
  // floor(x + 0.5), which is wrong just below 0.5.
  double scaled = std::ldexp(ratio, shift);
  double whole = std::floor(scaled);
  uint64_t multiplier = uint64_t(whole) + (scaled - whole >= 0.5 ? 1 : 0);
  if (multiplier == uint64_t(1) << multiplierBits) {
    multiplier >>= 1;
    --shift;
  }
  // With few multiplier bits the ratio may exceed them: an integer with zeros
  // at the end.
  if (shift < 0) {
    if (-shift > 31)
      return std::nullopt;
    multiplier <<= -shift;
    shift = 0;
  }
  if (multiplier == 0 || multiplier > Dyadic::kMaxMultiplier)
    return std::nullopt;
  return Dyadic{uint32_t(multiplier), unsigned(shift)};
}

int64_t mlir::qfmt::applyDyadic(int64_t acc, Dyadic dyadic,
                                RoundingMode rounding) {
  assert(dyadic.isValid() && acc >= -Dyadic::kMaxAccumulator &&
         acc <= Dyadic::kMaxAccumulator && "operand out of range");
  int64_t product = acc * int64_t(dyadic.multiplier);
  if (dyadic.shift == 0)
    return product;
  bool negative = product < 0;
  uint64_t magnitude = negative ? -uint64_t(product) : uint64_t(product);
  uint64_t truncated = magnitude >> dyadic.shift;
  uint64_t low = magnitude - (truncated << dyadic.shift);
  uint64_t half = uint64_t(1) << (dyadic.shift - 1);
  Remainder remainder = low == 0     ? Remainder::Zero
                        : low < half ? Remainder::BelowHalf
                        : low > half ? Remainder::AboveHalf
                                     : Remainder::Half;
  truncated += roundsAwayFromZero(rounding, negative, truncated & 1, remainder);
  return negative ? -int64_t(truncated) : int64_t(truncated);
}

int64_t mlir::qfmt::applyDyadicTwice(int64_t acc, Dyadic dyadic) {
  assert(dyadic.shift >= 31 && "gemmlowp shifts left before");
  int64_t high =
      applyDyadic(acc, {dyadic.multiplier, 31}, RoundingMode::HalfUp);
  return applyDyadic(high, {1, dyadic.shift - 31}, RoundingMode::HalfAway);
}

double mlir::qfmt::relativeError(double ratio, Dyadic dyadic) {
  assert(ratio > 0 && std::isfinite(ratio));
  // Exact: both are doubles; their sum may need more than 127 bits only when
  // one is negligible, and then the quotient is 1 or infinite anyway.
  ExactReal exact = ExactReal::fromDouble(ratio);
  ExactReal value = ExactReal::fromDouble(dyadic.getValue());
  if (!ExactReal::addFits(exact, value))
    return std::fabs(dyadic.getValue() - ratio) / ratio;
  return std::fabs((value - exact).roundToDouble()) / ratio;
}
