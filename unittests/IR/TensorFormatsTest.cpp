// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.select and #qfmt.additive through their C++ interface: sizes, blocks,
// and what the literature says of them.

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "qfmt/IR/QFmt.h"
#include "gtest/gtest.h"
#include <cmath>
#include <map>

using namespace mlir;
using namespace mlir::qfmt;

namespace {
struct TensorFormats : testing::Test {
  TensorFormats() : builder(&context) { context.loadDialect<QFmtDialect>(); }

  TensorFormat parse(StringRef text) {
    return cast<TensorFormat>(
        parseAttribute(("#qfmt." + text).str(), &context));
  }
  NumberFormat parseNumber(StringRef text) {
    return cast<NumberFormat>(parseType(text, &context));
  }

  MLIRContext context;
  Builder builder;
};

using Shape = SmallVector<int64_t>;
constexpr int64_t kWhole = ScaledAttr::kWhole;

const char *const kBitMod4 =
    "select<[!qfmt.float<2, 1, negative_zero = 5.0>, "
    "!qfmt.float<2, 1, negative_zero = -5.0>, "
    "!qfmt.float<2, 1, negative_zero = 8.0>, "
    "!qfmt.float<2, 1, negative_zero = -8.0>], block = [1, 128], "
    "scale = #qfmt.scaled<ui8, block = [1, *], scale = f16>>";

TEST_F(TensorFormats, SelectIsNeverStatic) {
  TensorFormat format = parse("select<[i4, ui4]>");
  EXPECT_FALSE(format.isStatic());
  EXPECT_EQ(format.getBlockShape(2), Shape({kWhole, kWhole}));
  EXPECT_EQ(
      parse("select<[i4, ui4], block = [2, *], scale = 0.5>").getBlockShape(2),
      Shape({2, kWhole}));
  // Blocks of scales of a whole row.
  EXPECT_EQ(parse(kBitMod4).getBlockShape(2), Shape({1, kWhole}));
}

TEST_F(TensorFormats, SelectRepresentsWhatAllItsFormatsDo) {
  TensorFormat format = parse("select<[i4, ui4], scale = 0.5>");
  FloatType f32 = builder.getF32Type();
  EXPECT_TRUE(format.canRepresent(3.5, f32));
  EXPECT_FALSE(format.canRepresent(-0.5, f32));
  EXPECT_FALSE(format.canRepresent(4.0, f32));
  EXPECT_TRUE(parse("select<[i4, ui4], block = [1, 2], scale = f32>")
                  .canRepresent(0.0, f32));
  EXPECT_FALSE(parse("select<[i4, ui4], block = [1, 2], scale = f32>")
                   .canRepresent(1.0, f32));
}

// BitMoD: 8 + 2 bits for each 128 weights and a float16 for each row.
TEST_F(TensorFormats, BitModTakesTenBitsAGroup) {
  int64_t rows = 64, columns = 4096;
  EXPECT_EQ(parse(kBitMod4).getPackedBits({rows, columns}),
            uint64_t(rows * (4 * columns + 10 * (columns / 128) + 16)));
}

//===----------------------------------------------------------------------===//
// Bit-serial multiplication with BitMoD's formats
//===----------------------------------------------------------------------===//

// A 5-bit magnitude I3 I2 I1 I0 . F0 of which the first term is the leading one
// of the four integer bits, the second the leading one of the rest.
TEST_F(TensorFormats, BitModValuesHaveAtMostTwoTerms) {
  for (const char *text :
       {"2, 0, negative_zero = 3.0",
        "2, 0, negative_zero = "
        "-3.0",
        "2, 0, negative_zero = 6.0", "2, 0, negative_zero = -6.0",
        "2, 1, negative_zero = 5.0", "2, 1, negative_zero = -5.0",
        "2, 1, negative_zero = 8.0", "2, 1, negative_zero = -8.0"}) {
    NumberFormat format =
        parseNumber(("!qfmt.float<" + StringRef(text) + ">").str());
    for (uint64_t code = 0; code < uint64_t(1) << format.getFormatWidth();
         ++code) {
      double halves = 2 * std::fabs(format.decodeCode(code));
      ASSERT_EQ(halves, std::floor(halves));
      ASSERT_LT(halves, 32);
      EXPECT_LE(llvm::popcount(uint64_t(halves)), 2) << text << " " << code;
    }
  }
  // 7 would need a third term.
  EXPECT_EQ(llvm::popcount(14u), 3);
}

TEST_F(TensorFormats, FloatsSayHowWideTheirFieldsAre) {
  auto fields = [&](StringRef text) {
    std::optional<FloatFields> found = parseNumber(text).getFloatFields();
    return found ? std::pair(found->significandBits, found->exponentBits)
                 : std::pair(0u, 0u);
  };
  EXPECT_EQ(fields("f32"), std::pair(24u, 8u));
  EXPECT_EQ(fields("bf16"), std::pair(8u, 8u));
  EXPECT_EQ(fields("f8E4M3FNUZ"), std::pair(4u, 4u));
  // No mantissa, no sign.
  EXPECT_EQ(fields("f8E8M0FNU"), std::pair(1u, 8u));
  EXPECT_EQ(fields("!qfmt.float<3, 4>"), std::pair(5u, 3u));
  EXPECT_EQ(fields("i8"), std::pair(0u, 0u));
  EXPECT_EQ(fields("!qfmt.ternary"), std::pair(0u, 0u));
}

/// The digit of the bits 2i + 1, 2i, 2i - 1 of a two's complement number.
int64_t getBoothDigit(int64_t value, unsigned index) {
  auto bit = [&](int position) -> int64_t {
    return position < 0 ? 0 : (value >> position) & 1;
  };
  int position = 2 * index;
  return -2 * bit(position + 1) + bit(position) + bit(position - 1);
}

// Radix-4 Booth: four terms for 8 bits and three for 6, each 0, +-1 or +-2
// times a power of four.
TEST_F(TensorFormats, BoothTermsAddUp) {
  for (auto [text, terms] :
       std::map<std::string, unsigned>{{"i8", 4}, {"i6", 3}}) {
    NumberFormat format = parseNumber(text);
    for (uint64_t code = 0; code < uint64_t(1) << format.getFormatWidth();
         ++code) {
      auto value = static_cast<int64_t>(format.decodeCode(code));
      int64_t sum = 0;
      for (unsigned index = 0; index < terms; ++index) {
        int64_t digit = getBoothDigit(value, index);
        ASSERT_LE(std::abs(digit), 2);
        sum += digit * (int64_t(1) << (2 * index));
      }
      EXPECT_EQ(sum, value);
    }
  }
}

//===----------------------------------------------------------------------===//
// Footprints of additive quantization
//===----------------------------------------------------------------------===//

TEST_F(TensorFormats, AdditiveBlocks) {
  TensorFormat format = parse("additive<codebooks = 2, bits = 8, group = [2, "
                              "8], table = f16, block = [2, *], scale = f16>");
  EXPECT_FALSE(format.isStatic());
  EXPECT_FALSE(format.canRepresent(0.0, builder.getF32Type()));
  EXPECT_EQ(format.getBlockShape(2), Shape({2, kWhole}));
  EXPECT_EQ(parse("additive<codebooks = 1, bits = 4, group = [1], table = f16>")
                .getBlockShape(1),
            Shape({kWhole}));
}

// bits = K*B/g + 16*K*2^B*g / (d_out*d_in) + 16/d_in a weight.
TEST_F(TensorFormats, AdditiveBitsFollowTheFormula) {
  int64_t rows = 512, columns = 1024;
  for (int64_t K : {1, 2, 4})
    for (int64_t B : {4, 8, 12})
      for (int64_t g : {4, 8}) {
        std::string text = "additive<codebooks = " + std::to_string(K) +
                           ", bits = " + std::to_string(B) + ", group = [1, " +
                           std::to_string(g) +
                           "], table = f16, block = [1, *], scale = f16>";
        double bits = double(K * B) / g +
                      16.0 * K * (1 << B) * g / (rows * columns) +
                      16.0 / columns;
        EXPECT_EQ(parse(text).getPackedBits({rows, columns}),
                  std::llround(bits * rows * columns));
      }
}

struct Model {
  int64_t hidden, inner, layers, vocabulary;
  /// Columns of keys and values.
  int64_t keys;
};

/// Bytes / 10^9, embeddings and the last layer in float16. Codes in a container
/// of 8 or 16 bits, or without gaps.
double getFootprint(MLIRContext *context, const Model &model, int K, int B,
                    int g, bool hasContainers) {
  auto f16 = Float16Type::get(context);
  auto format = AdditiveAttr::get(context, K, B, {1, g}, f16, {1, kWhole},
                                  TypeAttr::get(f16));
  auto getBits = [&](int64_t rows, int64_t columns) {
    uint64_t bits = format.getPackedBits({rows, columns});
    if (hasContainers)
      bits += (B <= 8 ? 8 - B : 16 - B) * (rows * columns / g) * K;
    return bits;
  };
  int64_t h = model.hidden, f = model.inner;
  uint64_t layer = 2 * getBits(h, h) + 2 * getBits(model.keys, h) +
                   2 * getBits(f, h) + getBits(h, f);
  return (layer * model.layers + 2 * 16 * model.vocabulary * h) / 8e9;
}

TEST_F(TensorFormats, PublishedFootprintsOfLlama) {
  Model llama{4096, 11008, 32, 32000, 4096};
  auto get = [&](int K, int B, int g) {
    return getFootprint(&context, llama, K, B, g, /*hasContainers=*/true);
  };
  EXPECT_NEAR(get(1, 16, 8), 2.381, 0.0005);
  EXPECT_NEAR(get(2, 8, 8), 2.148, 0.0005);
  EXPECT_NEAR(get(8, 8, 32), 2.175, 0.0005);
  EXPECT_NEAR(get(1, 8, 8), 1.337, 0.0005);
}

TEST_F(TensorFormats, FootprintsOfCodeModels) {
  struct Row {
    Model model;
    /// float16, then 4x15, 2x15, 2x12, 1x15.
    double gigabytes[5];
  };
  const Row rows[] = {
      {{4096, 11008, 32, 32016, 4096}, {13.48, 7.47, 4.00, 3.79, 2.26}},
      {{5120, 13824, 40, 32016, 5120}, {26.03, 13.93, 7.30, 7.04, 3.98}},
      {{2048, 5504, 24, 32256, 2048}, {2.69, 1.83, 1.05, 0.89, 0.66}},
      {{4096, 11008, 32, 32256, 4096}, {13.48, 7.48, 4.00, 3.80, 2.27}}};
  const int settings[4][2] = {{4, 15}, {2, 15}, {2, 12}, {1, 15}};
  for (const Row &row : rows) {
    const Model &m = row.model;
    int64_t weights = m.layers * (2 * m.hidden * (m.hidden + m.keys) +
                                  3 * m.hidden * m.inner);
    double half = 2e-9 * (weights + 2 * m.vocabulary * m.hidden);
    EXPECT_NEAR(half, row.gigabytes[0], 0.005);
    for (int i = 0; i < 4; ++i)
      EXPECT_NEAR(getFootprint(&context, m, settings[i][0], settings[i][1], 8,
                               /*hasContainers=*/true),
                  row.gigabytes[i + 1], 0.005)
          << half << " " << i;
  }
  // Without containers.
  const double ideal[] = {7.07, 3.80, 2.99, 2.16};
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(getFootprint(&context, rows[0].model, settings[i][0],
                             settings[i][1], 8, /*hasContainers=*/false),
                ideal[i], 0.005);
}

// With two models whose keys and values are shared by groups of heads: the mean
// saving of the 4-bit setting is the published 70 %.
TEST_F(TensorFormats, MeanReductionOfSixModels) {
  const Model models[] = {
      {4096, 11008, 32, 32016, 4096}, {5120, 13824, 40, 32016, 5120},
      {8192, 22016, 48, 32000, 1024}, {2048, 5504, 24, 32256, 2048},
      {4096, 11008, 32, 32256, 4096}, {7168, 19200, 62, 32256, 1024}};
  double sum = 0;
  for (const Model &m : models) {
    int64_t weights = m.layers * (2 * m.hidden * (m.hidden + m.keys) +
                                  3 * m.hidden * m.inner);
    double half = 2e-9 * (weights + 2 * m.vocabulary * m.hidden);
    sum += 1 - getFootprint(&context, m, 2, 15, 8, true) / half;
  }
  EXPECT_NEAR(100 * sum / 6, 70.04, 0.005);
}
} // namespace
