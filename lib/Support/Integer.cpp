//===- Integer.cpp - Two's complement and unsigned formats ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Integer.h"
#include <algorithm>
#include <cassert>

using namespace mlir::qfmt;

int64_t IntegerSpec::decode(uint64_t code) const {
  assert((code & ~getMask()) == 0 && "bits above the width must be 0");
  if (!isSigned)
    return int64_t(code);
  unsigned unused = 64 - width;
  return int64_t(code << unused) >> unused;
}

uint64_t IntegerSpec::encodeExact(int64_t value) const {
  assert(value >= getLowest() && value <= getLargest() && "out of range");
  return uint64_t(value) & getMask();
}

uint64_t IntegerSpec::encode(const ExactReal &value, RoundingMode rounding,
                             OverflowMode overflow, int64_t offset) const {
  if (value.isNaN())
    return 0;
  if (value.isInfinity())
    return encodeExact(value.isNegative() ? getLowest() : getLargest());
  __int128 rounded = value.roundToInteger(rounding, offset);
  if (overflow == OverflowMode::Wrap)
    return uint64_t(rounded) & getMask();
  __int128 clamped = std::clamp<__int128>(rounded, getLowest(), getLargest());
  return encodeExact(int64_t(clamped));
}

std::optional<IntegerGrid> IntegerSpec::getIntegerGrid() const {
  if (width > IntegerGrid::kMaxBits)
    return std::nullopt;
  return IntegerGrid{0, width};
}
