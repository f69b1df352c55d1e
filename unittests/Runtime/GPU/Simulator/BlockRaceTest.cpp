//===- BlockRaceTest.cpp - Blocks that touch the same global memory -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SimulatedDevice.h"
#include "gmock/gmock.h"

using namespace mlir::qfmt;
using testing::AllOf;
using testing::HasSubstr;

namespace {

constexpr int64_t kBlocks = 200, kThreads = 32;

/// to[block * writeStep + thread] = from[block * readStep + thread], of bytes
/// or words.
std::string makeCopy(const std::string &type) {
  return replaced(R"(
  gpu.func @k(%from: !llvm.ptr, %to: !llvm.ptr, %readStep: i32, %writeStep: i32) kernel {
    %bi = gpu.block_id x
    %ti = gpu.thread_id x
    %b = arith.index_cast %bi : index to i32
    %t = arith.index_cast %ti : index to i32
    %r0 = arith.muli %b, %readStep : i32
    %r1 = arith.addi %r0, %t : i32
    %w0 = arith.muli %b, %writeStep : i32
    %w1 = arith.addi %w0, %t : i32
    %p = llvm.getelementptr %from[%r1] : (!llvm.ptr, i32) -> !llvm.ptr, TYPE
    %q = llvm.getelementptr %to[%w1] : (!llvm.ptr, i32) -> !llvm.ptr, TYPE
    %v = llvm.load %p : !llvm.ptr -> TYPE
    llvm.store %v, %q : TYPE, !llvm.ptr
    gpu.return
  }
)",
                  "TYPE", type);
}

template <typename T>
class Copies {
public:
  explicit Copies(const std::string &type)
      : module(makeCopy(type)), a(std::vector<T>(kSize)),
        b(std::vector<T>(kSize)) {}

  /// Within one buffer if `isInPlace`; `ahead`: elements by which it reads
  /// further on.
  std::string run(int readStep, int writeStep, bool isInPlace = false,
                  int ahead = 0, int seed = 0) {
    Seed scope(seed);
    return module.launch(
        {kBlocks, 1, 1}, {kThreads, 1, 1},
        {static_cast<T *>(a.get()) + ahead, isInPlace ? a.get() : b.get()},
        {readStep, writeStep});
  }

private:
  static constexpr size_t kSize = (kBlocks + 1) * kThreads;
  SimulatedModule module;
  Buffer<T> a, b;
};

/// Neighbouring bytes, what all read, and what a block itself wrote before.
TEST(SimulatorBlocks, MayTouchNeighboursAndReadTheSame) {
  Copies<int8_t> bytes("i8");
  Copies<int32_t> words("i32");
  for (int seed : {0, 1}) {
    EXPECT_EQ(bytes.run(kThreads, kThreads, false, 0, seed), "");
    EXPECT_EQ(bytes.run(0, kThreads, false, 0, seed), "");
    EXPECT_EQ(words.run(kThreads, kThreads, true, 0, seed), "");
    EXPECT_EQ(words.run(1, kThreads, false, 0, seed), "");
  }
}

TEST(SimulatorBlocks, MayNotWriteTheSame) {
  Copies<int8_t> bytes("i8");
  Copies<int32_t> words("i32");
  for (int seed : {0, 1, 2})
    for (int step : {0, 1, int(kThreads) - 1}) {
      EXPECT_THAT(bytes.run(kThreads, step, false, 0, seed),
                  AllOf(HasSubstr("data race: write of 1 bytes"),
                        HasSubstr("another block has written")));
      EXPECT_THAT(words.run(kThreads, step, false, 0, seed),
                  HasSubstr("data race: write of 4 bytes"));
    }
}

/// Whichever comes first.
TEST(SimulatorBlocks, MayNotReadWhatOthersWrite) {
  Copies<int32_t> words("i32");
  EXPECT_THAT(words.run(0, kThreads, true),
              AllOf(HasSubstr("data race: read of 4 bytes"),
                    HasSubstr("another block has written")));
  EXPECT_THAT(words.run(kThreads, kThreads, true, 1),
              AllOf(HasSubstr("data race: write of 4 bytes"),
                    HasSubstr("another block has read")));
  for (int seed : {1, 2, 3})
    EXPECT_THAT(words.run(kThreads, kThreads, true, 1, seed),
                HasSubstr("data race"));
  // A later launch may.
  EXPECT_EQ(words.run(kThreads, kThreads, true), "");
}

TEST(SimulatorBlocks, MayAddAtomically) {
  std::string kernel = R"(
  gpu.func @k(%sum: !llvm.ptr) kernel {
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %bi = gpu.block_id x
    %b = arith.index_cast %bi : index to i32
    %isEarly = arith.cmpi ult, %b, %two : i32
    scf.if %isEarly {
      %old = llvm.atomicrmw add %sum, %one monotonic : !llvm.ptr, i32
    } else {
      OTHERWISE
    }
    gpu.return
  }
)";
  Buffer<int32_t> sum(std::vector<int32_t>(1));
  auto run = [&](const std::string &otherwise) {
    SimulatedModule module(replaced(kernel, "OTHERWISE", otherwise));
    return module.launch({kBlocks, 1, 1}, {1, 1, 1}, {sum.get()});
  };
  EXPECT_EQ(
      run("%new = llvm.atomicrmw add %sum, %two monotonic : !llvm.ptr, i32"),
      "");
  EXPECT_EQ(sum.read()[0], 2 * kBlocks - 2);
  EXPECT_THAT(run("llvm.store %b, %sum : i32, !llvm.ptr"),
              AllOf(HasSubstr("data race"), HasSubstr("changed atomically")));
}

/// The last block to count itself reads what all have written.
TEST(SimulatorBlocks, MayWaitForEachOther) {
  SimulatedModule module(R"(
  gpu.func @k(%parts: !llvm.ptr, %count: !llvm.ptr, %out: !llvm.ptr) kernel {
    %one = arith.constant 1 : i32
    %last = arith.constant 7 : i32
    %bi = gpu.block_id x
    %b = arith.index_cast %bi : index to i32
    %p = llvm.getelementptr %parts[%b] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %b, %p : i32, !llvm.ptr
    llvm.fence acq_rel
    %old = llvm.atomicrmw add %count, %one acq_rel : !llvm.ptr, i32
    %isLast = arith.cmpi eq, %old, %last : i32
    scf.if %isLast {
      %v = llvm.load %parts : !llvm.ptr -> i32
      llvm.store %v, %out : i32, !llvm.ptr
    }
    gpu.return
  }
)");
  Buffer<int32_t> parts(8), count(std::vector<int32_t>(1)), out(1);
  EXPECT_EQ(module.launch({8, 1, 1}, {1, 1, 1},
                          {parts.get(), count.get(), out.get()}),
            "");
}

/// Block 0 reads and adds, in either order.
TEST(SimulatorBlocks, MayNotTouchWhatAnotherOneReadsAndAddsTo) {
  std::string kernel = R"(
  gpu.func @k(%sum: !llvm.ptr, %out: !llvm.ptr) kernel {
    %one = arith.constant 1 : i32
    %zero = arith.constant 0 : index
    %b = gpu.block_id x
    %isFirst = arith.cmpi eq, %b, %zero : index
    scf.if %isFirst {
      FIRST
    } else {
      OTHERWISE
    }
    gpu.return
  }
)";
  std::string read = "%v = llvm.load %sum : !llvm.ptr -> i32\n"
                     "llvm.store %v, %out : i32, !llvm.ptr\n";
  std::string add =
      "%old = llvm.atomicrmw add %sum, %one monotonic : !llvm.ptr, i32\n";
  std::string readAlone = "%v = llvm.load volatile %sum : !llvm.ptr -> i32\n";
  Buffer<int32_t> sum(std::vector<int32_t>(1)), out(1);
  for (const std::string &first : {read + add, add + read})
    for (const std::string &otherwise : {readAlone, add}) {
      SimulatedModule module(
          replaced(replaced(kernel, "FIRST", first), "OTHERWISE", otherwise));
      EXPECT_THAT(module.launch({2, 1, 1}, {1, 1, 1}, {sum.get(), out.get()}),
                  AllOf(HasSubstr("data race"),
                        HasSubstr("has read and changed atomically")))
          << first << otherwise;
      // Alone it may.
      EXPECT_EQ(module.launch({1, 1, 1}, {1, 1, 1}, {sum.get(), out.get()}),
                "");
    }
}

/// Block 0 writes, block 1 waits for it and reads, block 2 reads.
TEST(SimulatorBlocks, MayNotReadWithoutWaiting) {
  std::string kernel = R"(
  gpu.func @k(%data: !llvm.ptr, %count: !llvm.ptr) kernel {
    %one = arith.constant 1 : i32
    %c0 = arith.constant 0 : index
    %cw = arith.constant WAITING : index
    %b = gpu.block_id x
    %waits = arith.cmpi ult, %b, %cw : index
    %isFirst = arith.cmpi eq, %b, %c0 : index
    scf.if %isFirst {
      llvm.store %one, %data : i32, !llvm.ptr
    }
    scf.if %waits {
      llvm.fence acq_rel
      %old = llvm.atomicrmw add %count, %one acq_rel : !llvm.ptr, i32
    }
    scf.if %isFirst {
    } else {
      %v = llvm.load volatile %data : !llvm.ptr -> i32
    }
    gpu.return
  }
)";
  Buffer<int32_t> data(1), count(std::vector<int32_t>(1));
  auto run = [&](const std::string &waiting) {
    SimulatedModule module(replaced(kernel, "WAITING", waiting));
    return module.launch({3, 1, 1}, {1, 1, 1}, {data.get(), count.get()});
  };
  EXPECT_EQ(run("3"), "");
  EXPECT_THAT(run("2"), AllOf(HasSubstr("data race: read of 4 bytes"),
                              HasSubstr("another block has written")));
}

} // namespace
