//===- CollapseReaders.cpp - Readers of products as matrices --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  products of bytes on tensors, whose results are expanded before an
// element-wise operation reads them: batch x words x features from a matrix.
// Output: the reader on the matrix, its other operands collapsed and its result
// expanded, so that qfmt-products-to-vectors can compute it on accumulators.
//
// Reshapes of contiguous tensors cost nothing. Readers of anything else stay.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/CodeGen/Products/FloatProduct.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/CodeGen/Products/VariableProduct.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_COLLAPSEREADERS
#include "qfmt/CodeGen/Products/Passes.h.inc"

namespace {

/// The only reader of an expanded product, and that on all its elements.
bool readsExpandedProduct(OpOperand *operand) {
  auto reader = dyn_cast<linalg::GenericOp>(operand->getOwner());
  auto expand = operand->get().getDefiningOp<tensor::ExpandShapeOp>();
  if (!reader || !expand || !expand->hasOneUse() ||
      reader.getNumReductionLoops() != 0)
    return false;
  auto source = expand.getSrc().getDefiningOp<linalg::GenericOp>();
  StringRef whyNot;
  if (!source || !source->hasOneUse())
    return false;
  if (matchIntegerProduct(source, whyNot) ||
      matchVariableProduct(source, whyNot))
    return true;
  std::optional<FloatProduct> product = matchFloatProduct(source, whyNot);
  return product && product->batchLoops.empty();
}

/// Takes dimensions of size 1 from inputs of readers of products, so that these
/// move along rows, or along columns, or not at all.
void dropUnitDims(linalg::GenericOp reader) {
  ImplicitLocOpBuilder b(reader.getLoc(), reader);
  SmallVector<AffineMap> maps = reader.getIndexingMapsArray();
  for (OpOperand *input : reader.getDpsInputOperands()) {
    auto type = dyn_cast<RankedTensorType>(input->get().getType());
    if (!type || readsExpandedProduct(input) ||
        !llvm::is_contained(type.getShape(), 1))
      continue;
    AffineMap &map = maps[input->getOperandNumber()];
    // Those before the first other one go with it, the others with the one
    // before them.
    SmallVector<ReassociationIndices> groups(1);
    SmallVector<AffineExpr> kept;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      if (type.getDimSize(i) != 1) {
        if (!kept.empty())
          groups.emplace_back();
        kept.push_back(map.getResult(i));
      }
      groups.back().push_back(i);
    }
    if (kept.empty())
      continue;
    input->set(tensor::CollapseShapeOp::create(b, input->get(), groups));
    map = AffineMap::get(map.getNumDims(), 0, kept, b.getContext());
  }
  reader.setIndexingMapsAttr(b.getAffineMapArrayAttr(maps));
}

struct CollapseReadersPass : impl::CollapseReadersBase<CollapseReadersPass> {
  void runOnOperation() override {
    getOperation()->walk([](linalg::GenericOp op) {
      if (llvm::any_of(op.getDpsInputOperands(), readsExpandedProduct))
        dropUnitDims(op);
    });
    RewritePatternSet patterns(&getContext());
    linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns,
                                                       readsExpandedProduct);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
