//===- MemoryBarriers.cpp - mbarrier objects ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies that complete at a barrier move their data when somebody waits in
// vain, one at a time, in the order in which they began or in a random one.
//
//===----------------------------------------------------------------------===//

#include "MemoryBarriers.h"

namespace mlir::qfmt::sim {

BulkState &getBulkState() {
  std::shared_ptr<BulkState> &state = currentCta->bulk;
  if (!state)
    state = std::make_shared<BulkState>();
  return *state;
}

static void checkAddress(const Site &site, uint64_t address) {
  SharedMemory &shared = SharedMemory::get();
  if (!shared.contains(address) || address % 8 ||
      *shared.statesOf(address) == kUnallocated ||
      *shared.statesOf(address + 7) == kUnallocated)
    failThread(*currentThread, &site,
               "'" + site.name +
                   "' at an address that is not of 8 bytes of shared memory");
}

MemoryBarrier &getMemoryBarrier(const Site &site, uint64_t address) {
  checkAddress(site, address);
  std::map<uint64_t, MemoryBarrier> &barriers = getBulkState().barriers;
  auto it = barriers.find(address);
  if (it == barriers.end())
    failThread(*currentThread, &site,
               "'" + site.name +
                   "' of a barrier that has not been "
                   "initialised");
  const MemoryBarrier &barrier = it->second;
  const Thread &thread = *currentThread;
  const Warp &warp = currentCta->getWarp(thread.warp);
  unsigned initialWarp = barrier.initialThread / kWarpSize;
  bool isOrdered = barrier.initialThread == thread.number ||
                   (initialWarp == thread.warp
                        ? barrier.initialWarpStep < warp.step
                        : barrier.initialStep <= warp.clock.steps[initialWarp]);
  if (!isOrdered)
    failThread(thread, &site,
               "data race: '" + site.name +
                   "' of a barrier, and no other barrier after its "
                   "initialisation by thread " +
                   llvm::Twine(barrier.initialThread));
  return it->second;
}

void advance(MemoryBarrier &barrier) {
  currentCta->noteProgress();
  if (barrier.pending || barrier.transactions)
    return;
  ++barrier.phase;
  barrier.pending = barrier.expected;
  barrier.completed.join(barrier.arriving);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

static void initialise(const Site &site, const uint64_t *arguments,
                       uint64_t *) {
  checkAddress(site, arguments[0]);
  MemoryBarrier barrier;
  barrier.expected = barrier.pending = uint32_t(arguments[1]);
  if (barrier.expected < 1 || barrier.expected >= 1 << 20)
    failThread(*currentThread, &site,
               "a barrier for " + llvm::Twine(barrier.expected) +
                   " arrivals, not 1 to 1048575");
  const Thread &thread = *currentThread;
  const Warp &warp = currentCta->getWarp(thread.warp);
  barrier.initialThread = thread.number;
  barrier.initialStep = warp.clock.steps[thread.warp];
  barrier.initialWarpStep = warp.step;
  getBulkState().barriers[arguments[0]] = barrier;
}

static void invalidate(const Site &site, const uint64_t *arguments,
                       uint64_t *) {
  (void)getMemoryBarrier(site, arguments[0]);
  getBulkState().barriers.erase(arguments[0]);
}

/// The thread releases what it has done, `count` times.
static uint64_t arrive(const Site &site, MemoryBarrier &barrier,
                       int64_t count) {
  const Thread &thread = *currentThread;
  uint64_t phase = barrier.phase;
  if (count > barrier.pending)
    failThread(thread, &site,
               "'" + site.name + "': more arrivals at a barrier than the " +
                   llvm::Twine(barrier.expected) + " that it is for");
  Warp &warp = currentCta->getWarp(thread.warp);
  barrier.arriving.join(warp.clock);
  ++warp.clock.steps[thread.warp];
  barrier.pending -= count;
  advance(barrier);
  return phase;
}

/// fields[0]: whether there is a count.
static void runArrive(const Site &site, const uint64_t *arguments,
                      uint64_t *results) {
  MemoryBarrier &barrier = getMemoryBarrier(site, arguments[0]);
  results[0] =
      arrive(site, barrier, site.fields[0] ? uint32_t(arguments[1]) : 1);
}

static void runArriveExpect(const Site &site, const uint64_t *arguments,
                            uint64_t *results) {
  MemoryBarrier &barrier = getMemoryBarrier(site, arguments[0]);
  barrier.transactions += uint32_t(arguments[1]);
  results[0] = arrive(site, barrier, 1);
}

static void runExpect(const Site &site, const uint64_t *arguments, uint64_t *) {
  getMemoryBarrier(site, arguments[0]).transactions += uint32_t(arguments[1]);
}

static void runComplete(const Site &site, const uint64_t *arguments,
                        uint64_t *) {
  MemoryBarrier &barrier = getMemoryBarrier(site, arguments[0]);
  barrier.transactions -= uint32_t(arguments[1]);
  advance(barrier);
}

/// Completes one copy, if there is any.
static void completeLoad() {
  std::vector<PendingLoad> &loads = getBulkState().loads;
  if (loads.empty())
    return;
  std::mt19937 *random = currentCta->getRandom();
  unsigned index = random ? (*random)() % loads.size() : 0;
  PendingLoad load = std::move(loads[index]);
  loads.erase(loads.begin() + index);
  load.move(load);
}

/// fields[0]: whether the phase is given as its parity.
static void runWait(const Site &site, const uint64_t *arguments,
                    uint64_t *results) {
  auto isComplete = [&] {
    const MemoryBarrier &barrier = getMemoryBarrier(site, arguments[0]);
    return site.fields[0] ? (barrier.phase & 1) != (arguments[1] & 1)
                          : barrier.phase != arguments[1];
  };
  if (!isComplete()) {
    completeLoad();
    currentCta->yield(site, "a barrier in shared memory");
  }
  results[0] = isComplete();
  if (!results[0])
    return;
  Warp &warp = currentCta->getWarp(currentThread->warp);
  warp.clock.join(getMemoryBarrier(site, arguments[0]).completed);
}

//===----------------------------------------------------------------------===//
// cp.async.mbarrier.arrive
//===----------------------------------------------------------------------===//

static void moveCopies(const PendingLoad &load) {
  MemoryBarrier &barrier = getMemoryBarrier(*load.site, load.barrier);
  std::vector<AsyncCopy> copies = load.copies;
  completeAll(*load.thread, copies);
  barrier.arriving.join(currentCta->getWarp(load.thread->warp).clock);
  --barrier.pending;
  advance(barrier);
}

/// An arrival when all earlier copies of the thread are complete. fields[0]:
/// whether it is one of those that the barrier is for.
static void arriveAfterCopies(const Site &site, const uint64_t *arguments,
                              uint64_t *) {
  Thread &thread = *currentThread;
  MemoryBarrier &barrier = getMemoryBarrier(site, arguments[0]);
  if (!site.fields[0])
    ++barrier.pending;
  ThreadAsync &async = getAsync(thread);
  BulkState &state = getBulkState();
  state.loads.push_back({});
  PendingLoad &load = state.loads.back();
  load.site = &site;
  load.thread = &thread;
  load.barrier = arguments[0];
  load.move = moveCopies;
  for (std::vector<AsyncCopy> &group : async.groups)
    load.copies.insert(load.copies.end(), group.begin(), group.end());
  load.copies.insert(load.copies.end(), async.uncommitted.begin(),
                     async.uncommitted.end());
  async.groups.clear();
  async.uncommitted.clear();
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// What does not matter with one CTA a cluster and memory in one order.
static llvm::StringRef dropScopes(llvm::StringRef name) {
  for (llvm::StringRef suffix :
       {".p0", ".p3", ".shared", ".space.cta", ".space.cluster", ".scope.cta",
        ".scope.cluster", ".relaxed", ".tl"})
    name.consume_back(suffix);
  return name;
}

bool findMemoryBarrier(llvm::StringRef name, Site &site) {
  if (name.starts_with("cp.async.mbarrier.arrive")) {
    site.fields[0] = name.contains(".noinc");
    site.handler = arriveAfterCopies;
    site.isBlocking = true;
    return true;
  }
  if (!name.consume_front("mbarrier."))
    return false;
  // The older intrinsics have no count.
  site.fields[0] = name.contains(".scope.");
  static constexpr std::pair<llvm::StringLiteral, Handler> kHandlers[] = {
      {"init", initialise},     {"inval", invalidate},
      {"arrive", runArrive},    {"arrive.expect.tx", runArriveExpect},
      {"expect.tx", runExpect}, {"complete.tx", runComplete},
      {"test.wait", runWait},   {"test.wait.parity", runWait},
      {"try.wait", runWait},    {"try.wait.parity", runWait}};
  for (auto [text, handler] : kHandlers)
    if (dropScopes(name) == text) {
      site.handler = handler;
      site.isBlocking = true;
      if (handler == runWait)
        site.fields[0] = text.ends_with("parity");
      return true;
    }
  return false;
}

} // namespace mlir::qfmt::sim
