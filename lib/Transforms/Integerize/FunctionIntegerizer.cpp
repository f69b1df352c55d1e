// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FunctionIntegerizer.h"
#include "EncodedTensors.h"
#include "FrameworkRules.h"
#include "LinalgRewriter.h"
#include "NestedWeights.h"
#include "QuantizeTensor.h"
#include "TensorMoves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/IR/Certificate.h"
#include "qfmt/IR/ConstantData.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::qfmt;

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

/// Masks and the like denote themselves.
static bool isPlainInteger(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && !tensor.getEncoding() &&
         tensor.getElementType().isSignlessInteger();
}

/// The encoded values that a caller may give as codes: the argument, or what it
/// is quantized to, in one format, if nothing else reads it.
static FailureOr<SmallVector<Value>> findEncodedValues(func::FuncOp source,
                                                       BlockArgument argument) {
  if (EncodedTensorType::isEncoded(argument.getType()))
    return SmallVector<Value>{argument};
  SmallVector<Value> values;
  for (Operation *user : argument.getUsers()) {
    auto quantize = dyn_cast<QuantizeOp>(user);
    if (!quantize || (!values.empty() && values.front().getType() !=
                                             quantize.getResult().getType()))
      return source.emitError()
             << "argument #" << argument.getArgNumber()
             << " must be encoded, or quantized to one format and used in no "
                "other way; it is read by "
             << user->getName()
             << "; calibrate the network and run qfmt-quantize first";
    values.push_back(quantize.getResult());
  }
  if (values.empty())
    return source.emitError()
           << "argument #" << argument.getArgNumber() << " of type "
           << argument.getType()
           << " is not used, so that no format is known of it; remove it";
  return values;
}

LogicalResult FunctionIntegerizer::convertArgument(BlockArgument argument) {
  Block &body = target.getBody().front();
  Location loc = argument.getLoc();
  if (isPlainInteger(argument.getType())) {
    auto type = cast<RankedTensorType>(argument.getType());
    TensorModel model =
        TensorModel::makePlainInteger(body.addArgument(type, loc), type);
    makeElement(argument, model);
    return set(argument, model);
  }
  FailureOr<SmallVector<Value>> values = findEncodedValues(source, argument);
  if (failed(values))
    return failure();
  Type type = values->front().getType();
  ScaledAttr scaled = getStaticIntegerEncoding(source, type);
  if (!scaled)
    return failure();
  auto parts =
      ConstituentsOp::create(builder, loc, body.addArgument(type, loc));
  TensorModel model =
      makeEncodedModel(parts.getResult(0), scaled,
                       EncodedTensorType::get(type).getLogicalType());
  makeElement(values->front(), model);
  for (Value value : *values)
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
  FailureOr<TensorModel> model = readWeights(op, builder);
  if (failed(model))
    return failure();
  makeElement(op.getResult(), *model);
  return set(op.getResult(), model);
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

func::FuncOp mlir::qfmt::integerizeFunction(func::FuncOp source,
                                            const IntegerizeSettings &settings,
                                            IntegerizeCounts &counts) {
  return FunctionIntegerizer(source, settings, counts).run();
}
