//===- ChannelsLast.cpp - Convolutions with their channels in a row -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; convolutions of bytes with constants as
// linalg.generic on tensors, channels in the second dimension.
// Output: the same with channels in the last dimension, and with them what is
// computed between convolutions: element-wise operations, pooling, padding with
// a constant, initial values, collapsed spatial dimensions.
//
// What follows a convolution and keeps its channels apart is moved, too, as far
// as that goes; what comes before it if nothing else reads it. Elements change
// places in memory where such a part begins and where it ends. A linalg.generic
// behind its end reads channels last without that; a tensor of one channel or
// one place is reshaped.
//
// Constants of bytes stay as they are: qfmt-convolutions-to-products brings
// them into another order anyway.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "qfmt/CodeGen/Products/IntegerProduct.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CHANNELSLAST
#include "qfmt/CodeGen/Products/Passes.h.inc"

namespace {

using utils::IteratorType;

//===----------------------------------------------------------------------===//
// Orders of dimensions
//===----------------------------------------------------------------------===//

/// The second element at the end.
template <typename T>
SmallVector<T> moveSecond(ArrayRef<T> elements) {
  SmallVector<T> moved(elements);
  std::rotate(moved.begin() + 1, moved.begin() + 2, moved.end());
  return moved;
}

RankedTensorType getMovedType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.clone(moveSecond(tensor.getShape()));
}

AffineMap getMovedMap(AffineMap map) {
  return AffineMap::get(map.getNumDims(), 0, moveSecond(map.getResults()),
                        map.getContext());
}

/// True if `type` has channels and places.
bool hasChannels(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() >= 3 && tensor.hasStaticShape();
}

/// True if moving the channels of `type` changes no order.
bool isMoveFree(Type type) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
  return shape[1] == 1 || llvm::all_of(shape.drop_front(2),
                                       [](int64_t size) { return size == 1; });
}

/// The loop of the second dimension, if it is one.
std::optional<unsigned> getChannelLoop(linalg::GenericOp op,
                                       OpOperand &operand) {
  if (!hasChannels(operand.get().getType()))
    return std::nullopt;
  auto dim =
      dyn_cast<AffineDimExpr>(op.getMatchingIndexingMap(&operand).getResult(1));
  if (!dim)
    return std::nullopt;
  return dim.getPosition();
}

//===----------------------------------------------------------------------===//
// What is moved
//===----------------------------------------------------------------------===//

bool isConvolution(linalg::GenericOp op) {
  StringRef whyNot;
  std::optional<IntegerProduct> product = matchFactors(op, whyNot);
  if (!product || op.getNumLoops() < 4)
    return false;
  OpOperand *output = op.getDpsInitOperand(0);
  std::optional<unsigned> in = getChannelLoop(op, *product->lhs);
  std::optional<unsigned> out = getChannelLoop(op, *output);
  AffineMap rhsMap = op.getMatchingIndexingMap(product->rhs);
  if (!in || !out || !rhsMap.isFunctionOfDim(*out) ||
      !rhsMap.isFunctionOfDim(*in) || !rhsMap.isProjectedPermutation() ||
      rhsMap.getNumResults() != op.getNumReductionLoops() + 1 ||
      !op.getMatchingIndexingMap(output).isProjectedPermutation())
    return false;
  // With a last dimension that has no window there is nothing to move.
  AffineExpr last = op.getMatchingIndexingMap(product->lhs).getResults().back();
  auto dim = dyn_cast<AffineDimExpr>(last);
  return !dim || !rhsMap.isFunctionOfDim(dim.getPosition());
}

/// An operation that can compute with its channels last: those of its only
/// result are the second dimension.
bool isMovable(linalg::GenericOp op) {
  if (!op.hasPureTensorSemantics() || op->getNumResults() != 1)
    return false;
  OpOperand *output = op.getDpsInitOperand(0);
  return getChannelLoop(op, *output).has_value() &&
         op.getMatchingIndexingMap(output).isProjectedPermutation();
}

/// True if an input has the same channels as the result.
bool keepsChannels(linalg::GenericOp op, OpOperand &input) {
  return isMovable(op) && op.isDpsInput(&input) &&
         getChannelLoop(op, input) ==
             getChannelLoop(op, *op.getDpsInitOperand(0));
}

bool isMovable(tensor::PadOp op) {
  return hasChannels(op.getResultType()) && hasChannels(op.getSourceType()) &&
         op.getConstantPaddingValue() && op.getLow().empty() &&
         op.getHigh().empty();
}

/// Of all spatial dimensions.
bool isMovable(tensor::CollapseShapeOp op) {
  SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
  return hasChannels(op.getSrcType()) && hasChannels(op.getResultType()) &&
         groups.size() == 3 && groups[0].size() == 1 && groups[1].size() == 1;
}

/// True if nothing is computed but a broadcast, which may be done twice.
bool isBroadcast(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  return generic && isMovable(generic) && generic.getNumReductionLoops() == 0 &&
         llvm::hasSingleElement(*generic.getBody()) &&
         llvm::none_of(generic.getDpsInputOperands(), [&](OpOperand *input) {
           return generic.getMatchingIndexingMap(input).isPermutation();
         });
}

/// The operations whose channels are moved.
class Part {
public:
  explicit Part(ModuleOp module) {
    module.walk([&](linalg::GenericOp op) {
      if (isConvolution(op))
        add(op);
    });
    for (size_t i = 0; i < ops.size(); ++i) {
      addReaders(ops[i]);
      addSources(ops[i]);
    }
  }

  bool contains(Operation *op) const { return set.contains(op); }

private:
  void add(Operation *op) {
    if (set.insert(op).second)
      ops.push_back(op);
  }

  void addReaders(Operation *op) {
    for (OpOperand &use : op->getResult(0).getUses()) {
      Operation *reader = use.getOwner();
      if (auto generic = dyn_cast<linalg::GenericOp>(reader)) {
        if (keepsChannels(generic, use))
          add(reader);
      } else if (auto pad = dyn_cast<tensor::PadOp>(reader)) {
        if (isMovable(pad))
          add(reader);
      } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(reader)) {
        if (isMovable(collapse) && !isMoveFree(collapse.getSrcType()))
          add(reader);
      }
    }
  }

  void addSources(Operation *op) {
    for (Value operand : op->getOperands()) {
      Operation *source = operand.getDefiningOp();
      if (!source || set.contains(source))
        continue;
      bool isOnlyRead = llvm::all_of(
          source->getUsers(), [&](Operation *user) { return contains(user); });
      bool moves = false;
      if (auto generic = dyn_cast<linalg::GenericOp>(source))
        moves = isBroadcast(source) || (isOnlyRead && isMovable(generic));
      else if (auto pad = dyn_cast<tensor::PadOp>(source))
        moves = isOnlyRead && isMovable(pad);
      if (moves)
        add(source);
    }
  }

  llvm::DenseSet<Operation *> set;
  SmallVector<Operation *> ops;
};

//===----------------------------------------------------------------------===//
// Moving
//===----------------------------------------------------------------------===//

class Mover {
public:
  explicit Mover(const Part &part) : part(part) {}

  /// Writes an operation anew, behind the one that it is.
  void move(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    Value result;
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      result = moveGeneric(b, generic);
    else if (auto pad = dyn_cast<tensor::PadOp>(op))
      result = movePad(b, pad);
    else
      result = moveCollapse(b, cast<tensor::CollapseShapeOp>(op));
    moved[op->getResult(0)] = result;
  }

  /// Lets what was not moved read the results of what was.
  void replaceOtherUses(Operation *op) {
    Value result = op->getResult(0);
    Value back;
    SmallVector<OpOperand *> uses = llvm::to_vector(
        llvm::map_range(result.getUses(), [](OpOperand &use) { return &use; }));
    for (OpOperand *use : uses) {
      if (part.contains(use->getOwner()))
        continue;
      auto generic = dyn_cast<linalg::GenericOp>(use->getOwner());
      if (generic && generic.isDpsInput(use)) {
        readMoved(generic, *use);
        continue;
      }
      if (!back) {
        ImplicitLocOpBuilder b(op->getLoc(), op);
        b.setInsertionPointAfter(op);
        back = moveBack(b, moved.lookup(result), result.getType());
      }
      use->set(back);
    }
  }

private:
  /// `value` with its channels last, at the builder's place.
  Value getMoved(ImplicitLocOpBuilder &b, Value value) {
    if (Value known = moved.lookup(value))
      return known;
    auto type = getMovedType(value.getType());
    if (value.getDefiningOp<tensor::EmptyOp>())
      return tensor::EmptyOp::create(b, type.getShape(), type.getElementType());
    if (isMoveFree(value.getType()))
      return reshape(b, value, type);
    SmallVector<AffineExpr> channelsSecond = getDims(b, type.getRank());
    return emitMove(b, value, type,
                    AffineMap::get(type.getRank(), 0, moveLast(channelsSecond),
                                   b.getContext()));
  }

  Value moveBack(ImplicitLocOpBuilder &b, Value value, Type type) {
    auto tensor = cast<RankedTensorType>(type);
    if (isMoveFree(tensor))
      return reshape(b, value, tensor);
    return emitMove(
        b, value, tensor,
        AffineMap::get(tensor.getRank(), 0,
                       moveSecond<AffineExpr>(getDims(b, tensor.getRank())),
                       b.getContext()));
  }

  static SmallVector<AffineExpr> getDims(OpBuilder &b, unsigned rank) {
    return SmallVector<AffineExpr>(b.getMultiDimIdentityMap(rank).getResults());
  }

  /// The last element in the second place.
  static SmallVector<AffineExpr> moveLast(ArrayRef<AffineExpr> elements) {
    SmallVector<AffineExpr> result(elements);
    std::rotate(result.begin() + 1, result.end() - 1, result.end());
    return result;
  }

  static Value reshape(ImplicitLocOpBuilder &b, Value value,
                       RankedTensorType type) {
    SmallVector<ReassociationIndices> groups(1);
    for (int64_t i = 0; i < type.getRank(); ++i)
      groups[0].push_back(i);
    Value flat = tensor::CollapseShapeOp::create(b, value, groups);
    return tensor::ExpandShapeOp::create(b, type, flat, groups);
  }

  static Value emitMove(ImplicitLocOpBuilder &b, Value value,
                        RankedTensorType type, AffineMap map) {
    Value empty =
        tensor::EmptyOp::create(b, type.getShape(), type.getElementType());
    return linalg::GenericOp::create(
               b, type, value, empty,
               ArrayRef{map, b.getMultiDimIdentityMap(type.getRank())},
               SmallVector<IteratorType>(type.getRank(),
                                         IteratorType::parallel),
               [](OpBuilder &nested, Location loc, ValueRange args) {
                 linalg::YieldOp::create(nested, loc, args[0]);
               })
        .getResult(0);
  }

  Value moveGeneric(ImplicitLocOpBuilder &b, linalg::GenericOp op) {
    OpOperand *output = op.getDpsInitOperand(0);
    std::optional<unsigned> channel = getChannelLoop(op, *output);
    // Of a convolution the other channels are moved, too.
    StringRef whyNot;
    std::optional<IntegerProduct> product;
    if (isConvolution(op))
      product = matchFactors(op, whyNot);
    SmallVector<Value> operands;
    SmallVector<AffineMap> maps;
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      bool moves = product ? &operand != product->rhs
                           : getChannelLoop(op, operand) == channel;
      operands.push_back(moves ? getMoved(b, operand.get()) : operand.get());
      maps.push_back(moves ? getMovedMap(map) : map);
    }
    auto result = linalg::GenericOp::create(
        b, operands.back().getType(), ArrayRef(operands).drop_back(),
        operands.back(), maps, op.getIteratorTypesArray());
    IRMapping mapping;
    op.getRegion().cloneInto(&result.getRegion(), mapping);
    return orderLoops(b, result).getResult(0);
  }

  /// Loops in the order of the result's dimensions, then the reductions.
  static linalg::GenericOp orderLoops(ImplicitLocOpBuilder &b,
                                      linalg::GenericOp op) {
    SmallVector<unsigned> order;
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    for (unsigned i = 0; i < map.getNumResults(); ++i)
      order.push_back(map.getDimPosition(i));
    for (unsigned i = 0; i < op.getNumLoops(); ++i)
      if (!llvm::is_contained(order, i))
        order.push_back(i);
    IRRewriter rewriter(b);
    FailureOr<linalg::GenericOp> ordered =
        linalg::interchangeGenericOp(rewriter, op, order);
    return succeeded(ordered) ? *ordered : op;
  }

  Value movePad(ImplicitLocOpBuilder &b, tensor::PadOp op) {
    Value source = getMoved(b, op.getSource());
    auto getSizes = [&](ArrayRef<int64_t> sizes) {
      return getAsIndexOpFoldResult(b.getContext(), moveSecond(sizes));
    };
    Value padding = op.getConstantPaddingValue();
    Attribute constant;
    // The constant may stand in the body of the pad that goes.
    if (matchPattern(padding, m_Constant(&constant)))
      padding = arith::ConstantOp::create(b, cast<TypedAttr>(constant));
    return tensor::PadOp::create(b, getMovedType(op.getResultType()), source,
                                 getSizes(op.getStaticLow()),
                                 getSizes(op.getStaticHigh()), padding);
  }

  Value moveCollapse(ImplicitLocOpBuilder &b, tensor::CollapseShapeOp op) {
    int64_t rank = op.getSrcType().getRank();
    SmallVector<ReassociationIndices> groups(3);
    groups[0] = {0};
    for (int64_t i = 1; i + 1 < rank; ++i)
      groups[1].push_back(i);
    groups[2] = {rank - 1};
    return tensor::CollapseShapeOp::create(b, getMoved(b, op.getSrc()), groups);
  }

  void readMoved(linalg::GenericOp op, OpOperand &operand) {
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    AffineMap &map = maps[operand.getOperandNumber()];
    map = getMovedMap(map);
    operand.set(moved.lookup(operand.get()));
    op.setIndexingMapsAttr(
        OpBuilder(op.getContext()).getAffineMapArrayAttr(maps));
  }

  const Part &part;
  llvm::DenseMap<Value, Value> moved;
};

struct ChannelsLastPass : impl::ChannelsLastBase<ChannelsLastPass> {
  void runOnOperation() override {
    Part part(getOperation());
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (part.contains(op))
        ops.push_back(op);
    });
    Mover mover(part);
    for (Operation *op : ops)
      mover.move(op);
    // A broadcast was repeated, not moved.
    for (Operation *op : ops)
      if (!isBroadcast(op))
        mover.replaceOtherUses(op);
    for (Operation *op : llvm::reverse(ops))
      if (op->use_empty())
        op->erase();
  }
};

} // namespace
} // namespace mlir::qfmt
