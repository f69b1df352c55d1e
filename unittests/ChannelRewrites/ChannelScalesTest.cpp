// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelScales.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::qfmt;
using Numbers = std::vector<double>;

namespace {

TEST(ChannelRanges, MidRangeOfThePaper) {
  // Outlier Suppression+, Wei et al., arXiv 2304.09145: channels from -97 to
  // -58 and from 5.7 to 43 reach over 140; after the shift over 39.
  ChannelRanges ranges{{-97, 5.7}, {-58, 43}, {77.5, 24}};
  EXPECT_EQ(std::max(ranges.max[0], ranges.max[1]) -
                std::min(ranges.min[0], ranges.min[1]),
            140);
  Numbers shift = ranges.getMidRange();
  EXPECT_DOUBLE_EQ(shift[0], -77.5);
  EXPECT_DOUBLE_EQ(shift[1], 24.35);
  Numbers largest = ranges.getLargest(shift);
  EXPECT_DOUBLE_EQ(largest[0], 19.5);
  EXPECT_DOUBLE_EQ(largest[1], 18.65);
  EXPECT_DOUBLE_EQ(2 * *std::max_element(largest.begin(), largest.end()), 39);
}

TEST(ChannelRanges, LargestMagnitudes) {
  ChannelRanges ranges{{-3, 1, 0}, {2, 5, 0}, {}};
  EXPECT_EQ(ranges.getLargest(), (Numbers{3, 5, 0}));
  EXPECT_EQ(ranges.getLargest(Numbers{-1, 1, 4}), (Numbers{3, 4, 4}));
}

TEST(ChannelRanges, MidRangeOfTheLargestNumbers) {
  double most = std::numeric_limits<double>::max();
  ChannelRanges ranges{{most / 2}, {most}, {most}};
  EXPECT_EQ(ranges.getMidRange()[0], 0.75 * most);
}

TEST(ChannelRanges, ConstantChannelBecomesZero) {
  ChannelRanges ranges{{2.5}, {2.5}, {2.5}};
  Numbers shift = ranges.getMidRange();
  EXPECT_EQ(shift[0], 2.5);
  EXPECT_EQ(ranges.getLargest(shift)[0], 0);
  EXPECT_EQ(getThresholdScales(ranges.getLargest(shift), 1)[0], 1);
}

TEST(SmoothQuant, ByHand) {
  // alpha 0.5: sqrt(16 / 1) = 4 and sqrt(1 / 4) = 0.5, over sqrt(2).
  Numbers scale = getSmoothQuantScales({16, 1}, {1, 4}, 0.5);
  EXPECT_NEAR(scale[0], 4 / std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(scale[1], 0.5 / std::sqrt(2.0), 1e-12);
}

TEST(SmoothQuant, AlphaMovesAllOrNothing) {
  // 1: all channels reach equally far, whatever the weights.
  Numbers largest = {8, 2, 0.5}, weights = {1, 3, 7};
  Numbers scale = getSmoothQuantScales(largest, weights, 1);
  EXPECT_NEAR(largest[0] / scale[0], largest[1] / scale[1], 1e-12);
  EXPECT_NEAR(largest[0] / scale[0], largest[2] / scale[2], 1e-12);
  // 0: all weights do.
  scale = getSmoothQuantScales(largest, weights, 0);
  EXPECT_NEAR(weights[0] * scale[0], weights[1] * scale[1], 1e-12);
  EXPECT_NEAR(weights[0] * scale[0], weights[2] * scale[2], 1e-12);
}

TEST(SmoothQuant, ZerosKeepOne) {
  Numbers scale = getSmoothQuantScales({4, 0, 1, 9}, {1, 1, 1, 0}, 0.5);
  EXPECT_EQ(scale[1], 1);
  EXPECT_EQ(scale[3], 1);
  // The mean is that of the others.
  EXPECT_NEAR(scale[0] * scale[2], 1, 1e-12);
  EXPECT_EQ(getSmoothQuantScales({0, 0}, {1, 1}, 0.5), (Numbers{1, 1}));
}

TEST(SmoothQuant, ScalesAreBounded) {
  Numbers scale = getSmoothQuantScales({1e30, 1e-30}, {1, 1}, 1);
  EXPECT_EQ(scale[0], kLargestScale);
  EXPECT_EQ(scale[1], 1 / kLargestScale);
}

TEST(SmoothQuant, PowersOfTwo) {
  Numbers scale = {1, 1.4, 1.5, 3, 0.7, 0.3, 100};
  roundToPowersOfTwo(scale);
  EXPECT_EQ(scale, (Numbers{1, 1, 2, 4, 0.5, 0.25, 128}));
}

TEST(ActivationScales, ByHand) {
  Numbers scale = getActivationScales({16, 1, 0}, 0.5);
  EXPECT_NEAR(scale[0], 2, 1e-12);
  EXPECT_NEAR(scale[1], 0.5, 1e-12);
  EXPECT_EQ(scale[2], 1);
  EXPECT_EQ(getActivationScales({16, 0.3, 0}, 0), (Numbers{1, 1, 1}));
}

TEST(Thresholds, IdentityAtTheLargestMagnitude) {
  Numbers largest = {3, 12, 0};
  EXPECT_EQ(getThresholdScales(largest, 12), (Numbers{1, 1, 1}));
  EXPECT_EQ(getThresholdScales(largest, 2), (Numbers{1.5, 6, 1}));
  EXPECT_EQ(getThresholdScales(largest, 0), (Numbers{1, 1, 1}));
}

TEST(Thresholds, StepsDownToTheLeast) {
  Numbers thresholds = getThresholds(11, 1);
  ASSERT_EQ(thresholds.size(), 101u);
  EXPECT_EQ(thresholds.front(), 11);
  EXPECT_NEAR(thresholds[1], 10.9, 1e-12);
  EXPECT_NEAR(thresholds.back(), 1, 1e-12);
  // 120 / 0.5 = 240 steps.
  EXPECT_EQ(getThresholds(120, 1).size(), 241u);
  EXPECT_EQ(getThresholds(0.5, 1), (Numbers{0.5}));
  EXPECT_EQ(getThresholds(0, 1), (Numbers{0}));
  EXPECT_EQ(getThresholds(1e30, 1).size(), 10001u);
}

TEST(FindLeastLoss, FirstOfEquals) {
  Numbers losses = {5, 4, 4, 6};
  auto best = findLeastLoss(
      4, [&](size_t i) -> std::optional<double> { return losses[i]; });
  ASSERT_TRUE(best);
  EXPECT_EQ(best->number, 1u);
  EXPECT_EQ(best->loss, 4);
  EXPECT_EQ(best->firstLoss, 5);
}

TEST(FindLeastLoss, StaysWhereNothingIsSmaller) {
  double nan = std::numeric_limits<double>::quiet_NaN();
  Numbers losses = {5, nan, 5};
  auto best = findLeastLoss(
      3, [&](size_t i) -> std::optional<double> { return losses[i]; });
  ASSERT_TRUE(best);
  EXPECT_EQ(best->number, 0u);
  EXPECT_FALSE(findLeastLoss(
      1, [](size_t) -> std::optional<double> { return std::nullopt; }));
  EXPECT_FALSE(
      findLeastLoss(0, [](size_t) -> std::optional<double> { return 0.0; }));
}

TEST(ExponentBiases, LargestValueOfTheFormat) {
  // E2M1 with bias 0 ends at 1.5 * 2^3 = 12, E1M2 at 1.75 * 2 = 3.5.
  EXPECT_NEAR(getExponentBiases({12}, 2, 1)[0], 0, 1e-12);
  EXPECT_NEAR(getExponentBiases({6}, 2, 1)[0], 1, 1e-12);
  EXPECT_NEAR(getExponentBiases({3.5}, 1, 2)[0], 0, 1e-12);
  EXPECT_TRUE(std::isinf(getExponentBiases({0}, 2, 1)[0]));
}

TEST(ExponentShifts, ClippedToTheExponentField) {
  // E2M1: 0 to 3, so that channels get up to 8 times closer.
  Numbers biases = getExponentBiases({12, 6, 1.6, 0.01, 0}, 2, 1);
  EXPECT_EQ(getExponentShifts(biases, biases[0], 2),
            (std::vector<int>{0, 1, 3, 3, 0}));
  EXPECT_EQ(getExponentShifts(biases, biases[0] + 1, 2),
            (std::vector<int>{0, 0, 2, 3, 0}));
  // Halves go to even.
  EXPECT_EQ(getExponentShifts({0.5, 1.5, 2.5}, 0, 2),
            (std::vector<int>{0, 2, 2}));
}

TEST(ExponentShifts, CandidatesBeginWithNone) {
  Numbers biases = getExponentBiases({12, 3, 0}, 2, 1);
  std::vector<std::vector<int>> candidates = getShiftCandidates(biases, 2);
  ASSERT_GE(candidates.size(), 2u);
  EXPECT_EQ(candidates[0], (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(candidates[1], (std::vector<int>{0, 2, 0}));
  for (size_t i = 0; i < candidates.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_NE(candidates[i], candidates[j]);
  // Like channels: nothing to do.
  EXPECT_EQ(getShiftCandidates(getExponentBiases({4, 4}, 2, 1), 2).size(), 1u);
  EXPECT_EQ(getShiftCandidates(getExponentBiases({0, 0}, 2, 1), 2).size(), 1u);
}

TEST(ExponentShifts, ScalesAreExact) {
  Numbers scale = getShiftScales({0, 1, 3});
  EXPECT_EQ(scale, (Numbers{1, 0.5, 0.125}));
  // What the methods' section on it asks for: products do not change by a bit.
  for (float x : {1.1f, -3.7e-5f, 8.25e8f})
    for (float w : {0.3f, -7e-7f, 12345.67f})
      for (double factor : scale) {
        float changed = static_cast<float>(x / factor);
        float weight = static_cast<float>(w * factor);
        EXPECT_EQ(changed * weight, x * w);
      }
}

} // namespace
