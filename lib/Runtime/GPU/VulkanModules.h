// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What mgpuModuleGetFunction returns for Vulkan devices.

#ifndef QFMT_RUNTIME_GPU_VULKANMODULES_H
#define QFMT_RUNTIME_GPU_VULKANMODULES_H

#include "VulkanSession.h"

namespace qfmt::gpu {

struct VulkanKernel {
  std::string name;
  SpirvKernel needs;
  VkShaderModule module;
  /// Made at the first launch, with the number of its arguments.
  VkPipeline pipeline = nullptr;
  VkPipelineLayout layout = nullptr;
  VkDescriptorSetLayout setLayout = nullptr;
  uint32_t bindings = 0;
};

/// Makes the pipeline of `kernel` for `bindings` arguments, if it has none.
bool prepareVulkanKernel(const VulkanSession &session, VulkanKernel &kernel,
                         uint32_t bindings);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_VULKANMODULES_H
