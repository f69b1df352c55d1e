//===- WarpCalls.cpp - Threads of a warp meet -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Operations.h"

namespace mlir::qfmt::sim {

/// Runs call number `index` if all are there, and wakes all but the current
/// thread. Threads that have ended are not waited for.
static bool completeCall(Warp &warp, unsigned firstThread, unsigned index) {
  WarpCall call = warp.calls[index];
  if (call.mask & ~warp.exited & ~call.arrived)
    return false;
  warp.calls.erase(warp.calls.begin() + index);
  call.apply(warp, firstThread, call);
  for (unsigned lane = 0; lane != kWarpSize; ++lane) {
    if (!(call.arrived >> lane & 1))
      continue;
    Thread &thread = currentCta->getThread(firstThread + lane);
    if (&thread != currentThread)
      currentCta->wake(thread);
  }
  return true;
}

void completeWarpCalls(Warp &warp, unsigned firstThread) {
  for (unsigned i = 0; i < warp.calls.size();)
    if (!completeCall(warp, firstThread, i))
      ++i;
}

void callWarp(const Site &site, uint32_t mask, const uint64_t *arguments,
              uint64_t *results, WarpFunction apply) {
  Thread &thread = *currentThread;
  Warp &warp = currentCta->getWarp(thread.warp);
  if (!(mask >> thread.lane & 1))
    failThread(thread, &site,
               "'" + site.name + "' by lane " + llvm::Twine(thread.lane) +
                   ", which its mask 0x" + llvm::Twine::utohexstr(mask) +
                   " leaves out");
  unsigned index = 0;
  while (index != warp.calls.size() && warp.calls[index].mask != mask)
    ++index;
  if (index == warp.calls.size()) {
    warp.calls.emplace_back();
    warp.calls.back().site = &site;
    warp.calls.back().mask = mask;
    warp.calls.back().apply = apply;
  }
  WarpCall &call = warp.calls[index];
  if (call.site->name != site.name)
    failThread(thread, &site,
               "threads of a warp are at different operations, '" + site.name +
                   "' and '" + call.site->name + "'");
  call.arrived |= uint32_t(1) << thread.lane;
  call.arguments[thread.lane] = arguments;
  call.results[thread.lane] = results;
  if (!completeCall(warp, thread.number - thread.lane, index))
    currentCta->wait(site, "the other threads of its warp");
}

void callWholeWarp(const Site &site, const uint64_t *arguments,
                   uint64_t *results, WarpFunction apply) {
  Thread &thread = *currentThread;
  Warp &warp = currentCta->getWarp(thread.warp);
  if (warp.exited)
    failThread(thread, &site,
               "'" + site.name + "' needs all 32 threads of the warp, and 0x" +
                   llvm::Twine::utohexstr(warp.exited) +
                   " of them have ended or do not exist");
  for (const WarpCall &call : warp.calls)
    if (call.site != &site)
      failThread(thread, &site,
                 "'" + site.name +
                     "' needs all threads of the warp at the "
                     "same instruction, and others are at '" +
                     call.site->name + "'");
  callWarp(site, ~uint32_t(0), arguments, results, apply);
}

} // namespace mlir::qfmt::sim
