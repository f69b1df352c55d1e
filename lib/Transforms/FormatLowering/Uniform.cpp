// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes that are integers times a unit 2^u, as arithmetic: IntegerSpec::encode
// and decode of lib/Support. Which formats these are, NumberFormat tells.

#include "Uniform.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

/// Beyond every code and every zero point (2^16 each), exact in f32.
static constexpr int64_t kBeyondCodes = 1 << 20;

/// floor(x + 1/2) without the rounding of that sum: the fraction is exact where
/// it is below 1/2 (Sterbenz), and comparison needs no more. For an infinity it
/// is a NaN, and the comparison false.
static Value emitRoundHalfUp(ScalarBuilder &b, Value x) {
  Value floor = b.createOrFold<math::FloorOp>(x);
  Value fraction = b.apply<arith::SubFOp>(x, floor);
  Value up = b.compare(CmpFPredicate::OGE, fraction, 0.5);
  Value next = b.apply<arith::AddFOp>(floor, b.constant(x.getType(), 1.0));
  return b.select(up, next, floor);
}

static Value emitRoundHalfDown(ScalarBuilder &b, Value x) {
  Value up = emitRoundHalfUp(b, b.createOrFold<arith::NegFOp>(x));
  return b.createOrFold<arith::NegFOp>(up);
}

/// x, not a NaN, rounded to an integer-valued float.
static Value emitRound(ScalarBuilder &b, Value x, RoundingMode rounding) {
  switch (rounding) {
  case RoundingMode::HalfEven:
    return b.createOrFold<math::RoundEvenOp>(x);
  case RoundingMode::HalfAway:
    return b.createOrFold<math::RoundOp>(x);
  case RoundingMode::TowardZero:
    return b.createOrFold<math::TruncOp>(x);
  case RoundingMode::Floor:
    return b.createOrFold<math::FloorOp>(x);
  case RoundingMode::Ceil:
    return b.createOrFold<math::CeilOp>(x);
  case RoundingMode::HalfUp:
    return emitRoundHalfUp(b, x);
  case RoundingMode::HalfDown:
    return emitRoundHalfDown(b, x);
  case RoundingMode::HalfTowardZero:
    break;
  }
  Value magnitude = emitRoundHalfDown(b, b.createOrFold<math::AbsFOp>(x));
  return b.createOrFold<math::CopySignOp>(magnitude, x);
}

/// The low bits of an integer-valued finite float as an i32. The remainder by
/// 2^width is exact: it is a multiple of x's last place and not larger.
static Value emitLowBits(ScalarBuilder &b, Value x, unsigned width) {
  Type type = x.getType();
  Value quotient =
      b.apply<arith::MulFOp>(x, b.constant(type, std::ldexp(1.0, -int(width))));
  Value whole = b.createOrFold<math::FloorOp>(quotient);
  whole =
      b.apply<arith::MulFOp>(whole, b.constant(type, std::ldexp(1.0, width)));
  return b.createOrFold<arith::FPToSIOp>(b.getI32Type(),
                                         b.apply<arith::SubFOp>(x, whole));
}

/// An integer-valued float as an i32: modulo 2^width, or kept below
/// kBeyondCodes in magnitude.
static Value emitToI32(ScalarBuilder &b, Value x, const IntegerSpec &spec,
                       OverflowMode overflow) {
  if (overflow == OverflowMode::Wrap)
    return emitLowBits(b, x, spec.width);
  return b.createOrFold<arith::FPToSIOp>(
      b.getI32Type(), b.clamp(x, -kBeyondCodes, kBeyondCodes));
}

namespace {
/// Where a real lies above its floor; i1 each.
struct Fraction {
  /// Not 0; 1/2; more than 1/2.
  Value inexact, tie, above;
};
} // namespace

/// The fraction of the magnitude is exact, that of a negative x is not (it is 1
/// less the other). All false for infinities.
static Fraction emitFraction(ScalarBuilder &b, Value x) {
  Value magnitude = b.createOrFold<math::AbsFOp>(x);
  Value part = b.apply<arith::SubFOp>(magnitude,
                                      b.createOrFold<math::FloorOp>(magnitude));
  Fraction fraction;
  fraction.inexact = b.compare(CmpFPredicate::OGT, part, 0.0);
  fraction.tie = b.compare(CmpFPredicate::OEQ, part, 0.5);
  Value small = b.apply<arith::AndIOp>(
      fraction.inexact, b.compare(CmpFPredicate::OLT, part, 0.5));
  fraction.above = b.select(b.compare(CmpFPredicate::OLT, x, 0.0), small,
                            b.compare(CmpFPredicate::OGT, part, 0.5));
  return fraction;
}

/// 1 (as an i32) if floor + fraction rounds up. `negative` and `odd` (i1)
/// describe floor.
static Value emitRoundsUp(ScalarBuilder &b, const Fraction &fraction,
                          Value negative, Value odd, RoundingMode rounding) {
  Value no = arith::ConstantOp::create(b, b.getBoolAttr(false));
  Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
  auto nearest = [&](Value tieGoesUp) -> Value {
    return b.apply<arith::OrIOp>(
        fraction.above, b.apply<arith::AndIOp>(fraction.tie, tieGoesUp));
  };
  Value up;
  switch (rounding) {
  case RoundingMode::HalfEven:
    up = nearest(odd);
    break;
  case RoundingMode::HalfAway:
    up = nearest(b.apply<arith::XOrIOp>(negative, yes));
    break;
  case RoundingMode::HalfUp:
    up = nearest(yes);
    break;
  case RoundingMode::HalfDown:
    up = fraction.above;
    break;
  case RoundingMode::HalfTowardZero:
    up = nearest(negative);
    break;
  case RoundingMode::TowardZero:
    up = b.apply<arith::AndIOp>(fraction.inexact, negative);
    break;
  case RoundingMode::Floor:
    up = no;
    break;
  case RoundingMode::Ceil:
    up = fraction.inexact;
    break;
  }
  return b.createOrFold<arith::ExtUIOp>(b.getI32Type(), up);
}

/// round(x + zeroPoint), the sum exact, as an i32 (see emitToI32). x splits
/// into its floor and a fraction, so that the sum is one of integers.
static Value emitRoundOfSum(ScalarBuilder &b, Value x, Value zeroPoint,
                            const IntegerSpec &spec, OverflowMode overflow,
                            RoundingMode rounding) {
  Value floor = b.createOrFold<math::FloorOp>(x);
  // The rounding of this sum keeps its sign.
  Value sum = b.apply<arith::AddFOp>(
      floor, b.createOrFold<arith::SIToFPOp>(x.getType(), zeroPoint));
  Value negative = b.compare(CmpFPredicate::OLT, sum, 0.0);
  Value whole =
      b.apply<arith::AddIOp>(emitToI32(b, floor, spec, overflow), zeroPoint);
  Value odd = b.createOrFold<arith::TruncIOp>(b.getI1Type(),
                                              b.apply<arith::AndIOp>(whole, 1));
  return b.apply<arith::AddIOp>(
      whole, emitRoundsUp(b, emitFraction(b, x), negative, odd, rounding));
}

/// Brings an i32 into the format's range. What is out of it under Zero becomes
/// `zero`, an i32.
static Value emitNarrow(ScalarBuilder &b, Value integer, Value real, Value zero,
                        const IntegerSpec &spec, OverflowMode overflow) {
  Type type = integer.getType();
  int64_t lowest = spec.getLowest(overflow), largest = spec.getLargest();
  if (overflow == OverflowMode::Wrap) {
    // Infinities have no low bits; they saturate.
    for (bool negative : {false, true}) {
      Value infinite =
          b.compare(CmpFPredicate::OEQ, real, negative ? -INFINITY : INFINITY);
      integer = b.select(infinite, b.integer(type, negative ? lowest : largest),
                         integer);
    }
    return integer;
  }
  if (overflow == OverflowMode::Zero) {
    Value outside =
        b.apply<arith::OrIOp>(b.compare(CmpIPredicate::slt, integer, lowest),
                              b.compare(CmpIPredicate::sgt, integer, largest));
    return b.select(outside, zero, integer);
  }
  integer = b.apply<arith::MaxSIOp>(integer, lowest);
  return b.apply<arith::MinSIOp>(integer, largest);
}

/// The same for an integer-valued float, without wrapping.
static Value emitNarrowFloat(ScalarBuilder &b, Value rounded,
                             const IntegerSpec &spec, OverflowMode overflow) {
  double lowest = spec.getLowest(overflow), largest = spec.getLargest();
  if (overflow != OverflowMode::Zero)
    return b.clamp(rounded, lowest, largest);
  Value outside =
      b.apply<arith::OrIOp>(b.compare(CmpFPredicate::OLT, rounded, lowest),
                            b.compare(CmpFPredicate::OGT, rounded, largest));
  return b.select(outside, b.constant(rounded.getType(), 0.0), rounded);
}

/// A number within the range, rounded half to even to a code, an i32 or i64
/// whose low bits it is: in the sum with 1.5 * 2^m, m the mantissa bits, the
/// last place is 1, and a code is far below 2^(m - 1).
static Value emitIntegerByAddition(ScalarBuilder &b, Value x) {
  auto type = cast<FloatType>(x.getType());
  double addend = std::ldexp(1.5, type.getFPMantissaWidth() - 1);
  return b.createOrFold<arith::BitcastOp>(
      b.getIntegerType(type.getWidth()),
      b.apply<arith::AddFOp>(x, b.constant(type, addend)));
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

/// x, not a NaN, in units, exact or such that it rounds and narrows the same.
static Value emitInUnits(ScalarBuilder &b, Value x, int unitExponent,
                         const IntegerSpec &spec, OverflowMode overflow) {
  if (unitExponent == 0)
    return x;
  // In f32 a number of units is exact or beyond f32, thus beyond every code, if
  // the unit is not above 1. In f64 all of f32 is.
  bool wraps = overflow == OverflowMode::Wrap;
  bool mayVanish = x.getType().isF64() && unitExponent > 0;
  if (wraps || unitExponent > 0 || unitExponent < -126)
    x = b.extend(x, b.getF64Type());
  Type type = x.getType();
  Value magnitude = b.createOrFold<math::AbsFOp>(x);
  if (mayVanish) {
    // As far below 1 as one can be.
    Value tiny = b.constant(type, 0x1p-800);
    Value isTiny = b.apply<arith::AndIOp>(
        b.compare(CmpFPredicate::OLT, magnitude, 0x1p-800),
        b.compare(CmpFPredicate::OGT, magnitude, 0.0));
    x = b.select(isTiny, b.createOrFold<math::CopySignOp>(tiny, x), x);
  }
  if (wraps) {
    // A multiple of all that counts, which may be beyond f64 in units.
    double multiple = std::ldexp(1.0, unitExponent + int(spec.width) + 53);
    Value isMultiple = b.compare(CmpFPredicate::OGE, magnitude, multiple);
    x = b.select(isMultiple, b.constant(type, 0.0), x);
  }
  return b.apply<arith::MulFOp>(
      x, b.constant(type, std::ldexp(1.0, -unitExponent)));
}

//===----------------------------------------------------------------------===//
// UniformCodes
//===----------------------------------------------------------------------===//

std::optional<UniformCodes> UniformCodes::get(NumberFormat format) {
  if (!format.hasIntegerCodes() && !format.canWrap())
    return std::nullopt;
  // Of one bit with a sign, the code 1 is -1.
  double unit = std::fabs(format.decodeCode(1));
  int exponent;
  if (!(unit > 0) || std::frexp(unit, &exponent) != 0.5)
    return std::nullopt;
  UniformCodes codes;
  codes.unitExponent = exponent - 1;
  codes.spec.width = format.getFormatWidth();
  // Codes outside of a range denote their integers, too.
  uint64_t highBit = uint64_t(1) << (codes.spec.width - 1);
  codes.spec.isSigned = format.decodeCode(highBit) < 0;
  codes.spec.lowest = static_cast<int64_t>(format.getLowest() / unit);
  codes.spec.largest = static_cast<int64_t>(format.getLargest() / unit);
  return codes;
}

ExactRange UniformCodes::getExactRange() const {
  int width = spec.width;
  return {spec.width, unitExponent, unitExponent + width};
}

Value UniformCodes::emitDecode(ScalarBuilder &b, Value code) const {
  Type i32 = b.getI32Type();
  Value integer = spec.isSigned ? b.createOrFold<arith::ExtSIOp>(i32, code)
                                : b.createOrFold<arith::ExtUIOp>(i32, code);
  Value real = b.createOrFold<arith::SIToFPOp>(b.getF32Type(), integer);
  // A unit down to 2^-149 is a number of f32, and the product exact.
  return unitExponent == 0
             ? real
             : b.apply<arith::MulFOp>(
                   real,
                   b.constant(real.getType(), std::ldexp(1.0, unitExponent)));
}

Value UniformCodes::emitEncode(ScalarBuilder &b, Value real,
                               const EncodeModes &modes,
                               Value zeroPoint) const {
  OverflowMode overflow = modes.overflow;
  if (overflow == OverflowMode::Wrap && !spec.isFullRange())
    overflow = OverflowMode::Saturate;
  Type i32 = b.getI32Type();
  auto getZero = [&] { return zeroPoint ? zeroPoint : b.integer(i32, 0); };
  auto toCode = [&](Value integer) {
    return b.createOrFold<arith::TruncIOp>(b.getIntegerType(spec.width),
                                           integer);
  };
  // A NaN has no integer; it becomes the code of 0 in both NaN modes.
  Value zero = b.constant(real.getType(), 0.0);
  Value x = b.select(b.isNaN(real), zero, real);
  if (overflow == OverflowMode::Wrap) {
    // The low bits of an infinity are not defined; emitNarrow replaces them.
    Value magnitude = b.createOrFold<math::AbsFOp>(x);
    x = b.select(b.compare(CmpFPredicate::OEQ, magnitude, INFINITY), zero, x);
  }
  x = emitInUnits(b, x, unitExponent, spec, overflow);
  Value integer;
  if (zeroPoint && modes.zeroPointPlace == ZeroPointPlace::BeforeRounding) {
    integer = emitRoundOfSum(b, x, zeroPoint, spec, overflow, modes.rounding);
  } else {
    // Rounding keeps what is in the range there.
    if (!zeroPoint && modes.rounding == RoundingMode::HalfEven &&
        overflow != OverflowMode::Wrap && overflow != OverflowMode::Zero)
      return toCode(
          emitIntegerByAddition(b, emitNarrowFloat(b, x, spec, overflow)));
    Value rounded = emitRound(b, x, modes.rounding);
    if (!zeroPoint && overflow != OverflowMode::Wrap)
      return toCode(b.createOrFold<arith::FPToSIOp>(
          i32, emitNarrowFloat(b, rounded, spec, overflow)));
    integer = emitToI32(b, rounded, spec, overflow);
    if (zeroPoint)
      integer = b.apply<arith::AddIOp>(integer, zeroPoint);
  }
  return toCode(emitNarrow(b, integer, real, getZero(), spec, overflow));
}
