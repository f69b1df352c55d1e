// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GroupBody.h"
#include "CellEmitter.h"
#include "PackedConstants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/Conversion/VectorBody.h"

namespace mlir::qfmt {

bool hasReadableBody(const GroupedProduct &product) {
  linalg::GenericOp op = product.op;
  AffineMap byGroup =
      AffineMap::getMultiDimMapWithTargets(3, {2, 1}, op.getContext());
  return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *input) {
    AffineMap map = op.getMatchingIndexingMap(input);
    Value value = input->get();
    if (value == linalg::GenericOp(product.sums).getResult(0) ||
        !isa<RankedTensorType>(value.getType()))
      return true;
    if (map.isFunctionOfDim(1))
      return value.getDefiningOp<cpu::UnpackScalesOp>() && map == byGroup;
    return llvm::all_of(map.getResults(), [](AffineExpr result) {
      auto constant = dyn_cast<AffineConstantExpr>(result);
      return isa<AffineDimExpr>(result) ||
             (constant && constant.getValue() == 0);
    });
  });
}

/// The scales of a group, of 16 columns.
static Value loadScales(ImplicitLocOpBuilder &b, cpu::UnpackScalesOp scales,
                        const GroupPlace &place) {
  Type element = getElementTypeOrSelf(scales.getPacked().getType());
  auto type = VectorType::get(kColumnsPerBlock, element);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  Value first = arith::ConstantIndexOp::create(b, 0);
  Value codes = vector::TransferReadOp::create(
      b, type, scales.getPacked(), ValueRange{place.block, place.group, first},
      zero, ArrayRef(true));
  return emitDecodedScale(b, scales, codes);
}

/// An operand of the body other than the sums.
static Value loadOperand(ImplicitLocOpBuilder &b, linalg::GenericOp op,
                         OpOperand &operand, const GroupPlace &place) {
  Value tensor = operand.get();
  if (!isa<RankedTensorType>(tensor.getType()))
    return tensor;
  if (auto scales = tensor.getDefiningOp<cpu::UnpackScalesOp>())
    return loadScales(b, scales, place);
  SmallVector<Value> indices;
  for (AffineExpr result : op.getMatchingIndexingMap(&operand).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    indices.push_back(!dim ? arith::ConstantIndexOp::create(b, 0)
                      : dim.getPosition() == 0 ? place.row
                                               : place.group);
  }
  return tensor::ExtractOp::create(b, tensor, indices);
}

static Value emitIndex(ImplicitLocOpBuilder &b, unsigned loop,
                       const GroupPlace &place) {
  if (loop != 1)
    return loop == 0 ? place.row : place.group;
  Value width = arith::ConstantIndexOp::create(b, kColumnsPerBlock);
  return emitColumns(b, arith::MulIOp::create(b, place.block, width));
}

Value emitGroupBody(ImplicitLocOpBuilder &b, const GroupedProduct &product,
                    const GroupPlace &place, Value integers, Value sum) {
  linalg::GenericOp op = product.op;
  Value sums = linalg::GenericOp(product.sums).getResult(0);
  SmallVector<Value> arguments;
  for (OpOperand *input : op.getDpsInputOperands())
    arguments.push_back(
        input->get() == sums ? integers : loadOperand(b, op, *input, place));
  arguments.push_back(sum);
  return emitVectorBody(
             b, op, arguments, kColumnsPerBlock,
             [&](unsigned loop) { return emitIndex(b, loop, place); })
      .front();
}

} // namespace mlir::qfmt
