// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses, opens and closes a Vulkan device.

#include "VulkanSession.h"
#include "ConstantCache.h"
#include "DeviceOptions.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <vector>

using namespace qfmt::gpu;

/// What qfmtGpuOpen returns where tests are to be skipped.
static constexpr int kNoDevice = 77;

namespace {
struct Opened {
  /// Recursive: what releases memory is called with and without the lock.
  std::recursive_mutex mutex;
  std::unique_ptr<OpenVulkanDevice> device;
  /// What mgpuSetDefaultDevice has said, for the first use.
  std::string defaultDevice;
};

/// A device that could be opened.
struct Candidate {
  VkPhysicalDevice physical;
  VkPhysicalDeviceProperties properties;
  uint32_t queueFamily;
};
} // namespace

static Opened &opened() {
  static Opened &opened = *new Opened;
  return opened;
}

static int failWith(int status, const std::string &message) {
  fail(message);
  return status;
}

static bool makeInstance(OpenVulkanDevice &open, std::string &message) {
  VkApplicationInfo application = {};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "qfmt";
  application.apiVersion = VK_API_VERSION_1_3;
  VkInstanceCreateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  VkResult result =
      open.functions.CreateInstance(&info, nullptr, &open.instance);
  if (result == VK_SUCCESS)
    return loadVulkan(open.functions, open.instance, message);
  open.instance = nullptr;
  message = "no Vulkan device: " + describeVulkanResult(result);
  return false;
}

static bool findQueueFamily(const VulkanFunctions &f, VkPhysicalDevice physical,
                            uint32_t &family) {
  uint32_t count = 0;
  f.GetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  f.GetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  for (family = 0; family < count; ++family)
    if (families[family].queueFlags & VK_QUEUE_COMPUTE_BIT)
      return true;
  return false;
}

static std::vector<Candidate> listDevices(const OpenVulkanDevice &open) {
  const VulkanFunctions &f = open.functions;
  uint32_t count = 0;
  f.EnumeratePhysicalDevices(open.instance, &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  f.EnumeratePhysicalDevices(open.instance, &count, devices.data());
  devices.resize(count);
  std::vector<Candidate> candidates;
  for (VkPhysicalDevice device : devices) {
    VkPhysicalDeviceProperties2 properties = {};
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    f.GetPhysicalDeviceProperties2(device, &properties);
    uint32_t family;
    if (properties.properties.apiVersion >= VK_API_VERSION_1_2 &&
        findQueueFamily(f, device, family))
      candidates.push_back({device, properties.properties, family});
  }
  return candidates;
}

/// The more the better.
static int rank(const Candidate &candidate) {
  switch (candidate.properties.deviceType) {
  case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
    return 3;
  case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
    return 2;
  case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
    return 1;
  default:
    return 0;
  }
}

/// The device that `wanted` says, by index or a part of its name; the best one
/// if it says nothing. Null if there is none.
static const Candidate *choose(const std::vector<Candidate> &candidates,
                               const std::string &wanted) {
  int index;
  if (isDeviceIndex(wanted, index))
    return size_t(index) < candidates.size() ? &candidates[index] : nullptr;
  const Candidate *chosen = nullptr;
  for (const Candidate &candidate : candidates) {
    std::string name = candidate.properties.deviceName;
    if (name.find(wanted) != std::string::npos &&
        (!chosen || rank(candidate) > rank(*chosen)))
      chosen = &candidate;
  }
  return chosen;
}

static std::string listNames(const std::vector<Candidate> &candidates) {
  std::string names;
  for (const Candidate &candidate : candidates)
    names += (names.empty() ? "'" : ", '") +
             std::string(candidate.properties.deviceName) + "'";
  return names;
}

/// Memory that the host sees without flushing: the device's own if that is
/// large, otherwise such that the host reads it fast.
static bool chooseMemory(OpenVulkanDevice &open) {
  VkPhysicalDeviceMemoryProperties memory;
  open.functions.GetPhysicalDeviceMemoryProperties(open.physical, &memory);
  constexpr VkMemoryPropertyFlags kNeeded =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  // Smaller ones are windows into the device's memory, for little.
  constexpr VkDeviceSize kLargeHeap = VkDeviceSize(1) << 30;
  int best = -1;
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
    if ((flags & kNeeded) != kNeeded)
      continue;
    VkDeviceSize heap =
        memory.memoryHeaps[memory.memoryTypes[i].heapIndex].size;
    bool isLocal = flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    bool isCached = flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    int points = 1 + isCached + (isLocal && heap >= kLargeHeap ? 2 : 0);
    if (points > best) {
      best = points;
      open.memoryType = i;
    }
  }
  return best > 0;
}

static VkResult makeDevice(OpenVulkanDevice &open) {
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = open.queueFamily;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info = {};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = open.features.getEnabled();
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  VkResult result =
      open.functions.CreateDevice(open.physical, &info, nullptr, &open.device);
  if (result == VK_SUCCESS)
    open.functions.GetDeviceQueue(open.device, open.queueFamily, 0,
                                  &open.queue);
  else
    open.device = nullptr;
  return result;
}

static void readLimits(OpenVulkanDevice &open) {
  VkPhysicalDeviceMaintenance3Properties maintenance = {};
  maintenance.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES;
  VkPhysicalDeviceProperties2 properties = {};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &maintenance;
  open.functions.GetPhysicalDeviceProperties2(open.physical, &properties);
  open.name = properties.properties.deviceName;
  open.limits = properties.properties.limits;
  open.maxAllocationBytes = maintenance.maxMemoryAllocationSize;
  open.features.read(open.functions, open.physical,
                     properties.properties.apiVersion);
}

/// Opens what `wanted` says with a driver that is loaded.
static int openDevice(OpenVulkanDevice &open, const std::string &wanted) {
  std::string message;
  if (!makeInstance(open, message))
    return failWith(kNoDevice, message);
  std::vector<Candidate> candidates = listDevices(open);
  if (candidates.empty())
    return failWith(kNoDevice, "no Vulkan device: the drivers have none of "
                               "Vulkan 1.2 or later");
  const Candidate *chosen = choose(candidates, wanted);
  if (!chosen)
    return failWith(1, "there is no Vulkan device '" + wanted + "', there is " +
                           listNames(candidates));
  open.physical = chosen->physical;
  open.queueFamily = chosen->queueFamily;
  readLimits(open);
  if (!chooseMemory(open))
    return failWith(1, "'" + open.name + "' has no memory that the host sees");
  VkResult result = makeDevice(open);
  return result == VK_SUCCESS
             ? 0
             : failWith(1, "cannot open Vulkan device '" + open.name +
                               "': " + describeVulkanResult(result));
}

static void closeDevice(OpenVulkanDevice &open) {
  if (open.device)
    open.functions.DestroyDevice(open.device, nullptr);
  if (open.instance && open.functions.DestroyInstance)
    open.functions.DestroyInstance(open.instance, nullptr);
  dlclose(open.library);
}

static int openLocked(Opened &o, const std::string &wanted) {
  if (o.device)
    return 0;
  auto device = std::make_unique<OpenVulkanDevice>();
  std::string message;
  if (!loadVulkan(device->functions, device->library, message))
    return failWith(kNoDevice, message);
  if (int status = openDevice(*device, wanted)) {
    closeDevice(*device);
    return status;
  }
  o.device = std::move(device);
  // Before the driver's own destructors; those of the program, which unload its
  // modules, come later.
  static bool isClosedAtExit = std::atexit(qfmtGpuClose) == 0;
  (void)isClosedAtExit;
  return 0;
}

/// What to open where the call does not say.
static std::string getDefaultDevice(const Opened &o) {
  const char *chosen = std::getenv("QFMT_VULKAN_DEVICE");
  return !o.defaultDevice.empty() || !chosen ? o.defaultDevice : chosen;
}

int qfmtGpuOpen(const char *options) {
  DeviceOptions parsed;
  std::string wrong = parseDeviceOptions(options, parsed);
  if (!wrong.empty())
    return failWith(1, wrong);
  Opened &o = opened();
  std::lock_guard<std::recursive_mutex> lock(o.mutex);
  return openLocked(o, parsed.device.empty() ? getDefaultDevice(o)
                                             : parsed.device);
}

void mgpuSetDefaultDevice(int32_t device) {
  if (hasFailed())
    return;
  Opened &o = opened();
  std::lock_guard<std::recursive_mutex> lock(o.mutex);
  std::string wanted = std::to_string(device);
  if (o.device && wanted != o.defaultDevice)
    fail("cannot use device " + wanted + ": '" + o.device->name +
         "' is in use");
  else
    o.defaultDevice = wanted;
}

const char *qfmtGpuChip() {
  VulkanSession session;
  return session ? session.getDevice().name.c_str() : nullptr;
}

void qfmtGpuClose() {
  Opened &o = opened();
  size_t modules;
  {
    VulkanSession session(VulkanSession::Release);
    if (!session)
      return;
    session.check(session->DeviceWaitIdle(session.getHandle()),
                  "cannot close the device");
    modules = releaseVulkanModules(session);
  }
  for (size_t i = 0; i < modules; ++i)
    countUnloadedModule();
  releaseConstants();
  std::lock_guard<std::recursive_mutex> lock(o.mutex);
  {
    VulkanSession session(VulkanSession::Release);
    releaseVulkanStreams(session);
    releaseVulkanMemory(session);
  }
  closeDevice(*o.device);
  o.device.reset();
  o.defaultDevice.clear();
}

VulkanSession::VulkanSession(Kind kind) : lock(opened().mutex) {
  Opened &o = opened();
  if (kind == Work && (hasFailed() || openLocked(o, getDefaultDevice(o))))
    return;
  device = o.device.get();
}

bool VulkanSession::check(VkResult result, const char *what,
                          const std::string &detail) const {
  if (result == VK_SUCCESS)
    return true;
  fail(what + detail + ": " + describeVulkanResult(result));
  return false;
}
