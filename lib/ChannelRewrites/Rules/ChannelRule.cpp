// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Rules.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/BuiltinTypes.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

bool mlir::qfmt::hasChannels(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getNumElements() != 0 &&
         !tensor.getEncoding() &&
         (tensor.getElementType().isF32() ||
          !isa<FloatType>(tensor.getElementType()));
}

const ChannelRule *ChannelRule::get(Operation *op,
                                    const ExactConstants &constants) {
  for (Type type :
       llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (isa<ShapedType>(type) && !hasChannels(type))
      return nullptr;
  if (const ChannelRule *rule = getWeightedSumRule(op, constants))
    return rule;
  for (auto getter :
       {getProductSumRule, getElementwiseRule, getReductionRule, getMoveRule})
    if (const ChannelRule *rule = getter(op))
      return rule;
  return nullptr;
}

std::optional<ChannelRule::Change> ChannelRule::prepare(Operation *,
                                                        const OperationMaps &,
                                                        ExactConstants &,
                                                        std::string &) const {
  return Change();
}

std::optional<ChannelMap> mlir::qfmt::toLoops(const ChannelMap &map,
                                              AffineMap indexing) {
  for (int64_t dim : map.axes)
    if (!isa<AffineDimExpr>(indexing.getResult(dim)))
      return std::nullopt;
  return map.renamed([&](int64_t dim) {
    return cast<AffineDimExpr>(indexing.getResult(dim)).getPosition();
  });
}

std::optional<ChannelMap> mlir::qfmt::toDims(const ChannelMap &map,
                                             AffineMap indexing) {
  ChannelMap loops = map.simplified();
  auto getDim = [&](int64_t loop) -> std::optional<unsigned> {
    return indexing.getResultPosition(
        getAffineDimExpr(loop, indexing.getContext()));
  };
  for (int64_t loop : loops.axes) {
    if (!getDim(loop))
      return std::nullopt;
    // In no other index.
    for (auto [dim, expr] : llvm::enumerate(indexing.getResults()))
      if (dim != *getDim(loop) && expr.isFunctionOfDim(loop))
        return std::nullopt;
  }
  return loops.renamed([&](int64_t loop) { return *getDim(loop); });
}

std::optional<ChannelMap> mlir::qfmt::getOperandOrder(const ChannelMap &loops,
                                                      AffineMap indexing) {
  ChannelMap order = loops.getOrder().simplified();
  bool stays = llvm::all_of(order.axes, [&](int64_t loop) {
    return !indexing.isFunctionOfDim(loop) || order.keepsIndex(loop);
  });
  if (stays)
    return ChannelMap();
  return toDims(order, indexing);
}

std::vector<double> mlir::qfmt::changeChannels(ArrayRef<double> values,
                                               ArrayRef<int64_t> shape,
                                               const ChannelMap &map) {
  std::vector<double> result(values.begin(), values.end());
  if (map.isIdentity())
    return result;
  SmallVector<int64_t> strides = computeSuffixProduct(shape);
  // Where channels lie, and where their first elements do.
  auto getOffsets = [&](function_ref<bool(int64_t)> contains) {
    std::vector<int64_t> offsets = {0};
    for (int64_t dim = 0; dim < static_cast<int64_t>(shape.size()); ++dim) {
      if (!contains(dim))
        continue;
      std::vector<int64_t> inner;
      for (int64_t offset : offsets)
        for (int64_t i = 0; i < shape[dim]; ++i)
          inner.push_back(offset + i * strides[dim]);
      offsets = std::move(inner);
    }
    return offsets;
  };
  auto isAxis = [&](int64_t dim) { return llvm::is_contained(map.axes, dim); };
  std::vector<int64_t> channels = getOffsets(isAxis);
  std::vector<double> row(channels.size());
  for (int64_t start : getOffsets([&](int64_t dim) { return !isAxis(dim); })) {
    for (size_t i = 0; i < row.size(); ++i) {
      int64_t old = map.order[i];
      row[i] =
          (values[start + channels[old]] - map.shift[old]) / map.scale[old];
    }
    if (map.rotation)
      map.rotation->apply(row);
    for (size_t i = 0; i < row.size(); ++i)
      result[start + channels[i]] = row[i];
  }
  return result;
}

CompactTensor mlir::qfmt::compactTensor(ArrayRef<int64_t> axes,
                                        ArrayRef<int64_t> shape,
                                        ArrayRef<double> values,
                                        ArrayRef<int64_t> kept) {
  CompactTensor result = {SmallVector<int64_t>(axes),
                          SmallVector<int64_t>(shape), values.vec()};
  for (size_t position = axes.size(); position-- > 0;) {
    if (llvm::is_contained(kept, axes[position]))
      continue;
    int64_t size = shape[position];
    int64_t inner = ShapedType::getNumElements(
        ArrayRef(result.shape).drop_front(position + 1));
    std::vector<double> firsts;
    bool varies = false;
    for (int64_t start = 0, e = result.values.size(); start < e && !varies;
         start += inner * size)
      for (int64_t i = 0; i < inner && !varies; ++i) {
        firsts.push_back(result.values[start + i]);
        for (int64_t k = 1; k < size; ++k)
          varies |= result.values[start + k * inner + i] != firsts.back();
      }
    if (varies)
      continue;
    result.axes.erase(result.axes.begin() + position);
    result.shape.erase(result.shape.begin() + position);
    result.values = std::move(firsts);
  }
  return result;
}

bool mlir::qfmt::fitsFloat(ArrayRef<double> values, std::string &reason) {
  for (double value : values)
    if (!std::isfinite(static_cast<float>(value))) {
      reason = "a constant would not be finite any more";
      return false;
    }
  return true;
}
