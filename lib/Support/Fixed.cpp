//===- Fixed.cpp - Fixed-point formats and their growth -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Fixed.h"
#include <algorithm>
#include <cmath>

using namespace mlir::qfmt;

llvm::StringRef FixedSpec::getInvalidReason() const {
  if (width < 1 || width > 16)
    return "must have 1 to 16 bits";
  // f32: multiples of 2^-149 below 2^128. The largest magnitude, 2^(I - 1) or
  // (2^W - 1) * 2^(I - W), has the leading exponent I - 1.
  if (integerBits > 128 || integerBits < int(width) - 149)
    return "has values that f32 does not hold";
  return {};
}

double FixedSpec::getLowest() const {
  return std::ldexp(double(getInteger().getLowest()), -getFractionBits());
}

double FixedSpec::getLargest() const {
  return std::ldexp(double(getInteger().getLargest()), -getFractionBits());
}

ExactReal FixedSpec::decodeExact(uint64_t code) const {
  return ExactReal::fromInteger(getInteger().decode(code))
      .scaleByPowerOfTwo(-getFractionBits());
}

uint64_t FixedSpec::encode(const ExactReal &value, RoundingMode rounding,
                           OverflowMode overflow) const {
  return getInteger().encode(value.scaleByPowerOfTwo(getFractionBits()),
                             rounding, overflow);
}

std::optional<IntegerGrid> FixedSpec::getIntegerGrid() const {
  std::optional<IntegerGrid> grid = getInteger().getIntegerGrid();
  if (grid)
    grid->unitExponent = -getFractionBits();
  return grid;
}

FixedSpec FixedSpec::add(const FixedSpec &a, const FixedSpec &b) {
  bool isSigned = a.isSigned || b.isSigned;
  int integerBits = std::max(a.integerBits + int(isSigned && !a.isSigned),
                             b.integerBits + int(isSigned && !b.isSigned)) +
                    1;
  int fractionBits = std::max(a.getFractionBits(), b.getFractionBits());
  return {unsigned(integerBits + fractionBits), integerBits, isSigned};
}

FixedSpec FixedSpec::sub(const FixedSpec &a, const FixedSpec &b) {
  // Of two unsigned operands the added integer bit serves as the sign.
  FixedSpec result = add(a, b);
  result.isSigned = true;
  return result;
}

FixedSpec FixedSpec::mul(const FixedSpec &a, const FixedSpec &b) {
  return {a.width + b.width, a.integerBits + b.integerBits,
          a.isSigned || b.isSigned};
}
