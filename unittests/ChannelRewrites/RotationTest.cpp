// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotations are orthogonal, and the fast transform is the matrix.

#include "Rotation.h"
#include "qfmt/Support/SplitMix64.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir::qfmt;

namespace {
/// The largest entry of M M^T - I.
double getDefect(const std::vector<double> &matrix, int64_t size) {
  double defect = 0;
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j) {
      double sum = i == j ? -1 : 0;
      for (int64_t k = 0; k < size; ++k)
        sum += matrix[i * size + k] * matrix[j * size + k];
      defect = std::max(defect, std::abs(sum));
    }
  return defect;
}

std::vector<double> getRandom(int64_t size) {
  SplitMix64 random(7);
  std::vector<double> values(size);
  for (double &value : values)
    value = 2 * random.uniform() - 1;
  return values;
}

TEST(Rotation, IsOrthogonalAndHasEntriesOfOneMagnitude) {
  for (int64_t block : {1, 2, 4, 12, 16, 20, 24, 40, 128, 192, 320, 384, 512}) {
    auto rotation = Rotation::get(2 * block, block, 3);
    ASSERT_TRUE(rotation) << block;
    for (int64_t number : {0, 1}) {
      std::vector<double> matrix = rotation->getBlockMatrix(number);
      EXPECT_LE(getDefect(matrix, block), 1e-14) << block;
      for (double entry : matrix)
        ASSERT_EQ(std::abs(entry), 1 / std::sqrt(block)) << block;
    }
  }
}

TEST(Rotation, FastTransformIsTheMatrix) {
  for (int64_t block : {1, 8, 12, 48, 20, 80}) {
    int64_t channels = 3 * block, numRows = 2;
    auto rotation = Rotation::get(channels, block, 11);
    ASSERT_TRUE(rotation);
    std::vector<double> rows = getRandom(numRows * channels);
    std::vector<double> fast = rows, inverse = rows;
    rotation->apply(fast);
    rotation->applyInverse(inverse);
    for (int64_t number = 0; number < 3; ++number) {
      std::vector<double> matrix = rotation->getBlockMatrix(number);
      for (int64_t row = 0; row < numRows; ++row)
        for (int64_t j = 0; j < block; ++j) {
          int64_t start = row * channels + number * block;
          double forward = 0, back = 0;
          for (int64_t i = 0; i < block; ++i) {
            forward += rows[start + i] * matrix[i * block + j];
            back += rows[start + i] * matrix[j * block + i];
          }
          EXPECT_NEAR(fast[start + j], forward, 1e-14) << block;
          EXPECT_NEAR(inverse[start + j], back, 1e-14) << block;
        }
    }
  }
}

TEST(Rotation, InverseUndoesIt) {
  auto rotation = Rotation::get(1536, 1536, 5);
  ASSERT_TRUE(rotation);
  std::vector<double> rows = getRandom(4 * 1536), result = rows;
  rotation->apply(result);
  EXPECT_GT(std::abs(result[1] - rows[1]), 1e-3);
  rotation->applyInverse(result);
  for (size_t i = 0; i < rows.size(); ++i)
    ASSERT_NEAR(result[i], rows[i], 1e-14);
}

/// One outlier becomes +-1/sqrt(B) everywhere.
TEST(Rotation, SpreadsOutliers) {
  auto rotation = Rotation::get(384, 384, 1);
  std::vector<double> row(384);
  row[17] = 96;
  rotation->apply(row);
  for (double value : row)
    EXPECT_NEAR(std::abs(value), 96 / std::sqrt(384.0), 1e-13);
}

TEST(Rotation, LargestBlocks) {
  // Widths of transformers.
  EXPECT_EQ(Rotation::getLargestBlock(384), 384);
  EXPECT_EQ(Rotation::getLargestBlock(1536), 1536);
  EXPECT_EQ(Rotation::getLargestBlock(768), 768);
  EXPECT_EQ(Rotation::getLargestBlock(4096), 4096);
  EXPECT_EQ(Rotation::getLargestBlock(5120), 5120);
  EXPECT_EQ(Rotation::getLargestBlock(11008), 256); // 43 * 256
  EXPECT_EQ(Rotation::getLargestBlock(60), 20);
  EXPECT_EQ(Rotation::getLargestBlock(6), 2);
  EXPECT_EQ(Rotation::getLargestBlock(7), 1);
  EXPECT_EQ(Rotation::getLargestBlock(0), 1);
  for (int64_t channels = 1; channels <= 2000; ++channels) {
    int64_t largest = 1;
    for (int64_t block = 1; block <= channels; ++block)
      if (Rotation::get(channels, block, 0))
        largest = block;
    ASSERT_EQ(Rotation::getLargestBlock(channels), largest) << channels;
  }
}

TEST(Rotation, RefusesSizesWithoutAMatrix) {
  EXPECT_FALSE(Rotation::get(384, 3, 0));
  EXPECT_FALSE(Rotation::get(384, 6, 0));
  EXPECT_FALSE(Rotation::get(384, 256, 0)); // does not divide
  EXPECT_FALSE(Rotation::get(36, 36, 0));
  EXPECT_FALSE(Rotation::get(0, 1, 0));
  EXPECT_FALSE(Rotation::get(4, 0, 0));
}

TEST(Rotation, SeedsAndBlocks) {
  EXPECT_TRUE(Rotation::get(64, 16, 0)->hasSameBlocks());
  EXPECT_FALSE(Rotation::get(64, 16, 1)->hasSameBlocks());
  EXPECT_TRUE(Rotation::get(64, 64, 1)->hasSameBlocks());
  EXPECT_TRUE(*Rotation::get(64, 16, 1) == *Rotation::get(64, 16, 1));
  EXPECT_FALSE(*Rotation::get(64, 16, 1) == *Rotation::get(64, 16, 2));
  EXPECT_FALSE(*Rotation::get(64, 16, 0) == *Rotation::get(64, 32, 0));
}
} // namespace
