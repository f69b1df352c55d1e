//===- MemoryAccess.cpp - Accesses that generated code does not settle ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated code lets accesses to initialised global memory pass; what is left
// comes here: shared memory, constants, first writes, and errors.
//
//===----------------------------------------------------------------------===//

#include "BlockAccesses.h"
#include "Operations.h"

namespace mlir::qfmt::sim {

static std::string describeAccess(const char *problem, uint64_t bytes,
                                  bool isWrite, const char *space) {
  return std::string(problem) + (isWrite ? " write of " : " read of ") +
         std::to_string(bytes) + " bytes " + (isWrite ? "to " : "from ") +
         space + " memory";
}

/// Null, or what is wrong.
static const char *checkGlobal(uint64_t address, uint64_t bytes, bool isWrite,
                               bool isCopy) {
  DeviceMemory &memory = DeviceMemory::get();
  if (bytes > memory.size() - (address - memory.base()))
    return "out-of-bounds";
  State *states = memory.statesOf(address);
  for (uint64_t i = 0; i != bytes; ++i) {
    if (states[i] == kUnallocated)
      return "out-of-bounds";
    if (!isWrite && !isCopy && states[i] != kInitialised)
      return "uninitialised";
  }
  if (isWrite)
    std::fill_n(states, bytes, kInitialised);
  return nullptr;
}

static uint64_t firstBadByte(uint64_t address, uint64_t bytes) {
  DeviceMemory &memory = DeviceMemory::get();
  for (uint64_t i = 0; i != bytes; ++i)
    if (!memory.contains(address + i) ||
        *memory.statesOf(address + i) != kInitialised)
      return address + i;
  return address;
}

static bool isVariable(uint64_t address, uint64_t bytes, bool isWrite) {
  for (const GlobalRange &range : *currentCta->getKernel().globals) {
    uint64_t offset = address - range.begin;
    if (offset < range.bytes && bytes <= range.bytes - offset)
      return !isWrite || !range.isConstant;
  }
  return false;
}

static std::string describeAccessor(int thread) {
  if (thread < int(kMaxThreads))
    return "thread " + std::to_string(thread);
  unsigned agent = thread - kMaxThreads;
  if (agent >= kFirstWarpgroup)
    return "wgmma of warpgroup " + std::to_string(agent - kFirstWarpgroup);
  return agent == kLoadEngine ? "a bulk copy to shared memory"
                              : "a bulk copy from shared memory";
}

void checkSharedAccess(const Thread &thread, const Site &site, uint64_t address,
                       uint64_t bytes, bool isWrite) {
  checkSharedAccess(thread, site, address, bytes, isWrite,
                    currentCta->getAccessor(thread));
}

void checkSharedAccess(const Thread &thread, const Site &site, uint64_t address,
                       uint64_t bytes, bool isWrite, const Accessor &who) {
  SharedMemory &shared = SharedMemory::get();
  auto at = [&] {
    return " at byte " + std::to_string(int64_t(address - shared.base()));
  };
  if (const char *problem = shared.check(address, bytes, isWrite))
    failThread(thread, &site,
               describeAccess(problem, bytes, isWrite, "shared") + at());
  if (!currentCta->hasFibers() || site.isAtomic)
    return;
  Race race = shared.recordAccess(address, bytes, isWrite, who);
  if (race.thread < 0)
    return;
  failThread(thread, &site,
             describeAccess("data race:", bytes, isWrite, "shared") + at() +
                 (race.lacksFence
                      ? ", no fence.proxy.async after the write of "
                      : ", no barrier or wait after the access of ") +
                 describeAccessor(race.thread));
}

static void checkBlocks(const Thread &thread, const Site &site,
                        uint64_t address, uint64_t bytes, bool isWrite) {
  AccessKind kind = site.isAtomic ? AccessKind::Atomic
                    : isWrite     ? AccessKind::Write
                                  : AccessKind::Read;
  if (const char *conflict = BlockAccesses::get().record(address, bytes, kind))
    failThread(thread, &site,
               describeAccess("data race:", bytes, isWrite, "global") + ", " +
                   DeviceMemory::get().describe(address) + ", which " +
                   conflict + " in this launch");
}

static void checkAnywhere(const Site &site, uint64_t address, uint64_t bytes,
                          uint64_t alignment, bool isWrite, bool isCopy) {
  const Thread &thread = *currentThread;
  SharedMemory &shared = SharedMemory::get();
  DeviceMemory &memory = DeviceMemory::get();
  if (bytes == 0)
    return;
  bool isGlobal = memory.contains(address);
  if (address % alignment)
    failThread(thread, &site,
               describeAccess("misaligned", bytes, isWrite,
                              isGlobal ? "global" : "other") +
                   ": the address is not a multiple of " +
                   std::to_string(alignment));
  if (shared.contains(address))
    return checkSharedAccess(thread, site, address, bytes, isWrite);
  if (isGlobal) {
    if (const char *problem = checkGlobal(address, bytes, isWrite, isCopy))
      failThread(thread, &site,
                 describeAccess(problem, bytes, isWrite, "global") + ", " +
                     memory.describe(firstBadByte(address, bytes)));
    return checkBlocks(thread, site, address, bytes, isWrite);
  }
  if (isVariable(address, bytes, isWrite) ||
      memory.isRegisteredHost(address, bytes) || currentCta->isOnStack(address))
    return;
  failThread(thread, &site,
             describeAccess("out-of-bounds", bytes, isWrite, "global") + ", " +
                 memory.describe(address));
}

void checkAccess(const Site &site, uint64_t address, uint64_t bytes,
                 uint64_t alignment, bool isWrite) {
  checkAnywhere(site, address, bytes, alignment, isWrite, false);
}

void checkCopySource(const Site &site, uint64_t address, uint64_t bytes) {
  checkAnywhere(site, address, bytes, 1, false, true);
}

} // namespace mlir::qfmt::sim
