// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What mgpuModuleGetFunction returns for NVIDIA's devices.

#ifndef QFMT_RUNTIME_GPU_CUDAMODULES_H
#define QFMT_RUNTIME_GPU_CUDAMODULES_H

#include "CudaDriver.h"
#include <atomic>

namespace qfmt::gpu {

struct CudaKernel {
  std::string name;
  CudaFunction handle;
  int maxThreadsPerBlock;
  int staticShared;
  int registers;
  /// The largest dynamic shared memory that the driver allows it so far.
  std::atomic<int> allowedShared{0};
};

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_CUDAMODULES_H
