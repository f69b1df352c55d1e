// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of iN and uiN, 2 <= N <= 16, as arithmetic: IntegerSpec::encode and
// decode of lib/Support.

#include "FormatModels.h"
#include "ScalarOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "qfmt/Support/Integer.h"
#include "qfmt/Transforms/FormatLowering.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

/// Beyond every code and every zero point (2^16 each), exact in f32.
static constexpr int64_t kBeyondCodes = 1 << 20;

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
    break;
  }
  // floor(x + 1/2) without the rounding of that sum: the fraction is exact
  // where it is below 1/2 (Sterbenz), and comparison needs no more. For an
  // infinity it is a NaN, and the comparison false.
  Value floor = b.createOrFold<math::FloorOp>(x);
  Value fraction = b.apply<arith::SubFOp>(x, floor);
  Value up = b.compare(CmpFPredicate::OGE, fraction, 0.5);
  Value next = b.apply<arith::AddFOp>(floor, b.constant(x.getType(), 1.0));
  return b.select(up, next, floor);
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

/// 1 (as an i32) if floor + fraction, 0 <= fraction <= 1, rounds up. `negative`
/// and `odd` (i1) describe floor.
static Value emitRoundsUp(ScalarBuilder &b, Value fraction, Value negative,
                          Value odd, RoundingMode rounding) {
  Value above = b.compare(CmpFPredicate::OGT, fraction, 0.5);
  Value tie = b.compare(CmpFPredicate::OEQ, fraction, 0.5);
  Value inexact = b.compare(CmpFPredicate::OGT, fraction, 0.0);
  Value no = arith::ConstantOp::create(b, b.getBoolAttr(false));
  auto nearest = [&](Value tieGoesUp) -> Value {
    return b.apply<arith::OrIOp>(above, b.apply<arith::AndIOp>(tie, tieGoesUp));
  };
  Value nonNegative = b.apply<arith::XOrIOp>(
      negative, arith::ConstantOp::create(b, b.getBoolAttr(true)));
  Value up;
  switch (rounding) {
  case RoundingMode::HalfEven:
    up = nearest(odd);
    break;
  case RoundingMode::HalfAway:
    up = nearest(nonNegative);
    break;
  case RoundingMode::HalfUp:
    up = b.apply<arith::OrIOp>(above, tie);
    break;
  case RoundingMode::TowardZero:
    up = b.apply<arith::AndIOp>(inexact, negative);
    break;
  case RoundingMode::Floor:
    up = no;
    break;
  case RoundingMode::Ceil:
    up = inexact;
    break;
  }
  return b.createOrFold<arith::ExtUIOp>(b.getI32Type(), up);
}

/// round(x + zeroPoint), the sum exact, as an i32 (see emitToI32). x splits
/// into its floor and a fraction, so that the sum is one of integers.
static Value emitRoundOfSum(ScalarBuilder &b, Value x, Value zeroPoint,
                            const IntegerSpec &spec, const EncodeModes &modes) {
  Value floor = b.createOrFold<math::FloorOp>(x);
  Value fraction = b.apply<arith::SubFOp>(x, floor);
  // The rounding of this sum keeps its sign.
  Value sum = b.apply<arith::AddFOp>(
      floor, b.createOrFold<arith::SIToFPOp>(x.getType(), zeroPoint));
  Value negative = b.compare(CmpFPredicate::OLT, sum, 0.0);
  Value whole = b.apply<arith::AddIOp>(
      emitToI32(b, floor, spec, modes.overflow), zeroPoint);
  Value odd = b.createOrFold<arith::TruncIOp>(b.getI1Type(),
                                              b.apply<arith::AndIOp>(whole, 1));
  return b.apply<arith::AddIOp>(
      whole, emitRoundsUp(b, fraction, negative, odd, modes.rounding));
}

/// Brings an i32 into the format's range and width.
static Value emitNarrow(ScalarBuilder &b, Value integer, Value real,
                        const IntegerSpec &spec, OverflowMode overflow) {
  Type type = integer.getType();
  if (overflow == OverflowMode::Wrap) {
    // Infinities have no low bits; they saturate.
    for (bool negative : {false, true}) {
      Value infinite =
          b.compare(CmpFPredicate::OEQ, real, negative ? -INFINITY : INFINITY);
      int64_t limit = negative ? spec.getLowest() : spec.getLargest();
      integer = b.select(infinite, b.integer(type, limit), integer);
    }
  } else {
    integer = b.apply<arith::MaxSIOp>(integer, spec.getLowest());
    integer = b.apply<arith::MinSIOp>(integer, spec.getLargest());
  }
  return b.createOrFold<arith::TruncIOp>(b.getIntegerType(spec.width), integer);
}

namespace {
struct IntegerLowering
    : NumberFormatLowering::ExternalModel<IntegerLowering, IntegerType> {
  static IntegerSpec getSpec(Type type) {
    auto integer = cast<IntegerType>(type);
    return {integer.getWidth(), !integer.isUnsigned()};
  }

  ExactRange getExactRange(Type type) const {
    int width = type.getIntOrFloatBitWidth();
    return {unsigned(width), 0, width};
  }

  Value emitDecode(Type type, OpBuilder &builder, Location loc,
                   Value code) const {
    ScalarBuilder b(builder, loc);
    if (getSpec(type).isSigned)
      return b.createOrFold<arith::SIToFPOp>(
          b.getF32Type(), b.createOrFold<arith::ExtSIOp>(b.getI32Type(), code));
    return b.createOrFold<arith::SIToFPOp>(
        b.getF32Type(), b.createOrFold<arith::ExtUIOp>(b.getI32Type(), code));
  }

  Value emitEncode(Type type, OpBuilder &builder, Location loc, Value real,
                   const EncodeModes &modes, Value zeroPoint) const {
    ScalarBuilder b(builder, loc);
    IntegerSpec spec = getSpec(type);
    // A NaN has no integer; it becomes the code of 0 in both NaN modes.
    Value zero = b.constant(real.getType(), 0.0);
    Value x = b.select(b.isNaN(real), zero, real);
    if (modes.overflow == OverflowMode::Wrap) {
      // The low bits of an infinity are not defined; emitNarrow replaces them.
      Value magnitude = b.createOrFold<math::AbsFOp>(x);
      x = b.select(b.compare(CmpFPredicate::OEQ, magnitude, INFINITY), zero, x);
    }
    if (zeroPoint && modes.zeroPointPlace == ZeroPointPlace::BeforeRounding)
      return emitNarrow(b, emitRoundOfSum(b, x, zeroPoint, spec, modes), real,
                        spec, modes.overflow);
    Value rounded = emitRound(b, x, modes.rounding);
    if (!zeroPoint && modes.overflow != OverflowMode::Wrap) {
      Value clamped = b.clamp(rounded, spec.getLowest(), spec.getLargest());
      return b.createOrFold<arith::TruncIOp>(
          b.getIntegerType(spec.width),
          b.createOrFold<arith::FPToSIOp>(b.getI32Type(), clamped));
    }
    Value integer = emitToI32(b, rounded, spec, modes.overflow);
    if (zeroPoint)
      integer = b.apply<arith::AddIOp>(integer, zeroPoint);
    return emitNarrow(b, integer, real, spec, modes.overflow);
  }
};
} // namespace

void mlir::qfmt::attachIntegerLowering(MLIRContext *context) {
  IntegerType::attachInterface<IntegerLowering>(*context);
}
