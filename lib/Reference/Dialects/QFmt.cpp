// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qfmt operations. What a format means is in its ReferenceFormat model.

#include "qfmt/IR/QFmt.h"
#include "../Frame.h"
#include "../Handlers.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/Support/Dyadic.h"

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

template <typename OpT>
static EncodeModes getModes(OpT op, EncodeModes::Division division) {
  return {division, op.getRounding(), op.getOverflow(), op.getNan(),
          op.getScaleRule()};
}

/// The result type with the sizes of the input.
static EncodedTensorType getResultType(RankedTensorType type,
                                       ArrayRef<int64_t> shape) {
  return EncodedTensorType::get(
      RankedTensorType::get(shape, type.getElementType()),
      EncodedTensorType::get(type).getFormat());
}

static LogicalResult evaluateQuantize(QuantizeOp op, Frame &frame) {
  const Tensor &input = frame.getTensor(op.getInput());
  EncodedTensorType type =
      getResultType(op.getResult().getType(), input.getShape());
  ReferenceFormat model = getModel(op, type.getFormat());
  if (!model)
    return failure();
  Value result(type,
               model.encode(type, Reals(input),
                            getModes(op, EncodeModes::Division::Rounded)));
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evaluateConvert(ConvertOp op, Frame &frame) {
  const Value &input = frame.get(op.getInput());
  EncodedTensorType sourceType = input.getEncodedType();
  EncodedTensorType type =
      getResultType(op.getResult().getType(), input.getShape());
  ReferenceFormat source = getModel(op, sourceType.getFormat());
  ReferenceFormat target = getModel(op, type.getFormat());
  if (!source || !target)
    return failure();
  std::vector<ExactReal> exact =
      source.readExact(sourceType, input.getConstituents());
  Value result(type, target.encode(type, Reals(exact),
                                   getModes(op, EncodeModes::Division::Exact)));
  frame.set(op.getResult(), std::move(result));
  return success();
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
  EncodedTensorType type =
      getResultType(op.getResult().getType(), parts.front().getShape());
  // Dynamic sizes are known only now.
  for (auto [expected, part] : llvm::zip_equal(type.getConstituents(), parts))
    if (expected.type.getShape() != part.getShape())
      return op.emitOpError()
             << "constituent '" << expected.name << "' must be "
             << expected.type << ", found " << part.getType();
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

static LogicalResult evaluateObserve(ObserveOp op, Frame &frame) {
  Value value = frame.take(op.getInputMutable());
  frame.set(op.getResult(), std::move(value));
  return success();
}

//===----------------------------------------------------------------------===//
// dyadic_scale
//===----------------------------------------------------------------------===//

static bool dyadicScaleKernel(const Instruction &i, Scalar *r) {
  int64_t acc = r[i.operands[0]].integer;
  int64_t multiplier = r[i.operands[1]].integer;
  int64_t shift = r[i.operands[2]].integer;
  if (acc < -Dyadic::kMaxAccumulator || acc > Dyadic::kMaxAccumulator ||
      multiplier < 0 || multiplier > Dyadic::kMaxMultiplier || shift < 0 ||
      shift > Dyadic::kMaxShift)
    return false;
  int64_t scaled = applyDyadic(acc, {uint32_t(multiplier), unsigned(shift)},
                               static_cast<RoundingMode>(i.immediate));
  int64_t highest = ~uint64_t(0) >> 1 >> i.resultShift;
  r[i.result].integer = std::clamp(scaled, -highest - 1, highest);
  return true;
}

static LogicalResult emitDyadicScale(Operation *op, unsigned,
                                     Instruction &instruction) {
  instruction.immediate =
      static_cast<int64_t>(cast<DyadicScaleOp>(op).getRounding());
  instruction.undefined =
      "needs |acc| <= 2^31, 0 <= multiplier < 2^31 and 0 <= shift <= 62";
  instruction.kernel = dyadicScaleKernel;
  return success();
}

void registerQFmtHandlers(HandlerTable &table) {
  table.add<QuantizeOp, evaluateQuantize>(Encoded::Handled);
  table.add<ConvertOp, evaluateConvert>(Encoded::Handled);
  table.add<DequantizeOp, evaluateDequantize>(Encoded::Handled);
  table.add<AssembleOp, evaluateAssemble>(Encoded::Handled);
  table.add<ConstituentsOp, evaluateConstituents>(Encoded::Handled);
  table.add<ObserveOp, evaluateObserve>();
  table.addScalar<DyadicScaleOp>(emitDyadicScale);
}

} // namespace mlir::qfmt::reference
