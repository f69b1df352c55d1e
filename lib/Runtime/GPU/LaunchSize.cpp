// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LaunchSize.h"

using namespace qfmt::gpu;

std::string qfmt::gpu::formatSize(const int64_t *size) {
  return std::to_string(size[0]) + "x" + std::to_string(size[1]) + "x" +
         std::to_string(size[2]);
}

static bool isWithin(const int64_t *size, const int64_t *limit) {
  for (int i = 0; i < 3; ++i)
    if (size[i] < 1 || size[i] > limit[i])
      return false;
  return true;
}

std::string qfmt::gpu::checkLaunchSize(const LaunchSize &size,
                                       const LaunchLimits &limits) {
  if (!isWithin(size.grid, limits.grid))
    return "a grid of " + formatSize(size.grid) +
           " blocks is too large, the device takes " + formatSize(limits.grid);
  if (!isWithin(size.block, limits.block))
    return "a block of " + formatSize(size.block) +
           " threads is too large, the device takes " +
           formatSize(limits.block);
  if (size.getThreadsPerBlock() > limits.threadsPerBlock)
    return "a block of " + formatSize(size.block) +
           " threads is too large, the device takes " +
           std::to_string(limits.threadsPerBlock) + " threads";
  return "";
}
