// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OutputLoss.h"
#include "ChannelScales.h"
#include "qfmt/Support/SplitMix64.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>

using namespace mlir::qfmt;
using Numbers = std::vector<double>;

namespace {

/// Of integers from -bound - 1 to bound.
LevelSet makeIntegers(int bound) {
  std::vector<std::pair<double, uint64_t>> levels;
  for (int value = -bound - 1; value <= bound; ++value)
    levels.emplace_back(value, static_cast<uint64_t>(value));
  return LevelSet(std::move(levels));
}

TEST(LevelSet, RoundsToNearestEven) {
  LevelSet levels = makeIntegers(7);
  EXPECT_EQ(levels.round(2.4), 2);
  EXPECT_EQ(levels.round(2.5), 2);
  EXPECT_EQ(levels.round(3.5), 4);
  EXPECT_EQ(levels.round(-2.5), -2);
  EXPECT_EQ(levels.round(100), 7);
  EXPECT_EQ(levels.round(-100), -8);
  EXPECT_EQ(levels.round(3), 3);
}

TEST(LevelSet, IntegersWithGapsAreSearched) {
  LevelSet levels({{-2, 6}, {0, 0}, {1, 1}, {2, 2}});
  EXPECT_EQ(levels.round(-1), -2);
  EXPECT_EQ(levels.round(-0.9), 0);
  EXPECT_EQ(levels.round(1.5), 2);
  // Where odd integers have even codes, ties go to these.
  LevelSet shifted({{1, 0}, {2, 1}, {3, 2}});
  EXPECT_EQ(shifted.round(1.5), 1);
  EXPECT_EQ(shifted.round(2.5), 3);
}

TEST(LevelSet, TiesOfFloatsGoToEvenCodes) {
  // f4E2M1FN, with both zeros: codes 5, 6 and 7 are 3, 4 and 6.
  double magnitudes[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  std::vector<std::pair<double, uint64_t>> codes;
  for (uint64_t code = 0; code < 8; ++code) {
    codes.emplace_back(magnitudes[code], code);
    codes.emplace_back(-magnitudes[code], code + 8);
  }
  LevelSet levels(codes);
  EXPECT_EQ(levels.round(3.5), 4);
  EXPECT_EQ(levels.round(5), 4);
  EXPECT_EQ(levels.round(-5), -4);
  EXPECT_EQ(levels.round(2.5), 2);
  EXPECT_EQ(levels.round(0.25), 0);
  Numbers values = {7, 2};
  levels.roundAll(values, 0.5);
  EXPECT_EQ(values, (Numbers{3, 2}));
}

TEST(OutputLoss, ByHand) {
  // Two rows, one output: (1*1 + 2*3) = 7 becomes 1 + 3 = 4, (0 + 1*3) = 3
  // becomes 2: (9 + 1) / 2.
  Numbers rows = {1, 2, 0, 1}, weights = {1, 3};
  Numbers roundedRows = {1, 1, -1, 1}, roundedWeights = {1, 3};
  Numbers exact = multiplyRows(rows, weights, 2);
  EXPECT_EQ(exact, (Numbers{7, 3}));
  EXPECT_DOUBLE_EQ(getOutputLoss(exact, roundedRows, roundedWeights, 2), 5);
  EXPECT_EQ(getOutputLoss(exact, rows, weights, 2), 0);
  EXPECT_EQ(getOutputLoss({}, {}, weights, 2), 0);
}

TEST(OutputLoss, MomentsAreThoseOfRows) {
  // Of the rows (1, 2) and (0, 1), with results off by 3 and 1: (9 + 1) / 2.
  Numbers moments = {0.5, 1, 1, 2.5}, errors = {1, 1};
  EXPECT_DOUBLE_EQ(getMomentLoss(errors, moments, 2), 5);
  // A second output is off by 2 and 1 more, (4 + 1) / 2.
  Numbers two = {1, 1, 0, 1};
  EXPECT_DOUBLE_EQ(getMomentLoss(two, moments, 2), 7.5);
  EXPECT_EQ(getMomentLoss({}, moments, 2), 0);
}

/// Rows of channels of very different range, with an origin each.
struct Example {
  int64_t depth = 16, outputs = 8, numRows = 64;
  Numbers rows, weights;
  ChannelRanges ranges;

  Example() {
    SplitMix64 random(7);
    auto draw = [&] { return 2 * random.uniform() - 1; };
    Numbers width, origin;
    for (int64_t j = 0; j < depth; ++j) {
      width.push_back(j == 3 ? 60 : 1 + random.uniform());
      origin.push_back(j == 5 ? -80 : draw());
    }
    for (int64_t i = 0; i < numRows; ++i)
      for (int64_t j = 0; j < depth; ++j)
        rows.push_back(origin[j] + width[j] * draw());
    for (int64_t i = 0; i < outputs * depth; ++i)
      weights.push_back(draw());
    ranges.min.assign(depth, 1e9);
    ranges.max.assign(depth, -1e9);
    for (size_t i = 0; i < rows.size(); ++i) {
      ranges.min[i % depth] = std::min(ranges.min[i % depth], rows[i]);
      ranges.max[i % depth] = std::max(ranges.max[i % depth], rows[i]);
    }
  }

  /// With 8 bits for the data.
  double getLoss(const Numbers &scale, const Numbers &shift) const {
    Numbers changed = rows, changedWeights = weights;
    double largest = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      changed[i] = (rows[i] - shift[i % depth]) / scale[i % depth];
      largest = std::max(largest, std::abs(changed[i]));
    }
    for (size_t i = 0; i < weights.size(); ++i)
      changedWeights[i] *= scale[i % depth];
    Numbers rounded = changed;
    makeIntegers(127).roundAll(rounded, largest / 127);
    return getOutputLoss(multiplyRows(changed, changedWeights, depth), rounded,
                         changedWeights, depth);
  }
};

TEST(OutputLoss, SearchIsNeverWorseThanTheLargestThreshold) {
  Example example;
  for (bool shifts : {false, true}) {
    Numbers shift =
        shifts ? example.ranges.getMidRange() : Numbers(example.depth, 0.0);
    Numbers largest = example.ranges.getLargest(shift);
    Numbers thresholds =
        getThresholds(*std::max_element(largest.begin(), largest.end()), 1);
    auto best = findLeastLoss(thresholds.size(), [&](size_t i) {
      return std::optional<double>(
          example.getLoss(getThresholdScales(largest, thresholds[i]), shift));
    });
    ASSERT_TRUE(best);
    EXPECT_EQ(getThresholdScales(largest, thresholds[0]),
              Numbers(example.depth, 1.0));
    EXPECT_LT(best->loss, best->firstLoss);
    EXPECT_GT(best->number, 0u);
  }
}

TEST(OutputLoss, ShiftsHelpWhereAChannelLiesOff) {
  Example example;
  Numbers ones(example.depth, 1.0), zeros(example.depth, 0.0);
  EXPECT_LT(example.getLoss(ones, example.ranges.getMidRange()),
            0.9 * example.getLoss(ones, zeros));
}

} // namespace
