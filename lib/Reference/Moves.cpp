// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Moves.h"

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

SmallVector<int64_t> Slice::getReducedShape() const {
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (!droppedDims.test(dim))
      shape.push_back(size);
  return shape;
}

LogicalResult Slice::verify(Operation *op, ArrayRef<int64_t> shape) const {
  for (auto [dim, size] : llvm::enumerate(shape)) {
    int64_t first = offsets[dim];
    int64_t last = first + (sizes[dim] - 1) * strides[dim];
    bool isInside = sizes[dim] == 0 ? first >= 0 && first <= size
                                    : std::min(first, last) >= 0 &&
                                          std::max(first, last) < size;
    if (sizes[dim] < 0 || !isInside)
      return op->emitOpError()
             << "takes " << sizes[dim] << " elements from offset " << first
             << " with stride " << strides[dim] << " of dimension " << dim
             << ", which has size " << size;
  }
  return success();
}

/// Calls `visit` with the element number inside of the whole tensor of each
/// element of the slice, in row-major order.
static void forEachElement(const Tensor &whole, const Slice &slice,
                           function_ref<void(int64_t)> visit) {
  SmallVector<int64_t> strides = whole.getStrides();
  forEachIndex(slice.sizes, [&](ArrayRef<int64_t> index) {
    int64_t element = 0;
    for (auto [dim, i] : llvm::enumerate(index))
      element += (slice.offsets[dim] + i * slice.strides[dim]) * strides[dim];
    visit(element);
  });
}

Tensor extractSlice(const Tensor &source, const Slice &slice) {
  Tensor result(slice.getReducedShape(), source.getElementType());
  ArrayRef<Scalar> from = source.getData();
  Scalar *to = result.getMutableData().data();
  forEachElement(source, slice,
                 [&](int64_t element) { *to++ = from[element]; });
  return result;
}

Tensor insertSlice(const Tensor &source, Tensor target, const Slice &slice) {
  const Scalar *from = source.getData().data();
  MutableArrayRef<Scalar> to = target.getMutableData();
  forEachElement(target, slice,
                 [&](int64_t element) { to[element] = *from++; });
  return target;
}

Tensor transpose(const Tensor &source, ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> sourceStrides = source.getStrides();
  SmallVector<int64_t> shape, strides;
  for (int64_t dim : permutation) {
    shape.push_back(source.getShape()[dim]);
    strides.push_back(sourceStrides[dim]);
  }
  Tensor result(shape, source.getElementType());
  ArrayRef<Scalar> from = source.getData();
  Scalar *to = result.getMutableData().data();
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t element = 0;
    for (auto [i, stride] : llvm::zip(index, strides))
      element += i * stride;
    *to++ = from[element];
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static LogicalResult verifyStatic(Operation *op, const Value &value) {
  if (!value.isEncoded() || value.getEncodedType().getFormat().isStatic())
    return success();
  return op->emitOpError()
         << "moves elements of " << value.getEncodedType().getType()
         << ", whose constituents besides the payload come at run time; the "
            "reference evaluator moves static formats only";
}

Value withPayload(const Value &like, Tensor payload) {
  EncodedTensorType type = like.getEncodedType();
  auto logical =
      RankedTensorType::get(payload.getShape(), type.getLogicalElementType());
  SmallVector<Tensor> parts = llvm::to_vector(like.getConstituents());
  parts.front() = std::move(payload);
  return Value(EncodedTensorType::get(logical, type.getFormat()), parts);
}

FailureOr<Value> moveValue(Operation *op, const Value &value,
                           function_ref<Tensor(const Tensor &)> move) {
  if (!value.isEncoded())
    return Value(move(value.getTensor()));
  if (failed(verifyStatic(op, value)))
    return failure();
  return withPayload(value, move(value.getConstituents().front()));
}

LogicalResult verifySameFormat(Operation *op, ArrayRef<Value> values) {
  auto getFormat = [](const Value &value) {
    return value.isEncoded() ? value.getEncodedType().getFormat()
                             : TensorFormat();
  };
  for (const Value &value : values) {
    if (failed(verifyStatic(op, value)))
      return failure();
    if (getFormat(value) != getFormat(values.front()))
      return op->emitOpError()
             << "joins tensors of different formats; convert them to one";
  }
  return success();
}

} // namespace mlir::qfmt::reference
