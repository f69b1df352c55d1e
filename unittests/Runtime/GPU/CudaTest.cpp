// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// libqfmt_cuda.so with a driver that is not one (FakeCuda.h): what the runtime
// asks of the driver, and what it says when the driver refuses.

#include "FakeCuda.h"
#include "Mgpu.h"
#include "gtest/gtest.h"
#include <cstdlib>
#include <dlfcn.h>
#include <thread>

using namespace qfmt::gpu::test;

/// What MLIR embeds: text, zero-terminated.
static char kPtx[] = "//\n.version 8.0\n.target sm_90\n.address_size 64\n"
                     ".visible .entry scale(\n.param .u64 p)\n{ ret; }\n"
                     ".visible .entry other(\n.param .u64 p)\n{ ret; }\n";
static char kBadPtx[] = ".version 8.0\n.target sm_100a\n.visible .entry f(\n)\n"
                        "{ bad_instruction; }\n";

namespace {
class CudaTest : public ::testing::Test {
protected:
  void SetUp() override {
    resetFakeCuda();
    setenv("QFMT_LIBCUDA", QFMT_FAKE_CUDA, 1);
    unsetenv("QFMT_GPU_SYNC");
  }

  /// All is released, nothing was misused, and no error is left.
  void TearDown() override {
    fakeCuda().failures.clear();
    fakeCuda().isFaulty = false;
    qfmtGpuClose();
    EXPECT_EQ(takeError(), "");
    FakeCuda &f = fakeCuda();
    EXPECT_EQ(f.complaints, std::vector<std::string>());
    EXPECT_TRUE(f.memory.empty());
    EXPECT_TRUE(f.modules.empty());
    EXPECT_TRUE(f.streams.empty());
    EXPECT_TRUE(f.events.empty());
    EXPECT_TRUE(f.registered.empty());
    EXPECT_EQ(f.contexts, 0);
    EXPECT_EQ(f.pools, 0);
  }

  static std::string takeError() {
    const char *error = qfmtGpuError();
    return error ? error : "";
  }

  static int countCalls(const char *name) {
    FakeCuda &f = fakeCuda();
    auto found = f.calls.find(name);
    return found == f.calls.end() ? 0 : found->second;
  }

  static void launch(void *function, int64_t gridX = 1, int64_t gridY = 1,
                     int64_t blockX = 32, int32_t shared = 0,
                     void *stream = nullptr) {
    int32_t value = 7;
    void *params[] = {&value};
    mgpuLaunchKernel(function, gridX, gridY, 1, blockX, 1, 1, shared, stream,
                     params, nullptr, 1);
  }

  static void *getScale() {
    return mgpuModuleGetFunction(mgpuModuleLoadJIT(kPtx, 2), "scale");
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, OpensOnce) {
  EXPECT_EQ(qfmtGpuOpen(nullptr), 0);
  EXPECT_EQ(qfmtGpuOpen("device=0"), 0);
  EXPECT_EQ(countCalls("cuInit"), 1);
  EXPECT_EQ(fakeCuda().contexts, 1);
}

TEST_F(CudaTest, OpensAtFirstUse) {
  void *memory = mgpuMemAlloc(16, nullptr, 0);
  EXPECT_NE(memory, nullptr);
  EXPECT_EQ(fakeCuda().contexts, 1);
}

TEST_F(CudaTest, SaysForWhatToCompile) {
  EXPECT_STREQ(qfmtGpuChip(), "sm_90a");
  qfmtGpuClose();
  fakeCuda().major = 8;
  fakeCuda().minor = 6;
  EXPECT_STREQ(qfmtGpuChip(), "sm_86");
}

TEST_F(CudaTest, NoDriver) {
  setenv("QFMT_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  EXPECT_EQ(qfmtGpuOpen(nullptr), 77);
  EXPECT_NE(takeError().find("no CUDA driver: /nowhere/libcuda.so.1"),
            std::string::npos);
}

TEST_F(CudaTest, NoDriverAtFirstUse) {
  setenv("QFMT_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  EXPECT_EQ(mgpuModuleLoadJIT(kPtx, 2), nullptr);
  // What comes after the first error does not hide it.
  EXPECT_EQ(mgpuModuleGetFunction(nullptr, "scale"), nullptr);
  launch(nullptr);
  EXPECT_NE(takeError().find("no CUDA driver"), std::string::npos);
  EXPECT_EQ(takeError(), "");
}

TEST_F(CudaTest, NotADriver) {
  setenv("QFMT_LIBCUDA", "libm.so.6", 1);
  EXPECT_EQ(qfmtGpuOpen(nullptr), 77);
  EXPECT_EQ(takeError(),
            "the CUDA driver libm.so.6 is too old: it has no cuInit");
}

TEST_F(CudaTest, NoDevice) {
  fakeCuda().failures["cuInit"] = {100, 0};
  EXPECT_EQ(qfmtGpuOpen(nullptr), 77);
  EXPECT_EQ(takeError(),
            "no CUDA device: CUDA_ERROR_NO_DEVICE (text of the error)");
  fakeCuda().failures.clear();
  fakeCuda().devices = 0;
  EXPECT_EQ(qfmtGpuOpen(nullptr), 77);
  EXPECT_EQ(takeError(), "no CUDA device: the driver lists none");
}

TEST_F(CudaTest, WrongOptions) {
  EXPECT_EQ(qfmtGpuOpen("device=3"), 1);
  EXPECT_EQ(takeError(), "there is no CUDA device 3, only 1");
  EXPECT_EQ(qfmtGpuOpen("device=tesla"), 1);
  EXPECT_EQ(takeError(), "a CUDA device is chosen by its index, found 'tesla'");
  EXPECT_EQ(qfmtGpuOpen("speed=2"), 1);
  EXPECT_EQ(takeError(),
            "unknown option 'speed=2' of the GPU, expected device=...");
}

TEST_F(CudaTest, DefaultDevice) {
  fakeCuda().devices = 2;
  mgpuSetDefaultDevice(1);
  EXPECT_EQ(qfmtGpuOpen(nullptr), 0);
  mgpuSetDefaultDevice(0);
  EXPECT_EQ(takeError(), "cannot use device 0: device 1 is in use");
  qfmtGpuClose();
  mgpuSetDefaultDevice(0);
}

//===----------------------------------------------------------------------===//
// Modules and launches
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, FindsKernelsOnce) {
  void *module = mgpuModuleLoadJIT(kPtx, 2);
  void *function = mgpuModuleGetFunction(module, "scale");
  ASSERT_NE(function, nullptr);
  EXPECT_EQ(mgpuModuleGetFunction(module, "scale"), function);
  EXPECT_NE(mgpuModuleGetFunction(module, "other"), function);
  EXPECT_EQ(countCalls("cuModuleGetFunction"), 2);
  mgpuModuleUnload(module);
  EXPECT_TRUE(fakeCuda().modules.empty());
  // A program's own destructor after qfmtGpuClose: nothing is left to do.
  mgpuModuleUnload(module);
  EXPECT_EQ(countCalls("cuModuleUnload"), 1);
}

TEST_F(CudaTest, TellsWhatTheCompilerSaid) {
  EXPECT_EQ(mgpuModuleLoadJIT(kBadPtx, 2), nullptr);
  EXPECT_EQ(takeError(),
            "cannot load the module of kernel 'f' for sm_100a on Fake GPU "
            "(sm_90a): CUDA_ERROR_INVALID_PTX (text of the error)\n"
            "ptxas application ptx input, line 7; error: unknown instruction "
            "'bad_instruction'");
}

TEST_F(CudaTest, NoSuchKernel) {
  EXPECT_EQ(mgpuModuleGetFunction(mgpuModuleLoadJIT(kPtx, 2), "absent"),
            nullptr);
  EXPECT_EQ(takeError(), "cannot load kernel 'absent': CUDA_ERROR_NOT_FOUND "
                         "(text of the error)");
  EXPECT_EQ(mgpuModuleGetFunction(kPtx, "scale"), nullptr);
  EXPECT_EQ(takeError(),
            "cannot load kernel 'scale': its module is not loaded");
}

TEST_F(CudaTest, PassesWhatIsLaunched) {
  int32_t seen = 0;
  fakeCuda().kernels["scale"] = [&](void **params) {
    seen = *static_cast<int32_t *>(params[0]);
  };
  void *stream = mgpuStreamCreate();
  launch(getScale(), 100000, 3, 256, 1024, stream);
  ASSERT_EQ(fakeCuda().launches.size(), 1u);
  FakeLaunch &made = fakeCuda().launches[0];
  EXPECT_EQ(made.kernel, "scale");
  EXPECT_EQ(made.grid[0], 100000u);
  EXPECT_EQ(made.grid[1], 3u);
  EXPECT_EQ(made.block[0], 256u);
  EXPECT_EQ(made.sharedBytes, 1024u);
  EXPECT_NE(made.stream, nullptr);
  EXPECT_EQ(seen, 7);
}

TEST_F(CudaTest, AnEmptyGridDoesNothing) {
  launch(getScale(), 0);
  EXPECT_TRUE(fakeCuda().launches.empty());
  EXPECT_EQ(takeError(), "");
}

TEST_F(CudaTest, AsksForSharedMemoryOnce) {
  void *function = getScale();
  for (int32_t bytes : {200 * 1024, 200 * 1024, 100 * 1024})
    launch(function, 1, 1, 32, bytes);
  EXPECT_EQ(countCalls("cuFuncSetAttribute"), 1);
  EXPECT_EQ(fakeCuda().launches.size(), 3u);
}

TEST_F(CudaTest, LaunchesThatAreTooLarge) {
  fakeCuda().staticShared = 1024;
  void *function = getScale();
  launch(function, 1, 70000);
  EXPECT_EQ(takeError(),
            "cannot launch kernel 'scale': a grid of 1x70000x1 blocks is too "
            "large, the device takes 2147483647x65535x65535");
  launch(function, 1, 1, 2048);
  EXPECT_EQ(takeError(),
            "cannot launch kernel 'scale': a block of 2048x1x1 threads is too "
            "large, the device takes 1024x1024x64");
  launch(function, 1, 1, 32, 227 * 1024);
  EXPECT_EQ(takeError(),
            "cannot launch kernel 'scale': it needs 233472 bytes of shared "
            "memory a block, the device has 232448");
  EXPECT_TRUE(fakeCuda().launches.empty());
}

TEST_F(CudaTest, TooManyThreadsForItsRegisters) {
  fakeCuda().maxThreadsOfKernels = 512;
  launch(getScale(), 1, 1, 1024);
  EXPECT_EQ(takeError(),
            "cannot launch kernel 'scale': blocks have 1024 threads, with its "
            "32 registers a thread at most 512 fit");
}

TEST_F(CudaTest, ARefusedLaunchNamesTheKernel) {
  fakeCuda().failures["cuLaunchKernel"] = {701, 0};
  launch(getScale());
  EXPECT_EQ(takeError(),
            "cannot launch kernel 'scale': CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES "
            "(text of the error)");
}

TEST_F(CudaTest, AFaultNamesTheLastKernels) {
  fakeCuda().faultyKernel = "other";
  void *module = mgpuModuleLoadJIT(kPtx, 2);
  void *stream = mgpuStreamCreate();
  launch(mgpuModuleGetFunction(module, "other"), 1, 1, 32, 0, stream);
  launch(mgpuModuleGetFunction(module, "scale"), 1, 1, 32, 0, stream);
  EXPECT_EQ(takeError(), "");
  mgpuStreamSynchronize(stream);
  EXPECT_EQ(takeError(),
            "error on the device (last kernels: 'other', 'scale'): "
            "CUDA_ERROR_ILLEGAL_ADDRESS (text of the error)");
}

TEST_F(CudaTest, AFaultIsFoundAtOnceWhereAsked) {
  setenv("QFMT_GPU_SYNC", "1", 1);
  fakeCuda().faultyKernel = "other";
  launch(mgpuModuleGetFunction(mgpuModuleLoadJIT(kPtx, 2), "other"));
  EXPECT_EQ(takeError(), "error on the device (last kernels: 'other'): "
                         "CUDA_ERROR_ILLEGAL_ADDRESS (text of the error)");
}

TEST_F(CudaTest, Clusters) {
  void *function = getScale();
  mgpuLaunchClusterKernel(function, 2, 1, 1, 8, 1, 1, 128, 1, 1, 0, nullptr,
                          nullptr, nullptr);
  ASSERT_EQ(fakeCuda().launches.size(), 1u);
  EXPECT_EQ(fakeCuda().launches[0].cluster[0], 2u);
  EXPECT_EQ(fakeCuda().launches[0].grid[0], 8u);
  EXPECT_EQ(countCalls("cuFuncSetAttribute"), 0);
  mgpuLaunchClusterKernel(function, 16, 1, 1, 32, 1, 1, 128, 1, 1, 0, nullptr,
                          nullptr, nullptr);
  EXPECT_EQ(countCalls("cuFuncSetAttribute"), 1);
  mgpuLaunchClusterKernel(function, 3, 1, 1, 8, 1, 1, 128, 1, 1, 0, nullptr,
                          nullptr, nullptr);
  EXPECT_EQ(takeError(), "cannot launch kernel 'scale': a grid of 8x1x1 blocks "
                         "does not divide into clusters of 3x1x1");
}

TEST_F(CudaTest, NoClusters) {
  fakeCuda().major = 8;
  mgpuLaunchClusterKernel(getScale(), 2, 1, 1, 8, 1, 1, 128, 1, 1, 0, nullptr,
                          nullptr, nullptr);
  EXPECT_EQ(takeError(), "cannot launch kernel 'scale': Fake GPU (sm_80) has "
                         "no clusters of blocks, sm_90 has");
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, CopiesAndFills) {
  void *stream = mgpuStreamCreate();
  int32_t host[4] = {1, 2, 3, 4}, back[4] = {};
  auto *device = static_cast<char *>(mgpuMemAlloc(16, stream, 0));
  mgpuMemcpy(device, host, 16, stream);
  mgpuMemset32(device + 4, -1, 1, stream);
  mgpuMemset16(device + 8, 5, 2, stream);
  mgpuMemcpy(back, device, 16, stream);
  mgpuStreamSynchronize(stream);
  EXPECT_EQ(back[0], 1);
  EXPECT_EQ(back[1], -1);
  EXPECT_EQ(back[2], 0x50005);
  EXPECT_EQ(back[3], 4);
  mgpuMemFree(device, stream);
  mgpuStreamDestroy(stream);
  EXPECT_TRUE(fakeCuda().memory.empty());
  EXPECT_EQ(takeError(), "");
}

TEST_F(CudaTest, NothingIsAllocatedForNothing) {
  EXPECT_EQ(mgpuMemAlloc(0, nullptr, 0), nullptr);
  EXPECT_EQ(mgpuMemAlloc(uint64_t(-12), nullptr, 0), nullptr);
  EXPECT_EQ(takeError(), "a buffer of -12 bytes: a size that the program "
                         "computes is negative, or its bytes are 2^63 or more");
  mgpuMemFree(nullptr, nullptr);
  mgpuMemcpy(nullptr, nullptr, 0, nullptr);
  EXPECT_EQ(takeError(), "");
}

TEST_F(CudaTest, MemoryOfStreamsComesFromAPool) {
  void *stream = mgpuStreamCreate();
  void *pooled = mgpuMemAlloc(16, stream, 0);
  void *plain = mgpuMemAlloc(16, nullptr, 0);
  void *shared = mgpuMemAlloc(16, stream, 1);
  EXPECT_EQ(countCalls("cuMemAllocFromPoolAsync"), 1);
  EXPECT_EQ(countCalls("cuMemAlloc"), 1);
  EXPECT_EQ(countCalls("cuMemAllocManaged"), 1);
  mgpuMemFree(pooled, stream);
  EXPECT_EQ(countCalls("cuMemFreeAsync"), 1);
  mgpuMemFree(plain, stream);
  mgpuMemFree(shared, stream);
  EXPECT_EQ(countCalls("cuMemFree"), 2);
  // In no stream: all must be done before.
  pooled = mgpuMemAlloc(16, stream, 0);
  mgpuMemFree(pooled, nullptr);
  EXPECT_EQ(countCalls("cuCtxSynchronize"), 1);
  EXPECT_EQ(countCalls("cuMemFree"), 3);
}

TEST_F(CudaTest, DevicesWithoutPools) {
  fakeCuda().hasPools = false;
  void *stream = mgpuStreamCreate();
  void *memory = mgpuMemAlloc(16, stream, 0);
  EXPECT_EQ(countCalls("cuMemAlloc"), 1);
  mgpuMemFree(memory, stream);
  EXPECT_EQ(countCalls("cuMemFree"), 1);
}

TEST_F(CudaTest, OutOfMemory) {
  fakeCuda().memoryBytes = 1000;
  for (void *stream : {mgpuStreamCreate(), (void *)nullptr}) {
    EXPECT_EQ(mgpuMemAlloc(1001, stream, 0), nullptr);
    EXPECT_EQ(takeError(), "cannot allocate 1001 bytes on the device: "
                           "CUDA_ERROR_OUT_OF_MEMORY (text of the error), 1234 "
                           "bytes of 1000 are free");
  }
  // What was freed on other streams is waited for.
  EXPECT_EQ(countCalls("cuMemAllocFromPoolAsync"), 2);
  EXPECT_EQ(countCalls("cuMemPoolTrimTo"), 1);
}

TEST_F(CudaTest, FreesOnlyWhatIsAllocated) {
  void *memory = mgpuMemAlloc(16, nullptr, 0);
  mgpuMemFree(memory, nullptr);
  mgpuMemFree(memory, nullptr);
  EXPECT_EQ(takeError(),
            "cannot free memory that is not allocated, or freed already");
}

TEST_F(CudaTest, AfterAnErrorOnlyReleases) {
  void *stream = mgpuStreamCreate();
  void *memory = mgpuMemAlloc(16, stream, 0);
  mgpuModuleLoadJIT(kBadPtx, 2);
  EXPECT_EQ(mgpuMemAlloc(16, stream, 0), nullptr);
  EXPECT_EQ(mgpuStreamCreate(), nullptr);
  EXPECT_EQ(mgpuEventCreate(), nullptr);
  EXPECT_EQ(qfmtGpuConstant(kPtx, 8, nullptr), nullptr);
  mgpuMemset32(memory, 0, 4, stream);
  EXPECT_EQ(countCalls("cuMemsetD32Async"), 0);
  mgpuMemFree(memory, stream);
  EXPECT_TRUE(fakeCuda().memory.empty());
  EXPECT_NE(takeError().find("cannot load the module"), std::string::npos);
}

namespace {
/// MLIR's descriptor of a memref of rank 2.
struct Descriptor {
  void *allocated, *aligned;
  int64_t offset, sizes[2], strides[2];
};
} // namespace

TEST_F(CudaTest, RegistersMemoryOfTheHost) {
  std::vector<int32_t> host(100);
  Descriptor d = {host.data(), host.data(), 10, {2, 3}, {10, 1}};
  mgpuMemHostRegisterMemRef(2, &d, 4);
  EXPECT_EQ(fakeCuda().registered, std::set<void *>{&host[10]});
  mgpuMemHostUnregisterMemRef(2, &d, 4);
  EXPECT_TRUE(fakeCuda().registered.empty());
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, StreamsAndEventsAreUsedAgain) {
  for (int i = 0; i < 3; ++i) {
    void *stream = mgpuStreamCreate();
    void *event = mgpuEventCreate();
    mgpuEventRecord(event, stream);
    mgpuStreamWaitEvent(stream, event);
    mgpuEventSynchronize(event);
    mgpuEventDestroy(event);
    mgpuStreamDestroy(stream);
  }
  EXPECT_EQ(countCalls("cuStreamCreate"), 1);
  EXPECT_EQ(countCalls("cuEventCreate"), 1);
  EXPECT_EQ(takeError(), "");
}

TEST_F(CudaTest, SeveralThreads) {
  void *function = getScale();
  auto work = [&] {
    for (int i = 0; i < 50; ++i) {
      void *stream = mgpuStreamCreate();
      void *memory = mgpuMemAlloc(64, stream, 0);
      launch(function, 1, 1, 32, 0, stream);
      mgpuStreamSynchronize(stream);
      mgpuMemFree(memory, stream);
      mgpuStreamDestroy(stream);
    }
  };
  std::thread first(work), second(work);
  first.join();
  second.join();
  EXPECT_EQ(takeError(), "");
  EXPECT_EQ(fakeCuda().launches.size(), 100u);
  EXPECT_LE(countCalls("cuStreamCreate"), 2);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, ConstantsAreCopiedOnce) {
  static const int32_t constant[] = {1, 2, 3};
  void *module = mgpuModuleLoadJIT(kPtx, 2);
  void *device = qfmtGpuConstant(constant, 12, nullptr);
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(static_cast<int32_t *>(device)[2], 3);
  EXPECT_EQ(qfmtGpuConstant(constant, 12, mgpuStreamCreate()), device);
  EXPECT_EQ(countCalls("cuMemcpyHtoD"), 1);
  // A part of it is another constant.
  EXPECT_NE(qfmtGpuConstant(constant, 8, nullptr), device);
  mgpuModuleUnload(module);
  EXPECT_TRUE(fakeCuda().memory.empty());
}

TEST_F(CudaTest, ConstantsOfAProgramThatIsGone) {
  int32_t same[] = {1, 2}, other[] = {3, 4};
  mgpuModuleLoadJIT(kPtx, 2);
  void *gone = mgpuModuleLoadJIT(kPtx, 2);
  void *sameDevice = qfmtGpuConstant(same, 8, nullptr);
  qfmtGpuConstant(other, 8, nullptr);
  mgpuModuleUnload(gone);
  // Another program now has its constant where that of the first was.
  other[0] = 5;
  EXPECT_EQ(qfmtGpuConstant(same, 8, nullptr), sameDevice);
  void *otherDevice = qfmtGpuConstant(other, 8, nullptr);
  EXPECT_EQ(*static_cast<int32_t *>(otherDevice), 5);
  EXPECT_EQ(fakeCuda().memory.size(), 2u);
}

TEST_F(CudaTest, NoMemoryForAConstant) {
  fakeCuda().memoryBytes = 4;
  EXPECT_EQ(qfmtGpuConstant(kPtx, 8, nullptr), nullptr);
  EXPECT_NE(takeError().find("cannot allocate 8 bytes"), std::string::npos);
}

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, TensorMapsCountFromTheInnermostDimension) {
  void *memory = mgpuMemAlloc(64 * 128 * 2, nullptr, 0);
  Descriptor d = {memory, memory, 0, {64, 100}, {128, 1}};
  int64_t box[] = {8, 16};
  constexpr int64_t kF16 = 6, kSwizzle128 = 3;
  void *map =
      mgpuTensorMapEncodeTiledMemref(2, &d, kF16, 0, kSwizzle128, 0, 0, box);
  ASSERT_NE(map, nullptr);
  const FakeTensorMap &made = fakeCuda().tensorMaps[0];
  EXPECT_EQ(made.dataType, 6);
  EXPECT_EQ(made.sizes, (std::vector<uint64_t>{100, 64}));
  EXPECT_EQ(made.strides, (std::vector<uint64_t>{256}));
  EXPECT_EQ(made.box, (std::vector<uint32_t>{16, 8}));
  EXPECT_EQ(made.swizzle, 3);
  // The same map is one, and goes with the memory.
  EXPECT_EQ(
      mgpuTensorMapEncodeTiledMemref(2, &d, kF16, 0, kSwizzle128, 0, 0, box),
      map);
  EXPECT_EQ(fakeCuda().memory.size(), 2u);
  mgpuMemFree(memory, nullptr);
  EXPECT_TRUE(fakeCuda().memory.empty());
}

// MLIR 22 passes BFLOAT16 for elements of 8 bits.
TEST_F(CudaTest, TensorMapsOfBytes) {
  void *memory = mgpuMemAlloc(64 * 128, nullptr, 0);
  Descriptor d = {memory, memory, 0, {64, 128}, {128, 1}};
  int64_t box[] = {8, 128};
  mgpuTensorMapEncodeTiledMemref(2, &d, 9, 0, 0, 0, 0, box);
  EXPECT_EQ(fakeCuda().tensorMaps[0].dataType, 0);
  EXPECT_EQ(fakeCuda().tensorMaps[0].strides, (std::vector<uint64_t>{128}));
  int64_t sizes[] = {32, 128}, strides[] = {256, 2};
  qfmtGpuTensorMap(memory, 2, 9, sizes, strides, box, 0, 0);
  EXPECT_EQ(fakeCuda().tensorMaps[1].dataType, 9);
  EXPECT_EQ(fakeCuda().tensorMaps[1].strides, (std::vector<uint64_t>{256}));
}

TEST_F(CudaTest, WrongTensorMaps) {
  void *memory = mgpuMemAlloc(64, nullptr, 0);
  int64_t sizes[] = {4, 16}, strides[] = {16, 1}, box[] = {4, 16};
  EXPECT_EQ(qfmtGpuTensorMap(memory, 6, 0, sizes, strides, box, 0, 0), nullptr);
  EXPECT_EQ(takeError(), "a tensor map has 1 to 5 dimensions, found 6");
  EXPECT_EQ(qfmtGpuTensorMap(memory, 2, 13, sizes, strides, box, 0, 0),
            nullptr);
  EXPECT_EQ(takeError(), "a tensor map has no data type 13");
  fakeCuda().failures["cuTensorMapEncodeTiled"] = {1, 0};
  EXPECT_EQ(qfmtGpuTensorMap(memory, 2, 0, sizes, strides, box, 0, 0), nullptr);
  EXPECT_EQ(takeError(),
            "cannot make a tensor map of 4x16 elements of 1 bytes, box 4x16: "
            "CUDA_ERROR_INVALID_VALUE (text of the error)");
}

//===----------------------------------------------------------------------===//
// All functions, all failures
//===----------------------------------------------------------------------===//

/// A program as gpu-to-llvm makes it.
static void runProgram() {
  static const int32_t constant[] = {1, 2, 3, 4};
  void *module = mgpuModuleLoadJIT(kPtx, 2);
  void *stream = mgpuStreamCreate(), *other = mgpuStreamCreate();
  void *event = mgpuEventCreate();
  int32_t host[4] = {};
  void *memory = mgpuMemAlloc(16, stream, 0);
  void *shared = mgpuMemAlloc(16, stream, 1);
  void *device = qfmtGpuConstant(constant, 16, stream);
  mgpuMemcpy(memory, device, 16, stream);
  void *params[] = {&memory, &shared};
  mgpuLaunchKernel(mgpuModuleGetFunction(module, "scale"), 1, 1, 1, 32, 1, 1,
                   65536, stream, params, nullptr, 2);
  mgpuEventRecord(event, stream);
  mgpuStreamWaitEvent(other, event);
  mgpuLaunchClusterKernel(mgpuModuleGetFunction(module, "other"), 2, 1, 1, 2, 1,
                          1, 32, 1, 1, 0, other, params, nullptr);
  Descriptor d = {memory, memory, 0, {1, 16}, {16, 1}};
  int64_t box[] = {1, 16};
  mgpuTensorMapEncodeTiledMemref(2, &d, 0, 0, 0, 0, 0, box);
  mgpuMemset16(memory, 1, 2, other);
  mgpuMemset32(memory, 1, 2, other);
  mgpuMemcpy(host, memory, 16, other);
  mgpuStreamSynchronize(other);
  mgpuEventSynchronize(event);
  mgpuEventDestroy(event);
  mgpuMemFree(memory, other);
  mgpuMemFree(shared, other);
  mgpuStreamDestroy(stream);
  mgpuStreamDestroy(other);
  mgpuModuleUnload(module);
}

// Whatever call of the driver fails, the program ends, with an error, and
// without misusing the driver.
TEST_F(CudaTest, AnyCallMayFail) {
  runProgram();
  qfmtGpuClose();
  ASSERT_EQ(takeError(), "");
  const std::map<std::string, int> calls = fakeCuda().calls;
  int failures = 0;
  for (auto &[name, count] : calls) {
    for (int callsBefore = 0; callsBefore < count; ++callsBefore) {
      resetFakeCuda();
      fakeCuda().failures[name] = {1, callsBefore};
      runProgram();
      qfmtGpuClose();
      std::string error = takeError();
      // Without a pool there is plain memory.
      if (name.rfind("cuMemPool", 0) != 0)
        EXPECT_NE(error, "") << name << " after " << callsBefore;
      fakeCuda().failures.clear();
      qfmtGpuClose();
      takeError();
      EXPECT_EQ(fakeCuda().complaints, std::vector<std::string>())
          << name << " after " << callsBefore;
      ++failures;
    }
  }
  EXPECT_GT(failures, 30);
  resetFakeCuda();
}

// NVIDIA's own stub has all functions and no device.
TEST_F(CudaTest, TheToolkitHasAllFunctions) {
#ifdef QFMT_CUDA_STUB
  setenv("QFMT_LIBCUDA", QFMT_CUDA_STUB, 1);
  EXPECT_EQ(qfmtGpuOpen(nullptr), 77);
  EXPECT_NE(takeError().find("no CUDA device"), std::string::npos);
#else
  GTEST_SKIP() << "no stub of CUDA's driver was found at configuration";
#endif
}
