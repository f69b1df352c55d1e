//===- DeviceMemory.cpp - Global memory of the simulator ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DeviceMemory.h"
#include "Environment.h"
#include "Error.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace mlir::qfmt::sim {

static constexpr uint64_t kAlignment = 256;
/// Between two buffers, so that what runs over the end of one does not hit the
/// next.
static constexpr uint64_t kGap = 256;
/// Freed blocks of at least this give their pages back.
static constexpr uint64_t kLarge = 1 << 20;

static uint8_t *reserve(uint64_t bytes) {
  void *range = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return range == MAP_FAILED ? nullptr : static_cast<uint8_t *>(range);
}

/// In MiB. The most is what a process can address.
static constexpr EnvironmentNumber kMemory = {"QFMT_SIM_MEMORY", 1, 1 << 27,
                                              16 << 10};

DeviceMemory &DeviceMemory::get() {
  // Never destroyed: the kernels' destructors may run after ours.
  static DeviceMemory *instance = new DeviceMemory;
  return *instance;
}

DeviceMemory::DeviceMemory() {
  // Where the system grants less address space, a smaller device.
  for (capacity = kMemory.read().value_or(0) << 20; capacity >= (1 << 20);
       capacity /= 2)
    if (reserveAll())
      break;
  if (!memory)
    capacity = 0;
  // Nothing begins at the first byte, so that what lies before the first
  // buffer is in the range as well.
  if (capacity)
    available[kAlignment] = capacity - kAlignment;
}

/// All ranges or none.
bool DeviceMemory::reserveAll() {
  uint8_t **ranges[] = {&memory, &states, &owners};
  bool isComplete = true;
  for (uint8_t **range : ranges) {
    *range = reserve(capacity);
    isComplete &= *range != nullptr;
  }
  if (isComplete)
    return true;
  for (uint8_t **range : ranges) {
    if (*range)
      munmap(*range, capacity);
    *range = nullptr;
  }
  return false;
}

void *DeviceMemory::allocate(int64_t bytes) {
  if (bytes < 0 || uint64_t(bytes) > capacity) {
    reportError("out of memory: " + llvm::Twine(bytes) +
                " bytes asked for, the simulated device has " +
                llvm::Twine(capacity) + " (QFMT_SIM_MEMORY)");
    return nullptr;
  }
  uint64_t block = llvm::alignTo(bytes + kGap, kAlignment);
  for (auto it = available.begin(); it != available.end(); ++it) {
    auto [offset, length] = *it;
    if (length < block)
      continue;
    available.erase(it);
    if (length > block)
      available[offset + block] = length - block;
    allocated[offset] = bytes;
    std::memset(memory + offset, kPoison, bytes);
    std::memset(states + offset, kUninitialised, bytes);
    return memory + offset;
  }
  uint64_t used = 0;
  for (auto [offset, length] : allocated)
    used += length;
  reportError("out of memory: " + llvm::Twine(bytes) + " bytes asked for, " +
              llvm::Twine(used) + " of " + llvm::Twine(capacity) +
              " in use (QFMT_SIM_MEMORY)");
  return nullptr;
}

void DeviceMemory::free(void *buffer) {
  if (!buffer)
    return;
  uint64_t offset = reinterpret_cast<uint64_t>(buffer) - base();
  auto it = allocated.find(offset);
  if (it == allocated.end())
    return reportError("memory is freed that was not allocated, or twice");
  uint64_t bytes = it->second;
  uint64_t block = llvm::alignTo(bytes + kGap, kAlignment);
  allocated.erase(it);
  std::memset(states + offset, kUnallocated, bytes);
  if (bytes >= kLarge) {
    uint64_t begin = llvm::alignTo(offset, 4096);
    uint64_t end = llvm::alignDown(offset + bytes, 4096);
    for (uint8_t *range : {memory, states, owners})
      (void)madvise(range + begin, end - begin, MADV_DONTNEED);
  }
  // One block with its free neighbours.
  auto next = available.upper_bound(offset);
  if (next != available.end() && next->first == offset + block) {
    block += next->second;
    next = available.erase(next);
  }
  if (next != available.begin()) {
    auto previous = std::prev(next);
    if (previous->first + previous->second == offset) {
      previous->second += block;
      return;
    }
  }
  available[offset] = block;
}

bool DeviceMemory::checkRange(const void *address, int64_t bytes,
                              const char *what) const {
  uint64_t begin = reinterpret_cast<uint64_t>(address);
  if (!contains(begin) || bytes <= 0)
    return true;
  const uint8_t *state = states + (begin - base());
  for (int64_t i = 0; i != bytes; ++i)
    if (!contains(begin + i) || state[i] == kUnallocated) {
      reportError(llvm::Twine(what) + " of " + llvm::Twine(bytes) +
                  " bytes leaves its device buffer: " + describe(begin + i));
      return false;
    }
  return true;
}

bool DeviceMemory::checkWritten(uint64_t address, int64_t bytes) const {
  const State *state = statesOf(address);
  auto isUnwritten = [](State s) { return s != kInitialised; };
  const State *first = std::find_if(state, state + bytes, isUnwritten);
  if (first == state + bytes)
    return true;
  int64_t count = std::count_if(first, state + bytes, isUnwritten);
  reportError("copy to the host of " + llvm::Twine(bytes) + " bytes, " +
              llvm::Twine(count) + " of which nobody wrote: the first is " +
              describe(address + (first - state)) + "; " +
              (lastKernel.empty()
                   ? std::string("no kernel has run")
                   : "the last kernel was '" + lastKernel + "'"));
  return false;
}

void DeviceMemory::copy(void *destination, const void *source, int64_t bytes) {
  if (bytes <= 0)
    return;
  if (!checkRange(destination, bytes, "copy to") ||
      !checkRange(source, bytes, "copy from"))
    return;
  uint64_t to = reinterpret_cast<uint64_t>(destination);
  uint64_t from = reinterpret_cast<uint64_t>(source);
  if (contains(from) && !contains(to) && !checkWritten(from, bytes))
    return;
  std::memmove(destination, source, bytes);
  if (!contains(to))
    return;
  if (contains(from))
    std::memmove(statesOf(to), statesOf(from), bytes);
  else
    std::memset(statesOf(to), kInitialised, bytes);
}

void DeviceMemory::fill(void *destination, const void *value, int64_t width,
                        int64_t count) {
  if (count <= 0 || !checkRange(destination, width * count, "fill"))
    return;
  auto *bytes = static_cast<uint8_t *>(destination);
  for (int64_t i = 0; i != count; ++i)
    std::memcpy(bytes + i * width, value, width);
  uint64_t to = reinterpret_cast<uint64_t>(destination);
  if (contains(to))
    std::memset(statesOf(to), kInitialised, width * count);
}

void DeviceMemory::registerHost(const void *begin, int64_t bytes) {
  hostRanges[reinterpret_cast<uint64_t>(begin)] = bytes;
}

void DeviceMemory::unregisterHost(const void *begin) {
  hostRanges.erase(reinterpret_cast<uint64_t>(begin));
}

bool DeviceMemory::isRegisteredHost(uint64_t address, uint64_t bytes) const {
  auto it = hostRanges.upper_bound(address);
  if (it == hostRanges.begin())
    return false;
  --it;
  return address + bytes <= it->first + it->second;
}

std::string DeviceMemory::describe(uint64_t address) const {
  if (address < 4096)
    return "the null pointer or close to it";
  if (!contains(address))
    return "an address outside of the device's memory (a host pointer?)";
  uint64_t offset = address - base();
  auto next = allocated.upper_bound(offset);
  if (next != allocated.begin()) {
    auto [begin, bytes] = *std::prev(next);
    if (offset < begin + bytes)
      return (llvm::Twine("byte ") + llvm::Twine(offset - begin) +
              " of a buffer of " + llvm::Twine(bytes) + " bytes")
          .str();
    uint64_t past = offset - begin - bytes;
    if (next == allocated.end() || past <= next->first - offset)
      return (llvm::Twine(past) + " bytes past the end of a buffer of " +
              llvm::Twine(bytes) + " bytes")
          .str();
  }
  if (next == allocated.end())
    return "no device buffer";
  return (llvm::Twine(next->first - offset) + " bytes before a buffer of " +
          llvm::Twine(next->second) + " bytes")
      .str();
}

} // namespace mlir::qfmt::sim
