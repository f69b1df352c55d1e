//===- Packing.h - Codes in bytes -------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two ways, CodePacking (of RoundingEnums.td). Bits: a dense little-endian
// stream. Bit j of element i is bit (i * width + j) of the stream; bit b of the
// stream is bit (b % 8) of byte (b / 8). At width 4 element 0 is thus the low
// nibble of byte 0, the rule of OCP MX.
//
// Base3: five ternary values w in a byte, 1.6 bits each. Elements 5i to 5i + 4
// make byte i = sum over k of (w_k + 1) * 3^(4 - k), at most 242; the digits of
// elements after the last are 0. A code is w in two bits of two's complement:
// 0, 1, 3 for 0, 1, -1. With b' = ceil(byte * 256 / 243) the digits come from
// products only, the first element first: digit = (b' * 3) >> 8, b' = (b' * 3)
// & 255.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_PACKING_H
#define QFMT_SUPPORT_PACKING_H

#include "qfmt/Support/Rounding.h" // CodePacking
#include "qfmt/Support/Rounding.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace mlir::qfmt {

/// Bytes of a stream of `count` elements of `width` bits: ceil(count*width/8).
inline uint64_t getPackedSize(uint64_t count, unsigned width) {
  return count / 8 * width + (count % 8 * width + 7) / 8;
}

/// The stream of the codes, 1 <= width <= 64. Every code must be below 2^width
/// (asserted). Unused bits of the last byte are 0.
std::vector<uint8_t> packBits(llvm::ArrayRef<uint64_t> codes, unsigned width);

/// The first `count` codes of a stream; none if it has fewer than
/// getPackedSize(count, width) bytes. Bits after the last code are ignored.
std::optional<std::vector<uint64_t>> unpackBits(llvm::ArrayRef<uint8_t> bytes,
                                                unsigned width, uint64_t count);

/// Bytes of `count` codes: as above, or ceil(count / 5) for Base3, where the
/// width is 2.
uint64_t getPackedSize(uint64_t count, unsigned width, CodePacking packing);

/// The bytes of the codes. Base3: every code must be 0, 1 or 3 (asserted).
std::vector<uint8_t> packCodes(llvm::ArrayRef<uint64_t> codes, unsigned width,
                               CodePacking packing);

/// The first `count` codes; none if there are fewer bytes than getPackedSize
/// or, for Base3, if one of those is above 242.
std::optional<std::vector<uint64_t>> unpackCodes(llvm::ArrayRef<uint8_t> bytes,
                                                 unsigned width, uint64_t count,
                                                 CodePacking packing);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_PACKING_H
