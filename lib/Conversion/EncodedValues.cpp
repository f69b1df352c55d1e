// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EncodedValues.h"
#include "CarryTypes.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

void dequantizeLinalgInputs(Operation *root,
                            function_ref<bool(linalg::LinalgOp)> keeps) {
  root->walk([&](linalg::LinalgOp op) {
    if (llvm::any_of(op->getResultTypes(), EncodedTensorType::isEncoded) ||
        keeps(op))
      return;
    OpBuilder builder(op);
    for (OpOperand *input : op.getDpsInputOperands())
      if (auto encoded = EncodedTensorType::get(input->get().getType()))
        input->set(DequantizeOp::create(
            builder, op.getLoc(), encoded.getLogicalType(), input->get()));
  });
}

ConstituentValueTypes::ConstituentValueTypes() {
  addConversion([](Type type) { return type; });
  addConversion([](RankedTensorType type, SmallVectorImpl<Type> &types) {
    if (auto encoded = EncodedTensorType::get(type))
      llvm::append_range(types, encoded.getConstituentTypes());
    else
      types.push_back(type);
    return success();
  });
}

namespace {
struct AssembleToValues : OpConversionPattern<AssembleOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(AssembleOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> parts(adaptor.getConstituents());
    rewriter.replaceOpWithMultiple(op, ArrayRef<ValueRange>{parts});
    return success();
  }
};

struct ConstituentsToValues : OpConversionPattern<ConstituentsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConstituentsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getInput());
    return success();
  }
};
} // namespace

void populateConstituentValues(const ConstituentValueTypes &types,
                               RewritePatternSet &patterns,
                               ConversionTarget &target) {
  patterns.add<AssembleToValues, ConstituentsToValues>(types,
                                                       patterns.getContext());
  target.addIllegalOp<AssembleOp, ConstituentsOp>();
  populateCarriedTypes(types, patterns, target);
}

} // namespace mlir::qfmt
