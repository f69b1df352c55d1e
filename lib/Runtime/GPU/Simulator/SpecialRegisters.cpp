//===- SpecialRegisters.cpp - %tid and its kin ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each CTA is a cluster of its own. Clocks count how often they are read.
//
//===----------------------------------------------------------------------===//

#include "SpecialRegisters.h"
#include "Operations.h"
#include <cstddef>

namespace mlir::qfmt::sim {

std::optional<unsigned> findThreadField(llvm::StringRef name) {
  if (!name.consume_front("read.ptx.sreg."))
    return std::nullopt;
  static constexpr std::pair<llvm::StringLiteral, unsigned> kVectors[] = {
      {"tid.", offsetof(Thread, index)},
      {"ctaid.", offsetof(Thread, ctaIndex)},
      {"clusterid.", offsetof(Thread, ctaIndex)},
      {"ntid.", offsetof(Thread, ctaSize)},
      {"nctaid.", offsetof(Thread, gridSize)},
      {"nclusterid.", offsetof(Thread, gridSize)}};
  for (auto [text, offset] : kVectors)
    if (name.size() == text.size() + 1 && name.starts_with(text) &&
        name.back() != 'w')
      return offset + 4 * (name.back() - 'x');
  static constexpr std::pair<llvm::StringLiteral, unsigned> kScalars[] = {
      {"laneid", offsetof(Thread, lane)},
      {"warpid", offsetof(Thread, warp)},
      {"dynamic_smem_size", offsetof(Thread, dynamicSharedBytes)}};
  for (auto [text, offset] : kScalars)
    if (name == text)
      return offset;
  return std::nullopt;
}

using ReadRegister = uint64_t (*)(const Thread &);

static uint64_t bit(const Thread &thread) { return uint64_t(1) << thread.lane; }

static uint64_t tick(const Thread &) {
  static uint64_t time = 0;
  return ++time;
}

static uint64_t zero(const Thread &) { return 0; }
static uint64_t one(const Thread &) { return 1; }

static ReadRegister findReader(llvm::StringRef name) {
  using T = const Thread &;
  static constexpr std::pair<llvm::StringLiteral, ReadRegister> kReaders[] = {
      {"warpsize", [](T) -> uint64_t { return kWarpSize; }},
      {"lanemask.eq", [](T t) { return bit(t); }},
      {"lanemask.lt", [](T t) { return bit(t) - 1; }},
      {"lanemask.le", [](T t) { return 2 * bit(t) - 1; }},
      {"lanemask.gt", [](T t) { return 0xFFFFFFFFu & ~(2 * bit(t) - 1); }},
      {"lanemask.ge", [](T t) { return 0xFFFFFFFFu & ~(bit(t) - 1); }},
      {"total_smem_size",
       [](T t) -> uint64_t {
         return t.staticSharedBytes + t.dynamicSharedBytes;
       }},
      {"nwarpid", [](T) -> uint64_t { return 64; }},
      {"smid", zero},
      {"nsmid", one},
      {"gridid", zero},
      {"clock", tick},
      {"clock64", tick},
      {"globaltimer", tick},
      {"globaltimer.lo", tick},
      {"cluster.ctarank", zero},
      {"cluster.nctarank", one},
      {"cluster.ctaid.x", zero},
      {"cluster.ctaid.y", zero},
      {"cluster.ctaid.z", zero},
      {"cluster.nctaid.x", one},
      {"cluster.nctaid.y", one},
      {"cluster.nctaid.z", one}};
  for (auto [text, reader] : kReaders)
    if (name == text)
      return reader;
  return nullptr;
}

static void readRegister(const Site &site, const uint64_t *,
                         uint64_t *results) {
  results[0] = reinterpret_cast<ReadRegister>(site.fields[0])(*currentThread);
}

bool findSpecialRegister(llvm::StringRef name, Site &site) {
  if (!name.consume_front("read.ptx.sreg."))
    return false;
  ReadRegister reader = findReader(name);
  if (!reader)
    return false;
  site.fields[0] = reinterpret_cast<int64_t>(reader);
  site.handler = readRegister;
  return true;
}

} // namespace mlir::qfmt::sim
