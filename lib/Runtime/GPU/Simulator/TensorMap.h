//===- TensorMap.h - Tensors that the copy engine knows ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_TENSORMAP_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_TENSORMAP_H

#include "Operations.h"

namespace mlir::qfmt::sim {

/// What this simulator writes in place of CUDA's 128 opaque bytes. Dimensions
/// from the innermost on.
struct TensorMap {
  static constexpr unsigned kMaxRank = 5;
  static constexpr uint64_t kMagic = 0x70616D2D746D6671;

  uint64_t magic;
  uint64_t address;
  uint64_t sizes[kMaxRank];
  /// In bytes; of the innermost dimension that of an element.
  uint64_t strides[kMaxRank];
  uint16_t box[kMaxRank];
  uint8_t rank, swizzle;

  uint64_t elementBytes() const { return strides[0]; }
  uint64_t rowBytes() const { return box[0] * elementBytes(); }
  uint64_t boxBytes() const;
};
static_assert(sizeof(TensorMap) <= 128);

/// Where a byte of shared memory really lies: bits 4 to 6 of its address are
/// combined with bits 7 to 9, as many as `swizzle` has: 0 none, 1 32 bytes, 2
/// 64, 3 128.
inline uint64_t swizzleAddress(uint64_t address, unsigned swizzle) {
  uint64_t mask = (uint64_t(1) << swizzle) - 1;
  return address ^ ((address >> 7 & mask) << 4);
}

/// Calls move(address in shared memory, address in global memory or 0 outside
/// of the tensor, bytes) for pieces of at most 16 bytes of the box at
/// `coordinates`.
void forEachPiece(const TensorMap &map, uint64_t shared,
                  const int32_t *coordinates,
                  llvm::function_ref<void(uint64_t, uint64_t, uint64_t)> move);

/// The map at `address`, or an error; of `rank` dimensions.
const TensorMap &getTensorMap(const Site &site, uint64_t address,
                              unsigned rank);

/// A buffer of device memory goes, and the maps of it with it.
void releaseTensorMaps(const void *buffer);

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_TENSORMAP_H
