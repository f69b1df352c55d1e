//===- Operations.h - What the simulator does for intrinsics ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function below knows one subject. It reads the name of an intrinsic
// without "llvm.nvvm.", and if the name is of its subject, fills in handler and
// fields of `site` and returns true. What runs in a handler owns nothing when
// it calls failThread, waits, or yields.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_OPERATIONS_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_OPERATIONS_H

#include "Cta.h"
#include "Kernel.h"
#include "llvm/ADT/bit.h"
#include <cstring>

namespace mlir::qfmt::sim {

/// bar.sync and its kin, and bar.warp.sync.
bool findBarrier(llvm::StringRef name, Site &site);
/// shfl, vote, match, redux, elect, activemask.
bool findWarpOperation(llvm::StringRef name, Site &site);
/// ldmatrix, stmatrix.
bool findMatrixMove(llvm::StringRef name, Site &site);
/// mma.
bool findWarpMma(llvm::StringRef name, Site &site);
/// mbarrier.
bool findMemoryBarrier(llvm::StringRef name, Site &site);
/// cp.async.bulk, with and without tensor maps.
bool findBulkCopy(llvm::StringRef name, Site &site);
/// wgmma.
bool findWarpgroupMma(llvm::StringRef name, Site &site);
/// cp.async without "bulk".
bool findAsyncCopy(llvm::StringRef name, Site &site);
/// Approximations, roundings, packed conversions, dp4a, prmt.
bool findArithmetic(llvm::StringRef name, Site &site);
bool findConversion(llvm::StringRef name, Site &site);
/// Conditions that do not hold.
bool findAssertion(llvm::StringRef name, Site &site);
/// Hints and fences that change nothing here.
bool findIgnored(llvm::StringRef name, Site &site);

/// All of the above.
bool findOperation(llvm::StringRef name, Site &site);

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

/// Waits for the threads of `mask` and runs `apply` once.
void callWarp(const Site &site, uint32_t mask, const uint64_t *arguments,
              uint64_t *results, WarpFunction apply);
/// For operations that need all threads of the warp.
void callWholeWarp(const Site &site, const uint64_t *arguments,
                   uint64_t *results, WarpFunction apply);
/// After a thread of it has ended.
void completeWarpCalls(Warp &warp, unsigned firstThread);

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Checks an access of the current thread to any memory; does not return if it
/// is wrong.
void checkAccess(const Site &site, uint64_t address, uint64_t bytes,
                 uint64_t alignment, bool isWrite);
/// For a read; but what was never written may be copied.
void checkCopySource(const Site &site, uint64_t address, uint64_t bytes);
/// For an access to shared memory by any thread of the CTA.
void checkSharedAccess(const Thread &thread, const Site &site, uint64_t address,
                       uint64_t bytes, bool isWrite);
/// On behalf of `who`, that `thread` has asked to.
void checkSharedAccess(const Thread &thread, const Site &site, uint64_t address,
                       uint64_t bytes, bool isWrite, const Accessor &who);

template <typename T>
T readAs(uint64_t bits) {
  static_assert(sizeof(T) <= 8);
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
inline uint64_t bitsOf(float value) { return llvm::bit_cast<uint32_t>(value); }

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_OPERATIONS_H
