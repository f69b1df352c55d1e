//===- MoveRule.cpp - Reshapes, slices, concatenations --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What moves elements moves their channels with them: reshapes that keep the
// channels' order, slices and concatenations along other dimensions, or along
// the channels if none leaves its slice, padding with zeros. Observers see
// other values: what they have recorded is dropped.
//
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

ArrayRef<int64_t> getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===----------------------------------------------------------------------===//
// Observers
//===----------------------------------------------------------------------===//

class ObserveRule : public ChannelRule {
public:
  bool solveBackward(Operation *, OperationMaps &maps, const ExactConstants &,
                     std::string &) const override {
    maps.operands[0] = maps.results[0];
    return true;
  }
  bool solveForward(Operation *, OperationMaps &maps, const ExactConstants &,
                    std::string &) const override {
    maps.results[0] = maps.operands[0];
    return true;
  }
  std::optional<Change> prepare(Operation *op, const OperationMaps &,
                                ExactConstants &,
                                std::string &) const override {
    return [op] { cast<ObserveOp>(op).removeStatisticsAttr(); };
  }
};

//===----------------------------------------------------------------------===//
// Reshapes
//===----------------------------------------------------------------------===//

/// From the dimensions of the larger rank to those of the smaller.
std::optional<ChannelMap> collapse(const ChannelMap &map,
                                   ArrayRef<ReassociationIndices> groups,
                                   ArrayRef<int64_t> wideShape,
                                   ArrayRef<int64_t> narrowShape) {
  SmallVector<int64_t> wideAxes, wide, narrowAxes, narrow;
  for (auto [dim, group] : llvm::enumerate(groups)) {
    if (llvm::none_of(group, [&](int64_t axis) {
          return llvm::is_contained(map.axes, axis);
        }))
      continue;
    for (int64_t axis : group) {
      wideAxes.push_back(axis);
      wide.push_back(wideShape[axis]);
    }
    narrowAxes.push_back(dim);
    narrow.push_back(narrowShape[dim]);
  }
  if (map.rotation &&
      ShapedType::getNumElements(wide) != map.size()) // More than units.
    return std::nullopt;
  ChannelMap full = map.rotation ? map : map.extended(wideAxes, wide);
  return full.withShape(narrowAxes, narrow).simplified();
}

ChannelMap expand(const ChannelMap &map, ArrayRef<ReassociationIndices> groups,
                  ArrayRef<int64_t> wideShape) {
  SmallVector<int64_t> axes, shape;
  for (int64_t dim : map.axes)
    for (int64_t axis : groups[dim])
      if (wideShape[axis] != 1) {
        axes.push_back(axis);
        shape.push_back(wideShape[axis]);
      }
  return map.withShape(axes, shape).simplified();
}

class ReshapeRule : public ChannelRule {
public:
  bool solveBackward(Operation *op, OperationMaps &maps, const ExactConstants &,
                     std::string &reason) const override {
    return solve(op, op->getResult(0), op->getOperand(0), maps.results[0],
                 maps.operands[0], reason);
  }
  bool solveForward(Operation *op, OperationMaps &maps, const ExactConstants &,
                    std::string &reason) const override {
    return solve(op, op->getOperand(0), op->getResult(0), maps.operands[0],
                 maps.results[0], reason);
  }

private:
  static bool solve(Operation *op, Value from, Value to, const ChannelMap &map,
                    ChannelMap &result, std::string &reason) {
    SmallVector<ReassociationIndices> groups =
        isa<tensor::ExpandShapeOp>(op)
            ? cast<tensor::ExpandShapeOp>(op).getReassociationIndices()
            : cast<tensor::CollapseShapeOp>(op).getReassociationIndices();
    if (getShape(from).size() < getShape(to).size()) {
      result = expand(map, groups, getShape(to));
      return true;
    }
    std::optional<ChannelMap> narrow =
        collapse(map, groups, getShape(from), getShape(to));
    if (!narrow)
      return refuse(reason, "it joins rotated channels with others");
    result = *narrow;
    return true;
  }
};

//===----------------------------------------------------------------------===//
// Parts of a dimension
//===----------------------------------------------------------------------===//

/// The map of the `size` channels from `offset` along `axis`; none if one of
/// them comes from elsewhere.
std::optional<ChannelMap> restrict(const ChannelMap &map, int64_t axis,
                                   int64_t offset, int64_t size) {
  const int64_t *found = llvm::find(map.axes, axis);
  if (found == map.axes.end())
    return map;
  if (map.rotation)
    return std::nullopt;
  int64_t position = found - map.axes.begin();
  SmallVector<int64_t> shape = map.shape;
  int64_t inner =
      ShapedType::getNumElements(ArrayRef(shape).drop_front(position + 1));
  shape[position] = size;
  ChannelMap part(map.axes, shape);
  auto widen = [&](int64_t number) {
    return (number / (inner * size) * map.shape[position] +
            number / inner % size + offset) *
               inner +
           number % inner;
  };
  for (int64_t i = 0; i < part.size(); ++i) {
    int64_t from = map.order[widen(i)];
    int64_t index = from / inner % map.shape[position] - offset;
    if (index < 0 || index >= size)
      return std::nullopt;
    part.order[i] =
        (from / (inner * map.shape[position]) * size + index) * inner +
        from % inner;
    part.scale[i] = map.scale[widen(i)];
    part.shift[i] = map.shift[widen(i)];
  }
  return part.simplified();
}

/// The map of all channels along `axis` that does `part` to those from `offset`
/// and nothing to the others.
ChannelMap embed(const ChannelMap &part, int64_t axis, int64_t offset,
                 int64_t size) {
  const int64_t *found = llvm::find(part.axes, axis);
  int64_t position = found - part.axes.begin();
  SmallVector<int64_t> shape = part.shape;
  int64_t inner =
      ShapedType::getNumElements(ArrayRef(shape).drop_front(position + 1));
  int64_t partSize = shape[position];
  shape[position] = size;
  ChannelMap map(part.axes, shape);
  auto widen = [&](int64_t number) {
    return (number / (inner * partSize) * size + number / inner % partSize +
            offset) *
               inner +
           number % inner;
  };
  for (int64_t i = 0; i < part.size(); ++i) {
    map.order[widen(i)] = widen(part.order[i]);
    map.scale[widen(i)] = part.scale[i];
    map.shift[widen(i)] = part.shift[i];
  }
  return map;
}

/// A map that says something about `axis`, too.
ChannelMap includeAxis(const ChannelMap &map, int64_t axis, int64_t size) {
  if (llvm::is_contained(map.axes, axis))
    return map;
  SmallVector<int64_t> axes = map.axes, shape = map.shape;
  size_t position = llvm::lower_bound(axes, axis) - axes.begin();
  axes.insert(axes.begin() + position, axis);
  shape.insert(shape.begin() + position, size);
  return map.extended(axes, shape);
}

class SliceRule : public ChannelRule {
public:
  bool solveBackward(Operation *op, OperationMaps &maps, const ExactConstants &,
                     std::string &reason) const override {
    auto slice = cast<tensor::ExtractSliceOp>(op);
    ChannelMap map = maps.results[0];
    for (auto [axis, size] :
         llvm::enumerate(slice.getSourceType().getShape())) {
      if (slice.getStaticSizes()[axis] == size)
        continue;
      if (map.rotation)
        return refuse(reason, "it is a part of the channels");
      map = includeAxis(map, axis, slice.getStaticSizes()[axis]);
      map = embed(map, axis, slice.getStaticOffsets()[axis], size);
    }
    maps.operands[0] = map.simplified();
    return true;
  }
  bool solveForward(Operation *op, OperationMaps &maps, const ExactConstants &,
                    std::string &reason) const override {
    auto slice = cast<tensor::ExtractSliceOp>(op);
    std::optional<ChannelMap> map = maps.operands[0];
    for (size_t axis = 0; map && axis < slice.getStaticSizes().size(); ++axis)
      map = restrict(*map, axis, slice.getStaticOffsets()[axis],
                     slice.getStaticSizes()[axis]);
    if (!map)
      return refuse(reason, "channels would leave the slice");
    maps.results[0] = map->simplified();
    return true;
  }
  bool accepts(Operation *op, const OperationMaps &maps, unsigned number,
               const ChannelMap &actual) const override;
};

/// Of the channels outside of the slice nothing is known.
bool SliceRule::accepts(Operation *op, const OperationMaps &maps, unsigned,
                        const ChannelMap &actual) const {
  OperationMaps found(op);
  found.operands[0] = actual;
  std::string reason;
  return solveForward(op, found, ExactConstants(), reason) &&
         found.results[0] == maps.results[0];
}

class ConcatRule : public ChannelRule {
public:
  bool solveBackward(Operation *op, OperationMaps &maps, const ExactConstants &,
                     std::string &reason) const override {
    int64_t axis = cast<tensor::ConcatOp>(op).getDim(), offset = 0;
    for (OpOperand &operand : op->getOpOperands()) {
      int64_t size = getShape(operand.get())[axis];
      std::optional<ChannelMap> part =
          restrict(maps.results[0], axis, offset, size);
      if (!part)
        return refuse(reason, "channels would change places between its parts");
      maps.operands[operand.getOperandNumber()] = *part;
      offset += size;
    }
    return true;
  }
  bool solveForward(Operation *op, OperationMaps &maps,
                    const ExactConstants &constants,
                    std::string &reason) const override {
    auto concat = cast<tensor::ConcatOp>(op);
    int64_t axis = concat.getDim(), offset = 0;
    for (OpOperand &operand : op->getOpOperands()) {
      int64_t size = getShape(operand.get())[axis];
      const ChannelMap &part = maps.operands[operand.getOperandNumber()];
      if (!part.isIdentity()) {
        // Along other dimensions all parts have to change alike.
        maps.results[0] = llvm::is_contained(part.axes, axis)
                              ? embed(part, axis, offset,
                                      concat.getResultType().getDimSize(axis))
                              : part;
        return solveBackward(op, maps, constants, reason);
      }
      offset += size;
    }
    return true;
  }
};

class PadRule : public ChannelRule {
public:
  bool solveBackward(Operation *op, OperationMaps &maps, const ExactConstants &,
                     std::string &reason) const override {
    maps.operands[0] = maps.results[0];
    return check(cast<tensor::PadOp>(op), maps.results[0], reason);
  }
  bool solveForward(Operation *op, OperationMaps &maps, const ExactConstants &,
                    std::string &reason) const override {
    maps.results[0] = maps.operands[0];
    return check(cast<tensor::PadOp>(op), maps.results[0], reason);
  }

private:
  static bool check(tensor::PadOp op, const ChannelMap &map,
                    std::string &reason) {
    for (int64_t axis : map.axes)
      if (op.getStaticLow()[axis] != 0 || op.getStaticHigh()[axis] != 0)
        return refuse(reason, "it adds channels");
    FloatAttr value;
    bool isConstant =
        op.getConstantPaddingValue() &&
        matchPattern(op.getConstantPaddingValue(), m_Constant(&value));
    if (!isConstant)
      return refuse(reason, "it pads with computed numbers");
    bool isZero = value.getValue().isZero();
    if (map.shifts() || ((map.scales() || map.rotation) && !isZero))
      return refuse(reason, "what it pads with would change");
    return true;
  }
};

} // namespace

const ChannelRule *mlir::qfmt::getMoveRule(Operation *op) {
  static const ObserveRule observe;
  static const ReshapeRule reshape;
  static const SliceRule slice;
  static const ConcatRule concat;
  static const PadRule pad;
  if (isa<ObserveOp>(op))
    return &observe;
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return &reshape;
  if (isa<tensor::ConcatOp>(op))
    return &concat;
  if (isa<tensor::PadOp>(op))
    return &pad;
  if (auto slices = dyn_cast<tensor::ExtractSliceOp>(op))
    if (slices.getSourceType().getRank() == slices.getType().getRank() &&
        slices.hasUnitStride() &&
        !ShapedType::isDynamicShape(slices.getStaticOffsets()))
      return &slice;
  return nullptr;
}
