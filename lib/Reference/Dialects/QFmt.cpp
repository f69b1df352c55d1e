// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qfmt operations. What a format means is in its ReferenceFormat model.

#include "qfmt/IR/QFmt.h"
#include "../Frame.h"
#include "../Handlers.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/Support/Dyadic.h"
#include "qfmt/Support/Packing.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Between reals and codes
//===----------------------------------------------------------------------===//

/// The model of a format, or null with a diagnostic on `op`.
static ReferenceFormat getModel(Operation *op, TensorFormat format) {
  auto model = dyn_cast<ReferenceFormat>(format);
  if (!model)
    op->emitOpError() << "uses " << format
                      << ", which has no reference model; is "
                         "registerReferenceModels missing?";
  return model;
}

/// The result type with the sizes of the input.
static EncodedTensorType getResultType(RankedTensorType type,
                                       ArrayRef<int64_t> shape) {
  return EncodedTensorType::get(
      RankedTensorType::get(shape, type.getElementType()),
      EncodedTensorType::get(type).getFormat());
}

/// Dynamic sizes are known only now: `parts` must have the types `expected`.
static LogicalResult verifySizes(Operation *op, ArrayRef<Constituent> expected,
                                 ArrayRef<Tensor> parts) {
  for (auto [constituent, part] : llvm::zip_equal(expected, parts))
    if (constituent.type.getShape() != part.getShape())
      return op->emitOpError()
             << "constituent '" << constituent.name << "' must be "
             << constituent.type << ", found " << part.getType();
  return success();
}

/// `quantize` and `convert` of reals.
template <typename OpT>
static LogicalResult evaluateEncode(OpT op, Frame &frame, const Reals &reals,
                                    ArrayRef<int64_t> shape,
                                    EncodeModes::Division division) {
  EncodedTensorType type = getResultType(op.getResult().getType(), shape);
  ReferenceFormat model = getModel(op, type.getFormat());
  if (!model)
    return failure();
  SmallVector<Tensor> given;
  for (mlir::Value part : op.getGiven())
    given.push_back(frame.getTensor(part));
  if (!given.empty() &&
      failed(verifySizes(op, ArrayRef(type.getConstituents()).drop_front(),
                         given)))
    return failure();
  EncodeModes modes{division,       op.getRounding(),  op.getOverflow(),
                    op.getNan(),    op.getScaleRule(), op.getStochasticSeed(),
                    ArrayRef(given)};
  frame.set(op.getResult(), Value(type, model.encode(type, reals, modes)));
  return success();
}

static LogicalResult evaluateQuantize(QuantizeOp op, Frame &frame) {
  const Tensor &input = frame.getTensor(op.getInput());
  return evaluateEncode(op, frame, Reals(input), input.getShape(),
                        EncodeModes::Division::Rounded);
}

static LogicalResult evaluateConvert(ConvertOp op, Frame &frame) {
  const Value &input = frame.get(op.getInput());
  EncodedTensorType sourceType = input.getEncodedType();
  ReferenceFormat source = getModel(op, sourceType.getFormat());
  if (!source)
    return failure();
  std::vector<ExactReal> exact =
      source.readExact(sourceType, input.getConstituents());
  return evaluateEncode(op, frame, Reals(exact), input.getShape(),
                        EncodeModes::Division::Exact);
}

static LogicalResult evaluateDequantize(DequantizeOp op, Frame &frame) {
  const Value &input = frame.get(op.getInput());
  if (!getModel(op, input.getEncodedType().getFormat()))
    return failure();
  frame.set(op.getResult(), *input.readLogical());
  return success();
}

//===----------------------------------------------------------------------===//
// Constituents
//===----------------------------------------------------------------------===//

static LogicalResult evaluateAssemble(AssembleOp op, Frame &frame) {
  SmallVector<Tensor> parts;
  for (mlir::Value part : op.getConstituents())
    parts.push_back(frame.getTensor(part));
  EncodedTensorType type = EncodedTensorType::get(op.getResult().getType())
                               .withSizesOf(parts.front().getShape());
  if (failed(verifySizes(op, type.getConstituents(), parts)))
    return failure();
  frame.set(op.getResult(), Value(type, parts));
  return success();
}

static LogicalResult evaluateConstituents(ConstituentsOp op, Frame &frame) {
  SmallVector<Tensor> parts =
      llvm::to_vector(frame.get(op.getInput()).getConstituents());
  for (auto [result, part] : llvm::zip_equal(op.getResults(), parts))
    frame.set(result, std::move(part));
  return success();
}

//===----------------------------------------------------------------------===//
// Packed storage
//===----------------------------------------------------------------------===//

/// The elements' bits, zero above the width.
static std::vector<uint64_t> getBits(const Tensor &tensor) {
  std::vector<uint64_t> bits;
  bits.reserve(tensor.getNumElements());
  for (Scalar element : tensor.getData())
    bits.push_back(getElementBits(element, tensor.getElementType()));
  return bits;
}

static Tensor makeFromBits(RankedTensorType type, ArrayRef<uint64_t> bits) {
  Tensor tensor(type.getShape(), type.getElementType());
  llvm::transform(bits, tensor.getMutableData().begin(), [&](uint64_t code) {
    return getElementFromBits(code, type.getElementType());
  });
  return tensor;
}

static LogicalResult evaluatePack(PackOp op, Frame &frame) {
  const Tensor &input = frame.getTensor(op.getCodes());
  std::vector<uint64_t> codes = getBits(input);
  // (C61) What is below the lowest digit becomes it: -2 packs as -1.
  if (op.getPacking() == CodePacking::Base3)
    llvm::replace(codes, 2, 3);
  std::vector<uint8_t> bytes = packCodes(
      codes, getElementWidth(input.getElementType()), op.getPacking());
  std::vector<uint64_t> wide(bytes.begin(), bytes.end());
  frame.set(op.getBytes(), makeFromBits(op.getBytes().getType(), wide));
  return success();
}

static LogicalResult evaluateUnpack(UnpackOp op, Frame &frame) {
  RankedTensorType type = op.getCodes().getType();
  std::vector<uint64_t> wide = getBits(frame.getTensor(op.getBytes()));
  std::vector<uint8_t> bytes(wide.begin(), wide.end());
  // (C61) 243 and above are the codes of 0 and above.
  if (op.getPacking() == CodePacking::Base3)
    for (uint8_t &byte : bytes)
      byte %= 243;
  auto codes = unpackCodes(bytes, type.getElementTypeBitWidth(),
                           type.getNumElements(), op.getPacking());
  if (!codes)
    return op.emitOpError() << "needs more bytes than " << bytes.size();
  frame.set(op.getCodes(), makeFromBits(type, *codes));
  return success();
}

static LogicalResult evaluateObserve(ObserveOp op, Frame &frame) {
  Value value = frame.take(op.getInputMutable());
  frame.set(op.getResult(), std::move(value));
  return success();
}

//===----------------------------------------------------------------------===//
// dyadic_scale
//===----------------------------------------------------------------------===//

/// Calls `apply` with the accumulator and the dyadic number, and saturates;
/// false outside of the domain, shifts below `minShift` among it.
template <typename FnT>
static bool scaleByDyadic(const Instruction &i, Scalar *r, int64_t minShift,
                          FnT apply) {
  int64_t acc = r[i.operands[0]].integer;
  int64_t multiplier = r[i.operands[1]].integer;
  int64_t shift = r[i.operands[2]].integer;
  if (acc < -Dyadic::kMaxAccumulator || acc > Dyadic::kMaxAccumulator ||
      multiplier < 0 || multiplier > Dyadic::kMaxMultiplier ||
      shift < minShift || shift > Dyadic::kMaxShift)
    return false;
  int64_t scaled = apply(acc, Dyadic{uint32_t(multiplier), unsigned(shift)});
  int64_t highest = ~uint64_t(0) >> 1 >> i.resultShift;
  r[i.result].integer = std::clamp(scaled, -highest - 1, highest);
  return true;
}

static bool dyadicScaleKernel(const Instruction &i, Scalar *r) {
  auto rounding = static_cast<RoundingMode>(i.immediate);
  return scaleByDyadic(i, r, 0, [&](int64_t acc, Dyadic dyadic) {
    return applyDyadic(acc, dyadic, rounding);
  });
}

static bool doubleRoundingKernel(const Instruction &i, Scalar *r) {
  return scaleByDyadic(i, r, 31, applyDyadicTwice);
}

static LogicalResult emitDyadicScale(Operation *op, unsigned,
                                     Instruction &instruction) {
  auto scale = cast<DyadicScaleOp>(op);
  instruction.immediate = static_cast<int64_t>(scale.getRounding());
  bool isDouble = scale.getDoubleRounding();
  instruction.undefined =
      isDouble
          ? "needs |acc| <= 2^31, 0 <= multiplier < 2^31 and 31 <= shift <= 62"
          : "needs |acc| <= 2^31, 0 <= multiplier < 2^31 and 0 <= shift <= 62";
  instruction.kernel = isDouble ? doubleRoundingKernel : dyadicScaleKernel;
  return success();
}

//===----------------------------------------------------------------------===//
// lookup
//===----------------------------------------------------------------------===//

static bool lookupKernel(const Instruction &i, Scalar *r) {
  uint64_t index = zeroExtend(r[i.operands[0]].integer, i.operandShift);
  if (index >= static_cast<uint64_t>(i.table->getNumElements()))
    return false;
  r[i.result] = (*i.table)[index];
  return true;
}

static LogicalResult emitLookup(Operation *op, unsigned,
                                Instruction &instruction) {
  auto lookup = cast<LookupOp>(op);
  FailureOr<Tensor> table = Tensor::fromAttribute(
      lookup.getTable(), [&] { return lookup.emitOpError(); });
  if (failed(table))
    return failure();
  instruction.table = std::make_shared<const Tensor>(std::move(*table));
  instruction.undefined = "has an index beyond the table";
  instruction.kernel = lookupKernel;
  return success();
}

//===----------------------------------------------------------------------===//
// lmul
//===----------------------------------------------------------------------===//

static bool lmulKernel(const Instruction &i, Scalar *r) {
  LMulSpec spec = cast<LMulOp>(i.op).getSpec();
  uint64_t product =
      spec.multiply(getElementBits(r[i.operands[0]], i.operandType),
                    getElementBits(r[i.operands[1]], i.operandType));
  r[i.result] = getElementFromBits(product, i.resultType);
  return true;
}

//===----------------------------------------------------------------------===//
// sharpness
//===----------------------------------------------------------------------===//

/// log(sum exp(z)) - z_target in extended precision, for finite logits.
static long double getCrossEntropy(ArrayRef<long double> logits,
                                   int64_t target) {
  long double largest = *std::max_element(logits.begin(), logits.end());
  long double sum = 0;
  for (long double logit : logits)
    sum += std::exp(logit - largest);
  return std::log(sum) + largest - logits[target];
}

/// Of one row; NaN if a logit is not finite or there is no such class.
static double getSharpness(ArrayRef<Scalar> row, int64_t target,
                           double epsilon) {
  if (target < 0 || target >= static_cast<int64_t>(row.size()))
    return std::nan("");
  SmallVector<long double> logits, worst;
  for (auto [i, scalar] : llvm::enumerate(row)) {
    long double logit = scalar.real;
    if (!std::isfinite(logit))
      return std::nan("");
    long double room = epsilon * (std::fabs(logit) + 1);
    logits.push_back(logit);
    worst.push_back(int64_t(i) == target ? logit - room : logit + room);
  }
  long double loss = getCrossEntropy(logits, target);
  return 100 * (getCrossEntropy(worst, target) - loss) / (1 + loss);
}

static LogicalResult evaluateSharpness(SharpnessOp op, Frame &frame) {
  const Tensor &logits = frame.getTensor(op.getLogits());
  const Tensor &targets = frame.getTensor(op.getTargets());
  ArrayRef<int64_t> rows = logits.getShape().drop_back();
  if (targets.getShape() != rows)
    return op.emitOpError() << "needs a target a row, found "
                            << logits.getType() << " and " << targets.getType();
  auto type = cast<FloatType>(logits.getElementType());
  int64_t numClasses = logits.getShape().back();
  double epsilon = op.getEpsilon().convertToDouble();
  Tensor result(rows, type);
  MutableArrayRef<Scalar> sharpness = result.getMutableData();
  for (int64_t row = 0; row < targets.getNumElements(); ++row) {
    ArrayRef<Scalar> values =
        logits.getData().slice(row * numClasses, numClasses);
    double exact = getSharpness(values, targets[row].integer, epsilon);
    sharpness[row] = makeReal(roundToType(exact, type));
  }
  frame.set(op.getResult(), std::move(result));
  return success();
}

void registerQFmtHandlers(HandlerTable &table) {
  table.add<QuantizeOp, evaluateQuantize>(Encoded::Handled);
  table.add<ConvertOp, evaluateConvert>(Encoded::Handled);
  table.add<DequantizeOp, evaluateDequantize>(Encoded::Handled);
  table.add<AssembleOp, evaluateAssemble>(Encoded::Handled);
  table.add<ConstituentsOp, evaluateConstituents>(Encoded::Handled);
  table.add<PackOp, evaluatePack>();
  table.add<UnpackOp, evaluateUnpack>();
  table.add<ObserveOp, evaluateObserve>();
  table.addScalar<DyadicScaleOp>(emitDyadicScale);
  table.addScalar<LookupOp>(emitLookup);
  table.addScalar<LMulOp>(emitKernel<lmulKernel>);
  table.add<SharpnessOp, evaluateSharpness>();
}

} // namespace mlir::qfmt::reference
