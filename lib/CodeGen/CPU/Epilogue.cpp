// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Epilogue.h"
#include "PackedFactor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::qfmt {

Epilogue::Epilogue(linalg::GenericOp product)
    : product(product), chain(getEpilogue(product, whyNot)),
      init(product.getDpsInits()[0]), computesInit(isComputedByCell(init)) {}

/// Bufferization of LLVM 22 takes a write of a vector of at least as many lanes
/// as a matrix has rows, at its first element, for one of the whole matrix, and
/// does not copy what the others read after it. With undefined elements there
/// is nothing to copy.
Value Epilogue::emitOutput(ImplicitLocOpBuilder &b, OpFoldResult numRows,
                           int64_t numColumns) const {
  Value output = getLast().getDpsInits()[0];
  if (output.getDefiningOp<tensor::EmptyOp>())
    return output;
  SmallVector<OpFoldResult> sizes = {numRows, b.getIndexAttr(numColumns)};
  return tensor::EmptyOp::create(b, sizes, getElementTypeOrSelf(output));
}

Value Epilogue::emitStart(ImplicitLocOpBuilder &b, const Cell &cell) const {
  Value start = emitInit(b, init, computesInit ? Value() : init, cell);
  if (isa<VectorType>(start.getType()))
    return start;
  auto type = VectorType::get(kColumnsPerBlock, start.getType());
  return vector::BroadcastOp::create(b, type, start);
}

Value Epilogue::emitStore(ImplicitLocOpBuilder &b, Value sums, const Cell &cell,
                          Value output) const {
  Value value = sums;
  linalg::GenericOp previous = product;
  for (linalg::GenericOp op : chain) {
    value = emitElementwise(b, op, previous.getResult(0), value,
                            op.getDpsInits()[0], cell);
    previous = op;
  }
  Cell place = cell;
  if (originRow)
    place.row = b.createOrFold<arith::SubIOp>(cell.row, originRow);
  if (originColumn)
    place.column = b.createOrFold<arith::SubIOp>(cell.column, originColumn);
  return qfmt::emitStore(b, value, output, place);
}

void Epilogue::replace(ImplicitLocOpBuilder &b, Value result) {
  linalg::GenericOp last = getLast();
  Type type = last.getResult(0).getType();
  if (result.getType() != type)
    result = tensor::CastOp::create(b, type, result);
  last.replaceAllUsesWith(ValueRange{result});
  for (linalg::GenericOp fused : llvm::reverse(chain))
    fused.erase();
  product.erase();
}

} // namespace mlir::qfmt
