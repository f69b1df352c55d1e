//===- WidenMath.cpp - math on floats that targets lack, in f32 -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  math on scalars and vectors.
// Output: the same without bf16 and floats of less than 16 bits:
//           absf, copysign                          bits, but of FNUZ types
//           isnormal                                           comparisons
//           fma                                        f64, rounded to odd
//           all else                           f32, by upstream's patterns
//
// LLVM flushes subnormal numbers of bf16 where the machine converts them, and
// calls functions that not every library has where it does not; it has no
// smaller floats. All of these numbers are numbers of f32, with 24 >= 2 * 8 + 2
// bits, so that sqrt is still rounded as if once.
//
// That does not hold for fma: the addend may lie below all bits of f32 and
// decide what a tie becomes. In f64 the product is exact, and the sum's error
// is a number (Knuth's TwoSum), which goes into the last bit: Boldo and
// Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms
// using rounding to odd", IEEE Transactions on Computers 57 (2008).
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/Conversion/ScalarOps.h"
#include "qfmt/IR/ArithRounding.h"
#include "qfmt/Support/Minifloat.h"
#include <cmath>

namespace mlir::qfmt {

#define GEN_PASS_DEF_WIDENMATH
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// bf16, or a float of less than 16 bits.
bool isNarrow(Type type) {
  auto element = dyn_cast<FloatType>(getElementTypeOrSelf(type));
  return element && (element.isBF16() || element.getWidth() < 16);
}

bool isNarrow(Operation *op) {
  return llvm::any_of(op->getOperandTypes(),
                      [](Type t) { return isNarrow(t); });
}

unsigned getWidth(Type type) {
  return getElementTypeOrSelf(type).getIntOrFloatBitWidth();
}

const llvm::fltSemantics &getSemantics(Type type) {
  return cast<FloatType>(getElementTypeOrSelf(type)).getFloatSemantics();
}

/// False if the sign's bit alone makes a NaN, or there is none.
bool hasPlainSign(Type type) {
  std::optional<MinifloatSpec> spec = MinifloatSpec::of(getSemantics(type));
  return spec && spec->hasSign &&
         spec->specials != MinifloatSpec::Specials::FNUZ;
}

Value emitCode(ScalarBuilder &b, Value real) {
  Type type = real.getType();
  Type integer = b.getIntegerType(getWidth(type));
  return b.createOrFold<arith::BitcastOp>(b.withElement(type, integer), real);
}

/// Of f64 or f32, exact. (A machine's own conversion of bf16 is not.)
Value emitWide(ScalarBuilder &b, Value real, FloatType wide) {
  Type f32 = b.withElement(real.getType(), b.getF32Type());
  return b.extend(b.extend(real, f32), b.withElement(real.getType(), wide));
}

//===----------------------------------------------------------------------===//
// Signs
//===----------------------------------------------------------------------===//

struct WidenAbs : OpConversionPattern<math::AbsFOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(math::AbsFOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isNarrow(op) || !hasPlainSign(op.getType()))
      return failure();
    ScalarBuilder b(rewriter, op.getLoc());
    int64_t sign = int64_t(1) << (getWidth(op.getType()) - 1);
    Value code = b.apply<arith::AndIOp>(emitCode(b, op.getOperand()), sign - 1);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), code);
    return success();
  }
};

struct WidenCopySign : OpConversionPattern<math::CopySignOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(math::CopySignOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isNarrow(op) || !hasPlainSign(op.getType()))
      return failure();
    ScalarBuilder b(rewriter, op.getLoc());
    int64_t sign = int64_t(1) << (getWidth(op.getType()) - 1);
    Value magnitude =
        b.apply<arith::AndIOp>(emitCode(b, op.getLhs()), sign - 1);
    Value signs = b.apply<arith::AndIOp>(emitCode(b, op.getRhs()), -sign);
    Value code = b.apply<arith::OrIOp>(magnitude, signs);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), code);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// What is not the same in f32
//===----------------------------------------------------------------------===//

struct WidenIsNormal : OpConversionPattern<math::IsNormalOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(math::IsNormalOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isNarrow(op))
      return failure();
    ScalarBuilder b(rewriter, op.getLoc());
    int exponent = llvm::APFloat::semanticsMinExponent(
        getSemantics(op.getOperand().getType()));
    Value real = emitWide(b, op.getOperand(), b.getF32Type());
    Value magnitude = b.createOrFold<math::AbsFOp>(real);
    Value isLarge = b.compare(arith::CmpFPredicate::OGE, magnitude,
                              std::ldexp(1.0, exponent));
    Value isFinite = b.compare(arith::CmpFPredicate::OLT, magnitude, HUGE_VAL);
    rewriter.replaceOp(op, b.apply<arith::AndIOp>(isLarge, isFinite));
    return success();
  }
};

/// x + y in f64, but with an odd last bit where it is not exact. Overflow and
/// underflow are out of question.
Value emitOddSum(ScalarBuilder &b, Value x, Value y) {
  using arith::AddFOp, arith::SubFOp;
  Value sum = b.apply<AddFOp>(x, y);
  Value yPart = b.apply<SubFOp>(sum, x);
  Value xPart = b.apply<SubFOp>(sum, yPart);
  Value error =
      b.apply<AddFOp>(b.apply<SubFOp>(x, xPart), b.apply<SubFOp>(y, yPart));
  // The next number toward zero if the exact sum is below, by magnitude.
  Value code = emitCode(b, sum);
  Value signs = b.apply<arith::XOrIOp>(code, emitCode(b, error));
  Value isBelow = b.apply<arith::ShRUIOp>(signs, 63);
  Value odd = b.apply<arith::OrIOp>(b.apply<arith::SubIOp>(code, isBelow), 1);
  // Of infinities the error is NaN.
  Value isInexact = b.compare(arith::CmpFPredicate::ONE, error, 0.0);
  return b.createOrFold<arith::BitcastOp>(sum.getType(),
                                          b.select(isInexact, odd, code));
}

struct WidenFma : OpConversionPattern<math::FmaOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(math::FmaOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isNarrow(op))
      return failure();
    ScalarBuilder b(rewriter, op.getLoc());
    auto widen = [&](Value x) { return emitWide(b, x, b.getF64Type()); };
    Value product = b.apply<arith::MulFOp>(widen(op.getA()), widen(op.getB()));
    Value sum = emitOddSum(b, product, widen(op.getC()));
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), sum);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

SetVector<Type> getSupportedTypes(MLIRContext *context) {
  SetVector<Type> types;
  types.insert_range(
      ArrayRef<Type>{Float16Type::get(context), Float32Type::get(context),
                     Float64Type::get(context), FloatTF32Type::get(context),
                     Float80Type::get(context), Float128Type::get(context)});
  return types;
}

struct WidenMathPass : impl::WidenMathBase<WidenMathPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    // The converter refers to the list.
    SetVector<Type> supported = getSupportedTypes(context);
    TypeConverter converter;
    math::populateExtendToSupportedTypesTypeConverter(
        converter, supported, Float32Type::get(context));
    ConversionTarget target(*context);
    math::populateExtendToSupportedTypesConversionTarget(target, converter);
    target.addLegalDialect<arith::ArithDialect>();
    target.addDynamicallyLegalOp<math::FmaOp>(
        [](Operation *op) { return !isNarrow(op); });
    RewritePatternSet patterns(context);
    math::populateExtendToSupportedTypesPatterns(patterns, converter);
    patterns.add<WidenAbs, WidenCopySign, WidenIsNormal, WidenFma>(
        context, /*benefit=*/2);
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      return signalPassFailure();
    keepRoundings(getOperation());
  }
};

} // namespace
} // namespace mlir::qfmt
