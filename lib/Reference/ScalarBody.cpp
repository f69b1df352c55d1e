// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ScalarBody.h"
#include "Handlers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

SmallVector<unsigned> getConsecutiveRegisters(Operation *op) {
  return llvm::to_vector(
      llvm::seq<unsigned>(0, op->getNumOperands() + op->getNumResults()));
}

static unsigned getShift(Type type) {
  return isa<FloatType>(type) ? 0 : 64 - getElementWidth(type);
}

/// Fills in registers and types.
static Instruction makeInstruction(Operation *op, unsigned result,
                                   ArrayRef<unsigned> registers) {
  Instruction instruction;
  instruction.op = op;
  ArrayRef<unsigned> operands = registers.take_front(op->getNumOperands());
  llvm::copy(operands.take_front(3), instruction.operands);
  if (operands.size() > 3)
    instruction.moreOperands.assign(operands.begin(), operands.end());
  instruction.result = registers[op->getNumOperands() + result];
  if (op->getNumOperands())
    instruction.operandType = getElementTypeOrSelf(op->getOperand(0).getType());
  instruction.resultType =
      getElementTypeOrSelf(op->getResult(result).getType());
  return instruction;
}

FailureOr<SmallVector<Instruction>>
emitInstructions(Operation *op, ArrayRef<unsigned> registers) {
  ScalarEmitter emitter = getHandlerTable().lookupScalar(op);
  assert(emitter && "not a scalar operation");
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      if (isa<VectorType>(type) ||
          !isSupportedElementType(getElementTypeOrSelf(type)))
        return op->emitOpError() << "has no reference semantics on " << type;
  SmallVector<Instruction> instructions;
  for (unsigned result = 0; result < op->getNumResults(); ++result) {
    Instruction instruction = makeInstruction(op, result, registers);
    if (instruction.operandType)
      instruction.operandShift = getShift(instruction.operandType);
    instruction.resultShift = getShift(instruction.resultType);
    if (failed(emitter(op, result, instruction)))
      return op->emitOpError() << "has no reference semantics in this form";
    instructions.push_back(std::move(instruction));
  }
  return instructions;
}

static void printScalar(InFlightDiagnostic &diag, Scalar value, Type type) {
  if (isa<FloatType>(type))
    diag << value.real;
  else
    diag << value.integer;
}

LogicalResult emitUndefined(const Instruction &instruction,
                            ArrayRef<Scalar> registers) {
  Operation *op = instruction.op;
  InFlightDiagnostic diag = op->emitOpError() << instruction.undefined;
  StringRef separator = "; found operands ";
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    if (isa<TensorType>(operand.getType()) &&
        instruction.tensor.getElementType())
      continue;
    unsigned source = instruction.moreOperands.empty()
                          ? instruction.operands[i]
                          : instruction.moreOperands[i];
    diag << separator;
    printScalar(diag, registers[source],
                getElementTypeOrSelf(operand.getType()));
    separator = ", ";
  }
  return diag;
}

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

unsigned ScalarBody::addRegister(mlir::Value value) {
  registerOf[value] = registers.size();
  registers.push_back(makeInteger(0));
  return registers.size() - 1;
}

static bool isTensor(mlir::Value value) {
  return isa<TensorType>(value.getType());
}

/// True if all operations are scalar ones whose tensor operands, if any, come
/// from outside.
bool ScalarBody::canFlatten() const {
  const HandlerTable &table = getHandlerTable();
  return llvm::all_of(block->without_terminator(), [&](Operation &op) {
    bool isKnown =
        isa<arith::ConstantOp, linalg::IndexOp>(op) || table.lookupScalar(&op);
    return isKnown && llvm::none_of(op.getResults(), isTensor);
  });
}

FailureOr<unsigned> ScalarBody::lookupOrCapture(mlir::Value value) {
  auto it = registerOf.find(value);
  if (it != registerOf.end())
    return it->second;
  Scalar captured = frame->getScalar(value);
  unsigned result = addRegister(value);
  registers[result] = captured;
  return result;
}

LogicalResult ScalarBody::flatten(Operation &op) {
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    registerOf[index.getResult()] = getIndexRegister(index.getDim());
    hasIndices = true;
    return success();
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Attribute value = constant.getValue();
    if (!isSupportedElementType(constant.getType()))
      return op.emitOpError()
             << "has no reference semantics on " << constant.getType();
    unsigned target = addRegister(constant.getResult());
    if (auto real = dyn_cast<FloatAttr>(value))
      registers[target].real = real.getValueAsDouble();
    else
      registers[target].integer =
          cast<IntegerAttr>(value).getValue().getSExtValue();
    return success();
  }
  SmallVector<unsigned> used;
  Tensor captured;
  for (mlir::Value operand : op.getOperands()) {
    if (EncodedTensorType::isEncoded(operand.getType()))
      return op.emitOpError()
             << "has no reference semantics on the encoded tensor "
             << operand.getType() << "; dequantize it first";
    if (isTensor(operand)) {
      captured = frame->getTensor(operand);
      used.push_back(0);
      continue;
    }
    FailureOr<unsigned> source = lookupOrCapture(operand);
    if (failed(source))
      return failure();
    used.push_back(*source);
  }
  for (mlir::Value result : op.getResults())
    used.push_back(addRegister(result));
  FailureOr<SmallVector<Instruction>> emitted = emitInstructions(&op, used);
  if (failed(emitted))
    return failure();
  for (Instruction &instruction : *emitted) {
    instruction.tensor = captured;
    instructions.push_back(std::move(instruction));
  }
  return success();
}

LogicalResult ScalarBody::flatten() {
  for (Operation &op : block->without_terminator())
    if (failed(flatten(op)))
      return failure();
  for (mlir::Value operand : block->getTerminator()->getOperands()) {
    FailureOr<unsigned> source = lookupOrCapture(operand);
    if (failed(source))
      return failure();
    results.push_back(*source);
  }
  return success();
}

FailureOr<ScalarBody> ScalarBody::resolve(Block &block, unsigned numIndices,
                                          Frame &frame) {
  ScalarBody body(block, numIndices, frame);
  for (BlockArgument argument : block.getArguments())
    body.addRegister(argument);
  body.registers.resize(body.registers.size() + numIndices, makeInteger(0));
  body.isFlat = body.canFlatten();
  if (body.isFlat) {
    if (failed(body.flatten()))
      return failure();
    return body;
  }
  body.hasIndices = true;
  for (mlir::Value operand : block.getTerminator()->getOperands()) {
    (void)operand;
    body.results.push_back(body.registers.size());
    body.registers.push_back(makeInteger(0));
  }
  return body;
}

LogicalResult ScalarBody::interpret() {
  SmallVector<Value> arguments;
  for (auto [i, argument] : llvm::enumerate(block->getArguments()))
    arguments.push_back(Tensor::scalar(argument.getType(), registers[i]));
  SmallVector<int64_t> outerIndex = frame->loopIndex;
  frame->loopIndex.clear();
  for (unsigned i = 0; i < numIndices; ++i)
    frame->loopIndex.push_back(registers[getIndexRegister(i)].integer);
  FailureOr<SmallVector<Value>> yielded =
      frame->runBlock(*block, std::move(arguments));
  frame->loopIndex = outerIndex;
  if (failed(yielded))
    return failure();
  for (auto [target, value] : llvm::zip_equal(results, *yielded))
    registers[target] = value.getTensor()[0];
  return success();
}

} // namespace mlir::qfmt::reference
