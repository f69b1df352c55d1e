// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers and builders of the qfmt operations. Labels (C..) are those of
// docs/spec.md. Folders are in QFmtFolds.cpp.

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

#define GET_OP_CLASSES
#include "qfmt/IR/QFmtOps.cpp.inc"

/// (C20) Shape and logical type stay the same.
static LogicalResult verifySameLogicalType(Operation *op,
                                           RankedTensorType plain,
                                           RankedTensorType encoded) {
  RankedTensorType logical = EncodedTensorType::get(encoded).getLogicalType();
  if (plain != logical)
    return op->emitOpError()
           << "needs the same shape and logical type on both sides, found "
           << plain << " and " << logical;
  return success();
}

/// (C21) Only integers wrap around.
template <typename OpT>
static LogicalResult verifyOverflow(OpT op) {
  if (op.getOverflow() != OverflowMode::Wrap)
    return success();
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  Constituent payload = encoded.getConstituents().front();
  if (isIntegerFormat(cast<NumberFormat>(payload.format)))
    return success();
  return op.emitOpError() << "overflow = wrap needs an integer format, found "
                          << payload.format << "; use saturate or infinity";
}

/// (C22) floor_log2 says nothing of zero points.
template <typename OpT>
static LogicalResult verifyScaleRule(OpT op) {
  if (op.getScaleRule() != ScaleRule::FloorLog2)
    return success();
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  for (const Constituent &part : encoded.getConstituents())
    if (part.name == "zero_point")
      return op.emitOpError()
             << "scale_rule = floor_log2 defines no zero point, but that of "
             << encoded.getType() << " is computed at run time; use absmax";
  return success();
}

LogicalResult QuantizeOp::verify() {
  if (failed(verifySameLogicalType(*this, getInput().getType(),
                                   getResult().getType())) ||
      failed(verifyOverflow(*this)))
    return failure();
  return verifyScaleRule(*this);
}

LogicalResult DequantizeOp::verify() {
  return verifySameLogicalType(*this, getResult().getType(),
                               getInput().getType());
}

LogicalResult ConvertOp::verify() {
  auto source = EncodedTensorType::get(getInput().getType());
  if (failed(verifySameLogicalType(*this, source.getLogicalType(),
                                   getResult().getType())) ||
      failed(verifyOverflow(*this)))
    return failure();
  return verifyScaleRule(*this);
}

/// (C25) Constituents have the number, order and types that the encoding says.
static LogicalResult verifyConstituents(Operation *op, RankedTensorType encoded,
                                        TypeRange found) {
  SmallVector<Constituent> parts =
      EncodedTensorType::get(encoded).getConstituents();
  if (parts.size() != found.size()) {
    InFlightDiagnostic diag = op->emitOpError()
                              << "needs " << parts.size() << " constituents (";
    llvm::interleaveComma(parts, diag,
                          [&](const Constituent &part) { diag << part.name; });
    return diag << ") for " << encoded << ", found " << found.size();
  }
  for (auto [part, type] : llvm::zip(parts, found))
    if (part.type != type)
      return op->emitOpError() << "constituent '" << part.name << "' must be "
                               << part.type << ", found " << type;
  return success();
}

LogicalResult AssembleOp::verify() {
  return verifyConstituents(*this, getResult().getType(),
                            getConstituents().getTypes());
}

void ConstituentsOp::build(OpBuilder &builder, OperationState &state,
                           Value input) {
  build(builder, state,
        EncodedTensorType::get(input.getType()).getConstituentTypes(), input);
}

LogicalResult ConstituentsOp::verify() {
  return verifyConstituents(*this, getInput().getType(),
                            getConstituents().getTypes());
}

LogicalResult DyadicScaleOp::verify() {
  // (C30) The product is computed in 64 bits.
  for (Value operand : getOperands())
    if (!getElementTypeOrSelf(operand.getType()).isInteger() ||
        getElementTypeOrSelf(operand.getType()).getIntOrFloatBitWidth() > 64)
      return emitOpError() << "operands are integers of at most 64 bits, found "
                           << operand.getType();
  Type result = getElementTypeOrSelf(getResult().getType());
  if (!result.isInteger() || result.getIntOrFloatBitWidth() > 64)
    return emitOpError()
           << "the result is an integer of at most 64 bits, found " << result;
  return success();
}
