// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled with -O3 -march=native and without contraction of products and sums,
// which would change numbers.

#include "PlainLoops.h"
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace plain {

constexpr size_t kElements = kRows * kColumns;

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// Two codes in a byte, the first one low.
static void packNibbles(const uint8_t *codes, uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count / 2; ++i)
    bytes[i] = uint8_t((codes[2 * i] & 15) | codes[2 * i + 1] << 4);
}

static void unpackNibbles(const uint8_t *bytes, uint8_t *codes, size_t count) {
  for (size_t i = 0; i < count / 2; ++i) {
    codes[2 * i] = bytes[i] & 15;
    codes[2 * i + 1] = bytes[i] >> 4;
  }
}

/// Five of -1, 0, 1 in a byte, the first one the highest digit.
static void packTernary(const int8_t *codes, uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i += 5) {
    int byte = 0;
    for (size_t k = i; k < i + 5; ++k)
      byte = byte * 3 + (k < count ? codes[k] + 1 : 0);
    bytes[i / 5] = uint8_t(byte);
  }
}

static void unpackTernary(const uint8_t *bytes, int8_t *codes, size_t count) {
  constexpr int kPowers[] = {81, 27, 9, 3, 1};
  for (size_t i = 0; i < count; ++i)
    codes[i] = int8_t(bytes[i / 5] / kPowers[i % 5] % 3 - 1);
}

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
static uint8_t encodeE2M1(float quotient) {
  if (std::isnan(quotient))
    return 0;
  float a = std::fabs(quotient);
  int code = (a > 0.25f) + (a >= 0.75f) + (a > 1.25f) + (a >= 1.75f) +
             (a > 2.5f) + (a >= 3.5f) + (a > 5.0f);
  return uint8_t(std::signbit(quotient) ? code + 8 : code);
}

static float decodeE2M1(uint8_t code) {
  static constexpr float kValues[16] = {
      0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  return kValues[code];
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

constexpr float kNF4[16] = {-1.0f,
                            -0.6961928009986877f,
                            -0.5250730514526367f,
                            -0.39491748809814453f,
                            -0.28444138169288635f,
                            -0.18477343022823334f,
                            -0.09105003625154495f,
                            0.0f,
                            0.07958029955625534f,
                            0.16093020141124725f,
                            0.24611230194568634f,
                            0.33791524171829224f,
                            0.44070982933044434f,
                            0.5626170039176941f,
                            0.7229568362236023f,
                            1.0f};

/// The nearest; at the middle of two the one with the even code. NaN becomes 0.
static uint8_t encodeNF4(float quotient) {
  if (std::isnan(quotient))
    return 7;
  int code = 0;
  for (int i = 0; i < 15; ++i) {
    double middle = (double(kNF4[i]) + double(kNF4[i + 1])) / 2;
    code += i % 2 == 0 ? quotient > middle : quotient >= middle;
  }
  return uint8_t(code);
}

/// The largest finite magnitude.
static float getLargest(const float *reals, size_t count) {
  float largest = 0;
  for (size_t i = 0; i < count; ++i)
    if (std::isfinite(reals[i]))
      largest = std::max(largest, std::fabs(reals[i]));
  return largest;
}

/// The scale that maps `largest` to `target`, rounded; 1 in the place of 0.
template <typename Scale>
static Scale getScale(float largest, double target) {
  double limit = sizeof(Scale) == 2 ? 65504.0 : 3.4028234663852886e38;
  auto scale = Scale(std::min(largest / target, limit));
  return scale == 0 ? Scale(1) : scale;
}

//===----------------------------------------------------------------------===//
// Bytes
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

static void encodeRows(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *codes = static_cast<int8_t *>(outputs[0]);
  auto *scales = static_cast<float *>(outputs[1]);
  for (size_t row = 0; row < kRows; ++row) {
    float scale =
        getScale<float>(getLargest(reals + row * kColumns, kColumns), 127);
    scales[row] = scale;
    for (size_t i = row * kColumns; i < (row + 1) * kColumns; ++i)
      codes[i] = encodeInteger(reals[i] / scale, -128, 127);
  }
}

static void decodeRows(const void *const *inputs, void *const *outputs) {
  auto *codes = static_cast<const int8_t *>(inputs[0]);
  auto *scales = static_cast<const float *>(inputs[1]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t i = 0; i < kElements; ++i)
    reals[i] = float(codes[i]) * scales[i / kColumns];
}

//===----------------------------------------------------------------------===//
// Four bits, a scale for a block
//===----------------------------------------------------------------------===//

/// Blocks of `Size` reals, whose largest magnitude becomes `Target`.
template <typename Scale, size_t Size, int Target, uint8_t (*Encode)(float)>
static void encodeBlocks(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *bytes = static_cast<uint8_t *>(outputs[0]);
  auto *scales = static_cast<Scale *>(outputs[1]);
  for (size_t block = 0; block < kElements / Size; ++block) {
    auto scale = getScale<Scale>(getLargest(reals, Size), Target);
    scales[block] = scale;
    uint8_t codes[Size];
    for (size_t i = 0; i < Size; ++i)
      codes[i] = Encode(reals[i] / float(scale));
    packNibbles(codes, bytes, Size);
    reals += Size;
    bytes += Size / 2;
  }
}

template <typename Scale, size_t Size, float (*Decode)(uint8_t)>
static void decodeBlocks(const void *const *inputs, void *const *outputs) {
  auto *bytes = static_cast<const uint8_t *>(inputs[0]);
  auto *scales = static_cast<const Scale *>(inputs[1]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t block = 0; block < kElements / Size; ++block) {
    uint8_t codes[Size];
    unpackNibbles(bytes, codes, Size);
    for (size_t i = 0; i < Size; ++i)
      reals[i] = Decode(codes[i]) * float(scales[block]);
    reals += Size;
    bytes += Size / 2;
  }
}

static uint8_t encodeInt4(float quotient) {
  return uint8_t(encodeInteger(quotient, -8, 7));
}
static float decodeInt4(uint8_t code) { return float((code ^ 8) - 8); }
static float decodeNF4(uint8_t code) { return kNF4[code]; }

//===----------------------------------------------------------------------===//
// MXFP4
//===----------------------------------------------------------------------===//

static void encodeMXFP4(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *bytes = static_cast<uint8_t *>(outputs[0]);
  auto *scales = static_cast<uint8_t *>(outputs[1]);
  for (size_t block = 0; block < kElements / 32; ++block) {
    float largest = getLargest(reals, 32);
    // 6 = 1.5 * 2^2.
    int exponent = largest == 0 ? 0 : std::max(std::ilogb(largest) - 2, -127);
    scales[block] = uint8_t(exponent + 127);
    float scale = std::ldexp(1.0f, exponent);
    uint8_t codes[32];
    for (size_t i = 0; i < 32; ++i)
      codes[i] = encodeE2M1(reals[i] / scale);
    packNibbles(codes, bytes, 32);
    reals += 32;
    bytes += 16;
  }
}

static void decodeMXFP4(const void *const *inputs, void *const *outputs) {
  auto *bytes = static_cast<const uint8_t *>(inputs[0]);
  auto *scales = static_cast<const uint8_t *>(inputs[1]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t block = 0; block < kElements / 32; ++block) {
    float scale = decodeE8M0(scales[block]);
    uint8_t codes[32];
    unpackNibbles(bytes, codes, 32);
    for (size_t i = 0; i < 32; ++i)
      reals[i] = decodeE2M1(codes[i]) * scale;
    reals += 32;
    bytes += 16;
  }
}

//===----------------------------------------------------------------------===//
// NVFP4
//===----------------------------------------------------------------------===//

static void encodeNVFP4(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *bytes = static_cast<uint8_t *>(outputs[0]);
  auto *scales = static_cast<uint8_t *>(outputs[1]);
  auto *global = static_cast<float *>(outputs[2]);
  constexpr size_t kBlocks = kElements / 16;
  static float wanted[kBlocks];
  for (size_t block = 0; block < kBlocks; ++block)
    wanted[block] = float(getLargest(reals + block * 16, 16) / 6.0);
  *global = getScale<float>(getLargest(wanted, kBlocks), 448);
  for (size_t block = 0; block < kBlocks; ++block) {
    uint8_t code = encodeE4M3(wanted[block] / *global);
    // A scale of 0 becomes 1, or if that is a code of 0 too, the smallest one.
    if (code == 0)
      code = std::max<uint8_t>(encodeE4M3(float(1.0 / *global)), 1);
    scales[block] = code;
    // The product has 28 bits; a quotient that is rounded to f64 first has the
    // same rounding to f32.
    double scale = double(decodeE4M3(code)) * *global;
    uint8_t codes[16];
    for (size_t i = 0; i < 16; ++i)
      codes[i] = encodeE2M1(float(reals[i] / scale));
    packNibbles(codes, bytes, 16);
    reals += 16;
    bytes += 8;
  }
}

static void decodeNVFP4(const void *const *inputs, void *const *outputs) {
  auto *bytes = static_cast<const uint8_t *>(inputs[0]);
  auto *scales = static_cast<const uint8_t *>(inputs[1]);
  auto *global = static_cast<const float *>(inputs[2]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t block = 0; block < kElements / 16; ++block) {
    double scale = double(decodeE4M3(scales[block])) * *global;
    uint8_t codes[16];
    unpackNibbles(bytes, codes, 16);
    for (size_t i = 0; i < 16; ++i)
      reals[i] = float(decodeE2M1(codes[i]) * scale);
    reals += 16;
    bytes += 8;
  }
}

//===----------------------------------------------------------------------===//
// BitMoD
//===----------------------------------------------------------------------===//

/// E2M1 with another value for the code of -0.
constexpr float kSpecials[4] = {5, -5, 8, -8};
constexpr float kSpecialTargets[4] = {6, 6, 8, 8};

static float decodeBitMoD(uint8_t code, int selector) {
  return code == 8 ? kSpecials[selector] : decodeE2M1(code);
}

/// The nearest; at the middle of two the lower one. NaN becomes 0.
static uint8_t encodeBitMoD(float quotient, int selector) {
  static constexpr uint8_t kCodes[4][16] = {
      {15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 8, 7},
      {15, 8, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7},
      {15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8},
      {8, 15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7}};
  if (std::isnan(quotient))
    return 0;
  const uint8_t *codes = kCodes[selector];
  int index = 0;
  for (int i = 0; i < 15; ++i)
    index += quotient > (decodeBitMoD(codes[i], selector) +
                         decodeBitMoD(codes[i + 1], selector)) /
                            2;
  return codes[index];
}

/// The squared errors in 16 partial sums, of numbers times 2^-floor(log2 a).
static float getError(const float *reals, size_t count, float unit, float scale,
                      int selector) {
  float sums[16] = {};
  for (size_t i = 0; i < count; ++i) {
    uint8_t code = encodeBitMoD(reals[i] / scale, selector);
    float difference =
        reals[i] * unit - decodeBitMoD(code, selector) * (scale * unit);
    if (std::isfinite(reals[i]))
      sums[i % 16] += difference * difference;
  }
  for (size_t half = 8; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i)
      sums[i] += sums[i + half];
  return sums[0];
}

/// 2^-e, e the exponent of `largest`, which is 0 or more.
static float getUnit(float largest) {
  int exponent = largest == 0 ? -127 : std::ilogb(largest);
  return std::ldexp(1.0f, -std::min(std::max(exponent, -127), 126));
}

/// A format for each block of 128, scales of 8 bits, a scale of those for each
/// row.
static void encodeBitMoD4(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *bytes = static_cast<uint8_t *>(outputs[0]);
  auto *scales = static_cast<uint8_t *>(outputs[1]);
  auto *rowScales = static_cast<_Float16 *>(outputs[2]);
  auto *selectors = static_cast<uint8_t *>(outputs[3]);
  constexpr size_t kSize = 128, kBlocks = kColumns / kSize;
  for (size_t row = 0; row < kRows; ++row) {
    float wanted[kBlocks];
    int chosen[kBlocks];
    for (size_t block = 0; block < kBlocks; ++block) {
      const float *x = reals + row * kColumns + block * kSize;
      float largest = getLargest(x, kSize);
      float best = std::numeric_limits<float>::infinity();
      chosen[block] = 0;
      wanted[block] = largest / kSpecialTargets[0];
      for (int selector = 0; selector < 4; ++selector) {
        auto scale = float(double(largest) / kSpecialTargets[selector]);
        float error = getError(x, kSize, getUnit(largest),
                               scale == 0 ? 1 : scale, selector);
        if (error < best) {
          best = error;
          chosen[block] = selector;
          wanted[block] = scale;
        }
      }
      size_t index = row * kBlocks + block;
      if (index % 4 == 0)
        selectors[index / 4] = 0;
      selectors[index / 4] |= uint8_t(chosen[block] << index % 4 * 2);
    }
    auto rowScale = getScale<_Float16>(getLargest(wanted, kBlocks), 255);
    rowScales[row] = rowScale;
    for (size_t block = 0; block < kBlocks; ++block) {
      auto code = uint8_t(
          std::min(std::nearbyint(wanted[block] / float(rowScale)), 255.0f));
      // A scale of 0 becomes 1.
      if (code == 0)
        code = uint8_t(std::min(std::nearbyint(1.0 / double(rowScale)), 255.0));
      scales[row * kBlocks + block] = code;
      float scale = float(code) * float(rowScale);
      const float *x = reals + row * kColumns + block * kSize;
      uint8_t codes[kSize];
      for (size_t i = 0; i < kSize; ++i)
        codes[i] = encodeBitMoD(x[i] / scale, chosen[block]);
      packNibbles(codes, bytes + (row * kColumns + block * kSize) / 2, kSize);
    }
  }
}

static void decodeBitMoD4(const void *const *inputs, void *const *outputs) {
  auto *bytes = static_cast<const uint8_t *>(inputs[0]);
  auto *scales = static_cast<const uint8_t *>(inputs[1]);
  auto *rowScales = static_cast<const _Float16 *>(inputs[2]);
  auto *selectors = static_cast<const uint8_t *>(inputs[3]);
  auto *reals = static_cast<float *>(outputs[0]);
  for (size_t block = 0; block < kElements / 128; ++block) {
    int selector = selectors[block / 4] >> block % 4 * 2 & 3;
    float scale = float(scales[block]) * float(rowScales[block / 2]);
    uint8_t codes[128];
    unpackNibbles(bytes, codes, 128);
    for (size_t i = 0; i < 128; ++i)
      reals[i] = decodeBitMoD(codes[i], selector) * scale;
    reals += 128;
    bytes += 64;
  }
}

//===----------------------------------------------------------------------===//
// Ternary
//===----------------------------------------------------------------------===//

static void encodeTernary(const void *const *inputs, void *const *outputs) {
  auto *reals = static_cast<const float *>(inputs[0]);
  auto *bytes = static_cast<uint8_t *>(outputs[0]);
  auto *scaleOut = static_cast<_Float16 *>(outputs[1]);
  auto scale = getScale<_Float16>(getLargest(reals, kElements), 1);
  *scaleOut = scale;
  static int8_t codes[kElements];
  for (size_t i = 0; i < kElements; ++i)
    codes[i] = encodeInteger(reals[i] / float(scale), -1, 1);
  packTernary(codes, bytes, kElements);
}

static void decodeTernary(const void *const *inputs, void *const *outputs) {
  auto *bytes = static_cast<const uint8_t *>(inputs[0]);
  float scale = *static_cast<const _Float16 *>(inputs[1]);
  auto *reals = static_cast<float *>(outputs[0]);
  static int8_t codes[kElements];
  unpackTernary(bytes, codes, kElements);
  for (size_t i = 0; i < kElements; ++i)
    reals[i] = float(codes[i]) * scale;
}

//===----------------------------------------------------------------------===//
// The list
//===----------------------------------------------------------------------===//

const Format kFormats[] = {
    {"int8", "#qfmt.scaled<i8, scale = 0.0235>", "", encodeStatic,
     decodeStatic},
    {"int8 row", "#qfmt.scaled<i8, block = [1, *], scale = f32>", "",
     encodeRows, decodeRows},
    {"int4 g32", "#qfmt.scaled<i4, block = [1, 32], scale = f16>", "",
     encodeBlocks<_Float16, 32, 7, encodeInt4>,
     decodeBlocks<_Float16, 32, decodeInt4>},
    {"int4 g128", "#qfmt.scaled<i4, block = [1, 128], scale = f16>", "",
     encodeBlocks<_Float16, 128, 7, encodeInt4>,
     decodeBlocks<_Float16, 128, decodeInt4>},
    {"MXFP4", "#qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>",
     "scale_rule = floor_log2", encodeMXFP4, decodeMXFP4},
    {"NVFP4",
     "#qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, "
     "scale = f32>>",
     "", encodeNVFP4, decodeNVFP4},
    {"NF4",
     "#qfmt.scaled<!qfmt.codebook<[-1.0, -0.6961928009986877, "
     "-0.5250730514526367, -0.39491748809814453, -0.28444138169288635, "
     "-0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, "
     "0.16093020141124725, 0.24611230194568634, 0.33791524171829224, "
     "0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]>, "
     "block = [1, 64], scale = f32>",
     "", encodeBlocks<float, 64, 1, encodeNF4>,
     decodeBlocks<float, 64, decodeNF4>},
    {"BitMoD-4",
     "#qfmt.select<[!qfmt.float<2, 1, negative_zero = 5.0>, "
     "!qfmt.float<2, 1, negative_zero = -5.0>, "
     "!qfmt.float<2, 1, negative_zero = 8.0>, "
     "!qfmt.float<2, 1, negative_zero = -8.0>], block = [1, 128], "
     "scale = #qfmt.scaled<ui8, block = [1, *], scale = f16>>",
     "rounding = half_down", encodeBitMoD4, decodeBitMoD4},
    {"ternary", "#qfmt.scaled<!qfmt.ternary, scale = f16>", "", encodeTernary,
     decodeTernary},
};
const size_t kNumFormats = sizeof(kFormats) / sizeof(kFormats[0]);

} // namespace plain
