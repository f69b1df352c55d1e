// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VariableMmaTile.h"
#include "MmaFragments.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::qfmt {

static int64_t getCodeBytes(kernel::ProductOp op) {
  return getElementTypeOrSelf(op.getLhs()).getIntOrFloatBitWidth() / 8;
}

StringRef VariableMmaTile::getWhyNot(CodeReading lhs, CodeReading rhs,
                                     unsigned bits, int64_t terms) {
  if (lhs.offset != 0 || rhs.offset != 0)
    return "a factor has a zero point";
  if (bits != 8 && terms > kernel::ProductOp::kMostTermsOfParts)
    return "sums of so many terms would overflow 32 bits";
  return {};
}

VariableMmaTile::VariableMmaTile(KernelBuilder &b, kernel::ProductOp op,
                                 const BlockShape &shape)
    : RingTile(shape, op.getNumTerms(), kRowBytes / getCodeBytes(op)), op(op),
      codeBytes(getCodeBytes(op)), lhs(b, op.getLhs()), rhs(b, op, shape) {
  lhs.readAsBytes(b);
}

static int64_t getPartBytes(kernel::ProductOp op, const BlockShape &shape,
                            int64_t partTerms) {
  return SharedCopy::getBytes(shape.getRows()) +
         RightFactor::getBytes(op, shape, partTerms);
}

int64_t VariableMmaTile::getStageBytes(kernel::ProductOp op,
                                       const BlockShape &shape) {
  return getPartBytes(op, shape, kRowBytes / getCodeBytes(op));
}

int64_t VariableMmaTile::getStageBytes() const {
  return getPartBytes(op, shape, partTerms);
}

int64_t VariableMmaTile::getSumsPerElement(kernel::ProductOp op) {
  return 2 * getCodeBytes(op) - 1;
}

int64_t VariableMmaTile::getNumSums() const {
  return getSumsPerElement(op) * getTiles() * kSumRegisters;
}

void VariableMmaTile::enter(KernelBuilder &b) {
  lhs.enter(b);
  rhs.enter(b);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

void VariableMmaTile::begin(KernelBuilder &b, const BlockPlace &place) {
  lhsCopy.emplace(lhs,
                  SharedCopy::Shape{place.numRows, terms * codeBytes,
                                    shape.getRows(), partTerms * codeBytes},
                  Swizzle{2}, shape.getThreads());
  lhsCopy->begin(b, place.thread, place.row);
  rhs.begin(b, place, partTerms);
  // Matrices: rows 0 ... 7 and 8 ... 15 of a tile for 16 bytes, then for the
  // next 16. The row of a lane in its matrix is the phase.
  Value tileRow = b.rem(place.lane, 2 * kMatrixRows);
  Value second = b.div(place.lane, 2 * kMatrixRows);
  lhsRow = b.mul(b.add(b.mul(place.warpRow, shape.getWarpRows()), tileRow),
                 kRowBytes);
  lhsPiece =
      b.mul(b.bitXor(second, b.rem(place.lane, kMatrixRows)), kPieceBytes);
}

void VariableMmaTile::emitCopies(KernelBuilder &b, Value firstTerm,
                                 Value stage) {
  Value lhsPart = b.advance(shared, stage);
  lhsCopy->emit(b, b.mul(firstTerm, codeBytes), lhsPart);
  rhs.emitCopies(b, firstTerm,
                 b.advance(lhsPart, SharedCopy::getBytes(shape.getRows())));
}

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

/// Those of the left factor, then those of the right one.
SmallVector<Value> VariableMmaTile::emitLoads(KernelBuilder &b, Value stage,
                                              int64_t step) {
  SmallVector<Value> loaded;
  Value part = b.advance(shared, stage);
  for (int64_t i = 0; i < shape.fragments.rows; ++i)
    for (int64_t j = 0; j < codeBytes; ++j) {
      int64_t turn = (step * codeBytes + j) * 2 * kPieceBytes;
      Value row = b.advance(b.advance(part, lhsRow), b.bitXor(lhsPiece, turn));
      emitMatrices(b, b.advance(row, i * 16 * kRowBytes),
                   /*isTransposed=*/false, loaded);
    }
  rhs.emitLoads(b, b.advance(part, SharedCopy::getBytes(shape.getRows())), step,
                loaded);
  return loaded;
}

SmallVector<Value, 4> VariableMmaTile::emitLhsRegisters(KernelBuilder &b,
                                                        ArrayRef<Value> loaded,
                                                        int64_t tile,
                                                        int64_t plane) const {
  ArrayRef<Value> own =
      loaded.slice(tile * kLhsRegisters * codeBytes, kLhsRegisters * codeBytes);
  if (codeBytes == 1)
    return SmallVector<Value, 4>(own);
  SmallVector<Value, 4> registers;
  for (int64_t half : {0, 4})
    for (int64_t row : {0, 1})
      registers.push_back(
          emitPlane(b, own[half + row], own[half + row + 2], plane == 1));
  return registers;
}

void VariableMmaTile::emitProducts(KernelBuilder &b, ArrayRef<Value> fragments,
                                   MutableArrayRef<Value> sums) {
  int64_t numLhs = shape.fragments.rows * kLhsRegisters * codeBytes;
  ArrayRef<Value> rhsLoaded = fragments.drop_front(numLhs);
  auto isUnsigned = [&](bool isCodeUnsigned, int64_t plane) {
    return isCodeUnsigned || plane + 1 < codeBytes;
  };
  for (int64_t left = 0; left < codeBytes; ++left)
    for (int64_t i = 0; i < shape.fragments.rows; ++i) {
      SmallVector<Value, 4> lhsRegisters =
          emitLhsRegisters(b, fragments.take_front(numLhs), i, left);
      for (int64_t right = 0; right < codeBytes; ++right)
        for (int64_t j = 0; j < shape.fragments.columns; ++j) {
          int64_t tile = i * shape.fragments.columns + j;
          int64_t sum = (left + right) * getTiles() + tile;
          emitMma(b, lhsRegisters, isUnsigned(op.getLhsUnsigned(), left),
                  rhs.emitRegisters(b, rhsLoaded, j, right),
                  isUnsigned(op.getRhsUnsigned(), right),
                  sums.slice(sum * kSumRegisters, kSumRegisters));
        }
    }
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Of codes, from the accumulators of an element.
Value VariableMmaTile::emitSum(KernelBuilder &b, ArrayRef<Value> sums,
                               int64_t index) {
  // Codes of 4 bits are the upper halves of bytes.
  if (op.getRhsBits() == 4)
    return b.createOrFold<arith::ShRSIOp>(sums[index], b.i32(4));
  if (codeBytes == 1)
    return sums[index];
  Type type = op.getBlock().getArgument(0).getType();
  int64_t planeSums = getTiles() * kSumRegisters;
  auto widen = [&](int64_t place) -> Value {
    Value sum = sums[place * planeSums + index];
    return type.isInteger(64) ? b.toI64(sum) : sum;
  };
  Value sum = b.add(b.mul(widen(2), 1 << 8), widen(1));
  return b.add(b.mul(sum, 1 << 8), widen(0));
}

SmallVector<Value> VariableMmaTile::emitSums(KernelBuilder &b,
                                             const BlockPlace &place,
                                             Value sharedMemory) {
  SmallVector<Value> raw = RingTile::emitSums(b, place, sharedMemory);
  FragmentShape run = getRun();
  SmallVector<Value> sums;
  for (int64_t i = 0; i < shape.fragments.columns / run.columns; ++i) {
    SmallVector<Value> sumsOfRun(run.rows * run.columns * kSumRegisters);
    for (int64_t row = 0; row < run.getNumRows(); ++row)
      for (int64_t column = 0; column < run.getNumColumns(); ++column) {
        auto [tile, inTile] = rhs.getPlace(i, column);
        int64_t index = shape.fragments.getIndex(row, 2 * tile + inTile);
        sumsOfRun[run.getIndex(row, column)] = emitSum(b, raw, index);
      }
    llvm::append_range(sums, sumsOfRun);
  }
  return sums;
}

} // namespace mlir::qfmt
