//===- ArithmeticTest.cpp - Intrinsics and inline PTX on numbers ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SimulatedDevice.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include "gmock/gmock.h"
#include <cmath>
#include <random>

using namespace mlir::qfmt;
using llvm::APFloat;

namespace {
struct Words {
  uint32_t a, b, c;
};
} // namespace

/// `body` computes %w from %a, %b, %c, all of them i32; a thread for each
/// element of `inputs`.
static std::vector<uint32_t> compute(const std::string &body,
                                     const std::vector<Words> &inputs) {
  SimulatedModule module(R"(
    gpu.func @k(%in: !llvm.ptr, %out: !llvm.ptr) kernel {
      %t = gpu.thread_id x
      %i = arith.index_cast %t : index to i32
      %c3 = arith.constant 3 : i32
      %at = arith.muli %i, %c3 : i32
      %pa = llvm.getelementptr %in[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      %pb = llvm.getelementptr %pa[1] : (!llvm.ptr) -> !llvm.ptr, i32
      %pc = llvm.getelementptr %pa[2] : (!llvm.ptr) -> !llvm.ptr, i32
      %a = llvm.load %pa : !llvm.ptr -> i32
      %b = llvm.load %pb : !llvm.ptr -> i32
      %c = llvm.load %pc : !llvm.ptr -> i32
)" + body + R"(
      %p = llvm.getelementptr %out[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      llvm.store %w, %p : i32, !llvm.ptr
      gpu.return
    })");
  std::vector<uint32_t> words;
  for (Words input : inputs)
    words.insert(words.end(), {input.a, input.b, input.c});
  Buffer<uint32_t> in(words), out(inputs.size());
  EXPECT_EQ(module.launch({1, 1, 1}, {int64_t(inputs.size()), 1, 1},
                          {in.get(), out.get()}),
            "");
  return out.read();
}

/// A call of "llvm.nvvm." + name; `types` are those of the operands and of the
/// result, to which words are converted.
static std::string call(const std::string &name,
                        const std::vector<std::string> &types) {
  std::string text, values, operandTypes;
  const char *words[] = {"a", "b", "c"};
  for (size_t i = 0; i + 1 != types.size(); ++i) {
    std::string word = words[i], value = "%v" + word;
    if (types[i] == "i32")
      value = "%" + word;
    else if (types[i] == "i16")
      text += value + " = llvm.trunc %" + word + " : i32 to i16\n";
    else
      text +=
          value + " = llvm.bitcast %" + word + " : i32 to " + types[i] + "\n";
    values += (i ? ", " : "") + value;
    operandTypes += (i ? ", " : "") + types[i];
  }
  std::string type = types.back();
  text += "%r = llvm.call_intrinsic \"llvm.nvvm." + name + "\"(" + values +
          ") : (" + operandTypes + ") -> " + type + "\n";
  if (type == "i16")
    return text + "%w = llvm.zext %r : i16 to i32\n";
  return text + "%w = llvm.bitcast %r : " + type + " to i32\n";
}

static std::string assembly(const std::string &text) {
  return "%w = llvm.inline_asm \"" + text +
         "\", \"=r,r,r,r\" %a, %b, %c : (i32, i32, i32) -> i32\n";
}

static std::vector<Words> draw(int n) {
  std::mt19937 random(3);
  std::vector<Words> words(n);
  for (Words &word : words)
    word = {uint32_t(random()), uint32_t(random()), uint32_t(random())};
  return words;
}

static uint32_t bits(float value) { return llvm::bit_cast<uint32_t>(value); }

template <typename Model>
static void expectModel(const std::string &body,
                        const std::vector<Words> &inputs, Model model) {
  SCOPED_TRACE(body);
  std::vector<uint32_t> found = compute(body, inputs);
  for (size_t i = 0; i != inputs.size(); ++i)
    EXPECT_EQ(found[i], uint32_t(model(inputs[i])))
        << std::hex << inputs[i].a << " " << inputs[i].b << " " << inputs[i].c;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

TEST(SimulatorArithmetic, DotsOfBytes) {
  std::vector<Words> inputs = draw(64);
  auto dot = [](Words w, bool aIsSigned, bool bIsSigned) {
    uint32_t sum = w.c;
    for (int i = 0; i != 4; ++i) {
      uint8_t a = w.a >> 8 * i, b = w.b >> 8 * i;
      sum += (aIsSigned ? int8_t(a) : a) * (bIsSigned ? int8_t(b) : b);
    }
    return sum;
  };
  std::vector<std::string> types(4, "i32");
  for (bool aIsSigned : {false, true})
    for (bool bIsSigned : {false, true}) {
      std::string a = aIsSigned ? "s" : "u", b = bIsSigned ? "s" : "u";
      auto model = [&](Words w) { return dot(w, aIsSigned, bIsSigned); };
      expectModel(call("idp4a." + a + "." + b, types), inputs, model);
      expectModel(assembly("dp4a." + a + "32." + b + "32 $0, $1, $2, $3;"),
                  inputs, model);
    }
}

TEST(SimulatorArithmetic, PermutesBytesAndCombinesBits) {
  std::vector<Words> inputs = draw(64);
  auto permute = [](Words w) {
    uint8_t bytes[8];
    for (int i = 0; i != 4; ++i) {
      bytes[i] = w.a >> 8 * i;
      bytes[i + 4] = w.b >> 8 * i;
    }
    uint32_t result = 0;
    for (int i = 0; i != 4; ++i) {
      uint32_t select = w.c >> 4 * i & 15;
      uint32_t byte = bytes[select & 7];
      if (select > 7)
        byte = byte > 127 ? 255 : 0;
      result |= byte << 8 * i;
    }
    return result;
  };
  expectModel(call("prmt", std::vector<std::string>(4, "i32")), inputs,
              permute);
  expectModel(assembly("prmt.b32 $0, $1, $2, $3;"), inputs, permute);
  // (a & b) | c, as the tables of NVIDIA's manual: 0xF0, 0xCC, 0xAA.
  expectModel(assembly("lop3.b32 $0, $1, $2, $3, 0xEA;"), inputs,
              [](Words w) { return (w.a & w.b) | w.c; });
  expectModel(assembly("{ .reg .b32 x; xor.b32 x, $1, $2; // first\\n shl.b32 "
                       "x, x, 3; sub.s32 $0, x, $3; }"),
              inputs, [](Words w) { return ((w.a ^ w.b) << 3) - w.c; });
  expectModel(assembly("{ .reg .pred p; setp.ne.b32 p, $3, 7; @p mov.b32 $0, "
                       "$1; @!p mov.b32 $0, $2; }"),
              {{1, 2, 7}, {1, 2, 8}},
              [](Words w) { return w.c == 7 ? w.b : w.a; });
}

TEST(SimulatorArithmetic, RefusesUnknownAssembly) {
  SimulatedModule module(R"(
    gpu.func @k(%out: !llvm.ptr) kernel {
      %w = llvm.inline_asm has_side_effects "vmax4.u32 $0, 1, 2, 3;", "=r" : () -> i32
      llvm.store %w, %out : i32, !llvm.ptr
      gpu.return
    })");
  Buffer<uint32_t> out(1);
  EXPECT_THAT(module.launch({1, 1, 1}, {1, 1, 1}, {out.get()}),
              testing::HasSubstr("function 'k' has inline assembly that the "
                                 "simulator does not know: it has "
                                 "'vmax4.u32'"));
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

static std::vector<Words> drawFloats() {
  std::vector<Words> words = draw(64);
  for (float value :
       {0.0f,     -0.0f,  1.0f,         -1.5f,    448.0f,     464.0f,
        465.0f,   1e9f,   -1e9f,        57344.0f, 61440.0f,   65519.0f,
        65520.0f, 1e-3f,  9.765625e-4f, 1.7e-2f,  0.0078125f, 6e-8f,
        2.98e-8f, 1e-40f, INFINITY,     -INFINITY})
    words.push_back({bits(value), bits(-value * 0.75f), 0});
  // Of all sizes, not only enormous ones.
  for (int i = 0; i != 64; ++i) {
    words[i].a = (words[i].a & 0x807FFFFF) | (100 + i) << 23;
    words[i].b = (words[i].b & 0x807FFFFF) | (163 - i) << 23;
  }
  return words;
}

/// LLVM's rounding to nearest even; too large numbers saturate if asked for.
static uint32_t encode(const llvm::fltSemantics &semantics, uint32_t word,
                       bool saturates) {
  float input = llvm::bit_cast<float>(word);
  APFloat largest = APFloat::getLargest(semantics, std::signbit(input));
  APFloat value(input);
  bool isInexact;
  value.convert(semantics, APFloat::rmNearestTiesToEven, &isInexact);
  if (saturates && !std::isnan(input) && !value.isFinite())
    value = largest;
  return value.bitcastToAPInt().getZExtValue();
}

TEST(SimulatorArithmetic, ConvertsToSmallFloats) {
  std::vector<Words> inputs = drawFloats();
  struct {
    const char *name, *type;
    const llvm::fltSemantics &semantics;
    int shift;
    bool saturates;
  } cases[] = {
      {"ff.to.e4m3x2.rn", "i16", APFloat::Float8E4M3FN(), 8, true},
      {"ff.to.e5m2x2.rn", "i16", APFloat::Float8E5M2(), 8, true},
      {"ff2f16x2.rn", "vector<2xf16>", APFloat::IEEEhalf(), 16, false},
      {"ff2bf16x2.rn", "vector<2xbf16>", APFloat::BFloat(), 16, false}};
  for (auto &test : cases)
    expectModel(
        call(test.name, {"f32", "f32", test.type}), inputs, [&](Words w) {
          return encode(test.semantics, w.a, test.saturates) << test.shift |
                 encode(test.semantics, w.b, test.saturates);
        });
  expectModel(assembly("{ .reg .b16 x; cvt.rn.satfinite.e4m3x2.f32 x, $1, $2; "
                       "mov.b32 $0, x; }"),
              inputs, [](Words w) {
                return encode(APFloat::Float8E4M3FN(), w.a, true) << 8 |
                       encode(APFloat::Float8E4M3FN(), w.b, true);
              });
}

TEST(SimulatorArithmetic, ConvertsFromSmallFloats) {
  std::vector<Words> codes;
  for (uint32_t i = 0; i != 256; ++i)
    if ((i & 0x7F) != 0x7F && (i & 0x7C) != 0x7C)
      codes.push_back({i | (i ^ 0x80) << 8, 0, 0});
  auto decode = [](const llvm::fltSemantics &semantics, uint32_t code) {
    APFloat value(semantics, llvm::APInt(8, code));
    bool isInexact;
    value.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven,
                  &isInexact);
    return uint32_t(value.bitcastToAPInt().getZExtValue());
  };
  for (auto [name, semantics] : {std::pair("e4m3", &APFloat::Float8E4M3FN()),
                                 std::pair("e5m2", &APFloat::Float8E5M2())})
    expectModel(
        call(std::string(name) + "x2.to.f16x2.rn", {"i16", "vector<2xf16>"}),
        codes, [&, semantics = semantics](Words w) {
          return decode(*semantics, w.a & 255) | decode(*semantics, w.a >> 8)
                                                     << 16;
        });
}

TEST(SimulatorArithmetic, ConvertsToIntegers) {
  std::vector<Words> inputs = drawFloats();
  inputs.push_back({bits(NAN), 0, 0});
  for (float value : {0.5f, 1.5f, -2.5f, 2147483648.0f, -3e9f})
    inputs.push_back({bits(value), 0, 0});
  auto clamp = [](double value, double least, double most) {
    return value != value ? 0 : std::min(std::max(value, least), most);
  };
  auto value = [](Words w) { return double(llvm::bit_cast<float>(w.a)); };
  expectModel(call("f2i.rn", {"f32", "i32"}), inputs, [&](Words w) {
    return uint32_t(
        int32_t(clamp(std::nearbyint(value(w)), INT32_MIN, INT32_MAX)));
  });
  expectModel(call("f2i.rm", {"f32", "i32"}), inputs, [&](Words w) {
    return uint32_t(int32_t(clamp(std::floor(value(w)), INT32_MIN, INT32_MAX)));
  });
  expectModel(call("f2ui.rz", {"f32", "i32"}), inputs, [&](Words w) {
    return uint32_t(clamp(std::trunc(value(w)), 0, UINT32_MAX));
  });
  expectModel(call("i2f.rz", {"i32", "f32"}), draw(64), [&](Words w) {
    float nearest = float(int32_t(w.a));
    if (std::abs(double(nearest)) > std::abs(double(int32_t(w.a))))
      nearest = std::nextafter(nearest, 0.0f);
    return bits(nearest);
  });
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

TEST(SimulatorArithmetic, RoundsOnce) {
  std::vector<Words> inputs = drawFloats();
  for (Words &word : inputs)
    word.c = bits(llvm::bit_cast<float>(word.a) * 3.7f);
  auto apply = [](Words w, APFloat::roundingMode mode) {
    APFloat a(llvm::bit_cast<float>(w.a)), b(llvm::bit_cast<float>(w.b)),
        c(llvm::bit_cast<float>(w.c));
    a.fusedMultiplyAdd(b, c, mode);
    return a;
  };
  std::vector<Words> finite;
  for (Words word : inputs)
    if (apply(word, APFloat::rmNearestTiesToEven).isFinite())
      finite.push_back(word);
  std::vector<std::string> types(4, "f32");
  for (auto [name, mode] : {std::pair("rn", APFloat::rmNearestTiesToEven),
                            std::pair("rz", APFloat::rmTowardZero),
                            std::pair("rm", APFloat::rmTowardNegative),
                            std::pair("rp", APFloat::rmTowardPositive)})
    expectModel(call("fma." + std::string(name) + ".f", types), finite,
                [&, mode = mode](Words w) {
                  return bits(apply(w, mode).convertToFloat());
                });
  expectModel(
      call("ex2.approx.f32", {"f32", "f32"}),
      {{bits(3), 0, 0}, {bits(-2), 0, 0}, {bits(0.5f), 0, 0}}, [](Words w) {
        return bits(float(std::exp2(double(llvm::bit_cast<float>(w.a)))));
      });
}

/// The product and the sum of packed numbers are rounded together, also where
/// LLVM's own operation is used.
TEST(SimulatorArithmetic, MultipliesAndAddsPackedNumbers) {
  std::vector<Words> inputs = draw(256);
  // Exponents close to that of 1, signs and mantissas as they are.
  for (Words &word : inputs)
    for (uint32_t *half : {&word.a, &word.b, &word.c})
      *half = (*half & 0x8FFF8FFF) | 0x30003000;
  auto model = [](const llvm::fltSemantics &semantics) {
    return [&](Words w) {
      uint32_t result = 0;
      for (int shift : {0, 16}) {
        auto half = [&](uint32_t word) {
          return APFloat(semantics, llvm::APInt(16, word >> shift & 0xFFFF));
        };
        APFloat value = half(w.a);
        value.fusedMultiplyAdd(half(w.b), half(w.c),
                               APFloat::rmNearestTiesToEven);
        result |= uint32_t(value.bitcastToAPInt().getZExtValue()) << shift;
      }
      return result;
    };
  };
  for (std::string type : {"f16", "bf16"}) {
    auto expected =
        model(type == "f16" ? APFloat::IEEEhalf() : APFloat::BFloat());
    std::string vector = "vector<2x" + type + ">";
    expectModel(
        call("fma.rn." + type + "x2", std::vector<std::string>(4, vector)),
        inputs, expected);
    expectModel(assembly("fma.rn." + type + "x2 $0, $1, $2, $3;"), inputs,
                expected);
    std::string ir;
    for (std::string word : {"a", "b", "c"})
      ir += "%v" + word + " = llvm.bitcast %" + word + " : i32 to " + vector +
            "\n";
    ir += "%r = llvm.intr.fma(%va, %vb, %vc) : (" + vector + ", " + vector +
          ", " + vector + ") -> " + vector +
          "\n%w = llvm.bitcast %r : " + vector + " to i32\n";
    expectModel(ir, inputs, expected);
  }
}

/// The host's instructions for bf16 lose subnormal numbers.
TEST(SimulatorArithmetic, RoundsToBFloat16) {
  std::vector<Words> inputs = drawFloats();
  for (float value : {1e-39f, 1e-40f, -3e-39f, 1.00390625f, 1.01171875f})
    inputs.push_back({bits(value), 0, 0});
  expectModel("%f = llvm.bitcast %a : i32 to f32\n%h = llvm.fptrunc %f : f32 "
              "to bf16\n%i16 = llvm.bitcast %h : bf16 to i16\n%w = llvm.zext "
              "%i16 : i16 to i32\n",
              inputs,
              [](Words w) { return encode(APFloat::BFloat(), w.a, false); });
}
