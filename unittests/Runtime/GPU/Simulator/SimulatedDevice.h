//===- SimulatedDevice.h - Kernels as text, run by the simulator *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_UNITTESTS_RUNTIME_GPU_SIMULATEDDEVICE_H
#define QFMT_UNITTESTS_RUNTIME_GPU_SIMULATEDDEVICE_H

#include "Mgpu.h"
#include "llvm/ADT/ArrayRef.h"
#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace mlir::qfmt {

/// The bitcode of a gpu.module that consists of `body`, as
/// gpu-module-to-binary embeds it. Empty after an error, which goes to stderr.
std::string compileKernels(const std::string &body,
                           const std::string &chip = "sm_90a");

/// The first error since the last call, or an empty string.
std::string takeError();

/// A module on the simulated device.
class SimulatedModule {
public:
  explicit SimulatedModule(const std::string &body);
  ~SimulatedModule() { mgpuModuleUnload(module); }
  SimulatedModule(const SimulatedModule &) = delete;

  /// Runs kernel 'k', of pointers. Returns the error.
  std::string launch(std::array<int64_t, 3> grid, std::array<int64_t, 3> block,
                     llvm::ArrayRef<const void *> pointers,
                     llvm::ArrayRef<int32_t> integers = {},
                     int32_t sharedBytes = 0);

private:
  void *module;
  /// Of loading.
  std::string error;
};

/// A buffer on the simulated device.
template <typename T>
class Buffer {
public:
  explicit Buffer(size_t size) : size(size) {
    device = mgpuMemAlloc(size * sizeof(T), nullptr, 0);
  }
  explicit Buffer(const std::vector<T> &values) : Buffer(values.size()) {
    mgpuMemcpy(device, const_cast<T *>(values.data()), size * sizeof(T),
               nullptr);
  }
  ~Buffer() { mgpuMemFree(device, nullptr); }
  Buffer(const Buffer &) = delete;

  void *get() const { return device; }
  std::vector<T> read() const {
    std::vector<T> values(size);
    mgpuMemcpy(values.data(), device, size * sizeof(T), nullptr);
    return values;
  }

private:
  size_t size;
  void *device;
};

/// Sets QFMT_SIM_SEED for a scope.
class Seed {
public:
  explicit Seed(int seed) {
    setenv("QFMT_SIM_SEED", std::to_string(seed).c_str(), 1);
  }
  ~Seed() { unsetenv("QFMT_SIM_SEED"); }
};

/// `text` with every `from` replaced; the test fails if there is none.
std::string replaced(std::string text, const std::string &from,
                     const std::string &to);

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_RUNTIME_GPU_SIMULATEDDEVICE_H
