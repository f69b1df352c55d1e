// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What becomes of the sums of a matrix product: the element-wise operations
// that alone read them are computed while they are in registers, and only the
// last one's result is written.

#ifndef QFMT_LIB_CODEGEN_CPU_EPILOGUE_H
#define QFMT_LIB_CODEGEN_CPU_EPILOGUE_H

#include "CellEmitter.h"

namespace mlir::qfmt {

class Epilogue {
public:
  /// Of `product`, a matrix product on tensors: the longest chain that can be
  /// computed cell by cell.
  explicit Epilogue(linalg::GenericOp product);

  /// Why operations that read the sums are not in the chain; empty if there are
  /// none.
  StringRef getWhyNot() const { return whyNot; }
  size_t size() const { return chain.size(); }
  /// The last operation of the chain, or the product.
  linalg::GenericOp getLast() const {
    return chain.empty() ? product : chain.back();
  }

  /// Of the sums' elements.
  Type getSumType() const { return getElementTypeOrSelf(init); }

  /// What `emitStore` writes to: memory of its own, `numRows` x `numColumns`.
  Value emitOutput(ImplicitLocOpBuilder &b, OpFoldResult numRows,
                   int64_t numColumns) const;
  /// The product's initial values at `cell`, a vector of 16 lanes.
  Value emitStart(ImplicitLocOpBuilder &b, const Cell &cell) const;
  /// Lets `emitStore` write to a part of the result that begins at this row and
  /// column. Cells are those of the whole result, as before.
  void setOrigin(Value row, Value column) {
    originRow = row;
    originColumn = column;
  }
  /// `output` with what the chain makes of the sums at `cell`.
  Value emitStore(ImplicitLocOpBuilder &b, Value sums, const Cell &cell,
                  Value output) const;

  /// Puts `result` where the chain's result was; erases chain and product.
  void replace(ImplicitLocOpBuilder &b, Value result);

private:
  linalg::GenericOp product;
  SmallVector<linalg::GenericOp> chain;
  StringRef whyNot;
  Value init;
  /// Whether the initial values are computed, not loaded. Asked once: what is
  /// emitted reads them, too.
  bool computesInit;
  /// Null for 0.
  Value originRow, originColumn;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_EPILOGUE_H
