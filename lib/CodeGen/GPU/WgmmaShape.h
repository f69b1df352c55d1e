// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks of products by wgmma, and the choice among them.

#ifndef QFMT_LIB_CODEGEN_GPU_WGMMASHAPE_H
#define QFMT_LIB_CODEGEN_GPU_WGMMASHAPE_H

#include "BlockChoice.h"

namespace mlir::qfmt {

constexpr int64_t kThreadsPerWarpgroup = 128;

/// A block: warpgroups that multiply, each 64 rows by all columns, and one warp
/// that copies, or a warpgroup of which one warp does.
struct WgmmaShape {
  int64_t warpgroups;
  /// A multiple of 16 up to 256.
  int64_t columns;
  /// Parts of the factors that are in shared memory at a time.
  int64_t stages;
  /// Of products of fp8.
  bool hasFloats = false;

  int64_t getRows() const { return 64 * warpgroups; }
  /// Those that multiply come first.
  int64_t getConsumers() const { return kThreadsPerWarpgroup * warpgroups; }
  int64_t getThreads() const {
    return getConsumers() +
           (movesRegisters() ? kThreadsPerWarpgroup : kThreadsPerWarp);
  }
  /// Threads that multiply get registers of those that copy: an even share has
  /// no place for the sums of a part beside all others.
  bool movesRegisters() const {
    return hasFloats && warpgroups == 2 && columns == 256;
  }
  int64_t getSumsPerThread() const { return columns / 2; }
  /// Of shared memory: a part of the left factor, of both, and everything.
  int64_t getLhsBytes() const;
  int64_t getStageBytes() const;
  int64_t getSharedBytes() const;
};

/// None if no block of the requested size fits the shared memory.
std::optional<WgmmaShape> chooseWgmmaShape(const GpuTarget &target,
                                           const ProductSize &size,
                                           const BlockRequest &request,
                                           bool hasFloats);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_WGMMASHAPE_H
