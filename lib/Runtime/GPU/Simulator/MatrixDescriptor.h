//===- MatrixDescriptor.h - Matrices in shared memory for wgmma -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A descriptor of 64 bits: bits 0-13 the begin, 16-29 the leading, 32-45 the
// stride offset, each in units of 16 bytes; 49-51 the base offset; 62-63 the
// swizzle: 0 none, 1 128 bytes, 2 64, 3 32.
//
// Element (i, byte b along k) of a matrix with k contiguous ("K-major"), s the
// bytes of the swizzle:
//
//   none     begin + stride * (i / 8) + leading * (b / 16) + 16 (i % 8) + b %
//   16 s        begin + stride * (i / 8) + s (i % 8) + b, then swizzled
//
// and with i contiguous ("MN-major", elements of 16 bits), byte a along i:
//
//   none     begin + stride * (a / 16) + leading * (k / 8) + 16 (k % 8) + a %
//   16 s        begin + leading * (a / s) + stride * (k / 8) + s (k % 8) + a %
//   s,
//            then swizzled
//
// Sources: PTX manual, "Matrix Descriptor Format" and "Strides" of wgmma.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_MATRIXDESCRIPTOR_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_MATRIXDESCRIPTOR_H

#include "SharedMemory.h"
#include "TensorMap.h"

namespace mlir::qfmt::sim {

struct MatrixDescriptor {
  explicit MatrixDescriptor(uint64_t bits)
      : begin(SharedMemory::get().base() + (bits & 0x3FFF) * 16),
        leading((bits >> 16 & 0x3FFF) * 16), stride((bits >> 32 & 0x3FFF) * 16),
        baseOffset(bits >> 49 & 7) {
    static constexpr uint8_t kSwizzles[] = {0, 3, 2, 1};
    swizzle = kSwizzles[bits >> 62];
  }

  /// Of the element `bytes` along the contiguous dimension, `other` along the
  /// other one.
  uint64_t addressOf(unsigned bytes, unsigned other, bool isKMajor) const {
    unsigned span = 16u << swizzle;
    bool isExchanged = swizzle == 0 && !isKMajor;
    uint64_t along = isExchanged ? stride : leading;
    uint64_t across = isExchanged ? leading : stride;
    return swizzleAddress(begin + along * (bytes / span) + bytes % span +
                              across * (other / 8) + span * (other % 8),
                          swizzle);
  }

  uint64_t begin, leading, stride;
  unsigned baseOffset;
  /// As in swizzleAddress.
  unsigned swizzle;
};

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_MATRIXDESCRIPTOR_H
