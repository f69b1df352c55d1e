// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Analysis/ElementRanges.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Analysis/Moves.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/EncodedTensorType.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

static ConstantIntRanges getFullRange(Type type) {
  return ConstantIntRanges::maxRange(
      ConstantIntRanges::getStorageBitwidth(getElementTypeOrSelf(type)));
}

/// Between the smallest and the largest element, read as signed and as unsigned
/// numbers.
static std::optional<ConstantIntRanges> getConstantRange(Attribute attr,
                                                         unsigned width) {
  if (auto integer = dyn_cast<IntegerAttr>(attr))
    return ConstantIntRanges::constant(integer.getValue());
  std::optional<std::vector<int64_t>> values = readIntegers(attr);
  if (!values || values->empty() || width > 64)
    return std::nullopt;
  auto [low, high] = std::minmax_element(values->begin(), values->end());
  // Unsigned, -1 is the largest number.
  auto [first, last] = std::minmax_element(
      values->begin(), values->end(), [](int64_t a, int64_t b) {
        return static_cast<uint64_t>(a) < static_cast<uint64_t>(b);
      });
  auto toAPInt = [&](int64_t value) {
    return APInt(64, static_cast<uint64_t>(value)).trunc(width);
  };
  return ConstantIntRanges(toAPInt(*first), toAPInt(*last), toAPInt(*low),
                           toAPInt(*high));
}

/// The codes that rounding to `type` makes; any that fit for a format whose
/// codes are no integers.
static ConstantIntRanges getFormatRange(Type type, unsigned width) {
  auto scaled = dyn_cast<ScaledAttr>(EncodedTensorType::get(type).getFormat());
  if (!scaled || !scaled.getNumberFormat().hasIntegerCodes())
    return ConstantIntRanges::maxRange(width);
  NumberFormat format = scaled.getNumberFormat();
  int64_t lowest = static_cast<int64_t>(format.getLowest());
  APInt low(width, lowest, /*isSigned=*/true, /*implicitTrunc=*/true);
  APInt high(width, static_cast<uint64_t>(format.getLargest()),
             /*isSigned=*/false, /*implicitTrunc=*/true);
  return ConstantIntRanges::range(low, high, /*isSigned=*/lowest < 0);
}

/// The payload of an encoded tensor.
static std::optional<ConstantIntRanges>
getPayloadRange(Value encoded, unsigned width, ElementRanges &ranges) {
  Operation *op = encoded.getDefiningOp();
  if (isa_and_nonnull<QuantizeOp, ConvertOp>(op))
    return getFormatRange(encoded.getType(), width);
  if (auto assemble = dyn_cast_or_null<AssembleOp>(op))
    return ranges.get(assemble.getConstituents().front());
  return std::nullopt;
}

ConstantIntRanges ElementRanges::get(Value value) {
  auto known = ranges.find(value);
  if (known != ranges.end())
    return known->second;
  ConstantIntRanges range = compute(value);
  ranges.insert_or_assign(value, range);
  return range;
}

void ElementRanges::computeAll(Operation *root) {
  root->walk([&](Operation *op) {
    // Constants are read when somebody asks for them.
    if (op->hasTrait<OpTrait::ConstantLike>())
      return;
    for (Value result : op->getResults()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (type && type.getElementType().isInteger())
        get(result);
    }
  });
}

ConstantIntRanges ElementRanges::join(ValueRange values) {
  ConstantIntRanges range = get(values.front());
  for (Value value : values.drop_front())
    range = range.rangeUnion(get(value));
  return range;
}

ConstantIntRanges ElementRanges::computeOfScalarOp(Operation *op,
                                                   Value result) {
  auto interface = dyn_cast<InferIntRangeInterface>(op);
  ConstantIntRanges range = getFullRange(result.getType());
  bool readsIntegers = llvm::all_of(
      op->getOperandTypes(), [](Type type) { return type.isIntOrIndex(); });
  if (!interface || !readsIntegers)
    return range;
  SmallVector<ConstantIntRanges> operands = llvm::map_to_vector(
      op->getOperands(), [&](Value operand) { return get(operand); });
  interface.inferResultRanges(
      operands, [&](Value inferred, const ConstantIntRanges &found) {
        if (inferred == result)
          range = found;
      });
  return range;
}

Value mlir::qfmt::getSummedTerm(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInits() != 1)
    return {};
  Value accumulator = op.getBlock()->getArguments().back();
  auto add = op.getBlock()
                 ->getTerminator()
                 ->getOperand(0)
                 .getDefiningOp<arith::AddIOp>();
  if (!accumulator.hasOneUse() || !add)
    return {};
  if (add.getLhs() == accumulator)
    return add.getRhs();
  return add.getRhs() == accumulator ? add.getLhs() : Value();
}

/// An argument of a linalg body is an element of its operand, unless it is an
/// accumulator.
static OpOperand *getElementOf(BlockArgument argument) {
  auto op =
      dyn_cast_or_null<linalg::LinalgOp>(argument.getOwner()->getParentOp());
  if (!op || op.getBlock() != argument.getOwner())
    return nullptr;
  OpOperand *operand = op.getMatchingOpOperand(argument);
  return op.isDpsInput(operand) || op.getNumReductionLoops() == 0 ? operand
                                                                  : nullptr;
}

/// As many terms as there are iterations of the reductions. What wraps on the
/// way and ends within the type has not lost anything.
std::optional<ConstantIntRanges>
ElementRanges::computeOfSum(linalg::LinalgOp op) {
  Value term = getSummedTerm(op);
  if (!term)
    return std::nullopt;
  int64_t count = 1;
  for (auto [iterator, size] :
       llvm::zip(op.getIteratorTypesArray(), op.getStaticLoopRanges()))
    if (iterator == utils::IteratorType::reduction &&
        (ShapedType::isDynamic(size) || llvm::MulOverflow(count, size, count)))
      return std::nullopt;
  ConstantIntRanges step = get(term);
  ConstantIntRanges start = get(op.getDpsInits()[0]);
  unsigned width = start.smin().getBitWidth();
  // 64 bits times 64 bits, and one addition.
  constexpr unsigned kWide = 130;
  if (width > 64)
    return std::nullopt;
  APInt factor(kWide, count);
  APInt low = start.smin().sext(kWide) + step.smin().sext(kWide) * factor;
  APInt high = start.smax().sext(kWide) + step.smax().sext(kWide) * factor;
  if (!low.isSignedIntN(width) || !high.isSignedIntN(width))
    return std::nullopt;
  return ConstantIntRanges::fromSigned(low.trunc(width), high.trunc(width));
}

ConstantIntRanges ElementRanges::compute(Value value) {
  ConstantIntRanges full = getFullRange(value.getType());
  unsigned width = full.smin().getBitWidth();
  if (!getElementTypeOrSelf(value.getType()).isIntOrIndex())
    return full;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    OpOperand *operand = getElementOf(argument);
    return operand ? get(operand->get()) : full;
  }
  Attribute attr;
  if (matchPattern(value, m_Constant(&attr)))
    return getConstantRange(attr, width).value_or(full);

  Operation *op = value.getDefiningOp();
  if (auto lookup = dyn_cast<LookupOp>(op))
    return getConstantRange(lookup.getTable(), width).value_or(full);
  if (auto constituents = dyn_cast<ConstituentsOp>(op)) {
    if (value == constituents.getConstituents().front())
      return getPayloadRange(constituents.getInput(), width, *this)
          .value_or(full);
    return full;
  }
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Value padding = pad.getConstantPaddingValue();
    return padding ? get(pad.getSource()).rangeUnion(get(padding)) : full;
  }
  if (isTensorMove(op))
    return join(getMovedTensors(op));
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    if (linalgOp.getNumReductionLoops() != 0)
      return computeOfSum(linalgOp).value_or(full);
    return get(linalgOp.getBlock()->getTerminator()->getOperand(
        cast<OpResult>(value).getResultNumber()));
  }
  return computeOfScalarOp(op, value);
}
