// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory of Vulkan devices. All of it is mapped, and a pointer is the address
// at which the host sees it; kernels get the buffer and the offset instead.

#ifndef QFMT_RUNTIME_GPU_VULKANMEMORY_H
#define QFMT_RUNTIME_GPU_VULKANMEMORY_H

#include "VulkanSession.h"

namespace qfmt::gpu {

struct VulkanBuffer {
  VkBuffer buffer;
  VkDeviceMemory memory;
  char *mapped;
  /// What was asked for, and what there is.
  uint64_t bytes, capacity;
};

/// A place in a buffer.
struct VulkanPlace {
  const VulkanBuffer *buffer = nullptr;
  uint64_t offset = 0;

  explicit operator bool() const { return buffer != nullptr; }
  /// To the end of what was asked for.
  uint64_t getBytes() const { return buffer->bytes - offset; }
};

/// Where `pointer` is, or nothing if it is not in memory of the device.
VulkanPlace findVulkanMemory(const void *pointer);

/// Takes a buffer back that no work uses any more.
void reuseVulkanBuffer(const VulkanBuffer &buffer);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_VULKANMEMORY_H
