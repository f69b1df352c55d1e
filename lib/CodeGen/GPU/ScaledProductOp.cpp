// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FewBitCodes.h"
#include "KernelOps.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"

using namespace mlir;
using namespace mlir::qfmt;
using namespace mlir::qfmt::kernel;
using bufferization::AliasingValueList;
using bufferization::AnalysisState;

static ShapedType getShaped(Value value) {
  return cast<ShapedType>(value.getType());
}

SmallVector<AffineMap> ScaledProductOp::getExtraMaps() {
  return llvm::map_to_vector(getMaps().getAsRange<AffineMapAttr>(),
                             [](AffineMapAttr map) { return map.getValue(); });
}

int64_t ScaledProductOp::getNumRows() {
  return getShaped(getOut()).getDimSize(0);
}

int64_t ScaledProductOp::getNumColumns() {
  return getShaped(getOut()).getDimSize(1);
}

int64_t ScaledProductOp::getNumGroups() {
  return getShaped(getLhs()).getDimSize(1);
}

int64_t ScaledProductOp::getGroupTerms() {
  return getShaped(getLhs()).getDimSize(2);
}

bool ScaledProductOp::hasFloats() {
  return isa<FloatType>(getShaped(getLhs()).getElementType());
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

static bool hasShape(Value value, ArrayRef<int64_t> shape) {
  return getShaped(value).getShape() == shape;
}

static LogicalResult verifyCodes(ScaledProductOp op) {
  int64_t bits = op.getBits();
  if (bits != 2 && bits != 4 && bits != 8)
    return op.emitOpError() << "has codes of 2, 4 or 8 bits, found " << bits;
  std::optional<ArrayRef<float>> table = op.getTable();
  if (table && (bits != 4 || table->size() > 16 || table->empty()))
    return op.emitOpError()
           << "looks up codes of 4 bits, found a table of " << table->size()
           << " entries for codes of " << bits << " bits";
  if (table && llvm::any_of(*table, [&](float entry) {
        return entry != std::trunc(entry) || entry < -128 || entry > 127;
      }))
    return op.emitOpError("needs a table of integers of 8 bits");
  return success();
}

static LogicalResult verifySizes(ScaledProductOp op) {
  ShapedType lhs = getShaped(op.getLhs()), out = getShaped(op.getOut());
  if (lhs.getRank() != 3 ||
      ShapedType::isDynamicShape(lhs.getShape().drop_front()) ||
      lhs.getDimSize(2) < kChunkTerms || lhs.getDimSize(2) % kChunkTerms != 0)
    return op.emitOpError() << "needs rows of groups of a multiple of "
                            << kChunkTerms << " terms, found " << lhs;
  if (out.getRank() != 2 || ShapedType::isDynamic(out.getDimSize(1)))
    return op.emitOpError() << "needs to know its columns, found " << out;
  FewBitLayout layout{int64_t(op.getBits()), bool(op.getTable()),
                      op.hasFloats(), op.getNumGroups(), op.getGroupTerms()};
  int64_t strips = llvm::divideCeil(out.getDimSize(1), kStripColumns);
  if (!hasShape(op.getCodes(),
                {strips, layout.getNumTiles(), kWarpLanes, kLaneWords}))
    return op.emitOpError() << "needs codes of " << strips << " strips and "
                            << layout.getNumTiles() << " tiles, found "
                            << op.getCodes().getType();
  if (Value scales = op.getColumnScales())
    if (!hasShape(scales, {strips, op.getNumGroups(), kStripColumns}))
      return op.emitOpError()
             << "needs scales of " << strips << " strips and "
             << op.getNumGroups() << " groups, found " << scales.getType();
  if (Value scales = op.getRowScales())
    if (!hasShape(scales, {lhs.getDimSize(0), op.getNumGroups()}))
      return op.emitOpError()
             << "needs a row's scales for " << op.getNumGroups()
             << " groups, found " << scales.getType();
  return success();
}

LogicalResult ScaledProductOp::verify() {
  if (failed(verifyKernelOp(*this, getExtras(), getExtraMaps())) ||
      failed(verifyCodes(*this)))
    return failure();
  return verifySizes(*this);
}

LogicalResult ScaledProductOp::verifyRegions() {
  if (failed(verifyKernelBody(*this, getBlock(), getExtras())))
    return failure();
  Type type = getBlock().getArgument(0).getType();
  bool isFloat = hasFloats() || hasScales();
  if (isFloat ? !type.isF32() : !type.isInteger(32))
    return emitOpError() << "has sums of " << (isFloat ? "f32" : "i32")
                         << ", found " << type;
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void ScaledProductOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  getKernelEffects(*this, effects);
}

bool ScaledProductOp::bufferizesToMemoryRead(OpOperand &operand,
                                             const AnalysisState &state) {
  return !isDpsInit(&operand);
}

bool ScaledProductOp::bufferizesToMemoryWrite(OpOperand &operand,
                                              const AnalysisState &state) {
  return isDpsInit(&operand);
}

AliasingValueList
ScaledProductOp::getAliasingValues(OpOperand &operand,
                                   const AnalysisState &state) {
  if (isDpsInit(&operand))
    return {{getResult(), bufferization::BufferRelation::Equivalent}};
  return {};
}

LogicalResult
ScaledProductOp::bufferize(RewriterBase &rewriter,
                           const bufferization::BufferizationOptions &options,
                           bufferization::BufferizationState &state) {
  return bufferizeKernelOp(*this, rewriter, options, state);
}
