// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams of Vulkan devices. What a stream is asked to do is recorded, and
// handed to the device when somebody waits for it or for an event in it. The
// device's only queue does what it gets in order; a counter says how far it is.

#ifndef QFMT_RUNTIME_GPU_VULKANSTREAMS_H
#define QFMT_RUNTIME_GPU_VULKANSTREAMS_H

#include "VulkanMemory.h"
#include "VulkanSession.h"

namespace qfmt::gpu {

/// Where to record work of `stream`. Null on errors.
VkCommandBuffer recordVulkanWork(const VulkanSession &session, void *stream);

/// After each piece of work: the next one sees what it has written.
void recordVulkanBarrier(const VulkanSession &session,
                         VkCommandBuffer commands);

/// A descriptor set that lives until the work of `stream` is done, for work
/// that is recorded already. Null on errors.
VkDescriptorSet allocateVulkanSet(const VulkanSession &session, void *stream,
                                  VkDescriptorSetLayout layout,
                                  uint32_t bindings);

/// Remembers that `stream` runs `kernel`, for messages.
void noteVulkanLaunch(void *stream, const std::string &kernel);

/// Until all that the host could see of the stream's work is there. An error
/// names the last kernels.
bool waitForVulkanStream(const VulkanSession &session, void *stream);
/// The same for all streams.
bool waitForVulkanDevice(const VulkanSession &session);

/// Takes back what is done, without waiting.
void collectVulkanWork(const VulkanSession &session);

/// Takes `buffer` back when the work of `stream` so far is done; for the null
/// stream, that of all streams.
void reuseAfterWork(const VulkanSession &session, void *stream,
                    const VulkanBuffer &buffer);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_VULKANSTREAMS_H
