//===- ExpandAggregates.cpp - concat, softmax and the like ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents-level IR on tensors.
// Output: the same without tensor.concat, without linalg operations that are
//         defined by a sequence of others, and without tensor.pad of nothing.
//
// A tensor without elements has no place in another one: a view of none that
// begins where the other one ends is refused upstream.
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
#include <functional>

namespace mlir::qfmt {

#define GEN_PASS_DEF_EXPANDAGGREGATES
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// Those of `sizes` that the type of the result of `op` does not say.
SmallVector<Value> getUnknownSizes(OpBuilder &b, Operation *op,
                                   ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> unknown;
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  for (auto [i, size] : llvm::enumerate(sizes))
    if (type.isDynamicDim(i))
      unknown.push_back(getValueOrCreateConstantIndexOp(b, op->getLoc(), size));
  return unknown;
}

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

/// True if `tensor` surely has no elements.
bool isEmpty(Value tensor) {
  return llvm::is_contained(cast<RankedTensorType>(tensor.getType()).getShape(),
                            0);
}

/// True if there are surely no elements between the padding.
bool padsNothing(tensor::PadOp pad) {
  if (isEmpty(pad.getSource()))
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
    auto padding = tensor::GenerateOp::create(
        rewriter, pad.getLoc(), pad.getResultType(),
        getUnknownSizes(rewriter, pad, shapes.front()));
    rewriter.inlineRegionBefore(pad.getRegion(), padding.getBody(),
                                padding.getBody().end());
    rewriter.replaceOp(pad, padding);
    return success();
  }
};

/// tensor.concat without its inputs that have no elements.
struct DropEmptyInputs : OpRewritePattern<tensor::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ConcatOp concat,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> inputs;
    if (!isEmpty(concat.getResult()))
      llvm::copy_if(concat.getInputs(), std::back_inserter(inputs),
                    std::not_fn(isEmpty));
    if (inputs.size() == concat.getInputs().size())
      return failure();
    if (!inputs.empty()) {
      rewriter.replaceOpWithNewOp<tensor::ConcatOp>(
          concat, concat.getResultType(), concat.getDim(), inputs);
      return success();
    }
    ReifiedRankedShapedTypeDims shapes;
    if (failed(reifyResultShapes(rewriter, concat, shapes)))
      return failure();
    rewriter.replaceOpWithNewOp<tensor::EmptyOp>(
        concat, concat.getResultType(),
        getUnknownSizes(rewriter, concat, shapes.front()));
    return success();
  }
};

struct ExpandAggregatesPass : impl::ExpandAggregatesBase<ExpandAggregatesPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandAggregate, GeneratePadding>(&getContext());
    // Before what needs a place for every input.
    patterns.add<DropEmptyInputs>(&getContext(), /*benefit=*/2);
    tensor::populateDecomposeTensorConcatPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
