// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/WeightRounding/LevelGrid.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

LevelGrid::LevelGrid(std::vector<double> levels, std::vector<int32_t> blockOf,
                     int32_t numBlocks)
    : levels(std::move(levels)), blockOf(std::move(blockOf)),
      scales(numBlocks, 1.0), zeroPoints(numBlocks, 0.0) {
  assert(!this->levels.empty() && "a number format has values");
}

void LevelGrid::setBlock(int32_t block, double scale, double zeroPoint) {
  assert(scale > 0 && "scales are positive");
  scales[block] = scale;
  zeroPoints[block] = zeroPoint;
}

uint32_t LevelGrid::getNearest(int64_t element, double value) const {
  int32_t block = blockOf[element];
  double level = value / scales[block] + zeroPoints[block];
  auto above = std::lower_bound(levels.begin(), levels.end(), level);
  if (above == levels.begin())
    return 0;
  auto index = static_cast<uint32_t>(above - levels.begin());
  if (above == levels.end())
    return index - 1;
  // By what is read, which is rounded.
  return std::abs(value - getValue(element, index - 1)) <=
                 std::abs(value - getValue(element, index))
             ? index - 1
             : index;
}
