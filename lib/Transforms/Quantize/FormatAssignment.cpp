// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FormatAssignment.h"
#include "../LinalgUses.h"
#include "../Moves.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

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
                                   const llvm::DenseSet<OpOperand *> &weighted)
    : plan(plan), weighted(weighted) {
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
// Widths
//===----------------------------------------------------------------------===//

/// True if contractions with constant weights do not read this format as it is.
bool FormatAssignment::isTooWide(ScaledAttr format) const {
  return plan.wideActivations && format.getNumberFormat().getFormatWidth() >
                                     plan.activations.getFormatWidth();
}

static bool isObserved(Value value) {
  return !value.use_empty() &&
         llvm::all_of(value.getUsers(), llvm::IsaPred<ObserveOp>);
}

/// True if anything but contractions with constant weights reads `value` or
/// what it is moved to. A maximum that is observed has readers of its own.
bool FormatAssignment::hasOtherReaders(Value value) const {
  return llvm::any_of(value.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (!readsElements(use) || weighted.contains(&use))
      return false;
    if (isTensorMove(user) || getCopiedInput(user) == &use)
      return hasOtherReaders(user->getResult(0));
    return getMaximumInput(user) != &use || !isObserved(user->getResult(0));
  });
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

/// The unsigned format of the same width.
static NumberFormat getUnsigned(NumberFormat format) {
  return cast<NumberFormat>(static_cast<Type>(IntegerType::get(
      format.getContext(), format.getFormatWidth(), IntegerType::Unsigned)));
}

LogicalResult FormatAssignment::assign() {
  for (auto &[op, format] : observers)
    if (failed(check(op)))
      return failure();
  for (unsigned group = 0; group < ties.getNumClasses(); ++group)
    assignGroup(group);
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

void FormatAssignment::assignGroup(unsigned group) {
  SmallVector<ObserveOp> members;
  for (auto [position, entry] : llvm::enumerate(observers))
    if (ties[position] == group)
      members.push_back(entry.first);
  SmallVector<ObserveOp> sources = llvm::filter_to_vector(
      members, [&](ObserveOp op) { return !derived.contains(op); });

  bool isWide =
      plan.wideActivations && llvm::any_of(members, [&](ObserveOp op) {
        return hasOtherReaders(op.getResult());
      });
  ScaledAttr narrow = computeFormat(sources, plan.activations);
  ScaledAttr shared = narrow;
  if (llvm::all_of(sources, [&](ObserveOp op) { return isFixed(op); }))
    shared = plan.input;
  else if (isWide)
    shared = computeFormat(sources, plan.wideActivations);

  groups[group] = {shared, narrow};
  for (ObserveOp op : members)
    observers[op] = isFixed(op) ? plan.input : shared;
}

ScaledAttr FormatAssignment::computeFormat(ArrayRef<ObserveOp> sources,
                                           NumberFormat format) const {
  bool isNonNegative = llvm::all_of(sources, [&](ObserveOp op) {
    return isFixed(op) ? plan.input.getNumberFormat().getLowest() >= 0
                       : op.getStatistics()->getMin() >= 0;
  });
  if (isNonNegative)
    format = getUnsigned(format);
  double threshold = 0;
  for (ObserveOp op : sources) {
    double reach =
        isFixed(op)
            ? plan.input.getNumberFormat().getLargest() * getInputScale(op)
            : computeThreshold(*op.getStatistics(), format, plan.calibration);
    threshold = std::max(threshold, reach);
  }
  return ScaledAttr::get(format, getSymmetricScale(threshold, format));
}
