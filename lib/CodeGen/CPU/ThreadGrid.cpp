// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ThreadGrid.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/Threads/Threads.h"
#include <tuple>

namespace mlir::qfmt {

/// With fewer rows, reading the packed factor takes longer than computing.
static constexpr double kMinRows = 4;
/// What an unknown number of rows is taken for: enough that a product which one
/// row makes wait for memory is shared, too.
static constexpr int64_t kUnknownRows = 8;

static int64_t getUnits(const ThreadedDimension &dimension) {
  return llvm::divideCeil(dimension.size, dimension.unit);
}

/// The threads' shares are as equal as possible, and of grids that are as good,
/// each thread reads as little as possible.
static ThreadGrid chooseGrid(const ThreadedDimension &rows,
                             const ThreadedDimension &blocks, int64_t threads) {
  // Columns are known; of rows there may be any number, one for instance.
  if (ShapedType::isDynamic(rows.size)) {
    int64_t columns = std::min(threads, getUnits(blocks));
    return {threads / columns, columns};
  }
  ThreadGrid best;
  std::tuple<int64_t, double> bestCost{std::numeric_limits<int64_t>::max(), 0};
  int64_t most = std::min(threads, getUnits(blocks));
  for (int64_t columns = most; columns >= 1; --columns) {
    ThreadGrid grid{std::min(threads / columns, getUnits(rows)), columns};
    int64_t share = llvm::divideCeil(getUnits(rows), grid.rows) *
                    llvm::divideCeil(getUnits(blocks), grid.columns);
    // Blocks are of 16 columns.
    double lines =
        double(rows.size) / grid.rows + 16.0 * blocks.size / grid.columns;
    std::tuple<int64_t, double> cost{share, lines};
    if (cost < bestCost) {
      best = grid;
      bestCost = cost;
    }
  }
  return best;
}

ThreadGrid chooseThreadGrid(Operation *product, const ThreadedDimension &rows,
                            const ThreadedDimension &blocks,
                            double cellCycles) {
  int64_t available = getNumThreads(product);
  if (available == 1 || rows.size == 0 || blocks.size == 0)
    return {};
  bool isDynamic = ShapedType::isDynamic(rows.size);
  double cycles =
      std::max(double(isDynamic ? kUnknownRows : rows.size), kMinRows) *
      double(blocks.size) * cellCycles;
  int64_t threads = chooseThreads(cycles, available);
  auto options = [](StringRef name) {
    return remark::RemarkOpts::name(name).category("qfmt-product-threads");
  };
  ThreadGrid grid;
  if (threads > 1)
    grid = chooseGrid(rows, blocks, threads);
  if (grid.rows * grid.columns == 1)
    remark::missed(product->getLoc(), options("OneThread"))
        << (threads == 1 ? "too little work for a second thread"
                         : "one tile cannot be shared")
        << remark::metric("Cycles", int64_t(cycles));
  else
    remark::passed(product->getLoc(), options("Threads"))
        << "a product is divided among threads"
        << remark::metric("RowParts", grid.rows)
        << remark::metric("ColumnParts", grid.columns);
  return grid;
}

} // namespace mlir::qfmt
