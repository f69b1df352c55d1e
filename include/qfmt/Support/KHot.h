//===- KHot.h - Integers of at most K one bits ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of at most K distinct powers of two (QFX, arXiv 2401.17544): a product
// with one is K shifts and K - 1 additions. The code is the number itself:
// plain binary if unsigned, sign-magnitude if signed. All such numbers of 4
// unsigned bits for K = 2, a neighbour each:
//
//   0 1 2 3 4 5 6 8 9 10 12
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_KHOT_H
#define QFMT_SUPPORT_KHOT_H

#include "qfmt/Support/ValueTable.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::qfmt {

struct KHotSpec {
  /// The sign included.
  unsigned width;
  /// K: the most one bits of a magnitude.
  unsigned maxOnes;
  bool isSigned = true;

  /// Empty if the spec describes a format, else what is wrong with it in words
  /// fit for a diagnostic. A valid spec has 1 to 15 bits of magnitude (a signed
  /// one 2 to 16 in all, an unsigned one 1 to 15) and 1 <= K <= bits of
  /// magnitude.
  llvm::StringRef getInvalidReason() const;

  unsigned getMagnitudeBits() const { return width - (isSigned ? 1 : 0); }
  /// The K ones at the high end.
  int64_t getLargest() const;

  /// The number a code denotes: every code has one, also the codes with more
  /// than K ones and that of -0 (which denotes -0), which encode never makes.
  double decode(uint64_t code) const;

  /// The values, with these codes, +0 for zero. Thresholds are midpoints. A
  /// HalfEven tie goes to the even number, if both are even or odd to the
  /// smaller magnitude; beyond the ends lies 2^(bits of magnitude), the next
  /// number of one bit. Encoding the way of QFX is HalfTowardZero.
  ValueTable getTable() const;

  /// Unit 1.
  IntegerGrid getIntegerGrid() const { return {0, getMagnitudeBits()}; }

  bool operator==(const KHotSpec &other) const {
    return width == other.width && maxOnes == other.maxOnes &&
           isSigned == other.isSigned;
  }
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_KHOT_H
