// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What surrounds a matrix product, computed on 16 columns of one row at a time:
// the initial values before it and the element-wise operations after it.

#ifndef QFMT_LIB_CODEGEN_CPU_CELLEMITTER_H
#define QFMT_LIB_CODEGEN_CPU_CELLEMITTER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/Products/EpilogueChain.h"

namespace mlir::qfmt {

/// Columns column ... column + valid - 1 of a row, in a vector of 16 lanes.
struct Cell {
  /// Of type index.
  Value row, column;
  int64_t valid;
};

/// The numbers of the 16 columns from `first`, an index, on.
Value emitColumns(ImplicitLocOpBuilder &b, Value first);

/// `init` at `cell`, a vector or a scalar that all lanes have. It is read from
/// `current`, a tensor that still has the elements of `init` there, or computed
/// if that is null: then isComputedByCell(init), before it got other readers.
Value emitInit(ImplicitLocOpBuilder &b, Value init, Value current,
               const Cell &cell);

/// The result of `op` at `cell`, given that of its input `before`. `current` is
/// a tensor that still has the elements of its output operand there.
Value emitElementwise(ImplicitLocOpBuilder &b, linalg::GenericOp op,
                      Value before, Value beforeValue, Value current,
                      const Cell &cell);

/// The elements of a matrix at `cell`.
Value emitLoad(ImplicitLocOpBuilder &b, Value matrix, const Cell &cell);

/// `tensor` with the valid lanes of `value` at `cell`.
Value emitStore(ImplicitLocOpBuilder &b, Value value, Value tensor,
                const Cell &cell);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_CELLEMITTER_H
