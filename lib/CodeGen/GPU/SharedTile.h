// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parts of matrices in shared memory: rows of 128 bytes, each 8 pieces of 16.
//
// Piece c of row r lies at place c xor phase(r) of its row, so that the eight
// rows that one matrix of ldmatrix consists of lie in different banks.

#ifndef QFMT_LIB_CODEGEN_GPU_SHAREDTILE_H
#define QFMT_LIB_CODEGEN_GPU_SHAREDTILE_H

#include "GatheredRows.h"

namespace mlir::qfmt {

constexpr int64_t kPieceBytes = 16;
constexpr int64_t kRowBytes = 128;
constexpr int64_t kPiecesPerRow = kRowBytes / kPieceBytes;

/// Rows that are read together: of `run` rows that lie one after the other the
/// first two, and four such runs. With `run` 2 these are 8 neighbouring rows.
struct Swizzle {
  int64_t run;

  /// 0 ... 7. Linear in the bits of `row`.
  int64_t getPhase(int64_t row) const {
    return (row & 1) | ((row / run) & 3) << 1;
  }
  Value emitPhase(KernelBuilder &b, Value row) const;
};

/// Copies rows of a matrix of bytes, some terms at a time, to shared memory, by
/// all threads of a block. What the matrix does not have is 0 there.
class SharedCopy {
public:
  /// The matrix is `numRows` x `numTerms`; a null `numRows` says that all rows
  /// that are asked for are there. `rows` of them, `terms` at a time, a
  /// multiple of 16 and at most 128.
  struct Shape {
    Value numRows;
    int64_t numTerms;
    int64_t rows, terms;
    /// Of a term in the matrix: 8, or 4, where two terms are a byte of it, the
    /// first one its low half. In shared memory such a term is 16 times as
    /// much, a byte, signed or unsigned as it was.
    int64_t bits = 8;
    /// Where rows are if they are no rows of the matrix.
    const GatheredRows *gathered = nullptr;
  };

  SharedCopy(const GlobalBuffer &matrix, const Shape &shape,
             const Swizzle &swizzle, int64_t numThreads)
      : matrix(matrix), shape(shape), swizzle(swizzle), numThreads(numThreads) {
  }

  /// Computes what all copies have in common, for rows from `firstRow` on.
  void begin(KernelBuilder &b, Value thread, Value firstRow);
  /// Another first row than that of `begin`.
  void setFirstRow(Value first) { firstRow = first; }
  /// Terms from `firstTerm` on, to `shared`.
  void emit(KernelBuilder &b, Value firstTerm, Value shared);

  /// Bytes that are copied at a time; below 4 there is no cp.async, and copies
  /// are complete when they are emitted.
  int64_t getCopyBytes() const;
  static int64_t getBytes(int64_t rows) { return rows * kRowBytes; }

private:
  int64_t getRowsPerPass() const { return numThreads / kPiecesPerRow; }
  int64_t getNumPasses() const {
    return llvm::divideCeil(shape.rows, getRowsPerPass());
  }
  Value emitTarget(KernelBuilder &b, int64_t pass, Value shared);
  void emitPiece(KernelBuilder &b, int64_t pass, Value firstTerm,
                 Value numBytes, Value shared);
  void emitGathered(KernelBuilder &b, int64_t pass,
                    const GatheredRows::Terms &terms, Value to);
  void emitAsync(KernelBuilder &b, Value from, Value numBytes, Value to);
  void emitBytes(KernelBuilder &b, int64_t pass, Value firstTerm, Value place);
  void emitCodes(KernelBuilder &b, int64_t pass, Value firstTerm,
                 Value numCodes, Value place);

  const GlobalBuffer &matrix;
  Shape shape;
  Swizzle swizzle;
  int64_t numThreads;
  /// Of a thread: its row in each pass, the first of its terms, its place.
  Value row, term, place, firstRow;
  /// Of gathered rows, one a pass.
  SmallVector<Value> rowPlaces;
  /// The thread has something to copy; null if all have.
  Value isActive;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_SHAREDTILE_H
