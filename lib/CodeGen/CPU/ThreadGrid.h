// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the rows and columns of a matrix product are shared among threads.

#ifndef QFMT_LIB_CODEGEN_CPU_THREADGRID_H
#define QFMT_LIB_CODEGEN_CPU_THREADGRID_H

#include "mlir/IR/Operation.h"

namespace mlir::qfmt {

/// rows x columns threads, each with a rectangle of the result.
struct ThreadGrid {
  int64_t rows = 1, columns = 1;
};

/// Rows, or blocks of columns, of a product.
struct ThreadedDimension {
  /// Dynamic, if unknown.
  int64_t size;
  /// A thread gets a multiple of so many.
  int64_t unit;
};

/// For `product`, whose module says how many threads there are; a row times a
/// block of columns takes about `cellCycles` cycles. One thread if there is too
/// little work for more. A remark says which.
ThreadGrid chooseThreadGrid(Operation *product, const ThreadedDimension &rows,
                            const ThreadedDimension &blocks, double cellCycles);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_THREADGRID_H
