// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of presets. Each is written as a user would write it, so that the
// list is also a set of examples.

#include "qfmt/IR/Presets.h"
#include "mlir/AsmParser/AsmParser.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

static constexpr ScaleRule kAbsMax = ScaleRule::AbsMax;
static constexpr ScaleRule kFloorLog2 = ScaleRule::FloorLog2;
static constexpr ScaleRule kTwoLevel = ScaleRule::TwoLevel;
static constexpr RoundingMode kHalfEven = RoundingMode::HalfEven;
static constexpr RoundingMode kHalfDown = RoundingMode::HalfDown;

// NF4: Dettmers et al., QLoRA, 2023, appendix E. BitMoD: Chen et al., HPCA
// 2025; its authors state a patent application. MX: OCP Microscaling
// Formats 1.0.
static constexpr Preset kPresets[] = {
    {"int8", "#qfmt.scaled<i8, block = {row}, scale = f32>", kAbsMax, kHalfEven,
     "signed bytes, one scale a row"},
    {"int8_tensor", "#qfmt.scaled<i8, scale = f32>", kAbsMax, kHalfEven,
     "signed bytes, one scale"},
    {"uint8", "#qfmt.scaled<ui8, block = {row}, scale = f32, zero_point = ui8>",
     kAbsMax, kHalfEven, "bytes with a zero point, one scale a row"},
    {"int4_g32", "#qfmt.scaled<i4, block = {32}, scale = f16>", kAbsMax,
     kHalfEven, "4-bit integers, a scale for 32"},
    {"int4_g128", "#qfmt.scaled<i4, block = {128}, scale = f16>", kAbsMax,
     kHalfEven, "4-bit integers, a scale for 128"},
    {"uint4_g128",
     "#qfmt.scaled<ui4, block = {128}, scale = f16, zero_point = ui4>", kAbsMax,
     kHalfEven, "4-bit integers with a zero point, a scale for 128"},
    {"int4_g128_q8",
     "#qfmt.scaled<i4, block = {128}, scale = #qfmt.scaled<ui8, block = {row}, "
     "scale = f16>>",
     kAbsMax, kHalfEven, "4-bit integers, 8-bit scales for 128"},
    {"int3_g128", "#qfmt.scaled<i3, block = {128}, scale = f16>", kAbsMax,
     kHalfEven, "3-bit integers, a scale for 128"},
    {"int2_g64", "#qfmt.scaled<i2, block = {64}, scale = f16>", kAbsMax,
     kHalfEven, "2-bit integers, a scale for 64"},
    {"ternary", "#qfmt.scaled<!qfmt.ternary, scale = f16>", kAbsMax, kHalfEven,
     "-1, 0, 1, five in a byte, one scale"},
    {"ternary_2bit", "#qfmt.scaled<!qfmt.int<i2, -1, 1>, scale = f16>", kAbsMax,
     kHalfEven, "-1, 0, 1 in two bits, one scale"},
    {"binary",
     "#qfmt.scaled<!qfmt.codebook<[-1.0, 1.0]>, block = {row}, scale = f16>",
     kAbsMax, RoundingMode::HalfUp, "-1 and 1, one scale a row"},
    {"fp8_e4m3", "#qfmt.scaled<f8E4M3FN, block = {row}, scale = f32>", kAbsMax,
     kHalfEven, "OCP FP8, one scale a row"},
    {"fp8_e5m2", "#qfmt.scaled<f8E5M2, block = {row}, scale = f32>", kAbsMax,
     kHalfEven, "OCP FP8 of large range, one scale a row"},
    {"fp6_e2m3", "#qfmt.scaled<f6E2M3FN, block = {row}, scale = f32>", kAbsMax,
     kHalfEven, "6-bit floats, one scale a row"},
    {"fp4_e2m1", "#qfmt.scaled<f4E2M1FN, block = {row}, scale = f32>", kAbsMax,
     kHalfEven, "4-bit floats, one scale a row"},
    {"mxfp8", "#qfmt.scaled<f8E4M3FN, block = {32}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "OCP MXFP8 E4M3"},
    {"mxfp8_e5m2", "#qfmt.scaled<f8E5M2, block = {32}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "OCP MXFP8 E5M2"},
    {"mxfp6", "#qfmt.scaled<f6E2M3FN, block = {32}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "OCP MXFP6 E2M3"},
    {"mxfp6_e3m2", "#qfmt.scaled<f6E3M2FN, block = {32}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "OCP MXFP6 E3M2"},
    {"mxfp4", "#qfmt.scaled<f4E2M1FN, block = {32}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "OCP MXFP4"},
    {"mxint8",
     "#qfmt.scaled<!qfmt.fixed<8, 2>, block = {32}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "OCP MXINT8"},
    {"nvfp4",
     "#qfmt.scaled<f4E2M1FN, block = {16}, scale = #qfmt.scaled<f8E4M3FN, "
     "scale = f32>>",
     kTwoLevel, kHalfEven, "4-bit floats, FP8 scales for 16"},
    {"nf4",
     "#qfmt.scaled<!qfmt.codebook<[-1.0, -0.6961928009986877, "
     "-0.5250730514526367, "
     "-0.39491748809814453, -0.28444138169288635, "
     "-0.18477343022823334, -0.09105003625154495, 0.0, "
     "0.07958029955625534, 0.16093020141124725, "
     "0.24611230194568634, 0.33791524171829224, "
     "0.44070982933044434, 0.5626170039176941, 0.7229568362236023, "
     "1.0]>, "
     "block = {64}, scale = f32>",
     kAbsMax, kHalfEven,
     "quantiles of the normal distribution, a scale for 64"},
    {"power4", "#qfmt.scaled<!qfmt.power<4, 0.5>, block = {row}, scale = f32>",
     kAbsMax, kHalfEven, "squares of 4-bit integers, one scale a row"},
    {"khot8",
     "#qfmt.scaled<!qfmt.khot<8, 2>, block = {row}, scale = f8E8M0FNU>",
     kFloorLog2, RoundingMode::HalfTowardZero,
     "at most two one bits, a power of two a row"},
    {"fixed8", "#qfmt.scaled<!qfmt.fixed<8, 4>>", kAbsMax, kHalfEven,
     "fixed point, 4 integer bits, no scale"},
    {"bfp12",
     "#qfmt.scaled<!qfmt.int<i4, -7, 7>, block = {64}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "4-bit mantissas, an exponent for 64"},
    {"bfp14",
     "#qfmt.scaled<!qfmt.int<i6, -31, 31>, block = {64}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "6-bit mantissas, an exponent for 64"},
    {"bfp16",
     "#qfmt.scaled<!qfmt.int<i8, -127, 127>, block = {64}, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "8-bit mantissas, an exponent for 64"},
    {"dfp16", "#qfmt.scaled<!qfmt.int<i16, -32767, 32767>, scale = f8E8M0FNU>",
     kFloorLog2, kHalfEven, "16-bit mantissas, one exponent"},
    {"bitmod4",
     "#qfmt.select<[!qfmt.float<2, 1, negative_zero = 5.0>, "
     "!qfmt.float<2, 1, negative_zero = -5.0>, "
     "!qfmt.float<2, 1, negative_zero = 8.0>, "
     "!qfmt.float<2, 1, negative_zero = -8.0>], block = {128}, "
     "scale = #qfmt.scaled<ui8, block = {row}, scale = f16>>",
     kAbsMax, kHalfDown, "BitMoD: one of four 4-bit formats for 128"},
    {"bitmod3",
     "#qfmt.select<[!qfmt.float<2, 0, negative_zero = 3.0>, "
     "!qfmt.float<2, 0, negative_zero = -3.0>, "
     "!qfmt.float<2, 0, negative_zero = 6.0>, "
     "!qfmt.float<2, 0, negative_zero = -6.0>], block = {128}, "
     "scale = #qfmt.scaled<ui8, block = {row}, scale = f16>>",
     kAbsMax, kHalfDown, "BitMoD: one of four 3-bit formats for 128"},
    {"aqlm",
     "#qfmt.additive<codebooks = 2, bits = 8, group = {8}, table = f16, "
     "block = {row}, scale = f16>",
     kAbsMax, kHalfEven, "AQLM 2x8: sums of two of 256 vectors of 8"},
    {"aqlm_1x16",
     "#qfmt.additive<codebooks = 1, bits = 16, group = {8}, table = f16, "
     "block = {row}, scale = f16>",
     kAbsMax, kHalfEven, "AQLM 1x16: one of 65536 vectors of 8"},
};

/// `[1, *, *]` for a row, `[1, size, 1]` for blocks along the axis.
static std::string printBlock(StringRef size, ArrayRef<bool> isRow,
                              int64_t axis) {
  SmallVector<StringRef> entries(isRow.size(), "1");
  if (size == "row") {
    for (auto [entry, inRow] : llvm::zip(entries, isRow))
      entry = inRow ? "*" : "1";
  } else {
    entries[axis] = size;
  }
  return "[" + llvm::join(entries, ", ") + "]";
}

TensorFormat Preset::getFormat(MLIRContext *context, ArrayRef<bool> isRow,
                               int64_t axis) const {
  context->getOrLoadDialect<QFmtDialect>();
  std::string text;
  for (StringRef rest = encoding; !rest.empty();) {
    auto [before, afterOpen] = rest.split('{');
    auto [size, after] = afterOpen.split('}');
    text += before;
    if (!size.empty())
      text += printBlock(size, isRow, axis);
    rest = after;
  }
  return cast<TensorFormat>(parseAttribute(text, context));
}

TensorFormat Preset::getFormat(MLIRContext *context, int64_t rank) const {
  SmallVector<bool> isRow(rank, false);
  isRow.back() = true;
  return getFormat(context, isRow, rank - 1);
}

ArrayRef<Preset> mlir::qfmt::getPresets() { return kPresets; }

const Preset *mlir::qfmt::findPreset(StringRef name) {
  const Preset *found = llvm::find_if(
      kPresets, [&](const Preset &preset) { return preset.name == name; });
  return found == std::end(kPresets) ? nullptr : found;
}
