// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaShape.h"
#include "SharedTile.h"

namespace mlir::qfmt {

/// What a multiprocessor of sm_90a does in a cycle, by its manual: products of
/// bytes by wgmma, and from the level-2 cache its share of what this gives.
static constexpr double kProducts = 4096, kL2Bytes = 48;
/// Cycles until the first products of a block, and after its last.
static constexpr double kBlockOverhead = 1500;
static constexpr int64_t kMostStages = 6;
/// Parts begin where the swizzle does; two barriers for each.
static constexpr int64_t kSharedAlignment = 1024, kBarrierBytes = 16;

/// Large ones first.
static constexpr WgmmaShape kShapes[] = {{2, 256, 0}, {2, 128, 0}, {1, 256, 0},
                                         {1, 128, 0}, {2, 64, 0},  {1, 64, 0},
                                         {1, 32, 0},  {1, 16, 0}};

int64_t WgmmaShape::getLhsBytes() const {
  return SharedCopy::getBytes(getRows());
}

int64_t WgmmaShape::getStageBytes() const {
  return SharedCopy::getBytes(getRows() + columns);
}

int64_t WgmmaShape::getSharedBytes() const {
  return kSharedAlignment + stages * (getStageBytes() + kBarrierBytes);
}

/// At least two where there are more parts than one: a part is free when the
/// next one is being multiplied.
static int64_t chooseStages(const GpuTarget &target, const WgmmaShape &shape,
                            int64_t parts, int64_t requested) {
  int64_t fitting = (target.getSharedBytesPerBlock() - kSharedAlignment) /
                    (shape.getStageBytes() + kBarrierBytes);
  if (requested != 0 && (requested < 2 || requested > fitting))
    return 0;
  int64_t most = requested != 0 ? requested : std::min(fitting, kMostStages);
  return std::min(most, parts);
}

static double getCycles(const GpuTarget &target, const ProductSize &size,
                        const WgmmaShape &shape) {
  int64_t blocks = llvm::divideCeil(size.rows, shape.getRows()) *
                   llvm::divideCeil(size.columns, shape.columns);
  int64_t rounds = llvm::divideCeil(blocks, target.getNumProcessors());
  double products = shape.getRows() * shape.columns;
  double copied = shape.getRows() + shape.columns;
  return rounds * std::max(products / kProducts, copied / kL2Bytes) *
             size.terms +
         kBlockOverhead;
}

std::optional<WgmmaShape> chooseWgmmaShape(const GpuTarget &target,
                                           const ProductSize &size,
                                           const BlockRequest &request,
                                           bool hasFloats) {
  std::optional<WgmmaShape> best;
  int64_t parts = std::max<int64_t>(llvm::divideCeil(size.terms, kRowBytes), 1);
  for (WgmmaShape shape : kShapes) {
    if ((request.rows != 0 && request.rows != shape.getRows()) ||
        (request.columns != 0 && request.columns != shape.columns))
      continue;
    shape.hasFloats = hasFloats;
    shape.stages = chooseStages(target, shape, parts, request.stages);
    if (shape.stages != 0 && (!best || getCycles(target, size, shape) <
                                           getCycles(target, size, *best)))
      best = shape;
  }
  return best;
}

} // namespace mlir::qfmt
