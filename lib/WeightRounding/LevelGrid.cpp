// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/WeightRounding/LevelGrid.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

LevelGrid::LevelGrid(std::vector<double> levels, std::vector<int32_t> blockOf,
                     int32_t numBlocks)
    : LevelGrid(std::vector<std::vector<double>>{std::move(levels)},
                std::move(blockOf), numBlocks) {}

LevelGrid::LevelGrid(std::vector<std::vector<double>> formats,
                     std::vector<int32_t> blockOf, int32_t numBlocks)
    : formats(std::move(formats)), blockOf(std::move(blockOf)),
      scales(numBlocks, 1.0), zeroPoints(numBlocks, 0.0),
      formatOf(numBlocks, 0) {
  assert(!this->formats.empty() && "there is a number format");
  for ([[maybe_unused]] const std::vector<double> &levels : this->formats)
    assert(!levels.empty() && "a number format has values");
}

void LevelGrid::setBlock(int32_t block, double scale, double zeroPoint,
                         uint32_t format) {
  assert(scale > 0 && "scales are positive");
  assert(format < formats.size() && "there is such a format");
  scales[block] = scale;
  zeroPoints[block] = zeroPoint;
  formatOf[block] = format;
}

uint32_t LevelGrid::getNearest(int64_t element, double value) const {
  int32_t block = blockOf[element];
  const std::vector<double> &levels = getLevels(block);
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
