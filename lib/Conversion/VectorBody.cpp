//===- VectorBody.cpp - The body of a linalg.generic on vectors -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Conversion/VectorBody.h"
#include "LoopStrides.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::qfmt {

static bool isIntegerDivision(Operation *op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op);
}

bool isVectorizable(Operation &op) {
  if (isa<arith::ConstantOp, linalg::IndexOp>(op))
    return true;
  return OpTrait::hasElementwiseMappableTraits(&op) &&
         !isIntegerDivision(&op) && op.getNumRegions() == 0 &&
         llvm::all_of(op.getResultTypes(), VectorType::isValidElementType);
}

bool hasVectorizableBody(linalg::GenericOp op) {
  // There are no vectors of complex numbers, for example.
  for (Type type : op->getOperandTypes())
    if (!VectorType::isValidElementType(getElementTypeOrSelf(type)))
      return false;
  return llvm::all_of(op.getBody()->without_terminator(), isVectorizable);
}

int64_t getElementBits(linalg::GenericOp op, unsigned loop) {
  int64_t bits = 8;
  for (OpOperand &operand : op->getOpOperands()) {
    if (getLoopStride(op, operand, loop) == 0)
      continue;
    Type element = getElementTypeOrSelf(operand.get().getType());
    bits = std::max<int64_t>(
        bits, element.isIndex() ? 64 : element.getIntOrFloatBitWidth());
  }
  // Codes become accumulators before anything is done with them.
  for (Operation &inner : op.getBody()->without_terminator())
    for (Type type : inner.getResultTypes())
      if (type.isIntOrFloat() && type.getIntOrFloatBitWidth() >= 32)
        bits = std::max<int64_t>(bits, 32);
  return bits;
}

static Value getVector(OpBuilder &b, Value value, int64_t lanes) {
  if (isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(
      b, value.getLoc(), VectorType::get(lanes, value.getType()), value);
}

static void emitVectorOp(OpBuilder &b, Operation &scalar, IRMapping &mapping,
                         int64_t lanes) {
  OperationState state(scalar.getLoc(), scalar.getName());
  for (Value operand : scalar.getOperands())
    state.operands.push_back(
        getVector(b, mapping.lookupOrDefault(operand), lanes));
  for (Type type : scalar.getResultTypes())
    state.types.push_back(VectorType::get(lanes, type));
  state.addAttributes(scalar.getAttrs());
  state.propertiesAttr = scalar.getPropertiesAsAttribute();
  mapping.map(scalar.getResults(), b.create(state)->getResults());
}

void emitVectorized(OpBuilder &b, Operation &op, IRMapping &mapping,
                    int64_t lanes) {
  bool uniform = llvm::none_of(op.getOperands(), [&](Value operand) {
    return isa<VectorType>(mapping.lookupOrDefault(operand).getType());
  });
  if (uniform)
    b.clone(op, mapping);
  else
    emitVectorOp(b, op, mapping, lanes);
}

SmallVector<Value> emitVectorBody(OpBuilder &b, linalg::GenericOp op,
                                  ArrayRef<Value> arguments, int64_t lanes,
                                  function_ref<Value(unsigned)> emitIndex) {
  IRMapping mapping;
  for (auto [argument, value] :
       llvm::zip_equal(op.getBody()->getArguments(), arguments))
    if (value)
      mapping.map(argument, value);
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (auto indexOp = dyn_cast<linalg::IndexOp>(inner)) {
      mapping.map(indexOp.getResult(), emitIndex(indexOp.getDim()));
      continue;
    }
    emitVectorized(b, inner, mapping, lanes);
  }
  SmallVector<Value> results;
  for (Value yielded : op.getBody()->getTerminator()->getOperands())
    results.push_back(getVector(b, mapping.lookupOrDefault(yielded), lanes));
  return results;
}

} // namespace mlir::qfmt
