// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The device that libqfmt_cuda.so has opened, and how its functions use it:
//
//   CudaSession session;                       // opens, makes current
//   if (!session)
//     return nullptr;                          // the error is kept
//   session.check(session->streamCreate(...), "cannot make a stream");

#ifndef QFMT_RUNTIME_GPU_CUDASESSION_H
#define QFMT_RUNTIME_GPU_CUDASESSION_H

#include "CudaDriver.h"
#include <cstdint>
#include <string>

namespace qfmt::gpu {

struct CudaLimits {
  int threadsPerBlock;
  int block[3];
  int grid[3];
  /// Static and dynamic together.
  int sharedPerBlock;
  bool hasClusters;
};

struct OpenCudaDevice {
  CudaDriver driver;
  void *library;
  CudaDevice device;
  CudaContext context;
  CudaLimits limits;
  /// Null where the driver or the device has no pools.
  CudaPool pool;
  /// "sm_90a".
  std::string chip;
  std::string name;
  /// Wait after each launch: environment variable QFMT_GPU_SYNC.
  bool waitsForLaunches;
};

/// The device's context is this thread's current one while a session lives.
class CudaSession {
public:
  enum Kind {
    /// Opens the device if that was not done. Unusable after an error.
    Work,
    /// Usable after errors too, but only if the device is open.
    Release
  };
  explicit CudaSession(Kind kind = Work);
  ~CudaSession();
  CudaSession(const CudaSession &) = delete;
  CudaSession &operator=(const CudaSession &) = delete;

  explicit operator bool() const { return device != nullptr; }
  const CudaDriver *operator->() const { return &device->driver; }
  const OpenCudaDevice &getDevice() const { return *device; }

  /// Whether `result` is success. Otherwise the error is kept, as
  /// "`what``detail`: CUDA_ERROR_...". The end of the process is no error.
  bool check(CudaResult result, const char *what,
             const std::string &detail = {}) const;

private:
  const OpenCudaDevice *device = nullptr;
};

/// What other parts release when the device is closed.
void releaseCudaModules(const CudaSession &session);
void releaseCudaStreams(const CudaSession &session);
void releaseCudaMemory(const CudaSession &session);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_CUDASESSION_H
