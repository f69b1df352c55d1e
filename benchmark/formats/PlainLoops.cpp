// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled with -O3 -march=native and without contraction of products and sums,
// which would change numbers.

#include "PlainLoops.h"
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace plain {

constexpr size_t kElements = kRows * kColumns;

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// Nearest, ties to even, saturating; NaN becomes 0.
static int8_t encodeInteger(float quotient, float lowest, float largest) {
  if (std::isnan(quotient))
    return 0;
  return int8_t(std::min(std::max(std::nearbyint(quotient), lowest), largest));
}

/// The same to the values 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
static int8_t encodeE2M1(float quotient) {
  if (std::isnan(quotient))
    return 0;
  float a = std::fabs(quotient);
  int code = (a > 0.25f) + (a >= 0.75f) + (a > 1.25f) + (a >= 1.75f) +
             (a > 2.5f) + (a >= 3.5f) + (a > 5.0f);
  // Codes narrower than a byte are sign-extended.
  return std::signbit(quotient) ? int8_t(code - 8) : int8_t(code);
}

static float decodeE2M1(int8_t code) {
  static constexpr float kValues[16] = {
      0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  return kValues[code & 15];
}

/// 0 <= real; 8 bits, largest value 448.
static uint8_t encodeE4M3(float real) {
  int exponent = std::max(std::ilogb(real), -6);
  float unit = std::ldexp(1.0f, exponent - 3);
  int code = (exponent + 6) * 8 + int(std::nearbyint(real / unit));
  return uint8_t(std::min(code, 0x7e));
}

static float decodeE4M3(uint8_t code) {
  float mantissa = code & 7;
  int exponent = code >> 3 & 15;
  if (exponent == 0)
    return std::ldexp(mantissa, -9);
  return std::ldexp(mantissa + 8, exponent - 10);
}

static float decodeE8M0(uint8_t code) {
  return std::ldexp(1.0f, int(code) - 127);
}

/// The largest finite magnitude.
static float getLargest(const float *reals, size_t count) {
  float largest = 0;
  for (size_t i = 0; i < count; ++i)
    if (std::isfinite(reals[i]))
      largest = std::max(largest, std::fabs(reals[i]));
  return largest;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

constexpr float kStaticScale = 0.0235f;

static void encodeStatic(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *codes = static_cast<int8_t *>(outputs[0]);
  for (size_t i = 0; i < kElements; ++i)
    codes[i] = encodeInteger(reals[i] / kStaticScale, -128, 127);
}

static void decodeStatic(const void *const *inputs, void *const *outputs) {
  auto *codes = static_cast<const int8_t *>(inputs[0]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t i = 0; i < kElements; ++i)
    reals[i] = float(codes[i]) * kStaticScale;
}

/// Blocks of `Size` with a scale each.
template <typename Scale, size_t Size, int Lowest, int Largest>
static void encodeBlocks(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *codes = static_cast<int8_t *>(outputs[0]);
  auto *scales = static_cast<Scale *>(outputs[1]);
  double limit = sizeof(Scale) == 2 ? 65504.0 : 3.4028234663852886e38;
  for (size_t block = 0; block < kElements / Size; ++block) {
    double largest = getLargest(reals + block * Size, Size);
    auto scale = Scale(std::min(largest / Largest, limit));
    if (scale == 0)
      scale = 1;
    scales[block] = scale;
    for (size_t i = block * Size; i < (block + 1) * Size; ++i)
      codes[i] = encodeInteger(reals[i] / float(scale), Lowest, Largest);
  }
}

template <typename Scale, size_t Size>
static void decodeBlocks(const void *const *inputs, void *const *outputs) {
  auto *codes = static_cast<const int8_t *>(inputs[0]);
  auto *scales = static_cast<const Scale *>(inputs[1]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t i = 0; i < kElements; ++i)
    reals[i] = float(codes[i]) * float(scales[i / Size]);
}

//===----------------------------------------------------------------------===//
// MXFP4
//===----------------------------------------------------------------------===//

static void encodeMXFP4(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *codes = static_cast<int8_t *>(outputs[0]);
  auto *scales = static_cast<uint8_t *>(outputs[1]);
  for (size_t block = 0; block < kElements / 32; ++block) {
    float largest = getLargest(reals + block * 32, 32);
    // 6 = 1.5 * 2^2.
    int exponent = largest == 0 ? 0 : std::max(std::ilogb(largest) - 2, -127);
    scales[block] = uint8_t(exponent + 127);
    float scale = std::ldexp(1.0f, exponent);
    for (size_t i = block * 32; i < (block + 1) * 32; ++i)
      codes[i] = encodeE2M1(reals[i] / scale);
  }
}

static void decodeMXFP4(const void *const *inputs, void *const *outputs) {
  auto *codes = static_cast<const int8_t *>(inputs[0]);
  auto *scales = static_cast<const uint8_t *>(inputs[1]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t block = 0; block < kElements / 32; ++block) {
    float scale = decodeE8M0(scales[block]);
    for (size_t i = block * 32; i < (block + 1) * 32; ++i)
      reals[i] = decodeE2M1(codes[i]) * scale;
  }
}

//===----------------------------------------------------------------------===//
// NVFP4
//===----------------------------------------------------------------------===//

static void encodeNVFP4(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *codes = static_cast<int8_t *>(outputs[0]);
  auto *scales = static_cast<uint8_t *>(outputs[1]);
  auto *global = static_cast<float *>(outputs[2]);
  constexpr size_t kBlocks = kElements / 16;
  static float wanted[kBlocks];
  for (size_t block = 0; block < kBlocks; ++block)
    wanted[block] = float(getLargest(reals + block * 16, 16) / 6.0);
  *global = float(getLargest(wanted, kBlocks) / 448.0);
  if (*global == 0)
    *global = 1;
  for (size_t block = 0; block < kBlocks; ++block) {
    uint8_t code = encodeE4M3(wanted[block] / *global);
    // A scale of 0 becomes 1.
    if (code == 0)
      code = encodeE4M3(float(1.0 / *global));
    scales[block] = code;
    // The product has 28 bits; a quotient that is rounded to f64 first has the
    // same rounding to f32.
    double scale = double(decodeE4M3(code)) * *global;
    for (size_t i = block * 16; i < (block + 1) * 16; ++i)
      codes[i] = encodeE2M1(float(reals[i] / scale));
  }
}

static void decodeNVFP4(const void *const *inputs, void *const *outputs) {
  auto *codes = static_cast<const int8_t *>(inputs[0]);
  auto *scales = static_cast<const uint8_t *>(inputs[1]);
  auto *global = static_cast<const float *>(inputs[2]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t block = 0; block < kElements / 16; ++block) {
    double scale = double(decodeE4M3(scales[block])) * *global;
    for (size_t i = block * 16; i < (block + 1) * 16; ++i)
      reals[i] = float(decodeE2M1(codes[i]) * scale);
  }
}

//===----------------------------------------------------------------------===//
// The list
//===----------------------------------------------------------------------===//

const Format kFormats[] = {
    {"int8", "#qfmt.scaled<i8, scale = 0.0235>", "", encodeStatic,
     decodeStatic},
    {"int8 row", "#qfmt.scaled<i8, block = [1, *], scale = f32>", "",
     encodeBlocks<float, 256, -128, 127>, decodeBlocks<float, 256>},
    {"int4 g32", "#qfmt.scaled<i4, block = [1, 32], scale = f16>", "",
     encodeBlocks<_Float16, 32, -8, 7>, decodeBlocks<_Float16, 32>},
    {"int4 g128", "#qfmt.scaled<i4, block = [1, 128], scale = f16>", "",
     encodeBlocks<_Float16, 128, -8, 7>, decodeBlocks<_Float16, 128>},
    {"MXFP4", "#qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>",
     "scale_rule = floor_log2", encodeMXFP4, decodeMXFP4},
    {"NVFP4",
     "#qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, "
     "scale = f32>>",
     "", encodeNVFP4, decodeNVFP4},
};
const size_t kNumFormats = sizeof(kFormats) / sizeof(kFormats[0]);

} // namespace plain
