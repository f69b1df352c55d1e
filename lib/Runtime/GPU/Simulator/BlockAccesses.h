//===- BlockAccesses.h - Which block touched global memory ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks of a launch have no order, so that none may write what another one
// reads or writes. Device memory has a byte for each of its bytes that says who
// has touched it in the launch that runs:
//
//   0            nobody
//   1            several blocks have read it
//   2            several blocks have changed it atomically
//   4 tag        the block with this tag, 1 to 63, has read it
//   4 tag + 1    it has written it
//   4 tag + 2    it has changed it atomically
//   4 tag + 3    it has read it and changed it atomically
//
// What generated code finds to be its block's own, or read by several and read
// again, passes; all other accesses come to `record`. Blocks run one after the
// other, but each conflict of two is found, whichever ran first, unless they
// have the same tag, as one pair in 63 has.
//
// A block that changes atomically what others have changed atomically may have
// waited for them: nothing is said about it from there on, and what it reads
// stays another block's for those that have waited for nobody.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_BLOCKACCESSES_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_BLOCKACCESSES_H

#include "llvm/ADT/DenseSet.h"
#include <cstdint>

namespace mlir::qfmt::sim {

enum class AccessKind { Read, Write, Atomic };

class BlockAccesses {
public:
  static BlockAccesses &get();

  /// As many bytes as generated code tests at once.
  static constexpr unsigned kMaxBytes = 32;
  /// What the bytes say that the running block has read, and written.
  alignas(kMaxBytes) uint8_t readByThis[kMaxBytes] = {};
  alignas(kMaxBytes) uint8_t writtenByThis[kMaxBytes] = {};
  static constexpr uint8_t kReadBySeveral = 1;
  /// What readByThis and writtenByThis have in common.
  static constexpr uint8_t kReadOrWritten = 0xFE;

  /// Before block number `number` of those of the launch, in their order.
  void beginBlock(uint64_t number);
  /// Forgets who has touched what.
  void endLaunch();

  /// Null, or what another block has done with one of the bytes.
  const char *record(uint64_t address, uint64_t bytes, AccessKind kind);

private:
  const char *recordByte(uint8_t &state, AccessKind kind);
  void markPages(uint64_t address, uint64_t bytes);

  /// Of the running block.
  uint8_t tag = 0;
  /// The running block may have waited for earlier ones.
  bool isOrdered = false;
  llvm::DenseSet<uint64_t> pages;
  uint64_t lastPage = ~uint64_t(0);
};

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_BLOCKACCESSES_H
