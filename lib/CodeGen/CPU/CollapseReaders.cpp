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

#include "IntegerProduct.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_COLLAPSEREADERS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

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
  return source && source->hasOneUse() && matchIntegerProduct(source, whyNot);
}

struct CollapseReadersPass : impl::CollapseReadersBase<CollapseReadersPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns,
                                                       readsExpandedProduct);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
