//===- WidenOddIntegers.cpp - Integers of widths that SPIR-V has ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  kernels with scalars of any width below 64, i6 for example, after
//         everything that makes such scalars.
// Output: the same with scalars of 1, 8, 16, 32 and 64 bits. An integer is kept
//         zero-extended in the next of these widths: results are masked, and
//         what reads the sign extends it first.
//
// Results are exact, those of operations that wrap among them. Does not change
// buffers, whose elements take whole bytes before (qfmt-widen-storage).
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_WIDENODDINTEGERS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

bool isOdd(Type type) {
  if (!type.isSignlessInteger())
    return false;
  unsigned bits = type.getIntOrFloatBitWidth();
  return bits < 64 && (bits < 8 ? bits != 1 : !llvm::isPowerOf2_32(bits));
}

/// The next width that SPIR-V has.
IntegerType getStoredType(Type odd) {
  unsigned bits = llvm::PowerOf2Ceil(odd.getIntOrFloatBitWidth());
  return IntegerType::get(odd.getContext(), std::max(bits, 8u));
}

//===----------------------------------------------------------------------===//
// Numbers in wider integers
//===----------------------------------------------------------------------===//

/// Clears the bits beyond `type`, if it is odd.
Value clearUpperBits(OpBuilder &b, Location loc, Value stored, Type type) {
  if (!isOdd(type))
    return stored;
  int64_t ones = (int64_t(1) << type.getIntOrFloatBitWidth()) - 1;
  Value mask = arith::ConstantIntOp::create(b, loc, stored.getType(), ones);
  return arith::AndIOp::create(b, loc, stored, mask);
}

/// Copies the sign of an integer of `type`, if it is odd, to the bits beyond.
Value extendSign(OpBuilder &b, Location loc, Value stored, Type type) {
  if (!isOdd(type))
    return stored;
  unsigned gap =
      stored.getType().getIntOrFloatBitWidth() - type.getIntOrFloatBitWidth();
  Value bits = arith::ConstantIntOp::create(b, loc, stored.getType(), gap);
  Value upper = arith::ShLIOp::create(b, loc, stored, bits);
  return arith::ShRSIOp::create(b, loc, upper, bits);
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

struct Constant : OpConversionPattern<arith::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::ConstantOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    IntegerType type = getStoredType(op.getType());
    APInt value = cast<IntegerAttr>(op.getValue()).getValue();
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, rewriter.getIntegerAttr(type, value.zext(type.getWidth())));
    return success();
  }
};

enum class Operands { Unsigned, Signed };

/// Two numbers of one type to a third one.
template <typename OpTy, Operands operands>
struct Binary : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type type = op.getType();
    Value lhs = adaptor.getLhs(), rhs = adaptor.getRhs();
    if (operands == Operands::Signed) {
      lhs = extendSign(rewriter, loc, lhs, type);
      rhs = extendSign(rewriter, loc, rhs, type);
    }
    Value result = OpTy::create(rewriter, loc, lhs, rhs);
    rewriter.replaceOp(op, clearUpperBits(rewriter, loc, result, type));
    return success();
  }
};

struct Compare : OpConversionPattern<arith::CmpIOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::CmpIOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    using Predicate = arith::CmpIPredicate;
    Value lhs = adaptor.getLhs(), rhs = adaptor.getRhs();
    if (llvm::is_contained(
            {Predicate::slt, Predicate::sle, Predicate::sgt, Predicate::sge},
            op.getPredicate())) {
      Type type = op.getLhs().getType();
      lhs = extendSign(rewriter, op.getLoc(), lhs, type);
      rhs = extendSign(rewriter, op.getLoc(), rhs, type);
    }
    rewriter.replaceOpWithNewOp<arith::CmpIOp>(op, op.getPredicate(), lhs, rhs);
    return success();
  }
};

struct Select : OpConversionPattern<arith::SelectOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::SelectOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, adaptor.getCondition(),
                                                 adaptor.getTrueValue(),
                                                 adaptor.getFalseValue());
    return success();
  }
};

/// One number to one of another type.
template <typename OpTy, Operands operands>
struct Cast : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value value = adaptor.getIn();
    if (operands == Operands::Signed)
      value = extendSign(rewriter, loc, value, op.getIn().getType());
    Type type = this->getTypeConverter()->convertType(op.getType());
    if (value.getType() != type)
      value = OpTy::create(rewriter, loc, type, value);
    rewriter.replaceOp(op, clearUpperBits(rewriter, loc, value, op.getType()));
    return success();
  }
};

void populatePatterns(const TypeConverter &converter,
                      RewritePatternSet &patterns) {
  constexpr Operands kUnsigned = Operands::Unsigned, kSigned = Operands::Signed;
  patterns.add<
      Constant, Compare, Select, Binary<arith::AddIOp, kUnsigned>,
      Binary<arith::SubIOp, kUnsigned>, Binary<arith::MulIOp, kUnsigned>,
      Binary<arith::AndIOp, kUnsigned>, Binary<arith::OrIOp, kUnsigned>,
      Binary<arith::XOrIOp, kUnsigned>, Binary<arith::ShLIOp, kUnsigned>,
      Binary<arith::ShRUIOp, kUnsigned>, Binary<arith::DivUIOp, kUnsigned>,
      Binary<arith::RemUIOp, kUnsigned>, Binary<arith::CeilDivUIOp, kUnsigned>,
      Binary<arith::MaxUIOp, kUnsigned>, Binary<arith::MinUIOp, kUnsigned>,
      Binary<arith::ShRSIOp, kSigned>, Binary<arith::DivSIOp, kSigned>,
      Binary<arith::RemSIOp, kSigned>, Binary<arith::CeilDivSIOp, kSigned>,
      Binary<arith::FloorDivSIOp, kSigned>, Binary<arith::MaxSIOp, kSigned>,
      Binary<arith::MinSIOp, kSigned>, Cast<arith::TruncIOp, kUnsigned>,
      Cast<arith::ExtUIOp, kUnsigned>, Cast<arith::ExtSIOp, kSigned>,
      Cast<arith::IndexCastOp, kSigned>, Cast<arith::IndexCastUIOp, kUnsigned>,
      Cast<arith::SIToFPOp, kSigned>, Cast<arith::UIToFPOp, kUnsigned>,
      Cast<arith::FPToSIOp, kUnsigned>, Cast<arith::FPToUIOp, kUnsigned>>(
      converter, patterns.getContext());
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// True if there is a pattern for `op`.
bool isKnown(Operation *op) {
  if (isa<arith::ArithDialect>(op->getDialect()))
    return !isa<arith::BitcastOp, arith::MulSIExtendedOp,
                arith::MulUIExtendedOp, arith::AddUIExtendedOp>(op);
  return isa<scf::SCFDialect>(op->getDialect());
}

/// Fails for operations on odd integers without a pattern, and for buffers of
/// such.
LogicalResult verifyOddIntegers(gpu::GPUModuleOp kernels) {
  WalkResult result = kernels.walk([](Operation *op) {
    for (Type type :
         llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
      if (isOdd(getElementTypeOrSelf(type)) &&
          (isa<ShapedType>(type) || !isKnown(op))) {
        op->emitOpError() << "cannot be computed in SPIR-V on " << type
                          << "; use integers of 8, 16, 32 or 64 bits";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

struct WidenOddIntegersPass : impl::WidenOddIntegersBase<WidenOddIntegersPass> {
  void runOnOperation() override {
    if (failed(verifyOddIntegers(getOperation())))
      return signalPassFailure();
    TypeConverter converter;
    converter.addConversion([](Type type) { return type; });
    converter.addConversion([](IntegerType type) -> Type {
      return isOdd(type) ? getStoredType(type) : type;
    });
    ConversionTarget target(getContext());
    RewritePatternSet patterns(&getContext());
    populatePatterns(converter, patterns);
    target.addDynamicallyLegalDialect<arith::ArithDialect>(
        [&](Operation *op) { return converter.isLegal(op); });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
