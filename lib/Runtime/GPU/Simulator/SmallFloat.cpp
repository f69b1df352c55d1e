//===- SmallFloat.cpp - Floats of at most 19 bits -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SmallFloat.h"
#include "llvm/ADT/bit.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace mlir::qfmt::sim {

const SmallFloat kF16 = {"f16", 5, 10, SmallFloat::Ieee};
const SmallFloat kBF16 = {"bf16", 8, 7, SmallFloat::Ieee};
const SmallFloat kTF32 = {"tf32", 8, 10, SmallFloat::Ieee};
const SmallFloat kE4M3 = {"e4m3", 4, 3, SmallFloat::OneNan};
const SmallFloat kE5M2 = {"e5m2", 5, 2, SmallFloat::Ieee};
const SmallFloat kE2M1 = {"e2m1", 2, 1, SmallFloat::None};
const SmallFloat kE2M3 = {"e2m3", 2, 3, SmallFloat::None};
const SmallFloat kE3M2 = {"e3m2", 3, 2, SmallFloat::None};

const SmallFloat *findSmallFloat(llvm::StringRef name) {
  for (const SmallFloat *format :
       {&kF16, &kBF16, &kTF32, &kE4M3, &kE5M2, &kE2M1, &kE2M3, &kE3M2})
    if (name == format->name)
      return format;
  return nullptr;
}

float SmallFloat::decode(uint32_t code) const {
  bool isNegative = code >> (exponentBits + mantissaBits) & 1;
  uint32_t mantissa = code & ((1u << mantissaBits) - 1);
  uint32_t last = (1u << exponentBits) - 1;
  uint32_t exponent = code >> mantissaBits & last;
  float magnitude;
  if (specials == Ieee && exponent == last)
    magnitude = mantissa ? std::numeric_limits<float>::quiet_NaN()
                         : std::numeric_limits<float>::infinity();
  else if (specials == OneNan && exponent == last &&
           mantissa == (1u << mantissaBits) - 1)
    magnitude = std::numeric_limits<float>::quiet_NaN();
  else if (exponent == 0)
    magnitude = std::ldexp(float(mantissa), 1 - bias() - int(mantissaBits));
  else
    magnitude = std::ldexp(float(mantissa + (1u << mantissaBits)),
                           int(exponent) - bias() - int(mantissaBits));
  return isNegative ? -magnitude : magnitude;
}

uint32_t SmallFloat::maxCode() const {
  uint32_t all = (1u << (exponentBits + mantissaBits)) - 1;
  if (specials == Ieee)
    return all - (1u << mantissaBits);
  return specials == OneNan ? all - 1 : all;
}

uint32_t SmallFloat::nanCode() const {
  // What NVIDIA's conversions give; formats without NaN give their maximum.
  uint32_t all = (1u << (exponentBits + mantissaBits)) - 1;
  return all;
}

uint32_t SmallFloat::encode(double value, bool saturates,
                            bool towardZero) const {
  if (std::isnan(value))
    return nanCode();
  uint32_t sign = uint32_t(std::signbit(value))
                  << (exponentBits + mantissaBits);
  double magnitude = std::abs(value);
  uint32_t infinity = specials == Ieee ? maxCode() + 1 : nanCode();
  if (std::isinf(magnitude))
    return sign | (saturates || specials == None ? maxCode() : infinity);
  int exponent = magnitude == 0 ? 1 - bias() : std::ilogb(magnitude);
  exponent = std::max(exponent, 1 - bias());
  // Exact: divisions by powers of two.
  double steps = std::ldexp(magnitude, int(mantissaBits) - exponent);
  uint64_t rounded =
      uint64_t(towardZero ? std::trunc(steps) : std::nearbyint(steps));
  // A carry into the next exponent is right as it is.
  uint64_t code = rounded + (uint64_t(exponent + bias() - 1) << mantissaBits);
  if (code > maxCode())
    code = saturates || towardZero || specials == None ? maxCode() : infinity;
  return sign | uint32_t(code);
}

float decodeUE8M0(uint32_t code) {
  if (code == 0xFF)
    return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(1.0f, int(code) - 127);
}

uint32_t encodeUE8M0(float value, bool roundsUp, bool saturates) {
  if (std::isnan(value))
    return 0xFF;
  // The sign is ignored, as PTX does not say otherwise.
  uint32_t bits = llvm::bit_cast<uint32_t>(value) & 0x7FFFFFFF;
  if (bits == 0x7F800000)
    return saturates ? 0xFE : 0xFF;
  uint32_t exponent = bits >> 23;
  if (roundsUp && (bits & 0x7FFFFF) && (exponent || (bits > 0x400000)))
    ++exponent;
  if (exponent > 0xFE)
    exponent = saturates ? 0xFE : 0xFF;
  return exponent;
}

double fusedToOdd(double a, double b, double c) {
  // The product of two numbers of at most 24 bits is exact.
  double product = a * b;
  double sum = product + c;
  // Knuth's two-sum: the exact error.
  double virtualC = sum - product;
  double error = (product - (sum - virtualC)) + (c - virtualC);
  if (error != 0 && std::isfinite(sum)) {
    uint64_t bits = llvm::bit_cast<uint64_t>(sum);
    if (!(bits & 1)) {
      bool isAway = (error < 0) == (sum > 0);
      bits = isAway ? bits - 1 : bits + 1;
      sum = llvm::bit_cast<double>(bits);
    }
  }
  return sum;
}

} // namespace mlir::qfmt::sim
