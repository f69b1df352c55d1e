// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches of kernels. What the driver would refuse without saying why is
// checked here.

#include "CudaModules.h"
#include "CudaStreams.h"
#include "ErrorSlot.h"
#include "LaunchSize.h"
#include "Mgpu.h"

using namespace qfmt::gpu;

namespace {
struct Launch {
  LaunchSize size;
  /// Null for blocks on their own.
  const int64_t *cluster;
  int sharedBytes;
  void *stream;
  void **params, **extra;
};
} // namespace

/// What is wrong with its clusters, or empty.
static std::string checkCluster(const OpenCudaDevice &device,
                                const Launch &launch) {
  if (!launch.cluster)
    return "";
  if (!device.limits.hasClusters)
    return device.name + " (" + device.chip +
           ") has no clusters of blocks, sm_90 has";
  for (int i = 0; i < 3; ++i)
    if (launch.cluster[i] < 1 || launch.size.grid[i] % launch.cluster[i] != 0)
      return "a grid of " + formatSize(launch.size.grid) +
             " blocks does not divide into clusters of " +
             formatSize(launch.cluster);
  return "";
}

/// What the kernel itself does not allow, or empty.
static std::string checkKernel(const OpenCudaDevice &device,
                               const CudaKernel &kernel, const Launch &launch) {
  int64_t threads = launch.size.getThreadsPerBlock();
  if (threads > kernel.maxThreadsPerBlock)
    return "blocks have " + std::to_string(threads) + " threads, with its " +
           std::to_string(kernel.registers) + " registers a thread at most " +
           std::to_string(kernel.maxThreadsPerBlock) + " fit";
  int64_t shared = int64_t(kernel.staticShared) + launch.sharedBytes;
  if (shared > device.limits.sharedPerBlock)
    return "it needs " + std::to_string(shared) +
           " bytes of shared memory a block, the device has " +
           std::to_string(device.limits.sharedPerBlock);
  return "";
}

static std::string check(const OpenCudaDevice &device, const CudaKernel &kernel,
                         const Launch &launch) {
  const CudaLimits &limits = device.limits;
  std::string wrong = checkLaunchSize(
      launch.size, {{limits.grid[0], limits.grid[1], limits.grid[2]},
                    {limits.block[0], limits.block[1], limits.block[2]},
                    limits.threadsPerBlock});
  if (wrong.empty())
    wrong = checkCluster(device, launch);
  return wrong.empty() ? checkKernel(device, kernel, launch) : wrong;
}

/// Lifts what the driver limits unless it is asked: 48 KiB of dynamic shared
/// memory, and 8 blocks a cluster.
static CudaResult liftLimits(const CudaSession &session, CudaKernel &kernel,
                             const Launch &launch) {
  using Attribute = CudaFunctionAttribute;
  constexpr int64_t kPortableCluster = 8;
  if (launch.sharedBytes > kernel.allowedShared) {
    if (CudaResult result = session->funcSetAttribute(
            kernel.handle, Attribute::MaxDynamicShared, launch.sharedBytes))
      return result;
    kernel.allowedShared = launch.sharedBytes;
  }
  const int64_t *cluster = launch.cluster;
  if (cluster && cluster[0] * cluster[1] * cluster[2] > kPortableCluster)
    return session->funcSetAttribute(kernel.handle,
                                     Attribute::NonPortableClusters, 1);
  return kCudaSuccess;
}

static CudaResult start(const CudaSession &session, const CudaKernel &kernel,
                        const Launch &launch) {
  const LaunchSize &size = launch.size;
  unsigned grid[3], block[3];
  for (int i = 0; i < 3; ++i) {
    grid[i] = unsigned(size.grid[i]);
    block[i] = unsigned(size.block[i]);
  }
  CudaStream stream = getCudaStream(launch.stream);
  if (!launch.cluster)
    return session->launchKernel(
        kernel.handle, grid[0], grid[1], grid[2], block[0], block[1], block[2],
        unsigned(launch.sharedBytes), stream, launch.params, launch.extra);
  CudaLaunchAttribute attribute;
  attribute.x = unsigned(launch.cluster[0]);
  attribute.y = unsigned(launch.cluster[1]);
  attribute.z = unsigned(launch.cluster[2]);
  CudaLaunchConfig config = {grid[0],
                             grid[1],
                             grid[2],
                             block[0],
                             block[1],
                             block[2],
                             unsigned(launch.sharedBytes),
                             stream,
                             &attribute,
                             1};
  return session->launchKernelEx(&config, kernel.handle, launch.params,
                                 launch.extra);
}

static void launch(void *function, const Launch &launch) {
  CudaSession session;
  if (!session || launch.size.isEmpty())
    return;
  if (!function) {
    fail("cannot launch a kernel that was not found");
    return;
  }
  auto &kernel = *static_cast<CudaKernel *>(function);
  std::string wrong = check(session.getDevice(), kernel, launch);
  if (!wrong.empty()) {
    fail("cannot launch kernel '" + kernel.name + "': " + wrong);
    return;
  }
  CudaResult result = liftLimits(session, kernel, launch);
  if (!result)
    result = start(session, kernel, launch);
  if (!session.check(result, "cannot launch kernel '", kernel.name + "'"))
    return;
  noteLaunch(launch.stream, kernel.name);
  if (session.getDevice().waitsForLaunches)
    waitForStream(session, launch.stream);
}

void mgpuLaunchKernel(void *function, int64_t gridX, int64_t gridY,
                      int64_t gridZ, int64_t blockX, int64_t blockY,
                      int64_t blockZ, int32_t sharedBytes, void *stream,
                      void **params, void **extra, int64_t) {
  launch(function, {{{gridX, gridY, gridZ}, {blockX, blockY, blockZ}},
                    /*cluster=*/nullptr,
                    sharedBytes,
                    stream,
                    params,
                    extra});
}

void mgpuLaunchClusterKernel(void *function, int64_t clusterX, int64_t clusterY,
                             int64_t clusterZ, int64_t gridX, int64_t gridY,
                             int64_t gridZ, int64_t blockX, int64_t blockY,
                             int64_t blockZ, int32_t sharedBytes, void *stream,
                             void **params, void **extra) {
  const int64_t cluster[] = {clusterX, clusterY, clusterZ};
  launch(function, {{{gridX, gridY, gridZ}, {blockX, blockY, blockZ}},
                    cluster,
                    sharedBytes,
                    stream,
                    params,
                    extra});
}
