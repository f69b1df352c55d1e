// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/MovedScales.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/CodeGen/Products/BodyEvaluation.h"

namespace mlir::qfmt {

Value cloneComputation(OpBuilder &b, Value value, IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    cloneComputation(b, operand, mapping);
  return b.clone(*op, mapping)->getResult(0);
}

void MovedScales::add(const ScaledFactor &factor, Value scale,
                      ArrayRef<AffineExpr> loops, unsigned numLoops) {
  linalg::GenericOp decode = factor.decode;
  scales.push_back(scale);
  SmallVector<BlockArgument> arguments = *getArgumentsOf(scale);
  for (BlockArgument argument : arguments) {
    OpOperand &operand = decode->getOpOperand(argument.getArgNumber());
    operands.push_back(operand.get());
    maps.push_back(
        decode.getMatchingIndexingMap(&operand).replaceDimsAndSymbols(
            loops, {}, numLoops, 0));
  }
}

Value MovedScales::emit(OpBuilder &b, Location loc, Value value,
                        ValueRange elements) const {
  for (Value scale : scales) {
    IRMapping mapping;
    SmallVector<BlockArgument> arguments = *getArgumentsOf(scale);
    for (BlockArgument argument : arguments) {
      mapping.map(argument, elements.front());
      elements = elements.drop_front();
    }
    value = arith::MulFOp::create(b, loc, value,
                                  cloneComputation(b, scale, mapping));
  }
  return value;
}

} // namespace mlir::qfmt
