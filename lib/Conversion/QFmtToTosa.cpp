//===- QFmtToTosa.cpp - To TOSA's rescale and block-scaled operations -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt.dyadic_scale on tensors, or alone in an element-wise linalg
//         operation with what a rescale has around it; encoded tensors in
//         blocks of 32 along the last dimension with scales of f8E8M0FNU.
// Output: tosa.rescale; pairs of data and scales, cast_to_block_scaled,
//         cast_from_block_scaled and matmul_t_block_scaled. No encoded tensor
//         and no dyadic_scale is left: what TOSA cannot say is diagnosed before
//         any of them changes.
//
// TOSA requires of apply_scale_32 that -2^(n-1) <= value < 2^(n-1) for the
// shift n. A dyadic number can be written with a longer shift, so that this
// holds for every value of the operand's type, unless it is too large.
//
//===----------------------------------------------------------------------===//

#include "CarryTypes.h"
#include "EncodedValues.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVERTQFMTTOTOSA
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// The only block size that TOSA has.
constexpr int64_t kBlock = 32;
/// The longest shift of a rescale.
constexpr int64_t kMaxShift = 62;

bool isEncoded(Type type) { return EncodedTensorType::isEncoded(type); }

//===----------------------------------------------------------------------===//
// dyadic_scale: reading
//===----------------------------------------------------------------------===//

/// A rescale: output = clamp(round((input - inputZero) * m / 2^n) + outputZero)
/// with one m and n, or one for each index of the last dimension.
struct Rescale {
  /// The tensor may be the result of another rescale, replaced before this one.
  OpOperand *input = nullptr;
  RankedTensorType outputType;
  bool inputUnsigned = false, outputUnsigned = false;
  int64_t inputZero = 0, outputZero = 0;
  std::vector<int64_t> multipliers, shifts;
};

std::optional<int64_t> getInteger(Value value) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)))
    return std::nullopt;
  return constant.trySExtValue();
}

/// The values along the last dimension, if they are the same for all other
/// indices; a single one if all are equal.
std::optional<std::vector<int64_t>> getChannelNumbers(Value value) {
  ElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return std::nullopt;
  std::optional<std::vector<int64_t>> values = readIntegers(constant);
  ArrayRef<int64_t> shape = constant.getShapedType().getShape();
  if (!values || values->empty())
    return std::nullopt;
  size_t channels = shape.empty() ? 1 : shape.back();
  for (size_t i = channels; i < values->size(); ++i)
    if ((*values)[i] != (*values)[i - channels])
      return std::nullopt;
  values->resize(channels);
  if (llvm::all_equal(*values))
    values->resize(1);
  return values;
}

/// A multiplier or shift in the body of `op`: a constant, or an input along the
/// last dimension, perhaps widened.
std::optional<std::vector<int64_t>> getChannelNumbers(linalg::GenericOp op,
                                                      Value value) {
  if (auto widened = value.getDefiningOp<arith::ExtSIOp>())
    value = widened.getIn();
  if (std::optional<int64_t> number = getInteger(value))
    return std::vector<int64_t>{*number};
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != op.getBody())
    return std::nullopt;
  OpOperand *operand = op.getMatchingOpOperand(argument);
  AffineMap last =
      AffineMap::get(op.getNumLoops(), 0,
                     getAffineDimExpr(op.getNumLoops() - 1, op.getContext()));
  if (op.getMatchingIndexingMap(operand) != last)
    return std::nullopt;
  return getChannelNumbers(operand->get());
}

/// Reads what follows the scaling, from the yielded value back to it.
DyadicScaleOp readOutput(Value yielded, Rescale &rescale) {
  if (auto scale = yielded.getDefiningOp<DyadicScaleOp>())
    return scale;
  auto trunc = yielded.getDefiningOp<arith::TruncIOp>();
  auto min = trunc ? trunc.getIn().getDefiningOp<arith::MinSIOp>() : nullptr;
  auto max = min ? min.getLhs().getDefiningOp<arith::MaxSIOp>() : nullptr;
  if (!max)
    return {};
  unsigned width = yielded.getType().getIntOrFloatBitWidth();
  std::optional<int64_t> low = getInteger(max.getRhs());
  std::optional<int64_t> high = getInteger(min.getRhs());
  rescale.outputUnsigned = low == 0;
  int64_t lowest = rescale.outputUnsigned ? 0 : llvm::minIntN(width);
  int64_t largest =
      rescale.outputUnsigned ? llvm::maxUIntN(width) : llvm::maxIntN(width);
  if (low != lowest || high != largest)
    return {};
  Value value = max.getLhs();
  if (auto add = value.getDefiningOp<arith::AddIOp>()) {
    std::optional<int64_t> zero = getInteger(add.getRhs());
    if (!zero)
      return {};
    rescale.outputZero = *zero;
    value = add.getLhs();
  }
  auto scale = value.getDefiningOp<DyadicScaleOp>();
  // In 64 bits nothing saturates before the zero point is added.
  return scale && scale.getResult().getType().isInteger(64) ? scale
                                                            : DyadicScaleOp();
}

/// Reads what comes before the scaling; true if it is understood.
bool readInput(Value acc, Value argument, Rescale &rescale) {
  if (auto sub = acc.getDefiningOp<arith::SubIOp>()) {
    std::optional<int64_t> zero = getInteger(sub.getRhs());
    if (!zero)
      return false;
    rescale.inputZero = *zero;
    acc = sub.getLhs();
  }
  if (auto widened = acc.getDefiningOp<arith::ExtUIOp>()) {
    rescale.inputUnsigned = true;
    acc = widened.getIn();
  } else if (auto widened = acc.getDefiningOp<arith::ExtSIOp>()) {
    acc = widened.getIn();
  }
  return acc == argument;
}

/// The rescale that an element-wise linalg operation around `scale` is.
std::optional<Rescale> readGeneric(linalg::GenericOp op, DyadicScaleOp scale) {
  bool isElementwise = op.getNumParallelLoops() == op.getNumLoops() &&
                       op->getNumResults() == 1 && op.getNumDpsInputs() > 0;
  if (!isElementwise)
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!maps.front().isIdentity() || !maps.back().isIdentity())
    return std::nullopt;
  Rescale rescale;
  rescale.input = op.getDpsInputOperand(0);
  rescale.outputType = cast<RankedTensorType>(op->getResult(0).getType());
  Value yielded = op.getBody()->getTerminator()->getOperand(0);
  // Another one in the body would be replaced with it.
  if (readOutput(yielded, rescale) != scale ||
      !readInput(scale.getAcc(), op.getBody()->getArgument(0), rescale))
    return std::nullopt;
  auto multipliers = getChannelNumbers(op, scale.getMultiplier());
  auto shifts = getChannelNumbers(op, scale.getShift());
  if (!multipliers || !shifts)
    return std::nullopt;
  rescale.multipliers = *multipliers;
  rescale.shifts = *shifts;
  return rescale;
}

std::optional<Rescale> readTensorScale(DyadicScaleOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getResult().getType());
  auto multipliers = getChannelNumbers(op.getMultiplier());
  auto shifts = getChannelNumbers(op.getShift());
  if (!type || !multipliers || !shifts)
    return std::nullopt;
  Rescale rescale;
  rescale.input = &op.getAccMutable();
  rescale.outputType = type;
  rescale.multipliers = *multipliers;
  rescale.shifts = *shifts;
  return rescale;
}

//===----------------------------------------------------------------------===//
// dyadic_scale: checking
//===----------------------------------------------------------------------===//

/// m / 2^n with as large an m and n as TOSA has.
void lengthen(int64_t &m, int64_t &n) {
  while (n < kMaxShift && m < (int64_t(1) << 30)) {
    m <<= 1;
    ++n;
  }
}

LogicalResult checkTypes(DyadicScaleOp op, const Rescale &rescale) {
  auto check = [&](Type type, bool isUnsigned, int64_t zero) -> LogicalResult {
    unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
    if (width != 8 && width != 16 && width != 32)
      return op.emitOpError() << "is on " << type
                              << ", TOSA rescales integers of 8, 16 and 32 "
                                 "bits";
    if (isUnsigned && width == 32)
      return op.emitOpError()
             << "is on unsigned numbers of 32 bits, which TOSA cannot rescale";
    if (zero != 0 && width != 8)
      return op.emitOpError() << "has the zero point " << zero << " on " << type
                              << ", in TOSA only 8-bit integers have "
                              << "one";
    return success();
  };
  if (failed(check(rescale.input->get().getType(), rescale.inputUnsigned,
                   rescale.inputZero)))
    return failure();
  return check(rescale.outputType, rescale.outputUnsigned, rescale.outputZero);
}

/// Lengthens all shifts and checks that every value of the input fits them.
LogicalResult checkRange(DyadicScaleOp op, Rescale &rescale) {
  bool isWider = rescale.inputUnsigned || rescale.inputZero != 0;
  int64_t bits = getElementTypeOrSelf(rescale.input->get().getType())
                     .getIntOrFloatBitWidth() +
                 isWider;
  size_t channels = std::max(rescale.multipliers.size(), rescale.shifts.size());
  rescale.multipliers.resize(channels, rescale.multipliers.front());
  rescale.shifts.resize(channels, rescale.shifts.front());
  for (auto [m, n] : llvm::zip(rescale.multipliers, rescale.shifts)) {
    if (m < 0 || m > std::numeric_limits<int32_t>::max() || n < 0 ||
        n > kMaxShift)
      return op.emitOpError() << "scales by " << m << " / 2^" << n
                              << ", which is no dyadic number";
    int64_t longM = m, longN = n;
    lengthen(longM, longN);
    if (longN < bits)
      return op.emitOpError()
             << "scales values of " << bits << " bits by " << m << " / 2^" << n
             << ", TOSA requires that they are below 2^" << longN - 1
             << "; use a smaller ratio or a narrower operand";
    m = longM;
    n = longN;
  }
  return success();
}

FailureOr<Rescale> readRescale(DyadicScaleOp op) {
  if (op.getRounding() != RoundingMode::HalfUp)
    return op.emitOpError()
           << "has rounding = " << stringifyRoundingMode(op.getRounding())
           << ", TOSA rounds half up";
  auto generic = dyn_cast<linalg::GenericOp>(op->getParentOp());
  std::optional<Rescale> rescale =
      generic ? readGeneric(generic, op) : readTensorScale(op);
  if (!rescale)
    return op.emitOpError()
           << "is no rescale of a tensor by constants: TOSA has no scaling of "
              "scalars, and none inside other arithmetic";
  if (failed(checkTypes(op, *rescale)) || failed(checkRange(op, *rescale)))
    return failure();
  return *rescale;
}

//===----------------------------------------------------------------------===//
// dyadic_scale: writing
//===----------------------------------------------------------------------===//

Value createConst(OpBuilder &b, Location loc, Type element,
                  ArrayRef<int64_t> values) {
  SmallVector<APInt> numbers;
  for (int64_t value : values)
    numbers.push_back(APInt(element.getIntOrFloatBitWidth(), value,
                            /*isSigned=*/true, /*implicitTrunc=*/true));
  auto type =
      RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
  return tosa::ConstOp::create(b, loc, type,
                               DenseElementsAttr::get(type, numbers));
}

/// Replaces the operation that is a rescale: `op` itself or the linalg
/// operation around it.
void replaceRescale(DyadicScaleOp op, const Rescale &rescale) {
  Operation *whole = op;
  if (auto generic = dyn_cast<linalg::GenericOp>(op->getParentOp()))
    whole = generic;
  OpBuilder b(whole);
  Location loc = whole->getLoc();
  Type source = getElementTypeOrSelf(rescale.input->get().getType());
  Type target = rescale.outputType.getElementType();
  bool perChannel = rescale.multipliers.size() > 1;
  Value result = tosa::RescaleOp::create(
      b, loc, rescale.outputType, rescale.input->get(),
      createConst(b, loc, b.getI32Type(), rescale.multipliers),
      createConst(b, loc, b.getI8Type(), rescale.shifts),
      createConst(b, loc, source, rescale.inputZero),
      createConst(b, loc, target, rescale.outputZero),
      /*scale32=*/b.getBoolAttr(true),
      tosa::RoundingModeAttr::get(b.getContext(),
                                  tosa::RoundingMode::SINGLE_ROUND),
      b.getBoolAttr(perChannel), b.getBoolAttr(rescale.inputUnsigned),
      b.getBoolAttr(rescale.outputUnsigned));
  whole->getResult(0).replaceAllUsesWith(result);
  whole->erase();
}

LogicalResult convertScales(Operation *root) {
  SmallVector<std::pair<DyadicScaleOp, Rescale>> rescales;
  WalkResult walk = root->walk([&](DyadicScaleOp op) -> WalkResult {
    FailureOr<Rescale> rescale = readRescale(op);
    if (failed(rescale))
      return failure();
    rescales.push_back({op, *rescale});
    return success();
  });
  if (walk.wasInterrupted())
    return failure();
  for (auto &[op, rescale] : rescales)
    replaceRescale(op, rescale);
  return success();
}

//===----------------------------------------------------------------------===//
// Block-scaled tensors: what can be converted
//===----------------------------------------------------------------------===//

LogicalResult checkBlockScaled(EncodedTensorType type,
                               function_ref<InFlightDiagnostic()> emitError) {
  auto scaled = dyn_cast<ScaledAttr>(Attribute(type.getFormat()));
  Type element = type.getLogicalElementType();
  SmallVector<int64_t> block(type.getRank(), 1);
  if (!block.empty())
    block.back() = kBlock;
  bool fits = scaled && !block.empty() &&
              scaled.getBlock() == ArrayRef(block) &&
              isa_and_nonnull<Float8E8M0FNUType>(scaled.getScaleFormat()) &&
              isa<Float4E2M1FNType, Float6E2M3FNType, Float6E3M2FNType,
                  Float8E4M3FNType, Float8E5M2Type>(scaled.getFormat()) &&
              (element.isF32() || element.isBF16());
  if (!fits)
    return emitError()
           << "has " << type.getType()
           << "; TOSA has f32 and bf16 tensors of OCP MX floats in blocks of "
           << kBlock << " along the last dimension, with scales of f8E8M0FNU";
  int64_t size = type.getShape().back();
  if (ShapedType::isDynamic(size) || size % kBlock != 0)
    return emitError() << "has " << type.getType()
                       << ", in TOSA the last dimension is a multiple of "
                       << kBlock << "; pad it";
  return success();
}

/// TOSA's own scales are those of ceil_log2 for f8E4M3FN alone.
LogicalResult checkQuantize(QuantizeOp op) {
  auto type = EncodedTensorType::get(op.getResult().getType());
  Type format = type.getConstituents().front().format;
  if (!op.getGiven().empty() || op.getScaleRule() != ScaleRule::CeilLog2 ||
      !isa<Float8E4M3FNType>(format))
    return op.emitOpError()
           << "chooses scales as TOSA does not: 'tosa.cast_to_block_scaled' is "
              "scale_rule = ceil_log2 for f8E4M3FN, and no rule of qfmt for "
              "other formats";
  if (op.getRounding() != RoundingMode::HalfEven || op.getStochasticSeed() ||
      op.getOverflow() == OverflowMode::Zero)
    return op.emitOpError() << "rounds as TOSA does not; it rounds half to "
                               "even";
  return success();
}

/// The product that tosa.matmul_t_block_scaled is, on encoded tensors.
bool isProduct(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op->getNumResults() != 1 ||
      op.getNumLoops() != 4 || op.getNumReductionLoops() != 1)
    return false;
  AffineExpr n, h, w, c;
  bindDims(op.getContext(), n, h, w, c);
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(4, 0, results, op.getContext());
  };
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  AffineExpr zero = getAffineConstantExpr(0, op.getContext());
  bool fits = maps[0] == map({n, h, c}) && maps[2] == map({n, h, w}) &&
              (maps[1] == map({n, w, c}) || maps[1] == map({zero, w, c})) &&
              op.getIteratorTypesArray()[3] == utils::IteratorType::reduction;
  Block *body = op.getBody();
  auto add =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  auto mul = add ? add.getRhs().getDefiningOp<arith::MulFOp>() : nullptr;
  // The sum starts at zero.
  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  return fits && mul && add.getLhs() == body->getArgument(2) &&
         mul.getLhs() == body->getArgument(0) &&
         mul.getRhs() == body->getArgument(1) && fill &&
         matchPattern(fill.getInputs()[0], m_AnyZeroFloat()) &&
         isEncoded(op.getOperand(0).getType()) &&
         isEncoded(op.getOperand(1).getType()) &&
         EncodedTensorType::get(op.getOperand(0).getType())
                 .getConstituents()
                 .front()
                 .format == EncodedTensorType::get(op.getOperand(1).getType())
                                .getConstituents()
                                .front()
                                .format;
}

bool isProduct(linalg::LinalgOp op) {
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  return generic && isProduct(generic);
}

LogicalResult checkUse(Operation *op) {
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return checkQuantize(quantize);
  auto generic = dyn_cast<linalg::GenericOp>(op);
  bool isMove = movesElements(op);
  if (isa<DequantizeOp, AssembleOp, ConstituentsOp>(op) ||
      (carriesTypes(op) && !isMove) || (generic && isProduct(generic)))
    return success();
  return op->emitOpError() << "has encoded tensors and is not converted: "
                           << (isMove ? "move their constituents"
                                      : "put 'qfmt.dequantize' before it");
}

LogicalResult checkOperation(Operation *op) {
  SmallVector<Type> types(op->getOperandTypes());
  llvm::append_range(types, op->getResultTypes());
  bool isUse = llvm::any_of(types, isEncoded);
  for (Region &region : op->getRegions())
    for (Block &block : region)
      llvm::append_range(types, block.getArgumentTypes());
  if (auto function = dyn_cast<func::FuncOp>(op)) {
    llvm::append_range(types, function.getArgumentTypes());
    llvm::append_range(types, function.getResultTypes());
  }
  for (Type type : types)
    if (auto encoded = EncodedTensorType::get(type))
      if (failed(checkBlockScaled(encoded, [&] { return op->emitOpError(); })))
        return failure();
  return isUse ? checkUse(op) : success();
}

LogicalResult checkOperations(Operation *root) {
  WalkResult result = root->walk<WalkOrder::PreOrder>(
      [](Operation *op) -> WalkResult { return checkOperation(op); });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Block-scaled tensors: patterns
//===----------------------------------------------------------------------===//

tosa::BlockSizeAttr getBlockSize(MLIRContext *context) {
  return tosa::BlockSizeAttr::get(context, tosa::BlockSize::BLOCK_SIZE_32);
}

struct DequantizeConversion : OpConversionPattern<DequantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(DequantizeOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<tosa::CastFromBlockScaledOp>(
        op, op.getResult().getType(), adaptor.getInput()[0],
        adaptor.getInput()[1], getBlockSize(op.getContext()));
    return success();
  }
};

struct QuantizeConversion : OpConversionPattern<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(QuantizeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> types;
    if (failed(
            getTypeConverter()->convertType(op.getResult().getType(), types)))
      return failure();
    auto cast = tosa::CastToBlockScaledOp::create(
        rewriter, op.getLoc(), types[0], types[1], adaptor.getInput(),
        getBlockSize(op.getContext()));
    rewriter.replaceOpWithMultiple(
        op, ArrayRef<ValueRange>{ValueRange(cast->getResults())});
    return success();
  }
};

struct ProductConversion : OpConversionPattern<linalg::GenericOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(linalg::GenericOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isProduct(op))
      return failure();
    ValueRange a = adaptor.getInputs()[0], b = adaptor.getInputs()[1];
    rewriter.replaceOpWithNewOp<tosa::MatmulTBlockScaledOp>(
        op, op->getResult(0).getType(), a[0], a[1], b[0], b[1],
        getBlockSize(op.getContext()));
    return success();
  }
};

struct ConvertQFmtToTosaPass
    : impl::ConvertQFmtToTosaBase<ConvertQFmtToTosaPass> {
  void runOnOperation() override {
    dequantizeLinalgInputs(getOperation(),
                           [](linalg::LinalgOp op) { return isProduct(op); });
    if (failed(checkOperations(getOperation())) ||
        failed(convertScales(getOperation())))
      return signalPassFailure();
    ConstituentValueTypes types;
    RewritePatternSet patterns(&getContext());
    ConversionTarget target(getContext());
    patterns.add<DequantizeConversion, QuantizeConversion, ProductConversion>(
        types, &getContext());
    target.addIllegalOp<DequantizeOp, QuantizeOp>();
    populateConstituentValues(types, patterns, target);
    if (failed(convertUnfolded(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
