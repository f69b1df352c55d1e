//===- ElementwiseRule.cpp - Element-wise operations ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A permutation passes every element-wise operation; constants that the
// channels index are permuted. What becomes of scales and shifts depends on the
// body:
//
//   a x + b, constant a and b  a absorbs the scale and b the shift. Without a
//                              the scale passes, without b the shift, over a.
//   x + y, x - y               the scale passes to both, the shift to one;
//                              forward neither: y would have to follow
//   x * y, x / y               the scale passes to one factor
//   f(t x) = t f(x), t > 0     the scale passes: relu, maximum, ...
//
// x and y are computed; a factor that is the same for all channels (a norm's)
// does not count. Rotations pass a x + b with the same a for all channels,
// x + y, and x times a factor that is the same for all channels.
//
//===----------------------------------------------------------------------===//

#include "../../Transforms/LinalgUses.h"
#include "ElementwiseBody.h"
#include "Rules.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// The rule
//===----------------------------------------------------------------------===//

class ElementwiseRule : public ChannelRule {
public:
  bool solveBackward(Operation *op, OperationMaps &maps,
                     const ExactConstants &constants,
                     std::string &reason) const override;
  bool solveForward(Operation *op, OperationMaps &maps,
                    const ExactConstants &constants,
                    std::string &reason) const override;
  std::optional<Change> prepare(Operation *op, const OperationMaps &maps,
                                ExactConstants &constants,
                                std::string &reason) const override;

private:
  /// All variables get the map's order.
  static bool setOrders(const ElementwiseBody &body, const ChannelMap &map,
                        OperationMaps &maps, std::string &reason);
  /// A variable gets this map, if it is indexed by all of its loops.
  static bool setMap(const ElementwiseBody &body, OpOperand *variable,
                     const ChannelMap &map, OperationMaps &maps,
                     std::string &reason);
  static bool passBackward(const ElementwiseBody &body, const ChannelMap &map,
                           OperationMaps &maps, const ExactConstants &constants,
                           std::string &reason);
  static bool rotate(const ElementwiseBody &body, const ChannelMap &map,
                     OperationMaps &maps, std::string &reason);
};

bool ElementwiseRule::setOrders(const ElementwiseBody &body,
                                const ChannelMap &map, OperationMaps &maps,
                                std::string &reason) {
  if (!map.permutes())
    return true;
  if (body.knowsIndexOf(map))
    return refuse(reason, "it computes with the channel's number");
  for (OpOperand *variable : body.getVariables()) {
    std::optional<ChannelMap> order =
        getOperandOrder(map, body.getMap(variable));
    if (!order)
      return refuse(reason, "an operand has only a part of the channels");
    maps.operands[variable->getOperandNumber()] = *order;
  }
  return true;
}

bool ElementwiseRule::setMap(const ElementwiseBody &body, OpOperand *variable,
                             const ChannelMap &map, OperationMaps &maps,
                             std::string &reason) {
  std::optional<ChannelMap> own = toDims(map, body.getMap(variable));
  if (!own)
    return refuse(reason, "an operand has only a part of the channels");
  // The same tensor read twice, in the same way.
  for (OpOperand *other : body.getVariables())
    if (other->get() == variable->get() &&
        body.getMap(other) == body.getMap(variable))
      maps.operands[other->getOperandNumber()] = *own;
  return true;
}

/// `map` with another scale and shift.
ChannelMap with(ChannelMap map, std::optional<std::vector<double>> scale,
                std::optional<std::vector<double>> shift) {
  if (scale)
    map.scale = *scale;
  else
    std::fill(map.scale.begin(), map.scale.end(), 1.0);
  if (shift)
    map.shift = *shift;
  else
    std::fill(map.shift.begin(), map.shift.end(), 0.0);
  return map;
}

/// The factors of the channels of `map`; none if they vary along other loops,
/// or if one is 0.
std::optional<std::vector<double>> getFactors(const AffineOp &op,
                                              const ChannelMap &map) {
  ChannelMap all = ChannelMap(op.loops, op.shape);
  all.scale = op.affine.factor;
  if (llvm::is_contained(all.scale, 0.0))
    return std::nullopt;
  ChannelMap factors = all.simplified();
  if (!llvm::all_of(factors.axes, [&](int64_t axis) {
        return llvm::is_contained(map.axes, axis);
      }))
    return std::nullopt;
  if (factors.axes.empty())
    return std::vector<double>(map.size(), all.scale.front());
  return factors.extended(map.axes, map.shape).scale;
}

bool ElementwiseRule::passBackward(const ElementwiseBody &body,
                                   const ChannelMap &map, OperationMaps &maps,
                                   const ExactConstants &constants,
                                   std::string &reason) {
  if (OpOperand *x = body.getOnlyVariable()) {
    if (std::optional<AffineOp> affine = body.getAffine(map.axes)) {
      ChannelMap own = with(map, std::nullopt, std::nullopt);
      if (!affine->multiplies)
        own.scale = map.scale;
      if (!affine->adds && map.shifts()) {
        std::optional<std::vector<double>> factors = getFactors(*affine, map);
        if (!factors)
          return refuse(reason, "it has no constant that can absorb a shift");
        for (auto [shift, wanted, factor] :
             llvm::zip_equal(own.shift, map.shift, *factors))
          shift = wanted / factor;
      }
      if (!own.scales() && !own.shifts())
        return true; // Constants do it all, and the order is set.
      return setMap(body, x, own, maps, reason);
    }
  }
  Operation *binary = body.getBinary();
  bool isSum = isa_and_nonnull<arith::AddFOp, arith::SubFOp>(binary);
  if (map.shifts() && !isSum)
    return refuse(reason, "it has no constant that can absorb a shift");
  if (body.isHomogeneous()) {
    for (OpOperand *variable : body.getVariables())
      if (!setMap(body, variable, with(map, map.scale, std::nullopt), maps,
                  reason))
        return false;
    if (!map.shifts())
      return true;
    // Of x - y it is x that the shift comes from.
    OpOperand *taker = body.getOperandOf(binary->getOperand(0));
    return setMap(body, taker, map, maps, reason);
  }
  if (!isa_and_nonnull<arith::MulFOp, arith::DivFOp>(binary))
    return refuse(reason, "it is no linear function of the channels");
  SmallVector<OpOperand *> factors = {body.getOperandOf(binary->getOperand(0))};
  if (isa<arith::MulFOp>(binary))
    factors.push_back(body.getOperandOf(binary->getOperand(1)));
  // One that has the channels, and rather one that can do something about it.
  if (factors.size() == 2 && !absorbsScale(factors[0]->get(), constants) &&
      absorbsScale(factors[1]->get(), constants))
    std::swap(factors[0], factors[1]);
  for (OpOperand *factor : factors)
    if (setMap(body, factor, map, maps, reason))
      return true;
  return false;
}

/// A rotation passes to variables that have all channels, if the body is linear
/// in them and treats channels alike.
bool ElementwiseRule::rotate(const ElementwiseBody &body, const ChannelMap &map,
                             OperationMaps &maps, std::string &reason) {
  if (OpOperand *x = body.getOnlyVariable()) {
    std::optional<AffineOp> affine = body.getAffine(map.axes);
    if (!affine)
      return refuse(reason, "it is no linear function of the channels");
    ChannelMap factors(affine->loops, affine->shape);
    factors.scale = affine->affine.factor;
    for (int64_t axis : factors.simplified().axes)
      if (llvm::is_contained(map.axes, axis))
        return refuse(reason, "it multiplies each channel by another number");
    return setMap(body, x, map, maps, reason);
  }
  Operation *binary = body.getBinary();
  if (isa_and_nonnull<arith::AddFOp, arith::SubFOp>(binary)) {
    for (OpOperand *variable : body.getVariables())
      if (!setMap(body, variable, map, maps, reason))
        return false;
    return true;
  }
  if (isa_and_nonnull<arith::MulFOp, arith::DivFOp>(binary)) {
    OpOperand *left = body.getOperandOf(binary->getOperand(0)),
              *right = body.getOperandOf(binary->getOperand(1));
    if (isa<arith::MulFOp>(binary) && !body.isIndexed(left, map))
      std::swap(left, right);
    if (!body.isIndexed(right, map))
      return setMap(body, left, map, maps, reason);
  }
  return refuse(reason, "it is no linear function of the channels");
}

bool ElementwiseRule::solveBackward(Operation *op, OperationMaps &maps,
                                    const ExactConstants &constants,
                                    std::string &reason) const {
  ElementwiseBody body(op, constants);
  const ChannelMap map = maps.results[0];
  if (map.rotation)
    return rotate(body, map, maps, reason);
  if (!setOrders(body, map, maps, reason))
    return false;
  if (!map.scales() && !map.shifts())
    return true;
  return passBackward(body, map, maps, constants, reason);
}

bool ElementwiseRule::solveForward(Operation *op, OperationMaps &maps,
                                   const ExactConstants &constants,
                                   std::string &reason) const {
  ElementwiseBody body(op, constants);
  OpOperand *given = nullptr;
  for (OpOperand *variable : body.getVariables())
    if (!maps.operands[variable->getOperandNumber()].isIdentity())
      given = variable;
  if (!given)
    return refuse(reason, "it starts from them");
  std::optional<ChannelMap> own =
      toLoops(maps.operands[given->getOperandNumber()], body.getMap(given));
  if (!own)
    return refuse(reason, "it reads the channels in several ways");
  const ChannelMap map = *own;
  ChannelMap &result = maps.results[0];
  if (map.rotation) {
    result = map;
    return rotate(body, map, maps, reason);
  }
  if (!setOrders(body, map, maps, reason))
    return false;
  result = map.getOrder().simplified();
  if (!map.scales() && !map.shifts())
    return true;
  auto setGiven = [&] { return setMap(body, given, map, maps, reason); };
  if (body.getOnlyVariable()) {
    if (std::optional<AffineOp> affine = body.getAffine(map.axes)) {
      ChannelMap passed = with(map, std::nullopt, std::nullopt);
      if (!affine->multiplies)
        passed.scale = map.scale;
      if (!affine->adds && map.shifts()) {
        std::optional<std::vector<double>> factors = getFactors(*affine, map);
        if (!factors)
          return refuse(reason, "it has no constant that can absorb a shift");
        for (auto [shift, had, factor] :
             llvm::zip_equal(passed.shift, map.shift, *factors))
          shift = had * factor;
      }
      result = passed.simplified();
      return setGiven();
    }
    if (body.isHomogeneous() && !map.shifts()) {
      result = map.simplified();
      return setGiven();
    }
    return refuse(reason, "it is no linear function of the channels");
  }
  Operation *binary = body.getBinary();
  bool multiplies = isa_and_nonnull<arith::MulFOp>(binary),
       divides = isa_and_nonnull<arith::DivFOp>(binary);
  if (map.shifts() || !(multiplies || divides))
    return refuse(reason, "it joins them with another computed tensor");
  bool inverts = divides && body.getOperandOf(binary->getOperand(1)) == given;
  if (inverts) {
    result = map;
    for (double &scale : result.scale)
      scale = 1 / scale;
    result = result.simplified();
  } else {
    result = map.simplified();
  }
  return setGiven();
}

//===----------------------------------------------------------------------===//
// New constants
//===----------------------------------------------------------------------===//

/// An operand of the operation to be.
struct NewOperand {
  AffineMap indexing;
  RankedTensorType type;
  std::vector<double> values;
};

/// A constant that varies along some of `loops`.
NewOperand makeOperand(linalg::LinalgOp op, ArrayRef<int64_t> loops,
                       ArrayRef<int64_t> shape, ArrayRef<double> values) {
  CompactTensor compact = compactTensor(loops, shape, values);
  MLIRContext *context = op.getContext();
  SmallVector<AffineExpr> exprs;
  for (int64_t loop : compact.axes)
    exprs.push_back(getAffineDimExpr(loop, context));
  if (exprs.empty()) {
    exprs.push_back(getAffineConstantExpr(0, context));
    compact.shape.push_back(1);
  }
  return {AffineMap::get(op.getNumLoops(), 0, exprs, context),
          RankedTensorType::get(compact.shape,
                                getElementTypeOrSelf(op->getResult(0))),
          std::move(compact.values)};
}

Value createOperand(OpBuilder &builder, Location loc, NewOperand operand,
                    ExactConstants &constants) {
  return constants.create(builder, loc, operand.type, std::move(operand.values),
                          "channels");
}

/// a x + b instead of what the operation computes of operand number `x`.
void rebuild(linalg::GenericOp op, unsigned x, std::optional<NewOperand> a,
             std::optional<NewOperand> b, ExactConstants &constants) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  SmallVector<Value> inputs = {op->getOperand(x)};
  SmallVector<AffineMap> maps = {
      op.getMatchingIndexingMap(&op->getOpOperand(x))};
  for (std::optional<NewOperand> *operand : {&a, &b}) {
    if (!*operand)
      continue;
    maps.push_back((*operand)->indexing);
    inputs.push_back(
        createOperand(builder, loc, std::move(**operand), constants));
  }
  maps.push_back(op.getMatchingIndexingMap(op.getDpsInitOperand(0)));
  op.getInputsMutable().assign(inputs);
  op.setIndexingMapsAttr(builder.getAffineMapArrayAttr(maps));
  Region &region = op.getRegion();
  region.getBlocks().clear();
  Type element = getElementTypeOrSelf(op->getResult(0));
  Block *body = builder.createBlock(
      &region, region.end(), SmallVector<Type>(inputs.size() + 1, element),
      SmallVector<Location>(inputs.size() + 1, loc));
  Value result = body->getArgument(0);
  unsigned next = 1;
  if (a)
    result =
        arith::MulFOp::create(builder, loc, result, body->getArgument(next++));
  if (b)
    result =
        arith::AddFOp::create(builder, loc, result, body->getArgument(next++));
  linalg::YieldOp::create(builder, loc, result);
}

/// The map of a part of the loops on the positions of `loops`.
ChannelMap onPositions(const ChannelMap &map, ArrayRef<int64_t> loops) {
  return *map.renamed(
      [&](int64_t axis) { return llvm::find(loops, axis) - loops.begin(); });
}

/// Scales, shifts and rotations into the constants of a x + b.
std::optional<ChannelRule::Change> prepareAffine(const ElementwiseBody &body,
                                                 const ChannelMap &from,
                                                 const ChannelMap &to,
                                                 ExactConstants &constants,
                                                 std::string &reason) {
  llvm::SmallSetVector<int64_t, 4> axes(from.axes.begin(), from.axes.end());
  axes.insert(to.axes.begin(), to.axes.end());
  AffineOp affine = *body.getAffine(axes.getArrayRef());
  auto generic = dyn_cast<linalg::GenericOp>(body.getOp().getOperation());
  if (!affine.multiplies && !affine.adds)
    return ChannelRule::Change();
  if (!generic) {
    reason = "its body cannot be changed";
    return std::nullopt;
  }
  Coefficients &a = affine.affine.factor, &b = affine.affine.offset;
  if (to.rotation) {
    b = changeChannels(b, affine.shape, onPositions(to, affine.loops));
  } else {
    ChannelMap x = from.extended(affine.loops, affine.shape),
               y = to.extended(affine.loops, affine.shape);
    for (size_t i = 0; i < a.size(); ++i) {
      if (affine.adds)
        b[i] = (a[i] * x.shift[i] + b[i] - y.shift[i]) / y.scale[i];
      if (affine.multiplies)
        a[i] = a[i] * x.scale[i] / y.scale[i];
    }
    ChannelMap order = onPositions(to.getOrder(), affine.loops);
    a = changeChannels(a, affine.shape, order);
    b = changeChannels(b, affine.shape, order);
  }
  if (!fitsFloat(a, reason) || !fitsFloat(b, reason))
    return std::nullopt;
  std::optional<NewOperand> newA, newB;
  if (affine.multiplies)
    newA = makeOperand(body.getOp(), affine.loops, affine.shape, a);
  if (affine.adds)
    newB = makeOperand(body.getOp(), affine.loops, affine.shape, b);
  unsigned x = body.getOnlyVariable()->getOperandNumber();
  return [=, &constants] { rebuild(generic, x, newA, newB, constants); };
}

/// Constants that the channels index, in the new order.
std::optional<ChannelRule::Change> prepareOrder(linalg::LinalgOp op,
                                                const ChannelMap &order,
                                                ExactConstants &constants,
                                                std::string &reason) {
  SmallVector<std::pair<unsigned, NewOperand>> operands;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  for (OpOperand *input : op.getDpsInputOperands()) {
    std::optional<ConstantTensor> tensor = constants.read(input->get());
    if (!tensor)
      continue;
    AffineMap indexing = op.getMatchingIndexingMap(input);
    std::optional<ChannelMap> own = getOperandOrder(order, indexing);
    if (own && own->isIdentity())
      continue;
    // On all loops that matter: it may have to repeat elements.
    llvm::SmallSetVector<int64_t, 4> set(order.axes.begin(), order.axes.end());
    for (int64_t loop = 0; loop < op.getNumLoops(); ++loop)
      if (indexing.isFunctionOfDim(loop))
        set.insert(loop);
    SmallVector<int64_t> loops = set.takeVector();
    llvm::sort(loops);
    SmallVector<int64_t> shape =
        llvm::map_to_vector(loops, [&](int64_t loop) { return sizes[loop]; });
    std::vector<double> values;
    SmallVector<int64_t> loopIndex(op.getNumLoops(), 0);
    forEachIndex(shape, [&](ArrayRef<int64_t> index) {
      for (auto [loop, position] : llvm::zip_equal(loops, index))
        loopIndex[loop] = position;
      values.push_back(tensor->at(indexing.compose(loopIndex)));
    });
    values = changeChannels(values, shape, onPositions(order, loops));
    operands.push_back(
        {input->getOperandNumber(), makeOperand(op, loops, shape, values)});
  }
  if (operands.empty())
    return ChannelRule::Change();
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic) {
    reason = "its constants cannot be changed";
    return std::nullopt;
  }
  return [=, &constants]() mutable {
    OpBuilder builder(generic);
    SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
    for (const auto &[number, operand] : operands) {
      generic->setOperand(
          number, createOperand(builder, generic.getLoc(), operand, constants));
      maps[number] = operand.indexing;
    }
    generic.setIndexingMapsAttr(builder.getAffineMapArrayAttr(maps));
  };
}

std::optional<ChannelRule::Change>
ElementwiseRule::prepare(Operation *op, const OperationMaps &maps,
                         ExactConstants &constants, std::string &reason) const {
  ElementwiseBody body(op, constants);
  const ChannelMap &to = maps.results[0];
  auto changesNumbers = [](const ChannelMap &map) {
    return map.scales() || map.shifts() || map.rotation;
  };
  if (OpOperand *x = body.getOnlyVariable()) {
    const ChannelMap &from = maps.operands[x->getOperandNumber()];
    if ((changesNumbers(from) || changesNumbers(to)) && body.getAffine(to.axes))
      return prepareAffine(body, *toLoops(from, body.getMap(x)), to, constants,
                           reason);
  }
  return prepareOrder(body.getOp(), to.getOrder(), constants, reason);
}

} // namespace

const ChannelRule *mlir::qfmt::getElementwiseRule(Operation *op) {
  static const ElementwiseRule rule;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp.getNumDpsInits() != 1 || !isElementwise(linalgOp) ||
      isa<linalg::FillOp>(op) ||
      ShapedType::isDynamicShape(linalgOp.getStaticLoopRanges()) ||
      linalgOp.payloadUsesValueFromOperand(linalgOp.getDpsInitOperand(0)) ||
      !isa<FloatType>(getElementTypeOrSelf(op->getResult(0))))
    return nullptr;
  return &rule;
}
