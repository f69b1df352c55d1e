// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The right factor of a product of two variables, as mma.sync m16n8k32 takes
// it: bytes, codes of 4 bits, which become bytes on the way to shared memory,
// or codes of 16 bits, which become two planes of bytes in registers.
//
// Where the terms of a column lie one after the other, ldmatrix reads columns
// as it does those of a constant. Where they are rows, it transposes matrices
// of 8 x 8 words of 16 bits:
//
//   16 bits: lane 4 g + t has terms 2 t and 2 t + 1 of column g, which is what
//            it has of a column whose terms lie one after the other.
//   8 bits:  a word is two columns. Lane 4 g + t has terms 4 t and 4 t + 1 of
//            columns 2 g and 2 g + 1, and of another matrix terms 4 t + 2 and 4
//            t + 3, as the lanes of ldmatrix may name any rows. prmt makes four
//            terms of each column of them.
//
// Planes have terms 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 in a register, in both
// factors.

#ifndef QFMT_LIB_CODEGEN_GPU_RIGHTFACTOR_H
#define QFMT_LIB_CODEGEN_GPU_RIGHTFACTOR_H

#include "MmaTile.h"
#include "SharedTile.h"

namespace mlir::qfmt {

/// Of two registers with words of 16 bits all lower bytes, or all upper ones.
Value emitPlane(KernelBuilder &b, Value first, Value second, bool isUpper);

class RightFactor {
public:
  /// Outside of the kernel.
  RightFactor(KernelBuilder &b, kernel::ProductOp op, const BlockShape &shape);

  /// In shared memory, of a part with so many terms.
  static int64_t getBytes(kernel::ProductOp op, const BlockShape &shape,
                          int64_t partTerms);

  /// The neighbouring columns that a thread has, see FragmentShape; those of a
  /// warp are some such runs.
  FragmentShape getRun() const;
  /// Where the sums of a row lie among those of the tiles: the tile and the
  /// register of a pair of columns.
  std::pair<int64_t, int64_t> getPlace(int64_t run, int64_t column) const;

  void enter(KernelBuilder &b);
  void begin(KernelBuilder &b, const BlockPlace &place, int64_t partTerms);
  /// Terms from `firstTerm` on, to `shared`.
  void emitCopies(KernelBuilder &b, Value firstTerm, Value shared);
  /// Appends what is loaded for a step of the part at `shared`.
  void emitLoads(KernelBuilder &b, Value shared, int64_t step,
                 SmallVectorImpl<Value> &registers);
  /// The registers of a tile's plane, from those of a step.
  SmallVector<Value, 2> emitRegisters(KernelBuilder &b, ArrayRef<Value> loaded,
                                      int64_t tile, int64_t plane) const;

private:
  int64_t getRowBytes() const;
  int64_t getPanels() const;
  void placeColumns(KernelBuilder &b, const BlockPlace &place);
  void placeTerms(KernelBuilder &b, const BlockPlace &place);

  kernel::ProductOp op;
  BlockShape shape;
  bool isByTerms;
  /// In shared memory, of a code.
  int64_t codeBytes, terms, partTerms;
  GlobalBuffer buffer;

  // In the kernel.
  std::optional<GlobalBuffer> batch;
  /// Of 128 bytes of columns, if rows are terms.
  SmallVector<SharedCopy> copies;
  Value firstColumn;
  /// Where the lane's row of ldmatrix begins, and its piece.
  Value row, piece;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_RIGHTFACTOR_H
