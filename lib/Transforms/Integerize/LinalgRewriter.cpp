// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites linalg operations to integers. An operation without reduction loops
// is its compiled body; in a reduction, acc = combine(acc, x), the accumulator
// takes the scale of x, to which the initial value is brought, and the range of
// all partial sums, which must fit.

#include "LinalgRewriter.h"
#include "AccumulatorBound.h"
#include "BodyRules.h"
#include "ExpressionFacts.h"
#include "LocalFunctions.h"
#include "Rules.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Tables of tensors and of loops
//===----------------------------------------------------------------------===//

TensorModel mlir::qfmt::makeConstantModel(RankedTensorType type,
                                          ArrayRef<double> values) {
  TensorModel model;
  model.kind = TensorModel::Kind::Constant;
  model.realType = type;
  auto dims = llvm::to_vector(
      llvm::seq<unsigned>(0, static_cast<unsigned>(type.getRank())));
  if (!values.empty() && llvm::all_equal(values))
    model.constant = Table(values.front());
  else
    model.constant =
        Table(dims, type.getShape(), {values.begin(), values.end()})
            .simplified();
  return model;
}

/// A table over a tensor's dimensions as one over the loops that index them;
/// none if a dimension in which it varies is not indexed by a loop alone.
static std::optional<Table> toLoops(const Table &table, AffineMap map) {
  Table simple = table.simplified();
  SmallVector<unsigned> loops(map.getNumResults(), 0);
  for (unsigned dim : simple.getDims()) {
    auto loop = dyn_cast<AffineDimExpr>(map.getResult(dim));
    if (!loop)
      return std::nullopt;
    loops[dim] = loop.getPosition();
  }
  return simple.renamed(loops);
}

/// A table over loops as one over the dimensions of the tensor that `map`
/// writes; none if it varies along a loop that does not index the tensor.
static std::optional<Table> toTensor(const Table &table, AffineMap map) {
  Table simple = table.simplified();
  SmallVector<unsigned> dims(map.getNumDims(), 0);
  for (unsigned loop : simple.getDims()) {
    std::optional<unsigned> position =
        map.getResultPosition(getAffineDimExpr(loop, map.getContext()));
    if (!position)
      return std::nullopt;
    dims[loop] = *position;
  }
  return simple.renamed(dims);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

namespace {
/// acc = combine(acc, x): how one result of a reduction comes about.
struct Reduction {
  Combiner combiner;
  Operation *op;
  /// x.
  Value summand;
};
} // namespace

static std::optional<Combiner> getCombiner(Operation *op) {
  if (isa<arith::AddFOp>(op))
    return Combiner::Add;
  if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op))
    return Combiner::Max;
  if (isa<arith::MinimumFOp, arith::MinNumFOp>(op))
    return Combiner::Min;
  return std::nullopt;
}

static FailureOr<Reduction> matchReduction(linalg::LinalgOp op,
                                           unsigned result) {
  Block *block = op.getBlock();
  Value acc = block->getArguments()[op.getNumDpsInputs() + result];
  Operation *last = block->getTerminator()->getOperand(result).getDefiningOp();
  std::optional<Combiner> combiner = last ? getCombiner(last) : std::nullopt;
  if (!combiner || !acc.hasOneUse() || !last->getResult(0).hasOneUse() ||
      *acc.user_begin() != last)
    return op.emitOpError()
           << "reduces in a way that has no integer rule; sums, maxima and "
              "minima have";
  Value summand =
      last->getOperand(0) == acc ? last->getOperand(1) : last->getOperand(0);
  return Reduction{*combiner, last, summand};
}

//===----------------------------------------------------------------------===//
// The rewriter
//===----------------------------------------------------------------------===//

namespace {
class LinalgRewriter {
public:
  LinalgRewriter(linalg::LinalgOp op, ArrayRef<TensorModel> operands,
                 OpBuilder &builder, const IntegerizeSettings &settings,
                 IntegerizeCounts &counts)
      : op(op), operands(operands), builder(builder), settings(settings),
        counts(counts), loopSizes(op.getStaticLoopRanges()),
        body(builder, op.getLoc(), loopSizes, settings) {}

  FailureOr<TensorModels> run();

private:
  AffineMap getMap(unsigned operand) {
    return op.getMatchingIndexingMap(&op->getOpOperand(operand));
  }
  bool isReduction() { return op.getNumReductionLoops() != 0; }

  LogicalResult readOperand(unsigned index);
  LogicalResult readCapturedConstants();
  LogicalResult keepLoopBounds(unsigned index);
  FailureOr<ScalarModel> dropReducedScales(const ScalarModel &value);
  FailureOr<Value> makeInitialValue(const TensorModel &init,
                                    const TensorModel &result,
                                    const Reduction &reduction, unsigned width);
  FailureOr<IntegerRange> getSumRange(const ScalarModel &summand,
                                      Value summandInBody,
                                      const TensorModel &init,
                                      const Table &scale, unsigned &width);
  void refineSum(const ScalarModel &summand, const TensorModel &init,
                 TensorModel &result);
  int64_t countReduced();
  FailureOr<IntegerRange> getExtremumRange(const ScalarModel &summand,
                                           const TensorModel &init,
                                           const Table &scale, bool isMax);
  FailureOr<std::optional<MaskFact>>
  reduceMask(const std::optional<MaskFact> &mask, Combiner combiner);
  LogicalResult reduce(unsigned result);
  LogicalResult yieldElement(unsigned result);

  linalg::LinalgOp op;
  ArrayRef<TensorModel> operands;
  OpBuilder &builder;
  const IntegerizeSettings &settings;
  IntegerizeCounts &counts;
  SmallVector<int64_t> loopSizes;
  BodyBuilder body;
  ScalarModels models;
  TensorModels results;
  /// Results that are computed, in order, and what is yielded for them.
  SmallVector<unsigned> computed;
  SmallVector<Value> yielded;
};
} // namespace

/// Makes the element of an operand available in the body.
LogicalResult LinalgRewriter::readOperand(unsigned index) {
  const TensorModel &operand = operands[index];
  Value element = op.getBlock()->getArgument(index);
  AffineMap map = getMap(index);
  if (operand.kind == TensorModel::Kind::Shape || element.use_empty())
    return keepLoopBounds(index);
  if (operand.kind == TensorModel::Kind::Deferred) {
    models[element] = ScalarModel::makeDeferred(
        substitute(operand.expression, getNormalIndices(map, loopSizes)));
    return keepLoopBounds(index);
  }
  bool isConstant = operand.kind == TensorModel::Kind::Constant;
  std::optional<Table> table =
      toLoops(isConstant ? operand.constant : operand.scale, map);
  if (!table)
    return op.emitOpError()
           << "operand #" << index
           << (isConstant ? " is a constant" : " has a scale")
           << " that varies along a dimension indexed by "
           << AffineMapAttr::get(map)
           << ", which has no integer rule; use one scale for the tensor";
  if (isConstant) {
    models[element] = ScalarModel::makeConstant(*table);
    if (!models[element].expression)
      models[element].expression =
          Expression::makeConstant(*table, op.getContext());
    return keepLoopBounds(index);
  }
  if (element.getType().isInteger(1)) {
    models[element] = ScalarModel::makePredicate(body.loadCode(operand, map));
    SmallVector<AffineExpr> indices = getNormalIndices(map, loopSizes);
    models[element].expression = substitute(operand.expression, indices);
    models[element].local = makeLocal(operand, indices);
    return success();
  }
  ScalarModel &model = models[element] = body.load(operand, map, *table);
  if (model.mask)
    model.mask->infinite =
        toLoops(model.mask->infinite, map).value_or(Table(0.0));
  return success();
}

/// An operand whose elements are not read may still say how far a reduction
/// loop runs, as the window of a pooling does.
LogicalResult LinalgRewriter::keepLoopBounds(unsigned index) {
  AffineMap map = getMap(index);
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  bool bounds = llvm::any_of(map.getResults(), [&](AffineExpr expr) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    return loop &&
           iterators[loop.getPosition()] == utils::IteratorType::reduction;
  });
  if (!bounds)
    return success();
  Value shape = tensor::EmptyOp::create(builder, op.getLoc(),
                                        operands[index].realType.getShape(),
                                        builder.getI8Type());
  body.addInput(shape, map);
  return success();
}

/// Scalar constants from outside of the body.
LogicalResult LinalgRewriter::readCapturedConstants() {
  for (Operation &inner : *op.getBlock()) {
    for (Value value : inner.getOperands()) {
      if (models.contains(value) || value.getParentBlock() == op.getBlock())
        continue;
      Attribute attr;
      std::optional<double> number;
      if (matchPattern(value, m_Constant(&attr))) {
        if (auto real = dyn_cast<FloatAttr>(attr))
          number = real.getValueAsDouble();
        else if (auto integer = dyn_cast<IntegerAttr>(attr))
          number = integer.getType().isInteger(1)
                       ? double(integer.getValue().getBoolValue())
                       : static_cast<double>(integer.getInt());
      }
      if (!number) {
        return inner.emitOpError() << "reads " << value
                                   << " from outside of the body, which is no "
                                      "constant: make it an operand";
      }
      models[value] = ScalarModel::makeConstant(Table(*number));
    }
  }
  return success();
}

/// `value` at a scale that does not vary along reduced loops, so that it can be
/// added up.
FailureOr<ScalarModel>
LinalgRewriter::dropReducedScales(const ScalarModel &value) {
  Table scale = value.scale;
  for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray()))
    if (type == utils::IteratorType::reduction)
      scale = scale.minAlong(loop);
  if (scale == value.scale)
    return value;
  return body.rescale(value, body.coarsen(value, scale));
}

/// The initial value of a reduction at the scale of its result, with elements
/// of `width` bits.
FailureOr<Value> LinalgRewriter::makeInitialValue(const TensorModel &init,
                                                  const TensorModel &result,
                                                  const Reduction &reduction,
                                                  unsigned width) {
  auto type = RankedTensorType::get(init.realType.getShape(),
                                    builder.getIntegerType(width));
  Location loc = op.getLoc();
  if (init.kind == TensorModel::Kind::Integer) {
    // An elementwise rescaling of its own.
    BodyBuilder rescaling(builder, loc, type.getShape(), settings);
    AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
    FailureOr<ScalarModel> value = rescaling.rescale(
        rescaling.load(init, identity, init.scale), result.scale);
    if (failed(value))
      return failure();
    rescaling.addOutput(tensor::EmptyOp::create(builder, loc, type.getShape(),
                                                type.getElementType()),
                        identity);
    counts.rescales += rescaling.getNumRescales();
    return rescaling
        .finish(SmallVector<utils::IteratorType>(type.getRank(),
                                                 utils::IteratorType::parallel),
                rescaling.cast(value->value, width))
        .getResult(0);
  }
  // -infinity for max and infinity for min: an end of the range does the same.
  Table codes = Table::combine(
      init.constant, result.scale, [&](double constant, double scale) {
        double code = std::nearbyint(constant / scale);
        double lo = static_cast<double>(result.range.lo);
        double hi = static_cast<double>(result.range.hi);
        if (reduction.combiner == Combiner::Max)
          return std::max(code, lo);
        if (reduction.combiner == Combiner::Min)
          return std::min(code, hi);
        return code;
      });
  codes = codes.simplified();
  if (std::optional<double> uniform = codes.getUniform()) {
    Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(),
                                          type.getElementType());
    Value value = arith::ConstantOp::create(
        builder, loc,
        builder.getIntegerAttr(type.getElementType(),
                               static_cast<int64_t>(*uniform)));
    return linalg::FillOp::create(builder, loc, value, empty).getResult(0);
  }
  // A constant of the dimensions in which it varies, broadcast.
  auto smallType =
      RankedTensorType::get(codes.getSizes(), type.getElementType());
  SmallVector<int64_t> integers = llvm::map_to_vector(
      codes.getValues(), [](double v) { return static_cast<int64_t>(v); });
  Value small = arith::ConstantOp::create(
      builder, loc, makeIntegers(smallType, integers, "bias"));
  Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(),
                                        type.getElementType());
  SmallVector<int64_t> added;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (!llvm::is_contained(codes.getDims(), static_cast<unsigned>(dim)))
      added.push_back(dim);
  return linalg::BroadcastOp::create(builder, loc, small, empty, added)
      ->getResult(0);
}

static __int128 getLargest(const Table &table) {
  double magnitude =
      std::max(std::abs(table.getMin()), std::abs(table.getMax()));
  return static_cast<__int128>(std::min(magnitude, 0x1p100)) + 1;
}

/// The number of summands of one result.
int64_t LinalgRewriter::countReduced() {
  int64_t count = 1;
  for (auto [size, type] : llvm::zip(loopSizes, op.getIteratorTypesArray()))
    if (type == utils::IteratorType::reduction)
      count *= size;
  return count;
}

/// The range of the sums of `summand` and an initial value at `scale`, every
/// partial sum included, and the width of the accumulator. Fails if there is
/// none. `summandInBody` is null if the summand is not what the body adds up.
FailureOr<IntegerRange> LinalgRewriter::getSumRange(const ScalarModel &summand,
                                                    Value summandInBody,
                                                    const TensorModel &init,
                                                    const Table &scale,
                                                    unsigned &width) {
  __int128 initial =
      init.kind == TensorModel::Kind::Constant
          ? getLargest(init.constant / scale)
          : getLargest((init.scale / scale).map([&](double ratio) {
              return ratio * static_cast<double>(init.range.getMaxMagnitude());
            }));
  int64_t count = countReduced();
  IntegerRange start = {-initial, initial};
  IntegerRange simple = summand.range.accumulated(count) + start;
  // The weights say nothing of a product that was rescaled.
  std::optional<__int128> bound;
  for (unsigned bits : {32u, 64u}) {
    if (settings.accumulatorBits != 0 && settings.accumulatorBits != bits)
      continue;
    width = bits;
    if (simple.fits(bits))
      return simple;
    if (summandInBody && !bound)
      bound = boundByConstantWeights(op, summandInBody, operands, loopSizes);
    if (bound && (IntegerRange{-*bound, *bound} + start).fits(bits))
      return IntegerRange{-*bound, *bound} + start;
  }
  IntegerRange range = bound ? IntegerRange{-*bound, *bound} + start : simple;
  return op.emitOpError() << "accumulator may overflow: " << count
                          << " summands and an initial value need "
                          << range.getSignedBits()
                          << " bits, accumulators have " << width
                          << "; use narrower weights or activations"
                          << (settings.accumulatorBits == 32
                                  ? ", or accumulator-bits=64"
                                  : "");
}

/// What is known of the whole sum, but not of parts of it: it starts from 0,
/// has all summands, and among the terms of a softmax there is a 1.
void LinalgRewriter::refineSum(const ScalarModel &summand,
                               const TensorModel &init, TensorModel &result) {
  if (init.kind != TensorModel::Kind::Constant ||
      init.constant.getUniform() != 0.0)
    return;
  int64_t count = countReduced();
  IntegerRange whole = {summand.range.lo * count, summand.range.hi * count};
  SmallVector<unsigned> reduced;
  for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray()))
    if (type == utils::IteratorType::reduction)
      reduced.push_back(loop);
  std::optional<double> scale = summand.scale.getUniform();
  if (scale && attainsOne(summand.expression, reduced, loopSizes)) {
    // The integer of that 1 is off by its error.
    double one = 1 / *scale;
    auto least =
        static_cast<__int128>(std::floor(one - summand.error.getTotal(one)));
    whole.lo = std::max(whole.lo, summand.range.lo * (count - 1) + least);
  }
  result.range = {std::max(result.range.lo, whole.lo),
                  std::min(result.range.hi, whole.hi)};
}

/// The constant a reduction starts from: finite, or the infinity that a maximum
/// or minimum loses at once.
static LogicalResult verifyStart(linalg::LinalgOp op, const Table &start,
                                 Combiner combiner) {
  for (double value : start.getValues()) {
    bool isNeutral =
        std::isinf(value) && ((combiner == Combiner::Max && value < 0) ||
                              (combiner == Combiner::Min && value > 0));
    if (!std::isfinite(value) && !isNeutral)
      return op.emitOpError()
             << "starts a reduction from " << value << ", which has no integer";
  }
  return success();
}

/// The range of the maximum or minimum of `summand` and an initial value. There
/// is a summand, so that a maximum is not below its range whatever it starts
/// from.
FailureOr<IntegerRange>
LinalgRewriter::getExtremumRange(const ScalarModel &summand,
                                 const TensorModel &init, const Table &scale,
                                 bool isMax) {
  if (init.kind == TensorModel::Kind::Integer)
    return op.emitOpError()
           << "a maximum or minimum starts from a value that is no constant, "
              "which has no integer rule";
  Table code = init.constant / scale;
  double start = isMax ? std::ceil(code.getMax()) : std::floor(code.getMin());
  // Infinities, which are on the side that does not matter, and what no
  // accumulator holds become 2^100.
  auto bound = static_cast<__int128>(std::clamp(start, -0x1p100, 0x1p100));
  IntegerRange range = summand.range;
  (isMax ? range.hi : range.lo) =
      isMax ? std::max(range.hi, bound) : std::min(range.lo, bound);
  if (range.fits(64))
    return range;
  return op.emitOpError() << "starts from " << start
                          << " times the scale of what it compares, which "
                             "does not fit into 64 bits";
}

/// acc = combine(acc, value).
static Value createCombiner(Combiner combiner, OpBuilder &builder, Location loc,
                            Value acc, Value value) {
  switch (combiner) {
  case Combiner::Add:
    return arith::AddIOp::create(builder, loc, acc, value);
  case Combiner::Max:
    return arith::MaxSIOp::create(builder, loc, acc, value);
  case Combiner::Min:
    return arith::MinSIOp::create(builder, loc, acc, value);
  }
  return nullptr;
}

/// True if a reduction that starts from `init` is that of its summands alone.
static bool isNeutral(const TensorModel &init, Combiner combiner) {
  if (init.kind != TensorModel::Kind::Constant)
    return false;
  switch (combiner) {
  case Combiner::Add:
    return init.constant.getUniform() == 0.0;
  case Combiner::Max:
    return init.constant.getMax() <= std::numeric_limits<float>::lowest();
  case Combiner::Min:
    return init.constant.getMin() >= std::numeric_limits<float>::max();
  }
  return false;
}

/// The error of the reduction of `count` values like `summand` and `init`,
/// which is at `scale`.
static ErrorBound getReductionError(Combiner combiner,
                                    const ScalarModel &summand,
                                    const TensorModel &init, const Table &scale,
                                    int64_t count) {
  ErrorBound error = summand.error;
  double start = 0;
  if (init.kind == TensorModel::Kind::Constant) {
    // Rounded to the nearest unit, unless it is one.
    bool whole = (init.constant / scale).all([](double code) {
      return code == std::nearbyint(code) || std::isinf(code);
    });
    start = whole ? 0 : 0.5;
  } else {
    Table ratio = init.scale / scale;
    start = init.error.getTotal(init.getMagnitude()) * ratio.getMax();
    if (ratio.getUniform() != 1.0)
      start += 0.5 + init.getMagnitude() * ratio.getMax() * 0x1p-31;
  }
  if (combiner != Combiner::Add)
    return {std::max(error.absolute, start), error.relative};
  bool sameSign = summand.range.lo >= 0 &&
                  init.kind == TensorModel::Kind::Constant && start == 0;
  if (!sameSign)
    error = error.toAbsolute(summand.getMagnitude());
  auto terms = static_cast<double>(count);
  error.absolute = error.absolute * terms + start;
  if (error.norm)
    error.norm->absolute = error.norm->absolute * terms + start;
  return error;
}

/// A maximum of masked scores is masked, where all of them are.
FailureOr<std::optional<MaskFact>>
LinalgRewriter::reduceMask(const std::optional<MaskFact> &mask,
                           Combiner combiner) {
  if (!mask)
    return std::optional<MaskFact>();
  if (combiner != Combiner::Max)
    return op.emitOpError() << "reduces scores to which a mask was added; only "
                               "their maximum has "
                               "an integer rule";
  Table infinite = mask->infinite;
  for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray()))
    if (type == utils::IteratorType::reduction)
      infinite = infinite.minAlong(loop);
  if (infinite.getMax() != 0)
    return op.emitOpError()
           << "takes the maximum of a row that is masked altogether by minus "
              "infinity, which is NaN after softmax; leave one element of the "
              "row unmasked, or use a finite mask such as -3.4e38";
  return std::optional(MaskFact{mask->distance, Table(0.0)});
}

LogicalResult LinalgRewriter::reduce(unsigned index) {
  FailureOr<Reduction> reduction = matchReduction(op, index);
  if (failed(reduction))
    return failure();
  auto it = models.find(reduction->summand);
  if (it != models.end() && it->second.isDeferred()) {
    FailureOr<ScalarModel> integer = materialize(body, it->second.expression);
    if (failed(integer))
      return failure();
    it->second = *integer;
  }
  if (it == models.end() || !it->second.isInteger())
    return op.emitOpError()
           << "reduces "
           << (it == models.end()         ? "a value"
               : it->second.isPredicate() ? "a truth value"
                                          : "a constant of floats")
           << ", which has no integers; quantize it, or evaluate the "
              "reduction at compile time";
  FailureOr<ScalarModel> summand = dropReducedScales(it->second);
  if (failed(summand))
    return failure();

  // What no accumulator holds loses low bits.
  Combiner combiner = reduction->combiner;
  unsigned room = 62 - llvm::Log2_64_Ceil(countReduced());
  if (combiner == Combiner::Add && settings.accumulatorBits == 0)
    summand = body.narrow(*summand, room);
  if (failed(summand))
    return failure();

  unsigned operand = op.getNumDpsInputs() + index;
  AffineMap map = getMap(operand);
  const TensorModel &init = operands[operand];
  std::optional<Table> scale = toTensor(summand->scale, map);
  if (!scale)
    return op.emitOpError() << "result #" << index
                            << " has a scale that varies along a dimension "
                               "it does not have";
  if (init.kind == TensorModel::Kind::Shape)
    return op.emitOpError() << "result #" << index
                            << " starts from a tensor without values; fill it";
  if (init.kind == TensorModel::Kind::Deferred)
    return op.emitOpError() << "result #" << index
                            << " starts from a function of codes, which has no "
                               "integer rule; quantize that first";
  if (init.kind == TensorModel::Kind::Constant &&
      failed(verifyStart(op, init.constant, combiner)))
    return failure();
  // Accumulators are signed: their comparison and addition is.
  unsigned width = 8;
  FailureOr<IntegerRange> range =
      combiner == Combiner::Add
          ? getSumRange(*summand,
                        summand->value == it->second.value ? reduction->summand
                                                           : Value(),
                        init, *scale, width)
          : getExtremumRange(*summand, init, *scale, combiner == Combiner::Max);
  if (failed(range))
    return failure();
  if (combiner != Combiner::Add)
    while (width < 64 && !range->fits(width))
      width *= 2;

  TensorModel result;
  result.kind = TensorModel::Kind::Integer;
  result.realType = init.realType;
  result.scale = *scale;
  result.range = *range;
  result.error =
      getReductionError(combiner, *summand, init, *scale, countReduced());
  FailureOr<std::optional<MaskFact>> mask =
      reduceMask(it->second.mask, combiner);
  if (failed(mask))
    return failure();
  result.mask = *mask;
  FailureOr<Value> start = makeInitialValue(init, result, *reduction, width);
  if (failed(start))
    return failure();
  if (isNeutral(init, combiner))
    result.expression =
        Expression::makeReduce(combiner, it->second.expression, map, loopSizes);
  if (combiner == Combiner::Add)
    refineSum(*summand, init, result);
  Value acc = body.addOutput(*start, map);
  computed.push_back(results.size());
  yielded.push_back(createCombiner(combiner, body.getBuilder(), op.getLoc(),
                                   acc, body.cast(summand->value, width)));
  results.push_back(std::move(result));
  return success();
}

/// A result of an operation without reduction loops.
LogicalResult LinalgRewriter::yieldElement(unsigned index) {
  Value source = op.getBlock()->getTerminator()->getOperand(index);
  AffineMap map = getMap(op.getNumDpsInputs() + index);
  TensorModel result;
  result.realType = cast<RankedTensorType>(op->getResult(index).getType());
  auto it = models.find(source);
  if (it == models.end() ||
      (it->second.isPredicate() && !it->second.error.isExact()))
    return op.emitOpError() << "yields a value without an integer "
                               "representation";
  const ScalarModel &model = it->second;
  result.expression =
      substitute(model.expression, getLoopReplacements(map, loopSizes));
  if (model.isDeferred()) {
    result.kind = TensorModel::Kind::Deferred;
    results.push_back(result);
    return success();
  }
  std::optional<Table> table =
      toTensor(model.isConstant() ? model.constant : model.scale, map);
  if (!table)
    return op.emitOpError() << "result #" << index
                            << " has a scale that varies along a dimension "
                               "it does not have";
  if (model.isConstant()) {
    result.kind = TensorModel::Kind::Constant;
    result.constant = *table;
    results.push_back(result);
    return success();
  }
  StorageKind storage =
      model.isPredicate() ? StorageKind{1, true} : chooseStorage(model.range);
  result.kind = TensorModel::Kind::Integer;
  result.scale = *table;
  result.range = model.isPredicate() ? IntegerRange{0, 1} : model.range;
  result.error = model.error;
  result.mask = model.mask;
  if (result.mask)
    result.mask->infinite =
        toTensor(result.mask->infinite, map).value_or(Table(0.0));
  if (isOverTensor(model.local))
    result.local = substitute(model.local, getLoopReplacements(map, loopSizes));
  result.isUnsigned = storage.isUnsigned;
  Value empty =
      tensor::EmptyOp::create(builder, op.getLoc(), result.realType.getShape(),
                              builder.getIntegerType(storage.width));
  body.addOutput(empty, map);
  computed.push_back(results.size());
  yielded.push_back(body.cast(model.value, storage.width));
  results.push_back(result);
  return success();
}

FailureOr<TensorModels> LinalgRewriter::run() {
  if (llvm::any_of(loopSizes, ShapedType::isDynamic))
    return op.emitOpError()
           << "has dynamic sizes, which integerization does not support yet: "
              "fix them when importing the network";
  if (failed(readCapturedConstants()))
    return failure();
  for (unsigned i = 0, e = op.getNumDpsInputs(); i < e; ++i)
    if (failed(readOperand(i)))
      return failure();

  llvm::SmallDenseSet<Operation *> combiners;
  for (unsigned i = 0, e = op.getNumDpsInits(); i < e; ++i) {
    if (isReduction()) {
      FailureOr<Reduction> reduction = matchReduction(op, i);
      if (failed(reduction))
        return failure();
      combiners.insert(reduction->op);
    } else if (!op.getBlock()
                    ->getArgument(op.getNumDpsInputs() + i)
                    .use_empty() &&
               failed(readOperand(op.getNumDpsInputs() + i))) {
      return failure();
    }
  }
  for (Operation &inner : op.getBlock()->without_terminator())
    if (!combiners.contains(&inner) &&
        failed(compileScalarOp(&inner, body, models)))
      return failure();
  for (unsigned i = 0, e = op.getNumDpsInits(); i < e; ++i)
    if (failed(isReduction() ? reduce(i) : yieldElement(i)))
      return failure();

  // Constants were evaluated, functions of codes wait; what is left to compute
  // is in the body.
  if (!yielded.empty()) {
    linalg::GenericOp generic =
        body.finish(op.getIteratorTypesArray(), yielded);
    for (auto [index, value] : llvm::zip(computed, generic.getResults()))
      results[index].payload = results[index].localOf = value;
    ++counts.rewritten;
    counts.rescales += body.getNumRescales();
  }
  return results;
}

FailureOr<TensorModels> mlir::qfmt::rewriteLinalgOp(
    linalg::LinalgOp op, ArrayRef<TensorModel> operands, OpBuilder &builder,
    const IntegerizeSettings &settings, IntegerizeCounts &counts) {
  return LinalgRewriter(op, operands, builder, settings, counts).run();
}
