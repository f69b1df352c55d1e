// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SharedTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::qfmt {

Value Swizzle::emitPhase(KernelBuilder &b, Value row) const {
  Value runs = b.bitAnd(b.div(row, run), 3);
  return b.add(b.bitAnd(row, 1), b.mul(runs, 2));
}

int64_t SharedCopy::getCopyBytes() const {
  return matrix.getAlignment({0}, kPieceBytes);
}

void SharedCopy::begin(KernelBuilder &b, Value thread, Value first) {
  firstRow = first;
  row = b.div(thread, kPiecesPerRow);
  Value piece = b.rem(thread, kPiecesPerRow);
  term = b.mul(piece, kPieceBytes);
  Value phase = swizzle.emitPhase(b, row);
  place =
      b.add(b.mul(row, kRowBytes), b.mul(b.bitXor(piece, phase), kPieceBytes));
  isActive = Value();
  if (shape.terms < kRowBytes)
    isActive = b.isLess(term, shape.terms);
  if (shape.rows < getRowsPerPass())
    isActive = b.both(isActive, b.isLess(row, shape.rows));
}

void SharedCopy::emit(KernelBuilder &b, Value firstTerm, Value shared) {
  Value left =
      b.sub(b.constant(firstTerm, shape.numTerms), b.add(firstTerm, term));
  Value numBytes = b.max(b.min(left, kPieceBytes), 0);
  int64_t passes = llvm::divideCeil(shape.rows, getRowsPerPass());
  b.emitIf(isActive, [&] {
    for (int64_t pass = 0; pass < passes; ++pass)
      emitPiece(b, pass, firstTerm, numBytes, shared);
  });
}

/// Rows of a pass follow those of the one before. The phase is linear and a
/// thread's row is less than the rows of a pass, a power of two.
void SharedCopy::emitPiece(KernelBuilder &b, int64_t pass, Value firstTerm,
                           Value numBytes, Value shared) {
  int64_t passRow = pass * getRowsPerPass();
  int64_t turn = swizzle.getPhase(passRow) * kPieceBytes;
  Value to =
      b.advance(b.advance(shared, b.bitXor(place, turn)), passRow * kRowBytes);
  int64_t copyBytes = getCopyBytes();
  if (copyBytes < 4)
    return emitBytes(b, pass, firstTerm, to);
  Value tileRow = b.add(row, passRow);
  if (shape.numRows) {
    Value isThere = b.isLess(b.add(firstRow, tileRow), shape.numRows);
    numBytes = b.select(isThere, numBytes, b.i32(0));
  }
  Value from =
      matrix.getAddress(b, {b.add(firstRow, tileRow), b.add(firstTerm, term)});
  auto modifier = copyBytes == kPieceBytes ? NVVM::LoadCacheModifierKind::CG
                                           : NVVM::LoadCacheModifierKind::CA;
  for (int64_t byte = 0; byte < kPieceBytes; byte += copyBytes) {
    Value size = numBytes;
    if (copyBytes != kPieceBytes)
      size = b.max(b.min(b.sub(numBytes, byte), copyBytes), 0);
    NVVM::CpAsyncOp::create(b, b.advance(to, byte), b.advance(from, byte),
                            copyBytes, modifier, size);
  }
}

/// Reads an element that is there in place of one that is not.
void SharedCopy::emitBytes(KernelBuilder &b, int64_t pass, Value firstTerm,
                           Value to) {
  Value matrixRow = b.add(b.add(firstRow, row), pass * getRowsPerPass());
  Value isRow;
  if (shape.numRows) {
    isRow = b.isLess(matrixRow, shape.numRows);
    matrixRow = b.min(matrixRow, b.sub(shape.numRows, 1));
  }
  Value zero = arith::ConstantIntOp::create(b, 0, 8);
  Value piece =
      LLVM::PoisonOp::create(b, VectorType::get(kPieceBytes, b.getI8Type()));
  for (int64_t i = 0; i < kPieceBytes; ++i) {
    Value matrixTerm = b.add(b.add(firstTerm, term), i);
    Value isThere = b.both(isRow, b.isLess(matrixTerm, shape.numTerms));
    Value from = matrix.getAddress(
        b, {matrixRow, b.min(matrixTerm, shape.numTerms - 1)});
    Value byte = matrix.load(b, from, 1).front();
    piece = LLVM::InsertElementOp::create(
        b, piece, b.select(isThere, byte, zero), b.i32(i));
  }
  LLVM::StoreOp::create(b, piece, to, unsigned(kPieceBytes));
}

} // namespace mlir::qfmt
