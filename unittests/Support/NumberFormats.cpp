//===- NumberFormats.cpp - The formats the Support tests run over ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "NumberFormats.h"

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;
using llvm::APFloat;

unsigned NumberFormat::getWidth() const {
  return getInteger() ? getInteger()->width : getMinifloat()->getWidth();
}

double NumberFormat::decode(uint64_t code) const {
  return getInteger() ? double(getInteger()->decode(code))
                      : getMinifloat()->decode(code);
}

uint64_t NumberFormat::encode(const ExactReal &value, RoundingMode rounding,
                              OverflowMode overflow, NaNMode nan) const {
  return getInteger() ? getInteger()->encode(value, rounding, overflow)
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

std::vector<NumberFormat> mlir::qfmt::test::getFormatsUpTo8Bits() {
  std::vector<NumberFormat> formats;
  for (NumberFormat &format : getBuiltinFloats())
    if (format.getWidth() <= 8)
      formats.push_back(format);

  auto addMinifloat = [&](MinifloatSpec spec, std::string suffix) {
    if (!spec.getInvalidReason().empty())
      return;
    formats.push_back({(spec.hasSign ? "e" : "ue") +
                           std::to_string(spec.exponentBits) + "m" +
                           std::to_string(spec.mantissaBits) + suffix,
                       spec, nullptr});
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

  for (unsigned width = 2; width <= 8; ++width) {
    formats.push_back(
        {"i" + std::to_string(width), IntegerSpec{width, true}, nullptr});
    formats.push_back(
        {"ui" + std::to_string(width), IntegerSpec{width, false}, nullptr});
  }
  return formats;
}
