// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// By how many elements an operand of a linalg operation on buffers moves from
// one iteration of a loop to the next.

#ifndef QFMT_LIB_CONVERSION_LOOPSTRIDES_H
#define QFMT_LIB_CONVERSION_LOOPSTRIDES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// In elements; 0 for a scalar operand. None if the stride is not a constant.
std::optional<int64_t> getLoopStride(linalg::GenericOp op, OpOperand &operand,
                                     unsigned loop);

/// True if the operand does not move, or moves by one element.
bool isBroadcastOrContiguous(linalg::GenericOp op, OpOperand &operand,
                             unsigned loop);

/// The parallel loop along which every output is contiguous and most inputs are
/// contiguous or do not move; of equals the innermost. None if no loop has
/// contiguous outputs.
std::optional<unsigned> findVectorLoop(linalg::GenericOp op);

/// True if the last reduction has more than `maxShort` iterations and every
/// input is contiguous along it or does not move, but some input jumps along
/// `vectorLoop`: a product with a transposed matrix, the sum of a row. Then the
/// reduction is the better innermost loop.
bool prefersReduction(linalg::GenericOp op, unsigned vectorLoop,
                      int64_t maxShort);

/// True if every parallel loop moves every output, so that each iteration of
/// the parallel loops writes elements of its own.
bool hasInjectiveOutputs(linalg::GenericOp op);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CONVERSION_LOOPSTRIDES_H
