// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tensor: making, reading and moving tensors.

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "../Frame.h"
#include "../Handlers.h"
#include "../Moves.h"
#include "../ScalarBody.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

/// The sizes of a result with dynamic ones given as operands.
static SmallVector<int64_t>
getResultShape(RankedTensorType type, ValueRange dynamicSizes, Frame &frame) {
  SmallVector<int64_t> dynamic = frame.getIndices(dynamicSizes);
  SmallVector<int64_t> shape = llvm::to_vector(type.getShape());
  auto next = dynamic.begin();
  for (int64_t &size : shape)
    if (ShapedType::isDynamic(size))
      size = *next++;
  return shape;
}

static LogicalResult verifySizes(Operation *op, ArrayRef<int64_t> shape) {
  return Tensor::verifyShape(shape, [&] { return op->emitOpError(); });
}

/// Elements that nobody may read: NaN, or a pattern that is not 0.
static Tensor makeUndefined(ArrayRef<int64_t> shape, Type elementType) {
  Tensor result(shape, elementType);
  result.fill(isa<FloatType>(elementType)
                  ? makeReal(std::nan(""))
                  : makeInteger(wrapToType(0x5555555555555555, elementType)));
  return result;
}

static LogicalResult evaluateEmpty(tensor::EmptyOp op, Frame &frame) {
  SmallVector<int64_t> shape =
      getResultShape(op.getType(), op.getDynamicSizes(), frame);
  if (failed(verifySizes(op, shape)))
    return failure();
  Type elementType = op.getType().getElementType();
  auto encoded = EncodedTensorType::get(op.getType());
  if (!encoded) {
    frame.set(op.getResult(), makeUndefined(shape, elementType));
    return success();
  }
  encoded = EncodedTensorType::get(RankedTensorType::get(shape, elementType),
                                   encoded.getFormat());
  SmallVector<Tensor> parts;
  for (const Constituent &part : encoded.getConstituents())
    parts.push_back(
        makeUndefined(part.type.getShape(), part.type.getElementType()));
  frame.set(op.getResult(), Value(encoded, parts));
  return success();
}

static LogicalResult evaluateSplat(tensor::SplatOp op, Frame &frame) {
  SmallVector<int64_t> shape =
      getResultShape(op.getType(), op.getDynamicSizes(), frame);
  if (failed(verifySizes(op, shape)))
    return failure();
  Tensor result(shape, op.getType().getElementType());
  result.fill(frame.getScalar(op.getInput()));
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evaluateFromElements(tensor::FromElementsOp op,
                                          Frame &frame) {
  Tensor result(op.getType().getShape(), op.getType().getElementType());
  llvm::copy(frame.getScalars(op.getElements()),
             result.getMutableData().begin());
  frame.set(op.getResult(), std::move(result));
  return success();
}

/// Fills `target` with what the body yields for each index.
static LogicalResult fillFromBody(Block &block, Tensor &target, Frame &frame) {
  FailureOr<ScalarBody> body = ScalarBody::resolve(block, 0, frame);
  if (failed(body))
    return failure();
  Scalar *to = target.getMutableData().data();
  LogicalResult result = success();
  forEachIndex(target.getShape(), [&](ArrayRef<int64_t> index) {
    if (failed(result))
      return;
    for (auto [i, value] : llvm::enumerate(index))
      body->getRegisters()[body->getArgumentRegister(i)] = makeInteger(value);
    result = body->run();
    *to++ = body->getRegisters()[body->getResultRegisters().front()];
  });
  return result;
}

static LogicalResult evaluateGenerate(tensor::GenerateOp op, Frame &frame) {
  SmallVector<int64_t> shape =
      getResultShape(op.getType(), op.getDynamicExtents(), frame);
  if (failed(verifySizes(op, shape)))
    return failure();
  Tensor result(shape, op.getType().getElementType());
  if (failed(fillFromBody(op.getBody().front(), result, frame)))
    return failure();
  frame.set(op.getResult(), std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Elements and sizes
//===----------------------------------------------------------------------===//

static LogicalResult verifyIndices(Operation *op, const Tensor &tensor,
                                   ArrayRef<int64_t> indices) {
  if (tensor.isInBounds(indices))
    return success();
  return op->emitOpError() << "index [" << indices
                           << "] is outside of a tensor of shape ["
                           << tensor.getShape() << "]";
}

static LogicalResult evaluateExtract(tensor::ExtractOp op, Frame &frame) {
  const Tensor &tensor = frame.getTensor(op.getTensor());
  SmallVector<int64_t> indices = frame.getIndices(op.getIndices());
  if (failed(verifyIndices(op, tensor, indices)))
    return failure();
  Scalar element = tensor[tensor.linearize(indices)];
  frame.set(op.getResult(), element);
  return success();
}

/// tensor.extract in a body: register operands from the second on are indices.
static bool extractKernel(const Instruction &i, Scalar *r) {
  const unsigned *indices =
      (i.moreOperands.empty() ? i.operands : i.moreOperands.data()) + 1;
  int64_t element = 0;
  for (int64_t size : i.tensor.getShape()) {
    int64_t index = r[*indices++].integer;
    if (index < 0 || index >= size)
      return false;
    element = element * size + index;
  }
  r[i.result] = i.tensor[element];
  return true;
}

static LogicalResult emitExtract(Operation *, unsigned,
                                 Instruction &instruction) {
  instruction.undefined = "reads outside of its tensor";
  instruction.kernel = extractKernel;
  return success();
}

static LogicalResult evaluateInsert(tensor::InsertOp op, Frame &frame) {
  SmallVector<int64_t> indices = frame.getIndices(op.getIndices());
  Scalar element = frame.getScalar(op.getScalar());
  Value target = frame.take(op.getDestMutable());
  if (failed(verifyIndices(op, target.getTensor(), indices)))
    return failure();
  int64_t position = target.getTensor().linearize(indices);
  target.getTensor().getMutableData()[position] = element;
  frame.set(op.getResult(), std::move(target));
  return success();
}

static LogicalResult evaluateDim(tensor::DimOp op, Frame &frame) {
  ArrayRef<int64_t> shape = frame.get(op.getSource()).getShape();
  int64_t dim = frame.getInteger(op.getIndex());
  if (dim < 0 || dim >= static_cast<int64_t>(shape.size()))
    return op.emitOpError() << "asks for dimension " << dim
                            << " of a tensor of rank " << shape.size();
  Scalar size = makeInteger(shape[dim]);
  frame.set(op.getResult(), size);
  return success();
}

static LogicalResult evaluateRank(tensor::RankOp op, Frame &frame) {
  int64_t rank = frame.get(op.getTensor()).getShape().size();
  frame.set(op.getResult(), makeInteger(rank));
  return success();
}

//===----------------------------------------------------------------------===//
// Moving
//===----------------------------------------------------------------------===//

template <typename OpT>
static Slice getSlice(OpT op, Frame &frame) {
  return {frame.getIntegers(op.getMixedOffsets()),
          frame.getIntegers(op.getMixedSizes()),
          frame.getIntegers(op.getMixedStrides()), op.getDroppedDims()};
}

/// Sets the result to `value`, or fails if there is none.
static LogicalResult setResult(Operation *op, FailureOr<Value> value,
                               Frame &frame) {
  if (failed(value))
    return failure();
  frame.set(op->getResult(0), std::move(*value));
  return success();
}

static LogicalResult evaluateExtractSlice(tensor::ExtractSliceOp op,
                                          Frame &frame) {
  const Value &source = frame.get(op.getSource());
  Slice slice = getSlice(op, frame);
  if (failed(slice.verify(op, source.getShape())))
    return failure();
  return setResult(op, extractSlice(op, source, slice), frame);
}

static LogicalResult evaluateInsertSlice(tensor::InsertSliceOp op,
                                         Frame &frame) {
  Slice slice = getSlice(op, frame);
  Value source = frame.get(op.getSource());
  Value target = frame.take(op.getDestMutable());
  if (failed(verifySameFormat(op, {source, target})) ||
      failed(slice.verify(op, target.getShape())))
    return failure();
  if (slice.getReducedShape() != source.getShape())
    return op.emitOpError()
           << "inserts a tensor of shape [" << source.getShape()
           << "] as a slice of shape [" << slice.getReducedShape() << "]";
  return setResult(op, insertSlice(op, source, std::move(target), slice),
                   frame);
}

/// The box of `shape` that begins at `low`.
static Slice getSliceAt(ArrayRef<int64_t> low, ArrayRef<int64_t> shape) {
  return {llvm::to_vector(low), llvm::to_vector(shape),
          SmallVector<int64_t>(low.size(), 1),
          llvm::SmallBitVector(low.size())};
}

/// `target` with its elements at `low` and beyond replaced by `source`.
static Tensor placeAt(const Tensor &source, Tensor target,
                      ArrayRef<int64_t> low) {
  return insertSlice(source, std::move(target),
                     getSliceAt(low, source.getShape()));
}

/// An encoded tensor is padded with the code of a constant that it can
/// represent exactly.
static FailureOr<Value> padEncoded(tensor::PadOp op, const Value &source,
                                   ArrayRef<int64_t> low,
                                   ArrayRef<int64_t> shape, Frame &frame) {
  EncodedTensorType type = source.getEncodedType();
  auto model = dyn_cast<ReferenceFormat>(type.getFormat());
  mlir::Value padding = op.getConstantPaddingValue();
  if (!model || !padding)
    return op.emitOpError()
           << "pads an encoded tensor with a value that is not constant";
  FloatAttr constant;
  if (!matchPattern(padding, m_Constant(&constant)))
    return op.emitOpError()
           << "pads an encoded tensor with a value that is not constant";
  double value = constant.getValueAsDouble();
  if (!type.getFormat().canRepresent(value, type.getLogicalElementType()))
    return op.emitOpError() << "pads with " << value << ", which "
                            << type.getFormat() << " cannot represent";
  // One element of the format tells the code.
  auto unit = EncodedTensorType::get(
      RankedTensorType::get(SmallVector<int64_t>(type.getRank(), 1),
                            type.getLogicalElementType()),
      type.getFormat());
  SmallVector<Tensor> parts =
      llvm::map_to_vector(unit.getConstituents(), [](const Constituent &part) {
        return Tensor(part.type.getShape(), part.type.getElementType());
      });
  model.setElements(unit, parts, {0}, ExactReal::fromDouble(value));
  return movePayload(op, source, [&](const Tensor &payload) {
    Tensor target(shape, payload.getElementType());
    target.fill(parts.front()[0]);
    return placeAt(payload, std::move(target), low);
  });
}

static LogicalResult evaluatePad(tensor::PadOp op, Frame &frame) {
  Value source = frame.get(op.getSource());
  SmallVector<int64_t> low = frame.getIntegers(op.getMixedLowPad());
  SmallVector<int64_t> high = frame.getIntegers(op.getMixedHighPad());
  SmallVector<int64_t> shape;
  for (auto [l, size, h] : llvm::zip_equal(low, source.getShape(), high)) {
    if (l < 0 || h < 0)
      return op.emitOpError()
             << "pads by a negative amount, " << std::min<int64_t>(l, h);
    shape.push_back(l + size + h);
  }
  if (failed(verifySizes(op, shape)))
    return failure();
  if (source.isEncoded())
    return setResult(op, padEncoded(op, source, low, shape, frame), frame);
  Tensor target(shape, source.getTensor().getElementType());
  if (failed(fillFromBody(op.getRegion().front(), target, frame)))
    return failure();
  frame.set(op.getResult(),
            placeAt(source.getTensor(), std::move(target), low));
  return success();
}

/// The elements in row-major order in another shape.
static LogicalResult setReshaped(Operation *op, const Value &source,
                                 ArrayRef<int64_t> shape, Frame &frame) {
  if (failed(verifySizes(op, shape)))
    return failure();
  if (ShapedType::getNumElements(shape) !=
      ShapedType::getNumElements(source.getShape()))
    return op->emitOpError()
           << "reshapes [" << source.getShape() << "] to [" << shape << "]";
  return setResult(op, reshape(op, source, shape), frame);
}

static LogicalResult evaluateExpandShape(tensor::ExpandShapeOp op,
                                         Frame &frame) {
  const Value &source = frame.get(op.getSrc());
  SmallVector<int64_t> shape = frame.getIntegers(op.getMixedOutputShape());
  for (auto [group, size] :
       llvm::zip_equal(op.getReassociationIndices(), source.getShape())) {
    int64_t product = 1;
    for (int64_t dim : group)
      product *= shape[dim];
    if (product != size)
      return op.emitOpError() << "expands a dimension of size " << size
                              << " to " << product << " elements";
  }
  return setReshaped(op, source, shape, frame);
}

static LogicalResult evaluateCollapseShape(tensor::CollapseShapeOp op,
                                           Frame &frame) {
  const Value &source = frame.get(op.getSrc());
  SmallVector<int64_t> shape;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    int64_t size = 1;
    for (int64_t dim : group)
      size *= source.getShape()[dim];
    shape.push_back(size);
  }
  return setReshaped(op, source, shape, frame);
}

static LogicalResult evaluateReshape(tensor::ReshapeOp op, Frame &frame) {
  SmallVector<int64_t> shape;
  for (Scalar size : frame.getTensor(op.getShape()).getData())
    shape.push_back(size.integer);
  return setReshaped(op, frame.get(op.getSource()), shape, frame);
}

static LogicalResult evaluateCast(tensor::CastOp op, Frame &frame) {
  Value source = frame.take(op.getSourceMutable());
  if (auto type = dyn_cast<RankedTensorType>(op.getType())) {
    bool isEncoded = EncodedTensorType::isEncoded(type);
    if (isEncoded != source.isEncoded() ||
        (isEncoded &&
         type.getEncoding() != source.getEncodedType().getFormat()))
      return op.emitOpError()
             << "changes the encoding of " << op.getSource().getType()
             << "; use qfmt.convert";
    bool fits =
        type.getRank() == static_cast<int64_t>(source.getShape().size());
    for (auto [size, expected] : llvm::zip(source.getShape(), type.getShape()))
      fits &= ShapedType::isDynamic(expected) || size == expected;
    if (!fits)
      return op.emitOpError() << "casts a tensor of shape ["
                              << source.getShape() << "] to " << type;
  }
  frame.set(op.getResult(), std::move(source));
  return success();
}

static LogicalResult evaluateConcat(tensor::ConcatOp op, Frame &frame) {
  SmallVector<Value> inputs;
  for (mlir::Value input : op.getInputs())
    inputs.push_back(frame.get(input));
  if (failed(verifySameFormat(op, inputs)))
    return failure();
  uint64_t dim = op.getDim();
  SmallVector<int64_t> shape = llvm::to_vector(inputs.front().getShape());
  shape[dim] = 0;
  for (const Value &input : inputs) {
    for (auto [i, size] : llvm::enumerate(input.getShape()))
      if (i != dim && size != shape[i])
        return op.emitOpError() << "joins sizes " << shape[i] << " and " << size
                                << " of dimension " << i;
    shape[dim] += input.getShape()[dim];
  }
  if (failed(verifySizes(op, shape)))
    return failure();

  FailureOr<Value> result = makeUndefinedLike(inputs.front(), shape);
  SmallVector<int64_t> offset(shape.size(), 0);
  for (const Value &input : inputs) {
    result = insertSlice(op, input, std::move(*result),
                         getSliceAt(offset, input.getShape()));
    if (failed(result))
      return failure();
    offset[dim] += input.getShape()[dim];
  }
  return setResult(op, std::move(result), frame);
}

static LogicalResult evaluateBitcast(tensor::BitcastOp op, Frame &frame) {
  const Tensor &source = frame.getTensor(op.getSource());
  Type elementType = cast<TensorType>(op.getType()).getElementType();
  Tensor result(source.getShape(), elementType);
  for (auto [from, to] :
       llvm::zip_equal(source.getData(), result.getMutableData()))
    to = getElementFromBits(getElementBits(from, source.getElementType()),
                            elementType);
  frame.set(op.getResult(), std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

void registerTensorHandlers(HandlerTable &table) {
  table.add<tensor::EmptyOp, evaluateEmpty>(Encoded::Handled);
  table.add<tensor::SplatOp, evaluateSplat>();
  table.add<tensor::FromElementsOp, evaluateFromElements>();
  table.add<tensor::GenerateOp, evaluateGenerate>();
  table.add<tensor::ExtractOp, evaluateExtract>();
  table.addScalar<tensor::ExtractOp>(emitExtract);
  table.add<tensor::InsertOp, evaluateInsert>();
  table.add<tensor::DimOp, evaluateDim>(Encoded::Handled);
  table.add<tensor::RankOp, evaluateRank>(Encoded::Handled);
  table.add<tensor::ExtractSliceOp, evaluateExtractSlice>(Encoded::Handled);
  table.add<tensor::InsertSliceOp, evaluateInsertSlice>(Encoded::Handled);
  table.add<tensor::PadOp, evaluatePad>(Encoded::Handled);
  table.add<tensor::ExpandShapeOp, evaluateExpandShape>(Encoded::Handled);
  table.add<tensor::CollapseShapeOp, evaluateCollapseShape>(Encoded::Handled);
  table.add<tensor::ReshapeOp, evaluateReshape>(Encoded::Handled);
  table.add<tensor::CastOp, evaluateCast>(Encoded::Handled);
  table.add<tensor::ConcatOp, evaluateConcat>(Encoded::Handled);
  table.add<tensor::BitcastOp, evaluateBitcast>();
}

} // namespace mlir::qfmt::reference
