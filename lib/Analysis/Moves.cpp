// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Analysis/Moves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::qfmt;

bool mlir::qfmt::isTensorMove(Operation *op) {
  return isa_and_nonnull<tensor::PadOp, tensor::ExpandShapeOp,
                         tensor::CollapseShapeOp, tensor::ExtractSliceOp,
                         tensor::ConcatOp>(op);
}

OperandRange mlir::qfmt::getMovedTensors(Operation *op) {
  OperandRange operands = op->getOperands();
  return isa<tensor::ConcatOp>(op) ? operands : operands.take_front(1);
}

/// The linalg operation on tensors with one result that `op` may be.
static linalg::LinalgOp getLinalgOp(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureTensorSemantics() ||
      linalgOp.getNumDpsInits() != 1)
    return {};
  return linalgOp;
}

/// The tensor input whose element `value` is, if it is one.
static OpOperand *getInput(linalg::LinalgOp op, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != op.getBlock())
    return nullptr;
  OpOperand *operand = op.getMatchingOpOperand(argument);
  bool isTensorInput =
      op.isDpsInput(operand) && isa<RankedTensorType>(operand->get().getType());
  return isTensorInput ? operand : nullptr;
}

OpOperand *mlir::qfmt::getCopiedInput(Operation *operation) {
  linalg::LinalgOp op = getLinalgOp(operation);
  if (!op || op.getNumLoops() != op.getNumParallelLoops())
    return nullptr;
  return getInput(op, op.getBlock()->getTerminator()->getOperand(0));
}

/// The two values of which `op` computes the maximum, if it does: maximumf,
/// maxnumf, or a comparison that selects the greater of its operands.
static std::optional<std::pair<Value, Value>> matchMaximum(Operation *op) {
  if (isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op))
    return std::pair(op->getOperand(0), op->getOperand(1));
  auto select = dyn_cast_or_null<arith::SelectOp>(op);
  if (!select)
    return std::nullopt;
  auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
  if (!compare)
    return std::nullopt;
  using Predicate = arith::CmpFPredicate;
  Value greater = compare.getLhs(), smaller = compare.getRhs();
  switch (compare.getPredicate()) {
  case Predicate::OGT:
  case Predicate::OGE:
  case Predicate::UGT:
  case Predicate::UGE:
    break;
  case Predicate::OLT:
  case Predicate::OLE:
  case Predicate::ULT:
  case Predicate::ULE:
    std::swap(greater, smaller);
    break;
  default:
    return std::nullopt;
  }
  if (select.getTrueValue() != greater || select.getFalseValue() != smaller)
    return std::nullopt;
  return std::pair(greater, smaller);
}

OpOperand *mlir::qfmt::getMaximumInput(Operation *operation) {
  linalg::LinalgOp op = getLinalgOp(operation);
  if (!op || op.getNumReductionLoops() == 0)
    return nullptr;
  Value yielded = op.getBlock()->getTerminator()->getOperand(0);
  auto maximum = matchMaximum(yielded.getDefiningOp());
  if (!maximum)
    return nullptr;
  auto [left, right] = *maximum;
  BlockArgument out = op.getMatchingBlockArgument(op.getDpsInitOperand(0));
  if (right == out)
    return getInput(op, left);
  return left == out ? getInput(op, right) : nullptr;
}
