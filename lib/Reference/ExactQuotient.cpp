// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ExactQuotient.h"
#include "llvm/ADT/APInt.h"

using namespace mlir::qfmt;

namespace mlir::qfmt::reference {

/// 2^exponent with a sign.
static ExactReal makePower(bool negative, int exponent) {
  return ExactReal::make(negative, 1, exponent);
}

static llvm::APInt widen(ExactReal::Mantissa mantissa, unsigned width) {
  uint64_t words[] = {uint64_t(mantissa), uint64_t(mantissa >> 64)};
  return llvm::APInt(128, words).zext(width);
}

ExactReal divideForRounding(const ExactReal &a, const ExactReal &b) {
  if (!a.isFinite() || !b.isFinite() || a.isZero() || b.isZero())
    return ExactReal::divideRounded(a, b, BinaryFormat::f64());
  // The dividend is shifted by 192 bits, so that the quotient has at least 64.
  constexpr unsigned kShift = 192, kWidth = 128 + kShift, kKept = 124;
  llvm::APInt quotient, remainder;
  llvm::APInt::udivrem(widen(a.getMantissa(), kWidth).shl(kShift),
                       widen(b.getMantissa(), kWidth), quotient, remainder);
  unsigned bits = quotient.getActiveBits();
  unsigned dropped = bits > kKept ? bits - kKept : 0;
  bool isInexact = !remainder.isZero() || quotient.countr_zero() < dropped;
  quotient.lshrInPlace(dropped);
  ExactReal::Mantissa mantissa = ExactReal::Mantissa(quotient.getRawData()[1])
                                     << 64 |
                                 quotient.getRawData()[0];
  return ExactReal::make(
      a.isNegative() != b.isNegative(), mantissa | (isInexact ? 1 : 0),
      a.getExponent() - b.getExponent() - int(kShift) + int(dropped));
}

ExactReal subtractForRounding(const ExactReal &a, const ExactReal &b) {
  if (ExactReal::addFits(a, b))
    return a - b;
  if (a.abs() > b.abs())
    return a - makePower(b.isNegative(), a.getLeadingExponent() - 100);
  return makePower(a.isNegative(), b.getLeadingExponent() - 100) - b;
}

} // namespace mlir::qfmt::reference
