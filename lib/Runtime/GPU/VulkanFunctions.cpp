// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VulkanFunctions.h"
#include <cstdlib>
#include <dlfcn.h>

using namespace qfmt::gpu;

bool qfmt::gpu::loadVulkan(VulkanFunctions &f, void *&library,
                           std::string &message) {
  const char *chosen = std::getenv("QFMT_LIBVULKAN");
  const char *name = chosen && *chosen ? chosen : "libvulkan.so.1";
  library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *why = dlerror();
    message = std::string("no Vulkan: ") + (why ? why : name);
    return false;
  }
  auto getProcAddr = reinterpret_cast<PFN_vkGetInstanceProcAddr>(
      dlsym(library, "vkGetInstanceProcAddr"));
  if (getProcAddr) {
#define QFMT_VULKAN_GLOBAL_FUNCTION(name)                                      \
  f.name = reinterpret_cast<PFN_vk##name>(getProcAddr(nullptr, "vk" #name));
#include "VulkanFunctions.def"
    // Loaders before 1.2.193 do not find it by itself.
    f.GetInstanceProcAddr = getProcAddr;
  }
  // Vulkan 1.0 has no EnumerateInstanceVersion.
  if (f.CreateInstance && f.EnumerateInstanceVersion)
    return true;
  message = std::string(name) + " has no Vulkan 1.1";
  dlclose(library);
  library = nullptr;
  return false;
}

bool qfmt::gpu::loadVulkan(VulkanFunctions &f, VkInstance instance,
                           std::string &message) {
#define QFMT_VULKAN_GLOBAL_FUNCTION(name)
#define QFMT_VULKAN_FUNCTION(name)                                             \
  f.name = reinterpret_cast<PFN_vk##name>(                                     \
      f.GetInstanceProcAddr(instance, "vk" #name));                            \
  if (!f.name) {                                                               \
    message = "Vulkan has no vk" #name;                                        \
    return false;                                                              \
  }
#include "VulkanFunctions.def"
  return true;
}

std::string qfmt::gpu::describeVulkanResult(VkResult result) {
  switch (result) {
  case VK_ERROR_OUT_OF_HOST_MEMORY:
    return "VK_ERROR_OUT_OF_HOST_MEMORY";
  case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
  case VK_ERROR_INITIALIZATION_FAILED:
    return "VK_ERROR_INITIALIZATION_FAILED";
  case VK_ERROR_DEVICE_LOST:
    return "VK_ERROR_DEVICE_LOST";
  case VK_ERROR_MEMORY_MAP_FAILED:
    return "VK_ERROR_MEMORY_MAP_FAILED";
  case VK_ERROR_FEATURE_NOT_PRESENT:
    return "VK_ERROR_FEATURE_NOT_PRESENT";
  case VK_ERROR_INCOMPATIBLE_DRIVER:
    return "VK_ERROR_INCOMPATIBLE_DRIVER (no driver was found)";
  case VK_ERROR_TOO_MANY_OBJECTS:
    return "VK_ERROR_TOO_MANY_OBJECTS";
  case VK_ERROR_OUT_OF_POOL_MEMORY:
    return "VK_ERROR_OUT_OF_POOL_MEMORY";
  case VK_ERROR_INVALID_SHADER_NV:
    return "VK_ERROR_INVALID_SHADER_NV";
  default:
    return "Vulkan error " + std::to_string(int(result));
  }
}
