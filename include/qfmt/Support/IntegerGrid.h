//===- IntegerGrid.h - Values as multiples of a power of two ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A format whose finite values are all k * 2^unitExponent with small integers k
// has exact integer dot products: int8, minifloats of few exponent bits, fixed
// point, codebooks and ternary alike.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_INTEGERGRID_H
#define QFMT_SUPPORT_INTEGERGRID_H

#include "llvm/ADT/ArrayRef.h"
#include <optional>

namespace mlir::qfmt {

/// Every finite value is k * 2^unitExponent with |k| < 2^bits. Infinity and NaN
/// codes are not on the grid: whoever uses it must know that none occurs.
/// i8 has bits = 8, not 7, because of -128.
struct IntegerGrid {
  int unitExponent;
  unsigned bits;

  /// Wider grids are not reported: k must fit in 32 bits of magnitude.
  static constexpr unsigned kMaxBits = 32;

  bool operator==(const IntegerGrid &other) const {
    return unitExponent == other.unitExponent && bits == other.bits;
  }
};

/// The coarsest grid that holds all values; non-finite ones are skipped. None
/// if it needs more than IntegerGrid::kMaxBits bits. Only zeros: {0, 0}.
std::optional<IntegerGrid> computeIntegerGrid(llvm::ArrayRef<double> values);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_INTEGERGRID_H
