// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FusedBody.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "qfmt/CodeGen/Products/EpilogueChain.h"

namespace mlir::qfmt {

FusedBody::FusedBody(Region &region, Location loc, Type sumType)
    : b(loc, OpBuilder::atBlockEnd(&region.emplaceBlock())),
      block(region.front()) {
  block.addArgument(sumType, loc);
}

static bool isComputable(Value tensor) {
  auto op = tensor.getDefiningOp<linalg::GenericOp>();
  return isComputedByCell(tensor) && (!op || !op.hasIndexSemantics());
}

Value FusedBody::emitElement(Value tensor, AffineMap map) {
  if (!isa<RankedTensorType>(tensor.getType()))
    return tensor;
  if (map.isIdentity() && isComputable(tensor))
    return emitComputed(tensor);
  for (auto [i, extra] : llvm::enumerate(extras))
    if (extra == tensor && maps[i] == map)
      return block.getArgument(1 + i);
  extras.push_back(tensor);
  maps.push_back(map);
  return block.addArgument(getElementTypeOrSelf(tensor), b.getLoc());
}

Value FusedBody::emitComputed(Value tensor) {
  if (auto fill = tensor.getDefiningOp<linalg::FillOp>())
    return fill.value();
  return emitElementwise(tensor.getDefiningOp<linalg::GenericOp>(), Value(),
                         Value());
}

Value FusedBody::emitElementwise(linalg::GenericOp op, Value before,
                                 Value value) {
  IRMapping mapping;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    if (argument.use_empty())
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    mapping.map(argument, op.isDpsInput(&operand) && operand.get() == before
                              ? value
                              : emitElement(operand.get(), map));
  }
  for (Operation &inner : op.getBody()->without_terminator())
    b.clone(inner, mapping);
  return mapping.lookupOrDefault(op.getBody()->getTerminator()->getOperand(0));
}

Value FusedBody::emitChain(linalg::GenericOp product,
                           ArrayRef<linalg::GenericOp> chain, Value value) {
  linalg::GenericOp before = product;
  for (linalg::GenericOp next : chain) {
    value = emitElementwise(next, before.getResult(0), value);
    before = next;
  }
  return value;
}

SmallVector<linalg::GenericOp> collectProducts(Operation *root) {
  SmallVector<linalg::GenericOp> products;
  root->walk([&](linalg::GenericOp op) {
    if (op.getNumReductionLoops() != 0)
      products.push_back(op);
  });
  return products;
}

SmallVector<linalg::GenericOp> getFusable(linalg::GenericOp product,
                                          StringRef &whyNot) {
  SmallVector<linalg::GenericOp> chain = getEpilogue(product, whyNot);
  auto *end = llvm::find_if(
      chain, [](linalg::GenericOp op) { return op.hasIndexSemantics(); });
  if (end != chain.end())
    whyNot = "what reads it computes with indices";
  chain.erase(end, chain.end());
  return chain;
}

void replaceFused(linalg::GenericOp product, ArrayRef<linalg::GenericOp> chain,
                  Value result) {
  linalg::GenericOp last = chain.empty() ? product : chain.back();
  Type type = last.getResult(0).getType();
  if (result.getType() != type) {
    OpBuilder b(last);
    result = tensor::CastOp::create(b, last.getLoc(), type, result);
  }
  last.replaceAllUsesWith(ValueRange{result});
  for (linalg::GenericOp fused : llvm::reverse(chain))
    fused.erase();
  product.erase();
}

} // namespace mlir::qfmt
