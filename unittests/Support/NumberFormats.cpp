//===- NumberFormats.cpp - The formats the Support tests run over ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "NumberFormats.h"

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;
using llvm::APFloat;

unsigned NumberFormat::getWidth() const {
  if (const MinifloatSpec *minifloat = getMinifloat())
    return minifloat->getWidth();
  return getInteger() ? getInteger()->width : getFixed()->width;
}

double NumberFormat::decode(uint64_t code) const {
  if (const IntegerSpec *integer = getInteger())
    return double(integer->decode(code));
  return getFixed() ? getFixed()->decode(code) : getMinifloat()->decode(code);
}

uint64_t NumberFormat::encode(const ExactReal &value, RoundingMode rounding,
                              OverflowMode overflow, NaNMode nan) const {
  if (const IntegerSpec *integer = getInteger())
    return integer->encode(value, rounding, overflow);
  return getFixed() ? getFixed()->encode(value, rounding, overflow)
                    : getMinifloat()->encode(value, rounding, overflow, nan);
}

std::vector<NumberFormat> mlir::qfmt::test::getBuiltinFloats() {
  using M = MinifloatSpec;
  return {
      {"f4E2M1FN", M::f4E2M1FN(), &APFloat::Float4E2M1FN()},
      {"f6E2M3FN", M::f6E2M3FN(), &APFloat::Float6E2M3FN()},
      {"f6E3M2FN", M::f6E3M2FN(), &APFloat::Float6E3M2FN()},
      {"f8E3M4", M::f8E3M4(), &APFloat::Float8E3M4()},
      {"f8E4M3", M::f8E4M3(), &APFloat::Float8E4M3()},
      {"f8E4M3FN", M::f8E4M3FN(), &APFloat::Float8E4M3FN()},
      {"f8E4M3FNUZ", M::f8E4M3FNUZ(), &APFloat::Float8E4M3FNUZ()},
      {"f8E4M3B11FNUZ", M::f8E4M3B11FNUZ(), &APFloat::Float8E4M3B11FNUZ()},
      {"f8E5M2", M::f8E5M2(), &APFloat::Float8E5M2()},
      {"f8E5M2FNUZ", M::f8E5M2FNUZ(), &APFloat::Float8E5M2FNUZ()},
      {"f8E8M0FNU", M::f8E8M0FNU(), &APFloat::Float8E8M0FNU()},
      {"f16", M::f16(), &APFloat::IEEEhalf()},
      {"bf16", M::bf16(), &APFloat::BFloat()},
  };
}

static void appendIfValid(std::vector<NumberFormat> &formats,
                          MinifloatSpec spec, std::string suffix) {
  if (!spec.getInvalidReason().empty())
    return;
  formats.push_back({(spec.hasSign ? "e" : "ue") +
                         std::to_string(spec.exponentBits) + "m" +
                         std::to_string(spec.mantissaBits) + suffix,
                     spec, nullptr});
}

std::vector<NumberFormat> mlir::qfmt::test::getMoreFormatsUpTo10Bits() {
  std::vector<NumberFormat> formats;
  using Specials = MinifloatSpec::Specials;
  for (unsigned e = 1; e <= 8; ++e)
    for (unsigned m = 0; e + m <= 9; ++m)
      for (bool hasSign : {false, true}) {
        MinifloatSpec spec = MinifloatSpec::generic(e, m);
        spec.hasSign = hasSign;
        unsigned width = spec.getWidth();
        if (width == 9 || width == 10)
          appendIfValid(formats, spec, "");
        spec.hasSubnormals = false;
        if (width <= 6 || width == 9)
          for (Specials specials :
               {Specials::None, Specials::IEEE, Specials::FN, Specials::FNUZ}) {
            spec.specials = specials;
            appendIfValid(formats, spec, "ns" + std::to_string(int(specials)));
          }
      }
  for (int bias : {-100, -3, 0, 20, 130}) {
    appendIfValid(formats, {3, 3, bias}, "b" + std::to_string(bias));
    appendIfValid(formats, {2, 4, bias, true, Specials::FN, false},
                  "nsb" + std::to_string(bias));
  }
  for (unsigned width : {9, 10})
    for (bool isSigned : {false, true})
      formats.push_back({(isSigned ? "i" : "ui") + std::to_string(width),
                         IntegerSpec{width, isSigned}, nullptr});
  auto addRange = [&](unsigned width, bool isSigned, int low, int high) {
    formats.push_back({(isSigned ? "i" : "ui") + std::to_string(width) + "_" +
                           std::to_string(low) + "_" + std::to_string(high),
                       IntegerSpec{width, isSigned, low, high}, nullptr});
  };
  addRange(8, true, -127, 127);
  addRange(2, true, -1, 1);
  addRange(4, true, -7, 7);
  addRange(4, true, -8, 2);
  addRange(4, true, -2, 5);
  addRange(5, true, -9, 0);
  addRange(5, false, 0, 20);
  for (unsigned width : {1, 2, 4, 7, 10})
    for (int integerBits : {-3, 0, 1, 4, 12})
      for (bool isSigned : {false, true})
        formats.push_back({(isSigned ? "fixed" : "ufixed") +
                               std::to_string(width) + "_" +
                               std::to_string(integerBits),
                           FixedSpec{width, integerBits, isSigned}, nullptr});
  return formats;
}

std::vector<NumberFormat> mlir::qfmt::test::getFormatsUpTo8Bits() {
  std::vector<NumberFormat> formats;
  for (NumberFormat &format : getBuiltinFloats())
    if (format.getWidth() <= 8)
      formats.push_back(format);

  auto addMinifloat = [&](MinifloatSpec spec, std::string suffix) {
    appendIfValid(formats, spec, suffix);
  };
  for (unsigned e = 1; e <= 8; ++e) {
    for (unsigned m = 0; e + m <= 8; ++m) {
      MinifloatSpec spec = MinifloatSpec::generic(e, m);
      if (spec.getWidth() <= 8)
        addMinifloat(spec, "");
      spec.hasSign = false;
      addMinifloat(spec, "");
    }
  }
  using Specials = MinifloatSpec::Specials;
  addMinifloat({3, 0, 2, true, Specials::FN}, "fn");
  addMinifloat({3, 0, 5, true, Specials::FNUZ}, "fnuz");
  addMinifloat({1, 3, -2, true, Specials::FN}, "fn");
  addMinifloat({2, 2, 6, true, Specials::IEEE}, "ieee");
  addMinifloat({4, 3, 7, false, Specials::FN}, "fn");
  addMinifloat({5, 3, 15, false, Specials::IEEE}, "ieee");

  for (unsigned width = 1; width <= 8; ++width) {
    formats.push_back(
        {"i" + std::to_string(width), IntegerSpec{width, true}, nullptr});
    formats.push_back(
        {"ui" + std::to_string(width), IntegerSpec{width, false}, nullptr});
  }
  return formats;
}
