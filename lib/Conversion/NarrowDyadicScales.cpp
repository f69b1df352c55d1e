//===- NarrowDyadicScales.cpp - Rescaling in 32 bits ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; qfmt.dyadic_scale with constant m and n in
//         linalg.generic on tensors.
// Output: the same, where it is proven exact, with the upper half of a 32-bit
//         product, an addition and a shift, all in 32 bits.
//
// With p = acc * m and n >= 33, half up is
//
//   floor((p + 2^(n-1)) / 2^n) = (floor(p / 2^32) + 2^(n-33)) >> (n - 32)
//
// since 2^(n-1) is a multiple of 2^32. The other modes that round to nearest
// are the same but for ties. A tie is p = 2^(n-1) * odd; m = 2^t * odd then
// leaves acc a multiple of 2^(n-1-t), and not 0: there is none if |acc| <
// 2^(n-1-t). Multipliers of 31 bits and sums of bytes rarely come near that.
//
// A shift below 33 is made one by shifting acc to the left, where its range
// leaves room for that.
//
// No sum overflows: |p| < 2^62, so |p| / 2^32 and 2^(n-33) are at most 2^30 and
// 2^29, and results are less than 2^30.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/Analysis/ElementRanges.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_NARROWDYADICSCALES
#include "qfmt/Conversion/Passes.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// What a scalar of a linalg body is known to be.
struct KnownIntegers {
  std::vector<int64_t> values;
  /// The tensor whose elements they are and its indexing map; none for one
  /// value.
  RankedTensorType type;
  AffineMap map;

  bool isUniform() const { return !type; }
  int64_t get(size_t i) const { return values[isUniform() ? 0 : i]; }
};

std::optional<KnownIntegers> getKnownIntegers(linalg::GenericOp op,
                                              Value scalar) {
  APInt value;
  if (matchPattern(scalar, m_ConstantInt(&value)))
    return KnownIntegers{{value.getSExtValue()}, {}, {}};
  auto argument = dyn_cast<BlockArgument>(scalar);
  if (!argument || argument.getOwner() != op.getBody())
    return std::nullopt;
  OpOperand *operand = op.getMatchingOpOperand(argument);
  Attribute attribute;
  if (!op.isDpsInput(operand) ||
      !matchPattern(operand->get(), m_Constant(&attribute)))
    return std::nullopt;
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return KnownIntegers{{integer.getValue().getSExtValue()}, {}, {}};
  std::optional<std::vector<int64_t>> values = readIntegers(attribute);
  auto type = dyn_cast<RankedTensorType>(operand->get().getType());
  if (!values || values->empty() || !type)
    return std::nullopt;
  if (llvm::all_equal(*values))
    return KnownIntegers{{values->front()}, {}, {}};
  return KnownIntegers{std::move(*values), type,
                       op.getMatchingIndexingMap(operand)};
}

//===----------------------------------------------------------------------===//
// What can be narrowed
//===----------------------------------------------------------------------===//

bool roundsToNearest(RoundingMode rounding) {
  switch (rounding) {
  case RoundingMode::HalfEven:
  case RoundingMode::HalfUp:
  case RoundingMode::HalfDown:
  case RoundingMode::HalfAway:
  case RoundingMode::HalfTowardZero:
    return true;
  default:
    return false;
  }
}

/// acc * m / 2^n lies half way between two integers where acc & mask == half;
/// nowhere for 0 and 1.
struct Ties {
  int64_t mask, half;
};

constexpr Ties kNoTies{0, 1};

/// `bound` is the largest magnitude of acc, at most 2^31.
Ties getTies(int64_t multiplier, int64_t shift, uint64_t bound) {
  if (multiplier == 0)
    return kNoTies;
  int64_t place = shift - 1 - llvm::countr_zero(uint64_t(multiplier));
  if (place < 0 || bound < (uint64_t(1) << place))
    return kNoTies;
  int64_t half = int64_t(1) << place;
  return {2 * half - 1, half};
}

/// `function` of each multiplier and the shift that it meets; none if each
/// meets several.
std::optional<KnownIntegers>
combine(const KnownIntegers &multipliers, const KnownIntegers &shifts,
        llvm::function_ref<int64_t(int64_t, int64_t)> function) {
  if (!multipliers.isUniform() && !shifts.isUniform() &&
      (multipliers.map != shifts.map ||
       multipliers.type.getShape() != shifts.type.getShape()))
    return std::nullopt;
  KnownIntegers results = multipliers.isUniform() ? shifts : multipliers;
  for (auto [i, result] : llvm::enumerate(results.values))
    result = function(multipliers.get(i), shifts.get(i));
  return results;
}

/// A rescaling that 32 bits suffice for.
struct NarrowScale {
  DyadicScaleOp op;
  KnownIntegers multipliers, shifts;
  /// By how much acc is shifted to the left.
  int64_t left;
  /// Masks and halves of Ties; none if there are no ties.
  std::optional<KnownIntegers> tieMasks, tieHalves;
};

/// Sets `left`. Constants beyond what the operation allows do not fit.
bool fitsInt32(NarrowScale &scale, const ConstantIntRanges &acc) {
  auto [least, greatest] = std::minmax_element(scale.shifts.values.begin(),
                                               scale.shifts.values.end());
  scale.left = std::max<int64_t>(33 - *least, 0);
  int64_t bits = std::max(acc.smin().getSignificantBits(),
                          acc.smax().getSignificantBits());
  return *least >= 0 && *greatest + scale.left <= 62 &&
         bits + scale.left <= 32 &&
         llvm::all_of(scale.multipliers.values,
                      [](int64_t m) { return m >= 0 && llvm::isInt<32>(m); });
}

/// Fails if masks and halves depend on more than one place of a constant.
LogicalResult findTies(NarrowScale &scale, const ConstantIntRanges &acc) {
  uint64_t bound = std::max(std::abs(acc.smin().getSExtValue()),
                            std::abs(acc.smax().getSExtValue()));
  auto masks =
      combine(scale.multipliers, scale.shifts,
              [&](int64_t m, int64_t n) { return getTies(m, n, bound).mask; });
  auto halves =
      combine(scale.multipliers, scale.shifts,
              [&](int64_t m, int64_t n) { return getTies(m, n, bound).half; });
  if (!masks || !halves)
    return failure();
  if (llvm::all_of(masks->values, [](int64_t mask) { return mask == 0; }))
    return success();
  scale.tieMasks = std::move(masks);
  scale.tieHalves = std::move(halves);
  return success();
}

/// None, with the reason in `whyNot`; empty if there is nothing to gain.
std::optional<NarrowScale>
matchNarrowScale(DyadicScaleOp op, ElementRanges &ranges, StringRef &whyNot) {
  whyNot = {};
  auto generic = dyn_cast<linalg::GenericOp>(op->getParentOp());
  if (!generic || !generic.hasPureTensorSemantics())
    return std::nullopt;
  if (op.getDoubleRounding() || !roundsToNearest(op.getRounding())) {
    whyNot = "it does not round once to the nearest integer";
    return std::nullopt;
  }
  std::optional<KnownIntegers> multipliers =
      getKnownIntegers(generic, op.getMultiplier());
  std::optional<KnownIntegers> shifts =
      getKnownIntegers(generic, op.getShift());
  if (!multipliers || !shifts) {
    whyNot = "its multiplier or shift is no constant";
    return std::nullopt;
  }
  NarrowScale scale{op, std::move(*multipliers), std::move(*shifts), 0, {}, {}};
  if (!fitsInt32(scale, ranges.get(op.getAcc()))) {
    whyNot = "its accumulators may have too many bits";
    return std::nullopt;
  }
  if (op.getRounding() == RoundingMode::HalfUp)
    return scale;
  if (failed(findTies(scale, ranges.get(op.getAcc())))) {
    whyNot = "each multiplier meets several shifts";
    return std::nullopt;
  }
  return scale;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// A signed integer in `bits`.
Value emitResize(ImplicitLocOpBuilder &b, Value value, unsigned bits) {
  unsigned width = value.getType().getIntOrFloatBitWidth();
  if (width > bits)
    return arith::TruncIOp::create(b, b.getIntegerType(bits), value);
  return b.createOrFold<arith::ExtSIOp>(b.getIntegerType(bits), value);
}

/// floor(acc * m / 2^(32 + shift) + 1/2); `rounding` is 2^(shift - 1).
Value emitHalfUp(ImplicitLocOpBuilder &b, Value acc, Value multiplier,
                 Value rounding, Value shift) {
  // LLVM makes the upper half of a 32-bit product of this.
  Value product = arith::MulIOp::create(b, emitResize(b, acc, 64),
                                        emitResize(b, multiplier, 64));
  Value thirtyTwo = arith::ConstantIntOp::create(b, 32, 64);
  Value high = emitResize(b, arith::ShRSIOp::create(b, product, thirtyTwo), 32);
  Value sum = arith::AddIOp::create(b, high, rounding);
  return arith::ShRSIOp::create(b, sum, shift);
}

/// `scaled`, rounded up at a tie, or the integer below it if `rounding` says
/// so.
Value emitTie(ImplicitLocOpBuilder &b, Value scaled, Value acc, Value isTie,
              RoundingMode rounding) {
  Value one = arith::ConstantIntOp::create(b, 1, 32);
  if (rounding == RoundingMode::HalfEven) {
    Value minusTwo = arith::ConstantIntOp::create(b, -2, 32);
    Value even = arith::AndIOp::create(b, scaled, minusTwo);
    return arith::SelectOp::create(b, isTie, even, scaled);
  }
  Value below = arith::SubIOp::create(b, scaled, one);
  if (rounding != RoundingMode::HalfDown) {
    auto goesDown = rounding == RoundingMode::HalfAway
                        ? arith::CmpIPredicate::slt
                        : arith::CmpIPredicate::sgt;
    Value zero = arith::ConstantIntOp::create(b, 0, 32);
    Value isDown = arith::CmpIOp::create(b, goesDown, acc, zero);
    isTie = arith::AndIOp::create(b, isTie, isDown);
  }
  return arith::SelectOp::create(b, isTie, below, scaled);
}

/// `value`, of 32 bits, in a type of another width; saturated.
Value emitSaturated(ImplicitLocOpBuilder &b, Value value, unsigned width) {
  if (width < 32) {
    Value low = arith::ConstantIntOp::create(b, llvm::minIntN(width), 32);
    Value top = arith::ConstantIntOp::create(b, llvm::maxIntN(width), 32);
    value = arith::MaxSIOp::create(b, value, low);
    value = arith::MinSIOp::create(b, value, top);
  }
  return emitResize(b, value, width);
}

/// Rewrites the body of an operation; what it reads of new constants becomes
/// inputs at the end.
class GenericNarrower {
public:
  explicit GenericNarrower(linalg::GenericOp op) : op(op) {}

  void narrow(const NarrowScale &scale) {
    DyadicScaleOp old = scale.op;
    ImplicitLocOpBuilder b(old.getLoc(), old);
    Value multiplier = old.getMultiplier();
    if (multiplier.getType().getIntOrFloatBitWidth() > 32)
      multiplier =
          addConstant(b, scale.multipliers, [](int64_t m) { return m; });
    Value rounding = addConstant(b, scale.shifts, [&](int64_t n) {
      return int64_t(1) << (n + scale.left - 33);
    });
    Value shift = addConstant(b, scale.shifts,
                              [&](int64_t n) { return n + scale.left - 32; });
    Value acc = emitResize(b, old.getAcc(), 32);
    Value moved = acc;
    if (scale.left != 0)
      moved = arith::ShLIOp::create(
          b, acc, arith::ConstantIntOp::create(b, scale.left, 32));
    Value scaled = emitHalfUp(b, moved, multiplier, rounding, shift);
    if (scale.tieMasks)
      scaled =
          emitTie(b, scaled, acc, emitIsTie(b, acc, scale), old.getRounding());
    unsigned width = old.getResult().getType().getIntOrFloatBitWidth();
    old.replaceAllUsesWith(emitSaturated(b, scaled, width));
    old.erase();
  }

  /// Returns the operation with its new inputs.
  linalg::GenericOp finish() {
    if (values.empty())
      return op;
    SmallVector<Value> inputs = op.getDpsInputs();
    SmallVector<AffineMap> allMaps = op.getIndexingMapsArray();
    allMaps.insert(allMaps.begin() + inputs.size(), maps.begin(), maps.end());
    llvm::append_range(inputs, values);
    OpBuilder b(op);
    auto wider = linalg::GenericOp::create(
        b, op.getLoc(), op.getResultTypes(), inputs, op.getOutputs(), allMaps,
        op.getIteratorTypesArray(), nullptr,
        llvm::to_vector(op->getDiscardableAttrs()));
    wider.getRegion().takeBody(op.getRegion());
    op.replaceAllUsesWith(wider.getResults());
    op.erase();
    return wider;
  }

private:
  Value emitIsTie(ImplicitLocOpBuilder &b, Value acc,
                  const NarrowScale &scale) {
    auto asBits = [](int64_t value) { return int64_t(int32_t(value)); };
    Value mask = addConstant(b, *scale.tieMasks, asBits);
    Value half = addConstant(b, *scale.tieHalves, asBits);
    Value rest = arith::AndIOp::create(b, acc, mask);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rest, half);
  }

  /// A function of `known`, of 32 bits, as a scalar of the body.
  Value addConstant(ImplicitLocOpBuilder &b, const KnownIntegers &known,
                    llvm::function_ref<int64_t(int64_t)> function) {
    if (known.isUniform())
      return arith::ConstantIntOp::create(b, function(known.values.front()),
                                          32);
    std::vector<int64_t> results;
    for (int64_t value : known.values)
      results.push_back(function(value));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(op);
    auto type = RankedTensorType::get(known.type.getShape(), b.getI32Type());
    unsigned place = op.getNumDpsInputs() + values.size();
    values.push_back(
        arith::ConstantOp::create(b, makeIntegers(type, results, "rescaling")));
    maps.push_back(known.map);
    return op.getBody()->insertArgument(place, b.getI32Type(), b.getLoc());
  }

  linalg::GenericOp op;
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
};

struct NarrowDyadicScalesPass
    : impl::NarrowDyadicScalesBase<NarrowDyadicScalesPass> {
  void runOnOperation() override {
    // All are found before any is changed: ranges are those of values.
    llvm::MapVector<Operation *, SmallVector<NarrowScale>> scales;
    ElementRanges ranges;
    ranges.computeAll(getOperation());
    getOperation()->walk([&](DyadicScaleOp op) {
      StringRef whyNot;
      if (std::optional<NarrowScale> scale =
              matchNarrowScale(op, ranges, whyNot))
        scales[op->getParentOp()].push_back(std::move(*scale));
      else if (!whyNot.empty())
        remark::missed(op.getLoc(), remark::RemarkOpts::name("Wide").category(
                                        "qfmt-narrow-dyadic-scales"))
            << "rescaled in 64 bits: " << whyNot;
    });
    SmallVector<Operation *> changed;
    for (auto &[op, found] : scales) {
      GenericNarrower narrower(cast<linalg::GenericOp>(op));
      for (const NarrowScale &scale : found)
        narrower.narrow(scale);
      changed.push_back(narrower.finish());
    }
    // Shifts and multipliers of 64 bits.
    RewritePatternSet patterns(&getContext());
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    (void)applyOpPatternsGreedily(changed, std::move(patterns));
  }
};

} // namespace
} // namespace mlir::qfmt
