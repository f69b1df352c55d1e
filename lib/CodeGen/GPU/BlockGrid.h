// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The blocks of a matrix product and the order in which they begin: some rows
// of blocks are neighbours, column by column, so that those that run at a time
// read little.

#ifndef QFMT_LIB_CODEGEN_GPU_BLOCKGRID_H
#define QFMT_LIB_CODEGEN_GPU_BLOCKGRID_H

#include "KernelBuilder.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"

namespace mlir::qfmt {

/// The part of the result that a block of threads computes; of 32 bits.
struct BlockOrigin {
  /// The first row and column.
  Value row, column;
  /// Null if there are none.
  Value batch;
  /// Rows of the product, or the end of those of the batch; null if it has all
  /// rows of all blocks.
  Value numRows;
  /// The product has all columns of all blocks.
  bool hasAllColumns;
};

class BlockGrid {
public:
  /// Of blocks of `rows` x `columns`.
  BlockGrid(kernel::ProductOp op, int64_t rows, int64_t columns)
      : op(op), rows(rows), columns(columns) {}

  /// A launch of `threads` threads for each block; leaves `b` in its body.
  gpu::LaunchOp beginLaunch(KernelBuilder &b, int64_t threads,
                            int64_t sharedBytes);
  /// In the kernel.
  BlockOrigin emitOrigin(KernelBuilder &b, gpu::LaunchOp launch);
  /// In the kernel: the address of the block's shared memory.
  static Value emitShared(KernelBuilder &b);

private:
  int64_t getBlockColumns();
  /// Of the block within those that are computed together.
  Value emitColumn(KernelBuilder &b, Value inside, Value height);

  kernel::ProductOp op;
  int64_t rows, columns;
  /// Of the product, or of each batch, outside of the kernel.
  Value numRows;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_BLOCKGRID_H
