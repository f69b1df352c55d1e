//===- MemoryTest.cpp - Wrong accesses are reported -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SimulatedDevice.h"
#include "gmock/gmock.h"

using namespace mlir::qfmt;
using testing::HasSubstr;
using testing::IsEmpty;

/// b[i + offset] = a[i + offset] for each thread i.
static std::string makeCopy(const std::string &type, int bytes, int alignment) {
  return "gpu.func @k(%a: !llvm.ptr, %b: !llvm.ptr, %from: i32, %to: i32) "
         "kernel {\n"
         "  %t = gpu.thread_id x\n"
         "  %i = arith.index_cast %t : index to i32\n"
         "  %bytes = arith.constant " +
         std::to_string(bytes) +
         " : i32\n"
         "  %o = arith.muli %i, %bytes : i32\n"
         "  %f = arith.addi %o, %from : i32\n"
         "  %g = arith.addi %o, %to : i32\n"
         "  %p = llvm.getelementptr %a[%f] : (!llvm.ptr, i32) -> !llvm.ptr, "
         "i8\n"
         "  %q = llvm.getelementptr %b[%g] : (!llvm.ptr, i32) -> !llvm.ptr, "
         "i8\n"
         "  %v = llvm.load %p {alignment = " +
         std::to_string(alignment) + "} : !llvm.ptr -> " + type +
         "\n"
         "  llvm.store %v, %q {alignment = " +
         std::to_string(alignment) + "} : " + type +
         ", !llvm.ptr\n"
         "  gpu.return\n}\n";
}

TEST(SimulatorMemory, CopiesWithinBuffers) {
  SimulatedModule module(makeCopy("i32", 4, 4));
  Buffer<int32_t> a({1, 2, 3, 4, 5, 6, 7}), b(7);
  EXPECT_EQ(module.launch({1, 1, 1}, {7, 1, 1}, {a.get(), b.get()}, {0, 0}),
            "");
  EXPECT_EQ(b.read(), a.read());
}

/// Every width that generated code tests by itself, at each end of a buffer.
TEST(SimulatorMemory, ReportsAccessesOutsideOfBuffers) {
  struct {
    const char *type;
    int bytes;
  } cases[] = {{"i8", 1},
               {"i16", 2},
               {"i32", 4},
               {"i64", 8},
               {"vector<4xi32>", 16},
               {"vector<16xi32>", 64}};
  for (auto [type, bytes] : cases) {
    SCOPED_TRACE(type);
    SimulatedModule module(makeCopy(type, bytes, 1));
    Buffer<int8_t> a(std::vector<int8_t>(256)), b(256);
    int last = 256 - bytes;
    auto run = [&](int from, int to) {
      return module.launch({1, 1, 1}, {1, 1, 1}, {a.get(), b.get()},
                           {from, to});
    };
    EXPECT_THAT(run(last, last), IsEmpty());
    EXPECT_THAT(run(last + 1, 0),
                HasSubstr("kernel 'k', block (0, 0, 0), thread (0, 0, 0): "
                          "out-of-bounds read of " +
                          std::to_string(bytes) +
                          " bytes from global memory, "
                          "0 bytes past the end of a buffer of 256 bytes"));
    EXPECT_THAT(run(-1, 0), HasSubstr("out-of-bounds read"));
    EXPECT_THAT(run(0, last + 1), HasSubstr("out-of-bounds write"));
    EXPECT_THAT(run(0, -1), HasSubstr("out-of-bounds write"));
  }
}

TEST(SimulatorMemory, ReportsReadsOfWhatNobodyWrote) {
  SimulatedModule module(makeCopy("i32", 4, 4));
  Buffer<int32_t> a(8), b(8);
  EXPECT_THAT(module.launch({1, 1, 1}, {8, 1, 1}, {a.get(), b.get()}, {0, 0}),
              HasSubstr("uninitialised read of 4 bytes from global memory, "
                        "byte 0 of a buffer of 32 bytes"));
  mgpuMemset32(a.get(), 5, 7, nullptr);
  EXPECT_THAT(module.launch({1, 1, 1}, {8, 1, 1}, {a.get(), b.get()}, {0, 0}),
              HasSubstr("byte 28 of a buffer of 32 bytes"));
  mgpuMemset32(a.get(), 5, 8, nullptr);
  EXPECT_EQ(module.launch({1, 1, 1}, {8, 1, 1}, {a.get(), b.get()}, {0, 0}),
            "");
  // States follow copies on the device.
  Buffer<int32_t> c(8);
  mgpuMemcpy(c.get(), b.get(), 16, nullptr);
  EXPECT_EQ(module.launch({1, 1, 1}, {4, 1, 1}, {c.get(), a.get()}, {0, 0}),
            "");
  EXPECT_THAT(module.launch({1, 1, 1}, {5, 1, 1}, {c.get(), a.get()}, {0, 0}),
              HasSubstr("uninitialised"));
}

/// The host would take what lies there for a result.
TEST(SimulatorMemory, GivesTheHostOnlyWhatSomebodyWrote) {
  SimulatedModule module(makeCopy("i32", 4, 4));
  Buffer<int32_t> a({1, 2, 3, 4, 5, 6, 7, 8}), b(8), c(8);
  std::vector<int32_t> host(8, -1);
  auto read = [&](Buffer<int32_t> &buffer, int64_t bytes) {
    mgpuMemcpy(host.data(), buffer.get(), bytes, nullptr);
    return takeError();
  };
  EXPECT_EQ(module.launch({1, 1, 1}, {5, 1, 1}, {a.get(), b.get()}, {0, 0}),
            "");
  EXPECT_EQ(read(b, 20), "");
  EXPECT_EQ(host[4], 5);
  EXPECT_EQ(read(b, 32),
            "copy to the host of 32 bytes, 12 of which nobody wrote: the first "
            "is byte 20 of a buffer of 32 bytes; the last kernel was 'k'");
  EXPECT_EQ(host[5], -1);
  // Copies on the device do not write either.
  mgpuMemcpy(c.get(), b.get(), 32, nullptr);
  EXPECT_EQ(takeError(), "");
  EXPECT_EQ(read(c, 20), "");
  EXPECT_THAT(read(c, 24), HasSubstr("24 bytes, 4 of which nobody wrote"));
}

TEST(SimulatorMemory, ReportsMisalignedAccesses) {
  SimulatedModule module(makeCopy("vector<4xi32>", 16, 16));
  Buffer<int8_t> a(std::vector<int8_t>(64)), b(64);
  EXPECT_EQ(module.launch({1, 1, 1}, {2, 1, 1}, {a.get(), b.get()}, {16, 0}),
            "");
  EXPECT_THAT(module.launch({1, 1, 1}, {2, 1, 1}, {a.get(), b.get()}, {8, 0}),
              HasSubstr("misaligned read of 16 bytes"));
  EXPECT_THAT(module.launch({1, 1, 1}, {2, 1, 1}, {a.get(), b.get()}, {0, 4}),
              HasSubstr("misaligned write of 16 bytes"));
}

TEST(SimulatorMemory, ReportsHostAndFreedAndNullPointers) {
  SimulatedModule module(makeCopy("i32", 4, 4));
  Buffer<int32_t> b(8);
  std::vector<int32_t> host(8);
  EXPECT_THAT(
      module.launch({1, 1, 1}, {1, 1, 1}, {host.data(), b.get()}, {0, 0}),
      HasSubstr("a host pointer?"));
  EXPECT_THAT(module.launch({1, 1, 1}, {1, 1, 1}, {nullptr, b.get()}, {0, 0}),
              HasSubstr("the null pointer"));
  void *freed = nullptr;
  {
    Buffer<int32_t> a(std::vector<int32_t>(8));
    freed = a.get();
  }
  EXPECT_THAT(module.launch({1, 1, 1}, {1, 1, 1}, {freed, b.get()}, {0, 0}),
              HasSubstr("out-of-bounds read"));
  // Registered, it is the kernel's as well.
  struct {
    void *allocated, *aligned;
    int64_t offset, size, stride;
  } memref = {host.data(), host.data(), 0, 8, 1};
  mgpuMemHostRegisterMemRef(1, &memref, 4);
  EXPECT_EQ(module.launch({1, 1, 1}, {8, 1, 1}, {host.data(), b.get()}, {0, 0}),
            "");
  EXPECT_THAT(
      module.launch({1, 1, 1}, {9, 1, 1}, {host.data(), b.get()}, {0, 0}),
      HasSubstr("out-of-bounds"));
  mgpuMemHostUnregisterMemRef(1, &memref, 4);
  EXPECT_THAT(
      module.launch({1, 1, 1}, {1, 1, 1}, {host.data(), b.get()}, {0, 0}),
      HasSubstr("out-of-bounds"));
}

TEST(SimulatorMemory, ReportsHostCopiesThatLeaveABuffer) {
  Buffer<int32_t> a(std::vector<int32_t>(8));
  std::vector<int32_t> host(9);
  mgpuMemcpy(host.data(), a.get(), 36, nullptr);
  EXPECT_THAT(takeError(), HasSubstr("leaves its device buffer"));
  mgpuMemcpy(a.get(), host.data(), 36, nullptr);
  EXPECT_THAT(takeError(), HasSubstr("leaves its device buffer"));
  mgpuMemFree(host.data(), nullptr);
  EXPECT_THAT(takeError(), HasSubstr("was not allocated"));
}

TEST(SimulatorMemory, ReportsWhatIsTooLarge) {
  EXPECT_EQ(mgpuMemAlloc(uint64_t(1) << 60, nullptr, 0), nullptr);
  EXPECT_THAT(takeError(), HasSubstr("out of memory"));
  EXPECT_EQ(mgpuMemAlloc(uint64_t(-12), nullptr, 0), nullptr);
  EXPECT_EQ(takeError(), "a buffer of -12 bytes: a size that the program "
                         "computes is negative, or its bytes are 2^63 or more");
  SimulatedModule module(makeCopy("i32", 4, 4));
  Buffer<int32_t> a(std::vector<int32_t>(8)), b(8);
  auto run = [&](int64_t grid, int64_t block, int32_t shared) {
    return module.launch({1, grid, 1}, {block, 1, 1}, {a.get(), b.get()},
                         {0, 0}, shared);
  };
  EXPECT_THAT(run(65536, 1, 0), HasSubstr("a grid of 1x65536x1 blocks"));
  EXPECT_THAT(run(1, 1025, 0), HasSubstr("a block of 1025x1x1 threads"));
  EXPECT_THAT(run(1, 1, 232449), HasSubstr("the limit is 232448"));
  EXPECT_THAT(run(1, 1, 232448), IsEmpty());
}

/// A constant of the module, read at [i].
TEST(SimulatorMemory, ChecksConstantsAndLocals) {
  SimulatedModule module(R"(
    llvm.mlir.global internal constant @table(dense<[3, 1, 4, 1]> : tensor<4xi32>) {addr_space = 0 : i32} : !llvm.array<4 x i32>
    gpu.func @k(%b: !llvm.ptr, %i: i32) kernel {
      %t = llvm.mlir.addressof @table : !llvm.ptr
      %p = llvm.getelementptr %t[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      %v = llvm.load %p : !llvm.ptr -> i32
      llvm.store %v, %b : i32, !llvm.ptr
      gpu.return
    })");
  Buffer<int32_t> b(1);
  EXPECT_EQ(module.launch({1, 1, 1}, {1, 1, 1}, {b.get()}, {2}), "");
  EXPECT_EQ(b.read()[0], 4);
  for (int i : {-1, 4})
    EXPECT_THAT(module.launch({1, 1, 1}, {1, 1, 1}, {b.get()}, {i}),
                HasSubstr("outside of a local variable or a constant"));
}

TEST(SimulatorMemory, ReportsDivisionsByZero) {
  SimulatedModule module(R"(
    gpu.func @k(%b: !llvm.ptr, %x: i32, %y: i32) kernel {
      %q = arith.divsi %x, %y : i32
      llvm.store %q, %b : i32, !llvm.ptr
      gpu.return
    })");
  Buffer<int32_t> b(1);
  EXPECT_EQ(module.launch({1, 1, 1}, {1, 1, 1}, {b.get()}, {-7, 2}), "");
  EXPECT_EQ(b.read()[0], -3);
  EXPECT_THAT(module.launch({1, 1, 1}, {1, 1, 1}, {b.get()}, {1, 0}),
              HasSubstr("division by zero"));
  EXPECT_THAT(module.launch({1, 1, 1}, {1, 1, 1}, {b.get()}, {INT32_MIN, -1}),
              HasSubstr("least number"));
}

/// With the place that the program gives, and that of the instruction.
TEST(SimulatorMemory, ReportsAssertions) {
  SimulatedModule module(R"(
    llvm.mlir.global private constant @message("x is too small\00") {addr_space = 0 : i32}
    llvm.mlir.global private constant @file("net.mlir\00") {addr_space = 0 : i32}
    llvm.func @__assertfail(!llvm.ptr, !llvm.ptr, i32, !llvm.ptr, i64)
    gpu.func @k(%b: !llvm.ptr, %x: i32) kernel {
      %message = llvm.mlir.addressof @message : !llvm.ptr
      %file = llvm.mlir.addressof @file : !llvm.ptr
      %line = arith.constant 17 : i32
      %width = arith.constant 1 : i64
      %c100 = arith.constant 100 : i32
      %small = arith.cmpi slt, %x, %c100 : i32
      scf.if %small {
        llvm.call @__assertfail(%message, %file, %line, %file, %width) : (!llvm.ptr, !llvm.ptr, i32, !llvm.ptr, i64) -> ()
      }
      llvm.store %x, %b : i32, !llvm.ptr
      gpu.return
    })");
  Buffer<int32_t> b(1);
  EXPECT_EQ(module.launch({1, 1, 1}, {1, 1, 1}, {b.get()}, {100}), "");
  EXPECT_EQ(b.read()[0], 100);
  EXPECT_THAT(module.launch({1, 1, 1}, {1, 1, 1}, {b.get()}, {99}),
              HasSubstr("kernel 'k', block (0, 0, 0), thread (0, 0, 0): "
                        "assertion failed: x is too small (net.mlir:17)"));
  EXPECT_EQ(b.read()[0], 100);
}

TEST(SimulatorMemory, ReportsWhatItCannotRun) {
  mgpuModuleLoad(const_cast<char *>("not bitcode"), 11);
  EXPECT_THAT(takeError(), HasSubstr("not LLVM bitcode"));
  mgpuModuleLoadJIT(const_cast<char *>(".version 8.0"), 2);
  EXPECT_THAT(takeError(), HasSubstr("format=llvm"));
  Buffer<int32_t> b(1);
  SimulatedModule unknown(R"(
    gpu.func @k(%b: !llvm.ptr) kernel {
      %v = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.envreg3"() : () -> i32
      llvm.store %v, %b : i32, !llvm.ptr
      gpu.return
    })");
  EXPECT_THAT(unknown.launch({1, 1, 1}, {1, 1, 1}, {b.get()}),
              HasSubstr("function 'k' calls "
                        "'llvm.nvvm.read.ptx.sreg.envreg3', which the "
                        "simulator does not know"));
  SimulatedModule external(R"(
    llvm.func @nobody(f32) -> f32
    gpu.func @k(%b: !llvm.ptr, %i: f32) kernel {
      %v = llvm.call @nobody(%i) : (f32) -> f32
      llvm.store %v, %b : f32, !llvm.ptr
      gpu.return
    })");
  EXPECT_THAT(external.launch({1, 1, 1}, {1, 1, 1}, {b.get()}, {0}),
              HasSubstr("calls 'nobody', which nobody defines"));
  SimulatedModule known(makeCopy("i32", 4, 4));
  EXPECT_THAT(known.launch({1, 1, 1}, {1, 1, 1}, {b.get()}),
              HasSubstr("has 4 arguments, the launch gives 1"));
}
