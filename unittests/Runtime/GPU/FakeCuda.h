// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A library with the functions of NVIDIA's driver that the runtime calls, for
// machines without one. Memory is the host's; kernels are what a test gives, or
// do nothing. Every call checks its arguments as the driver might not: a
// context must be current, handles must live, copies must be within memory.
// What is wrong is in FakeCuda::complaints.

#ifndef QFMT_UNITTESTS_RUNTIME_GPU_FAKECUDA_H
#define QFMT_UNITTESTS_RUNTIME_GPU_FAKECUDA_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace qfmt::gpu::test {

struct FakeLaunch {
  std::string kernel;
  unsigned grid[3], block[3], cluster[3];
  unsigned sharedBytes;
  void *stream;
};

struct FakeFailure {
  int result;
  /// So many calls work before.
  int callsBefore;
};

struct FakeTensorMap {
  int dataType;
  std::vector<uint64_t> sizes, strides;
  std::vector<uint32_t> box;
  int swizzle;
  void *address;
};

struct FakeCuda {
  std::mutex mutex;

  // What the device is.
  int devices = 1;
  int major = 9, minor = 0;
  bool hasPools = true;
  size_t memoryBytes = size_t(1) << 30;
  int maxThreadsOfKernels = 1024;
  int staticShared = 0;

  /// By the name of the function, as "cuMemAlloc".
  std::map<std::string, FakeFailure> failures;
  /// What kernels do, by name.
  std::map<std::string, std::function<void(void **params)>> kernels;
  /// A kernel whose launch makes every later wait fail.
  std::string faultyKernel;

  // What there is now.
  std::map<uint64_t, size_t> memory;
  std::set<void *> modules, streams, events, registered;
  int contexts = 0, pools = 0;
  bool isFaulty = false;
  /// Copies in the null stream may be on their way.
  bool isCopying = false;

  // What has happened.
  std::map<std::string, int> calls;
  std::vector<FakeLaunch> launches;
  std::vector<FakeTensorMap> tensorMaps;
  std::vector<std::string> complaints;
};

/// The state of the library; `resetFakeCuda` forgets all of it.
FakeCuda &fakeCuda();
void resetFakeCuda();

} // namespace qfmt::gpu::test

#endif // QFMT_UNITTESTS_RUNTIME_GPU_FAKECUDA_H
