// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BlockChoice.h"

namespace mlir::qfmt {

/// What a multiprocessor does in a cycle, by the manuals of sm_80 and sm_90:
/// products of bytes by mma.sync, bytes read from shared memory, and from the
/// level-2 cache its share of what this gives to all.
static constexpr double kProducts = 2048, kSharedBytes = 128, kL2Bytes = 48;
/// Cycles until the first products of a block, and after its last.
static constexpr double kBlockOverhead = 1500;
/// Fewer parts at a time do not hide the latency of memory; more do not help.
static constexpr int64_t kFewestStages = 3, kMostStages = 4;
static constexpr int64_t kMostStagesOfSmallBlocks = 6, kSmallBlockRows = 32;

/// Tiles of 16 x 8 accumulators of a warp that fit 255 registers.
static constexpr int64_t kMostTiles = 32;

/// Elements of the result.
static constexpr int64_t kLargeBlock = 128 * 256;

/// Large ones first. A warp's fragments and sums fit 255 registers.
static constexpr BlockShape kShapes[] = {
    {2, 4, {4, 8}, 0}, // 128 x 256
    {2, 2, {4, 8}, 0}, // 128 x 128
    {2, 2, {2, 8}, 0}, // 64 x 128
    {2, 2, {2, 4}, 0}, // 64 x 64
    {1, 4, {2, 4}, 0}, // 32 x 128
    {1, 4, {2, 2}, 0}, // 32 x 64
    {1, 4, {1, 4}, 0}, // 16 x 128
    {1, 4, {1, 2}, 0}, // 16 x 64
    {1, 2, {1, 2}, 0}, // 16 x 32
};

LogicalResult verifyRequest(Location loc, const BlockRequest &request,
                            int64_t rowsIfUnknown) {
  if (request.rows < 0 || request.columns < 0)
    return emitError(loc) << "a block has rows and columns, and 0 lets the "
                             "pass choose; found block-rows="
                          << request.rows
                          << " block-columns=" << request.columns;
  if (request.stages < 0 || request.stages == 1)
    return emitError(loc) << "there are 2 stages or more, and 0 lets the pass "
                             "choose; found stages="
                          << request.stages;
  if (rowsIfUnknown < 1)
    return emitError(loc) << "1 row or more is expected, found "
                             "rows-if-unknown="
                          << rowsIfUnknown;
  return success();
}

std::string describe(const BlockRequest &request) {
  auto getText = [](int64_t number) {
    return number == 0 ? "any" : std::to_string(number);
  };
  std::string text = getText(request.rows) + " x " + getText(request.columns);
  if (request.stages != 0)
    text += " in " + std::to_string(request.stages) + " stages";
  return text;
}

/// 0 if not even two parts fit.
static int64_t chooseStages(const GpuTarget &target, const ProductSize &size,
                            const BlockShape &shape, int64_t requested) {
  int64_t fitting = target.getSharedBytesPerBlock() / size.getStageBytes(shape);
  if (requested != 0)
    return requested <= fitting ? requested : 0;
  int64_t most = shape.getRows() <= kSmallBlockRows ? kMostStagesOfSmallBlocks
                                                    : kMostStages;
  // Two blocks of four warps share a multiprocessor, if they can.
  int64_t shared = fitting / 2;
  if (shape.getThreads() <= 4 * kThreadsPerWarp && shared >= kFewestStages)
    fitting = shared;
  return fitting < 2 ? 0 : std::min(fitting, most);
}

/// Of one block, without its overhead, for each term.
static double getCyclesPerTerm(const BlockShape &shape) {
  double products = shape.getRows() * shape.getColumns();
  double copied = shape.getRows() + shape.getColumns();
  double read = shape.warpRows * shape.warpColumns *
                (shape.getWarpRows() + shape.getWarpColumns());
  return std::max(
      {products / kProducts, copied / kL2Bytes, read / kSharedBytes});
}

static double getBlockCycles(const GpuTarget &target, const ProductSize &size,
                             const BlockShape &shape) {
  int64_t blocks = size.batches * llvm::divideCeil(size.rows, shape.getRows()) *
                   llvm::divideCeil(size.columns, shape.getColumns());
  int64_t rounds = llvm::divideCeil(blocks, target.getNumProcessors());
  return rounds * getCyclesPerTerm(shape) * size.terms + kBlockOverhead;
}

/// What asks which rows and columns are there does not fit the registers beside
/// the sums and addresses of the largest block.
static bool fitsRegisters(const ProductSize &size, const BlockShape &shape) {
  // Nor do registers that prmt makes and more addresses beside those of others.
  if (size.isByTerms &&
      shape.fragments.rows * shape.fragments.columns == kMostTiles)
    return false;
  if (shape.getRows() * shape.getColumns() < kLargeBlock)
    return true;
  return !size.isGathered && !size.hasUnknownRows &&
         size.rows % shape.getRows() == 0 &&
         size.columns % shape.getColumns() == 0;
}

std::optional<BlockShape> chooseBlock(const GpuTarget &target,
                                      const ProductSize &size,
                                      const BlockRequest &request) {
  std::optional<BlockShape> best;
  for (BlockShape shape : kShapes) {
    if ((request.rows != 0 && request.rows != shape.getRows()) ||
        (request.columns != 0 && request.columns != shape.getColumns()))
      continue;
    shape.stages = chooseStages(target, size, shape, request.stages);
    bool isRequested = request.rows != 0 && request.columns != 0;
    if (shape.fragments.rows * shape.fragments.columns * size.sumsPerElement >
        kMostTiles)
      continue;
    if (shape.stages < 2 || (!isRequested && !fitsRegisters(size, shape)))
      continue;
    if (!best || getBlockCycles(target, size, shape) <
                     getBlockCycles(target, size, *best))
      best = shape;
  }
  return best;
}

KernelEstimate estimateKernel(const GpuTarget &target, const ProductSize &size,
                              const BlockShape &shape, int64_t memoryBytes) {
  double products =
      double(size.rows) * size.batches * size.columns * size.terms;
  KernelEstimate estimate;
  estimate.productCycles =
      int64_t(products / (kProducts * target.getNumProcessors()));
  estimate.memoryCycles =
      int64_t(memoryBytes / target.getMemoryBytesPerCycle());
  estimate.blockCycles = int64_t(getBlockCycles(target, size, shape));
  return estimate;
}

} // namespace mlir::qfmt
