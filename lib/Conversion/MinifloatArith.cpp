// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Conversion/MinifloatArith.h"
#include <cmath>

using mlir::arith::CmpFPredicate;
using mlir::arith::CmpIPredicate;

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

/// NaN and infinity codes, whose bits `value` took for numbers.
static Value emitDecodeSpecials(ScalarBuilder &b, const MinifloatSpec &spec,
                                Value code, Value magnitude, Value value) {
  Type f32 = value.getType();
  Value nan = b.constant(f32, NAN);
  Value isNaN;
  switch (spec.specials) {
  case MinifloatSpec::Specials::None:
    return value;
  case MinifloatSpec::Specials::FNUZ:
    isNaN = b.compare(CmpIPredicate::eq, code, *spec.getNaNCode());
    return b.select(isNaN, nan, value);
  case MinifloatSpec::Specials::FN:
  case MinifloatSpec::Specials::E8M0:
    isNaN = b.compare(CmpIPredicate::ugt, magnitude, spec.getLargestCode());
    return b.select(isNaN, nan, value);
  case MinifloatSpec::Specials::IEEE:
    break;
  }
  int64_t infinity = spec.getLargestCode() + 1;
  value = b.select(b.compare(CmpIPredicate::eq, magnitude, infinity),
                   b.constant(f32, INFINITY), value);
  isNaN = b.compare(CmpIPredicate::ugt, magnitude, infinity);
  return b.select(isNaN, nan, value);
}

Value emitMinifloatDecode(ScalarBuilder &b, const MinifloatSpec &spec,
                          Value code) {
  Type i32 = b.withElement(code.getType(), b.getI32Type());
  Type f32 = b.withElement(code.getType(), b.getF32Type());
  unsigned magnitudeBits = spec.exponentBits + spec.mantissaBits;
  if (isa<FloatType>(getElementTypeOrSelf(code.getType())))
    code = b.createOrFold<arith::BitcastOp>(
        b.withElement(i32, b.getIntegerType(spec.getWidth())), code);
  code = b.createOrFold<arith::ExtUIOp>(i32, code);
  // bf16 and its kin are the upper bits of f32. (Taken apart as below, LLVM 22
  // loses the sign of bf16 on x86.)
  if (spec.exponentBits == 8 && spec.bias == 127 && spec.hasSign &&
      spec.hasSubnormals && !spec.negativeZero &&
      spec.specials == MinifloatSpec::Specials::IEEE)
    return b.createOrFold<arith::BitcastOp>(
        f32, b.apply<arith::ShLIOp>(code, 23 - int(spec.mantissaBits)));
  Value magnitude =
      b.apply<arith::AndIOp>(code, (int64_t(1) << magnitudeBits) - 1);

  // Exponent and mantissa at their places in f32 are the value times
  // 2^(bias - 127), of subnormals too; the product restores it exactly.
  Value value = b.createOrFold<arith::BitcastOp>(
      f32, b.apply<arith::ShLIOp>(magnitude, 23 - int(spec.mantissaBits)));
  if (spec.bias != 127)
    value = b.apply<arith::MulFOp>(
        value, b.constant(f32, std::ldexp(1.0, 127 - spec.bias)));
  if (!spec.hasZero())
    value = b.select(b.compare(CmpIPredicate::eq, magnitude, 0),
                     b.constant(f32, spec.decode(0)), value);
  value = emitDecodeSpecials(b, spec, code, magnitude, value);
  if (!spec.hasSign)
    return value;
  Value sign =
      b.apply<arith::ShLIOp>(b.apply<arith::ShRUIOp>(code, magnitudeBits), 31);
  Value bits = b.createOrFold<arith::BitcastOp>(i32, value);
  return b.createOrFold<arith::BitcastOp>(f32,
                                          b.apply<arith::OrIOp>(bits, sign));
}

//===----------------------------------------------------------------------===//
// Encode
//===----------------------------------------------------------------------===//

namespace {
/// What encoding needs of a float, all of one integer type.
struct Fields {
  /// The float's.
  Value bits;
  /// 0 or 1.
  Value sign;
  /// All bits but the sign.
  Value magnitude;
  /// Of the unit in the last place, biased; subnormals have that of the
  /// smallest normal value. For E8M0 it is half of that, as E8M0 has one
  /// exponent more.
  Value exponent;
  /// With the hidden bit, in these units.
  Value significand;
};

/// f32 or f64.
struct SourceLayout {
  unsigned width, mantissaBits;
  int bias;

  explicit SourceLayout(Type type)
      : width(getElementTypeOrSelf(type).getIntOrFloatBitWidth()),
        mantissaBits(width == 64 ? 52 : 23), bias(width == 64 ? 1023 : 127) {}
  int64_t getInfinity() const { return int64_t(2 * bias + 1) << mantissaBits; }
  /// Of a number that the type holds.
  int64_t getBits(double value) const {
    return width == 64 ? llvm::bit_cast<int64_t>(value)
                       : llvm::bit_cast<int32_t>(float(value));
  }
};
} // namespace

static Fields emitFields(ScalarBuilder &b, const MinifloatSpec &spec,
                         Value real, const SourceLayout &source) {
  Fields fields;
  Value bits = b.createOrFold<arith::BitcastOp>(
      b.withElement(real.getType(), b.getIntegerType(source.width)), real);
  fields.bits = bits;
  int64_t hidden = int64_t(1) << source.mantissaBits;
  fields.sign = b.apply<arith::ShRUIOp>(bits, source.width - 1);
  fields.magnitude = b.apply<arith::AndIOp>(
      bits, source.width == 64 ? llvm::maxIntN(64) : llvm::maxIntN(32));
  Value field = b.apply<arith::ShRUIOp>(fields.magnitude, source.mantissaBits);
  Value mantissa = b.apply<arith::AndIOp>(bits, hidden - 1);
  fields.exponent = field;
  Value subnormal = mantissa;
  if (spec.hasZero())
    fields.exponent = b.apply<arith::MaxSIOp>(field, 1);
  else
    subnormal = b.apply<arith::ShLIOp>(mantissa, 1);
  fields.significand =
      b.select(b.compare(CmpIPredicate::ne, field, 0),
               b.apply<arith::OrIOp>(mantissa, hidden), subnormal);
  return fields;
}

/// significand / 2^shift rounded to an integer: a right shift after a number
/// has been added that carries exactly when the mode rounds up.
static Value emitRoundingShift(ScalarBuilder &b, const Fields &fields,
                               Value shift, RoundingMode rounding) {
  Type type = shift.getType();
  Value one = b.integer(type, 1), zero = b.integer(type, 0);
  Value negative = b.compare(CmpIPredicate::ne, fields.sign, 0);
  auto powerOf = [&](Value exponent) {
    return b.apply<arith::ShLIOp>(one, exponent);
  };
  auto half = [&] { return powerOf(b.apply<arith::SubIOp>(shift, 1)); };
  auto allOnes = [&] { return b.apply<arith::SubIOp>(powerOf(shift), 1); };
  Value addend;
  switch (rounding) {
  case RoundingMode::HalfEven: {
    Value odd = b.apply<arith::AndIOp>(
        b.apply<arith::ShRUIOp>(fields.significand, shift), 1);
    addend = b.apply<arith::AddIOp>(b.apply<arith::SubIOp>(half(), 1), odd);
    break;
  }
  case RoundingMode::HalfAway:
    addend = half();
    break;
  case RoundingMode::HalfUp:
    addend = b.apply<arith::SubIOp>(half(), fields.sign);
    break;
  case RoundingMode::HalfDown:
    addend =
        b.apply<arith::AddIOp>(b.apply<arith::SubIOp>(half(), 1), fields.sign);
    break;
  case RoundingMode::HalfTowardZero:
    addend = b.apply<arith::SubIOp>(half(), 1);
    break;
  case RoundingMode::TowardZero:
    addend = zero;
    break;
  case RoundingMode::Floor:
    addend = b.select(negative, allOnes(), zero);
    break;
  case RoundingMode::Ceil:
    addend = b.select(negative, zero, allOnes());
    break;
  }
  return b.apply<arith::ShRUIOp>(
      b.apply<arith::AddIOp>(fields.significand, addend), shift);
}

namespace {
/// A magnitude rounded to a format.
struct RoundedMagnitude {
  /// In multiples of the format's unit in the last place at this exponent.
  Value units;
  /// Exponent field and mantissa, beyond the largest code on overflow.
  Value code;
};
} // namespace

/// Exponent field and mantissa in one sum: the hidden bit, and a carry of the
/// rounding, add 1 to the field.
static RoundedMagnitude emitRoundedMagnitude(ScalarBuilder &b,
                                             const MinifloatSpec &spec,
                                             const SourceLayout &source,
                                             const Fields &fields,
                                             RoundingMode rounding) {
  // The format's unit in the last place is that of the real's exponent, but no
  // less than that of the smallest normal value. The shift is bounded: beyond
  // two more than the significand has, all that is left is not 0.
  Type type = fields.magnitude.getType();
  int minExponent = (spec.hasZero() ? 1 : 0) - spec.bias + source.bias;
  Value shift = b.integer(type, source.mantissaBits - spec.mantissaBits);
  if (minExponent > (spec.hasZero() ? 1 : 0)) {
    Value below = b.apply<arith::MaxSIOp>(
        b.apply<arith::SubIOp>(b.integer(type, minExponent), fields.exponent),
        0);
    shift = b.apply<arith::MinSIOp>(b.apply<arith::AddIOp>(shift, below),
                                    source.mantissaBits + 2);
  }
  Value units = emitRoundingShift(b, fields, shift, rounding);
  Value field = b.apply<arith::MaxSIOp>(
      b.apply<arith::SubIOp>(fields.exponent, minExponent), 0);
  Value code = b.apply<arith::AddIOp>(
      b.apply<arith::ShLIOp>(field, spec.mantissaBits), units);
  if (!spec.hasZero())
    code = b.apply<arith::MaxSIOp>(
        b.apply<arith::SubIOp>(code, int64_t(1) << spec.mantissaBits), 0);
  return {units, code};
}

/// True if emitMagnitudeByAddition can round to the format: its exponents leave
/// room above them for the number that is added.
static bool canRoundByAddition(const MinifloatSpec &spec,
                               const SourceLayout &source,
                               RoundingMode rounding) {
  int largestExponent =
      int(spec.getLargestCode() >> spec.mantissaBits) - spec.bias + 1;
  return rounding == RoundingMode::HalfEven && spec.hasZero() &&
         1 - spec.bias > -source.bias &&
         largestExponent + int(source.mantissaBits - spec.mantissaBits) <
             source.bias;
}

/// The same for half to even, by the machine's own rounding: in the sum with
/// 2^(e + m), where e is the number's exponent (no less than that of the
/// smallest normal value) and m the mantissa bits that the source has more, the
/// last place is the format's, and the units are what the sum's bits are more
/// than those of 2^(e + m). Magnitudes are bounded first by twice the largest,
/// which overflows as all beyond do.
///
/// The sum's exponent, shifted to its place in the code, and the units are the
/// code but for a constant. Only the low bits count, so what is negative may
/// be made positive, and be added with 2^(e + m): an even number, which leaves
/// ties as they are.
static RoundedMagnitude emitMagnitudeByAddition(ScalarBuilder &b,
                                                const MinifloatSpec &spec,
                                                const SourceLayout &source,
                                                const Fields &fields,
                                                bool saturates) {
  Type type = fields.magnitude.getType();
  Type real = b.withElement(type, source.width == 64 ? Type(b.getF64Type())
                                                     : b.getF32Type());
  auto toReal = [&](Value bits) {
    return b.createOrFold<arith::BitcastOp>(real, bits);
  };
  auto toBits = [&](Value value) {
    return b.createOrFold<arith::BitcastOp>(type, value);
  };
  double bound = spec.getLargest() * (saturates ? 1 : 2);
  Value magnitude = b.apply<arith::MinSIOp>(
      fields.magnitude, b.integer(type, source.getBits(bound)));
  int moreBits = source.mantissaBits - spec.mantissaBits;
  int64_t smallestNormal = source.getBits(std::ldexp(1.0, 1 - spec.bias));
  Value exponent = b.apply<arith::MaxSIOp>(
      b.apply<arith::AndIOp>(magnitude, source.getInfinity()), smallestNormal);

  int codeBits = spec.exponentBits + spec.mantissaBits + (saturates ? 0 : 1);
  int64_t mask = (int64_t(1) << codeBits) - 1;
  int smallestSum = 1 - spec.bias + moreBits + source.bias;
  int64_t offset = -(int64_t(smallestSum) << spec.mantissaBits) & mask;
  // Else the units would reach the exponent's place.
  bool joins = offset % 2 == 0 && mask + (int64_t(2) << spec.mantissaBits) <
                                      int64_t(1) << moreBits;
  if (!joins)
    offset = 0;
  Value addend = b.apply<arith::AddIOp>(
      exponent, (int64_t(moreBits) << source.mantissaBits) + offset);
  Value sum = toBits(b.apply<arith::AddFOp>(toReal(magnitude), toReal(addend)));
  Value units = b.apply<arith::SubIOp>(sum, addend);
  if (joins) {
    Value code =
        b.apply<arith::AddIOp>(b.apply<arith::ShRUIOp>(sum, moreBits), sum);
    return {units, b.apply<arith::AndIOp>(code, mask)};
  }
  Value field = b.apply<arith::ShRUIOp>(
      b.apply<arith::SubIOp>(exponent, smallestNormal), moreBits);
  return {units, b.apply<arith::AddIOp>(field, units)};
}

/// Replaces `code` where `condition` holds by the code of `positive`, or of its
/// negation for negative reals.
static Value emitReplace(ScalarBuilder &b, Value code, Value condition,
                         Value negative, const ExactReal &positive,
                         const MinifloatEncoding &encoding) {
  Type type = code.getType();
  Value replacement =
      b.select(negative, b.integer(type, encoding.getCode(-positive)),
               b.integer(type, encoding.getCode(positive)));
  return b.select(condition, replacement, code);
}

/// The sign at its place in the code, with all bits above, so that the code
/// need not be sign-extended to be stored.
static Value emitSign(ScalarBuilder &b, const MinifloatSpec &spec,
                      const SourceLayout &source, const Fields &fields,
                      Value code) {
  int magnitudeBits = spec.exponentBits + spec.mantissaBits;
  Value sign = b.apply<arith::AndIOp>(
      b.apply<arith::ShRSIOp>(fields.bits, source.width - 1 - magnitudeBits),
      -(int64_t(1) << magnitudeBits));
  if (spec.hasNegativeZero())
    return sign;
  return b.select(b.compare(CmpIPredicate::eq, code, 0),
                  b.integer(code.getType(), 0), sign);
}

/// Replaces the code of what is not finite, and of what `overflows` unless that
/// is null.
static Value emitEncodeSpecials(ScalarBuilder &b, const SourceLayout &source,
                                const Fields &fields, Value negative,
                                Value overflows, Value code,
                                const MinifloatEncoding &encoding) {
  ExactReal huge = ExactReal::make(/*negative=*/false, 1, 512);
  ExactReal infinity = ExactReal::infinity();
  if (overflows)
    code = emitReplace(b, code, overflows, negative, huge, encoding);
  if (encoding.getCode(infinity) != encoding.getCode(huge) ||
      encoding.getCode(-infinity) != encoding.getCode(-huge)) {
    Value isInfinite =
        b.compare(CmpIPredicate::eq, fields.magnitude, source.getInfinity());
    code = emitReplace(b, code, isInfinite, negative, infinity, encoding);
  }
  Value isNaN =
      b.compare(CmpIPredicate::sgt, fields.magnitude, source.getInfinity());
  return b.select(isNaN,
                  b.integer(code.getType(), encoding.getCode(ExactReal::nan())),
                  code);
}

Value emitMinifloatEncode(ScalarBuilder &b, const MinifloatSpec &spec,
                          Value real, const MinifloatEncoding &encoding) {
  // All of f32 has no bits to spare in f32.
  if (spec.mantissaBits >= 23)
    real = b.extend(real, b.withElement(real.getType(), b.getF64Type()));
  SourceLayout source(real.getType());
  Fields fields = emitFields(b, spec, real, source);
  Type type = fields.magnitude.getType();
  Value negative = b.compare(CmpIPredicate::ne, fields.sign, 0);

  bool byAddition = canRoundByAddition(spec, source, encoding.rounding);
  bool saturates = encoding.overflow == OverflowMode::Saturate;
  RoundedMagnitude rounded =
      byAddition
          ? emitMagnitudeByAddition(b, spec, source, fields, saturates)
          : emitRoundedMagnitude(b, spec, source, fields, encoding.rounding);
  Value code = rounded.code;

  // None if the magnitude was bounded already.
  Value overflows;
  if (!byAddition || !saturates)
    overflows = b.compare(CmpIPredicate::sgt, code, spec.getLargestCode());
  if (spec.hasSign) {
    code = b.apply<arith::OrIOp>(code, emitSign(b, spec, source, fields, code));
  } else {
    // Below the lowest value, unless it rounds to zero.
    Value below = b.apply<arith::AndIOp>(
        negative, b.compare(CmpIPredicate::ne, rounded.units, 0));
    overflows = overflows ? b.apply<arith::OrIOp>(overflows, below) : below;
  }
  code = emitEncodeSpecials(b, source, fields, negative, overflows, code,
                            encoding);
  Type bits = b.withElement(type, b.getIntegerType(spec.getWidth()));
  return bits == type ? code : b.createOrFold<arith::TruncIOp>(bits, code);
}

} // namespace mlir::qfmt
