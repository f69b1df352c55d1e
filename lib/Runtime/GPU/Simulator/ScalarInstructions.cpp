//===- ScalarInstructions.cpp - Inline PTX on numbers ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Assembly.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace mlir::qfmt::sim {

/// Each bit of the table is the result for one combination of bits.
static void runLop3(const Site &, const uint64_t *arguments,
                    uint64_t *results) {
  uint32_t a = arguments[0], b = arguments[1], c = arguments[2];
  uint32_t result = 0;
  for (unsigned i = 0; i != 8; ++i)
    if (arguments[3] >> i & 1)
      result |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
  results[0] = result;
}

using Combine = uint64_t (*)(uint64_t, uint64_t);

/// fields: function, width.
static void runInteger(const Site &site, const uint64_t *arguments,
                       uint64_t *results) {
  uint64_t mask = ~uint64_t(0) >> (64 - site.fields[1]);
  auto combine = reinterpret_cast<Combine>(site.fields[0]);
  results[0] = combine(arguments[0] & mask, arguments[1] & mask) & mask;
}

static void runMove(const Site &, const uint64_t *arguments,
                    uint64_t *results) {
  results[0] = arguments[0];
}

/// fields: comparison; signed or not does not matter for equality.
static void runCompare(const Site &site, const uint64_t *arguments,
                       uint64_t *results) {
  bool isEqual = uint32_t(arguments[0]) == uint32_t(arguments[1]);
  results[0] = site.fields[0] ? isEqual : !isEqual;
}

static void runSelect(const Site &, const uint64_t *arguments,
                      uint64_t *results) {
  results[0] = arguments[2] & 1 ? arguments[0] : arguments[1];
}

static bool findInteger(StringRef opcode, Site &site) {
  auto [name, type] = opcode.rsplit('.');
  if (type.empty() || type.drop_front().getAsInteger(10, site.fields[1]) ||
      !llvm::is_contained({'b', 'u', 's'}, type[0]) ||
      !llvm::is_contained({16, 32, 64}, site.fields[1]))
    return false;
  using U = uint64_t;
  // Of shr, the unsigned one; PTX clamps distances.
  static constexpr std::pair<llvm::StringLiteral, Combine> kCombines[] = {
      {"and", [](U a, U b) { return a & b; }},
      {"or", [](U a, U b) { return a | b; }},
      {"xor", [](U a, U b) { return a ^ b; }},
      {"add", [](U a, U b) { return a + b; }},
      {"sub", [](U a, U b) { return a - b; }},
      {"mul.lo", [](U a, U b) { return a * b; }},
      {"shl", [](U a, U b) { return b > 63 ? 0 : a << b; }},
      {"shr", [](U a, U b) { return b > 63 ? 0 : a >> b; }}};
  for (auto [text, combine] : kCombines)
    if (name == text && !(name == "shr" && type[0] == 's')) {
      site.fields[0] = reinterpret_cast<int64_t>(combine);
      site.handler = runInteger;
      return true;
    }
  return false;
}

static bool setHandler(Site &site, Handler handler, int64_t field = 0) {
  site.handler = handler;
  site.fields[0] = field;
  return true;
}

/// The intrinsic that is the same.
static std::string nameIntrinsic(StringRef opcode) {
  if (opcode.consume_front("dp4a."))
    return ("idp4a." + opcode.take_front(1) + "." +
            opcode.split('.').second.take_front(1))
        .str();
  if (opcode.starts_with("fma.rn.") || opcode.starts_with("prmt"))
    return opcode.starts_with("prmt") ? "prmt"
           : opcode.ends_with(".f32") ? (opcode.drop_back(3) + "f").str()
                                      : opcode.str();
  for (StringRef name :
       {"ex2.approx", "lg2.approx", "tanh.approx", "rsqrt.approx", "rcp.approx",
        "sin.approx", "cos.approx", "sqrt.approx"})
    if (opcode.starts_with(name))
      return opcode.str();
  // cvt.rn[.satfinite][.relu].to.from
  if (!opcode.consume_front("cvt.rn"))
    return "";
  std::string modifiers = ".rn";
  bool saturates = opcode.consume_front(".satfinite");
  if (opcode.consume_front(".relu"))
    modifiers += ".relu";
  opcode.consume_front(".");
  auto [to, from] = opcode.split('.');
  if (from == "f32" && (to == "bf16x2" || to == "f16x2"))
    return "ff2" + to.str() + modifiers + (saturates ? ".satfinite" : "");
  if (from == "f32" && (to == "bf16" || to == "f16"))
    return "f2" + to.str() + modifiers + (saturates ? ".satfinite" : "");
  if (from == "f32")
    return "ff.to." + to.str() + modifiers;
  return from.str() + ".to." + to.str() + modifiers;
}

bool findScalarInstruction(StringRef opcode, Site &site) {
  if (opcode == "lop3.b32")
    return setHandler(site, runLop3);
  if (opcode.starts_with("mov.b") || opcode.starts_with("mov.u") ||
      opcode.starts_with("mov.s") || opcode.starts_with("mov.f") ||
      opcode == "mov.pred")
    return setHandler(site, runMove);
  if (opcode.starts_with("setp.ne.") || opcode.starts_with("setp.eq."))
    return (opcode.ends_with("32") &&
            setHandler(site, runCompare, opcode.starts_with("setp.eq.")));
  if (opcode.starts_with("selp."))
    return setHandler(site, runSelect);
  if (findInteger(opcode, site))
    return true;
  site.clearFields();
  std::string name = nameIntrinsic(opcode);
  if (name.empty())
    return false;
  if (findArithmetic(name, site))
    return true;
  site.clearFields();
  return findConversion(name, site);
}

} // namespace mlir::qfmt::sim
