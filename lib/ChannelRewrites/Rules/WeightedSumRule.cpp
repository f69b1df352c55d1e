//===- WeightedSumRule.cpp - Layers ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// result[o] = init[o] + sum over c of data[c] * W[c, o], with constant W:
//
//   channels o of the result   (W / s), ((init - z) / s), both permuted
//   channels c of the data     (W * s) permuted, init + sum over c of z[c] W
//   channels of both           s and z as above; all three are permuted
//                              (depthwise convolutions)
//
// Rotations R: W R on the side of the result, R^T W on the side of the data.
//
//===----------------------------------------------------------------------===//

#include "../../Transforms/WeightedSum.h"
#include "Rules.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// The operation's parts and its maps on loops.
struct Layer {
  WeightedSum sum;
  AffineMap data, weights, result;

  static Layer get(Operation *op, const ExactConstants &constants) {
    WeightedSum sum = *WeightedSum::match(op, constants.getLookup());
    linalg::LinalgOp linalgOp = sum.op;
    return {sum, linalgOp.getMatchingIndexingMap(sum.data),
            linalgOp.getMatchingIndexingMap(sum.weights),
            linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0))};
  }

  OpOperand &getInit() { return *sum.op.getDpsInitOperand(0); }
  bool isShared(int64_t loop) const {
    return data.isFunctionOfDim(loop) && result.isFunctionOfDim(loop);
  }
  bool sharesAll(const ChannelMap &map) const {
    return llvm::all_of(map.axes, [&](int64_t loop) { return isShared(loop); });
  }
  bool sharesNone(const ChannelMap &map) const {
    return llvm::none_of(map.axes,
                         [&](int64_t loop) { return isShared(loop); });
  }
  /// No channel leaves its group, or the batch of weights.
  bool staysInGroup(const ChannelMap &map) const {
    return llvm::all_of(map.axes, [&](int64_t loop) {
      return !isShared(loop) || map.keepsIndex(loop);
    });
  }
  /// In the same sequence, too, if they are rotated.
  bool weightsHave(const ChannelMap &map) const {
    return toDims(map, weights) && llvm::all_of(map.axes, [&](int64_t loop) {
             return weights.isFunctionOfDim(loop);
           });
  }
};

class WeightedSumRule : public ChannelRule {
public:
  bool solveBackward(Operation *op, OperationMaps &maps,
                     const ExactConstants &constants,
                     std::string &reason) const override {
    Layer layer = Layer::get(op, constants);
    std::optional<ChannelMap> found = toLoops(maps.results[0], layer.result);
    if (!found)
      return refuse(reason, "it turns the channels");
    const ChannelMap &map = *found;
    if (!layer.weightsHave(map)) {
      reason = "its weights are the same for several of the channels";
      return false;
    }
    if (!layer.staysInGroup(map)) {
      std::optional<ChannelMap> order = layer.sharesAll(map)
                                            ? toDims(map.getOrder(), layer.data)
                                            : std::nullopt;
      if (!order || map.rotation) {
        reason = "channels would change places between groups";
        return false;
      }
      maps.operands[layer.sum.data->getOperandNumber()] = *order;
    }
    if (!constants.read(layer.getInit().get()))
      maps.operands[layer.getInit().getOperandNumber()] = maps.results[0];
    return true;
  }

  bool solveForward(Operation *op, OperationMaps &maps,
                    const ExactConstants &constants,
                    std::string &reason) const override {
    Layer layer = Layer::get(op, constants);
    ChannelMap &init = maps.operands[layer.getInit().getOperandNumber()];
    ChannelMap &data = maps.operands[layer.sum.data->getOperandNumber()];
    if (!init.isIdentity()) {
      // As if the result had been asked for. Data that is the init, too, is
      // changed back where it does not fit.
      data = ChannelMap();
      maps.results[0] = init;
      return solveBackward(op, maps, constants, reason);
    }
    std::optional<ChannelMap> map = toLoops(data, layer.data);
    if (!map) {
      reason = "it reads the channels through a window";
      return false;
    }
    if (!layer.weightsHave(*map)) {
      reason = "its weights are the same for several of the channels";
      return false;
    }
    if (map->shifts() && !constants.read(layer.getInit().get())) {
      reason = "it has no constant bias that can absorb a shift";
      return false;
    }
    if (layer.staysInGroup(*map))
      return true;
    std::optional<ChannelMap> order =
        layer.sharesAll(*map) ? toDims(map->getOrder(), layer.result)
                              : std::nullopt;
    if (!order || map->rotation) {
      reason = "channels would change places between groups";
      return false;
    }
    maps.results[0] = *order;
    if (!constants.read(layer.getInit().get()))
      init = *order;
    return true;
  }

  std::optional<Change> prepare(Operation *op, const OperationMaps &maps,
                                ExactConstants &constants,
                                std::string &reason) const override;
};

/// `map` without its order if `other` has the same: what is permuted twice over
/// the same loops is permuted once.
ChannelMap withoutCommonOrder(const ChannelMap &map, const ChannelMap &other) {
  if (!map.permutes() ||
      map.getOrder().simplified() != other.getOrder().simplified())
    return map;
  // Scales go by old channels.
  ChannelMap affine = map.getScale();
  affine.shift = map.shift;
  return affine;
}

/// sum over the loops that the result has not of shift * weights, one number
/// for each element of the weights that these leave.
struct Offsets {
  SmallVector<int64_t> loops, shape;
  std::vector<double> values;
};

Offsets getOffsets(const Layer &layer, const ChannelMap &map) {
  Offsets offsets;
  SmallVector<int64_t> strides(layer.weights.getNumResults(), 0);
  for (auto [dim, expr] : llvm::enumerate(layer.weights.getResults())) {
    int64_t loop = cast<AffineDimExpr>(expr).getPosition();
    if (layer.result.isFunctionOfDim(loop)) {
      offsets.loops.push_back(loop);
      offsets.shape.push_back(layer.sum.values.getShape()[dim]);
    }
  }
  // In the order of the result's dimensions, for what broadcasts them.
  SmallVector<size_t> places(offsets.loops.size());
  std::iota(places.begin(), places.end(), 0);
  llvm::sort(places, [&](size_t a, size_t b) {
    auto dim = [&](size_t place) {
      return *layer.result.getResultPosition(
          getAffineDimExpr(offsets.loops[place], layer.result.getContext()));
    };
    return dim(a) < dim(b);
  });
  Offsets sorted;
  for (size_t place : places) {
    sorted.loops.push_back(offsets.loops[place]);
    sorted.shape.push_back(offsets.shape[place]);
  }
  sorted.values.assign(ShapedType::getNumElements(sorted.shape), 0.0);
  if (!map.shifts())
    return sorted;
  int64_t stride = 1;
  for (size_t i = sorted.loops.size(); i-- > 0; stride *= sorted.shape[i])
    strides[*layer.weights.getResultPosition(getAffineDimExpr(
        sorted.loops[i], layer.weights.getContext()))] = stride;
  SmallVector<int64_t> channelStrides(layer.weights.getNumResults(), 0);
  stride = 1;
  for (size_t i = map.axes.size(); i-- > 0; stride *= map.shape[i])
    channelStrides[*layer.weights.getResultPosition(
        getAffineDimExpr(map.axes[i], layer.weights.getContext()))] = stride;
  // Loops that the weights do not have sum the same up again.
  double repeats = 1;
  linalg::LinalgOp op = layer.sum.op;
  for (auto [loop, size] : llvm::enumerate(op.getStaticLoopRanges()))
    if (!layer.result.isFunctionOfDim(loop) &&
        !layer.weights.isFunctionOfDim(loop))
      repeats *= size;
  forEachIndex(layer.sum.values.getShape(), [&](ArrayRef<int64_t> index) {
    int64_t place = 0, channel = 0;
    for (size_t dim = 0; dim < index.size(); ++dim) {
      place += index[dim] * strides[dim];
      channel += index[dim] * channelStrides[dim];
    }
    sorted.values[place] +=
        repeats * map.shift[channel] * layer.sum.values.at(index);
  });
  return sorted;
}

/// init + offsets, then changed by the map of the result.
CompactTensor computeInit(const Layer &layer, const ConstantTensor &old,
                          const Offsets &offsets, const ChannelMap &resultDims,
                          bool addsOffsets) {
  SmallVector<int64_t> kept(resultDims.axes), offsetDims;
  if (addsOffsets)
    for (int64_t loop : offsets.loops) {
      offsetDims.push_back(*layer.result.getResultPosition(
          getAffineDimExpr(loop, layer.result.getContext())));
      kept.push_back(offsetDims.back());
    }
  CompactTensor init =
      compactTensor(llvm::to_vector(llvm::seq<int64_t>(0, old.getRank())),
                    old.getShape(), old.getElements(), kept);
  if (addsOffsets) {
    size_t place = 0;
    forEachIndex(init.shape, [&](ArrayRef<int64_t> index) {
      int64_t number = 0;
      for (auto [dim, size] : llvm::zip_equal(offsetDims, offsets.shape))
        number = number * size +
                 index[llvm::find(init.axes, dim) - init.axes.begin()];
      init.values[place++] += offsets.values[number];
    });
  }
  ChannelMap map = *resultDims.renamed([&](int64_t dim) {
    return llvm::find(init.axes, dim) - init.axes.begin();
  });
  init.values = changeChannels(init.values, init.shape, map);
  return init;
}

Value materializeInit(OpBuilder &builder, Location loc,
                      const CompactTensor &init, RankedTensorType type,
                      StringRef name, ExactConstants &constants) {
  Value constant = constants.create(
      builder, loc, RankedTensorType::get(init.shape, type.getElementType()),
      init.values, name);
  SmallVector<int64_t> repeated;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (!llvm::is_contained(init.axes, dim))
      repeated.push_back(dim);
  if (repeated.empty())
    return constant;
  Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(),
                                        type.getElementType());
  return linalg::BroadcastOp::create(builder, loc, constant, empty, repeated)
      ->getResult(0);
}

std::optional<ChannelRule::Change>
WeightedSumRule::prepare(Operation *op, const OperationMaps &maps,
                         ExactConstants &constants, std::string &reason) const {
  Layer layer = Layer::get(op, constants);
  ChannelMap data =
      *toLoops(maps.operands[layer.sum.data->getOperandNumber()], layer.data);
  ChannelMap result = *toLoops(maps.results[0], layer.result);
  if (data.isIdentity() && result.isIdentity())
    return Change();

  ChannelMap dataSide = data;
  std::fill(dataSide.shift.begin(), dataSide.shift.end(), 0.0);
  dataSide = dataSide.dual();
  ChannelMap resultSide = result;
  std::fill(resultSide.shift.begin(), resultSide.shift.end(), 0.0);
  std::vector<double> weights = changeChannels(
      layer.sum.values.getElements(), layer.sum.values.getShape(),
      *toDims(withoutCommonOrder(dataSide, result), layer.weights));
  weights = changeChannels(weights, layer.sum.values.getShape(),
                           *toDims(resultSide, layer.weights));
  if (!fitsFloat(weights, reason))
    return std::nullopt;

  CompactTensor init;
  std::optional<ConstantTensor> oldInit = constants.read(layer.getInit().get());
  bool addsOffsets = data.shifts();
  bool changesInit = oldInit && (addsOffsets || !result.isIdentity());
  if (changesInit) {
    init = computeInit(layer, *oldInit, getOffsets(layer, data),
                       maps.results[0], addsOffsets);
    if (!fitsFloat(init.values, reason))
      return std::nullopt;
    // 0 stays what it is.
    changesInit = init.values != std::vector<double>(init.values.size(), 0.0) ||
                  oldInit->getElements() !=
                      std::vector<double>(oldInit->getNumElements(), 0.0);
  }
  std::string name = layer.sum.values.getName().str();
  return [=, &constants, weights = std::move(weights),
          init = std::move(init)]() mutable {
    OpBuilder builder(op);
    Location loc = op->getLoc();
    OpOperand &weightOperand =
        op->getOpOperand(layer.sum.weights->getOperandNumber());
    weightOperand.set(constants.create(
        builder, loc, cast<RankedTensorType>(weightOperand.get().getType()),
        std::move(weights), name.empty() ? "weights" : name));
    if (!changesInit)
      return;
    OpOperand &initOperand = *cast<linalg::LinalgOp>(op).getDpsInitOperand(0);
    initOperand.set(materializeInit(
        builder, loc, init, cast<RankedTensorType>(initOperand.get().getType()),
        (name.empty() ? "weights" : name) + ".init", constants));
  };
}

} // namespace

const ChannelRule *
mlir::qfmt::getWeightedSumRule(Operation *op, const ExactConstants &constants) {
  static const WeightedSumRule rule;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureTensorSemantics() ||
      linalgOp.getNumReductionLoops() == 0)
    return nullptr;
  std::optional<WeightedSum> sum =
      WeightedSum::match(op, constants.getLookup());
  // Each loop numbers one dimension of weights and result.
  if (!sum ||
      !linalgOp.getMatchingIndexingMap(sum->weights).isProjectedPermutation() ||
      !linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0))
           .isProjectedPermutation())
    return nullptr;
  return &rule;
}
