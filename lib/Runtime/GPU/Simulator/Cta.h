//===- Cta.h - The threads of a CTA and what they wait for ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CTAs run one after the other on one host thread. A kernel in which threads
// wait for each other gets a fiber a thread; in any other one each thread runs
// to its end, all of them on one fiber.
//
// A thread that finds an error gives up the whole CTA: failThread does not
// return, and nothing is unwound.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_CTA_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_CTA_H

#include "Fiber.h"
#include "SharedMemory.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace mlir::qfmt::sim {

struct Site;
struct Kernel;
struct ThreadAsync;

/// A thread. Generated code reads the first members.
struct Thread {
  uint32_t index[3] = {};
  uint32_t ctaIndex[3] = {};
  uint32_t ctaSize[3] = {};
  uint32_t gridSize[3] = {};
  uint32_t lane = 0, warp = 0;
  uint32_t dynamicSharedBytes = 0, staticSharedBytes = 0;

  /// Within its CTA.
  unsigned number = 0;
  FiberContext context;
  bool hasExited = false;
  /// Where it waits, or null; what for, in words.
  const Site *waitsAt = nullptr;
  const char *waitsFor = nullptr;
  /// Asynchronous copies that it has begun.
  std::shared_ptr<ThreadAsync> async;
};

/// Reports `message` with kernel, block, thread, and the place of `site`, and
/// gives up the CTA. Does not return.
[[noreturn]] void failThread(const Thread &thread, const Site *site,
                             const llvm::Twine &message);

/// The thread that runs.
extern Thread *currentThread;

struct Warp;
struct WarpCall;
/// Does what an operation does, for all lanes that arrived.
using WarpFunction = void (*)(Warp &warp, unsigned firstThread,
                              const WarpCall &call);

/// Threads of a warp that have come to an operation of several threads.
struct WarpCall {
  WarpFunction apply = nullptr;
  const Site *site = nullptr;
  uint32_t mask = 0, arrived = 0;
  const uint64_t *arguments[kWarpSize] = {};
  uint64_t *results[kWarpSize] = {};
};

struct Warp {
  unsigned numThreads = 0;
  uint32_t exited = 0;
  VectorClock clock;
  uint32_t step = 0;
  llvm::SmallVector<WarpCall, 2> calls;
};

/// A barrier of bar.sync.
struct NamedBarrier {
  const Site *site = nullptr;
  unsigned expected = 0, arrived = 0;
  std::vector<Thread *> waiting;
  VectorClock clock;
  uint32_t all = 1, any = 0, count = 0;
  /// Of the last complete phase.
  uint32_t resultAll = 0, resultAny = 0, resultCount = 0;
};

struct BulkState;
struct WarpgroupState;

struct LaunchShape {
  uint32_t grid[3], block[3];
  uint32_t dynamicSharedBytes;
};

class Cta {
public:
  static constexpr unsigned kNumBarriers = 16;

  /// Runs one CTA. False after an error.
  bool run(const Kernel &kernel, const LaunchShape &shape,
           const uint32_t (&index)[3], void **parameters, std::mt19937 *random);

  const Kernel &getKernel() const { return *kernel; }
  unsigned getNumThreads() const { return threads.size(); }
  Thread &getThread(unsigned number) { return threads[number]; }
  Warp &getWarp(unsigned number) { return warps[number]; }
  NamedBarrier &getBarrier(unsigned number) { return barriers[number]; }
  bool hasFibers() const { return usesFibers; }
  Accessor getAccessor(const Thread &thread) const {
    const Warp &warp = warps[thread.warp];
    return {thread.number, thread.warp, &warp.clock, warp.step};
  }
  /// Whether a local variable may lie at `address`.
  bool isOnStack(uint64_t address) const;

  /// Stops the current thread until somebody wakes it.
  void wait(const Site &site, const char *what);
  /// Lets others run first; an error where nothing happens any more.
  void yield(const Site &site, const char *what);
  void wake(Thread &thread);
  /// Something has happened that a thread may be polling for.
  void noteProgress() { idleYields = 0; }

  /// Barriers in shared memory, bulk copies, and products of warpgroups, that
  /// their operations own.
  std::shared_ptr<BulkState> bulk;
  std::shared_ptr<WarpgroupState> warpgroups;
  /// Null where the order is not random.
  std::mt19937 *getRandom() { return random; }

private:
  static void runFiber();
  static void runLoop();
  void start(Thread &thread);
  void finish(Thread &thread);
  void setThread(Thread &thread, unsigned number);
  bool schedule();
  void reportDeadlock();

  friend void failThread(const Thread &, const Site *, const llvm::Twine &);

  const Kernel *kernel = nullptr;
  LaunchShape shape = {};
  uint32_t ctaIndex[3] = {};
  void **parameters = nullptr;
  std::mt19937 *random = nullptr;
  bool usesFibers = false;
  std::string failure;
  const Site *failedSite = nullptr;
  unsigned numAlive = 0;
  uint64_t idleYields = 0;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::array<NamedBarrier, kNumBarriers> barriers;
  std::deque<Thread *> ready;
  std::vector<FiberStack> stacks;
  FiberContext scheduler;
};

/// The CTA that runs.
extern Cta *currentCta;

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_CTA_H
