// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that move elements and compute nothing. They act on a plain tensor
// and, where its format is static (no scale or zero point that comes at run
// time), on the payload of an encoded one.

#ifndef QFMT_LIB_REFERENCE_MOVES_H
#define QFMT_LIB_REFERENCE_MOVES_H

#include "Frame.h"

namespace mlir::qfmt::reference {

/// A box with strides inside of a tensor. `droppedDims` of size 1 are not in
/// the shape of the slice (rank reduction).
struct Slice {
  SmallVector<int64_t> offsets, sizes, strides;
  llvm::SmallBitVector droppedDims;

  SmallVector<int64_t> getReducedShape() const;
  /// Fails with a diagnostic on `op` if an element is outside of `shape`.
  LogicalResult verify(Operation *op, ArrayRef<int64_t> shape) const;
};

Tensor extractSlice(const Tensor &source, const Slice &slice);
Tensor insertSlice(const Tensor &source, Tensor target, const Slice &slice);
/// Dimension i of the result is dimension permutation[i] of the source.
Tensor transpose(const Tensor &source, ArrayRef<int64_t> permutation);

/// Applies `move` to the value's tensor or payload. Fails with a diagnostic on
/// `op` if the value's format is not static.
FailureOr<Value> moveValue(Operation *op, const Value &value,
                           function_ref<Tensor(const Tensor &)> move);

/// For operations that join values: fails with a diagnostic unless all are
/// plain or all have one static format.
LogicalResult verifySameFormat(Operation *op, ArrayRef<Value> values);

/// An encoded tensor of the format of `like` and the shape of `payload`; the
/// constituents other than the payload are those of `like`.
Value withPayload(const Value &like, Tensor payload);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_MOVES_H
