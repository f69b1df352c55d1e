// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MemoryCosts.h"
#include "LayerCosts.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// Bytes of the tensor with one static scale.
static double getBytes(ObserveOp tensor, NumberFormat format) {
  return llvm::divideCeil(
      getStorageBits(format, tensor.getType().getNumElements()), 8);
}

/// Bytes of the tensor as the layer reads it.
static double getBytes(ObserveOp tensor, const Layer &layer,
                       const OperandFormat &format) {
  if (format.number)
    return getBytes(tensor, format.number);
  OpOperand &data = *layer.data;
  OperandEncoding encoding = getDataEncoding(format, layer.op, data);
  if (!encoding.format)
    return getPackedBytes(tensor.getType(), encoding);
  // Blocks lie in what is read, which may be padded or pooled, or a part.
  auto read = cast<RankedTensorType>(data.get().getType());
  double elements = tensor.getType().getNumElements();
  double readElements = std::max<int64_t>(read.getNumElements(), 1);
  return std::ceil(getPackedBytes(read, encoding) * elements / readElements);
}

namespace {
/// Of one stored tensor: bytes by layer and choice, and those that nothing
/// decides.
struct TensorCosts {
  std::map<unsigned, std::vector<double>> layers;
  double fixed = 0;
};
} // namespace

/// The readers that decide: of tied ones the first.
static SmallVector<unsigned>
getDecidingLayers(const StoredTensor &tensor,
                  ArrayRef<std::vector<unsigned>> tiedSets) {
  SmallVector<unsigned> deciding;
  llvm::DenseSet<const void *> seen;
  for (unsigned layer : tensor.layers)
    for (const std::vector<unsigned> &set : tiedSets)
      if (llvm::is_contained(set, layer) && seen.insert(&set).second)
        deciding.push_back(layer);
  return deciding;
}

static TensorCosts getCosts(const StoredTensor &tensor, ArrayRef<Layer> layers,
                            ArrayRef<LayerCandidates> candidates,
                            NumberFormat otherActivations,
                            ArrayRef<std::vector<unsigned>> tiedSets) {
  TensorCosts costs;
  if (tensor.hasOtherReaders || tensor.layers.empty()) {
    costs.fixed = getBytes(tensor.observer, otherActivations);
    return costs;
  }
  double narrowest = std::numeric_limits<double>::infinity();
  for (unsigned layer : getDecidingLayers(tensor, tiedSets))
    for (const FormatChoice &choice : candidates[layer].formats) {
      double bytes =
          getBytes(tensor.observer, layers[layer], choice.activations);
      costs.layers[layer].push_back(bytes);
      narrowest = std::min(narrowest, bytes);
    }
  for (auto &[layer, bytes] : llvm::drop_begin(costs.layers))
    for (double &entry : bytes)
      entry -= narrowest;
  return costs;
}

std::vector<std::string> mlir::qfmt::addMemoryCosts(
    const ActivationMemory &memory, ArrayRef<Layer> layers,
    ArrayRef<LayerCandidates> candidates, NumberFormat otherActivations,
    assignment::Problem &problem) {
  std::vector<std::vector<unsigned>> tiedSets = problem.getTiedSets();
  std::vector<TensorCosts> tensors;
  for (const StoredTensor &tensor : memory.tensors)
    tensors.push_back(
        getCosts(tensor, layers, candidates, otherActivations, tiedSets));

  std::vector<std::string> names;
  assignment::Group fixed{kFixedTensorsGroup.str(), {{"fixed", 0, {}}}};
  for (const Moment &moment : memory.moments) {
    std::string name = (kActivationBytesCost + " at " + moment.name).str();
    for (assignment::Group &group : problem.groups)
      for (assignment::Choice &choice : group.choices)
        choice.costs[name] = 0;
    double &fixedBytes = fixed.choices.front().costs[name];
    for (unsigned tensor : moment.live) {
      fixedBytes += tensors[tensor].fixed;
      for (const auto &[layer, bytes] : tensors[tensor].layers)
        for (auto [choice, entry] :
             llvm::zip_equal(problem.groups[layer].choices, bytes))
          choice.costs[name] += entry;
    }
    names.push_back(std::move(name));
  }
  bool isAnyFixed = llvm::any_of(
      tensors, [](const TensorCosts &costs) { return costs.fixed > 0; });
  if (isAnyFixed) {
    // Of everything else it costs nothing.
    for (const assignment::Group &group : problem.groups)
      for (const auto &[cost, value] : group.choices.front().costs)
        fixed.choices.front().costs.try_emplace(cost, 0);
    problem.groups.push_back(std::move(fixed));
  }
  return names;
}
