//===- Launch.cpp - Running a grid ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CTAs run in the order of their numbers, and threads in the order in which
// they become able to, unless QFMT_SIM_SEED is a number other than 0: then
// both orders are drawn from it, anew for each launch.
//
//===----------------------------------------------------------------------===//

#include "Launch.h"
#include "BlockAccesses.h"
#include "Cta.h"
#include "DeviceMemory.h"
#include "Environment.h"
#include "Error.h"
#include "Kernel.h"
#include "llvm/ADT/ScopeExit.h"
#include <algorithm>
#include <numeric>

namespace mlir::qfmt::sim {

/// Of all chips from sm_80 on.
static constexpr ::qfmt::gpu::LaunchLimits kLimits = {
    {(int64_t(1) << 31) - 1, 65535, 65535}, {1024, 1024, 64}, kMaxThreads};
static constexpr uint64_t kMaxStaticShared = 48 << 10;
/// Of sm_90.
static constexpr uint64_t kMaxShared = 227 << 10;

/// Empty, or what is wrong.
static std::string checkSizes(const Kernel &kernel,
                              const ::qfmt::gpu::LaunchSize &size,
                              int64_t dynamicBytes) {
  std::string problem = ::qfmt::gpu::checkLaunchSize(size, kLimits);
  if (!problem.empty())
    return problem;
  if (kernel.staticSharedBytes > kMaxStaticShared)
    return std::to_string(kernel.staticSharedBytes) +
           " bytes of static shared memory, the limit is 49152: use dynamic "
           "shared memory";
  if (dynamicBytes < 0 ||
      kernel.staticSharedBytes + dynamicBytes > kMaxShared ||
      kernel.dynamicOffset + dynamicBytes > SharedMemory::kWindow)
    return std::to_string(kernel.staticSharedBytes) + " + " +
           std::to_string(dynamicBytes) +
           " bytes of shared memory, the limit is 232448";
  return "";
}

static constexpr EnvironmentNumber kSeed = {"QFMT_SIM_SEED", 0, UINT32_MAX, 0};

static void prepareShared(const Kernel &kernel, uint64_t dynamicBytes) {
  SharedMemory &memory = SharedMemory::get();
  if (kernel.shared.empty() && dynamicBytes == 0)
    return memory.reset(0);
  memory.reset(kernel.dynamicOffset + dynamicBytes);
  for (const SharedVariable &variable : kernel.shared)
    memory.allocate(variable.offset, variable.bytes);
  memory.allocate(kernel.dynamicOffset, dynamicBytes);
}

void launch(const Kernel *kernel, const ::qfmt::gpu::LaunchSize &size,
            int64_t dynamicSharedBytes, void **parameters,
            std::optional<int64_t> numParameters) {
  if (!kernel)
    return reportError("launch of a kernel that was not loaded");
  if (size.isEmpty())
    return;
  std::string problem = checkSizes(*kernel, size, dynamicSharedBytes);
  if (!problem.empty())
    return reportError("kernel '" + llvm::Twine(kernel->name) +
                       "': " + problem);
  int64_t expected = kernel->isByValue.size();
  if (numParameters && *numParameters != expected)
    return reportError("kernel '" + llvm::Twine(kernel->name) + "' has " +
                       llvm::Twine(expected) + " arguments, the launch gives " +
                       llvm::Twine(*numParameters));
  std::optional<uint64_t> seed = kSeed.read();
  if (!seed)
    return;
  LaunchShape shape;
  std::copy_n(size.grid, 3, shape.grid);
  std::copy_n(size.block, 3, shape.block);
  shape.dynamicSharedBytes = dynamicSharedBytes;

  const int64_t *grid = size.grid;
  uint64_t numBlocks = uint64_t(grid[0]) * grid[1] * grid[2];
  std::mt19937 random(*seed);
  // Any order of so many is as good as any other: a random start and a random
  // step that is prime to their number.
  uint64_t start = 0, step = 1;
  if (*seed && numBlocks > 1) {
    start = random() % numBlocks;
    do
      step = 1 + random() % numBlocks;
    while (std::gcd(step, numBlocks) != 1);
  }
  DeviceMemory::get().noteLaunch(kernel->name);
  static Cta cta;
  BlockAccesses &accesses = BlockAccesses::get();
  llvm::scope_exit forget([&] { accesses.endLaunch(); });
  for (uint64_t i = 0; i != numBlocks; ++i) {
    uint64_t number =
        (start + static_cast<unsigned __int128>(i) * step) % numBlocks;
    uint32_t index[3] = {uint32_t(number % grid[0]),
                         uint32_t(number / grid[0] % grid[1]),
                         uint32_t(number / grid[0] / grid[1])};
    prepareShared(*kernel, dynamicSharedBytes);
    accesses.beginBlock(i);
    if (!cta.run(*kernel, shape, index, parameters, *seed ? &random : nullptr))
      return;
  }
}

} // namespace mlir::qfmt::sim
