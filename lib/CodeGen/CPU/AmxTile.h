// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 32 x 32 sums of products of bytes in AMX tiles:
//
//   four tiles = 0
//   for k step 64
//     load two tiles of rows and two of columns; multiply each by each
//   store the tiles; initial values and the epilogue on vectors of 16 columns
//
// Tiles multiply bytes of all four combinations of signs. They are always
// whole: where rows or terms are missing, the first factor's are copied to
// memory with room for them, and the second one's are zeros. Rows that long
// sums walk through are copied, too: 16 rows of one tile are pages apart,
// otherwise.

#ifndef QFMT_LIB_CODEGEN_CPU_AMXTILE_H
#define QFMT_LIB_CODEGEN_CPU_AMXTILE_H

#include "ProductLoops.h"
#include "qfmt/CodeGen/CPU/CpuTarget.h"

namespace mlir::qfmt {

class AmxTile : public ProductTile {
public:
  /// Of a product that qfmt-pack-products has packed for tiles; it
  /// reads codes as `reading` says, without offset. Emits what all tiles have
  /// in common.
  AmxTile(ImplicitLocOpBuilder &b, const IntegerProduct &product,
          CodeReading reading, const Epilogue &epilogue);

  /// True if `product` is computed so on `target`.
  static bool isUsed(const IntegerProduct &product, const CpuTarget &target);

  /// Sizes for `product`; a step is 64 terms.
  static Blocking chooseBlocking(const CpuTarget &target,
                                 const IntegerProduct &product);
  /// Steps of each sum, the last one of fewer terms, if K is no multiple.
  static int64_t getNumSteps(const IntegerProduct &product);

  void emitBlock(ImplicitLocOpBuilder &b, Value begin, Value end,
                 int64_t count) override;
  void emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                 const Part &part) override;
  Value emitPart(ImplicitLocOpBuilder &b, const Rows &rows, const Panel &panel,
                 const Part &part, Value memory) override;
  Value emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                     const Panel &panel, const Part &part, Value memory,
                     Value output) override;
  bool takesUnknownRows() const override { return true; }

private:
  /// Copies rows `begin` ... `end` - 1 to memory of tiles for `count` rows.
  Value emitCopy(ImplicitLocOpBuilder &b, Value begin, Value end,
                 int64_t count);
  /// The sums of a part in `sums`, added to what that has, or not.
  Value emitProduct(ImplicitLocOpBuilder &b, const Rows &rows,
                    const Panel &panel, const Part &part, Value sums,
                    bool added);

  const IntegerProduct &product;
  /// Null if the second factor lies in memory as bytes.
  cpu::UnpackIntegersOp codes;
  CodeReading reading;
  const Epilogue &epilogue;
  Value lhs;
  /// [N/16][K/64][16][64]: of the factor, or of a panel and part.
  Value packed;
  /// The block's rows from `copyBegin` on, [M/16][K/64][16][64]; null if all
  /// are read where they lie.
  Value copy, copyBegin;
  /// Whether whole tiles of rows are read where they lie.
  bool readsRows = false;
  /// Memory for the sums of four tiles.
  Value sums;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_AMXTILE_H
