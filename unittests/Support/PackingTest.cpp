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

// Every byte of five ternary values, by the formula and by both decoders.
TEST(Packing, Base3EveryPattern) {
  for (unsigned pattern = 0; pattern < 243; ++pattern) {
    // Digits from the last element, least significant, to the first.
    std::vector<int> values(5);
    unsigned rest = pattern, byte = 0;
    for (int k = 4; k >= 0; --k, rest /= 3)
      values[k] = int(rest % 3) - 1;
    std::vector<uint64_t> codes;
    unsigned power = 81;
    for (int w : values) {
      codes.push_back(uint64_t(w) & 3);
      byte += unsigned(w + 1) * power;
      power /= 3;
    }
    ASSERT_EQ(byte, pattern);
    ASSERT_EQ(packCodes(codes, 2, CodePacking::Base3),
              std::vector<uint8_t>{uint8_t(byte)});
    ASSERT_EQ(unpackCodes({uint8_t(byte)}, 2, 5, CodePacking::Base3), codes);
    // The decoder of products only.
    unsigned scaled = (byte * 256 + 242) / 243;
    ASSERT_LT(scaled, 256u);
    for (int w : values) {
      ASSERT_EQ(int((scaled * 3) >> 8) - 1, w);
      scaled = (scaled * 3) & 255;
    }
  }
}

TEST(Packing, Base3Tails) {
  // Missing digits are 0: the same bytes as with -1 in their place.
  for (uint64_t count = 0; count <= 11; ++count) {
    std::vector<uint64_t> codes, padded;
    for (uint64_t i = 0; i < count; ++i)
      codes.push_back((i * 7 % 3 + 3) & 3);
    padded = codes;
    padded.resize((count + 4) / 5 * 5, 3);
    std::vector<uint8_t> bytes = packCodes(codes, 2, CodePacking::Base3);
    EXPECT_EQ(bytes.size(), getPackedSize(count, 2, CodePacking::Base3));
    EXPECT_EQ(bytes.size(), (count + 4) / 5);
    EXPECT_EQ(bytes, packCodes(padded, 2, CodePacking::Base3));
    EXPECT_EQ(unpackCodes(bytes, 2, count, CodePacking::Base3), codes);
  }
  EXPECT_FALSE(unpackCodes({0}, 2, 6, CodePacking::Base3).has_value());
  EXPECT_FALSE(
      unpackCodes({0}, 2, ~uint64_t(0), CodePacking::Base3).has_value());
  EXPECT_FALSE(unpackCodes({243}, 2, 1, CodePacking::Base3).has_value());
  EXPECT_EQ(getPackedSize(~uint64_t(0), 2, CodePacking::Base3),
            ~uint64_t(0) / 5);
}

TEST(Packing, BitsThroughTheCommonDoor) {
  EXPECT_EQ(packCodes({1, 2, 15}, 4, CodePacking::Bits),
            packBits({1, 2, 15}, 4));
  EXPECT_EQ(unpackCodes({0x21}, 4, 2, CodePacking::Bits),
            (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(getPackedSize(3, 3, CodePacking::Bits), 2u);
}
