// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Equalization.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::qfmt;
using Numbers = std::vector<double>;

namespace {
TEST(Equalization, Ranges) {
  EXPECT_EQ(getRowRanges({1, -3, 2, 0.5, 0, 0}, 2), (Numbers{3, 2, 0}));
}

TEST(Equalization, BothSidesBecomeAlike) {
  Numbers computed = {8, 0.5, 3}, read = {2, 8, 3};
  Numbers scales = getEqualizingScales(computed, read, false);
  EXPECT_EQ(scales, (Numbers{2, 0.25, 1}));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(computed[i] / scales[i], read[i] * scales[i]);
}

TEST(Equalization, ChannelsWithoutWeightsStay) {
  double least = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(getEqualizingScales({0, 2, 0}, {3, 0, 0}, false),
            (Numbers{1, 1, 1}));
  EXPECT_EQ(getEqualizingScales({1}, {INFINITY}, false), Numbers{1});
  EXPECT_EQ(getEqualizingScales({1e300}, {least}, false), Numbers{1});
}

TEST(Equalization, PowersOfTwo) {
  EXPECT_EQ(getEqualizingScales({9, 1, 5}, {1, 9, 5}, true),
            (Numbers{4, 0.25, 1}));
}
} // namespace
