//===- LMul.cpp - Products by one integer addition ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/LMul.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir::qfmt;

llvm::StringRef LMulSpec::getInvalidReason() const {
  if (format.exponentBits < 1 || format.exponentBits > 8 ||
      format.mantissaBits < 1 || format.mantissaBits > 23)
    return "needs 1 to 8 exponent bits and 1 to 23 mantissa bits";
  if (!format.hasSign || format.specials == MinifloatSpec::Specials::E8M0)
    return "needs a signed format";
  if (!format.hasSubnormals || format.negativeZero)
    return "needs a format with subnormals and negative zero";
  // FNUZ has no -0, so the sign of a zero would have to be dropped.
  if (format.specials == MinifloatSpec::Specials::FNUZ)
    return "needs a format with negative zero";
  if (getMantissaBits() < 1 || getMantissaBits() > format.mantissaBits)
    return "must keep at least one mantissa bit and at most all";
  if (getOffsetShift() > 63)
    return "has an offset shift above 63";
  return {};
}

unsigned LMulSpec::getOffsetShift() const {
  unsigned bits = getMantissaBits();
  return offsetShift.value_or(bits <= 3 ? bits : bits == 4 ? 3 : 4);
}

int64_t LMulSpec::getConstant() const {
  unsigned bits = getMantissaBits();
  return int64_t(format.bias) * (int64_t(1) << bits) -
         ((int64_t(1) << bits) >> getOffsetShift());
}

/// The field without its low `drop` bits, half to even.
static uint64_t dropBits(uint64_t field, unsigned drop) {
  if (drop == 0)
    return field;
  uint64_t half = uint64_t(1) << (drop - 1);
  uint64_t kept = field >> drop, low = field & (2 * half - 1);
  return kept + (low > half || (low == half && (kept & 1)));
}

uint64_t LMulSpec::multiply(uint64_t a, uint64_t b) const {
  assert(getInvalidReason().empty() && "cannot be multiplied so");
  unsigned fieldBits = format.exponentBits + format.mantissaBits;
  uint64_t fieldMask = (uint64_t(1) << fieldBits) - 1;
  assert((a | b) >> (fieldBits + 1) == 0 && "bits above the width must be 0");
  uint64_t sign = (a ^ b) & ~fieldMask;
  uint64_t fieldA = a & fieldMask, fieldB = b & fieldMask;
  bool isZero =
      fieldA >> format.mantissaBits == 0 || fieldB >> format.mantissaBits == 0;
  std::optional<uint64_t> infinity = format.getInfinityCode(false);
  bool isInfinite = infinity == fieldA || infinity == fieldB;
  if (format.isNaNCode(a) || format.isNaNCode(b) || (isInfinite && isZero))
    return *format.getNaNCode();
  if (isInfinite)
    return sign | *infinity;
  if (isZero)
    return sign;
  unsigned drop = format.mantissaBits - getMantissaBits();
  int64_t field =
      int64_t(dropBits(fieldA, drop) + dropBits(fieldB, drop)) - getConstant();
  int64_t largest = int64_t(format.getLargestCode() >> drop);
  return sign | uint64_t(std::clamp<int64_t>(field, 0, largest)) << drop;
}

double mlir::qfmt::multiplyByEquation1(double x, double y,
                                       unsigned offsetShift) {
  if (x == 0 || y == 0)
    return x * y;
  int exponentX, exponentY;
  // frexp gives [1/2, 1): (1 + xm) * 2^xe = 2 * fraction * 2^(exponent - 1).
  double xm = 2 * std::frexp(std::fabs(x), &exponentX) - 1;
  double ym = 2 * std::frexp(std::fabs(y), &exponentY) - 1;
  double magnitude = std::ldexp(1 + xm + ym + std::ldexp(1, -int(offsetShift)),
                                exponentX + exponentY - 2);
  return std::signbit(x) != std::signbit(y) ? -magnitude : magnitude;
}
