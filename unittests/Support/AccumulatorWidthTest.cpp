//===- AccumulatorWidthTest.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/AccumulatorWidth.h"
#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir::qfmt;

/// Chains of products of symmetric p-bit and q-bit numbers.
static uint64_t getSymmetric(unsigned p, unsigned q, unsigned bits = 32) {
  int64_t high = ((int64_t(1) << (p - 1)) - 1) * ((int64_t(1) << (q - 1)) - 1);
  return getSafeChainLength(-high, high, bits);
}

TEST(SafeChainLength, PublishedLengths) {
  const std::pair<unsigned, uint64_t> lengths[] = {
      {16, 2}, {15, 8}, {14, 32}, {13, 128}, {12, 512}, {8, 133144}};
  for (auto [width, length] : lengths)
    EXPECT_EQ(getSymmetric(width, width), length) << width;
}

TEST(SafeChainLength, MixedWidths) {
  for (unsigned p = 2; p <= 16; ++p)
    for (unsigned q = 2; q <= 16; ++q)
      EXPECT_EQ(getSymmetric(p, q),
                2147483647u / (((1u << (p - 1)) - 1) * ((1u << (q - 1)) - 1)));
}

TEST(SafeChainLength, TheMostNegativeNumberIsOneMore) {
  // Two products of -32768 are 2^31.
  EXPECT_EQ(getSafeChainLength(-32768 * 32767, int64_t(1) << 30, 32), 1u);
  // -2^31 itself is an i32, 2^31 is not.
  EXPECT_EQ(getSafeChainLength(-(int64_t(1) << 30), 0, 32), 2u);
  EXPECT_EQ(getSafeChainLength(-(int64_t(1) << 30), int64_t(1) << 30, 32), 1u);
}

TEST(SafeChainLength, OneSidedZeroAndTooLarge) {
  EXPECT_EQ(getSafeChainLength(0, 255 * 255, 32), 33025u);
  EXPECT_EQ(getSafeChainLength(5, 7, 8), 18u);
  EXPECT_EQ(getSafeChainLength(-7, -5, 8), 18u);
  EXPECT_EQ(getSafeChainLength(0, 0, 32), kAnyLength);
  EXPECT_EQ(getSafeChainLength(0, int64_t(1) << 31, 32), 0u);
  EXPECT_EQ(getSafeChainLength(INT64_MIN, 0, 64), 1u);
  EXPECT_EQ(getSafeChainLength(INT64_MIN, INT64_MAX, 64), 1u);
  EXPECT_EQ(getSafeChainLength(INT64_MIN, INT64_MAX, 63), 0u);
}

/// Every range of 5-bit terms and every accumulator up to 9 bits, by addition.
TEST(SafeChainLength, Exhaustive) {
  for (unsigned bits = 1; bits <= 9; ++bits)
    for (int64_t lo = -16; lo < 16; ++lo)
      for (int64_t hi = lo; hi < 16; ++hi) {
        int64_t end = int64_t(1) << (bits - 1);
        int64_t low = std::min<int64_t>(lo, 0), high = std::max<int64_t>(hi, 0);
        uint64_t length = getSafeChainLength(lo, hi, bits);
        if (lo == 0 && hi == 0) {
          EXPECT_EQ(length, kAnyLength);
          continue;
        }
        int64_t n = length;
        EXPECT_TRUE(n * low >= -end && n * high < end);
        EXPECT_FALSE((n + 1) * low >= -end && (n + 1) * high < end)
            << lo << " " << hi << " " << bits;
      }
}

static bool fitsEverywhere(llvm::ArrayRef<uint64_t> magnitudes, size_t length,
                           uint64_t limit) {
  for (size_t first = 0; first + length <= magnitudes.size(); ++first) {
    uint64_t sum = 0;
    for (uint64_t magnitude : magnitudes.slice(first, length))
      sum += magnitude;
    if (sum > limit)
      return false;
  }
  return true;
}

TEST(SafeWindow, IsTheLongest) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint64_t> magnitudes(random() % 12);
    for (uint64_t &magnitude : magnitudes)
      magnitude = random() % 10;
    uint64_t limit = random() % 40;
    uint64_t length = getSafeWindow(magnitudes, limit);
    ASSERT_LE(length, magnitudes.size());
    EXPECT_TRUE(fitsEverywhere(magnitudes, length, limit));
    if (length < magnitudes.size())
      EXPECT_FALSE(fitsEverywhere(magnitudes, length + 1, limit));
  }
}
