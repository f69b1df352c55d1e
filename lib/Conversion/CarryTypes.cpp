// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CarryTypes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/ControlFlow/Transforms/StructuralTypeConversions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {

bool movesElements(Operation *op) {
  return isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ConcatOp,
             tensor::DimOp, tensor::EmptyOp, tensor::ExpandShapeOp,
             tensor::ExtractSliceOp, tensor::InsertSliceOp>(op);
}

bool carriesTypes(Operation *op) {
  return movesElements(op) ||
         isa<func::FuncOp, func::CallOp, func::ReturnOp, scf::ForOp, scf::IfOp,
             scf::WhileOp, scf::ConditionOp, scf::YieldOp, cf::BranchOp,
             cf::CondBranchOp, cf::SwitchOp>(op);
}

namespace {
/// The same operation on converted types.
struct MoveConversion : ConversionPattern {
  MoveConversion(const TypeConverter &types, MLIRContext *context)
      : ConversionPattern(types, MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> results;
    if (!movesElements(op) ||
        failed(getTypeConverter()->convertTypes(op->getResultTypes(), results)))
      return failure();
    Operation *move =
        rewriter.create(op->getLoc(), op->getName().getIdentifier(), operands,
                        results, op->getAttrs());
    rewriter.replaceOp(op, move);
    return success();
  }
};
} // namespace

void populateCarriedTypes(const TypeConverter &types,
                          RewritePatternSet &patterns,
                          ConversionTarget &target) {
  patterns.add<MoveConversion>(types, patterns.getContext());
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                 types);
  populateCallOpTypeConversionPattern(patterns, types);
  populateReturnOpTypeConversionPattern(patterns, types);
  target.addDynamicallyLegalOp<func::FuncOp>([&types](func::FuncOp op) {
    return types.isSignatureLegal(op.getFunctionType());
  });
  target.markUnknownOpDynamicallyLegal(
      [&types](Operation *op) { return types.isLegal(op); });
  scf::populateSCFStructuralTypeConversionsAndLegality(types, patterns, target);
  cf::populateCFStructuralTypeConversionsAndLegality(types, patterns, target);
}

LogicalResult convertUnfolded(Operation *root, ConversionTarget &target,
                              RewritePatternSet &&patterns) {
  ConversionConfig config;
  config.foldingMode = DialectConversionFoldingMode::Never;
  return applyPartialConversion(root, target, std::move(patterns), config);
}

} // namespace mlir::qfmt
