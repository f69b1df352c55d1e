// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads from SPIR-V what a runtime must know before it hands it to a driver,
// which need not check anything: what the kernels need of the device, and how
// they are launched. It does not validate the module.

#ifndef QFMT_RUNTIME_GPU_SPIRVMODULE_H
#define QFMT_RUNTIME_GPU_SPIRVMODULE_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace qfmt::gpu {

struct SpirvKernel {
  /// Threads of a block; zeros if the module does not say.
  int64_t localSize[3] = {0, 0, 0};
  /// One more than the highest binding of set 0 that it uses.
  uint32_t bindings = 0;
  /// Of its variables that all threads of a block share.
  uint64_t workgroupBytes = 0;
};

struct SpirvModule {
  /// 0x00010300 is 1.3.
  uint32_t version = 0;
  std::vector<uint32_t> capabilities;
  std::map<std::string, SpirvKernel> kernels;
};

/// Whether `data` is SPIR-V as far as it was read.
bool readSpirv(const void *data, int64_t bytes, SpirvModule &module);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_SPIRVMODULE_H
