//===- MemoryBarriers.h - mbarrier objects ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_MEMORYBARRIERS_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_MEMORYBARRIERS_H

#include "AsyncCopies.h"
#include <map>

namespace mlir::qfmt::sim {

/// A barrier in shared memory. Its 8 bytes themselves are not used.
struct MemoryBarrier {
  int64_t expected = 0;
  /// Of the current phase: arrivals and bytes that are missing.
  int64_t pending = 0, transactions = 0;
  uint64_t phase = 0;
  /// What has happened before the arrivals so far, and before the end of the
  /// last phase.
  VectorClock arriving, completed;
  /// Who initialised it, and when.
  unsigned initialThread = 0;
  uint32_t initialStep = 0, initialWarpStep = 0;
};

/// A copy to shared memory, by the copy engine or by cp.async, that completes
/// at a barrier.
struct PendingLoad {
  const Site *site;
  /// The thread that began it.
  Thread *thread;
  uint64_t destination;
  /// An address, or that of a tensor map.
  uint64_t source;
  /// All that arrives.
  uint64_t bytes;
  int32_t coordinates[5];
  uint64_t barrier;
  uint32_t step;
  void (*move)(const PendingLoad &load);
  /// Of cp.async.mbarrier.arrive.
  std::vector<AsyncCopy> copies;
};

struct BulkState {
  std::map<uint64_t, MemoryBarrier> barriers;
  std::vector<PendingLoad> loads;
  uint32_t loadStep = 0, storeStep = 0;
};

BulkState &getBulkState();

/// The barrier at `address`, or an error.
MemoryBarrier &getMemoryBarrier(const Site &site, uint64_t address);
/// Begins the next phase if nothing is missing.
void advance(MemoryBarrier &barrier);

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_MEMORYBARRIERS_H
