//===- LMul.h - Products by one integer addition ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// L-Mul ("Addition is all you need", arXiv 2410.00907): the bit patterns of two
// floats without their signs are added and a constant is taken off. With the
// field of a number its E + M bits of exponent and mantissa,
//
//   field(r) = field(a) + field(b) - K,   K = (bias << M) - (2^M >> l),
//
// l = M for M <= 3, 3 for M = 4, 4 above; the carry of the mantissas goes into
// the exponent. For the mantissa fractions' sum F = xm + ym + 2^-l the result
// is (1 + F) * 2^e if F < 1, and 2 F * 2^e if F >= 1: twice the fraction's
// excess, unlike equation 1 of the paper, (1 + F) * 2^e always (see
// multiplyByEquation1). K: f32 0x3F780000, bf16 0x3F78, f16 0x3BC0, E4M3 55,
// E5M2 59.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_LMUL_H
#define QFMT_SUPPORT_LMUL_H

#include "qfmt/Support/Minifloat.h"

namespace mlir::qfmt {

struct LMulSpec {
  /// The layout of operands and result; f32 is {8, 23, 127, true, IEEE}. Up to
  /// 8 exponent bits and 32 bits in all, signed, with subnormals, not E8M0.
  MinifloatSpec format;
  /// k: operands are first rounded to k mantissa bits, half to even, with the
  /// exponent width kept, and M above stands for k. 0 < k <= M; none: M.
  std::optional<unsigned> keptMantissaBits = std::nullopt;
  /// l; none: by the rule above.
  std::optional<unsigned> offsetShift = std::nullopt;

  /// Empty if the spec can be used, else why not, in words for a diagnostic.
  llvm::StringRef getInvalidReason() const;

  /// k, or M.
  unsigned getMantissaBits() const {
    return keptMantissaBits.value_or(format.mantissaBits);
  }
  /// l.
  unsigned getOffsetShift() const;
  /// K, for fields of E + k bits. Negative only for a bias of 0 or less.
  int64_t getConstant() const;

  /// The code of the product, sign = exclusive or of the signs:
  /// - an operand whose exponent field is 0, zero and subnormals, counts as 0
  ///   and makes the result 0 (with the sign);
  /// - field(a) + field(b) < K gives 0 (with the sign);
  /// - a field above that of the largest finite value becomes that value, cut
  ///   to k mantissa bits;
  /// - NaN if an operand is NaN, or one is infinite and the other counts as 0;
  ///   else infinite if one is. An operand that rounds up to the infinite field
  ///   is not infinite: it counts as the number 2^(emax + 1).
  /// Mantissa bits of the result below the k-th are 0.
  uint64_t multiply(uint64_t a, uint64_t b) const;
};

/// Equation 1 of the paper in f64: (1 + xm + ym + 2^-l) * 2^(xe + ye) with the
/// sign; 0 if an operand is 0. For comparison only. Finite operands.
double multiplyByEquation1(double x, double y, unsigned offsetShift);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_LMUL_H
