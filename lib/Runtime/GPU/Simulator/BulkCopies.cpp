//===- BulkCopies.cpp - cp.async.bulk -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies to shared memory complete at a barrier there, after the kernel has
// begun to wait for it; copies from shared memory when the thread waits for
// their group. In between, what they write is in flight, and what they read
// must not be written.
//
//===----------------------------------------------------------------------===//

#include "MemoryBarriers.h"
#include "TensorMap.h"

namespace mlir::qfmt::sim {

/// Alignment of what the copy engine reads and writes in shared memory.
static constexpr uint64_t kTileAlignment = 128, kBulkAlignment = 16;

namespace {
/// Of Site::fields.
enum Field { kRank, kMapArgument, kCoordinates };
} // namespace

/// The copy engine, on behalf of a thread: it knows what the thread knows.
static VectorClock getAgentClock(unsigned agent, uint32_t step) {
  VectorClock clock = currentCta->getWarp(currentThread->warp).clock;
  clock.steps[warpOf(agent)] = step;
  return clock;
}

static void checkAsAgent(const Site &site, unsigned agent, uint32_t step,
                         uint64_t address, uint64_t bytes, bool isWrite) {
  VectorClock clock = getAgentClock(agent, step);
  checkSharedAccess(*currentThread, site, address, bytes, isWrite,
                    {threadOf(agent), warpOf(agent), &clock, step});
}

static void checkAlignment(const Site &site, uint64_t shared, uint64_t bytes,
                           uint64_t global) {
  uint64_t alignment = site.fields[kRank] ? kTileAlignment : kBulkAlignment;
  if (shared % alignment || bytes % 16 || global % 16)
    failThread(*currentThread, &site,
               "misaligned '" + site.name +
                   "': the address in shared memory must be a multiple of " +
                   llvm::Twine(alignment) +
                   ", the number of bytes and the other address of 16");
}

static void copyState(uint64_t to, uint64_t from, uint64_t bytes) {
  DeviceMemory &memory = DeviceMemory::get();
  State *states = SharedMemory::get().statesOf(to);
  if (memory.contains(from))
    std::memcpy(states, memory.statesOf(from), bytes);
  else
    std::fill_n(states, bytes, kInitialised);
}

//===----------------------------------------------------------------------===//
// To shared memory
//===----------------------------------------------------------------------===//

static void complete(const PendingLoad &load) {
  MemoryBarrier &barrier = getMemoryBarrier(*load.site, load.barrier);
  uint32_t &step = barrier.arriving.steps[warpOf(kLoadEngine)];
  step = std::max(step, load.step);
  barrier.transactions -= load.bytes;
  advance(barrier);
}

static void moveTile(const PendingLoad &load) {
  const TensorMap &map =
      getTensorMap(*load.site, load.source, load.site->fields[kRank]);
  forEachPiece(map, load.destination, load.coordinates,
               [](uint64_t to, uint64_t from, uint64_t bytes) {
                 void *target = reinterpret_cast<void *>(to);
                 if (!from) {
                   std::memset(target, 0, bytes);
                   std::fill_n(SharedMemory::get().statesOf(to), bytes,
                               kInitialised);
                   return;
                 }
                 std::memcpy(target, reinterpret_cast<void *>(from), bytes);
                 copyState(to, from, bytes);
               });
  complete(load);
}

static void moveBulk(const PendingLoad &load) {
  std::memcpy(reinterpret_cast<void *>(load.destination),
              reinterpret_cast<void *>(load.source), load.bytes);
  copyState(load.destination, load.source, load.bytes);
  complete(load);
}

static void beginLoad(const Site &site, PendingLoad load) {
  BulkState &state = getBulkState();
  (void)getMemoryBarrier(site, load.barrier);
  load.site = &site;
  load.thread = currentThread;
  load.step = ++state.loadStep;
  checkAsAgent(site, kLoadEngine, load.step, load.destination, load.bytes,
               true);
  std::fill_n(SharedMemory::get().statesOf(load.destination), load.bytes,
              kInFlight);
  std::memset(reinterpret_cast<void *>(load.destination), kPoison, load.bytes);
  state.loads.push_back(std::move(load));
}

/// Arguments: destination, barrier, map, coordinates; some variants have the
/// map before the barrier.
static void loadTile(const Site &site, const uint64_t *arguments, uint64_t *) {
  unsigned rank = site.fields[kRank];
  PendingLoad load = {};
  load.destination = arguments[0];
  load.source = arguments[site.fields[kMapArgument]];
  load.barrier = arguments[site.fields[kMapArgument] == 2 ? 1 : 2 + rank];
  load.move = moveTile;
  for (unsigned i = 0; i != rank; ++i)
    load.coordinates[i] = arguments[site.fields[kCoordinates] + i];
  const TensorMap &map = getTensorMap(site, load.source, rank);
  load.bytes = map.boxBytes();
  checkAlignment(site, load.destination, load.bytes, 0);
  forEachPiece(map, load.destination, load.coordinates,
               [&](uint64_t, uint64_t from, uint64_t bytes) {
                 if (from)
                   checkCopySource(site, from, bytes);
               });
  beginLoad(site, std::move(load));
}

/// Arguments: destination, barrier, source, bytes.
static void loadBulk(const Site &site, const uint64_t *arguments, uint64_t *) {
  PendingLoad load = {};
  load.destination = arguments[0];
  load.barrier = arguments[1];
  load.source = arguments[2];
  load.bytes = uint32_t(arguments[3]);
  load.move = moveBulk;
  checkAlignment(site, load.destination, load.bytes, load.source);
  checkCopySource(site, load.source, load.bytes);
  beginLoad(site, std::move(load));
}

//===----------------------------------------------------------------------===//
// From shared memory
//===----------------------------------------------------------------------===//

static void beginStore(const Site &site, BulkStore store) {
  store.site = &site;
  store.step = ++getBulkState().storeStep;
  checkAsAgent(site, kStoreEngine, store.step, store.source, store.bytes,
               false);
  getAsync(*currentThread).uncommittedStores.push_back(store);
}

/// Arguments: source, map, coordinates; some variants have the source last.
static void storeTile(const Site &site, const uint64_t *arguments, uint64_t *) {
  unsigned rank = site.fields[kRank];
  BulkStore store = {};
  store.source = arguments[site.fields[kMapArgument] == 1 ? 0 : 1 + rank];
  store.destination = arguments[site.fields[kMapArgument]];
  for (unsigned i = 0; i != rank; ++i)
    store.coordinates[i] = arguments[site.fields[kCoordinates] + i];
  store.bytes = getTensorMap(site, store.destination, rank).boxBytes();
  checkAlignment(site, store.source, store.bytes, 0);
  beginStore(site, store);
}

/// Arguments: destination, source, bytes.
static void storeBulk(const Site &site, const uint64_t *arguments, uint64_t *) {
  BulkStore store = {};
  store.destination = arguments[0];
  store.source = arguments[1];
  store.bytes = uint32_t(arguments[2]);
  checkAlignment(site, store.source, store.bytes, store.destination);
  beginStore(site, store);
}

static void moveStore(const BulkStore &store) {
  const Site &site = *store.site;
  auto move = [&](uint64_t from, uint64_t to, uint64_t bytes) {
    if (!to)
      return;
    checkAccess(site, to, bytes, 1, true);
    std::memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from),
                bytes);
  };
  if (site.fields[kRank])
    forEachPiece(getTensorMap(site, store.destination, site.fields[kRank]),
                 store.source, store.coordinates, move);
  else
    move(store.source, store.destination, store.bytes);
}

static void commitStores(const Site &, const uint64_t *, uint64_t *) {
  ThreadAsync &async = getAsync(*currentThread);
  async.storeGroups.push_back(std::move(async.uncommittedStores));
  async.uncommittedStores.clear();
}

/// Argument: how many of the latest groups may stay. Whether only reads are
/// waited for makes no difference: the copy is done as a whole.
static void waitStores(const Site &, const uint64_t *arguments, uint64_t *) {
  Thread &thread = *currentThread;
  ThreadAsync &async = getAsync(thread);
  while (async.storeGroups.size() > uint32_t(arguments[0])) {
    uint32_t &known =
        currentCta->getWarp(thread.warp).clock.steps[warpOf(kStoreEngine)];
    for (const BulkStore &store : async.storeGroups.front()) {
      moveStore(store);
      known = std::max(known, store.step);
    }
    async.storeGroups.pop_front();
  }
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static bool findTileCopy(llvm::StringRef name, Site &site) {
  // {g2s[.cta],s2g}.tile.Nd
  bool isLoad = name.consume_front("g2s");
  if (isLoad)
    name.consume_front(".cta");
  else if (!name.consume_front("s2g"))
    return false;
  site.handler = isLoad ? loadTile : storeTile;
  site.fields[kMapArgument] = isLoad ? 2 : 1;
  site.fields[kCoordinates] = isLoad ? 3 : 2;
  return name.consume_front(".tile.") &&
         !name.consumeInteger(10, site.fields[kRank]) && name == "d";
}

bool findBulkCopy(llvm::StringRef name, Site &site) {
  if (!name.consume_front("cp.async.bulk."))
    return false;
  site.isBlocking = true;
  if (name.consume_front("tensor."))
    return findTileCopy(name, site);
  static constexpr std::pair<llvm::StringLiteral, Handler> kHandlers[] = {
      {"commit.group", commitStores},
      {"wait.group", waitStores},
      {"wait.group.read", waitStores},
      {"global.to.shared.cta", loadBulk},
      {"global.to.shared.cluster", loadBulk},
      {"shared.cta.to.global", storeBulk}};
  for (auto [text, handler] : kHandlers)
    if (name == text) {
      site.handler = handler;
      return true;
    }
  return false;
}

} // namespace mlir::qfmt::sim
