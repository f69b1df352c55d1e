//===- Packing.h - Dense little-endian bit streams --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bit j of element i is bit (i * width + j) of the stream; bit b of the stream
// is bit (b % 8) of byte (b / 8). At width 4 element 0 is thus the low nibble
// of byte 0, the rule of OCP MX.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_PACKING_H
#define QFMT_SUPPORT_PACKING_H

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

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_PACKING_H
