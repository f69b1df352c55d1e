// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for tests of runtimes, from text of the gpu dialect.

#ifndef QFMT_UNITTESTS_RUNTIME_GPU_SPIRVKERNELS_H
#define QFMT_UNITTESTS_RUNTIME_GPU_SPIRVKERNELS_H

#include <cstdint>
#include <string>
#include <vector>

namespace qfmt::gpu::test {

/// What a device must have for the kernels; "!buf" is the storage class of
/// their arguments' memrefs, "!shared" that of a block's own.
struct SpirvTarget {
  std::string version = "v1.3";
  std::string capabilities = "Shader";
  std::string extensions = "SPV_KHR_storage_buffer_storage_class";
};

/// SPIR-V of the gpu.funcs in `body`, for blocks of `threads` threads. Fails
/// the test, and is empty, if it does not lower.
std::vector<uint32_t> makeSpirv(const std::string &body, int threads,
                                const SpirvTarget &target = {});

} // namespace qfmt::gpu::test

#endif // QFMT_UNITTESTS_RUNTIME_GPU_SPIRVKERNELS_H
