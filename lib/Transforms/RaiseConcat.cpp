// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real.
// Output: level real; chains of tensor.insert_slice that fill a new tensor
//         along one dimension, as tosa-to-tensor writes a concatenation, are
//         tensor.concat: one move of whole tensors, without tensors that are
//         half written in between. Other chains stay.

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_RAISECONCAT
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// The one dimension in which a slice of unit strides does not span `whole`;
/// none if there are several, or sizes and offsets are not static.
static std::optional<unsigned> getAxis(tensor::InsertSliceOp op,
                                       RankedTensorType whole) {
  auto isDynamic = [](int64_t value) { return ShapedType::isDynamic(value); };
  if (llvm::any_of(op.getStaticOffsets(), isDynamic) ||
      llvm::any_of(op.getStaticSizes(), isDynamic) || !op.hasUnitStride() ||
      op.getSourceType().getRank() != whole.getRank())
    return std::nullopt;
  std::optional<unsigned> axis;
  for (unsigned dim = 0, rank = whole.getRank(); dim < rank; ++dim) {
    if (op.getStaticSize(dim) == whole.getDimSize(dim))
      continue;
    if (axis)
      return std::nullopt;
    axis = dim;
  }
  return axis;
}

namespace {
/// insert_slice(... insert_slice(empty)) of pieces that lie side by side.
struct RaiseInsertChain : OpRewritePattern<tensor::InsertSliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::InsertSliceOp last,
                                PatternRewriter &rewriter) const override {
    RankedTensorType whole = last.getType();
    std::optional<unsigned> axis =
        whole.hasStaticShape() ? getAxis(last, whole) : std::nullopt;
    if (!axis)
      return failure();
    // From the last piece to the first, each ending where the next begins.
    SmallVector<Value> pieces;
    int64_t end = whole.getDimSize(*axis);
    Value rest = last.getResult();
    while (auto insert = rest.getDefiningOp<tensor::InsertSliceOp>()) {
      if (getAxis(insert, whole) != axis ||
          insert.getStaticOffset(*axis) + insert.getStaticSize(*axis) != end ||
          (insert != last && !insert->hasOneUse()))
        return failure();
      end = insert.getStaticOffset(*axis);
      pieces.push_back(insert.getSource());
      rest = insert.getDest();
    }
    if (end != 0 || !rest.getDefiningOp<tensor::EmptyOp>())
      return failure();
    rewriter.replaceOpWithNewOp<tensor::ConcatOp>(
        last, whole, *axis, llvm::to_vector(llvm::reverse(pieces)));
    return success();
  }
};

struct RaiseConcatPass : qfmt::impl::RaiseConcatBase<RaiseConcatPass> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseInsertChain>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
