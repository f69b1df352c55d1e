// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ErrorSlot.h"
#include "Mgpu.h"
#include <atomic>
#include <mutex>

namespace {
struct Slot {
  std::mutex mutex;
  std::string message;
  /// Read without the lock: every function of the runtime asks.
  std::atomic<bool> isSet{false};
};
} // namespace

/// Never destroyed: destructors of programs call the runtime too.
static Slot &slot() {
  static Slot &slot = *new Slot;
  return slot;
}

std::nullptr_t qfmt::gpu::fail(const std::string &message) {
  Slot &s = slot();
  std::lock_guard<std::mutex> lock(s.mutex);
  if (!s.isSet) {
    s.message = message;
    s.isSet = true;
  }
  return nullptr;
}

bool qfmt::gpu::hasFailed() { return slot().isSet; }

const char *qfmtGpuError() {
  static thread_local std::string told;
  Slot &s = slot();
  std::lock_guard<std::mutex> lock(s.mutex);
  if (!s.isSet)
    return nullptr;
  told = std::move(s.message);
  s.isSet = false;
  return told.c_str();
}
