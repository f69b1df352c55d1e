// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of MLIR's floats of at most 32 bits and of !qfmt.float as integer
// arithmetic on the bits of f32 and f64: MinifloatSpec::encode and decode of
// lib/Support. No arith.extf or truncf is used for formats below f32: most have
// no lowering on a CPU, and those of f16 and bf16 are library calls on many.

#include "qfmt/Support/Minifloat.h"
#include "FormatModels.h"
#include "ScalarOps.h"
#include "Table.h"
#include "qfmt/Transforms/FormatLowering.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

/// Codes of so many bits are read from a table, which takes a vector register
/// or two.
static constexpr unsigned kMaxLookupBits = 5;

/// f32 laid out as the specs are. Outside of what a spec may describe, but its
/// fields and codes follow the same formulas.
static constexpr MinifloatSpec getF32Spec() {
  return {8, 23, 127, true, MinifloatSpec::Specials::IEEE};
}

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

/// NaN and infinity codes, whose bits `value` took for numbers.
static Value emitDecodeSpecials(ScalarBuilder &b, const MinifloatSpec &spec,
                                Value code, Value magnitude, Value value) {
  Type f32 = b.getF32Type();
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

static Value emitMinifloatDecode(ScalarBuilder &b, const MinifloatSpec &spec,
                                 Value code) {
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  unsigned magnitudeBits = spec.exponentBits + spec.mantissaBits;
  if (isa<FloatType>(code.getType()))
    code = b.createOrFold<arith::BitcastOp>(b.getIntegerType(spec.getWidth()),
                                            code);
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
  /// smallest normal value.
  Value exponent;
  /// With the hidden bit.
  Value significand;
};

/// f32 or f64.
struct SourceLayout {
  unsigned width, mantissaBits;
  int bias;

  explicit SourceLayout(Type type)
      : width(type.getIntOrFloatBitWidth()),
        mantissaBits(width == 64 ? 52 : 23), bias(width == 64 ? 1023 : 127) {}
  int64_t getInfinity() const { return int64_t(2 * bias + 1) << mantissaBits; }
  /// Of a number that the type holds.
  int64_t getBits(double value) const {
    return width == 64 ? llvm::bit_cast<int64_t>(value)
                       : llvm::bit_cast<int32_t>(float(value));
  }
};
} // namespace

static Fields emitFields(ScalarBuilder &b, Value real,
                         const SourceLayout &source) {
  Fields fields;
  Value bits =
      b.createOrFold<arith::BitcastOp>(b.getIntegerType(source.width), real);
  fields.bits = bits;
  int64_t hidden = int64_t(1) << source.mantissaBits;
  fields.sign = b.apply<arith::ShRUIOp>(bits, source.width - 1);
  fields.magnitude = b.apply<arith::AndIOp>(
      bits, source.width == 64 ? llvm::maxIntN(64) : llvm::maxIntN(32));
  Value field = b.apply<arith::ShRUIOp>(fields.magnitude, source.mantissaBits);
  fields.exponent = b.apply<arith::MaxSIOp>(field, 1);
  Value mantissa = b.apply<arith::AndIOp>(bits, hidden - 1);
  fields.significand =
      b.select(b.compare(CmpIPredicate::ne, field, 0),
               b.apply<arith::OrIOp>(mantissa, hidden), mantissa);
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
  Value below = b.apply<arith::MaxSIOp>(
      b.apply<arith::SubIOp>(b.integer(type, minExponent), fields.exponent), 0);
  Value shift = b.apply<arith::MinSIOp>(
      b.apply<arith::AddIOp>(below, source.mantissaBits - spec.mantissaBits),
      source.mantissaBits + 2);
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
  Type real = source.width == 64 ? Type(b.getF64Type()) : b.getF32Type();
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

/// The code that `format` gives a number, as a constant; which one tells how
/// overflow, infinities and NaNs end.
static int64_t getCode(NumberFormat format, const ExactReal &value,
                       const EncodeModes &modes) {
  return format.encodeReal(value, modes.rounding, modes.overflow, modes.nan);
}

/// Replaces `code` where `condition` holds by the code of `positive`, or of its
/// negation for negative reals.
static Value emitReplace(ScalarBuilder &b, Value code, Value condition,
                         Value negative, NumberFormat format,
                         const ExactReal &positive, const EncodeModes &modes) {
  Type type = code.getType();
  Value replacement =
      b.select(negative, b.integer(type, getCode(format, -positive, modes)),
               b.integer(type, getCode(format, positive, modes)));
  return b.select(condition, replacement, code);
}

static Value emitMinifloatEncode(ScalarBuilder &b, const MinifloatSpec &spec,
                                 NumberFormat format, Value real,
                                 const EncodeModes &modes) {
  // In f64 the smallest values of E8M0, and all of f32, have bits to spare.
  if (!spec.hasZero() || spec.mantissaBits >= 23)
    real = b.extend(real, b.getF64Type());
  SourceLayout source(real.getType());
  Fields fields = emitFields(b, real, source);
  Type type = fields.magnitude.getType();
  Value negative = b.compare(CmpIPredicate::ne, fields.sign, 0);

  bool byAddition = canRoundByAddition(spec, source, modes.rounding);
  bool saturates = modes.overflow == OverflowMode::Saturate;
  RoundedMagnitude rounded =
      byAddition
          ? emitMagnitudeByAddition(b, spec, source, fields, saturates)
          : emitRoundedMagnitude(b, spec, source, fields, modes.rounding);
  Value code = rounded.code;

  // None if the magnitude was bounded already.
  Value overflows;
  if (!byAddition || !saturates)
    overflows = b.compare(CmpIPredicate::sgt, code, spec.getLargestCode());
  if (spec.hasSign) {
    // With all bits above, so that the code need not be sign-extended to be
    // stored.
    int magnitudeBits = spec.exponentBits + spec.mantissaBits;
    Value sign = b.apply<arith::AndIOp>(
        b.apply<arith::ShRSIOp>(fields.bits, source.width - 1 - magnitudeBits),
        -(int64_t(1) << magnitudeBits));
    if (!spec.hasNegativeZero())
      sign = b.select(b.compare(CmpIPredicate::eq, code, 0), b.integer(type, 0),
                      sign);
    code = b.apply<arith::OrIOp>(code, sign);
  } else {
    // Below the lowest value, unless it rounds to zero.
    Value below = b.apply<arith::AndIOp>(
        negative, b.compare(CmpIPredicate::ne, rounded.units, 0));
    overflows = overflows ? b.apply<arith::OrIOp>(overflows, below) : below;
  }

  ExactReal huge = ExactReal::make(/*negative=*/false, 1, 512);
  ExactReal infinity = ExactReal::infinity();
  if (overflows)
    code = emitReplace(b, code, overflows, negative, format, huge, modes);
  bool infinityDiffers =
      getCode(format, infinity, modes) != getCode(format, huge, modes) ||
      getCode(format, -infinity, modes) != getCode(format, -huge, modes);
  if (infinityDiffers) {
    Value isInfinite =
        b.compare(CmpIPredicate::eq, fields.magnitude, source.getInfinity());
    code = emitReplace(b, code, isInfinite, negative, format, infinity, modes);
  }
  Value isNaN =
      b.compare(CmpIPredicate::sgt, fields.magnitude, source.getInfinity());
  code = b.select(
      isNaN, b.integer(type, getCode(format, ExactReal::nan(), modes)), code);

  Type bits = b.getIntegerType(spec.getWidth());
  if (bits != type)
    code = b.createOrFold<arith::TruncIOp>(bits, code);
  Type storage = getCodeType(format.getStorageType());
  return storage == bits ? code
                         : b.createOrFold<arith::BitcastOp>(storage, code);
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// True if all exponents are those of normal numbers of f32, but for the
/// subnormal ones, and so is the factor that corrects the bias.
static bool isCovered(const MinifloatSpec &spec) {
  return spec.hasSubnormals && !spec.negativeZero && spec.bias >= 0 &&
         spec.bias <= 127 && spec.getLargestCode() >> spec.mantissaBits < 255;
}

namespace {
/// The lowering of the formats of class `TypeT`; `getSpec` says which one a
/// type is.
template <typename TypeT, MinifloatSpec (*getSpec)(Type)>
struct MinifloatLowering
    : NumberFormatLowering::ExternalModel<MinifloatLowering<TypeT, getSpec>,
                                          TypeT> {
  bool coversFormat(Type type) const { return isCovered(getSpec(type)); }
  ExactRange getExactRange(Type type) const {
    // The smallest value has the last place of the first normal one, and every
    // significand its hidden bit.
    MinifloatSpec spec = getSpec(type);
    int largestField = spec.getLargestCode() >> spec.mantissaBits;
    return {spec.mantissaBits + 1,
            (spec.hasZero() ? 1 : 0) - spec.bias - int(spec.mantissaBits),
            std::max(largestField, 1) - spec.bias + 1};
  }
  Value emitDecode(Type type, OpBuilder &builder, Location loc,
                   Value code) const {
    if (code.getType().isF32())
      return code;
    ScalarBuilder b(builder, loc);
    if (getSpec(type).getWidth() <= kMaxLookupBits)
      return emitTableDecode(b, cast<NumberFormat>(type), code);
    return emitMinifloatDecode(b, getSpec(type), code);
  }
  Value emitEncode(Type type, OpBuilder &builder, Location loc, Value real,
                   const EncodeModes &modes, Value) const {
    ScalarBuilder b(builder, loc);
    return emitMinifloatEncode(b, getSpec(type), cast<NumberFormat>(type), real,
                               modes);
  }
};

MinifloatSpec getQFloatSpec(Type type) {
  return cast<QFloatType>(type).getSpec();
}
} // namespace

template <typename TypeT, MinifloatSpec (*getSpec)(Type)>
static void attach(MLIRContext *context) {
  TypeT::template attachInterface<MinifloatLowering<TypeT, getSpec>>(*context);
}

/// A builtin type is one format.
template <MinifloatSpec (*spec)()>
static MinifloatSpec always(Type) {
  return spec();
}

void mlir::qfmt::attachMinifloatLowerings(MLIRContext *context) {
  using Spec = MinifloatSpec;
  attach<Float4E2M1FNType, always<Spec::f4E2M1FN>>(context);
  attach<Float6E2M3FNType, always<Spec::f6E2M3FN>>(context);
  attach<Float6E3M2FNType, always<Spec::f6E3M2FN>>(context);
  attach<Float8E3M4Type, always<Spec::f8E3M4>>(context);
  attach<Float8E4M3Type, always<Spec::f8E4M3>>(context);
  attach<Float8E4M3FNType, always<Spec::f8E4M3FN>>(context);
  attach<Float8E4M3FNUZType, always<Spec::f8E4M3FNUZ>>(context);
  attach<Float8E4M3B11FNUZType, always<Spec::f8E4M3B11FNUZ>>(context);
  attach<Float8E5M2Type, always<Spec::f8E5M2>>(context);
  attach<Float8E5M2FNUZType, always<Spec::f8E5M2FNUZ>>(context);
  attach<Float8E8M0FNUType, always<Spec::f8E8M0FNU>>(context);
  attach<Float16Type, always<Spec::f16>>(context);
  attach<BFloat16Type, always<Spec::bf16>>(context);
  attach<Float32Type, always<getF32Spec>>(context);
  attach<QFloatType, getQFloatSpec>(context);
}
