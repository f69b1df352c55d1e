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
  if (getHasNarrowPairs() &&
      (terms != 4 || getIsLhsSigned() || (sums != 8 && sums != 16)))
    return emitOpError() << "has narrow pairs only of unsigned bytes, for 8 or "
                            "16 sums";
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
    if (type.getRank() == 3 && type.getDimSize(2) != 64)
      return emitOpError() << "needs rows of 64 bytes, found " << type;
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

int64_t UnpackIntegersOp::getNumGroups() {
  auto type = cast<ShapedType>(getResult().getType());
  return type.getRank() == 3 ? type.getDimSize(1) : 1;
}

std::pair<int64_t, int64_t> UnpackIntegersOp::getRange() {
  int64_t offset = getOffset();
  if (std::optional<ArrayRef<int64_t>> table = getTable())
    return {*llvm::min_element(*table) + offset,
            *llvm::max_element(*table) + offset};
  // What groups add makes signed bytes of codes.
  if (getGroups())
    return {-128, 127};
  return {offset, offset + (int64_t(1) << getBits()) - 1};
}

static LogicalResult verifyTable(UnpackIntegersOp op, ArrayRef<int64_t> table) {
  int64_t codes = int64_t(1) << op.getBits(), size = table.size();
  bool hasTables = op.getGroups() && size % codes == 0 && size >= codes;
  constexpr int64_t kMaxEntries = 64;
  if (size != codes && !(hasTables && size <= kMaxEntries))
    return op.emitOpError()
           << "needs a table of " << codes << " entries, found " << size;
  if (llvm::any_of(table,
                   [](int64_t entry) { return entry < 0 || entry > 255; }))
    return op.emitOpError("has an entry of the table that is no unsigned byte");
  return success();
}

LogicalResult UnpackIntegersOp::verify() {
  auto packed = cast<RankedTensorType>(getPacked().getType());
  auto type = cast<RankedTensorType>(getResult().getType());
  int64_t bits = getBits();
  if (bits != 2 && bits != 4 && bits != 8)
    return emitOpError() << "reads codes of 2, 4 or 8 bits, found " << bits;
  if (!packed.hasStaticShape() || !type.hasStaticShape())
    return emitOpError() << "needs static shapes, found " << packed << " to "
                         << type;
  int64_t blocks = llvm::divideCeil(type.getDimSize(0), 16);
  int64_t terms = type.getShape().back();
  auto verifyShape = [&](StringRef what, RankedTensorType found,
                         ArrayRef<int64_t> expected) -> LogicalResult {
    if (found.getShape() == expected)
      return success();
    return emitOpError() << "of " << type << " in " << bits << " bits needs "
                         << what << " of "
                         << RankedTensorType::get(expected,
                                                  found.getElementType())
                         << ", found " << found;
  };
  if (failed(verifyShape("a packed tensor", packed,
                         {blocks, getNumGroups(),
                          int64_t(llvm::divideCeil(terms, 32 / bits)), 64})) ||
      (getGroups() &&
       failed(verifyShape("groups",
                          cast<RankedTensorType>(getGroups().getType()),
                          {blocks, getNumGroups(), 16}))))
    return failure();
  if (getTable() && failed(verifyTable(*this, *getTable())))
    return failure();
  auto [least, greatest] = getRange();
  if (least < -128 || greatest > 127)
    return emitOpError() << "has integers of " << least << " to " << greatest
                         << ", which are no signed bytes";
  return success();
}

LogicalResult UnpackScalesOp::verify() {
  auto packed = cast<RankedTensorType>(getPacked().getType());
  auto type = cast<RankedTensorType>(getResult().getType());
  if (!packed.hasStaticShape() || !type.hasStaticShape())
    return emitOpError() << "needs static shapes, found " << packed << " to "
                         << type;
  const SmallVector<int64_t> expected{
      int64_t(llvm::divideCeil(type.getDimSize(1), 16)), type.getDimSize(0),
      16};
  if (packed.getShape() != ArrayRef(expected))
    return emitOpError() << "of " << type << " needs a packed tensor of "
                         << RankedTensorType::get(expected,
                                                  packed.getElementType())
                         << ", found " << packed;
  int64_t width = packed.getElementTypeBitWidth();
  int64_t shift = getShift(), exponent = getExponent();
  if (shift < 0 || shift + width > 32 || exponent < 0 || exponent > 254)
    return emitOpError() << "cannot shift " << width << " bits by " << shift
                         << " and add " << exponent
                         << " to the exponent of f32";
  return success();
}
