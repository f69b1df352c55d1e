// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What #qfmt.scaled means to quantize, dequantize and convert.

#include "EvaluatorTest.h"
#include "qfmt/Support/Stochastic.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace mlir::qfmt::reference {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

class ScaledTest : public EvaluatorTest {
protected:
  static std::string getEncoded(StringRef tensor, StringRef format) {
    return (tensor.drop_back() + ", #qfmt.scaled<" + format + ">>").str();
  }

  /// The constituents of quantize(x) with options such as "rounding = floor".
  SmallVector<Tensor> quantize(StringRef format, StringRef tensor,
                               ArrayRef<double> x, StringRef options = "") {
    std::string encoded = getEncoded(tensor, format);
    std::string ir = ("func.func @main(%x: " + tensor + ") -> " + encoded +
                      " { %0 = qfmt.quantize %x " + options + " : " + tensor +
                      " to " + encoded + " return %0 : " + encoded + " }")
                         .str();
    Value result = runOne(ir, make(tensor, x));
    if (!result.isEncoded())
      return {};
    return llvm::to_vector(result.getConstituents());
  }
  void expectCodes(StringRef format, StringRef tensor, ArrayRef<double> x,
                   ArrayRef<double> codes, StringRef options = "") {
    SCOPED_TRACE((format + " " + options).str());
    SmallVector<Tensor> parts = quantize(format, tensor, x, options);
    ASSERT_EQ(parts.size(), 1u);
    expectElements(parts.front(), codes);
  }
  void expectParts(StringRef format, StringRef tensor, ArrayRef<double> x,
                   ArrayRef<std::vector<double>> expected,
                   StringRef options = "") {
    SCOPED_TRACE((format + " " + options).str());
    SmallVector<Tensor> parts = quantize(format, tensor, x, options);
    ASSERT_EQ(parts.size(), expected.size());
    for (auto [i, part] : llvm::enumerate(parts)) {
      SCOPED_TRACE(i);
      expectElements(part, expected[i]);
    }
  }

  /// dequantize(assemble(parts)).
  Value dequantize(StringRef format, StringRef tensor,
                   ArrayRef<std::pair<StringRef, std::vector<double>>> parts) {
    std::string encoded = getEncoded(tensor, format), signature, names, types;
    SmallVector<Value> arguments;
    for (auto [i, part] : llvm::enumerate(parts)) {
      std::string separator = i ? ", " : "", name = "%a" + std::to_string(i);
      signature += separator + name + ": " + part.first.str();
      names += separator + name;
      types += separator + part.first.str();
      arguments.push_back(make(part.first, part.second));
    }
    std::string ir = "func.func @main(" + signature + ") -> " + tensor.str() +
                     " { %0 = qfmt.assemble " + names + " : " + types + " to " +
                     encoded + " %1 = qfmt.dequantize %0 : " + encoded +
                     " to " + tensor.str() + " return %1 : " + tensor.str() +
                     " }";
    return runOne(ir, arguments);
  }

  /// The payload of convert(assemble(codes)).
  Value convert(StringRef from, StringRef to, StringRef tensor,
                StringRef storage, ArrayRef<double> codes,
                StringRef options = "") {
    std::string source = getEncoded(tensor, from),
                target = getEncoded(tensor, to);
    std::string ir =
        ("func.func @main(%a: " + storage + ") -> " + target +
         " { %0 = qfmt.assemble %a : " + storage + " to " + source +
         " %1 = qfmt.convert %0 " + options + " : " + source + " to " + target +
         " return %1 : " + target + " }")
            .str();
    return runOne(ir, make(storage, codes));
  }
};

//===----------------------------------------------------------------------===//
// Static scales
//===----------------------------------------------------------------------===//

TEST_F(ScaledTest, integer_rounds_ties_by_every_mode) {
  StringRef format = "i8, scale = 0.5", type = "tensor<6xf32>";
  double x[] = {0.25, 0.75, -0.25, -0.75, 0.3, -0.3};
  // x / s = 0.5, 1.5, -0.5, -1.5, 0.6, -0.6
  expectCodes(format, type, x, {0, 2, 0, -2, 1, -1});
  expectCodes(format, type, x, {1, 2, -1, -2, 1, -1}, "rounding = half_away");
  expectCodes(format, type, x, {1, 2, 0, -1, 1, -1}, "rounding = half_up");
  expectCodes(format, type, x, {0, 1, 0, -1, 0, 0}, "rounding = toward_zero");
  expectCodes(format, type, x, {0, 1, -1, -2, 0, -1}, "rounding = floor");
  expectCodes(format, type, x, {1, 2, 0, -1, 1, 0}, "rounding = ceil");
}

// round(x / s) + z, so a tie is decided by the parity before z is added.
TEST_F(ScaledTest, zero_point_is_added_after_rounding) {
  expectCodes("i8, scale = 1.0, zero_point = 1", "tensor<3xf32>",
              {0.5, 1.5, -0.5}, {1, 3, 1});
}

TEST_F(ScaledTest, saturation_wrap_nan_and_infinity) {
  double x[] = {200, -200, kNaN, kInf, -kInf, 1e30};
  StringRef type = "tensor<6xf32>";
  expectCodes("i8, scale = 1.0, zero_point = 3", type, x,
              {127, -128, 3, 127, -128, 127});
  expectCodes("ui8, scale = 1.0, zero_point = 3", type, x,
              {-53, 0, 3, -1, 0, -1}); // 203, 0, 3, 255, 0, 255
  // 203 - 256 and -197 + 256; 1e30 is a multiple of 2^50.
  expectCodes("i8, scale = 1.0, zero_point = 3", type, x,
              {-53, 59, 3, 127, -128, 3}, "overflow = wrap");
  expectCodes("i4, scale = 1.0", type, x, {7, -8, 0, 7, -8, 7});
}

// 0.3 / 0.1 is 3 in f32 and 2.9999999999999996 in f64.
TEST_F(ScaledTest, division_is_rounded_in_the_logical_type) {
  expectCodes("i8, scale = 0.1", "tensor<1xf32>", {double(0.3f)}, {3},
              "rounding = floor");
  expectCodes("i8, scale = 0.1", "tensor<1xf64>", {0.3}, {2},
              "rounding = floor");
  // 1001 / 2.003 = 499.7504 is 499.75 in f16; 3.0 / 2 ties.
  expectCodes("i16, scale = 2.0", "tensor<2xf16>", {3, 5}, {2, 2});
}

TEST_F(ScaledTest, float_payload_encodes_the_quotient) {
  expectCodes("f8E4M3FN, scale = 2.0", "tensor<5xf32>",
              {2, 2.125, 2000, kNaN, -0.0}, {1, 1, 448, 0, -0.0});
  expectCodes("f8E4M3FN, scale = 2.0", "tensor<3xf32>", {2000, kNaN, kInf},
              {kNaN, kNaN, kNaN}, "overflow = infinity nan = propagate");
  expectCodes("f4E2M1FN", "tensor<8xf32>", {0.25, 0.75, 2.5, 5, 7, -7, 1.75, 6},
              {0, 1, 2, 4, 6, -6, 2, 6});
  // !qfmt.float<3, 4> has no builtin type: codes are stored as i8. 1.0 is
  // exponent field 3.
  expectCodes("!qfmt.float<3, 4>", "tensor<2xf32>", {1, -1.5}, {48, -72});
}

TEST_F(ScaledTest, dequantize_rounds_once) {
  expectElements(dequantize("i8, scale = 0.1, zero_point = -2", "tensor<3xf32>",
                            {{"tensor<3xi8>", {1, -2, 127}}}),
                 {double(3 * 0.1f), 0, double(float(129.0 * double(0.1f)))});
  // The scale of an f64 tensor has all its bits.
  expectElements(
      dequantize("i8, scale = 0.1", "tensor<1xf64>", {{"tensor<1xi8>", {3}}}),
      {3 * 0.1});
  // 255 * 1.0 in unsigned codes.
  expectElements(dequantize("ui8", "tensor<1xf32>", {{"tensor<1xi8>", {-1}}}),
                 {255});
  // A static scale of an f16 tensor is read in f32: 2049 * 0.1f, rounded.
  expectElements(dequantize("i16, scale = 0.1", "tensor<1xf16>",
                            {{"tensor<1xi16>", {2049}}}),
                 {204.875});
}

// (3 - 0) / 2 + 1: the tie 2.5 goes to 2; quantize would give 2 + 1.
TEST_F(ScaledTest, convert_rounds_once) {
  Value one = convert("i8", "i8, scale = 2.0, zero_point = 1", "tensor<2xf32>",
                      "tensor<2xi8>", {3, 5});
  expectElements(one.getConstituents().front(), {2, 4});
  // 1 / 3 is not a double; the exact quotient is compared.
  Value exact = convert("i16, scale = 3.0", "i16, scale = 2.0", "tensor<2xf32>",
                        "tensor<2xi16>", {1, 3});
  expectElements(exact.getConstituents().front(), {2, 4});
  Value saturated =
      convert("i8", "i4", "tensor<3xf32>", "tensor<3xi8>", {100, -100, 5});
  expectElements(saturated.getConstituents().front(), {7, -8, 5});
  Value wrapped = convert("i8", "i4", "tensor<3xf32>", "tensor<3xi8>",
                          {100, -100, 5}, "overflow = wrap");
  expectElements(wrapped.getConstituents().front(), {4, -4, 5});
  Value minifloat =
      convert("i8", "f4E2M1FN", "tensor<3xf32>", "tensor<3xi8>", {5, 7, -2});
  expectElements(minifloat.getConstituents().front(), {4, 6, -2});
}

//===----------------------------------------------------------------------===//
// Scales as constituents
//===----------------------------------------------------------------------===//

TEST_F(ScaledTest, absmax_per_row) {
  expectParts("i8, block = [1, *], scale = f32", "tensor<2x3xf32>",
              {127, -1, 2, 0.5, -254, 100},
              {{127, -1, 2, 0, -127, 50}, {1, 2}});
}

// Three columns in blocks of two: the last block has one column.
TEST_F(ScaledTest, partial_last_block) {
  expectParts("i4, block = [1, 2], scale = f32", "tensor<2x3xf32>",
              {7, -3, 14, 0, 3.5, -70},
              {{7, -3, 7, 0, 7, -7}, {1, 2, 0.5, 10}});
  expectElements(dequantize("i4, block = [1, 2], scale = f16, zero_point = i4",
                            "tensor<2x3xf32>",
                            {{"tensor<2x3xi4>", {7, -3, 5, 0, 3, -7}},
                             {"tensor<2x2xf16>", {1, 2, 0.5, 10}},
                             {"tensor<2x2xi4>", {0, 1, -1, -7}}}),
                 {7, -3, 8, 0.5, 2, 0});
}

TEST_F(ScaledTest, whole_tensor_with_run_time_scale) {
  expectParts("i8, scale = f32", "tensor<2x2xf32>", {1, -2, 254, 0},
              {{0, -1, 127, 0}, {2}});
}

// (max - min) / 15 and round(lo - min / s).
TEST_F(ScaledTest, asymmetric_absmax) {
  // [-1, 2]: s = 0.2, z = round(-8 + 5) = -3.
  expectParts("i4, block = [1, *], scale = f32, zero_point = i4",
              "tensor<2x3xf32>", {-1, 2, 0.2, 15, 30, 7.5},
              // [0, 30]: s = 2, z = -8; 7.5 / 2 = 3.75, 15 / 2 = 7.5.
              {{-8, 7, -2, 0, 7, -4}, {double(0.2f), 2}, {-3, -8}});
  // All negative: 0 is kept in the range.
  expectParts("i4, scale = f32, zero_point = i4", "tensor<2xf32>", {-15, -30},
              {{-1, -8}, {2}, {7}});
}

TEST_F(ScaledTest, block_of_zeros_has_scale_one) {
  expectParts("i8, block = [1, *], scale = f32", "tensor<3x2xf32>",
              {0, -0.0, kNaN, kInf, 127, 1},
              {{0, 0, 0, 127, 127, 1}, {1, 1, 1}});
  expectParts("i8, block = [1, *], scale = f32, zero_point = i8",
              "tensor<1x2xf32>", {0, 0}, {{-128, -128}, {1}, {-128}});
  // 1e-9 / 127 underflows in f16.
  expectParts("i8, scale = f16", "tensor<2xf32>", {1e-9, 0}, {{0, 0}, {1}});
  expectParts("f4E2M1FN, block = [1, 2], scale = f8E8M0FNU", "tensor<1x2xf32>",
              {0, 0}, {{0, 0}, {1}}, "scale_rule = floor_log2");
}

// Values that are not finite do not count.
TEST_F(ScaledTest, scale_comes_from_finite_values) {
  expectParts("i8, scale = f32", "tensor<3xf32>", {kInf, -254, kNaN},
              {{127, -127, 0}, {2}});
}

// The exact quotient is rounded once: 1 / 127 in bf16.
TEST_F(ScaledTest, scale_is_rounded_to_its_format) {
  expectParts("i8, scale = bf16", "tensor<1xf32>", {1},
              {{127}, {std::ldexp(129, -14)}});
}

TEST_F(ScaledTest, scale_saturates) {
  expectParts("i8, scale = f8E4M3FN", "tensor<1xf32>", {1e9}, {{127}, {448}});
}

TEST_F(ScaledTest, mxfp4_floor_log2) {
  // max 5: 2^(2 - 2) = 1; max 7.9: still 1, and 7.9 saturates at 6;
  // max 0.1: 2^(-4 - 2).
  expectParts("f4E2M1FN, block = [1, 2], scale = f8E8M0FNU", "tensor<1x6xf32>",
              {5, -0.5, 7.9, 3, 0.1, 0.02},
              {{4, -0.5, 6, 3, 6, 1.5}, {1, 1, std::ldexp(1, -6)}},
              "scale_rule = floor_log2");
}

// Dynamic fixed point: absmax in powers of two.
TEST_F(ScaledTest, dynamic_fixed_point) {
  // 100 / 32767 = 2^-8.36 rounds to 2^-8.
  expectParts("i16, scale = f8E8M0FNU", "tensor<2xf32>", {100, -0.5},
              {{25600, -128}, {std::ldexp(1, -8)}});
}

TEST_F(ScaledTest, nvfp4_nests) {
  // Block scales a / 6 = 448, 2, 3.5; tensor scale 448 / 448 = 1.
  expectParts("f4E2M1FN, block = [1, 2], "
              "scale = #qfmt.scaled<f8E4M3FN, scale = f32>",
              "tensor<1x6xf32>", {2688, 448, 12, -4, 21, 7},
              {{6, 1, 6, -2, 6, 2}, {448, 2, 3.5}, {1}});
  expectElements(dequantize("f4E2M1FN, block = [1, 2], "
                            "scale = #qfmt.scaled<f8E4M3FN, scale = f32>",
                            "tensor<1x3xf32>",
                            {{"tensor<1x3xf4E2M1FN>", {6, -0.5, 1.5}},
                             {"tensor<1x2xf8E4M3FN>", {3.5, 448}},
                             {"tensor<1x1xf32>", {0.25}}}),
                 {5.25, -0.4375, 168});
}

// A zero block does not stretch the tensor scale: 6e-4 / 6 / 448. Its own
// scale is the one nearest to 1, the largest.
TEST_F(ScaledTest, nested_zero_block) {
  SmallVector<Tensor> parts =
      quantize("f4E2M1FN, block = [1, 2], "
               "scale = #qfmt.scaled<f8E4M3FN, scale = f32>",
               "tensor<1x4xf32>", {0, 0, double(6e-4f), double(1e-4f)});
  ASSERT_EQ(parts.size(), 3u);
  expectElements(parts[0], {0, 0, 6, 1});
  expectElements(parts[1], {448, 448});
  EXPECT_LT(parts[2][0].real, 1e-6);
}

// With a scale of scales of 4 the code nearest to 1 is that of 0: a block of
// zeros gets the one above, the other block 4 * 7.
TEST_F(ScaledTest, nested_scale_that_would_be_zero) {
  expectParts("f8E5M2, block = [1, 2], scale = #qfmt.scaled<i4, scale = f32>",
              "tensor<1x4xf32>", {0, 0, 1605632, 0},
              {{0, 0, 57344, 0}, {1, 7}, {4}}, "nan = propagate");
  // 60 / 4 + 3 saturates at 15, the payload at 7.
  expectParts("i4, block = [1, 2], "
              "scale = #qfmt.scaled<ui4, scale = f32, zero_point = 3>",
              "tensor<1x4xf32>", {0, 0, 420, 0}, {{0, 0, 7, 0}, {4, -1}, {4}});
  // No number of the scale's format is positive: 0 / -1 is -0.
  expectParts("f8E5M2, block = [1, 2], scale = #qfmt.scaled<i1, scale = f32>",
              "tensor<1x2xf32>", {0, 0}, {{-0.0, -0.0}, {-1}, {1}},
              "nan = propagate");
}

//===----------------------------------------------------------------------===//
// Other scale rules
//===----------------------------------------------------------------------===//

// 7 * 2^-1 holds 3.5 exactly; one more needs 2^0. A block of zeros has scale 1.
TEST_F(ScaledTest, ceil_log2) {
  expectParts("i4, block = [1, 2], scale = f32", "tensor<1x8xf32>",
              {3.5, -1, double(std::nextafterf(3.5f, 4)), 0, 0, 0, -8, 7},
              {{7, -2, 4, 0, 0, 0, -4, 4}, {0.5, 1, 1, 2}},
              "scale_rule = ceil_log2");
  // 6 * 2^-149 is a number of f32; the largest one is not below 6 * 2^125.
  expectParts("f4E2M1FN, block = [1, 1], scale = f32", "tensor<1x3xf32>",
              {std::ldexp(6, -149), 0x1.fffffep127, kInf},
              {{6, 4, 6}, {std::ldexp(1, -149), std::ldexp(1, 126), 1}},
              "scale_rule = ceil_log2");
}

// The largest magnitude belongs to -8 of a codebook. Codes 3 and 2, read as i2.
TEST_F(ScaledTest, scale_target_of_a_codebook) {
  StringRef format = "!qfmt.codebook<[-8.0, -1.0, 0.0, 6.0]>, scale = f32";
  expectParts(format, "tensor<3xf32>", {16, -1, 2}, {{-1, -2, -2}, {2}});
  expectParts(format, "tensor<3xf32>", {17, -1, 2}, {{-1, -2, -2}, {2}},
              "scale_rule = floor_log2");
}

// [7, 1, -1, 1] is exact with s = 1 (k = 64).
TEST_F(ScaledTest, mse_finds_an_exact_scale) {
  expectParts("i4, scale = f32", "tensor<4xf32>", {7, 1, -1, 1},
              {{7, 1, -1, 1}, {1}}, "scale_rule = mse");
  // Candidates reach from 16/64 to 80/64 of the scale of absmax.
  SmallVector<Tensor> parts =
      quantize("i4, scale = f32", "tensor<4xf32>", {12, 1.2, -2.4, 3.6},
               "scale_rule = mse");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_LE(parts[1][0].real, 12.0 / 7 * 80 / 64);
  EXPECT_GE(parts[1][0].real, 12.0 / 7 * 16 / 64);
}

// Where no candidate is better than another, or none has a finite error.
TEST_F(ScaledTest, mse_of_blocks_without_a_choice) {
  expectParts("i4, block = [1, 2], scale = f32", "tensor<1x6xf32>",
              {0, 0, kNaN, kInf, -0.0, kNaN}, {{0, 0, 0, 7, 0, 0}, {1, 1, 1}},
              "scale_rule = mse");
  // Squares beyond f64.
  expectParts("i4, scale = bf16", "tensor<2xf64>", {7e200, 0},
              {{7, 0}, {0x1.fep127}}, "scale_rule = mse");
}

// A = 2688 / (448 * 6) = 1; blocks a / 6 = 448, 2, 3.5.
TEST_F(ScaledTest, two_level) {
  StringRef format =
      "f4E2M1FN, block = [1, 2], scale = #qfmt.scaled<f8E4M3FN, scale = f32>";
  expectParts(format, "tensor<1x6xf32>", {2688, 448, 12, -4, 21, 7},
              {{6, 1, 6, -2, 6, 2}, {448, 2, 3.5}, {1}},
              "scale_rule = two_level");
  // One rounding: 1 / 2688 in f32. A block of zeros gets the scale next to 1,
  // and only zeros the scales 1.
  expectParts(format, "tensor<1x4xf32>", {0, 0, 1, 0},
              {{0, 0, 6, 0}, {448, 448}, {double(float(1.0 / 2688))}},
              "scale_rule = two_level");
  expectParts(format, "tensor<1x4xf32>", {0, kNaN, 0, 0},
              {{0, 0, 0, 0}, {1, 1}, {1}}, "scale_rule = two_level");
}

//===----------------------------------------------------------------------===//
// Given constituents
//===----------------------------------------------------------------------===//

// A scale is what it is: 0, negative, infinite or a NaN.
TEST_F(ScaledTest, given_scales) {
  std::string encoded = getEncoded(
      "tensor<5x3xf32>", "i8, block = [1, *], scale = f32, zero_point = i8");
  std::string ir = "func.func @main(%x: tensor<5x3xf32>, %s: tensor<5x1xf32>, "
                   "%z: tensor<5x1xi8>) -> " +
                   encoded +
                   " { %0 = qfmt.quantize %x given(%s, %z : tensor<5x1xf32>, "
                   "tensor<5x1xi8>) : tensor<5x3xf32> to " +
                   encoded + " return %0 : " + encoded + " }";
  Value result =
      runOne(ir, {make("tensor<5x3xf32>", {3, 0, -3, 3, 0, -3, 3, 0, -3, 3,
                                           kInf, -3, 3, kNaN, -3}),
                  make("tensor<5x1xf32>", {0, -2, 0.5, kInf, kNaN}),
                  make("tensor<5x1xi8>", {1, 2, 3, 4, 5})});
  ASSERT_TRUE(result.isEncoded());
  expectElements(result.getConstituents()[0],
                 {127, 1, -128, 0, 2, 4, 9, 3, -3, 4, 4, 4, 5, 5, 5});
  expectElements(result.getConstituents()[2], {1, 2, 3, 4, 5});
}

//===----------------------------------------------------------------------===//
// Stochastic rounding
//===----------------------------------------------------------------------===//

// What is on the grid stays, and beyond its end nothing is random.
TEST_F(ScaledTest, stochastic_keeps_values_of_the_format) {
  for (StringRef seed : {"stochastic = 0", "stochastic = 1"}) {
    expectCodes("i8, scale = 0.5, zero_point = 3", "tensor<7xf32>",
                {0, 0.5, -0.5, 1e9, -1e9, kNaN, kInf},
                {3, 4, 2, 127, -128, 3, 127}, seed);
    expectCodes("f4E2M1FN", "tensor<6xf32>", {0, -0.0, 1.5, 7, -1e9, kNaN},
                {0, -0.0, 1.5, 6, -6, 0}, seed);
  }
}

TEST_F(ScaledTest, stochastic_follows_the_hash) {
  std::vector<double> x, up;
  StochasticKey key = StochasticKey::get(42);
  for (int i = 0; i < 64; ++i) {
    x.push_back(2.25);
    up.push_back(0.25 > getStochasticThreshold(key, i) ? 3 : 2);
  }
  EXPECT_TRUE(llvm::is_contained(up, 3) && llvm::is_contained(up, 2));
  expectCodes("i8", "tensor<4x16xf32>", x, up, "stochastic = 42");
  // Wrapped, 127.25 becomes 127 or -128.
  for (int i = 0; i < 64; ++i) {
    x[i] = 127.25;
    up[i] = up[i] == 3 ? -128 : 127;
  }
  expectCodes("i8", "tensor<4x16xf32>", x, up,
              "stochastic = 42 overflow = wrap");
}

//===----------------------------------------------------------------------===//
// Fast and exact paths
//===----------------------------------------------------------------------===//

// Quotients at and next to the ties of all codes, against float division.
TEST_F(ScaledTest, double_division_is_correctly_rounded) {
  std::vector<double> x;
  std::vector<double> expected;
  float scale = 0.1f;
  for (int code = -128; code < 127; ++code) {
    float tie = (code + 0.5f) * scale;
    for (float value :
         {std::nextafterf(tie, -1000), tie, std::nextafterf(tie, 1000)}) {
      x.push_back(value);
      expected.push_back(std::nearbyintf(value / scale) + 0.0);
    }
  }
  std::string type = "tensor<" + std::to_string(x.size()) + "xf32>";
  expectCodes("i8, scale = 0.1", type, x, expected);
}

} // namespace
} // namespace mlir::qfmt::reference
