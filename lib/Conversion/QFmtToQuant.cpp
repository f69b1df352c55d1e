//===- QFmtToQuant.cpp - To upstream's quantized types --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  encoded tensors of integer formats, with scales and zero points that
//         are static, or constants of `assemble` and `quantize given(...)`.
// Output: no encoded tensor: !quant.uniform and quant casts.
//
// quant keeps scales in the type, so the type of a tensor with several scales
// follows from the constants, not from its encoded type. Such a value is
// therefore followed to its readers and does not pass functions, control flow
// and moves. Everything that quant cannot say is diagnosed before any change.
//
//===----------------------------------------------------------------------===//

#include "CarryTypes.h"
#include "EncodedValues.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/Support/Format.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVERTQFMTTOQUANT
#include "qfmt/Conversion/Passes.h.inc"

namespace {

using EmitError = function_ref<InFlightDiagnostic()>;

bool isEncoded(Type type) { return EncodedTensorType::isEncoded(type); }

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// One number for each block, in row-major order of the block grid.
template <typename T>
struct Parameter {
  std::vector<T> values;
  SmallVector<int64_t> grid;
};

/// What all quant types are made of.
struct Storage {
  unsigned flags;
  Type type, expressed;
  int64_t min, max;
};

FailureOr<Storage> readStorage(ScaledAttr scaled, Type logical,
                               EmitError emitError) {
  NumberFormat format = scaled.getNumberFormat();
  if (!format.hasIntegerCodes())
    return emitError() << "has elements of " << Type(format)
                       << ", quant stores integers only; convert to an integer "
                          "format";
  unsigned width = format.getFormatWidth();
  // The code of all ones tells how a code is read.
  bool isSigned = format.decodeCode((uint64_t(1) << width) - 1) < 0;
  return Storage{isSigned ? quant::QuantizationFlags::Signed : 0u,
                 IntegerType::get(logical.getContext(), width), logical,
                 static_cast<int64_t>(format.getLowest()),
                 static_cast<int64_t>(format.getLargest())};
}

/// For diagnostics: 0.1, 1e-08.
std::string toString(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

/// A scale is a value of the expressed type.
LogicalResult checkScale(double scale, Type expressed, EmitError emitError) {
  APFloat value(scale);
  bool losesInfo;
  value.convert(cast<FloatType>(expressed).getFloatSemantics(),
                APFloat::rmNearestTiesToEven, &losesInfo);
  if (losesInfo)
    return emitError() << "has the scale " << toString(scale)
                       << ", which is no value of " << expressed
                       << " as quant requires of it";
  if (!value.isFiniteNonZero() || value.isNegative())
    return emitError() << "has the scale " << toString(scale)
                       << ", quant has positive finite ones only";
  return success();
}

/// The constant that `value` is, or is a tensor.cast of.
ElementsAttr getConstant(Value value) {
  while (auto cast = value.getDefiningOp<tensor::CastOp>())
    value = cast.getSource();
  ElementsAttr constant;
  matchPattern(value, m_Constant(&constant));
  return constant;
}

/// The values of the constituent `name` as the numbers of `format`.
FailureOr<Parameter<double>>
readConstituent(Value value, Type format, StringRef name, EmitError emitError) {
  ElementsAttr constant = getConstant(value);
  if (!constant)
    return emitError() << "has a " << name
                       << " that is computed at run time; quant has constants "
                          "only, which a calibrated or given scale can be";
  Parameter<double> result;
  result.grid.assign(constant.getShapedType().getShape().begin(),
                     constant.getShapedType().getShape().end());
  if (std::optional<std::vector<double>> floats = readFloats(constant)) {
    result.values = *floats;
    return result;
  }
  std::optional<std::vector<int64_t>> codes = readIntegers(constant);
  if (!codes)
    return emitError() << "has a " << name << " whose data is not here";
  for (int64_t code : *codes)
    result.values.push_back(cast<NumberFormat>(format).decodeCode(code));
  return result;
}

/// The scales and zero points of the blocks of a tensor in `scaled`, whose
/// constituents but the payload are `given`.
struct Parameters {
  Parameter<double> scales;
  Parameter<int64_t> zeroPoints;
};

FailureOr<Parameters> readParameters(ScaledAttr scaled, RankedTensorType type,
                                     ValueRange given, EmitError emitError) {
  Parameters result;
  SmallVector<int64_t> ones(type.getRank(), 1);
  if (scaled.getScaleEncoding())
    return emitError() << "has scales that are themselves encoded, "
                       << scaled.getScale()
                       << "; quant has plain ones: dequantize them first";
  if (std::optional<double> scale =
          scaled.getStaticScale(type.getElementType())) {
    result.scales = {{*scale}, ones};
  } else {
    FailureOr<Parameter<double>> scales = readConstituent(
        given.front(), scaled.getScaleFormat(), "scale", emitError);
    if (failed(scales))
      return failure();
    result.scales = std::move(*scales);
  }
  for (double scale : result.scales.values)
    if (failed(checkScale(scale, type.getElementType(), emitError)))
      return failure();
  if (std::optional<int64_t> zeroPoint = scaled.getStaticZeroPoint()) {
    result.zeroPoints.values.assign(result.scales.values.size(), *zeroPoint);
    result.zeroPoints.grid = result.scales.grid;
    return result;
  }
  FailureOr<Parameter<double>> zeroPoints = readConstituent(
      given.back(), scaled.getZeroPointFormat(), "zero point", emitError);
  if (failed(zeroPoints))
    return failure();
  result.zeroPoints.values.assign(zeroPoints->values.begin(),
                                  zeroPoints->values.end());
  result.zeroPoints.grid = zeroPoints->grid;
  return result;
}

/// The dimension whose entries have a scale each; none if there are other
/// blocks.
std::optional<int64_t> getAxis(ArrayRef<int64_t> block) {
  std::optional<int64_t> axis;
  for (auto [dim, size] : llvm::enumerate(block)) {
    if (size == ScaledAttr::kWhole)
      continue;
    if (size != 1 || axis)
      return std::nullopt;
    axis = dim;
  }
  return axis;
}

LogicalResult checkWholeBlocks(ScaledAttr scaled, RankedTensorType type,
                               EmitError emitError) {
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    int64_t block = scaled.getBlock()[dim];
    if (block != ScaledAttr::kWhole && !ShapedType::isDynamic(size) &&
        size % block != 0)
      return emitError() << "has a partial block in dimension " << dim
                         << " of size " << size << ", which quant lacks; pad "
                         << "the dimension to a multiple of " << block;
  }
  return success();
}

quant::QuantizedType getSubChannelType(ScaledAttr scaled,
                                       const Storage &storage,
                                       const Parameters &parameters,
                                       EmitError emitError) {
  SmallVector<int32_t> dims;
  SmallVector<int64_t> sizes;
  for (auto [dim, size] : llvm::enumerate(scaled.getBlock()))
    if (size != ScaledAttr::kWhole) {
      dims.push_back(dim);
      sizes.push_back(size);
    }
  auto expressed = cast<FloatType>(storage.expressed);
  SmallVector<APFloat> scales;
  for (double value : parameters.scales.values) {
    APFloat scale(value);
    bool losesInfo;
    scale.convert(expressed.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    scales.push_back(scale);
  }
  SmallVector<APInt> zeroPoints;
  for (int64_t value : parameters.zeroPoints.values)
    zeroPoints.push_back(APInt(storage.type.getIntOrFloatBitWidth(), value,
                               /*isSigned=*/true, /*implicitTrunc=*/true));
  auto grid = [&](Type element) {
    return RankedTensorType::get(parameters.scales.grid, element);
  };
  return quant::UniformQuantizedSubChannelType::getChecked(
      emitError, storage.flags, storage.type, storage.expressed,
      DenseElementsAttr::get(grid(expressed), scales),
      DenseElementsAttr::get(grid(storage.type), zeroPoints), dims, sizes,
      storage.min, storage.max);
}

/// The quantized tensor that an encoded one is, whose constituents but the
/// payload are `given`.
FailureOr<RankedTensorType>
getQuantType(EncodedTensorType encoded, ValueRange given, EmitError emitError) {
  RankedTensorType type = encoded.getType();
  auto scaled = dyn_cast<ScaledAttr>(Attribute(encoded.getFormat()));
  if (!scaled)
    return emitError() << "has the tensor format "
                       << Attribute(encoded.getFormat())
                       << ", quant has scaled integers only";
  FailureOr<Storage> storage =
      readStorage(scaled, type.getElementType(), emitError);
  if (failed(storage))
    return failure();
  FailureOr<Parameters> parameters =
      readParameters(scaled, type, given, emitError);
  if (failed(parameters))
    return failure();

  quant::QuantizedType element;
  if (scaled.getBlock().empty()) {
    element = quant::UniformQuantizedType::getChecked(
        emitError, storage->flags, storage->type, storage->expressed,
        parameters->scales.values.front(),
        parameters->zeroPoints.values.front(), storage->min, storage->max);
  } else if (std::optional<int64_t> axis = getAxis(scaled.getBlock())) {
    element = quant::UniformQuantizedPerAxisType::getChecked(
        emitError, storage->flags, storage->type, storage->expressed,
        parameters->scales.values, parameters->zeroPoints.values, *axis,
        storage->min, storage->max);
  } else {
    if (failed(checkWholeBlocks(scaled, type, emitError)))
      return failure();
    element = getSubChannelType(scaled, *storage, *parameters, emitError);
  }
  if (!element)
    return failure();
  return RankedTensorType::get(type.getShape(), element);
}

/// A value of encoded type: its constituents but the payload, as far as the
/// operation that makes it names them.
ValueRange getGiven(Value value) {
  if (auto assemble = value.getDefiningOp<AssembleOp>())
    return assemble.getConstituents().drop_front();
  if (auto quantize = value.getDefiningOp<QuantizeOp>())
    return quantize.getGiven();
  return {};
}

FailureOr<RankedTensorType> getQuantType(Value value, EmitError emitError) {
  auto encoded = EncodedTensorType::get(value.getType());
  ValueRange given = getGiven(value);
  if (given.size() + 1 != encoded.getConstituents().size())
    return emitError()
           << "has " << encoded.getType()
           << ", whose scales or zero points are not known at this place; "
              "quant has constants only: give them to 'qfmt.quantize' or "
              "'qfmt.assemble' where they are read";
  return getQuantType(encoded, given, emitError);
}

/// As getQuantType, after everything has been checked.
RankedTensorType getCheckedType(Value value) {
  return *getQuantType(value, [&] { return emitError(value.getLoc()); });
}

/// Encodings whose scales and zero points are in the type.
struct StaticTypes : TypeConverter {
  StaticTypes() {
    addConversion([](Type type) { return type; });
    addConversion([](RankedTensorType type) -> Type {
      auto encoded = EncodedTensorType::get(type);
      if (!encoded)
        return type;
      if (!encoded.getFormat().isStatic())
        return {};
      return *getQuantType(encoded, ValueRange(), [&] {
        return emitError(UnknownLoc::get(type.getContext()));
      });
    });
  }
};

//===----------------------------------------------------------------------===//
// What can be converted
//===----------------------------------------------------------------------===//

LogicalResult checkQuantize(QuantizeOp op) {
  auto refuse = [&](StringRef option, StringRef found) {
    return op.emitOpError() << "has " << option << found
                            << ", which quant cannot say: 'quant.qcast' rounds "
                               "half to even and saturates here";
  };
  if (op.getStochasticSeed())
    return refuse("stochastic rounding", "");
  if (op.getRounding() != RoundingMode::HalfEven)
    return refuse("rounding = ", stringifyRoundingMode(op.getRounding()));
  // Infinite values saturate, too, where the format has no infinity.
  if (op.getOverflow() != OverflowMode::Saturate)
    return refuse("overflow = ", stringifyOverflowMode(op.getOverflow()));
  return success();
}

/// Of what the operation does with encoded tensors; their types are checked
/// elsewhere.
LogicalResult checkUse(Operation *op) {
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return checkQuantize(quantize);
  if (isa<DequantizeOp, AssembleOp, ConstituentsOp>(op))
    return success();
  if (isa<ConvertOp>(op))
    return op->emitOpError()
           << "has no counterpart in quant; use 'qfmt.dequantize' and "
              "'qfmt.quantize', which round twice";
  if (!carriesTypes(op))
    return op->emitOpError() << "has encoded tensors and is not converted: put "
                                "'qfmt.dequantize' before it and "
                                "'qfmt.quantize' after it";
  for (Type type : llvm::concat<Type>(llvm::to_vector(op->getOperandTypes()),
                                      llvm::to_vector(op->getResultTypes())))
    if (auto encoded = EncodedTensorType::get(type))
      if (!encoded.getFormat().isStatic())
        return op->emitOpError()
               << "passes on " << type
               << ", whose scales or zero points are no part of its type as "
                  "they are in quant; pass on its constituents";
  return success();
}

LogicalResult checkOperation(Operation *op) {
  auto emitError = [&] { return op->emitOpError(); };
  SmallVector<Value> values;
  auto add = [&](ValueRange range) {
    llvm::copy_if(range, std::back_inserter(values),
                  [](Value value) { return isEncoded(value.getType()); });
  };
  add(op->getOperands());
  add(op->getResults());
  if (!values.empty() && failed(checkUse(op)))
    return failure();
  for (Region &region : op->getRegions())
    for (Block &block : region)
      add(block.getArguments());
  for (Value value : values)
    if (failed(getQuantType(value, emitError)))
      return failure();
  // A declaration has types without values.
  auto function = dyn_cast<func::FuncOp>(op);
  if (!function)
    return success();
  for (Type type : llvm::concat<const Type>(function.getArgumentTypes(),
                                            function.getResultTypes())) {
    auto encoded = EncodedTensorType::get(type);
    if (!encoded)
      continue;
    if (!encoded.getFormat().isStatic())
      return op->emitOpError()
             << "takes or returns " << type
             << ", whose scales or zero points come at run time; quant has "
                "constants only";
    if (failed(getQuantType(encoded, ValueRange(), emitError)))
      return failure();
  }
  return success();
}

LogicalResult checkOperations(Operation *root) {
  WalkResult result = root->walk<WalkOrder::PreOrder>(
      [](Operation *op) -> WalkResult { return checkOperation(op); });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Values whose scales are constants
//===----------------------------------------------------------------------===//

/// The quantized tensor instead of the encoded one that `op` makes.
Value createQuantized(OpBuilder &builder, Operation *op) {
  RankedTensorType type = getCheckedType(op->getResult(0));
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return quant::QuantizeCastOp::create(builder, op->getLoc(), type,
                                         quantize.getInput());
  return quant::StorageCastOp::create(
      builder, op->getLoc(), type,
      cast<AssembleOp>(op).getConstituents().front());
}

/// Replaces one reader of the encoded tensor that is now `quantized`.
void replaceReader(Operation *reader, Value quantized, ValueRange given) {
  OpBuilder builder(reader);
  Location loc = reader->getLoc();
  if (auto dequantize = dyn_cast<DequantizeOp>(reader)) {
    reader->getResult(0).replaceAllUsesWith(quant::DequantizeCastOp::create(
        builder, loc, dequantize.getResult().getType(), quantized));
  } else {
    Value codes = quant::StorageCastOp::create(
        builder, loc, reader->getResult(0).getType(), quantized);
    reader->getResult(0).replaceAllUsesWith(codes);
    reader->getResults().drop_front().replaceAllUsesWith(given);
  }
  reader->erase();
}

void convertWithConstants(Operation *root) {
  SmallVector<Operation *> makers;
  root->walk([&](Operation *op) {
    if (isa<AssembleOp, QuantizeOp>(op) && !getGiven(op->getResult(0)).empty())
      makers.push_back(op);
  });
  for (Operation *op : makers) {
    OpBuilder builder(op);
    Value quantized = createQuantized(builder, op);
    for (Operation *reader : llvm::make_early_inc_range(op->getUsers()))
      replaceReader(reader, quantized, getGiven(op->getResult(0)));
    op->erase();
  }
}

//===----------------------------------------------------------------------===//
// Values whose scale is in the type
//===----------------------------------------------------------------------===//

/// The cast that says the same: all take the first operand and give the first
/// result.
template <typename OpT, typename CastT>
struct CastConversion : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;
  LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type type =
        this->getTypeConverter()->convertType(op->getResult(0).getType());
    rewriter.replaceOpWithNewOp<CastT>(op, type, adaptor.getOperands().front());
    return success();
  }
};

struct ConvertQFmtToQuantPass
    : impl::ConvertQFmtToQuantBase<ConvertQFmtToQuantPass> {
  void runOnOperation() override {
    dequantizeLinalgInputs(getOperation());
    if (failed(checkOperations(getOperation())))
      return signalPassFailure();
    convertWithConstants(getOperation());

    StaticTypes types;
    RewritePatternSet patterns(&getContext());
    ConversionTarget target(getContext());
    patterns.add<CastConversion<QuantizeOp, quant::QuantizeCastOp>,
                 CastConversion<DequantizeOp, quant::DequantizeCastOp>,
                 CastConversion<AssembleOp, quant::StorageCastOp>,
                 CastConversion<ConstituentsOp, quant::StorageCastOp>>(
        types, &getContext());
    target.addIllegalOp<QuantizeOp, DequantizeOp, AssembleOp, ConstituentsOp>();
    populateCarriedTypes(types, patterns, target);
    if (failed(convertUnfolded(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
