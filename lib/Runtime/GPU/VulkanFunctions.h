// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vulkan's functions, found at run time in libvulkan.so.1 (environment variable
// QFMT_LIBVULKAN: another file).

#ifndef QFMT_RUNTIME_GPU_VULKANFUNCTIONS_H
#define QFMT_RUNTIME_GPU_VULKANFUNCTIONS_H

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <string>
#include <vulkan/vulkan_core.h>

namespace qfmt::gpu {

struct VulkanFunctions {
#define QFMT_VULKAN_FUNCTION(name) PFN_vk##name name = nullptr;
#include "VulkanFunctions.def"
};

/// Finds the functions that need no instance, or says what is missing.
bool loadVulkan(VulkanFunctions &functions, void *&library,
                std::string &message);
/// The others, of Vulkan 1.2.
bool loadVulkan(VulkanFunctions &functions, VkInstance instance,
                std::string &message);

/// "VK_ERROR_DEVICE_LOST".
std::string describeVulkanResult(VkResult result);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_VULKANFUNCTIONS_H
