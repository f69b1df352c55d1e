//===- Quantize.cpp - From observers to encoded tensors -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level observed, every `observe` with statistics.
// Output: level encoded. Each `observe` is a `quantize` to a static per-tensor
//         format; linalg reads its codes through `ins`, moves act on them, and
//         what else needs floats (`return` among them) gets a `dequantize`.
//         Constant weights are `assemble` of codes and one scale a channel.
// Not done: function signatures stay f32 (integerize turns a `quantize` of an
//         argument and a `dequantize` before a return into encoded types);
//         biases, accumulators and constant operands of element-wise
//         operations stay f32.
//
//===----------------------------------------------------------------------===//

#include "CalibratedRange.h"
#include "LinalgUses.h"
#include "Moves.h"
#include "WeightedSum.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_QUANTIZE
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// The pass options, checked.
struct Plan {
  NumberFormat weights;
  NumberFormat activations;
  Calibration calibration;
  /// Of the arguments of public functions; null: as activations.
  ScaledAttr input;
};

Type parseQuietly(StringRef text, MLIRContext *context) {
  ScopedDiagnosticHandler silence(context, [](Diagnostic &) {});
  return parseType(text, context, /*numRead=*/nullptr,
                   /*isKnownNullTerminated=*/false);
}

/// An integer format, or null with a diagnostic that names the option.
NumberFormat parseIntegerFormat(StringRef option, StringRef text, bool isSigned,
                                Location loc) {
  Type type = parseQuietly(text, loc.getContext());
  auto format = dyn_cast_or_null<NumberFormat>(type);
  if (format &&
      succeeded(format.verifyFormat([&] { return emitError(loc); })) &&
      format.hasIntegerCodes() && format.canWrap() &&
      format.getFormatWidth() >= 2 && (!isSigned || format.getLowest() < 0))
    return format;
  emitError(loc) << "option '" << option << "' of qfmt-quantize takes "
                 << (isSigned ? "i2 to i16" : "i2 to i16 or ui2 to ui16")
                 << ", found '" << text << "'";
  return {};
}

FailureOr<Calibration> parseCalibration(StringRef method, double percentile,
                                        Location loc) {
  using Method = Calibration::Method;
  auto parsed = llvm::StringSwitch<std::optional<Method>>(method)
                    .Case("minmax", Method::MinMax)
                    .Case("percentile", Method::Percentile)
                    .Case("mse", Method::MSE)
                    .Default(std::nullopt);
  if (!parsed)
    return emitError(loc) << "option 'calibration' of qfmt-quantize takes "
                             "minmax, percentile or mse, found '"
                          << method << "'";
  if (!(percentile > 0 && percentile <= 100))
    return emitError(loc) << "option 'percentile' of qfmt-quantize is above 0 "
                             "and at most 100, found "
                          << percentile;
  return Calibration{*parsed, percentile};
}

/// `ui8:0.0039`, a number format and a scale.
FailureOr<ScaledAttr> parseInputFormat(StringRef text, Location loc) {
  auto [typeText, scaleText] = text.split(':');
  NumberFormat format = parseIntegerFormat("input-format", typeText,
                                           /*isSigned=*/false, loc);
  if (!format)
    return failure();
  double scale;
  // C5: positive and finite, also in f32.
  if (scaleText.getAsDouble(scale) || !std::isfinite(scale) ||
      !(static_cast<float>(scale) > 0) ||
      !std::isfinite(static_cast<float>(scale)))
    return emitError(loc) << "option 'input-format' of qfmt-quantize takes a "
                             "number format and a positive scale, such as "
                             "ui8:0.00392156862745098, found '"
                          << text << "'";
  return ScaledAttr::get(format, scale);
}

//===----------------------------------------------------------------------===//
// Formats of activations
//===----------------------------------------------------------------------===//

/// The unsigned format of the same width.
NumberFormat getUnsigned(NumberFormat format) {
  return cast<NumberFormat>(static_cast<Type>(IntegerType::get(
      format.getContext(), format.getFormatWidth(), IntegerType::Unsigned)));
}

/// threshold / largest, rounded to f32; 1 where that is 0.
double getScale(double threshold, NumberFormat format) {
  ExactReal scale = ExactReal::divideRounded(
      ExactReal::fromDouble(threshold),
      ExactReal::fromDouble(format.getLargest()), BinaryFormat::f32());
  return scale.isZero() ? 1.0 : scale.roundToDouble();
}

/// The observers whose tensors `value` is made of, through moves and
/// selections.
void collectSources(Value value, SmallVectorImpl<ObserveOp> &sources) {
  Operation *op = value.getDefiningOp();
  if (auto observe = dyn_cast_or_null<ObserveOp>(op))
    return sources.push_back(observe);
  if (isTensorMove(op)) {
    for (Value moved : getMovedTensors(op))
      collectSources(moved, sources);
    return;
  }
  OpOperand *input = getCopiedInput(op);
  if (!input)
    input = getMaximumInput(op);
  if (input)
    collectSources(input->get(), sources);
}

/// Gives every observer a format. Observers share one if one's values are a
/// selection of the other's (max pooling), or if both meet in a concat: then
/// the codes move, too.
class FormatAssignment {
public:
  FormatAssignment(ModuleOp module, const Plan &plan) : plan(plan) {
    module.walk([&](ObserveOp op) { observers.insert({op, ScaledAttr()}); });
    ties.grow(observers.size());
    module.walk([&](Operation *op) { tie(op); });
    ties.compress();
    shared.resize(ties.getNumClasses());
  }

  LogicalResult assign() {
    for (auto &[op, format] : observers)
      if (failed(check(op)))
        return failure();
    for (unsigned group = 0; group < ties.getNumClasses(); ++group)
      assignGroup(group);
    return success();
  }

  ScaledAttr lookup(ObserveOp op) const { return observers.lookup(op); }
  /// The one in which this tensor and those tied to it meet.
  ScaledAttr lookupShared(ObserveOp op) const { return shared[getGroup(op)]; }

private:
  void tie(Operation *op) {
    SmallVector<ObserveOp> sources;
    if (auto observe = dyn_cast<ObserveOp>(op)) {
      collectSources(observe.getInput(), sources);
      if (sources.empty())
        return;
      derived.insert(op);
      sources.push_back(observe);
    } else if (isa<tensor::ConcatOp>(op)) {
      collectSources(op->getResult(0), sources);
    }
    for (ObserveOp source : sources)
      ties.join(getPosition(sources.front()), getPosition(source));
  }

  unsigned getPosition(ObserveOp op) const {
    return observers.find(op) - observers.begin();
  }
  unsigned getGroup(ObserveOp op) const { return ties[getPosition(op)]; }

  /// True for the argument of a public function when the plan fixes its format.
  bool isFixed(ObserveOp op) const {
    auto argument = dyn_cast<BlockArgument>(op.getInput());
    if (!plan.input || !argument)
      return false;
    auto function =
        dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    return function && function.isPublic();
  }

  double getInputScale(ObserveOp op) const {
    return *plan.input.getStaticScale(op.getType().getElementType());
  }

  LogicalResult check(ObserveOp op) const;
  void assignGroup(unsigned group);
  ScaledAttr computeFormat(ArrayRef<ObserveOp> sources) const;

  const Plan &plan;
  llvm::MapVector<ObserveOp, ScaledAttr> observers;
  /// Of positions in `observers`.
  llvm::IntEqClasses ties;
  /// One format a class of `ties`.
  std::vector<ScaledAttr> shared;
  /// Observers whose tensor is a selection of other observed ones.
  llvm::SmallPtrSet<Operation *, 16> derived;
};

LogicalResult FormatAssignment::check(ObserveOp op) const {
  std::optional<StatisticsAttr> statistics = op.getStatistics();
  if (!isFixed(op)) {
    if (!statistics)
      return op.emitOpError() << "has no statistics; run qfmt-annotate first";
    return success();
  }
  if (!statistics)
    return success();
  // A value that rounds to the nearest end of the range is not out of it.
  double scale = getInputScale(op);
  double low = (plan.input.getNumberFormat().getLowest() - 0.5) * scale;
  double high = (plan.input.getNumberFormat().getLargest() + 0.5) * scale;
  if (statistics->getMin() < low || statistics->getMax() > high)
    return op.emitOpError()
           << "was seen between " << statistics->getMin() << " and "
           << statistics->getMax() << ", beyond what " << plan.input
           << " reaches; give another input-format";
  return success();
}

void FormatAssignment::assignGroup(unsigned group) {
  SmallVector<ObserveOp> members;
  for (auto [position, entry] : llvm::enumerate(observers))
    if (ties[position] == group)
      members.push_back(entry.first);
  SmallVector<ObserveOp> sources = llvm::filter_to_vector(
      members, [&](ObserveOp op) { return !derived.contains(op); });

  shared[group] = computeFormat(sources);
  for (ObserveOp op : members)
    observers[op] = isFixed(op) ? plan.input : shared[group];
}

ScaledAttr FormatAssignment::computeFormat(ArrayRef<ObserveOp> sources) const {
  auto fixed = [&](ObserveOp op) { return isFixed(op); };
  if (llvm::all_of(sources, fixed))
    return plan.input;
  bool isNonNegative = llvm::all_of(sources, [&](ObserveOp op) {
    return isFixed(op) ? plan.input.getNumberFormat().getLowest() >= 0
                       : op.getStatistics()->getMin() >= 0;
  });
  NumberFormat format =
      isNonNegative ? getUnsigned(plan.activations) : plan.activations;
  double threshold = 0;
  for (ObserveOp op : sources) {
    double reach =
        isFixed(op)
            ? plan.input.getNumberFormat().getLargest() * getInputScale(op)
            : computeThreshold(*op.getStatistics(), format, plan.calibration);
    threshold = std::max(threshold, reach);
  }
  return ScaledAttr::get(format, getScale(threshold, format));
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// Rewrites observers and everything that reads them. First every f32 tensor
/// that has an encoded form gets it, in the order of the program; then each use
/// takes the form that it can read.
class ActivationRewriter {
public:
  ActivationRewriter(RewriterBase &rewriter, const FormatAssignment &formats)
      : rewriter(rewriter), formats(formats) {}

  /// The number of tensors that are rounded at run time.
  unsigned rewrite(ModuleOp module) {
    SmallVector<Operation *> ops;
    module.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<ObserveOp, linalg::LinalgOp>(op) || isTensorMove(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      encodeResult(op);
    for (auto [real, encoded] : encodings)
      replaceUses(real, encoded);
    for (Operation *op : llvm::reverse(replaced))
      rewriter.eraseOp(op);
    return numQuantized;
  }

private:
  void encodeResult(Operation *op);
  Value quantize(Value real, ScaledAttr format);
  Value move(Operation *op);
  Value convert(Value encoded, TensorFormat format);
  FailureOr<Value> getPadding(tensor::PadOp op, TensorFormat format);
  void replaceUses(Value real, Value encoded);

  RewriterBase &rewriter;
  const FormatAssignment &formats;
  llvm::MapVector<Value, Value> encodings;
  /// What encoded operations stand for now.
  llvm::SetVector<Operation *> replaced;
  unsigned numQuantized = 0;
};

Value ActivationRewriter::quantize(Value real, ScaledAttr format) {
  ++numQuantized;
  auto type = EncodedTensorType::get(cast<RankedTensorType>(real.getType()),
                                     cast<TensorFormat>(format));
  auto op = QuantizeOp::create(rewriter, real.getLoc(), type.getType(), real);
  return op.getResult();
}

/// The format that encodes its elements, if the tensor is encoded.
TensorFormat getFormat(Value encoded) {
  return EncodedTensorType::get(encoded.getType()).getFormat();
}

/// The value to pad an encoded tensor with; fails if the format lacks it. Below
/// all values (-infinity, before max pooling) the lowest one does as well:
/// where a maximum is taken over padding alone, `quantize` would saturate to
/// it.
FailureOr<Value> ActivationRewriter::getPadding(tensor::PadOp op,
                                                TensorFormat format) {
  Value padding = op.getConstantPaddingValue();
  std::optional<double> number =
      padding ? readConstantScalar(padding) : std::nullopt;
  if (!number)
    return failure();
  Type logical = padding.getType();
  if (format.canRepresent(*number, logical))
    return padding;
  auto scaled = dyn_cast<ScaledAttr>(format);
  bool isForMaximum = llvm::all_of(op->getUses(), [](OpOperand &use) {
    return getMaximumInput(use.getOwner()) == &use;
  });
  if (!scaled || !isForMaximum)
    return failure();
  double lowest =
      scaled.getNumberFormat().getLowest() * *scaled.getStaticScale(logical);
  if (*number > lowest || !format.canRepresent(lowest, logical))
    return failure();
  return arith::ConstantOp::create(rewriter, op.getLoc(),
                                   rewriter.getFloatAttr(logical, lowest))
      .getResult();
}

/// The same move of codes; null if there is none.
Value ActivationRewriter::move(Operation *op) {
  OperandRange tensors = getMovedTensors(op);
  if (llvm::any_of(tensors, [&](Value v) { return !encodings.contains(v); }))
    return {};
  TensorFormat format = getFormat(encodings.lookup(tensors.front()));
  if (isa<tensor::ConcatOp>(op)) {
    SmallVector<ObserveOp> sources;
    collectSources(op->getResult(0), sources);
    format = formats.lookupShared(sources.front());
  }
  IRMapping mapping;
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    FailureOr<Value> padding = getPadding(pad, format);
    if (failed(padding))
      return {};
    mapping.map(pad.getConstantPaddingValue(), *padding);
  }
  for (Value tensor : tensors)
    mapping.map(tensor, convert(encodings.lookup(tensor), format));
  Operation *moved = rewriter.clone(*op, mapping);
  auto logical = cast<RankedTensorType>(op->getResult(0).getType());
  moved->getResult(0).setType(
      EncodedTensorType::get(logical, format).getType());
  replaced.insert(op);
  return moved->getResult(0);
}

/// Only an argument whose format the caller fixed has to be converted.
Value ActivationRewriter::convert(Value encoded, TensorFormat format) {
  if (getFormat(encoded) == format)
    return encoded;
  RankedTensorType logical =
      EncodedTensorType::get(encoded.getType()).getLogicalType();
  return ConvertOp::create(rewriter, encoded.getLoc(),
                           EncodedTensorType::get(logical, format).getType(),
                           encoded);
}

void ActivationRewriter::encodeResult(Operation *op) {
  rewriter.setInsertionPointAfter(op);
  if (auto observe = dyn_cast<ObserveOp>(op)) {
    encodings[observe.getResult()] =
        quantize(observe.getInput(), formats.lookup(observe));
    replaced.insert(op);
    return;
  }
  if (isTensorMove(op)) {
    if (Value moved = move(op))
      encodings[op->getResult(0)] = moved;
    return;
  }
  OpOperand *copied = getCopiedInput(op);
  if (!copied || !encodings.contains(copied->get()))
    return;
  TensorFormat format = getFormat(encodings.lookup(copied->get()));
  // linalg.transpose and linalg.broadcast have no body that could read codes
  // and yield reals.
  if (!isa<linalg::GenericOp>(op)) {
    FailureOr<linalg::GenericOp> generic =
        linalg::generalizeNamedOp(rewriter, cast<linalg::LinalgOp>(op));
    if (failed(generic))
      return;
    op = *generic;
    rewriter.setInsertionPointAfter(op);
  }
  // linalg results are real; their codes are those of the input again.
  Value result = op->getResult(0);
  encodings[result] = quantize(result, cast<ScaledAttr>(format));
}

void ActivationRewriter::replaceUses(Value real, Value encoded) {
  Value dequantized;
  for (OpOperand &use : llvm::make_early_inc_range(real.getUses())) {
    Operation *user = use.getOwner();
    if (user == encoded.getDefiningOp() || replaced.contains(user))
      continue;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(user);
    if (linalgOp && linalgOp.hasPureTensorSemantics() &&
        linalgOp.isDpsInput(&use)) {
      use.set(encoded);
      continue;
    }
    rewriter.setInsertionPointAfterValue(encoded);
    if (!dequantized)
      dequantized = DequantizeOp::create(rewriter, real.getLoc(),
                                         real.getType(), encoded);
    use.set(dequantized);
  }
}

/// `outs` that only give a shape must not keep tensors alive as floats.
void replaceUnreadOuts(RewriterBase &rewriter, ModuleOp module) {
  module.walk([&](linalg::LinalgOp op) {
    for (OpOperand &out : op.getDpsInitsMutable()) {
      auto type = dyn_cast<RankedTensorType>(out.get().getType());
      if (readsElements(out) || !type || !type.hasStaticShape() ||
          out.get().getDefiningOp<tensor::EmptyOp>())
        continue;
      rewriter.setInsertionPoint(op);
      out.set(tensor::EmptyOp::create(rewriter, op.getLoc(), type.getShape(),
                                      type.getElementType()));
    }
  });
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Encodes constant weights, one scale a channel, symmetric.
class WeightRewriter {
public:
  WeightRewriter(RewriterBase &rewriter, NumberFormat format)
      : rewriter(rewriter), format(format) {}

  LogicalResult rewrite(const WeightedSum &sum);

  unsigned getNumWeights() const { return encodings.size(); }
  uint64_t getNumBytes() const { return numBytes; }

private:
  /// One scale for each entry of the weights along their channels.
  ScaledAttr getFormat(const WeightedSum &sum) const;
  FailureOr<Value> encode(const WeightedSum &sum, EncodedTensorType type);
  Value createConstant(Location loc, ElementsAttr elements) {
    return arith::ConstantOp::create(rewriter, loc, elements);
  }

  RewriterBase &rewriter;
  NumberFormat format;
  /// Weights that several operations read in the same way are encoded once.
  llvm::MapVector<std::pair<Value, Type>, Value> encodings;
  uint64_t numBytes = 0;
};

ScaledAttr WeightRewriter::getFormat(const WeightedSum &sum) const {
  SmallVector<int64_t> block(sum.values.getRank(), ScaledAttr::kWhole);
  for (WeightedSum::Channel channel : sum.channels)
    block[channel.weightDim] = 1;
  MLIRContext *context = rewriter.getContext();
  return ScaledAttr::get(context, format, block,
                         TypeAttr::get(Float32Type::get(context)));
}

FailureOr<Value> WeightRewriter::encode(const WeightedSum &sum,
                                        EncodedTensorType type) {
  const ConstantTensor &values = sum.values;
  SmallVector<Type> parts = type.getConstituentTypes();
  auto codesType = cast<RankedTensorType>(parts[0]);
  auto scalesType = cast<RankedTensorType>(parts[1]);

  // The block of an element: its index along channels, else 0.
  auto getBlock = [&](ArrayRef<int64_t> index) {
    int64_t block = 0;
    for (auto [entry, size] : llvm::zip_equal(index, scalesType.getShape()))
      block = block * size + (size == 1 ? 0 : entry);
    return block;
  };
  std::vector<double> scales(scalesType.getNumElements(), 0.0);
  bool isFinite = true;
  forEachIndex(values.getShape(), [&](ArrayRef<int64_t> index) {
    double &largest = scales[getBlock(index)];
    isFinite &= std::isfinite(values.at(index));
    largest = std::max(largest, std::abs(values.at(index)));
  });
  if (!isFinite)
    return sum.op->emitOpError() << "has weights that are NaN or infinite";
  for (double &scale : scales)
    scale = getScale(scale, format);

  // As `quantize` does: the quotient is rounded to f32, then to a code.
  std::vector<int64_t> codes;
  codes.reserve(values.getNumElements());
  forEachIndex(values.getShape(), [&](ArrayRef<int64_t> index) {
    float quotient = static_cast<float>(values.at(index)) /
                     static_cast<float>(scales[getBlock(index)]);
    codes.push_back(format.encodeReal(ExactReal::fromDouble(quotient),
                                      RoundingMode::HalfEven,
                                      OverflowMode::Saturate, NaNMode::Zero));
  });

  Location loc = sum.op->getLoc();
  std::string name =
      values.getName().empty() ? "weights" : values.getName().str();
  Value payload =
      createConstant(loc, makeIntegers(codesType, codes, name + ".codes"));
  Value scale =
      createConstant(loc, makeFloats(scalesType, scales, name + ".scales"));
  return AssembleOp::create(rewriter, loc, type.getType(),
                            ValueRange{payload, scale})
      .getResult();
}

LogicalResult WeightRewriter::rewrite(const WeightedSum &sum) {
  auto type = EncodedTensorType::get(
      cast<RankedTensorType>(sum.weights->get().getType()),
      cast<TensorFormat>(getFormat(sum)));
  Value &encoded = encodings[{sum.weights->get(), type.getType()}];
  if (!encoded) {
    rewriter.setInsertionPointAfterValue(sum.weights->get());
    FailureOr<Value> created = encode(sum, type);
    if (failed(created))
      return failure();
    encoded = *created;
    numBytes +=
        llvm::divideCeil(type.getFormat().getPackedBits(type.getShape()), 8);
  }
  sum.weights->set(encoded);
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

struct QuantizePass : qfmt::impl::QuantizeBase<QuantizePass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<Plan> plan = makePlan();
    if (failed(plan) || failed(quantizeActivations(*plan)) ||
        failed(quantizeWeights(*plan)))
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    replaceUnreadOuts(rewriter, getOperation());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }

  FailureOr<Plan> makePlan() {
    Location loc = getOperation().getLoc();
    Plan plan;
    plan.weights =
        parseIntegerFormat("weights", weights, /*isSigned=*/true, loc);
    plan.activations =
        parseIntegerFormat("activations", activations, /*isSigned=*/true, loc);
    FailureOr<Calibration> parsed =
        parseCalibration(calibration, percentile, loc);
    if (!plan.weights || !plan.activations || failed(parsed))
      return failure();
    plan.calibration = *parsed;
    if (inputFormat.empty())
      return plan;
    FailureOr<ScaledAttr> input = parseInputFormat(inputFormat, loc);
    if (failed(input))
      return failure();
    plan.input = *input;
    return plan;
  }

  LogicalResult quantizeActivations(const Plan &plan) {
    IRRewriter rewriter(&getContext());
    FormatAssignment formats(getOperation(), plan);
    if (failed(formats.assign()))
      return failure();
    numActivations +=
        ActivationRewriter(rewriter, formats).rewrite(getOperation());
    return success();
  }

  LogicalResult quantizeWeights(const Plan &plan) {
    IRRewriter rewriter(&getContext());
    WeightRewriter weightRewriter(rewriter, plan.weights);
    WalkResult result = getOperation().walk([&](linalg::LinalgOp op) {
      std::optional<WeightedSum> sum = WeightedSum::match(op);
      return WalkResult(sum ? weightRewriter.rewrite(*sum) : success());
    });
    numWeights += weightRewriter.getNumWeights();
    weightBytes += weightRewriter.getNumBytes();
    return failure(result.wasInterrupted());
  }
};
} // namespace
