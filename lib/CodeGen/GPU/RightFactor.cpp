// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RightFactor.h"
#include "MmaFragments.h"
#include "RingTile.h"

namespace mlir::qfmt {

static int64_t getCodeBytes(kernel::ProductOp op) {
  return cast<ShapedType>(op.getRhs().getType()).getElementTypeBitWidth() / 8;
}

Value emitPlane(KernelBuilder &b, Value first, Value second, bool isUpper) {
  return b.selectBytes(first, second, isUpper ? 0x7531 : 0x6420);
}

RightFactor::RightFactor(KernelBuilder &b, kernel::ProductOp op,
                         const BlockShape &shape)
    : op(op), shape(shape), isByTerms(op.getByTerms()),
      codeBytes(getCodeBytes(op)), terms(op.getNumTerms()), partTerms(0),
      buffer(b, op.getRhs()) {
  buffer.readAsBytes(b);
}

int64_t RightFactor::getBytes(kernel::ProductOp op, const BlockShape &shape,
                              int64_t partTerms) {
  if (!op.getByTerms())
    return SharedCopy::getBytes(shape.getColumns());
  int64_t panels =
      llvm::divideCeil(shape.getColumns() * getCodeBytes(op), kRowBytes);
  return panels * SharedCopy::getBytes(partTerms);
}

/// Of columns of a row of terms in shared memory.
int64_t RightFactor::getRowBytes() const {
  return std::min(kRowBytes, shape.getColumns() * codeBytes);
}

int64_t RightFactor::getPanels() const {
  return shape.getColumns() * codeBytes / getRowBytes();
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

FragmentShape RightFactor::getRun() const {
  if (!isByTerms)
    return shape.fragments;
  // 16 bytes of a row.
  return {shape.fragments.rows, codeBytes == 1 ? 2 : 1};
}

std::pair<int64_t, int64_t> RightFactor::getPlace(int64_t run,
                                                  int64_t column) const {
  int64_t firstTile = run * getRun().columns;
  // Bytes: columns are those of two tiles by turns.
  if (isByTerms && codeBytes == 1)
    return {firstTile + column % 2, column / 2};
  return {firstTile + column / 2, column % 2};
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

void RightFactor::enter(KernelBuilder &b) { buffer.enter(b); }

void RightFactor::begin(KernelBuilder &b, const BlockPlace &place,
                        int64_t termsOfPart) {
  partTerms = termsOfPart;
  batch = buffer.select(b, place.batch);
  firstColumn = place.column;
  copies.clear();
  SharedCopy::Shape part;
  part.bits = op.getRhsBits() == 4 ? 4 : 8;
  if (isByTerms) {
    // Parts behind the last one are asked for, too.
    part.numRows = b.i32(terms);
    part.numTerms = op.getNumColumns() * codeBytes;
    part.rows = partTerms;
    part.terms = getRowBytes();
    copies.append(getPanels(),
                  SharedCopy(*batch, part, Swizzle{codeBytes == 1 ? 4 : 2},
                             shape.getThreads()));
    for (SharedCopy &copy : copies)
      copy.begin(b, place.thread, b.i32(0));
    placeTerms(b, place);
    return;
  }
  part.numRows = place.hasAllColumns ? Value() : b.i32(op.getNumColumns());
  part.numTerms = terms * codeBytes;
  part.rows = shape.getColumns();
  part.terms = partTerms * codeBytes;
  copies.append(1, SharedCopy(*batch, part,
                              Swizzle{shape.fragments.getNumColumns()},
                              shape.getThreads()));
  copies.front().begin(b, place.thread, firstColumn);
  placeColumns(b, place);
}

void RightFactor::emitCopies(KernelBuilder &b, Value firstTerm, Value shared) {
  if (!isByTerms)
    return copies.front().emit(b, b.mul(firstTerm, codeBytes), shared);
  for (auto [panel, copy] : llvm::enumerate(copies)) {
    copy.setFirstRow(firstTerm);
    copy.emit(b, b.add(b.mul(firstColumn, codeBytes), panel * kRowBytes),
              b.advance(shared, panel * SharedCopy::getBytes(partTerms)));
  }
}

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

/// Matrices are 8 columns and 16 bytes of their terms: bytes, the two of a tile
/// and those of the next one; 16 bits, the four of a tile.
void RightFactor::placeColumns(KernelBuilder &b, const BlockPlace &place) {
  Value inMatrix = b.rem(place.lane, kMatrixRows);
  Value matrix = b.div(place.lane, kMatrixRows);
  Value tile = codeBytes == 1 ? b.div(matrix, 2) : b.i32(0);
  Value inTile = codeBytes == 1 ? b.rem(matrix, 2) : matrix;
  Value column =
      b.add(b.mul(b.div(inMatrix, 2), shape.fragments.getNumColumns()),
            b.add(b.rem(inMatrix, 2), b.mul(tile, 2)));
  row = b.mul(b.add(b.mul(place.warpColumn, shape.getWarpColumns()), column),
              kRowBytes);
  piece = b.mul(b.bitXor(inTile, inMatrix), kPieceBytes);
}

/// Matrices are 8 terms, those of the file comment, and 16 bytes of columns.
void RightFactor::placeTerms(KernelBuilder &b, const BlockPlace &place) {
  Value inMatrix = b.rem(place.lane, kMatrixRows);
  Value matrix = b.div(place.lane, kMatrixRows);
  Value term = place.lane;
  if (codeBytes == 1)
    term = b.add(b.add(b.mul(b.div(matrix, 2), 16), b.mul(b.rem(matrix, 2), 2)),
                 b.add(b.mul(b.div(inMatrix, 2), 4), b.rem(inMatrix, 2)));
  Value first =
      b.mul(place.warpColumn, shape.getWarpColumns() * codeBytes / kPieceBytes);
  Value panel = b.div(first, kPiecesPerRow);
  row = b.add(b.mul(term, kRowBytes),
              b.mul(panel, SharedCopy::getBytes(partTerms)));
  piece = b.mul(b.bitXor(b.rem(first, kPiecesPerRow), inMatrix), kPieceBytes);
}

void RightFactor::emitLoads(KernelBuilder &b, Value shared, int64_t step,
                            SmallVectorImpl<Value> &registers) {
  int64_t stepRow = isByTerms ? step * kStepTerms * kRowBytes : 0;
  int64_t stepBytes = isByTerms ? 0 : step * kStepTerms * codeBytes;
  Value stepShared = b.advance(b.advance(shared, row), stepRow);
  // Four matrices are two tiles of bytes, or one of 16 bits.
  int64_t numLoads = shape.fragments.columns * codeBytes / 2;
  for (int64_t i = 0; i < numLoads; ++i) {
    int64_t turn = isByTerms ? i * kPieceBytes : stepBytes;
    Value address = b.advance(stepShared, b.bitXor(piece, turn));
    // Two columns of each thread belong to a tile.
    int64_t columns = isByTerms ? 0 : i * 4 / codeBytes;
    emitMatrices(b, b.advance(address, columns * kRowBytes), isByTerms,
                 registers);
  }
}

SmallVector<Value, 2> RightFactor::emitRegisters(KernelBuilder &b,
                                                 ArrayRef<Value> loaded,
                                                 int64_t tile,
                                                 int64_t plane) const {
  if (codeBytes == 1 && !isByTerms)
    return {loaded[2 * tile], loaded[2 * tile + 1]};
  bool isUpper = codeBytes == 1 ? tile % 2 == 1 : plane == 1;
  ArrayRef<Value> four = loaded.slice(tile * codeBytes / 2 * 4, 4);
  return {emitPlane(b, four[0], four[1], isUpper),
          emitPlane(b, four[2], four[3], isUpper)};
}

} // namespace mlir::qfmt
