//===- Barriers.cpp - bar.sync and bar.warp.sync --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A barrier orders memory of those who take part. Whoever arrives without
// waiting only releases what it has done; a step of its clock begins with each.
//
//===----------------------------------------------------------------------===//

#include "Operations.h"

namespace mlir::qfmt::sim {

namespace {
enum class Kind : int64_t { Sync, Arrive, And, Or, Count };
/// Of Site::fields.
enum Field { kKind, kHasCount, kIsAligned };
} // namespace

/// Lets all who wait go on, with all that anybody has done before them.
static void release(NamedBarrier &barrier) {
  Cta &cta = *currentCta;
  barrier.resultAll = barrier.all;
  barrier.resultAny = barrier.any;
  barrier.resultCount = barrier.count;
  std::vector<Thread *> waiting = std::move(barrier.waiting);
  uint32_t joined = 0;
  for (Thread *thread : waiting) {
    Warp &warp = cta.getWarp(thread->warp);
    if (!(joined >> thread->warp & 1)) {
      joined |= uint32_t(1) << thread->warp;
      warp.clock.join(barrier.clock);
      ++warp.clock.steps[thread->warp];
      ++warp.step;
    }
    if (thread != currentThread)
      cta.wake(*thread);
  }
  NamedBarrier next;
  next.resultAll = barrier.resultAll;
  next.resultAny = barrier.resultAny;
  next.resultCount = barrier.resultCount;
  barrier = std::move(next);
}

static void checkArrival(const Site &site, const NamedBarrier &barrier,
                         uint64_t id, unsigned expected) {
  const Thread &thread = *currentThread;
  if (expected == 0 || expected % kWarpSize)
    if (site.fields[kHasCount])
      failThread(thread, &site,
                 "a barrier of " + llvm::Twine(expected) +
                     " threads: not a multiple of 32");
  if (barrier.arrived == 0)
    return;
  if (barrier.expected != expected)
    failThread(thread, &site,
               "barrier " + llvm::Twine(id) + " of " + llvm::Twine(expected) +
                   " threads, where others wait for " +
                   llvm::Twine(barrier.expected));
  if (site.fields[kIsAligned] && !site.fields[kHasCount] &&
      barrier.site != &site)
    failThread(thread, &site,
               "barrier " + llvm::Twine(id) +
                   " is reached at different instructions");
}

static void runBarrier(const Site &site, const uint64_t *arguments,
                       uint64_t *results) {
  Cta &cta = *currentCta;
  Thread &thread = *currentThread;
  uint64_t id = arguments[0];
  if (id >= Cta::kNumBarriers)
    failThread(thread, &site,
               "barrier " + llvm::Twine(id) +
                   " does not exist, the last is 15");
  unsigned operand = site.fields[kHasCount] ? 2 : 1;
  unsigned expected =
      site.fields[kHasCount] ? unsigned(arguments[1]) : cta.getNumThreads();
  NamedBarrier &barrier = cta.getBarrier(id);
  checkArrival(site, barrier, id, expected);
  Kind kind = Kind(site.fields[kKind]);
  bool predicate = kind >= Kind::And && (arguments[operand] & 1);
  barrier.site = &site;
  barrier.expected = expected;
  barrier.all &= predicate;
  barrier.any |= predicate;
  barrier.count += predicate;
  barrier.clock.join(cta.getWarp(thread.warp).clock);
  ++barrier.arrived;
  cta.noteProgress();
  bool isLast = barrier.arrived == expected;
  if (kind == Kind::Arrive)
    ++cta.getWarp(thread.warp).clock.steps[thread.warp];
  else
    barrier.waiting.push_back(&thread);
  if (isLast)
    release(barrier);
  else if (kind != Kind::Arrive)
    cta.wait(site, "a barrier");
  if (kind == Kind::And)
    results[0] = barrier.resultAll;
  else if (kind == Kind::Or)
    results[0] = barrier.resultAny;
  else if (kind == Kind::Count)
    results[0] = barrier.resultCount;
}

static void runWarpBarrier(const Site &site, const uint64_t *arguments,
                           uint64_t *results) {
  callWarp(site, arguments[0], arguments, results,
           [](Warp &warp, unsigned, const WarpCall &) { ++warp.step; });
}

bool findBarrier(llvm::StringRef name, Site &site) {
  if (name == "bar.warp.sync") {
    site.handler = runWarpBarrier;
    site.isBlocking = true;
    return true;
  }
  // barrier.cta.{sync,arrive,red.and,...}[.aligned].{all,count}
  if (!name.consume_front("barrier.cta."))
    return false;
  site.fields[kHasCount] = name.consume_back(".count");
  if (!site.fields[kHasCount] && !name.consume_back(".all"))
    return false;
  site.fields[kIsAligned] = name.consume_back(".aligned");
  static constexpr std::pair<llvm::StringLiteral, Kind> kKinds[] = {
      {"sync", Kind::Sync},
      {"arrive", Kind::Arrive},
      {"red.and", Kind::And},
      {"red.or", Kind::Or},
      {"red.popc", Kind::Count}};
  for (auto [text, kind] : kKinds)
    if (name == text) {
      site.fields[kKind] = int64_t(kind);
      site.handler = runBarrier;
      site.isBlocking = true;
      return true;
    }
  return false;
}

} // namespace mlir::qfmt::sim
