// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of few bits as a warp takes them: which code a number has, and where
// in memory it lies.
//
// Weights are the left factor of mma.sync, so that the 16 columns of a strip
// are its rows. A tile is 16 columns and 32 F terms, F = 8 / bits; lane l of
// the warp has 4 words of it, word 2h + p for column l / 4 + 8 h. A word has F
// fields of 4 codes each: field f of word p is chunk pF + f of the tile, 16
// terms of each column, of which lane l has 4.
//
// Terms are numbered so that a lane's share of a unit of activations, U terms
// of a row, lies together in memory: lane l has terms (U/4) (l mod 4) and those
// that follow, four for each chunk. Parts are the terms of a tile that are in
// one group; units do not go beyond them.

#ifndef QFMT_LIB_CODEGEN_GPU_FEWBITCODES_H
#define QFMT_LIB_CODEGEN_GPU_FEWBITCODES_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace mlir::qfmt {

/// Columns of a strip.
constexpr int64_t kStripColumns = 16;
/// Terms of a chunk; groups are multiples of it.
constexpr int64_t kChunkTerms = 16;
constexpr int64_t kWarpLanes = 32;
constexpr int64_t kLaneWords = 4;

/// How numbers are stored.
struct FewBitEncoding {
  int64_t bits;
  /// Of codes; empty if codes are signed integers.
  SmallVector<float> table;

  /// For integers of 8 bits; as few bits as they need.
  static FewBitEncoding choose(ArrayRef<int8_t> integers);
  /// The code of a number that it was chosen for, in `bits` bits.
  uint32_t encode(float number) const;
  bool isTable() const { return !table.empty(); }
};

/// Where codes and terms lie.
struct FewBitLayout {
  int64_t bits;
  bool isTable;
  /// Activations are f16 or bf16.
  bool hasFloats;
  int64_t groups, groupTerms;

  int64_t getNumFields() const { return 8 / bits; }
  int64_t getTileTerms() const { return 32 * getNumFields(); }
  int64_t getTileChunks() const { return 2 * getNumFields(); }
  int64_t getNumTerms() const { return groups * groupTerms; }
  int64_t getNumTiles() const;
  int64_t getPartTerms() const;
  int64_t getUnitTerms() const;
  /// The lowest bit of code `j` of a field within its word.
  int64_t getBit(int64_t field, int64_t j) const;

  struct Place {
    int64_t word, bit;
  };
  Place getPlace(int64_t column, int64_t term) const;
  int64_t getNumWords(int64_t columns) const;
};

/// The words of `codes`, columns x terms, row-major.
std::vector<uint32_t> packCodes(const FewBitLayout &layout, int64_t columns,
                                ArrayRef<uint8_t> codes);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_FEWBITCODES_H
