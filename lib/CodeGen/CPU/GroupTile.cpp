// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GroupTile.h"
#include "GroupBody.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {

/// Codes are their values, signed bytes.
constexpr CodeReading kSigned{/*isUnsigned=*/false, /*offset=*/0};

static Value index(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

//===----------------------------------------------------------------------===//
// What can be done
//===----------------------------------------------------------------------===//

/// More rows save little, and make the code long.
constexpr int64_t kMaxRows = 6;
/// As many columns give a single row enough sums that do not wait for each
/// other.
constexpr int64_t kMaxColumnBlocks = 4;

Blocking GroupTile::chooseBlocking(const CpuTarget &target,
                                   const GroupedProduct &product) {
  ByteDotProduct dot(target, kSigned);
  auto rhs = product.rhs->get().getDefiningOp<cpu::UnpackIntegersOp>();
  int64_t m = ShapedType::isDynamic(product.m)
                  ? std::numeric_limits<int64_t>::max()
                  : product.m;
  int64_t registersPerCell =
      2 * dot.getNumGroups() * dot.getRegistersPerAccumulator();
  int64_t registersPerBlock = registersPerCell / 2;
  auto getBlocks = [&](int64_t rows) {
    return (target.numRegisters - dot.getNumTemporaries()) /
           (registersPerCell * rows + registersPerBlock);
  };
  Blocking blocking;
  blocking.rows = std::min(m, kMaxRows);
  while (blocking.rows > 1 && getBlocks(blocking.rows) == 0)
    --blocking.rows;
  blocking.columnBlocks = std::clamp<int64_t>(
      getBlocks(blocking.rows), 1,
      std::min<int64_t>(kMaxColumnBlocks,
                        llvm::divideCeil(product.n, kColumnsPerBlock)));
  // A quarter of the cache for a panel, half of it for the rows.
  int64_t columns = blocking.columnBlocks * kColumnsPerBlock;
  int64_t panelBytes =
      std::max<int64_t>(columns * product.groupSize * rhs.getBits() / 8, 1);
  blocking.steps = std::max<int64_t>(target.l2Bytes / 4 / panelBytes, 1);
  blocking.cyclesPerStep = double(product.groupSize) / kTermsPerDot;
  int64_t terms = std::min(product.groups, blocking.steps) * product.groupSize;
  blocking.cachedRows =
      std::max<int64_t>(target.l2Bytes / 2 / terms / blocking.rows, 1) *
      blocking.rows;
  return blocking;
}

//===----------------------------------------------------------------------===//
// What tiles have in common
//===----------------------------------------------------------------------===//

/// `lhs` with zeros after each group up to `size` terms.
static Value emitPadded(ImplicitLocOpBuilder &b, Value lhs, int64_t size) {
  auto type = cast<RankedTensorType>(lhs.getType());
  int64_t missing = size - type.getDimSize(2);
  if (missing == 0)
    return lhs;
  SmallVector<OpFoldResult> low(3, b.getIndexAttr(0)), high = low;
  high[2] = b.getIndexAttr(missing);
  SmallVector<int64_t> shape(type.getShape());
  shape[2] = size;
  Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
  return tensor::PadOp::create(b, type.clone(shape), lhs, low, high, zero);
}

/// `factor` times the sums of each row's groups.
static Value emitCorrections(ImplicitLocOpBuilder &b, Value lhs,
                             int64_t factor) {
  using utils::IteratorType;
  auto type = cast<RankedTensorType>(lhs.getType());
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(b, b.getLoc(), lhs, 0),
      b.getIndexAttr(type.getDimSize(1))};
  Value empty = tensor::EmptyOp::create(b, sizes, b.getI32Type());
  Value zero = arith::ConstantIntOp::create(b, 0, 32);
  Value start = linalg::FillOp::create(b, zero, empty).getResult(0);
  AffineMap identity = b.getMultiDimIdentityMap(3);
  return linalg::GenericOp::create(
             b, start.getType(), lhs, start,
             ArrayRef{identity, identity.dropResult(2)},
             ArrayRef{IteratorType::parallel, IteratorType::parallel,
                      IteratorType::reduction},
             [&](OpBuilder &nested, Location loc, ValueRange args) {
               Type i32 = nested.getI32Type();
               Value term = arith::MulIOp::create(
                   nested, loc,
                   arith::ExtSIOp::create(nested, loc, i32, args[0]),
                   arith::ConstantIntOp::create(nested, loc, factor, 32));
               Value sum = arith::AddIOp::create(nested, loc, args[1], term);
               linalg::YieldOp::create(nested, loc, sum);
             })
      .getResult(0);
}

GroupTile::GroupTile(ImplicitLocOpBuilder &b, const GroupedProduct &product,
                     const CpuTarget &target, const Epilogue &epilogue)
    : RegisterTile(epilogue), product(product),
      rhs(product.rhs->get().getDefiningOp<cpu::UnpackIntegersOp>()),
      dot(target, kSigned), numRegisters(target.numRegisters),
      numSteps(cast<ShapedType>(rhs.getPacked().getType()).getDimSize(2)),
      numFields(rhs.getNumFields()) {
  lhs = emitPadded(b, product.lhs, numSteps * numFields * kTermsPerDot);
  if (dot.readsUnsignedRight() && (rhs.getOffset() != 0 || addsNumbers()))
    corrections = emitCorrections(b, product.lhs,
                                  addsNumbers() ? 1 : int64_t(rhs.getOffset()));
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

SmallVector<Value> GroupTile::emitSums(ImplicitLocOpBuilder &b,
                                       const Rows &rows, const Panel &panel,
                                       const Part &part, Start start) {
  SmallVector<Value> sums;
  for (int64_t i = 0; i < rows.count; ++i)
    for (int64_t block = 0; block < panel.numBlocks; ++block)
      sums.push_back(start(i, block));
  if (part.count == 0)
    return sums;
  return emitLoop(b, part.first, part.count, sums,
                  [&](Value group, SmallVector<Value> before) {
                    return emitGroup(b, rows, panel, group, before);
                  });
}

SmallVector<Value> GroupTile::emitGroup(ImplicitLocOpBuilder &b,
                                        const Rows &rows, const Panel &panel,
                                        Value group, SmallVector<Value> sums) {
  SmallVector<Value> integers = emitIntegers(b, rows, panel, group);
  for (int64_t block = 0; block < panel.numBlocks; ++block) {
    Value ofColumns = emitOffset(b, panel.block, block);
    for (int64_t i = 0; i < rows.count; ++i) {
      int64_t cell = i * panel.numBlocks + block;
      Value row = emitOffset(b, rows.row, i);
      sums[cell] = emitGroupBody(b, product, {row, ofColumns, group},
                                 integers[cell], sums[cell]);
    }
  }
  return sums;
}

bool GroupTile::addsNumbers() const {
  cpu::UnpackIntegersOp op = rhs;
  return op.getGroups() && !op.getTable();
}

Value GroupTile::emitCorrection(ImplicitLocOpBuilder &b, Value row, Value group,
                                Value ofColumns) {
  if (!corrections)
    return {};
  Value sum = tensor::ExtractOp::create(b, corrections, ValueRange{row, group});
  if (!addsNumbers())
    return sum;
  auto type = VectorType::get(kColumnsPerBlock, b.getI32Type());
  return arith::MulIOp::create(b, vector::BroadcastOp::create(b, type, sum),
                               arith::ExtSIOp::create(b, type, ofColumns));
}

bool GroupTile::startsWith(Value correction) const {
  return correction && dot.getNumPartialSums() == 1 &&
         (!isa<VectorType>(correction.getType()) || dot.getNumGroups() == 1);
}

Value GroupTile::emitStart(ImplicitLocOpBuilder &b, Value correction) {
  VectorType type = dot.getAccumulatorType(b.getContext());
  if (startsWith(correction))
    return b.createOrFold<vector::BroadcastOp>(type, correction);
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

bool GroupTile::hasFieldSums(const Rows &rows, const Panel &panel) const {
  // Sums of 128 * 255 in 32 bits.
  constexpr int64_t kMaxTerms = (int64_t(1) << 31) / (128 * 255);
  cpu::UnpackIntegersOp op = rhs;
  int64_t sums = rows.count * panel.numBlocks * dot.getNumGroups() *
                 dot.getRegistersPerAccumulator();
  return numFields > 1 && !op.getTable() && dot.readsUnsignedRight() &&
         product.groupSize < kMaxTerms &&
         sums * (numFields + 1) + panel.numBlocks * dot.getNumGroups() <=
             numRegisters - dot.getNumTemporaries();
}

SmallVector<Value> GroupTile::emitIntegers(ImplicitLocOpBuilder &b,
                                           const Rows &rows, const Panel &panel,
                                           Value group) {
  // By row, block, part of 64 bytes.
  int64_t parts = dot.getNumGroups();
  SmallVector<Value> ofColumns, sums, cellCorrections;
  for (int64_t block = 0; block < panel.numBlocks; ++block)
    ofColumns.push_back(
        loadGroupBytes(b, emitOffset(b, panel.block, block), group));
  for (int64_t i = 0; i < rows.count; ++i)
    for (int64_t block = 0; block < panel.numBlocks; ++block) {
      cellCorrections.push_back(emitCorrection(b, emitOffset(b, rows.row, i),
                                               group, ofColumns[block]));
      sums.append(parts, emitStart(b, cellCorrections.back()));
    }
  // Where registers suffice for sums of each field, fields stay in place.
  int64_t sets = hasFieldSums(rows, panel) ? numFields : 1;
  size_t numSums = sums.size();
  sums.append((sets - 1) * numSums, emitStart(b, Value()));
  // Few steps are written one after the other.
  constexpr int64_t kMaxUnrolled = 4;
  if (numSteps <= kMaxUnrolled)
    for (int64_t step = 0; step < numSteps; ++step)
      sums = emitStep(b, rows, panel, group, index(b, step), ofColumns, sums);
  else
    sums = emitLoop(b, index(b, 0), numSteps, sums,
                    [&](Value step, SmallVector<Value> before) {
                      return emitStep(b, rows, panel, group, step, ofColumns,
                                      before);
                    });
  for (int64_t set = 1; set < sets; ++set)
    for (size_t i = 0; i < numSums; ++i) {
      Value &other = sums[set * numSums + i];
      Value shift = arith::ConstantOp::create(
          b, DenseElementsAttr::get(cast<VectorType>(other.getType()),
                                    APInt(32, set * rhs.getBits())));
      other = arith::ShRSIOp::create(b, other, shift);
      sums[i] = arith::AddIOp::create(b, sums[i], other);
    }
  SmallVector<Value> results;
  for (int64_t i = 0; i < rows.count * panel.numBlocks; ++i) {
    Value sum = dot.emitSums(b, ArrayRef(sums).slice(i * parts, parts));
    Value correction = cellCorrections[i];
    if (correction && !startsWith(correction))
      sum = arith::AddIOp::create(
          b, sum,
          b.createOrFold<vector::BroadcastOp>(sum.getType(), correction));
    results.push_back(sum);
  }
  return results;
}

Value GroupTile::emitRight(ImplicitLocOpBuilder &b, Value codes, int64_t field,
                           bool inPlace, Value ofGroups) {
  if (dot.readsUnsignedRight())
    return dot.emitUnsignedRight(
        b, emitField(b, rhs, codes, field, inPlace,
                     rhs.getTable() ? ofGroups : Value()));
  return dot.emitRight(b, emitSignedField(b, rhs, codes, field, ofGroups));
}

SmallVector<Value> GroupTile::emitStep(ImplicitLocOpBuilder &b,
                                       const Rows &rows, const Panel &panel,
                                       Value group, Value step,
                                       ArrayRef<Value> ofColumns,
                                       SmallVector<Value> sums) {
  int64_t parts = dot.getNumGroups(), size = dot.getGroupBytes();
  // More than one set of sums: each field has its own.
  size_t numSums = rows.count * panel.numBlocks * parts;
  bool inPlace = sums.size() > numSums;
  SmallVector<Value> codes, ofGroups;
  for (int64_t block = 0; block < panel.numBlocks; ++block)
    for (int64_t part = 0; part < parts; ++part) {
      codes.push_back(
          loadCodes(b, emitOffset(b, panel.block, block), group, step, part));
      ofGroups.push_back(ofColumns[block] ? emitGroupBytes(b, ofColumns[block],
                                                           part * size, size)
                                          : Value());
    }
  for (int64_t field = 0; field < numFields; ++field) {
    SmallVector<Value> right;
    for (auto [bytes, ofGroup] : llvm::zip_equal(codes, ofGroups))
      right.push_back(emitRight(b, bytes, field, inPlace, ofGroup));
    for (int64_t i = 0; i < rows.count; ++i) {
      Value left = dot.emitLeft(
          b, loadTerms(b, emitOffset(b, rows.row, i), group, step, field));
      for (auto [j, factor] : llvm::enumerate(right)) {
        size_t set = inPlace ? field : 0;
        Value &sum = sums[set * numSums + i * right.size() + j];
        sum = dot.readsUnsignedRight()
                  ? dot.emitDotOfUnsignedRight(b, sum, left, factor)
                  : dot.emitDot(b, sum, left, factor);
      }
    }
  }
  return sums;
}

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

Value GroupTile::loadTerms(ImplicitLocOpBuilder &b, Value row, Value group,
                           Value step, int64_t field) {
  Value size = index(b, numFields * kTermsPerDot);
  Value first = b.createOrFold<arith::MulIOp>(step, size);
  Value term = emitOffset(b, first, field * kTermsPerDot);
  return emitLoadBytes(b, lhs, {row, group, term}, kTermsPerDot);
}

Value GroupTile::loadCodes(ImplicitLocOpBuilder &b, Value block, Value group,
                           Value step, int64_t part) {
  int64_t size = dot.getGroupBytes();
  return emitLoadBytes(b, cpu::UnpackIntegersOp(rhs).getPacked(),
                       {block, group, step, index(b, part * size)}, size);
}

Value GroupTile::loadGroupBytes(ImplicitLocOpBuilder &b, Value block,
                                Value group) {
  Value groups = rhs.getGroups();
  if (!groups)
    return {};
  return emitLoadBytes(b, groups, {block, group, index(b, 0)},
                       kColumnsPerBlock);
}

} // namespace mlir::qfmt
