// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The body of a linalg.generic on vectors.

#ifndef QFMT_CONVERSION_VECTORBODY_H
#define QFMT_CONVERSION_VECTORBODY_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::qfmt {

/// True if `op`, of a body, works on vectors as on scalars, with any operand:
/// no division of integers, which traps.
bool isVectorizable(Operation &op);

/// True if vectors have the elements of all operands, and every operation of
/// the body works on vectors as on scalars, with any operand: no division of
/// integers, which traps.
bool hasVectorizableBody(linalg::GenericOp op);

/// The bits of the widest element that is loaded or stored along `loop`, at
/// least 8, and 32 if the body computes in that or more. Wider intermediate
/// values take several registers.
int64_t getElementBits(linalg::GenericOp op, unsigned loop);

/// Emits `op`, of a body, for operands that `mapping` has, each a scalar or a
/// vector of `lanes`: as a scalar operation if all are scalars.
void emitVectorized(OpBuilder &b, Operation &op, IRMapping &mapping,
                    int64_t lanes);

/// The body's results for `arguments`, each a scalar, a vector of `lanes` or
/// null where the body does not use it; the results are vectors. What is the
/// same in every lane is computed once, as a scalar. `emitIndex` gives the
/// value of a loop.
SmallVector<Value> emitVectorBody(OpBuilder &b, linalg::GenericOp op,
                                  ArrayRef<Value> arguments, int64_t lanes,
                                  function_ref<Value(unsigned)> emitIndex);

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_VECTORBODY_H
