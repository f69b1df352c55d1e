//===- Moves.h - Operations that move elements ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor that an operation only moves or selects elements of keeps the number
// format of its source: no value occurs that the source did not have.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ANALYSIS_MOVES_H
#define QFMT_ANALYSIS_MOVES_H

#include "mlir/IR/Operation.h"

namespace mlir::qfmt {

/// tensor.pad, expand_shape, collapse_shape, extract_slice and concat: they
/// may act on encoded tensors as they are.
bool isTensorMove(Operation *op);

/// The tensors whose elements a tensor move moves: all operands of a concat,
/// the first of the others.
OperandRange getMovedTensors(Operation *op);

/// The input of a linalg operation that yields one input unchanged (transpose,
/// broadcast, copy, or a generic that does); null for any other operation.
OpOperand *getCopiedInput(Operation *op);

/// The input of a linalg operation that reduces one input with a maximum
/// (max pooling among them); null for any other operation.
OpOperand *getMaximumInput(Operation *op);

} // namespace mlir::qfmt

#endif // QFMT_ANALYSIS_MOVES_H
