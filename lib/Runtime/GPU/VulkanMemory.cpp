// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Allocations, copies and fills. Copies within the device are recorded like
// launches; others are made by the host, which waits for the stream before.

#include "VulkanMemory.h"
#include "AllocationSize.h"
#include "ConstantCache.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include "VulkanStreams.h"
#include <algorithm>
#include <cstring>
#include <map>

using namespace qfmt::gpu;

namespace {
struct Memory {
  /// By the address of their first byte.
  std::map<const char *, VulkanBuffer> live;
  /// Freed, by capacity.
  std::multimap<uint64_t, VulkanBuffer> free;
};
} // namespace

static Memory &memory() {
  static Memory &memory = *new Memory;
  return memory;
}

VulkanPlace qfmt::gpu::findVulkanMemory(const void *pointer) {
  auto *byte = static_cast<const char *>(pointer);
  auto next = memory().live.upper_bound(byte);
  if (next == memory().live.begin())
    return {};
  const VulkanBuffer &buffer = std::prev(next)->second;
  uint64_t offset = byte - buffer.mapped;
  return offset < buffer.bytes ? VulkanPlace{&buffer, offset} : VulkanPlace{};
}

void qfmt::gpu::reuseVulkanBuffer(const VulkanBuffer &buffer) {
  memory().free.insert({buffer.capacity, buffer});
}

static void destroy(const VulkanSession &session, const VulkanBuffer &buffer) {
  session->DestroyBuffer(session.getHandle(), buffer.buffer, nullptr);
  // Unmaps it too.
  session->FreeMemory(session.getHandle(), buffer.memory, nullptr);
}

static void destroyFree(const VulkanSession &session) {
  for (auto &[capacity, buffer] : memory().free)
    destroy(session, buffer);
  memory().free.clear();
}

/// Allocates and maps memory for buffer.buffer, and binds it.
static VkResult bindNewMemory(const VulkanSession &session,
                              VulkanBuffer &buffer) {
  VkDevice device = session.getHandle();
  VkMemoryRequirements needs;
  session->GetBufferMemoryRequirements(device, buffer.buffer, &needs);
  VkMemoryAllocateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  info.allocationSize = needs.size;
  info.memoryTypeIndex = session.getDevice().memoryType;
  if (needs.size > session.getDevice().maxAllocationBytes)
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  VkResult result =
      session->AllocateMemory(device, &info, nullptr, &buffer.memory);
  if (result != VK_SUCCESS)
    return result;
  result = session->BindBufferMemory(device, buffer.buffer, buffer.memory, 0);
  void *mapped = nullptr;
  if (result == VK_SUCCESS)
    result =
        session->MapMemory(device, buffer.memory, 0, VK_WHOLE_SIZE, 0, &mapped);
  if (result != VK_SUCCESS)
    session->FreeMemory(device, buffer.memory, nullptr);
  buffer.mapped = static_cast<char *>(mapped);
  return result;
}

static VkResult create(const VulkanSession &session, uint64_t capacity,
                       VulkanBuffer &buffer) {
  VkBufferCreateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = capacity;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  VkDevice device = session.getHandle();
  VkResult result =
      session->CreateBuffer(device, &info, nullptr, &buffer.buffer);
  if (result != VK_SUCCESS)
    return result;
  buffer.capacity = capacity;
  result = bindNewMemory(session, buffer);
  if (result != VK_SUCCESS)
    session->DestroyBuffer(device, buffer.buffer, nullptr);
  return result;
}

/// One that was freed and is not much larger.
static bool takeFree(uint64_t capacity, VulkanBuffer &buffer) {
  auto found = memory().free.lower_bound(capacity);
  if (found == memory().free.end() || found->first > capacity + capacity / 4)
    return false;
  buffer = found->second;
  memory().free.erase(found);
  return true;
}

void *mgpuMemAlloc(uint64_t bytes, void *stream, int8_t) {
  VulkanSession session;
  if (!session || bytes == 0 || !verifyAllocationSize(bytes))
    return nullptr;
  // Kernels may read whole words where bytes are asked for.
  constexpr uint64_t kGranule = 256;
  VulkanBuffer buffer;
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (bytes <= session.getDevice().maxAllocationBytes) {
    uint64_t capacity = (bytes + kGranule - 1) / kGranule * kGranule;
    collectVulkanWork(session);
    result = takeFree(capacity, buffer) ? VK_SUCCESS
                                        : create(session, capacity, buffer);
    if (result != VK_SUCCESS) {
      waitForVulkanDevice(session);
      destroyFree(session);
      result = create(session, capacity, buffer);
    }
  }
  if (!session.check(result, "cannot allocate ",
                     std::to_string(bytes) + " bytes on the device"))
    return nullptr;
  buffer.bytes = bytes;
  memory().live[buffer.mapped] = buffer;
  return buffer.mapped;
}

void mgpuMemFree(void *pointer, void *stream) {
  VulkanSession session(VulkanSession::Release);
  if (!session || !pointer)
    return;
  auto found = memory().live.find(static_cast<const char *>(pointer));
  if (found == memory().live.end()) {
    fail("cannot free memory that is not allocated, or freed already");
    return;
  }
  VulkanBuffer buffer = found->second;
  memory().live.erase(found);
  reuseAfterWork(session, stream, buffer);
}

/// Whether `place` has `bytes` bytes; otherwise the error is kept.
static bool isWithin(const VulkanPlace &place, uint64_t bytes,
                     const char *what) {
  if (!place || bytes <= place.getBytes())
    return true;
  fail(std::string("cannot ") + what + " " + std::to_string(bytes) +
       " bytes, the memory of the device ends after " +
       std::to_string(place.getBytes()));
  return false;
}

static bool doOverlap(const VulkanPlace &a, const VulkanPlace &b,
                      uint64_t bytes) {
  return a.buffer == b.buffer && a.offset < b.offset + bytes &&
         b.offset < a.offset + bytes;
}

void mgpuMemcpy(void *to, void *from, uint64_t bytes, void *stream) {
  VulkanSession session;
  if (!session || bytes == 0)
    return;
  VulkanPlace target = findVulkanMemory(to), source = findVulkanMemory(from);
  if (!isWithin(target, bytes, "copy") || !isWithin(source, bytes, "copy"))
    return;
  if (target && source && !doOverlap(target, source, bytes)) {
    if (VkCommandBuffer commands = recordVulkanWork(session, stream)) {
      VkBufferCopy region = {source.offset, target.offset, bytes};
      session->CmdCopyBuffer(commands, source.buffer->buffer,
                             target.buffer->buffer, 1, &region);
      recordVulkanBarrier(session, commands);
    }
    return;
  }
  if (waitForVulkanStream(session, stream))
    std::memmove(to, from, bytes);
}

/// Fills by the device if a whole number of words, otherwise by the host.
template <typename T>
static void fill(void *pointer, T value, uint64_t count, void *stream) {
  VulkanSession session;
  if (!session || count == 0)
    return;
  VulkanPlace target = findVulkanMemory(pointer);
  uint64_t bytes = count * sizeof(T);
  if (!isWithin(target, bytes, "fill"))
    return;
  if (target && target.offset % 4 == 0 && bytes % 4 == 0) {
    uint32_t word = sizeof(T) == 4 ? uint32_t(value)
                                   : uint32_t(value) << 16 | uint32_t(value);
    if (VkCommandBuffer commands = recordVulkanWork(session, stream)) {
      session->CmdFillBuffer(commands, target.buffer->buffer, target.offset,
                             bytes, word);
      recordVulkanBarrier(session, commands);
    }
    return;
  }
  if (!waitForVulkanStream(session, stream))
    return;
  for (uint64_t i = 0; i < count; ++i)
    std::memcpy(static_cast<char *>(pointer) + i * sizeof(T), &value,
                sizeof(T));
}

void mgpuMemset32(void *pointer, int32_t value, uint64_t count, void *stream) {
  fill(pointer, uint32_t(value), count, stream);
}

void mgpuMemset16(void *pointer, int16_t value, uint64_t count, void *stream) {
  fill(pointer, uint16_t(value), count, stream);
}

// The host makes the copies itself.
void mgpuMemHostRegisterMemRef(int64_t, void *, int64_t) {}
void mgpuMemHostUnregisterMemRef(int64_t, void *, int64_t) {}

void qfmt::gpu::releaseVulkanMemory(const VulkanSession &session) {
  destroyFree(session);
  for (auto &[begin, buffer] : memory().live)
    destroy(session, buffer);
  memory().live.clear();
}

namespace {
class VulkanConstants : public DeviceMemory {
public:
  void *allocate(uint64_t bytes) override {
    return mgpuMemAlloc(bytes, nullptr, /*isHostShared=*/0);
  }
  void release(void *device) override { mgpuMemFree(device, nullptr); }
  bool write(void *device, const void *host, uint64_t bytes) override {
    std::memcpy(device, host, bytes);
    return true;
  }
  // Constants are never written by the device.
  bool read(void *host, const void *device, uint64_t bytes) override {
    std::memcpy(host, device, bytes);
    return true;
  }
};
} // namespace

DeviceMemory &qfmt::gpu::deviceMemory() {
  static VulkanConstants &constants = *new VulkanConstants;
  return constants;
}
