// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules of SPIR-V and the kernels in them.

#include "VulkanModules.h"
#include "ConstantCache.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include "VulkanStreams.h"
#include <cstring>
#include <map>
#include <vector>

using namespace qfmt::gpu;

namespace {
struct Module {
  VkShaderModule handle;
  std::map<std::string, VulkanKernel> kernels;
};
} // namespace

/// The modules that are loaded.
static std::map<void *, std::unique_ptr<Module>> &modules() {
  static auto &modules = *new std::map<void *, std::unique_ptr<Module>>;
  return modules;
}

/// "the module of kernel 'f'".
static std::string describe(const SpirvModule &spirv) {
  return "the module" +
         (spirv.kernels.empty()
              ? std::string()
              : " of kernel '" + spirv.kernels.begin()->first + "'");
}

static void *load(void *data, int64_t size) {
  VulkanSession session;
  if (!session)
    return nullptr;
  SpirvModule spirv;
  if (!readSpirv(data, size, spirv))
    return fail("cannot load a module of " + std::to_string(size) +
                " bytes, it is not SPIR-V");
  OpenVulkanDevice &device = session.getDevice();
  std::string missing = device.features.findMissing(spirv);
  if (!missing.empty())
    return fail("cannot load " + describe(spirv) + ", it needs " + missing +
                "; the device is '" + device.name + "'");
  // The driver reads whole words.
  std::vector<uint32_t> words(size / 4);
  std::memcpy(words.data(), data, size);
  VkShaderModuleCreateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  info.codeSize = size;
  info.pCode = words.data();
  auto module = std::make_unique<Module>();
  if (!session.check(session->CreateShaderModule(session.getHandle(), &info,
                                                 nullptr, &module->handle),
                     "cannot load ", describe(spirv)))
    return nullptr;
  for (auto &[name, needs] : spirv.kernels) {
    VulkanKernel kernel;
    kernel.name = name;
    kernel.needs = needs;
    kernel.module = module->handle;
    module->kernels[name] = kernel;
  }
  void *key = module.get();
  modules()[key] = std::move(module);
  return key;
}

void *mgpuModuleLoad(void *data, int64_t size) {
  void *module = load(data, size);
  // Not while the session is locked: constants lock it later than their cache.
  if (module)
    countLoadedModule();
  return module;
}

void *mgpuModuleLoadJIT(void *, int32_t) {
  return fail("Vulkan devices run SPIR-V, not PTX");
}

static void destroy(const VulkanSession &session, const Module &module) {
  VkDevice device = session.getHandle();
  for (auto &[name, kernel] : module.kernels) {
    session->DestroyPipeline(device, kernel.pipeline, nullptr);
    session->DestroyPipelineLayout(device, kernel.layout, nullptr);
    session->DestroyDescriptorSetLayout(device, kernel.setLayout, nullptr);
  }
  session->DestroyShaderModule(device, module.handle, nullptr);
}

void mgpuModuleUnload(void *module) {
  {
    VulkanSession session(VulkanSession::Release);
    auto found = modules().find(module);
    if (!session || found == modules().end())
      return;
    // Its kernels may be recorded or run.
    waitForVulkanDevice(session);
    destroy(session, *found->second);
    modules().erase(found);
  }
  countUnloadedModule();
}

size_t qfmt::gpu::releaseVulkanModules(const VulkanSession &session) {
  size_t count = modules().size();
  for (auto &[key, module] : modules())
    destroy(session, *module);
  modules().clear();
  return count;
}

void *mgpuModuleGetFunction(void *module, const char *name) {
  VulkanSession session;
  if (!session)
    return nullptr;
  std::string what = std::string("cannot load kernel '") + name + "': ";
  auto found = modules().find(module);
  if (found == modules().end())
    return fail(what + "its module is not loaded");
  auto kernel = found->second->kernels.find(name);
  if (kernel == found->second->kernels.end())
    return fail(what + "its module has no such kernel");
  return &kernel->second;
}

static VkResult makeLayouts(const VulkanSession &session, VulkanKernel &kernel,
                            uint32_t count) {
  std::vector<VkDescriptorSetLayoutBinding> bindings(count);
  for (uint32_t i = 0; i < count; ++i)
    bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1,
                   VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  VkDescriptorSetLayoutCreateInfo setInfo = {};
  setInfo.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  setInfo.bindingCount = count;
  setInfo.pBindings = bindings.data();
  VkDevice device = session.getHandle();
  VkResult result = session->CreateDescriptorSetLayout(
      device, &setInfo, nullptr, &kernel.setLayout);
  if (result != VK_SUCCESS)
    return result;
  VkPipelineLayoutCreateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  info.setLayoutCount = 1;
  info.pSetLayouts = &kernel.setLayout;
  return session->CreatePipelineLayout(device, &info, nullptr, &kernel.layout);
}

static VkResult makePipeline(const VulkanSession &session,
                             VulkanKernel &kernel) {
  VkComputePipelineCreateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = kernel.module;
  info.stage.pName = kernel.name.c_str();
  info.layout = kernel.layout;
  return session->CreateComputePipelines(session.getHandle(), VK_NULL_HANDLE, 1,
                                         &info, nullptr, &kernel.pipeline);
}

bool qfmt::gpu::prepareVulkanKernel(const VulkanSession &session,
                                    VulkanKernel &kernel, uint32_t bindings) {
  if (kernel.pipeline && kernel.bindings == bindings)
    return true;
  if (kernel.pipeline) {
    fail("kernel '" + kernel.name + "' is launched with " +
         std::to_string(bindings) + " arguments, earlier with " +
         std::to_string(kernel.bindings));
    return false;
  }
  // After an earlier error half of it may be there.
  VkDevice device = session.getHandle();
  session->DestroyPipelineLayout(device, kernel.layout, nullptr);
  session->DestroyDescriptorSetLayout(device, kernel.setLayout, nullptr);
  kernel.layout = nullptr;
  kernel.setLayout = nullptr;
  kernel.bindings = bindings;
  VkResult result = makeLayouts(session, kernel, bindings);
  if (result == VK_SUCCESS)
    result = makePipeline(session, kernel);
  return session.check(result, "cannot compile kernel '", kernel.name + "'");
}
