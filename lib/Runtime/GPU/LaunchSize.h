// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Grid and block of a launch, and what a device can do.

#ifndef QFMT_RUNTIME_GPU_LAUNCHSIZE_H
#define QFMT_RUNTIME_GPU_LAUNCHSIZE_H

#include <cstdint>
#include <string>

namespace qfmt::gpu {

struct LaunchSize {
  int64_t grid[3];
  int64_t block[3];

  bool isEmpty() const { return grid[0] == 0 || grid[1] == 0 || grid[2] == 0; }
  int64_t getThreadsPerBlock() const { return block[0] * block[1] * block[2]; }
};

struct LaunchLimits {
  int64_t grid[3];
  int64_t block[3];
  int64_t threadsPerBlock;
};

/// "1x2x3".
std::string formatSize(const int64_t *size);

/// Empty if `size` is within `limits`, otherwise what is too large.
std::string checkLaunchSize(const LaunchSize &size, const LaunchLimits &limits);

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_LAUNCHSIZE_H
