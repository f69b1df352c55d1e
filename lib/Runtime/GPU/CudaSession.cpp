// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens and closes NVIDIA's device.

#include "CudaSession.h"
#include "ConstantCache.h"
#include "DeviceOptions.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <mutex>

using namespace qfmt::gpu;

/// What qfmtGpuOpen returns where tests are to be skipped.
static constexpr int kNoDevice = 77;

namespace {
struct Opened {
  std::mutex mutex;
  std::unique_ptr<OpenCudaDevice> owner;
  std::atomic<OpenCudaDevice *> device{nullptr};
  /// What mgpuSetDefaultDevice has said, for the first use.
  int defaultDevice = 0;
};
} // namespace

static Opened &opened() {
  static Opened &opened = *new Opened;
  return opened;
}

/// The number of devices. 0 with a message if there are none, or no driver that
/// works with them.
static int countDevices(const CudaDriver &driver, std::string &message) {
  int count = 0;
  CudaResult result = driver.init(0);
  if (result == kCudaSuccess)
    result = driver.deviceGetCount(&count);
  if (result != kCudaSuccess)
    message = "no CUDA device: " + describeCudaResult(driver, result);
  else if (count == 0)
    message = "no CUDA device: the driver lists none";
  return result == kCudaSuccess ? count : 0;
}

static CudaResult readLimits(OpenCudaDevice &opened) {
  using Attribute = CudaDeviceAttribute;
  CudaLimits &limits = opened.limits;
  int major = 0, minor = 0, hasClusters = 0;
  struct {
    Attribute attribute;
    int *value;
  } wanted[] = {{Attribute::MaxThreadsPerBlock, &limits.threadsPerBlock},
                {Attribute::MaxBlockX, &limits.block[0]},
                {Attribute::MaxBlockY, &limits.block[1]},
                {Attribute::MaxBlockZ, &limits.block[2]},
                {Attribute::MaxGridX, &limits.grid[0]},
                {Attribute::MaxGridY, &limits.grid[1]},
                {Attribute::MaxGridZ, &limits.grid[2]},
                {Attribute::MaxSharedPerBlock, &limits.sharedPerBlock},
                {Attribute::ComputeCapabilityMajor, &major},
                {Attribute::ComputeCapabilityMinor, &minor}};
  for (auto &[attribute, value] : wanted)
    if (CudaResult result =
            opened.driver.deviceGetAttribute(value, attribute, opened.device))
      return result;
  // Drivers that do not know it have no clusters.
  if (opened.driver.deviceGetAttribute(&hasClusters, Attribute::ClusterLaunch,
                                       opened.device))
    hasClusters = 0;
  limits.hasClusters = hasClusters && opened.driver.launchKernelEx;
  // The instructions of this chip alone (wgmma, ...) have an `a` from 9.0 on.
  opened.chip = "sm_" + std::to_string(major) + std::to_string(minor) +
                (major >= 9 ? "a" : "");
  char name[256] = {};
  CudaResult result =
      opened.driver.deviceGetName(name, sizeof(name) - 1, opened.device);
  opened.name = name;
  return result;
}

/// A pool that keeps freed memory for later allocations, or null.
static CudaPool makePool(const OpenCudaDevice &opened) {
  const CudaDriver &driver = opened.driver;
  int hasPools = 0;
  if (!driver.memPoolCreate || !driver.memPoolDestroy ||
      !driver.memPoolSetAttribute || !driver.memPoolTrimTo ||
      !driver.memAllocFromPoolAsync || !driver.memFreeAsync ||
      driver.deviceGetAttribute(&hasPools, CudaDeviceAttribute::MemoryPools,
                                opened.device) ||
      !hasPools)
    return nullptr;
  CudaPoolProperties properties;
  properties.locationId = opened.device;
  CudaPool pool = nullptr;
  if (driver.memPoolCreate(&pool, &properties))
    return nullptr;
  constexpr int kReleaseThreshold = 4;
  uint64_t everything = UINT64_MAX;
  driver.memPoolSetAttribute(pool, kReleaseThreshold, &everything);
  return pool;
}

static int failWith(int status, const std::string &message) {
  fail(message);
  return status;
}

/// Opens device `index` of a driver that is loaded.
static int openDevice(OpenCudaDevice &device, int index) {
  std::string message;
  int count = countDevices(device.driver, message);
  if (count == 0)
    return failWith(kNoDevice, message);
  if (index >= count)
    return failWith(1, "there is no CUDA device " + std::to_string(index) +
                           ", only " + std::to_string(count));
  CudaResult result = device.driver.deviceGet(&device.device, index);
  if (!result)
    result = readLimits(device);
  if (!result)
    result = device.driver.primaryCtxRetain(&device.context, device.device);
  if (result)
    return failWith(1, "cannot open CUDA device " + std::to_string(index) +
                           ": " + describeCudaResult(device.driver, result));
  if (!device.driver.ctxPushCurrent(device.context)) {
    CudaContext popped;
    device.pool = makePool(device);
    device.driver.ctxPopCurrent(&popped);
  }
  const char *sync = std::getenv("QFMT_GPU_SYNC");
  device.waitsForLaunches = sync && *sync && std::string(sync) != "0";
  return 0;
}

static int openLocked(Opened &o, int index) {
  if (o.device)
    return 0;
  auto device = std::make_unique<OpenCudaDevice>();
  std::string message;
  if (!loadCudaDriver(device->driver, device->library, message))
    return failWith(kNoDevice, message);
  if (int status = openDevice(*device, index)) {
    dlclose(device->library);
    return status;
  }
  o.owner = std::move(device);
  o.device = o.owner.get();
  // Before the driver's own destructors; those of the program, which unload its
  // modules, come later.
  static bool isClosedAtExit = std::atexit(qfmtGpuClose) == 0;
  (void)isClosedAtExit;
  return 0;
}

int qfmtGpuOpen(const char *options) {
  DeviceOptions parsed;
  std::string wrong = parseDeviceOptions(options, parsed);
  if (!wrong.empty())
    return failWith(1, wrong);
  Opened &o = opened();
  std::lock_guard<std::mutex> lock(o.mutex);
  int index = o.defaultDevice;
  if (!parsed.device.empty() && !isDeviceIndex(parsed.device, index))
    return failWith(1, "a CUDA device is chosen by its index, found '" +
                           parsed.device + "'");
  return openLocked(o, index);
}

void mgpuSetDefaultDevice(int32_t device) {
  if (hasFailed())
    return;
  Opened &o = opened();
  std::lock_guard<std::mutex> lock(o.mutex);
  int open = o.device ? o.device.load()->device : device;
  if (device < 0 || open != device) {
    fail("cannot use device " + std::to_string(device) +
         (device < 0 ? "" : ": device " + std::to_string(open) + " is in use"));
    return;
  }
  o.defaultDevice = device;
}

const char *qfmtGpuChip() {
  CudaSession session;
  return session ? session.getDevice().chip.c_str() : nullptr;
}

void qfmtGpuClose() {
  Opened &o = opened();
  {
    CudaSession session(CudaSession::Release);
    if (!session)
      return;
    session.check(session->ctxSynchronize(), "cannot close the device");
    releaseConstants();
    releaseCudaModules(session);
    releaseCudaStreams(session);
    releaseCudaMemory(session);
    if (session.getDevice().pool)
      session->memPoolDestroy(session.getDevice().pool);
  }
  std::lock_guard<std::mutex> lock(o.mutex);
  o.device = nullptr;
  o.owner->driver.primaryCtxRelease(o.owner->device);
  dlclose(o.owner->library);
  o.owner.reset();
}

CudaSession::CudaSession(Kind kind) {
  Opened &o = opened();
  if (kind == Work) {
    if (hasFailed())
      return;
    if (!o.device) {
      std::lock_guard<std::mutex> lock(o.mutex);
      if (openLocked(o, o.defaultDevice))
        return;
    }
  }
  device = o.device;
  if (!device)
    return;
  CudaResult result = device->driver.ctxPushCurrent(device->context);
  if (result == kCudaSuccess)
    return;
  check(result, "cannot use the device");
  device = nullptr;
}

CudaSession::~CudaSession() {
  CudaContext popped;
  if (device)
    device->driver.ctxPopCurrent(&popped);
}

bool CudaSession::check(CudaResult result, const char *what,
                        const std::string &detail) const {
  if (result == kCudaSuccess)
    return true;
  // The driver has ended before the program's own destructors.
  if (result != kCudaDeinitialized)
    fail(what + detail + ": " + describeCudaResult(device->driver, result));
  return false;
}
