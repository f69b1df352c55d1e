//===- BlockAccesses.cpp - Which block touched global memory --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BlockAccesses.h"
#include "DeviceMemory.h"
#include "llvm/Support/ErrorHandling.h"
#include <cstring>

namespace mlir::qfmt::sim {

static constexpr uint64_t kPageBytes = 4096;
static constexpr uint32_t kNumTags = 63;

/// What has been done, the lowest two bits.
enum Deed : uint8_t { kRead = 0, kWritten = 1, kAtomic = 2, kReadAtomic = 3 };
static constexpr uint8_t kNobody = 0;

static Deed getDeed(uint8_t state) {
  return state == BlockAccesses::kReadBySeveral ? kRead : Deed(state & 3);
}

BlockAccesses &BlockAccesses::get() {
  static BlockAccesses *instance = new BlockAccesses;
  return *instance;
}

/// Neighbours have different tags, and no distance between two blocks is one at
/// which all have the same: Knuth's multiplicative hash.
void BlockAccesses::beginBlock(uint64_t number) {
  uint32_t hash = uint32_t(number) * 0x9E3779B1u;
  tag = 1 + (uint64_t(hash) * kNumTags >> 32);
  std::memset(readByThis, 4 * tag + kRead, kMaxBytes);
  std::memset(writtenByThis, 4 * tag + kWritten, kMaxBytes);
  isOrdered = false;
}

void BlockAccesses::endLaunch() {
  DeviceMemory &memory = DeviceMemory::get();
  for (uint64_t page : pages) {
    uint64_t offset = page * kPageBytes;
    std::memset(memory.ownersOf(memory.base() + offset), kNobody,
                std::min(kPageBytes, memory.size() - offset));
  }
  pages.clear();
  lastPage = ~uint64_t(0);
}

void BlockAccesses::markPages(uint64_t address, uint64_t bytes) {
  uint64_t offset = address - DeviceMemory::get().base();
  uint64_t last = (offset + bytes - 1) / kPageBytes;
  for (uint64_t page = offset / kPageBytes; page <= last; ++page)
    if (page != lastPage) {
      pages.insert(page);
      lastPage = page;
    }
}

static const char *describe(Deed deed) {
  switch (deed) {
  case kRead:
    return "another block has read";
  case kWritten:
    return "another block has written";
  case kAtomic:
    return "another block has changed atomically";
  case kReadAtomic:
    return "another block has read and changed atomically";
  }
  llvm_unreachable("two bits");
}

static Deed getDeed(AccessKind kind) {
  return kind == AccessKind::Read    ? kRead
         : kind == AccessKind::Write ? kWritten
                                     : kAtomic;
}

/// What one block has done, of which any part can be in another one's way.
static Deed combine(Deed before, AccessKind kind) {
  Deed now = getDeed(kind);
  if (now == kWritten || before == kWritten)
    return kWritten;
  return now == before ? now : kReadAtomic;
}

const char *BlockAccesses::recordByte(uint8_t &state, AccessKind kind) {
  Deed before = getDeed(state);
  bool isOwn = state >> 2 == tag;
  if (kind == AccessKind::Atomic && before == kAtomic && !isOwn) {
    isOrdered = true;
    state = kAtomic;
    return nullptr;
  }
  if (state == kNobody || isOwn) {
    state = 4 * tag + (isOwn ? combine(before, kind) : getDeed(kind));
    return nullptr;
  }
  // The change remains: others may not have waited for it.
  if (isOrdered && kind == AccessKind::Read && before != kRead)
    return nullptr;
  if (isOrdered && kind != AccessKind::Read) {
    state = 4 * tag + getDeed(kind);
    return nullptr;
  }
  if (kind != AccessKind::Read || before != kRead)
    return describe(before);
  state = kReadBySeveral;
  return nullptr;
}

const char *BlockAccesses::record(uint64_t address, uint64_t bytes,
                                  AccessKind kind) {
  markPages(address, bytes);
  uint8_t *states = DeviceMemory::get().ownersOf(address);
  for (uint64_t i = 0; i != bytes; ++i)
    if (const char *conflict = recordByte(states[i], kind))
      return conflict;
  return nullptr;
}

} // namespace mlir::qfmt::sim
