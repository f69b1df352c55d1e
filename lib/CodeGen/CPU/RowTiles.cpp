// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RowTiles.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::qfmt {

static Value index(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

static Value emitFor(ImplicitLocOpBuilder &b, Value size, Value init,
                     llvm::function_ref<Value(Value, Value)> body) {
  auto loop = scf::ForOp::create(b, index(b, 0), size, index(b, 1), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(b, next);
  return loop.getResult(0);
}

/// For `rows` rows, of which there are `count`, if that is known.
static Value emitMemory(ImplicitLocOpBuilder &b, Value rows, int64_t count,
                        int64_t tilesPerRow) {
  OpFoldResult tiles;
  if (ShapedType::isDynamic(count)) {
    Value pairs =
        arith::CeilDivUIOp::create(b, rows, index(b, 2 * kRowsPerAmxTile));
    tiles = arith::MulIOp::create(b, pairs, index(b, 2)).getResult();
  } else {
    tiles = b.getIndexAttr(llvm::divideCeil(count, kRowsPerAmxTile));
  }
  return tensor::EmptyOp::create(
      b,
      ArrayRef<OpFoldResult>{tiles, b.getIndexAttr(tilesPerRow),
                             b.getIndexAttr(kRowsPerAmxTile),
                             b.getIndexAttr(kTermsPerAmxTile)},
      b.getI8Type());
}

Value emitRowTiles(ImplicitLocOpBuilder &b, Value factor, Value begin,
                   Value end, int64_t count, const TermRuns &runs) {
  int64_t tilesPerRun = runs.getTilesPerRun();
  Value rows = b.createOrFold<arith::SubIOp>(end, begin);
  Value empty = emitMemory(b, rows, count, runs.count * tilesPerRun);
  auto type = VectorType::get(kTermsPerAmxTile, b.getI8Type());
  Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
  bool inBounds = runs.terms % kTermsPerAmxTile == 0;
  return emitFor(b, rows, empty, [&](Value row, Value memory) {
    Value tile = arith::DivUIOp::create(b, row, index(b, kRowsPerAmxTile));
    Value rowOfTile = arith::RemUIOp::create(b, row, index(b, kRowsPerAmxTile));
    Value from = arith::AddIOp::create(b, begin, row);
    return emitFor(b, index(b, runs.count), memory, [&](Value run, Value out) {
      Value first = arith::MulIOp::create(b, run, index(b, tilesPerRun));
      return emitFor(
          b, index(b, tilesPerRun), out, [&](Value i, Value current) {
            Value term =
                arith::MulIOp::create(b, i, index(b, kTermsPerAmxTile));
            Value bytes = vector::TransferReadOp::create(
                b, type, factor, runs.emitIndices(from, run, term), zero,
                ArrayRef(inBounds));
            Value to = arith::AddIOp::create(b, first, i);
            return vector::TransferWriteOp::create(
                       b, bytes, current,
                       ValueRange{tile, to, rowOfTile, index(b, 0)},
                       ArrayRef(true))
                .getResult();
          });
    });
  });
}

} // namespace mlir::qfmt
