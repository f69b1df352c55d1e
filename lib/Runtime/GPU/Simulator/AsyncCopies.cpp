//===- AsyncCopies.cpp - cp.async -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As late as can be: data move when the thread waits for the group, not
// before. Until then the destination is "in flight", and every access to it is
// an error. Bytes that were never written at the source are unwritten at the
// destination, too.
//
//===----------------------------------------------------------------------===//

#include "AsyncCopies.h"

namespace mlir::qfmt::sim {

ThreadAsync &getAsync(Thread &thread) {
  if (!thread.async)
    thread.async = std::make_shared<ThreadAsync>();
  return *thread.async;
}

void checkThreadEnd(const Thread &thread) {
  if (!thread.async)
    return;
  const ThreadAsync &async = *thread.async;
  const BulkStore *store = nullptr;
  if (!async.uncommittedStores.empty())
    store = &async.uncommittedStores.front();
  for (const std::vector<BulkStore> &group : async.storeGroups)
    if (!group.empty())
      store = &group.front();
  if (store)
    failThread(thread, store->site,
               "the thread ends, and has not waited for its bulk copy from "
               "shared memory");
  if (async.lastMma != async.completedMma)
    failThread(thread, nullptr,
               "the thread ends, and has not waited for its wgmma");
}

static void complete(Thread &thread, const AsyncCopy &copy) {
  SharedMemory &shared = SharedMemory::get();
  auto *to = reinterpret_cast<uint8_t *>(copy.destination);
  State *states = shared.statesOf(copy.destination);
  std::memcpy(to, reinterpret_cast<const void *>(copy.source), copy.read);
  if (DeviceMemory::get().contains(copy.source))
    std::memcpy(states, DeviceMemory::get().statesOf(copy.source), copy.read);
  else
    std::fill_n(states, copy.read, kInitialised);
  std::memset(to + copy.read, 0, copy.bytes - copy.read);
  std::fill_n(states + copy.read, copy.bytes - copy.read, kInitialised);
  (void)shared.recordAccess(copy.destination, copy.bytes, true,
                            currentCta->getAccessor(thread));
}

void completeAll(Thread &thread, std::vector<AsyncCopy> &copies) {
  for (const AsyncCopy &copy : copies)
    complete(thread, copy);
  copies.clear();
}

/// fields[0]: bytes. Arguments: destination, source, and perhaps the number of
/// bytes to read; zeros follow.
static void beginCopy(const Site &site, const uint64_t *arguments,
                      uint64_t *results) {
  Thread &thread = *currentThread;
  uint64_t bytes = site.fields[0];
  uint64_t destination = arguments[0], source = arguments[1];
  uint64_t read = site.fields[1] ? uint32_t(arguments[2]) : bytes;
  read = std::min(read, bytes);
  if (destination % bytes || (read && source % bytes))
    failThread(thread, &site,
               "misaligned '" + site.name +
                   "': both addresses must be "
                   "multiples of " +
                   llvm::Twine(bytes));
  SharedMemory &shared = SharedMemory::get();
  checkSharedAccess(thread, site, destination, bytes, true);
  std::fill_n(shared.statesOf(destination), bytes, kInFlight);
  std::memset(reinterpret_cast<void *>(destination), kPoison, bytes);
  checkCopySource(site, source, read);
  getAsync(thread).uncommitted.push_back({destination, source, bytes, read});
}

static void commit(const Site &, const uint64_t *, uint64_t *) {
  ThreadAsync &async = getAsync(*currentThread);
  async.groups.push_back(std::move(async.uncommitted));
  async.uncommitted.clear();
}

/// Argument: how many of the latest groups may stay.
static void waitGroup(const Site &, const uint64_t *arguments, uint64_t *) {
  Thread &thread = *currentThread;
  ThreadAsync &async = getAsync(thread);
  while (async.groups.size() > arguments[0]) {
    completeAll(thread, async.groups.front());
    async.groups.pop_front();
  }
}

static void waitAll(const Site &, const uint64_t *, uint64_t *) {
  Thread &thread = *currentThread;
  ThreadAsync &async = getAsync(thread);
  for (std::vector<AsyncCopy> &group : async.groups)
    completeAll(thread, group);
  async.groups.clear();
  completeAll(thread, async.uncommitted);
}

bool findAsyncCopy(llvm::StringRef name, Site &site) {
  if (!name.consume_front("cp.async."))
    return false;
  // Threads that copy have others that read: all of them are fibers.
  site.isBlocking = true;
  static constexpr std::pair<llvm::StringLiteral, Handler> kHandlers[] = {
      {"commit.group", commit},
      {"wait.group", waitGroup},
      {"wait.all", waitAll}};
  for (auto [text, handler] : kHandlers)
    if (name == text) {
      site.handler = handler;
      return true;
    }
  // {ca,cg}.shared.global.{4,8,16}[.s]
  if (!name.consume_front("ca.shared.global.") &&
      !name.consume_front("cg.shared.global."))
    return false;
  site.handler = beginCopy;
  if (name.consumeInteger(10, site.fields[0]))
    return false;
  site.fields[1] = name == ".s";
  return name.empty() || name == ".s";
}

} // namespace mlir::qfmt::sim
