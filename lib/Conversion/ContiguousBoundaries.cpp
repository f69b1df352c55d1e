//===- ContiguousBoundaries.cpp - Copies of slices at function borders ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  functions on tensors.
// Output: the same; what crosses a function's border lies in one piece once it
//         is a buffer.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qfmt/Conversion/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONTIGUOUSBOUNDARIES
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// The tensor that `value` was before something was written to it, piece by
/// piece: it stays where it is.
Value getWritten(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto write = dyn_cast<vector::TransferWriteOp>(op)) {
      value = write.getBase();
    } else if (auto insert = dyn_cast<tensor::InsertOp>(op)) {
      value = insert.getDest();
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      auto result = cast<OpResult>(value);
      BlockArgument carried = loop.getTiedLoopRegionIterArg(result);
      if (getWritten(loop.getTiedLoopYieldedValue(carried)->get()) != carried)
        return value;
      value = loop.getTiedLoopInit(result)->get();
    } else if (auto loop = dyn_cast<scf::ForallOp>(op)) {
      value = loop.getTiedOpOperand(cast<OpResult>(value))->get();
    } else {
      return value;
    }
  }
  return value;
}

/// True if the buffer of `value` surely has the strides of its shape. A slice
/// has those of the tensor it was cut from.
bool isContiguous(Value value) {
  value = getWritten(value);
  if (auto argument = dyn_cast<BlockArgument>(value))
    return isa<func::FuncOp>(argument.getOwner()->getParentOp());
  Operation *op = value.getDefiningOp();
  if (isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op))
    return isContiguous(op->getOperand(0));
  // The result lies in the buffer of the initial value.
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return isContiguous(
        linalgOp.getDpsInits()[cast<OpResult>(value).getResultNumber()]);
  return isa<arith::ConstantOp, tensor::EmptyOp, tensor::PadOp,
             tensor::FromElementsOp, tensor::GenerateOp, tensor::SplatOp,
             tensor::ConcatOp, func::CallOp, bufferization::AllocTensorOp>(op);
}

struct ContiguousBoundariesPass
    : impl::ContiguousBoundariesBase<ContiguousBoundariesPass> {
  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      if (!isa<func::ReturnOp, func::CallOp>(op))
        return;
      OpBuilder builder(op);
      for (OpOperand &operand : op->getOpOperands()) {
        auto type = dyn_cast<RankedTensorType>(operand.get().getType());
        if (!type || isContiguous(operand.get()))
          continue;
        operand.set(bufferization::AllocTensorOp::create(
            builder, op->getLoc(), type, /*dynamicSizes=*/ValueRange(),
            /*copy=*/operand.get(), /*memory_space=*/IntegerAttr()));
      }
    });
  }
};

} // namespace
} // namespace mlir::qfmt
