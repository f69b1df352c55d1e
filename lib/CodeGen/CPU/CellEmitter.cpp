// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CellEmitter.h"
#include "PackedFactor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qfmt/Conversion/VectorBody.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Reading and writing
//===----------------------------------------------------------------------===//

static Value emitMask(ImplicitLocOpBuilder &b, int64_t valid) {
  return vector::ConstantMaskOp::create(
      b, VectorType::get(kColumnsPerBlock, b.getI1Type()), ArrayRef(valid));
}

static ArrayAttr getInBounds(OpBuilder &b) {
  return b.getBoolArrayAttr({true});
}

static AffineMapAttr getLastDim(OpBuilder &b, Value tensor) {
  auto rank = cast<RankedTensorType>(tensor.getType()).getRank();
  return AffineMapAttr::get(
      AffineMap::getMinorIdentityMap(rank, 1, b.getContext()));
}

/// A scalar if `tensor` does not move along columns.
static Value emitLoad(ImplicitLocOpBuilder &b, Value tensor, AffineMap map,
                      const Cell &cell) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type)
    return tensor;
  SmallVector<Value> indices;
  bool moves = false;
  for (AffineExpr result : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    if (!dim)
      indices.push_back(arith::ConstantIndexOp::create(b, 0));
    else
      indices.push_back(dim.getPosition() == 0 ? cell.row : cell.column);
    moves |= dim && dim.getPosition() == 1;
  }
  if (!moves)
    return tensor::ExtractOp::create(b, tensor, indices);
  auto vectorType = VectorType::get(kColumnsPerBlock, type.getElementType());
  Value zero =
      arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
  Value mask;
  if (cell.valid != kColumnsPerBlock)
    mask = emitMask(b, cell.valid);
  return vector::TransferReadOp::create(b, vectorType, tensor, indices,
                                        getLastDim(b, tensor), zero, mask,
                                        getInBounds(b));
}

Value emitLoad(ImplicitLocOpBuilder &b, Value matrix, const Cell &cell) {
  return emitLoad(b, matrix, b.getMultiDimIdentityMap(2), cell);
}

Value emitStore(ImplicitLocOpBuilder &b, Value value, Value tensor,
                const Cell &cell) {
  SmallVector<Value> indices{cell.row, cell.column};
  // LLVM 22 stores too many bytes where a truncated vector is stored under a
  // mask of one lane: its AVX-512 code writes the lane before truncation.
  if (cell.valid == 1)
    return tensor::InsertOp::create(b, vector::ExtractOp::create(b, value, 0),
                                    tensor, indices);
  Value mask;
  if (cell.valid != kColumnsPerBlock)
    mask = emitMask(b, cell.valid);
  return vector::TransferWriteOp::create(b, tensor.getType(), value, tensor,
                                         indices, getLastDim(b, tensor), mask,
                                         getInBounds(b))
      .getResult();
}

//===----------------------------------------------------------------------===//
// Computing
//===----------------------------------------------------------------------===//

Value emitColumns(ImplicitLocOpBuilder &b, Value first) {
  auto type = VectorType::get(kColumnsPerBlock, b.getIndexType());
  return arith::AddIOp::create(b, vector::BroadcastOp::create(b, type, first),
                               vector::StepOp::create(b, type));
}

/// The row, or a vector of columns.
static Value emitIndex(ImplicitLocOpBuilder &b, unsigned loop,
                       const Cell &cell) {
  return loop == 0 ? cell.row : emitColumns(b, cell.column);
}

/// What is cheaper to compute than to load is computed.
static Value emitOperand(ImplicitLocOpBuilder &b, linalg::GenericOp op,
                         OpOperand &operand, Value current, const Cell &cell) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!op.isDpsInput(&operand))
    return emitLoad(b, current, map, cell);
  if (map.isIdentity() && isComputedByCell(operand.get()))
    return emitInit(b, operand.get(), Value(), cell);
  return emitLoad(b, operand.get(), map, cell);
}

Value emitElementwise(ImplicitLocOpBuilder &b, linalg::GenericOp op,
                      Value before, Value beforeValue, Value current,
                      const Cell &cell) {
  SmallVector<Value> arguments;
  for (OpOperand &operand : op->getOpOperands()) {
    Value &argument = arguments.emplace_back();
    if (operand.get() == before && op.isDpsInput(&operand))
      argument = beforeValue;
    else if (op.payloadUsesValueFromOperand(&operand))
      argument = emitOperand(b, op, operand, current, cell);
  }
  return emitVectorBody(b, op, arguments, kColumnsPerBlock,
                        [&](unsigned loop) { return emitIndex(b, loop, cell); })
      .front();
}

Value emitInit(ImplicitLocOpBuilder &b, Value init, Value current,
               const Cell &cell) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    return fill.value();
  if (current)
    return emitLoad(b, current, cell);
  auto op = init.getDefiningOp<linalg::GenericOp>();
  return emitElementwise(b, op, Value(), Value(), op.getDpsInits()[0], cell);
}

} // namespace mlir::qfmt
