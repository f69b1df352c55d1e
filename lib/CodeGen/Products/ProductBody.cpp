// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/ProductBody.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::qfmt {

bool isMap(AffineMap map, ArrayRef<unsigned> loops) {
  if (map.getNumResults() != loops.size())
    return false;
  return llvm::all_of(llvm::zip_equal(map.getResults(), loops), [](auto pair) {
    auto dim = dyn_cast<AffineDimExpr>(std::get<0>(pair));
    return dim && dim.getPosition() == std::get<1>(pair);
  });
}

Value getAddedTerm(Block *body) {
  BlockArgument sum = body->getArgument(2);
  Operation *add = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddIOp, arith::AddFOp>(add) || !sum.hasOneUse())
    return {};
  if (add->getOperand(0) == sum)
    return add->getOperand(1);
  return add->getOperand(1) == sum ? add->getOperand(0) : Value();
}

std::optional<std::pair<Value, Value>> getFactors(Value term) {
  Operation *product = term.getDefiningOp();
  if (!isa_and_nonnull<arith::MulIOp, arith::MulFOp>(product))
    return std::nullopt;
  return std::pair(product->getOperand(0), product->getOperand(1));
}

} // namespace mlir::qfmt
