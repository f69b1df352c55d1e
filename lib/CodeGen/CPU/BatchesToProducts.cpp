//===- BatchesToProducts.cpp - Batches of products by rows and columns ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products of two variable integer matrices, and
// batches of them, as linalg.generic on tensors of known sizes.
// Output: one product whose result is a matrix: the rows of all batches, one
// below the other. The map of the second factor says which one a row reads.
//
// What reads the result can then be computed on sums, as for other products.
// Products of few rows stay: packing a factor would take longer.
//
//===----------------------------------------------------------------------===//

#include "VariableTile.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_BATCHESTOPRODUCTS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

using utils::IteratorType;

/// Fewer rows are not worth it.
constexpr int64_t kMinRows = 4;

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-batches-to-products");
}

/// `tensor` with its first `count` dimensions as one, which has size 1 if there
/// are none.
Value collapseFirst(ImplicitLocOpBuilder &b, Value tensor, int64_t count) {
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
Value getUniformElement(Value tensor) {
  if (auto fill = tensor.getDefiningOp<linalg::FillOp>())
    return fill.value();
  auto generic = tensor.getDefiningOp<linalg::GenericOp>();
  if (!generic || !llvm::hasSingleElement(*generic.getBody()))
    return {};
  Value yielded = generic.getBody()->getTerminator()->getOperand(0);
  auto argument = dyn_cast<BlockArgument>(yielded);
  if (!argument || argument.getOwner() != generic.getBody())
    return yielded;
  OpOperand *operand = generic.getMatchingOpOperand(argument);
  return isa<ShapedType>(operand->get().getType()) ? Value() : operand->get();
}

/// `tensor` with its first `count` dimensions as one. Uniform ones are filled
/// anew, so that nothing has to be read.
Value collapseInit(ImplicitLocOpBuilder &b, Value tensor, int64_t count) {
  Value element = getUniformElement(tensor);
  if (!element)
    return collapseFirst(b, tensor, count);
  ArrayRef<int64_t> sizes = cast<RankedTensorType>(tensor.getType()).getShape();
  SmallVector<int64_t> collapsed = {llvm::product_of(sizes.take_front(count))};
  llvm::append_range(collapsed, sizes.drop_front(count));
  Value empty = tensor::EmptyOp::create(b, collapsed, element.getType());
  return linalg::FillOp::create(b, element, empty).getResult(0);
}

StringRef getWhyNot(const BatchedProduct &product, const CpuTarget &target) {
  linalg::GenericOp op = product.op;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  if (sizes[product.m] < kMinRows)
    return "it has too few rows for a factor that would have to be packed";
  return VariableTile::getWhyNot(product.rhsReading, product.bits,
                                 sizes[product.k], target);
}

/// Of two values of the same type.
void swapUses(Value a, Value b) {
  SmallVector<OpOperand *> uses = llvm::to_vector(
      llvm::map_range(a.getUses(), [](OpOperand &use) { return &use; }));
  b.replaceAllUsesWith(a);
  for (OpOperand *use : uses)
    use->set(b);
}

void rewrite(const BatchedProduct &product) {
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

struct BatchesToProductsPass
    : impl::BatchesToProductsBase<BatchesToProductsPass> {
  using BatchesToProductsBase::BatchesToProductsBase;

  void runOnOperation() override {
    CpuTarget target = CpuTarget::get(getOperation(), instructions, l2Bytes);
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics) {
      StringRef whyNot;
      std::optional<BatchedProduct> product = matchBatchedProduct(op, whyNot);
      if (product)
        whyNot = getWhyNot(*product, target);
      if (product && whyNot.empty())
        rewrite(*product);
      else if (!whyNot.empty())
        remark::missed(op.getLoc(), getRemarkOptions("NoBatches"))
            << "no product of matrices: " << whyNot;
    }
  }
};

} // namespace
} // namespace mlir::qfmt
