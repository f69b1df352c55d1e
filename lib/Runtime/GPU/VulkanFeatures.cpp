// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VulkanFeatures.h"
#include <algorithm>

using namespace qfmt::gpu;

/// A capability of SPIR-V, and where Vulkan says whether the device has it:
/// a feature, or operations among the threads of a subgroup, or neither if
/// every device has it.
struct VulkanFeatures::Capability {
  uint32_t number;
  const char *name;
  VkBool32 *(*getFeature)(VulkanFeatures &);
  VkSubgroupFeatureFlags subgroup = 0;
};

const VulkanFeatures::Capability VulkanFeatures::kCapabilities[] = {
    {0, "Matrix", nullptr},
    {1, "Shader", nullptr},
    {9, "Float16", [](VulkanFeatures &f) { return &f.v12.shaderFloat16; }},
    {10, "Float64",
     [](VulkanFeatures &f) { return &f.base.features.shaderFloat64; }},
    {11, "Int64",
     [](VulkanFeatures &f) { return &f.base.features.shaderInt64; }},
    {12, "Int64Atomics",
     [](VulkanFeatures &f) { return &f.v12.shaderBufferInt64Atomics; }},
    {22, "Int16",
     [](VulkanFeatures &f) { return &f.base.features.shaderInt16; }},
    {39, "Int8", [](VulkanFeatures &f) { return &f.v12.shaderInt8; }},
    {61, "GroupNonUniform", nullptr, VK_SUBGROUP_FEATURE_BASIC_BIT},
    {62, "GroupNonUniformVote", nullptr, VK_SUBGROUP_FEATURE_VOTE_BIT},
    {63, "GroupNonUniformArithmetic", nullptr,
     VK_SUBGROUP_FEATURE_ARITHMETIC_BIT},
    {64, "GroupNonUniformBallot", nullptr, VK_SUBGROUP_FEATURE_BALLOT_BIT},
    {65, "GroupNonUniformShuffle", nullptr, VK_SUBGROUP_FEATURE_SHUFFLE_BIT},
    {66, "GroupNonUniformShuffleRelative", nullptr,
     VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT},
    {67, "GroupNonUniformClustered", nullptr,
     VK_SUBGROUP_FEATURE_CLUSTERED_BIT},
    {68, "GroupNonUniformQuad", nullptr, VK_SUBGROUP_FEATURE_QUAD_BIT},
    {4433, "StorageBuffer16BitAccess",
     [](VulkanFeatures &f) { return &f.v11.storageBuffer16BitAccess; }},
    {4434, "UniformAndStorageBuffer16BitAccess",
     [](VulkanFeatures &f) {
       return &f.v11.uniformAndStorageBuffer16BitAccess;
     }},
    {4441, "VariablePointersStorageBuffer",
     [](VulkanFeatures &f) { return &f.v11.variablePointersStorageBuffer; }},
    {4442, "VariablePointers",
     [](VulkanFeatures &f) { return &f.v11.variablePointers; }},
    {4448, "StorageBuffer8BitAccess",
     [](VulkanFeatures &f) { return &f.v12.storageBuffer8BitAccess; }},
    {4449, "UniformAndStorageBuffer8BitAccess",
     [](VulkanFeatures &f) {
       return &f.v12.uniformAndStorageBuffer8BitAccess;
     }},
    {5345, "VulkanMemoryModel",
     [](VulkanFeatures &f) { return &f.v12.vulkanMemoryModel; }},
    {5346, "VulkanMemoryModelDeviceScope",
     [](VulkanFeatures &f) { return &f.v12.vulkanMemoryModelDeviceScope; }},
    {6016, "DotProductInputAll",
     [](VulkanFeatures &f) { return &f.v13.shaderIntegerDotProduct; }},
    {6017, "DotProductInput4x8Bit",
     [](VulkanFeatures &f) { return &f.v13.shaderIntegerDotProduct; }},
    {6018, "DotProductInput4x8BitPacked",
     [](VulkanFeatures &f) { return &f.v13.shaderIntegerDotProduct; }},
    {6019, "DotProduct",
     [](VulkanFeatures &f) { return &f.v13.shaderIntegerDotProduct; }},
};

VulkanFeatures::VulkanFeatures() {
  base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  v13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
  subgroups.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
  base.pNext = &v11;
  v11.pNext = &v12;
}

void VulkanFeatures::read(const VulkanFunctions &functions,
                          VkPhysicalDevice device, uint32_t version) {
  apiVersion = version;
  if (version >= VK_API_VERSION_1_3)
    v12.pNext = &v13;
  functions.GetPhysicalDeviceFeatures2(device, &base);
  VkPhysicalDeviceProperties2 properties = {};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &subgroups;
  functions.GetPhysicalDeviceProperties2(device, &properties);
}

const void *VulkanFeatures::getEnabled() {
  // Everything off but what is in the table and there.
  std::vector<VkBool32> values;
  for (const Capability &capability : kCapabilities)
    values.push_back(capability.getFeature ? *capability.getFeature(*this)
                                           : VK_FALSE);
  VkBool32 hasExtendedTypes = v12.shaderSubgroupExtendedTypes;
  auto clear = [](auto &features) {
    auto type = features.sType;
    void *next = features.pNext;
    features = {};
    features.sType = type;
    features.pNext = next;
  };
  clear(base);
  clear(v11);
  clear(v12);
  clear(v13);
  for (size_t i = 0; i < values.size(); ++i)
    if (kCapabilities[i].getFeature)
      *kCapabilities[i].getFeature(*this) = values[i];
  v12.shaderSubgroupExtendedTypes = hasExtendedTypes;
  // How the runtime waits; every device of Vulkan 1.2 has it.
  v12.timelineSemaphore = VK_TRUE;
  return &base;
}

/// "1.3".
static std::string formatVersion(uint32_t major, uint32_t minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

std::string VulkanFeatures::findMissing(const SpirvModule &module) {
  constexpr uint32_t kSpirv15 = 0x00010500, kSpirv16 = 0x00010600;
  uint32_t newest = apiVersion >= VK_API_VERSION_1_3 ? kSpirv16 : kSpirv15;
  if (module.version > newest)
    return "SPIR-V " +
           formatVersion(module.version >> 16, (module.version >> 8) & 0xFF);
  for (uint32_t number : module.capabilities) {
    auto known =
        std::find_if(std::begin(kCapabilities), std::end(kCapabilities),
                     [&](const Capability &c) { return c.number == number; });
    if (known == std::end(kCapabilities))
      return "capability " + std::to_string(number) +
             " of SPIR-V, which this runtime does not enable";
    bool isThere =
        known->getFeature
            ? *known->getFeature(*this)
            : (subgroups.supportedOperations & known->subgroup) ==
                      known->subgroup &&
                  (!known->subgroup ||
                   (subgroups.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT));
    if (!isThere)
      return std::string("capability ") + known->name + " of SPIR-V";
  }
  return "";
}
