// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BlockLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

BlockLoops::BlockLoops(MLIRContext *context, ArrayRef<int64_t> shape,
                       ArrayRef<int64_t> block)
    : context(context), shape(shape) {
  for (auto [index, size] : llvm::enumerate(shape)) {
    int64_t entry = block.empty() ? ShapedType::kDynamic : block[index];
    bool isWhole = ShapedType::isDynamic(entry) ||
                   (!ShapedType::isDynamic(size) && size > 0 && size <= entry);
    Dim dim{numLoops, isWhole, std::nullopt};
    if (!isWhole && entry > 1)
      dim.inner = entry;
    numLoops += dim.inner ? 2 : 1;
    dims.push_back(dim);
  }
}

bool BlockLoops::isSplit() const {
  return llvm::any_of(dims, [](const Dim &dim) { return dim.inner; });
}

AffineMap BlockLoops::getElementMap() const {
  return AffineMap::getMultiDimIdentityMap(numLoops, context);
}

AffineMap BlockLoops::getGridMap() const {
  SmallVector<AffineExpr> indices;
  for (const Dim &dim : dims)
    if (!dim.isWhole)
      indices.push_back(getAffineDimExpr(dim.loop, context));
  return AffineMap::get(numLoops, 0, indices, context);
}

bool BlockLoops::sharesInnermost() const {
  return !dims.empty() && (dims.back().isWhole || dims.back().inner);
}

SmallVector<utils::IteratorType> BlockLoops::getReductionIterators() const {
  SmallVector<utils::IteratorType> iterators(numLoops,
                                             utils::IteratorType::parallel);
  for (const Dim &dim : dims)
    if (dim.isWhole || dim.inner)
      iterators[dim.loop + (dim.inner ? 1 : 0)] =
          utils::IteratorType::reduction;
  return iterators;
}

SmallVector<ReassociationIndices> BlockLoops::getSplitReassociation() const {
  SmallVector<ReassociationIndices> groups;
  for (const Dim &dim : dims) {
    groups.push_back({dim.loop});
    if (dim.inner)
      groups.back().push_back(dim.loop + 1);
  }
  return groups;
}

/// One group a kept dimension; dropped ones join the group before, leading
/// ones the first.
SmallVector<ReassociationIndices> BlockLoops::getGridReassociation() const {
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices leading;
  for (auto [index, dim] : llvm::enumerate(dims)) {
    if (!dim.isWhole)
      groups.push_back(std::exchange(leading, {}));
    (groups.empty() ? leading : groups.back()).push_back(index);
  }
  return groups;
}

Value BlockLoops::split(OpBuilder &builder, Location loc, Value tensor,
                        TypedAttr padding) const {
  if (!isSplit())
    return tensor;
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> padded(shape), loops;
  SmallVector<OpFoldResult> low(shape.size(), builder.getIndexAttr(0)),
      high(low);
  bool needsPad = false;
  for (auto [index, dim] : llvm::enumerate(dims)) {
    loops.push_back(shape[index]);
    if (!dim.inner)
      continue;
    int64_t size = shape[index], inner = *dim.inner;
    if (ShapedType::isDynamic(size)) {
      // ceildiv(size, inner) * inner - size
      Value block = arith::ConstantIndexOp::create(builder, loc, inner);
      Value dynamic = tensor::DimOp::create(builder, loc, tensor, index);
      Value blocks = arith::CeilDivUIOp::create(builder, loc, dynamic, block);
      Value whole = arith::MulIOp::create(builder, loc, blocks, block);
      high[index] =
          arith::SubIOp::create(builder, loc, whole, dynamic).getResult();
      needsPad = true;
    } else {
      padded[index] = llvm::alignTo(size, inner);
      high[index] = builder.getIndexAttr(padded[index] - size);
      needsPad |= padded[index] != size;
      loops.back() = padded[index] / inner;
    }
    loops.push_back(inner);
  }
  Type element = type.getElementType();
  auto paddedType = RankedTensorType::get(padded, element);
  if (needsPad && paddedType.hasStaticShape() &&
      paddedType.getNumElements() == 0) {
    // A pad becomes a slice, which must not begin in a dimension of size 0.
    tensor = tensor::EmptyOp::create(builder, loc, padded, element);
  } else if (needsPad) {
    Value value = arith::ConstantOp::create(
        builder, loc, padding ? padding : builder.getZeroAttr(element));
    tensor = tensor::PadOp::create(builder, loc, paddedType, tensor, low, high,
                                   value);
  }
  return tensor::ExpandShapeOp::create(builder, loc,
                                       RankedTensorType::get(loops, element),
                                       tensor, getSplitReassociation());
}

Value BlockLoops::join(OpBuilder &builder, Location loc, Value tensor,
                       Value like) const {
  if (!isSplit())
    return tensor;
  Value whole = tensor::CollapseShapeOp::create(builder, loc, tensor,
                                                getSplitReassociation());
  auto wholeType = cast<RankedTensorType>(whole.getType());
  if (wholeType.hasStaticShape() && wholeType.getShape() == ArrayRef(shape))
    return whole;
  SmallVector<OpFoldResult> zeros(shape.size(), builder.getIndexAttr(0)),
      ones(shape.size(), builder.getIndexAttr(1)),
      sizes = tensor::getMixedSizes(builder, loc, like);
  // tensor.extract_slice refuses to begin in a dimension of size 0.
  if (llvm::is_contained(shape, 0))
    return tensor::EmptyOp::create(builder, loc, sizes,
                                   wholeType.getElementType());
  return tensor::ExtractSliceOp::create(
      builder, loc, RankedTensorType::get(shape, wholeType.getElementType()),
      whole, zeros, sizes, ones);
}

SmallVector<Value> BlockLoops::createStrides(OpBuilder &builder, Location loc,
                                             Value like) const {
  ScalarBuilder b(builder, loc);
  SmallVector<Value> strides(shape.size());
  Value stride = arith::ConstantIndexOp::create(b, 1);
  for (unsigned dim = shape.size(); dim-- > 0;) {
    strides[dim] = stride;
    if (dim > 0)
      stride = b.apply<arith::MulIOp>(stride,
                                      b.createOrFold<tensor::DimOp>(like, dim));
  }
  return strides;
}

Value BlockLoops::emitElementNumber(ScalarBuilder &b,
                                    ArrayRef<Value> strides) const {
  Value number = arith::ConstantIndexOp::create(b, 0);
  for (auto [dim, stride] : llvm::zip_equal(dims, strides)) {
    Value index = linalg::IndexOp::create(b, dim.loop);
    if (dim.inner) {
      Value inner = linalg::IndexOp::create(b, dim.loop + 1);
      index = b.apply<arith::AddIOp>(b.apply<arith::MulIOp>(index, *dim.inner),
                                     inner);
    }
    number =
        b.apply<arith::AddIOp>(number, b.apply<arith::MulIOp>(index, stride));
  }
  return number;
}

Value BlockLoops::createGrid(OpBuilder &builder, Location loc, Value like,
                             Type element) const {
  SmallVector<OpFoldResult> sizes;
  for (const Dim &dim : dims)
    if (!dim.isWhole)
      sizes.push_back(tensor::getMixedSize(builder, loc, like, dim.loop));
  return tensor::EmptyOp::create(builder, loc, sizes, element);
}

Value BlockLoops::dropUnitDims(OpBuilder &builder, Location loc,
                               Value grid) const {
  if (llvm::none_of(dims, [](const Dim &dim) { return dim.isWhole; }))
    return grid;
  return tensor::CollapseShapeOp::create(builder, loc, grid,
                                         getGridReassociation());
}

Value BlockLoops::addUnitDims(OpBuilder &builder, Location loc,
                              Value grid) const {
  if (llvm::none_of(dims, [](const Dim &dim) { return dim.isWhole; }))
    return grid;
  auto type = cast<RankedTensorType>(grid.getType());
  SmallVector<int64_t> sizes;
  unsigned kept = 0;
  for (const Dim &dim : dims)
    sizes.push_back(dim.isWhole ? 1 : type.getDimSize(kept++));
  return tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(sizes, type.getElementType()), grid,
      getGridReassociation());
}
