// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ProductLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace mlir::qfmt {

ProductTile::~ProductTile() = default;

void reportBlocks(Location loc, StringRef pass, StringRef what,
                  const Blocking &blocking, const Epilogue &epilogue) {
  auto named = [&](StringRef name) {
    return remark::RemarkOpts::name(name).category(pass);
  };
  if (epilogue.size() == 0 && !epilogue.getWhyNot().empty())
    remark::missed(loc, named("NotFused"))
        << "sums are written to memory: " << epilogue.getWhyNot();
  remark::passed(loc, named("Blocks"))
      << what << remark::metric("Rows", blocking.rows)
      << remark::metric("ColumnBlocks", blocking.columnBlocks)
      << remark::metric("Steps", blocking.steps)
      << remark::metric("CachedRows", blocking.cachedRows)
      << remark::metric("FusedOperations", epilogue.size());
}

Value emitOffset(ImplicitLocOpBuilder &b, Value base, int64_t offset) {
  if (offset == 0)
    return base;
  return b.createOrFold<arith::AddIOp>(
      base, arith::ConstantIndexOp::create(b, offset));
}

SmallVector<Value>
emitLoop(ImplicitLocOpBuilder &b, Value first, int64_t count,
         SmallVector<Value> values,
         function_ref<SmallVector<Value>(Value, SmallVector<Value>)> body) {
  if (count == 1)
    return body(first, values);
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto loop =
      scf::ForOp::create(b, first, emitOffset(b, first, count), one, values);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scf::YieldOp::create(b, body(loop.getInductionVar(),
                               SmallVector<Value>(loop.getRegionIterArgs())));
  return SmallVector<Value>(loop.getResults());
}

Value emitColumn(ImplicitLocOpBuilder &b, const Panel &panel, int64_t block) {
  Value size = arith::ConstantIndexOp::create(b, kColumnsPerBlock);
  return b.createOrFold<arith::MulIOp>(emitOffset(b, panel.block, block), size);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

ProductLoops::ProductLoops(ImplicitLocOpBuilder &b, const Blocking &blocking,
                           Epilogue &epilogue, ProductTile &tile,
                           OpFoldResult rows, int64_t numColumns,
                           int64_t numSteps)
    : b(b), blocking(blocking), epilogue(epilogue), tile(tile), rows(rows),
      numRows(getConstantIntValue(rows).value_or(ShapedType::kDynamic)),
      numColumns(numColumns), numSteps(numSteps) {}

Value ProductLoops::emit() {
  Value output = epilogue.emitOutput(b, rows, numColumns);
  ThreadGrid grid =
      chooseThreadGrid(epilogue.getLast(), {numRows, blocking.rows},
                       {getNumBlocks(), blocking.columnBlocks},
                       blocking.cyclesPerStep * double(numSteps));
  if (grid.rows * grid.columns > 1)
    return emitThreads(grid, output);
  Value all = getValueOrCreateConstantIndexOp(b, b.getLoc(), rows);
  return emitRowBlocks({index(0), all, numRows},
                       {index(0), index(getNumBlocks()), getNumBlocks()},
                       output);
}

Value ProductLoops::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

int64_t ProductLoops::getNumBlocks() const {
  return llvm::divideCeil(numColumns, kColumnsPerBlock);
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

ProductLoops::Range ProductLoops::emitRange(Value thread, int64_t parts,
                                            OpFoldResult size, int64_t unit) {
  Value all = getValueOrCreateConstantIndexOp(b, b.getLoc(), size);
  std::optional<int64_t> known = getConstantIntValue(size);
  if (parts == 1)
    return {index(0), all, known.value_or(ShapedType::kDynamic)};
  // Thread i has the units from i * units / parts on: no two threads' numbers
  // of them differ by more than one.
  Value units = b.createOrFold<arith::CeilDivUIOp>(all, index(unit));
  auto emitBegin = [&](Value i) -> Value {
    Value first = b.createOrFold<arith::DivUIOp>(
        b.createOrFold<arith::MulIOp>(i, units), index(parts));
    return b.createOrFold<arith::MulIOp>(first, index(unit));
  };
  Value begin = emitBegin(thread);
  if (known && *known % (unit * parts) == 0)
    return {begin, emitOffset(b, begin, *known / parts), *known / parts};
  Value end =
      arith::MinSIOp::create(b, emitBegin(emitOffset(b, thread, 1)), all);
  return {begin, end, ShapedType::kDynamic};
}

/// Each thread writes a slice of the result.
Value ProductLoops::emitThreads(const ThreadGrid &grid, Value output) {
  SmallVector<OpFoldResult> sizes = {b.getIndexAttr(grid.rows),
                                     b.getIndexAttr(grid.columns)};
  auto forall = scf::ForallOp::create(b, sizes, output, std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(forall.getBody());
  Range ofRows =
      emitRange(forall.getInductionVar(0), grid.rows, rows, blocking.rows);
  Range ofBlocks =
      emitRange(forall.getInductionVar(1), grid.columns,
                b.getIndexAttr(getNumBlocks()), blocking.columnBlocks);
  Value width = index(kColumnsPerBlock);
  Value column = b.createOrFold<arith::MulIOp>(ofBlocks.begin, width);
  Value end = b.createOrFold<arith::MinSIOp>(
      b.createOrFold<arith::MulIOp>(ofBlocks.end, width), index(numColumns));
  auto emitSize = [&](Value from, Value to) {
    return getAsOpFoldResult(b.createOrFold<arith::SubIOp>(to, from));
  };
  SmallVector<OpFoldResult> offsets = {getAsOpFoldResult(ofRows.begin),
                                       getAsOpFoldResult(column)};
  SmallVector<OpFoldResult> extents = {emitSize(ofRows.begin, ofRows.end),
                                       emitSize(column, end)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  Value shared = forall.getRegionIterArgs()[0];
  Value slice =
      tensor::ExtractSliceOp::create(b, shared, offsets, extents, strides);
  epilogue.setOrigin(ofRows.begin, column);
  Value result = emitRowBlocks(ofRows, ofBlocks, slice);
  epilogue.setOrigin({}, {});
  b.setInsertionPointToStart(forall.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, result, shared, offsets, extents,
                                        strides);
  return forall.getResult(0);
}

/// Whole blocks in a loop, the rest after it, each with a known number of rows;
/// with an unknown number of rows all blocks in one loop.
Value ProductLoops::emitRowBlocks(const Range &rows, const Range &blocks,
                                  Value output) {
  int64_t step = blocking.cachedRows;
  if (ShapedType::isDynamic(rows.count))
    return emitFor(
        rows.begin, rows.end, step, output, [&](Value row, Value out) {
          Value end =
              arith::MinSIOp::create(b, emitOffset(b, row, step), rows.end);
          return emitPanels({row, end, ShapedType::kDynamic}, blocks, out);
        });
  int64_t rest = rows.count % step;
  Value wholeEnd = emitOffset(b, rows.begin, rows.count - rest);
  if (rest != rows.count)
    output =
        emitFor(rows.begin, wholeEnd, step, output, [&](Value row, Value out) {
          return emitPanels({row, emitOffset(b, row, step), step}, blocks, out);
        });
  if (rest != 0)
    output = emitPanels({wholeEnd, rows.end, rest}, blocks, output);
  return output;
}

/// The last panel, which has fewer columns, is behind a loop of one iteration
/// or none where others may have it.
Value ProductLoops::emitPanels(const Range &rows, const Range &blocks,
                               Value output) {
  tile.emitBlock(b, rows.begin, rows.end, rows.count);
  int64_t step = blocking.columnBlocks;
  int64_t all = getNumBlocks();
  int64_t partial = numColumns % kColumnsPerBlock;
  int64_t whole = (numColumns / kColumnsPerBlock) / step * step;
  int64_t rest = all - whole;
  auto emitWhole = [&](Value block, Value out) {
    return emitParts(rows, {block, step, kColumnsPerBlock}, out);
  };
  auto emitRest = [&](Value block, Value out) {
    int64_t valid = partial != 0 ? partial : kColumnsPerBlock;
    return emitParts(rows, {block, rest, valid}, out);
  };
  bool hasAll = blocks.count == all;
  Value wholeEnd = index(whole);
  if (!hasAll)
    wholeEnd = b.createOrFold<arith::MinSIOp>(blocks.end, wholeEnd);
  if (whole != 0)
    output = emitFor(blocks.begin, wholeEnd, step, output, emitWhole);
  if (rest == 0)
    return output;
  return hasAll ? emitRest(wholeEnd, output)
                : emitFor(wholeEnd, blocks.end, rest, output, emitRest);
}

/// All but the last part of the sums go to memory.
Value ProductLoops::emitParts(const Range &rows, const Panel &panel,
                              Value output) {
  int64_t before =
      numSteps == 0 ? 0 : (numSteps - 1) / blocking.steps * blocking.steps;
  Value sums;
  if (before != 0)
    sums = emitFor(
        index(0), index(before), blocking.steps, emitStarts(rows, panel),
        [&](Value first, Value out) {
          Part part{first, blocking.steps, /*isLast=*/false};
          tile.emitPanel(b, panel, part);
          return emitRows(rows, out, [&](const Rows &tileRows, Value current) {
            return tile.emitPart(b, tileRows, panel, part, current);
          });
        });
  Part part{index(before), numSteps - before, /*isLast=*/true};
  tile.emitPanel(b, panel, part);
  return emitRows(rows, output, [&](const Rows &tileRows, Value out) {
    return tile.emitLastPart(b, tileRows, panel, part, sums, out);
  });
}

/// Of an unknown number of rows, those that make no whole tile are as many as
/// the product has, if that is known: ranges begin at whole tiles.
Value ProductLoops::emitRows(const Range &rows, Value output, RowsBody body) {
  bool isDynamic = ShapedType::isDynamic(rows.count);
  int64_t tileRows = blocking.rows;
  if (isDynamic && tile.takesUnknownRows())
    return emitFor(
        rows.begin, rows.end, tileRows, output, [&](Value row, Value out) {
          Value left = arith::SubIOp::create(b, rows.end, row);
          Value valid = arith::MinSIOp::create(b, left, index(tileRows));
          return body({rows.begin, row, tileRows, valid}, out);
        });
  int64_t rest = ShapedType::isDynamic(numRows)
                     ? 1
                     : (isDynamic ? numRows : rows.count) % tileRows;
  Value wholeEnd;
  if (isDynamic) {
    Value size = arith::SubIOp::create(b, rows.end, rows.begin);
    Value left = arith::RemSIOp::create(b, size, index(tileRows));
    wholeEnd = arith::SubIOp::create(b, rows.end, left);
  } else {
    wholeEnd = emitOffset(b, rows.begin, rows.count - rest);
  }
  if (isDynamic || rows.count >= tileRows)
    output = emitFor(rows.begin, wholeEnd, tileRows, output,
                     [&](Value row, Value out) {
                       return body({rows.begin, row, tileRows}, out);
                     });
  auto emitRest = [&](Value row, Value out) {
    return body({rows.begin, row, rest}, out);
  };
  if (rest == 0)
    return output;
  return isDynamic ? emitFor(wholeEnd, rows.end, rest, output, emitRest)
                   : emitRest(wholeEnd, output);
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
  return {emitOffset(b, rows.row, i), emitColumn(b, panel, block),
          panel.getValid(block)};
}

Value ProductLoops::emitStarts(const Range &rows, const Panel &panel) {
  int64_t size =
      ShapedType::isDynamic(rows.count) ? blocking.cachedRows : rows.count;
  Value empty = tensor::EmptyOp::create(
      b,
      ArrayRef<int64_t>{int64_t(llvm::alignTo(size, blocking.memoryRows)),
                        panel.numBlocks * kColumnsPerBlock},
      epilogue.getSumType());
  auto emitRow = [&](Value row, Value memory) {
    Rows one{rows.begin, row, 1};
    for (int64_t block = 0; block < panel.numBlocks; ++block) {
      Value start =
          epilogue.emitStart(b, getOutputCell(b, one, panel, 0, block));
      memory = emitStore(b, start, memory, getMemoryCell(b, one, 0, block));
    }
    return memory;
  };
  return emitFor(rows.begin, rows.end, 1, empty, emitRow);
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
