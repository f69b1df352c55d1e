// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DepthwiseTile.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <map>

namespace mlir::qfmt {

/// Places at once: with 3 columns of weights, and as many of codes, they fit 16
/// registers.
constexpr int64_t kPlaces = 6;
/// Dot products of a place; more would make the code long.
constexpr int64_t kMaxDots = 64;

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// The map to one number, which counts rows of channels.
static AffineExpr getPlace(const IntegerProduct &product) {
  auto type = cast<RankedTensorType>(product.lhs->get().getType());
  AffineMap map = product.getLhsMap();
  AffineExpr place = getAffineConstantExpr(0, map.getContext());
  for (auto [expr, size] :
       llvm::zip(map.getResults().drop_back(), type.getShape()))
    place = place * size + expr;
  return place;
}

static int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> loops) {
  return AffineMap::get(loops.size(), 0, expr).compose(loops).front();
}

/// The longest run of places at equal distances that all rows consist of.
static void findSegment(DepthwiseRows &rows, ArrayRef<int64_t> places) {
  int64_t count = places.size();
  rows.stride = count > 1 ? places[1] - places[0] : 0;
  rows.segment = 1;
  while (rows.segment < count &&
         places[rows.segment] == places[0] + rows.segment * rows.stride)
    ++rows.segment;
  bool isSame = count % rows.segment == 0;
  for (int64_t m = 0; isSame && m < count; ++m)
    isSame = places[m] == places[m / rows.segment * rows.segment] +
                              m % rows.segment * rows.stride;
  if (!isSame)
    rows.segment = 1;
}

std::optional<DepthwiseRows>
DepthwiseRows::find(const IntegerProduct &product) {
  int64_t runs = product.getNumRuns();
  if (!product.isDepthwise() ||
      runs * llvm::divideCeil(product.run, kTermsPerDot) > kMaxDots)
    return std::nullopt;
  AffineExpr place = getPlace(product);
  unsigned numLoops = product.getLhsMap().getNumDims();
  MLIRContext *context = place.getContext();
  llvm::DenseMap<AffineExpr, AffineExpr> noTerms;
  for (unsigned loop : product.reductions)
    noTerms[getAffineDimExpr(loop, context)] =
        getAffineConstantExpr(0, context);
  AffineExpr term =
      simplifyAffineExpr(place - place.replace(noTerms), numLoops, 0);
  if (term.isFunctionOfDim(product.mLoop))
    return std::nullopt;

  DepthwiseRows rows;
  SmallVector<int64_t> loops(numLoops, 0);
  for (int64_t r = 0; r < runs; ++r)
    for (int64_t k = 0; k < product.run; ++k) {
      loops[product.reductions.front()] = r;
      loops[product.reductions.back()] = k;
      rows.offsets.push_back(evaluate(term, loops));
    }
  loops.assign(numLoops, 0);
  SmallVector<int64_t> places;
  for (int64_t m = 0; m < product.m; ++m) {
    loops[product.mLoop] = m;
    places.push_back(evaluate(place, loops));
  }
  findSegment(rows, places);
  return rows;
}

Blocking DepthwiseTile::chooseBlocking(const DepthwiseRows &rows) {
  Blocking blocking;
  blocking.rows = blocking.cachedRows = rows.segment;
  blocking.columnBlocks = 1;
  blocking.steps = 1;
  blocking.cyclesPerStep = double(rows.offsets.size());
  return blocking;
}

//===----------------------------------------------------------------------===//
// The tile
//===----------------------------------------------------------------------===//

DepthwiseTile::DepthwiseTile(ImplicitLocOpBuilder &b,
                             const IntegerProduct &product,
                             const DepthwiseRows &rows,
                             const ByteDotProduct &dot,
                             const Epilogue &epilogue)
    : product(product), places(rows), dot(dot), epilogue(epilogue),
      lhs(product.lhs->get()), packed(emitPackedSteps(b, product)) {
  int64_t rank = cast<RankedTensorType>(lhs.getType()).getRank();
  if (rank == 2)
    return;
  SmallVector<ReassociationIndices> groups(2);
  for (int64_t i = 0; i + 1 < rank; ++i)
    groups[0].push_back(i);
  groups[1].push_back(rank - 1);
  lhs = tensor::CollapseShapeOp::create(b, lhs, groups);
}

Value DepthwiseTile::emitPart(ImplicitLocOpBuilder &, const Rows &,
                              const Panel &, const Part &, Value memory) {
  // All terms are one step.
  return memory;
}

/// 16 channels from a row and column of `lhs` on.
static Value loadChannels(ImplicitLocOpBuilder &b, Value lhs, Value place,
                          const Cell &channels) {
  Cell cell{place, channels.column, channels.valid};
  return emitLoad(b, lhs, cell);
}

Value DepthwiseTile::getFirst(ImplicitLocOpBuilder &b, Value row) {
  SmallVector<OpFoldResult> loops(product.getLhsMap().getNumDims(),
                                  b.getIndexAttr(0));
  loops[product.mLoop] = row;
  AffineMap map =
      AffineMap::get(loops.size(), 0, getPlace(product), b.getContext());
  return getValueOrCreateConstantIndexOp(
      b, b.getLoc(),
      affine::makeComposedFoldedAffineApply(b, b.getLoc(), map, loops));
}

Value DepthwiseTile::emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                                  const Panel &panel, const Part &part,
                                  Value memory, Value output) {
  SmallVector<Value> weights;
  auto type = VectorType::get(dot.getGroupBytes(), b.getI8Type());
  int64_t quadruples =
      product.getNumRuns() * llvm::divideCeil(product.run, kTermsPerDot);
  Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
  for (int64_t i = 0; i < quadruples; ++i)
    for (int64_t group = 0, e = dot.getNumGroups(); group < e; ++group) {
      Value step = arith::ConstantIndexOp::create(b, i);
      Value first =
          arith::ConstantIndexOp::create(b, group * dot.getGroupBytes());
      weights.push_back(dot.emitRight(
          b, vector::TransferReadOp::create(
                 b, type, packed, ValueRange{panel.block, step, first}, zero,
                 ArrayRef(true))));
    }
  Cell channels{rows.row, emitColumn(b, panel, 0), panel.getValid(0)};
  int64_t whole = rows.count / kPlaces * kPlaces;
  if (whole != 0) {
    Value end = emitOffset(b, rows.row, whole);
    Value step = arith::ConstantIndexOp::create(b, kPlaces);
    auto loop = scf::ForOp::create(b, rows.row, end, step, output);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value next = emitRows(b, loop.getInductionVar(), kPlaces, channels, weights,
                          loop.getRegionIterArg(0));
    scf::YieldOp::create(b, next);
    output = loop.getResult(0);
  }
  if (whole == rows.count)
    return output;
  return emitRows(b, emitOffset(b, rows.row, whole), rows.count - whole,
                  channels, weights, output);
}

SmallVector<Value> DepthwiseTile::loadTaps(ImplicitLocOpBuilder &b, Value first,
                                           ArrayRef<int64_t> offsets,
                                           const Cell &channels) {
  auto type = VectorType::get(kColumnsPerBlock, b.getI32Type());
  Value words;
  for (auto [i, offset] : llvm::enumerate(offsets)) {
    Value codes = loadChannels(b, lhs, emitOffset(b, first, offset), channels);
    Value wide = arith::ExtUIOp::create(b, type, codes);
    if (i == 0) {
      words = wide;
      continue;
    }
    Value shift = arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, APInt(32, 8 * i)));
    words =
        arith::OrIOp::create(b, words, arith::ShLIOp::create(b, wide, shift));
  }
  SmallVector<Value> groups;
  int64_t count = dot.getNumGroups();
  int64_t lanes = kColumnsPerBlock / count;
  for (int64_t group = 0; group < count; ++group) {
    Value part = words;
    if (count != 1)
      part = vector::ExtractStridedSliceOp::create(
          b, words, ArrayRef<int64_t>{group * lanes}, ArrayRef<int64_t>{lanes},
          ArrayRef<int64_t>{1});
    groups.push_back(dot.emitCodes(b, part));
  }
  return groups;
}

Value DepthwiseTile::emitRows(ImplicitLocOpBuilder &b, Value row, int64_t count,
                              const Cell &channels, ArrayRef<Value> weights,
                              Value output) {
  int64_t groups = dot.getNumGroups();
  int64_t dots = llvm::divideCeil(product.run, kTermsPerDot);
  // Which dot products read the same codes, in the order in which these lie.
  struct Use {
    int64_t row, weight;
  };
  std::map<std::vector<int64_t>, SmallVector<Use>> uses;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t r = 0, e = product.getNumRuns(); r < e; ++r)
      for (int64_t j = 0; j < dots; ++j) {
        std::vector<int64_t> offsets;
        for (int64_t k = j * kTermsPerDot;
             k < std::min((j + 1) * kTermsPerDot, product.run); ++k)
          offsets.push_back(i * places.stride +
                            places.offsets[r * product.run + k]);
        uses[offsets].push_back({i, r * dots + j});
      }
  Value zero = arith::ConstantOp::create(
      b, b.getZeroAttr(dot.getAccumulatorType(b.getContext())));
  SmallVector<Value> sums(count * groups, zero);
  Value first = getFirst(b, row);
  for (const auto &[offsets, readers] : uses) {
    SmallVector<Value> codes = loadTaps(b, first, offsets, channels);
    for (const Use &use : readers)
      for (int64_t group = 0; group < groups; ++group) {
        Value &sum = sums[use.row * groups + group];
        sum = dot.emitDot(b, sum, codes[group],
                          weights[use.weight * groups + group]);
      }
  }
  for (int64_t i = 0; i < count; ++i) {
    Cell cell = channels;
    cell.row = emitOffset(b, row, i);
    Value sum = dot.emitSums(b, ArrayRef(sums).slice(i * groups, groups));
    Value start = epilogue.emitStart(b, cell);
    output = epilogue.emitStore(b, b.createOrFold<arith::AddIOp>(sum, start),
                                cell, output);
  }
  return output;
}

} // namespace mlir::qfmt
