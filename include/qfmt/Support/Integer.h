//===- Integer.h - Two's complement and unsigned formats --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_SUPPORT_INTEGER_H
#define QFMT_SUPPORT_INTEGER_H

#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/IntegerGrid.h"
#include "qfmt/Support/Rounding.h"
#include <cstdint>
#include <optional>

namespace mlir::qfmt {

/// A two's complement (width 1..64) or unsigned (width 1..63) integer. Codes
/// are the low `width` bits, zero above.
struct IntegerSpec {
  unsigned width;
  bool isSigned = true;

  int64_t getLowest() const {
    return isSigned ? int64_t(~uint64_t(0) << (width - 1)) : 0;
  }
  int64_t getLargest() const {
    unsigned magnitudeBits = isSigned ? width - 1 : width;
    return int64_t((uint64_t(1) << magnitudeBits) - 1);
  }
  uint64_t getMask() const { return ~uint64_t(0) >> (64 - width); }

  /// The integer a code denotes.
  int64_t decode(uint64_t code) const;
  /// The code of an integer that is in range.
  uint64_t encodeExact(int64_t value) const;

  /// The code of round(value + offset), the sum exact and rounded once, then
  /// clamped (Saturate, and Infinity, as integers have none) or reduced modulo
  /// 2^width (Wrap, for |value| < 2^126). Infinite values saturate in every
  /// mode. NaN gives the code of 0, which ignores `offset`: integers have no
  /// NaN, and a caller whose zero point is not 0 handles NaN before.
  uint64_t encode(const ExactReal &value,
                  RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  int64_t offset = 0) const;
  uint64_t encode(double value, RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  int64_t offset = 0) const {
    return encode(ExactReal::fromDouble(value), rounding, overflow, offset);
  }

  /// Unit 1; none above IntegerGrid::kMaxBits bits.
  std::optional<IntegerGrid> getIntegerGrid() const;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_INTEGER_H
