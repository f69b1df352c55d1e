// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FragmentStore.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::qfmt {

/// The widest store.
static constexpr int64_t kStoreBytes = 16;

FragmentStore::FragmentStore(KernelBuilder &b, kernel::ProductOp op)
    : op(op), out(b, op.getOut()) {
  for (auto [extra, map] : llvm::zip_equal(op.getExtras(), op.getExtraMaps()))
    extras.push_back({GlobalBuffer(b, extra), map});
}

void FragmentStore::enter(KernelBuilder &b) {
  for (Extra &extra : extras)
    extra.buffer.enter(b);
  out.enter(b);
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op.getBody(), captured);
  for (Value value : captured)
    if (matchPattern(value, m_Constant()))
      constants.map(value, b.clone(*value.getDefiningOp())->getResult(0));
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// The columns have to lie one after the other, and to begin where as many can
/// be loaded.
int64_t FragmentStore::Extra::getLanes(int64_t limit) const {
  limit = std::min(limit, kStoreBytes / buffer.getElementBytes());
  SmallVector<unsigned> others;
  bool isLast = false;
  for (auto [i, result] : llvm::enumerate(map.getResults())) {
    if (result.isFunctionOfDim(0))
      others.push_back(i);
    if (!result.isFunctionOfDim(1))
      continue;
    if (isLast || buffer.getStride(i) != 1)
      return 1;
    isLast = true;
  }
  return isLast ? buffer.getAlignment(others, limit) : 1;
}

/// The same element for all columns where the map does not have them.
SmallVector<Value> FragmentStore::Extra::load(KernelBuilder &b, Value row,
                                              Value column,
                                              int64_t count) const {
  SmallVector<Value> elements;
  int64_t lanes = movesBy(1) ? getLanes(count) : count;
  for (int64_t i = 0; i < count; i += lanes) {
    SmallVector<Value> indices;
    for (AffineExpr result : map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(result);
      indices.push_back(!dim                     ? b.i32(0)
                        : dim.getPosition() == 0 ? row
                                                 : b.add(column, i));
    }
    Value address = buffer.getAddress(b, indices);
    if (movesBy(1))
      elements.append(buffer.load(b, address, lanes));
    else
      elements.append(count, buffer.load(b, address, 1).front());
  }
  return elements;
}

//===----------------------------------------------------------------------===//
// Storing
//===----------------------------------------------------------------------===//

/// Neighbouring columns that are stored at once: all of them are there or none.
int64_t FragmentStore::getStoredColumns(const FragmentShape &shape) const {
  int64_t limit =
      std::min(shape.getNumColumns(), kStoreBytes / out.getElementBytes());
  int64_t columns = out.getStride(1) == 1 ? out.getAlignment({0}, limit) : 1;
  while (kernel::ProductOp(op).getNumColumns() % columns != 0)
    columns /= 2;
  return columns;
}

Value FragmentStore::emitElement(KernelBuilder &b, Value sum,
                                 ArrayRef<Value> elements) {
  IRMapping mapping = constants;
  Block &block = op.getBlock();
  mapping.map(block.getArgument(0), sum);
  mapping.map(block.getArguments().drop_front(), elements);
  for (Operation &inner : block.without_terminator())
    b.clone(inner, mapping);
  return mapping.lookupOrDefault(block.getTerminator()->getOperand(0));
}

void FragmentStore::emit(KernelBuilder &b, const FragmentShape &shape,
                         ArrayRef<Value> sums, Value row, Value column,
                         Value numRows, bool hasAllColumns) {
  int64_t stored = getStoredColumns(shape);
  SmallVector<Value> rows;
  for (int64_t i = 0; i < shape.getNumRows(); ++i)
    rows.push_back(b.add(row, shape.getRow(i)));
  // What does not move along columns is loaded once for each row; a row that is
  // not there reads the last one.
  std::vector<SmallVector<Value>> byRow(extras.size());
  for (auto [extra, values] : llvm::zip_equal(extras, byRow))
    if (!extra.movesBy(1))
      for (Value one : rows) {
        if (numRows)
          one = b.min(one, b.sub(numRows, 1));
        values.push_back(extra.load(b, one, column, 1).front());
      }

  auto emitChunk = [&](int64_t first) {
    Value chunk = b.add(column, first);
    std::vector<SmallVector<Value>> byColumn(extras.size());
    for (auto [extra, values] : llvm::zip_equal(extras, byColumn))
      if (extra.movesBy(1) && !extra.movesBy(0))
        values = extra.load(b, row, chunk, stored);
    auto emitRow = [&](int64_t i) {
      std::vector<SmallVector<Value>> loaded(extras.size());
      for (auto [extra, values] : llvm::zip_equal(extras, loaded))
        if (extra.movesBy(1) && extra.movesBy(0))
          values = extra.load(b, rows[i], chunk, stored);
      SmallVector<Value> results;
      for (int64_t j = 0; j < stored; ++j) {
        SmallVector<Value> elements;
        for (size_t e = 0; e < extras.size(); ++e)
          elements.push_back(!extras[e].movesBy(1)   ? byRow[e][i]
                             : !extras[e].movesBy(0) ? byColumn[e][j]
                                                     : loaded[e][j]);
        Value sum = sums[shape.getIndex(i, first + j)];
        results.push_back(emitElement(b, sum, elements));
      }
      out.store(b, results, out.getAddress(b, {rows[i], chunk}));
    };
    for (int64_t i = 0; i < shape.getNumRows(); ++i)
      b.emitIf(numRows ? b.isLess(rows[i], numRows) : Value(),
               [&] { emitRow(i); });
  };
  for (int64_t first = 0; first < shape.getNumColumns(); first += stored) {
    Value isThere;
    if (!hasAllColumns)
      isThere = b.isLess(b.add(column, first), op.getNumColumns());
    b.emitIf(isThere, [&] { emitChunk(first); });
  }
}

} // namespace mlir::qfmt
