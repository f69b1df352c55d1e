//===- SharedMemory.cpp - Shared memory of the running CTA ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SharedMemory.h"
#include "Error.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace mlir::qfmt::sim {

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

SharedMemory &SharedMemory::get() {
  static SharedMemory *instance = new SharedMemory;
  return *instance;
}

SharedMemory::SharedMemory() : states(kWindow), histories(kWindow) {
  // Twice as much, for the alignment.
  void *range =
      mmap(nullptr, 2 * kWindow, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_32BIT, -1, 0);
  if (range == MAP_FAILED)
    range = mmap(nullptr, 2 * kWindow, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) {
    reportError("no memory for the simulator's shared memory");
    return;
  }
  memory = reinterpret_cast<uint8_t *>(
      llvm::alignTo(reinterpret_cast<uint64_t>(range), kWindow));
}

void SharedMemory::reset(uint64_t bytes) {
  uint64_t dirty = std::max(used, bytes);
  std::fill_n(states.begin(), dirty, uint8_t(kUnallocated));
  std::fill_n(histories.begin(), dirty, History());
  used = bytes;
}

void SharedMemory::allocate(uint64_t offset, uint64_t bytes) {
  std::memset(memory + offset, kPoison, bytes);
  std::fill_n(states.begin() + offset, bytes, uint8_t(kUninitialised));
}

const char *SharedMemory::check(uint64_t address, uint64_t bytes,
                                bool isWrite) {
  uint64_t offset = address - base();
  if (offset >= kWindow || bytes > kWindow - offset)
    return "out-of-bounds";
  for (uint64_t i = offset; i != offset + bytes; ++i) {
    if (states[i] == kUnallocated)
      return "out-of-bounds";
    if (states[i] == kInFlight)
      return "premature (an asynchronous copy to these bytes has not been "
             "waited for)";
    if (!isWrite && states[i] == kUninitialised)
      return "uninitialised";
  }
  if (isWrite)
    std::fill_n(states.begin() + offset, bytes, uint8_t(kInitialised));
  return nullptr;
}

unsigned SharedMemory::warpOf(const Event &event) {
  unsigned thread = event.thread - 1;
  return thread < kMaxThreads ? thread / kWarpSize
                              : kMaxWarps + (thread - kMaxThreads);
}

bool SharedMemory::isOrdered(const Event &before, const Accessor &now) {
  if (before.thread == 0 || before.thread == now.thread + 1)
    return true;
  unsigned warp = warpOf(before);
  if (warp == now.warp)
    return before.warpStep < now.warpStep;
  return before.step <= now.clock->steps[warp];
}

Race SharedMemory::recordAccess(uint64_t address, uint64_t bytes, bool isWrite,
                                const Accessor &who) {
  Event event{uint16_t(who.thread + 1), who.clock->steps[who.warp],
              who.warpStep, who.isAgent() ? 0 : fences[who.thread]};
  History *history = histories.data() + (address - base());
  for (uint64_t i = 0; i != bytes; ++i, ++history) {
    const Event &write = history->write;
    if (!isOrdered(write, who))
      return {write.thread - 1, false};
    if (who.isAgent() && write.thread && write.thread <= kMaxThreads &&
        fences[write.thread - 1] == write.fences)
      return {write.thread - 1, true};
    if (!isWrite) {
      if (history->read.thread && warpOf(history->read) != who.warp)
        history->readElsewhere = history->read;
      history->read = event;
      continue;
    }
    for (const Event *read : {&history->read, &history->readElsewhere})
      if (!isOrdered(*read, who))
        return {read->thread - 1, false};
    *history = {event, Event(), Event()};
  }
  return {};
}

} // namespace mlir::qfmt::sim
