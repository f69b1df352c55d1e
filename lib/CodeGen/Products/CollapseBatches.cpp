// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/CollapseBatches.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::qfmt {

using utils::IteratorType;

/// `tensor` with its first `count` dimensions as one, which has size 1 if there
/// are none.
static Value collapseFirst(ImplicitLocOpBuilder &b, Value tensor,
                           int64_t count) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (count == 1)
    return tensor;
  SmallVector<ReassociationIndices> groups(1);
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (i >= count)
      groups.emplace_back();
    groups.back().push_back(i);
  }
  return tensor::CollapseShapeOp::create(b, tensor, groups);
}

/// What all elements of `tensor` are; null if that is not seen.
static Value getUniformElement(Value tensor) {
  if (auto fill = tensor.getDefiningOp<linalg::FillOp>())
    return fill.value();
  auto generic = tensor.getDefiningOp<linalg::GenericOp>();
  if (!generic || !llvm::hasSingleElement(*generic.getBody()))
    return {};
  Value yielded = generic.getBody()->getTerminator()->getOperand(
      cast<OpResult>(tensor).getResultNumber());
  auto argument = dyn_cast<BlockArgument>(yielded);
  if (!argument || argument.getOwner() != generic.getBody())
    return yielded;
  OpOperand *operand = generic.getMatchingOpOperand(argument);
  return isa<ShapedType>(operand->get().getType()) ? Value() : operand->get();
}

/// `tensor` with its first `count` dimensions as one. Uniform ones are filled
/// anew, so that nothing has to be read.
static Value collapseInit(ImplicitLocOpBuilder &b, Value tensor,
                          int64_t count) {
  Value element = getUniformElement(tensor);
  if (!element)
    return collapseFirst(b, tensor, count);
  ArrayRef<int64_t> sizes = cast<RankedTensorType>(tensor.getType()).getShape();
  SmallVector<int64_t> collapsed = {llvm::product_of(sizes.take_front(count))};
  llvm::append_range(collapsed, sizes.drop_front(count));
  Value empty = tensor::EmptyOp::create(b, collapsed, element.getType());
  return linalg::FillOp::create(b, element, empty).getResult(0);
}

/// Of two values of the same type.
static void swapUses(Value a, Value b) {
  SmallVector<OpOperand *> uses = llvm::to_vector(
      llvm::map_range(a.getUses(), [](OpOperand &use) { return &use; }));
  b.replaceAllUsesWith(a);
  for (OpOperand *use : uses)
    use->set(b);
}

void collapseBatches(const BatchedProduct &product) {
  linalg::GenericOp op = product.op;
  ImplicitLocOpBuilder b(op.getLoc(), op);
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  int64_t numBatches = product.batches.size();
  auto type = cast<RankedTensorType>(op.getResult(0).getType());
  Value lhs = collapseFirst(b, product.lhs->get(), numBatches + 1);
  Value init = collapseInit(b, op.getDpsInits()[0], numBatches + 1);
  Value rhs = product.rhs->get();
  bool hasBatches =
      numBatches != 0 && cast<RankedTensorType>(rhs.getType()).getRank() > 2;
  if (hasBatches)
    rhs = collapseFirst(b, rhs, numBatches);

  AffineExpr m = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1),
             k = b.getAffineDimExpr(2);
  SmallVector<AffineExpr> rhsResults = {k, n};
  if (product.isRhsTransposed)
    std::swap(rhsResults[0], rhsResults[1]);
  if (hasBatches)
    rhsResults.insert(rhsResults.begin(), m.floorDiv(sizes[product.m]));
  SmallVector<AffineMap> maps = {
      AffineMap::get(3, 0, {m, k}, b.getContext()),
      AffineMap::get(3, 0, rhsResults, b.getContext()),
      AffineMap::get(3, 0, {m, n}, b.getContext())};
  auto matrix = linalg::GenericOp::create(
      b, init.getType(), ValueRange{lhs, rhs}, init, maps,
      ArrayRef{IteratorType::parallel, IteratorType::parallel,
               IteratorType::reduction});
  if (product.lhs->getOperandNumber() != 0)
    swapUses(op.getBody()->getArgument(0), op.getBody()->getArgument(1));
  matrix.getRegion().takeBody(op.getRegion());
  Value result = matrix.getResult(0);
  if (result.getType() != type) {
    SmallVector<ReassociationIndices> groups(2);
    for (int64_t i = 0; i < numBatches + 1; ++i)
      groups[0].push_back(i);
    groups[1].push_back(numBatches + 1);
    result = tensor::ExpandShapeOp::create(b, type, result, groups);
  }
  op.replaceAllUsesWith(ValueRange{result});
  op.erase();
}

} // namespace mlir::qfmt
