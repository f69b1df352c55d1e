// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The right factor of a product of real numbers, K x N, as vectors of 16
// columns of one row. Where these vectors come from is a FactorColumns: a
// matrix in memory, as it lies or transposed, or a constant that is decoded.

#ifndef QFMT_LIB_CODEGEN_CPU_FACTORCOLUMNS_H
#define QFMT_LIB_CODEGEN_CPU_FACTORCOLUMNS_H

#include "ProductLoops.h"

namespace mlir::qfmt {

class FactorColumns {
public:
  /// What is done with row `k`, of type index: `columns` has a vector for each
  /// block of the panel. Values are carried from row to row.
  using Body = llvm::function_ref<SmallVector<Value>(
      Value k, ArrayRef<Value> columns, ArrayRef<Value> carried)>;

  /// Rows in groups, whose sums are multiplied by a scale of the group: `start`
  /// gives what the sums of a group begin with, `add` what is carried on after
  /// them. `scales` has a vector for each block of the panel.
  struct Groups {
    llvm::function_ref<SmallVector<Value>()> start;
    llvm::function_ref<SmallVector<Value>(
        ArrayRef<Value> sums, ArrayRef<Value> scales, ArrayRef<Value> carried)>
        add;
  };

  virtual ~FactorColumns();

  /// Rows first ... first + count - 1, one after the other; what `body` gave
  /// for the last one. `first` is a multiple of getStep().
  virtual SmallVector<Value> emitRows(ImplicitLocOpBuilder &b,
                                      const Panel &panel, Value first,
                                      int64_t count, ArrayRef<Value> carried,
                                      Body body) = 0;

  /// True if groups of rows have a common scale, which emitGroups leaves out.
  virtual bool hasGroups() const { return false; }
  /// emitRows, but `body` gets rows without their scales, and carries the sums
  /// of a group. Only if hasGroups().
  virtual SmallVector<Value> emitGroups(ImplicitLocOpBuilder &b,
                                        const Panel &panel, Value first,
                                        int64_t count, ArrayRef<Value> carried,
                                        Body body, const Groups &groups) {
    return emitRows(b, panel, first, count, carried, body);
  }

  virtual Type getElementType() const = 0;
  /// Rows that are read together.
  virtual int64_t getStep() const { return 1; }
  /// True if reading costs more than a load, so that it pays to keep what has
  /// been read.
  virtual bool isCostly() const { return false; }
  /// True if so many rows are read without a loop that the code for several
  /// blocks is too long. Of the last block all columns can then be read.
  virtual bool hasLongCode() const { return false; }
};

/// A matrix K x N in memory.
class RowMajorColumns : public FactorColumns {
public:
  explicit RowMajorColumns(Value matrix) : matrix(matrix) {}

  SmallVector<Value> emitRows(ImplicitLocOpBuilder &b, const Panel &panel,
                              Value first, int64_t count,
                              ArrayRef<Value> carried, Body body) override;
  Type getElementType() const override { return getElementTypeOrSelf(matrix); }

private:
  Value matrix;
};

/// A matrix N x K in memory: 16 vectors along K are transposed in registers.
class TransposedColumns : public FactorColumns {
public:
  explicit TransposedColumns(Value matrix) : matrix(matrix) {}

  SmallVector<Value> emitRows(ImplicitLocOpBuilder &b, const Panel &panel,
                              Value first, int64_t count,
                              ArrayRef<Value> carried, Body body) override;
  Type getElementType() const override { return getElementTypeOrSelf(matrix); }
  int64_t getStep() const override { return kColumnsPerBlock; }
  bool isCostly() const override { return true; }

private:
  /// Rows k ... k + count - 1 of a block, at most 16.
  SmallVector<Value> emitBlock(ImplicitLocOpBuilder &b, const Panel &panel,
                               int64_t block, Value k, int64_t count);

  Value matrix;
};

/// A panel that was read before, for the rows that have been.
class KeptColumns : public FactorColumns {
public:
  /// Reads rows first ... first + count - 1 of `panel`.
  KeptColumns(ImplicitLocOpBuilder &b, FactorColumns &source,
              const Panel &panel, Value first, int64_t count);

  SmallVector<Value> emitRows(ImplicitLocOpBuilder &b, const Panel &panel,
                              Value first, int64_t count,
                              ArrayRef<Value> carried, Body body) override;
  Type getElementType() const override { return getElementTypeOrSelf(memory); }

private:
  /// Where row `k` of a block lies, the first of which begins at `column`.
  Cell getCell(ImplicitLocOpBuilder &b, Value k, Value column, int64_t block);

  /// The number of the first row.
  Value begin;
  /// Rows x 16 columns a block.
  Value memory;
};

/// A loop over `count` numbers from `first` on, with values that are carried
/// from one to the next.
SmallVector<Value> emitCarryingLoop(
    ImplicitLocOpBuilder &b, Value first, int64_t count, int64_t step,
    ArrayRef<Value> carried,
    llvm::function_ref<SmallVector<Value>(Value i, ArrayRef<Value> carried)>
        body);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_FACTORCOLUMNS_H
