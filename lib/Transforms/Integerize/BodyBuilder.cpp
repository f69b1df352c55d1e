// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BodyBuilder.h"
#include "LocalFunctions.h"
#include "Requantization.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/Support/Dyadic.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

BodyBuilder::BodyBuilder(OpBuilder &outer, Location loc,
                         ArrayRef<int64_t> loopSizes,
                         const IntegerizeSettings &settings)
    : outer(outer), loc(loc), loopSizes(loopSizes), settings(settings),
      block(new Block), inner(outer.getContext()) {
  inner.setInsertionPointToEnd(block);
}

BodyBuilder::~BodyBuilder() {
  if (block)
    delete block;
}

InFlightDiagnostic BodyBuilder::emitError() const {
  // Bodies of named operations are as old as the operation.
  if (!scalarOp || scalarOp->getLoc() == loc ||
      isa<UnknownLoc>(scalarOp->getLoc()))
    return mlir::emitError(loc);
  InFlightDiagnostic diagnostic = mlir::emitError(scalarOp->getLoc());
  diagnostic.attachNote(loc) << "in the body of this operation";
  return diagnostic;
}

InFlightDiagnostic BodyBuilder::emitOpError() const {
  InFlightDiagnostic diagnostic = emitError();
  if (scalarOp)
    diagnostic << "'" << scalarOp->getName() << "': ";
  return diagnostic;
}

static Type getElementType(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

Value BodyBuilder::addInput(Value tensor, AffineMap map) {
  // Block arguments are the inputs' elements, then the outputs'.
  BlockArgument element =
      block->insertArgument(inputs.size(), getElementType(tensor), loc);
  inputs.push_back(tensor);
  inputMaps.push_back(map);
  return element;
}

Value BodyBuilder::addOutput(Value tensor, AffineMap map) {
  outputs.push_back(tensor);
  outputMaps.push_back(map);
  return block->addArgument(getElementType(tensor), loc);
}

/// Operations without readers go, then inputs, as long as the other operands
/// still say how far each loop runs.
void BodyBuilder::eraseUnused() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
    if (isOpTriviallyDead(&op))
      op.erase();
  for (unsigned i = inputs.size(); i-- > 0;) {
    if (!block->getArgument(i).use_empty())
      continue;
    SmallVector<AffineMap> maps = outputMaps;
    llvm::append_range(maps, inputMaps);
    maps.erase(maps.begin() + outputMaps.size() + i);
    if (maps.empty() ||
        !inversePermutation(concatAffineMaps(maps, inner.getContext())))
      continue;
    block->eraseArgument(i);
    inputs.erase(inputs.begin() + i);
    inputMaps.erase(inputMaps.begin() + i);
  }
}

linalg::GenericOp BodyBuilder::finish(ArrayRef<utils::IteratorType> iterators,
                                      ValueRange yielded) {
  linalg::YieldOp::create(inner, loc, yielded);
  eraseUnused();
  SmallVector<AffineMap> maps = inputMaps;
  llvm::append_range(maps, outputMaps);
  SmallVector<Type> types = llvm::map_to_vector(
      outputs, [](Value output) { return output.getType(); });
  auto generic = linalg::GenericOp::create(outer, loc, types, inputs, outputs,
                                           maps, iterators);
  generic.getRegion().push_back(block);
  block = nullptr;
  return generic;
}

Value BodyBuilder::loadCode(const TensorModel &tensor, AffineMap map) {
  Value &code = codes[{tensor.payload, map}];
  if (!code)
    code = addInput(tensor.payload, map);
  return code;
}

ScalarModel BodyBuilder::load(const TensorModel &tensor, AffineMap map,
                              Table scaleOverLoops) {
  Value code = loadCode(tensor, map);
  Value &element = elements[{tensor.payload, map}];
  if (!element) {
    element = code;
    // Room for the subtraction of the zero point.
    if (tensor.isUnsigned)
      element = arith::ExtUIOp::create(inner, loc, inner.getI32Type(), element);
    else if (tensor.zeroPoint != 0)
      element = cast(element, 32);
    if (tensor.zeroPoint != 0)
      element = arith::SubIOp::create(inner, loc, element,
                                      constant(tensor.zeroPoint, 32));
  }
  loads.try_emplace(element, Load{tensor, map});
  ScalarModel model = ScalarModel::makeInteger(
      element, std::move(scaleOverLoops), tensor.range, tensor.error);
  model.mask = tensor.mask;
  SmallVector<AffineExpr> indices = getNormalIndices(map, loopSizes);
  model.expression = substitute(tensor.expression, indices);
  model.local = makeLocal(tensor, indices);
  return model;
}

FailureOr<ScalarModel> BodyBuilder::computeOnce(
    const ScalarModel &value,
    llvm::function_ref<FailureOr<ScalarModel>(BodyBuilder &,
                                              const ScalarModel &)>
        compute) {
  auto it = loads.find(value.value);
  if (it == loads.end() || !value.scale.getUniform())
    return compute(*this, value);
  Load load = it->second;
  int64_t count = 1;
  for (int64_t size : loopSizes)
    count *= size;
  if (load.tensor.realType.getNumElements() >= count)
    return compute(*this, value);

  ArrayRef<int64_t> shape = load.tensor.realType.getShape();
  BodyBuilder body(outer, loc, shape, settings);
  body.setScalarOp(scalarOp);
  AffineMap identity = inner.getMultiDimIdentityMap(shape.size());
  FailureOr<ScalarModel> computed =
      compute(body, body.load(load.tensor, identity, load.tensor.scale));
  if (failed(computed))
    return failure();
  TensorModel result;
  result.kind = TensorModel::Kind::Integer;
  result.realType = load.tensor.realType;
  result.scale = computed->scale;
  result.range = computed->range;
  result.error = computed->error;
  result.expression = computed->expression;
  StorageKind storage = chooseStorage(result.range);
  result.isUnsigned = storage.isUnsigned;
  body.addOutput(tensor::EmptyOp::create(outer, loc, shape,
                                         inner.getIntegerType(storage.width)),
                 identity);
  Value code = body.cast(computed->value, storage.width);
  SmallVector<utils::IteratorType> iterators(shape.size(),
                                             utils::IteratorType::parallel);
  result.payload = body.finish(iterators, code).getResult(0);
  numRescales += body.getNumRescales();
  return this->load(result, load.map, result.scale);
}

Value BodyBuilder::constant(int64_t value, unsigned width) {
  return arith::ConstantOp::create(
      inner, loc, inner.getIntegerAttr(inner.getIntegerType(width), value));
}

Value BodyBuilder::materialize(const Table &table, unsigned width) {
  Table simple = table.simplified();
  if (std::optional<double> value = simple.getUniform())
    return constant(static_cast<int64_t>(*value), width);

  auto type =
      RankedTensorType::get(simple.getSizes(), inner.getIntegerType(width));
  SmallVector<APInt> values =
      llvm::map_to_vector(simple.getValues(), [&](double value) {
        return APInt(width, static_cast<int64_t>(value), /*isSigned=*/true);
      });
  Value tensor = arith::ConstantOp::create(
      outer, loc, type, DenseElementsAttr::get(type, values));
  SmallVector<AffineExpr> exprs =
      llvm::map_to_vector(simple.getDims(), [&](unsigned dim) {
        return inner.getAffineDimExpr(dim);
      });
  return addInput(
      tensor, AffineMap::get(loopSizes.size(), 0, exprs, inner.getContext()));
}

Value BodyBuilder::cast(Value value, unsigned width) {
  unsigned found = value.getType().getIntOrFloatBitWidth();
  Type type = inner.getIntegerType(width);
  if (found < width)
    return arith::ExtSIOp::create(inner, loc, type, value);
  if (found > width)
    return arith::TruncIOp::create(inner, loc, type, value);
  return value;
}

std::optional<unsigned>
BodyBuilder::chooseWidth(const IntegerRange &range) const {
  if (range.fits(32))
    return 32;
  if (range.fits(64))
    return 64;
  return std::nullopt;
}

/// j if the ratio is 2^j with 0 <= j < 31 everywhere.
static std::optional<unsigned> getExactShift(const Table &ratio) {
  std::optional<double> uniform = ratio.getUniform();
  if (!uniform || *uniform < 1)
    return std::nullopt;
  int exponent;
  if (std::frexp(*uniform, &exponent) != 0.5 || exponent > 31)
    return std::nullopt;
  return exponent - 1;
}

/// Ranges end here: far beyond every accumulator, far below what __int128
/// holds.
static constexpr __int128 kLargestBound = __int128(1) << 100;

/// A whole number as the end of a range.
static __int128 toBound(double value) {
  return static_cast<__int128>(std::clamp(value, -0x1p100, 0x1p100));
}

/// `range` after multiplication with ratios between min and max and rounding
/// to the nearest integer. A dyadic ratio is off by less than 2^-30; rounding
/// is monotone, so that a value keeps its sign or becomes 0.
static IntegerRange scaleRange(const IntegerRange &range, double min,
                               double max) {
  auto scaleBound = [&](__int128 bound, bool isUpper) -> __int128 {
    if (bound == 0)
      return 0;
    double value = static_cast<double>(bound);
    bool outwards = isUpper == (bound >= 0);
    double ratio = outwards ? max * (1 + 0x1p-30) : min * (1 - 0x1p-30);
    double scaled = value * ratio;
    if (isUpper)
      return std::min(toBound(std::ceil(scaled + 0.5)),
                      bound <= 0 ? 0 : kLargestBound);
    return std::max(toBound(std::floor(scaled - 0.5)),
                    bound >= 0 ? 0 : -kLargestBound);
  };
  return {scaleBound(range.lo, false), scaleBound(range.hi, true)};
}

FailureOr<ScalarModel> BodyBuilder::shiftRight(const ScalarModel &value,
                                               unsigned shift) {
  __int128 half = __int128(1) << (shift - 1);
  IntegerRange sum = value.range + IntegerRange{half, half};
  if (!sum.fits(64))
    return emitOpError() << "a value of " << value.range.getSignedBits()
                         << " bits is to be rescaled; use narrower weights or "
                            "activations";
  Value wide = arith::AddIOp::create(inner, loc, cast(value.value, 64),
                                     constant(int64_t(1) << (shift - 1), 64));
  Value result = arith::ShRSIOp::create(inner, loc, wide, constant(shift, 64));
  auto coarser = [&](double scale) { return std::ldexp(scale, shift); };
  return ScalarModel::makeInteger(
      result, value.scale.map(coarser), {sum.lo >> shift, sum.hi >> shift},
      value.error.rescaled(std::ldexp(1.0, -int(shift))).plus(0.5));
}

FailureOr<ScalarModel> BodyBuilder::narrow(const ScalarModel &value,
                                           unsigned bits) {
  if (value.range.fits(bits))
    return value;
  unsigned shift = value.range.getSignedBits() - bits;
  // Rounding up may carry into one more bit.
  __int128 half = __int128(1) << (shift - 1);
  if (!IntegerRange{value.range.lo >> shift, (value.range.hi + half) >> shift}
           .fits(bits))
    ++shift;
  return shiftRight(value, shift);
}

FailureOr<ScalarModel> BodyBuilder::makeUniform(const ScalarModel &value) {
  if (value.scale.getUniform())
    return value;
  return rescale(value, coarsen(value, Table(value.scale.getMin())));
}

Table BodyBuilder::coarsen(const ScalarModel &value, const Table &scale) {
  unsigned bits = value.range.getSignedBits();
  int excess = bits > 32 ? static_cast<int>(bits - 32) : 0;
  return scale.map([&](double s) { return std::ldexp(s, excess); });
}

Value BodyBuilder::lookup(Value index, ArrayRef<int64_t> entries,
                          unsigned width) {
  Type element = inner.getIntegerType(width);
  SmallVector<APInt> values = llvm::map_to_vector(entries, [&](int64_t entry) {
    return APInt(width, entry, /*isSigned=*/true);
  });
  auto type =
      RankedTensorType::get(static_cast<int64_t>(entries.size()), element);
  return LookupOp::create(inner, loc, element, index,
                          DenseElementsAttr::get(type, values));
}

/// True if the ratio is one whole number below 2^31.
static bool isWhole(const Table &ratio) {
  std::optional<double> uniform = ratio.getUniform();
  if (!uniform || *uniform < 1)
    return false;
  // A quotient of two scales is rounded: 1e-15 is no rounding of a scale.
  return *uniform < 0x1p31 &&
         std::abs(*uniform - std::nearbyint(*uniform)) <= 1e-14 * *uniform;
}

FailureOr<ScalarModel> BodyBuilder::rescale(const ScalarModel &value,
                                            const Table &scale,
                                            RoundingMode rounding,
                                            Compat compat) {
  Table ratio = getRatio(compat, value.scale, scale);
  if (std::optional<unsigned> shift = getExactShift(ratio)) {
    __int128 factor = __int128(1) << *shift;
    IntegerRange range = {value.range.lo * factor, value.range.hi * factor};
    std::optional<unsigned> width = chooseWidth(range);
    if (!width)
      return emitOpError() << "rescaling needs more than 64 bits";
    Value result = value.value;
    if (*shift != 0)
      result = arith::ShLIOp::create(inner, loc, cast(result, *width),
                                     constant(*shift, *width));
    return ScalarModel::makeInteger(
        result, scale, range,
        value.error.rescaled(double(factor)).plus(0, getRatioError(compat)));
  }

  if (isWhole(ratio)) {
    auto factor = static_cast<int64_t>(std::nearbyint(*ratio.getUniform()));
    IntegerRange range = {value.range.lo * factor, value.range.hi * factor};
    if (std::optional<unsigned> width = chooseWidth(range)) {
      Value result = arith::MulIOp::create(
          inner, loc, cast(value.value, *width), constant(factor, *width));
      return ScalarModel::makeInteger(
          result, scale, range,
          value.error.rescaled(double(factor)).plus(0, getRatioError(compat)));
    }
  }
  bool isWide = value.range.getMaxMagnitude() > Dyadic::kMaxAccumulator;
  if (std::optional<unsigned> shift =
          getExactShift(value.scale.map([](double) { return 1.0; }) / ratio);
      isWide && shift && value.range.getSignedBits() > 32 + *shift)
    return shiftRight(value, *shift);
  if (isWide) {
    FailureOr<ScalarModel> coarse = narrow(value, 32);
    if (failed(coarse))
      return failure();
    return rescale(*coarse, scale, rounding, compat);
  }
  std::optional<Requantization> rule =
      chooseRequantization(compat, ratio, rounding);
  if (!rule)
    return emitOpError() << "the ratio of two scales, between "
                         << ratio.getMin() << " and " << ratio.getMax()
                         << ", is no dyadic number m / 2^n with m < 2^31 and "
                         << (isTOSA(compat) ? "2 <= n <= 62" : "n <= 62")
                         << "; calibrate again, or give these tensors scales "
                            "that are nearer to each other";
  return requantize(value, scale, ratio, *rule);
}

FailureOr<ScalarModel> BodyBuilder::requantize(const ScalarModel &value,
                                               const Table &scale,
                                               const Table &ratio,
                                               const Requantization &rule) {
  Table dyadic =
      Table::combine(rule.multiplier, rule.shift, [](double m, double n) {
        return std::ldexp(m, -static_cast<int>(n));
      });
  dyadic = Table::combine(dyadic, rule.leftShift, [](double d, double left) {
    return std::ldexp(d, static_cast<int>(left));
  });
  IntegerRange range =
      scaleRange(value.range, dyadic.getMin(), dyadic.getMax());
  std::optional<unsigned> width = chooseWidth(range);
  if (!width)
    return emitOpError() << "rescaling needs more than 64 bits";
  Value acc = value.value;
  if (acc.getType().getIntOrFloatBitWidth() < 32)
    acc = cast(acc, 32);
  if (int left = static_cast<int>(rule.leftShift.getMax())) {
    __int128 factor = __int128(1) << left;
    IntegerRange shifted = {value.range.lo * factor, value.range.hi * factor};
    if (!shifted.fits(32))
      return emitOpError() << "shifting an accumulator left by " << left
                           << " bits, as compat=tflite and "
                              "compat=tosa-double-round do before rounding "
                              "twice, needs "
                           << shifted.getSignedBits()
                           << " bits; use a larger scale for the result";
    acc = arith::ShLIOp::create(inner, loc, cast(acc, 32),
                                materialize(rule.leftShift, 32));
  }
  ++numRescales;
  Value result = DyadicScaleOp::create(inner, loc, inner.getIntegerType(*width),
                                       acc, materialize(rule.multiplier, 32),
                                       materialize(rule.shift, 32),
                                       rule.rounding, rule.doubleRounding);
  ErrorBound error =
      value.error.rescaled(ratio.getMax()).plus(rule.units, rule.factor);
  return ScalarModel::makeInteger(result, scale, range, error);
}

FailureOr<ScalarModel> BodyBuilder::quantize(const Table &constant,
                                             const Table &scale) {
  Table exact = constant / scale;
  Table codes = exact.map([](double value) { return std::nearbyint(value); });
  if (!codes.all([](double code) { return std::abs(code) < 0x1p62; }))
    return emitOpError() << "a constant of magnitude "
                         << std::max(-constant.getMin(), constant.getMax())
                         << " is beyond the range of an accumulator with scale "
                         << scale.getMin();
  IntegerRange range = {static_cast<__int128>(codes.getMin()),
                        static_cast<__int128>(codes.getMax())};
  unsigned width = *chooseWidth(range);
  Table off = Table::combine(codes, exact, [](double code, double value) {
    return std::abs(code - value);
  });
  return ScalarModel::makeInteger(materialize(codes, width), scale, range,
                                  {off.getMax(), 0});
}

/// True if the constant is a whole multiple of the scale everywhere.
static bool isExactAt(const Table &constant, const Table &scale) {
  return (constant / scale).all([](double value) {
    return value == std::nearbyint(value) && std::abs(value) < 0x1p30;
  });
}

/// Bits by which two values with ranges `a` and `b` at one scale can be made
/// finer so that their sum stays within 30 bits, or within 62 if they have more
/// than 32 already: at most `most`, negative if they have to become coarser.
static int chooseGuardBits(const IntegerRange &a, const IntegerRange &b,
                           bool isWide, int most) {
  unsigned bits = std::max(a.getSignedBits(), b.getSignedBits()) + 1;
  return std::min<int>(most, (isWide ? 63 : 31) - static_cast<int>(bits));
}

FailureOr<std::pair<ScalarModel, ScalarModel>>
BodyBuilder::align(const ScalarModel &a, const ScalarModel &b,
                   Precision precision) {
  for (const ScalarModel *model : {&a, &b})
    if (model->isConstant() &&
        !model->constant.all([](double c) { return std::isfinite(c); }))
      return emitOpError() << "a constant operand is not finite; clamp it to "
                              "what the result's format holds";
  if (a.isConstant() && b.isConstant()) {
    // Two constants to choose from: 16 bits for the larger.
    double largest = 0;
    for (double value : {a.constant.getMin(), a.constant.getMax(),
                         b.constant.getMin(), b.constant.getMax()})
      largest = std::max(largest, std::abs(value));
    Table scale(largest == 0 ? 1.0 : largest / 32767);
    FailureOr<ScalarModel> first = quantize(a.constant, scale);
    FailureOr<ScalarModel> second = quantize(b.constant, scale);
    if (failed(first) || failed(second))
      return failure();
    return std::make_pair(*first, *second);
  }
  if (a.isConstant()) {
    FailureOr<std::pair<ScalarModel, ScalarModel>> swapped =
        align(b, a, precision);
    if (failed(swapped))
      return failure();
    return std::make_pair(swapped->second, swapped->first);
  }
  if (b.isInteger() && a.scale == b.scale)
    return std::make_pair(a, b);

  // The finer of the two scales; a constant has none of its own.
  Table scale = a.scale;
  IntegerRange rangeA = a.range, rangeB;
  bool isExact = false;
  if (b.isConstant()) {
    if (isExactAt(b.constant, a.scale)) {
      FailureOr<ScalarModel> constant = quantize(b.constant, a.scale);
      if (failed(constant))
        return failure();
      return std::make_pair(a, *constant);
    }
    Table codes = b.constant / scale;
    rangeB = {toBound(std::floor(codes.getMin())),
              toBound(std::ceil(codes.getMax()))};
  } else {
    scale = Table::combine(a.scale, b.scale,
                           [](double x, double y) { return std::min(x, y); });
    Table ratioA = a.scale / scale, ratioB = b.scale / scale;
    rangeA = scaleRange(a.range, ratioA.getMin(), ratioA.getMax());
    rangeB = scaleRange(b.range, ratioB.getMin(), ratioB.getMax());
    // A mean and what it is the mean of: the ratio is their number, and nothing
    // needs rounding.
    isExact = isWhole(ratioA) && isWhole(ratioB) &&
              (rangeA + rangeB).fits(precision == Precision::Normal ? 32 : 48);
  }
  bool isWide = precision == Precision::Norm || !a.range.fits(32) ||
                (b.isInteger() && !b.range.fits(32));
  // Ratios of scales stay below 2^31, which dyadic numbers are.
  double ratio = (a.scale / scale).getMax();
  if (b.isInteger())
    ratio = std::max(ratio, (b.scale / scale).getMax());
  int most = std::min(precision == Precision::Normal ? 12 : 30,
                      30 - static_cast<int>(std::ceil(std::log2(ratio))));
  int guard = isExact ? 0 : chooseGuardBits(rangeA, rangeB, isWide, most);
  scale = scale.map([&](double s) { return std::ldexp(s, -guard); });

  FailureOr<ScalarModel> first = rescale(a, scale);
  FailureOr<ScalarModel> second =
      b.isConstant() ? quantize(b.constant, scale) : rescale(b, scale);
  if (failed(first) || failed(second))
    return failure();
  return std::make_pair(*first, *second);
}
