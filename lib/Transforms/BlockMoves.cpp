// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BlockMoves.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

static LogicalResult emitCut(Operation *op, size_t dim, int64_t block) {
  InFlightDiagnostic diag = op->emitOpError()
                            << "cuts through a block of dimension " << dim;
  if (ShapedType::isDynamic(block))
    diag << ", which is one block";
  else
    diag << ", whose blocks have " << block << " elements";
  return diag << "; dequantize first, or cut at block boundaries";
}

/// (C45) Slices begin and end at block boundaries.
template <typename OpT>
static LogicalResult verifySlice(OpT op, RankedTensorType whole) {
  ArrayRef<int64_t> offsets = op.getStaticOffsets();
  ArrayRef<int64_t> sizes = op.getStaticSizes();
  ArrayRef<int64_t> strides = op.getStaticStrides();
  auto encoded = EncodedTensorType::get(whole);
  SmallVector<int64_t> blocks =
      encoded.getFormat().getBlockShape(whole.getRank());
  for (auto [dim, block] : llvm::enumerate(blocks)) {
    int64_t extent = whole.getDimSize(dim);
    bool isWhole = offsets[dim] == 0 && sizes[dim] == extent &&
                   !ShapedType::isDynamic(extent) && strides[dim] == 1;
    if (isWhole || block == 1)
      continue;
    bool isKnown = !ShapedType::isDynamic(block) &&
                   !ShapedType::isDynamic(offsets[dim]) &&
                   !ShapedType::isDynamic(sizes[dim]) && strides[dim] == 1;
    bool endsAtBlock = isKnown && (sizes[dim] % block == 0 ||
                                   offsets[dim] + sizes[dim] == extent);
    if (!isKnown || offsets[dim] % block != 0 || !endsAtBlock)
      return emitCut(op, dim, block);
  }
  return success();
}

void mlir::qfmt::divideByBox(ArrayRef<int64_t> box,
                             MutableArrayRef<int64_t> offsets,
                             MutableArrayRef<int64_t> sizes) {
  for (auto [block, offset, size] : llvm::zip_equal(box, offsets, sizes)) {
    if (block == 1)
      continue;
    bool isWhole = ShapedType::isDynamic(block);
    offset = isWhole ? 0 : offset / block;
    size = isWhole ? 1 : int64_t(llvm::divideCeil(size, block));
  }
}

//===----------------------------------------------------------------------===//
// Other moves
//===----------------------------------------------------------------------===//

/// (C46) All inputs but the last end at a block boundary.
static LogicalResult verifyConcat(tensor::ConcatOp op) {
  auto encoded = EncodedTensorType::get(op.getResultType());
  int64_t dim = op.getDim();
  int64_t block =
      encoded.getFormat().getBlockShape(encoded.getRank())[op.getDim()];
  if (block == 1)
    return success();
  for (Type type : TypeRange(op.getInputs().drop_back())) {
    int64_t size = cast<RankedTensorType>(type).getDimSize(dim);
    if (ShapedType::isDynamic(block) || ShapedType::isDynamic(size) ||
        size % block != 0)
      return op.emitOpError()
             << "joins tensors of " << type << " within a block of dimension "
             << dim << "; dequantize first, or join at block boundaries";
  }
  return success();
}

/// (C46) What is not laid out like the payload is one entry for the tensor.
static LogicalResult verifyReshape(Operation *op) {
  auto encoded = EncodedTensorType::get(op->getOperand(0).getType());
  auto boxes = encoded.getFormat().getConstituentBlocks(encoded.getRank());
  for (ArrayRef<int64_t> box : llvm::drop_begin(boxes))
    if (!llvm::all_of(box, ShapedType::isDynamic))
      return op->emitOpError()
             << "moves a tensor whose scales come at run time or per block ("
             << encoded.getType() << "); dequantize first";
  return success();
}

/// (C46) Blocks keep their shape.
static LogicalResult verifyTranspose(linalg::TransposeOp op) {
  auto encoded = EncodedTensorType::get(op.getInput().getType());
  auto boxes = encoded.getFormat().getConstituentBlocks(encoded.getRank());
  for (ArrayRef<int64_t> box : boxes)
    for (auto [to, from] : llvm::enumerate(op.getPermutation()))
      if (box[to] != box[from])
        return op.emitOpError() << "permutes the dimensions " << from << " and "
                                << to << " of " << encoded.getType()
                                << ", whose blocks differ; dequantize first";
  return success();
}

static LogicalResult verifyBlocks(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](tensor::ExtractSliceOp slice) {
        return verifySlice(slice, slice.getSourceType());
      })
      .Case([](tensor::InsertSliceOp slice) {
        return verifySlice(slice, slice.getDestType());
      })
      .Case([](tensor::ConcatOp concat) { return verifyConcat(concat); })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [](Operation *reshape) { return verifyReshape(reshape); })
      .Case([](linalg::TransposeOp op) { return verifyTranspose(op); })
      .Default([](Operation *) { return success(); });
}

LogicalResult mlir::qfmt::verifyBlockMove(Operation *op) {
  SmallVector<TensorFormat> formats;
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      if (isa<RankedTensorType>(type)) {
        auto encoded = EncodedTensorType::get(type);
        if (!encoded)
          return op->emitOpError()
                 << "moves between an encoded and a plain tensor; use "
                    "qfmt.quantize or qfmt.dequantize";
        formats.push_back(encoded.getFormat());
      }
  if (failed(verifyBlocks(op)))
    return failure();
  for (TensorFormat format : formats)
    if (format != formats.front())
      return op->emitOpError()
             << "moves elements between the encodings " << formats.front()
             << " and " << format << "; use 'qfmt.convert'";
  return success();
}
