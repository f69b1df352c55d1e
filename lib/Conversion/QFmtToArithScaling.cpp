//===- QFmtToArithScaling.cpp - To arith.scaling_extf and truncf ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  encoded tensors of builtin floats whose scales are powers of two: of
//         f8E8M0FNU, one a block, or static. They are read as f32 or bf16, and
//         quantized with scales that are given or static.
// Output: no encoded tensor: tensors of codes and scales; arith.scaling_extf
// and
//         arith.scaling_truncf on tensors in which a blocked dimension is split
//         in two, with scales broadcast to every element.
//
// It chooses no scales: that is arithmetic which qfmt-decompose writes.
//
//===----------------------------------------------------------------------===//

#include "CarryTypes.h"
#include "EncodedValues.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ArithRounding.h"
#include "qfmt/IR/QFmt.h"
#include <cmath>
#include <limits>

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVERTQFMTTOARITHSCALING
#include "qfmt/Conversion/Passes.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// What can be converted
//===----------------------------------------------------------------------===//

bool isPowerOfTwoScale(double scale) {
  int exponent;
  return std::frexp(scale, &exponent) == 0.5 && exponent - 1 >= -127 &&
         exponent - 1 <= 127;
}

/// The encoding, if arith can say it; null with a diagnostic.
ScaledAttr readEncoding(EncodedTensorType type,
                        function_ref<InFlightDiagnostic()> emitError) {
  auto scaled = dyn_cast<ScaledAttr>(Attribute(type.getFormat()));
  Type logical = type.getLogicalElementType();
  bool isFloat = scaled && isa<FloatType>(scaled.getFormat()) &&
                 scaled.getFormat().getIntOrFloatBitWidth() <
                     logical.getIntOrFloatBitWidth();
  if (!isFloat || !(logical.isF32() || logical.isBF16())) {
    emitError() << "has " << type.getType()
                << "; arith scales builtin floats that are read as a wider f32 "
                   "or bf16";
    return {};
  }
  std::optional<double> number = scaled.getStaticScale(logical);
  if (number ? !isPowerOfTwoScale(*number)
             : !isa_and_nonnull<Float8E8M0FNUType>(scaled.getScaleFormat())) {
    emitError() << "has " << type.getType()
                << "; arith has scales of f8E8M0FNU, which are powers of two";
    return {};
  }
  if (number && !type.getType().hasStaticShape()) {
    emitError() << "has a static scale and the dynamic shape of "
                << type.getType() << ", for which no constant can be made";
    return {};
  }
  for (auto [dim, block] : llvm::enumerate(scaled.getBlock())) {
    int64_t size = type.getShape()[dim];
    bool isSplit = block != 1 && block != ScaledAttr::kWhole;
    if (isSplit && (!type.getType().hasStaticShape() || size % block != 0)) {
      emitError() << "has blocks of " << block << " in " << type.getType()
                  << ", which are not whole in a static shape; pad it";
      return {};
    }
  }
  return scaled;
}

/// arith.truncf gives what IEEE 754 says of overflow and NaN.
bool hasArithOverflow(QuantizeOp op, NumberFormat format) {
  ExactReal large = ExactReal::fromDouble(0x1.0p+200);
  auto encode = [&](OverflowMode overflow) {
    return format.encodeReal(large, RoundingMode::HalfEven, overflow,
                             NaNMode::Zero);
  };
  double infinite = format.decodeCode(encode(OverflowMode::Infinity));
  // A format without infinity and NaN saturates either way.
  return op.getOverflow() == OverflowMode::Infinity ||
         (op.getOverflow() == OverflowMode::Saturate &&
          std::isfinite(infinite));
}

bool hasArithNaN(QuantizeOp op, NumberFormat format) {
  uint64_t code = format.encodeReal(
      ExactReal::fromDouble(std::numeric_limits<double>::quiet_NaN()),
      RoundingMode::HalfEven, OverflowMode::Saturate, NaNMode::Propagate);
  return op.getNan() == NaNMode::Propagate ||
         !std::isnan(format.decodeCode(code));
}

LogicalResult checkQuantize(QuantizeOp op, ScaledAttr scaled) {
  if (scaled.getScaleFormat() && op.getGiven().empty())
    return op.emitOpError() << "chooses scales, which 'arith.scaling_truncf' "
                               "takes; give them to 'qfmt.quantize'";
  if (!getArithRounding(op.getRounding()) || op.getStochasticSeed())
    return op.emitOpError() << "has "
                            << (op.getStochasticSeed() ? "stochastic rounding"
                                                       : "a rounding mode")
                            << " that arith lacks";
  if (!hasArithOverflow(op, scaled.getNumberFormat()))
    return op.emitOpError()
           << "has overflow = " << stringifyOverflowMode(op.getOverflow())
           << ", 'arith.scaling_truncf' is overflow = infinity for "
           << scaled.getFormat();
  if (!hasArithNaN(op, scaled.getNumberFormat()))
    return op.emitOpError() << "has nan = " << stringifyNaNMode(op.getNan())
                            << ", 'arith.scaling_truncf' is nan = propagate";
  return success();
}

LogicalResult checkUse(Operation *op) {
  auto isEncoded = [](Type type) { return EncodedTensorType::isEncoded(type); };
  if (llvm::none_of(op->getOperandTypes(), isEncoded) &&
      llvm::none_of(op->getResultTypes(), isEncoded))
    return success();
  bool isMove = movesElements(op);
  if (isa<QuantizeOp, DequantizeOp, AssembleOp, ConstituentsOp>(op) ||
      (carriesTypes(op) && !isMove))
    return success();
  return op->emitOpError() << "has encoded tensors and is not converted: "
                           << (isMove ? "move their constituents"
                                      : "put 'qfmt.dequantize' before it");
}

LogicalResult checkOperation(Operation *op) {
  SmallVector<Type> types(op->getOperandTypes());
  llvm::append_range(types, op->getResultTypes());
  if (auto function = dyn_cast<func::FuncOp>(op)) {
    llvm::append_range(types, function.getArgumentTypes());
    llvm::append_range(types, function.getResultTypes());
  }
  for (Type type : types)
    if (auto encoded = EncodedTensorType::get(type))
      if (!readEncoding(encoded, [&] { return op->emitOpError(); }))
        return failure();
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    auto type = EncodedTensorType::get(quantize.getResult().getType());
    return checkQuantize(quantize,
                         cast<ScaledAttr>(Attribute(type.getFormat())));
  }
  return checkUse(op);
}

LogicalResult checkOperations(Operation *root) {
  WalkResult result = root->walk<WalkOrder::PreOrder>(
      [](Operation *op) -> WalkResult { return checkOperation(op); });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Blocks as dimensions
//===----------------------------------------------------------------------===//

/// The tensor with each blocked dimension split into blocks and places.
struct SplitShape {
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> groups;
  /// From the split tensor's indices to those of the block grid.
  AffineMap toGrid;

  SplitShape(ScaledAttr scaled, ArrayRef<int64_t> sizes) {
    MLIRContext *context = scaled.getContext();
    SmallVector<int64_t> block(scaled.getBlock());
    // Omitted: one block.
    block.resize(sizes.size(), ScaledAttr::kWhole);
    SmallVector<AffineExpr> indices;
    for (auto [size, entry] : llvm::zip(sizes, block)) {
      int64_t dim = shape.size();
      indices.push_back(entry == ScaledAttr::kWhole
                            ? getAffineConstantExpr(0, context)
                            : getAffineDimExpr(dim, context));
      if (entry == 1 || entry == ScaledAttr::kWhole) {
        groups.push_back({dim});
        shape.push_back(size);
        continue;
      }
      groups.push_back({dim, dim + 1});
      shape.push_back(size / entry);
      shape.push_back(entry);
    }
    toGrid = AffineMap::get(shape.size(), 0, indices, context);
  }

  bool isSplit() const { return shape.size() != groups.size(); }

  Value split(OpBuilder &b, Location loc, Value value) const {
    if (!isSplit())
      return value;
    auto type = RankedTensorType::get(shape, getElementTypeOrSelf(value));
    return tensor::ExpandShapeOp::create(b, loc, type, value, groups);
  }

  Value join(OpBuilder &b, Location loc, Value value) const {
    return isSplit() ? tensor::CollapseShapeOp::create(b, loc, value, groups)
                     : value;
  }
};

/// A scale for each element of `like`, a split tensor, from the block grid.
Value broadcastScales(OpBuilder &b, Location loc, const SplitShape &split,
                      Value grid, Value like) {
  if (split.toGrid.isIdentity())
    return grid;
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, like), getElementTypeOrSelf(grid));
  int64_t rank = split.shape.size();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, loc, empty.getType(), grid, empty,
             ArrayRef<AffineMap>{split.toGrid, b.getMultiDimIdentityMap(rank)},
             iterators,
             [](OpBuilder &body, Location loc, ValueRange arguments) {
               linalg::YieldOp::create(body, loc, arguments[0]);
             })
      .getResult(0);
}

/// A scale for each element of `like`, which has the split shape of `type`.
Value createScales(OpBuilder &b, Location loc, EncodedTensorType type,
                   const SplitShape &split, ValueRange constituents,
                   Value like) {
  auto scaled = cast<ScaledAttr>(Attribute(type.getFormat()));
  std::optional<double> number =
      scaled.getStaticScale(type.getLogicalElementType());
  if (!number)
    return broadcastScales(b, loc, split, constituents.front(), like);
  auto scaleType = cast<RankedTensorType>(like.getType())
                       .clone(Float8E8M0FNUType::get(b.getContext()));
  return arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(
          scaleType, b.getFloatAttr(scaleType.getElementType(), *number)));
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

struct DequantizeConversion : OpConversionPattern<DequantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(DequantizeOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = EncodedTensorType::get(op.getInput().getType());
    SplitShape split(cast<ScaledAttr>(Attribute(type.getFormat())),
                     type.getShape());
    Value codes = split.split(rewriter, loc, adaptor.getInput().front());
    Value scales = createScales(rewriter, loc, type, split,
                                adaptor.getInput().drop_front(), codes);
    Value reals =
        arith::ScalingExtFOp::create(rewriter, loc,
                                     cast<RankedTensorType>(codes.getType())
                                         .clone(type.getLogicalElementType()),
                                     codes, scales, arith::FastMathFlagsAttr());
    rewriter.replaceOp(op, split.join(rewriter, loc, reals));
    return success();
  }
};

struct QuantizeConversion : OpConversionPattern<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(QuantizeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = EncodedTensorType::get(op.getResult().getType());
    auto scaled = cast<ScaledAttr>(Attribute(type.getFormat()));
    SplitShape split(scaled, type.getShape());
    Value reals = split.split(rewriter, loc, adaptor.getInput());
    Value scales =
        createScales(rewriter, loc, type, split, adaptor.getGiven(), reals);
    Value codes = arith::ScalingTruncFOp::create(
        rewriter, loc,
        cast<RankedTensorType>(reals.getType()).clone(scaled.getFormat()),
        reals, scales,
        arith::RoundingModeAttr::get(op.getContext(),
                                     *getArithRounding(op.getRounding())),
        arith::FastMathFlagsAttr());
    SmallVector<Value> parts = {split.join(rewriter, loc, codes)};
    llvm::append_range(parts, adaptor.getGiven());
    rewriter.replaceOpWithMultiple(op, ArrayRef<ValueRange>{parts});
    return success();
  }
};

struct ConvertQFmtToArithScalingPass
    : impl::ConvertQFmtToArithScalingBase<ConvertQFmtToArithScalingPass> {
  void runOnOperation() override {
    dequantizeLinalgInputs(getOperation());
    if (failed(checkOperations(getOperation())))
      return signalPassFailure();
    ConstituentValueTypes types;
    RewritePatternSet patterns(&getContext());
    ConversionTarget target(getContext());
    patterns.add<DequantizeConversion, QuantizeConversion>(types,
                                                           &getContext());
    target.addIllegalOp<DequantizeOp, QuantizeOp>();
    populateConstituentValues(types, patterns, target);
    if (failed(convertUnfolded(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
