//===- Packing.cpp - Codes in bytes ---------------------------------------===//
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

//===----------------------------------------------------------------------===//
// Base 3
//===----------------------------------------------------------------------===//

static constexpr unsigned kTritsPerByte = 5;
static constexpr unsigned kPatterns = 243;

static std::vector<uint8_t> packBase3(llvm::ArrayRef<uint64_t> codes) {
  std::vector<uint8_t> bytes;
  for (size_t first = 0; first < codes.size(); first += kTritsPerByte) {
    unsigned byte = 0;
    for (size_t i = first; i < first + kTritsPerByte; ++i) {
      byte *= 3;
      if (i >= codes.size())
        continue;
      assert(codes[i] != 2 && codes[i] <= 3 && "not a ternary code");
      // 3, 0, 1 to 0, 1, 2.
      byte += (codes[i] + 1) & 3;
    }
    bytes.push_back(uint8_t(byte));
  }
  return bytes;
}

static std::optional<std::vector<uint64_t>>
unpackBase3(llvm::ArrayRef<uint8_t> bytes, uint64_t count) {
  uint64_t size = getPackedSize(count, 2, CodePacking::Base3);
  if (size > bytes.size())
    return std::nullopt;
  std::vector<uint64_t> codes;
  codes.reserve(count);
  for (uint8_t byte : bytes.take_front(size)) {
    if (byte >= kPatterns)
      return std::nullopt;
    unsigned divisor = kPatterns / 3;
    for (unsigned k = 0; k < kTritsPerByte && codes.size() < count; ++k) {
      codes.push_back((byte / divisor % 3 + 3) & 3);
      divisor /= 3;
    }
  }
  return codes;
}

uint64_t mlir::qfmt::getPackedSize(uint64_t count, unsigned width,
                                   CodePacking packing) {
  if (packing == CodePacking::Base3)
    return count / kTritsPerByte + (count % kTritsPerByte != 0);
  return getPackedSize(count, width);
}

std::vector<uint8_t> mlir::qfmt::packCodes(llvm::ArrayRef<uint64_t> codes,
                                           unsigned width,
                                           CodePacking packing) {
  return packing == CodePacking::Base3 ? packBase3(codes)
                                       : packBits(codes, width);
}

std::optional<std::vector<uint64_t>>
mlir::qfmt::unpackCodes(llvm::ArrayRef<uint8_t> bytes, unsigned width,
                        uint64_t count, CodePacking packing) {
  return packing == CodePacking::Base3 ? unpackBase3(bytes, count)
                                       : unpackBits(bytes, width, count);
}
