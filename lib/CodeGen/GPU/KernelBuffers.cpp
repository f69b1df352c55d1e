// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelBuffers.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::qfmt {

LogicalResult verifyOnBuffers(DestinationStyleOpInterface op) {
  for (Type type : op->getOperandTypes()) {
    auto buffer = dyn_cast<MemRefType>(type);
    if (!buffer)
      return op->emitOpError() << "works on tensors, and kernels on buffers, "
                                  "found "
                               << type << "; run one-shot-bufferize first";
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(buffer.getStridesAndOffset(strides, offset)))
      return op->emitOpError()
             << "needs buffers whose dimensions have strides, "
                "found "
             << type << "; copy it to one";
  }
  return success();
}

static bool hasDenseRows(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         (strides.empty() || strides.back() == 1);
}

void copyStridedRows(DestinationStyleOpInterface op, ValueRange operands) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type || op.isDpsInit(&operand) || hasDenseRows(type) ||
        !llvm::is_contained(operands, operand.get()))
      continue;
    SmallVector<Value> sizes;
    for (auto [i, size] : llvm::enumerate(type.getShape()))
      if (ShapedType::isDynamic(size))
        sizes.push_back(memref::DimOp::create(b, operand.get(), i));
    Value copy = memref::AllocOp::create(
        b, MemRefType::get(type.getShape(), type.getElementType()), sizes);
    memref::CopyOp::create(b, operand.get(), copy);
    operand.set(copy);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfter(op);
    memref::DeallocOp::create(b, copy);
  }
}

} // namespace mlir::qfmt
