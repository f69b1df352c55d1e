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

/// The constituents; a plain tensor is its own.
static SmallVector<Tensor> getParts(const Value &value) {
  if (value.isEncoded())
    return llvm::to_vector(value.getConstituents());
  return {value.getTensor()};
}

/// What `parts` are of a tensor of `shape`, encoded as `like` is.
static Value join(const Value &like, ArrayRef<int64_t> shape,
                  SmallVector<Tensor> parts) {
  if (!like.isEncoded())
    return Value(std::move(parts.front()));
  EncodedTensorType type = like.getEncodedType();
  auto logical = RankedTensorType::get(shape, type.getLogicalElementType());
  return Value(EncodedTensorType::get(logical, type.getFormat()), parts);
}

/// For each constituent the box of elements that share an entry of it.
static FailureOr<SmallVector<SmallVector<int64_t>>>
getBlocks(Operation *op, const Value &value) {
  int64_t rank = value.getShape().size();
  if (!value.isEncoded())
    return SmallVector<SmallVector<int64_t>>{SmallVector<int64_t>(rank, 1)};
  EncodedTensorType type = value.getEncodedType();
  auto blocks = type.getFormat().getConstituentBlocks(rank);
  if (blocks.empty())
    return op->emitOpError()
           << "moves elements of " << type.getType()
           << ", whose constituents are not laid out like the tensor; "
              "dequantize first";
  return blocks;
}

/// The entries of a constituent that belong to `slice` of a tensor of `shape`,
/// where a `block` of elements shares an entry; none if it cuts a block.
static std::optional<Slice> divideSlice(Slice slice, ArrayRef<int64_t> shape,
                                        ArrayRef<int64_t> block) {
  for (auto [dim, extent] : llvm::enumerate(shape)) {
    int64_t &offset = slice.offsets[dim], &size = slice.sizes[dim];
    int64_t stride = slice.strides[dim];
    if (block[dim] == 1)
      continue;
    bool isWhole = offset == 0 && size == extent && stride == 1;
    if (ShapedType::isDynamic(block[dim])) {
      if (!isWhole)
        return std::nullopt;
      size = 1;
      continue;
    }
    bool endsAtBlock = size % block[dim] == 0 || offset + size == extent;
    if (!isWhole && (stride != 1 || offset % block[dim] != 0 || !endsAtBlock))
      return std::nullopt;
    offset /= block[dim];
    size = llvm::divideCeil(size, block[dim]);
  }
  return slice;
}

/// The slice of each constituent.
static FailureOr<SmallVector<Slice>>
getSlices(Operation *op, const Value &value, const Slice &slice) {
  auto blocks = getBlocks(op, value);
  if (failed(blocks))
    return failure();
  SmallVector<Slice> slices;
  for (ArrayRef<int64_t> block : *blocks) {
    std::optional<Slice> part = divideSlice(slice, value.getShape(), block);
    if (!part)
      return op->emitOpError()
             << "cuts through a block of " << value.getEncodedType().getType()
             << ", which shares a scale; dequantize first, or cut at block "
                "boundaries";
    slices.push_back(std::move(*part));
  }
  return slices;
}

FailureOr<Value> extractSlice(Operation *op, const Value &source,
                              const Slice &slice) {
  auto slices = getSlices(op, source, slice);
  if (failed(slices))
    return failure();
  SmallVector<Tensor> parts = getParts(source);
  for (auto [part, partSlice] : llvm::zip_equal(parts, *slices))
    part = extractSlice(part, partSlice);
  return join(source, slice.getReducedShape(), std::move(parts));
}

FailureOr<Value> insertSlice(Operation *op, const Value &source, Value target,
                             const Slice &slice) {
  auto slices = getSlices(op, target, slice);
  if (failed(slices))
    return failure();
  Value like = target.isEncoded() ? target : Value();
  SmallVector<int64_t> shape = llvm::to_vector(target.getShape());
  SmallVector<Tensor> parts = getParts(target);
  target = Value(); // The last user of its elements changes them in place.
  for (auto [part, from, partSlice] :
       llvm::zip_equal(parts, getParts(source), *slices))
    part = insertSlice(from, std::move(part), partSlice);
  return join(like, shape, std::move(parts));
}

FailureOr<Value> transpose(Operation *op, const Value &source,
                           ArrayRef<int64_t> permutation) {
  auto blocks = getBlocks(op, source);
  if (failed(blocks))
    return failure();
  SmallVector<Tensor> parts = getParts(source);
  for (auto [part, block] : llvm::zip_equal(parts, *blocks)) {
    for (auto [to, from] : llvm::enumerate(permutation))
      if (block[to] != block[from])
        return op->emitOpError()
               << "permutes the blocks of " << source.getEncodedType().getType()
               << ", which are not the same in dimensions " << from << " and "
               << to << "; dequantize first";
    part = transpose(part, permutation);
  }
  return join(source, parts.front().getShape(), parts);
}

FailureOr<Value> reshape(Operation *op, const Value &source,
                         ArrayRef<int64_t> shape) {
  auto blocks = getBlocks(op, source);
  if (failed(blocks))
    return failure();
  SmallVector<Tensor> parts = getParts(source);
  parts.front() = parts.front().reshape(shape);
  for (auto [part, block] : llvm::drop_begin(llvm::zip(parts, *blocks))) {
    if (!llvm::all_of(block, ShapedType::isDynamic))
      return op->emitOpError()
             << "reshapes " << source.getEncodedType().getType()
             << ", whose scales are those of blocks; dequantize first";
    part = part.reshape(SmallVector<int64_t>(shape.size(), 1));
  }
  return join(source, shape, std::move(parts));
}

FailureOr<Value> movePayload(Operation *op, const Value &value,
                             function_ref<Tensor(const Tensor &)> move) {
  EncodedTensorType type = value.getEncodedType();
  if (!type.getFormat().isStatic())
    return op->emitOpError()
           << "moves elements of " << type.getType()
           << ", whose constituents besides the payload come at run time; the "
              "reference evaluator pads static formats only";
  Tensor payload = move(value.getConstituents().front());
  SmallVector<int64_t> shape = llvm::to_vector(payload.getShape());
  return join(value, shape, {std::move(payload)});
}

Value makeUndefinedLike(const Value &like, ArrayRef<int64_t> shape) {
  if (!like.isEncoded())
    return Value(Tensor(shape, like.getTensor().getElementType()));
  EncodedTensorType type = like.getEncodedType();
  auto logical = RankedTensorType::get(shape, type.getLogicalElementType());
  type = EncodedTensorType::get(logical, type.getFormat());
  SmallVector<Tensor> parts;
  for (const Constituent &part : type.getConstituents())
    parts.emplace_back(part.type.getShape(), part.type.getElementType());
  return Value(type, parts);
}

LogicalResult verifySameFormat(Operation *op, ArrayRef<Value> values) {
  auto getFormat = [](const Value &value) {
    return value.isEncoded() ? value.getEncodedType().getFormat()
                             : TensorFormat();
  };
  for (const Value &value : values)
    if (getFormat(value) != getFormat(values.front()))
      return op->emitOpError()
             << "joins tensors of different formats; convert them to one";
  return success();
}

} // namespace mlir::qfmt::reference
