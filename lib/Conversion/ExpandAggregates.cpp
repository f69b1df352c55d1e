//===- ExpandAggregates.cpp - concat, softmax and the like ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents-level IR on tensors.
// Output: the same without tensor.concat, without linalg operations that are
//         defined by a sequence of others, and without tensor.pad of nothing.
//
// Bufferization would place a tensor without elements in a view of none, which
// memref.subview refuses where it begins at the end.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/Conversion/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_EXPANDAGGREGATES
#include "qfmt/Conversion/Passes.h.inc"

namespace {

struct ExpandAggregate
    : OpInterfaceRewritePattern<linalg::AggregatedOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(linalg::AggregatedOpInterface op,
                                PatternRewriter &rewriter) const override {
    FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
    if (failed(results))
      return failure();
    rewriter.replaceOp(op, *results);
    return success();
  }
};

/// True if there are surely no elements between the padding.
bool padsNothing(tensor::PadOp pad) {
  if (llvm::is_contained(pad.getSourceType().getShape(), 0))
    return true;
  for (auto [low, size] :
       llvm::zip_equal(pad.getStaticLow(), pad.getResultType().getShape()))
    if (!ShapedType::isDynamic(size) && low == size)
      return true;
  return false;
}

/// Then all of the result is padding.
struct GeneratePadding : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::PadOp pad,
                                PatternRewriter &rewriter) const override {
    ReifiedRankedShapedTypeDims shapes;
    if (!padsNothing(pad) || failed(reifyResultShapes(rewriter, pad, shapes)))
      return failure();
    SmallVector<Value> unknownSizes;
    for (auto [i, size] : llvm::enumerate(shapes.front()))
      if (pad.getResultType().isDynamicDim(i))
        unknownSizes.push_back(
            getValueOrCreateConstantIndexOp(rewriter, pad.getLoc(), size));
    auto padding = tensor::GenerateOp::create(
        rewriter, pad.getLoc(), pad.getResultType(), unknownSizes);
    rewriter.inlineRegionBefore(pad.getRegion(), padding.getBody(),
                                padding.getBody().end());
    rewriter.replaceOp(pad, padding);
    return success();
  }
};

struct ExpandAggregatesPass : impl::ExpandAggregatesBase<ExpandAggregatesPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandAggregate, GeneratePadding>(&getContext());
    tensor::populateDecomposeTensorConcatPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
