// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which uses of a tensor read its elements. torch-mlir passes a tensor as the
// `outs` of operations that only take its shape.

#ifndef QFMT_LIB_TRANSFORMS_LINALGUSES_H
#define QFMT_LIB_TRANSFORMS_LINALGUSES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// False for a linalg `outs` whose elements the body does not read.
inline bool readsElements(OpOperand &use) {
  auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
  return !op || !op.isDpsInit(&use) || op.payloadUsesValueFromOperand(&use);
}

/// The only operation that reads elements of `value`; null if there is none or
/// more than one.
inline Operation *getOnlyReader(Value value) {
  Operation *reader = nullptr;
  for (OpOperand &use : value.getUses()) {
    if (!readsElements(use) || use.getOwner() == reader)
      continue;
    if (reader)
      return nullptr;
    reader = use.getOwner();
  }
  return reader;
}

/// A linalg operation on tensors that computes each element of its one result
/// from single elements of its inputs: only parallel loops, the result indexed
/// by the loops themselves.
inline bool isElementwise(linalg::LinalgOp op) {
  return op.hasPureTensorSemantics() && op.getNumDpsInits() == 1 &&
         op.getNumLoops() == op.getNumParallelLoops() &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity();
}

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_LINALGUSES_H
