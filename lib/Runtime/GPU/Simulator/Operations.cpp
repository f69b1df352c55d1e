//===- Operations.cpp - Finding what does an intrinsic --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Operations.h"

namespace mlir::qfmt::sim {

bool findOperation(llvm::StringRef name, Site &site) {
  using Find = bool (*)(llvm::StringRef, Site &);
  static constexpr Find kSubjects[] = {
      findBarrier,       findWarpOperation, findMatrixMove, findWarpMma,
      findMemoryBarrier, findBulkCopy,      findAsyncCopy,  findWarpgroupMma,
      findArithmetic,    findConversion,    findAssertion,  findIgnored};
  for (Find find : kSubjects) {
    if (find(name, site))
      return true;
    site.clearFields();
  }
  return false;
}

static void doNothing(const Site &, const uint64_t *, uint64_t *) {}

static void fenceProxy(const Site &, const uint64_t *, uint64_t *) {
  SharedMemory::get().fence(currentThread->number);
}

bool findIgnored(llvm::StringRef name, Site &site) {
  if (name.starts_with("fence.proxy.async")) {
    site.handler = fenceProxy;
    return true;
  }
  // Memory is coherent here, caches there are none, and no thread is faster.
  static constexpr llvm::StringLiteral kPrefixes[] = {
      "membar.",
      "fence.",
      "prefetch",
      "nanosleep",
      "setmaxnreg.",
      "griddepcontrol.",
      "applypriority.",
      "discard.",
      "cp.async.bulk.prefetch.",
      "pm.event",
      "cp.async.bulk.tensor.prefetch."};
  for (llvm::StringRef prefix : kPrefixes)
    if (name.starts_with(prefix)) {
      site.handler = doNothing;
      return true;
    }
  return false;
}

} // namespace mlir::qfmt::sim
