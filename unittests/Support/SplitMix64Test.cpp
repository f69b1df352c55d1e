//===- SplitMix64Test.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/SplitMix64.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt;

/// The first outputs of the reference code (Vigna, splitmix64.c).
TEST(SplitMix64Test, IsTheReference) {
  SplitMix64 random(1234567);
  for (uint64_t expected :
       {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
        4593380528125082431u, 16408922859458223821u})
    EXPECT_EQ(random.next(), expected);
}

TEST(SplitMix64Test, IsBelowOne) {
  SplitMix64 random(0);
  double sum = 0;
  for (int i = 0; i < 4096; ++i) {
    double value = random.uniform();
    ASSERT_TRUE(value >= 0 && value < 1);
    sum += value;
  }
  // Five standard deviations of the mean of 4096.
  EXPECT_NEAR(sum / 4096, 0.5, 5 * 0.2887 / 64);
}
