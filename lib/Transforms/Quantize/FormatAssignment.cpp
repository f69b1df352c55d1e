// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FormatAssignment.h"
#include "../LinalgUses.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "qfmt/Analysis/Moves.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Which tensors share a format
//===----------------------------------------------------------------------===//

void mlir::qfmt::collectSources(Value value,
                                SmallVectorImpl<ObserveOp> &sources) {
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

FormatAssignment::FormatAssignment(ModuleOp module, const Plan &plan,
                                   const LayerFormats &layers)
    : plan(plan), layers(layers) {
  module.walk([&](ObserveOp op) { observers.insert({op, ScaledAttr()}); });
  ties.grow(observers.size());
  module.walk([&](Operation *op) { tie(op); });
  ties.compress();
  groups.resize(ties.getNumClasses());
}

void FormatAssignment::tie(Operation *op) {
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

bool FormatAssignment::isFixed(ObserveOp op) const {
  auto argument = dyn_cast<BlockArgument>(op.getInput());
  if (!plan.input || !argument)
    return false;
  auto function =
      dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  return function && function.isPublic();
}

//===----------------------------------------------------------------------===//
// Who reads a tensor
//===----------------------------------------------------------------------===//

static bool isObserved(Value value) {
  return !value.use_empty() &&
         llvm::all_of(value.getUsers(), llvm::IsaPred<ObserveOp>);
}

/// What reads `value` or what it is moved to. A maximum that is observed has
/// readers of its own.
void FormatAssignment::collectReaders(Value value, Readers &readers) const {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (!readsElements(use))
      continue;
    if (const LayerFormat *layer = layers.findReader(use))
      readers.layers.push_back(layer);
    else if (isTensorMove(user) || getCopiedInput(user) == &use)
      collectReaders(user->getResult(0), readers);
    else if (getMaximumInput(user) != &use || !isObserved(user->getResult(0)))
      readers.hasOthers = true;
  }
}

/// Null for reals.
NumberFormat FormatAssignment::chooseFormat(Readers &readers) const {
  if (readers.hasOthers)
    return plan.getSharedFormat();
  if (readers.layers.empty())
    return plan.layers.activations.number;
  // In the order of the program, so that the first of equals is the same again.
  llvm::sort(readers.layers);
  const LayerFormat *widest = readers.layers.front();
  auto getWidth = [](const LayerFormat *layer) {
    return layer->choice.activations.getCodeWidth(
        layer->data->get().getContext());
  };
  for (const LayerFormat *layer : readers.layers)
    if (getWidth(layer) > getWidth(widest))
      widest = layer;
  return widest->choice.activations.number;
}

ScaledAttr FormatAssignment::lookupRead(ObserveOp op, const LayerFormat &layer,
                                        ScaledAttr own) const {
  ScaledAttr read = groups[getGroup(op)].read.lookup(
      static_cast<Type>(layer.choice.activations.number));
  if (!own)
    return read;
  NumberFormat from = own.getNumberFormat(), to = read.getNumberFormat();
  // Codes gain nothing from a wider format, and signed ones nothing from
  // unsigned ones of the same width.
  bool isAsGood =
      from.getFormatWidth() < to.getFormatWidth() ||
      (from.getFormatWidth() == to.getFormatWidth() &&
       (from == to || (from.hasIntegerCodes() && to.hasIntegerCodes())));
  // The caller's format is one for this network's layers, unless they have
  // others or its tensors do.
  bool isCallers = own == plan.input && !layer.isOwn && !plan.wideActivations &&
                   to.hasIntegerCodes();
  return isAsGood || isCallers ? own : read;
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

LogicalResult FormatAssignment::assign() {
  for (unsigned group = 0; group < ties.getNumClasses(); ++group)
    if (failed(assignGroup(group)))
      return failure();
  return success();
}

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

LogicalResult FormatAssignment::assignGroup(unsigned group) {
  SmallVector<ObserveOp> members;
  for (auto [position, entry] : llvm::enumerate(observers))
    if (ties[position] == group)
      members.push_back(entry.first);
  SmallVector<ObserveOp> sources = llvm::filter_to_vector(
      members, [&](ObserveOp op) { return !derived.contains(op); });
  auto fixed = [&](ObserveOp op) { return isFixed(op); };

  Readers readers;
  for (ObserveOp op : members)
    collectReaders(op.getResult(), readers);
  NumberFormat format = chooseFormat(readers);
  SmallVector<NumberFormat> read;
  for (const LayerFormat *layer : readers.layers)
    if (NumberFormat number = layer->choice.activations.number)
      read.push_back(number);
  // What stays real needs no statistics.
  if (format || !read.empty() || llvm::any_of(members, fixed))
    for (ObserveOp op : members)
      if (failed(check(op)))
        return failure();

  for (NumberFormat number : read) {
    ScaledAttr &known = groups[group].read[static_cast<Type>(number)];
    if (!known)
      known = computeFormat(sources, number);
    if (!known)
      return failure();
  }
  ScaledAttr shared;
  if (llvm::all_of(sources, fixed))
    shared = plan.input;
  else if (format && !(shared = computeFormat(sources, format)))
    return failure();
  groups[group].shared = shared;
  for (ObserveOp op : members)
    observers[op] = isFixed(op) ? plan.input : shared;
  return success();
}

ScaledAttr FormatAssignment::computeFormat(ArrayRef<ObserveOp> sources,
                                           NumberFormat format) const {
  bool isNonNegative = llvm::all_of(sources, [&](ObserveOp op) {
    return isFixed(op) ? plan.input.getNumberFormat().getLowest() >= 0
                       : op.getStatistics()->getMin() >= 0;
  });
  if (isNonNegative)
    format = getNonNegative(format);
  double threshold = 0;
  for (ObserveOp op : sources) {
    double reach =
        isFixed(op)
            ? plan.input.getNumberFormat().getLargest() * getInputScale(op)
            : computeThreshold(*op.getStatistics(), format, plan.calibration);
    threshold = std::max(threshold, reach);
  }
  double scale = getSymmetricScale(threshold, format);
  if (std::isfinite(scale))
    return ScaledAttr::get(format, scale);
  ObserveOp first = sources.front();
  first.emitOpError() << "was seen as far as " << threshold
                      << ", for which the scale of " << Type(format)
                      << " is beyond f32; scale the tensor down";
  return {};
}
