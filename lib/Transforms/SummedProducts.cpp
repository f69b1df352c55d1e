// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SummedProducts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Which of the operation's `ins` the scalar `value` of its body is computed
/// from.
static llvm::BitVector getInputs(linalg::LinalgOp op, Value value) {
  llvm::BitVector inputs(op.getNumDpsInputs());
  SmallVector<Value> pending = {value};
  llvm::DenseSet<Value> seen;
  while (!pending.empty()) {
    Value current = pending.pop_back_val();
    if (!seen.insert(current).second)
      continue;
    auto argument = dyn_cast<BlockArgument>(current);
    if (argument && argument.getOwner() == op.getBlock()) {
      if (argument.getArgNumber() < inputs.size())
        inputs.set(argument.getArgNumber());
      continue;
    }
    Operation *producer = current.getDefiningOp();
    if (producer && producer->getBlock() == op.getBlock())
      llvm::append_range(pending, producer->getOperands());
  }
  return inputs;
}

SmallVector<Operation *> mlir::qfmt::getSummedProducts(linalg::LinalgOp op) {
  SmallVector<Operation *> products;
  if (op.getNumReductionLoops() == 0)
    return products;
  for (Operation &scalar : op.getBlock()->without_terminator())
    if (isa<arith::MulFOp, LMulOp>(scalar) &&
        llvm::all_of(scalar.getOperands(),
                     [&](Value factor) { return getInputs(op, factor).any(); }))
      products.push_back(&scalar);
  return products;
}

SmallVector<OpOperand *> mlir::qfmt::getFactors(linalg::LinalgOp op) {
  llvm::BitVector inputs(op.getNumDpsInputs());
  for (Operation *product : getSummedProducts(op))
    for (Value factor : product->getOperands())
      inputs |= getInputs(op, factor);
  SmallVector<OpOperand *> factors;
  for (unsigned input : inputs.set_bits())
    factors.push_back(op.getDpsInputOperand(input));
  return factors;
}
