//===- SharedMemory.h - Shared memory of the running CTA --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One window serves all CTAs, which run one after the other. It begins at a
// multiple of its size below 4 GiB: the 32-bit addresses and the 18-bit ones of
// matrix descriptors that kernels compute name the same bytes as pointers do.
//
// Each byte has a state, as global memory has, and a record of its last write
// and its last read, for data races. A race is a pair of accesses by two
// threads, one of them a write, that nothing orders: no barrier between them,
// whatever the order in which they happened to run. Orders are vector clocks of
// warps (Flanagan and Freund, "FastTrack", 2009); between threads of a warp,
// the number of the warp's barriers. Of several reads after a write, the last
// one is remembered, and the last one of another warp.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_SHAREDMEMORY_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_SHAREDMEMORY_H

#include "DeviceMemory.h"
#include <vector>

namespace mlir::qfmt::sim {

constexpr unsigned kWarpSize = 32;
constexpr unsigned kMaxThreads = 1024;
constexpr unsigned kMaxWarps = kMaxThreads / kWarpSize;
/// What accesses shared memory on its own, beside the threads: each orders as
/// if a warp of its own.
enum Agent : unsigned {
  kLoadEngine,
  kStoreEngine,
  /// The tensor cores of each warpgroup.
  kFirstWarpgroup,
  kNumAgents = kFirstWarpgroup + kMaxWarps / 4
};
constexpr unsigned threadOf(unsigned agent) { return kMaxThreads + agent; }
constexpr unsigned warpOf(unsigned agent) { return kMaxWarps + agent; }

/// What has happened before, as a number of steps for each warp.
struct VectorClock {
  uint32_t steps[kMaxWarps + kNumAgents] = {};

  void join(const VectorClock &other) {
    for (unsigned i = 0; i != kMaxWarps + kNumAgents; ++i)
      steps[i] = steps[i] < other.steps[i] ? other.steps[i] : steps[i];
  }
};

/// Who accesses, and when.
struct Accessor {
  unsigned thread, warp;
  const VectorClock *clock;
  /// Barriers of the warp so far.
  uint32_t warpStep;

  bool isAgent() const { return warp >= kMaxWarps; }
};

/// The earlier access that nothing orders, if `thread` is not negative.
struct Race {
  int thread = -1;
  /// There is an order, but no fence.proxy.async: the agent may see old data.
  bool lacksFence = false;
};

class SharedMemory {
public:
  /// What 227 KiB, the most of any chip, fits in, with gaps.
  static constexpr uint64_t kWindow = 256 << 10;

  static SharedMemory &get();

  uint64_t base() const { return reinterpret_cast<uint64_t>(memory); }
  bool contains(uint64_t address) const { return address - base() < kWindow; }
  State *statesOf(uint64_t address) {
    return reinterpret_cast<State *>(states.data() + (address - base()));
  }

  /// Forgets everything; `bytes` will be in use at most.
  void reset(uint64_t bytes);
  /// Poisons `bytes` from `offset` for a variable.
  void allocate(uint64_t offset, uint64_t bytes);

  /// Null, or what is wrong with the access.
  const char *check(uint64_t address, uint64_t bytes, bool isWrite);
  /// Remembers an access, unless it races.
  Race recordAccess(uint64_t address, uint64_t bytes, bool isWrite,
                    const Accessor &who);

  /// fence.proxy.async by a thread: agents see what it has written.
  void fence(unsigned thread) { ++fences[thread]; }

private:
  SharedMemory();

  struct Event {
    /// 1 + the thread, or 0 for none.
    uint16_t thread = 0;
    uint32_t step = 0, warpStep = 0;
    /// Of the thread, so far.
    uint32_t fences = 0;
  };
  struct History {
    Event write, read, readElsewhere;
  };
  static unsigned warpOf(const Event &event);
  static bool isOrdered(const Event &before, const Accessor &now);

  uint8_t *memory = nullptr;
  uint64_t used = 0;
  std::vector<uint8_t> states;
  std::vector<History> histories;
  uint32_t fences[kMaxThreads] = {};
};

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_SHAREDMEMORY_H
