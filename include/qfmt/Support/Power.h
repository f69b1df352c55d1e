//===- Power.h - Uniform in a power of the value ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PowerQuant and NUPES (arXiv 2301.09858, 2308.05600): the integer q denotes
// sign(q) * |q|^(1/a), and x becomes the integer nearest to sign(x) * |x|^a, at
// most L = 2^(b-1) - 1 in magnitude. A scale that maps the largest magnitude to
// L^(1/a) makes this their L * |x / max|^a. b = 3 bits, a = 1/2:
//
//   q      -3  -2  -1  0  1  2  3
//   value  -9  -4  -1  0  1  4  9
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_POWER_H
#define QFMT_SUPPORT_POWER_H

#include "qfmt/Support/ValueTable.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::qfmt {

struct PowerSpec {
  /// b.
  unsigned width;
  /// a. What counts is n = 1 / a rounded to f64: 1.0 / 3 means n = 3.
  double exponent;

  /// Empty if the spec describes a format, else what is wrong with it in words
  /// fit for a diagnostic. A valid spec has 2 to 16 bits, a finite exponent
  /// above 0, and values that f32 holds and tells apart (at 8 bits
  /// 0.06 <= a <= 1000).
  llvm::StringRef getInvalidReason() const;

  /// L.
  int64_t getLargestInteger() const { return (int64_t(1) << (width - 1)) - 1; }

  /// The value of a code, two's complement q: |q|^n rounded to f32, to
  /// nearest even. If n is an integer and n * b <= 63 the real is rounded once;
  /// else it is first computed in long double, and the result may be off by one
  /// f32 unit where the real lies within 2^-62 (relatively) of a tie. -2^(b-1),
  /// which encode never makes, denotes what the formula says.
  double decode(uint64_t code) const;

  /// The values with these codes. The threshold between q and q + 1 (q >= 0) is
  /// (q + 1/2)^n, not the midpoint of the values: to nearest, x becomes
  /// round(|x|^a), with a tie where that is one. Exact for every f64 x if n
  /// is an integer and n * b <= 63 (a = 1: the symmetric integers),
  /// else but for an x within 2^-62 (relatively) of a threshold.
  /// Directed modes compare with the values. Beyond the ends lies
  /// +-(L + 1)^n.
  ValueTable getTable() const;

  bool operator==(const PowerSpec &other) const {
    return width == other.width && exponent == other.exponent;
  }
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_POWER_H
