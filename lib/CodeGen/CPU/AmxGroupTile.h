// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 32 x 32 sums of a product in groups, of integers in AMX tiles and of f32 in
// vectors, which work at the same time:
//
//   for each two groups
//     four tiles = 0, sums of the first of them; stored
//     the body, on 16 rows, of the integers of the two groups before
//     four tiles = 0, sums of the second of them; stored
//     the body, on the other 16 rows, of the integers of the two groups before
//
// Products of tiles and the body read and write different memory, 4 KiB for
// each of four groups, all of which stays in the level-1 cache. So a core that
// executes out of order multiplies tiles while its vector units convert, scale
// and add up what came before. 16 rows of sums of f32 are in registers over two
// groups. After the last groups of a block there are the first ones of the
// next, with nothing between them that would wait.
//
// The terms of a group of rows begin a tile of their own and are filled up with
// zeros. Groups of columns follow each other: what a tile has of the next one
// is multiplied by those. The body takes groups in the order of GroupTile, so
// that sums are the same.

#ifndef QFMT_LIB_CODEGEN_CPU_AMXGROUPTILE_H
#define QFMT_LIB_CODEGEN_CPU_AMXGROUPTILE_H

#include "Roofline.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/CpuTarget.h"
#include "qfmt/CodeGen/Products/GroupedProduct.h"

namespace mlir::qfmt {

class AmxGroupTile : public ProductTile {
public:
  AmxGroupTile(const GroupedProduct &product, const Epilogue &epilogue);

  /// Sizes for `product`; a step is a group.
  static Blocking chooseBlocking(const CpuTarget &target,
                                 const GroupedProduct &product);
  /// Adds to `size` what is read of unpacked panels, and the work on sums;
  /// returns how many products a cycle has, without those by zeros.
  static int64_t addLimits(const CpuTarget &target,
                           const GroupedProduct &product, KernelSize &size);

  void emitBlock(ImplicitLocOpBuilder &b, Value begin, Value end,
                 int64_t count) override;
  void emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                 const Part &part) override;
  Value emitPart(ImplicitLocOpBuilder &b, const Rows &rows, const Panel &panel,
                 const Part &part, Value memory) override;
  Value emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                     const Panel &panel, const Part &part, Value memory,
                     Value output) override;

private:
  /// Of one block of sums.
  struct Work {
    const Rows &rows;
    const Panel &panel;
    const Part &part;

    int64_t getNumRowTiles() const;
  };
  /// What is computed, as tensors.
  struct Memory {
    /// Of four groups, one below the other.
    Value integers;
    Value sums;
  };
  /// Groups that are taken together, counted from the first one of the part.
  struct Chunk {
    Value first;
    int64_t count;
  };

  /// All groups of a part.
  Memory emitGroups(ImplicitLocOpBuilder &b, const Work &work, Memory memory);
  /// The integers of `next`, and the sums of `before`, whose integers are
  /// there; either may have no groups.
  Memory emitStage(ImplicitLocOpBuilder &b, const Work &work,
                   const Chunk &before, const Chunk &next, Memory memory);
  Value emitIntegers(ImplicitLocOpBuilder &b, const Work &work, Value group,
                     Value integers);
  /// The sums of 16 rows and columns.
  Value emitSums(ImplicitLocOpBuilder &b, const Work &work, int64_t rowTile,
                 int64_t block, const Chunk &chunk, const Memory &memory);
  /// What the sums of a block begin with.
  Value emitStarts(ImplicitLocOpBuilder &b, const Work &work, Value memory);

  const GroupedProduct &product;
  cpu::UnpackIntegersOp factor;
  const Epilogue &epilogue;
  int64_t tilesPerGroup;
  /// Four terms each, of a group of columns.
  int64_t dotsPerGroup;
  /// The block's rows, which begin with `begin`: [M/16][G tilesPerGroup][16]
  /// [64].
  Value rowTiles, begin;
  /// The columns of a panel and part: [N/16][G dotsPerGroup][64], and what the
  /// last tile has behind that.
  Value panelBytes;
  /// Undefined.
  Memory empty;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_AMXGROUPTILE_H
