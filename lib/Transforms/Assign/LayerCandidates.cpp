// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerCandidates.h"
#include "LayerCosts.h"
#include "qfmt/IR/LayerAttributes.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// One entry of `qfmt.candidates`; the dialect has verified what it consists
/// of.
struct GivenCandidate {
  FormatChoice format;
  double damage;
  std::map<std::string, double> costs;
};
} // namespace

/// Of all layers' weights. NaNs and infinities are refused elsewhere.
static std::optional<IntegerBits> getWeightBits(ModuleOp module) {
  std::optional<IntegerBits> bits;
  module.walk([&](Operation *op) {
    std::optional<WeightedSum> sum = WeightedSum::match(op);
    if (!sum)
      return;
    double largest = 0;
    for (double value : sum->values.getElements())
      largest = std::max(largest, std::abs(value));
    if (largest > 0 && std::isfinite(largest))
      IntegerBits::include(bits, largest);
  });
  return bits;
}

/// Of everything that calibration saw.
static std::optional<IntegerBits> getDataBits(ModuleOp module) {
  std::optional<IntegerBits> bits;
  module.walk([&](ObserveOp op) {
    if (std::optional<StatisticsAttr> seen = op.getStatistics())
      if (double largest =
              std::max(std::abs(seen->getMin()), std::abs(seen->getMax())))
        IntegerBits::include(bits, largest);
  });
  return bits;
}

FailureOr<SmallVector<CandidateFamily>>
mlir::qfmt::parseCandidates(StringRef text, ModuleOp module,
                            function_ref<InFlightDiagnostic()> emitError) {
  SmallVector<CandidateFamily> families;
  SmallVector<FormatChoice> single;
  auto ofWeights = [&] { return getWeightBits(module); };
  auto ofData = [&] { return getDataBits(module); };
  for (StringRef piece : splitFormatChoices(text)) {
    FailureOr<CandidateFamily> family = parseCandidateFamily(
        piece, module.getContext(), {ofWeights, ofData}, emitError);
    if (failed(family))
      return failure();
    families.push_back(*family);
    if (family->weights.size() > 1 || family->activations.size() > 1)
      continue;
    FormatChoice choice{family->weights.front(), family->activations.front()};
    if (llvm::is_contained(single, choice))
      return emitError() << "the choice " << choice.str() << " is there twice";
    single.push_back(choice);
  }
  return families;
}

/// Those of the attribute; none if it is not there.
static FailureOr<std::vector<GivenCandidate>>
parseGivenCandidates(const Layer &layer) {
  std::vector<GivenCandidate> candidates;
  auto entries = layer.op->getAttrOfType<ArrayAttr>(kCandidatesAttr);
  if (!entries)
    return candidates;
  for (auto entry : entries.getAsRange<DictionaryAttr>()) {
    FailureOr<FormatChoice> format = FormatChoice::parse(
        entry.getAs<StringAttr>("format").getValue(), layer.op->getContext(),
        [&] { return layer.op->emitOpError() << kCandidatesAttr << ": "; });
    if (failed(format))
      return failure();
    GivenCandidate candidate{
        *format, entry.getAs<FloatAttr>("damage").getValueAsDouble(), {}};
    for (NamedAttribute cost : entry.getAs<DictionaryAttr>("costs"))
      candidate.costs[cost.getName().str()] =
          cast<FloatAttr>(cost.getValue()).getValueAsDouble();
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

/// The costs which the attribute gives of each candidate. Candidates that do
/// not come from an attribute have none.
static SmallVector<DictionaryAttr> getGivenCosts(const Layer &layer) {
  auto entries = layer.op->getAttrOfType<ArrayAttr>(kCandidatesAttr);
  if (!entries)
    return {DictionaryAttr::get(layer.op->getContext())};
  return llvm::map_to_vector(entries.getAsRange<DictionaryAttr>(),
                             [](DictionaryAttr entry) {
                               return entry.getAs<DictionaryAttr>("costs");
                             });
}

LogicalResult mlir::qfmt::verifyGivenCosts(ArrayRef<Layer> layers) {
  // Of each cost the first layer that gives it.
  llvm::MapVector<StringAttr, const Layer *> givers;
  for (const Layer &layer : layers)
    for (DictionaryAttr costs : getGivenCosts(layer))
      for (NamedAttribute cost : costs)
        givers.insert({cost.getName(), &layer});
  for (const Layer &layer : layers)
    for (DictionaryAttr costs : getGivenCosts(layer))
      for (auto [name, giver] : givers)
        if (!costs.contains(name))
          return layer.op->emitOpError()
                 << "is the layer '" << layer.name
                 << "', which has a candidate without the cost '"
                 << name.getValue() << "', but '" << kCandidatesAttr
                 << "' of the layer '" << giver->name
                 << "' gives it; give it to all candidates or to none";
  return success();
}

/// Fails with a diagnostic at the layer if `operand` cannot have the encoding.
static LogicalResult verifyOperand(const Layer &layer,
                                   const FormatChoice &choice,
                                   OpOperand &operand,
                                   const OperandEncoding &encoding) {
  if (!encoding.format)
    return success();
  auto type = cast<RankedTensorType>(operand.get().getType());
  return encoding.format.verifyEncoding(
      type.getShape(), type.getElementType(), [&] {
        return layer.op->emitOpError()
               << "is the layer '" << layer.name << "', which cannot have the "
               << "candidate " << choice.str() << ": ";
      });
}

/// All costs of the choice that are known.
static FailureOr<std::map<std::string, double>>
getCosts(const Layer &layer, const WeightedSum &sum, const FormatChoice &choice,
         const CandidateSources &sources,
         const std::map<std::string, double> &given) {
  std::map<std::string, double> costs = given;
  if (sources.latencies && !costs.count(kLatencyCost.str())) {
    auto entry = sources.latencies->find(layer.name);
    if (entry == sources.latencies->end())
      return layer.op->emitOpError()
             << "is the layer '" << layer.name << "', of which '"
             << sources.latencyFile << "' has no latencies";
    auto latency = entry->second.find(choice.str());
    if (latency == entry->second.end())
      return layer.op->emitOpError()
             << "is the layer '" << layer.name << "', of which '"
             << sources.latencyFile << "' has no latency for " << choice.str();
    costs[kLatencyCost.str()] = latency->second;
  }
  costs.merge(getLayerCosts(sum, choice));
  return costs;
}

FailureOr<LayerCandidates>
mlir::qfmt::getCandidates(const Layer &layer, ArrayRef<FormatChoice> formats,
                          const CandidateSources &sources) {
  FailureOr<std::vector<GivenCandidate>> given = parseGivenCandidates(layer);
  if (failed(given))
    return failure();
  if (given->empty()) {
    if (!sources.damage)
      return layer.op->emitOpError()
             << "is the layer '" << layer.name << "', which has no '"
             << kCandidatesAttr << "'; with damage=given each layer needs it";
    if (formats.empty())
      return layer.op->emitOpError()
             << "is the layer '" << layer.name << "', which has no '"
             << kCandidatesAttr << "', nor are there any by the option "
             << "'candidates'";
    for (const FormatChoice &format : formats)
      given->push_back({format, 0, {}});
  }

  std::optional<WeightedSum> sum = WeightedSum::match(layer.op);
  LayerCandidates result;
  result.group.name = layer.name;
  for (const GivenCandidate &candidate : *given) {
    const FormatChoice &format = candidate.format;
    if (failed(verifyOperand(layer, format, *layer.weights,
                             getWeightEncoding(format.weights, *sum))) ||
        failed(verifyOperand(
            layer, format, *layer.data,
            getDataEncoding(format.activations, layer.op, *layer.data))))
      return failure();
    FailureOr<double> damage = candidate.damage;
    if (sources.damage)
      damage = sources.damage->compute(layer, *sum, format);
    if (failed(damage))
      return failure();
    FailureOr<std::map<std::string, double>> costs =
        getCosts(layer, *sum, format, sources, candidate.costs);
    if (failed(costs))
      return failure();
    result.formats.push_back(format);
    result.group.choices.push_back({format.str(), *damage, std::move(*costs)});
  }
  return result;
}
