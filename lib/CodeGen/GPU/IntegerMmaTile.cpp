// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerMmaTile.h"
#include "MmaFragments.h"

namespace mlir::qfmt {

IntegerMmaTile::IntegerMmaTile(KernelBuilder &b, kernel::ProductOp op,
                               const BlockShape &shape)
    : RingTile(shape, op.getNumTerms(), kRowBytes), op(op), lhs(b, op.getLhs()),
      rhs(b, op.getRhs()), lhsSwizzle{2},
      rhsSwizzle{shape.fragments.getNumColumns()} {
  if (op.getRows())
    gathered.emplace(op);
}

int64_t IntegerMmaTile::getStageBytes(const BlockShape &shape) {
  return SharedCopy::getBytes(shape.getRows() + shape.getColumns());
}

int64_t IntegerMmaTile::getNumSums() const {
  return shape.fragments.rows * shape.fragments.columns * kSumRegisters;
}

void IntegerMmaTile::enter(KernelBuilder &b) {
  lhs.enter(b);
  rhs.enter(b);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

void IntegerMmaTile::begin(KernelBuilder &b, const BlockPlace &place) {
  Value columns = place.hasAllColumns ? Value() : b.i32(op.getNumColumns());
  // The right factor may have terms that the left one has not, which are zeros
  // there.
  lhsCopy.emplace(
      lhs,
      SharedCopy::Shape{place.numRows, terms, shape.getRows(), partTerms,
                        /*bits=*/8, gathered ? &*gathered : nullptr},
      lhsSwizzle, shape.getThreads());
  rhsCopy.emplace(
      rhs,
      SharedCopy::Shape{columns,
                        cast<ShapedType>(op.getRhs().getType()).getDimSize(1),
                        shape.getColumns(), partTerms},
      rhsSwizzle, shape.getThreads());
  lhsCopy->begin(b, place.thread, place.row);
  rhsCopy->begin(b, place.thread, place.column);
  placeLane(b, place);
}

void IntegerMmaTile::emitCopies(KernelBuilder &b, Value firstTerm,
                                Value stage) {
  Value lhsPart = b.advance(shared, stage);
  lhsCopy->emit(b, firstTerm, lhsPart);
  int64_t lhsBytes = SharedCopy::getBytes(shape.getRows());
  rhsCopy->emit(b, firstTerm, b.advance(lhsPart, lhsBytes));
}

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

/// ldmatrix reads four matrices of 8 rows x 16 bytes, and lane 8 i + j says
/// where row j of matrix i is. Left: rows 0 ... 7 and 8 ... 15 of a tile for 16
/// terms, then for the next 16. Right: 16 terms, then the next 16, of a tile's
/// columns, then the same of the next tile.
void IntegerMmaTile::placeLane(KernelBuilder &b, const BlockPlace &place) {
  Value inMatrix = b.rem(place.lane, kMatrixRows);
  Value lhsTileRow = b.rem(place.lane, 2 * kMatrixRows);
  Value second = b.div(place.lane, 2 * kMatrixRows);
  lhsRow = b.mul(b.add(b.mul(place.warpRow, shape.getWarpRows()), lhsTileRow),
                 kRowBytes);
  // The row of a lane in its matrix is the phase, see FragmentShape for
  // columns.
  lhsPiece = b.mul(b.bitXor(second, inMatrix), kPieceBytes);

  Value column =
      b.add(b.mul(b.div(inMatrix, 2), shape.fragments.getNumColumns()),
            b.add(b.rem(inMatrix, 2), b.mul(second, 2)));
  rhsRow = b.mul(b.add(b.mul(place.warpColumn, shape.getWarpColumns()), column),
                 kRowBytes);
  rhsRow = b.add(rhsRow, SharedCopy::getBytes(shape.getRows()));
  Value secondTerms = b.rem(b.div(place.lane, kMatrixRows), 2);
  rhsPiece = b.mul(b.bitXor(secondTerms, inMatrix), kPieceBytes);
}

/// Those of the left factor, then those of the right one.
SmallVector<Value> IntegerMmaTile::emitLoads(KernelBuilder &b, Value stage,
                                             int64_t step) {
  SmallVector<Value> fragments;
  int64_t turn = step * kStepTerms;
  auto locate = [&](Value row, Value piece) {
    return b.advance(shared, b.add(b.add(stage, row), b.bitXor(piece, turn)));
  };
  Value lhsAddress = locate(lhsRow, lhsPiece);
  for (int64_t i = 0; i < shape.fragments.rows; ++i)
    emitMatrices(b, b.advance(lhsAddress, i * 16 * kRowBytes),
                 /*isTransposed=*/false, fragments);
  Value rhsAddress = locate(rhsRow, rhsPiece);
  // Two columns of each thread belong to a tile.
  for (int64_t i = 0; i < shape.fragments.columns; i += 2)
    emitMatrices(b, b.advance(rhsAddress, i * 2 * kRowBytes),
                 /*isTransposed=*/false, fragments);
  return fragments;
}

void IntegerMmaTile::emitProducts(KernelBuilder &b, ArrayRef<Value> fragments,
                                  MutableArrayRef<Value> sums) {
  ArrayRef<Value> lhsFragments =
      fragments.take_front(shape.fragments.rows * kLhsRegisters);
  ArrayRef<Value> rhsFragments = fragments.drop_front(lhsFragments.size());
  for (int64_t i = 0; i < shape.fragments.rows; ++i)
    for (int64_t j = 0; j < shape.fragments.columns; ++j)
      emitMma(b, lhsFragments.slice(i * kLhsRegisters, kLhsRegisters),
              op.getLhsUnsigned(),
              rhsFragments.slice(j * kRhsRegisters, kRhsRegisters),
              op.getRhsUnsigned(),
              sums.slice((i * shape.fragments.columns + j) * kSumRegisters,
                         kSumRegisters));
}

} // namespace mlir::qfmt
