// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaKernel.h"
#include "FragmentStore.h"
#include "WgmmaTile.h"
#include "WgmmaWeights.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::qfmt {

/// Of the 65536 of a multiprocessor, where threads that copy give registers to
/// two warpgroups that multiply: 128 x 24 + 256 x 240 are what 384 threads with
/// 168 have.
static constexpr int64_t kCopyingRegisters = 24, kMultiplyingRegisters = 240;

static bool isSuitable(kernel::ProductOp op, StringRef &whyNot) {
  auto isBytes = [](Value matrix) {
    return getElementTypeOrSelf(matrix).isInteger(8);
  };
  if (!isBytes(op.getLhs()) || !isBytes(op.getRhs()))
    whyNot = "its factors are no bytes";
  else if (op.getRows())
    whyNot = "its left factor is not read row by row";
  else if (!op.hasFloats() && !isCopiedByTensorMap(op.getLhs()))
    whyNot = "rows of the left factor do not begin at multiples of 16 bytes";
  else
    return true;
  return false;
}

/// What a thread of the warpgroups computes and stores.
static void emitResult(KernelBuilder &b, WgmmaTile &tile, FragmentStore &store,
                       const WgmmaWeights &weights, const BlockOrigin &origin,
                       Value thread) {
  SmallVector<Value> sums = tile.emitSums(b);
  Value lane = b.rem(thread, kThreadsPerWarp);
  Value warp = b.div(thread, kThreadsPerWarp);
  Value row = b.add(b.add(origin.row, b.mul(warp, 16)), b.div(lane, 4));
  Value column = b.add(
      origin.column, b.mul(b.rem(lane, 4), weights.fragments.getNumColumns()));
  size_t sumsOfRun = 4 * weights.fragments.columns;
  for (size_t i = 0; i * sumsOfRun < sums.size(); ++i)
    store.emit(b, weights.fragments,
               ArrayRef(sums).slice(i * sumsOfRun, sumsOfRun), row,
               b.add(column, i * weights.getRunColumns()), origin.numRows,
               origin.hasAllColumns);
}

/// Of a warpgroup, which has them from here on.
static void emitRegisters(KernelBuilder &b, const WgmmaShape &shape,
                          int64_t count, NVVM::SetMaxRegisterAction action) {
  if (shape.movesRegisters())
    NVVM::SetMaxRegisterOp::create(b, count, action);
}

static void emitLaunch(KernelBuilder &b, kernel::ProductOp op, Value lhs,
                       const WgmmaWeights &weights, const WgmmaShape &shape) {
  WgmmaTile tile(b, op, lhs, weights.buffer, shape);
  FragmentStore store(b, op);
  BlockGrid grid(op, shape.getRows(), shape.columns);
  OpBuilder::InsertionGuard guard(b);
  gpu::LaunchOp launch =
      grid.beginLaunch(b, shape.getThreads(), shape.getSharedBytes());
  store.enter(b);
  BlockOrigin origin = grid.emitOrigin(b, launch);
  Value thread = b.toI32(launch.getThreadIds().x);
  tile.begin(b, thread, BlockGrid::emitShared(b));
  int64_t consumers = shape.getConsumers();
  b.emitIf(b.isLess(b.i32(consumers - 1), thread), [&] {
    emitRegisters(b, shape, kCopyingRegisters,
                  NVVM::SetMaxRegisterAction::decrease);
    b.emitIf(b.isLess(thread, consumers + 1),
             [&] { tile.emitCopies(b, origin); });
  });
  b.emitIf(b.isLess(thread, consumers), [&] {
    emitRegisters(b, shape, kMultiplyingRegisters,
                  NVVM::SetMaxRegisterAction::increase);
    emitResult(b, tile, store, weights, origin, thread);
  });
  gpu::TerminatorOp::create(b);
}

LogicalResult emitWgmmaKernel(KernelBuilder &b, kernel::ProductOp op,
                              const WgmmaShape &shape, StringRef &whyNot) {
  if (!isSuitable(op, whyNot))
    return failure();
  FailureOr<WgmmaWeights> weights =
      prepareWgmmaWeights(b, op, shape.columns, whyNot);
  if (failed(weights))
    return failure();
  Value lhs = op.getLhs();
  if (!isCopiedByTensorMap(lhs))
    lhs = copyForTensorMap(b, lhs);
  emitLaunch(b, op, lhs, *weights, shape);
  for (auto [factor, read] :
       {std::pair(op.getLhs(), lhs), std::pair(op.getRhs(), weights->buffer)})
    if (auto copy = read.getDefiningOp<memref::SubViewOp>();
        copy && factor != read)
      memref::DeallocOp::create(b, copy.getSource());
  return success();
}

} // namespace mlir::qfmt
