// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FloatTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Conversion/VectorBody.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Sizes of blocks
//===----------------------------------------------------------------------===//

/// More rows save few loads of the right factor, and make the code long.
constexpr int64_t kMaxRows = 6;
/// More streams are more than processors prefetch, and more code.
constexpr int64_t kMaxColumnBlocks = 4;
/// Fewer terms do not pay for loading and storing their sums.
constexpr int64_t kMinTerms = 64;

/// Column blocks of a panel of `rows` rows: accumulators, a row of the panel,
/// the broadcast number and a product fit the registers.
static int64_t getColumnBlocks(const CpuTarget &target, int64_t rows) {
  int64_t registers = target.numRegisters - 2;
  int64_t perBlock = kColumnsPerBlock / target.floatLanes;
  return std::min(kMaxColumnBlocks, registers / (perBlock * (rows + 1)));
}

Blocking FloatTile::chooseBlocking(const CpuTarget &target,
                                   const FloatProduct &product,
                                   const FactorColumns &columns) {
  int64_t m = ShapedType::isDynamic(product.m)
                  ? std::numeric_limits<int64_t>::max()
                  : product.m;
  Blocking blocking;
  blocking.rows = std::min(m, kMaxRows);
  while (blocking.rows > 1 && getColumnBlocks(target, blocking.rows) == 0)
    --blocking.rows;
  blocking.columnBlocks =
      std::clamp<int64_t>(getColumnBlocks(target, blocking.rows), 1,
                          llvm::divideCeil(product.n, kColumnsPerBlock));
  // An eighth of the cache for a panel, and what is left of three quarters for
  // the rows; the rest is for sums and for the next panel.
  int64_t rowBytes = blocking.columnBlocks * kColumnsPerBlock * sizeof(float);
  blocking.steps =
      llvm::alignTo(std::max<int64_t>(target.l2Bytes / 8 / rowBytes, kMinTerms),
                    columns.getStep());
  int64_t terms = std::min(product.k, blocking.steps);
  int64_t cached = (target.l2Bytes / 4 * 3 - terms * rowBytes) /
                   (terms * int64_t(sizeof(float)));
  blocking.cachedRows =
      std::max(cached / blocking.rows, int64_t(1)) * blocking.rows;
  return blocking;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

void FloatTile::emitPanel(ImplicitLocOpBuilder &b, const Panel &panel,
                          const Part &part) {
  if (keepsPanels)
    kept = std::make_unique<KeptColumns>(b, columns, panel, part.first,
                                         part.count);
}

Value FloatTile::loadLeft(ImplicitLocOpBuilder &b, Value row, Value k) {
  SmallVector<Value> indices = {row, k};
  if (product.getRowDim() != 0)
    std::swap(indices[0], indices[1]);
  return tensor::ExtractOp::create(b, product.lhs->get(), indices);
}

/// Lets the last multiplication and addition of `sum` round once.
static void allowContraction(Value sum) {
  auto allow = [](Operation *op) {
    op->setAttr("fastmath",
                arith::FastMathFlagsAttr::get(op->getContext(),
                                              arith::FastMathFlags::contract));
  };
  auto add = sum.getDefiningOp<arith::AddFOp>();
  if (!add)
    return;
  allow(add);
  for (Value operand : add->getOperands())
    if (auto product = operand.getDefiningOp<arith::MulFOp>())
      allow(product);
}

SmallVector<Value> FloatTile::emitTerm(ImplicitLocOpBuilder &b,
                                       const Rows &rows, Value k,
                                       ArrayRef<Value> right,
                                       ArrayRef<Value> sums) {
  SmallVector<Value> after;
  for (int64_t i = 0; i < rows.count; ++i) {
    SmallVector<Value> arguments(3);
    arguments[product.lhs->getOperandNumber()] =
        loadLeft(b, emitOffset(b, rows.row, i), k);
    for (Value column : right) {
      arguments[product.rhs->getOperandNumber()] = column;
      arguments[2] = sums[after.size()];
      after.push_back(
          emitVectorBody(b, product.op, arguments, kColumnsPerBlock, nullptr)
              .front());
      if (groupsSums)
        allowContraction(after.back());
    }
  }
  return after;
}

SmallVector<Value> FloatTile::addGroup(ImplicitLocOpBuilder &b,
                                       ArrayRef<Value> sums,
                                       ArrayRef<Value> scales,
                                       ArrayRef<Value> before) {
  SmallVector<Value> after;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value scaled = arith::MulFOp::create(b, sum, scales[i % scales.size()]);
    after.push_back(arith::AddFOp::create(b, before[i], scaled));
    allowContraction(after.back());
  }
  return after;
}

SmallVector<Value> FloatTile::emitSums(ImplicitLocOpBuilder &b,
                                       const Rows &rows, const Panel &panel,
                                       const Part &part, Start start) {
  SmallVector<Value> sums;
  for (int64_t i = 0; i < rows.count; ++i)
    for (int64_t block = 0; block < panel.numBlocks; ++block)
      sums.push_back(start(i, block));
  auto addTerm = [&](Value k, ArrayRef<Value> right, ArrayRef<Value> before) {
    return emitTerm(b, rows, k, right, before);
  };
  if (!groupsSums) {
    FactorColumns &source = kept ? *kept : columns;
    return source.emitRows(b, panel, part.first, part.count, sums, addTerm);
  }
  auto startGroup = [&]() {
    auto type = VectorType::get(kColumnsPerBlock, b.getF32Type());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    return SmallVector<Value>(sums.size(), zero);
  };
  auto add = [&](ArrayRef<Value> group, ArrayRef<Value> scales,
                 ArrayRef<Value> before) {
    return addGroup(b, group, scales, before);
  };
  return columns.emitGroups(b, panel, part.first, part.count, sums, addTerm,
                            {startGroup, add});
}

} // namespace mlir::qfmt
