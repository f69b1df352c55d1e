// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a product's first factor, copied to memory of AMX tiles:
//
//   [M/16][runs * terms/64][16][64]
//
// The terms of each run begin a tile of their own. The rows that fill up the
// last tile are undefined.

#ifndef QFMT_LIB_CODEGEN_CPU_ROWTILES_H
#define QFMT_LIB_CODEGEN_CPU_ROWTILES_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::qfmt {

/// Rows of an AMX tile.
constexpr int64_t kRowsPerAmxTile = 16;
/// Bytes of a row.
constexpr int64_t kTermsPerAmxTile = 64;

/// The terms of a row: runs that lie together.
struct TermRuns {
  int64_t count;
  int64_t terms;
  /// The indices of a term of a run.
  llvm::function_ref<SmallVector<Value>(Value row, Value run, Value term)>
      emitIndices;

  int64_t getTilesPerRun() const {
    return llvm::divideCeil(terms, kTermsPerAmxTile);
  }
};

/// Rows `begin` ... `end` - 1 of `factor`, a tensor of bytes; there are `count`
/// of them, which may be unknown: then memory is for whole pairs of tiles.
/// What lies behind a run in the last dimension of `factor` follows in a tile;
/// where there is nothing, zeros do.
Value emitRowTiles(ImplicitLocOpBuilder &b, Value factor, Value begin,
                   Value end, int64_t count, const TermRuns &runs);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_ROWTILES_H
