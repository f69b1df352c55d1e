// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FactorColumns.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::qfmt {

FactorColumns::~FactorColumns() = default;

SmallVector<Value> emitCarryingLoop(
    ImplicitLocOpBuilder &b, Value first, int64_t count, int64_t step,
    ArrayRef<Value> carried,
    llvm::function_ref<SmallVector<Value>(Value i, ArrayRef<Value> carried)>
        body) {
  if (count <= 0)
    return SmallVector<Value>(carried);
  if (count <= step)
    return body(first, carried);
  Value stepValue = arith::ConstantIndexOp::create(b, step);
  auto loop = scf::ForOp::create(b, first, emitOffset(b, first, count),
                                 stepValue, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> inner(loop.getRegionIterArgs());
  scf::YieldOp::create(b, body(loop.getInductionVar(), inner));
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> RowMajorColumns::emitRows(ImplicitLocOpBuilder &b,
                                             const Panel &panel, Value first,
                                             int64_t count,
                                             ArrayRef<Value> carried,
                                             Body body) {
  return emitCarryingLoop(
      b, first, count, 1, carried, [&](Value k, ArrayRef<Value> inner) {
        SmallVector<Value> columns;
        for (int64_t i = 0; i < panel.numBlocks; ++i)
          columns.push_back(emitLoad(
              b, matrix, {k, emitColumn(b, panel, i), panel.getValid(i)}));
        return body(k, columns, inner);
      });
}

//===----------------------------------------------------------------------===//
// Transposition
//===----------------------------------------------------------------------===//

/// Lane i of vector j becomes lane j of vector i. Each step exchanges the lanes
/// whose numbers have a bit that the vector's number has not.
static SmallVector<Value> emitTransposition(ImplicitLocOpBuilder &b,
                                            SmallVector<Value> vectors) {
  int64_t size = vectors.size();
  for (int64_t bit = 1; bit < size; bit *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < size; ++lane) {
      low.push_back((lane & bit) == 0 ? lane : size + lane - bit);
      high.push_back((lane & bit) == 0 ? lane + bit : size + lane);
    }
    for (int64_t i = 0; i < size; ++i) {
      if ((i & bit) != 0)
        continue;
      Value first = vectors[i], second = vectors[i + bit];
      vectors[i] = vector::ShuffleOp::create(b, first, second, low);
      vectors[i + bit] = vector::ShuffleOp::create(b, first, second, high);
    }
  }
  return vectors;
}

SmallVector<Value> TransposedColumns::emitBlock(ImplicitLocOpBuilder &b,
                                                const Panel &panel,
                                                int64_t block, Value k,
                                                int64_t count) {
  auto type = VectorType::get(kColumnsPerBlock, getElementType());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  SmallVector<Value> vectors(kColumnsPerBlock, zero);
  Value column = emitColumn(b, panel, block);
  for (int64_t i = 0, e = panel.getValid(block); i < e; ++i)
    vectors[i] = emitLoad(b, matrix, {emitOffset(b, column, i), k, count});
  vectors = emitTransposition(b, vectors);
  vectors.resize(count);
  return vectors;
}

SmallVector<Value> TransposedColumns::emitRows(ImplicitLocOpBuilder &b,
                                               const Panel &panel, Value first,
                                               int64_t count,
                                               ArrayRef<Value> carried,
                                               Body body) {
  auto emitSome = [&](Value k, int64_t size, ArrayRef<Value> values) {
    SmallVector<SmallVector<Value>> blocks;
    for (int64_t i = 0; i < panel.numBlocks; ++i)
      blocks.push_back(emitBlock(b, panel, i, k, size));
    SmallVector<Value> inner(values);
    for (int64_t i = 0; i < size; ++i) {
      SmallVector<Value> columns;
      for (ArrayRef<Value> block : blocks)
        columns.push_back(block[i]);
      inner = body(emitOffset(b, k, i), columns, inner);
    }
    return inner;
  };
  int64_t rest = count % kColumnsPerBlock;
  SmallVector<Value> inner =
      emitCarryingLoop(b, first, count - rest, kColumnsPerBlock, carried,
                       [&](Value k, ArrayRef<Value> values) {
                         return emitSome(k, kColumnsPerBlock, values);
                       });
  if (rest == 0)
    return inner;
  return emitSome(emitOffset(b, first, count - rest), rest, inner);
}

//===----------------------------------------------------------------------===//
// Panels in memory
//===----------------------------------------------------------------------===//

Cell KeptColumns::getCell(ImplicitLocOpBuilder &b, Value k, Value column,
                          int64_t block) {
  return {b.createOrFold<arith::SubIOp>(k, begin),
          emitOffset(b, column, block * kColumnsPerBlock), kColumnsPerBlock};
}

KeptColumns::KeptColumns(ImplicitLocOpBuilder &b, FactorColumns &source,
                         const Panel &panel, Value first, int64_t count)
    : begin(first) {
  Value empty = tensor::EmptyOp::create(
      b, ArrayRef<int64_t>{count, panel.numBlocks * kColumnsPerBlock},
      source.getElementType());
  auto keep = [&](const Panel &blocks, Value column, ArrayRef<Value> into) {
    auto store = [&](Value k, ArrayRef<Value> columns,
                     ArrayRef<Value> carried) -> SmallVector<Value> {
      Value written = carried.front();
      for (auto [i, vector] : llvm::enumerate(columns))
        written = emitStore(b, vector, written, getCell(b, k, column, i));
      return {written};
    };
    return source.emitRows(b, blocks, first, count, into, store);
  };
  Value zero = arith::ConstantIndexOp::create(b, 0);
  if (!source.hasLongCode()) {
    memory = keep(panel, zero, empty).front();
    return;
  }
  // Bufferization takes long for many stores that follow each other.
  auto keepBlock = [&](Value i, ArrayRef<Value> into) {
    Panel block{b.createOrFold<arith::AddIOp>(panel.block, i),
                /*numBlocks=*/1, /*lastValid=*/kColumnsPerBlock};
    return keep(block, emitColumn(b, {i, 1, kColumnsPerBlock}, 0), into);
  };
  memory =
      emitCarryingLoop(b, zero, panel.numBlocks, 1, empty, keepBlock).front();
}

SmallVector<Value> KeptColumns::emitRows(ImplicitLocOpBuilder &b,
                                         const Panel &panel, Value first,
                                         int64_t count, ArrayRef<Value> carried,
                                         Body body) {
  Value zero = arith::ConstantIndexOp::create(b, 0);
  return emitCarryingLoop(
      b, first, count, 1, carried, [&](Value k, ArrayRef<Value> inner) {
        SmallVector<Value> columns;
        for (int64_t i = 0; i < panel.numBlocks; ++i)
          columns.push_back(emitLoad(b, memory, getCell(b, k, zero, i)));
        return body(k, columns, inner);
      });
}

} // namespace mlir::qfmt
