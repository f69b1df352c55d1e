//===- BlockMoves.h - Moves of encoded tensors ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encoded tensors move in whole blocks, by which each constituent moves alike:
// in units of the box of elements that share an entry of it
// (TensorFormat::getConstituentBlocks).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_BLOCKMOVES_H
#define QFMT_LIB_TRANSFORMS_BLOCKMOVES_H

#include "mlir/IR/Operation.h"

namespace mlir::qfmt {

/// For tensor.extract_slice, insert_slice, concat, expand_shape, collapse_shape
/// and linalg.transpose of encoded tensors: fails with a diagnostic if the
/// encodings differ or the operation cuts, joins or permutes what shares a
/// scale (spec C45, C46). Other operations pass.
LogicalResult verifyBlockMove(Operation *op);

/// A slice of a constituent: `offsets` and `sizes` of the tensor in units of
/// `box`. Dynamic ones are those of boxes of size 1.
void divideByBox(ArrayRef<int64_t> box, MutableArrayRef<int64_t> offsets,
                 MutableArrayRef<int64_t> sizes);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_BLOCKMOVES_H
