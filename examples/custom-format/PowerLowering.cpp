// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code that reads and writes a code of !pot.power<N>, as integer arithmetic on
// the bits of floats. It agrees with Pot.cpp bit for bit; pot-check compares.

#include "Pot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::qfmt;
using namespace pot;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

static Value getInteger(ImplicitLocOpBuilder &b, Type type, int64_t value) {
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
}

/// Every value is one bit, from 2^(1-L) to 2^0.
ExactRange PowerType::getExactRange() const {
  return {1, 1 - int(getLargestField()), 1};
}

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

/// The value of an i32 or i64 field as an f32 or f64: the field is the exponent
/// of the float, up to a constant.
static Value emitField(ImplicitLocOpBuilder &b, PowerType type, Value field) {
  Type integer = field.getType();
  bool wide = integer.isInteger(64);
  FloatType real = wide ? FloatType(b.getF64Type()) : b.getF32Type();
  Value offset =
      getInteger(b, integer, (wide ? 1023 : 127) - int(type.getLargestField()));
  Value exponent = arith::AddIOp::create(b, field, offset);
  Value bits = arith::ShLIOp::create(b, exponent,
                                     getInteger(b, integer, wide ? 52 : 23));
  Value zero = getInteger(b, integer, 0);
  Value isZero = arith::CmpIOp::create(b, CmpIPredicate::eq, field, zero);
  bits = arith::SelectOp::create(b, isZero, zero, bits);
  return arith::BitcastOp::create(b, real, bits);
}

Value PowerType::emitDecode(OpBuilder &builder, Location loc,
                            Value code) const {
  ImplicitLocOpBuilder b(loc, builder);
  Type i32 = b.getI32Type();
  code = arith::ExtUIOp::create(b, i32, code);
  Value field =
      arith::AndIOp::create(b, code, getInteger(b, i32, getLargestField()));
  Value sign =
      arith::ShRUIOp::create(b, code, getInteger(b, i32, getWidth() - 1));
  sign = arith::ShLIOp::create(b, sign, getInteger(b, i32, 31));
  Value magnitude =
      arith::BitcastOp::create(b, i32, emitField(b, *this, field));
  return arith::BitcastOp::create(b, b.getF32Type(),
                                  arith::OrIOp::create(b, magnitude, sign));
}

//===----------------------------------------------------------------------===//
// Encode
//===----------------------------------------------------------------------===//

/// Whether a magnitude from the value of `field` up to that of `field` + 1
/// becomes the latter: roundsAwayFromZero as code. The sums and doublings of
/// f64 are exact here.
static Value emitRoundsAway(ImplicitLocOpBuilder &b, PowerType type,
                            Value magnitude, Value field, Value negative,
                            RoundingMode rounding) {
  Value one = getInteger(b, field.getType(), 1);
  Value low = emitField(b, type, field);
  Value high = emitField(b, type, arith::AddIOp::create(b, field, one));
  Value twice = arith::AddFOp::create(b, magnitude, magnitude);
  Value sum = arith::AddFOp::create(b, low, high);
  auto compare = [&](CmpFPredicate predicate, Value x, Value y) -> Value {
    return arith::CmpFOp::create(b, predicate, x, y);
  };
  /// Above the middle, or on it if `condition` holds.
  auto nearest = [&](Value condition) -> Value {
    Value tie = arith::AndIOp::create(
        b, compare(CmpFPredicate::OEQ, twice, sum), condition);
    return arith::OrIOp::create(b, compare(CmpFPredicate::OGT, twice, sum),
                                tie);
  };
  Value positive =
      arith::XOrIOp::create(b, negative, getInteger(b, b.getI1Type(), 1));
  switch (rounding) {
  case RoundingMode::HalfEven:
    return nearest(arith::TruncIOp::create(b, b.getI1Type(), field));
  case RoundingMode::HalfAway:
    return compare(CmpFPredicate::OGE, twice, sum);
  case RoundingMode::HalfUp:
    return nearest(positive);
  case RoundingMode::TowardZero:
    break;
  case RoundingMode::Floor:
    return arith::AndIOp::create(b, compare(CmpFPredicate::OGT, magnitude, low),
                                 negative);
  case RoundingMode::Ceil:
    return arith::AndIOp::create(b, compare(CmpFPredicate::OGT, magnitude, low),
                                 positive);
  }
  return getInteger(b, b.getI1Type(), 0);
}

/// `zeroPoint` is null: this is no integer format.
Value PowerType::emitEncode(OpBuilder &builder, Location loc, Value real,
                            const EncodeModes &modes, Value zeroPoint) const {
  assert(!zeroPoint && "only integer formats have a zero point");
  ImplicitLocOpBuilder b(loc, builder);
  Type i64 = b.getI64Type();
  if (real.getType().isF32())
    real = arith::ExtFOp::create(b, b.getF64Type(), real);
  Value zero = getInteger(b, i64, 0);
  Value largest = getInteger(b, i64, getLargestField());
  Value bits = arith::BitcastOp::create(b, i64, real);
  Value negative = arith::CmpIOp::create(b, CmpIPredicate::slt, bits, zero);
  bits = arith::AndIOp::create(b, bits, getInteger(b, i64, INT64_MAX));
  Value magnitude = arith::BitcastOp::create(b, b.getF64Type(), bits);

  // The field of the largest value that is not beyond it.
  Value field = arith::ShRUIOp::create(b, bits, getInteger(b, i64, 52));
  Value offset = getInteger(b, i64, int(getLargestField()) - 1023);
  field = arith::AddIOp::create(b, field, offset);
  field = arith::MaxSIOp::create(b, field, zero);
  field = arith::MinSIOp::create(b, field, largest);
  Value up =
      emitRoundsAway(b, *this, magnitude, field, negative, modes.rounding);
  field = arith::AddIOp::create(b, field, arith::ExtUIOp::create(b, i64, up));
  field = arith::MinSIOp::create(b, field, largest);

  Value sign = arith::ExtUIOp::create(b, i64, negative);
  sign = arith::ShLIOp::create(b, sign, getInteger(b, i64, getWidth() - 1));
  Value code = arith::OrIOp::create(b, field, sign);
  Value isNaN = arith::CmpFOp::create(b, CmpFPredicate::UNO, real, real);
  code = arith::SelectOp::create(b, isNaN, zero, code);
  return arith::TruncIOp::create(b, getStorageType(), code);
}
