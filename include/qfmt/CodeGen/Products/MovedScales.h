// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of decoded factors, multiplied elsewhere than where they were: after a
// sum instead of before each of its products.

#ifndef QFMT_CODEGEN_PRODUCTS_MOVEDSCALES_H
#define QFMT_CODEGEN_PRODUCTS_MOVEDSCALES_H

#include "mlir/IR/IRMapping.h"
#include "qfmt/CodeGen/Products/ScaledFactor.h"

namespace mlir::qfmt {

/// What `value` is computed by, up to what `mapping` has.
Value cloneComputation(OpBuilder &b, Value value, IRMapping &mapping);

class MovedScales {
public:
  /// `loops` has what each loop of `factor.decode` is among `numLoops` new ones
  /// of the operation that is to read the scale's operands.
  void add(const ScaledFactor &factor, Value scale, ArrayRef<AffineExpr> loops,
           unsigned numLoops);

  /// What the scales are computed from, one after the other, and how it is
  /// read.
  ArrayRef<Value> getOperands() const { return operands; }
  ArrayRef<AffineMap> getMaps() const { return maps; }

  /// `value` times each of the scales, in their order; `elements` are those of
  /// the operands.
  Value emit(OpBuilder &b, Location loc, Value value,
             ValueRange elements) const;

private:
  SmallVector<Value> scales, operands;
  SmallVector<AffineMap> maps;
};

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_MOVEDSCALES_H
