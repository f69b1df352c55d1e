// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Orders of channels by magnitude, and what blocks lose.

#include "ChannelOrder.h"
#include "qfmt/Support/SplitMix64.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>

using namespace mlir::qfmt;
using Order = std::vector<int64_t>;
using Numbers = std::vector<double>;

namespace {
TEST(ChannelOrder, Descends) {
  EXPECT_EQ(getDescendingOrder({1, 5, 3, 4}, 4, ChannelPairs::None),
            (Order{1, 3, 2, 0}));
}

TEST(ChannelOrder, StaysWithinRuns) {
  EXPECT_EQ(getDescendingOrder({1, 5, 30, 40}, 2, ChannelPairs::None),
            (Order{1, 0, 3, 2}));
}

TEST(ChannelOrder, EqualNormsStay) {
  EXPECT_EQ(getDescendingOrder({2, 2, 2, 2}, 4, ChannelPairs::None),
            (Order{0, 1, 2, 3}));
}

TEST(ChannelOrder, PairsOfHalvesStayPairs) {
  // Pairs (0, 3), (1, 4), (2, 5) of energies 10, 26, 9.
  EXPECT_EQ(getDescendingOrder({1, 5, 0, 3, 1, 3}, 6, ChannelPairs::Halves),
            (Order{1, 0, 2, 4, 3, 5}));
}

TEST(ChannelOrder, PairsOfNeighboursStayPairs) {
  EXPECT_EQ(getDescendingOrder({1, 2, 0, 3, 4, 0, 9, 9, 5, 5, 7, 7}, 6,
                               ChannelPairs::Neighbours),
            (Order{4, 5, 2, 3, 0, 1, 6, 7, 10, 11, 8, 9}));
}

TEST(ChannelOrder, ProbesMoveWhatTheyMay) {
  EXPECT_EQ(getProbeOrder(3, 3, ChannelPairs::None, false), (Order{2, 1, 0}));
  EXPECT_EQ(getProbeOrder(6, 3, ChannelPairs::None, false),
            (Order{2, 1, 0, 5, 3, 4}));
  EXPECT_EQ(getProbeOrder(6, 3, ChannelPairs::None, true),
            (Order{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(getProbeOrder(4, 2, ChannelPairs::None, false),
            (Order{1, 0, 2, 3}));
  EXPECT_EQ(getProbeOrder(6, 6, ChannelPairs::Halves, false),
            (Order{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(getProbeOrder(6, 6, ChannelPairs::Neighbours, false),
            (Order{4, 5, 2, 3, 0, 1}));
}

TEST(ChannelOrder, TiedRuns) {
  EXPECT_EQ(tieRuns({1, 2, 7, 2}, 2), (Numbers{5, 2, 5, 2}));
  EXPECT_EQ(getRuns(12), (Order{12, 6, 4, 3, 2}));
  EXPECT_EQ(getRuns(1), Order());
}

TEST(ChannelOrder, FindsRows) {
  Numbers rows = {1, 2, 3, 4, 1, 2, 0, 5};
  EXPECT_EQ(findRows(rows, {0, 5, 1, 2, 3, 4, 1, 2}, 2), (Order{1, 2, 3, 0}));
  EXPECT_EQ(findRows(rows, {0, 5, 1, 2, 3, 4, 1, 3}, 2), Order());
  EXPECT_EQ(findRows(rows, {1, 2}, 2), Order());
}

TEST(ChannelOrder, Columns) {
  Numbers rows = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(permuteColumns(rows, {2, 0, 1}), (Numbers{3, 1, 2, 6, 4, 5}));
  EXPECT_EQ(getColumns(rows, 3, 1, 2), (Numbers{2, 3, 5, 6}));
  EXPECT_EQ(getRowNorms({3, 4, 0, 2}, 2), (Numbers{5, 2}));
  EXPECT_EQ(getColumnSizes({1, 5, 7, 5}, 2), (Numbers{5, 5}));
}

TEST(ChannelOrder, BlockLoss) {
  // Steps of 1 and 2/3 with 3 bits.
  EXPECT_DOUBLE_EQ(getBlockLoss({1, -3, 2, 2}, 4, 2, 3),
                   2 / 12. + 2 * 4 / 9. / 12);
  EXPECT_DOUBLE_EQ(getBlockLoss({1, -3, 2, 2}, 2, 0, 3),
                   2 / 12. + 2 * 4 / 9. / 12);
  EXPECT_DOUBLE_EQ(getBlockLoss({1, -3, 2}, 3, 2, 3), 2 / 12. + 4 / 9. / 12);
  EXPECT_DOUBLE_EQ(getBlockLoss({1, -3, 2}, 3, 64, 3), 3 / 12.);
  // What is small loses itself.
  EXPECT_DOUBLE_EQ(getBlockLoss({0.25, -3, 0}, 3, 3, 3), 1 / 16. + 1 / 12.);
  EXPECT_EQ(getBlockLoss({0, 0}, 2, 2, 3), 0);
}

/// Against all orders of eight channels, with bits for all of them.
TEST(ChannelOrder, SortedLosesLeast) {
  SplitMix64 random(1);
  for (int64_t block : {2, 3, 4}) {
    Numbers norms(8);
    for (double &norm : norms)
      norm = std::exp(4 * random.uniform());
    double sorted = getBlockLoss(
        permuteColumns(norms, getDescendingOrder(norms, 8, ChannelPairs::None)),
        8, block, 24);
    // A smaller last block might rather have the largest.
    std::sort(norms.begin(), norms.end());
    double least = INFINITY;
    do {
      least = std::min(least, getBlockLoss(norms, 8, block, 24));
    } while (std::next_permutation(norms.begin(), norms.end()));
    if (8 % block == 0)
      EXPECT_DOUBLE_EQ(sorted, least) << block;
    else
      EXPECT_GE(sorted, least * 0.999) << block;
  }
}
} // namespace
