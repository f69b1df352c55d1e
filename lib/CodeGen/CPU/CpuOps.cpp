// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::qfmt::cpu;
using bufferization::AliasingValueList;
using bufferization::AnalysisState;

#include "qfmt/CodeGen/CPU/CpuDialect.cpp.inc"

#define GET_OP_CLASSES
#include "qfmt/CodeGen/CPU/CpuOps.cpp.inc"

void QFmtCpuDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "qfmt/CodeGen/CPU/CpuOps.cpp.inc"
      >();
}

LogicalResult DotOp::verify() {
  auto factors = cast<VectorType>(getLhs().getType());
  int64_t sums = cast<VectorType>(getResult().getType()).getNumElements();
  int64_t terms = factors.getElementType().isInteger(8) ? 4 : 2;
  if (factors.getNumElements() == sums * terms)
    return success();
  return emitOpError() << "needs " << terms << " factors of "
                       << factors.getElementType() << " for each of " << sums
                       << " sums, found " << factors.getNumElements();
}

LogicalResult TileProductOp::verify() {
  auto sums = cast<ShapedType>(getSums().getType());
  for (int64_t size : sums.getShape())
    if (size != 16 && size != 32)
      return emitOpError() << "computes 16 or 32 rows and columns, found "
                           << getSums().getType();
  auto verifyTiles = [&](Value value) -> LogicalResult {
    auto type = cast<ShapedType>(value.getType());
    if (type.getRank() == 4 &&
        type.getShape().drop_front(2) != ArrayRef<int64_t>{16, 64})
      return emitOpError() << "needs tiles of 16 x 64 bytes, found " << type;
    return success();
  };
  if (failed(verifyTiles(getLhs())) || failed(verifyTiles(getRhs())))
    return failure();
  bool isTensor = isa<TensorType>(getSums().getType());
  if (isa<TensorType>(getLhs().getType()) != isTensor ||
      isa<TensorType>(getRhs().getType()) != isTensor)
    return emitOpError() << "works on tensors or on buffers, found both";
  if (isTensor != (getNumResults() == 1) ||
      (isTensor && getResult().getType() != getSums().getType()))
    return emitOpError() << "has a result of the type of the sums on tensors, "
                            "and none on buffers";
  return success();
}

void TileProductOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (hasPureTensorSemantics())
    return;
  auto *memory = SideEffects::DefaultResource::get();
  effects.emplace_back(MemoryEffects::Read::get(), &getLhsMutable(), memory);
  effects.emplace_back(MemoryEffects::Read::get(), &getRhsMutable(), memory);
  if (getAdded())
    effects.emplace_back(MemoryEffects::Read::get(), &getSumsMutable(), memory);
  effects.emplace_back(MemoryEffects::Write::get(), &getSumsMutable(), memory);
}

bool TileProductOp::bufferizesToMemoryRead(OpOperand &operand,
                                           const AnalysisState &state) {
  return !isDpsInit(&operand) || getAdded();
}

bool TileProductOp::bufferizesToMemoryWrite(OpOperand &operand,
                                            const AnalysisState &state) {
  return isDpsInit(&operand);
}

AliasingValueList TileProductOp::getAliasingValues(OpOperand &operand,
                                                   const AnalysisState &state) {
  if (isDpsInit(&operand))
    return {{getResult(), bufferization::BufferRelation::Equivalent}};
  return {};
}

LogicalResult
TileProductOp::bufferize(RewriterBase &rewriter,
                         const bufferization::BufferizationOptions &options,
                         bufferization::BufferizationState &state) {
  SmallVector<Value> buffers;
  for (Value value : {getLhs(), getRhs(), getSums()}) {
    FailureOr<Value> buffer =
        bufferization::getBuffer(rewriter, value, options, state);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  TileProductOp::create(rewriter, getLoc(), Type(), buffers[0], getLhsRow(),
                        getLhsTerm(), buffers[1], getRhsBlock(), getRhsStep(),
                        getSteps(), buffers[2], getIsLhsUnsigned(), getAdded());
  bufferization::replaceOpWithBufferizedValues(rewriter, *this, buffers[2]);
  return success();
}
