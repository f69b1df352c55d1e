//===- Cta.cpp - The threads of a CTA and what they wait for --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Cta.h"
#include "AsyncCopies.h"
#include "Error.h"
#include "Kernel.h"
#include "Operations.h"
#include <algorithm>

namespace mlir::qfmt::sim {

Thread *currentThread = nullptr;
Cta *currentCta = nullptr;

/// How often all threads of a CTA may poll in vain, a thread.
static constexpr uint64_t kMaxIdleYields = 10000;

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static std::string describeThread(const Thread &thread) {
  auto triple = [](const uint32_t (&index)[3]) {
    return "(" + std::to_string(index[0]) + ", " + std::to_string(index[1]) +
           ", " + std::to_string(index[2]) + ")";
  };
  return "block " + triple(thread.ctaIndex) + ", thread " +
         triple(thread.index);
}

/// The stack of a fiber is too small to read bitcode: the scheduler reports.
void failThread(const Thread &thread, const Site *site,
                const llvm::Twine &message) {
  Cta &cta = *currentCta;
  cta.failure = "kernel '" + cta.kernel->name + "', " + describeThread(thread) +
                ": " + message.str();
  cta.failedSite = site;
  leaveFiber(cta.scheduler);
}

void Cta::reportDeadlock() {
  unsigned numWaiting = 0;
  const Thread *first = nullptr;
  for (const Thread &thread : threads)
    if (!thread.hasExited && thread.waitsAt) {
      ++numWaiting;
      first = first ? first : &thread;
    }
  if (!first)
    return reportError("kernel '" + llvm::Twine(kernel->name) +
                       "': no thread can go on");
  reportError("kernel '" + llvm::Twine(kernel->name) + "', " +
              describeThread(*first) + ": waits forever for " +
              first->waitsFor + ", as " + llvm::Twine(numWaiting - 1) +
              " other threads wait and " +
              llvm::Twine(threads.size() - numAlive) + " have ended" +
              first->waitsAt->describe());
}

//===----------------------------------------------------------------------===//
// Fibers
//===----------------------------------------------------------------------===//

void Cta::runFiber() {
  Cta &cta = *currentCta;
  enterFiber(cta.scheduler);
  Thread &thread = *currentThread;
  cta.kernel->entry(cta.parameters);
  cta.finish(thread);
  leaveFiber(cta.scheduler);
}

/// All threads of a kernel in which none waits, one after the other.
void Cta::runLoop() {
  Cta &cta = *currentCta;
  enterFiber(cta.scheduler);
  Thread &thread = *currentThread;
  unsigned number =
      cta.shape.block[0] * cta.shape.block[1] * cta.shape.block[2];
  // Some order, drawn as a start and a step that divides nothing.
  unsigned start = 0, step = 1;
  if (cta.random) {
    start = (*cta.random)() % number;
    step = (*cta.random)() % 2 ? 1 : number - 1;
  }
  for (unsigned i = 0; i != number; ++i) {
    cta.setThread(thread, (start + uint64_t(i) * step) % number);
    cta.kernel->entry(cta.parameters);
  }
  cta.numAlive = 0;
  leaveFiber(cta.scheduler);
}

void Cta::setThread(Thread &thread, unsigned number) {
  thread.number = number;
  thread.lane = number % kWarpSize;
  thread.warp = number / kWarpSize;
  thread.index[0] = number % shape.block[0];
  thread.index[1] = number / shape.block[0] % shape.block[1];
  thread.index[2] = number / shape.block[0] / shape.block[1];
}

void Cta::finish(Thread &thread) {
  checkThreadEnd(thread);
  thread.hasExited = true;
  --numAlive;
  noteProgress();
  Warp &warp = warps[thread.warp];
  warp.exited |= uint32_t(1) << thread.lane;
  completeWarpCalls(warp, thread.number - thread.lane);
}

bool Cta::isOnStack(uint64_t address) const {
  return llvm::any_of(
      stacks, [=](const FiberStack &stack) { return stack.contains(address); });
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

void Cta::wait(const Site &site, const char *what) {
  Thread &thread = *currentThread;
  thread.waitsAt = &site;
  thread.waitsFor = what;
  switchFiber(thread.context, scheduler);
}

void Cta::yield(const Site &site, const char *what) {
  Thread &thread = *currentThread;
  thread.waitsFor = what;
  if (++idleYields > kMaxIdleYields * numAlive)
    failThread(thread, &site,
               llvm::Twine("waits forever for ") + what +
                   ": no other thread makes progress");
  ready.push_back(&thread);
  switchFiber(thread.context, scheduler);
}

void Cta::wake(Thread &thread) {
  thread.waitsAt = nullptr;
  noteProgress();
  ready.push_back(&thread);
}

bool Cta::schedule() {
  while (numAlive) {
    if (ready.empty()) {
      reportDeadlock();
      return false;
    }
    if (random)
      std::swap(ready.front(), ready[(*random)() % ready.size()]);
    currentThread = ready.front();
    ready.pop_front();
    switchFiber(scheduler, currentThread->context);
    if (!failure.empty()) {
      reportError(failure + (failedSite ? failedSite->describe() : ""));
      return false;
    }
  }
  return true;
}

bool Cta::run(const Kernel &launched, const LaunchShape &launchShape,
              const uint32_t (&index)[3], void **launchParameters,
              std::mt19937 *order) {
  kernel = &launched;
  shape = launchShape;
  parameters = launchParameters;
  random = order;
  std::copy_n(index, 3, ctaIndex);
  usesFibers = kernel->needsFibers;
  failure.clear();
  idleYields = 0;
  currentCta = this;
  ready.clear();
  bulk.reset();
  warpgroups.reset();

  unsigned number = shape.block[0] * shape.block[1] * shape.block[2];
  unsigned numFibers = usesFibers ? number : 1;
  while (stacks.size() < numFibers) {
    stacks.emplace_back();
    if (!stacks.back()) {
      reportError("no memory for the stack of a simulated thread");
      return false;
    }
  }

  Thread common;
  std::copy_n(index, 3, common.ctaIndex);
  std::copy_n(shape.block, 3, common.ctaSize);
  std::copy_n(shape.grid, 3, common.gridSize);
  common.dynamicSharedBytes = shape.dynamicSharedBytes;
  common.staticSharedBytes = kernel->staticSharedBytes;
  threads.assign(numFibers, common);
  warps.assign((number + kWarpSize - 1) / kWarpSize, Warp());
  for (auto [i, warp] : llvm::enumerate(warps)) {
    warp.numThreads = std::min<unsigned>(kWarpSize, number - i * kWarpSize);
    // Lanes that do not exist.
    if (warp.numThreads < kWarpSize)
      warp.exited = ~uint32_t(0) << warp.numThreads;
    warp.clock.steps[i] = 1;
  }
  barriers.fill(NamedBarrier());
  numAlive = numFibers;
  for (unsigned i = 0; i != numFibers; ++i) {
    setThread(threads[i], i);
    stacks[i].prepare(threads[i].context, usesFibers ? runFiber : runLoop);
    ready.push_back(&threads[i]);
  }
  bool isComplete = schedule();
  currentThread = nullptr;
  return isComplete;
}

} // namespace mlir::qfmt::sim
