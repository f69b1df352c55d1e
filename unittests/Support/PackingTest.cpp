//===- PackingTest.cpp - Dense little-endian bit streams ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Packing.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir::qfmt;

TEST(Packing, KnownLayouts) {
  using Bytes = std::vector<uint8_t>;
  EXPECT_EQ(packBits({0x1, 0x2, 0xf}, 4), (Bytes{0x21, 0x0f}));
  EXPECT_EQ(packBits({1, 0, 1, 1, 0, 0, 0, 1, 1}, 1), (Bytes{0x8d, 0x01}));
  // 8 three-bit codes fill 3 bytes.
  EXPECT_EQ(packBits({7, 0, 7, 0, 7, 0, 7, 0}, 3), (Bytes{0xc7, 0x71, 0x1c}));
  EXPECT_EQ(packBits({0x12345}, 20), (Bytes{0x45, 0x23, 0x01}));
  EXPECT_EQ(packBits({}, 5), Bytes{});
}

TEST(Packing, EveryWidthRoundTripsBitByBit) {
  std::mt19937_64 random(1);
  for (unsigned width = 1; width <= 64; ++width)
    for (uint64_t count : {0, 1, 2, 7, 8, 9, 63, 65}) {
      std::vector<uint64_t> codes;
      for (uint64_t i = 0; i < count; ++i)
        codes.push_back(random() >> (64 - width));
      std::vector<uint8_t> bytes = packBits(codes, width);
      ASSERT_EQ(bytes.size(), (count * width + 7) / 8);
      ASSERT_EQ(bytes.size(), getPackedSize(count, width));
      for (uint64_t bit = 0; bit < bytes.size() * 8; ++bit) {
        unsigned expected =
            bit < count * width ? codes[bit / width] >> (bit % width) & 1 : 0;
        ASSERT_EQ(bytes[bit / 8] >> (bit % 8) & 1u, expected);
      }
      ASSERT_EQ(unpackBits(bytes, width, count), codes);
    }
}

TEST(Packing, TooFewBytes) {
  EXPECT_FALSE(unpackBits({0x21}, 4, 3).has_value());
  EXPECT_TRUE(unpackBits({0x21}, 4, 2).has_value());
  EXPECT_FALSE(unpackBits({0x21}, 4, ~uint64_t(0)).has_value());
  EXPECT_FALSE(unpackBits({}, 64, uint64_t(1) << 61).has_value());
}
