// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches of kernels. Drivers need not check anything: what they could not do
// is found here.

#include "ErrorSlot.h"
#include "LaunchSize.h"
#include "Mgpu.h"
#include "VulkanMemory.h"
#include "VulkanModules.h"
#include "VulkanStreams.h"
#include <algorithm>
#include <vector>

using namespace qfmt::gpu;

namespace {
struct Launch {
  LaunchSize size;
  int32_t sharedBytes;
  void *stream;
  /// Pairs of a pointer and its number of bytes.
  void **params;
  int64_t paramsCount;

  uint32_t getArguments() const { return uint32_t(paramsCount / 2); }
  void *getPointer(uint32_t i) const {
    return *static_cast<void **>(params[2 * i]);
  }
  uint64_t getBytes(uint32_t i) const {
    return *static_cast<uint64_t *>(params[2 * i + 1]);
  }
};
} // namespace

/// What grid, block and memory of the launch exceed, or empty.
static std::string checkSizes(const VulkanSession &session,
                              const VulkanKernel &kernel,
                              const Launch &launch) {
  const VkPhysicalDeviceLimits &limits = session.getDevice().limits;
  LaunchLimits most;
  for (int i = 0; i < 3; ++i) {
    most.grid[i] = limits.maxComputeWorkGroupCount[i];
    most.block[i] = limits.maxComputeWorkGroupSize[i];
  }
  most.threadsPerBlock = limits.maxComputeWorkGroupInvocations;
  std::string wrong = checkLaunchSize(launch.size, most);
  const int64_t *compiled = kernel.needs.localSize;
  if (wrong.empty() && compiled[0] != 0 &&
      !std::equal(compiled, compiled + 3, launch.size.block))
    wrong = "a block of " + formatSize(launch.size.block) +
            " threads, it is compiled for " + formatSize(compiled);
  uint64_t shared = kernel.needs.workgroupBytes;
  if (wrong.empty() && shared > limits.maxComputeSharedMemorySize)
    wrong = "it needs " + std::to_string(shared) +
            " bytes of shared memory a block, the device has " +
            std::to_string(limits.maxComputeSharedMemorySize);
  if (wrong.empty() && launch.sharedBytes != 0)
    wrong = "kernels of Vulkan have no dynamic shared memory";
  return wrong;
}

/// Whether its arguments are as many as it reads, or what is wrong.
static std::string checkArguments(const VulkanSession &session,
                                  const VulkanKernel &kernel,
                                  const Launch &launch) {
  uint32_t most =
      session.getDevice().limits.maxPerStageDescriptorStorageBuffers;
  uint32_t count = launch.getArguments();
  if (launch.paramsCount % 2 != 0)
    return "its arguments are not pairs of a pointer and a size";
  if (count < kernel.needs.bindings)
    return "it has " + std::to_string(kernel.needs.bindings) +
           " arguments, found " + std::to_string(count);
  if (count > most)
    return "it has " + std::to_string(count) + " arguments, the device takes " +
           std::to_string(most);
  return "";
}

/// The buffer that argument `i` is bound to, or what is wrong.
static std::string bindArgument(const VulkanSession &session,
                                const Launch &launch, uint32_t i,
                                VkDescriptorBufferInfo &bound) {
  const VkPhysicalDeviceLimits &limits = session.getDevice().limits;
  VulkanPlace place = findVulkanMemory(launch.getPointer(i));
  uint64_t bytes = launch.getBytes(i);
  if (!place)
    return "is not in memory of the device";
  if (bytes > place.getBytes())
    return "has " + std::to_string(bytes) + " bytes, its memory ends after " +
           std::to_string(place.getBytes());
  // Kernels read bytes by whole words where the device has no bytes.
  uint64_t range = std::min((std::max<uint64_t>(bytes, 1) + 3) / 4 * 4,
                            place.buffer->capacity - place.offset);
  if (range > limits.maxStorageBufferRange)
    return "has " + std::to_string(range) + " bytes, the device takes " +
           std::to_string(limits.maxStorageBufferRange) + " an argument";
  if (place.offset % limits.minStorageBufferOffsetAlignment != 0)
    return "begins " + std::to_string(place.offset) +
           " bytes into its memory, the device wants a multiple of " +
           std::to_string(limits.minStorageBufferOffsetAlignment);
  bound = {place.buffer->buffer, place.offset, range};
  return "";
}

/// Empty if all arguments have their buffer, otherwise what is wrong.
static std::string bindArguments(const VulkanSession &session,
                                 const Launch &launch,
                                 std::vector<VkDescriptorBufferInfo> &bound) {
  bound.resize(launch.getArguments());
  for (uint32_t i = 0; i < bound.size(); ++i) {
    std::string wrong = bindArgument(session, launch, i, bound[i]);
    if (!wrong.empty())
      return "argument " + std::to_string(i) + " " + wrong;
  }
  return "";
}

static void record(const VulkanSession &session, const VulkanKernel &kernel,
                   const Launch &launch,
                   const std::vector<VkDescriptorBufferInfo> &bound) {
  VkCommandBuffer commands = recordVulkanWork(session, launch.stream);
  if (!commands)
    return;
  VkDescriptorSet set = allocateVulkanSet(session, launch.stream,
                                          kernel.setLayout, kernel.bindings);
  if (!set)
    return;
  std::vector<VkWriteDescriptorSet> writes(bound.size());
  for (uint32_t i = 0; i < bound.size(); ++i) {
    writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    writes[i].dstSet = set;
    writes[i].dstBinding = i;
    writes[i].descriptorCount = 1;
    writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    writes[i].pBufferInfo = &bound[i];
  }
  session->UpdateDescriptorSets(session.getHandle(), uint32_t(writes.size()),
                                writes.data(), 0, nullptr);
  session->CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                           kernel.pipeline);
  session->CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                 kernel.layout, 0, 1, &set, 0, nullptr);
  const int64_t *grid = launch.size.grid;
  session->CmdDispatch(commands, uint32_t(grid[0]), uint32_t(grid[1]),
                       uint32_t(grid[2]));
  recordVulkanBarrier(session, commands);
  noteVulkanLaunch(launch.stream, kernel.name);
}

void mgpuLaunchKernel(void *function, int64_t gridX, int64_t gridY,
                      int64_t gridZ, int64_t blockX, int64_t blockY,
                      int64_t blockZ, int32_t sharedBytes, void *stream,
                      void **params, void **, int64_t paramsCount) {
  VulkanSession session;
  Launch launch = {{{gridX, gridY, gridZ}, {blockX, blockY, blockZ}},
                   sharedBytes,
                   stream,
                   params,
                   paramsCount};
  if (!session || launch.size.isEmpty())
    return;
  if (!function) {
    fail("cannot launch a kernel that was not found");
    return;
  }
  auto &kernel = *static_cast<VulkanKernel *>(function);
  std::vector<VkDescriptorBufferInfo> bound;
  std::string wrong = checkSizes(session, kernel, launch);
  if (wrong.empty())
    wrong = checkArguments(session, kernel, launch);
  if (wrong.empty())
    wrong = bindArguments(session, launch, bound);
  if (!wrong.empty()) {
    fail("cannot launch kernel '" + kernel.name + "': " + wrong);
    return;
  }
  if (prepareVulkanKernel(session, kernel, launch.getArguments()))
    record(session, kernel, launch, bound);
}

void mgpuLaunchClusterKernel(void *, int64_t, int64_t, int64_t, int64_t,
                             int64_t, int64_t, int64_t, int64_t, int64_t,
                             int32_t, void *, void **, void **) {
  VulkanSession session;
  if (session)
    fail("Vulkan devices have no clusters of blocks");
}

void *mgpuTensorMapEncodeTiledMemref(int64_t, void *, int64_t, int64_t, int64_t,
                                     int64_t, int64_t, int64_t *) {
  return fail("Vulkan devices have no tensor maps");
}

void *qfmtGpuTensorMap(void *, int64_t, int64_t, const int64_t *,
                       const int64_t *, const int64_t *, int64_t, int64_t) {
  return fail("Vulkan devices have no tensor maps");
}
