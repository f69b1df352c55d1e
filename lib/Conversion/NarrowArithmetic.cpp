//===- NarrowArithmetic.cpp - 64-bit arithmetic in 32 bits ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; integers of 64 bits in linalg.generic on tensors.
// Output: those of which but the lower 32 bits are wanted, computed from lower
//         32 bits, as far as these follow from such; tables of 64-bit entries
//         with 32-bit ones.
//
// Lower bits of sums, products and bitwise operations follow from lower bits.
// Those of x >> s follow if the range of x, as ElementRanges has it, fits 32
// bits, signed or unsigned.
//
// Fixed-point polynomials add an entry of a table t to a product p and shift.
// Where the lower s bits of all entries are the same number r,
//
//   (p + t) >> s = ((p + r) >> s) + (t >> s)    modulo 2^(64-s)
//
// so that a table of t >> s, modulo 2^32, suffices. Where all entries are
// multiples of 2^z, z < s, and sums fit,
//
//   (p + t) >> s = ((p >> z) + (t >> z)) >> (s - z)
//
// Any other table whose entries are 32-bit numbers times 2^z becomes these,
// extended and shifted to the left.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/Analysis/ElementRanges.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_NARROWARITHMETIC
#include "qfmt/Conversion/Passes.h.inc"

namespace {

bool fitsSigned(const ConstantIntRanges &range) {
  return range.smin().isSignedIntN(32) && range.smax().isSignedIntN(32);
}

/// Neither negative nor of more than 32 bits.
bool fitsUnsigned(const ConstantIntRanges &range) {
  return range.smin().isNonNegative() && range.smax().isIntN(32);
}

ConstantIntRanges shiftRight(const ConstantIntRanges &range, int64_t places) {
  return ConstantIntRanges::fromSigned(range.smin().ashr(places),
                                       range.smax().ashr(places));
}

/// The range of a sum; none if it may overflow.
std::optional<ConstantIntRanges> add(const ConstantIntRanges &lhs,
                                     const ConstantIntRanges &rhs) {
  bool overflowsLow, overflowsHigh;
  APInt low = lhs.smin().sadd_ov(rhs.smin(), overflowsLow);
  APInt high = lhs.smax().sadd_ov(rhs.smax(), overflowsHigh);
  if (overflowsLow || overflowsHigh)
    return std::nullopt;
  return ConstantIntRanges::fromSigned(low, high);
}

/// A shift by a constant.
std::optional<int64_t> getShift(Operation *op) {
  APInt places;
  if (!matchPattern(op->getOperand(1), m_ConstantInt(&places)) ||
      places.uge(64))
    return std::nullopt;
  return places.getZExtValue();
}

std::optional<std::vector<int64_t>> readTable(LookupOp op) {
  auto table = cast<ElementsAttr>(op.getTable());
  if (!table.getElementType().isInteger(64))
    return std::nullopt;
  std::optional<std::vector<int64_t>> entries = readIntegers(table);
  if (!entries || entries->empty())
    return std::nullopt;
  return entries;
}

/// By how many places all can be shifted to the right without loss.
unsigned countTrailingZeros(ArrayRef<int64_t> entries) {
  uint64_t any = 0;
  for (int64_t entry : entries)
    any |= uint64_t(entry);
  return any == 0 ? 63 : std::min(63, llvm::countr_zero(any));
}

bool allFitInt32(ArrayRef<int64_t> entries, unsigned places) {
  return llvm::all_of(
      entries, [&](int64_t entry) { return llvm::isInt<32>(entry >> places); });
}

//===----------------------------------------------------------------------===//
// One body
//===----------------------------------------------------------------------===//

class BodyNarrower {
public:
  BodyNarrower(linalg::GenericOp op, ElementRanges &ranges)
      : op(op), ranges(ranges) {}

  void narrow() {
    SmallVector<Operation *> all;
    for (Operation &inner : op.getBody()->without_terminator())
      all.push_back(&inner);
    for (Operation *inner : all)
      if (auto truncation = dyn_cast<arith::TruncIOp>(inner))
        narrowTruncation(truncation);
    // What nobody reads any more.
    for (Operation *inner : llvm::reverse(all))
      if (isOpTriviallyDead(inner))
        inner->erase();
    for (LookupOp lookup : llvm::to_vector(op.getBody()->getOps<LookupOp>()))
      narrowLookup(lookup);
  }

private:
  void narrowTruncation(arith::TruncIOp truncation) {
    Type type = truncation.getType();
    if (!truncation.getIn().getType().isInteger(64) ||
        type.getIntOrFloatBitWidth() > 32)
      return;
    Value low = getLow(truncation.getIn());
    if (!low)
      return;
    ImplicitLocOpBuilder b(truncation.getLoc(), truncation);
    if (low.getType() != type)
      low = arith::TruncIOp::create(b, type, low);
    truncation.replaceAllUsesWith(low);
  }

  /// The lower 32 bits of a 64-bit scalar, right behind it; null if they follow
  /// from nothing of 32 bits.
  Value getLow(Value value) {
    auto [known, isNew] = lows.try_emplace(value);
    if (!isNew)
      return known->second;
    Value low = emitLow(value);
    lows[value] = low;
    return low;
  }

  Value emitLow(Value value) {
    Operation *inner = value.getDefiningOp();
    if (!inner || inner->getBlock() != op.getBody())
      return getConstant(value);
    ImplicitLocOpBuilder b(inner->getLoc(), op.getContext());
    b.setInsertionPointAfter(inner);
    return llvm::TypeSwitch<Operation *, Value>(inner)
        .Case<arith::ExtSIOp, arith::ExtUIOp>(
            [&](auto extension) { return emitExtension(b, extension); })
        .Case<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AndIOp,
              arith::OrIOp, arith::XOrIOp>(
            [&](auto found) { return emitBinary(b, found); })
        .Case([&](arith::MaxSIOp found) { return emitExtremum(b, found); })
        .Case([&](arith::MinSIOp found) { return emitExtremum(b, found); })
        .Case([&](arith::ShLIOp shift) { return emitLeftShift(b, shift); })
        .Case<arith::ShRSIOp, arith::ShRUIOp>(
            [&](auto shift) { return emitRightShift(b, shift); })
        .Case([&](LookupOp lookup) -> Value {
          std::optional<std::vector<int64_t>> entries = readTable(lookup);
          return entries ? emitTable(b, lookup, *entries) : Value();
        })
        .Default([&](Operation *) { return getConstant(value); });
  }

  Value getConstant(Value value) {
    APInt constant;
    if (!matchPattern(value, m_ConstantInt(&constant)))
      return {};
    OpBuilder::InsertPoint start(op.getBody(), op.getBody()->begin());
    ImplicitLocOpBuilder b(op.getLoc(), op.getContext());
    b.restoreInsertionPoint(start);
    return arith::ConstantOp::create(
        b, b.getIntegerAttr(b.getI32Type(), constant.trunc(32)));
  }

  template <typename OpTy>
  Value emitExtension(ImplicitLocOpBuilder &b, OpTy extension) {
    unsigned width = extension.getIn().getType().getIntOrFloatBitWidth();
    if (width > 32)
      return {};
    if (width == 32)
      return extension.getIn();
    return OpTy::create(b, b.getI32Type(), extension.getIn());
  }

  template <typename OpTy>
  Value emitBinary(ImplicitLocOpBuilder &b, OpTy found) {
    // A product that others want whole is not multiplied twice.
    if (!found->hasOneUse())
      return {};
    Value lhs = getLow(found.getLhs()), rhs = getLow(found.getRhs());
    if (!lhs || !rhs)
      return {};
    return OpTy::create(b, lhs, rhs);
  }

  template <typename OpTy>
  Value emitExtremum(ImplicitLocOpBuilder &b, OpTy found) {
    if (!fitsSigned(ranges.get(found.getLhs())) ||
        !fitsSigned(ranges.get(found.getRhs())))
      return {};
    return emitBinary(b, found);
  }

  Value emitLeftShift(ImplicitLocOpBuilder &b, arith::ShLIOp shift) {
    std::optional<int64_t> places = getShift(shift);
    if (!places || *places >= 32 || !shift->hasOneUse())
      return {};
    Value low = getLow(shift.getLhs());
    if (!low)
      return {};
    return arith::ShLIOp::create(b, low, emitConstant(b, *places));
  }

  /// With fewer than 32 places, which bits come in at the top does not matter.
  Value emitRightShift(ImplicitLocOpBuilder &b, Operation *shift) {
    std::optional<int64_t> places = getShift(shift);
    if (!places || *places >= 32)
      return {};
    if (Value sum = emitShiftedSum(b, shift, *places))
      return sum;
    Value whole = shift->getOperand(0);
    return emitShifted(
        b, whole, ranges.get(whole), [&] { return getLow(whole); }, *places);
  }

  /// The lower bits of what `low` gives, of a number in `range`, shifted.
  Value emitShifted(ImplicitLocOpBuilder &b, Value whole,
                    const ConstantIntRanges &range,
                    llvm::function_ref<Value()> low, int64_t places) {
    bool isSigned = fitsSigned(range);
    if (!isSigned && !fitsUnsigned(range))
      return {};
    Value bits = low();
    if (!bits)
      return {};
    Value count = emitConstant(b, places);
    if (isSigned)
      return arith::ShRSIOp::create(b, bits, count);
    return arith::ShRUIOp::create(b, bits, count);
  }

  /// The lower bits of (p + t) >> `places`, t from a table.
  Value emitShiftedSum(ImplicitLocOpBuilder &b, Operation *shift,
                       int64_t places) {
    auto sum = shift->getOperand(0).getDefiningOp<arith::AddIOp>();
    if (!sum || !sum->hasOneUse() || !shift->hasOneUse())
      return {};
    auto lookup = sum.getRhs().getDefiningOp<LookupOp>();
    Value product = sum.getLhs();
    if (!lookup) {
      lookup = sum.getLhs().getDefiningOp<LookupOp>();
      product = sum.getRhs();
    }
    if (!lookup)
      return {};
    std::optional<std::vector<int64_t>> entries = readTable(lookup);
    if (!entries)
      return {};
    int64_t lowBits = entries->front() & ((int64_t(1) << places) - 1);
    bool isSame = llvm::all_of(*entries, [&](int64_t entry) {
      return ((entry ^ entries->front()) & ((int64_t(1) << places) - 1)) == 0;
    });
    if (isSame)
      return emitSumBehind(b, product, lookup, *entries, lowBits, places);
    return emitSumBetween(b, product, lookup, *entries, places);
  }

  /// ((p + r) >> s) + (t >> s)
  Value emitSumBehind(ImplicitLocOpBuilder &b, Value product, LookupOp lookup,
                      ArrayRef<int64_t> entries, int64_t lowBits,
                      int64_t places) {
    ConstantIntRanges start = ConstantIntRanges::constant(APInt(64, lowBits));
    std::optional<ConstantIntRanges> range = add(ranges.get(product), start);
    Value shifted;
    if (range)
      shifted = emitShifted(
          b, product, *range,
          [&]() -> Value {
            Value low = getLow(product);
            if (!low || lowBits == 0)
              return low;
            return arith::AddIOp::create(b, low, emitConstant(b, lowBits));
          },
          places);
    if (!shifted) {
      Value sum = product;
      if (lowBits != 0)
        sum = arith::AddIOp::create(
            b, sum, arith::ConstantIntOp::create(b, lowBits, 64));
      shifted = arith::TruncIOp::create(
          b, b.getI32Type(),
          arith::ShRSIOp::create(b, sum,
                                 arith::ConstantIntOp::create(b, places, 64)));
    }
    return arith::AddIOp::create(
        b, shifted, emitTable(b, lookup, shiftAll(entries, places)));
  }

  /// ((p >> z) + (t >> z)) >> (s - z)
  Value emitSumBetween(ImplicitLocOpBuilder &b, Value product, LookupOp lookup,
                       ArrayRef<int64_t> entries, int64_t places) {
    int64_t zeros = countTrailingZeros(entries);
    if (zeros == 0 || zeros >= places)
      return {};
    ConstantIntRanges first = shiftRight(ranges.get(product), zeros);
    std::optional<ConstantIntRanges> range =
        add(first, shiftRight(ranges.get(lookup.getResult()), zeros));
    if (!range || !fitsSigned(*range))
      return {};
    Value count = arith::ConstantIntOp::create(b, zeros, 64);
    Value shifted = arith::TruncIOp::create(
        b, b.getI32Type(), arith::ShRSIOp::create(b, product, count));
    Value sum = arith::AddIOp::create(
        b, shifted, emitTable(b, lookup, shiftAll(entries, zeros)));
    return arith::ShRSIOp::create(b, sum, emitConstant(b, places - zeros));
  }

  static std::vector<int64_t> shiftAll(ArrayRef<int64_t> entries,
                                       int64_t places) {
    std::vector<int64_t> shifted;
    for (int64_t entry : entries)
      shifted.push_back(entry >> places);
    return shifted;
  }

  static Value emitConstant(ImplicitLocOpBuilder &b, int64_t value) {
    return arith::ConstantIntOp::create(b, value, 32);
  }

  /// Entries modulo 2^32.
  static Value emitTable(ImplicitLocOpBuilder &b, LookupOp lookup,
                         ArrayRef<int64_t> entries) {
    SmallVector<APInt> values;
    for (int64_t entry : entries)
      values.push_back(APInt(64, uint64_t(entry)).trunc(32));
    auto type = RankedTensorType::get(int64_t(values.size()), b.getI32Type());
    return LookupOp::create(b, b.getI32Type(), lookup.getIndex(),
                            DenseElementsAttr::get(type, values));
  }

  void narrowLookup(LookupOp lookup) {
    std::optional<std::vector<int64_t>> entries = readTable(lookup);
    if (!entries)
      return;
    unsigned places = countTrailingZeros(*entries);
    if (!allFitInt32(*entries, places))
      return;
    // No more zeros than needed: one shift less if it is none.
    if (allFitInt32(*entries, 0))
      places = 0;
    ImplicitLocOpBuilder b(lookup.getLoc(), lookup);
    Value wide = arith::ExtSIOp::create(
        b, b.getI64Type(), emitTable(b, lookup, shiftAll(*entries, places)));
    if (places != 0)
      wide = arith::ShLIOp::create(b, wide,
                                   arith::ConstantIntOp::create(b, places, 64));
    lookup.replaceAllUsesWith(wide);
    lookup.erase();
  }

  linalg::GenericOp op;
  ElementRanges &ranges;
  llvm::DenseMap<Value, Value> lows;
};

struct NarrowArithmeticPass : impl::NarrowArithmeticBase<NarrowArithmeticPass> {
  void runOnOperation() override {
    // All ranges are found before anything is changed: they are those of
    // values.
    ElementRanges ranges;
    ranges.computeAll(getOperation());
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (!op.hasPureTensorSemantics())
        return;
      generics.push_back(op);
      for (Operation &inner : op.getBody()->without_terminator())
        for (Value result : inner.getResults())
          if (result.getType().isInteger())
            ranges.get(result);
    });
    for (linalg::GenericOp op : generics)
      BodyNarrower(op, ranges).narrow();
  }
};

} // namespace
} // namespace mlir::qfmt
