//===- TosaToQFmt.cpp - From TOSA's rescale and block-scaled operations ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  tosa.rescale, tosa.cast_from_block_scaled, tosa.cast_to_block_scaled
//         and tosa.matmul_t_block_scaled on ranked tensors.
// Output: linalg with qfmt.dyadic_scale in its bodies; quantize, dequantize and
//         linalg on encoded tensors. Other operations of TOSA stay, among them
//         the constants.
//
// What is computed follows the pseudo-code of the TOSA specification 1.1, where
// upstream's operation descriptions leave it open:
// - rescale adds a half and shifts; with DOUBLE_ROUND and a shift above 31 it
//   adds 2^30 more, away from zero.
// - The scale of a block with the largest magnitude a is
//   2^ceil(log2(a / L)) for f8E4M3FN, else 2^(floor(log2(a / L)) + 1), with L
//   the largest value of the format, but at least 2^-127 (also for a = 0), and
//   a NaN if a is not finite. That is none of the scale rules of quantize, so
//   the scales are computed here and given to it.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/SetVector.h"
#include <cmath>

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVERTTOSATOQFMT
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// The only block size that TOSA has.
constexpr int64_t kBlock = 32;

Value constant(OpBuilder &b, Location loc, Type type, int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
}

//===----------------------------------------------------------------------===//
// rescale
//===----------------------------------------------------------------------===//

std::optional<std::vector<int64_t>> getConstants(Value value) {
  ElementsAttr attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  return readIntegers(attribute);
}

/// One of the operands that give a number to each channel, or one to all.
struct ChannelNumber {
  Value tensor;
  std::optional<std::vector<int64_t>> constants;

  explicit ChannelNumber(Value tensor)
      : tensor(tensor), constants(getConstants(tensor)) {}

  bool isOneConstant() const { return constants && constants->size() == 1; }
};

/// What a rescale does, read and checked.
struct Rescale {
  /// The accessors of operations are not const.
  mutable tosa::RescaleOp op;
  RankedTensorType input, output;
  int64_t inputZero, outputZero;
  ChannelNumber multiplier, shift;

  /// True if the second rounding can matter.
  bool roundsTwice() const {
    return op.getRoundingMode() == tosa::RoundingMode::DOUBLE_ROUND &&
           !(shift.constants &&
             llvm::all_of(*shift.constants, [](int64_t n) { return n <= 31; }));
  }
};

/// The constant zero point of a tensor of integers; none with a diagnostic.
std::optional<int64_t> readZeroPoint(tosa::RescaleOp op, Value operand,
                                     StringRef name, bool isUnsigned) {
  std::optional<std::vector<int64_t>> values = getConstants(operand);
  if (!values || values->size() != 1) {
    op.emitOpError() << "has a run-time " << name
                     << ", which is not converted; make it a constant";
    return std::nullopt;
  }
  unsigned width =
      getElementTypeOrSelf(operand.getType()).getIntOrFloatBitWidth();
  if (isUnsigned)
    return values->front() & llvm::maskTrailingOnes<uint64_t>(width);
  return values->front();
}

FailureOr<RankedTensorType> readTensor(tosa::RescaleOp op, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.getElementType().isSignlessInteger())
    return op.emitOpError() << "is converted on ranked tensors of signless "
                               "integers, found "
                            << type;
  if (tensor.getElementTypeBitWidth() > 32)
    return op.emitOpError()
           << "has " << type
           << ", but qfmt.dyadic_scale takes integers of at most 32 bits";
  return tensor;
}

LogicalResult checkNumbers(tosa::RescaleOp op, const ChannelNumber &number,
                           StringRef name, int64_t low, int64_t high) {
  if (!number.constants)
    return success();
  for (int64_t value : *number.constants)
    if (value < low || value > high)
      return op.emitOpError() << "has the " << name << " " << value
                              << ", TOSA allows " << low << " to " << high;
  return success();
}

FailureOr<Rescale> readRescale(tosa::RescaleOp op) {
  FailureOr<RankedTensorType> input = readTensor(op, op.getInput().getType());
  FailureOr<RankedTensorType> output = readTensor(op, op.getOutput().getType());
  if (failed(input) || failed(output))
    return failure();
  std::optional<int64_t> inputZero = readZeroPoint(
      op, op.getInputZp(), "input zero point", op.getInputUnsigned());
  std::optional<int64_t> outputZero = readZeroPoint(
      op, op.getOutputZp(), "output zero point", op.getOutputUnsigned());
  if (!inputZero || !outputZero)
    return failure();
  Rescale rescale{op,
                  *input,
                  *output,
                  *inputZero,
                  *outputZero,
                  ChannelNumber(op.getMultiplier()),
                  ChannelNumber(op.getShift())};
  if (failed(checkNumbers(op, rescale.multiplier, "multiplier", 0,
                          std::numeric_limits<int32_t>::max())) ||
      failed(checkNumbers(op, rescale.shift, "shift", 2, 62)))
    return failure();
  return rescale;
}

/// round(acc * m / 2^n) as apply_scale_32 with double_round: in 64 bits
/// |acc * m| <= 2^62, the half <= 2^61 and the rest 2^30 do not overflow.
Value createDoubleRound(OpBuilder &b, Location loc, Value acc, Value m,
                        Value n) {
  Type i64 = b.getI64Type();
  Value zero = constant(b, loc, acc.getType(), 0);
  Value isNegative =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, acc, zero);
  acc = arith::ExtSIOp::create(b, loc, i64, acc);
  m = arith::ExtSIOp::create(b, loc, i64, m);
  n = arith::ExtSIOp::create(b, loc, i64, n);
  Value one = constant(b, loc, i64, 1);
  Value half =
      arith::ShLIOp::create(b, loc, one, arith::SubIOp::create(b, loc, n, one));
  Value more = arith::SelectOp::create(
      b, loc, isNegative, constant(b, loc, i64, -(int64_t(1) << 30)),
      constant(b, loc, i64, int64_t(1) << 30));
  Value isLong = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, n,
                                       constant(b, loc, i64, 31));
  more =
      arith::SelectOp::create(b, loc, isLong, more, constant(b, loc, i64, 0));
  Value sum = arith::MulIOp::create(b, loc, acc, m);
  sum = arith::AddIOp::create(b, loc, sum, half);
  sum = arith::AddIOp::create(b, loc, sum, more);
  return arith::ShRSIOp::create(b, loc, sum, n);
}

/// value, an i64, plus the zero point, saturated to the output's range.
Value createOutput(OpBuilder &b, Location loc, const Rescale &rescale,
                   Value value) {
  Type i64 = b.getI64Type();
  unsigned width = rescale.output.getElementTypeBitWidth();
  bool isUnsigned = rescale.op.getOutputUnsigned();
  int64_t low = isUnsigned ? 0 : llvm::minIntN(width);
  int64_t high = isUnsigned ? llvm::maxUIntN(width) : llvm::maxIntN(width);
  if (rescale.outputZero != 0)
    value = arith::AddIOp::create(b, loc, value,
                                  constant(b, loc, i64, rescale.outputZero));
  value = arith::MaxSIOp::create(b, loc, value, constant(b, loc, i64, low));
  value = arith::MinSIOp::create(b, loc, value, constant(b, loc, i64, high));
  return arith::TruncIOp::create(b, loc, rescale.output.getElementType(),
                                 value);
}

Value extend(OpBuilder &b, Location loc, Value value, bool isUnsigned) {
  Type i32 = b.getI32Type();
  if (value.getType() == i32)
    return value;
  if (isUnsigned)
    return arith::ExtUIOp::create(b, loc, i32, value);
  return arith::ExtSIOp::create(b, loc, i32, value);
}

Value createBody(OpBuilder &b, Location loc, const Rescale &rescale,
                 Value input, Value m, Value n) {
  Value acc = extend(b, loc, input, rescale.op.getInputUnsigned());
  if (rescale.inputZero != 0)
    acc = arith::SubIOp::create(
        b, loc, acc, constant(b, loc, b.getI32Type(), rescale.inputZero));
  m = extend(b, loc, m, /*isUnsigned=*/false);
  n = extend(b, loc, n, /*isUnsigned=*/false);
  if (rescale.roundsTwice())
    return createOutput(b, loc, rescale, createDoubleRound(b, loc, acc, m, n));
  // INEXACT_ROUND leaves the rounding to us.
  bool isWhole = rescale.outputZero == 0 && !rescale.op.getOutputUnsigned();
  Type type = isWhole ? rescale.output.getElementType() : b.getI64Type();
  Value scaled =
      DyadicScaleOp::create(b, loc, type, acc, m, n, RoundingMode::HalfUp);
  return isWhole ? scaled : createOutput(b, loc, rescale, scaled);
}

/// Passes the number to the body: a constant there, or an input of the linalg
/// operation along the last dimension.
struct ChannelInput {
  ChannelInput(OpBuilder &b, Location loc, const ChannelNumber &number,
               bool perChannel, int64_t rank, SmallVectorImpl<Value> &inputs,
               SmallVectorImpl<AffineMap> &maps)
      : number(number) {
    if (number.isOneConstant())
      return;
    Value tensor = number.tensor;
    ElementsAttr attribute;
    if (matchPattern(tensor, m_Constant(&attribute)))
      tensor = arith::ConstantOp::create(b, loc, attribute);
    MLIRContext *context = number.tensor.getContext();
    AffineExpr index = perChannel ? getAffineDimExpr(rank - 1, context)
                                  : getAffineConstantExpr(0, context);
    argument = inputs.size();
    inputs.push_back(tensor);
    maps.push_back(AffineMap::get(rank, 0, index, context));
  }

  Value get(OpBuilder &b, Location loc, ValueRange arguments) const {
    if (argument)
      return arguments[*argument];
    return constant(b, loc, b.getI32Type(), number.constants->front());
  }

  const ChannelNumber &number;
  std::optional<unsigned> argument;
};

Value createEmpty(OpBuilder &b, Location loc, RankedTensorType type,
                  Value like) {
  return tensor::EmptyOp::create(b, loc, tensor::getMixedSizes(b, loc, like),
                                 type.getElementType());
}

SmallVector<utils::IteratorType> getParallel(int64_t rank) {
  return SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel);
}

LogicalResult convertRescale(tosa::RescaleOp op) {
  FailureOr<Rescale> rescale = readRescale(op);
  if (failed(rescale))
    return failure();
  OpBuilder b(op);
  Location loc = op.getLoc();
  int64_t rank = rescale->input.getRank();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  SmallVector<Value> inputs = {op.getInput()};
  SmallVector<AffineMap> maps = {identity};
  ChannelInput multiplier(b, loc, rescale->multiplier, op.getPerChannel(), rank,
                          inputs, maps);
  ChannelInput shift(b, loc, rescale->shift, op.getPerChannel(), rank, inputs,
                     maps);
  maps.push_back(identity);
  Value empty = createEmpty(b, loc, rescale->output, op.getInput());
  auto generic = linalg::GenericOp::create(
      b, loc, rescale->output, inputs, empty, maps, getParallel(rank),
      [&](OpBuilder &body, Location loc, ValueRange arguments) {
        Value result = createBody(body, loc, *rescale, arguments.front(),
                                  multiplier.get(body, loc, arguments),
                                  shift.get(body, loc, arguments));
        linalg::YieldOp::create(body, loc, result);
      });
  op.getOutput().replaceAllUsesWith(generic.getResult(0));
  // One constant may be several parameters.
  llvm::SmallSetVector<Operation *, 5> sources;
  for (Value operand : op->getOperands())
    if (Operation *source = operand.getDefiningOp())
      sources.insert(source);
  op.erase();
  // Constants that were its parameters alone.
  for (Operation *source : sources)
    if (isOpTriviallyDead(source))
      source->erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Block-scaled tensors
//===----------------------------------------------------------------------===//

/// The type of `data` as an encoded tensor that is read as `logical`.
FailureOr<RankedTensorType> getBlockScaled(Operation *op, Type data,
                                           Type logical) {
  auto type = dyn_cast<RankedTensorType>(data);
  if (!type || !type.hasStaticShape())
    return op->emitOpError()
           << "is converted on tensors of static shape, found " << data;
  if (!isa<NumberFormat>(type.getElementType()))
    return op->emitOpError() << "has elements of " << type.getElementType()
                             << ", which no operation but TOSA's own can read";
  SmallVector<int64_t> block(type.getRank(), 1);
  block.back() = kBlock;
  MLIRContext *context = op->getContext();
  Type element = getElementTypeOrSelf(logical);
  auto encoding = ScaledAttr::get(
      context, type.getElementType(), block,
      TypeAttr::get(Float8E8M0FNUType::get(context)), Attribute());
  if (failed(encoding.verifyEncoding(type.getShape(), element,
                                     [&] { return op->emitOpError(); })))
    return failure();
  return RankedTensorType::get(type.getShape(), element, encoding);
}

LogicalResult convertCastFrom(tosa::CastFromBlockScaledOp op) {
  FailureOr<RankedTensorType> type = getBlockScaled(
      op, op.getInputData().getType(), op.getOutputData().getType());
  if (failed(type))
    return failure();
  OpBuilder b(op);
  Value encoded = AssembleOp::create(
      b, op.getLoc(), *type, ValueRange{op.getInputData(), op.getInputScale()});
  Value reals = DequantizeOp::create(
      b, op.getLoc(), EncodedTensorType::get(*type).getLogicalType(), encoded);
  op.getOutputData().replaceAllUsesWith(reals);
  op.erase();
  return success();
}

/// max |x| of each block of the last dimension, as f32.
Value createBlockMaxima(OpBuilder &b, Location loc, Value input) {
  auto type = cast<RankedTensorType>(input.getType());
  int64_t rank = type.getRank();
  SmallVector<int64_t> blocked(type.getShape());
  blocked.back() /= kBlock;
  auto maximaType = RankedTensorType::get(blocked, b.getF32Type());
  blocked.push_back(kBlock);
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < rank; ++dim)
    groups.push_back({dim});
  groups.back().push_back(rank);
  Value blocks = tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get(blocked, type.getElementType()), input,
      groups);
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  Value empty = tensor::EmptyOp::create(b, loc, maximaType.getShape(),
                                        maximaType.getElementType());
  Value init = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  SmallVector<utils::IteratorType> iterators = getParallel(rank);
  iterators.push_back(utils::IteratorType::reduction);
  AffineMap all = b.getMultiDimIdentityMap(rank + 1);
  return linalg::GenericOp::create(
             b, loc, maximaType, blocks, init,
             ArrayRef<AffineMap>{all, all.dropResult(rank)}, iterators,
             [](OpBuilder &body, Location loc, ValueRange arguments) {
               Value x = arguments[0];
               if (!x.getType().isF32())
                 x = arith::ExtFOp::create(body, loc, body.getF32Type(), x);
               Value magnitude = math::AbsFOp::create(body, loc, x);
               // A NaN stays one.
               Value maximum = arith::MaximumFOp::create(body, loc, magnitude,
                                                         arguments[1]);
               linalg::YieldOp::create(body, loc, maximum);
             })
      .getResult(0);
}

/// The code of the scale of a block with the largest magnitude `a`, an f32, for
/// a format with the largest value `largest`. With a = 1.m * 2^e and
/// largest = 1.n * 2^k, log2(a / largest) lies in [e - k - 1, e - k) if m < n,
/// in (e - k, e - k + 1) if m > n, and is e - k if m = n.
Value createScaleCode(OpBuilder &b, Location loc, Value a, double largest,
                      bool staysAtPowers) {
  Type i32 = b.getI32Type();
  int exponent = std::ilogb(largest);
  int64_t fraction = static_cast<int64_t>(std::ldexp(largest, 23 - exponent)) -
                     (int64_t(1) << 23);
  auto number = [&](int64_t value) { return constant(b, loc, i32, value); };
  Value bits = arith::BitcastOp::create(b, loc, i32, a);
  Value biased = arith::ShRUIOp::create(b, loc, bits, number(23));
  Value m = arith::AndIOp::create(b, loc, bits, number((1 << 23) - 1));
  // ceil, or floor + 1: one more from the same fraction on.
  auto predicate =
      staysAtPowers ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::sge;
  Value isMore = arith::CmpIOp::create(b, loc, predicate, m, number(fraction));
  Value code = arith::SubIOp::create(b, loc, biased, number(exponent));
  code = arith::AddIOp::create(b, loc, code,
                               arith::ExtUIOp::create(b, loc, i32, isMore));
  // Below 2^-127, subnormal numbers and zero among them.
  code = arith::MaxSIOp::create(b, loc, code, number(0));
  Value isFinite = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                         biased, number(255));
  code = arith::SelectOp::create(b, loc, isFinite, code, number(255));
  return arith::TruncIOp::create(b, loc, b.getI8Type(), code);
}

Value createScales(OpBuilder &b, Location loc, Value maxima,
                   NumberFormat format) {
  auto type = cast<RankedTensorType>(maxima.getType());
  auto codeType = type.clone(b.getI8Type());
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Value empty = createEmpty(b, loc, codeType, maxima);
  bool staysAtPowers = isa<Float8E4M3FNType>(Type(format));
  Value codes =
      linalg::GenericOp::create(
          b, loc, codeType, maxima, empty,
          ArrayRef<AffineMap>{identity, identity}, getParallel(type.getRank()),
          [&](OpBuilder &body, Location loc, ValueRange arguments) {
            linalg::YieldOp::create(body, loc,
                                    createScaleCode(body, loc, arguments[0],
                                                    format.getLargest(),
                                                    staysAtPowers));
          })
          .getResult(0);
  return arith::BitcastOp::create(
      b, loc, type.clone(Float8E8M0FNUType::get(b.getContext())), codes);
}

LogicalResult convertCastTo(tosa::CastToBlockScaledOp op) {
  Value input = op.getInputData();
  FailureOr<RankedTensorType> type =
      getBlockScaled(op, op.getOutputData().getType(), input.getType());
  if (failed(type))
    return failure();
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto format = cast<NumberFormat>(getElementTypeOrSelf(op.getOutputData()));
  Value scales = createScales(b, loc, createBlockMaxima(b, loc, input), format);
  auto encoded =
      QuantizeOp::create(b, loc, TypeRange(*type), ValueRange{input, scales});
  encoded.setNan(NaNMode::Propagate);
  auto parts = ConstituentsOp::create(b, loc, encoded);
  op.getOutputData().replaceAllUsesWith(parts.getResult(0));
  op.getOutputScale().replaceAllUsesWith(parts.getResult(1));
  op.erase();
  return success();
}

/// sum over c of a[n, h, c] * b[n, w, c] on encoded tensors; b may have one n.
LogicalResult convertMatmul(tosa::MatmulTBlockScaledOp op) {
  Type output = op.getOutputData().getType();
  FailureOr<RankedTensorType> aType =
      getBlockScaled(op, op.getAData().getType(), output);
  FailureOr<RankedTensorType> bType =
      getBlockScaled(op, op.getBData().getType(), output);
  if (failed(aType) || failed(bType))
    return failure();
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value left = AssembleOp::create(b, loc, *aType,
                                  ValueRange{op.getAData(), op.getAScale()});
  Value right = AssembleOp::create(b, loc, *bType,
                                   ValueRange{op.getBData(), op.getBScale()});
  auto type = RankedTensorType::get(
      {aType->getDimSize(0), aType->getDimSize(1), bType->getDimSize(1)},
      getElementTypeOrSelf(output));
  if (type != output)
    return op.emitOpError()
           << "has the result type " << output << ", expected " << type;
  Value zero = arith::ConstantOp::create(
      b, loc, b.getFloatAttr(type.getElementType(), 0));
  Value empty =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  Value init = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  AffineExpr n, h, w, c;
  bindDims(b.getContext(), n, h, w, c);
  bool isBroadcast = bType->getDimSize(0) == 1 && aType->getDimSize(0) != 1;
  AffineExpr d = isBroadcast ? b.getAffineConstantExpr(0) : n;
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(4, 0, results, b.getContext());
  };
  SmallVector<utils::IteratorType> iterators = getParallel(3);
  iterators.push_back(utils::IteratorType::reduction);
  auto product = linalg::GenericOp::create(
      b, loc, type, ValueRange{left, right}, init,
      ArrayRef<AffineMap>{map({n, h, c}), map({d, w, c}), map({n, h, w})},
      iterators, [](OpBuilder &body, Location loc, ValueRange arguments) {
        Value term =
            arith::MulFOp::create(body, loc, arguments[0], arguments[1]);
        linalg::YieldOp::create(
            body, loc,
            arith::AddFOp::create(body, loc, arguments[2], term).getResult());
      });
  op.getOutputData().replaceAllUsesWith(product.getResult(0));
  op.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

LogicalResult convert(Operation *op) {
  if (auto rescale = dyn_cast<tosa::RescaleOp>(op))
    return convertRescale(rescale);
  if (auto cast = dyn_cast<tosa::CastFromBlockScaledOp>(op))
    return convertCastFrom(cast);
  if (auto cast = dyn_cast<tosa::CastToBlockScaledOp>(op))
    return convertCastTo(cast);
  return convertMatmul(cast<tosa::MatmulTBlockScaledOp>(op));
}

struct ConvertTosaToQFmtPass
    : impl::ConvertTosaToQFmtBase<ConvertTosaToQFmtPass> {
  void runOnOperation() override {
    SmallVector<Operation *> operations;
    getOperation()->walk([&](Operation *op) {
      if (isa<tosa::RescaleOp, tosa::CastFromBlockScaledOp,
              tosa::CastToBlockScaledOp, tosa::MatmulTBlockScaledOp>(op))
        operations.push_back(op);
    });
    for (Operation *op : operations)
      if (failed(convert(op)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
