// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GpuLibrary.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::qfmt;

/// lib/Runtime/GPU/Mgpu.h.
static constexpr const char *kFunctions[] = {
    "qfmtGpuConstant",
    "mgpuModuleLoad",
    "mgpuModuleLoadJIT",
    "mgpuModuleUnload",
    "mgpuModuleGetFunction",
    "mgpuLaunchKernel",
    "mgpuLaunchClusterKernel",
    "mgpuStreamCreate",
    "mgpuStreamDestroy",
    "mgpuStreamSynchronize",
    "mgpuStreamWaitEvent",
    "mgpuEventCreate",
    "mgpuEventDestroy",
    "mgpuEventSynchronize",
    "mgpuEventRecord",
    "mgpuMemAlloc",
    "mgpuMemFree",
    "mgpuMemcpy",
    "mgpuMemset32",
    "mgpuMemset16",
    "mgpuMemHostRegisterMemRef",
    "mgpuMemHostUnregisterMemRef",
    "mgpuSetDefaultDevice",
    "mgpuTensorMapEncodeTiledMemref",
    "qfmtGpuTensorMap",
};

static StringRef getDeviceName(Device device) {
  switch (device) {
  case Device::Cuda:
    return "cuda";
  case Device::Sim:
    return "sim";
  case Device::Vulkan:
    return "vulkan";
  case Device::Rocm:
    return "rocm";
  case Device::Cpu:
    break;
  }
  return "";
}

/// libqfmt_x.so in lib beside the directory of this program.
static std::string getPath(const Options &options) {
  if (!options.gpuLibrary.empty())
    return options.gpuLibrary;
  static int anchor;
  SmallString<128> path(llvm::sys::path::parent_path(
      llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(
          /*argv0=*/nullptr, &anchor))));
  llvm::sys::path::append(path, "lib",
                          "libqfmt_" + getDeviceName(options.gpu) + ".so");
  return path.str().str();
}

int GpuLibrary::open(const Options &options) {
  std::string path = getPath(options);
  if (!llvm::sys::fs::exists(path)) {
    (void)error("there is no '" + path + "', which runs kernels with --gpu=" +
                getDeviceName(options.gpu) +
                ": build it, or name it with --gpu-library");
    return 1;
  }
  std::string message;
  auto library =
      llvm::sys::DynamicLibrary::getPermanentLibrary(path.c_str(), &message);
  if (!library.isValid()) {
    (void)error("cannot load '" + path + "': " + message);
    return 1;
  }
  for (const char *name : kFunctions)
    if (void *address = library.getAddressOfSymbol(name))
      symbols.push_back({name, address});
  auto open = reinterpret_cast<int (*)(const char *)>(
      library.getAddressOfSymbol("qfmtGpuOpen"));
  getError = reinterpret_cast<const char *(*)()>(
      library.getAddressOfSymbol("qfmtGpuError"));
  if (!open || !getError) {
    (void)error("'" + path +
                "' is no library that runs kernels: it does not "
                "define qfmtGpuOpen and qfmtGpuError");
    return 1;
  }
  int status = open(options.gpuOptions.c_str());
  if (status == 0)
    return 0;
  const char *reason = getError();
  (void)error("cannot use --gpu=" + getDeviceName(options.gpu) + ": " +
              (reason ? reason : "no reason given"));
  return status == kNoDevice ? kNoDevice : 1;
}

LogicalResult GpuLibrary::check() const {
  if (const char *message = getError ? getError() : nullptr)
    return error(message);
  return success();
}
