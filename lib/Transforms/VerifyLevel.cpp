// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks the rules of a level that upstream verifiers do not know
// (docs/spec.md, C40 to C49). Changes nothing. Every rule is one function from
// an operation to the complaint about it.

#include "BlockMoves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_VERIFYLEVEL
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

static bool hasEncoded(TypeRange types) {
  return llvm::any_of(types, EncodedTensorType::isEncoded);
}

/// The first encoded operand or result type.
static Type getEncoded(Operation *op) {
  for (Type type : op->getOperandTypes())
    if (EncodedTensorType::isEncoded(type))
      return type;
  for (Type type : op->getResultTypes())
    if (EncodedTensorType::isEncoded(type))
      return type;
  return nullptr;
}

static bool isFromQFmt(Operation *op) {
  return isa_and_nonnull<QFmtDialect>(op->getDialect());
}

/// Computes on plain scalars and tensors, as arith does: of every level that
/// has its types.
static bool isArithmetic(Operation *op) {
  return isa<LMulOp, LookupOp, SharpnessOp>(op);
}

//===----------------------------------------------------------------------===//
// Level encoded
//===----------------------------------------------------------------------===//

/// (C41) linalg reads encoded tensors through `ins` only; (C46) transposition
/// moves them.
static LogicalResult verifyLinalg(linalg::LinalgOp op) {
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op.getOperation())) {
    Type input = transpose.getInput().getType();
    Type init = transpose.getInit().getType();
    if (cast<RankedTensorType>(input).getEncoding() ==
        cast<RankedTensorType>(init).getEncoding())
      return EncodedTensorType::isEncoded(input) ? verifyBlockMove(op)
                                                 : success();
    return op.emitOpError() << "moves " << input << " into " << init
                            << "; use qfmt.convert to change the encoding";
  }
  for (OpOperand &init : op.getDpsInitsMutable())
    if (EncodedTensorType::isEncoded(init.get().getType()))
      return op.emitOpError()
             << "writes to an encoded tensor through 'outs' ("
             << init.get().getType()
             << "); compute in the logical type and follow with qfmt.quantize";
  return success();
}

/// (C44) Encodings change by qfmt.convert only.
static LogicalResult verifyCast(Operation *op) {
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  auto source = EncodedTensorType::get(from),
       result = EncodedTensorType::get(to);
  if (source && result && source.getFormat() == result.getFormat())
    return success();
  return op->emitOpError() << "casts between " << from << " and " << to
                           << ", which would read codes as numbers; use "
                              "qfmt.quantize, qfmt.convert or qfmt.dequantize";
}

/// (C46) The padding value has a code.
static LogicalResult verifyPad(tensor::PadOp op) {
  auto encoded = EncodedTensorType::get(op.getSourceType());
  Value value = op.getConstantPaddingValue();
  FloatAttr padding;
  if (!value || !matchPattern(value, m_Constant(&padding)))
    return op.emitOpError() << "pads an encoded tensor with a value that is no "
                               "constant; dequantize first";
  if (!encoded.getFormat().isStatic() ||
      !encoded.getFormat().canRepresent(padding.getValueAsDouble(),
                                        encoded.getLogicalElementType()))
    return op.emitOpError()
           << "pads with " << padding << ", for which " << encoded.getFormat()
           << " has no code; dequantize first";
  return success();
}

static LogicalResult verifyMove(Operation *op) {
  if (!hasEncoded(op->getOperandTypes()) || !hasEncoded(op->getResultTypes()))
    return op->emitOpError()
           << "moves between an encoded and a plain tensor; use qfmt.quantize "
              "or qfmt.dequantize";
  if (auto pad = dyn_cast<tensor::PadOp>(op))
    return verifyPad(pad);
  return verifyBlockMove(op);
}

/// (C40) to (C47): what may be done with a value of encoded type.
static LogicalResult verifyEncodedOp(Operation *op) {
  if (isa<ObserveOp>(op))
    return op->emitOpError() << "belongs to level observed; run qfmt-quantize";
  // (C43) holds for qfmt's arithmetic, too: an encoded tensor of f32 is one.
  if ((isFromQFmt(op) && !isArithmetic(op)) || !getEncoded(op))
    return success();
  if (isa<FunctionOpInterface, CallOpInterface>(op) ||
      isa_and_nonnull<func::FuncDialect, scf::SCFDialect,
                      cf::ControlFlowDialect>(op->getDialect()))
    return success();
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return verifyLinalg(linalgOp);
  if (isa<tensor::CastOp>(op))
    return verifyCast(op);
  if (isa<tensor::ExtractSliceOp, tensor::InsertSliceOp, tensor::PadOp,
          tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::ConcatOp>(op))
    return verifyMove(op);
  if (isa<tensor::DimOp>(op))
    return success();
  // A shape to transpose into, without codes.
  if (isa<tensor::EmptyOp>(op) &&
      llvm::all_of(op->getUsers(), llvm::IsaPred<linalg::TransposeOp>))
    return success();
  // (C42)
  if (isa<arith::ConstantOp>(op))
    return op->emitOpError()
           << "makes a constant of encoded type " << getEncoded(op)
           << "; use qfmt.assemble on constant constituents";
  if (isa<arith::SelectOp>(op) &&
      !EncodedTensorType::isEncoded(op->getOperand(0).getType()))
    return success();
  // (C43)
  if (isa_and_nonnull<bufferization::BufferizationDialect>(op->getDialect()))
    return op->emitOpError()
           << "bufferizes the encoded tensor " << getEncoded(op)
           << ", which would drop its encoding; run "
              "qfmt-decompose first";
  return op->emitOpError()
         << "computes on the codes of " << getEncoded(op)
         << "; read it with qfmt.dequantize or through 'ins' of a linalg op";
}

//===----------------------------------------------------------------------===//
// The other levels
//===----------------------------------------------------------------------===//

static bool isFloatLike(Type type) {
  if (EncodedTensorType::isEncoded(type))
    return false;
  return isa<FloatType>(getElementTypeOrSelf(type));
}

/// (C48) Apart from encodings, only integers.
static LogicalResult verifyIntegerOp(Operation *op) {
  if (failed(verifyEncodedOp(op)))
    return failure();
  // Wrappers for callers that hold floats are not part of the level.
  for (Operation *parent = op; parent; parent = parent->getParentOp())
    if (parent->hasAttr(QFmtDialect::kFloatWrapperAttr))
      return success();
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      if (isFloatLike(type))
        return op->emitOpError() << "has the float type " << type
                                 << " at level integer; run qfmt-integerize";
  return success();
}

/// No operand, result or signature is encoded at the level named.
static LogicalResult verifyNothingEncoded(Operation *op, StringRef level,
                                          StringRef remedy) {
  if (auto function = dyn_cast<FunctionOpInterface>(op))
    if (containsEncodedTensor(function.getFunctionType()))
      return op->emitOpError() << "has an encoded type in its signature at "
                                  "level "
                               << level << "; " << remedy;
  if (Type type = getEncoded(op))
    return op->emitOpError() << "has the encoded type " << type << " at level "
                             << level << "; " << remedy;
  return success();
}

/// (C40) At levels real and observed there are no encodings.
static LogicalResult verifyRealOp(Operation *op, bool allowObserve) {
  StringRef level = allowObserve ? "observed" : "real";
  if (isFromQFmt(op) && !isArithmetic(op) &&
      !(allowObserve && isa<ObserveOp>(op)))
    return op->emitOpError() << "does not belong to level " << level;
  return verifyNothingEncoded(op, level, "use qfmt.dequantize");
}

/// (C49) After decomposition nothing is encoded.
static LogicalResult verifyConstituentsOp(Operation *op) {
  if (isFromQFmt(op) && !isArithmetic(op) &&
      !isa<DyadicScaleOp, PackOp, UnpackOp>(op))
    return op->emitOpError()
           << "does not belong to level constituents; run qfmt-decompose";
  return verifyNothingEncoded(op, "constituents", "run qfmt-decompose");
}

static LogicalResult verifyOp(Operation *op, Level level) {
  switch (level) {
  case Level::Real:
    return verifyRealOp(op, /*allowObserve=*/false);
  case Level::Observed:
    return verifyRealOp(op, /*allowObserve=*/true);
  case Level::Encoded:
    return verifyEncodedOp(op);
  case Level::Integer:
    return verifyIntegerOp(op);
  case Level::Constituents:
    return verifyConstituentsOp(op);
  }
  return success();
}

namespace {
struct VerifyLevelPass : qfmt::impl::VerifyLevelBase<VerifyLevelPass> {
  using Base::Base;

  void runOnOperation() override {
    bool valid = true;
    getOperation()->walk<WalkOrder::PreOrder>(
        [&](Operation *op) { valid &= succeeded(verifyOp(op, level)); });
    if (!valid)
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
