// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelRewriter.h"
#include "../Transforms/Assign/WeightMatrices.h"
#include "../Transforms/LinalgUses.h"
#include "../Transforms/WeightedSum.h"
#include "ChannelPlan.h"
#include "VerifyEquivalence.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/Statistic.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-channel-rewrites"
ALWAYS_ENABLED_STATISTIC(numTensors, "Tensors whose channels were changed");
ALWAYS_ENABLED_STATISTIC(numLeft, "Changes of channels that were refused");
ALWAYS_ENABLED_STATISTIC(numFolded, "Operations that absorbed a change");
ALWAYS_ENABLED_STATISTIC(numAdded,
                         "Operations added that change channels at run time");
ALWAYS_ENABLED_STATISTIC(numElements, "Elements that these compute each call");

int64_t SharedInput::getNumChannels() const {
  return ShapedType::getNumElements(shape);
}

SmallVector<Operation *> SharedInput::getReaders() const {
  return llvm::map_to_vector(readers, [](ChannelReader reader) {
    return reader.layer.op.getOperation();
  });
}

/// Named element-wise operations: their constants cannot become others.
static void generalizeElementwise(ModuleOp module) {
  SmallVector<linalg::LinalgOp> ops;
  module.walk([&](linalg::LinalgOp op) {
    if (qfmt::isElementwise(op) && op.getNumLoops() != 0 &&
        !isa<linalg::GenericOp, linalg::FillOp, linalg::TransposeOp,
             linalg::BroadcastOp, linalg::CopyOp>(op.getOperation()))
      ops.push_back(op);
  });
  IRRewriter rewriter(module.getContext());
  for (linalg::LinalgOp op : ops) {
    rewriter.setInsertionPoint(op);
    (void)linalg::generalizeNamedOp(rewriter, op);
  }
}

ChannelRewriter::ChannelRewriter(ModuleOp module, const ChannelOptions &options)
    : module(module), options(options) {
  if (options.verifyEquivalence)
    original = module.clone();
  generalizeElementwise(module);
}

ChannelRewriter::~ChannelRewriter() = default;

//===----------------------------------------------------------------------===//
// Layers that read channels
//===----------------------------------------------------------------------===//

namespace {
/// The dimensions of a layer's data that it sums over, with weights.
struct ReadChannels {
  SmallVector<int64_t> axes, shape;
  /// Of the weights, in the same order.
  SmallVector<int64_t> weightDims;
};
} // namespace

static std::optional<WeightedSum> matchExact(Operation *op,
                                             const ExactConstants &constants) {
  return WeightedSum::match(op, constants.getLookup());
}

static ReadChannels getReadChannels(const WeightedSum &sum) {
  linalg::LinalgOp op = sum.op;
  AffineMap data = op.getMatchingIndexingMap(sum.data);
  AffineMap weights = op.getMatchingIndexingMap(sum.weights);
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  auto type = cast<RankedTensorType>(sum.data->get().getType());
  ReadChannels channels;
  for (auto [dim, expr] : llvm::enumerate(data.getResults())) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (!loop || result.isFunctionOfDim(loop.getPosition()))
      continue;
    std::optional<unsigned> weightDim = weights.getResultPosition(loop);
    if (!weightDim)
      continue;
    channels.axes.push_back(dim);
    channels.shape.push_back(type.getDimSize(dim));
    channels.weightDims.push_back(*weightDim);
  }
  return channels;
}

/// Weights as [channels][others], channels numbered along `dims`.
static std::vector<double> arrangeWeights(const ConstantTensor &values,
                                          ArrayRef<int64_t> dims) {
  ArrayRef<int64_t> shape = values.getShape();
  int64_t channels = 1;
  for (int64_t dim : dims)
    channels *= shape[dim];
  int64_t others = values.getNumElements() / std::max<int64_t>(channels, 1);
  std::vector<double> result(values.getNumElements());
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t channel = 0, other = 0;
    for (int64_t dim : dims)
      channel = channel * shape[dim] + index[dim];
    for (auto [dim, size] : llvm::enumerate(shape))
      if (!llvm::is_contained(dims, dim))
        other = other * size + index[dim];
    result[channel * others + other] = values.at(index);
  });
  return result;
}

/// The dimensions of the weights that the loops behind `axes` of a tensor
/// index.
static SmallVector<int64_t> getWeightDims(const WeightedSum &sum,
                                          ArrayRef<int64_t> axes,
                                          AffineMap indexing) {
  linalg::LinalgOp op = sum.op;
  AffineMap weights = op.getMatchingIndexingMap(sum.weights);
  SmallVector<int64_t> dims;
  for (int64_t axis : axes)
    if (std::optional<unsigned> dim =
            weights.getResultPosition(indexing.getResult(axis)))
      dims.push_back(*dim);
  return dims;
}

/// Of each position of the depth, along the weights' dimensions that the result
/// has not, its channel.
static std::vector<int64_t> getChannelOfDepth(const WeightedSum &sum,
                                              ArrayRef<int64_t> weightDims) {
  linalg::LinalgOp op = sum.op;
  AffineMap weights = op.getMatchingIndexingMap(sum.weights);
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<int64_t> depthDims, depthShape;
  for (auto [dim, expr] : llvm::enumerate(weights.getResults()))
    if (!result.isFunctionOfDim(cast<AffineDimExpr>(expr).getPosition())) {
      depthDims.push_back(dim);
      depthShape.push_back(sum.values.getShape()[dim]);
    }
  std::vector<int64_t> channels;
  forEachIndex(depthShape, [&](ArrayRef<int64_t> index) {
    int64_t channel = 0;
    for (int64_t dim : weightDims)
      channel = channel * sum.values.getShape()[dim] +
                index[llvm::find(depthDims, dim) - depthDims.begin()];
    channels.push_back(channel);
  });
  return channels;
}

FailureOr<std::vector<SharedInput>> ChannelRewriter::collectSharedInputs() {
  FailureOr<SmallVector<Layer>> layers = collectLayers(module);
  if (failed(layers))
    return failure();
  std::vector<SharedInput> inputs;
  for (Layer &layer : *layers) {
    std::optional<WeightedSum> sum = matchExact(layer.op, constants);
    ReadChannels channels = getReadChannels(*sum);
    // Depthwise convolutions sum no channels up, and of dynamic shapes, or none
    // at all, there is nothing to change.
    if (channels.axes.empty() || !hasChannels(layer.data->get().getType()))
      continue;
    ChannelReader reader;
    reader.layer = layer;
    reader.channels = ShapedType::getNumElements(channels.shape);
    reader.weights = arrangeWeights(sum->values, channels.weightDims);
    reader.others = reader.weights.size() / reader.channels;
    reader.channelOfDepth = getChannelOfDepth(*sum, channels.weightDims);
    auto known = llvm::find_if(inputs, [&](const SharedInput &input) {
      return input.tensor == layer.data->get() && input.axes == channels.axes;
    });
    if (known == inputs.end()) {
      inputs.push_back({layer.data->get(), channels.axes, channels.shape, {}});
      known = std::prev(inputs.end());
    }
    known->readers.push_back(std::move(reader));
  }
  return inputs;
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

/// Empty if the map is one that may be asked for.
static std::string checkMap(Value tensor, const ChannelMap &map,
                            const ExactConstants &constants) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type || !hasChannels(type) || !type.getElementType().isF32())
    return "it is no tensor of f32 of static shape with elements and no "
           "encoding";
  if (constants.read(tensor))
    return "it is a constant";
  for (auto [axis, size] : llvm::zip_equal(map.axes, map.shape))
    if (axis >= type.getRank() || type.getDimSize(axis) != size)
      return "it has not these channels";
  for (double scale : map.scale)
    if (!std::isnormal(scale) || scale < 0 || !std::isnormal(1 / scale))
      return "a channel's scale is not a positive number";
  for (double shift : map.shift)
    if (!std::isfinite(shift))
      return "a channel's shift is no number";
  return "";
}

static std::optional<ChannelPlan> findPlan(Value tensor, const ChannelMap &map,
                                           ArrayRef<Operation *> readers,
                                           const ExactConstants &constants,
                                           const ChannelOptions &options,
                                           std::string &reason) {
  reason = checkMap(tensor, map, constants);
  if (!reason.empty())
    return std::nullopt;
  std::optional<ChannelPlan> plan =
      ChannelPlan::find(tensor, map, readers, constants, reason);
  if (!plan || (plan->getCost().materialized == 0 && !plan->gathers()))
    return plan;
  bool allowed = (options.gather || !plan->gathers()) &&
                 (options.materialize || !plan->changesNumbers());
  if (allowed && plan->canMaterialize())
    return plan;
  reason = plan->getObstacle().str();
  return std::nullopt;
}

std::optional<ChannelCost>
ChannelRewriter::getCost(Value tensor, const ChannelMap &map,
                         ArrayRef<Operation *> readers, std::string *reason) {
  std::string why;
  std::optional<ChannelPlan> plan =
      findPlan(tensor, map, readers, constants, options, why);
  if (reason)
    *reason = why;
  if (!plan)
    return std::nullopt;
  return plan->getCost();
}

SmallVector<AffectedLayer>
ChannelRewriter::getAffectedLayers(Value tensor, const ChannelMap &map,
                                   ArrayRef<Operation *> readers) {
  std::string reason;
  std::optional<ChannelPlan> plan =
      findPlan(tensor, map, readers, constants, options, reason);
  SmallVector<AffectedLayer> layers;
  if (!plan)
    return layers;
  for (const ChannelPlan::Step *step : plan->getSteps()) {
    std::optional<WeightedSum> sum = matchExact(step->op, constants);
    if (!sum)
      continue;
    const ChannelMap &result = step->maps.results[0];
    const ChannelMap &data = step->maps.operands[sum->data->getOperandNumber()];
    for (bool computes : {true, false}) {
      const ChannelMap &own = computes ? result : data;
      if (own.isIdentity())
        continue;
      AffectedLayer layer = {sum->op, {}, computes};
      AffineMap indexing =
          computes
              ? sum->op.getMatchingIndexingMap(sum->op.getDpsInitOperand(0))
              : sum->op.getMatchingIndexingMap(sum->data);
      SmallVector<int64_t> dims = getWeightDims(*sum, own.axes, indexing);
      if (own.size() == map.size() &&
          dims.size() == static_cast<size_t>(own.axes.size()))
        layer.weights = arrangeWeights(sum->values, dims);
      layers.push_back(std::move(layer));
    }
  }
  return layers;
}

bool ChannelRewriter::rewrite(Value tensor, const ChannelMap &map,
                              ArrayRef<Operation *> readers, StringRef what) {
  Location loc = tensor.getLoc();
  auto remark = [&] { return emitRemark(loc) << what << ": "; };
  std::string reason;
  std::optional<ChannelPlan> plan =
      findPlan(tensor, map, readers, constants, options, reason);
  if (!plan || !plan->apply(constants, reason)) {
    ++numRefused;
    ++numLeft;
    remark() << "the " << map.describe() << " of " << map.size()
             << " channels is refused: " << reason;
    return false;
  }
  const ChannelCost &cost = plan->getCost();
  ++numRewrites;
  ++numTensors;
  numFolded += cost.folded;
  numAdded += cost.materialized;
  numElements += cost.elements;
  total.folded += cost.folded;
  total.materialized += cost.materialized;
  total.elements += cost.elements;
  InFlightDiagnostic diag = remark();
  diag << map.describe() << " of " << map.size() << " channels, folded into "
       << cost.folded << " operations";
  if (cost.materialized != 0)
    diag << ", " << cost.materialized << " added that compute " << cost.elements
         << " elements (" << plan->getObstacle() << ")";
  return true;
}

LogicalResult ChannelRewriter::finish() {
  LogicalResult result = success();
  if (options.verifyEquivalence && numRewrites != 0)
    result = verifyEquivalence(*original, module, constants);
  IRRewriter rewriter(module.getContext());
  (void)runRegionDCE(rewriter, module->getRegions());
  return result;
}
