//===- QFmtToArith.cpp - qfmt arithmetic in integer arithmetic ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt.dyadic_scale and qfmt.lmul on scalars, vectors or tensors.
// Output: arith on integers of the same shape. L-Mul is in LMulToArith.cpp.
// Leaves every other operation alone.
//
// With p = acc * m the result of dyadic_scale is (p + bias) >> n, an arithmetic
// shift, then saturated. Shifting floors, so `bias` alone makes the rounding
// mode; with half = (1 << n) >> 1, which is 0 for n = 0:
//
//   floor             0
//   ceil              (1 << n) - 1
//   toward_zero       p < 0 ? (1 << n) - 1 : 0
//   half_up           half
//   half_down         n > 0 ? half - 1 : half
//   half_away         p < 0 and n > 0 ? half - 1 : half
//   half_toward_zero  p >= 0 and n > 0 ? half - 1 : half
//   half_even         bit n of p is 0 and n > 0 ? half - 1 : half
//
// |p| <= 2^31 * (2^31 - 1) < 2^62 and 0 <= bias < 2^62: no sum leaves 64 bits.
//
//===----------------------------------------------------------------------===//

#include "LMulToArith.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVERTQFMTTOARITH
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// Builds i64 arithmetic of the shape of one dyadic_scale.
class WideBuilder {
public:
  WideBuilder(ImplicitLocOpBuilder &builder, Type shapedLike)
      : b(builder), type(withElement(shapedLike, builder.getI64Type())) {}

  static Type withElement(Type type, Type element) {
    if (auto shaped = dyn_cast<ShapedType>(type))
      return shaped.clone(element);
    return element;
  }

  Value constant(int64_t value) {
    TypedAttr attr = b.getI64IntegerAttr(value);
    if (auto shaped = dyn_cast<ShapedType>(type))
      attr = DenseElementsAttr::get(shaped, attr);
    return arith::ConstantOp::create(b, attr);
  }

  /// Sign-extends an integer of at most 64 bits.
  Value widen(Value value) {
    if (value.getType() == type)
      return value;
    return arith::ExtSIOp::create(b, type, value);
  }

  /// Saturates to `result`, an integer type of at most 64 bits.
  Value saturate(Value value, Type result) {
    unsigned width = getElementTypeOrSelf(result).getIntOrFloatBitWidth();
    if (width == 64)
      return value;
    value = arith::MaxSIOp::create(b, value, constant(llvm::minIntN(width)));
    value = arith::MinSIOp::create(b, value, constant(llvm::maxIntN(width)));
    return arith::TruncIOp::create(b, result, value);
  }

  Value zero() { return constant(0); }
  Value one() { return constant(1); }

  Value negative(Value value) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, value, zero());
  }

private:
  ImplicitLocOpBuilder &b;
  Type type;
};

/// What is added to `product` before the shift by `shift`; null for nothing.
Value emitBias(ImplicitLocOpBuilder &b, WideBuilder &wide, Value product,
               Value shift, RoundingMode rounding) {
  if (rounding == RoundingMode::Floor)
    return {};
  Value unit = arith::ShLIOp::create(b, wide.one(), shift);
  if (rounding == RoundingMode::Ceil || rounding == RoundingMode::TowardZero) {
    Value belowUnit = arith::SubIOp::create(b, unit, wide.one());
    if (rounding == RoundingMode::Ceil)
      return belowUnit;
    return arith::SelectOp::create(b, wide.negative(product), belowUnit,
                                   wide.zero());
  }

  Value half = arith::ShRUIOp::create(b, unit, wide.one());
  if (rounding == RoundingMode::HalfUp)
    return half;
  // A tie that floors must miss the next integer by one, unless nothing is
  // shifted out at all: min(half, 1) is 1 for n > 0 and 0 for n = 0.
  Value step = arith::MinSIOp::create(b, half, wide.one());
  Value less = arith::SubIOp::create(b, half, step);
  if (rounding == RoundingMode::HalfDown)
    return less;
  if (rounding == RoundingMode::HalfTowardZero)
    return arith::SelectOp::create(b, wide.negative(product), half, less);
  if (rounding == RoundingMode::HalfAway)
    return arith::SelectOp::create(b, wide.negative(product), less, half);
  // Half to even: ties above an odd integer go up.
  Value quotient = arith::ShRSIOp::create(b, product, shift);
  Value isOdd = arith::AndIOp::create(b, quotient, step);
  return arith::AddIOp::create(b, less, isOdd);
}

/// `product` / 2^`shift`, rounded.
Value emitShift(ImplicitLocOpBuilder &b, WideBuilder &wide, Value product,
                Value shift, RoundingMode rounding) {
  if (Value bias = emitBias(b, wide, product, shift, rounding))
    product = arith::AddIOp::create(b, product, bias);
  return arith::ShRSIOp::create(b, product, shift);
}

struct LowerDyadicScale : OpConversionPattern<DyadicScaleOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(DyadicScaleOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    WideBuilder wide(b, op.getResult().getType());
    Value shift = wide.widen(adaptor.getShift());
    Value product = arith::MulIOp::create(b, wide.widen(adaptor.getAcc()),
                                          wide.widen(adaptor.getMultiplier()));
    Value scaled;
    if (op.getDoubleRounding()) {
      Value high =
          emitShift(b, wide, product, wide.constant(31), RoundingMode::HalfUp);
      Value rest = arith::SubIOp::create(b, shift, wide.constant(31));
      scaled = emitShift(b, wide, high, rest, RoundingMode::HalfAway);
    } else {
      scaled = emitShift(b, wide, product, shift, op.getRounding());
    }
    rewriter.replaceOp(op, wide.saturate(scaled, op.getResult().getType()));
    return success();
  }
};

struct ConvertQFmtToArithPass
    : impl::ConvertQFmtToArithBase<ConvertQFmtToArithPass> {
  void runOnOperation() override {
    ConversionTarget target(getContext());
    target.addLegalDialect<arith::ArithDialect>();
    target.addIllegalOp<DyadicScaleOp, LMulOp>();
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerDyadicScale>(&getContext());
    populateLMulToArithPatterns(patterns);
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
