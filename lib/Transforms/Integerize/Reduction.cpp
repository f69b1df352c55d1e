// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Reduction.h"
#include "AccumulatorBound.h"
#include "ExpressionFacts.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/IR/ConstantData.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

static std::optional<Combiner> getCombiner(Operation *op) {
  if (isa<arith::AddFOp>(op))
    return Combiner::Add;
  if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op))
    return Combiner::Max;
  if (isa<arith::MinimumFOp, arith::MinNumFOp>(op))
    return Combiner::Min;
  return std::nullopt;
}

FailureOr<Reduction> mlir::qfmt::matchReduction(linalg::LinalgOp op,
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
// Summands
//===----------------------------------------------------------------------===//

/// The number of summands of one result.
int64_t ReductionCompiler::countReduced() {
  int64_t count = 1;
  for (auto [size, type] :
       llvm::zip(body.getLoopSizes(), op.getIteratorTypesArray()))
    if (type == utils::IteratorType::reduction)
      count *= size;
  return count;
}

/// `value` at a scale that does not vary along reduced loops, so that it can be
/// added up.
FailureOr<ScalarModel>
ReductionCompiler::dropReducedScales(const ScalarModel &value) {
  Table scale = value.scale;
  for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray()))
    if (type == utils::IteratorType::reduction)
      scale = scale.minAlong(loop);
  if (scale == value.scale)
    return value;
  return body.rescale(value, body.coarsen(value, scale));
}

/// What is added up or compared: what no accumulator holds loses low bits.
FailureOr<ScalarModel> ReductionCompiler::makeSummand(const ScalarModel &value,
                                                      Combiner combiner) {
  FailureOr<ScalarModel> summand = dropReducedScales(value);
  if (failed(summand) || combiner != Combiner::Add ||
      settings.accumulatorBits != 0)
    return summand;
  return body.narrow(*summand, 62 - llvm::Log2_64_Ceil(countReduced()));
}

/// A maximum of masked scores is masked, where all of them are.
FailureOr<std::optional<MaskFact>>
ReductionCompiler::reduceMask(const std::optional<MaskFact> &mask,
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

//===----------------------------------------------------------------------===//
// Initial values
//===----------------------------------------------------------------------===//

/// What a reduction starts from is integers, or a constant: finite, or the
/// infinity that a maximum or minimum loses at once.
static LogicalResult verifyStart(linalg::LinalgOp op, unsigned result,
                                 const TensorModel &init, Combiner combiner) {
  if (init.kind == TensorModel::Kind::Shape)
    return op.emitOpError() << "result #" << result
                            << " starts from a tensor without values; fill it";
  if (init.kind == TensorModel::Kind::Deferred)
    return op.emitOpError() << "result #" << result
                            << " starts from a function of codes, which has no "
                               "integer rule; quantize that first";
  if (init.kind != TensorModel::Kind::Constant)
    return success();
  for (double value : init.constant.getValues()) {
    bool isNeutral =
        std::isinf(value) && ((combiner == Combiner::Max && value < 0) ||
                              (combiner == Combiner::Min && value > 0));
    if (!std::isfinite(value) && !isNeutral)
      return op.emitOpError()
             << "starts a reduction from " << value << ", which has no integer";
  }
  return success();
}

/// The initial value of a reduction at the scale of its result, with elements
/// of `width` bits.
FailureOr<Value> ReductionCompiler::makeInitialValue(const TensorModel &init,
                                                     const TensorModel &result,
                                                     Combiner combiner,
                                                     unsigned width) {
  auto type = RankedTensorType::get(init.realType.getShape(),
                                    outer.getIntegerType(width));
  Location loc = op.getLoc();
  if (init.kind == TensorModel::Kind::Integer) {
    // An elementwise rescaling of its own.
    BodyBuilder rescaling(outer, loc, type.getShape(), settings);
    AffineMap identity = outer.getMultiDimIdentityMap(type.getRank());
    FailureOr<ScalarModel> value = rescaling.rescale(
        rescaling.load(init, identity, init.scale), result.scale);
    if (failed(value))
      return failure();
    rescaling.addOutput(tensor::EmptyOp::create(outer, loc, type.getShape(),
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
        if (combiner == Combiner::Max)
          return std::max(code, lo);
        if (combiner == Combiner::Min)
          return std::min(code, hi);
        return code;
      });
  codes = codes.simplified();
  if (std::optional<double> uniform = codes.getUniform()) {
    Value empty = tensor::EmptyOp::create(outer, loc, type.getShape(),
                                          type.getElementType());
    Value value = arith::ConstantOp::create(
        outer, loc,
        outer.getIntegerAttr(type.getElementType(),
                             static_cast<int64_t>(*uniform)));
    return linalg::FillOp::create(outer, loc, value, empty).getResult(0);
  }
  // A constant of the dimensions in which it varies, broadcast.
  auto smallType =
      RankedTensorType::get(codes.getSizes(), type.getElementType());
  SmallVector<int64_t> integers = llvm::map_to_vector(
      codes.getValues(), [](double v) { return static_cast<int64_t>(v); });
  Value small = arith::ConstantOp::create(
      outer, loc, makeIntegers(smallType, integers, "bias"));
  Value empty = tensor::EmptyOp::create(outer, loc, type.getShape(),
                                        type.getElementType());
  SmallVector<int64_t> added;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (!llvm::is_contained(codes.getDims(), static_cast<unsigned>(dim)))
      added.push_back(dim);
  return linalg::BroadcastOp::create(outer, loc, small, empty, added)
      ->getResult(0);
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

//===----------------------------------------------------------------------===//
// Accumulators
//===----------------------------------------------------------------------===//

static __int128 getLargest(const Table &table) {
  double magnitude =
      std::max(std::abs(table.getMin()), std::abs(table.getMax()));
  return static_cast<__int128>(std::min(magnitude, 0x1p100)) + 1;
}

/// The sums of `summand` and an initial value at `scale`, every partial sum
/// included. Fails if no width is enough. `summandInBody` is null if the
/// summand is not what the body adds up.
FailureOr<ReductionCompiler::Accumulator>
ReductionCompiler::accumulate(const ScalarModel &summand, Value summandInBody,
                              const TensorModel &init, const Table &scale) {
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
  unsigned width = 0;
  for (unsigned bits : {32u, 64u}) {
    if (settings.accumulatorBits != 0 && settings.accumulatorBits != bits)
      continue;
    width = bits;
    if (simple.fits(bits))
      return Accumulator{simple, width};
    if (summandInBody && !bound)
      bound = boundByConstantWeights(op, summandInBody, operands,
                                     body.getLoopSizes());
    if (bound && (IntegerRange{-*bound, *bound} + start).fits(bits))
      return Accumulator{IntegerRange{-*bound, *bound} + start, width};
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

/// The maximum or minimum of `summand` and an initial value. There
/// is a summand, so that a maximum is not below its range whatever it starts
/// from.
FailureOr<ReductionCompiler::Accumulator>
ReductionCompiler::compare(const ScalarModel &summand, const TensorModel &init,
                           const Table &scale, bool isMax) {
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
  // Signed, as the comparison is.
  for (unsigned width = 8; width <= 64; width *= 2)
    if (range.fits(width))
      return Accumulator{range, width};
  return op.emitOpError() << "starts from " << start
                          << " times the scale of what it compares, which "
                             "does not fit into 64 bits";
}

/// What is known of the whole sum, but not of parts of it: it starts from 0,
/// has all summands, and among the terms of a softmax there is a 1.
void ReductionCompiler::refineSum(const ScalarModel &summand,
                                  const TensorModel &init,
                                  TensorModel &result) {
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
  if (scale && attainsOne(summand.expression, reduced, body.getLoopSizes())) {
    // The integer of that 1 is off by its error.
    double one = 1 / *scale;
    auto least =
        static_cast<__int128>(std::floor(one - summand.error.getTotal(one)));
    whole.lo = std::max(whole.lo, summand.range.lo * (count - 1) + least);
  }
  result.range = {std::max(result.range.lo, whole.lo),
                  std::min(result.range.hi, whole.hi)};
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

FailureOr<ReducedResult> ReductionCompiler::compile(const Reduction &reduction,
                                                    unsigned index,
                                                    const ScalarModel &value) {
  Combiner combiner = reduction.combiner;
  FailureOr<ScalarModel> summand = makeSummand(value, combiner);
  if (failed(summand))
    return failure();
  OpOperand *operand = op.getDpsInitOperand(index);
  AffineMap map = op.getMatchingIndexingMap(operand);
  const TensorModel &init = operands[operand->getOperandNumber()];
  std::optional<Table> scale = toTensor(summand->scale, map);
  if (!scale)
    return op.emitOpError() << "result #" << index
                            << " has a scale that varies along a dimension "
                               "it does not have";
  if (failed(verifyStart(op, index, init, combiner)))
    return failure();
  bool isWhole = summand->value == value.value;
  FailureOr<Accumulator> accumulator =
      combiner == Combiner::Add
          ? accumulate(*summand, isWhole ? reduction.summand : Value(), init,
                       *scale)
          : compare(*summand, init, *scale, combiner == Combiner::Max);
  if (failed(accumulator))
    return failure();

  TensorModel result;
  result.kind = TensorModel::Kind::Integer;
  result.realType = init.realType;
  result.scale = *scale;
  result.range = accumulator->range;
  result.error =
      getReductionError(combiner, *summand, init, *scale, countReduced());
  FailureOr<std::optional<MaskFact>> mask = reduceMask(value.mask, combiner);
  if (failed(mask))
    return failure();
  result.mask = *mask;
  FailureOr<Value> start =
      makeInitialValue(init, result, combiner, accumulator->width);
  if (failed(start))
    return failure();
  if (isNeutral(init, combiner))
    result.expression = Expression::makeReduce(combiner, value.expression, map,
                                               body.getLoopSizes());
  if (combiner == Combiner::Add)
    refineSum(*summand, init, result);
  Value acc = body.addOutput(*start, map);
  Value yielded = createCombiner(combiner, body.getBuilder(), op.getLoc(), acc,
                                 body.cast(summand->value, accumulator->width));
  return ReducedResult{std::move(result), yielded};
}
