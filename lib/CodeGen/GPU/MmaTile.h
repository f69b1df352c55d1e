// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How one block of threads computes a block of a matrix product. A pattern of
// computation is a MmaTile (IntegerMmaTile); grid, body and stores are the
// same for all.

#ifndef QFMT_LIB_CODEGEN_GPU_MMATILE_H
#define QFMT_LIB_CODEGEN_GPU_MMATILE_H

#include "FragmentStore.h"

namespace mlir::qfmt {

constexpr int64_t kThreadsPerWarp = 32;

/// Sizes of a block: warps of the block, and tiles of 16 x 8 of each warp.
struct BlockShape {
  int64_t warpRows, warpColumns;
  FragmentShape fragments;
  /// Parts of the factors that are in shared memory at a time, at least 2.
  int64_t stages;

  int64_t getThreads() const {
    return warpRows * warpColumns * kThreadsPerWarp;
  }
  int64_t getWarpRows() const { return 16 * fragments.rows; }
  int64_t getWarpColumns() const { return 8 * fragments.columns; }
  int64_t getRows() const { return warpRows * getWarpRows(); }
  int64_t getColumns() const { return warpColumns * getWarpColumns(); }
};

/// A thread and the block of the result that it works on; all of 32 bits.
struct BlockPlace {
  Value thread, lane;
  /// Of the warp within the block.
  Value warpRow, warpColumn;
  /// The first row and column of the block.
  Value row, column;
  /// Null if there are none.
  Value batch;
  /// Rows of the product, or the end of those of the batch; null if it has all
  /// rows of all blocks.
  Value numRows;
  /// The product has all columns of all blocks.
  bool hasAllColumns;
};

class MmaTile {
public:
  virtual ~MmaTile();

  /// Of a block.
  virtual int64_t getSharedBytes() const = 0;
  /// In the kernel, before anything else.
  virtual void enter(KernelBuilder &b) = 0;
  /// The neighbouring columns that a thread has; a warp has some such runs.
  virtual FragmentShape getRun() const = 0;
  /// The sums of a thread, run by run. `shared` is the
  /// address of the block's shared memory.
  virtual SmallVector<Value> emitSums(KernelBuilder &b, const BlockPlace &place,
                                      Value shared) = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_MMATILE_H
