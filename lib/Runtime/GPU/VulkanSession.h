// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The device that libqfmt_vulkan.so has opened, and how its functions use it:
//
//   VulkanSession session;                     // opens, locks
//   if (!session)
//     return nullptr;                          // the error is kept
//   session.check(session->AllocateMemory(...), "cannot allocate");
//
// One session lives at a time: one thread after the other uses the device,
// and another one waits while one waits for the device.

#ifndef QFMT_RUNTIME_GPU_VULKANSESSION_H
#define QFMT_RUNTIME_GPU_VULKANSESSION_H

#include "VulkanFeatures.h"
#include "VulkanFunctions.h"
#include <memory>
#include <mutex>
#include <string>

namespace qfmt::gpu {

struct OpenVulkanDevice {
  VulkanFunctions functions;
  void *library = nullptr;
  VkInstance instance = nullptr;
  VkPhysicalDevice physical = nullptr;
  VkDevice device = nullptr;
  VkQueue queue = nullptr;
  uint32_t queueFamily = 0;
  /// Of memory that the host sees.
  uint32_t memoryType = 0;
  uint64_t maxAllocationBytes = 0;
  std::string name;
  VkPhysicalDeviceLimits limits = {};
  VulkanFeatures features;
};

class VulkanSession {
public:
  enum Kind {
    /// Opens the device if that was not done. Unusable after an error.
    Work,
    /// Usable after errors too, but only if the device is open.
    Release
  };
  explicit VulkanSession(Kind kind = Work);
  VulkanSession(const VulkanSession &) = delete;
  VulkanSession &operator=(const VulkanSession &) = delete;

  explicit operator bool() const { return device != nullptr; }
  const VulkanFunctions *operator->() const { return &device->functions; }
  OpenVulkanDevice &getDevice() const { return *device; }
  VkDevice getHandle() const { return device->device; }

  /// Whether `result` is success. Otherwise the error is kept, as
  /// "`what``detail`: VK_ERROR_...".
  bool check(VkResult result, const char *what,
             const std::string &detail = {}) const;

private:
  std::unique_lock<std::recursive_mutex> lock;
  OpenVulkanDevice *device = nullptr;
};

/// What other parts release when the device is closed, in this order. The
/// device does no work then. The first says how many modules there were.
size_t releaseVulkanModules(const VulkanSession &session);
void releaseVulkanStreams(const VulkanSession &session);
void releaseVulkanMemory(const VulkanSession &session);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_VULKANSESSION_H
