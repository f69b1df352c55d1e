// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TensorMoves.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

bool mlir::qfmt::isPayloadMove(Operation *op) {
  return isa<tensor::PadOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp,
             tensor::ExtractSliceOp, tensor::ConcatOp>(op);
}

/// A scale over the dimensions before a move as one over those after it; none
/// if the move mixes a dimension along which it varies.
static std::optional<Table> moveTable(Operation *op, const Table &table) {
  Table simple = table.simplified();
  if (simple.getDims().empty())
    return simple;
  // A dimension that stays what it is: pad and slice keep the number of
  // dimensions, but not their sizes.
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    SmallVector<unsigned> dims(collapse.getSrcType().getRank());
    for (auto [to, group] : llvm::enumerate(collapse.getReassociationIndices()))
      for (int64_t from : group) {
        dims[from] = to;
        int64_t size = collapse.getSrcType().getDimSize(from);
        if (llvm::is_contained(simple.getDims(), static_cast<unsigned>(from)) &&
            collapse.getResultType().getDimSize(to) != size)
          return std::nullopt;
      }
    return simple.renamed(dims);
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<unsigned> dims(expand.getSrcType().getRank());
    for (auto [from, group] :
         llvm::enumerate(expand.getReassociationIndices())) {
      int64_t size = expand.getSrcType().getDimSize(from);
      dims[from] = group.front();
      for (int64_t to : group)
        if (expand.getResultType().getDimSize(to) == size)
          dims[from] = to;
      if (llvm::is_contained(simple.getDims(), static_cast<unsigned>(from)) &&
          expand.getResultType().getDimSize(dims[from]) != size)
        return std::nullopt;
    }
    return simple.renamed(dims);
  }
  auto before = cast<RankedTensorType>(op->getOperand(0).getType());
  auto after = cast<RankedTensorType>(op->getResult(0).getType());
  if (before.getRank() != after.getRank())
    return std::nullopt;
  for (unsigned dim : simple.getDims())
    if (before.getDimSize(dim) != after.getDimSize(dim))
      return std::nullopt;
  return simple;
}

/// The dimension of `group` that is not 1, the first if all are; none if there
/// are several.
static std::optional<int64_t> getOnlyDim(ArrayRef<int64_t> group,
                                         RankedTensorType type) {
  int64_t only = group.front();
  bool found = false;
  for (int64_t dim : group) {
    if (type.getDimSize(dim) == 1)
      continue;
    if (found)
      return std::nullopt;
    found = true;
    only = dim;
  }
  return only;
}

/// What the elements are after a reshape that only adds or drops dimensions of
/// size 1; null for other moves: their elements are looked at afresh.
static ExpressionRef moveExpression(Operation *op,
                                    const ExpressionRef &expression) {
  auto collapse = dyn_cast<tensor::CollapseShapeOp>(op);
  auto expand = dyn_cast<tensor::ExpandShapeOp>(op);
  if (!collapse && !expand)
    return nullptr;
  auto before = cast<RankedTensorType>(op->getOperand(0).getType());
  auto after = cast<RankedTensorType>(op->getResult(0).getType());
  MLIRContext *context = op->getContext();
  SmallVector<AffineExpr> replacements(before.getRank(),
                                       getAffineConstantExpr(0, context));
  auto groups = collapse ? collapse.getReassociationIndices()
                         : expand.getReassociationIndices();
  RankedTensorType larger = collapse ? before : after;
  for (auto [small, group] : llvm::enumerate(groups)) {
    std::optional<int64_t> only = getOnlyDim(group, larger);
    if (!only)
      return nullptr;
    int64_t from = collapse ? *only : static_cast<int64_t>(small);
    int64_t to = collapse ? static_cast<int64_t>(small) : *only;
    if (before.getDimSize(from) != 1)
      replacements[from] = getAffineDimExpr(to, context);
  }
  return substitute(expression, replacements);
}

/// The payload code that stands for the constant padding value.
static FailureOr<int64_t> getPaddingCode(tensor::PadOp pad,
                                         const TensorModel &source) {
  Value padding = pad.getConstantPaddingValue();
  FloatAttr attr;
  if (!padding || !matchPattern(padding, m_Constant(&attr)))
    return pad.emitOpError() << "pads with a value that is no constant, which "
                                "has no integer rule";
  double value = attr.getValueAsDouble();
  if (value == 0)
    return source.zeroPoint;
  std::optional<double> scale = source.scale.getUniform();
  double code = scale ? value / *scale : 0.5;
  if (code != std::nearbyint(code) || code < source.range.lo ||
      code > source.range.hi)
    return pad.emitOpError() << "pads with " << value
                             << ", which the tensor's format does not have";
  return static_cast<int64_t>(code) + source.zeroPoint;
}

/// The payload of `op` applied to `payloads`.
static FailureOr<Value> movePayload(Operation *op, ArrayRef<Value> payloads,
                                    const TensorModel &source,
                                    OpBuilder &builder) {
  Location loc = op->getLoc();
  Type element =
      cast<RankedTensorType>(payloads.front().getType()).getElementType();
  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  auto type = RankedTensorType::get(resultType.getShape(), element);
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    FailureOr<int64_t> code = getPaddingCode(pad, source);
    if (failed(code))
      return failure();
    Value padding = arith::ConstantOp::create(
        builder, loc, builder.getIntegerAttr(element, *code));
    // TOSA's pads are constants that no upstream pass makes attributes.
    auto low = getConstantIntValues(pad.getMixedLowPad());
    auto high = getConstantIntValues(pad.getMixedHighPad());
    if (!low || !high)
      return pad.emitOpError() << "has dynamic padding, which has no integer "
                                  "rule";
    return tensor::PadOp::create(
               builder, loc, type, payloads.front(),
               getAsIndexOpFoldResult(builder.getContext(), *low),
               getAsIndexOpFoldResult(builder.getContext(), *high), padding)
        .getResult();
  }
  if (isa<tensor::ExtractSliceOp>(op) && op->getNumOperands() != 1)
    return op->emitOpError() << "has dynamic offsets, which has no integer "
                                "rule";
  if (isa<tensor::ConcatOp>(op)) {
    auto concat = cast<tensor::ConcatOp>(op);
    return tensor::ConcatOp::create(builder, loc, type, concat.getDim(),
                                    payloads)
        .getResult();
  }
  // The rest is the same operation on another element type.
  OperationState state(loc, op->getName(), payloads, {type}, op->getAttrs());
  state.propertiesAttr = op->getPropertiesAsAttribute();
  return builder.create(state)->getResult(0);
}

FailureOr<TensorModel> mlir::qfmt::moveTensor(Operation *op,
                                              ArrayRef<TensorModel> operands,
                                              OpBuilder &builder) {
  TensorModel result = operands.front();
  result.realType = cast<RankedTensorType>(op->getResult(0).getType());
  if (result.kind == TensorModel::Kind::Shape)
    return result;
  result.expression = moveExpression(op, result.expression);
  bool isConstant = result.kind == TensorModel::Kind::Constant;
  if (isConstant && (operands.size() != 1 || isa<tensor::PadOp>(op)))
    return op->emitOpError() << "moves constants, which has no integer rule; "
                                "fold them first";
  std::optional<Table> table =
      moveTable(op, isConstant ? result.constant : result.scale);
  if (!table)
    return op->emitOpError() << "changes a dimension along which the scale "
                                "varies; use one scale for the tensor";
  if (isConstant) {
    result.constant = *table;
    return result;
  }
  result.scale = *table;
  if (result.mask)
    result.mask->infinite =
        moveTable(op, result.mask->infinite).value_or(Table(0.0));

  SmallVector<Value> payloads;
  for (const TensorModel &operand : operands) {
    bool same = operand.kind == TensorModel::Kind::Integer &&
                operand.scale == operands.front().scale &&
                operand.zeroPoint == result.zeroPoint &&
                operand.isUnsigned == result.isUnsigned &&
                getElementTypeOrSelf(operand.payload.getType()) ==
                    getElementTypeOrSelf(operands.front().payload.getType());
    if (!same)
      return op->emitOpError() << "joins tensors of different formats; "
                                  "quantize them to one format first";
    if (operand.mask && (operands.size() != 1 || isa<tensor::PadOp>(op)))
      return op->emitOpError() << "joins scores to which a mask was added with "
                                  "others; only their "
                                  "softmax has an integer rule";
    result.range = result.range.hull(operand.range);
    result.error = mergeErrors(result.error, operand.error);
    payloads.push_back(operand.payload);
  }
  // Padding is 0 or a code in range.
  if (isa<tensor::PadOp>(op))
    result.range = result.range.hull({0, 0});
  FailureOr<Value> payload = movePayload(op, payloads, result, builder);
  if (failed(payload))
    return failure();
  result.payload = *payload;
  return result;
}
