//===- QuantToQFmt.cpp - From upstream's quantized types ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  tensors of !quant.uniform (per layer, per axis, sub-channel) that are
//         cast by quant operations, moved by tensor operations and passed on by
//         func, scf and cf.
// Output: no quant type or operation. A tensor with one scale becomes an
//         encoded tensor. A tensor with several becomes its payload, to which
//         constants of scales and zero points are assembled where it is read:
//         in quant they belong to the type, and no caller can change them.
//
// It does not touch scalars, linalg bodies, quant.any and quant.calibrated;
// they are diagnosed.
//
//===----------------------------------------------------------------------===//

#include "CarryTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/Support/Format.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVERTQUANTTOQFMT
#include "qfmt/Conversion/Passes.h.inc"

namespace {

using EmitError = function_ref<InFlightDiagnostic()>;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// A tensor of quantized elements in terms of this dialect.
struct Quantization {
  RankedTensorType encoded;
  /// In row-major order of the block grid; empty if the encoding is static.
  SmallVector<int64_t> grid;
  std::vector<double> scales;
  std::vector<int64_t> zeroPoints;

  bool isStatic() const { return scales.empty(); }
  RankedTensorType getPayload() const {
    return cast<RankedTensorType>(
        EncodedTensorType::get(encoded).getConstituentTypes().front());
  }
};

/// The quantized element type of a type; null if it has none.
quant::QuantizedType getQuantized(Type type) {
  return dyn_cast<quant::QuantizedType>(getElementTypeOrSelf(type));
}

bool mentionsQuantized(Type type) {
  return type
      .walk([](Type part) {
        return isa<quant::QuantizedType>(part) ? WalkResult::interrupt()
                                               : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The number format of the storage type and range.
Type getNumberFormat(quant::QuantizedType type, EmitError emitError) {
  unsigned width = type.getStorageTypeIntegralWidth();
  Type storage = IntegerType::get(type.getContext(), width,
                                  type.isSigned() ? IntegerType::Signless
                                                  : IntegerType::Unsigned);
  if (type.hasStorageTypeBounds())
    storage = IntegerRangeType::getChecked(emitError, type.getContext(),
                                           storage, type.getStorageTypeMin(),
                                           type.getStorageTypeMax());
  if (!storage || failed(cast<NumberFormat>(storage).verifyFormat(emitError)))
    return {};
  return storage;
}

/// For diagnostics: 0.1, 1e-08.
std::string toString(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

/// Each scale as quant defines it: a value of the expressed type.
LogicalResult roundScales(std::vector<double> &scales, FloatType expressed,
                          EmitError emitError) {
  for (double &scale : scales) {
    APFloat rounded(scale);
    bool losesInfo;
    rounded.convert(expressed.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
    if (!rounded.isFiniteNonZero() || rounded.isNegative())
      return emitError() << "scale " << toString(scale)
                         << " is not a positive finite value of the expressed "
                            "type";
    scale = rounded.convertToDouble();
  }
  return success();
}

/// The block shape and the scales and zero points of each block.
struct Blocks {
  SmallVector<int64_t> shape, grid;
  std::vector<double> scales;
  std::vector<int64_t> zeroPoints;
};

FailureOr<Blocks> getBlocks(quant::QuantizedType type, int64_t rank,
                            EmitError emitError) {
  Blocks blocks;
  blocks.shape.assign(rank, ScaledAttr::kWhole);
  blocks.grid.assign(rank, 1);
  if (auto layer = dyn_cast<quant::UniformQuantizedType>(type)) {
    blocks.scales = {layer.getScale()};
    blocks.zeroPoints = {layer.getZeroPoint()};
    return blocks;
  }
  if (auto axis = dyn_cast<quant::UniformQuantizedPerAxisType>(type)) {
    int64_t dim = axis.getQuantizedDimension();
    if (dim >= rank)
      return emitError() << "quantized dimension " << dim
                         << " is beyond a tensor of rank " << rank;
    blocks.shape[dim] = 1;
    blocks.grid[dim] = axis.getScales().size();
    blocks.scales = axis.getScales();
    blocks.zeroPoints = axis.getZeroPoints();
    return blocks;
  }
  auto channel = dyn_cast<quant::UniformQuantizedSubChannelType>(type);
  if (!channel)
    return emitError() << "element type " << Type(type)
                       << " gives no scale; write it as !quant.uniform";
  for (auto [dim, size] : channel.getBlockSizeInfo()) {
    if (dim >= rank)
      return emitError() << "quantized dimension " << dim
                         << " is beyond a tensor of rank " << rank;
    blocks.shape[dim] = size;
  }
  ArrayRef<int64_t> grid = channel.getScales().getType().getShape();
  if (static_cast<int64_t>(grid.size()) != rank)
    return emitError() << "scales of rank " << grid.size()
                       << " do not fit a tensor of rank " << rank;
  blocks.grid.assign(grid.begin(), grid.end());
  for (APFloat scale : channel.getScales().getValues<APFloat>()) {
    bool losesInfo;
    scale.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    blocks.scales.push_back(scale.convertToDouble());
  }
  // Upstream prints all of them signed, 8 of u4 as -8, and reads such a number
  // with bits set that the type does not have.
  unsigned width = type.getStorageTypeIntegralWidth();
  for (const APInt &zeroPoint : channel.getZeroPoints().getValues<APInt>()) {
    uint64_t code =
        *zeroPoint.getRawData() & llvm::maskTrailingOnes<uint64_t>(width);
    blocks.zeroPoints.push_back(
        type.isSigned() ? llvm::SignExtend64(code, width) : code);
  }
  return blocks;
}

/// Fails if the sizes of the tensor, where they are known, do not give the
/// grid.
LogicalResult checkGrid(const Blocks &blocks, ArrayRef<int64_t> shape,
                        EmitError emitError) {
  for (auto [dim, size] : llvm::enumerate(shape)) {
    int64_t block = blocks.shape[dim];
    if (block == ScaledAttr::kWhole || ShapedType::isDynamic(size))
      continue;
    int64_t expected = llvm::divideCeil(size, block);
    if (blocks.grid[dim] != expected)
      return emitError() << "dimension " << dim << " of size " << size
                         << " has " << expected << " blocks of " << block
                         << ", but " << blocks.grid[dim] << " scales";
  }
  return success();
}

/// The format of scale constituents: that of the expressed type. f64 is no
/// number format; its scales must be values of f32.
Type getScaleFormat(FloatType expressed, ArrayRef<double> scales,
                    EmitError emitError) {
  if (!expressed.isF64())
    return expressed;
  for (double scale : scales)
    if (static_cast<double>(static_cast<float>(scale)) != scale) {
      emitError() << "scale " << toString(scale)
                  << " of several is not exact in f32, the widest format of "
                     "scales; use one scale or round it";
      return {};
    }
  return Float32Type::get(expressed.getContext());
}

FailureOr<Quantization> readType(RankedTensorType type, EmitError emitError) {
  quant::QuantizedType element = getQuantized(type);
  auto expressed = dyn_cast_or_null<FloatType>(element.getExpressedType());
  if (!expressed || !(expressed.isF16() || expressed.isBF16() ||
                      expressed.isF32() || expressed.isF64()))
    return emitError() << "expressed type must be f16, bf16, f32 or f64, found "
                       << element.getExpressedType();
  FailureOr<Blocks> blocks = getBlocks(element, type.getRank(), emitError);
  if (failed(blocks) || failed(checkGrid(*blocks, type.getShape(), emitError)))
    return failure();
  Type format = getNumberFormat(element, emitError);
  if (!format || failed(roundScales(blocks->scales, expressed, emitError)))
    return failure();

  MLIRContext *context = type.getContext();
  Builder builder(context);
  Quantization result;
  Attribute scale, zeroPoint;
  SmallVector<int64_t> block;
  if (blocks->scales.size() == 1) {
    scale = builder.getF64FloatAttr(blocks->scales.front());
    zeroPoint = builder.getI64IntegerAttr(blocks->zeroPoints.front());
  } else {
    Type scaleFormat = getScaleFormat(expressed, blocks->scales, emitError);
    if (!scaleFormat)
      return failure();
    scale = TypeAttr::get(scaleFormat);
    block = blocks->shape;
    bool hasZeroPoints = llvm::any_of(blocks->zeroPoints,
                                      [](int64_t zero) { return zero != 0; });
    if (hasZeroPoints)
      zeroPoint = TypeAttr::get(format);
    result.grid = blocks->grid;
    result.scales = blocks->scales;
    if (hasZeroPoints)
      result.zeroPoints = blocks->zeroPoints;
  }
  auto encoding = ScaledAttr::getChecked(
      emitError, context, format, ArrayRef<int64_t>(block), scale, zeroPoint);
  if (!encoding)
    return failure();
  auto numberFormat = cast<NumberFormat>(format);
  for (int64_t zero : result.zeroPoints)
    if (zero < numberFormat.getLowest() || zero > numberFormat.getLargest())
      return emitError() << "zero point " << zero << " is not a value of "
                         << format;
  if (failed(encoding.verifyEncoding(type.getShape(), expressed, emitError)))
    return failure();
  result.encoded = RankedTensorType::get(type.getShape(), expressed, encoding);
  return result;
}

/// As readType, after the types have been checked.
Quantization readChecked(Type type) {
  MLIRContext *context = type.getContext();
  ScopedDiagnosticHandler silence(context,
                                  [](Diagnostic &) { return success(); });
  return *readType(cast<RankedTensorType>(type),
                   [&] { return emitError(UnknownLoc::get(context)); });
}

struct QuantTypes : TypeConverter {
  QuantTypes() {
    addConversion([](Type type) -> std::optional<Type> {
      return mentionsQuantized(type) ? Type() : type;
    });
    addConversion([](RankedTensorType type) -> Type {
      if (!getQuantized(type))
        return type;
      Quantization quantization = readChecked(type);
      return quantization.isStatic() ? quantization.encoded
                                     : quantization.getPayload();
    });
  }
};

//===----------------------------------------------------------------------===//
// What can be converted
//===----------------------------------------------------------------------===//

bool isConvertible(Operation *op) {
  return carriesTypes(op) || isa<quant::QuantizeCastOp, quant::DequantizeCastOp,
                                 quant::StorageCastOp>(op);
}

/// A move of a tensor with several scales moves the payload alone, which is
/// right only if each element keeps its scale and zero point.
LogicalResult checkMove(Operation *op) {
  if (isa<tensor::DimOp, tensor::CastOp, tensor::EmptyOp>(op))
    return success();
  Type element;
  for (Type type : llvm::concat<Type>(llvm::to_vector(op->getOperandTypes()),
                                      llvm::to_vector(op->getResultTypes()))) {
    quant::QuantizedType quantized = getQuantized(type);
    if (!quantized)
      continue;
    if (!isa<quant::UniformQuantizedType>(quantized))
      return op->emitOpError()
             << "moves elements of " << type
             << ", whose scales lie at places of the tensor; move what "
                "'quant.scast' gives";
    if (element && element != quantized)
      return op->emitOpError()
             << "moves elements between " << element << " and "
             << Type(quantized) << "; use 'quant.dcast' and 'quant.qcast'";
    element = quantized;
  }
  return success();
}

LogicalResult checkType(Operation *op, Type type) {
  if (!mentionsQuantized(type))
    return success();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !isa<quant::QuantizedType>(tensor.getElementType()))
    return op->emitOpError()
           << "has the quantized type " << type
           << "; only ranked tensors of quantized elements are converted";
  return readType(tensor, [&] { return op->emitOpError(); });
}

LogicalResult checkTypes(Operation *op, TypeRange types) {
  for (Type type : types)
    if (failed(checkType(op, type)))
      return failure();
  return success();
}

LogicalResult checkOperation(Operation *op) {
  auto holds = [](TypeRange types) {
    return llvm::any_of(types, mentionsQuantized);
  };
  auto function = dyn_cast<func::FuncOp>(op);
  bool hasQuantized =
      holds(op->getOperandTypes()) || holds(op->getResultTypes()) ||
      (function && mentionsQuantized(function.getFunctionType()));
  for (Region &region : op->getRegions())
    for (Block &block : region)
      hasQuantized |= holds(block.getArgumentTypes());
  if (!hasQuantized)
    return success();
  if (!isConvertible(op))
    return op->emitOpError()
           << "has quantized types and is not converted: put 'quant.dcast' "
              "before it and 'quant.qcast' after it";
  if (function && (failed(checkTypes(op, function.getArgumentTypes())) ||
                   failed(checkTypes(op, function.getResultTypes()))))
    return failure();
  if (failed(checkTypes(op, op->getOperandTypes())) ||
      failed(checkTypes(op, op->getResultTypes())))
    return failure();
  for (Region &region : op->getRegions())
    for (Block &block : region)
      if (failed(checkTypes(op, block.getArgumentTypes())))
        return failure();
  return movesElements(op) ? checkMove(op) : success();
}

LogicalResult checkOperations(Operation *root) {
  WalkResult result = root->walk<WalkOrder::PreOrder>(
      [](Operation *op) -> WalkResult { return checkOperation(op); });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// The constants of scales and, if they are not all zero, zero points, in the
/// types that the encoding names.
SmallVector<Value> createParameters(OpBuilder &builder, Location loc,
                                    const Quantization &quantization) {
  SmallVector<Value> parameters;
  auto add = [&](ElementsAttr value, Type type) {
    Value constant = arith::ConstantOp::create(builder, loc, value);
    // A dynamic dimension has a block grid that is not known either.
    if (constant.getType() != type)
      constant = tensor::CastOp::create(builder, loc, type, constant);
    parameters.push_back(constant);
  };
  SmallVector<Type> types =
      EncodedTensorType::get(quantization.encoded).getConstituentTypes();
  auto withGrid = [&](Type type) {
    return RankedTensorType::get(quantization.grid, getElementTypeOrSelf(type));
  };
  add(makeFloats(withGrid(types[1]), quantization.scales, "scale"), types[1]);
  if (!quantization.zeroPoints.empty())
    add(makeIntegers(withGrid(types[2]), quantization.zeroPoints, "zero_point"),
        types[2]);
  return parameters;
}

struct QuantizeCastConversion : OpConversionPattern<quant::QuantizeCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(quant::QuantizeCastOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Quantization quantization = readChecked(op.getResult().getType());
    if (quantization.isStatic()) {
      rewriter.replaceOpWithNewOp<QuantizeOp>(op, quantization.encoded,
                                              adaptor.getInput());
      return success();
    }
    SmallVector<Value> operands = {adaptor.getInput()};
    operands.append(createParameters(rewriter, op.getLoc(), quantization));
    auto encoded = QuantizeOp::create(
        rewriter, op.getLoc(), TypeRange(quantization.encoded), operands);
    auto parts = ConstituentsOp::create(rewriter, op.getLoc(), encoded);
    rewriter.replaceOp(op, parts.getResult(0));
    return success();
  }
};

/// The encoded tensor that the converted `value` is or belongs to.
Value assemble(OpBuilder &builder, Location loc,
               const Quantization &quantization, Value value) {
  if (quantization.isStatic())
    return value;
  // Just quantized, with these scales: its type says so.
  if (auto parts = value.getDefiningOp<ConstituentsOp>())
    if (parts.getInput().getDefiningOp<QuantizeOp>() &&
        parts.getInput().getType() == quantization.encoded &&
        value == parts.getResult(0))
      return parts.getInput();
  SmallVector<Value> parts = {value};
  parts.append(createParameters(builder, loc, quantization));
  return AssembleOp::create(builder, loc, quantization.encoded, parts);
}

struct DequantizeCastConversion : OpConversionPattern<quant::DequantizeCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(quant::DequantizeCastOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Quantization quantization = readChecked(op.getInput().getType());
    Value encoded =
        assemble(rewriter, op.getLoc(), quantization, adaptor.getInput());
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getResult().getType(),
                                              encoded);
    return success();
  }
};

/// To and from codes. With several scales the payload is the converted value.
struct StorageCastConversion : OpConversionPattern<quant::StorageCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(quant::StorageCastOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    bool toCodes = static_cast<bool>(getQuantized(op.getInput().getType()));
    Quantization quantization = readChecked(toCodes ? op.getInput().getType()
                                                    : op.getResult().getType());
    if (!quantization.isStatic())
      rewriter.replaceOp(op, adaptor.getInput());
    else if (toCodes)
      rewriter.replaceOpWithNewOp<ConstituentsOp>(op, adaptor.getInput());
    else
      rewriter.replaceOpWithNewOp<AssembleOp>(op, quantization.encoded,
                                              adaptor.getInput());
    return success();
  }
};

struct ConvertQuantToQFmtPass
    : impl::ConvertQuantToQFmtBase<ConvertQuantToQFmtPass> {
  void runOnOperation() override {
    if (failed(checkOperations(getOperation())))
      return signalPassFailure();
    QuantTypes types;
    RewritePatternSet patterns(&getContext());
    ConversionTarget target(getContext());
    patterns.add<QuantizeCastConversion, DequantizeCastConversion,
                 StorageCastConversion>(types, &getContext());
    target.addIllegalDialect<quant::QuantDialect>();
    populateCarriedTypes(types, patterns, target);
    if (failed(convertUnfolded(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
