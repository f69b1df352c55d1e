// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DataFamilies.h"
#include "../CalibratedRange.h"
#include "../Quantize/FormatAssignment.h"
#include "qfmt/IR/LayerAttributes.h"
#include "llvm/ADT/IntEqClasses.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Puts layers into one class that have to get the same format of data.
static llvm::IntEqClasses tieLayers(ArrayRef<Layer> layers) {
  llvm::IntEqClasses classes(layers.size());
  llvm::DenseMap<const void *, unsigned> known;
  auto join = [&](unsigned layer, const void *key) {
    auto [first, isNew] = known.try_emplace(key, layer);
    if (!isNew)
      classes.join(first->second, layer);
  };
  for (auto [index, layer] : llvm::enumerate(layers)) {
    join(index, layer.weights->get().getAsOpaquePointer());
    if (Attribute label = layer.op->getAttr(kTieAttr))
      join(index, label.getAsOpaquePointer());
    SmallVector<ObserveOp> sources;
    collectSources(layer.data->get(), sources);
    for (ObserveOp source : sources)
      join(index, source.getOperation());
  }
  classes.compress();
  return classes;
}

/// What calibration saw of the tensors that the layer's data is made of.
static FailureOr<SmallVector<StatisticsAttr>>
getStatistics(const Layer &layer) {
  SmallVector<ObserveOp> sources;
  collectSources(layer.data->get(), sources);
  SmallVector<StatisticsAttr> statistics;
  for (ObserveOp source : sources)
    if (std::optional<StatisticsAttr> seen = source.getStatistics())
      statistics.push_back(*seen);
  if (!statistics.empty() && statistics.size() == sources.size())
    return statistics;
  layer.op->emitOpError()
      << "is the layer '" << layer.name
      << "', whose data has no statistics, by which a member of a family of "
         "formats is chosen; run qfmt-insert-observers and qfmt-annotate first";
  return failure();
}

/// The squared error of all tensors in the format, relative to their energy;
/// they have one scale.
static double getRelativeError(ArrayRef<StatisticsAttr> tensors,
                               const OperandFormat &format) {
  NumberFormat number = format.number;
  double scale = 1;
  if (number) {
    double threshold = 0;
    for (StatisticsAttr tensor : tensors)
      threshold = std::max(
          threshold,
          computeThreshold(tensor, number, {Calibration::Method::MSE, 100}));
    scale = getSymmetricScale(threshold, number);
  } else {
    Type element = format.encoding.getElementFormats().front();
    number = cast<NumberFormat>(element);
  }
  double error = 0, energy = 0;
  for (StatisticsAttr tensor : tensors) {
    error += computeSquaredError(tensor, number, scale);
    energy += computeEnergy(tensor);
  }
  return energy > 0 ? error / energy : 0;
}

FailureOr<std::vector<SmallVector<FormatChoice>>>
mlir::qfmt::expandFamilies(ArrayRef<Layer> layers,
                           ArrayRef<CandidateFamily> families) {
  llvm::IntEqClasses classes = tieLayers(layers);
  std::vector<SmallVector<FormatChoice>> choices(layers.size());
  for (const CandidateFamily &family : families) {
    ArrayRef<OperandFormat> members = family.activations;
    // By class and member.
    std::vector<std::vector<double>> errors(
        classes.getNumClasses(), std::vector<double>(members.size(), 0.0));
    for (auto [index, layer] : llvm::enumerate(layers)) {
      if (members.size() == 1 || layer.op->hasAttr(kCandidatesAttr))
        continue;
      FailureOr<SmallVector<StatisticsAttr>> statistics = getStatistics(layer);
      if (failed(statistics))
        return failure();
      for (auto [member, error] :
           llvm::zip_equal(members, errors[classes[index]]))
        error += getRelativeError(*statistics, member);
    }
    for (auto [index, layer] : llvm::enumerate(layers)) {
      ArrayRef<double> own = errors[classes[index]];
      size_t best = llvm::min_element(own) - own.begin();
      for (const OperandFormat &weights : family.weights) {
        FormatChoice choice{weights, members[best]};
        if (!llvm::is_contained(choices[index], choice))
          choices[index].push_back(choice);
      }
    }
  }
  return choices;
}
