//===- KHot.cpp - Integers of at most K one bits --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/KHot.h"
#include "llvm/ADT/bit.h"
#include <cassert>
#include <cmath>

using namespace mlir::qfmt;

llvm::StringRef KHotSpec::getInvalidReason() const {
  if (isSigned && (width < 2 || width > 16))
    return "must have 2 to 16 bits";
  if (!isSigned && (width < 1 || width > 15))
    return "must have 1 to 15 bits";
  if (maxOnes < 1 || maxOnes > getMagnitudeBits())
    return "must allow at least one one bit and no more than its magnitude has";
  return {};
}

int64_t KHotSpec::getLargest() const {
  return ((int64_t(1) << maxOnes) - 1) << (getMagnitudeBits() - maxOnes);
}

double KHotSpec::decode(uint64_t code) const {
  assert(code >> width == 0 && "bits above the width must be 0");
  double magnitude = double(code & ((uint64_t(1) << getMagnitudeBits()) - 1));
  return code >> getMagnitudeBits() ? -magnitude : magnitude;
}

ValueTable KHotSpec::getTable() const {
  assert(getInvalidReason().empty() && "not a format");
  ValueTable::Definition definition;
  auto add = [&](uint64_t code) {
    definition.values.push_back(decode(code));
    definition.codes.push_back(code);
  };
  uint64_t end = uint64_t(1) << getMagnitudeBits();
  if (isSigned)
    for (uint64_t magnitude = end - 1; magnitude > 0; --magnitude)
      if (unsigned(llvm::popcount(magnitude)) <= maxOnes)
        add(end | magnitude);
  for (uint64_t magnitude = 0; magnitude < end; ++magnitude)
    if (unsigned(llvm::popcount(magnitude)) <= maxOnes)
      add(magnitude);
  ValueTable::Outside above{double(end),
                            {(double(end) + double(getLargest())) / 2}};
  definition.above = above;
  if (isSigned)
    definition.below =
        ValueTable::Outside{-above.value, {-above.threshold.value}};
  return ValueTable(std::move(definition));
}
