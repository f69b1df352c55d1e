// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ElementwiseBody.h"
#include "../../Transforms/LinalgUses.h"
#include "../../Transforms/WeightedSum.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::qfmt;

bool ElementwiseBody::knowsIndexOf(const ChannelMap &map) const {
  bool knows = false;
  op.getBlock()->walk([&](linalg::IndexOp index) {
    knows |=
        llvm::is_contained(map.axes, static_cast<int64_t>(index.getDim())) &&
        !map.keepsIndex(index.getDim());
  });
  return knows;
}

std::optional<AffineOp>
ElementwiseBody::getAffine(ArrayRef<int64_t> axes) const {
  OpOperand *x = getOnlyVariable();
  if (!x)
    return std::nullopt;
  llvm::SmallSetVector<int64_t, 4> loops(axes.begin(), axes.end());
  for (OpOperand *input : op.getDpsInputOperands())
    if (!llvm::is_contained(variables, input))
      for (int64_t loop = 0; loop < op.getNumLoops(); ++loop)
        if (getMap(input).isFunctionOfDim(loop))
          loops.insert(loop);
  AffineOp result;
  result.loops = loops.takeVector();
  llvm::sort(result.loops);
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  for (int64_t loop : result.loops)
    result.shape.push_back(sizes[loop]);
  auto read = [&](OpOperand &operand) -> std::optional<Coefficients> {
    std::optional<ConstantTensor> tensor = constants.read(operand.get());
    if (!tensor || &operand == op.getDpsInitOperand(0))
      return std::nullopt;
    AffineMap map = getMap(&operand);
    Coefficients values;
    SmallVector<int64_t> loopIndex(op.getNumLoops(), 0);
    forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
      for (auto [loop, position] : llvm::zip_equal(result.loops, index))
        loopIndex[loop] = position;
      values.push_back(tensor->at(map.compose(loopIndex)));
    });
    return values;
  };
  std::optional<Affine> affine = evaluateAffineBody(
      op, ShapedType::getNumElements(result.shape),
      [&](OpOperand &operand) {
        return llvm::is_contained(variables, &operand);
      },
      read);
  if (!affine || !affine->dependsOnX || !affine->isFinite())
    return std::nullopt;
  result.affine = std::move(*affine);
  result.multiplies = llvm::any_of(result.affine.factor,
                                   [](double value) { return value != 1; });
  result.adds = llvm::any_of(result.affine.offset,
                             [](double value) { return value != 0; });
  // A product with 1, or a sum with 0, costs as much with other numbers.
  for (Operation &scalar : op.getBlock()->without_terminator()) {
    result.multiplies |= isa<arith::MulFOp, arith::DivFOp>(scalar);
    result.adds |= isa<arith::AddFOp, arith::SubFOp>(scalar);
  }
  return result;
}

Operation *ElementwiseBody::getBinary() const {
  Block *body = op.getBlock();
  Operation *only = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!only || body->getOperations().size() != 2 || only->getNumOperands() != 2)
    return nullptr;
  for (Value operand : only->getOperands()) {
    auto argument = dyn_cast<BlockArgument>(operand);
    if (!argument || argument.getOwner() != body ||
        !llvm::is_contained(variables, op.getMatchingOpOperand(argument)))
      return nullptr;
  }
  if (getOperandOf(only->getOperand(0))->get() ==
      getOperandOf(only->getOperand(1))->get())
    return nullptr;
  return only;
}

bool ElementwiseBody::isHomogeneous(Value value) const {
  if (auto argument = dyn_cast<BlockArgument>(value);
      argument && argument.getOwner() == op.getBlock())
    return llvm::is_contained(variables, op.getMatchingOpOperand(argument));
  if (std::optional<double> scalar = readConstantScalar(value))
    return *scalar == 0;
  Operation *producer = value.getDefiningOp();
  if (!producer || producer->getBlock() != op.getBlock())
    return false;
  auto all = [&](ValueRange values) {
    return llvm::all_of(values, [&](Value v) { return isHomogeneous(v); });
  };
  return llvm::TypeSwitch<Operation *, bool>(producer)
      .Case<arith::AddFOp, arith::SubFOp, arith::NegFOp, arith::MaximumFOp,
            arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
            math::AbsFOp>([&](auto op) { return all(op->getOperands()); })
      .Case<arith::MulFOp>([&](arith::MulFOp op) {
        return (readConstantScalar(op.getRhs()) &&
                isHomogeneous(op.getLhs())) ||
               (readConstantScalar(op.getLhs()) && isHomogeneous(op.getRhs()));
      })
      .Case<arith::SelectOp>([&](arith::SelectOp select) {
        auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
        return compare && all(compare->getOperands()) &&
               all({select.getTrueValue(), select.getFalseValue()});
      })
      .Default([](Operation *) { return false; });
}

bool mlir::qfmt::absorbsScale(Value value, const ExactConstants &constants,
                              unsigned depth) {
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return false;
  if (WeightedSum::match(op))
    return true;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp) {
    return op->getNumOperands() == 1 &&
           absorbsScale(op->getOperand(0), constants, depth - 1);
  }
  if (!isElementwise(linalgOp))
    return false;
  ElementwiseBody body(op, constants);
  std::optional<AffineOp> affine = body.getAffine({});
  if (affine && affine->multiplies)
    return true;
  if (affine || body.isHomogeneous())
    return llvm::all_of(body.getVariables(), [&](OpOperand *x) {
      return absorbsScale(x->get(), constants, depth - 1);
    });
  return false;
}
