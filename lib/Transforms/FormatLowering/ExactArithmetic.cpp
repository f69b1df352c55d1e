// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ExactArithmetic.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

/// The significand bits of f64.
static constexpr unsigned kDoubleBits = 53;

/// Let x = X * 2^a and s = S * 2^b with X of at most 53 bits and S of q, and
/// let m = M * 2^c, M of at most p + 1 bits, be a number at which roundings to
/// p bits change: a representable one or the middle of two. If x / s is not m,
/// the distance is |x - m * s| / s, and the numerator is a multiple of
/// 2^min(a, b + c). If that is 2^a, the distance is at least (x / s) / X >
/// 2^-53 * x / s. Otherwise it is at least 2^c / S > 2^(c - q), with
/// 2^c >= 2^(e - p), e the exponent of x / s. Half a unit of the f64 quotient,
/// 2^(e - 53), is no more than either if p + q <= 53: rounding the quotient to
/// nearest does not reach m.
Quotient mlir::qfmt::chooseQuotient(unsigned precision, const ExactRange &x,
                                    const ExactRange &scale,
                                    const EncodeModes &modes) {
  // Where f64 has fewer bits, or no finite value, the quotient keeps its sign
  // and stays below every positive code, or beyond every code: enough for
  // rounding to nearest and saturation.
  bool isNormal = x.low - scale.high > -900 && x.high - scale.low < 900;
  bool isNearest = modes.rounding == RoundingMode::HalfEven ||
                   modes.rounding == RoundingMode::HalfAway ||
                   modes.rounding == RoundingMode::HalfUp;
  bool toleratesTails = isNearest && modes.overflow == OverflowMode::Saturate;
  if (!(isNormal || toleratesTails) || x.bits > kDoubleBits ||
      scale.bits > kDoubleBits)
    return Quotient::Impossible;
  if (precision + scale.bits <= kDoubleBits)
    return Quotient::Nearest;
  return precision + 2 <= kDoubleBits ? Quotient::ToOdd : Quotient::Impossible;
}

/// With e the exponent of x / s and p + q <= 52, x / s is m or at least
/// 2^(e - 52) away from it, by what is said at chooseQuotient. The quotient by
/// the reciprocal (below) has an error of less than 2^(e - 53) * (1 + 2^-50):
/// half a unit, and 2^-104 of the quotient before it is rounded.
bool mlir::qfmt::allowsReciprocal(unsigned precision, const ExactRange &x,
                                  const ExactRange &scale) {
  return precision + scale.bits < kDoubleBits && x.bits <= 50 &&
         scale.bits <= kDoubleBits && x.low - scale.high > -900 &&
         x.high - scale.low < 900 && scale.low > -900 && scale.high < 900;
}

bool mlir::qfmt::isInvertiblePower(const ExactRange &scale, FloatType type) {
  ExactRange reciprocals{1, 1 - scale.high, 1 - scale.low};
  return scale.bits <= 1 && scale.fits(type) && reciprocals.fits(type);
}

/// With y next to 1 / s and below it in magnitude, the rest 1 - s * y, which is
/// rounded to 2^-53 of itself if at all, times y is z, and y + z differs from
/// 1 / s by no more than 2^-103 of it. The error of x * z is below 2^-53 *
/// 2^-52 of the quotient, and the sum with x * y is rounded once.
///
/// z has the sign of y and is not 0, so that quotients of zeros keep their sign
/// and those of infinities are no NaNs.
Reciprocal mlir::qfmt::emitReciprocal(ScalarBuilder &b, Value s) {
  Type type = s.getType(), bits = b.getI64Type();
  Value one = b.constant(type, 1.0);
  auto emitRest = [&](Value y) -> Value {
    return math::FmaOp::create(b, b.createOrFold<arith::NegFOp>(s), y, one);
  };
  Value nearest = b.apply<arith::DivFOp>(one, s);
  Value rest = emitRest(nearest);
  Value next = b.createOrFold<arith::BitcastOp>(
      type, b.apply<arith::SubIOp>(
                b.createOrFold<arith::BitcastOp>(bits, nearest), 1));
  Value isBelow = b.compare(CmpFPredicate::OGT, rest, 0.0);
  Value y = b.select(isBelow, nearest, next);
  Value z = b.apply<arith::MulFOp>(emitRest(y), y);
  // A scale of 0 or infinity has one reciprocal, in place of both.
  Value isRegular =
      b.compare(CmpFPredicate::OLT, b.createOrFold<math::AbsFOp>(rest), 0.5);
  return {b.select(isRegular, y, nearest), b.select(isRegular, z, nearest)};
}

Value mlir::qfmt::emitQuotient(ScalarBuilder &b, Value x, const Reciprocal &s) {
  return math::FmaOp::create(b, x, s.nearest,
                             b.apply<arith::MulFOp>(x, s.rest));
}

/// The last bit of `value` set where `condition` holds: one unit towards zero
/// if that is `below`, one away from it if not.
static Value emitMakeOdd(ScalarBuilder &b, Value value, Value condition,
                         Value below) {
  Value bits = b.createOrFold<arith::BitcastOp>(b.getI64Type(), value);
  Value isEven =
      b.compare(CmpIPredicate::eq, b.apply<arith::AndIOp>(bits, 1), 0);
  Value odd =
      b.select(b.apply<arith::AndIOp>(below, isEven),
               b.apply<arith::SubIOp>(bits, 1), b.apply<arith::OrIOp>(bits, 1));
  return b.createOrFold<arith::BitcastOp>(b.getF64Type(),
                                          b.select(condition, odd, bits));
}

/// True if `error` is a number other than 0: no NaN, no infinity, which come of
/// operands that are none either.
static Value emitIsInexact(ScalarBuilder &b, Value error) {
  Value magnitude = b.createOrFold<math::AbsFOp>(error);
  return b.apply<arith::AndIOp>(
      b.compare(CmpFPredicate::OGT, magnitude, 0.0),
      b.compare(CmpFPredicate::OLT, magnitude, INFINITY));
}

Value mlir::qfmt::emitQuotient(ScalarBuilder &b, Value x, Value s,
                               Quotient quotient) {
  if (quotient == Quotient::ByReciprocal)
    return emitQuotient(b, x, emitReciprocal(b, s));
  if (quotient == Quotient::ByPower)
    return b.apply<arith::MulFOp>(
        x, b.apply<arith::DivFOp>(b.constant(s.getType(), 1.0), s));
  Value rounded = b.apply<arith::DivFOp>(x, s);
  if (quotient == Quotient::Nearest)
    return rounded;
  // The exact quotient is rounded + rest / s, and the rest has 53 bits.
  Value rest =
      math::FmaOp::create(b, b.createOrFold<arith::NegFOp>(rounded), s, x);
  Type i64 = b.getI64Type();
  auto bits = [&](Value value) {
    return b.createOrFold<arith::BitcastOp>(i64, value);
  };
  Value signs = b.apply<arith::XOrIOp>(
      b.apply<arith::XOrIOp>(bits(rest), bits(s)), bits(rounded));
  Value below = b.compare(CmpIPredicate::slt, signs, 0);
  // A quotient that became 0 has no bit to set.
  Value condition = b.apply<arith::AndIOp>(
      emitIsInexact(b, rest), b.compare(CmpFPredicate::ONE, rounded, 0.0));
  return emitMakeOdd(b, rounded, condition, below);
}

Value mlir::qfmt::emitProductToOdd(ScalarBuilder &b, Value x, Value y) {
  Value product = b.apply<arith::MulFOp>(x, y);
  Value error =
      math::FmaOp::create(b, x, y, b.createOrFold<arith::NegFOp>(product));
  auto bits = [&](Value value) {
    return b.createOrFold<arith::BitcastOp>(b.getI64Type(), value);
  };
  Value below =
      b.compare(CmpIPredicate::slt,
                b.apply<arith::XOrIOp>(bits(error), bits(product)), 0);
  return emitMakeOdd(b, product, emitIsInexact(b, error), below);
}

/// The error is exact (Knuth's TwoSum).
Value mlir::qfmt::emitSumToOdd(ScalarBuilder &b, Value x, Value y) {
  Value sum = b.apply<arith::AddFOp>(x, y);
  Value yPart = b.apply<arith::SubFOp>(sum, x);
  Value xError = b.apply<arith::SubFOp>(x, b.apply<arith::SubFOp>(sum, yPart));
  Value error =
      b.apply<arith::AddFOp>(xError, b.apply<arith::SubFOp>(y, yPart));
  return emitMakeOdd(b, sum, emitIsInexact(b, error),
                     b.compare(CmpFPredicate::OLT, error, 0.0));
}
