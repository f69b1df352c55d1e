//===- CpuidFeatures.cpp - Features of x86-64 as bits of cpuid ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From Intel's manual, volume 2, CPUID, and AMD's, volume 3, appendix E.
//
//===----------------------------------------------------------------------===//

#include "CpuidFeatures.h"
#include "TargetFeatures.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/TargetParser/SubtargetFeature.h"

namespace mlir::qfmt {

namespace {

using R = CpuidRegister;

/// XCR0: SSE and AVX; AVX-512; AMX.
constexpr uint32_t kAvxState = 0x6, kAvx512State = 0xE6, kTileState = 0x60000;

struct Feature {
  const char *name;
  uint32_t leaf, subleaf;
  CpuidRegister result;
  unsigned bit;
  uint32_t systemState;
};

constexpr Feature kFeatures[] = {
    {"sse3", 1, 0, R::ECX, 0, 0},
    {"pclmul", 1, 0, R::ECX, 1, 0},
    {"ssse3", 1, 0, R::ECX, 9, 0},
    {"fma", 1, 0, R::ECX, 12, kAvxState},
    {"cx16", 1, 0, R::ECX, 13, 0},
    {"sse4.1", 1, 0, R::ECX, 19, 0},
    {"sse4.2", 1, 0, R::ECX, 20, 0},
    {"crc32", 1, 0, R::ECX, 20, 0},
    {"movbe", 1, 0, R::ECX, 22, 0},
    {"popcnt", 1, 0, R::ECX, 23, 0},
    {"aes", 1, 0, R::ECX, 25, 0},
    {"avx", 1, 0, R::ECX, 28, kAvxState},
    {"f16c", 1, 0, R::ECX, 29, kAvxState},
    {"bmi", 7, 0, R::EBX, 3, 0},
    {"avx2", 7, 0, R::EBX, 5, kAvxState},
    {"bmi2", 7, 0, R::EBX, 8, 0},
    {"avx512f", 7, 0, R::EBX, 16, kAvx512State},
    {"avx512dq", 7, 0, R::EBX, 17, kAvx512State},
    {"adx", 7, 0, R::EBX, 19, 0},
    {"avx512ifma", 7, 0, R::EBX, 21, kAvx512State},
    {"avx512cd", 7, 0, R::EBX, 28, kAvx512State},
    {"sha", 7, 0, R::EBX, 29, 0},
    {"avx512bw", 7, 0, R::EBX, 30, kAvx512State},
    {"avx512vl", 7, 0, R::EBX, 31, kAvx512State},
    {"avx512vbmi", 7, 0, R::ECX, 1, kAvx512State},
    {"avx512vbmi2", 7, 0, R::ECX, 6, kAvx512State},
    {"gfni", 7, 0, R::ECX, 8, 0},
    {"vaes", 7, 0, R::ECX, 9, kAvxState},
    {"vpclmulqdq", 7, 0, R::ECX, 10, kAvxState},
    {"avx512vnni", 7, 0, R::ECX, 11, kAvx512State},
    {"avx512bitalg", 7, 0, R::ECX, 12, kAvx512State},
    {"avx512vpopcntdq", 7, 0, R::ECX, 14, kAvx512State},
    {"avx512vp2intersect", 7, 0, R::EDX, 8, kAvx512State},
    {"amx-bf16", 7, 0, R::EDX, 22, kTileState},
    {"avx512fp16", 7, 0, R::EDX, 23, kAvx512State},
    {"amx-tile", 7, 0, R::EDX, 24, kTileState},
    {"amx-int8", 7, 0, R::EDX, 25, kTileState},
    {"sha512", 7, 1, R::EAX, 0, kAvxState},
    {"sm3", 7, 1, R::EAX, 1, kAvxState},
    {"sm4", 7, 1, R::EAX, 2, kAvxState},
    {"avxvnni", 7, 1, R::EAX, 4, kAvxState},
    {"avx512bf16", 7, 1, R::EAX, 5, kAvx512State},
    {"cmpccxadd", 7, 1, R::EAX, 7, 0},
    {"amx-fp16", 7, 1, R::EAX, 21, kTileState},
    {"avxifma", 7, 1, R::EAX, 23, kAvxState},
    {"avxvnniint8", 7, 1, R::EDX, 4, kAvxState},
    {"avxneconvert", 7, 1, R::EDX, 5, kAvxState},
    {"amx-complex", 7, 1, R::EDX, 8, kTileState},
    {"avxvnniint16", 7, 1, R::EDX, 10, kAvxState},
    {"sahf", 0x80000001, 0, R::ECX, 0, 0},
    {"lzcnt", 0x80000001, 0, R::ECX, 5, 0},
    {"sse4a", 0x80000001, 0, R::ECX, 6, 0},
    {"prfchw", 0x80000001, 0, R::ECX, 8, 0},
    {"xop", 0x80000001, 0, R::ECX, 11, kAvxState},
    {"fma4", 0x80000001, 0, R::ECX, 16, kAvxState},
    {"tbm", 0x80000001, 0, R::ECX, 21, 0},
};

/// What every x86-64 has; instructions of systems, random numbers, transactions
/// and the like, which LLVM makes of nothing that is compiled here; modes, and
/// how fast instructions are that all have.
constexpr llvm::StringLiteral kNotRequired[] = {
    "64bit-mode", "ermsb",      "fsrm",    "kl",       "widekl",
    "usermsr",    "nopl",       "64bit",   "cmov",     "cx8",
    "fxsr",       "mmx",        "sse",     "sse2",     "x87",
    "cldemote",   "clflushopt", "clwb",    "clzero",   "enqcmd",
    "fsgsbase",   "hreset",     "invpcid", "lwp",      "movdir64b",
    "movdiri",    "mwaitx",     "pconfig", "pku",      "prefetchi",
    "ptwrite",    "rdpid",      "rdpru",   "rdrnd",    "rdseed",
    "rtm",        "serialize",  "sgx",     "shstk",    "tsxldtrk",
    "uintr",      "vzeroupper", "waitpkg", "wbnoinvd", "xsave",
    "xsavec",     "xsaveopt",   "xsaves",
};

void addBit(CpuidRequirement &requirement, const Feature &feature) {
  requirement.systemState |= feature.systemState;
  uint32_t mask = uint32_t(1) << feature.bit;
  for (CpuidBits &bits : requirement.bits)
    if (bits.leaf == feature.leaf && bits.subleaf == feature.subleaf &&
        bits.result == feature.result) {
      bits.mask |= mask;
      return;
    }
  requirement.bits.push_back(
      {feature.leaf, feature.subleaf, feature.result, mask});
}

} // namespace

FailureOr<CpuidRequirement> getCpuidRequirement(Location loc, StringRef cpu,
                                                StringRef features) {
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::vector<std::string> given =
      llvm::SubtargetFeatures(features).getFeatures();
  if (failed(checkFeatures(loc, triple, cpu, given, given)))
    return failure();
  CpuidRequirement requirement;
  for (StringRef name : getInstructionFeatures(triple, cpu, given)) {
    const auto *found = llvm::find_if(kFeatures, [&](const Feature &feature) {
      return name == feature.name;
    });
    if (found != std::end(kFeatures)) {
      addBit(requirement, *found);
      continue;
    }
    if (llvm::is_contained(kNotRequired, name))
      continue;
    InFlightDiagnostic error =
        emitError(loc) << "a program cannot find out whether its machine has '"
                       << name << "', which '" << cpu << "'";
    if (!given.empty())
      error << " with '" << features << "'";
    error << " has; name a processor without it, and features one by one";
    return failure();
  }
  // `xgetbv` is there where the system says that it keeps such state.
  if (requirement.systemState != 0)
    addBit(requirement, {"osxsave", 1, 0, R::ECX, 27, 0});
  return requirement;
}

bool includes(const CpuidRequirement &more, const CpuidRequirement &less) {
  return (less.systemState & ~more.systemState) == 0 &&
         llvm::all_of(less.bits, [&](const CpuidBits &bits) {
           return llvm::any_of(more.bits, [&](const CpuidBits &other) {
             return other.leaf == bits.leaf && other.subleaf == bits.subleaf &&
                    other.result == bits.result &&
                    (bits.mask & ~other.mask) == 0;
           });
         });
}

} // namespace mlir::qfmt
