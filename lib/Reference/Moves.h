// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that move elements and compute nothing. They act on a plain tensor
// or on all constituents of an encoded one.

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

// The same of values. An encoded tensor moves in whole blocks: each constituent
// moves alike, in units of the elements that share its entries. Fails with a
// diagnostic on `op` if a block would be cut.

FailureOr<Value> extractSlice(Operation *op, const Value &source,
                              const Slice &slice);
/// `source` and `target` have one format.
FailureOr<Value> insertSlice(Operation *op, const Value &source, Value target,
                             const Slice &slice);
/// Keeps the format: its blocks must be the same in dimensions that change
/// place.
FailureOr<Value> transpose(Operation *op, const Value &source,
                           ArrayRef<int64_t> permutation);
/// The elements in row-major order in another shape; scales and zero points at
/// run time are those of the whole tensor.
FailureOr<Value> reshape(Operation *op, const Value &source,
                         ArrayRef<int64_t> shape);

/// Applies `move` to the payload of an encoded value. Fails with a diagnostic
/// on `op` if there are other constituents.
FailureOr<Value> movePayload(Operation *op, const Value &value,
                             function_ref<Tensor(const Tensor &)> move);

/// A tensor of `shape` in the format of `like`; what its elements are is not
/// said.
Value makeUndefinedLike(const Value &like, ArrayRef<int64_t> shape);

/// For operations that join values: fails with a diagnostic unless all are
/// plain or all have one format.
LogicalResult verifySameFormat(Operation *op, ArrayRef<Value> values);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_MOVES_H
