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
  return shape.gathered ? shape.gathered->getAlignment(kPieceBytes)
                        : matrix.getAlignment({0}, kPieceBytes);
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
  int64_t passes = shape.gathered ? getNumPasses() : 0;
  for (int64_t pass = 0; pass < passes; ++pass) {
    Value passRow = b.add(b.add(firstRow, row), pass * getRowsPerPass());
    if (shape.numRows)
      passRow = b.min(passRow, b.sub(shape.numRows, 1));
    rowPlaces.push_back(shape.gathered->emitRow(b, passRow));
  }
}

void SharedCopy::emit(KernelBuilder &b, Value firstTerm, Value shared) {
  if (shape.gathered)
    return b.emitIf(isActive, [&] {
      GatheredRows::Terms terms =
          shape.gathered->emitTerms(b, b.add(firstTerm, term), kPieceBytes);
      for (int64_t pass = 0; pass < getNumPasses(); ++pass)
        emitGathered(b, pass, terms, emitTarget(b, pass, shared));
    });
  Value left =
      b.sub(b.constant(firstTerm, shape.numTerms), b.add(firstTerm, term));
  Value numBytes = b.max(b.min(left, kPieceBytes), 0);
  b.emitIf(isActive, [&] {
    for (int64_t pass = 0; pass < getNumPasses(); ++pass)
      emitPiece(b, pass, firstTerm, numBytes, shared);
  });
}

/// Rows of a pass follow those of the one before. The phase is linear and a
/// thread's row is less than the rows of a pass, a power of two.
Value SharedCopy::emitTarget(KernelBuilder &b, int64_t pass, Value shared) {
  int64_t passRow = pass * getRowsPerPass();
  int64_t turn = swizzle.getPhase(passRow) * kPieceBytes;
  return b.advance(b.advance(shared, b.bitXor(place, turn)),
                   passRow * kRowBytes);
}

void SharedCopy::emitPiece(KernelBuilder &b, int64_t pass, Value firstTerm,
                           Value numBytes, Value shared) {
  Value to = emitTarget(b, pass, shared);
  if (shape.bits == 4)
    return emitCodes(b, pass, firstTerm, numBytes, to);
  int64_t copyBytes = getCopyBytes();
  if (copyBytes < 4)
    return emitBytes(b, pass, firstTerm, to);
  Value tileRow = b.add(row, pass * getRowsPerPass());
  if (shape.numRows) {
    Value isThere = b.isLess(b.add(firstRow, tileRow), shape.numRows);
    numBytes = b.select(isThere, numBytes, b.i32(0));
  }
  Value from =
      matrix.getAddress(b, {b.add(firstRow, tileRow), b.add(firstTerm, term)});
  emitAsync(b, from, numBytes, to);
}

void SharedCopy::emitAsync(KernelBuilder &b, Value from, Value numBytes,
                           Value to) {
  int64_t copyBytes = getCopyBytes();
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

/// A piece that is computed byte by byte.
static void storeBytes(KernelBuilder &b, Value to,
                       function_ref<Value(int64_t)> getByte) {
  Value piece =
      LLVM::PoisonOp::create(b, VectorType::get(kPieceBytes, b.getI8Type()));
  for (int64_t i = 0; i < kPieceBytes; ++i)
    piece = LLVM::InsertElementOp::create(b, piece, getByte(i), b.i32(i));
  LLVM::StoreOp::create(b, piece, to, unsigned(kPieceBytes));
}

/// Without cp.async, the row's first term is read in place of one that is not
/// there.
void SharedCopy::emitGathered(KernelBuilder &b, int64_t pass,
                              const GatheredRows::Terms &terms, Value to) {
  Value count = terms.count;
  if (shape.numRows) {
    Value tileRow = b.add(b.add(firstRow, row), pass * getRowsPerPass());
    count = b.select(b.isLess(tileRow, shape.numRows), count, b.i32(0));
  }
  Value rowPlace = rowPlaces[pass];
  Value first = matrix.getFirst(b);
  if (getCopyBytes() >= 4)
    return emitAsync(b, b.advance(first, b.add(rowPlace, terms.place)), count,
                     to);
  Value zero = arith::ConstantIntOp::create(b, 0, 8);
  storeBytes(b, to, [&](int64_t i) -> Value {
    if (i >= shape.gathered->getRunTerms())
      return zero;
    Value isThere = b.isLess(b.i32(i), count);
    Value place =
        b.select(isThere, b.add(terms.place, i), b.constant(terms.place, 0));
    Value from = b.advance(first, b.add(rowPlace, place));
    return b.select(isThere, matrix.load(b, from, 1).front(), zero);
  });
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
  storeBytes(b, to, [&](int64_t i) {
    Value matrixTerm = b.add(b.add(firstTerm, term), i);
    Value isThere = b.both(isRow, b.isLess(matrixTerm, shape.numTerms));
    Value from = matrix.getAddress(
        b, {matrixRow, b.min(matrixTerm, shape.numTerms - 1)});
    return b.select(isThere, matrix.load(b, from, 1).front(), zero);
  });
}

/// Eight codes of a word as the upper halves of eight bytes.
static SmallVector<Value, 2> emitUpperHalves(KernelBuilder &b, Value word) {
  constexpr auto kUpperHalves = int32_t(0xF0F0F0F0);
  Value low =
      b.bitAnd(b.createOrFold<arith::ShLIOp>(word, b.i32(4)), kUpperHalves);
  Value high = b.bitAnd(word, kUpperHalves);
  return {b.selectBytes(low, high, 0x5140), b.selectBytes(low, high, 0x7362)};
}

/// Loads of as many bytes as rows begin at multiples of; one that is not there
/// is of the first bytes of the matrix.
void SharedCopy::emitCodes(KernelBuilder &b, int64_t pass, Value firstTerm,
                           Value numCodes, Value to) {
  constexpr int64_t kBytes = kPieceBytes / 2;
  Value matrixRow = b.add(b.add(firstRow, row), pass * getRowsPerPass());
  if (shape.numRows)
    numCodes = b.select(b.isLess(matrixRow, shape.numRows), numCodes, b.i32(0));
  Value firstByte = b.div(b.add(firstTerm, term), 2);
  int64_t loadBytes = matrix.getAlignment({0}, kBytes);
  auto type = b.getIntegerType(unsigned(8 * loadBytes));
  Value codes =
      LLVM::PoisonOp::create(b, VectorType::get(kBytes / loadBytes, type));
  for (int64_t byte = 0; byte < kBytes; byte += loadBytes) {
    Value isThere = b.isLess(b.constant(numCodes, 2 * byte), numCodes);
    Value zero = b.i32(0);
    Value from =
        matrix.getAddress(b, {b.select(isThere, matrixRow, zero),
                              b.select(isThere, b.add(firstByte, byte), zero)});
    auto load = LLVM::LoadOp::create(b, type, from, unsigned(loadBytes));
    load.setInvariant(true);
    Value none = arith::ConstantOp::create(b, b.getIntegerAttr(type, 0));
    codes = LLVM::InsertElementOp::create(
        b, codes, b.select(isThere, load, none), b.i32(byte / loadBytes));
  }
  auto wordType = VectorType::get(2, b.getI32Type());
  Value words = LLVM::BitcastOp::create(b, wordType, codes);
  Value piece = LLVM::PoisonOp::create(b, VectorType::get(4, b.getI32Type()));
  for (int64_t i = 0; i < 4; ++i) {
    Value word = LLVM::ExtractElementOp::create(b, words, b.i32(i / 2));
    piece = LLVM::InsertElementOp::create(
        b, piece, emitUpperHalves(b, word)[i % 2], b.i32(i));
  }
  LLVM::StoreOp::create(b, piece, to, unsigned(kPieceBytes));
}

} // namespace mlir::qfmt
