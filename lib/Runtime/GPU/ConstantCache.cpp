// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ConstantCache.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

using namespace qfmt::gpu;

namespace {
using Constant = std::pair<const void *, uint64_t>;
struct Copy {
  void *device;
  /// The value of Cache::unloads when host and device were last the same.
  uint64_t verifiedAt;
};
struct Cache {
  std::mutex mutex;
  std::map<Constant, Copy> copies;
  uint64_t loadedModules = 0;
  uint64_t unloads = 0;
};
} // namespace

static Cache &cache() {
  static Cache &cache = *new Cache;
  return cache;
}

static bool isStillSame(void *copy, const Constant &constant) {
  auto [host, bytes] = constant;
  std::vector<char> device(bytes);
  return deviceMemory().read(device.data(), copy, bytes) &&
         std::memcmp(device.data(), host, bytes) == 0;
}

static void *makeCopy(Cache &c, const Constant &constant) {
  auto [host, bytes] = constant;
  DeviceMemory &memory = deviceMemory();
  void *device = memory.allocate(bytes);
  if (!device)
    return nullptr;
  if (!memory.write(device, host, bytes)) {
    memory.release(device);
    return nullptr;
  }
  c.copies[constant] = {device, c.unloads};
  return device;
}

void *qfmtGpuConstant(const void *host, int64_t bytes, void *stream) {
  if (hasFailed() || bytes == 0)
    return nullptr;
  if (!host || bytes < 0)
    return fail("constant of " + std::to_string(bytes) +
                " bytes at a null address, or of negative size");
  Constant constant(host, bytes);
  Cache &c = cache();
  std::lock_guard<std::mutex> lock(c.mutex);
  auto found = c.copies.find(constant);
  if (found == c.copies.end())
    return makeCopy(c, constant);
  Copy &copy = found->second;
  if (copy.verifiedAt == c.unloads || isStillSame(copy.device, constant)) {
    copy.verifiedAt = c.unloads;
    return copy.device;
  }
  if (hasFailed())
    return nullptr;
  // Of a program that is gone.
  deviceMemory().release(copy.device);
  c.copies.erase(found);
  return makeCopy(c, constant);
}

void qfmt::gpu::countLoadedModule() {
  Cache &c = cache();
  std::lock_guard<std::mutex> lock(c.mutex);
  ++c.loadedModules;
}

static void releaseAll(Cache &c) {
  for (auto &[constant, copy] : c.copies)
    deviceMemory().release(copy.device);
  c.copies.clear();
}

void qfmt::gpu::countUnloadedModule() {
  Cache &c = cache();
  std::lock_guard<std::mutex> lock(c.mutex);
  ++c.unloads;
  if (c.loadedModules > 0 && --c.loadedModules == 0)
    releaseAll(c);
}

void qfmt::gpu::releaseConstants() {
  Cache &c = cache();
  std::lock_guard<std::mutex> lock(c.mutex);
  releaseAll(c);
}
