//===- WarpTest.cpp - Barriers, shuffles, votes, reductions ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SimulatedDevice.h"
#include "llvm/ADT/bit.h"
#include "gmock/gmock.h"
#include <numeric>

using namespace mlir::qfmt;
using testing::HasSubstr;

/// b[i] = a[127 - i], through shared memory.
static const char *const kReverse = R"(
  llvm.mlir.global internal @s() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<128 x i32>
  gpu.func @k(%a: !llvm.ptr, %b: !llvm.ptr) kernel {
    %s = llvm.mlir.addressof @s : !llvm.ptr<3>
    %t = gpu.thread_id x
    %i = arith.index_cast %t : index to i32
    %last = arith.constant 127 : i32
    %threads = arith.constant 128 : i32
    %j = arith.subi %last, %i : i32
    %p = llvm.getelementptr %a[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    %v = llvm.load %p : !llvm.ptr -> i32
    %q = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %v, %q : i32, !llvm.ptr<3>
    gpu.barrier
    %r = llvm.getelementptr %s[%j] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %w = llvm.load %r : !llvm.ptr<3> -> i32
    %bx = gpu.block_id x
    %block = arith.index_cast %bx : index to i32
    %first = arith.muli %block, %threads : i32
    %place = arith.addi %first, %i : i32
    %o = llvm.getelementptr %b[%place] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %w, %o : i32, !llvm.ptr
    gpu.return
  })";

static std::vector<int32_t> count(int n) {
  std::vector<int32_t> result(n);
  std::iota(result.begin(), result.end(), 0);
  return result;
}

TEST(SimulatorWarp, ExchangesThroughSharedMemory) {
  SimulatedModule module(kReverse);
  Buffer<int32_t> a(count(128)), b(256);
  for (int seed = 0; seed != 5; ++seed) {
    Seed scope(seed);
    ASSERT_EQ(module.launch({2, 1, 1}, {128, 1, 1}, {a.get(), b.get()}), "");
    std::vector<int32_t> expected = count(128);
    std::reverse(expected.begin(), expected.end());
    std::vector<int32_t> ofBlock = expected;
    expected.insert(expected.end(), ofBlock.begin(), ofBlock.end());
    EXPECT_EQ(b.read(), expected);
  }
}

TEST(SimulatorWarp, FindsAMissingBarrier) {
  SimulatedModule module(replaced(kReverse, "gpu.barrier", ""));
  Buffer<int32_t> a(count(128)), b(128);
  for (int seed = 0; seed != 5; ++seed) {
    Seed scope(seed);
    EXPECT_THAT(module.launch({1, 1, 1}, {128, 1, 1}, {a.get(), b.get()}),
                testing::AnyOf(HasSubstr("uninitialised read"),
                               HasSubstr("data race")));
  }
}

/// A second write without a barrier after the read: in some orders all values
/// are right, and it is found in all of them.
TEST(SimulatorWarp, FindsARaceThatDoesNoHarm) {
  std::string again = replaced(kReverse, "gpu.return",
                               "BARRIER\n llvm.store %v, %q : i32, "
                               "!llvm.ptr<3>\n gpu.return");
  SimulatedModule right(replaced(again, "BARRIER", "gpu.barrier"));
  SimulatedModule wrong(replaced(again, "BARRIER", ""));
  Buffer<int32_t> a(count(128)), b(128);
  for (int seed = 0; seed != 5; ++seed) {
    Seed scope(seed);
    EXPECT_EQ(right.launch({1, 1, 1}, {128, 1, 1}, {a.get(), b.get()}), "");
    EXPECT_THAT(wrong.launch({1, 1, 1}, {128, 1, 1}, {a.get(), b.get()}),
                HasSubstr("data race: "));
  }
}

TEST(SimulatorWarp, ReportsSharedAccessesOutside) {
  SimulatedModule module(
      replaced(kReverse, "array<128 x i32>", "array<127 x i32>"));
  Buffer<int32_t> a(count(128)), b(128);
  EXPECT_THAT(module.launch({1, 1, 1}, {128, 1, 1}, {a.get(), b.get()}),
              HasSubstr("thread (127, 0, 0): out-of-bounds write of 4 bytes to "
                        "shared memory"));
}

/// The location of the source is in the message, if the module has locations.
TEST(SimulatorWarp, SaysWhere) {
  SimulatedModule module(replaced(kReverse, "gpu.barrier", ""));
  Buffer<int32_t> a(count(128)), b(128);
  EXPECT_THAT(module.launch({1, 1, 1}, {128, 1, 1}, {a.get(), b.get()}),
              testing::AllOf(HasSubstr("; at kernels.mlir:"),
                             HasSubstr("instruction ")));
}

/// Half of the threads at a barrier that all must reach.
TEST(SimulatorWarp, ReportsThreadsThatWaitForever) {
  SimulatedModule module(R"(
    gpu.func @k() kernel {
      %t = gpu.thread_id x
      %half = arith.constant 32 : index
      %c = arith.cmpi ult, %t, %half : index
      scf.if %c {
        gpu.barrier
      }
      gpu.return
    })");
  EXPECT_EQ(module.launch({1, 1, 1}, {32, 1, 1}, {}), "");
  EXPECT_THAT(module.launch({1, 1, 1}, {64, 1, 1}, {}),
              HasSubstr("waits forever for a barrier, as 31 other threads wait "
                        "and 32 have ended"));
}

/// Two pairs of warps, each with a barrier of its own.
TEST(SimulatorWarp, HasNamedBarriers) {
  std::string text = R"(
    llvm.mlir.global internal @s() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<128 x i32>
    gpu.func @k(%b: !llvm.ptr) kernel {
      %s = llvm.mlir.addressof @s : !llvm.ptr<3>
      %t = gpu.thread_id x
      %i = arith.index_cast %t : index to i32
      %c6 = arith.constant 6 : i32
      %c63 = arith.constant 63 : i32
      %c1 = arith.constant 1 : i32
      %size = arith.constant 64 : i32
      %pair = arith.shrui %i, %c6 : i32
      %id = arith.addi %pair, %c1 : i32
      %q = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      llvm.store %i, %q : i32, !llvm.ptr<3>
      nvvm.barrier id = %id number_of_threads = %size
      %j = arith.xori %i, %c63 : i32
      %r = llvm.getelementptr %s[%j] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      %w = llvm.load %r : !llvm.ptr<3> -> i32
      %o = llvm.getelementptr %b[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      llvm.store %w, %o : i32, !llvm.ptr
      gpu.return
    })";
  Buffer<int32_t> b(128);
  SimulatedModule module(text);
  // Across the pairs, nothing orders.
  SimulatedModule wrong(replaced(text, "constant 63", "constant 127"));
  for (int seed = 0; seed != 3; ++seed) {
    Seed scope(seed);
    ASSERT_EQ(module.launch({1, 1, 1}, {128, 1, 1}, {b.get()}), "");
    std::vector<int32_t> result = b.read();
    for (int i = 0; i != 128; ++i)
      EXPECT_EQ(result[i], i ^ 63);
    EXPECT_NE(wrong.launch({1, 1, 1}, {128, 1, 1}, {b.get()}), "");
  }
}

//===----------------------------------------------------------------------===//
// Operations of a warp
//===----------------------------------------------------------------------===//

/// b[i] = operation(a[i]) of one warp; operation is text that defines %w.
static std::vector<int32_t> runInWarp(const std::string &operation,
                                      const std::vector<int32_t> &values,
                                      std::string *error = nullptr) {
  SimulatedModule module(R"(
    gpu.func @k(%a: !llvm.ptr, %b: !llvm.ptr) kernel {
      %t = gpu.thread_id x
      %i = arith.index_cast %t : index to i32
      %all = arith.constant -1 : i32
      %p = llvm.getelementptr %a[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      %v = llvm.load %p : !llvm.ptr -> i32
)" + operation + R"(
      %o = llvm.getelementptr %b[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      llvm.store %w, %o : i32, !llvm.ptr
      gpu.return
    })");
  Buffer<int32_t> a(values), b(values.size());
  std::string found = module.launch({1, 1, 1}, {int64_t(values.size()), 1, 1},
                                    {a.get(), b.get()});
  if (error)
    *error = found;
  else
    EXPECT_EQ(found, "");
  return found.empty() ? b.read() : std::vector<int32_t>();
}

static std::vector<int32_t> squares() {
  std::vector<int32_t> values = count(32);
  for (int32_t &value : values)
    value = value * value - 100;
  return values;
}

TEST(SimulatorWarp, Shuffles) {
  std::vector<int32_t> v = squares();
  auto shuffle = [&](const std::string &kind, int b, int clamp) {
    return runInWarp("%sb = arith.constant " + std::to_string(b) +
                         " : i32\n%c = arith.constant " +
                         std::to_string(clamp) +
                         " : i32\n%w = llvm.call_intrinsic "
                         "\"llvm.nvvm.shfl.sync." +
                         kind +
                         ".i32\"(%all, %v, %sb, %c) : (i32, i32, i32, "
                         "i32) -> i32",
                     v);
  };
  std::vector<int32_t> up = shuffle("up", 3, 0), down = shuffle("down", 5, 31),
                       bfly = shuffle("bfly", 9, 31),
                       index = shuffle("idx", 7, 31),
                       // Segments of 8 lanes.
      segment = shuffle("idx", 5, 0x181F), downIn8 = shuffle("down", 2, 0x181F);
  for (int i = 0; i != 32; ++i) {
    EXPECT_EQ(up[i], v[i >= 3 ? i - 3 : i]);
    EXPECT_EQ(down[i], v[i + 5 < 32 ? i + 5 : i]);
    EXPECT_EQ(bfly[i], v[i ^ 9]);
    EXPECT_EQ(index[i], v[7]);
    EXPECT_EQ(segment[i], v[(i & ~7) + 5]);
    EXPECT_EQ(downIn8[i], v[i % 8 + 2 < 8 ? i + 2 : i]);
  }
}

TEST(SimulatorWarp, VotesAndMatches) {
  std::vector<int32_t> v = squares();
  std::string sign = "%z = arith.constant 0 : i32\n%n = arith.cmpi slt, %v, %z "
                     ": i32\n";
  uint32_t negative = 0;
  for (int i = 0; i != 32; ++i)
    negative |= uint32_t(v[i] < 0) << i;
  std::vector<int32_t> ballot = runInWarp(
      sign + "%w = llvm.call_intrinsic \"llvm.nvvm.vote.ballot.sync\"(%all, "
             "%n) : (i32, i1) -> i32",
      v);
  EXPECT_EQ(ballot, std::vector<int32_t>(32, int32_t(negative)));
  auto vote = [&](const std::string &kind) {
    return runInWarp(sign + "%y = llvm.call_intrinsic \"llvm.nvvm.vote." +
                         kind +
                         ".sync\"(%all, %n) : (i32, i1) -> i1\n%w = "
                         "arith.extui %y : i1 to i32",
                     v)[0];
  };
  EXPECT_EQ(vote("any"), 1);
  EXPECT_EQ(vote("all"), 0);
  EXPECT_EQ(vote("uni"), 0);
  std::vector<int32_t> pairs = count(32);
  for (int32_t &value : pairs)
    value /= 2;
  std::vector<int32_t> match = runInWarp(
      "%w = llvm.call_intrinsic \"llvm.nvvm.match.any.sync.i32\"(%all, %v) : "
      "(i32, i32) -> i32",
      pairs);
  for (int i = 0; i != 32; ++i)
    EXPECT_EQ(match[i], int32_t(3u << (i & ~1)));
}

TEST(SimulatorWarp, Reduces) {
  std::vector<int32_t> v = squares();
  auto reduce = [&](const std::string &kind) {
    return runInWarp("%w = llvm.call_intrinsic \"llvm.nvvm.redux.sync." + kind +
                         "\"(%v, %all) : (i32, i32) -> i32",
                     v)[13];
  };
  EXPECT_EQ(reduce("add"), std::accumulate(v.begin(), v.end(), 0));
  EXPECT_EQ(reduce("min"), -100);
  EXPECT_EQ(reduce("max"), 31 * 31 - 100);
  EXPECT_EQ(reduce("umin"), 0);
  EXPECT_EQ(reduce("umax"), -19);
  int32_t all = -1, any = 0, parity = 0;
  for (int32_t value : v) {
    all &= value;
    any |= value;
    parity ^= value;
  }
  EXPECT_EQ(reduce("and"), all);
  EXPECT_EQ(reduce("or"), any);
  EXPECT_EQ(reduce("xor"), parity);
}

TEST(SimulatorWarp, ReportsWrongMasks) {
  std::string error;
  // Lanes 1, 3, ... are not in the mask.
  runInWarp("%m = arith.constant 0x55555555 : i32\n%w = llvm.call_intrinsic "
            "\"llvm.nvvm.redux.sync.add\"(%v, %m) : (i32, i32) -> i32",
            squares(), &error);
  EXPECT_THAT(error, HasSubstr("by lane 1, which its mask 0x55555555"));
  // An operation of the whole warp, in half a warp.
  runInWarp("%r = llvm.call_intrinsic "
            "\"llvm.nvvm.mma.m16n8k16.row.col.s8\"(%v, %v, %v, %v, %v, %v, %v) "
            ": (i32, i32, i32, i32, i32, i32, i32) -> !llvm.struct<(i32, i32, "
            "i32, i32)>\n%w = llvm.extractvalue %r[0] : !llvm.struct<(i32, "
            "i32, i32, i32)>",
            count(16), &error);
  EXPECT_THAT(error, HasSubstr("needs all 32 threads of the warp"));
}

TEST(SimulatorWarp, ReadsSpecialRegisters) {
  auto read = [&](const std::string &name) {
    return runInWarp("%w = llvm.call_intrinsic \"llvm.nvvm.read.ptx.sreg." +
                         name + "\"() : () -> i32",
                     count(64));
  };
  EXPECT_EQ(read("laneid")[37], 5);
  EXPECT_EQ(read("ntid.x")[37], 64);
  EXPECT_EQ(read("warpsize")[0], 32);
  EXPECT_EQ(read("lanemask.lt")[5], 31);
  EXPECT_EQ(read("lanemask.ge")[31], int32_t(0x80000000));
}
