// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VulkanStreams.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include <algorithm>
#include <deque>
#include <set>
#include <vector>

using namespace qfmt::gpu;

namespace {
/// What one command buffer needs until it is done.
struct Batch {
  VkCommandBuffer commands = nullptr;
  std::vector<VkDescriptorPool> descriptorPools;
  std::vector<VulkanBuffer> buffers;
  /// The counter when it is done.
  uint64_t value = 0;
};

struct Stream {
  /// What is being recorded; batch.commands is null if nothing is.
  Batch batch;
  /// The counter when all that was handed to the device is done, of this
  /// stream and of what it waits for.
  uint64_t waitsFor = 0;
  /// The last of the kernels that may still run.
  std::deque<std::string> kernels;
};

struct Event {
  uint64_t value = 0;
};

/// What all streams share.
struct Queue {
  VkCommandPool commandPool = nullptr;
  VkSemaphore counter = nullptr;
  uint64_t submitted = 0;
  std::deque<Batch> running;
  std::vector<VkCommandBuffer> freeCommands;
  std::vector<VkDescriptorPool> freePools;
  std::set<Stream *> streams;
  std::set<Event *> events;
  /// The null stream.
  Stream standard;
};
} // namespace

static constexpr size_t kKernelsInMessages = 4;
/// Of a descriptor pool.
static constexpr uint32_t kSetsPerPool = 64;
static constexpr uint32_t kBindingsPerPool = 1024;

static Queue &queue() {
  static Queue &queue = *new Queue;
  return queue;
}

static Stream &getStream(void *stream) {
  return stream ? *static_cast<Stream *>(stream) : queue().standard;
}

/// Makes what is made at the first use.
static bool prepareQueue(const VulkanSession &session) {
  Queue &q = queue();
  VkDevice device = session.getHandle();
  if (!q.commandPool) {
    VkCommandPoolCreateInfo info = {};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
    info.queueFamilyIndex = session.getDevice().queueFamily;
    if (!session.check(
            session->CreateCommandPool(device, &info, nullptr, &q.commandPool),
            "cannot make a command pool"))
      return false;
  }
  if (q.counter)
    return true;
  VkSemaphoreTypeCreateInfo type = {};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  info.pNext = &type;
  return session.check(
      session->CreateSemaphore(device, &info, nullptr, &q.counter),
      "cannot make a semaphore");
}

static bool takeCommands(const VulkanSession &session,
                         VkCommandBuffer &commands) {
  Queue &q = queue();
  if (!q.freeCommands.empty()) {
    commands = q.freeCommands.back();
    q.freeCommands.pop_back();
    return true;
  }
  VkCommandBufferAllocateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = q.commandPool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  return session.check(
      session->AllocateCommandBuffers(session.getHandle(), &info, &commands),
      "cannot allocate a command buffer");
}

static void recordBarrier(const VulkanSession &session,
                          VkCommandBuffer commands, VkAccessFlags reads,
                          VkPipelineStageFlags readers) {
  VkMemoryBarrier barrier = {};
  barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  barrier.srcAccessMask =
      VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = reads;
  session->CmdPipelineBarrier(commands,
                              VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
                                  VK_PIPELINE_STAGE_TRANSFER_BIT,
                              readers, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

void qfmt::gpu::recordVulkanBarrier(const VulkanSession &session,
                                    VkCommandBuffer commands) {
  recordBarrier(session, commands,
                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                    VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
                    VK_PIPELINE_STAGE_TRANSFER_BIT);
}

VkCommandBuffer qfmt::gpu::recordVulkanWork(const VulkanSession &session,
                                            void *stream) {
  Batch &batch = getStream(stream).batch;
  if (batch.commands)
    return batch.commands;
  VkCommandBuffer commands;
  if (!prepareQueue(session) || !takeCommands(session, commands))
    return nullptr;
  VkCommandBufferBeginInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  if (!session.check(session->BeginCommandBuffer(commands, &info),
                     "cannot record commands")) {
    queue().freeCommands.push_back(commands);
    return nullptr;
  }
  batch.commands = commands;
  // After what the queue got earlier.
  recordVulkanBarrier(session, commands);
  return commands;
}

/// Hands what `stream` has recorded to the device.
static bool submit(const VulkanSession &session, Stream &stream) {
  Queue &q = queue();
  Batch &batch = stream.batch;
  if (!batch.commands)
    return true;
  recordBarrier(session, batch.commands, VK_ACCESS_HOST_READ_BIT,
                VK_PIPELINE_STAGE_HOST_BIT);
  batch.value = q.submitted + 1;
  VkTimelineSemaphoreSubmitInfo values = {};
  values.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  values.signalSemaphoreValueCount = 1;
  values.pSignalSemaphoreValues = &batch.value;
  VkSubmitInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.pNext = &values;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &batch.commands;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &q.counter;
  VkResult result = session->EndCommandBuffer(batch.commands);
  if (result == VK_SUCCESS)
    result = session->QueueSubmit(session.getDevice().queue, 1, &info,
                                  VK_NULL_HANDLE);
  // Otherwise it will never run: done with what came before.
  if (result == VK_SUCCESS)
    stream.waitsFor = q.submitted = batch.value;
  else
    batch.value = q.submitted;
  q.running.push_back(std::move(batch));
  batch = Batch();
  return session.check(result, "cannot start work on the device");
}

/// Waits until the counter is `value`.
static bool wait(const VulkanSession &session, uint64_t value,
                 const std::string &kernels) {
  Queue &q = queue();
  if (!q.counter || value == 0)
    return true;
  VkSemaphoreWaitInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = &q.counter;
  info.pValues = &value;
  bool isDone = session.check(
      session->WaitSemaphores(session.getHandle(), &info, UINT64_MAX),
      "error on the device", kernels);
  if (isDone)
    collectVulkanWork(session);
  return isDone;
}

void qfmt::gpu::collectVulkanWork(const VulkanSession &session) {
  Queue &q = queue();
  uint64_t value = 0;
  if (q.running.empty() ||
      session->GetSemaphoreCounterValue(session.getHandle(), q.counter, &value))
    return;
  while (!q.running.empty() && q.running.front().value <= value) {
    Batch &batch = q.running.front();
    if (batch.commands)
      q.freeCommands.push_back(batch.commands);
    for (VkDescriptorPool pool : batch.descriptorPools) {
      session->ResetDescriptorPool(session.getHandle(), pool, 0);
      q.freePools.push_back(pool);
    }
    for (const VulkanBuffer &buffer : batch.buffers)
      reuseVulkanBuffer(buffer);
    q.running.pop_front();
  }
}

/// " (last kernels: 'a', 'b')", and forgets them.
static std::string takeKernels(Stream &stream) {
  std::string names;
  for (const std::string &kernel : stream.kernels)
    names += (names.empty() ? " (last kernels: '" : ", '") + kernel + "'";
  stream.kernels.clear();
  return names.empty() ? names : names + ")";
}

void qfmt::gpu::noteVulkanLaunch(void *stream, const std::string &kernel) {
  auto &kernels = getStream(stream).kernels;
  if (kernels.size() == kKernelsInMessages)
    kernels.pop_front();
  kernels.push_back(kernel);
}

static bool waitForStream(const VulkanSession &session, Stream &stream) {
  return submit(session, stream) &&
         wait(session, stream.waitsFor, takeKernels(stream));
}

bool qfmt::gpu::waitForVulkanStream(const VulkanSession &session,
                                    void *stream) {
  return waitForStream(session, getStream(stream));
}

bool qfmt::gpu::waitForVulkanDevice(const VulkanSession &session) {
  Queue &q = queue();
  bool isDone = waitForStream(session, q.standard);
  for (Stream *stream : q.streams)
    isDone &= waitForStream(session, *stream);
  return isDone && wait(session, q.submitted, "");
}

void qfmt::gpu::reuseAfterWork(const VulkanSession &session, void *stream,
                               const VulkanBuffer &buffer) {
  Queue &q = queue();
  // What is recorded elsewhere may use it too.
  if (!stream)
    for (Stream *other : q.streams)
      submit(session, *other);
  Stream &s = getStream(stream);
  if (s.batch.commands) {
    s.batch.buffers.push_back(buffer);
    return;
  }
  Batch batch;
  batch.buffers.push_back(buffer);
  batch.value = q.submitted;
  if (q.counter) {
    q.running.push_back(std::move(batch));
    collectVulkanWork(session);
  } else {
    reuseVulkanBuffer(buffer);
  }
}

static bool addDescriptorPool(const VulkanSession &session, Batch &batch) {
  Queue &q = queue();
  VkDescriptorPool pool;
  if (!q.freePools.empty()) {
    pool = q.freePools.back();
    q.freePools.pop_back();
  } else {
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                 kBindingsPerPool};
    VkDescriptorPoolCreateInfo info = {};
    info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
    info.maxSets = kSetsPerPool;
    info.poolSizeCount = 1;
    info.pPoolSizes = &size;
    if (!session.check(session->CreateDescriptorPool(session.getHandle(), &info,
                                                     nullptr, &pool),
                       "cannot make a descriptor pool"))
      return false;
  }
  batch.descriptorPools.push_back(pool);
  return true;
}

VkDescriptorSet qfmt::gpu::allocateVulkanSet(const VulkanSession &session,
                                             void *stream,
                                             VkDescriptorSetLayout layout,
                                             uint32_t bindings) {
  if (bindings > kBindingsPerPool) {
    fail("a kernel with more than " + std::to_string(kBindingsPerPool) +
         " arguments");
    return nullptr;
  }
  Batch &batch = getStream(stream).batch;
  VkDescriptorSetAllocateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  info.descriptorSetCount = 1;
  info.pSetLayouts = &layout;
  VkDescriptorSet set = nullptr;
  VkResult result = VK_ERROR_OUT_OF_POOL_MEMORY;
  if (!batch.descriptorPools.empty()) {
    info.descriptorPool = batch.descriptorPools.back();
    result = session->AllocateDescriptorSets(session.getHandle(), &info, &set);
  }
  if (result != VK_SUCCESS) {
    // The last pool is full.
    if (!addDescriptorPool(session, batch))
      return nullptr;
    info.descriptorPool = batch.descriptorPools.back();
    result = session->AllocateDescriptorSets(session.getHandle(), &info, &set);
  }
  return session.check(result, "cannot allocate a descriptor set") ? set
                                                                   : nullptr;
}

void *mgpuStreamCreate() {
  VulkanSession session;
  if (!session)
    return nullptr;
  auto *stream = new Stream;
  queue().streams.insert(stream);
  return stream;
}

void mgpuStreamDestroy(void *stream) {
  VulkanSession session(VulkanSession::Release);
  auto *object = static_cast<Stream *>(stream);
  if (!session || !queue().streams.erase(object))
    return;
  submit(session, *object);
  delete object;
}

void mgpuStreamSynchronize(void *stream) {
  VulkanSession session;
  if (session)
    waitForVulkanStream(session, stream);
}

void mgpuStreamWaitEvent(void *stream, void *event) {
  VulkanSession session;
  if (!session)
    return;
  auto *object = static_cast<Event *>(event);
  if (!queue().events.count(object)) {
    fail("cannot wait for an event that does not exist");
    return;
  }
  // The queue does what it got first first; only the host must wait.
  Stream &s = getStream(stream);
  s.waitsFor = std::max(s.waitsFor, object->value);
}

void *mgpuEventCreate() {
  VulkanSession session;
  if (!session)
    return nullptr;
  auto *event = new Event;
  queue().events.insert(event);
  return event;
}

void mgpuEventDestroy(void *event) {
  VulkanSession session(VulkanSession::Release);
  auto *object = static_cast<Event *>(event);
  if (queue().events.erase(object))
    delete object;
}

void mgpuEventSynchronize(void *event) {
  VulkanSession session;
  if (session && queue().events.count(static_cast<Event *>(event)))
    wait(session, static_cast<Event *>(event)->value, "");
}

void mgpuEventRecord(void *event, void *stream) {
  VulkanSession session;
  if (!session)
    return;
  auto *object = static_cast<Event *>(event);
  Stream &s = getStream(stream);
  if (!queue().events.count(object))
    fail("cannot record an event that does not exist");
  else if (submit(session, s))
    object->value = s.waitsFor;
}

void qfmt::gpu::releaseVulkanStreams(const VulkanSession &session) {
  Queue &q = queue();
  // What was recorded and never waited for is dropped.
  q.streams.insert(&q.standard);
  for (Stream *stream : q.streams) {
    q.running.push_back(std::move(stream->batch));
    if (stream != &q.standard)
      delete stream;
  }
  for (Event *event : q.events)
    delete event;
  VkDevice device = session.getHandle();
  for (Batch &batch : q.running) {
    q.freePools.insert(q.freePools.end(), batch.descriptorPools.begin(),
                       batch.descriptorPools.end());
    for (const VulkanBuffer &buffer : batch.buffers)
      reuseVulkanBuffer(buffer);
  }
  for (VkDescriptorPool pool : q.freePools)
    session->DestroyDescriptorPool(device, pool, nullptr);
  if (q.commandPool)
    session->DestroyCommandPool(device, q.commandPool, nullptr);
  if (q.counter)
    session->DestroySemaphore(device, q.counter, nullptr);
  q = Queue();
}
