// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// U x V * 16 sums of products of real numbers in registers:
//
//   U * V accumulators = initial values
//   for k
//     V vectors of 16 columns; for each row one number; multiply, add
//
// Each sum is added up in the order of k, by the operations of the product's
// body: numbers are those of the body executed one element after the other.
//
// Where groups of rows of the right factor have a common scale, and are decoded
// in registers, a tile with `groupsSums` takes that scale out of the sum:
//
//   sum over groups of (sum over the group of a[k] w[k]) s
//
// in order, a multiplication and an addition rounding once if the target can. A
// sum of n terms in G groups then is within (n + G + 2) 2^-24 sum |a w s| of
// the exact one, to first order, where n 2^-24 sum |a w s| bounds it otherwise.

#ifndef QFMT_LIB_CODEGEN_CPU_FLOATTILE_H
#define QFMT_LIB_CODEGEN_CPU_FLOATTILE_H

#include "FactorColumns.h"
#include "qfmt/CodeGen/CPU/CpuTarget.h"
#include "qfmt/CodeGen/Products/FloatProduct.h"

namespace mlir::qfmt {

class FloatTile : public RegisterTile {
public:
  /// `columns` is the right factor; with `keepsPanels` it is read once for each
  /// block of rows, else once for each tile.
  FloatTile(const FloatProduct &product, FactorColumns &columns,
            bool keepsPanels, bool groupsSums, const Epilogue &epilogue)
      : RegisterTile(epilogue), product(product), columns(columns),
        keepsPanels(keepsPanels),
        groupsSums(groupsSums && !keepsPanels && columns.hasGroups()) {}

  void emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                 const Part &part) override;

  /// Sizes for a product; a step is one term.
  static Blocking chooseBlocking(const CpuTarget &target,
                                 const FloatProduct &product,
                                 const FactorColumns &columns);

protected:
  SmallVector<Value> emitSums(ImplicitLocOpBuilder &b, const Rows &rows,
                              const Panel &panel, const Part &part,
                              Start start) override;

private:
  /// The left factor's element, a scalar.
  Value loadLeft(ImplicitLocOpBuilder &b, Value row, Value k);
  SmallVector<Value> emitTerm(ImplicitLocOpBuilder &b, const Rows &rows,
                              Value k, ArrayRef<Value> right,
                              ArrayRef<Value> sums);
  /// The sums of a group, times its scales, and `before`.
  SmallVector<Value> addGroup(ImplicitLocOpBuilder &b, ArrayRef<Value> sums,
                              ArrayRef<Value> scales, ArrayRef<Value> before);

  FloatProduct product;
  FactorColumns &columns;
  bool keepsPanels, groupsSums;
  std::unique_ptr<KeptColumns> kept;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_FLOATTILE_H
