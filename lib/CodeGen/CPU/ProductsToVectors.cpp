//===- ProductsToVectors.cpp - Packed matrix products as vector loops -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  products that qfmt-pack-products has packed, on tensors.
// Output: scf loops on tensors, vectors, instructions of the target.
//
//   for blocks of rows that take half of the level-2 cache
//     for panels of V * 16 columns of the packed factor
//       for parts of the sums
//         for U rows
//           U * V * groups accumulators = 0
//           for k step 4
//             load the panel's groups; for each row broadcast 4 bytes; add up
//           last part: initial values, element-wise operations, store
//           others: add to the block's sums in memory
//
// A panel is read from the level-2 cache for each U rows, a block of rows once
// for each panel, and the packed factor once for each block. U and V are such
// that accumulators, a panel's groups and two more values fit the registers.
//
// The first factor is read where it lies: packing it costs more than it saves
// while rows fit the level-1 cache together. Sums are one part unless a panel
// would take more than a quarter of the level-2 cache. One thread.
//
//===----------------------------------------------------------------------===//

#include "ByteDotProduct.h"
#include "CellEmitter.h"
#include "IntegerProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_PRODUCTSTOVECTORS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-products-to-vectors");
}

//===----------------------------------------------------------------------===//
// Sizes of blocks
//===----------------------------------------------------------------------===//

/// More rows save few loads of the packed factor, and make the code long.
constexpr int64_t kMaxRows = 6;
/// Blocks of 16 columns; more make the code long.
constexpr int64_t kMaxColumnBlocks = 8;
/// Fewer dot products do not pay for loading and storing their sums.
constexpr int64_t kMinDots = 64;

struct Blocking {
  /// U and V of the file comment.
  int64_t rows, columnBlocks;
  /// Terms of a part of the sums, in fours.
  int64_t dots;
  /// Rows whose terms of one part stay in the cache; a multiple of `rows`.
  int64_t cachedRows;
};

/// Column blocks of a panel of `rows` rows: accumulators, the panel's groups,
/// the broadcast value and a constant fit the registers.
int64_t getColumnBlocks(const CpuTarget &target, const ByteDotProduct &dot,
                        int64_t rows) {
  int64_t registers = target.numRegisters - 2;
  int64_t perBlock = dot.getNumGroups() * dot.getRegistersPerAccumulator();
  return std::min(kMaxColumnBlocks, registers / (perBlock * (rows + 1)));
}

Blocking chooseBlocking(const CpuTarget &target, const ByteDotProduct &dot,
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
  blocking.dots = std::max<int64_t>(
      target.l2Bytes / 4 / (columns * kTermsPerDot), kMinDots);
  int64_t terms = std::min(product.k, blocking.dots * kTermsPerDot);
  int64_t cached = (target.l2Bytes / 4 * 3 - columns * terms) / terms;
  blocking.cachedRows =
      std::max(cached / blocking.rows, int64_t(1)) * blocking.rows;
  return blocking;
}

//===----------------------------------------------------------------------===//
// Writing the loops
//===----------------------------------------------------------------------===//

class Emitter {
public:
  Emitter(const IntegerProduct &product, const ByteDotProduct &dot,
          const Blocking &blocking, ArrayRef<linalg::GenericOp> epilogue)
      : product(product), dot(dot), blocking(blocking), epilogue(epilogue),
        last(epilogue.empty() ? product.op : epilogue.back()),
        b(last.getLoc(), last), lhs(product.lhs->get()),
        init(product.getInit()), computesInit(isComputedByCell(init)) {}

  /// The value of the last operation of the epilogue.
  Value emit() {
    packed = tensor::CollapseShapeOp::create(
        b, getPackedFactor(product.rhs->get()),
        SmallVector<ReassociationIndices>{{0}, {1}, {2, 3}});
    Value result = emitRowBlocks(emitOutput());
    Type type = last.getResult(0).getType();
    if (result.getType() == type)
      return result;
    return tensor::CastOp::create(b, type, result);
  }

private:
  using Body = llvm::function_ref<Value(Value index, Value output)>;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  /// Memory of its own. Bufferization of LLVM 22 takes a write of a vector of
  /// at least as many lanes as a matrix has rows, at its first element, for one
  /// of the whole matrix, and does not copy what the others read after it. With
  /// undefined elements there is nothing to copy.
  Value emitOutput() {
    Value output = last.getDpsInits()[0];
    if (output.getDefiningOp<tensor::EmptyOp>())
      return output;
    SmallVector<OpFoldResult> sizes = {
        tensor::getMixedSize(b, b.getLoc(), lhs, 0), b.getIndexAttr(product.n)};
    return tensor::EmptyOp::create(b, sizes, getElementTypeOrSelf(output));
  }

  Value add(Value base, int64_t offset) {
    if (offset == 0)
      return base;
    return b.createOrFold<arith::AddIOp>(base, index(offset));
  }

  /// A loop that writes into `output`.
  Value emitFor(Value begin, Value end, int64_t step, Value output, Body body) {
    auto loop = scf::ForOp::create(b, begin, end, index(step), output);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
    scf::YieldOp::create(b, next);
    return loop.getResult(0);
  }

  /// Whole blocks in a loop, the rest after it, each with a known number of
  /// rows; with an unknown number of rows all blocks in one loop.
  Value emitRowBlocks(Value output) {
    int64_t step = blocking.cachedRows;
    if (ShapedType::isDynamic(product.m)) {
      Value rows = tensor::DimOp::create(b, lhs, 0);
      return emitFor(index(0), rows, step, output, [&](Value row, Value out) {
        Value end = arith::MinSIOp::create(b, add(row, step), rows);
        return emitPanels(row, end, ShapedType::kDynamic, out);
      });
    }
    int64_t rest = product.m % step;
    int64_t whole = product.m - rest;
    if (whole != 0)
      output = emitFor(index(0), index(whole), step, output,
                       [&](Value row, Value out) {
                         return emitPanels(row, add(row, step), step, out);
                       });
    if (rest != 0)
      output = emitPanels(index(whole), index(product.m), rest, output);
    return output;
  }

  /// Rows `begin` ... `end` - 1, of which there are `numRows`, if that is
  /// known.
  Value emitPanels(Value begin, Value end, int64_t numRows, Value output) {
    int64_t blocks = product.n / kColumnsPerBlock;
    int64_t partial = product.n % kColumnsPerBlock;
    int64_t step = blocking.columnBlocks;
    int64_t rest = blocks % step;
    int64_t whole = blocks - rest;
    if (whole != 0)
      output = emitFor(index(0), index(whole), step, output,
                       [&](Value block, Value out) {
                         return emitParts(begin, end, numRows,
                                          {block, step, kColumnsPerBlock}, out);
                       });
    if (rest != 0 || partial != 0)
      output = emitParts(begin, end, numRows,
                         {index(whole), rest + (partial != 0),
                          partial != 0 ? partial : kColumnsPerBlock},
                         output);
    return output;
  }

  /// Consecutive blocks of 16 columns, the last one with fewer.
  struct Panel {
    Value block;
    int64_t numBlocks;
    int64_t lastValid;
  };

  /// Part of every sum: `count` times four terms, and, if it is the last one,
  /// what is left.
  struct Part {
    Value first;
    int64_t count;
    bool isLast;
  };

  /// All but the last part of the sums go to memory.
  Value emitParts(Value begin, Value end, int64_t numRows, const Panel &panel,
                  Value output) {
    int64_t dots = product.k / kTermsPerDot;
    int64_t before = dots == 0 ? 0 : (dots - 1) / blocking.dots * blocking.dots;
    Value sums;
    if (before != 0)
      sums = emitFor(index(0), index(before), blocking.dots,
                     emitZeros(numRows, panel), [&](Value first, Value out) {
                       Part part{first, blocking.dots, /*isLast=*/false};
                       return emitRows(begin, end, numRows, out,
                                       [&](const Rows &rows, Value current) {
                                         return emitPartialTile(rows, panel,
                                                                part, current);
                                       });
                     });
    Part part{index(before), dots - before, /*isLast=*/true};
    return emitRows(begin, end, numRows, output,
                    [&](const Rows &rows, Value out) {
                      return emitTile(rows, panel, part, sums, out);
                    });
  }

  Value emitZeros(int64_t numRows, const Panel &panel) {
    int64_t rows =
        ShapedType::isDynamic(numRows) ? blocking.cachedRows : numRows;
    Value empty = tensor::EmptyOp::create(
        b, ArrayRef<int64_t>{rows, panel.numBlocks * kColumnsPerBlock},
        b.getI32Type());
    Value zero = arith::ConstantIntOp::create(b, 0, 32);
    return linalg::FillOp::create(b, zero, empty).getResult(0);
  }

  /// Rows `row` ... `row + count - 1` of a block that begins at `begin`.
  struct Rows {
    Value begin, row;
    int64_t count;
  };

  Value emitRows(Value begin, Value end, int64_t numRows, Value output,
                 llvm::function_ref<Value(const Rows &, Value)> body) {
    bool isDynamic = ShapedType::isDynamic(numRows);
    Value wholeEnd;
    int64_t rest = 0;
    if (isDynamic) {
      Value rows = arith::SubIOp::create(b, end, begin);
      Value left = arith::RemSIOp::create(b, rows, index(blocking.rows));
      wholeEnd = arith::SubIOp::create(b, end, left);
    } else {
      rest = numRows % blocking.rows;
      wholeEnd = add(begin, numRows - rest);
    }
    if (isDynamic || numRows >= blocking.rows)
      output = emitFor(begin, wholeEnd, blocking.rows, output,
                       [&](Value row, Value out) {
                         return body({begin, row, blocking.rows}, out);
                       });
    if (isDynamic)
      return emitFor(wholeEnd, end, 1, output, [&](Value row, Value out) {
        return body({begin, row, 1}, out);
      });
    return rest == 0 ? output : body({begin, wholeEnd, rest}, output);
  }

  //===--------------------------------------------------------------------===//
  // Accumulators that stay in registers, by row, block, group
  //===--------------------------------------------------------------------===//

  /// Calls `visit(sum, row, block)` for the 16 sums of each row and block.
  template <typename Fn>
  void forEachCell(ArrayRef<Value> sums, const Rows &rows, const Panel &panel,
                   Fn visit) {
    int64_t groups = dot.getNumGroups();
    for (int64_t block = 0; block < panel.numBlocks; ++block)
      for (int64_t i = 0; i < rows.count; ++i) {
        int64_t first = (i * panel.numBlocks + block) * groups;
        visit(dot.emitSums(b, sums.slice(first, groups)), i, block);
      }
  }

  /// Where the sums of earlier parts lie.
  Cell getPartialCell(const Rows &rows, int64_t i, int64_t block) {
    Value row = b.createOrFold<arith::SubIOp>(rows.row, rows.begin);
    return {add(row, i), index(block * kColumnsPerBlock), kColumnsPerBlock};
  }

  Value emitPartialTile(const Rows &rows, const Panel &panel, const Part &part,
                        Value memory) {
    forEachCell(emitTerms(rows, panel, part), rows, panel,
                [&](Value sum, int64_t i, int64_t block) {
                  Cell cell = getPartialCell(rows, i, block);
                  Value before = emitLoad(b, memory, cell);
                  memory = emitStore(b, arith::AddIOp::create(b, before, sum),
                                     memory, cell);
                });
    return memory;
  }

  /// `partial` has the sums of earlier parts; null if there are none.
  Value emitTile(const Rows &rows, const Panel &panel, const Part &part,
                 Value partial, Value output) {
    forEachCell(emitTerms(rows, panel, part), rows, panel,
                [&](Value sum, int64_t i, int64_t block) {
                  if (partial) {
                    Cell cell = getPartialCell(rows, i, block);
                    sum = arith::AddIOp::create(b, sum,
                                                emitLoad(b, partial, cell));
                  }
                  Value column = b.createOrFold<arith::MulIOp>(
                      add(panel.block, block), index(kColumnsPerBlock));
                  bool isLast = block + 1 == panel.numBlocks;
                  Cell cell{add(rows.row, i), column,
                            isLast ? panel.lastValid : kColumnsPerBlock};
                  output = emitCell(sum, cell, output);
                });
    return output;
  }

  Value emitCell(Value sum, const Cell &cell, Value output) {
    Value start = emitInit(b, init, computesInit ? Value() : init, cell);
    if (!isa<VectorType>(start.getType()))
      start = vector::BroadcastOp::create(b, sum.getType(), start);
    Value value = b.createOrFold<arith::AddIOp>(sum, start);
    linalg::GenericOp previous = product.op;
    for (linalg::GenericOp op : epilogue) {
      value = emitElementwise(b, op, previous.getResult(0), value,
                              op.getDpsInits()[0], cell);
      previous = op;
    }
    return emitStore(b, value, output, cell);
  }

  SmallVector<Value> emitTerms(const Rows &rows, const Panel &panel,
                               const Part &part) {
    VectorType type = dot.getAccumulatorType(b.getContext());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    SmallVector<Value> sums(rows.count * panel.numBlocks * dot.getNumGroups(),
                            zero);
    if (part.count != 0) {
      auto loop = scf::ForOp::create(b, part.first, add(part.first, part.count),
                                     index(1), sums);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value step = loop.getInductionVar();
      SmallVector<Value> next = emitDots(
          step, panel, SmallVector<Value>(loop.getRegionIterArgs()), rows.count,
          [&](int64_t i) { return loadTerms(add(rows.row, i), step); });
      scf::YieldOp::create(b, next);
      sums.assign(loop.getResults().begin(), loop.getResults().end());
    }
    if (!part.isLast || product.k % kTermsPerDot == 0)
      return sums;
    int64_t whole = product.k / kTermsPerDot;
    return emitDots(index(whole), panel, sums, rows.count, [&](int64_t i) {
      return loadLastTerms(add(rows.row, i), whole * kTermsPerDot);
    });
  }

  /// Four terms of every accumulator.
  SmallVector<Value> emitDots(Value step, const Panel &panel,
                              SmallVector<Value> sums, int64_t rows,
                              llvm::function_ref<Value(int64_t)> loadRow) {
    int64_t groups = dot.getNumGroups();
    SmallVector<Value> right;
    for (int64_t block = 0; block < panel.numBlocks; ++block)
      for (int64_t group = 0; group < groups; ++group)
        right.push_back(loadGroup(add(panel.block, block), step, group));
    for (int64_t i = 0; i < rows; ++i) {
      Value left = dot.emitLeft(b, loadRow(i));
      for (auto [j, factor] : llvm::enumerate(right)) {
        Value &sum = sums[i * right.size() + j];
        sum = dot.emitDot(b, sum, left, factor);
      }
    }
    return sums;
  }

  Value loadBytes(Value tensor, ValueRange indices, int64_t size) {
    auto type = VectorType::get(size, b.getI8Type());
    Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
    return vector::TransferReadOp::create(b, type, tensor, indices, zero,
                                          ArrayRef(true));
  }

  Value loadGroup(Value block, Value step, int64_t group) {
    int64_t size = dot.getGroupBytes();
    Value bytes = loadBytes(packed, {block, step, index(group * size)}, size);
    return dot.emitRight(b, bytes);
  }

  Value loadTerms(Value row, Value step) {
    Value k = arith::MulIOp::create(b, step, index(kTermsPerDot));
    return loadBytes(lhs, {row, k}, kTermsPerDot);
  }

  /// The last, fewer than four terms. Any byte will do for the others, which
  /// are multiplied by zeros, but there may be none.
  Value loadLastTerms(Value row, int64_t begin) {
    auto type = VectorType::get(kTermsPerDot, b.getI8Type());
    Value bytes = arith::ConstantOp::create(b, b.getZeroAttr(type));
    for (int64_t k = begin; k < product.k; ++k) {
      Value byte = tensor::ExtractOp::create(b, lhs, ValueRange{row, index(k)});
      bytes = vector::InsertOp::create(b, byte, bytes, k - begin);
    }
    return bytes;
  }

  const IntegerProduct &product;
  const ByteDotProduct &dot;
  Blocking blocking;
  ArrayRef<linalg::GenericOp> epilogue;
  linalg::GenericOp last;
  ImplicitLocOpBuilder b;
  Value lhs, init;
  /// Whether the initial values are computed, not loaded.
  bool computesInit;
  /// [N/16][K/4][64].
  Value packed;
};

/// False if `op` is no packed product that the target's instructions can read.
bool emitProduct(linalg::GenericOp op, const CpuTarget &target) {
  StringRef whyNot;
  std::optional<IntegerProduct> product = matchIntegerProduct(op, whyNot);
  if (!product || !getPackedFactor(product->rhs->get()))
    return false;
  std::optional<CodeReading> reading = getCodeReading(product->lhsValues);
  std::optional<CodeReading> right = getCodeReading(product->rhsValues);
  if (!reading || !right || right->isUnsigned || right->offset != 0)
    return false;
  ByteDotProduct dot(target, *reading);
  if (!dot.isLegal())
    return false;
  SmallVector<linalg::GenericOp> epilogue = getEpilogue(op, whyNot);
  if (epilogue.empty() && !whyNot.empty())
    remark::missed(op.getLoc(), getRemarkOptions("NotFused"))
        << "sums are written to memory: " << whyNot;
  Blocking blocking = chooseBlocking(target, dot, *product);
  remark::passed(op.getLoc(), getRemarkOptions("Blocks"))
      << "a product of packed bytes" << remark::metric("Rows", blocking.rows)
      << remark::metric("ColumnBlocks", blocking.columnBlocks)
      << remark::metric("Terms", blocking.dots * kTermsPerDot)
      << remark::metric("CachedRows", blocking.cachedRows)
      << remark::metric("FusedOperations", epilogue.size());
  Value result = Emitter(*product, dot, blocking, epilogue).emit();
  linalg::GenericOp last = epilogue.empty() ? op : epilogue.back();
  last.replaceAllUsesWith(ValueRange{result});
  for (linalg::GenericOp fused : llvm::reverse(epilogue))
    fused.erase();
  op.erase();
  return true;
}

struct ProductsToVectorsPass
    : impl::ProductsToVectorsBase<ProductsToVectorsPass> {
  using ProductsToVectorsBase::ProductsToVectorsBase;

  void runOnOperation() override {
    CpuTarget target = CpuTarget::get(getOperation(), instructions, l2Bytes);
    // Not the others: an epilogue is erased together with its product.
    SmallVector<linalg::GenericOp> products;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() != 0)
        products.push_back(op);
    });
    for (linalg::GenericOp op : products)
      emitProduct(op, target);
  }
};

} // namespace
} // namespace mlir::qfmt
