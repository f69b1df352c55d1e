// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaKernel.h"
#include "FragmentStore.h"
#include "WgmmaTile.h"
#include "WgmmaWeights.h"

namespace mlir::qfmt {

static bool isSuitable(kernel::ProductOp op, StringRef &whyNot) {
  auto isBytes = [](Value matrix) {
    return getElementTypeOrSelf(matrix).isInteger(8);
  };
  if (!isBytes(op.getLhs()) || !isBytes(op.getRhs()))
    whyNot = "its factors are no bytes";
  else if (op.getRows())
    whyNot = "its left factor is not read row by row";
  else if (!isCopiedByTensorMap(op.getLhs()))
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

LogicalResult emitWgmmaKernel(KernelBuilder &b, kernel::ProductOp op,
                              const WgmmaShape &shape, StringRef &whyNot) {
  if (!isSuitable(op, whyNot))
    return failure();
  FailureOr<WgmmaWeights> weights =
      prepareWgmmaWeights(b, op, shape.columns, whyNot);
  if (failed(weights))
    return failure();
  WgmmaTile tile(b, op, weights->buffer, shape);
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
  Value beyond = b.sub(thread, consumers);
  Value isCopying = b.both(b.isLess(beyond, 1),
                           b.isLess(b.constant(thread, consumers - 1), thread));
  b.emitIf(isCopying, [&] { tile.emitCopies(b, origin); });
  b.emitIf(b.isLess(thread, consumers),
           [&] { emitResult(b, tile, store, *weights, origin, thread); });
  gpu::TerminatorOp::create(b);
  return success();
}

} // namespace mlir::qfmt
