//===- AsyncCopies.h - Copies that a thread has begun -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_ASYNCCOPIES_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_ASYNCCOPIES_H

#include "Operations.h"
#include <map>

namespace mlir::qfmt::sim {

/// To shared memory: `read` bytes from the source, zeros up to `bytes`.
struct AsyncCopy {
  uint64_t destination, source, bytes, read;
};

/// From shared memory, by the copy engine.
struct BulkStore {
  const Site *site;
  uint64_t source;
  /// An address, or that of a tensor map.
  uint64_t destination;
  /// Without a tensor map.
  uint64_t bytes;
  int32_t coordinates[5];
  uint32_t step;
};

struct ThreadAsync {
  std::vector<AsyncCopy> uncommitted;
  std::deque<std::vector<AsyncCopy>> groups;

  std::vector<BulkStore> uncommittedStores;
  std::deque<std::vector<BulkStore>> storeGroups;

  // Of wgmma, as steps of the warpgroup.
  bool hasFenced = false;
  uint32_t lastMma = 0, completedMma = 0;
  std::deque<uint32_t> mmaGroups;
  /// Where it was issued last.
  std::map<const Site *, uint32_t> lastMmaOf;
};

ThreadAsync &getAsync(Thread &thread);
/// Moves the data, and forgets the copies.
void completeAll(Thread &thread, std::vector<AsyncCopy> &copies);
/// Nothing may be left that the thread had to wait for.
void checkThreadEnd(const Thread &thread);

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_ASYNCCOPIES_H
