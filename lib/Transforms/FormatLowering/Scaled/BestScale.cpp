// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// scale_rule = mse (spec C24): the scale with the smallest squared error. The
// candidates are tried one after the other, so that no more memory is needed
// than one error and one scale a block.

#include "Emitter.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

/// Candidates are k/64 of the scale of absmax, from the first k to the last.
static constexpr int kFirstCandidate = 80, kLastCandidate = 16;

/// The errors of a block are added in so many partial sums.
static constexpr int64_t kPartialSums = 16;
/// Fewer are not worth a vector.
static constexpr int64_t kMinVectorSize = 4;

//===----------------------------------------------------------------------===//
// The error of one element
//===----------------------------------------------------------------------===//

/// Grid of the numbers 2^-e by which elements and scales are multiplied, so
/// that errors neither overflow nor vanish: e is the exponent field of max |x|
/// in the error's type, less its bias, at most the one before the last.
Value ScaledEmitter::emitErrorUnits(Value elements) const {
  FloatType type = getErrorType();
  auto getBias = [](FloatType type) {
    return (int64_t(1) << (type.getWidth() - type.getFPMantissaWidth() - 1)) -
           1;
  };
  auto getFraction = [](FloatType type) {
    return int64_t(type.getFPMantissaWidth() - 1);
  };
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value absMax = type.isF64() ? b.extend(values[0], type) : values[0];
    auto source = cast<FloatType>(absMax.getType());
    Type bits = b.getIntegerType(source.getWidth());
    Value field = b.apply<arith::ShRUIOp>(
        b.createOrFold<arith::BitcastOp>(bits, absMax), getFraction(source));
    if (source != type) {
      field = b.apply<arith::SubIOp>(field, getBias(source) - getBias(type));
      field = b.apply<arith::MaxSIOp>(field, 0);
    }
    Value inverse =
        b.apply<arith::SubIOp>(b.integer(bits, 2 * getBias(type)), field);
    inverse = b.apply<arith::ShLIOp>(b.apply<arith::MaxSIOp>(inverse, 1),
                                     getFraction(type));
    if (source != type)
      inverse = b.createOrFold<arith::TruncIOp>(
          b.getIntegerType(type.getWidth()), inverse);
    return b.createOrFold<arith::BitcastOp>(type, inverse);
  };
  return emitMap(builder, loc, emitAbsMax(elements), type, body);
}

/// (x * unit - (decode(code) - z) * (s * unit))^2, each operation rounded to
/// the type of `unit`; 0 unless x is finite.
Value ScaledEmitter::emitSquaredError(ScalarBuilder &b,
                                      const BlockParameters &parameters,
                                      const QuotientPlan &plan,
                                      const TensorEncodeModes &modes,
                                      Value element, Value s,
                                      Value unit) const {
  const BlockNumber &scale = parameters.scale;
  const BlockNumber &zeroPoint = parameters.zeroPoint;
  FloatType type = getErrorType();
  auto emitScaled = [&](Value real) {
    auto wide = real.getType().isF64() ? b.getF64Type() : type;
    Value product =
        b.apply<arith::MulFOp>(b.extend(real, wide), b.extend(unit, wide));
    return emitRoundTo(b, product, type);
  };
  Value quotient =
      emitElementQuotient(b, element, scale, s, plan, modes.division);
  Value decoded = emitRounded(b, quotient, getElementModes(modes),
                              readZeroPoint(b, zeroPoint, Value()));
  if (!zeroPoint.is(0))
    decoded = b.apply<arith::SubFOp>(
        decoded, zeroPoint.read(b, Value(), decoded.getType()));
  FloatType scaleType = scale.tensor ? type : b.getF64Type();
  Value step = emitScaled(scale.read(b, s, scaleType));
  decoded = b.apply<arith::MulFOp>(emitRoundTo(b, decoded, type), step);
  Value x = emitRead(b, element);
  Value difference = b.apply<arith::SubFOp>(emitScaled(x), decoded);
  Value square = b.apply<arith::MulFOp>(difference, difference);
  Value isFinite =
      b.compare(CmpFPredicate::OLT, b.createOrFold<math::AbsFOp>(x), INFINITY);
  return b.select(isFinite, square, b.constant(type, 0.0));
}

//===----------------------------------------------------------------------===//
// The error of a block
//===----------------------------------------------------------------------===//

/// The first half of the partial sums plus the second one.
static Value emitHalf(OpBuilder &builder, Location loc, Value sums) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, sums);
  auto type = cast<RankedTensorType>(sums.getType());
  int64_t half = type.getShape().back() / 2;
  sizes.back() = builder.getIndexAttr(half);
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), builder.getIndexAttr(1));
  Value first = tensor::ExtractSliceOp::create(builder, loc, sums, offsets,
                                               sizes, strides);
  offsets.back() = builder.getIndexAttr(half);
  Value second = tensor::ExtractSliceOp::create(builder, loc, sums, offsets,
                                                sizes, strides);
  return emitMap(builder, loc, {first, second}, type.getElementType(),
                 [](ScalarBuilder &b, ValueRange values) -> Value {
                   return b.apply<arith::AddFOp>(values[0], values[1]);
                 });
}

/// p_i + p_(i + 8), then p_i + p_(i + 4) and so on; what is missing is 0.
/// Halves are added as vectors while they are long enough for that. Without any
/// block there are none, and tensor.extract_slice refuses to begin in nothing.
static Value emitTree(OpBuilder &builder, Location loc, Value sums,
                      bool hasLanes) {
  if (!hasLanes)
    return sums;
  bool isEmpty =
      llvm::is_contained(cast<RankedTensorType>(sums.getType()).getShape(), 0);
  for (int64_t count = kPartialSums; !isEmpty && count > kMinVectorSize;
       count /= 2)
    if (cast<RankedTensorType>(sums.getType()).getShape().back() == count)
      sums = emitHalf(builder, loc, sums);
  auto type = cast<RankedTensorType>(sums.getType());
  int64_t count = type.getShape().back();
  unsigned rank = type.getRank() - 1;
  auto result = cast<FloatType>(type.getElementType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, sums);
  sizes.pop_back();
  Value init = tensor::EmptyOp::create(builder, loc, sizes, result);
  SmallVector<AffineMap> maps;
  for (int64_t i = 0; i < count; ++i) {
    AffineMap map = builder.getMultiDimIdentityMap(rank);
    maps.push_back(map.insertResult(builder.getAffineConstantExpr(i), rank));
  }
  maps.push_back(builder.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    SmallVector<Value> parts(args.drop_back());
    for (size_t half = kPartialSums / 2; half > 0; half /= 2)
      while (parts.size() > half) {
        Value last = parts.pop_back_val();
        Value &other = parts[parts.size() - half];
        other = arith::AddFOp::create(nested, loc, other, last);
      }
    linalg::YieldOp::create(nested, loc, parts.front());
  };
  SmallVector<Value> inputs(count, sums);
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs, init,
                                   maps, iterators, buildBody)
      .getResult(0);
}

/// Element j along the last dimension of a block belongs to partial sum j mod
/// kPartialSums.
ScaledEmitter::ErrorLoops ScaledEmitter::emitErrorLoops(Value elements) const {
  ErrorLoops sums{elements,           emitErrorUnits(elements),
                  /*hasLanes=*/false, loops.getGridMap(),
                  loops.getGridMap(), loops.getReductionIterators()};
  if (sums.iterators.empty() ||
      sums.iterators.back() == utils::IteratorType::parallel)
    return sums;
  auto type = cast<RankedTensorType>(elements.getType());
  SmallVector<int64_t> rows(type.getRank(), 1);
  rows.back() = kPartialSums;
  BlockLoops split(builder.getContext(), type.getShape(), rows);
  sums.elements = split.split(builder, loc, elements,
                              builder.getFloatAttr(type.getElementType(), NAN));
  unsigned numLoops = split.getNumLoops();
  sums.hasLanes = true;
  sums.gridMap = AffineMap::get(numLoops, 0, loops.getGridMap().getResults(),
                                builder.getContext());
  sums.sumMap = sums.gridMap.insertResult(
      builder.getAffineDimExpr(numLoops - 1), sums.gridMap.getNumResults());
  sums.iterators.resize(numLoops);
  sums.iterators.back() = utils::IteratorType::parallel;
  if (numLoops > unsigned(type.getRank()))
    sums.iterators[numLoops - 2] = utils::IteratorType::reduction;
  return sums;
}

FailureOr<SmallVector<Value>>
ScaledEmitter::emitSquaredErrors(ArrayRef<Trial> trials, const ErrorLoops &sums,
                                 const ExactRange &range,
                                 const TensorEncodeModes &modes) {
  ScaledEmitter &first = trials.front().emitter;
  OpBuilder &builder = first.builder;
  Location loc = first.loc;
  SmallVector<Value> inputs{sums.elements, sums.units};
  SmallVector<QuotientPlan> plans;
  for (const Trial &trial : trials) {
    FailureOr<QuotientPlan> plan =
        trial.emitter.planQuotient(trial.parameters.scale, range, modes);
    if (failed(plan))
      return failure();
    plans.push_back(*plan);
    if (trial.parameters.scale.tensor)
      inputs.push_back(trial.parameters.scale.tensor);
  }
  FloatType type = first.getErrorType();
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, sums.units);
  if (sums.hasLanes)
    sizes.push_back(tensor::getMixedSizes(builder, loc, sums.elements).back());
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, 0.0));
  Value zeros =
      linalg::FillOp::create(
          builder, loc, zero,
          tensor::EmptyOp::create(builder, loc, sizes, type).getResult())
          .getResult(0);
  SmallVector<Value> inits(trials.size(), zeros);
  SmallVector<AffineMap> maps(inputs.size(), sums.gridMap);
  maps.front() = builder.getMultiDimIdentityMap(sums.iterators.size());
  maps.append(trials.size(), sums.sumMap);
  auto buildBody = [&](OpBuilder &nested, Location loc, ValueRange args) {
    ScalarBuilder b(nested, loc);
    SmallVector<Value> results;
    unsigned nextScale = 2;
    for (auto [index, trial] : llvm::enumerate(trials)) {
      Value s = trial.parameters.scale.tensor ? args[nextScale++] : Value();
      Value square = trial.emitter.emitSquaredError(
          b, trial.parameters, plans[index], modes, args[0], s, args[1]);
      results.push_back(
          b.apply<arith::AddFOp>(args[inputs.size() + index], square));
    }
    linalg::YieldOp::create(b, results);
  };
  auto generic = linalg::GenericOp::create(
      builder, loc, SmallVector<Type>(trials.size(), zeros.getType()), inputs,
      inits, maps, sums.iterators, buildBody);
  SmallVector<Value> errors;
  for (Value sum : generic.getResults())
    errors.push_back(emitTree(builder, loc, sum, sums.hasLanes));
  return errors;
}

//===----------------------------------------------------------------------===//
// The best scale
//===----------------------------------------------------------------------===//

/// The ideal scales of the best candidates.
FailureOr<Value> ScaledEmitter::emitBestScales(Value elements,
                                               const ExactRange &range,
                                               const TensorEncodeModes &modes) {
  FloatType f64 = builder.getF64Type();
  double target = scaled.getNumberFormat().getScaleTarget();
  // That of k = 64, which stays if no error is finite.
  Value whole =
      emitMap(builder, loc, emitAbsMax(elements), f64,
              [&](ScalarBuilder &b, ValueRange values) {
                return b.apply<arith::DivFOp>(b.extend(values[0], f64),
                                              b.constant(f64, target));
              });
  FloatType errorType = getErrorType();
  Value noError = emitMap(builder, loc, whole, errorType,
                          [&](ScalarBuilder &b, ValueRange) -> Value {
                            return b.constant(errorType, INFINITY);
                          });
  auto makeIndex = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  ErrorLoops errorLoops = emitErrorLoops(elements);
  bool isValid = true;
  auto buildTrial = [&](OpBuilder &nested, Location loc, Value step,
                        ValueRange best) {
    ScaledEmitter trial(nested, loc, type, written);
    FailureOr<SmallVector<Value>> better =
        trial.emitTrial(errorLoops, range, modes, whole, step, best);
    isValid &= succeeded(better);
    scf::YieldOp::create(nested, loc,
                         succeeded(better) ? ValueRange(*better) : best);
  };
  auto loop =
      scf::ForOp::create(builder, loc, makeIndex(0),
                         makeIndex(kFirstCandidate - kLastCandidate + 1),
                         makeIndex(1), ValueRange{whole, noError}, buildTrial);
  if (!isValid)
    return failure();
  return loop.getResult(0);
}

/// One candidate: `best` are ideal scales and errors so far; those after it.
FailureOr<SmallVector<Value>>
ScaledEmitter::emitTrial(const ErrorLoops &sums, const ExactRange &range,
                         const TensorEncodeModes &modes, Value whole,
                         Value step, ValueRange best) {
  FloatType f64 = builder.getF64Type();
  ScalarBuilder scalar(builder, loc);
  Value k = scalar.createOrFold<arith::SIToFPOp>(
      f64, scalar.createOrFold<arith::IndexCastOp>(scalar.getI64Type(), step));
  Value factor = scalar.apply<arith::MulFOp>(
      scalar.apply<arith::SubFOp>(scalar.constant(f64, kFirstCandidate), k),
      scalar.constant(f64, 1.0 / 64));
  Value ideal = emitMap(builder, loc, whole, f64,
                        [&](ScalarBuilder &b, ValueRange values) {
                          return b.apply<arith::MulFOp>(values[0], factor);
                        });
  BlockParameters parameters{emitTrialScales(ideal),
                             BlockNumber::get(*scaled.getStaticZeroPoint())};
  FailureOr<SmallVector<Value>> errors =
      emitSquaredErrors({{*this, parameters}}, sums, range, modes);
  if (failed(errors))
    return failure();
  Value error = errors->front();
  auto emitBetter = [&](Value candidate, Value before) {
    return emitMap(builder, loc, {error, best[1], candidate, before},
                   getElementTypeOrSelf(before.getType()),
                   [](ScalarBuilder &b, ValueRange values) {
                     Value isBetter = b.createOrFold<arith::CmpFOp>(
                         CmpFPredicate::OLT, values[0], values[1]);
                     return b.select(isBetter, values[2], values[3]);
                   });
  };
  return SmallVector<Value>{emitBetter(ideal, best[0]),
                            emitBetter(error, best[1])};
}
