// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops around the registers of a matrix product, on tensors:
//
//   for blocks of rows that take half of the level-2 cache
//     for panels of V * 16 columns of the packed factor
//       for parts of the sums
//         for U rows
//           a tile of U x V * 16 sums
//
// Several threads share the rows and the panels: each has a rectangle of the
// result. Every sum is computed as by one thread.
//
// What a tile computes, and with which instructions, is the business of a
// ProductTile. A panel is read from the level-2 cache for each U rows, a block
// of rows once for each panel, and the packed factor once for each block.

#ifndef QFMT_LIB_CODEGEN_CPU_PRODUCTLOOPS_H
#define QFMT_LIB_CODEGEN_CPU_PRODUCTLOOPS_H

#include "Epilogue.h"
#include "PackedFactor.h"
#include "ThreadGrid.h"

namespace mlir::qfmt {

/// How a product is cut. A step is what a tile adds up at once, four terms for
/// instance.
struct Blocking {
  /// U and V of the file comment.
  int64_t rows, columnBlocks;
  /// Steps of a part of the sums.
  int64_t steps;
  /// About what a step takes, for a row and 16 columns.
  double cyclesPerStep = 1;
  /// Rows whose terms of one part stay in the cache; a multiple of `rows`.
  int64_t cachedRows;
  /// Memory for the sums of earlier parts has a multiple of so many rows.
  int64_t memoryRows = 1;
};

/// Consecutive blocks of 16 columns, the last one with fewer.
struct Panel {
  /// Number of the first block, of type index.
  Value block;
  int64_t numBlocks;
  int64_t lastValid;

  int64_t getValid(int64_t i) const {
    return i + 1 == numBlocks ? lastValid : kColumnsPerBlock;
  }
};

/// Part of every sum: `count` steps, and, if it is the last one, what is left.
struct Part {
  Value first;
  int64_t count;
  bool isLast;
};

/// Rows `row` ... `row + count - 1` of a block that begins at `begin`.
struct Rows {
  Value begin, row;
  int64_t count;
  /// How many of them there are, of type index; null if all are.
  Value valid = {};
};

class ProductTile {
public:
  virtual ~ProductTile();

  /// Called before panels run over the block of rows `begin` ... `end` - 1, of
  /// which there are `count`, if that is known.
  virtual void emitBlock(ImplicitLocOpBuilder &b, Value begin, Value end,
                         int64_t count) {}

  /// Called before the rows of a block run through `panel` and `part`.
  virtual void emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                         const Part &part) {}

  /// Adds a part of the sums to `memory`, which has the rows of the block and
  /// the columns of the panel; returns what it then is.
  virtual Value emitPart(ImplicitLocOpBuilder &b, const Rows &rows,
                         const Panel &panel, const Part &part,
                         Value memory) = 0;

  /// Adds the last part to the sums in `memory`, or to the initial values if it
  /// is null, and writes to `output` what the epilogue makes of them.
  virtual Value emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                             const Panel &panel, const Part &part, Value memory,
                             Value output) = 0;

  /// True if a tile is made once for an unknown number of rows, up to those of
  /// the blocking, as `valid` of Rows says; otherwise it is made for one row,
  /// as often as needed.
  virtual bool takesUnknownRows() const { return false; }
};

/// A tile whose sums are vectors of 16 lanes.
class RegisterTile : public ProductTile {
public:
  explicit RegisterTile(const Epilogue &epilogue) : epilogue(epilogue) {}

  Value emitPart(ImplicitLocOpBuilder &b, const Rows &rows, const Panel &panel,
                 const Part &part, Value memory) override;
  Value emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                     const Panel &panel, const Part &part, Value memory,
                     Value output) override;

protected:
  /// What a sum begins with, for a row and a block of the tile; emitted where
  /// it is called.
  using Start = llvm::function_ref<Value(int64_t row, int64_t block)>;

  /// The sums of `part`, added to what `start` gives, by row, then by block.
  virtual SmallVector<Value> emitSums(ImplicitLocOpBuilder &b, const Rows &rows,
                                      const Panel &panel, const Part &part,
                                      Start start) = 0;

private:
  const Epilogue &epilogue;
};

class ProductLoops {
public:
  /// Of `numRows` x `numColumns` sums (rows may be unknown), of `numSteps`
  /// whole steps each. `rows` is the number of rows as a value or a constant.
  ProductLoops(ImplicitLocOpBuilder &b, const Blocking &blocking,
               Epilogue &epilogue, ProductTile &tile, OpFoldResult rows,
               int64_t numColumns, int64_t numSteps);

  /// The result of the epilogue.
  Value emit();

private:
  using Body = llvm::function_ref<Value(Value index, Value output)>;
  using RowsBody = llvm::function_ref<Value(const Rows &rows, Value output)>;

  Value index(int64_t value);
  /// The last one may have fewer columns.
  int64_t getNumBlocks() const;
  /// A loop that writes into `output`.
  Value emitFor(Value begin, Value end, int64_t step, Value output, Body body);
  Value emitThreads(const ThreadGrid &grid, Value output);
  /// Of rows or of blocks of columns, `begin` ... `end` - 1, of which there are
  /// `count`, if that is known.
  struct Range {
    Value begin, end;
    int64_t count;
  };
  /// Of `size` rows or blocks, in whole `units`, the part of one of `parts`
  /// threads.
  Range emitRange(Value thread, int64_t parts, OpFoldResult size, int64_t unit);
  Value emitRowBlocks(const Range &rows, const Range &blocks, Value output);
  Value emitPanels(const Range &rows, const Range &blocks, Value output);
  Value emitParts(const Range &rows, const Panel &panel, Value output);
  Value emitRows(const Range &rows, Value output, RowsBody body);
  /// The initial values of the block's rows and the panel's columns, in memory.
  Value emitStarts(const Range &rows, const Panel &panel);

  ImplicitLocOpBuilder &b;
  Blocking blocking;
  Epilogue &epilogue;
  ProductTile &tile;
  OpFoldResult rows;
  /// Dynamic, if unknown.
  int64_t numRows;
  int64_t numColumns, numSteps;
};

/// The first column of a block of a panel.
Value emitColumn(ImplicitLocOpBuilder &b, const Panel &panel, int64_t block);

/// `base` + `offset`, of type index.
Value emitOffset(ImplicitLocOpBuilder &b, Value base, int64_t offset);

/// A loop over `first` ... `first` + `count` - 1 that carries `values`, or its
/// body alone if it runs once.
SmallVector<Value> emitLoop(
    ImplicitLocOpBuilder &b, Value first, int64_t count,
    SmallVector<Value> values,
    llvm::function_ref<SmallVector<Value>(Value, SmallVector<Value>)> body);

/// Remarks of `pass`: the blocks of a product, and why its sums are written to
/// memory, if they are.
void reportBlocks(Location loc, StringRef pass, StringRef what,
                  const Blocking &blocking, const Epilogue &epilogue);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_PRODUCTLOOPS_H
