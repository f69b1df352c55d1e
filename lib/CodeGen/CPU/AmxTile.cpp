// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AmxTile.h"
#include "IntegerTile.h"
#include "RowTiles.h"
#include "UnpackedPanel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/Products/ByteTensor.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

constexpr int64_t kRows = kRowsPerAmxTile, kTerms = kTermsPerAmxTile;
/// Rows and columns of four tiles of sums.
constexpr int64_t kRowsPerTile = 2 * kRows;
constexpr int64_t kBlocksPerTile = 2;

//===----------------------------------------------------------------------===//
// Sizes of blocks
//===----------------------------------------------------------------------===//

/// Sums of up to so many steps are one part: 32 columns of as many terms take
/// half of a level-1 cache of 48 KiB.
constexpr int64_t kMaxSteps = 12;
/// Steps of a part of longer sums.
constexpr int64_t kStepsPerPart = 8;

/// A run of fewer terms leaves most of a tile empty, and has to be copied.
constexpr int64_t kMinRun = 32;

bool AmxTile::isUsed(const IntegerProduct &product, const CpuTarget &target) {
  return target.usesTiles(product.m) && !product.isDepthwise() &&
         (product.isRowMajor() || product.run >= kMinRun);
}

static int64_t getStepsPerRun(const IntegerProduct &product) {
  return llvm::divideCeil(product.run, kTerms);
}

int64_t AmxTile::getNumSteps(const IntegerProduct &product) {
  return product.getNumRuns() * getStepsPerRun(product);
}

Blocking AmxTile::chooseBlocking(const CpuTarget &target,
                                 const IntegerProduct &product) {
  int64_t steps = getNumSteps(product);
  Blocking blocking;
  blocking.rows = kRowsPerTile;
  blocking.columnBlocks = kBlocksPerTile;
  blocking.steps = steps <= kMaxSteps ? steps : kStepsPerPart;
  blocking.cachedRows =
      std::max<int64_t>(
          target.l2Bytes / 4 * 3 / (steps * kTerms) / kRowsPerTile, 1) *
      kRowsPerTile;
  blocking.memoryRows = kRows;
  return blocking;
}

//===----------------------------------------------------------------------===//
// The factors
//===----------------------------------------------------------------------===//

/// [N/16][K/4][16][4], or [N/16][R][K/4][16][4], with the terms of each run
/// filled up with zeros to whole tiles, as [N/16][K/64][16][64]: four terms of
/// 16 columns are a row of a tile.
static Value emitTiles(ImplicitLocOpBuilder &b, Value packed) {
  auto type = cast<RankedTensorType>(packed.getType());
  int64_t dots = type.getDimSize(type.getRank() - 3);
  int64_t runs = type.getNumElements() / (dots * kTerms);
  int64_t whole = llvm::alignTo(dots, kRows);
  SmallVector<int64_t> shape = {type.getDimSize(0),
                                runs / type.getDimSize(0) * whole / kRows,
                                kRows, kTerms};
  if (whole == dots) {
    SmallVector<ReassociationIndices> groups = {{0}, {1}, {2, 3}};
    if (type.getRank() == 5)
      groups = {{0}, {1, 2}, {3, 4}};
    Value rows = tensor::CollapseShapeOp::create(b, packed, groups);
    return tensor::ExpandShapeOp::create(
        b, RankedTensorType::get(shape, b.getI8Type()), rows,
        SmallVector<ReassociationIndices>{{0}, {1, 2}, {3}});
  }
  ElementsAttr constant;
  matchPattern(packed, m_Constant(&constant));
  std::optional<std::vector<uint8_t>> bytes = readCodes(constant);
  assert(bytes && "qfmt-pack-products has made them");
  std::vector<uint8_t> filled(runs * whole * kTerms);
  for (int64_t run = 0; run < runs; ++run)
    std::copy_n(bytes->begin() + run * dots * kTerms, dots * kTerms,
                filled.begin() + run * whole * kTerms);
  return arith::ConstantOp::create(
      b, makeByteTensor(b.getContext(), shape, filled, "tiles"));
}

AmxTile::AmxTile(ImplicitLocOpBuilder &b, const IntegerProduct &product,
                 CodeReading reading, const Epilogue &epilogue)
    : product(product), codes(getPackedCodes(product.rhs->get())),
      reading(reading), epilogue(epilogue), lhs(product.lhs->get()) {
  if (!codes)
    packed = emitTiles(b, getPackedFactor(product.rhs->get()));
}

void AmxTile::emitBlock(ImplicitLocOpBuilder &b, Value begin, Value end,
                        int64_t count) {
  bool isDynamic = ShapedType::isDynamic(count);
  readsRows = !isDynamic && product.isRowMajor() && product.k % kTerms == 0 &&
              getNumSteps(product) <= kMaxSteps;
  copy = {};
  if (readsRows && count % kRows == 0)
    return;
  int64_t direct = readsRows ? count / kRowsPerTile * kRowsPerTile : 0;
  copyBegin = emitOffset(b, begin, direct);
  copy = emitCopy(b, copyBegin, end, isDynamic ? count : count - direct);
}

Value AmxTile::emitCopy(ImplicitLocOpBuilder &b, Value begin, Value end,
                        int64_t count) {
  // What lies behind a run is multiplied by zeros.
  return emitRowTiles(b, lhs, begin, end, count,
                      {product.getNumRuns(), product.run,
                       [&](Value row, Value run, Value term) {
                         return emitLhsIndices(
                             b, product, row, product.hasRuns() ? run : Value(),
                             term);
                       }});
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

void AmxTile::emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                        const Part &part) {
  if (codes) {
    Value bytes =
        emitUnpackedPanel(b, codes, panel,
                          {part.first, part.count, kTerms / kTermsPerDot,
                           getStepsPerRun(product)});
    packed = tensor::ExpandShapeOp::create(
        b,
        RankedTensorType::get({panel.numBlocks, part.count, kRows, kTerms},
                              b.getI8Type()),
        bytes, SmallVector<ReassociationIndices>{{0}, {1, 2}, {3}});
  }
  if (part.isLast)
    sums = tensor::EmptyOp::create(
        b, ArrayRef<int64_t>{kRowsPerTile, panel.numBlocks * kColumnsPerBlock},
        b.getI32Type());
}

Value AmxTile::emitProduct(ImplicitLocOpBuilder &b, const Rows &rows,
                           const Panel &panel, const Part &part, Value into,
                           bool added) {
  auto index = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  };
  Value source = lhs, row = rows.row;
  Value term = b.createOrFold<arith::MulIOp>(part.first, index(kTerms));
  if (!readsRows || rows.count % kRows != 0) {
    source = copy;
    Value offset = b.createOrFold<arith::SubIOp>(rows.row, copyBegin);
    row = b.createOrFold<arith::DivUIOp>(offset, index(kRows));
    term = part.first;
  }
  Value block = codes ? index(0) : panel.block;
  Value step = codes ? index(0) : part.first;
  return cpu::TileProductOp::create(b, into.getType(), source, row, term,
                                    packed, block, step, index(part.count),
                                    into, reading.isUnsigned, added)
      .getResult();
}

/// Rows of `tensor` for the tiles of `rows`, and the columns of `panel`.
static Value emitSlice(ImplicitLocOpBuilder &b, Value tensor, Value first,
                       const Rows &rows, const Panel &panel) {
  SmallVector<OpFoldResult> offsets = {first, b.getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes = {
      b.getIndexAttr(llvm::alignTo(rows.count, kRows)),
      b.getIndexAttr(panel.numBlocks * kColumnsPerBlock)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, tensor, offsets, sizes, strides);
}

Value AmxTile::emitPart(ImplicitLocOpBuilder &b, const Rows &rows,
                        const Panel &panel, const Part &part, Value memory) {
  Value first = b.createOrFold<arith::SubIOp>(rows.row, rows.begin);
  Value slice = emitSlice(b, memory, first, rows, panel);
  Value next = emitProduct(b, rows, panel, part, slice, /*added=*/true);
  auto extract = slice.getDefiningOp<tensor::ExtractSliceOp>();
  return tensor::InsertSliceOp::create(
      b, next, memory, extract.getMixedOffsets(), extract.getMixedSizes(),
      extract.getMixedStrides());
}

Value AmxTile::emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                            const Panel &panel, const Part &part, Value memory,
                            Value output) {
  auto index = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  };
  Value into = sums;
  if (llvm::alignTo(rows.count, kRows) != kRowsPerTile)
    into = emitSlice(b, sums, index(0), rows, panel);
  Value tile = emitProduct(b, rows, panel, part, into, /*added=*/false);
  Value valid = rows.valid ? rows.valid : index(rows.count);
  auto loop = scf::ForOp::create(b, index(0), valid, index(1), output);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value i = loop.getInductionVar(), out = loop.getRegionIterArg(0);
  Value row = arith::AddIOp::create(b, rows.row, i);
  for (int64_t block = 0; block < panel.numBlocks; ++block) {
    Cell cell{row, emitColumn(b, panel, block), panel.getValid(block)};
    Value column = index(block * kColumnsPerBlock);
    Value sum = emitLoad(b, tile, {i, column, kColumnsPerBlock});
    Value start;
    if (memory) {
      Value first = b.createOrFold<arith::SubIOp>(row, rows.begin);
      start = emitLoad(b, memory, {first, column, kColumnsPerBlock});
    } else {
      start = epilogue.emitStart(b, cell);
    }
    sum = b.createOrFold<arith::AddIOp>(sum, start);
    out = epilogue.emitStore(b, sum, cell, out);
  }
  scf::YieldOp::create(b, out);
  return loop.getResult(0);
}

} // namespace mlir::qfmt
