//===- LMulToArith.cpp - L-Mul in integer arithmetic ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt.lmul on scalars, vectors or tensors.
// Output: arith on integers of the same shape and as many bits: two masks, one
//         addition, a clamp, and selections for what is not finite or zero.
//
// Fields (the bits without the sign) are at most 2^(W-1) - 1; that of a finite
// number is at most 2^(W-1) - 2^M. So the sum of two, rounded to fewer bits or
// not, is less than 2^W: it stays in W bits read as unsigned. Fields that are
// not finite may carry, but their sums are not selected.
//
//===----------------------------------------------------------------------===//

#include "LMulToArith.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

namespace {

/// Builds integer arithmetic on the bits of one L-Mul's elements.
class FieldBuilder {
public:
  FieldBuilder(ImplicitLocOpBuilder &builder, LMulOp op)
      : b(builder), spec(op.getSpec()), type(op.getType()) {
    Type element = b.getIntegerType(spec.format.getWidth());
    if (auto shaped = dyn_cast<ShapedType>(type))
      bits = shaped.clone(element);
    else
      bits = element;
    fieldMask = (uint64_t(1) << (spec.format.getWidth() - 1)) - 1;
    drop = spec.format.mantissaBits - spec.getMantissaBits();
  }

  Value emit(Value lhs, Value rhs) {
    Value a = arith::BitcastOp::create(b, bits, lhs);
    Value c = arith::BitcastOp::create(b, bits, rhs);
    Value signs = arith::XOrIOp::create(b, a, c);
    Value sign = arith::AndIOp::create(b, signs, constant(~fieldMask));
    Value fieldA = arith::AndIOp::create(b, a, constant(fieldMask));
    Value fieldC = arith::AndIOp::create(b, c, constant(fieldMask));

    Value smaller = arith::MinUIOp::create(b, fieldA, fieldC);
    uint64_t firstNormal = uint64_t(1) << spec.format.mantissaBits;
    Value isZero = compare(arith::CmpIPredicate::ult, smaller, firstNormal);
    Value product = arith::SelectOp::create(b, isZero, constant(0),
                                            emitSum(fieldA, fieldC));
    Value result = arith::OrIOp::create(b, product, sign);
    result = emitSpecials(fieldA, fieldC, isZero, sign, result);
    return arith::BitcastOp::create(b, type, result);
  }

private:
  Value constant(uint64_t value) {
    TypedAttr attr = b.getIntegerAttr(getElementTypeOrSelf(bits),
                                      APInt(spec.format.getWidth(), value,
                                            /*isSigned=*/false,
                                            /*implicitTrunc=*/true));
    if (auto shaped = dyn_cast<ShapedType>(bits))
      attr = DenseElementsAttr::get(shaped, attr);
    return arith::ConstantOp::create(b, attr);
  }

  Value compare(arith::CmpIPredicate predicate, Value value, uint64_t bound) {
    return arith::CmpIOp::create(b, predicate, value, constant(bound));
  }

  /// The field without its low `drop` bits, half to even.
  Value emitRounded(Value field) {
    if (drop == 0)
      return field;
    Value kept = arith::ShRUIOp::create(b, field, constant(drop));
    Value odd = arith::AndIOp::create(b, kept, constant(1));
    Value biased = arith::AddIOp::create(
        b, field, constant((uint64_t(1) << (drop - 1)) - 1));
    biased = arith::AddIOp::create(b, biased, odd);
    return arith::ShRUIOp::create(b, biased, constant(drop));
  }

  /// The field of the product of two normal numbers.
  Value emitSum(Value fieldA, Value fieldC) {
    Value sum =
        arith::AddIOp::create(b, emitRounded(fieldA), emitRounded(fieldC));
    // The constant of every layout of the operation is positive.
    Value offset = constant(spec.getConstant());
    Value atLeast = arith::MaxUIOp::create(b, sum, offset);
    Value field = arith::SubIOp::create(b, atLeast, offset);
    field = arith::MinUIOp::create(
        b, field, constant(spec.format.getLargestCode() >> drop));
    if (drop == 0)
      return field;
    return arith::ShLIOp::create(b, field, constant(drop));
  }

  /// `finite`, or what infinite and NaN operands give.
  Value emitSpecials(Value fieldA, Value fieldC, Value isZero, Value sign,
                     Value finite) {
    std::optional<uint64_t> infinity = spec.format.getInfinityCode(false);
    Value larger = arith::MaxUIOp::create(b, fieldA, fieldC);
    Value isNaN = compare(arith::CmpIPredicate::ugt, larger,
                          infinity.value_or(spec.format.getLargestCode()));
    Value result = finite;
    if (infinity) {
      Value isSpecial = compare(arith::CmpIPredicate::uge, larger, *infinity);
      Value infinite = arith::OrIOp::create(b, sign, constant(*infinity));
      result = arith::SelectOp::create(b, isSpecial, infinite, result);
      Value isInvalid = arith::AndIOp::create(b, isSpecial, isZero);
      isNaN = arith::OrIOp::create(b, isNaN, isInvalid);
    }
    return arith::SelectOp::create(b, isNaN,
                                   constant(*spec.format.getNaNCode()), result);
  }

  ImplicitLocOpBuilder &b;
  LMulSpec spec;
  Type type, bits;
  uint64_t fieldMask;
  unsigned drop;
};

struct LowerLMul : OpConversionPattern<LMulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(LMulOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    FieldBuilder fields(b, op);
    rewriter.replaceOp(op, fields.emit(adaptor.getLhs(), adaptor.getRhs()));
    return success();
  }
};

} // namespace

void populateLMulToArithPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerLMul>(patterns.getContext());
}

} // namespace mlir::qfmt
