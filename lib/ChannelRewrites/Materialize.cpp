// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Materialize.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/LayerAttributes.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

int64_t mlir::qfmt::countMaterialized(const ChannelMap &map) {
  return (map.scales() || map.shifts()) + map.permutes() +
         (map.rotation != nullptr);
}

bool mlir::qfmt::fitsMaterialized(const ChannelMap &map, std::string &reason) {
  for (auto [scale, shift] : llvm::zip_equal(map.scale, map.shift))
    if (!std::isnormal(static_cast<float>(scale)) ||
        !std::isnormal(static_cast<float>(1 / scale)) ||
        !std::isfinite(static_cast<float>(shift)) ||
        !std::isfinite(static_cast<float>(shift / scale))) {
      reason = "a scale or shift at run time would not be finite, or 0";
      return false;
    }
  return true;
}

namespace {

class Materializer {
public:
  Materializer(OpBuilder &builder, Location loc, Value value,
               const ChannelMap &map)
      : builder(builder), loc(loc),
        type(cast<RankedTensorType>(value.getType())), map(map) {}

  /// x * factor + offset, numbers by channel.
  Value scale(Value x, std::vector<double> factor, std::vector<double> offset,
              ExactConstants &constants);
  /// Channel order[i] of x, negated where `signs` says so, as channel i.
  Value gather(Value x, ArrayRef<int64_t> order, ArrayRef<double> signs = {});
  Value rotate(Value x, bool inverse, ExactConstants &constants);

private:
  AffineMap getIdentity() {
    return builder.getMultiDimIdentityMap(type.getRank());
  }
  /// The dimensions that number the channels.
  AffineMap getChannels() {
    SmallVector<AffineExpr> exprs;
    for (int64_t axis : map.axes)
      exprs.push_back(builder.getAffineDimExpr(axis));
    if (exprs.empty())
      exprs.push_back(builder.getAffineConstantExpr(0));
    return AffineMap::get(type.getRank(), 0, exprs, builder.getContext());
  }
  SmallVector<int64_t> getChannelShape() {
    return map.axes.empty() ? SmallVector<int64_t>{1} : map.shape;
  }
  Value makeEmpty(RankedTensorType like) {
    return tensor::EmptyOp::create(builder, loc, like.getShape(),
                                   like.getElementType());
  }
  Value reshape(Value value, ArrayRef<int64_t> shape,
                ArrayRef<ReassociationIndices> groups, bool expands) {
    auto result = RankedTensorType::get(shape, type.getElementType());
    if (expands)
      return tensor::ExpandShapeOp::create(builder, loc, result, value, groups);
    return tensor::CollapseShapeOp::create(builder, loc, result, value, groups);
  }

  OpBuilder &builder;
  Location loc;
  RankedTensorType type;
  const ChannelMap &map;
};

Value Materializer::scale(Value x, std::vector<double> factor,
                          std::vector<double> offset,
                          ExactConstants &constants) {
  auto vary = [](ArrayRef<double> values, double neutral) {
    return llvm::any_of(values, [&](double v) { return v != neutral; });
  };
  SmallVector<Value> inputs = {x};
  SmallVector<AffineMap> maps = {getIdentity()};
  bool multiplies = vary(factor, 1), adds = vary(offset, 0);
  auto channelType =
      RankedTensorType::get(getChannelShape(), type.getElementType());
  for (auto [used, values] :
       {std::pair(multiplies, &factor), std::pair(adds, &offset)}) {
    if (!used)
      continue;
    inputs.push_back(constants.create(builder, loc, channelType,
                                      std::move(*values), "channels"));
    maps.push_back(getChannels());
  }
  maps.push_back(getIdentity());
  SmallVector<utils::IteratorType> loops(type.getRank(),
                                         utils::IteratorType::parallel);
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    Value result = args[0];
    unsigned next = 1;
    if (multiplies)
      result = arith::MulFOp::create(b, loc, result, args[next++]);
    if (adds)
      result = arith::AddFOp::create(b, loc, result, args[next++]);
    linalg::YieldOp::create(b, loc, result);
  };
  return linalg::GenericOp::create(builder, loc, type, inputs,
                                   ValueRange{makeEmpty(type)}, maps, loops,
                                   body)
      .getResult(0);
}

Value Materializer::gather(Value x, ArrayRef<int64_t> order,
                           ArrayRef<double> signs) {
  // Indices of the element that goes to each channel, one tensor an axis.
  SmallVector<int64_t> strides = computeSuffixProduct(map.shape);
  auto indexType = RankedTensorType::get(map.shape, builder.getI32Type());
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (size_t position = 0; position < map.axes.size(); ++position) {
    std::vector<int64_t> indices;
    for (int64_t source : order)
      indices.push_back(delinearize(source, strides)[position]);
    inputs.push_back(arith::ConstantOp::create(
        builder, loc, makeIntegers(indexType, indices, "order")));
    maps.push_back(getChannels());
  }
  if (!signs.empty()) {
    auto signType = RankedTensorType::get(map.shape, type.getElementType());
    inputs.push_back(arith::ConstantOp::create(
        builder, loc, makeFloats(signType, signs, "signs")));
    maps.push_back(getChannels());
  }
  maps.push_back(getIdentity());
  SmallVector<utils::IteratorType> loops(type.getRank(),
                                         utils::IteratorType::parallel);
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    SmallVector<Value> index;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      const int64_t *axis = llvm::find(map.axes, dim);
      if (axis == map.axes.end())
        index.push_back(linalg::IndexOp::create(b, loc, dim));
      else
        index.push_back(arith::IndexCastOp::create(
            b, loc, b.getIndexType(), args[axis - map.axes.begin()]));
    }
    Value element = tensor::ExtractOp::create(b, loc, x, index);
    if (!signs.empty())
      element = arith::MulFOp::create(b, loc, element, args[map.axes.size()]);
    linalg::YieldOp::create(b, loc, element);
  };
  return linalg::GenericOp::create(builder, loc, type, inputs,
                                   ValueRange{makeEmpty(type)}, maps, loops,
                                   body)
      .getResult(0);
}

/// y[..., block, j] = sum over i of x[..., block, i] * R[(block,) i, j].
Value Materializer::rotate(Value x, bool inverse, ExactConstants &constants) {
  const Rotation &rotation = *map.rotation;
  int64_t size = rotation.getBlock(), axis = map.axes.back();
  // The last axis in blocks; an outer part of it, and other axes, choose one.
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    ReassociationIndices group = {static_cast<int64_t>(shape.size())};
    if (dim == axis) {
      shape.push_back(type.getDimSize(dim) / size);
      group.push_back(shape.size());
      shape.push_back(size);
    } else {
      shape.push_back(type.getDimSize(dim));
    }
    groups.push_back(group);
  }
  int64_t rank = shape.size(), in = rank, out = axis + 1;
  Value blocks = reshape(x, shape, groups, /*expands=*/true);

  bool same = rotation.hasSameBlocks();
  SmallVector<int64_t> matrixShape;
  SmallVector<AffineExpr> matrixExprs, inExprs, outExprs;
  for (int64_t dim = 0; dim < rank; ++dim) {
    outExprs.push_back(builder.getAffineDimExpr(dim));
    inExprs.push_back(builder.getAffineDimExpr(dim == out ? in : dim));
    int64_t original = dim <= axis ? dim : dim - 1;
    if (same || dim == out || !llvm::is_contained(map.axes, original))
      continue;
    matrixShape.push_back(shape[dim]);
    matrixExprs.push_back(builder.getAffineDimExpr(dim));
  }
  matrixExprs.push_back(builder.getAffineDimExpr(inverse ? out : in));
  matrixExprs.push_back(builder.getAffineDimExpr(inverse ? in : out));
  matrixShape.append({size, size});
  std::vector<double> matrix;
  int64_t numBlocks = ShapedType::getNumElements(matrixShape) / (size * size);
  for (int64_t number = 0; number < numBlocks; ++number)
    llvm::append_range(matrix, rotation.getBlockMatrix(number));
  Type element = type.getElementType();
  Value constant = constants.create(builder, loc,
                                    RankedTensorType::get(matrixShape, element),
                                    std::move(matrix), "rotation");

  auto wide = RankedTensorType::get(shape, element);
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  Value init =
      linalg::FillOp::create(builder, loc, zero, makeEmpty(wide)).getResult(0);
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> exprs :
       {ArrayRef(inExprs), ArrayRef(matrixExprs), ArrayRef(outExprs)})
    maps.push_back(AffineMap::get(rank + 1, 0, exprs, builder.getContext()));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  loops.push_back(utils::IteratorType::reduction);
  auto body = [](OpBuilder &b, Location loc, ValueRange args) {
    Value product = arith::MulFOp::create(b, loc, args[0], args[1]);
    linalg::YieldOp::create(
        b, loc, arith::AddFOp::create(b, loc, args[2], product).getResult());
  };
  auto op = linalg::GenericOp::create(builder, loc, wide,
                                      ValueRange{blocks, constant},
                                      ValueRange{init}, maps, loops, body);
  // It is no layer: what it computes is not to lose anything.
  op->setAttr(kAssignedAttr, builder.getStringAttr("f32"));
  return reshape(op.getResult(0), type.getShape(), groups, /*expands=*/false);
}

} // namespace

Value mlir::qfmt::materialize(OpBuilder &builder, Value value,
                              const ChannelMap &map,
                              ExactConstants &constants) {
  Materializer materializer(builder, value.getLoc(), value, map);
  if (map.rotation)
    return materializer.rotate(value, /*inverse=*/false, constants);
  if (map.scales() || map.shifts()) {
    std::vector<double> factor, offset;
    for (auto [scale, shift] : llvm::zip_equal(map.scale, map.shift)) {
      factor.push_back(1 / scale);
      offset.push_back(-shift / scale);
    }
    value = materializer.scale(value, std::move(factor), std::move(offset),
                               constants);
  }
  return map.permutes() ? materializer.gather(value, map.order) : value;
}

Value mlir::qfmt::materializeInverse(OpBuilder &builder, Value value,
                                     const ChannelMap &map,
                                     ExactConstants &constants) {
  Materializer materializer(builder, value.getLoc(), value, map);
  if (map.rotation)
    return materializer.rotate(value, /*inverse=*/true, constants);
  if (map.permutes()) {
    std::vector<int64_t> back(map.order.size());
    for (auto [to, from] : llvm::enumerate(map.order))
      back[from] = to;
    value = materializer.gather(value, back);
  }
  if (map.scales() || map.shifts())
    value = materializer.scale(value, map.scale, map.shift, constants);
  return value;
}

Value mlir::qfmt::materializeGather(OpBuilder &builder, Location loc,
                                    Value value, const ChannelMap &order,
                                    ArrayRef<double> signs) {
  return Materializer(builder, loc, value, order)
      .gather(value, order.order, signs);
}
