//===- Integer.cpp - Two's complement and unsigned formats ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Integer.h"
#include <algorithm>
#include <cassert>

using namespace mlir::qfmt;

llvm::StringRef IntegerSpec::getInvalidReason() const {
  if (width < 1 || width > (isSigned ? 64 : 63))
    return isSigned ? "must have 1 to 64 bits" : "must have 1 to 63 bits";
  if (getLowest() < getFullLowest() || getLargest() > getFullLargest())
    return "has a range that its bits do not hold";
  if (getLowest() > 0 || getLargest() < 0)
    return "has a range without 0";
  if (getLowest() == getLargest())
    return "must have at least two values";
  return {};
}

int64_t IntegerSpec::getLowest(OverflowMode overflow) const {
  return overflow == OverflowMode::SaturateSymmetric
             ? std::max(getLowest(), -getLargest())
             : getLowest();
}

int64_t IntegerSpec::decode(uint64_t code) const {
  assert((code & ~getMask()) == 0 && "bits above the width must be 0");
  if (!isSigned)
    return int64_t(code);
  unsigned unused = 64 - width;
  return int64_t(code << unused) >> unused;
}

uint64_t IntegerSpec::encodeExact(int64_t value) const {
  assert(value >= getFullLowest() && value <= getFullLargest() &&
         "out of range");
  return uint64_t(value) & getMask();
}

uint64_t IntegerSpec::encode(const ExactReal &value, RoundingMode rounding,
                             OverflowMode overflow, int64_t offset) const {
  if (value.isNaN())
    return 0;
  int64_t low = getLowest(overflow), high = getLargest();
  if (value.isInfinity()) {
    if (overflow == OverflowMode::Zero)
      return 0;
    return encodeExact(value.isNegative() ? low : high);
  }
  __int128 rounded = value.roundToInteger(rounding, offset);
  if (overflow == OverflowMode::Wrap && isFullRange())
    return uint64_t(rounded) & getMask();
  if (overflow == OverflowMode::Zero && (rounded < low || rounded > high))
    return 0;
  return encodeExact(int64_t(std::clamp<__int128>(rounded, low, high)));
}

std::optional<IntegerGrid> IntegerSpec::getIntegerGrid() const {
  if (width > IntegerGrid::kMaxBits)
    return std::nullopt;
  return IntegerGrid{0, width};
}
