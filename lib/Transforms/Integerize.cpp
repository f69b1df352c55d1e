// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Level encoded to level integer. Input: functions of one block whose values
// are float tensors, some of them encoded with static scales, and whose compute
// is linalg. Output: the same functions on integer tensors; arguments and
// results are encoded tensors. What an operation becomes is decided in
// Integerize/, from its body; here a function is walked once, in order, and
// every tensor gets its model. Does not handle control flow and calls: they are
// refused by name.

#include "Integerize/FrameworkRules.h"
#include "Integerize/LinalgRewriter.h"
#include "Integerize/NestedWeights.h"
#include "Integerize/QuantizeTensor.h"
#include "Integerize/TensorMoves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/IR/Certificate.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_INTEGERIZE
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-integerize"
ALWAYS_ENABLED_STATISTIC(numRewritten, "Operations rewritten to integers");
ALWAYS_ENABLED_STATISTIC(numRescales, "Dyadic rescalings");

namespace {
/// Rewrites one function.
class FunctionIntegerizer {
public:
  FunctionIntegerizer(func::FuncOp source, const IntegerizeSettings &settings,
                      IntegerizeCounts &counts)
      : source(source), builder(source), settings(settings), counts(counts) {}

  /// The integer function, which stands before the source; null on failure,
  /// and then nothing is left of it.
  func::FuncOp run();

private:
  LogicalResult convertBody();
  LogicalResult convertArgument(BlockArgument argument);
  LogicalResult convert(Operation *op);
  LogicalResult convertConstant(arith::ConstantOp op);
  LogicalResult convertAssemble(AssembleOp op);
  LogicalResult convertQuantize(Operation *op, RoundingMode rounding,
                                OverflowMode overflow);
  LogicalResult convertLinalg(linalg::LinalgOp op);
  LogicalResult convertMove(Operation *op);
  LogicalResult bringToOneFormat(Operation *op,
                                 MutableArrayRef<TensorModel> operands);
  LogicalResult convertReturn(func::ReturnOp op);

  FailureOr<TensorModel> getModel(Operation *user, Value value);
  LogicalResult set(Value value, FailureOr<TensorModel> model);
  /// The codes of an encoded value: the end of a region and the start of
  /// others.
  LogicalResult setEncoded(Value value, FailureOr<TensorModel> model);

  func::FuncOp source, target;
  OpBuilder builder;
  const IntegerizeSettings &settings;
  IntegerizeCounts &counts;
  llvm::DenseMap<Value, TensorModel> models;
};
} // namespace

/// The static integer encoding of `type`, or null with a diagnostic.
static ScaledAttr getStaticIntegerEncoding(Operation *op, Type type) {
  auto encoded = EncodedTensorType::get(type);
  auto scaled = dyn_cast<ScaledAttr>(encoded.getFormat());
  if (!scaled || !scaled.getNumberFormat().hasIntegerCodes()) {
    op->emitOpError() << "has a tensor in " << encoded.getFormat()
                      << ", integer arithmetic needs an integer format";
    return nullptr;
  }
  if (!scaled.isStatic()) {
    op->emitOpError() << "has a scale or zero point that is only known at run "
                         "time ("
                      << scaled << "); integer-only arithmetic needs static "
                      << "ones: calibrate and quantize statically";
    return nullptr;
  }
  return scaled;
}

/// Integerization computes with constants element by element: shapes are known
/// and have elements.
static LogicalResult verifyShapes(Operation *op, TypeRange types) {
  for (Type type : types) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (tensor && !tensor.hasStaticShape())
      return op->emitOpError()
             << "has dynamic sizes (" << type
             << "), which integerization does not support yet: fix them when "
                "importing the network";
    if (tensor && tensor.getNumElements() == 0)
      return op->emitOpError() << "has a tensor without elements (" << type
                               << "), which has no integer rule: remove it";
  }
  return success();
}

/// The model of a tensor whose codes are `payload`, in a static encoding.
static TensorModel makeEncodedModel(Value payload, ScaledAttr scaled,
                                    RankedTensorType type) {
  NumberFormat number = scaled.getNumberFormat();
  TensorModel model;
  model.kind = TensorModel::Kind::Integer;
  model.realType = type;
  model.payload = payload;
  model.isUnsigned = number.getLowest() == 0;
  model.zeroPoint = *scaled.getStaticZeroPoint();
  model.scale = Table(*scaled.getStaticScale(type.getElementType()));
  // Codes outside of a narrow range are legal and denote their integers (C50).
  unsigned width = number.getFormatWidth();
  int64_t lowest = model.isUnsigned ? 0 : llvm::minIntN(width);
  int64_t largest =
      model.isUnsigned ? llvm::maxUIntN(width) : llvm::maxIntN(width);
  model.range = {lowest - model.zeroPoint, largest - model.zeroPoint};
  return model;
}

FailureOr<TensorModel> FunctionIntegerizer::getModel(Operation *user,
                                                     Value value) {
  // A scalar operand such as the value of linalg.fill.
  if (isa<FloatType>(value.getType())) {
    FloatAttr attr;
    if (!matchPattern(value, m_Constant(&attr)))
      return user->emitOpError() << "reads a float scalar that is no constant";
    TensorModel model;
    model.kind = TensorModel::Kind::Constant;
    model.constant = Table(attr.getValueAsDouble());
    return model;
  }
  auto it = models.find(value);
  if (it == models.end())
    return user->emitOpError()
           << "reads a value without an integer representation: " << value;
  return it->second;
}

LogicalResult FunctionIntegerizer::set(Value value,
                                       FailureOr<TensorModel> model) {
  if (failed(model))
    return failure();
  models[value] = std::move(*model);
  return success();
}

/// Elements of `value`, as expressions have them from here on.
static void makeElement(Value value, TensorModel &model) {
  model.expression = nullptr;
  ArrayRef<int64_t> shape = model.realType.getShape();
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(shape.size(), value.getContext());
  model.expression =
      Expression::makeElement(value, std::make_shared<TensorModel>(model),
                              getNormalIndices(identity, shape));
}

LogicalResult FunctionIntegerizer::setEncoded(Value value,
                                              FailureOr<TensorModel> model) {
  if (failed(model))
    return failure();
  // What the region that ends here proves of its result.
  if (!model->error.isExact()) {
    double bound = model->error.getTotal(model->getMagnitude());
    double scale = model->scale.getMax();
    Operation *op = model->payload.getDefiningOp();
    op->setAttr(kErrorBoundAttr, builder.getF64FloatAttr(bound * scale));
    remark::analysis(
        op->getLoc(),
        remark::RemarkOpts::name("ErrorBound").category("qfmt-integerize"))
        << "integers are at most "
        << remark::metric("Bound", std::to_string(bound * scale))
        << " off the real result, "
        << remark::metric("Units", std::to_string(bound)) << " steps";
    model->error = {};
  }
  makeElement(value, *model);
  return set(value, model);
}

/// An encoded argument, or a float argument that is quantized and nothing else.
LogicalResult FunctionIntegerizer::convertArgument(BlockArgument argument) {
  Type type = argument.getType();
  // Masks and the like denote themselves.
  if (auto tensor = dyn_cast<RankedTensorType>(type);
      tensor && !tensor.getEncoding() &&
      tensor.getElementType().isSignlessInteger()) {
    TensorModel model = TensorModel::makePlainInteger(
        target.getBody().front().addArgument(type, argument.getLoc()), tensor);
    makeElement(argument, model);
    models[argument] = model;
    return success();
  }
  SmallVector<Value> encodedValues = {argument};
  if (!EncodedTensorType::isEncoded(type)) {
    encodedValues.clear();
    for (Operation *user : argument.getUsers()) {
      auto quantize = dyn_cast<QuantizeOp>(user);
      if (!quantize ||
          (!encodedValues.empty() &&
           encodedValues.front().getType() != quantize.getResult().getType()))
        return source.emitError()
               << "argument #" << argument.getArgNumber()
               << " must be encoded, or quantized to one format and used in no "
                  "other way; it is read by "
               << user->getName()
               << "; calibrate the network and run qfmt-quantize first";
      encodedValues.push_back(quantize.getResult());
    }
    if (encodedValues.empty())
      return source.emitError()
             << "argument #" << argument.getArgNumber() << " of type " << type
             << " is not used, so that no format is known of it; remove it";
    type = encodedValues.front().getType();
  }
  ScaledAttr scaled = getStaticIntegerEncoding(source, type);
  if (!scaled)
    return failure();
  Value converted =
      target.getBody().front().addArgument(type, argument.getLoc());
  auto parts = ConstituentsOp::create(builder, argument.getLoc(), converted);
  TensorModel model =
      makeEncodedModel(parts.getResult(0), scaled,
                       EncodedTensorType::get(type).getLogicalType());
  makeElement(encodedValues.front(), model);
  for (Value value : encodedValues)
    models[value] = model;
  return success();
}

LogicalResult FunctionIntegerizer::convertConstant(arith::ConstantOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  // Scalars, and the codes and scales of `assemble`, are read where they are
  // used.
  if (!type || llvm::all_of(op->getUsers(), llvm::IsaPred<AssembleOp>))
    return success();
  // Of equal elements, such as zeros to start from, one says it all.
  Attribute data = op.getValue();
  if (auto splat = dyn_cast<SplatElementsAttr>(data))
    data = splat.resizeSplat(RankedTensorType::get({}, type.getElementType()));
  std::optional<std::vector<double>> values;
  if (isa<FloatType>(type.getElementType())) {
    values = readFloats(data);
  } else if (std::optional<std::vector<int64_t>> integers =
                 readIntegers(data)) {
    bool isTruth = type.getElementType().isInteger(1);
    values.emplace();
    for (int64_t value : *integers)
      values->push_back(isTruth ? value & 1 : value);
  }
  if (!values)
    return op.emitOpError() << "has no readable data";
  models[op] = makeConstantModel(type, *values);
  return success();
}

/// Weights: constant codes with constant scales along whole dimensions.
LogicalResult FunctionIntegerizer::convertAssemble(AssembleOp op) {
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  auto scaled = dyn_cast<ScaledAttr>(encoded.getFormat());
  if (!scaled || !scaled.getNumberFormat().hasIntegerCodes())
    return op.emitOpError() << "has a tensor in " << encoded.getFormat()
                            << ", integer arithmetic needs an integer format";
  SmallVector<Attribute> constants;
  for (auto [value, part] :
       llvm::zip(op.getConstituents(), encoded.getConstituents())) {
    Attribute attr;
    if (!matchPattern(value, m_Constant(&attr)))
      return op.emitOpError()
             << "has a " << part.name
             << " that is only known at run time; integer-only arithmetic "
                "needs constants";
    constants.push_back(attr);
  }
  std::optional<std::vector<int64_t>> codes = readIntegers(constants.front());
  if (!codes || scaled.getScaleEncoding() || scaled.getZeroPointFormat())
    return op.emitOpError() << "has " << scaled
                            << ", which has no integer rule: weights take one "
                               "scale a channel and no zero point";
  RankedTensorType type = encoded.getLogicalType();
  bool isUnsigned = scaled.getNumberFormat().getLowest() == 0;
  unsigned width = scaled.getNumberFormat().getFormatWidth();

  TensorModel model;
  model.kind = TensorModel::Kind::Integer;
  model.realType = type;
  model.isUnsigned = isUnsigned;
  model.zeroPoint = *scaled.getStaticZeroPoint();
  if (std::optional<double> scale =
          scaled.getStaticScale(type.getElementType())) {
    model.scale = Table(*scale);
  } else {
    for (auto [block, size] : llvm::zip(scaled.getBlock(), type.getShape()))
      if (block != ScaledAttr::kWhole && block != 1 && block != size)
        return op.emitOpError()
               << "has blocks of " << block
               << " elements, which have no integer rule: use one scale a "
                  "channel";
    std::optional<std::vector<double>> scales = readFloats(constants[1]);
    if (!scales || !llvm::all_of(*scales, [](double scale) {
          return std::isfinite(scale) && scale > 0;
        }))
      return op.emitOpError() << "has a scale that is no float, or not "
                                 "positive and finite";
    auto gridType = cast<RankedTensorType>(op.getConstituents()[1].getType());
    model.scale = makeConstantModel(gridType, *scales).constant;
  }
  // The codes that occur, not those that could.
  int64_t mask = isUnsigned ? (int64_t(1) << width) - 1 : -1;
  bool first = true;
  for (int64_t code : *codes) {
    int64_t value = (code & mask) - model.zeroPoint;
    model.range =
        first ? IntegerRange{value, value} : model.range.hull({value, value});
    first = false;
  }
  model.payload = arith::ConstantOp::create(builder, op.getLoc(),
                                            cast<TypedAttr>(constants.front()));
  makeElement(op.getResult(), model);
  models[op.getResult()] = model;
  return success();
}

/// quantize and convert: the same on integers.
LogicalResult FunctionIntegerizer::convertQuantize(Operation *op,
                                                   RoundingMode rounding,
                                                   OverflowMode overflow) {
  Value result = op->getResult(0);
  if (models.contains(result)) // an argument's
    return success();
  // Weights of a master; any other given scales are those of run time.
  if (auto convert = dyn_cast<ConvertOp>(op);
      convert && !convert.getGiven().empty()) {
    FailureOr<TensorModel> master = getModel(op, convert.getInput());
    if (failed(master))
      return failure();
    return setEncoded(result, roundWeights(convert, *master, builder));
  }
  ScaledAttr scaled = getStaticIntegerEncoding(op, result.getType());
  if (!scaled)
    return failure();
  FailureOr<TensorModel> value = getModel(op, op->getOperand(0));
  if (failed(value))
    return failure();
  // convert rounds the sum with the zero point, which moves what depends on the
  // sign. (Ties to even move with an odd one, too; they stay within one code.)
  if (isa<ConvertOp>(op) && *scaled.getStaticZeroPoint() != 0 &&
      (rounding == RoundingMode::TowardZero ||
       rounding == RoundingMode::HalfAway ||
       rounding == RoundingMode::HalfTowardZero))
    return op->emitOpError()
           << "rounds by sign (" << stringifyRoundingMode(rounding)
           << ") after adding a zero point, which has no integer rule; use "
              "half_even";
  if (settings.compat != Compat::None && rounding != RoundingMode::HalfEven)
    return op->emitOpError()
           << "has rounding = " << stringifyRoundingMode(rounding)
           << ", but compat has a rounding of its own; drop one of the two";
  return setEncoded(result,
                    quantizeTensor(*value, scaled, rounding, overflow, builder,
                                   op->getLoc(), settings, counts));
}

LogicalResult FunctionIntegerizer::convertLinalg(linalg::LinalgOp op) {
  TensorModels operands;
  for (Value operand : op->getOperands()) {
    FailureOr<TensorModel> model = getModel(op, operand);
    if (failed(model))
      return failure();
    operands.push_back(std::move(*model));
  }
  FailureOr<TensorModels> results =
      rewriteLinalgOp(op, operands, builder, settings, counts);
  if (failed(results))
    return failure();
  for (auto [value, model] : llvm::zip(op->getResults(), *results)) {
    auto encoded = EncodedTensorType::get(value.getType());
    if (!encoded) {
      models[value] = model;
      continue;
    }
    // Transposition moves codes; as computation it drops their zero point and
    // their width, and both come back here.
    if (!isa<linalg::TransposeOp>(op))
      return op.emitOpError() << "writes to an encoded tensor; run "
                                 "qfmt-verify-level, which says more";
    ScaledAttr scaled = getStaticIntegerEncoding(op, value.getType());
    if (!scaled)
      return failure();
    model.realType = encoded.getLogicalType();
    if (failed(setEncoded(value,
                          quantizeTensor(model, scaled, RoundingMode::HalfEven,
                                         OverflowMode::Saturate, builder,
                                         op.getLoc(), settings, counts))))
      return failure();
  }
  return success();
}

/// Tensors of several formats that are joined and then quantized to one are
/// quantized to that, each by itself, before: the codes are the same.
LogicalResult
FunctionIntegerizer::bringToOneFormat(Operation *op,
                                      MutableArrayRef<TensorModel> operands) {
  auto isPlain = [&](const TensorModel &operand) {
    return operand.kind == TensorModel::Kind::Integer &&
           operand.scale == operands.front().scale &&
           operand.zeroPoint == operands.front().zeroPoint &&
           operand.isUnsigned == operands.front().isUnsigned;
  };
  if (llvm::all_of(operands, isPlain))
    return success();
  std::optional<ScaledAttr> format;
  for (Operation *user : op->getUsers()) {
    auto quantize = dyn_cast<QuantizeOp>(user);
    if (!quantize || quantize.getRounding() != RoundingMode::HalfEven ||
        quantize.getOverflow() != OverflowMode::Saturate)
      return success();
    format = findResultFormat(op->getResult(0));
  }
  if (!format)
    return success();
  for (TensorModel &operand : operands) {
    FailureOr<TensorModel> quantized = quantizeTensor(
        operand, *format, RoundingMode::HalfEven, OverflowMode::Saturate,
        builder, op->getLoc(), settings, counts);
    if (failed(quantized))
      return failure();
    operand = *quantized;
  }
  return success();
}

LogicalResult FunctionIntegerizer::convertMove(Operation *op) {
  TensorModels operands;
  for (Value operand : op->getOperands()) {
    if (!isa<RankedTensorType>(operand.getType()))
      continue;
    FailureOr<TensorModel> model = getModel(op, operand);
    if (succeeded(model))
      model =
          materializeTensor(*model, builder, op->getLoc(), settings, counts);
    if (failed(model))
      return failure();
    operands.push_back(std::move(*model));
  }
  if (isa<tensor::ConcatOp>(op) && failed(bringToOneFormat(op, operands)))
    return failure();
  FailureOr<TensorModel> moved = moveTensor(op, operands, builder);
  if (failed(moved))
    return failure();
  if (moved->kind == TensorModel::Kind::Integer && !moved->expression)
    makeElement(op->getResult(0), *moved);
  return set(op->getResult(0), moved);
}

LogicalResult FunctionIntegerizer::convertReturn(func::ReturnOp op) {
  SmallVector<Value> results;
  for (auto [index, operand] : llvm::enumerate(op.getOperands())) {
    Value encoded = operand;
    if (auto dequantize = operand.getDefiningOp<DequantizeOp>())
      encoded = dequantize.getInput();
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    auto model = models.find(operand);
    // Integers of the network itself.
    if (type && type.getElementType().isSignlessInteger() &&
        model != models.end() && model->second.payload &&
        model->second.payload.getType() == type) {
      results.push_back(model->second.payload);
      continue;
    }
    if (!EncodedTensorType::isEncoded(encoded.getType()) ||
        !models.contains(encoded))
      return op.emitOpError() << "result #" << index
                              << " is not quantized; integer functions return "
                                 "encoded tensors";
    ScaledAttr scaled = getStaticIntegerEncoding(op, encoded.getType());
    if (!scaled)
      return failure();
    results.push_back(AssembleOp::create(
        builder, op.getLoc(), encoded.getType(), models[encoded].payload));
  }
  func::ReturnOp::create(builder, op.getLoc(), results);
  return success();
}

LogicalResult FunctionIntegerizer::convert(Operation *op) {
  if (failed(verifyShapes(op, op->getOperandTypes())) ||
      failed(verifyShapes(op, op->getResultTypes())))
    return failure();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](arith::ConstantOp op) { return convertConstant(op); })
      .Case([&](tensor::EmptyOp op) {
        TensorModel model;
        model.realType = op.getType();
        return set(op, model);
      })
      .Case([&](AssembleOp op) { return convertAssemble(op); })
      .Case<QuantizeOp, ConvertOp>([&](auto op) -> LogicalResult {
        if (op.getStochasticSeed())
          return op.emitOpError() << "rounds stochastically, which has no "
                                     "integer rule; drop the seed";
        if (op.getOverflow() == OverflowMode::Zero ||
            op.getOverflow() == OverflowMode::SaturateSymmetric)
          return op.emitOpError()
                 << "has overflow = " << stringifyOverflowMode(op.getOverflow())
                 << ", which has no integer rule; use saturate or wrap";
        return convertQuantize(op, op.getRounding(), op.getOverflow());
      })
      .Case([&](DequantizeOp op) {
        return set(op.getResult(), getModel(op, op.getInput()));
      })
      .Case([&](linalg::LinalgOp op) { return convertLinalg(op); })
      .Case([&](func::ReturnOp op) { return convertReturn(op); })
      .Default([&](Operation *op) -> LogicalResult {
        if (isPayloadMove(op))
          return convertMove(op);
        return op->emitOpError()
               << "has no integer rule at the level of tensors; move it out of "
                  "the function or rewrite it with linalg";
      });
}

LogicalResult FunctionIntegerizer::convertBody() {
  if (failed(verifyShapes(source, source.getArgumentTypes())))
    return failure();
  for (BlockArgument argument : source.getArguments())
    if (failed(convertArgument(argument)))
      return failure();
  for (Operation &op : source.getBody().front())
    if (failed(convert(&op)))
      return failure();
  return success();
}

func::FuncOp FunctionIntegerizer::run() {
  if (!source.getBody().hasOneBlock()) {
    source.emitError() << "function has control flow, which integerization "
                          "does not support";
    return nullptr;
  }
  // The type follows at the end, from arguments and results.
  target = func::FuncOp::create(builder, source.getLoc(), source.getName(),
                                builder.getFunctionType({}, {}));
  target.setVisibility(source.getVisibility());
  builder.setInsertionPointToStart(target.addEntryBlock());
  if (failed(convertBody())) {
    target.erase();
    return nullptr;
  }
  Block &body = target.getBody().front();
  target.setFunctionType(builder.getFunctionType(
      body.getArgumentTypes(), body.getTerminator()->getOperandTypes()));
  if (ArrayAttr attributes = source.getArgAttrsAttr())
    target.setAllArgAttrs(attributes);
  if (ArrayAttr attributes = source.getResAttrsAttr())
    target.setAllResultAttrs(attributes);
  return target;
}

static std::string getWrapperName(func::FuncOp function) {
  return (function.getName() + "_f32").str();
}

static LogicalResult verifyWrapperName(ModuleOp module, func::FuncOp function) {
  std::string name = getWrapperName(function);
  if (!module.lookupSymbol(name))
    return success();
  return function.emitOpError()
         << "needs the name @" << name
         << " for its float wrapper, but the module has it already; rename "
            "that, or set float-wrapper=false";
}

/// <name>_f32 quantizes its arguments, calls <name> and dequantizes the
/// results.
static void emitFloatWrapper(func::FuncOp function) {
  OpBuilder builder(function->getContext());
  builder.setInsertionPointAfter(function);
  auto toLogical = [](Type type) -> Type {
    EncodedTensorType encoded = EncodedTensorType::get(type);
    return encoded ? encoded.getLogicalType() : type;
  };
  FunctionType type = builder.getFunctionType(
      llvm::map_to_vector(function.getArgumentTypes(), toLogical),
      llvm::map_to_vector(function.getResultTypes(), toLogical));
  Location loc = function.getLoc();
  auto wrapper =
      func::FuncOp::create(builder, loc, getWrapperName(function), type);
  wrapper->setAttr(QFmtDialect::kFloatWrapperAttr, builder.getUnitAttr());
  if (ArrayAttr names = function.getArgAttrsAttr())
    wrapper.setAllArgAttrs(names);
  if (ArrayAttr names = function.getResAttrsAttr())
    wrapper.setAllResultAttrs(names);
  builder.setInsertionPointToStart(wrapper.addEntryBlock());
  SmallVector<Value> arguments;
  for (auto [argument, encoded] :
       llvm::zip(wrapper.getArguments(), function.getArgumentTypes()))
    arguments.push_back(
        EncodedTensorType::isEncoded(encoded)
            ? Value(QuantizeOp::create(builder, loc, encoded, argument))
            : Value(argument));
  auto call = func::CallOp::create(builder, loc, function, arguments);
  SmallVector<Value> results;
  for (Value result : call.getResults())
    results.push_back(
        EncodedTensorType::isEncoded(result.getType())
            ? Value(DequantizeOp::create(builder, loc,
                                         toLogical(result.getType()), result))
            : result);
  func::ReturnOp::create(builder, loc, results);
}

namespace {
struct IntegerizePass : qfmt::impl::IntegerizeBase<IntegerizePass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(verifyOptions()))
      return signalPassFailure();
    IntegerizeSettings settings{
        accumulatorBits, tableBits, functionBits, functionError,
        *parseCompat(compat),
        functions == "ibert" ? FunctionKernels::IBert
                             : FunctionKernels::Minimax};
    IntegerizeCounts counts;
    if (failed(rewriteFunctions(settings, counts)))
      return signalPassFailure();
    numRewritten += counts.rewritten;
    numRescales += counts.rescales;
  }

  /// All functions or none: nothing is left half-rewritten.
  LogicalResult rewriteFunctions(const IntegerizeSettings &settings,
                                 IntegerizeCounts &counts) {
    SmallVector<func::FuncOp> sources, targets;
    for (auto source : getOperation().getOps<func::FuncOp>())
      if (!source.isExternal())
        sources.push_back(source);
    auto giveUp = [&] {
      for (func::FuncOp target : targets)
        target.erase();
      return failure();
    };
    for (func::FuncOp source : sources) {
      FunctionIntegerizer integerizer(source, settings, counts);
      func::FuncOp target = integerizer.run();
      if (!target)
        return giveUp();
      targets.push_back(target);
      if (emitFloatWrapper && target.isPublic() &&
          failed(verifyWrapperName(getOperation(), target)))
        return giveUp();
    }
    for (auto [source, target] : llvm::zip(sources, targets)) {
      source.erase();
      if (emitFloatWrapper && target.isPublic())
        ::emitFloatWrapper(target);
    }
    return success();
  }

  LogicalResult verifyOptions() {
    auto fail = [&] {
      return mlir::emitError(getOperation().getLoc(), "qfmt-integerize: ");
    };
    if (accumulatorBits != 0 && accumulatorBits != 32 && accumulatorBits != 64)
      return fail() << "accumulator-bits is 32 or 64, or 0 for either, found "
                    << accumulatorBits.getValue();
    if (tableBits > 16)
      return fail() << "table-bits is at most 16, found "
                    << tableBits.getValue();
    if (functionBits < 8 || functionBits > 31)
      return fail() << "function-bits is between 8 and 31, found "
                    << functionBits.getValue();
    if (!(functionError > 0.5) || !std::isfinite(functionError))
      return fail() << "function-error is more than 0.5, the last rounding, "
                       "found "
                    << functionError.getValue();
    if (functions != "minimax" && functions != "ibert")
      return fail() << "functions is minimax or ibert, found '"
                    << StringRef(functions) << "'";
    if (!parseCompat(compat))
      return fail() << "compat is tflite, onnx, tosa, tosa-double-round, hawq, "
                       "or empty for rules of qfmt's own; found '"
                    << StringRef(compat) << "'";
    return success();
  }
};
} // namespace
