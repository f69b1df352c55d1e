//===- Conversions.cpp - Intrinsics that convert numbers ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of two operands, the first goes to the upper half of the result, as in PTX.
//
//===----------------------------------------------------------------------===//

#include "Operations.h"
#include "SmallFloat.h"
#include <cfenv>
#include <cmath>

namespace mlir::qfmt::sim {

namespace {
/// Of Site::fields.
enum Field {
  kSaturates,
  kTowardZero,
  kRelu,
  kRounding,
  kWidth,
  kIsSigned,
  kFlush
};
} // namespace

static const SmallFloat &formatOf(const Site &site) {
  return *static_cast<const SmallFloat *>(site.table.get());
}

static void setFormat(Site &site, const SmallFloat &format) {
  site.table = std::shared_ptr<const void>(std::shared_ptr<void>(), &format);
}

static uint32_t encode(const Site &site, float value) {
  if (site.fields[kRelu] && !std::isnan(value))
    value = std::max(value, 0.0f);
  return formatOf(site).encode(value, site.fields[kSaturates],
                               site.fields[kTowardZero]);
}

/// The distance of two packed elements: a byte at least.
static unsigned slotBits(const SmallFloat &format) {
  return format.width() > 8 ? 16 : format.width() > 4 ? 8 : 4;
}

//===----------------------------------------------------------------------===//
// To small floats
//===----------------------------------------------------------------------===//

static void encodeOne(const Site &site, const uint64_t *arguments,
                      uint64_t *results) {
  results[0] = encode(site, readAs<float>(arguments[0]));
}

/// tf32 is kept in the upper bits of an f32.
static void encodeTF32(const Site &site, const uint64_t *arguments,
                       uint64_t *results) {
  results[0] = uint64_t(encode(site, readAs<float>(arguments[0]))) << 13;
}

static void encodeTwo(const Site &site, const uint64_t *arguments,
                      uint64_t *results) {
  uint32_t upper = encode(site, readAs<float>(arguments[0]));
  uint32_t lower = encode(site, readAs<float>(arguments[1]));
  results[0] = lower | upper << slotBits(formatOf(site));
}

/// From two packed f16.
static void encodePair(const Site &site, const uint64_t *arguments,
                       uint64_t *results) {
  results[0] = 0;
  for (unsigned i = 0; i != 2; ++i) {
    float value = kF16.decode(arguments[0] >> (16 * i) & 0xFFFF);
    results[0] |= uint64_t(encode(site, value))
                  << (slotBits(formatOf(site)) * i);
  }
}

static bool parseModifiers(llvm::StringRef name, Site &site) {
  // .{rn,rz}[.relu][.satfinite]
  if (name.consume_front(".rz"))
    site.fields[kTowardZero] = true;
  else if (!name.consume_front(".rn"))
    return false;
  site.fields[kRelu] = name.consume_front(".relu");
  // To fp8 and less, always.
  site.fields[kSaturates] =
      name.consume_front(".satfinite") || formatOf(site).width() <= 8;
  return name.empty();
}

static bool findEncoding(llvm::StringRef name, Site &site) {
  bool isPair = name.consume_front("f16x2.to.");
  if (isPair || name.consume_front("ff.to.")) {
    auto [format, modifiers] = name.split("x2");
    const SmallFloat *found = findSmallFloat(format);
    if (!found)
      return false;
    setFormat(site, *found);
    site.handler = isPair ? encodePair : encodeTwo;
    return parseModifiers(modifiers, site);
  }
  static constexpr std::tuple<llvm::StringLiteral, const SmallFloat *, Handler>
      kNames[] = {{"ff2bf16x2", &kBF16, encodeTwo},
                  {"ff2f16x2", &kF16, encodeTwo},
                  {"f2bf16", &kBF16, encodeOne},
                  {"f2f16", &kF16, encodeOne},
                  {"f2tf32", &kTF32, encodeTF32}};
  for (auto [text, format, handler] : kNames)
    if (name.consume_front(text)) {
      setFormat(site, *format);
      site.handler = handler;
      return parseModifiers(name, site);
    }
  return false;
}

//===----------------------------------------------------------------------===//
// From small floats
//===----------------------------------------------------------------------===//

static void decodePair(const Site &site, const uint64_t *arguments,
                       uint64_t *results) {
  const SmallFloat &format = formatOf(site);
  unsigned slot = slotBits(format);
  results[0] = 0;
  for (unsigned i = 0; i != 2; ++i) {
    float value = format.decode(arguments[0] >> (slot * i) &
                                ((1u << format.width()) - 1));
    if (site.fields[kRelu] && !std::isnan(value))
      value = std::max(value, 0.0f);
    results[0] |= uint64_t(kF16.encode(value)) << (16 * i);
  }
}

static bool findDecoding(llvm::StringRef name, Site &site) {
  // e4m3x2.to.f16x2.rn[.relu]
  auto [format, rest] = name.split("x2.to.f16x2.rn");
  const SmallFloat *found = findSmallFloat(format);
  if (!found || found->width() > 8 || format.size() == name.size())
    return false;
  setFormat(site, *found);
  site.fields[kRelu] = rest == ".relu";
  site.handler = decodePair;
  return rest.empty() || rest == ".relu";
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

static void encodeScales(const Site &site, const uint64_t *arguments,
                         uint64_t *results) {
  auto scale = [&](uint64_t bits) {
    return encodeUE8M0(readAs<float>(bits), !site.fields[kTowardZero],
                       site.fields[kSaturates]);
  };
  results[0] = scale(arguments[1]) | scale(arguments[0]) << 8;
}

static void decodeScales(const Site &, const uint64_t *arguments,
                         uint64_t *results) {
  results[0] = 0;
  for (unsigned i = 0; i != 2; ++i)
    results[0] |=
        uint64_t(kBF16.encode(decodeUE8M0(arguments[0] >> (8 * i) & 0xFF)))
        << (16 * i);
}

static bool findScales(llvm::StringRef name, Site &site) {
  if (name == "ue8m0x2.to.bf16x2") {
    site.handler = decodeScales;
    return true;
  }
  if (!name.consume_front("ff.to.ue8m0x2."))
    return false;
  site.fields[kTowardZero] = name.consume_front("rz");
  if (!site.fields[kTowardZero] && !name.consume_front("rp"))
    return false;
  site.fields[kSaturates] = name == ".satfinite";
  site.handler = encodeScales;
  return true;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

static double roundTo(double value, int rounding) {
  int before = std::fegetround();
  std::fesetround(rounding);
  volatile double input = value;
  double result = std::nearbyint(input);
  std::fesetround(before);
  return result;
}

/// Clamps; NaN becomes 0.
template <typename T>
static void floatToInteger(const Site &site, const uint64_t *arguments,
                           uint64_t *results) {
  double value = readAs<T>(arguments[0]);
  unsigned width = site.fields[kWidth];
  if (std::isnan(value)) {
    results[0] = 0;
    return;
  }
  value = roundTo(value, site.fields[kRounding]);
  if (site.fields[kIsSigned]) {
    double limit = std::ldexp(1.0, width - 1);
    int64_t most = int64_t(~uint64_t(0) >> (65 - width));
    results[0] = value >= limit    ? most
                 : value <= -limit ? -most - 1
                                   : int64_t(value);
  } else {
    double limit = std::ldexp(1.0, width);
    results[0] = value >= limit ? ~uint64_t(0) >> (64 - width)
                 : value <= 0   ? 0
                                : uint64_t(value);
  }
  results[0] &= ~uint64_t(0) >> (64 - width);
}

template <typename T>
static void integerToFloat(const Site &site, const uint64_t *arguments,
                           uint64_t *results) {
  unsigned width = site.fields[kWidth];
  int before = std::fegetround();
  std::fesetround(site.fields[kRounding]);
  volatile uint64_t bits = arguments[0];
  volatile T value;
  if (site.fields[kIsSigned])
    value = T(int64_t(bits << (64 - width)) >> (64 - width));
  else
    value = T(bits);
  std::fesetround(before);
  T result = value;
  results[0] = 0;
  std::memcpy(results, &result, sizeof(T));
}

static bool parseIntegerType(llvm::StringRef &name, Site &site) {
  static constexpr std::tuple<llvm::StringLiteral, int, bool> kTypes[] = {
      {"ull", 64, false}, {"ll", 64, true}, {"ui", 32, false}, {"i", 32, true}};
  for (auto [text, width, isSigned] : kTypes)
    if (name.consume_front(text)) {
      site.fields[kWidth] = width;
      site.fields[kIsSigned] = isSigned;
      return true;
    }
  return false;
}

static bool findIntegerConversion(llvm::StringRef name, Site &site) {
  // {f,d}2{i,ui,ll,ull}.rX[.ftz], {i,ui,ll,ull}2{f,d}.rX
  if (name.consume_front("f2"))
    site.handler = floatToInteger<float>;
  else if (name.consume_front("d2"))
    site.handler = floatToInteger<double>;
  bool isToInteger = site.handler;
  if (!parseIntegerType(name, site))
    return false;
  if (!isToInteger) {
    if (name.consume_front("2f"))
      site.handler = integerToFloat<float>;
    else if (name.consume_front("2d"))
      site.handler = integerToFloat<double>;
    else
      return false;
  }
  static constexpr std::pair<llvm::StringLiteral, int> kRoundings[] = {
      {".rn", FE_TONEAREST},
      {".rz", FE_TOWARDZERO},
      {".rm", FE_DOWNWARD},
      {".rp", FE_UPWARD}};
  for (auto [text, rounding] : kRoundings)
    if (name.consume_front(text)) {
      site.fields[kRounding] = rounding;
      // A subnormal number that is flushed differs when it is rounded away.
      return name.empty();
    }
  return false;
}

bool findConversion(llvm::StringRef name, Site &site) {
  if (findScales(name, site) || findEncoding(name, site) ||
      findDecoding(name, site))
    return true;
  site.handler = nullptr;
  return findIntegerConversion(name, site);
}

} // namespace mlir::qfmt::sim
