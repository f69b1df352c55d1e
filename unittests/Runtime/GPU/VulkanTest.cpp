// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// libqfmt_vulkan.so on the device that the machine has; without one the tests
// are skipped. Kernels are compared with the same arithmetic on the host.

#include "Mgpu.h"
#include "SpirvKernels.h"
#include "SpirvModule.h"
#include "gtest/gtest.h"
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

using namespace qfmt::gpu;
using namespace qfmt::gpu::test;

/// y[i] = x[i] + 1.
static const char *const kIncrement = R"(
  gpu.func @increment(%x: memref<64xi32, !buf>, %y: memref<64xi32, !buf>)
      kernel {
    %b = gpu.block_id x
    %t = gpu.thread_id x
    %c16 = arith.constant 16 : index
    %o = arith.muli %b, %c16 : index
    %i = arith.addi %o, %t : index
    %v = memref.load %x[%i] : memref<64xi32, !buf>
    %c1 = arith.constant 1 : i32
    %w = arith.addi %v, %c1 : i32
    memref.store %w, %y[%i] : memref<64xi32, !buf>
    gpu.return
  })";

namespace {
/// Memory of the device, freed at the end.
template <typename T>
class DeviceArray {
public:
  explicit DeviceArray(const std::vector<T> &values, void *stream = nullptr)
      : bytes(values.size() * sizeof(T)),
        pointer(mgpuMemAlloc(bytes, stream, 0)) {
    mgpuMemcpy(pointer, const_cast<T *>(values.data()), bytes, stream);
  }
  ~DeviceArray() { mgpuMemFree(pointer, nullptr); }

  std::vector<T> read(void *stream = nullptr) const {
    std::vector<T> values(bytes / sizeof(T));
    mgpuMemcpy(values.data(), pointer, bytes, stream);
    mgpuStreamSynchronize(stream);
    return values;
  }

  int64_t bytes;
  void *pointer;
};

class VulkanTest : public ::testing::Test {
protected:
  void SetUp() override {
    if (qfmtGpuOpen(nullptr) != 0)
      GTEST_SKIP() << qfmtGpuError();
  }
  void TearDown() override {
    qfmtGpuClose();
    EXPECT_EQ(takeError(), "");
  }

  static std::string takeError() {
    const char *error = qfmtGpuError();
    return error ? error : "";
  }

  static void *load(const std::vector<uint32_t> &spirv) {
    return mgpuModuleLoad(const_cast<uint32_t *>(spirv.data()),
                          int64_t(spirv.size() * 4));
  }

  static void *loadIncrement() {
    return mgpuModuleGetFunction(load(makeSpirv(kIncrement, 16)), "increment");
  }

  /// As gpu-to-llvm calls it: each pointer is followed by its size.
  static void launch(void *function, int64_t blocks, int64_t threads,
                     std::vector<std::pair<void *, int64_t>> arguments,
                     void *stream = nullptr) {
    std::vector<void *> params;
    for (auto &[pointer, bytes] : arguments) {
      params.push_back(&pointer);
      params.push_back(&bytes);
    }
    mgpuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream,
                     params.data(), nullptr, int64_t(params.size()));
  }

  /// Whether the device can run `spirv`; otherwise the error is taken.
  static bool isSupported(const std::vector<uint32_t> &spirv) {
    void *module = load(spirv);
    if (!module)
      GTEST_LOG_(INFO) << takeError();
    mgpuModuleUnload(module);
    return module != nullptr;
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Without a device
//===----------------------------------------------------------------------===//

TEST(VulkanWithoutDevice, NoLoader) {
  setenv("QFMT_LIBVULKAN", "/nowhere/libvulkan.so.1", 1);
  EXPECT_EQ(qfmtGpuOpen(nullptr), 77);
  std::string error = qfmtGpuError();
  EXPECT_EQ(error.find("no Vulkan: /nowhere/libvulkan.so.1"), 0u) << error;
  EXPECT_EQ(mgpuMemAlloc(16, nullptr, 0), nullptr);
  EXPECT_NE(qfmtGpuError(), nullptr);
  unsetenv("QFMT_LIBVULKAN");
}

TEST(VulkanWithoutDevice, NotALoader) {
  setenv("QFMT_LIBVULKAN", "libm.so.6", 1);
  EXPECT_EQ(qfmtGpuOpen(nullptr), 77);
  EXPECT_STREQ(qfmtGpuError(), "libm.so.6 has no Vulkan 1.1");
  unsetenv("QFMT_LIBVULKAN");
}

TEST(VulkanWithoutDevice, WhatKernelsNeed) {
  SpirvTarget target;
  target.capabilities = "Shader, Int8, StorageBuffer8BitAccess";
  target.extensions += ", SPV_KHR_8bit_storage";
  std::vector<uint32_t> spirv = makeSpirv(R"(
    gpu.func @copy(%x: memref<8xi8, !buf>, %y: memref<8xi8, !buf>) kernel {
      %t = gpu.thread_id x
      %s = memref.alloc() : memref<12xi32, !shared>
      %v = memref.load %x[%t] : memref<8xi8, !buf>
      %w = arith.extsi %v : i8 to i32
      memref.store %w, %s[%t] : memref<12xi32, !shared>
      gpu.barrier
      memref.store %v, %y[%t] : memref<8xi8, !buf>
      gpu.return
    }
    gpu.func @nothing(%x: memref<8xi8, !buf>) kernel { gpu.return })",
                                          8, target);
  SpirvModule module;
  ASSERT_TRUE(readSpirv(spirv.data(), int64_t(spirv.size() * 4), module));
  const SpirvKernel &copy = module.kernels["copy"];
  EXPECT_EQ(copy.bindings, 2u);
  EXPECT_EQ(copy.localSize[0], 8);
  EXPECT_EQ(copy.workgroupBytes, 48u);
  EXPECT_EQ(module.kernels["nothing"].bindings, 0u);
  constexpr uint32_t kInt8 = 39;
  EXPECT_EQ(
      std::count(module.capabilities.begin(), module.capabilities.end(), kInt8),
      1);
}

TEST(VulkanWithoutDevice, NotSpirv) {
  std::vector<uint32_t> spirv = makeSpirv(kIncrement, 16);
  int64_t bytes = int64_t(spirv.size() * 4);
  SpirvModule module;
  EXPECT_TRUE(readSpirv(spirv.data(), bytes, module));
  // Within the last store.
  EXPECT_FALSE(readSpirv(spirv.data(), bytes - 12, module));
  EXPECT_FALSE(readSpirv(spirv.data(), bytes - 1, module));
  EXPECT_FALSE(readSpirv(spirv.data(), 4, module));
  spirv[0] = 0;
  EXPECT_FALSE(readSpirv(spirv.data(), bytes, module));
}

// Whatever the words are, nothing outside of them is read.
TEST(VulkanWithoutDevice, DamagedSpirv) {
  const std::vector<uint32_t> spirv = makeSpirv(kIncrement, 16);
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint32_t> damaged = spirv;
    for (int j = 0; j < 3; ++j)
      damaged[random() % damaged.size()] ^= 1u << random() % 32;
    SpirvModule module;
    readSpirv(damaged.data(), int64_t(damaged.size() * 4), module);
  }
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

TEST_F(VulkanTest, ChoosesADevice) {
  std::string name = qfmtGpuChip();
  EXPECT_NE(name, "");
  qfmtGpuClose();
  setenv("QFMT_VULKAN_DEVICE", "no such device", 1);
  EXPECT_EQ(qfmtGpuOpen(nullptr), 1);
  std::string error = takeError();
  EXPECT_EQ(error.find("there is no Vulkan device 'no such device', there is "),
            0u)
      << error;
  setenv("QFMT_VULKAN_DEVICE", name.c_str(), 1);
  EXPECT_EQ(qfmtGpuOpen(nullptr), 0);
  unsetenv("QFMT_VULKAN_DEVICE");
  qfmtGpuClose();
  EXPECT_EQ(qfmtGpuOpen("device=0"), 0);
  qfmtGpuClose();
  EXPECT_EQ(qfmtGpuOpen("device=999"), 1);
  EXPECT_NE(takeError(), "");
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

TEST_F(VulkanTest, RunsAKernel) {
  std::vector<int32_t> x(64);
  for (int i = 0; i < 64; ++i)
    x[i] = 1000 * i - 7;
  DeviceArray<int32_t> in(x), out(std::vector<int32_t>(64, -1));
  launch(loadIncrement(), 4, 16, {{in.pointer, 256}, {out.pointer, 256}});
  std::vector<int32_t> y = out.read();
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(y[i], x[i] + 1);
  EXPECT_EQ(takeError(), "");
}

// Each launch sees what the one before has written; there are more than fit in
// one descriptor pool.
TEST_F(VulkanTest, LaunchesAreInOrder) {
  void *function = loadIncrement();
  void *stream = mgpuStreamCreate();
  DeviceArray<int32_t> a(std::vector<int32_t>(64, 5), stream);
  DeviceArray<int32_t> b(std::vector<int32_t>(64, 0), stream);
  for (int i = 0; i < 200; ++i) {
    launch(function, 4, 16, {{a.pointer, 256}, {b.pointer, 256}}, stream);
    launch(function, 4, 16, {{b.pointer, 256}, {a.pointer, 256}}, stream);
  }
  EXPECT_EQ(a.read(stream), std::vector<int32_t>(64, 405));
  mgpuStreamDestroy(stream);
}

// int8 factors, a 32-bit sum, and the scale 2^-31 * m in 32-bit words.
TEST_F(VulkanTest, Int8ProductWithDyadicScale) {
  SpirvTarget target;
  target.capabilities = "Shader, Int8, StorageBuffer8BitAccess";
  target.extensions += ", SPV_KHR_8bit_storage";
  std::vector<uint32_t> spirv = makeSpirv(R"(
    gpu.func @product(%a: memref<512xi8, !buf>, %b: memref<768xi8, !buf>,
                      %y: memref<384xi8, !buf>) kernel {
      %i = gpu.block_id x
      %j = gpu.thread_id x
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      %c24 = arith.constant 24 : index
      %zero = arith.constant 0 : i32
      %row = arith.muli %i, %c32 : index
      %sum = scf.for %k = %c0 to %c32 step %c1 iter_args(%s = %zero) -> i32 {
        %ia = arith.addi %row, %k : index
        %kb = arith.muli %k, %c24 : index
        %ib = arith.addi %kb, %j : index
        %va = memref.load %a[%ia] : memref<512xi8, !buf>
        %vb = memref.load %b[%ib] : memref<768xi8, !buf>
        %wa = arith.extsi %va : i8 to i32
        %wb = arith.extsi %vb : i8 to i32
        %p = arith.muli %wa, %wb : i32
        %n = arith.addi %s, %p : i32
        scf.yield %n : i32
      }
      %m = arith.constant 1518500250 : i32
      %lo, %hi = arith.mulsi_extended %sum, %m : i32
      %c9 = arith.constant 9 : i32
      %r = arith.shrsi %hi, %c9 : i32
      %min = arith.constant -128 : i32
      %max = arith.constant 127 : i32
      %r0 = arith.maxsi %r, %min : i32
      %r1 = arith.minsi %r0, %max : i32
      %r8 = arith.trunci %r1 : i32 to i8
      %o = arith.muli %i, %c24 : index
      %io = arith.addi %o, %j : index
      memref.store %r8, %y[%io] : memref<384xi8, !buf>
      gpu.return
    })",
                                          24, target);
  if (!isSupported(spirv))
    GTEST_SKIP() << "no int8";
  std::mt19937 random(7);
  std::vector<int8_t> a(512), b(768);
  for (auto *values : {&a, &b})
    for (int8_t &value : *values)
      value = int8_t(random());
  DeviceArray<int8_t> da(a), db(b), dy(std::vector<int8_t>(384, 0));
  launch(mgpuModuleGetFunction(load(spirv), "product"), 16, 24,
         {{da.pointer, 512}, {db.pointer, 768}, {dy.pointer, 384}});
  std::vector<int8_t> y = dy.read();
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 24; ++j) {
      int32_t sum = 0;
      for (int k = 0; k < 32; ++k)
        sum += a[i * 32 + k] * b[k * 24 + j];
      int64_t scaled = (int64_t(sum) * 1518500250) >> 32 >> 9;
      EXPECT_EQ(y[i * 24 + j],
                int8_t(std::min<int64_t>(std::max<int64_t>(scaled, -128), 127)))
          << i << ", " << j;
    }
}

TEST_F(VulkanTest, SharedMemoryAndBarrier) {
  std::vector<uint32_t> spirv = makeSpirv(R"(
    gpu.func @reverse(%x: memref<128xi32, !buf>, %y: memref<128xi32, !buf>)
        kernel {
      %b = gpu.block_id x
      %t = gpu.thread_id x
      %c64 = arith.constant 64 : index
      %c63 = arith.constant 63 : index
      %o = arith.muli %b, %c64 : index
      %i = arith.addi %o, %t : index
      %s = memref.alloc() : memref<64xi32, !shared>
      %v = memref.load %x[%i] : memref<128xi32, !buf>
      memref.store %v, %s[%t] : memref<64xi32, !shared>
      gpu.barrier
      %r = arith.subi %c63, %t : index
      %w = memref.load %s[%r] : memref<64xi32, !shared>
      memref.store %w, %y[%i] : memref<128xi32, !buf>
      gpu.return
    })",
                                          64);
  std::vector<int32_t> x(128);
  for (int i = 0; i < 128; ++i)
    x[i] = i * i;
  DeviceArray<int32_t> in(x), out(std::vector<int32_t>(128, -1));
  launch(mgpuModuleGetFunction(load(spirv), "reverse"), 2, 64,
         {{in.pointer, 512}, {out.pointer, 512}});
  std::vector<int32_t> y = out.read();
  for (int i = 0; i < 128; ++i)
    EXPECT_EQ(y[i], x[i / 64 * 64 + 63 - i % 64]);
}

// Eight codes of 4 bits a word, the lowest first.
TEST_F(VulkanTest, UnpacksFourBits) {
  std::vector<uint32_t> spirv = makeSpirv(R"(
    gpu.func @unpack(%x: memref<8xi32, !buf>, %y: memref<64xi32, !buf>)
        kernel {
      %b = gpu.block_id x
      %t = gpu.thread_id x
      %c8 = arith.constant 8 : index
      %o = arith.muli %b, %c8 : index
      %i = arith.addi %o, %t : index
      %word = memref.load %x[%b] : memref<8xi32, !buf>
      %t32 = arith.index_cast %t : index to i32
      %c7 = arith.constant 7 : i32
      %c4 = arith.constant 4 : i32
      %c28 = arith.constant 28 : i32
      %n = arith.subi %c7, %t32 : i32
      %left = arith.muli %n, %c4 : i32
      %top = arith.shli %word, %left : i32
      %code = arith.shrsi %top, %c28 : i32
      memref.store %code, %y[%i] : memref<64xi32, !buf>
      gpu.return
    })",
                                          8);
  std::mt19937 random(3);
  std::vector<int32_t> x(8);
  for (int32_t &word : x)
    word = int32_t(random());
  DeviceArray<int32_t> in(x), out(std::vector<int32_t>(64, -1));
  launch(mgpuModuleGetFunction(load(spirv), "unpack"), 8, 8,
         {{in.pointer, 32}, {out.pointer, 256}});
  std::vector<int32_t> y = out.read();
  for (int i = 0; i < 64; ++i) {
    int32_t code = int32_t(uint32_t(x[i / 8]) >> (4 * (i % 8))) & 15;
    EXPECT_EQ(y[i], code < 8 ? code : code - 16);
  }
}

TEST_F(VulkanTest, SixtyFourBits) {
  SpirvTarget target;
  target.capabilities = "Shader, Int64";
  std::vector<uint32_t> spirv = makeSpirv(R"(
    gpu.func @scale(%x: memref<16xi64, !buf>, %y: memref<16xi64, !buf>) kernel {
      %t = gpu.thread_id x
      %v = memref.load %x[%t] : memref<16xi64, !buf>
      %m = arith.constant 1518500250 : i64
      %p = arith.muli %v, %m : i64
      %n = arith.constant 35 : i64
      %r = arith.shrsi %p, %n : i64
      memref.store %r, %y[%t] : memref<16xi64, !buf>
      gpu.return
    })",
                                          16, target);
  if (!isSupported(spirv))
    GTEST_SKIP() << "no int64";
  std::vector<int64_t> x(16);
  for (int i = 0; i < 16; ++i)
    x[i] = int64_t(i - 8) * 123456789;
  DeviceArray<int64_t> in(x), out(std::vector<int64_t>(16, 0));
  launch(mgpuModuleGetFunction(load(spirv), "scale"), 1, 16,
         {{in.pointer, 128}, {out.pointer, 128}});
  std::vector<int64_t> y = out.read();
  for (int i = 0; i < 16; ++i)
    EXPECT_EQ(y[i], (x[i] * 1518500250) >> 35);
}

// An argument may be a part of an allocation.
TEST_F(VulkanTest, PointersIntoMemory) {
  std::vector<int32_t> x(128);
  for (int i = 0; i < 128; ++i)
    x[i] = i;
  DeviceArray<int32_t> in(x), out(std::vector<int32_t>(64, -1));
  launch(loadIncrement(), 4, 16,
         {{static_cast<char *>(in.pointer) + 256, 256}, {out.pointer, 256}});
  std::vector<int32_t> y = out.read();
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(y[i], 64 + i + 1);
}

TEST_F(VulkanTest, SeveralThreads) {
  void *function = loadIncrement();
  auto work = [&](int32_t begin) {
    void *stream = mgpuStreamCreate();
    for (int i = 0; i < 20; ++i) {
      DeviceArray<int32_t> in(std::vector<int32_t>(64, begin + i), stream);
      DeviceArray<int32_t> out(std::vector<int32_t>(64, 0), stream);
      launch(function, 4, 16, {{in.pointer, 256}, {out.pointer, 256}}, stream);
      EXPECT_EQ(out.read(stream), std::vector<int32_t>(64, begin + i + 1));
    }
    mgpuStreamDestroy(stream);
  };
  std::thread first(work, 0), second(work, 1000);
  first.join();
  second.join();
}

//===----------------------------------------------------------------------===//
// Memory, streams, constants
//===----------------------------------------------------------------------===//

TEST_F(VulkanTest, CopiesAndFills) {
  std::vector<int32_t> values = {1, 2, 3, 4, 5, 6, 7, 8};
  DeviceArray<int32_t> a(values), b(std::vector<int32_t>(8, 0));
  auto *pa = static_cast<char *>(a.pointer);
  auto *pb = static_cast<char *>(b.pointer);
  mgpuMemset32(pa + 4, -1, 2, nullptr);
  mgpuMemset16(pa + 12, 0x1234, 2, nullptr);
  // Not whole words.
  mgpuMemset16(pa + 18, 0x0777, 1, nullptr);
  mgpuMemcpy(pb, pa, 32, nullptr);
  // Overlapping.
  mgpuMemcpy(pb + 4, pb, 8, nullptr);
  EXPECT_EQ(b.read(),
            (std::vector<int32_t>{1, 1, -1, 0x12341234, 0x07770005, 6, 7, 8}));
  EXPECT_EQ(takeError(), "");
}

TEST_F(VulkanTest, OutsideOfMemory) {
  int32_t host[16] = {};
  DeviceArray<int32_t> a(std::vector<int32_t>(8, 0));
  mgpuMemcpy(a.pointer, host, 64, nullptr);
  EXPECT_EQ(takeError(),
            "cannot copy 64 bytes, the memory of the device ends after 32");
  mgpuMemset32(a.pointer, 0, 9, nullptr);
  EXPECT_EQ(takeError(),
            "cannot fill 36 bytes, the memory of the device ends after 32");
  mgpuMemFree(host, nullptr);
  EXPECT_EQ(takeError(),
            "cannot free memory that is not allocated, or freed already");
}

TEST_F(VulkanTest, OutOfMemory) {
  uint64_t bytes = uint64_t(1) << 60;
  EXPECT_EQ(mgpuMemAlloc(bytes, nullptr, 0), nullptr);
  std::string error = takeError();
  EXPECT_EQ(error.find("cannot allocate 1152921504606846976 bytes on the "
                       "device: VK_ERROR_OUT_OF"),
            0u)
      << error;
  EXPECT_EQ(mgpuMemAlloc(0, nullptr, 0), nullptr);
  EXPECT_EQ(takeError(), "");
}

// What is freed while it is in use is not given to anybody until it is not.
TEST_F(VulkanTest, FreedMemoryIsReusedLater) {
  void *function = loadIncrement();
  void *stream = mgpuStreamCreate();
  DeviceArray<int32_t> out(std::vector<int32_t>(64, 0), stream);
  std::vector<int32_t> ones(64, 1), twos(64, 2);
  void *in = mgpuMemAlloc(256, stream, 0);
  mgpuMemcpy(in, ones.data(), 256, stream);
  launch(function, 4, 16, {{in, 256}, {out.pointer, 256}}, stream);
  mgpuMemFree(in, stream);
  void *other = mgpuMemAlloc(256, nullptr, 0);
  mgpuMemcpy(other, twos.data(), 256, nullptr);
  EXPECT_EQ(out.read(stream), twos);
  mgpuMemFree(other, nullptr);
  mgpuStreamDestroy(stream);
}

TEST_F(VulkanTest, EventsOrderStreams) {
  void *function = loadIncrement();
  void *first = mgpuStreamCreate(), *second = mgpuStreamCreate();
  void *event = mgpuEventCreate();
  DeviceArray<int32_t> a(std::vector<int32_t>(64, 1));
  DeviceArray<int32_t> b(std::vector<int32_t>(64, 0));
  DeviceArray<int32_t> c(std::vector<int32_t>(64, 0));
  launch(function, 4, 16, {{a.pointer, 256}, {b.pointer, 256}}, first);
  mgpuEventRecord(event, first);
  mgpuStreamWaitEvent(second, event);
  // Both by the device and by the host.
  launch(function, 4, 16, {{b.pointer, 256}, {c.pointer, 256}}, second);
  EXPECT_EQ(b.read(second), std::vector<int32_t>(64, 2));
  EXPECT_EQ(c.read(second), std::vector<int32_t>(64, 3));
  mgpuEventSynchronize(event);
  mgpuEventDestroy(event);
  mgpuStreamDestroy(first);
  mgpuStreamDestroy(second);
}

TEST_F(VulkanTest, Constants) {
  static const int32_t constant[64] = {1, 2, 3};
  void *function = loadIncrement();
  void *device = qfmtGpuConstant(constant, 256, nullptr);
  EXPECT_EQ(qfmtGpuConstant(constant, 256, mgpuStreamCreate()), device);
  DeviceArray<int32_t> out(std::vector<int32_t>(64, 0));
  launch(function, 4, 16, {{device, 256}, {out.pointer, 256}});
  EXPECT_EQ(out.read()[2], 4);
}

//===----------------------------------------------------------------------===//
// What cannot be done
//===----------------------------------------------------------------------===//

TEST_F(VulkanTest, NotSpirv) {
  char text[] = ".version 8.0\n.target sm_90\n....";
  EXPECT_EQ(mgpuModuleLoad(text, 32), nullptr);
  EXPECT_EQ(takeError(), "cannot load a module of 32 bytes, it is not SPIR-V");
  EXPECT_EQ(mgpuModuleLoadJIT(text, 2), nullptr);
  EXPECT_EQ(takeError(), "Vulkan devices run SPIR-V, not PTX");
}

TEST_F(VulkanTest, AMissingCapability) {
  std::vector<uint32_t> spirv = makeSpirv(kIncrement, 16);
  // The operand of the first OpCapability; 6022 are cooperative matrices, which
  // are not enabled.
  ASSERT_EQ(spirv[5], 2u << 16 | 17u);
  spirv[6] = 6022;
  EXPECT_EQ(load(spirv), nullptr);
  EXPECT_EQ(takeError(),
            "cannot load the module of kernel 'increment', it needs capability "
            "6022 of SPIR-V, which this runtime does not enable; the device is "
            "'" +
                std::string(qfmtGpuChip()) + "'");
}

TEST_F(VulkanTest, AMissingVersion) {
  std::vector<uint32_t> spirv = makeSpirv(kIncrement, 16);
  spirv[1] = 0x00020100;
  EXPECT_EQ(load(spirv), nullptr);
  EXPECT_NE(takeError().find("it needs SPIR-V 2.1"), std::string::npos);
}

TEST_F(VulkanTest, NoSuchKernel) {
  void *module = load(makeSpirv(kIncrement, 16));
  EXPECT_EQ(mgpuModuleGetFunction(module, "absent"), nullptr);
  EXPECT_EQ(takeError(),
            "cannot load kernel 'absent': its module has no such kernel");
  mgpuModuleUnload(module);
  EXPECT_EQ(mgpuModuleGetFunction(module, "increment"), nullptr);
  EXPECT_EQ(takeError(),
            "cannot load kernel 'increment': its module is not loaded");
  mgpuModuleUnload(module);
}

TEST_F(VulkanTest, WrongLaunches) {
  void *function = loadIncrement();
  DeviceArray<int32_t> a(std::vector<int32_t>(128, 0));
  auto *p = static_cast<char *>(a.pointer);
  int32_t host[64] = {};
  std::string begin = "cannot launch kernel 'increment': ";
  launch(function, 4, 32, {{p, 256}, {p, 256}});
  EXPECT_EQ(takeError(),
            begin + "a block of 32x1x1 threads, it is compiled for 16x1x1");
  launch(function, int64_t(1) << 40, 16, {{p, 256}, {p, 256}});
  EXPECT_EQ(takeError().find(begin + "a grid of 1099511627776x1x1 blocks is "
                                     "too large, the device takes "),
            0u);
  launch(function, 4, 16, {{p, 256}});
  EXPECT_EQ(takeError(), begin + "it has 2 arguments, found 1");
  launch(function, 4, 16, {{p, 256}, {host, 256}});
  EXPECT_EQ(takeError(), begin + "argument 1 is not in memory of the device");
  launch(function, 4, 16, {{p, 513}, {p, 256}});
  EXPECT_EQ(takeError(),
            begin + "argument 0 has 513 bytes, its memory ends after 512");
  launch(function, 4, 16, {{p + 1, 256}, {p, 256}});
  EXPECT_EQ(takeError().find(begin + "argument 0 begins 1 bytes into its "
                                     "memory, the device wants a multiple of "),
            0u);
  launch(nullptr, 4, 16, {{p, 256}, {p, 256}});
  EXPECT_EQ(takeError(), "cannot launch a kernel that was not found");
  mgpuLaunchClusterKernel(function, 2, 1, 1, 4, 1, 1, 16, 1, 1, 0, nullptr,
                          nullptr, nullptr);
  EXPECT_EQ(takeError(), "Vulkan devices have no clusters of blocks");
}

TEST_F(VulkanTest, TooMuchSharedMemory) {
  std::vector<uint32_t> spirv = makeSpirv(R"(
    gpu.func @large(%x: memref<4xi32, !buf>) kernel {
      %t = gpu.thread_id x
      %s = memref.alloc() : memref<1000000xi32, !shared>
      %v = memref.load %s[%t] : memref<1000000xi32, !shared>
      memref.store %v, %x[%t] : memref<4xi32, !buf>
      gpu.return
    })",
                                          4);
  DeviceArray<int32_t> a(std::vector<int32_t>(4, 0));
  launch(mgpuModuleGetFunction(load(spirv), "large"), 1, 4, {{a.pointer, 16}});
  EXPECT_EQ(takeError().find(
                "cannot launch kernel 'large': it needs 4000000 bytes of "
                "shared memory a block, the device has "),
            0u);
}
