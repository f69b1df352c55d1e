//===- TilesToAmx.cpp - Blocks of products in AMX tiles -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt_cpu.tile_product on buffers.
// Output: loops over amx operations. What upstream calls them stands nowhere
// else.
//
// Every tile has 16 rows of 64 bytes. LLVM 22 gives each of the 8 tile
// registers one shape for a whole function and fails if there are more of them
// than registers: so rows that are missing are padding in memory, not smaller
// tiles.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_TILESTOAMX
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

/// Rows of a tile, and columns of 32 bits.
constexpr int64_t kRows = 16;
/// Columns of bytes.
constexpr int64_t kTerms = 64;
/// So few steps are written one after the other.
constexpr int64_t kMaxUnrolled = 4;

class Emitter {
public:
  explicit Emitter(cpu::TileProductOp op)
      : op(op), b(op.getLoc(), op),
        factorType(amx::TileType::get({kRows, kTerms}, b.getI8Type())),
        sumType(amx::TileType::get({kRows, kRows}, b.getI32Type())) {
    auto sums = cast<MemRefType>(op.getSums().getType());
    for (int64_t row = 0; row < sums.getDimSize(0); row += kRows)
      for (int64_t column = 0; column < sums.getDimSize(1); column += kRows)
        places.push_back({row, column});
  }

  void emit() {
    SmallVector<Value> sums;
    for (Place place : places)
      sums.push_back(emitStart(place));
    std::optional<int64_t> steps = getConstantIntValue(op.getSteps());
    if (steps && *steps <= kMaxUnrolled)
      for (int64_t step = 0; step < *steps; ++step)
        emitStep(index(step), sums);
    else
      emitLoop(sums);
    for (auto [place, sum] : llvm::zip_equal(places, sums))
      amx::TileStoreOp::create(b, op.getSums(), getIndices(place), sum);
  }

private:
  /// The first row and column of a tile of sums.
  struct Place {
    int64_t row, column;
  };

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  Value add(Value base, int64_t offset) {
    return b.createOrFold<arith::AddIOp>(base, index(offset));
  }

  SmallVector<Value> getIndices(Place place) {
    return {index(place.row), index(place.column)};
  }

  Value emitStart(Place place) {
    if (op.getAdded())
      return amx::TileLoadOp::create(b, sumType, op.getSums(),
                                     getIndices(place));
    return amx::TileZeroOp::create(b, sumType);
  }

  void emitLoop(SmallVector<Value> &sums) {
    auto loop = scf::ForOp::create(b, index(0), op.getSteps(), index(1), sums);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next(loop.getRegionIterArgs());
    emitStep(loop.getInductionVar(), next);
    scf::YieldOp::create(b, next);
    sums = SmallVector<Value>(loop.getResults());
  }

  /// Each factor is loaded once for the two tiles of sums that need it, all of
  /// them before the first product: so they get registers of their own.
  void emitStep(Value step, MutableArrayRef<Value> sums) {
    SmallVector<Value, 2> left(2), right(2);
    for (Place place : places)
      if (Value &tile = left[place.row / kRows]; !tile)
        tile = loadLeft(place.row, step);
    for (Place place : places)
      if (Value &tile = right[place.column / kRows]; !tile)
        tile = loadRight(place.column, step);
    for (auto [place, sum] : llvm::zip_equal(places, sums))
      sum = emitProduct(left[place.row / kRows], right[place.column / kRows],
                        sum);
  }

  Value emitProduct(Value left, Value right, Value sum) {
    return amx::TileMulIOp::create(b, sumType, left, right, sum,
                                   /*isZextLhs=*/op.getIsLhsUnsigned(),
                                   /*isZextRhs=*/false);
  }

  Value loadLeft(int64_t row, Value step) {
    bool isPacked = cast<MemRefType>(op.getLhs().getType()).getRank() == 4;
    Value first = add(op.getLhsRow(), isPacked ? row / kRows : row);
    if (!isPacked)
      step = arith::MulIOp::create(b, step, index(kTerms));
    Value term = b.createOrFold<arith::AddIOp>(op.getLhsTerm(), step);
    SmallVector<Value> indices = {first, term};
    if (isPacked)
      indices.append(2, index(0));
    if (hasUnitStride(op.getLhs()))
      return amx::TileLoadOp::create(b, factorType, op.getLhs(), indices);
    return amx::TileLoadOp::create(b, factorType, emitCopy(indices),
                                   ValueRange{index(0), index(0)});
  }

  /// A tile's bytes lie together; those of a column of a larger tensor, say, do
  /// not.
  static bool hasUnitStride(Value buffer) {
    SmallVector<int64_t> strides;
    int64_t offset;
    return succeeded(cast<MemRefType>(buffer.getType())
                         .getStridesAndOffset(strides, offset)) &&
           strides.back() == 1;
  }

  /// The tile of rows at `indices`, byte by byte.
  Value emitCopy(ArrayRef<Value> indices) {
    auto type = MemRefType::get({kRows, kTerms}, b.getI8Type());
    Value memory;
    {
      OpBuilder::InsertionGuard guard(b);
      Operation *scope =
          op->getParentWithTrait<OpTrait::AutomaticAllocationScope>();
      b.setInsertionPointToStart(&scope->getRegion(0).front());
      memory = memref::AllocaOp::create(b, type);
    }
    scf::buildLoopNest(
        b, b.getLoc(), {index(0), index(0)}, {index(kRows), index(kTerms)},
        {index(1), index(1)},
        [&](OpBuilder &nested, Location loc, ValueRange place) {
          SmallVector<Value> from(indices);
          for (auto [to, offset] : llvm::zip_equal(from, place))
            to = arith::AddIOp::create(nested, loc, to, offset);
          Value byte = memref::LoadOp::create(nested, loc, op.getLhs(), from);
          memref::StoreOp::create(nested, loc, byte, memory, place);
        });
    return memory;
  }

  Value loadRight(int64_t column, Value step) {
    bool hasTiles = cast<MemRefType>(op.getRhs().getType()).getRank() == 4;
    if (!hasTiles)
      step = b.createOrFold<arith::MulIOp>(step, index(kRows));
    SmallVector<Value> indices = {
        add(op.getRhsBlock(), column / kRows),
        b.createOrFold<arith::AddIOp>(op.getRhsStep(), step)};
    indices.append(hasTiles ? 2 : 1, index(0));
    return amx::TileLoadOp::create(b, factorType, op.getRhs(), indices);
  }

  cpu::TileProductOp op;
  ImplicitLocOpBuilder b;
  amx::TileType factorType, sumType;
  SmallVector<Place, 4> places;
};

struct TilesToAmxPass : impl::TilesToAmxBase<TilesToAmxPass> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([](cpu::TileProductOp op) {
      if (!op.hasPureBufferSemantics()) {
        op.emitError("is on tensors; bufferize it first");
        return WalkResult::interrupt();
      }
      Emitter(op).emit();
      op.erase();
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
