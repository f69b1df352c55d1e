//===- HighProducts.cpp - Upper halves of products of vectors -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  vectors of 32-bit integers, multiplied in 64 bits, of which the upper
// halves are taken: what rescaling by a multiplier and a shift consists of.
// Output: the same for even and for odd elements apart, which is how x86
// multiplies 32-bit integers to 64 bits (vpmuldq). As it was written LLVM 22
// widens both halves of the vector and narrows the products again, which takes
// twice as many instructions.
//
// Does nothing without AVX2 or AVX-512: other targets have other instructions.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_HIGHPRODUCTS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

/// A factor's even and odd elements, sign-extended to 64 bits.
struct Halves {
  Value even, odd;
};

/// True for a sign-extended vector or scalar of 32 bits, or a constant that
/// fits.
bool isExtended(Value factor) {
  APInt constant;
  if (matchPattern(factor, m_ConstantInt(&constant)))
    return constant.isSignedIntN(32);
  if (auto broadcast = factor.getDefiningOp<vector::BroadcastOp>())
    factor = broadcast.getSource();
  auto extension = factor.getDefiningOp<arith::ExtSIOp>();
  return extension && getElementTypeOrSelf(extension.getIn()).isInteger(32);
}

Halves emitHalves(OpBuilder &b, Location loc, Value factor, VectorType type) {
  APInt constant;
  if (matchPattern(factor, m_ConstantInt(&constant))) {
    Value half = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, constant));
    return {half, half};
  }
  if (auto broadcast = factor.getDefiningOp<vector::BroadcastOp>()) {
    Value half =
        vector::BroadcastOp::create(b, loc, type, broadcast.getSource());
    return {half, half};
  }
  Value pairs = vector::BitCastOp::create(
      b, loc, type, factor.getDefiningOp<arith::ExtSIOp>().getIn());
  Value shift = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, APInt(64, 32)));
  Value even = arith::ShRSIOp::create(
      b, loc, arith::ShLIOp::create(b, loc, pairs, shift), shift);
  return {even, arith::ShRSIOp::create(b, loc, pairs, shift)};
}

struct SplitProduct : OpRewritePattern<arith::TruncIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncIOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    Operation *shift = op.getIn().getDefiningOp();
    APInt places;
    if (!type || type.getRank() != 1 || type.isScalable() ||
        type.getDimSize(0) % 4 != 0 || !type.getElementType().isInteger(32) ||
        !isa_and_nonnull<arith::ShRSIOp, arith::ShRUIOp>(shift) ||
        !getElementTypeOrSelf(op.getIn()).isInteger(64) ||
        !matchPattern(shift->getOperand(1), m_ConstantInt(&places)) ||
        places != 32)
      return failure();
    auto product = shift->getOperand(0).getDefiningOp<arith::MulIOp>();
    if (!product || !product->hasOneUse() || !shift->hasOneUse() ||
        !isExtended(product.getLhs()) || !isExtended(product.getRhs()))
      return failure();
    Location loc = op.getLoc();
    auto half = VectorType::get(type.getDimSize(0) / 2, rewriter.getI64Type());
    Halves left = emitHalves(rewriter, loc, product.getLhs(), half);
    Halves right = emitHalves(rewriter, loc, product.getRhs(), half);
    Value even = arith::MulIOp::create(rewriter, loc, left.even, right.even);
    Value odd = arith::MulIOp::create(rewriter, loc, left.odd, right.odd);
    auto constant = [&](uint64_t value) -> Value {
      return arith::ConstantOp::create(
          rewriter, loc, DenseElementsAttr::get(half, APInt(64, value)));
    };
    even = arith::ShRUIOp::create(rewriter, loc, even, constant(32));
    odd = arith::AndIOp::create(rewriter, loc, odd,
                                constant(0xffffffff00000000u));
    Value both = arith::OrIOp::create(rewriter, loc, even, odd);
    rewriter.replaceOpWithNewOp<vector::BitCastOp>(op, type, both);
    return success();
  }
};

struct HighProductsPass : impl::HighProductsBase<HighProductsPass> {
  using HighProductsBase::HighProductsBase;

  void runOnOperation() override {
    switch (
        CpuTarget::get(getOperation(), instructions, l2Bytes).instructions) {
    case DotInstructions::Vnni512:
    case DotInstructions::Vnni256:
    case DotInstructions::Madd512:
    case DotInstructions::Madd256:
      break;
    default:
      return;
    }
    RewritePatternSet patterns(&getContext());
    patterns.add<SplitProduct>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
