// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "InnerValues.h"
#include "AdditiveMasks.h"
#include "LinalgUses.h"
#include "SummedProducts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Analysis/Moves.h"

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Element-wise operations
//===----------------------------------------------------------------------===//

bool mlir::qfmt::isElementwiseComputation(Operation *operation) {
  auto op = dyn_cast_or_null<linalg::LinalgOp>(operation);
  if (!op || !isElementwise(op) || getCopiedInput(op))
    return false;
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  return type.getElementType().isF32() && !type.getEncoding();
}

/// True if the scalar operation `op` of a body is exact on integers with
/// scales.
static bool carriesIntegers(Operation &op,
                            function_ref<bool(Value)> isConstant) {
  if (llvm::all_of(op.getOperands(), isConstant))
    return true;
  if (isa<arith::MulFOp>(op))
    return llvm::any_of(op.getOperands(), isConstant);
  if (isa<arith::DivFOp>(op))
    return isConstant(op.getOperand(1));
  return isa<arith::AddFOp, arith::SubFOp, arith::NegFOp, arith::MaximumFOp,
             arith::MaxNumFOp, arith::MinimumFOp, arith::MinNumFOp,
             arith::CmpFOp, arith::SelectOp, arith::ExtFOp, arith::TruncFOp,
             linalg::YieldOp>(op);
}

bool mlir::qfmt::carriesIntegers(linalg::LinalgOp op, const DataValues &data) {
  llvm::DenseSet<Value> constants;
  auto isConstant = [&](Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value);
        argument && argument.getOwner() == op.getBlock())
      return !data.contains(op.getMatchingOpOperand(argument)->get());
    return value.getParentBlock() != op.getBlock() ? !data.contains(value)
                                                   : constants.contains(value);
  };
  for (Operation &scalar : *op.getBlock()) {
    if (!::carriesIntegers(scalar, isConstant))
      return false;
    if (llvm::all_of(scalar.getOperands(), isConstant))
      constants.insert(scalar.result_begin(), scalar.result_end());
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

/// What `op` reshapes or copies: elements may be repeated, none is dropped,
/// padded or joined with others.
static OpOperand *getMovedInput(Operation *op) {
  if (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return &op->getOpOperand(0);
  return getCopiedInput(op);
}

Value mlir::qfmt::skipMoves(Value value) {
  while (OpOperand *input = getMovedInput(value.getDefiningOp()))
    value = input->get();
  return value;
}

SmallVector<OpOperand *> mlir::qfmt::getReadersThroughMoves(Value value) {
  SmallVector<OpOperand *> readers;
  SmallVector<Value> pending = {value};
  while (!pending.empty())
    for (OpOperand &use : pending.pop_back_val().getUses()) {
      if (getMovedInput(use.getOwner()) == &use)
        pending.push_back(use.getOwner()->getResult(0));
      else if (readsElements(use))
        readers.push_back(&use);
    }
  return readers;
}

/// True if a linalg operation reads each element of this input several times:
/// the input's map leaves out a loop.
static bool isBroadcast(OpOperand &use) {
  auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
  if (!op)
    return false;
  AffineMap map = op.getMatchingIndexingMap(&use);
  for (auto [loop, size] : llvm::enumerate(op.getStaticLoopRanges()))
    if (size != 1 && !map.isFunctionOfDim(loop))
      return true;
  return false;
}

/// True if an element-wise operation reads this input broadcast, or reads a
/// copy that is.
static bool isBroadcastThroughMoves(OpOperand &use) {
  if (isBroadcast(use))
    return true;
  Value value = use.get();
  while (OpOperand *input = getMovedInput(value.getDefiningOp())) {
    if (isBroadcast(*input))
      return true;
    value = input->get();
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// The data inputs whose elements `op` reads.
static SmallVector<OpOperand *> getDataInputs(linalg::LinalgOp op,
                                              const DataValues &data) {
  SmallVector<OpOperand *> inputs;
  for (OpOperand *input : op.getDpsInputOperands())
    if (data.contains(input->get()) && op.payloadUsesValueFromOperand(input))
      inputs.push_back(input);
  return inputs;
}

/// A sum or maximum of one tensor; sums of products of two are contractions.
static bool isReductionOfOne(linalg::LinalgOp op, const DataValues &data) {
  return op.hasPureTensorSemantics() && op.getNumReductionLoops() != 0 &&
         getDataInputs(op, data).size() == 1 && getFactors(op).size() < 2;
}

/// True if something that is computed from `value` element by element is read
/// broadcast: what a softmax and a norm do with sums and maxima of rows.
static bool comesBack(Value value) {
  SmallVector<Value> pending = {value};
  llvm::DenseSet<Value> seen;
  while (!pending.empty()) {
    Value current = pending.pop_back_val();
    if (!seen.insert(current).second)
      continue;
    for (OpOperand &use : current.getUses()) {
      Operation *user = use.getOwner();
      if (getMovedInput(user) != &use &&
          !(isElementwiseComputation(user) && readsElements(use)))
        continue;
      if (isBroadcast(use))
        return true;
      pending.push_back(user->getResult(0));
    }
  }
  return false;
}

/// A reduction inside of a non-linear function.
static bool isInnerReduction(linalg::LinalgOp op, const DataValues &data) {
  return isReductionOfOne(op, data) &&
         llvm::any_of(op->getResults(), comesBack);
}

//===----------------------------------------------------------------------===//
// InnerValues
//===----------------------------------------------------------------------===//

InnerValues::InnerValues(FunctionOpInterface function, const DataValues &data)
    : data(data) {
  // In the order of the program: operands are known before results.
  function->walk<WalkOrder::PreOrder>([&](linalg::LinalgOp op) {
    Value origin = getCommonOrigin(op);
    if (isInner(op)) {
      for (Value result : op->getResults())
        origins[result] = origin;
      inner.insert(op->result_begin(), op->result_end());
    } else if (origin && isElementwiseComputation(op)) {
      // x / sqrt(2) in the erf of a GELU is nothing but x.
      origins[op->getResult(0)] = origin;
    }
  });
}

bool InnerValues::isStep(Operation *op) const {
  return llvm::any_of(op->getResults(), [&](Value v) { return contains(v); });
}

bool InnerValues::isRead(Value value) const {
  return llvm::any_of(getReadersThroughMoves(value), [&](OpOperand *use) {
    Operation *reader = use->getOwner();
    auto op = dyn_cast<linalg::LinalgOp>(reader);
    return !isElementwiseComputation(reader) &&
           !(op && isInnerReduction(op, data));
  });
}

SmallVector<Value> InnerValues::getOperands(linalg::LinalgOp op) const {
  return llvm::map_to_vector(getDataInputs(op, data), [](OpOperand *input) {
    return skipMoves(input->get());
  });
}

Value InnerValues::getOrigin(Value value) const {
  // A result that is quantized is where the next function starts.
  if (contains(value) && isRead(value))
    return value;
  auto origin = origins.find(value);
  return origin == origins.end() ? value : origin->second;
}

Value InnerValues::getCommonOrigin(linalg::LinalgOp op) const {
  Value common;
  for (Value operand : getOperands(op)) {
    Value origin = getOrigin(operand);
    if (!origin || (common && origin != common))
      return {};
    common = origin;
  }
  return common;
}

bool InnerValues::isInner(linalg::LinalgOp op) const {
  if (isInnerReduction(op, data))
    return true;
  SmallVector<OpOperand *> inputs = getDataInputs(op, data);
  if (!isElementwiseComputation(op) || inputs.empty())
    return false;
  if (addsMask(op, data) || !carriesIntegers(op, data) ||
      llvm::any_of(inputs, [](OpOperand *input) {
        return isBroadcastThroughMoves(*input);
      }))
    return true;
  // What is left is linear: a step if it adds nothing from outside to an inner
  // value.
  SmallVector<Value> operands = getOperands(op);
  return llvm::any_of(operands, [&](Value v) { return isHidden(v); }) &&
         (llvm::all_equal(operands) || getCommonOrigin(op));
}
