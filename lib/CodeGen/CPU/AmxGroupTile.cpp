// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AmxGroupTile.h"
#include "GroupBody.h"
#include "RowTiles.h"
#include "UnpackedPanel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {

constexpr int64_t kRows = kRowsPerAmxTile, kTerms = kTermsPerAmxTile;
/// Rows and columns of four tiles of sums.
constexpr int64_t kRowsPerBlock = 2 * kRows;
constexpr int64_t kBlocksPerPanel = 2;
/// Groups whose sums are added up together.
constexpr int64_t kGroupsPerChunk = 2;
/// Groups whose integers are in memory at a time.
constexpr int64_t kSlots = 2 * kGroupsPerChunk;

static Value index(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

//===----------------------------------------------------------------------===//
// Sizes of blocks
//===----------------------------------------------------------------------===//

/// Columns of so many times four terms take 16 KiB, a third of a level-1 cache
/// of 48 KiB; integers and sums of a block take 20 KiB.
constexpr int64_t kDotsPerPart = 128;

static int64_t getTilesPerGroup(const GroupedProduct &product) {
  return llvm::divideCeil(product.groupSize, kTerms);
}

/// As many as are packed.
static int64_t getDotsPerGroup(cpu::UnpackIntegersOp factor) {
  auto type = cast<ShapedType>(factor.getPacked().getType());
  return type.getDimSize(2) * factor.getNumFields();
}

Blocking AmxGroupTile::chooseBlocking(const CpuTarget &target,
                                      const GroupedProduct &product) {
  int64_t tiles = getTilesPerGroup(product);
  Blocking blocking;
  blocking.rows = kRowsPerBlock;
  blocking.columnBlocks = kBlocksPerPanel;
  auto factor = product.rhs->get().getDefiningOp<cpu::UnpackIntegersOp>();
  // Two chunks at least: the products of one while the other is added up.
  blocking.steps = std::max(kDotsPerPart / getDotsPerGroup(factor), kSlots);
  blocking.cyclesPerStep =
      target.getTileGroupCycles(product.groupSize) / double(kRows);
  int64_t bytesPerRow = product.groups * tiles * kTerms;
  int64_t blocks = target.l2Bytes / 4 * 3 / (bytesPerRow * kRowsPerBlock);
  blocking.cachedRows = std::max<int64_t>(blocks, 1) * kRowsPerBlock;
  blocking.memoryRows = kRows;
  return blocking;
}

int64_t AmxGroupTile::addLimits(const CpuTarget &target,
                                const GroupedProduct &product,
                                KernelSize &size) {
  int64_t columnBlocks = llvm::divideCeil(product.n, kColumnsPerBlock);
  auto factor = product.rhs->get().getDefiningOp<cpu::UnpackIntegersOp>();
  size.panelBytes =
      columnBlocks * product.groups * getDotsPerGroup(factor) * kTerms;
  size.groupCycles = int64_t(double(llvm::divideCeil(product.m, kRows) *
                                    columnBlocks * product.groups) *
                             target.getGroupSumCycles());
  int64_t terms = getTilesPerGroup(product) * kTerms;
  return std::max<int64_t>(
      target.rates.tileProducts * product.groupSize / terms, 1);
}

int64_t AmxGroupTile::Work::getNumRowTiles() const {
  return llvm::divideCeil(rows.count, kRows);
}

//===----------------------------------------------------------------------===//
// The factors
//===----------------------------------------------------------------------===//

AmxGroupTile::AmxGroupTile(const GroupedProduct &product,
                           const Epilogue &epilogue)
    : product(product),
      factor(product.rhs->get().getDefiningOp<cpu::UnpackIntegersOp>()),
      epilogue(epilogue), tilesPerGroup(getTilesPerGroup(product)),
      dotsPerGroup(getDotsPerGroup(factor)) {}

void AmxGroupTile::emitBlock(ImplicitLocOpBuilder &b, Value from, Value end,
                             int64_t count) {
  begin = from;
  // Zeros follow a group: in a panel the next one does.
  rowTiles = emitRowTiles(b, product.lhs, from, end, count,
                          {product.groups, product.groupSize,
                           [](Value row, Value group, Value term) {
                             return SmallVector<Value>{row, group, term};
                           }});
}

void AmxGroupTile::emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                             const Part &part) {
  int64_t dotsBehind = tilesPerGroup * (kTerms / kTermsPerDot) - dotsPerGroup;
  panelBytes = emitUnpackedPanel(
      b, factor, panel, {part.first, part.count, dotsPerGroup, 1, dotsBehind});
  int64_t columns = panel.numBlocks * kColumnsPerBlock;
  auto emitEmpty = [&](int64_t rows, Type type) {
    return tensor::EmptyOp::create(b, ArrayRef<int64_t>{rows, columns}, type);
  };
  empty = {emitEmpty(kSlots * kRowsPerBlock, b.getI32Type()),
           emitEmpty(kRowsPerBlock, epilogue.getSumType())};
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

/// The first row of the memory for the integers of a group.
static Value emitSlot(ImplicitLocOpBuilder &b, Value group) {
  Value slot = b.createOrFold<arith::RemUIOp>(group, index(b, kSlots));
  return b.createOrFold<arith::MulIOp>(slot, index(b, kRowsPerBlock));
}

AmxGroupTile::Memory AmxGroupTile::emitGroups(ImplicitLocOpBuilder &b,
                                              const Work &work, Memory memory) {
  int64_t chunks = work.part.count / kGroupsPerChunk;
  int64_t rest = work.part.count % kGroupsPerChunk;
  auto getChunk = [&](Value i) {
    Value first = b.createOrFold<arith::MulIOp>(i, index(b, kGroupsPerChunk));
    return Chunk{first, kGroupsPerChunk};
  };
  Chunk none{{}, 0}, last{index(b, chunks * kGroupsPerChunk), rest};
  if (chunks == 0) {
    memory = emitStage(b, work, none, last, memory);
    return emitStage(b, work, last, none, memory);
  }
  memory = emitStage(b, work, none, getChunk(index(b, 0)), memory);
  if (chunks > 1) {
    SmallVector<Value> after = emitLoop(
        b, index(b, 1), chunks - 1, {memory.integers, memory.sums},
        [&](Value i, SmallVector<Value> carried) -> SmallVector<Value> {
          Value previous = b.createOrFold<arith::SubIOp>(i, index(b, 1));
          Memory next = emitStage(b, work, getChunk(previous), getChunk(i),
                                  {carried[0], carried[1]});
          return {next.integers, next.sums};
        });
    memory = {after[0], after[1]};
  }
  memory = emitStage(b, work, getChunk(index(b, chunks - 1)), last, memory);
  return rest == 0 ? memory : emitStage(b, work, last, none, memory);
}

/// Between the products of two groups a part of the other sums, so that neither
/// waits long for the other.
AmxGroupTile::Memory AmxGroupTile::emitStage(ImplicitLocOpBuilder &b,
                                             const Work &work,
                                             const Chunk &before,
                                             const Chunk &next, Memory memory) {
  int64_t blocks = work.panel.numBlocks;
  int64_t tiles = work.getNumRowTiles() * blocks, tile = 0;
  for (int64_t i = 0; i < kGroupsPerChunk; ++i) {
    if (i < next.count)
      memory.integers =
          emitIntegers(b, work, emitOffset(b, next.first, i), memory.integers);
    if (before.count == 0)
      continue;
    for (int64_t end = tiles * (i + 1) / kGroupsPerChunk; tile < end; ++tile)
      memory.sums =
          emitSums(b, work, tile / blocks, tile % blocks, before, memory);
  }
  return memory;
}

Value AmxGroupTile::emitIntegers(ImplicitLocOpBuilder &b, const Work &work,
                                 Value group, Value integers) {
  SmallVector<OpFoldResult> offsets = {getAsOpFoldResult(emitSlot(b, group)),
                                       b.getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes = {
      b.getIndexAttr(work.getNumRowTiles() * kRows),
      b.getIndexAttr(work.panel.numBlocks * kColumnsPerBlock)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  Value into =
      tensor::ExtractSliceOp::create(b, integers, offsets, sizes, strides);
  Value tiles = index(b, tilesPerGroup);
  Value ofBlock = b.createOrFold<arith::SubIOp>(work.rows.row, begin);
  Value row = b.createOrFold<arith::DivUIOp>(ofBlock, index(b, kRows));
  Value all = b.createOrFold<arith::AddIOp>(work.part.first, group);
  Value product =
      cpu::TileProductOp::create(
          b, into.getType(), rowTiles, row,
          b.createOrFold<arith::MulIOp>(all, tiles), panelBytes, index(b, 0),
          b.createOrFold<arith::MulIOp>(group, index(b, dotsPerGroup)), tiles,
          into,
          /*is_lhs_unsigned=*/false, /*added=*/false)
          .getResult();
  return tensor::InsertSliceOp::create(b, product, integers, offsets, sizes,
                                       strides);
}

Value AmxGroupTile::emitSums(ImplicitLocOpBuilder &b, const Work &work,
                             int64_t rowTile, int64_t block, const Chunk &chunk,
                             const Memory &memory) {
  int64_t first = rowTile * kRows;
  int64_t count = std::min(work.rows.count - first, kRows);
  Value column = index(b, block * kColumnsPerBlock);
  Value ofColumns = emitOffset(b, work.panel.block, block);
  auto getCell = [&](Value base, int64_t i) {
    return Cell{emitOffset(b, base, first + i), column, kColumnsPerBlock};
  };
  SmallVector<Value> sums;
  for (int64_t i = 0; i < count; ++i)
    sums.push_back(emitLoad(b, memory.sums, getCell(index(b, 0), i)));
  sums = emitLoop(
      b, chunk.first, chunk.count, sums,
      [&](Value group, SmallVector<Value> current) {
        Value slot = emitSlot(b, group);
        Value all = b.createOrFold<arith::AddIOp>(work.part.first, group);
        for (int64_t i = 0; i < count; ++i) {
          Value integers = emitLoad(b, memory.integers, getCell(slot, i));
          Value row = emitOffset(b, work.rows.row, first + i);
          current[i] = emitGroupBody(b, product, {row, ofColumns, all},
                                     integers, current[i]);
        }
        return current;
      });
  Value result = memory.sums;
  for (int64_t i = 0; i < count; ++i)
    result = emitStore(b, sums[i], result, getCell(index(b, 0), i));
  return result;
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

Value AmxGroupTile::emitPart(ImplicitLocOpBuilder &b, const Rows &rows,
                             const Panel &panel, const Part &part,
                             Value memory) {
  Value first = b.createOrFold<arith::SubIOp>(rows.row, rows.begin);
  SmallVector<OpFoldResult> offsets = {getAsOpFoldResult(first),
                                       b.getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes = {
      b.getIndexAttr(llvm::alignTo(rows.count, kRows)),
      b.getIndexAttr(panel.numBlocks * kColumnsPerBlock)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  Value slice =
      tensor::ExtractSliceOp::create(b, memory, offsets, sizes, strides);
  Memory after = emitGroups(b, {rows, panel, part}, {empty.integers, slice});
  return tensor::InsertSliceOp::create(b, after.sums, memory, offsets, sizes,
                                       strides);
}

/// Of each row of a block.
static Value emitRows(ImplicitLocOpBuilder &b, int64_t count, Value tensor,
                      function_ref<Value(Value row, Value current)> body) {
  return emitLoop(b, index(b, 0), count, {tensor},
                  [&](Value row, SmallVector<Value> current) {
                    return SmallVector<Value>{body(row, current[0])};
                  })
      .front();
}

/// A block of 16 columns of a row of the result.
static Cell getOutputCell(ImplicitLocOpBuilder &b, Value row,
                          const Panel &panel, int64_t block) {
  return {row, emitColumn(b, panel, block), panel.getValid(block)};
}

Value AmxGroupTile::emitStarts(ImplicitLocOpBuilder &b, const Work &work,
                               Value memory) {
  return emitRows(b, work.rows.count, empty.sums, [&](Value i, Value current) {
    Value row = b.createOrFold<arith::AddIOp>(work.rows.row, i);
    Value ofMemory = b.createOrFold<arith::SubIOp>(row, work.rows.begin);
    for (int64_t block = 0; block < work.panel.numBlocks; ++block) {
      Value column = index(b, block * kColumnsPerBlock);
      Value start =
          memory
              ? emitLoad(b, memory, {ofMemory, column, kColumnsPerBlock})
              : epilogue.emitStart(b, getOutputCell(b, row, work.panel, block));
      current = emitStore(b, start, current, {i, column, kColumnsPerBlock});
    }
    return current;
  });
}

Value AmxGroupTile::emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                                 const Panel &panel, const Part &part,
                                 Value memory, Value output) {
  Work work{rows, panel, part};
  Memory after =
      emitGroups(b, work, {empty.integers, emitStarts(b, work, memory)});
  return emitRows(b, rows.count, output, [&](Value i, Value out) {
    Value row = b.createOrFold<arith::AddIOp>(rows.row, i);
    for (int64_t block = 0; block < panel.numBlocks; ++block) {
      Value column = index(b, block * kColumnsPerBlock);
      Value sum = emitLoad(b, after.sums, {i, column, kColumnsPerBlock});
      out =
          epilogue.emitStore(b, sum, getOutputCell(b, row, panel, block), out);
    }
    return out;
  });
}

} // namespace mlir::qfmt
