// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerTile.h"
#include "UnpackedPanel.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Sizes of blocks
//===----------------------------------------------------------------------===//

/// More rows save few loads of the packed factor, and make the code long.
constexpr int64_t kMaxRows = 6;
/// Blocks of 16 columns. Each is read as a stream of its own: one row by eight
/// of them takes 1.1 times as long where they lie in the level-3 cache.
constexpr int64_t kMaxColumnBlocks = 4;
/// Codes in a byte.
constexpr int64_t kMaxFields = 4;
/// Fewer dot products do not pay for loading and storing their sums.
constexpr int64_t kMinDots = 64;

/// Column blocks of a panel of `rows` rows: accumulators, the panel's groups,
/// and what is on its way to become products fit the registers.
static int64_t getColumnBlocks(const CpuTarget &target,
                               const ByteDotProduct &dot, int64_t rows) {
  int64_t registers = target.numRegisters - dot.getNumTemporaries();
  int64_t perBlock = dot.getNumGroups() * dot.getRegistersPerAccumulator();
  return std::min(kMaxColumnBlocks, registers / (perBlock * (rows + 1)));
}

/// Of the first factor; rows of a convolution share most of theirs.
static int64_t getBytesPerRow(const IntegerProduct &product) {
  if (product.isRowMajor())
    return product.k;
  auto type = cast<RankedTensorType>(product.lhs->get().getType());
  return llvm::divideCeil(type.getNumElements(), product.m);
}

int64_t IntegerTile::getNumSteps(const IntegerProduct &product) {
  return product.hasRuns() ? product.getNumRuns() : product.k / kTermsPerDot;
}

Blocking IntegerTile::chooseBlocking(const CpuTarget &target,
                                     const ByteDotProduct &dot,
                                     const IntegerProduct &product) {
  int64_t m = ShapedType::isDynamic(product.m)
                  ? std::numeric_limits<int64_t>::max()
                  : product.m;
  int64_t allBlocks = llvm::divideCeil(product.n, kColumnsPerBlock);
  Blocking blocking;
  blocking.rows = std::min(m, kMaxRows);
  while (blocking.rows > 1 && getColumnBlocks(target, dot, blocking.rows) == 0)
    --blocking.rows;
  blocking.columnBlocks = std::clamp<int64_t>(
      getColumnBlocks(target, dot, blocking.rows), 1, allBlocks);
  // A quarter of the cache for a panel, and what is left of three quarters for
  // the rows; the rest is for what is stored and for the next panel.
  int64_t columns = blocking.columnBlocks * kColumnsPerBlock;
  int64_t termsPerStep = product.hasRuns() ? product.run : kTermsPerDot;
  blocking.steps =
      std::max<int64_t>(target.l2Bytes / 4 / columns,
                        std::max(kMinDots * kTermsPerDot, termsPerStep)) /
      termsPerStep;
  // Parts begin with the first code of a byte.
  if (!product.hasRuns())
    blocking.steps = llvm::alignDown(blocking.steps, kMaxFields);
  blocking.cyclesPerStep = double(termsPerStep) / kTermsPerDot;
  int64_t terms = std::min(product.k, blocking.steps * termsPerStep);
  int64_t cached = (target.l2Bytes / 4 * 3 - columns * terms) /
                   std::min(terms, getBytesPerRow(product));
  blocking.cachedRows =
      std::max(cached / blocking.rows, int64_t(1)) * blocking.rows;
  return blocking;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

Value emitPackedSteps(ImplicitLocOpBuilder &b, const IntegerProduct &product) {
  Value packed = getPackedFactor(product.rhs->get());
  SmallVector<ReassociationIndices> groups = {{0}, {1}, {2, 3}};
  if (product.hasRuns())
    groups = {{0}, {1, 2}, {3, 4}};
  return tensor::CollapseShapeOp::create(b, packed, groups);
}

IntegerTile::IntegerTile(ImplicitLocOpBuilder &b, const IntegerProduct &product,
                         const ByteDotProduct &dot, const Epilogue &epilogue)
    : RegisterTile(epilogue), product(product), dot(dot),
      lhs(product.lhs->get()), codes(getPackedCodes(product.rhs->get())),
      dotsPerRun(llvm::divideCeil(product.run, kTermsPerDot)) {
  if (codes)
    dotsPerRun = llvm::alignTo(dotsPerRun, codes.getNumFields());
  else
    packed = emitPackedSteps(b, product);
}

void IntegerTile::emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                            const Part &part) {
  if (!codes)
    return;
  int64_t fields = codes.getNumFields();
  PanelUnits units{part.first, part.count, dotsPerRun, 1};
  firstDot = part.first;
  if (product.hasRuns()) {
    firstDot = b.createOrFold<arith::MulIOp>(
        part.first, arith::ConstantIndexOp::create(b, dotsPerRun));
  } else {
    bool hasRest = part.isLast && product.run % kTermsPerDot != 0;
    units.first = b.createOrFold<arith::DivUIOp>(
        part.first, arith::ConstantIndexOp::create(b, fields));
    units.count = llvm::divideCeil(part.count + hasRest, fields);
    units.dotsPerUnit = fields;
    units.unitsPerRun = dotsPerRun / fields;
  }
  packed = emitUnpackedPanel(b, codes, panel, units);
}

SmallVector<Value> IntegerTile::emitSums(ImplicitLocOpBuilder &b,
                                         const Rows &rows, const Panel &panel,
                                         const Part &part, Start start) {
  int64_t groups = dot.getNumGroups();
  SmallVector<Value> accumulators = emitTerms(b, rows, panel, part);
  ArrayRef<Value> all = accumulators;
  SmallVector<Value> sums;
  for (int64_t i = 0; i < rows.count; ++i)
    for (int64_t block = 0; block < panel.numBlocks; ++block) {
      int64_t first = (i * panel.numBlocks + block) * groups;
      Value sum = dot.emitSums(b, all.slice(first, groups));
      sums.push_back(b.createOrFold<arith::AddIOp>(sum, start(i, block)));
    }
  return sums;
}

SmallVector<Value> IntegerTile::emitTerms(ImplicitLocOpBuilder &b,
                                          const Rows &rows, const Panel &panel,
                                          const Part &part) {
  VectorType type = dot.getAccumulatorType(b.getContext());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  SmallVector<Value> sums(rows.count * panel.numBlocks * dot.getNumGroups(),
                          zero);
  if (!product.hasRuns())
    return emitRun(b, rows, panel, Value(), part.first, part.count, part.isLast,
                   sums);
  Value begin = arith::ConstantIndexOp::create(b, 0);
  return emitSteps(b, part.first, part.count, sums,
                   [&](Value run, SmallVector<Value> before) {
                     return emitRun(b, rows, panel, run, begin,
                                    product.run / kTermsPerDot,
                                    /*withRest=*/true, before);
                   });
}

SmallVector<Value> IntegerTile::emitSteps(
    ImplicitLocOpBuilder &b, Value first, int64_t count,
    SmallVector<Value> sums,
    llvm::function_ref<SmallVector<Value>(Value, SmallVector<Value>)> body) {
  if (count == 0)
    return sums;
  Value end = emitOffset(b, first, count);
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(b, first, end, one, sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scf::YieldOp::create(b, body(loop.getInductionVar(),
                               SmallVector<Value>(loop.getRegionIterArgs())));
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> IntegerTile::emitRun(ImplicitLocOpBuilder &b,
                                        const Rows &rows, const Panel &panel,
                                        Value run, Value first, int64_t count,
                                        bool withRest,
                                        SmallVector<Value> sums) {
  // The run's first quadruple in the packed factor.
  Value begin;
  if (run) {
    Value dots = arith::ConstantIndexOp::create(b, dotsPerRun);
    begin = arith::MulIOp::create(b, run, dots);
  }
  auto getPackedStep = [&](Value step) {
    return run ? b.createOrFold<arith::AddIOp>(begin, step) : step;
  };
  sums = emitSteps(
      b, first, count, sums, [&](Value step, SmallVector<Value> before) {
        return emitDots(
            b, getPackedStep(step), panel, before, rows.count, [&](int64_t i) {
              return loadTerms(b, emitOffset(b, rows.row, i), run, step);
            });
      });
  if (!withRest || product.run % kTermsPerDot == 0)
    return sums;
  Value whole = arith::ConstantIndexOp::create(b, product.run / kTermsPerDot);
  return emitDots(b, getPackedStep(whole), panel, sums, rows.count,
                  [&](int64_t i) {
                    return loadLastTerms(b, emitOffset(b, rows.row, i), run);
                  });
}

SmallVector<Value>
IntegerTile::emitDots(ImplicitLocOpBuilder &b, Value step, const Panel &panel,
                      SmallVector<Value> sums, int64_t rows,
                      llvm::function_ref<Value(int64_t)> loadRow) {
  SmallVector<Value> right;
  for (int64_t block = 0; block < panel.numBlocks; ++block)
    for (int64_t group = 0, e = dot.getNumGroups(); group < e; ++group)
      right.push_back(loadGroup(b, panel, block, step, group));
  for (int64_t i = 0; i < rows; ++i) {
    Value left = dot.emitLeft(b, loadRow(i));
    for (auto [j, factor] : llvm::enumerate(right)) {
      Value &sum = sums[i * right.size() + j];
      sum = dot.emitDot(b, sum, left, factor);
    }
  }
  return sums;
}

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

Value IntegerTile::loadGroup(ImplicitLocOpBuilder &b, const Panel &panel,
                             int64_t block, Value step, int64_t group) {
  int64_t size = dot.getGroupBytes();
  Value first = arith::ConstantIndexOp::create(b, group * size);
  Value place = codes ? arith::ConstantIndexOp::create(b, block).getResult()
                      : emitOffset(b, panel.block, block);
  if (codes)
    step = b.createOrFold<arith::SubIOp>(step, firstDot);
  return dot.emitRight(b, emitLoadBytes(b, packed, {place, step, first}, size));
}

SmallVector<Value> emitLhsIndices(ImplicitLocOpBuilder &b,
                                  const IntegerProduct &product, Value row,
                                  Value run, Value k) {
  if (product.isRowMajor())
    return {row, k};
  AffineMap map = product.getLhsMap();
  SmallVector<OpFoldResult> loops(map.getNumDims(), b.getIndexAttr(0));
  loops[product.mLoop] = row;
  if (run)
    loops[product.reductions.front()] = run;
  // What moves along the run is added last, so that the rest is computed once.
  SmallVector<Value> indices = getValueOrCreateConstantIndexOp(
      b, b.getLoc(),
      affine::makeComposedFoldedMultiResultAffineApply(b, b.getLoc(), map,
                                                       loops));
  indices.back() = b.createOrFold<arith::AddIOp>(indices.back(), k);
  return indices;
}

Value IntegerTile::loadTerms(ImplicitLocOpBuilder &b, Value row, Value run,
                             Value step) {
  Value four = arith::ConstantIndexOp::create(b, kTermsPerDot);
  Value k = arith::MulIOp::create(b, step, four);
  return emitLoadBytes(b, lhs, emitLhsIndices(b, product, row, run, k),
                       kTermsPerDot);
}

/// The last, fewer than four terms. Any byte will do for the others, which are
/// multiplied by zeros, but there may be none.
Value IntegerTile::loadLastTerms(ImplicitLocOpBuilder &b, Value row,
                                 Value run) {
  auto type = VectorType::get(kTermsPerDot, b.getI8Type());
  Value bytes = arith::ConstantOp::create(b, b.getZeroAttr(type));
  int64_t begin = product.run / kTermsPerDot * kTermsPerDot;
  for (int64_t k = begin; k < product.run; ++k) {
    Value place = arith::ConstantIndexOp::create(b, k);
    Value byte = tensor::ExtractOp::create(
        b, lhs, emitLhsIndices(b, product, row, run, place));
    bytes = vector::InsertOp::create(b, byte, bytes, k - begin);
  }
  return bytes;
}

} // namespace mlir::qfmt
