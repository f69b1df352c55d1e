//===- AccumulatorWidth.cpp - Bits of exact dot products ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/AccumulatorWidth.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir::qfmt;

unsigned mlir::qfmt::getExactAccumulatorBits(const IntegerSpec &a,
                                             const IntegerSpec &b,
                                             uint64_t terms) {
  return a.width + b.width + llvm::Log2_64_Ceil(terms);
}

unsigned mlir::qfmt::getExactAccumulatorBits(const MinifloatSpec &a,
                                             const MinifloatSpec &b,
                                             uint64_t terms) {
  unsigned product = (a.mantissaBits + 1) + (b.mantissaBits + 1);
  unsigned shifts = (1u << a.exponentBits) - 2 + (1u << b.exponentBits) - 2;
  return product + shifts + 1 + llvm::Log2_64_Ceil(terms);
}

uint64_t mlir::qfmt::getSafeChainLength(int64_t lo, int64_t hi, unsigned bits) {
  // 2^(bits - 1) is no int64_t for 64 bits; its magnitude is a uint64_t.
  uint64_t lowest = uint64_t(1) << (bits - 1), largest = lowest - 1;
  uint64_t length = kAnyLength;
  // A sum is extreme when all terms of one sign come first.
  if (hi > 0)
    length = std::min(length, largest / static_cast<uint64_t>(hi));
  if (lo < 0)
    length = std::min(length, lowest / (0 - static_cast<uint64_t>(lo)));
  return length;
}

uint64_t mlir::qfmt::getSafeWindow(llvm::ArrayRef<uint64_t> magnitudes,
                                   uint64_t limit) {
  uint64_t length = magnitudes.size();
  // [first, last] is the longest window that ends at `last` and fits.
  uint64_t first = 0, room = limit;
  for (auto [last, magnitude] : llvm::enumerate(magnitudes)) {
    if (magnitude > limit)
      return 0;
    while (magnitude > room)
      room += magnitudes[first++];
    room -= magnitude;
    // The window that is longer by one at the front does not fit.
    if (first > 0)
      length = std::min<uint64_t>(length, last - first + 1);
  }
  return length;
}
