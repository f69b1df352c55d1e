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

/// True if each iteration of `loop` only writes vectors to the tensor that
/// becomes `result`.
bool isWrittenInPlace(scf::ForOp loop, OpResult result) {
  Value value =
      loop.getTiedLoopYieldedValue(loop.getTiedLoopRegionIterArg(result))
          ->get();
  while (auto write = value.getDefiningOp<vector::TransferWriteOp>())
    value = write.getBase();
  return value == loop.getTiedLoopRegionIterArg(result);
}

/// True if the buffer of `value` surely has the strides of its shape. A slice
/// has those of the tensor it was cut from.
bool isContiguous(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return isa<func::FuncOp>(argument.getOwner()->getParentOp());
  Operation *op = value.getDefiningOp();
  // A tensor that is written piece by piece stays where it is.
  if (auto write = dyn_cast<vector::TransferWriteOp>(op))
    return isContiguous(write.getBase());
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return isWrittenInPlace(loop, cast<OpResult>(value)) &&
           isContiguous(loop.getTiedLoopInit(cast<OpResult>(value))->get());
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
