//===- ArithScalingToQFmt.cpp - From arith.scaling_extf and truncf --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  arith.scaling_extf and arith.scaling_truncf on ranked tensors, with
//         scales of f8E8M0FNU and reals of f32 or bf16.
// Output: dequantize of an assembled tensor; quantize with given scales. Scales
//         that are a broadcast give blocks, a splat constant a static scale,
//         all others a scale for each element.
//
// Both compute fl(x * s) and round(fl(x / s)) with s in the real's type, where
// each power of two of f8E8M0FNU is exact in f32 and bf16: these are the
// numbers of qfmt. In f16 it is not exact, and arith would lose what qfmt
// keeps.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ArithRounding.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVERTARITHSCALINGTOQFMT
#include "qfmt/Conversion/Passes.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// The scales of a tensor: one number, or one a block.
struct Scales {
  std::optional<double> number;
  SmallVector<int64_t> block;
  /// With the block grid as its shape.
  Value grid;
};

/// `value` with a dimension of size 1 at each place of `dims`.
Value insertUnitDims(OpBuilder &b, Location loc, Value value,
                     ArrayRef<int64_t> dims, int64_t rank) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(rank, 1);
  SmallVector<ReassociationIndices> groups(type.getRank());
  int64_t source = -1;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (!llvm::is_contained(dims, dim))
      shape[dim] = type.getDimSize(++source);
    if (type.getRank() > 0)
      groups[std::max<int64_t>(source, 0)].push_back(dim);
  }
  return tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), value,
      groups);
}

/// The dimensions along which a linalg operation repeats its input, which has a
/// size of 1 there; none if it does something else.
std::optional<SmallVector<int64_t>> getRepeated(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 1 || op->getNumResults() != 1 ||
      op.getNumParallelLoops() != op.getNumLoops() ||
      op.getBody()->getTerminator()->getOperand(0) !=
          op.getBody()->getArgument(0))
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!maps[1].isIdentity() || maps[0].getNumResults() != op.getNumLoops())
    return std::nullopt;
  auto input =
      dyn_cast<RankedTensorType>(op.getDpsInputOperand(0)->get().getType());
  if (!input)
    return std::nullopt;
  SmallVector<int64_t> dims;
  for (auto [dim, index] : llvm::enumerate(maps[0].getResults())) {
    if (isa<AffineConstantExpr>(index) && input.getDimSize(dim) == 1)
      dims.push_back(dim);
    else if (index != getAffineDimExpr(dim, op.getContext()))
      return std::nullopt;
  }
  return dims;
}

Scales readScales(OpBuilder &b, Location loc, Value scale) {
  auto type = cast<RankedTensorType>(scale.getType());
  Scales scales;
  DenseElementsAttr constant;
  if (matchPattern(scale, m_Constant(&constant)) && constant.isSplat()) {
    APFloat value = constant.getSplatValue<APFloat>();
    if (!value.isNaN()) {
      scales.number = FloatAttr::getValueAsDouble(value);
      return scales;
    }
  }
  scales.block.assign(type.getRank(), 1);
  scales.grid = scale;
  auto repeat = [&](ArrayRef<int64_t> dims) {
    for (int64_t dim : dims)
      scales.block[dim] = ScaledAttr::kWhole;
  };
  if (auto broadcast = scale.getDefiningOp<linalg::BroadcastOp>()) {
    if (cast<ShapedType>(broadcast.getInput().getType()).hasStaticShape()) {
      repeat(broadcast.getDimensions());
      scales.grid = insertUnitDims(b, loc, broadcast.getInput(),
                                   broadcast.getDimensions(), type.getRank());
    }
  } else if (auto generic = scale.getDefiningOp<linalg::GenericOp>()) {
    if (std::optional<SmallVector<int64_t>> dims = getRepeated(generic)) {
      repeat(*dims);
      scales.grid = generic.getDpsInputOperand(0)->get();
    }
  }
  return scales;
}

/// The encoded tensor of `shape` in `format` with these scales, read as
/// `logical`.
RankedTensorType getEncodedType(ArrayRef<int64_t> shape, Type logical,
                                Type format, const Scales &scales) {
  Builder b(format.getContext());
  Attribute scale =
      scales.number
          ? Attribute(b.getF64FloatAttr(*scales.number))
          : TypeAttr::get(Float8E8M0FNUType::get(format.getContext()));
  auto encoding =
      ScaledAttr::get(format.getContext(), format,
                      ArrayRef<int64_t>(scales.block), scale, Attribute());
  return RankedTensorType::get(shape, logical, encoding);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

/// Checks the types of both operations: `small` in `scale` and reals.
LogicalResult checkTypes(Operation *op, Type smallType, Type scaleType,
                         Type realType) {
  auto small = dyn_cast<RankedTensorType>(smallType);
  auto real = dyn_cast<RankedTensorType>(realType);
  if (!small || !real)
    return op->emitOpError()
           << "is on " << smallType
           << ", only ranked tensors have formats; write scalars and vectors "
              "with 'qfmt-expand-arith'";
  if (!isa<Float8E8M0FNUType>(getElementTypeOrSelf(scaleType)))
    return op->emitOpError()
           << "has scales of " << getElementTypeOrSelf(scaleType)
           << ", whose rounding to f8E8M0FNU arith leaves open; use "
              "'arith.truncf' first";
  Type element = real.getElementType();
  if (!element.isF32() && !element.isBF16())
    return op->emitOpError()
           << "computes in " << element
           << ", in which not all scales are exact; use f32 or bf16";
  auto format = dyn_cast<NumberFormat>(small.getElementType());
  if (!format)
    return op->emitOpError() << "has elements of " << small.getElementType()
                             << ", which is no number format";
  return format.verifyFormat([&] { return op->emitOpError(); });
}

LogicalResult convertExtF(arith::ScalingExtFOp op) {
  if (failed(checkTypes(op, op.getIn().getType(), op.getScale().getType(),
                        op.getOut().getType())))
    return failure();
  OpBuilder b(op);
  Location loc = op.getLoc();
  Scales scales = readScales(b, loc, op.getScale());
  auto real = cast<RankedTensorType>(op.getOut().getType());
  RankedTensorType type =
      getEncodedType(real.getShape(), real.getElementType(),
                     getElementTypeOrSelf(op.getIn()), scales);
  SmallVector<Value> parts = {op.getIn()};
  if (!scales.number)
    parts.push_back(scales.grid);
  Value encoded = AssembleOp::create(b, loc, type, parts);
  op.getOut().replaceAllUsesWith(DequantizeOp::create(b, loc, real, encoded));
  op.erase();
  return success();
}

LogicalResult convertTruncF(arith::ScalingTruncFOp op) {
  if (failed(checkTypes(op, op.getOut().getType(), op.getScale().getType(),
                        op.getIn().getType())))
    return failure();
  OpBuilder b(op);
  Location loc = op.getLoc();
  Scales scales = readScales(b, loc, op.getScale());
  auto real = cast<RankedTensorType>(op.getIn().getType());
  RankedTensorType type =
      getEncodedType(real.getShape(), real.getElementType(),
                     getElementTypeOrSelf(op.getOut()), scales);
  SmallVector<Value> operands = {op.getIn()};
  if (!scales.number)
    operands.push_back(scales.grid);
  auto quantize = QuantizeOp::create(b, loc, TypeRange(type), operands);
  // As arith.truncf.
  quantize.setRounding(getRounding(
      op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even)));
  quantize.setOverflow(OverflowMode::Infinity);
  quantize.setNan(NaNMode::Propagate);
  auto parts = ConstituentsOp::create(b, loc, quantize);
  op.getOut().replaceAllUsesWith(parts.getResult(0));
  op.erase();
  return success();
}

struct ConvertArithScalingToQFmtPass
    : impl::ConvertArithScalingToQFmtBase<ConvertArithScalingToQFmtPass> {
  void runOnOperation() override {
    SmallVector<Operation *> operations;
    getOperation()->walk([&](Operation *op) {
      if (isa<arith::ScalingExtFOp, arith::ScalingTruncFOp>(op))
        operations.push_back(op);
    });
    for (Operation *op : operations) {
      auto extf = dyn_cast<arith::ScalingExtFOp>(op);
      if (failed(extf ? convertExtF(extf)
                      : convertTruncF(cast<arith::ScalingTruncFOp>(op))))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
