//===- Runtime.cpp - The functions that host code calls -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All work is done at once: streams and events have nothing to do.
//
//===----------------------------------------------------------------------===//

#include "AllocationSize.h"
#include "ConstantCache.h"
#include "DeviceMemory.h"
#include "Error.h"
#include "KernelModule.h"
#include "Launch.h"
#include "MemRefDescriptor.h"
#include "Mgpu.h"
#include "TensorMap.h"
#include <mutex>

using namespace mlir::qfmt::sim;

/// Kernels run one at a time.
static std::recursive_mutex mutex;
using Lock = std::lock_guard<std::recursive_mutex>;

//===----------------------------------------------------------------------===//
// Device and errors
//===----------------------------------------------------------------------===//

int qfmtGpuOpen(const char *options) {
  if (options && *options) {
    reportError("the simulator has no option '" + llvm::Twine(options) +
                "': it reads QFMT_SIM_SEED and QFMT_SIM_MEMORY");
    return 1;
  }
  Lock lock(mutex);
  return DeviceMemory::get().size() ? 0 : 1;
}

void qfmtGpuClose() { qfmt::gpu::releaseConstants(); }

const char *qfmtGpuChip() { return "sm_90a"; }

namespace {
struct Memory : qfmt::gpu::DeviceMemory {
  void *allocate(uint64_t bytes) override {
    Lock lock(mutex);
    return mlir::qfmt::sim::DeviceMemory::get().allocate(bytes);
  }
  void release(void *device) override {
    Lock lock(mutex);
    mlir::qfmt::sim::DeviceMemory::get().free(device);
  }
  bool write(void *device, const void *host, uint64_t bytes) override {
    return copy(device, host, bytes);
  }
  bool read(void *host, const void *device, uint64_t bytes) override {
    return copy(host, device, bytes);
  }
  bool copy(void *to, const void *from, uint64_t bytes) {
    Lock lock(mutex);
    mlir::qfmt::sim::DeviceMemory::get().copy(to, from, bytes);
    return !qfmt::gpu::hasFailed();
  }
};
} // namespace

qfmt::gpu::DeviceMemory &qfmt::gpu::deviceMemory() {
  static Memory memory;
  return memory;
}

//===----------------------------------------------------------------------===//
// Modules and kernels
//===----------------------------------------------------------------------===//

void *mgpuModuleLoad(void *data, int64_t size) {
  if (qfmt::gpu::hasFailed())
    return nullptr;
  Lock lock(mutex);
  std::unique_ptr<KernelModule> module =
      KernelModule::load({static_cast<const char *>(data), size_t(size)});
  if (module)
    qfmt::gpu::countLoadedModule();
  return module.release();
}

void *mgpuModuleLoadJIT(void *, int32_t) {
  return qfmt::gpu::fail("the simulator runs bitcode, not PTX: serialise "
                         "kernels with format=llvm");
}

void mgpuModuleUnload(void *module) {
  if (!module)
    return;
  Lock lock(mutex);
  delete static_cast<KernelModule *>(module);
  qfmt::gpu::countUnloadedModule();
}

void *mgpuModuleGetFunction(void *module, const char *name) {
  if (qfmt::gpu::hasFailed())
    return nullptr;
  if (!module || !name)
    return qfmt::gpu::fail("kernel of a module that was not loaded");
  Lock lock(mutex);
  return static_cast<KernelModule *>(module)->getKernel(name);
}

void mgpuLaunchKernel(void *function, int64_t gridX, int64_t gridY,
                      int64_t gridZ, int64_t blockX, int64_t blockY,
                      int64_t blockZ, int32_t sharedBytes, void *,
                      void **params, void **, int64_t paramsCount) {
  if (qfmt::gpu::hasFailed())
    return;
  Lock lock(mutex);
  launch(static_cast<const Kernel *>(function),
         {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}}, sharedBytes, params,
         paramsCount);
}

void mgpuLaunchClusterKernel(void *function, int64_t clusterX, int64_t clusterY,
                             int64_t clusterZ, int64_t gridX, int64_t gridY,
                             int64_t gridZ, int64_t blockX, int64_t blockY,
                             int64_t blockZ, int32_t sharedBytes, void *stream,
                             void **params, void **extra) {
  if (qfmt::gpu::hasFailed())
    return;
  if (clusterX != 1 || clusterY != 1 || clusterZ != 1)
    return reportError("the simulator runs clusters of one block only, not " +
                       llvm::Twine(clusterX) + " x " + llvm::Twine(clusterY) +
                       " x " + llvm::Twine(clusterZ));
  Lock lock(mutex);
  launch(static_cast<const Kernel *>(function),
         {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}}, sharedBytes, params,
         std::nullopt);
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

static char anyStream, anyEvent;

void *mgpuStreamCreate() { return &anyStream; }
void mgpuStreamDestroy(void *) {}
void mgpuStreamSynchronize(void *) {}
void mgpuStreamWaitEvent(void *, void *) {}
void *mgpuEventCreate() { return &anyEvent; }
void mgpuEventDestroy(void *) {}
void mgpuEventSynchronize(void *) {}
void mgpuEventRecord(void *, void *) {}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void *mgpuMemAlloc(uint64_t bytes, void *, int8_t) {
  if (qfmt::gpu::hasFailed() || bytes == 0 ||
      !qfmt::gpu::verifyAllocationSize(bytes))
    return nullptr;
  Lock lock(mutex);
  return DeviceMemory::get().allocate(bytes);
}

void mgpuMemFree(void *pointer, void *) {
  Lock lock(mutex);
  releaseTensorMaps(pointer);
  DeviceMemory::get().free(pointer);
}

void mgpuMemcpy(void *to, void *from, uint64_t bytes, void *) {
  if (qfmt::gpu::hasFailed())
    return;
  Lock lock(mutex);
  DeviceMemory::get().copy(to, from, bytes);
}

void mgpuMemset32(void *pointer, int32_t value, uint64_t count, void *) {
  if (qfmt::gpu::hasFailed())
    return;
  Lock lock(mutex);
  DeviceMemory::get().fill(pointer, &value, 4, count);
}

void mgpuMemset16(void *pointer, int16_t value, uint64_t count, void *) {
  if (qfmt::gpu::hasFailed())
    return;
  Lock lock(mutex);
  DeviceMemory::get().fill(pointer, &value, 2, count);
}

void mgpuMemHostRegisterMemRef(int64_t rank, void *descriptor,
                               int64_t elementBytes) {
  Lock lock(mutex);
  qfmt::gpu::MemRefDescriptor memref(rank, descriptor);
  DeviceMemory::get().registerHost(memref.getBegin(elementBytes),
                                   memref.getSpanBytes(elementBytes));
}

void mgpuMemHostUnregisterMemRef(int64_t rank, void *descriptor,
                                 int64_t elementBytes) {
  Lock lock(mutex);
  qfmt::gpu::MemRefDescriptor memref(rank, descriptor);
  DeviceMemory::get().unregisterHost(memref.getBegin(elementBytes));
}

void mgpuSetDefaultDevice(int32_t) {}
