// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of NVIDIA's driver that the runtime calls, found at run time in
// libcuda.so.1 (environment variable QFMT_LIBCUDA: another file). The types are
// those of the driver's binary interface, so that no header of CUDA is needed.

#ifndef QFMT_RUNTIME_GPU_CUDADRIVER_H
#define QFMT_RUNTIME_GPU_CUDADRIVER_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace qfmt::gpu {

using CudaResult = int;
using CudaDevice = int;
using CudaPointer = uint64_t;
using CudaContext = struct CudaContextObject *;
using CudaModule = struct CudaModuleObject *;
using CudaFunction = struct CudaFunctionObject *;
using CudaStream = struct CudaStreamObject *;
using CudaEvent = struct CudaEventObject *;
using CudaPool = struct CudaPoolObject *;

enum : CudaResult {
  kCudaSuccess = 0,
  kCudaOutOfMemory = 2,
  kCudaDeinitialized = 4,
  kCudaStubLibrary = 34,
  kCudaNoDevice = 100,
  kCudaNoBinaryForGpu = 209,
  kCudaNotFound = 500,
};

/// CUdevice_attribute.
enum class CudaDeviceAttribute : int {
  MaxThreadsPerBlock = 1,
  MaxBlockX = 2,
  MaxBlockY = 3,
  MaxBlockZ = 4,
  MaxGridX = 5,
  MaxGridY = 6,
  MaxGridZ = 7,
  ComputeCapabilityMajor = 75,
  ComputeCapabilityMinor = 76,
  MaxSharedPerBlock = 97,
  MemoryPools = 115,
  ClusterLaunch = 120,
};

/// CUfunction_attribute.
enum class CudaFunctionAttribute : int {
  MaxThreadsPerBlock = 0,
  StaticShared = 1,
  Registers = 4,
  MaxDynamicShared = 8,
  NonPortableClusters = 14,
};

/// CUjit_option.
enum class CudaJitOption : int {
  InfoLog = 3,
  InfoLogBytes = 4,
  ErrorLog = 5,
  ErrorLogBytes = 6,
  OptimizationLevel = 7,
};

/// CUlaunchAttribute with CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION.
struct CudaLaunchAttribute {
  int id = 4;
  int padding = 0;
  unsigned x, y, z;
  char rest[64 - 3 * sizeof(unsigned)] = {};
};
static_assert(sizeof(CudaLaunchAttribute) == 72);

/// CUlaunchConfig.
struct CudaLaunchConfig {
  unsigned gridX, gridY, gridZ;
  unsigned blockX, blockY, blockZ;
  unsigned sharedBytes;
  CudaStream stream;
  CudaLaunchAttribute *attributes;
  unsigned attributeCount;
};
static_assert(sizeof(CudaLaunchConfig) == 56);

/// CUmemPoolProps: memory on a device, not shared with other processes.
struct CudaPoolProperties {
  int allocationType = 1; // CU_MEM_ALLOCATION_TYPE_PINNED
  int handleTypes = 0;
  int locationType = 1; // CU_MEM_LOCATION_TYPE_DEVICE
  int locationId = 0;
  void *securityAttributes = nullptr;
  size_t maxSize = 0;
  unsigned short usage = 0;
  unsigned char reserved[54] = {};
};
static_assert(sizeof(CudaPoolProperties) == 88);

/// CUtensorMap.
struct alignas(64) CudaTensorMap {
  uint64_t opaque[16];
};

/// One pointer a function, named as in the driver's documentation; null for
/// functions of newer drivers that this one lacks.
struct CudaDriver {
  CudaResult (*init)(unsigned flags);
  CudaResult (*getErrorName)(CudaResult, const char **);
  CudaResult (*getErrorString)(CudaResult, const char **);
  CudaResult (*driverGetVersion)(int *);
  CudaResult (*deviceGetCount)(int *);
  CudaResult (*deviceGet)(CudaDevice *, int ordinal);
  CudaResult (*deviceGetName)(char *, int bytes, CudaDevice);
  CudaResult (*deviceGetAttribute)(int *, CudaDeviceAttribute, CudaDevice);
  CudaResult (*primaryCtxRetain)(CudaContext *, CudaDevice);
  CudaResult (*primaryCtxRelease)(CudaDevice);
  CudaResult (*ctxPushCurrent)(CudaContext);
  CudaResult (*ctxPopCurrent)(CudaContext *);
  CudaResult (*ctxSynchronize)();
  CudaResult (*moduleLoadDataEx)(CudaModule *, const void *, unsigned count,
                                 CudaJitOption *, void **);
  CudaResult (*moduleUnload)(CudaModule);
  CudaResult (*moduleGetFunction)(CudaFunction *, CudaModule, const char *);
  CudaResult (*funcGetAttribute)(int *, CudaFunctionAttribute, CudaFunction);
  CudaResult (*funcSetAttribute)(CudaFunction, CudaFunctionAttribute, int);
  CudaResult (*launchKernel)(CudaFunction, unsigned, unsigned, unsigned,
                             unsigned, unsigned, unsigned, unsigned sharedBytes,
                             CudaStream, void **params, void **extra);
  CudaResult (*streamCreate)(CudaStream *, unsigned flags);
  CudaResult (*streamDestroy)(CudaStream);
  CudaResult (*streamSynchronize)(CudaStream);
  CudaResult (*streamWaitEvent)(CudaStream, CudaEvent, unsigned flags);
  CudaResult (*eventCreate)(CudaEvent *, unsigned flags);
  CudaResult (*eventDestroy)(CudaEvent);
  CudaResult (*eventSynchronize)(CudaEvent);
  CudaResult (*eventRecord)(CudaEvent, CudaStream);
  CudaResult (*eventElapsedTime)(float *milliseconds, CudaEvent, CudaEvent);
  CudaResult (*memAlloc)(CudaPointer *, size_t);
  CudaResult (*memAllocManaged)(CudaPointer *, size_t, unsigned flags);
  CudaResult (*memFree)(CudaPointer);
  CudaResult (*memGetInfo)(size_t *free, size_t *total);
  CudaResult (*memcpyAsync)(CudaPointer to, CudaPointer from, size_t,
                            CudaStream);
  CudaResult (*memcpyHtoD)(CudaPointer, const void *, size_t);
  CudaResult (*memcpyDtoH)(void *, CudaPointer, size_t);
  CudaResult (*memsetD16Async)(CudaPointer, unsigned short, size_t, CudaStream);
  CudaResult (*memsetD32Async)(CudaPointer, unsigned, size_t, CudaStream);
  CudaResult (*memHostRegister)(void *, size_t, unsigned flags);
  CudaResult (*memHostUnregister)(void *);
  // CUDA 11.2.
  CudaResult (*memPoolCreate)(CudaPool *, const CudaPoolProperties *);
  CudaResult (*memPoolDestroy)(CudaPool);
  CudaResult (*memPoolSetAttribute)(CudaPool, int attribute, void *);
  CudaResult (*memPoolTrimTo)(CudaPool, size_t);
  CudaResult (*memAllocFromPoolAsync)(CudaPointer *, size_t, CudaPool,
                                      CudaStream);
  CudaResult (*memFreeAsync)(CudaPointer, CudaStream);
  // CUDA 11.8 and 12.0.
  CudaResult (*launchKernelEx)(const CudaLaunchConfig *, CudaFunction,
                               void **params, void **extra);
  CudaResult (*tensorMapEncodeTiled)(
      CudaTensorMap *, int dataType, unsigned rank, void *address,
      const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
      const uint32_t *elementStrides, int interleave, int swizzle,
      int l2Promotion, int outOfBoundsFill);
};

/// Fills `driver`, or says in `message` what is missing. The library stays
/// loaded until closeCudaDriver.
bool loadCudaDriver(CudaDriver &driver, void *&library, std::string &message);

/// "CUDA_ERROR_OUT_OF_MEMORY (out of memory)".
std::string describeCudaResult(const CudaDriver &driver, CudaResult result);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_CUDADRIVER_H
