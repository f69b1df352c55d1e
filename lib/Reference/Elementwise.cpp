// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Elementwise.h"
#include "ScalarBody.h"

using namespace mlir;

namespace mlir::qfmt::reference {

/// The shape of the tensor operands, or none if there are only scalars.
static FailureOr<SmallVector<int64_t>> getCommonShape(Operation *op,
                                                      Frame &frame) {
  SmallVector<int64_t> shape;
  bool found = false;
  for (mlir::Value operand : op->getOperands()) {
    if (!isa<ShapedType>(operand.getType()))
      continue;
    ArrayRef<int64_t> operandShape = frame.getTensor(operand).getShape();
    if (found && operandShape != ArrayRef<int64_t>(shape))
      return op->emitOpError() << "needs operands of one shape, found ["
                               << shape << "] and [" << operandShape << "]";
    shape.assign(operandShape.begin(), operandShape.end());
    found = true;
  }
  return shape;
}

LogicalResult evaluateElementwise(Operation *op, Frame &frame) {
  FailureOr<SmallVector<int64_t>> shape = getCommonShape(op, frame);
  FailureOr<SmallVector<Instruction>> instructions =
      emitInstructions(op, getConsecutiveRegisters(op));
  if (failed(shape) || failed(instructions))
    return failure();

  unsigned numOperands = op->getNumOperands();
  SmallVector<ArrayRef<Scalar>> operands;
  for (mlir::Value operand : op->getOperands())
    operands.push_back(frame.getTensor(operand).getData());
  SmallVector<Tensor> results;
  for (Type type : op->getResultTypes())
    results.emplace_back(*shape, getElementTypeOrSelf(type));

  std::vector<Scalar> registers(numOperands + op->getNumResults());
  int64_t count = ShapedType::getNumElements(*shape);
  for (int64_t element = 0; element < count; ++element) {
    for (unsigned i = 0; i < numOperands; ++i)
      registers[i] = operands[i][operands[i].size() == 1 ? 0 : element];
    for (const Instruction &instruction : *instructions)
      if (!instruction.kernel(instruction, registers.data()))
        return emitUndefined(instruction, registers);
    for (auto [i, result] : llvm::enumerate(results))
      result.getMutableData()[element] = registers[numOperands + i];
  }
  for (auto [result, tensor] : llvm::zip_equal(op->getResults(), results))
    frame.set(result, std::move(tensor));
  return success();
}

} // namespace mlir::qfmt::reference
