// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a Vulkan device can do, in the words of SPIR-V: capabilities.

#ifndef QFMT_RUNTIME_GPU_VULKANFEATURES_H
#define QFMT_RUNTIME_GPU_VULKANFEATURES_H

#include "SpirvModule.h"
#include "VulkanFunctions.h"

namespace qfmt::gpu {

class VulkanFeatures {
public:
  VulkanFeatures();
  VulkanFeatures(const VulkanFeatures &) = delete;
  VulkanFeatures &operator=(const VulkanFeatures &) = delete;

  /// Asks the device, of version `apiVersion`.
  void read(const VulkanFunctions &functions, VkPhysicalDevice device,
            uint32_t apiVersion);

  /// What VkDeviceCreateInfo::pNext must point to so that all of those that
  /// kernels can ask for are enabled. Others are turned off.
  const void *getEnabled();

  /// What `module` needs and the device lacks, or empty.
  std::string findMissing(const SpirvModule &module);

private:
  struct Capability;
  static const Capability kCapabilities[];

  uint32_t apiVersion = 0;
  VkPhysicalDeviceFeatures2 base = {};
  VkPhysicalDeviceVulkan11Features v11 = {};
  VkPhysicalDeviceVulkan12Features v12 = {};
  VkPhysicalDeviceVulkan13Features v13 = {};
  VkPhysicalDeviceSubgroupProperties subgroups = {};
};

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_VULKANFEATURES_H
