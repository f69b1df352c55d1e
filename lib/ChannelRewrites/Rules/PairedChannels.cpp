// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PairedChannels.h"
#include "../../Transforms/LinalgUses.h"
#include "../Materialize.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace mlir::qfmt;

/// What `value` negates, element by element; null if it does not.
static Value getNegated(Value value) {
  auto op = value.getDefiningOp<linalg::LinalgOp>();
  if (!op || !qfmt::isElementwise(op) || op.getNumDpsInputs() != 1 ||
      !op.getMatchingIndexingMap(op.getDpsInputOperand(0)).isIdentity())
    return {};
  auto negate = op.getBlock()
                    ->getTerminator()
                    ->getOperand(0)
                    .getDefiningOp<arith::NegFOp>();
  if (!negate || negate.getOperand() != op.getBlock()->getArgument(0))
    return {};
  return op.getDpsInputOperand(0)->get();
}

std::optional<PairedChannels>
PairedChannels::match(tensor::ExtractSliceOp slice) {
  Value value = slice;
  for (unsigned step = 0; step < 2 && value.hasOneUse(); ++step) {
    Operation *user = *value.user_begin();
    if (auto concat = dyn_cast<tensor::ConcatOp>(user))
      return match(concat);
    if (user->getNumResults() != 1 || getNegated(user->getResult(0)) != value)
      return std::nullopt;
    value = user->getResult(0);
  }
  return std::nullopt;
}

std::optional<PairedChannels> PairedChannels::match(tensor::ConcatOp concat) {
  PairedChannels result;
  result.concat = concat;
  result.axis = concat.getDim();
  if (!hasChannels(concat.getResultType()))
    return std::nullopt;
  for (Value part : concat.getInputs()) {
    double sign = 1;
    if (Value negated = getNegated(part)) {
      if (!part.hasOneUse())
        return std::nullopt;
      sign = -1;
      part = negated;
    }
    auto slice = part.getDefiningOp<tensor::ExtractSliceOp>();
    if (!slice || !part.hasOneUse() || !slice.hasUnitStride() ||
        slice.getSourceType() != concat.getResultType() ||
        ShapedType::isDynamicShape(slice.getStaticOffsets()) ||
        slice.getType().getRank() != slice.getSourceType().getRank() ||
        (result.input && slice.getSource() != result.input))
      return std::nullopt;
    for (auto [dim, size] : llvm::enumerate(slice.getStaticSizes()))
      if (static_cast<int64_t>(dim) != result.axis &&
          size != slice.getSourceType().getDimSize(dim))
        return std::nullopt;
    result.input = slice.getSource();
    result.slices.push_back(slice);
    int64_t offset = slice.getStaticOffsets()[result.axis];
    for (int64_t i = 0; i < slice.getStaticSizes()[result.axis]; ++i) {
      result.source.push_back(offset + i);
      result.sign.push_back(sign);
    }
  }
  // Each once.
  std::vector<int64_t> sorted = result.source;
  llvm::sort(sorted);
  for (auto [i, channel] : llvm::enumerate(sorted))
    if (channel != static_cast<int64_t>(i))
      return std::nullopt;
  return result;
}

ChannelMap PairedChannels::onAxis(const ChannelMap &map) const {
  if (llvm::is_contained(map.axes, axis))
    return map;
  SmallVector<int64_t> axes = map.axes, shape = map.shape;
  size_t position = llvm::lower_bound(axes, axis) - axes.begin();
  axes.insert(axes.begin() + position, axis);
  shape.insert(shape.begin() + position, source.size());
  return map.extended(axes, shape);
}

static int64_t getInner(const ChannelMap &map, int64_t axis) {
  size_t position = llvm::find(map.axes, axis) - map.axes.begin();
  return ShapedType::getNumElements(
      ArrayRef(map.shape).drop_front(position + 1));
}

int64_t PairedChannels::getSource(const ChannelMap &map, int64_t number) const {
  int64_t inner = getInner(map, axis), size = source.size();
  int64_t index = number / inner % size;
  return number + (source[index] - index) * inner;
}

double PairedChannels::getSign(const ChannelMap &map, int64_t number) const {
  return sign[number / getInner(map, axis) % sign.size()];
}

std::optional<ChannelMap>
PairedChannels::getResultMap(const ChannelMap &inputMap) const {
  if (inputMap.rotation)
    return std::nullopt;
  ChannelMap from = onAxis(inputMap), to = from;
  for (int64_t i = 0; i < to.size(); ++i) {
    to.scale[i] = from.scale[getSource(from, i)];
    to.shift[i] = getSign(from, i) * from.shift[getSource(from, i)];
  }
  return to.simplified();
}

std::optional<ChannelMap>
PairedChannels::getInputMap(const ChannelMap &resultMap) const {
  if (resultMap.rotation)
    return std::nullopt;
  ChannelMap from = onAxis(resultMap), to = from;
  for (int64_t i = 0; i < to.size(); ++i) {
    to.scale[getSource(from, i)] = from.scale[i];
    to.shift[getSource(from, i)] = getSign(from, i) * from.shift[i];
  }
  return to.simplified();
}

/// Where each new channel of the result comes from, among the input's new ones.
static std::vector<int64_t> invert(ArrayRef<int64_t> order) {
  std::vector<int64_t> places(order.size());
  for (auto [to, from] : llvm::enumerate(order))
    places[from] = to;
  return places;
}

bool PairedChannels::needsGather(const ChannelMap &inputMap) const {
  ChannelMap map = onAxis(inputMap);
  std::vector<int64_t> places = invert(map.order);
  for (int64_t i = 0; i < map.size(); ++i)
    if (places[getSource(map, map.order[i])] != getSource(map, i) ||
        getSign(map, map.order[i]) != getSign(map, i))
      return true;
  return false;
}

void PairedChannels::replaceByGather(const ChannelMap &inputMap) const {
  ChannelMap map = onAxis(inputMap);
  std::vector<int64_t> places = invert(map.order);
  ChannelMap gather(map.axes, map.shape);
  std::vector<double> signs;
  for (int64_t i = 0; i < map.size(); ++i) {
    gather.order[i] = places[getSource(map, map.order[i])];
    signs.push_back(getSign(map, map.order[i]));
  }
  tensor::ConcatOp op = concat;
  OpBuilder builder(op);
  op.getResult().replaceAllUsesWith(
      // What the slices read by now, which may have been changed for them.
      materializeGather(builder, op.getLoc(),
                        tensor::ExtractSliceOp(slices.front()).getSource(),
                        gather, signs));
}
