//===- LevelGrid.h - What the weights of a layer may become -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A matrix of weights whose elements become values of a number format, each
// block of elements with a scale and a zero point:
//
//   value = fl((level - zeroPoint[block]) * scale[block])
//
// where fl rounds to f32, half to even, as whoever reads an encoded tensor
// does. There may be several number formats, of which each block has one. How
// blocks lie in the matrix does not matter. No IR.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_WEIGHTROUNDING_LEVELGRID_H
#define QFMT_WEIGHTROUNDING_LEVELGRID_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::qfmt {

class LevelGrid {
public:
  /// `levels`: the finite values of a number format, strictly ascending, at
  /// least one, each exact in f32. `blockOf`: of each element its block, 0 to
  /// numBlocks - 1. All scales are 1 and all zero points 0.
  LevelGrid(std::vector<double> levels, std::vector<int32_t> blockOf,
            int32_t numBlocks);
  /// Of several number formats; all blocks have the first.
  LevelGrid(std::vector<std::vector<double>> formats,
            std::vector<int32_t> blockOf, int32_t numBlocks);

  size_t getNumLevels(int64_t element) const {
    return getLevels(blockOf[element]).size();
  }
  int64_t getNumElements() const { return blockOf.size(); }
  int32_t getBlock(int64_t element) const { return blockOf[element]; }

  /// `scale` is exact in f32 and greater than 0.
  void setBlock(int32_t block, double scale, double zeroPoint = 0,
                uint32_t format = 0);
  double getScale(int32_t block) const { return scales[block]; }
  double getZeroPoint(int32_t block) const { return zeroPoints[block]; }
  uint32_t getFormat(int32_t block) const { return formatOf[block]; }

  /// What the element is if it has that level.
  double getValue(int64_t element, uint32_t level) const {
    int32_t block = blockOf[element];
    // The product of an integer or a short float and an f32 is exact in f64.
    return static_cast<float>((getLevels(block)[level] - zeroPoints[block]) *
                              scales[block]);
  }

  /// The level whose value is nearest to `value`, the lower one of two. A NaN
  /// has the first.
  uint32_t getNearest(int64_t element, double value) const;

private:
  const std::vector<double> &getLevels(int32_t block) const {
    return formats[formatOf[block]];
  }

  std::vector<std::vector<double>> formats;
  std::vector<int32_t> blockOf;
  std::vector<double> scales, zeroPoints;
  std::vector<uint32_t> formatOf;
};

} // namespace mlir::qfmt

#endif // QFMT_WEIGHTROUNDING_LEVELGRID_H
