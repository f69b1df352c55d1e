//===- Arithmetic.cpp - Intrinsics that compute numbers -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations with a rounding are exact. Approximations (ex2.approx and its
// kin) are the host's functions in double, rounded to f32: closer than a
// device's, and not the same in the last bits.
//
//===----------------------------------------------------------------------===//

#include "Operations.h"
#include "SmallFloat.h"
#include "llvm/Support/MathExtras.h"
#include <cfenv>
#include <cmath>

namespace mlir::qfmt::sim {

static bool setHandler(Site &site, Handler handler, int64_t field = 0) {
  site.handler = handler;
  site.fields[0] = field;
  return true;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// The sum of `count` products of lanes of two words, and c. Lanes of b have 8
/// bits, those of a 32 / count.
static uint32_t dot(uint32_t a, bool aIsSigned, uint32_t b, bool bIsSigned,
                    uint32_t c, unsigned count) {
  unsigned width = 32 / count;
  auto lane = [](uint32_t word, unsigned width, unsigned i, bool isSigned) {
    uint64_t bits = word >> (width * i) & ((uint64_t(1) << width) - 1);
    return isSigned ? llvm::SignExtend64(bits, width) : int64_t(bits);
  };
  int64_t sum = c;
  for (unsigned i = 0; i != count; ++i)
    sum += lane(a, width, i, aIsSigned) * lane(b, 8, i, bIsSigned);
  return uint32_t(sum);
}

/// fields: whether a, b are signed.
static void runDot4(const Site &site, const uint64_t *arguments,
                    uint64_t *results) {
  results[0] = dot(arguments[0], site.fields[0], arguments[1], site.fields[1],
                   arguments[2], 4);
}

/// Arguments: a, b, whether b's upper half is meant, c.
static void runDot2(const Site &site, const uint64_t *arguments,
                    uint64_t *results) {
  uint32_t b = uint32_t(arguments[1]) >> (arguments[2] & 1 ? 16 : 0);
  results[0] =
      dot(arguments[0], site.fields[0], b, site.fields[1], arguments[3], 2);
}

static bool findDot(llvm::StringRef name, Site &site) {
  bool isFour = name.consume_front("idp4a.");
  if (!isFour && !name.consume_front("idp2a."))
    return false;
  site.handler = isFour ? runDot4 : runDot2;
  site.fields[0] = name.front() == 's';
  site.fields[1] = name.back() == 's';
  return true;
}

static uint32_t permuteBytes(uint32_t a, uint32_t b, uint32_t selector) {
  uint64_t bytes = a | uint64_t(b) << 32;
  uint32_t result = 0;
  for (unsigned i = 0; i != 4; ++i) {
    uint32_t select = selector >> (4 * i) & 15;
    uint8_t byte = bytes >> (8 * (select & 7));
    if (select & 8)
      byte = byte & 0x80 ? 0xFF : 0;
    result |= uint32_t(byte) << (8 * i);
  }
  return result;
}

static void runPermute(const Site &, const uint64_t *arguments,
                       uint64_t *results) {
  results[0] = permuteBytes(arguments[0], arguments[1], arguments[2]);
}

/// fields: whether signed, width.
static void runMultiplyHigh(const Site &site, const uint64_t *arguments,
                            uint64_t *results) {
  unsigned width = site.fields[1];
  if (site.fields[0]) {
    __int128 product = __int128(llvm::SignExtend64(arguments[0], width)) *
                       llvm::SignExtend64(arguments[1], width);
    results[0] = uint64_t(product >> width);
  } else {
    unsigned __int128 product =
        static_cast<unsigned __int128>(arguments[0]) * arguments[1];
    results[0] = uint64_t(product >> width);
  }
}

static bool findInteger(llvm::StringRef name, Site &site) {
  if (name == "prmt")
    return setHandler(site, runPermute);
  if (!name.consume_front("mulhi."))
    return false;
  // {s,i,ll}, unsigned: {us,ui,ull}
  site.fields[0] = !name.consume_front("u");
  site.fields[1] = name == "s" ? 16 : name == "i" ? 32 : 64;
  site.handler = runMultiplyHigh;
  return name == "s" || name == "i" || name == "ll";
}

//===----------------------------------------------------------------------===//
// f32 and f64 with a rounding
//===----------------------------------------------------------------------===//

namespace {
enum class Op : int64_t { Add, Sub, Mul, Div, Fma, Rcp, Sqrt };
/// Of Site::fields.
enum Field { kOp, kRounding, kFlush, kSaturate };
} // namespace

static float flush(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value)
                                                : value;
}

template <typename T>
static T compute(Op op, volatile T a, volatile T b, volatile T c) {
  switch (op) {
  case Op::Add:
    return a + b;
  case Op::Sub:
    return a - b;
  case Op::Mul:
    return a * b;
  case Op::Div:
    return a / b;
  case Op::Fma:
    return std::fma(a, b, c);
  case Op::Rcp:
    return T(1) / a;
  case Op::Sqrt:
    return std::sqrt(a);
  }
  return a;
}

template <typename T>
static void runRounded(const Site &site, const uint64_t *arguments,
                       uint64_t *results) {
  static constexpr int kNumOperands[] = {2, 2, 2, 2, 3, 1, 1};
  T operands[3] = {};
  bool flushes = site.fields[kFlush];
  for (int i = 0; i != kNumOperands[site.fields[kOp]]; ++i) {
    operands[i] = readAs<T>(arguments[i]);
    if constexpr (std::is_same_v<T, float>)
      operands[i] = flushes ? flush(operands[i]) : operands[i];
  }
  int before = std::fegetround();
  std::fesetround(site.fields[kRounding]);
  volatile T result =
      compute<T>(Op(site.fields[kOp]), operands[0], operands[1], operands[2]);
  std::fesetround(before);
  T value = result;
  if constexpr (std::is_same_v<T, float>)
    value = flushes ? flush(value) : value;
  if (site.fields[kSaturate])
    value = value > T(0) ? std::min(value, T(1)) : T(0);
  results[0] = 0;
  std::memcpy(results, &value, sizeof(T));
}

static bool findRounded(llvm::StringRef name, Site &site) {
  // op.{rn,rz,rm,rp}[.ftz][.sat].{f,d}
  static constexpr std::pair<llvm::StringLiteral, Op> kOps[] = {
      {"add.", Op::Add},  {"sub.", Op::Sub}, {"mul.", Op::Mul},
      {"div.", Op::Div},  {"fma.", Op::Fma}, {"rcp.", Op::Rcp},
      {"sqrt.", Op::Sqrt}};
  static constexpr std::pair<llvm::StringLiteral, int> kRoundings[] = {
      {"rn", FE_TONEAREST},
      {"rz", FE_TOWARDZERO},
      {"rm", FE_DOWNWARD},
      {"rp", FE_UPWARD}};
  for (auto [opText, op] : kOps)
    for (auto [roundingText, rounding] : kRoundings) {
      llvm::StringRef rest = name;
      if (!rest.consume_front(opText) || !rest.consume_front(roundingText))
        continue;
      site.fields[kOp] = int64_t(op);
      site.fields[kRounding] = rounding;
      site.fields[kFlush] = rest.consume_front(".ftz");
      site.fields[kSaturate] = rest.consume_front(".sat");
      site.handler = rest == ".d" ? runRounded<double> : runRounded<float>;
      return rest == ".f" || rest == ".d";
    }
  return false;
}

//===----------------------------------------------------------------------===//
// Functions of one f32
//===----------------------------------------------------------------------===//

using Function = double (*)(double);

static void runFunction(const Site &site, const uint64_t *arguments,
                        uint64_t *results) {
  bool flushes = site.fields[kFlush];
  float value = readAs<float>(arguments[0]);
  value = float(reinterpret_cast<Function>(site.fields[0])(
      flushes ? flush(value) : value));
  results[0] = bitsOf(flushes ? flush(value) : value);
}

static double saturate(double value) {
  return value > 0 ? std::min(value, 1.0) : 0.0;
}

static bool findFunction(llvm::StringRef name, Site &site) {
  static constexpr std::pair<llvm::StringLiteral, Function> kFunctions[] = {
      {"ex2.approx", [](double x) { return std::exp2(x); }},
      {"lg2.approx", [](double x) { return std::log2(x); }},
      {"sin.approx", [](double x) { return std::sin(x); }},
      {"cos.approx", [](double x) { return std::cos(x); }},
      {"tanh.approx", [](double x) { return std::tanh(x); }},
      {"rsqrt.approx", [](double x) { return 1 / std::sqrt(x); }},
      {"rcp.approx", [](double x) { return 1 / x; }},
      {"sqrt.approx", [](double x) { return std::sqrt(x); }},
      {"sqrt", [](double x) { return std::sqrt(x); }},
      {"saturate", saturate},
      {"floor", [](double x) { return std::floor(x); }},
      {"ceil", [](double x) { return std::ceil(x); }},
      {"trunc", [](double x) { return std::trunc(x); }},
      {"round", [](double x) { return std::nearbyint(x); }},
      {"fabs", [](double x) { return std::abs(x); }}};
  for (auto [text, function] : kFunctions) {
    llvm::StringRef rest = name;
    if (!rest.consume_front(text))
      continue;
    site.fields[kFlush] = rest.consume_front(".ftz");
    if (rest != ".f" && rest != ".f32")
      continue;
    site.fields[0] = reinterpret_cast<int64_t>(function);
    site.handler = runFunction;
    return true;
  }
  return false;
}

static void divideApproximately(const Site &, const uint64_t *arguments,
                                uint64_t *results) {
  results[0] =
      bitsOf(readAs<float>(arguments[0]) / readAs<float>(arguments[1]));
}

//===----------------------------------------------------------------------===//
// Minimum, maximum, and multiply-add, of f32 and of packed numbers
//===----------------------------------------------------------------------===//

namespace {
/// Of Site::fields: the kind of fma is kOp = 0, of fmin 1, of fmax 2.
enum PackedField { kCount = 4, kNan, kRelu, kXorSign };
} // namespace

static double chooseExtreme(const Site &site, double a, double b) {
  if (std::isnan(a) || std::isnan(b)) {
    if (site.fields[kNan] || (std::isnan(a) && std::isnan(b)))
      return std::nan("");
    return std::isnan(a) ? b : a;
  }
  bool sign = std::signbit(a) != std::signbit(b);
  if (site.fields[kXorSign]) {
    a = std::abs(a);
    b = std::abs(b);
  }
  // Of zeros, the negative one is less.
  bool aIsLess = a < b || (a == b && std::signbit(a));
  double result = aIsLess == (site.fields[kOp] == 1) ? a : b;
  return site.fields[kXorSign] ? std::copysign(result, sign ? -1.0 : 1.0)
                               : result;
}

static double computeElement(const Site &site, const double *operands) {
  double result = site.fields[kOp] == 0
                      ? fusedToOdd(operands[0], operands[1], operands[2])
                      : chooseExtreme(site, operands[0], operands[1]);
  if (site.fields[kSaturate])
    result = saturate(result);
  if (site.fields[kRelu] && !std::isnan(result))
    result = std::max(result, 0.0);
  return result;
}

/// Packed f16 or bf16: the format is Site::table. Without one: f32.
static void runPacked(const Site &site, const uint64_t *arguments,
                      uint64_t *results) {
  const auto *format = static_cast<const SmallFloat *>(site.table.get());
  unsigned numOperands = site.fields[kOp] == 0 ? 3 : 2;
  unsigned width = format ? 16 : 32;
  results[0] = 0;
  for (unsigned i = 0; i != site.fields[kCount]; ++i) {
    double operands[3] = {};
    for (unsigned j = 0; j != numOperands; ++j) {
      uint32_t code = arguments[j] >> (width * i);
      float value =
          format ? format->decode(code & 0xFFFF) : readAs<float>(code);
      operands[j] = site.fields[kFlush] ? flush(value) : value;
    }
    double value = computeElement(site, operands);
    uint64_t code = format ? format->encode(value) : bitsOf(float(value));
    results[0] |= code << (width * i);
  }
}

static bool findPacked(llvm::StringRef name, Site &site) {
  // {fma.rn,fmin,fmax}[.ftz][.nan][.relu|.sat][.xorsign.abs].type
  if (name.consume_front("fma.rn"))
    site.fields[kOp] = 0;
  else if (name.consume_front("fmin"))
    site.fields[kOp] = 1;
  else if (name.consume_front("fmax"))
    site.fields[kOp] = 2;
  else
    return false;
  site.fields[kFlush] = name.consume_front(".ftz");
  site.fields[kNan] = name.consume_front(".nan");
  site.fields[kRelu] = name.consume_front(".relu");
  site.fields[kSaturate] = name.consume_front(".sat");
  site.fields[kXorSign] = name.consume_front(".xorsign.abs");
  site.handler = runPacked;
  if (name == ".f") {
    site.fields[kCount] = 1;
    return site.fields[kOp] != 0;
  }
  site.fields[kCount] = name.consume_back("x2") ? 2 : 1;
  if (name != ".f16" && name != ".bf16")
    return false;
  // Not owned: a constant.
  site.table = std::shared_ptr<const void>(std::shared_ptr<void>(),
                                           name == ".f16" ? &kF16 : &kBF16);
  return true;
}

bool findArithmetic(llvm::StringRef name, Site &site) {
  if (name == "div.approx.f" || name == "div.approx.ftz.f" ||
      name == "div.full" || name == "div.full.ftz")
    return setHandler(site, divideApproximately);
  return findDot(name, site) || findInteger(name, site) ||
         findRounded(name, site) || findFunction(name, site) ||
         findPacked(name, site);
}

} // namespace mlir::qfmt::sim
