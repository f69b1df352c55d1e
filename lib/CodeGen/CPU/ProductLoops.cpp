// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ProductLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {

ProductTile::~ProductTile() = default;

Value emitOffset(ImplicitLocOpBuilder &b, Value base, int64_t offset) {
  if (offset == 0)
    return base;
  return b.createOrFold<arith::AddIOp>(
      base, arith::ConstantIndexOp::create(b, offset));
}

Value emitColumn(ImplicitLocOpBuilder &b, const Panel &panel, int64_t block) {
  Value size = arith::ConstantIndexOp::create(b, kColumnsPerBlock);
  return b.createOrFold<arith::MulIOp>(emitOffset(b, panel.block, block), size);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

ProductLoops::ProductLoops(ImplicitLocOpBuilder &b, const Blocking &blocking,
                           const Epilogue &epilogue, ProductTile &tile,
                           OpFoldResult rows, int64_t numColumns,
                           int64_t numSteps)
    : b(b), blocking(blocking), epilogue(epilogue), tile(tile), rows(rows),
      numRows(getConstantIntValue(rows).value_or(ShapedType::kDynamic)),
      numColumns(numColumns), numSteps(numSteps) {}

Value ProductLoops::emit() {
  return emitRowBlocks(epilogue.emitOutput(b, rows, numColumns));
}

Value ProductLoops::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value ProductLoops::emitFor(Value begin, Value end, int64_t step, Value output,
                            Body body) {
  auto loop = scf::ForOp::create(b, begin, end, index(step), output);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(b, next);
  return loop.getResult(0);
}

/// Whole blocks in a loop, the rest after it, each with a known number of rows;
/// with an unknown number of rows all blocks in one loop.
Value ProductLoops::emitRowBlocks(Value output) {
  int64_t step = blocking.cachedRows;
  if (ShapedType::isDynamic(numRows)) {
    Value all = getValueOrCreateConstantIndexOp(b, b.getLoc(), rows);
    return emitFor(index(0), all, step, output, [&](Value row, Value out) {
      Value end = arith::MinSIOp::create(b, emitOffset(b, row, step), all);
      return emitPanels(row, end, ShapedType::kDynamic, out);
    });
  }
  int64_t rest = numRows % step;
  int64_t whole = numRows - rest;
  if (whole != 0)
    output = emitFor(
        index(0), index(whole), step, output, [&](Value row, Value out) {
          return emitPanels(row, emitOffset(b, row, step), step, out);
        });
  if (rest != 0)
    output = emitPanels(index(whole), index(numRows), rest, output);
  return output;
}

Value ProductLoops::emitPanels(Value begin, Value end, int64_t count,
                               Value output) {
  int64_t blocks = numColumns / kColumnsPerBlock;
  int64_t partial = numColumns % kColumnsPerBlock;
  int64_t step = blocking.columnBlocks;
  int64_t rest = blocks % step;
  int64_t whole = blocks - rest;
  if (whole != 0)
    output = emitFor(index(0), index(whole), step, output,
                     [&](Value block, Value out) {
                       return emitParts(begin, end, count,
                                        {block, step, kColumnsPerBlock}, out);
                     });
  if (rest != 0 || partial != 0)
    output = emitParts(begin, end, count,
                       {index(whole), rest + (partial != 0),
                        partial != 0 ? partial : kColumnsPerBlock},
                       output);
  return output;
}

/// All but the last part of the sums go to memory.
Value ProductLoops::emitParts(Value begin, Value end, int64_t count,
                              const Panel &panel, Value output) {
  int64_t before =
      numSteps == 0 ? 0 : (numSteps - 1) / blocking.steps * blocking.steps;
  Value sums;
  if (before != 0)
    sums = emitFor(
        index(0), index(before), blocking.steps,
        emitStarts(begin, end, count, panel), [&](Value first, Value out) {
          Part part{first, blocking.steps, /*isLast=*/false};
          tile.emitPanel(b, panel, part);
          return emitRows(begin, end, count, out,
                          [&](const Rows &rows, Value current) {
                            return tile.emitPart(b, rows, panel, part, current);
                          });
        });
  Part part{index(before), numSteps - before, /*isLast=*/true};
  tile.emitPanel(b, panel, part);
  return emitRows(begin, end, count, output, [&](const Rows &rows, Value out) {
    return tile.emitLastPart(b, rows, panel, part, sums, out);
  });
}

Value ProductLoops::emitRows(Value begin, Value end, int64_t count,
                             Value output, RowsBody body) {
  bool isDynamic = ShapedType::isDynamic(count);
  Value wholeEnd;
  int64_t rest = 0;
  if (isDynamic) {
    Value size = arith::SubIOp::create(b, end, begin);
    Value left = arith::RemSIOp::create(b, size, index(blocking.rows));
    wholeEnd = arith::SubIOp::create(b, end, left);
  } else {
    rest = count % blocking.rows;
    wholeEnd = emitOffset(b, begin, count - rest);
  }
  if (isDynamic || count >= blocking.rows)
    output = emitFor(begin, wholeEnd, blocking.rows, output,
                     [&](Value row, Value out) {
                       return body({begin, row, blocking.rows}, out);
                     });
  if (isDynamic)
    return emitFor(wholeEnd, end, 1, output, [&](Value row, Value out) {
      return body({begin, row, 1}, out);
    });
  return rest == 0 ? output : body({begin, wholeEnd, rest}, output);
}

/// Where the sums of row `i` and `block` of a tile lie in the block's memory.
static Cell getMemoryCell(ImplicitLocOpBuilder &b, const Rows &rows, int64_t i,
                          int64_t block) {
  Value row = b.createOrFold<arith::SubIOp>(rows.row, rows.begin);
  Value column = arith::ConstantIndexOp::create(b, block * kColumnsPerBlock);
  return {emitOffset(b, row, i), column, kColumnsPerBlock};
}

/// The same in the result.
static Cell getOutputCell(ImplicitLocOpBuilder &b, const Rows &rows,
                          const Panel &panel, int64_t i, int64_t block) {
  Value size = arith::ConstantIndexOp::create(b, kColumnsPerBlock);
  Value column =
      b.createOrFold<arith::MulIOp>(emitOffset(b, panel.block, block), size);
  return {emitOffset(b, rows.row, i), column, panel.getValid(block)};
}

Value ProductLoops::emitStarts(Value begin, Value end, int64_t count,
                               const Panel &panel) {
  int64_t size = ShapedType::isDynamic(count) ? blocking.cachedRows : count;
  Value empty = tensor::EmptyOp::create(
      b, ArrayRef<int64_t>{size, panel.numBlocks * kColumnsPerBlock},
      epilogue.getSumType());
  return emitFor(begin, end, 1, empty, [&](Value row, Value memory) {
    Rows rows{begin, row, 1};
    for (int64_t block = 0; block < panel.numBlocks; ++block) {
      Value start =
          epilogue.emitStart(b, getOutputCell(b, rows, panel, 0, block));
      memory = emitStore(b, start, memory, getMemoryCell(b, rows, 0, block));
    }
    return memory;
  });
}

//===----------------------------------------------------------------------===//
// Tiles of vectors
//===----------------------------------------------------------------------===//

Value RegisterTile::emitPart(ImplicitLocOpBuilder &b, const Rows &rows,
                             const Panel &panel, const Part &part,
                             Value memory) {
  SmallVector<Value> sums =
      emitSums(b, rows, panel, part, [&](int64_t i, int64_t block) {
        return emitLoad(b, memory, getMemoryCell(b, rows, i, block));
      });
  for (int64_t block = 0; block < panel.numBlocks; ++block)
    for (int64_t i = 0; i < rows.count; ++i)
      memory = emitStore(b, sums[i * panel.numBlocks + block], memory,
                         getMemoryCell(b, rows, i, block));
  return memory;
}

Value RegisterTile::emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                                 const Panel &panel, const Part &part,
                                 Value memory, Value output) {
  SmallVector<Value> sums =
      emitSums(b, rows, panel, part, [&](int64_t i, int64_t block) {
        if (memory)
          return emitLoad(b, memory, getMemoryCell(b, rows, i, block));
        return epilogue.emitStart(b, getOutputCell(b, rows, panel, i, block));
      });
  for (int64_t block = 0; block < panel.numBlocks; ++block)
    for (int64_t i = 0; i < rows.count; ++i)
      output =
          epilogue.emitStore(b, sums[i * panel.numBlocks + block],
                             getOutputCell(b, rows, panel, i, block), output);
  return output;
}

} // namespace mlir::qfmt
