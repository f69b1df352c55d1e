// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CudaDriver.h"
#include <cstdlib>
#include <dlfcn.h>

using namespace qfmt::gpu;

template <typename FunctionT>
static bool find(void *library, const char *name, FunctionT &function) {
  function = reinterpret_cast<FunctionT>(dlsym(library, name));
  return function != nullptr;
}

/// The name of the first function that every driver must have and this one has
/// not, or null. Suffixes are those that the header of CUDA 12 adds.
static const char *findRequired(void *library, CudaDriver &d) {
  const char *missing = nullptr;
  auto require = [&](const char *name, auto &function) {
    if (!find(library, name, function) && !missing)
      missing = name;
  };
  require("cuInit", d.init);
  require("cuGetErrorName", d.getErrorName);
  require("cuGetErrorString", d.getErrorString);
  require("cuDriverGetVersion", d.driverGetVersion);
  require("cuDeviceGetCount", d.deviceGetCount);
  require("cuDeviceGet", d.deviceGet);
  require("cuDeviceGetName", d.deviceGetName);
  require("cuDeviceGetAttribute", d.deviceGetAttribute);
  require("cuDevicePrimaryCtxRetain", d.primaryCtxRetain);
  require("cuDevicePrimaryCtxRelease_v2", d.primaryCtxRelease);
  require("cuCtxPushCurrent_v2", d.ctxPushCurrent);
  require("cuCtxPopCurrent_v2", d.ctxPopCurrent);
  require("cuCtxSynchronize", d.ctxSynchronize);
  require("cuModuleLoadDataEx", d.moduleLoadDataEx);
  require("cuModuleUnload", d.moduleUnload);
  require("cuModuleGetFunction", d.moduleGetFunction);
  require("cuFuncGetAttribute", d.funcGetAttribute);
  require("cuFuncSetAttribute", d.funcSetAttribute);
  require("cuLaunchKernel", d.launchKernel);
  require("cuStreamCreate", d.streamCreate);
  require("cuStreamDestroy_v2", d.streamDestroy);
  require("cuStreamSynchronize", d.streamSynchronize);
  require("cuStreamWaitEvent", d.streamWaitEvent);
  require("cuEventCreate", d.eventCreate);
  require("cuEventDestroy_v2", d.eventDestroy);
  require("cuEventSynchronize", d.eventSynchronize);
  require("cuEventRecord", d.eventRecord);
  require("cuEventElapsedTime", d.eventElapsedTime);
  require("cuMemAlloc_v2", d.memAlloc);
  require("cuMemAllocManaged", d.memAllocManaged);
  require("cuMemFree_v2", d.memFree);
  require("cuMemGetInfo_v2", d.memGetInfo);
  require("cuMemcpyAsync", d.memcpyAsync);
  require("cuMemcpyHtoD_v2", d.memcpyHtoD);
  require("cuMemcpyDtoH_v2", d.memcpyDtoH);
  require("cuMemsetD16Async", d.memsetD16Async);
  require("cuMemsetD32Async", d.memsetD32Async);
  require("cuMemHostRegister_v2", d.memHostRegister);
  require("cuMemHostUnregister", d.memHostUnregister);
  return missing;
}

static void findOptional(void *library, CudaDriver &d) {
  find(library, "cuMemPoolCreate", d.memPoolCreate);
  find(library, "cuMemPoolDestroy", d.memPoolDestroy);
  find(library, "cuMemPoolSetAttribute", d.memPoolSetAttribute);
  find(library, "cuMemPoolTrimTo", d.memPoolTrimTo);
  find(library, "cuMemAllocFromPoolAsync", d.memAllocFromPoolAsync);
  find(library, "cuMemFreeAsync", d.memFreeAsync);
  find(library, "cuLaunchKernelEx", d.launchKernelEx);
  find(library, "cuTensorMapEncodeTiled", d.tensorMapEncodeTiled);
}

bool qfmt::gpu::loadCudaDriver(CudaDriver &driver, void *&library,
                               std::string &message) {
  const char *chosen = std::getenv("QFMT_LIBCUDA");
  const char *name = chosen && *chosen ? chosen : "libcuda.so.1";
  library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *why = dlerror();
    message = std::string("no CUDA driver: ") + (why ? why : name);
    return false;
  }
  if (const char *missing = findRequired(library, driver)) {
    message = std::string("the CUDA driver ") + name +
              " is too old: it has no " + missing;
    dlclose(library);
    library = nullptr;
    return false;
  }
  findOptional(library, driver);
  return true;
}

std::string qfmt::gpu::describeCudaResult(const CudaDriver &driver,
                                          CudaResult result) {
  const char *name = nullptr, *text = nullptr;
  driver.getErrorName(result, &name);
  driver.getErrorString(result, &text);
  std::string described = name ? name : "CUDA error " + std::to_string(result);
  return text ? described + " (" + text + ")" : described;
}
