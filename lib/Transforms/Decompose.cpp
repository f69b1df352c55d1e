// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From level encoded or integer to level constituents.
//
// Input: encoded tensors that are quantized, read, moved and passed on by the
// operations in the list of isDecomposable. Output: no encoded type and, of
// qfmt, only `dyadic_scale`; each encoded value is its constituents, each
// constituent of a builtin float below 16 bits a tensor of integers.
//
// The arithmetic comes from the formats (FormatLowering.h); this file knows no
// format. It does not fuse or fold what it emits, nor pack codes.

#include "BlockMoves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/ControlFlow/Transforms/StructuralTypeConversions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/Transforms/FormatLowering.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_DECOMPOSE
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

namespace {
/// An encoded tensor becomes its constituents, and a tensor of floats below 16
/// bits a tensor of their codes.
struct ConstituentTypes : TypeConverter {
  ConstituentTypes() {
    addConversion([](Type type) { return type; });
    addConversion([](RankedTensorType type, SmallVectorImpl<Type> &types) {
      if (auto encoded = EncodedTensorType::get(type))
        for (const Constituent &part : encoded.getConstituents())
          types.push_back(getCodeTensorType(part.type));
      else
        types.push_back(getCodeTensorType(type));
      return success();
    });
    // Operations that stay keep their floats.
    addSourceMaterialization(bitcast);
    addTargetMaterialization(bitcast);
  }

  static Value bitcast(OpBuilder &builder, RankedTensorType type,
                       ValueRange inputs, Location loc) {
    auto input = inputs.size() == 1
                     ? dyn_cast<RankedTensorType>(inputs.front().getType())
                     : RankedTensorType();
    if (!input || EncodedTensorType::isEncoded(type) ||
        EncodedTensorType::isEncoded(input))
      return {};
    return arith::BitcastOp::create(builder, loc, type, inputs.front());
  }
};
} // namespace

static bool isEncoded(Type type) { return EncodedTensorType::isEncoded(type); }

static bool hasEncodedTypes(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), isEncoded) ||
         llvm::any_of(op->getResultTypes(), isEncoded);
}

//===----------------------------------------------------------------------===//
// What can be decomposed
//===----------------------------------------------------------------------===//

/// Operations that change the place of elements and not their values.
static bool isMove(Operation *op) {
  return isa<tensor::ExtractSliceOp, tensor::InsertSliceOp,
             tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ConcatOp,
             tensor::CastOp, tensor::EmptyOp, tensor::PadOp,
             linalg::TransposeOp>(op);
}

static bool isDecomposable(Operation *op) {
  return isMove(op) ||
         isa<QuantizeOp, DequantizeOp, ConvertOp, AssembleOp, ConstituentsOp,
             tensor::DimOp, arith::SelectOp, func::FuncOp, func::CallOp,
             func::ReturnOp, cf::BranchOp, cf::CondBranchOp, cf::SwitchOp,
             scf::ForOp, scf::IfOp, scf::WhileOp, scf::ConditionOp,
             scf::YieldOp>(op);
}

/// A move acts on each constituent, so these must lie like the tensor, and all
/// that its encoded tensors share must be in the type.
static LogicalResult checkMove(Operation *op) {
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types) {
      auto encoded = EncodedTensorType::get(type);
      if (!encoded)
        continue;
      TensorFormat format = encoded.getFormat();
      if (isa<tensor::PadOp>(op)
              ? !format.isStatic()
              : format.getConstituentBlocks(encoded.getRank()).empty())
        return op->emitOpError()
               << "moves " << type
               << (isa<tensor::PadOp>(op)
                       ? ", whose scales or zero points are only known at run "
                         "time"
                       : ", whose constituents are not laid out like the "
                         "tensor")
               << "; move its constituents before 'qfmt.assemble', or "
                  "dequantize";
    }
  return verifyBlockMove(op);
}

static LogicalResult checkOperations(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) -> WalkResult {
    if (isa<ObserveOp>(op))
      return op->emitOpError() << "does not belong to level encoded; run "
                                  "qfmt-quantize, which uses observers up";
    if (!hasEncodedTypes(op))
      return WalkResult::advance();
    if (isDecomposable(op))
      return isMove(op) ? checkMove(op) : success();
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (linalgOp && !llvm::any_of(op->getResultTypes(), isEncoded))
      return WalkResult::advance();
    return op->emitOpError()
           << "cannot be decomposed: arithmetic on encoded tensors is linalg "
              "with encoded inputs and unencoded results; use "
              "'qfmt.dequantize' and 'qfmt.quantize'";
  });
  return failure(result.wasInterrupted());
}

/// linalg operations read their encoded inputs through `dequantize`.
static void dequantizeLinalgInputs(ModuleOp module) {
  module.walk([](linalg::LinalgOp op) {
    if (isMove(op))
      return;
    OpBuilder builder(op);
    for (OpOperand *input : op.getDpsInputOperands())
      if (auto encoded = EncodedTensorType::get(input->get().getType()))
        input->set(DequantizeOp::create(
            builder, op.getLoc(), encoded.getLogicalType(), input->get()));
  });
}

//===----------------------------------------------------------------------===//
// Patterns: qfmt
//===----------------------------------------------------------------------===//

/// The lowering of the encoding of `type`, to read it or, with `modes`, to make
/// it.
static FailureOr<TensorFormatLowering>
getLowering(Operation *op, EncodedTensorType type,
            std::optional<EncodeModes> modes = std::nullopt) {
  auto format = static_cast<Attribute>(type.getFormat());
  // A number format from elsewhere may have a meaning and no lowering.
  for (const Constituent &part : type.getConstituents()) {
    if (failed(CodeEmitter(part.format).verify(modes, [&] {
          return op->emitOpError();
        })))
      return failure();
    // The modes are those of the payload.
    if (modes)
      modes = EncodeModes();
  }
  if (auto lowering = dyn_cast<TensorFormatLowering>(format))
    return lowering;
  return op->emitOpError() << "no lowering is registered for " << format;
}

template <typename OpT>
static TensorEncodeModes getModes(OpT op, ValueRange given, Division division) {
  TensorEncodeModes modes;
  modes.element.rounding = op.getRounding();
  modes.element.overflow = op.getOverflow();
  modes.element.nan = op.getNan();
  modes.scaleRule = op.getScaleRule();
  modes.division = division;
  modes.seed = op.getStochasticSeed();
  modes.given = llvm::to_vector(given);
  return modes;
}

namespace {
struct QuantizeConversion : OpConversionPattern<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(QuantizeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = EncodedTensorType::get(op.getResult().getType());
    TensorEncodeModes modes =
        getModes(op, adaptor.getGiven(), Division::Rounded);
    FailureOr<TensorFormatLowering> lowering =
        getLowering(op, type, modes.element);
    if (failed(lowering))
      return failure();
    auto parts = lowering->emitEncode(
        rewriter, op.getLoc(), type, adaptor.getInput(),
        ExactRange::of(type.getLogicalElementType()), modes);
    if (failed(parts))
      return failure();
    rewriter.replaceOpWithMultiple(op, {*parts});
    return success();
  }
};

struct DequantizeConversion : OpConversionPattern<DequantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(DequantizeOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = EncodedTensorType::get(op.getInput().getType());
    FailureOr<TensorFormatLowering> lowering = getLowering(op, type);
    if (failed(lowering))
      return failure();
    FailureOr<Value> reals = lowering->emitDecode(
        rewriter, op.getLoc(), type, adaptor.getInput(), Division::Rounded);
    if (failed(reals))
      return failure();
    rewriter.replaceOp(op, *reals);
    return success();
  }
};

/// Plain tensors stay one value each.
static SmallVector<Value> getSingleValues(ArrayRef<ValueRange> operands) {
  SmallVector<Value> values;
  for (ValueRange operand : operands)
    values.push_back(llvm::getSingleElement(operand));
  return values;
}

/// The exact reals of the source, encoded.
struct ConvertConversion : OpConversionPattern<ConvertOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConvertOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto source = EncodedTensorType::get(op.getInput().getType());
    auto type = EncodedTensorType::get(op.getResult().getType());
    FailureOr<TensorFormatLowering> decode = getLowering(op, source);
    SmallVector<Value> given = getSingleValues(adaptor.getGiven());
    TensorEncodeModes modes = getModes(op, given, Division::Exact);
    FailureOr<TensorFormatLowering> encode =
        getLowering(op, type, modes.element);
    if (failed(decode) || failed(encode))
      return failure();
    FailureOr<Value> reals = decode->emitDecode(
        rewriter, op.getLoc(), source, adaptor.getInput(), Division::Exact);
    if (failed(reals))
      return failure();
    auto parts = encode->emitEncode(
        rewriter, op.getLoc(), type, *reals,
        decode->getExactRange(source.getLogicalElementType()), modes);
    if (failed(parts))
      return failure();
    rewriter.replaceOpWithMultiple(op, {*parts});
    return success();
  }
};

struct AssembleConversion : OpConversionPattern<AssembleOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(AssembleOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(op, {adaptor.getConstituents()});
    return success();
  }
};

struct ConstituentsConversion : OpConversionPattern<ConstituentsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConstituentsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getInput());
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Patterns: everything else that holds encoded tensors
//===----------------------------------------------------------------------===//

/// A codes' constant has the same bits.
struct ConstantConversion : OpConversionPattern<arith::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(arith::ConstantOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<ShapedType>(getTypeConverter()->convertType(op.getType()));
    TypedAttr codes;
    if (auto dense = dyn_cast<DenseElementsAttr>(op.getValue()))
      codes = dense.bitcast(type.getElementType());
    else if (auto blob = dyn_cast<DenseResourceElementsAttr>(op.getValue()))
      codes = DenseResourceElementsAttr::get(type, blob.getRawHandle());
    else
      return op->emitOpError() << "has a value of unknown kind";
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, codes);
    return success();
  }
};

/// Selects each constituent. The condition is one i1: one for each element
/// would have the encoding, too.
struct SelectConversion : OpConversionPattern<arith::SelectOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(arith::SelectOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value condition = op.getCondition();
    SmallVector<Value> parts;
    for (auto [a, b] :
         llvm::zip(adaptor.getTrueValue(), adaptor.getFalseValue()))
      parts.push_back(
          arith::SelectOp::create(rewriter, op.getLoc(), condition, a, b));
    rewriter.replaceOpWithMultiple(op, {parts});
    return success();
  }
};

/// The types of the constituents of the result of a move.
static SmallVector<Type> getPartTypes(const TypeConverter &types,
                                      Operation *op) {
  SmallVector<Type> parts;
  LogicalResult converted =
      types.convertTypes(op->getResult(0).getType(), parts);
  assert(succeeded(converted) && "every type has constituents");
  (void)converted;
  return parts;
}

/// For each constituent of the tensor that a move moves the box of elements
/// that share an entry of it; one for a plain tensor.
static SmallVector<SmallVector<int64_t>> getBoxes(Type type) {
  auto encoded = EncodedTensorType::get(type);
  if (!encoded)
    return {SmallVector<int64_t>(cast<RankedTensorType>(type).getRank(), 1)};
  return encoded.getFormat().getConstituentBlocks(encoded.getRank());
}

/// The tensor to which the offsets and sizes of a move belong.
static Type getWholeType(Operation *op) {
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    return slice.getSourceType();
  return op->getResult(0).getType();
}

/// What changes in the move of a constituent with boxes of the shape `box`.
template <typename OpT>
static void adjustMove(OpT, ArrayRef<int64_t>) {}
template <typename OpT>
static void adjustSlice(OpT op, ArrayRef<int64_t> box) {
  SmallVector<int64_t> offsets(op.getStaticOffsets());
  SmallVector<int64_t> sizes(op.getStaticSizes());
  divideByBox(box, offsets, sizes);
  op.setStaticOffsets(offsets);
  op.setStaticSizes(sizes);
}
static void adjustMove(tensor::ExtractSliceOp op, ArrayRef<int64_t> box) {
  adjustSlice(op, box);
}
static void adjustMove(tensor::InsertSliceOp op, ArrayRef<int64_t> box) {
  adjustSlice(op, box);
}

/// The same move of each constituent.
template <typename OpT>
struct MoveConversion : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;
  using Adaptor = typename OpConversionPattern<OpT>::OneToNOpAdaptor;
  LogicalResult
  matchAndRewrite(OpT op, Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> types = getPartTypes(*this->getTypeConverter(), op);
    // A slice of less dimensions has its boxes where it comes from.
    auto boxes = getBoxes(getWholeType(op));
    SmallVector<Value> parts;
    for (auto [i, type, box] : llvm::enumerate(types, boxes)) {
      SmallVector<Value> operands;
      for (auto [operand, values] :
           llvm::zip_equal(op->getOperands(), adaptor.getOperands()))
        operands.push_back(isEncoded(operand.getType()) ? values[i]
                                                        : values.front());
      auto part = OpT::create(rewriter, op.getLoc(), TypeRange(type), operands,
                              op->getAttrs());
      adjustMove(part, box);
      parts.push_back(part);
    }
    rewriter.replaceOpWithMultiple(op, {parts});
    return success();
  }
};

/// Reshapes the payload; other constituents have one element (C46).
template <typename OpT>
struct ReshapeConversion : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;
  using Adaptor = typename OpConversionPattern<OpT>::OneToNOpAdaptor;
  LogicalResult
  matchAndRewrite(OpT op, Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> types = getPartTypes(*this->getTypeConverter(), op);
    SmallVector<Value> operands;
    for (ValueRange values : adaptor.getOperands())
      operands.push_back(values.front());
    SmallVector<Value> parts{OpT::create(rewriter, op.getLoc(),
                                         TypeRange(types.front()), operands,
                                         op->getAttrs())};
    for (auto [type, value] :
         llvm::drop_begin(llvm::zip(types, adaptor.getSrc())))
      parts.push_back(OpT::create(rewriter, op.getLoc(), type, value,
                                  op.getReassociationIndices()));
    rewriter.replaceOpWithMultiple(op, {parts});
    return success();
  }
};

/// Dynamic sizes are those of the tensor, those of other constituents the
/// numbers of their boxes.
struct EmptyConversion : OpConversionPattern<tensor::EmptyOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(tensor::EmptyOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<OpFoldResult> sizes = op.getMixedSizes();
    SmallVector<Value> parts;
    for (auto [type, box] : llvm::zip_equal(
             getPartTypes(*getTypeConverter(), op), getBoxes(op.getType()))) {
      auto partType = cast<RankedTensorType>(type);
      SmallVector<Value> dynamic;
      for (auto [size, partSize, block] :
           llvm::zip_equal(sizes, partType.getShape(), box))
        if (ShapedType::isDynamic(partSize))
          dynamic.push_back(
              countBlocks(rewriter, op.getLoc(), cast<Value>(size), block));
      parts.push_back(
          tensor::EmptyOp::create(rewriter, op.getLoc(), partType, dynamic));
    }
    rewriter.replaceOpWithMultiple(op, {parts});
    return success();
  }

  static Value countBlocks(OpBuilder &b, Location loc, Value size,
                           int64_t block) {
    if (block == 1)
      return size;
    Value divisor = arith::ConstantIndexOp::create(b, loc, block);
    return arith::CeilDivUIOp::create(b, loc, size, divisor);
  }
};

struct TransposeConversion : OpConversionPattern<linalg::TransposeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(linalg::TransposeOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> parts;
    for (auto [input, init] :
         llvm::zip_equal(adaptor.getInput(), adaptor.getInit()))
      parts.push_back(linalg::TransposeOp::create(rewriter, op.getLoc(), input,
                                                  init, op.getPermutation())
                          ->getResult(0));
    rewriter.replaceOpWithMultiple(op, {parts});
    return success();
  }
};

/// Pads with the code of the padding value, which must be a constant.
struct PadConversion : OpConversionPattern<tensor::PadOp> {
  using OpConversionPattern::OpConversionPattern;

  /// The padding value as a code; null with a diagnostic.
  static TypedAttr getCode(tensor::PadOp op, EncodedTensorType type) {
    Value padding = op.getConstantPaddingValue();
    FloatAttr number;
    if (!padding || !matchPattern(padding, m_Constant(&number))) {
      op->emitOpError() << "pads an encoded tensor with a value that is not a "
                           "constant";
      return {};
    }
    FailureOr<TensorFormatLowering> lowering = getLowering(op, type);
    if (failed(lowering))
      return {};
    double value = number.getValueAsDouble();
    TypedAttr code = lowering->getPayloadCode(type, value);
    if (!code)
      op->emitOpError() << "pads with " << value << ", which "
                        << static_cast<Attribute>(type.getFormat())
                        << " cannot represent";
    return code;
  }

  LogicalResult
  matchAndRewrite(tensor::PadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = EncodedTensorType::get(op.getResultType());
    if (!type)
      return failure();
    TypedAttr attr = getCode(op, type);
    if (!attr)
      return failure();
    Value code = arith::ConstantOp::create(rewriter, op.getLoc(), attr);
    rewriter.replaceOpWithNewOp<tensor::PadOp>(
        op, getTypeConverter()->convertType(op.getResultType()),
        adaptor.getSource(), op.getMixedLowPad(), op.getMixedHighPad(), code,
        op.getNofold());
    return success();
  }
};

/// The payload has the shape of the tensor.
struct DimConversion : OpConversionPattern<tensor::DimOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(tensor::DimOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<tensor::DimOp>(op, adaptor.getSource().front(),
                                               adaptor.getIndex().front());
    return success();
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Names of arguments and results
//===----------------------------------------------------------------------===//

/// The attributes of an argument or result of `type`, one dictionary for each
/// value it becomes. The payload keeps the name; to those of other constituents
/// theirs is added.
static void splitAttributes(DictionaryAttr attributes, Type type,
                            SmallVectorImpl<Attribute> &split) {
  auto encoded = EncodedTensorType::get(type);
  if (!encoded) {
    split.push_back(attributes);
    return;
  }
  SmallVector<Constituent> parts = encoded.getConstituents();
  auto name = attributes.getAs<StringAttr>(QFmtDialect::kNameAttr);
  for (const Constituent &part : parts) {
    NamedAttrList list(attributes);
    if (name && part.name != parts.front().name)
      list.set(QFmtDialect::kNameAttr,
               StringAttr::get(attributes.getContext(),
                               name.getValue() + "." + part.name));
    split.push_back(list.getDictionary(attributes.getContext()));
  }
}

namespace {
/// The argument and result attributes that a function has after the conversion,
/// which itself would shift them.
struct SplitSignature {
  explicit SplitSignature(func::FuncOp function) : function(function) {
    for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
      splitAttributes(function.getArgAttrDict(index)
                          ? function.getArgAttrDict(index)
                          : DictionaryAttr::get(function.getContext()),
                      type, arguments);
    for (auto [index, type] : llvm::enumerate(function.getResultTypes()))
      splitAttributes(function.getResultAttrDict(index)
                          ? function.getResultAttrDict(index)
                          : DictionaryAttr::get(function.getContext()),
                      type, results);
  }

  void apply() {
    MLIRContext *context = function.getContext();
    function.setArgAttrsAttr(ArrayAttr::get(context, arguments));
    function.setResAttrsAttr(ArrayAttr::get(context, results));
    auto isEmpty = [](Attribute attr) {
      return cast<DictionaryAttr>(attr).empty();
    };
    if (llvm::all_of(arguments, isEmpty))
      function.removeArgAttrsAttr();
    if (llvm::all_of(results, isEmpty))
      function.removeResAttrsAttr();
  }

  func::FuncOp function;
  SmallVector<Attribute> arguments, results;
};
} // namespace

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

static void populatePatterns(const TypeConverter &types,
                             RewritePatternSet &patterns) {
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                 types);
  populateCallOpTypeConversionPattern(patterns, types);
  populateReturnOpTypeConversionPattern(patterns, types);
  patterns.add<
      QuantizeConversion, DequantizeConversion, ConvertConversion,
      AssembleConversion, ConstituentsConversion, ConstantConversion,
      SelectConversion, PadConversion, DimConversion, TransposeConversion,
      EmptyConversion, MoveConversion<tensor::ExtractSliceOp>,
      MoveConversion<tensor::InsertSliceOp>, MoveConversion<tensor::ConcatOp>,
      MoveConversion<tensor::CastOp>, ReshapeConversion<tensor::ExpandShapeOp>,
      ReshapeConversion<tensor::CollapseShapeOp>>(types, patterns.getContext());
}

/// Legality: signatures, control flow and the operations with a pattern must
/// hold converted types; all others must not hold encoded ones.
static void setLegality(const TypeConverter &types, ConversionTarget &target) {
  target.addIllegalOp<QuantizeOp, DequantizeOp, ConvertOp, AssembleOp,
                      ConstituentsOp>();
  target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
    return types.isSignatureLegal(op.getFunctionType());
  });
  target.markUnknownOpDynamicallyLegal([&](Operation *op) {
    // A pad of unencoded floats keeps its body.
    bool converts = (isDecomposable(op) && !isa<tensor::PadOp>(op)) ||
                    isa<arith::ConstantOp>(op);
    return converts ? types.isLegal(op) : !hasEncodedTypes(op);
  });
}

/// Patterns say themselves what is wrong; the driver's "failed to legalize"
/// after that says nothing more.
static LogicalResult convert(ModuleOp module, const ConversionTarget &target,
                             RewritePatternSet patterns) {
  bool hasError = false;
  ScopedDiagnosticHandler filter(
      module.getContext(), [&](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return failure();
        bool isRepeated =
            hasError && StringRef(diagnostic.str())
                            .starts_with("failed to legalize operation");
        hasError = true;
        return success(isRepeated);
      });
  return applyPartialConversion(module, target, std::move(patterns));
}

namespace {
struct DecomposePass : qfmt::impl::DecomposeBase<DecomposePass> {
  using Base::Base;

  void getDependentDialects(DialectRegistry &registry) const override {
    Base::getDependentDialects(registry);
    registerFormatLowerings(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(checkOperations(module)))
      return signalPassFailure();
    dequantizeLinalgInputs(module);
    SmallVector<SplitSignature> signatures;
    module.walk([&](func::FuncOp op) { signatures.emplace_back(op); });

    ConstituentTypes types;
    RewritePatternSet patterns(&getContext());
    ConversionTarget target(getContext());
    populatePatterns(types, patterns);
    setLegality(types, target);
    scf::populateSCFStructuralTypeConversionsAndLegality(types, patterns,
                                                         target);
    cf::populateCFStructuralTypeConversionsAndLegality(types, patterns, target);
    if (failed(convert(module, target, std::move(patterns))))
      return signalPassFailure();
    for (SplitSignature &signature : signatures)
      signature.apply();
  }
};
} // namespace
