//===- ExpandArith.cpp - arith that targets lack, in arith that they have -===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  arith on scalars and vectors.
// Output: the same without
//           arithmetic on bf16 and on floats of less than 16 bits         f32
//           casts from and to floats of less than 16 bits, with another
//           rounding than the default one, and from f64 to bf16  integers
//           maxnumf, minnumf, and on demand maximumf, minimumf
//                                                   comparisons, selections
//           scaling_extf, scaling_truncf, casts between f32 and bf16, floor
//           and ceil of quotients                       upstream's patterns
//
// Upstream's arith-expand, in whose place this runs, truncates to f4E2M1FN and
// f8E8M0FNU without rounding ties to even or minding signs and NaNs, and takes
// the second of two zeros for the greater one; LLVM has no other floats of less
// than 16 bits, and MLIR translates other roundings to operations that read the
// mode from a register that nobody sets.
//
// Arithmetic on bf16 is f32 arithmetic rounded once more, exactly as IEEE 754
// asks, by upstream's patterns, but for integers that f32 does not hold. (The
// bf16 conversions of machines flush subnormal numbers.)
//
// A cast is MinifloatSpec::decode and encode, with IEEE 754's overflow: see
// docs/spec.md, C87.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/Conversion/MinifloatArith.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ArithRounding.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_EXPANDARITH
#include "qfmt/Conversion/Passes.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

RoundingMode getRounding(arith::ExtFOp) { return RoundingMode::HalfEven; }

RoundingMode getRounding(arith::TruncFOp op) {
  std::optional<arith::RoundingMode> mode = op.getRoundingmode();
  return mode ? qfmt::getRounding(*mode) : RoundingMode::HalfEven;
}

bool isSmall(Type type) { return type.getIntOrFloatBitWidth() < 16; }

/// Of the floats that casts are written out from or to.
std::optional<MinifloatSpec> getSpec(FloatType type) {
  if (type.isF32())
    return getF32Spec();
  return MinifloatSpec::of(type.getFloatSemantics());
}

/// True if the machine, or an expansion of upstream's, rounds correctly.
bool isRoundedElsewhere(Type source, Type result, RoundingMode rounding) {
  return !isSmall(source) && !isSmall(result) &&
         rounding == RoundingMode::HalfEven &&
         !(source.isF64() && result.isBF16());
}

/// A number as one of f32, or of f64 if that is its type; null if it is wider.
Value emitReal(ScalarBuilder &b, Value value) {
  Type type = getElementTypeOrSelf(value.getType());
  if (type.isF32() || type.isF64())
    return value;
  if (isSmall(type)) {
    std::optional<MinifloatSpec> spec = getSpec(cast<FloatType>(type));
    return spec ? emitMinifloatDecode(b, *spec, value) : Value();
  }
  if (!type.isF16() && !type.isBF16())
    return {};
  return b.extend(value, b.withElement(value.getType(), b.getF32Type()));
}

/// A number of f32 or f64, rounded to `type`; f32 to f64 is exact.
Value emitRounded(ScalarBuilder &b, Value real, Type type,
                  RoundingMode rounding) {
  Type from = getElementTypeOrSelf(real.getType());
  auto to = cast<FloatType>(getElementTypeOrSelf(type));
  if (from.getIntOrFloatBitWidth() <= to.getWidth())
    return b.extend(real, type);
  if (isRoundedElsewhere(from, to, rounding))
    return arith::TruncFOp::create(b, type, real);
  auto format = cast<NumberFormat>(Type(to));
  auto getCode = [&](const ExactReal &value) {
    return format.encodeReal(value, rounding, OverflowMode::Infinity,
                             NaNMode::Propagate);
  };
  Value code = emitMinifloatEncode(b, *getSpec(to), real,
                                   {rounding, OverflowMode::Infinity, getCode});
  return b.createOrFold<arith::BitcastOp>(type, code);
}

template <typename OpTy>
bool isExpandedCast(OpTy op) {
  return !isRoundedElsewhere(getElementTypeOrSelf(op.getIn().getType()),
                             getElementTypeOrSelf(op.getType()),
                             getRounding(op));
}

/// extf and truncf.
template <typename OpTy>
struct ExpandCast : OpConversionPattern<OpTy> {
  explicit ExpandCast(MLIRContext *context)
      : OpConversionPattern<OpTy>(context, /*benefit=*/2) {}

  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto shaped = dyn_cast<ShapedType>(op.getType());
    auto format = dyn_cast<NumberFormat>(getElementTypeOrSelf(op.getType()));
    bool isFormat = format || getElementTypeOrSelf(op.getType()).isF64();
    if (!isExpandedCast(op) || !isFormat ||
        (shaped && !shaped.hasStaticShape()))
      return failure();
    ScalarBuilder b(rewriter, op.getLoc());
    Value real = emitReal(b, adaptor.getIn());
    if (!real)
      return failure();
    rewriter.replaceOp(op, emitRounded(b, real, op.getType(), getRounding(op)));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Arithmetic in f32
//===----------------------------------------------------------------------===//

/// The numbers of f64 between which no float of at most 16 bits changes. Those
/// of 2^53 and more keep what is above their 12 lowest bits, of which one says
/// whether there is more.
template <typename OpTy>
Value emitRoundedToOdd(ScalarBuilder &b, Value integer) {
  Value high = b.apply<arith::AndIOp>(integer, ~int64_t(0xFFF));
  Value isExact =
      b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, high, integer);
  Value odd = b.select(isExact, high, b.apply<arith::OrIOp>(high, 0x800));
  constexpr bool isSigned = std::is_same_v<OpTy, arith::SIToFPOp>;
  int64_t limit = int64_t(1) << 53;
  Value distance = isSigned ? b.apply<arith::AddIOp>(integer, limit) : integer;
  Value isSmall = b.compare(arith::CmpIPredicate::ult, distance,
                            isSigned ? 2 * limit : limit);
  return b.select(isSmall, integer, odd);
}

/// Integers that f32 does not hold to bf16 or f8E8M0FNU, by way of f64. The
/// other floats of at most 16 bits end before f32 leaves out integers.
template <typename OpTy>
void convertThroughF64(OpTy op) {
  Type type = getElementTypeOrSelf(op.getType());
  unsigned width =
      getElementTypeOrSelf(op.getIn().getType()).getIntOrFloatBitWidth();
  if (width <= 24 || width > 64 ||
      !(type.isBF16() || isa<Float8E8M0FNUType>(type)))
    return;
  OpBuilder builder(op);
  ScalarBuilder b(builder, op.getLoc());
  Value integer = op.getIn();
  if (width > 53) {
    Type i64 = b.withElement(integer.getType(), b.getI64Type());
    if (width < 64)
      integer = std::is_same_v<OpTy, arith::SIToFPOp>
                    ? b.createOrFold<arith::ExtSIOp>(i64, integer)
                    : b.createOrFold<arith::ExtUIOp>(i64, integer);
    integer = emitRoundedToOdd<OpTy>(b, integer);
  }
  Value real = OpTy::create(b, b.withElement(integer.getType(), b.getF64Type()),
                            integer);
  op.replaceAllUsesWith(
      arith::TruncFOp::create(b, op.getType(), real).getResult());
  op.erase();
}

/// The types that have casts only.
SmallVector<Type> getEmulatedTypes(MLIRContext *context) {
  return {BFloat16Type::get(context),       Float8E3M4Type::get(context),
          Float8E4M3Type::get(context),     Float8E4M3FNType::get(context),
          Float8E4M3FNUZType::get(context), Float8E4M3B11FNUZType::get(context),
          Float8E5M2Type::get(context),     Float8E5M2FNUZType::get(context),
          Float8E8M0FNUType::get(context),  Float6E2M3FNType::get(context),
          Float6E3M2FNType::get(context),   Float4E2M1FNType::get(context)};
}

/// scaling_extf and scaling_truncf in casts, products and quotients.
LogicalResult expandScaling(Operation *root) {
  ConversionTarget target(*root->getContext());
  target.addLegalDialect<arith::ArithDialect>();
  target.addIllegalOp<arith::ScalingExtFOp, arith::ScalingTruncFOp>();
  RewritePatternSet patterns(root->getContext());
  arith::populateExpandScalingExtTruncPatterns(patterns);
  return applyPartialConversion(root, target, std::move(patterns));
}

LogicalResult computeInF32(Operation *root) {
  root->walk([](Operation *op) {
    if (auto convert = dyn_cast<arith::SIToFPOp>(op))
      convertThroughF64(convert);
    else if (auto convert = dyn_cast<arith::UIToFPOp>(op))
      convertThroughF64(convert);
  });
  MLIRContext *context = root->getContext();
  TypeConverter converter;
  arith::populateEmulateUnsupportedFloatsConversions(
      converter, getEmulatedTypes(context), Float32Type::get(context));
  RewritePatternSet patterns(context);
  arith::populateEmulateUnsupportedFloatsPatterns(patterns, converter);
  ConversionTarget target(*context);
  arith::populateEmulateUnsupportedFloatsLegality(target, converter);
  if (failed(applyPartialConversion(root, target, std::move(patterns))))
    return failure();
  keepRoundings(root);
  return success();
}

//===----------------------------------------------------------------------===//
// Extrema
//===----------------------------------------------------------------------===//

/// The greater of two numbers, or the lesser, where -0 is below +0. Of a NaN
/// and a number the NaN, or the number.
template <typename OpTy, bool isMaximum, bool keepsNaN>
struct ExpandExtremum : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ScalarBuilder b(rewriter, op.getLoc());
    Value lhs = adaptor.getLhs(), rhs = adaptor.getRhs();
    APFloat constant(0.0);
    bool isKnown =
        matchPattern(rhs, m_ConstantFloat(&constant)) && !constant.isNaN();
    Value result =
        isKnown ? emitBound(b, lhs, rhs, constant) : emit(b, lhs, rhs);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  using Predicate = arith::CmpFPredicate;

  static Value select(ScalarBuilder &b, Predicate predicate, Value lhs,
                      Value rhs, Value ifTrue, Value ifFalse) {
    return b.select(b.createOrFold<arith::CmpFOp>(predicate, lhs, rhs), ifTrue,
                    ifFalse);
  }

  /// With a constant that is no NaN: one comparison, which takes the other
  /// number if that is the NaN to keep, or the zero that wins.
  static Value emitBound(ScalarBuilder &b, Value value, Value constant,
                         const APFloat &known) {
    bool isLosingZero = isMaximum ? known.isNegZero() : known.isPosZero();
    Predicate predicate;
    if constexpr (isMaximum && keepsNaN)
      predicate = isLosingZero ? Predicate::UGE : Predicate::UGT;
    else if constexpr (isMaximum)
      predicate = isLosingZero ? Predicate::OGE : Predicate::OGT;
    else if constexpr (keepsNaN)
      predicate = isLosingZero ? Predicate::ULE : Predicate::ULT;
    else
      predicate = isLosingZero ? Predicate::OLE : Predicate::OLT;
    return select(b, predicate, value, constant, value, constant);
  }

  static Value emit(ScalarBuilder &b, Value lhs, Value rhs) {
    Value result = select(b, isMaximum ? Predicate::UGT : Predicate::ULT, lhs,
                          rhs, lhs, rhs);
    // Equal numbers have the same bits unless they are zeros.
    Type type = lhs.getType();
    unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
    Type bits = b.withElement(type, b.getIntegerType(width));
    Value lhsBits = b.createOrFold<arith::BitcastOp>(bits, lhs);
    Value rhsBits = b.createOrFold<arith::BitcastOp>(bits, rhs);
    Value equal = isMaximum ? b.apply<arith::AndIOp>(lhsBits, rhsBits)
                            : b.apply<arith::OrIOp>(lhsBits, rhsBits);
    result = select(b, Predicate::OEQ, lhs, rhs,
                    b.createOrFold<arith::BitcastOp>(type, equal), result);
    // With a NaN among them the result is the first one so far.
    if (keepsNaN)
      return select(b, Predicate::UNO, rhs, rhs, rhs, result);
    return select(b, Predicate::UNO, lhs, lhs, rhs, result);
  }
};

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

/// Upstream's for what they compute correctly.
void populateUpstreamPatterns(RewritePatternSet &patterns) {
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateExpandBFloat16Patterns(patterns);
}

/// True for f32 and bf16 in this order.
bool isBF16Cast(Type wide, Type narrow) {
  return getElementTypeOrSelf(wide).isF32() &&
         getElementTypeOrSelf(narrow).isBF16();
}

struct ExpandArithPass : impl::ExpandArithBase<ExpandArithPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(expandScaling(getOperation())) ||
        failed(computeInF32(getOperation())) || failed(expand()))
      signalPassFailure();
  }

  LogicalResult expand() {
    ConversionTarget target(getContext());
    target.addLegalDialect<arith::ArithDialect, vector::VectorDialect>();
    target.addIllegalOp<arith::CeilDivSIOp, arith::CeilDivUIOp,
                        arith::FloorDivSIOp, arith::MaxNumFOp,
                        arith::MinNumFOp>();
    target.addDynamicallyLegalOp<arith::MaximumFOp, arith::MinimumFOp>(
        [&](Operation *) { return !extrema; });
    target.addDynamicallyLegalOp<arith::ExtFOp>([](arith::ExtFOp op) {
      return !isExpandedCast(op) &&
             !isBF16Cast(op.getType(), op.getIn().getType());
    });
    target.addDynamicallyLegalOp<arith::TruncFOp>([](arith::TruncFOp op) {
      return !isExpandedCast(op) &&
             !isBF16Cast(op.getIn().getType(), op.getType());
    });
    RewritePatternSet patterns(&getContext());
    populateUpstreamPatterns(patterns);
    patterns.add<ExpandCast<arith::ExtFOp>, ExpandCast<arith::TruncFOp>,
                 ExpandExtremum<arith::MaximumFOp, true, true>,
                 ExpandExtremum<arith::MinimumFOp, false, true>,
                 ExpandExtremum<arith::MaxNumFOp, true, false>,
                 ExpandExtremum<arith::MinNumFOp, false, false>>(&getContext());
    return applyPartialConversion(getOperation(), target, std::move(patterns));
  }
};

} // namespace
} // namespace mlir::qfmt
