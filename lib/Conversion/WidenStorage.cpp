//===- WidenStorage.cpp - Whole bytes for every tensor element ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents-level IR on tensors; element-wise arith on tensors is
//         linalg already (convert-elementwise-to-linalg).
// Output: every tensor element is a float of at least 8 bits, index, i8, i16,
//         i32 or i64. Scalars keep their types: what is read from a wide
//         element is truncated, what is written is sign-extended, or
//         zero-extended if it is of i1.
// Does not pack codes, and knows no buffers.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/Conversion/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_WIDENSTORAGE
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// The type that holds an element of `type` in memory.
Type widenElement(Type type) {
  if (!type.isSignlessInteger() && !isa<FloatType>(type))
    return type;
  unsigned width = type.getIntOrFloatBitWidth();
  if (isa<FloatType>(type))
    return width >= 8 ? type : IntegerType::get(type.getContext(), 8);
  if (width > 64)
    return type;
  return IntegerType::get(type.getContext(),
                          std::max<unsigned>(8, llvm::PowerOf2Ceil(width)));
}

/// The scalar of type `narrow` that a wide element holds.
Value readElement(OpBuilder &b, Location loc, Value wide, Type narrow) {
  if (wide.getType() == narrow)
    return wide;
  unsigned width = narrow.getIntOrFloatBitWidth();
  Value code = arith::TruncIOp::create(b, loc, b.getIntegerType(width), wide);
  if (code.getType() == narrow)
    return code;
  return arith::BitcastOp::create(b, loc, narrow, code);
}

/// So many of the highest bits of an integer are the same, if not more.
unsigned countSignBits(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getNumSignBits();
  Operation *op = value.getDefiningOp();
  if (auto shift = dyn_cast_or_null<arith::ShRSIOp>(op))
    if (matchPattern(shift.getRhs(), m_ConstantInt(&constant)))
      return std::min<uint64_t>(constant.getBitWidth(),
                                countSignBits(shift.getLhs()) +
                                    constant.getLimitedValue(64));
  if (auto mask = dyn_cast_or_null<arith::AndIOp>(op))
    if (matchPattern(mask.getRhs(), m_ConstantInt(&constant)) &&
        constant.isNonNegative())
      return constant.getNumSignBits();
  if (auto select = dyn_cast_or_null<arith::SelectOp>(op))
    return std::min(countSignBits(select.getTrueValue()),
                    countSignBits(select.getFalseValue()));
  if (isa_and_nonnull<arith::AndIOp, arith::OrIOp>(op))
    return std::min(countSignBits(op->getOperand(0)),
                    countSignBits(op->getOperand(1)));
  return 1;
}

/// The wide element that holds the scalar `narrow`. A condition is 0 or 1.
Value writeElement(OpBuilder &b, Location loc, Value narrow, Type wide) {
  if (narrow.getType() == wide)
    return narrow;
  unsigned width = narrow.getType().getIntOrFloatBitWidth();
  if (!narrow.getType().isInteger())
    narrow = arith::BitcastOp::create(b, loc, b.getIntegerType(width), narrow);
  if (width == 1)
    return arith::ExtUIOp::create(b, loc, wide, narrow);
  // What was truncated may be sign-extended already.
  if (auto truncation = narrow.getDefiningOp<arith::TruncIOp>()) {
    Value source = truncation.getIn();
    unsigned sourceWidth = source.getType().getIntOrFloatBitWidth();
    if (sourceWidth > wide.getIntOrFloatBitWidth() &&
        countSignBits(source) > sourceWidth - width)
      return arith::TruncIOp::create(b, loc, wide, source);
  }
  return arith::ExtSIOp::create(b, loc, wide, narrow);
}

/// Sign-extends the codes of a constant.
FailureOr<ElementsAttr> widenConstant(Location loc, ElementsAttr value,
                                      RankedTensorType wide) {
  Type element = wide.getElementType();
  unsigned width = element.getIntOrFloatBitWidth();
  if (auto ints = dyn_cast<DenseIntElementsAttr>(value))
    return ElementsAttr(ints.mapValues(element, [&](const APInt &code) {
      return code.getBitWidth() == 1 ? code.zext(width) : code.sext(width);
    }));
  if (auto floats = dyn_cast<DenseFPElementsAttr>(value))
    return ElementsAttr(floats.mapValues(element, [&](const APFloat &number) {
      return number.bitcastToAPInt().sext(width);
    }));
  auto resource = dyn_cast<DenseResourceElementsAttr>(value);
  if (!resource)
    return emitError(loc) << "constant of type " << value.getType()
                          << " is neither dense nor dense_resource";
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  uint64_t expected = uint64_t(value.getNumElements()) * (width / 8);
  if (!blob || blob->getData().size() != expected)
    return emitError(loc) << "resource '" << resource.getRawHandle().getKey()
                          << "' of type " << value.getType() << " has "
                          << (blob ? blob->getData().size() : 0)
                          << " bytes, expected " << expected
                          << " with one code in " << width << " bits";
  return ElementsAttr(
      DenseResourceElementsAttr::get(wide, resource.getRawHandle()));
}

struct WidenConstant : OpConversionPattern<arith::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(arith::ConstantOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto value = dyn_cast<ElementsAttr>(op.getValue());
    auto wide = typeConverter->convertType<RankedTensorType>(op.getType());
    if (!value || !wide)
      return failure();
    FailureOr<ElementsAttr> widened = widenConstant(op.getLoc(), value, wide);
    if (failed(widened))
      return failure();
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, wide, *widened);
    return success();
  }
};

/// A cast between a tensor of codes and the wide tensor that holds them, of
/// convert-qfmt-packing-to-loops.
struct WidenCast : OpConversionPattern<UnrealizedConversionCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(UnrealizedConversionCastOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> results;
    if (failed(typeConverter->convertTypes(op.getResultTypes(), results)) ||
        TypeRange(results) != adaptor.getInputs().getTypes())
      return failure();
    rewriter.replaceOp(op, adaptor.getInputs());
    return success();
  }
};

struct WidenGeneric : OpConversionPattern<linalg::GenericOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(linalg::GenericOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> results;
    if (failed(typeConverter->convertTypes(op.getResultTypes(), results)))
      return failure();
    auto wide = linalg::GenericOp::create(
        rewriter, op.getLoc(), results, adaptor.getInputs(),
        adaptor.getOutputs(), op.getIndexingMaps(), op.getIteratorTypes(),
        op.getDocAttr(), op.getLibraryCallAttr(), nullptr,
        linalg::getPrunedAttributeList(op));
    // The same body between reads and writes of wide elements.
    Block *oldBody = op.getBody();
    Block *body = rewriter.createBlock(&wide.getRegion());
    SmallVector<Value> arguments;
    for (auto [argument, operand] :
         llvm::zip_equal(oldBody->getArguments(), wide->getOperands())) {
      // A scalar operand is as it was.
      Value element = body->addArgument(getElementTypeOrSelf(operand.getType()),
                                        argument.getLoc());
      arguments.push_back(readElement(rewriter, argument.getLoc(), element,
                                      argument.getType()));
    }
    rewriter.mergeBlocks(oldBody, body, arguments);
    Operation *yield = body->getTerminator();
    rewriter.setInsertionPoint(yield);
    SmallVector<Value> yielded;
    for (Value value : yield->getOperands())
      yielded.push_back(writeElement(rewriter, yield->getLoc(), value,
                                     widenElement(value.getType())));
    rewriter.modifyOpInPlace(yield, [&] { yield->setOperands(yielded); });
    rewriter.replaceOp(op, wide);
    return success();
  }
};

struct WidenExtract : OpConversionPattern<tensor::ExtractOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(tensor::ExtractOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value element = tensor::ExtractOp::create(
        rewriter, op.getLoc(), adaptor.getTensor(), adaptor.getIndices());
    rewriter.replaceOp(op, readElement(rewriter, op.getLoc(), element,
                                       op.getResult().getType()));
    return success();
  }
};

struct WidenInsert : OpConversionPattern<tensor::InsertOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(tensor::InsertOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value element = writeElement(rewriter, op.getLoc(), op.getScalar(),
                                 widenElement(op.getScalar().getType()));
    rewriter.replaceOpWithNewOp<tensor::InsertOp>(
        op, element, adaptor.getDest(), adaptor.getIndices());
    return success();
  }
};

/// Operations that make a tensor of scalar operands.
template <typename OpTy>
struct WidenScalarOperands : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;
  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type element = getElementTypeOrSelf(op.getType());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(operand.getType() == element
                             ? writeElement(rewriter, op.getLoc(), operand,
                                            widenElement(element))
                             : operand);
    rewriter.replaceOpWithNewOp<OpTy>(
        op, TypeRange{this->typeConverter->convertType(op.getType())}, operands,
        op->getAttrs());
    return success();
  }
};

/// Operations that move elements without looking at them, and those whose body
/// yields one element (tensor.pad, tensor.generate).
struct WidenMove : ConversionPattern {
  WidenMove(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context) {}

  static bool moves(Operation *op) {
    // Operations that are not registered may have no dialect.
    return isa_and_nonnull<tensor::TensorDialect,
                           bufferization::BufferizationDialect>(
               op->getDialect()) ||
           isa<arith::SelectOp>(op);
  }

  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!moves(op))
      return rewriter.notifyMatchFailure(op, "not an operation that moves");
    OperationState state(op->getLoc(), op->getName());
    state.addOperands(operands);
    state.addAttributes(op->getAttrs());
    if (failed(typeConverter->convertTypes(op->getResultTypes(), state.types)))
      return failure();
    for (unsigned i = 0, e = op->getNumRegions(); i < e; ++i)
      state.addRegion();
    Operation *moved = rewriter.create(state);
    for (auto [from, to] :
         llvm::zip_equal(op->getRegions(), moved->getRegions())) {
      rewriter.inlineRegionBefore(from, to, to.end());
      if (!to.empty())
        widenYield(to.front().getTerminator(), rewriter);
    }
    rewriter.replaceOp(op, moved);
    return success();
  }

  static void widenYield(Operation *yield,
                         ConversionPatternRewriter &rewriter) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(yield);
    SmallVector<Value> values;
    for (Value value : yield->getOperands())
      values.push_back(writeElement(rewriter, yield->getLoc(), value,
                                    widenElement(value.getType())));
    rewriter.modifyOpInPlace(yield, [&] { yield->setOperands(values); });
  }
};

void populateWidenStoragePatterns(const TypeConverter &converter,
                                  ConversionTarget &target,
                                  RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<WidenConstant, WidenCast, WidenGeneric, WidenExtract,
               WidenInsert, WidenScalarOperands<tensor::FromElementsOp>,
               WidenScalarOperands<tensor::SplatOp>, WidenMove>(converter,
                                                                context);
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                 converter);
  populateCallOpTypeConversionPattern(patterns, converter);
  populateReturnOpTypeConversionPattern(patterns, converter);
  populateBranchOpInterfaceTypeConversionPattern(patterns, converter);
  scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                       target);
}

/// Named operations have bodies fixed by their element types.
LogicalResult generalizeNarrowNamedOps(ModuleOp module,
                                       const TypeConverter &converter) {
  SmallVector<linalg::LinalgOp> named;
  module.walk([&](linalg::LinalgOp op) {
    if (!isa<linalg::GenericOp>(op) && !converter.isLegal(op.getOperation()))
      named.push_back(op);
  });
  IRRewriter rewriter(module.getContext());
  for (linalg::LinalgOp op : named) {
    rewriter.setInsertionPoint(op);
    if (failed(linalg::generalizeNamedOp(rewriter, op)))
      return op.emitOpError("with elements of an odd width cannot be written "
                            "as linalg.generic");
  }
  return success();
}

struct WidenStoragePass : impl::WidenStorageBase<WidenStoragePass> {
  void runOnOperation() override {
    TypeConverter converter;
    converter.addConversion([](Type type) { return type; });
    converter.addConversion([](RankedTensorType type) {
      return type.clone(widenElement(type.getElementType()));
    });
    if (failed(generalizeNarrowNamedOps(getOperation(), converter)))
      return signalPassFailure();

    ConversionTarget target(getContext());
    RewritePatternSet patterns(&getContext());
    populateWidenStoragePatterns(converter, target, patterns);
    // An operation is done when no tensor it touches is narrow.
    target.markUnknownOpDynamicallyLegal([&](Operation *op) {
      auto function = dyn_cast<FunctionOpInterface>(op);
      return converter.isLegal(op) &&
             (!function || (converter.isLegal(function.getArgumentTypes()) &&
                            converter.isLegal(function.getResultTypes())));
    });
    if (failed(
            applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
