//===- Packing.cpp - Dense little-endian bit streams ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Packing.h"
#include <cassert>

using namespace mlir::qfmt;

std::vector<uint8_t> mlir::qfmt::packBits(llvm::ArrayRef<uint64_t> codes,
                                          unsigned width) {
  assert(width >= 1 && width <= 64);
  std::vector<uint8_t> bytes;
  bytes.reserve(getPackedSize(codes.size(), width));
  // At most 7 bits are pending when a code of up to 64 arrives.
  unsigned __int128 pending = 0;
  unsigned pendingBits = 0;
  for (uint64_t code : codes) {
    assert((width == 64 || code >> width == 0) && "code wider than its format");
    pending |= (unsigned __int128)(code) << pendingBits;
    for (pendingBits += width; pendingBits >= 8; pendingBits -= 8) {
      bytes.push_back(uint8_t(pending));
      pending >>= 8;
    }
  }
  if (pendingBits)
    bytes.push_back(uint8_t(pending));
  return bytes;
}

std::optional<std::vector<uint64_t>>
mlir::qfmt::unpackBits(llvm::ArrayRef<uint8_t> bytes, unsigned width,
                       uint64_t count) {
  assert(width >= 1 && width <= 64);
  // Compared without overflow: a count from a file may be anything.
  if (count / 8 > bytes.size() / width ||
      getPackedSize(count, width) > bytes.size())
    return std::nullopt;
  std::vector<uint64_t> codes;
  codes.reserve(count);
  uint64_t mask = ~uint64_t(0) >> (64 - width);
  unsigned __int128 pending = 0;
  unsigned pendingBits = 0;
  size_t next = 0;
  for (uint64_t i = 0; i < count; ++i) {
    for (; pendingBits < width; pendingBits += 8)
      pending |= (unsigned __int128)(bytes[next++]) << pendingBits;
    codes.push_back(uint64_t(pending) & mask);
    pending >>= width;
    pendingBits -= width;
  }
  return codes;
}
