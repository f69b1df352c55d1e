// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ScaledTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::qfmt {

/// Accumulators of a lane in a tile of 16 x 8.
constexpr int64_t kSums = 4;

ScaledTile::ScaledTile(KernelBuilder &b, kernel::ScaledProductOp op,
                       const ScaledBlock &block)
    : b(b), op(op), block(block),
      layout{int64_t(op.getBits()), bool(op.getTable()), op.hasFloats(),
             op.getNumGroups(), op.getGroupTerms()},
      fragments(layout, getElementTypeOrSelf(op.getLhs()),
                op.getTable().value_or(ArrayRef<float>())),
      lhs(b, op.getLhs()), codes(b, op.getCodes()), out(b, op.getOut()) {
  if (Value scales = op.getColumnScales())
    columnScales.emplace(b, scales);
  if (Value scales = op.getRowScales())
    rowScales.emplace(b, scales);
  for (auto [extra, map] : llvm::zip_equal(op.getExtras(), op.getExtraMaps()))
    extras.push_back({GlobalBuffer(b, extra), map});
}

int64_t ScaledTile::getNumStrips() const {
  return llvm::divideCeil(kernel::ScaledProductOp(op).getNumColumns(),
                          kStripColumns);
}

Type ScaledTile::getSumType() { return op.getBlock().getArgument(0).getType(); }

//===----------------------------------------------------------------------===//
// The launch
//===----------------------------------------------------------------------===//

void ScaledTile::emitLaunch() {
  Value one = arith::ConstantIndexOp::create(b, 1);
  Value columns = arith::ConstantIndexOp::create(
      b, llvm::divideCeil(getNumStrips(), block.columnWarps));
  Value height = b.createOrFold<memref::DimOp>(op.getOut(), int64_t(0));
  Value size = arith::ConstantIndexOp::create(b, block.rows);
  Value rowBlocks = b.createOrFold<arith::CeilDivUIOp>(height, size);
  Value threads = arith::ConstantIndexOp::create(b, block.getThreads());
  // The second dimension has 65535 blocks at most, which do for a million
  // columns.
  auto launch =
      gpu::LaunchOp::create(b, rowBlocks, columns, one, threads, one, one);
  auto memory =
      gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  Value shared = launch.addWorkgroupAttribution(
      MemRefType::get({block.termWarps, block.rows, block.getColumns()},
                      getSumType(), MemRefLayoutAttrInterface(), memory),
      b.getLoc());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&launch.getBody().front());
  numRows = b.toI32(height);
  enter(launch);
  placeLane();
  emitStore(emitTiles(), shared);
  gpu::BarrierOp::create(b);
  auto loop =
      scf::ForOp::create(b, thread, b.i32(block.rows * block.getColumns()),
                         b.i32(block.getThreads()));
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(loop.getBody());
    emitElement(loop.getInductionVar(), shared);
  }
  gpu::TerminatorOp::create(b);
}

void ScaledTile::enter(gpu::LaunchOp launch) {
  for (GlobalBuffer *buffer : {&lhs, &codes, &out})
    buffer->enter(b);
  for (std::optional<GlobalBuffer> *scales : {&columnScales, &rowScales})
    if (*scales)
      (*scales)->enter(b);
  for (Extra &extra : extras)
    extra.buffer.enter(b);
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op.getBody(), captured);
  for (Value value : captured)
    if (matchPattern(value, m_Constant()))
      constants.map(value, b.clone(*value.getDefiningOp())->getResult(0));
  thread = b.toI32(launch.getThreadIds().x);
  firstRow = b.mul(b.toI32(launch.getBlockIds().x), block.rows);
  firstColumn = b.mul(b.toI32(launch.getBlockIds().y), block.getColumns());
}

/// Rows that are not there read the last one; nothing is stored for them.
Value ScaledTile::clampRow(Value row) {
  int64_t known = op.getNumRows();
  if (!ShapedType::isDynamic(known) && known % block.rows == 0)
    return row;
  return b.min(row, b.sub(numRows, 1));
}

void ScaledTile::placeLane() {
  lane = b.rem(thread, kWarpLanes);
  group = b.div(lane, 4);
  quad = b.rem(lane, 4);
  Value warp = b.div(thread, kWarpLanes);
  columnWarp = b.rem(warp, block.columnWarps);
  termWarp = b.div(warp, block.columnWarps);
  strip = b.add(b.div(firstColumn, kStripColumns), columnWarp);
  if (getNumStrips() % block.columnWarps != 0)
    strip = b.min(strip, getNumStrips() - 1);
  for (int64_t i = 0; i < getNumTileRows(); ++i)
    rows.push_back(clampRow(b.add(b.add(firstRow, 8 * i), group)));
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

static Value emitZero(KernelBuilder &b, Type type) {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

SmallVector<Value> ScaledTile::emitTiles() {
  SmallVector<Value> zeros(getNumTileRows() * kSums, emitZero(b, getSumType()));
  auto loop = scf::ForOp::create(b, termWarp, b.i32(layout.getNumTiles()),
                                 b.i32(block.termWarps), zeros);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> sums(loop.getRegionIterArgs());
  emitTile(loop.getInductionVar(), sums);
  scf::YieldOp::create(b, sums);
  return SmallVector<Value>(loop.getResults());
}

void ScaledTile::emitTile(Value tile, MutableArrayRef<Value> sums) {
  SmallVector<Value> words = codes.load(
      b, codes.getAddress(b, {strip, tile, lane, b.i32(0)}), kLaneWords);
  int64_t partTerms = layout.getPartTerms(), unitTerms = layout.getUnitTerms();
  Value firstTerm = b.mul(tile, layout.getTileTerms());
  Type partType = layout.hasFloats ? Type(b.getF32Type()) : b.getI32Type();
  for (int64_t part = 0; part < layout.getTileTerms(); part += partTerms) {
    SmallVector<Value> parts(sums);
    if (op.hasScales())
      parts.assign(sums.size(), emitZero(b, partType));
    for (int64_t unit = part; unit < part + partTerms; unit += unitTerms)
      emitUnit(firstTerm, unit, words, parts);
    if (op.hasScales())
      emitScaledSums(firstTerm, part, parts, sums);
    else
      llvm::copy(parts, sums.begin());
  }
}

void ScaledTile::emitUnit(Value firstTerm, int64_t unit, ArrayRef<Value> codes,
                          MutableArrayRef<Value> parts) {
  Value term = b.add(firstTerm, unit), isThere;
  int64_t unitTerms = layout.getUnitTerms();
  if (hasTail(unit)) {
    isThere = b.isLess(term, layout.getNumTerms());
    term = b.min(term, layout.getNumTerms() - unitTerms);
  }
  std::vector<Words> activations;
  for (Value row : rows) {
    activations.push_back(emitActivations(row, term));
    for (Value &word : activations.back())
      word = b.select(isThere, word, b.i32(0));
  }
  // Chunks of one instruction: of 32 bytes, of 16 if groups are as small, or of
  // 16 floats.
  int64_t chunks =
      layout.hasFloats ? 1 : std::min<int64_t>(2, unitTerms / kChunkTerms);
  int64_t wordsOfChunk = layout.hasFloats ? 2 : 1;
  for (int64_t c = 0; c < unitTerms / kChunkTerms; c += chunks) {
    SmallVector<Value> weights;
    for (int64_t i = 0; i < chunks; ++i) {
      int64_t chunk = unit / kChunkTerms + c + i;
      int64_t field = chunk % layout.getNumFields();
      int64_t word = chunk / layout.getNumFields();
      SmallVector<Value> upper = fragments.emit(b, codes[word], field);
      SmallVector<Value> lower = fragments.emit(b, codes[2 + word], field);
      for (auto [first, second] : llvm::zip_equal(upper, lower))
        weights.append({first, second});
    }
    for (auto [i, words] : llvm::enumerate(activations))
      emitProducts(
          weights,
          ArrayRef(words).slice(c * wordsOfChunk, chunks * wordsOfChunk),
          parts.slice(i * kSums, kSums));
  }
}

/// The lane's words of a unit of one row. Units do not go beyond groups.
ScaledTile::Words ScaledTile::emitActivations(Value row, Value firstTerm) {
  Value term = b.add(firstTerm, b.mul(quad, layout.getUnitTerms() / 4));
  Value inGroup = b.rem(term, layout.groupTerms);
  Value address =
      lhs.getAddress(b, {row, b.div(term, layout.groupTerms), inGroup});
  int64_t bytes = layout.getUnitTerms() / 4 * lhs.getElementBytes();
  int64_t aligned = lhs.getAlignment({0, 1}, bytes / lhs.getElementBytes()) *
                    lhs.getElementBytes();
  int64_t piece = std::max<int64_t>(aligned, 1);
  Words words;
  Type i32 = b.getI32Type();
  for (int64_t at = 0; at < bytes; at += std::max<int64_t>(piece, 4)) {
    if (piece < 4) {
      Value word = b.i32(0);
      for (int64_t i = 0; i < 4; i += piece) {
        Value part = LLVM::LoadOp::create(b, b.getIntegerType(8 * piece),
                                          b.advance(address, at + i), piece);
        part = arith::ExtUIOp::create(b, i32, part);
        part = arith::ShLIOp::create(b, part, b.i32(8 * i));
        word = arith::OrIOp::create(b, word, part);
      }
      words.push_back(word);
      continue;
    }
    int64_t count = piece / 4;
    Type type = count == 1 ? i32 : Type(VectorType::get(count, i32));
    Value loaded = LLVM::LoadOp::create(b, type, b.advance(address, at), piece);
    for (int64_t i = 0; i < count; ++i)
      words.push_back(count == 1
                          ? loaded
                          : LLVM::ExtractElementOp::create(b, loaded, b.i32(i))
                                .getResult());
  }
  return words;
}

void ScaledTile::emitProducts(ArrayRef<Value> weights,
                              ArrayRef<Value> activations,
                              MutableArrayRef<Value> parts) {
  Type element = lhs.getElementType();
  bool isF16 = element.isF16();
  auto toOperands = [&](ArrayRef<Value> words) {
    SmallVector<Value> operands(words);
    if (isF16)
      for (Value &word : operands)
        word = LLVM::BitcastOp::create(b, VectorType::get(2, element), word);
    return operands;
  };
  NVVM::MMATypes type = !layout.hasFloats ? NVVM::MMATypes::s8
                        : isF16           ? NVVM::MMATypes::f16
                                          : NVVM::MMATypes::bf16;
  int64_t k = layout.hasFloats ? kChunkTerms : kChunkTerms * activations.size();
  std::optional<NVVM::MMAIntOverflow> overflow;
  if (!layout.hasFloats)
    overflow = NVVM::MMAIntOverflow::wrapped;
  Type partType = parts.front().getType();
  auto result = LLVM::LLVMStructType::getLiteral(
      b.getContext(), SmallVector<Type>(kSums, partType));
  Value sums = NVVM::MmaOp::create(
      b, result, toOperands(weights), toOperands(activations),
      SmallVector<Value>(parts), ArrayRef<int64_t>{16, 8, k}, std::nullopt,
      overflow, std::array{type, type},
      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (int64_t i = 0; i < kSums; ++i)
    parts[i] = LLVM::ExtractValueOp::create(b, sums, i);
}

Value ScaledTile::emitPartSum(Value part) {
  if (layout.hasFloats)
    return part;
  if (int64_t shift = fragments.getShift())
    part = arith::ShRSIOp::create(b, part, b.i32(shift));
  return arith::SIToFPOp::create(b, b.getF32Type(), part);
}

void ScaledTile::emitScaledSums(Value firstTerm, int64_t part,
                                ArrayRef<Value> parts,
                                MutableArrayRef<Value> sums) {
  Value scaleGroup = b.div(b.add(firstTerm, part), layout.groupTerms);
  if (hasTail(part))
    scaleGroup = b.min(scaleGroup, layout.groups - 1);
  // Accumulator 2h + j is that of column g + 8 h and of row 2 quad + j.
  SmallVector<Value, 2> ofColumns;
  if (columnScales)
    for (int64_t h = 0; h < 2; ++h)
      ofColumns.push_back(
          columnScales
              ->load(b,
                     columnScales->getAddress(
                         b, {strip, scaleGroup, b.add(group, 8 * h)}),
                     1)
              .front());
  for (int64_t i = 0; i < getNumTileRows(); ++i) {
    SmallVector<Value, 2> ofRows;
    if (rowScales)
      for (int64_t j = 0; j < 2; ++j) {
        Value row = b.add(b.add(firstRow, 8 * i + j), b.mul(quad, 2));
        ofRows.push_back(
            rowScales
                ->load(b, rowScales->getAddress(b, {clampRow(row), scaleGroup}),
                       1)
                .front());
      }
    for (int64_t s = 0; s < kSums; ++s) {
      Value term = emitPartSum(parts[i * kSums + s]);
      if (columnScales)
        term = arith::MulFOp::create(b, term, ofColumns[s / 2]);
      if (rowScales)
        term = arith::MulFOp::create(b, term, ofRows[s % 2]);
      Value &sum = sums[i * kSums + s];
      sum = arith::AddFOp::create(b, sum, term);
    }
  }
}

//===----------------------------------------------------------------------===//
// The result
//===----------------------------------------------------------------------===//

static Value toIndex(KernelBuilder &b, Value i32) {
  return b.createOrFold<arith::IndexCastOp>(b.getIndexType(), i32);
}

void ScaledTile::emitStore(ArrayRef<Value> sums, Value shared) {
  Value column = b.add(b.mul(columnWarp, kStripColumns), group);
  for (int64_t i = 0; i < getNumTileRows(); ++i)
    for (int64_t s = 0; s < kSums; ++s) {
      Value row = b.add(b.mul(quad, 2), 8 * i + s % 2);
      memref::StoreOp::create(
          b, sums[i * kSums + s], shared,
          ValueRange{toIndex(b, termWarp), toIndex(b, row),
                     toIndex(b, b.add(column, 8 * (s / 2)))});
    }
}

/// `place` counts the elements of the block, row by row.
void ScaledTile::emitElement(Value place, Value shared) {
  Value inRow = b.div(place, block.getColumns());
  Value inColumn = b.rem(place, block.getColumns());
  Value row = b.add(firstRow, inRow), column = b.add(firstColumn, inColumn);
  Value isThere =
      b.both(b.isLess(row, numRows), b.isLess(column, op.getNumColumns()));
  b.emitIf(isThere, [&] {
    Value sum;
    for (int64_t warp = 0; warp < block.termWarps; ++warp) {
      Value part = memref::LoadOp::create(
          b, shared,
          ValueRange{arith::ConstantIndexOp::create(b, warp), toIndex(b, inRow),
                     toIndex(b, inColumn)});
      if (!sum)
        sum = part;
      else if (isa<FloatType>(getSumType()))
        sum = arith::AddFOp::create(b, sum, part);
      else
        sum = b.add(sum, part);
    }
    if (!op.hasScales() && fragments.getShift() != 0)
      sum = arith::ShRSIOp::create(b, sum, b.i32(fragments.getShift()));
    Value element = emitBody(sum, row, column);
    out.store(b, element, out.getAddress(b, {row, column}));
  });
}

Value ScaledTile::emitBody(Value sum, Value row, Value column) {
  IRMapping mapping = constants;
  Block &body = op.getBlock();
  mapping.map(body.getArgument(0), sum);
  for (auto [argument, extra] :
       llvm::zip_equal(body.getArguments().drop_front(), extras)) {
    SmallVector<Value> indices;
    for (AffineExpr result : extra.map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(result);
      indices.push_back(!dim                     ? b.i32(0)
                        : dim.getPosition() == 0 ? row
                                                 : column);
    }
    Value address = extra.buffer.getAddress(b, indices);
    mapping.map(argument, extra.buffer.load(b, address, 1).front());
  }
  for (Operation &inner : body.without_terminator())
    b.clone(inner, mapping);
  return mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
}

} // namespace mlir::qfmt
