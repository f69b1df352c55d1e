//===- SplitAccumulators.cpp - Sums in 64 bits as sums of 32-bit chains ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level integer, or encoded tensors taken apart; linalg operations on
//         tensors that add integers up in an i64.
// Output: the same sums, every bit of them. The terms are added up in i32, in
//         chains so short that no partial sum can leave it; what the chains
//         give is added up in i64:
//
//   acc[m, n] += a[m, k] * b[k, n]
//   // becomes
//   part[c, m, n] += a[m, c, l] * b[c, l, n]     i32, from 0
//   acc[m, n] += part[c, m, n]                   i64
//
// Left alone: sums of which no chain of two terms (or of as many as an option
// says) is safe, accumulators that are no i64, operations with several results,
// dynamic sizes along reduced loops. No dot-product instruction is chosen here.
//
//===----------------------------------------------------------------------===//

#include "ElementRanges.h"
#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/IR/Certificate.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Support/AccumulatorWidth.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_SPLITACCUMULATORS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

static constexpr unsigned kChainBits = 32;
static constexpr uint64_t kLargestSum = (uint64_t(1) << (kChainBits - 1)) - 1;

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

namespace {
/// acc += term, acc an i64.
struct Sum {
  linalg::LinalgOp op;
  Value term;
  ConstantIntRanges termRange;
  SmallVector<int64_t> sizes;
  /// Reduced loops, the outermost first.
  SmallVector<unsigned> reductions;
};
} // namespace

/// What `op` adds to its accumulator, an i64; null if it does something else.
static Value matchTerm(linalg::LinalgOp op) {
  Value acc = op.getBlock()->getArguments().back();
  auto add = op.getBlock()
                 ->getTerminator()
                 ->getOperand(0)
                 .getDefiningOp<arith::AddIOp>();
  if (!acc.getType().isInteger(64) || !acc.hasOneUse() || !add ||
      !add->hasOneUse())
    return {};
  if (add.getLhs() == acc)
    return add.getRhs();
  return add.getRhs() == acc ? add.getLhs() : Value();
}

/// Every parallel loop is a dimension of the result.
static bool hasPlainResult(linalg::LinalgOp op) {
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  return map.isProjectedPermutation() &&
         map.getNumResults() == op.getNumParallelLoops();
}

static std::optional<Sum> matchSum(linalg::LinalgOp op, ElementRanges &ranges) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() == 0 || op.hasIndexSemantics() ||
      op.getNumReductionLoops() + op.getNumParallelLoops() !=
          op.getNumLoops() ||
      !hasPlainResult(op))
    return std::nullopt;
  Value term = matchTerm(op);
  if (!term)
    return std::nullopt;
  Sum sum{op, term, ranges.get(term), op.getStaticLoopRanges(), {}};
  op.getReductionDims(sum.reductions);
  for (unsigned loop : sum.reductions)
    if (ShapedType::isDynamic(sum.sizes[loop]) || sum.sizes[loop] == 0)
      return std::nullopt;
  return sum;
}

//===----------------------------------------------------------------------===//
// Products with constants: what is known beyond the largest of them
//===----------------------------------------------------------------------===//

namespace {
/// The factor of a term that reads a constant alone: |factor(code)| for every
/// element of the constant, and the other factor's largest magnitude.
struct ConstantFactor {
  std::vector<uint64_t> magnitudes;
  /// Sizes of the constant's dimensions, and the loop that indexes each.
  SmallVector<int64_t> shape;
  SmallVector<unsigned> loops;
  uint64_t other;

  static std::optional<ConstantFactor> match(const Sum &sum,
                                             ElementRanges &ranges);
};
} // namespace

/// The argument of `block` that `value` is computed from, if it is one only.
static BlockArgument getOnlyArgument(Value value, Block *block) {
  BlockArgument only;
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    Value current = pending.pop_back_val();
    auto argument = dyn_cast<BlockArgument>(current);
    if (current.getParentBlock() != block)
      continue;
    if (!argument)
      llvm::append_range(pending, current.getDefiningOp()->getOperands());
    else if (only && only != argument)
      return {};
    else
      only = argument;
  }
  return only;
}

static uint64_t getMagnitude(const ConstantIntRanges &range) {
  APInt low = range.smin().abs(), high = range.smax().abs();
  return llvm::APIntOps::umax(low, high).getLimitedValue();
}

/// |factor| for each code of the constant that `argument` reads.
static std::optional<std::vector<uint64_t>>
evaluateFactor(Value factor, BlockArgument argument, Attribute constant) {
  std::optional<std::vector<int64_t>> codes = readIntegers(constant);
  if (!codes)
    return std::nullopt;
  unsigned width = argument.getType().getIntOrFloatBitWidth();
  llvm::DenseMap<int64_t, uint64_t> known;
  std::vector<uint64_t> magnitudes;
  for (int64_t code : *codes) {
    auto [entry, isNew] = known.try_emplace(code, 0);
    if (isNew) {
      ElementRanges atCode;
      atCode.assume(argument,
                    ConstantIntRanges::constant(
                        APInt(64, static_cast<uint64_t>(code)).trunc(width)));
      entry->second = getMagnitude(atCode.get(factor));
    }
    magnitudes.push_back(entry->second);
  }
  return magnitudes;
}

std::optional<ConstantFactor> ConstantFactor::match(const Sum &sum,
                                                    ElementRanges &ranges) {
  Value product = sum.term;
  if (auto widened = product.getDefiningOp<arith::ExtSIOp>())
    product = widened.getIn();
  auto multiply = product.getDefiningOp<arith::MulIOp>();
  // A product that wraps around says nothing of its factors.
  if (!multiply ||
      ranges.get(product) == ConstantIntRanges::maxRange(
                                 product.getType().getIntOrFloatBitWidth()))
    return std::nullopt;
  linalg::LinalgOp op = sum.op;
  for (unsigned i : {0, 1}) {
    Value factor = multiply->getOperand(i), other = multiply->getOperand(1 - i);
    BlockArgument argument = getOnlyArgument(factor, op.getBlock());
    if (!argument || getOnlyArgument(other, op.getBlock()) == argument)
      continue;
    OpOperand *operand = op.getMatchingOpOperand(argument);
    AffineMap map = op.getMatchingIndexingMap(operand);
    Attribute constant;
    if (!matchPattern(operand->get(), m_Constant(&constant)) ||
        !isa<RankedTensorType>(operand->get().getType()) ||
        !map.isProjectedPermutation())
      continue;
    ConstantFactor result;
    auto magnitudes = evaluateFactor(factor, argument, constant);
    if (!magnitudes)
      continue;
    result.magnitudes = std::move(*magnitudes);
    result.shape = llvm::to_vector(op.getShape(operand));
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      result.loops.push_back(map.getDimPosition(dim));
    result.other = getMagnitude(ranges.get(other));
    return result;
  }
  return std::nullopt;
}

/// The most steps of the reduced loop `loop` whose terms, for one step of the
/// other reduced loops except `whole`, which run as a whole, are safe wherever
/// they start.
static uint64_t getSafeSteps(const ConstantFactor &factor, const Sum &sum,
                             unsigned loop, ArrayRef<unsigned> whole) {
  // What each step adds, one row for each position in the other dimensions.
  int64_t steps = 1, repeats = 1;
  SmallVector<int64_t> strides(factor.shape.size(), 0);
  for (auto [dim, index] : llvm::enumerate(factor.loops))
    if (index == loop)
      steps = factor.shape[dim], strides[dim] = 1;
  int64_t total = steps;
  for (auto [dim, index] : llvm::enumerate(factor.loops)) {
    if (index == loop || llvm::is_contained(whole, index))
      continue;
    strides[dim] = total;
    total *= factor.shape[dim];
  }
  for (unsigned index : whole)
    if (!llvm::is_contained(factor.loops, index))
      repeats *= sum.sizes[index];

  std::vector<uint64_t> rows(total, 0);
  for (auto [flat, magnitude] : llvm::enumerate(factor.magnitudes)) {
    int64_t rest = flat, position = 0;
    for (unsigned dim = factor.shape.size(); dim-- > 0;
         rest /= factor.shape[dim])
      position += rest % factor.shape[dim] * strides[dim];
    rows[position] = llvm::SaturatingMultiplyAdd(
        magnitude, static_cast<uint64_t>(repeats), rows[position]);
  }
  uint64_t limit = factor.other == 0 ? kAnyLength : kLargestSum / factor.other;
  uint64_t length = kAnyLength;
  for (int64_t row = 0; row < total; row += steps) {
    if (steps == sum.sizes[loop])
      length = std::min(length,
                        getSafeWindow(ArrayRef(rows).slice(row, steps), limit));
    else if (rows[row] != 0)
      // The constant does not vary along the loop.
      length = std::min(length, limit / rows[row]);
  }
  return length;
}

//===----------------------------------------------------------------------===//
// Where to cut
//===----------------------------------------------------------------------===//

/// By how much a step of `loop` moves `expr`, which is linear.
static int64_t getStride(AffineExpr expr, unsigned loop, unsigned numLoops) {
  SmallVector<int64_t> coefficients;
  if (failed(getFlattenedAffineExpr(expr, numLoops, /*numSymbols=*/0,
                                    &coefficients)) ||
      coefficients.size() != numLoops + 1)
    return -1;
  return coefficients[loop];
}

/// Whether the operands of `op` can be cut along `loop`: each moves forward by
/// a fixed stride, and in one dimension at most where it is the only loop.
static bool canCut(linalg::LinalgOp op, unsigned loop) {
  return llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) {
    AffineExpr dim = getAffineDimExpr(loop, map.getContext());
    return llvm::count(map.getResults(), dim) <= 1 &&
           llvm::all_of(map.getResults(), [&](AffineExpr expr) {
             return getStride(expr, loop, map.getNumDims()) >= 0;
           });
  });
}

namespace {
/// A chain runs over the loops `whole` and over `length` steps of `split`;
/// there is one for each of the steps of `outer` and each part of `split`.
struct Plan {
  SmallVector<unsigned> whole, outer;
  std::optional<unsigned> split;
  int64_t length = 0;

  /// In parts of one step a loop is not cut but outside.
  void setLength(int64_t steps) {
    length = steps;
    if (length == 1) {
      outer.push_back(*split);
      split.reset();
    }
  }

  /// One chain holds the sum.
  bool isWhole() const { return !split && outer.empty(); }

  uint64_t countTerms(const Sum &sum) const {
    uint64_t terms = split ? length : 1;
    for (unsigned loop : whole)
      terms *= sum.sizes[loop];
    return terms;
  }
};

/// Finds the longest safe chains of a sum, or such of a given length.
class Planner {
public:
  Planner(const Sum &sum, ElementRanges &ranges, uint64_t forced,
          uint64_t shortest);

  /// The plan with the longest chains; none if they are too short.
  std::optional<Plan> choose() const;
  bool isSafe(const Plan &plan) const;
  uint64_t getSafeLength() const { return safeLength; }

private:
  uint64_t getSteps(unsigned loop, ArrayRef<unsigned> whole, bool safely) const;
  uint64_t getSteps(unsigned loop, ArrayRef<unsigned> whole) const {
    return getSteps(loop, whole, forced == 0);
  }
  std::optional<Plan> cutOneLoop() const;
  std::optional<Plan> cutFromInside() const;
  void avoidRest(Plan &plan) const;

  const Sum &sum;
  std::optional<ConstantFactor> factor;
  /// By the range of one term alone.
  uint64_t safeLength;
  /// Terms of a chain whatever is safe; 0: safe ones.
  uint64_t forced;
  /// Terms of a chain at least, unless it is the whole sum.
  uint64_t shortest;
};
} // namespace

Planner::Planner(const Sum &sum, ElementRanges &ranges, uint64_t forced,
                 uint64_t shortest)
    : sum(sum), factor(ConstantFactor::match(sum, ranges)),
      safeLength(getSafeChainLength(sum.termRange.smin().getSExtValue(),
                                    sum.termRange.smax().getSExtValue(),
                                    kChainBits)),
      forced(forced), shortest(std::max<uint64_t>(shortest, 2)) {}

/// How many steps of `loop` a chain may have that runs over `whole` besides.
uint64_t Planner::getSteps(unsigned loop, ArrayRef<unsigned> whole,
                           bool safely) const {
  uint64_t others = 1;
  for (unsigned index : whole)
    others *= sum.sizes[index];
  if (!safely)
    return forced / others;
  uint64_t steps = safeLength / others;
  // One term has to be safe by its range: it is computed in 32 bits.
  if (factor && safeLength > 0 &&
      steps < static_cast<uint64_t>(sum.sizes[loop]))
    steps = std::max(steps, getSafeSteps(*factor, sum, loop, whole));
  return steps;
}

bool Planner::isSafe(const Plan &plan) const {
  if (plan.split)
    return getSteps(*plan.split, plan.whole, /*safely=*/true) >=
           static_cast<uint64_t>(plan.length);
  if (plan.whole.empty())
    return safeLength > 0;
  unsigned loop = plan.whole.front();
  return getSteps(loop, ArrayRef(plan.whole).drop_front(), /*safely=*/true) >=
         static_cast<uint64_t>(sum.sizes[loop]);
}

/// One loop in parts, or none, where all others can run as a whole.
std::optional<Plan> Planner::cutOneLoop() const {
  std::optional<Plan> best;
  uint64_t most = 0;
  for (unsigned loop : sum.reductions) {
    Plan plan;
    for (unsigned other : sum.reductions)
      if (other != loop)
        plan.whole.push_back(other);
    uint64_t steps = getSteps(loop, plan.whole);
    if (steps >= static_cast<uint64_t>(sum.sizes[loop])) {
      plan.whole.push_back(loop);
      return plan;
    }
    if (steps == 0 || !canCut(sum.op, loop))
      continue;
    plan.split = loop;
    plan.setLength(steps);
    if (plan.countTerms(sum) > most) {
      most = plan.countTerms(sum);
      best = plan;
    }
  }
  return best;
}

/// The innermost loops as a whole as far as it goes, part of the next, and the
/// others not at all.
std::optional<Plan> Planner::cutFromInside() const {
  Plan plan;
  for (unsigned loop : llvm::reverse(sum.reductions)) {
    bool isFull = plan.split || !plan.outer.empty();
    uint64_t steps = isFull ? 0 : getSteps(loop, plan.whole);
    if (steps >= static_cast<uint64_t>(sum.sizes[loop])) {
      plan.whole.push_back(loop);
    } else if (steps >= 2 && canCut(sum.op, loop)) {
      plan.split = loop;
      plan.length = steps;
    } else {
      plan.outer.push_back(loop);
    }
  }
  llvm::sort(plan.outer);
  return plan;
}

/// Chains that are up to half as long, if all are of one length then.
void Planner::avoidRest(Plan &plan) const {
  if (!plan.split || forced != 0)
    return;
  for (int64_t length = plan.length; 2 * length >= plan.length; --length) {
    Plan shorter = plan;
    shorter.setLength(length);
    if (sum.sizes[*plan.split] % length == 0 &&
        shorter.countTerms(sum) >= shortest) {
      plan = shorter;
      return;
    }
  }
}

std::optional<Plan> Planner::choose() const {
  std::optional<Plan> plan = cutOneLoop();
  if (!plan)
    plan = cutFromInside();
  uint64_t terms = plan->countTerms(sum);
  if (terms < 2 || (terms < shortest && !plan->isWhole()))
    return std::nullopt;
  avoidRest(*plan);
  return plan;
}

//===----------------------------------------------------------------------===//
// The term in 32 bits
//===----------------------------------------------------------------------===//

namespace {
/// Copies what a term is computed from. A term that fits 32 bits may be
/// computed modulo 2^32, and so may what sums, differences and products are
/// made of.
class TermBuilder {
public:
  TermBuilder(OpBuilder &builder, Location loc, Block *from,
              ValueRange elements)
      : builder(builder), loc(loc), from(from) {
    for (auto [argument, element] : llvm::zip(from->getArguments(), elements))
      copies.map(argument, element);
  }

  /// The low 32 bits of `value`, which has at least 32.
  Value narrow(Value value);

private:
  Value copy(Value value);

  OpBuilder &builder;
  Location loc;
  Block *from;
  IRMapping copies;
  llvm::DenseMap<Value, Value> narrowed;
};
} // namespace

Value TermBuilder::copy(Value value) {
  if (value.getParentBlock() != from || copies.contains(value))
    return copies.lookupOrDefault(value);
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    copies.map(operand, copy(operand));
  builder.clone(*op, copies);
  return copies.lookup(value);
}

Value TermBuilder::narrow(Value value) {
  Type i32 = builder.getI32Type();
  if (value.getType() == i32 && !value.getDefiningOp())
    return copy(value);
  if (Value known = narrowed.lookup(value))
    return known;
  Operation *op =
      value.getParentBlock() == from ? value.getDefiningOp() : nullptr;
  Value result;
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    result = arith::ConstantOp::create(
        builder, loc, builder.getIntegerAttr(i32, constant.trunc(kChainBits)));
  } else if (isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(op)) {
    Value source = op->getOperand(0);
    if (source.getType().getIntOrFloatBitWidth() >= kChainBits)
      result = narrow(source);
    else if (isa<arith::ExtSIOp>(op))
      result = arith::ExtSIOp::create(builder, loc, i32, copy(source));
    else
      result = arith::ExtUIOp::create(builder, loc, i32, copy(source));
  } else if (isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op)) {
    Value lhs = narrow(op->getOperand(0)), rhs = narrow(op->getOperand(1));
    result =
        builder.create(loc, op->getName().getIdentifier(), {lhs, rhs}, {i32})
            ->getResult(0);
  } else {
    result = copy(value);
    if (result.getType() != i32)
      result = arith::TruncIOp::create(builder, loc, i32, result);
  }
  narrowed[value] = result;
  return result;
}

//===----------------------------------------------------------------------===//
// Chains
//===----------------------------------------------------------------------===//

namespace {
/// Steps first ... first + length * parts of a plan's split loop.
struct Steps {
  int64_t first, length, parts;
};

/// Writes the chains of a sum.
class ChainBuilder {
public:
  ChainBuilder(OpBuilder &builder, const Sum &sum, const Plan &plan)
      : builder(builder), loc(linalg::LinalgOp(sum.op).getLoc()), sum(sum),
        plan(plan) {}

  /// The sum of all terms and of the operation's initial value.
  linalg::GenericOp build();

private:
  /// acc + the terms of these steps.
  linalg::GenericOp addChains(Value acc, Steps steps);
  linalg::GenericOp addUp(Value partials, Value acc);
  Value makeZeros(Value acc, Steps steps);
  std::pair<Value, AffineMap> readOperand(OpOperand &operand, Steps steps);
  Value slice(Value operand, AffineMap map, Steps steps);

  linalg::LinalgOp op() const { return sum.op; }

  OpBuilder &builder;
  Location loc;
  const Sum &sum;
  const Plan &plan;
};
} // namespace

/// The part of an operand that these steps read.
Value ChainBuilder::slice(Value operand, AffineMap map, Steps steps) {
  auto type = cast<RankedTensorType>(operand.getType());
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, operand);
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(type.getRank(), builder.getIndexAttr(1));
  bool isWhole = true;
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    int64_t offset =
        getStride(expr, *plan.split, map.getNumDims()) * steps.first;
    int64_t size = type.getDimSize(dim) - offset;
    // Windows may read beyond the part that another loop's first step reads.
    if (isa<AffineDimExpr>(expr) && expr.isFunctionOfDim(*plan.split))
      size = steps.length * steps.parts;
    if (!expr.isFunctionOfDim(*plan.split) || size == type.getDimSize(dim))
      continue;
    isWhole = false;
    offsets[dim] = builder.getIndexAttr(offset);
    sizes[dim] = builder.getIndexAttr(size);
  }
  if (isWhole)
    return operand;
  return tensor::ExtractSliceOp::create(builder, loc, operand, offsets, sizes,
                                        strides);
}

/// An operand with the split loop in two where there are several parts, and its
/// map: loop 0 is then the parts', the others follow.
std::pair<Value, AffineMap> ChainBuilder::readOperand(OpOperand &operand,
                                                      Steps steps) {
  AffineMap map = op().getMatchingIndexingMap(&operand);
  Value value = operand.get();
  if (!plan.split || !map.isFunctionOfDim(*plan.split))
    return {value, steps.parts > 1 ? map.shiftDims(1) : map};
  value = slice(value, map, steps);
  if (steps.parts == 1)
    return {value, map};

  MLIRContext *context = map.getContext();
  AffineExpr part = getAffineDimExpr(0, context);
  AffineExpr step = getAffineDimExpr(*plan.split + 1, context);
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<AffineExpr> results;
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> groups;
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    groups.emplace_back();
    auto append = [&](AffineExpr result, int64_t size) {
      groups.back().push_back(results.size());
      results.push_back(result);
      shape.push_back(size);
    };
    if (expr == getAffineDimExpr(*plan.split, context)) {
      append(part, steps.parts);
      append(step, steps.length);
    } else {
      append(expr.shiftDims(map.getNumDims(), 1)
                 .replace(step, part * steps.length + step),
             type.getDimSize(dim));
    }
  }
  if (shape.size() != groups.size())
    value = tensor::ExpandShapeOp::create(
        builder, loc, RankedTensorType::get(shape, type.getElementType()),
        value, groups);
  return {value, AffineMap::get(map.getNumDims() + 1, 0, results, context)};
}

/// 0 for every chain: dimensions of parts and of outer loops before those of
/// the result.
Value ChainBuilder::makeZeros(Value acc, Steps steps) {
  SmallVector<OpFoldResult> sizes;
  if (steps.parts > 1)
    sizes.push_back(builder.getIndexAttr(steps.parts));
  for (unsigned loop : plan.outer)
    sizes.push_back(builder.getIndexAttr(sum.sizes[loop]));
  llvm::append_range(sizes, tensor::getMixedSizes(builder, loc, acc));
  Value empty =
      tensor::EmptyOp::create(builder, loc, sizes, builder.getI32Type());
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

/// acc[i] + sum over j of partials[j, i].
linalg::GenericOp ChainBuilder::addUp(Value partials, Value acc) {
  int64_t rank = cast<RankedTensorType>(partials.getType()).getRank();
  int64_t kept = cast<RankedTensorType>(acc.getType()).getRank();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  std::fill_n(iterators.begin(), rank - kept, utils::IteratorType::reduction);
  AffineMap all = builder.getMultiDimIdentityMap(rank);
  return linalg::GenericOp::create(
      builder, loc, acc.getType(), partials, acc,
      {all, AffineMap::getMinorIdentityMap(rank, kept, builder.getContext())},
      iterators, [](OpBuilder &b, Location loc, ValueRange args) {
        Value wide = arith::ExtSIOp::create(b, loc, b.getI64Type(), args[0]);
        Value next = arith::AddIOp::create(b, loc, args[1], wide);
        linalg::YieldOp::create(b, loc, next);
      });
}

linalg::GenericOp ChainBuilder::addChains(Value acc, Steps steps) {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (OpOperand *operand : op().getDpsInputOperands()) {
    auto [value, map] = readOperand(*operand, steps);
    inputs.push_back(value);
    maps.push_back(map);
  }
  unsigned shift = steps.parts > 1 ? 1 : 0;
  SmallVector<utils::IteratorType> iterators(shift,
                                             utils::IteratorType::parallel);
  llvm::append_range(iterators, op().getIteratorTypesArray());
  SmallVector<AffineExpr> chain;
  if (shift)
    chain.push_back(builder.getAffineDimExpr(0));
  for (unsigned loop : plan.outer) {
    iterators[loop + shift] = utils::IteratorType::parallel;
    chain.push_back(builder.getAffineDimExpr(loop + shift));
  }
  AffineMap output =
      op().getMatchingIndexingMap(op().getDpsInitOperand(0)).shiftDims(shift);
  llvm::append_range(chain, output.getResults());
  maps.push_back(
      AffineMap::get(iterators.size(), 0, chain, builder.getContext()));

  Value zeros = makeZeros(acc, steps);
  auto partials = linalg::GenericOp::create(
      builder, loc, zeros.getType(), inputs, zeros, maps, iterators,
      [&](OpBuilder &b, Location loc, ValueRange args) {
        TermBuilder terms(b, loc, op().getBlock(), args.drop_back());
        Value next =
            arith::AddIOp::create(b, loc, args.back(), terms.narrow(sum.term));
        linalg::YieldOp::create(b, loc, next);
      });
  return addUp(partials.getResult(0), acc);
}

linalg::GenericOp ChainBuilder::build() {
  Value acc = op().getDpsInits().front();
  if (!plan.split)
    return addChains(acc, {0, 0, 1});
  int64_t size = sum.sizes[*plan.split];
  int64_t parts = size / plan.length, rest = size % plan.length;
  linalg::GenericOp result = addChains(acc, {0, plan.length, parts});
  if (rest != 0)
    result = addChains(result.getResult(0), {size - rest, rest, 1});
  return result;
}

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

/// What integerization proved of the results that `value` leads to does not
/// hold if it may be wrong. A region ends at the operation that has the bound.
static void voidBounds(Value value) {
  SmallVector<Value> pending = {value};
  llvm::SmallDenseSet<Operation *> seen;
  while (!pending.empty()) {
    for (Operation *user : pending.pop_back_val().getUsers()) {
      if (!seen.insert(user).second)
        continue;
      if (!user->hasAttr(kErrorBoundAttr)) {
        llvm::append_range(pending, user->getResults());
        continue;
      }
      Builder builder(user);
      user->setAttr(
          kErrorBoundAttr,
          builder.getF64FloatAttr(std::numeric_limits<double>::infinity()));
    }
  }
}

static void warnUnsafe(const Sum &sum, const Planner &planner,
                       const Plan &plan) {
  linalg::LinalgOp(sum.op).emitWarning()
      << "chain-length makes chains of " << plan.countTerms(sum)
      << " terms, whose sums may overflow 32 bits: a term is in "
      << sum.termRange.smin().getSExtValue() << " ... "
      << sum.termRange.smax().getSExtValue() << ", of which "
      << planner.getSafeLength()
      << (planner.getSafeLength() == 1 ? " is" : " are")
      << " safe; results and error bounds are no longer proven";
}

static remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-split-accumulators");
}

static void reportChains(const Sum &sum, const Plan &plan) {
  remark::passed(linalg::LinalgOp(sum.op).getLoc(), getRemarkOptions("Chains"))
      << "sums are taken in 32 bits, chain by chain"
      << remark::metric("Terms", plan.countTerms(sum));
}

static void reportNone(const Sum &sum, const Planner &planner) {
  remark::missed(linalg::LinalgOp(sum.op).getLoc(), getRemarkOptions("Wide"))
      << "sums stay in 64 bits"
      << remark::metric("TermMin", sum.termRange.smin().getSExtValue())
      << remark::metric("TermMax", sum.termRange.smax().getSExtValue())
      << remark::metric("SafeTerms", planner.getSafeLength());
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct Split {
  Sum sum;
  Plan plan;
};

struct SplitAccumulatorsPass
    : qfmt::impl::SplitAccumulatorsBase<SplitAccumulatorsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (chainLength == 1) {
      emitError(getOperation()->getLoc(),
                "chain-length is 1, which splits nothing; use 2 or more, or 0 "
                "for the longest safe chains");
      return signalPassFailure();
    }
    // Ranges are of the module as it was.
    ElementRanges ranges;
    ranges.computeAll(getOperation());
    std::vector<Split> splits;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (std::optional<Split> split = plan(op, ranges))
        splits.push_back(std::move(*split));
    });
    for (const Split &split : splits)
      rewrite(split);
  }

  std::optional<Split> plan(linalg::LinalgOp op, ElementRanges &ranges);
  void rewrite(const Split &split);
};
} // namespace

std::optional<Split> SplitAccumulatorsPass::plan(linalg::LinalgOp op,
                                                 ElementRanges &ranges) {
  std::optional<Sum> sum = matchSum(op, ranges);
  if (!sum)
    return std::nullopt;
  Planner planner(*sum, ranges, chainLength, minLength);
  std::optional<Plan> plan = planner.choose();
  // A term that needs more than 32 bits is in no chain.
  if (!plan || planner.getSafeLength() == 0) {
    reportNone(*sum, planner);
    return std::nullopt;
  }
  if (!planner.isSafe(*plan)) {
    warnUnsafe(*sum, planner, *plan);
    voidBounds(op->getResult(0));
  }
  reportChains(*sum, *plan);
  return Split{std::move(*sum), std::move(*plan)};
}

void SplitAccumulatorsPass::rewrite(const Split &split) {
  linalg::LinalgOp op = split.sum.op;
  OpBuilder builder(op);
  linalg::GenericOp result =
      ChainBuilder(builder, split.sum, split.plan).build();
  result->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  op->getResult(0).replaceAllUsesWith(result.getResult(0));
  op->erase();
}
