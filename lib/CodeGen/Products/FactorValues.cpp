// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FactorValues.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/CodeGen/Products/BodyEvaluation.h"
#include <map>

namespace mlir::qfmt {

std::optional<double> getNumber(Attribute attr) {
  auto number = dyn_cast_or_null<FloatAttr>(attr);
  if (!number)
    return std::nullopt;
  return number.getValue().convertToDouble();
}

/// Values of so many bits have a table, others are searched.
constexpr unsigned kMaxTableBits = 16;

FactorValues::FactorValues(Value value) : value(value) {
  arguments = *getArgumentsOf(value);
  for (BlockArgument argument : arguments) {
    widths.push_back(argument.getType().getIntOrFloatBitWidth());
    width += widths.back();
  }
  if (width <= kMaxTableBits)
    table.resize(size_t(1) << width, -1);
}

int64_t FactorValues::getPlace(ArrayRef<uint32_t> bits) {
  uint64_t key = 0;
  for (auto [word, size] : llvm::zip_equal(bits, widths))
    key = key << size | word;
  int64_t *place = width <= kMaxTableBits
                       ? &table[key]
                       : &known.try_emplace(key, -1).first->second;
  if (*place < 0) {
    std::optional<double> number = evaluate(bits);
    if (!number)
      return -1;
    *place = numbers.size();
    numbers.push_back(*number);
  }
  return *place;
}

std::optional<double> FactorValues::evaluate(ArrayRef<uint32_t> bits) const {
  return getNumber(evaluateBody(value, [&](BlockArgument argument) {
    size_t i = llvm::find(arguments, argument) - arguments.begin();
    return getElementAttr(argument.getType(), bits[i]);
  }));
}

//===----------------------------------------------------------------------===//
// Constants that are computed
//===----------------------------------------------------------------------===//

namespace {

/// One input of the operation, and the distance of neighbours along each loop.
struct Input {
  ConstantBits constant;
  SmallVector<int64_t> strides;
};

std::optional<Input> readInput(linalg::GenericOp op, OpOperand *operand) {
  std::optional<ConstantBits> constant = readConstantBits(operand->get());
  if (!constant)
    constant = computeConstant(operand->get());
  AffineMap map = op.getMatchingIndexingMap(operand);
  if (!constant || !map.isProjectedPermutation(/*allowZeroInResults=*/true))
    return std::nullopt;
  Input input{std::move(*constant), SmallVector<int64_t>(op.getNumLoops(), 0)};
  int64_t stride = 1;
  for (int64_t i = int64_t(map.getNumResults()) - 1; i >= 0; --i) {
    if (auto dim = dyn_cast<AffineDimExpr>(map.getResult(i)))
      input.strides[dim.getPosition()] += stride;
    stride *= input.constant.shape[i];
  }
  return input;
}

/// Computes the body of an operation element by element. Products are
/// multiplied here: their factors depend on fewer bits.
class ElementEvaluator {
public:
  ElementEvaluator(linalg::GenericOp op, std::vector<Input> inputs)
      : inputs(std::move(inputs)),
        result(op.getBody()->getTerminator()->getOperand(0)) {}

  std::optional<float> evaluate(ArrayRef<int64_t> position) {
    return evaluate(result, position);
  }

private:
  std::optional<float> evaluate(Value value, ArrayRef<int64_t> position) {
    if (auto product = value.getDefiningOp<arith::MulFOp>()) {
      std::optional<float> left = evaluate(product.getLhs(), position);
      std::optional<float> right = evaluate(product.getRhs(), position);
      if (!left || !right)
        return std::nullopt;
      return *left * *right;
    }
    auto [found, isNew] =
        factors.try_emplace(value.getAsOpaquePointer(), value);
    FactorValues &values = found->second;
    if (!values.isLegal())
      return std::nullopt;
    SmallVector<uint32_t> bits;
    for (BlockArgument argument : values.getArguments()) {
      const Input &input = inputs[argument.getArgNumber()];
      int64_t place = 0;
      for (auto [index, stride] : llvm::zip_equal(position, input.strides))
        place += index * stride;
      bits.push_back(input.constant.bits[place]);
    }
    int64_t place = values.getPlace(bits);
    if (place < 0)
      return std::nullopt;
    return float(values.getAll()[place]);
  }

  std::vector<Input> inputs;
  Value result;
  std::map<const void *, FactorValues> factors;
};

} // namespace

std::optional<ConstantBits> computeConstant(Value tensor) {
  constexpr int64_t kMaxElements = int64_t(1) << 20;
  // Scales of one block a row lose that dimension.
  if (isa_and_present<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(
          tensor.getDefiningOp())) {
    auto type = cast<RankedTensorType>(tensor.getType());
    std::optional<ConstantBits> source =
        computeConstant(tensor.getDefiningOp()->getOperand(0));
    if (source)
      source->shape = llvm::to_vector(type.getShape());
    return source;
  }
  auto op = tensor.getDefiningOp<linalg::GenericOp>();
  if (!op || op->getNumResults() != 1 || op.getNumReductionLoops() != 0 ||
      !op.hasPureTensorSemantics() ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return std::nullopt;
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.getElementType().isF32() || !type.hasStaticShape() ||
      type.getNumElements() > kMaxElements ||
      !getArgumentsOf(op.getBody()->getTerminator()->getOperand(0)))
    return std::nullopt;
  std::vector<Input> inputs;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    std::optional<Input> input = readInput(op, operand);
    if (!input)
      return std::nullopt;
    inputs.push_back(std::move(*input));
  }
  ElementEvaluator evaluator(op, std::move(inputs));
  ConstantBits computed{
      llvm::to_vector(type.getShape()), type.getElementType(), {}};
  SmallVector<int64_t> position(type.getRank(), 0);
  for (int64_t i = 0, e = type.getNumElements(); i < e; ++i) {
    std::optional<float> number = evaluator.evaluate(position);
    if (!number)
      return std::nullopt;
    computed.bits.push_back(llvm::bit_cast<uint32_t>(*number));
    for (int64_t dim = type.getRank() - 1;
         dim >= 0 && ++position[dim] == type.getDimSize(dim); --dim)
      position[dim] = 0;
  }
  return computed;
}

} // namespace mlir::qfmt
