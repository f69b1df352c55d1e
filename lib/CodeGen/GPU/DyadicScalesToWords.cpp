//===- DyadicScalesToWords.cpp - Rescaling in 32-bit words ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt.dyadic_scale on scalars.
// Output: arith on 32-bit integers, where the result has at most 32 bits. For
//         every acc, m and n the same result, in every rounding mode. Others
//         stay, for convert-qfmt-to-arith.
//
// The product of acc and m is two words, arith.mulsi_extended; what is added to
// it and the shift are those of convert-qfmt-to-arith (lib/Conversion/
// QFmtToArith.cpp), on two words. Constant m and n leave few instructions.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_DYADICSCALESTOWORDS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

constexpr unsigned kWordBits = 32;

/// high * 2^32 + low in two's complement; `low` is unsigned.
struct Pair {
  Value low, high;
};

/// Arithmetic on pairs of words.
class PairBuilder {
public:
  explicit PairBuilder(ImplicitLocOpBuilder &builder) : b(builder) {}

  Value constant(int64_t value) {
    return arith::ConstantIntOp::create(b, value, kWordBits);
  }

  /// The low word of an integer of any width, sign-extended.
  Value getWord(Value value) {
    unsigned width = value.getType().getIntOrFloatBitWidth();
    Type word = b.getI32Type();
    if (width < kWordBits)
      return arith::ExtSIOp::create(b, word, value);
    if (width > kWordBits)
      return arith::TruncIOp::create(b, word, value);
    return value;
  }

  Value isNegative(Value word) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, word,
                                 constant(0));
  }

  Value isEqual(Value a, Value c) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, a, c);
  }

  Pair select(Value condition, Pair a, Pair c) {
    return {arith::SelectOp::create(b, condition, a.low, c.low),
            arith::SelectOp::create(b, condition, a.high, c.high)};
  }

  Pair add(Pair a, Pair c) {
    auto low = arith::AddUIExtendedOp::create(b, a.low, c.low);
    Value carry = arith::ExtUIOp::create(b, b.getI32Type(), low.getOverflow());
    Value high = arith::AddIOp::create(b, a.high, c.high);
    return {low.getSum(), arith::AddIOp::create(b, high, carry)};
  }

  /// A pair less 0 or 1.
  Pair subtractBit(Pair a, Value bit) {
    Value borrows =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, a.low, bit);
    Value borrow = arith::ExtUIOp::create(b, b.getI32Type(), borrows);
    return {arith::SubIOp::create(b, a.low, bit),
            arith::SubIOp::create(b, a.high, borrow)};
  }

  /// `acc` * `multiplier`; |acc| <= 2^31, 0 <= multiplier < 2^31.
  Pair multiply(Value acc, Value multiplier) {
    Value factor = getWord(multiplier);
    auto product = arith::MulSIExtendedOp::create(b, getWord(acc), factor);
    Pair result{product.getLow(), product.getHigh()};
    if (acc.getType().getIntOrFloatBitWidth() <= kWordBits)
      return result;
    // 2^31 is no word.
    Value top = arith::ConstantOp::create(
        b, b.getIntegerAttr(acc.getType(), int64_t(1) << 31));
    Pair ofTop{arith::ShLIOp::create(b, factor, constant(31)),
               arith::ShRUIOp::create(b, factor, constant(1))};
    return select(isEqual(acc, top), ofTop, result);
  }

  /// What shifts by 0 <= shift <= 63 need of it.
  struct Shift {
    /// The shift modulo 32.
    Value inWord;
    /// True for at least 32.
    Value overWord;
  };

  Shift getShift(Value shift) {
    return {arith::AndIOp::create(b, shift, constant(kWordBits - 1)),
            arith::CmpIOp::create(b, arith::CmpIPredicate::uge, shift,
                                  constant(kWordBits))};
  }

  /// 2^shift.
  Pair getUnit(Shift shift) {
    Value bit = arith::ShLIOp::create(b, constant(1), shift.inWord);
    return select(shift.overWord, {constant(0), bit}, {bit, constant(0)});
  }

  /// A pair that is not negative, halved.
  Pair halve(Pair a) {
    Value moved = arith::ShLIOp::create(b, a.high, constant(kWordBits - 1));
    Value low = arith::ShRUIOp::create(b, a.low, constant(1));
    return {arith::OrIOp::create(b, low, moved),
            arith::ShRUIOp::create(b, a.high, constant(1))};
  }

  /// floor(a / 2^shift).
  Pair shiftRight(Pair a, Shift shift) {
    Value high = arith::ShRSIOp::create(b, a.high, shift.inWord);
    // high << (32 - s) in two steps, as a shift by 32 is undefined.
    Value rest = arith::XOrIOp::create(b, shift.inWord, constant(31));
    Value moved = arith::ShLIOp::create(b, a.high, constant(1));
    moved = arith::ShLIOp::create(b, moved, rest);
    Value low = arith::ShRUIOp::create(b, a.low, shift.inWord);
    low = arith::OrIOp::create(b, low, moved);
    Value sign = arith::ShRSIOp::create(b, a.high, constant(31));
    return select(shift.overWord, {high, sign}, {low, high});
  }

  /// Saturates to an integer of at most 32 bits.
  Value saturate(Pair a, IntegerType type) {
    Value sign = arith::ShRSIOp::create(b, a.low, constant(31));
    Value limit = arith::SelectOp::create(
        b, isNegative(a.high), constant(std::numeric_limits<int32_t>::min()),
        constant(std::numeric_limits<int32_t>::max()));
    Value value =
        arith::SelectOp::create(b, isEqual(a.high, sign), a.low, limit);
    unsigned width = type.getWidth();
    if (width == kWordBits)
      return value;
    value = arith::MaxSIOp::create(b, value, constant(llvm::minIntN(width)));
    value = arith::MinSIOp::create(b, value, constant(llvm::maxIntN(width)));
    return arith::TruncIOp::create(b, type, value);
  }

private:
  ImplicitLocOpBuilder &b;
};

/// What is added to `product` before the shift; none for nothing.
std::optional<Pair> emitBias(ImplicitLocOpBuilder &b, PairBuilder &pairs,
                             Pair product, PairBuilder::Shift shift,
                             RoundingMode rounding) {
  if (rounding == RoundingMode::Floor)
    return std::nullopt;
  Value zero = pairs.constant(0), one = pairs.constant(1);
  Pair unit = pairs.getUnit(shift);
  if (rounding == RoundingMode::Ceil || rounding == RoundingMode::TowardZero) {
    Pair belowUnit = pairs.subtractBit(unit, one);
    if (rounding == RoundingMode::Ceil)
      return belowUnit;
    return pairs.select(pairs.isNegative(product.high), belowUnit,
                        {zero, zero});
  }
  Pair half = pairs.halve(unit);
  if (rounding == RoundingMode::HalfUp)
    return half;
  // A tie that floors must miss the next integer by one, unless nothing is
  // shifted out at all: then half is 0.
  Value any = arith::OrIOp::create(b, half.low, half.high);
  Pair less = pairs.subtractBit(half, arith::MinUIOp::create(b, any, one));
  if (rounding == RoundingMode::HalfDown)
    return less;
  if (rounding == RoundingMode::HalfTowardZero)
    return pairs.select(pairs.isNegative(product.high), half, less);
  if (rounding == RoundingMode::HalfAway)
    return pairs.select(pairs.isNegative(product.high), less, half);
  Value lowest =
      arith::AndIOp::create(b, pairs.shiftRight(product, shift).low, one);
  return pairs.select(pairs.isEqual(lowest, zero), less, half);
}

/// `product` / 2^`shift`, rounded.
Pair emitShift(ImplicitLocOpBuilder &b, PairBuilder &pairs, Pair product,
               Value shift, RoundingMode rounding) {
  PairBuilder::Shift parts = pairs.getShift(shift);
  if (auto bias = emitBias(b, pairs, product, parts, rounding))
    product = pairs.add(product, *bias);
  return pairs.shiftRight(product, parts);
}

void lower(DyadicScaleOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  PairBuilder pairs(b);
  Pair product = pairs.multiply(op.getAcc(), op.getMultiplier());
  Value shift = pairs.getWord(op.getShift());
  Pair scaled;
  if (op.getDoubleRounding()) {
    Pair high =
        emitShift(b, pairs, product, pairs.constant(31), RoundingMode::HalfUp);
    Value rest = arith::SubIOp::create(b, shift, pairs.constant(31));
    scaled = emitShift(b, pairs, high, rest, RoundingMode::HalfAway);
  } else {
    scaled = emitShift(b, pairs, product, shift, op.getRounding());
  }
  op.replaceAllUsesWith(
      pairs.saturate(scaled, cast<IntegerType>(op.getResult().getType())));
  op.erase();
}

struct DyadicScalesToWordsPass
    : impl::DyadicScalesToWordsBase<DyadicScalesToWordsPass> {
  void runOnOperation() override {
    SmallVector<DyadicScaleOp> scales;
    getOperation()->walk([&](DyadicScaleOp op) {
      auto type = dyn_cast<IntegerType>(op.getResult().getType());
      if (type && type.getWidth() <= kWordBits)
        scales.push_back(op);
    });
    for (DyadicScaleOp op : scales)
      lower(op);
  }
};

} // namespace
} // namespace mlir::qfmt
