//===- InnerValues.h - The insides of non-linear functions ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which values are steps of a non-linear function (softmax, layer norm, GELU),
// whoever decomposed it: found by what operations compute, not by patterns of
// known layers. docs/Quantization.md gives the rules.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_INNERVALUES_H
#define QFMT_LIB_TRANSFORMS_INNERVALUES_H

#include "DataValues.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::qfmt {

/// An element-wise linalg operation that computes an f32 tensor; one that only
/// copies is none.
bool isElementwiseComputation(Operation *op);

/// True if the body of an element-wise operation is exact on integers with
/// scales: sums, differences, minima, maxima, comparisons and selections of
/// data, and products with and quotients by constants.
bool carriesIntegers(linalg::LinalgOp op, const DataValues &data);

/// The uses that read elements of `value`, or of reshapes and copies of it.
SmallVector<OpOperand *> getReadersThroughMoves(Value value);

/// What `value` is a reshape or copy of.
Value skipMoves(Value value);

/// The inner values of a function.
class InnerValues {
public:
  InnerValues(FunctionOpInterface function, const DataValues &data);

  /// True for values inside of a non-linear function, its result included;
  /// not for what reshapes and copies make of them.
  bool contains(Value value) const { return inner.contains(value); }

  /// True for inner values that need a number format: something reads them that
  /// is neither element-wise nor a step of a function.
  bool isRead(Value value) const;

  /// True if `op` computes an inner value.
  bool isStep(Operation *op) const;

private:
  bool isInner(linalg::LinalgOp op) const;
  bool isHidden(Value value) const { return contains(value) && !isRead(value); }
  Value getOrigin(Value value) const;
  /// The tensors that depend on data which `op` reads, before moves.
  SmallVector<Value> getOperands(linalg::LinalgOp op) const;
  /// The common origin of what `op` reads; null if there are several.
  Value getCommonOrigin(linalg::LinalgOp op) const;

  const DataValues &data;
  llvm::DenseSet<Value> inner;
  /// Of what linalg computes element by element, and of all inner values: the
  /// tensor from which alone it is computed. Null: there are several.
  llvm::DenseMap<Value, Value> origins;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INNERVALUES_H
