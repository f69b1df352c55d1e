// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is computed from the sums of a product while they are in registers, as
// the accumulators of mma.sync m16n8 lie there.

#ifndef QFMT_LIB_CODEGEN_GPU_FRAGMENTSTORE_H
#define QFMT_LIB_CODEGEN_GPU_FRAGMENTSTORE_H

#include "KernelBuilder.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include <map>

namespace mlir::qfmt {

/// The sums of a warp: `rows` x `columns` tiles of 16 x 8. A thread has rows
/// g and g + 8 of each tile, g = lane / 4, and 2 `columns` neighbouring
/// columns: tile t of a warp consists of its columns 2 columns (c / 2) + 2 t +
/// c % 2, c = 0 ... 7.
struct FragmentShape {
  int64_t rows, columns;

  int64_t getNumRows() const { return 2 * rows; }
  int64_t getNumColumns() const { return 2 * columns; }
  /// The accumulator of a thread's row and column.
  int64_t getIndex(int64_t row, int64_t column) const {
    int64_t tile = row / 2 * columns + column / 2;
    return tile * 4 + row % 2 * 2 + column % 2;
  }
  /// A thread's row, counted from its first.
  int64_t getRow(int64_t row) const { return row / 2 * 16 + row % 2 * 8; }
};

/// Emits the body of a product for the sums of a thread, and stores.
class FragmentStore {
public:
  /// Outside of the kernel.
  FragmentStore(KernelBuilder &b, kernel::ProductOp op);

  /// In the kernel, before anything else.
  void enter(KernelBuilder &b);

  /// `row` and `column` are the first that the thread has; a null `numRows`
  /// says that all rows are there, and so does `hasAllColumns` of columns.
  void emit(KernelBuilder &b, const FragmentShape &shape, ArrayRef<Value> sums,
            Value row, Value column, Value numRows, bool hasAllColumns);

private:
  /// An operand of the body.
  struct Extra {
    GlobalBuffer buffer;
    AffineMap map;

    bool movesBy(unsigned dim) const { return map.isFunctionOfDim(dim); }
    /// Elements of neighbouring columns that are loaded at once.
    int64_t getLanes(int64_t limit) const;
    SmallVector<Value> load(KernelBuilder &b, Value row, Value column,
                            int64_t count) const;
  };

  int64_t getStoredColumns(const FragmentShape &shape) const;
  Value emitElement(KernelBuilder &b, Value sum, ArrayRef<Value> extras);

  kernel::ProductOp op;
  std::vector<Extra> extras;
  GlobalBuffer out;
  /// Constants of the body that were outside of it.
  IRMapping constants;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_FRAGMENTSTORE_H
