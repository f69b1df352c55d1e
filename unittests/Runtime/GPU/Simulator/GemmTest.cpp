//===- GemmTest.cpp - A matrix product, and mutations of it ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of bytes as tensor-core kernels are written: copies in two stages
// by cp.async, ldmatrix, mma.sync. It must be exact for every size and order
// of execution, and every mutation of it must be found.
//
//===----------------------------------------------------------------------===//

#include "SimulatedDevice.h"
#include "gmock/gmock.h"
#include <random>

using namespace mlir::qfmt;

/// c[m, n] = sum of a[m, k] b[n, k] over k. 64 threads compute 32 x 16, in
/// steps of 32 along k. Rows of a and b are `ld` bytes apart, a multiple of 16;
/// those in shared memory, 48.
static const char *const kGemm = R"(
  llvm.mlir.global internal @sa() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<3072 x i8>
  llvm.mlir.global internal @sb() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<1536 x i8>

  // One chunk of 16 bytes; zeros beyond the matrix.
  func.func private @copy(%from: !llvm.ptr, %to: !llvm.ptr<3>, %row0: i32, %numRows: i32, %k0: i32, %k: i32, %ld: i32, %chunk: i32) {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c16 = arith.constant 16 : i32
    %c48 = arith.constant 48 : i32
    %r = arith.shrui %chunk, %c1 : i32
    %half = arith.andi %chunk, %c1 : i32
    %offset = arith.muli %half, %c16 : i32
    %row = arith.addi %row0, %r : i32
    %column = arith.addi %k0, %offset : i32
    %left = arith.subi %k, %column : i32
    %some = arith.maxsi %left, %c0 : i32
    %few = arith.minsi %some, %c16 : i32
    %inside = arith.cmpi slt, %row, %numRows : i32
    %bytes = arith.select %inside, %few, %c0 : i32
    %rowOffset = arith.muli %row, %ld : i32
    %at = arith.addi %rowOffset, %column : i32
    %any = arith.cmpi sgt, %bytes, %c0 : i32
    %safe = arith.select %any, %at, %c0 : i32
    %p = llvm.getelementptr %from[%safe] : (!llvm.ptr, i32) -> !llvm.ptr, i8
    %g = llvm.addrspacecast %p : !llvm.ptr to !llvm.ptr<1>
    %sr = arith.muli %r, %c48 : i32
    %so = arith.addi %sr, %offset : i32
    %s = llvm.getelementptr %to[%so] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %s, %g, 16, cache = cg, %bytes : !llvm.ptr<3>, !llvm.ptr<1>, i32
    return
  }

  // Both tiles of step k0 to a stage.
  func.func private @copyTiles(%a: !llvm.ptr, %b: !llvm.ptr, %m0: i32, %n0: i32, %m: i32, %n: i32, %k0: i32, %k: i32, %ld: i32, %thread: i32, %stage: i32) {
    %c32 = arith.constant 32 : i32
    %c768 = arith.constant 768 : i32
    %c1536 = arith.constant 1536 : i32
    %sa = llvm.mlir.addressof @sa : !llvm.ptr<3>
    %sb = llvm.mlir.addressof @sb : !llvm.ptr<3>
    %oa = arith.muli %stage, %c1536 : i32
    %ob = arith.muli %stage, %c768 : i32
    %pa = llvm.getelementptr %sa[%oa] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %pb = llvm.getelementptr %sb[%ob] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    func.call @copy(%a, %pa, %m0, %m, %k0, %k, %ld, %thread) : (!llvm.ptr, !llvm.ptr<3>, i32, i32, i32, i32, i32, i32) -> ()
    %isFirst = arith.cmpi ult, %thread, %c32 : i32
    scf.if %isFirst {
      func.call @copy(%b, %pb, %n0, %n, %k0, %k, %ld, %thread) : (!llvm.ptr, !llvm.ptr<3>, i32, i32, i32, i32, i32, i32) -> ()
    }
    return
  }

  gpu.func @k(%a: !llvm.ptr, %b: !llvm.ptr, %c: !llvm.ptr, %m: i32, %n: i32, %k: i32, %ld: i32) kernel {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c2 = arith.constant 2 : i32
    %c3 = arith.constant 3 : i32
    %c4 = arith.constant 4 : i32
    %c5 = arith.constant 5 : i32
    %c7 = arith.constant 7 : i32
    %c8 = arith.constant 8 : i32
    %c15 = arith.constant 15 : i32
    %c16 = arith.constant 16 : i32
    %c31 = arith.constant 31 : i32
    %c32 = arith.constant 32 : i32
    %c48 = arith.constant 48 : i32
    %c768 = arith.constant 768 : i32
    %c1536 = arith.constant 1536 : i32
    %tx = gpu.thread_id x
    %bx = gpu.block_id x
    %by = gpu.block_id y
    %thread = arith.index_cast %tx : index to i32
    %blockX = arith.index_cast %bx : index to i32
    %blockY = arith.index_cast %by : index to i32
    %lane = arith.andi %thread, %c31 : i32
    %warp = arith.shrui %thread, %c5 : i32
    %m0 = arith.muli %blockX, %c32 : i32
    %n0 = arith.muli %blockY, %c16 : i32
    %sa = llvm.mlir.addressof @sa : !llvm.ptr<3>
    %sb = llvm.mlir.addressof @sb : !llvm.ptr<3>

    // Where ldmatrix reads: lane -> row lane mod 16, bytes 16 (lane div 16).
    %laneRow = arith.andi %lane, %c15 : i32
    %laneHalf = arith.shrui %lane, %c4 : i32
    %warpRow = arith.muli %warp, %c16 : i32
    %rowA = arith.addi %warpRow, %laneRow : i32
    %rowBytesA = arith.muli %rowA, %c48 : i32
    %halfBytes = arith.muli %laneHalf, %c16 : i32
    %offsetA = arith.addi %rowBytesA, %halfBytes : i32
    // Of B, lanes 8 i + r: row r + 8 (i div 2), bytes 16 (i mod 2).
    %r7 = arith.andi %lane, %c7 : i32
    %i4 = arith.shrui %lane, %c3 : i32
    %iHigh = arith.shrui %i4, %c1 : i32
    %iLow = arith.andi %i4, %c1 : i32
    %rowHigh = arith.muli %iHigh, %c8 : i32
    %rowB = arith.addi %rowHigh, %r7 : i32
    %rowBytesB = arith.muli %rowB, %c48 : i32
    %lowBytes = arith.muli %iLow, %c16 : i32
    %offsetB = arith.addi %rowBytesB, %lowBytes : i32

    %up = arith.addi %k, %c31 : i32
    %steps = arith.shrui %up, %c5 : i32
    func.call @copyTiles(%a, %b, %m0, %n0, %m, %n, %c0, %k, %ld, %thread, %c0) : (!llvm.ptr, !llvm.ptr, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> ()
    nvvm.cp.async.commit.group
    %sums:8 = scf.for %step = %c0 to %steps step %c1 iter_args(%s0 = %c0, %s1 = %c0, %s2 = %c0, %s3 = %c0, %s4 = %c0, %s5 = %c0, %s6 = %c0, %s7 = %c0) -> (i32, i32, i32, i32, i32, i32, i32, i32) : i32 {
      %next = arith.addi %step, %c1 : i32
      %isMore = arith.cmpi slt, %next, %steps : i32
      scf.if %isMore {
        %k0 = arith.muli %next, %c32 : i32
        %nextStage = arith.andi %next, %c1 : i32
        func.call @copyTiles(%a, %b, %m0, %n0, %m, %n, %k0, %k, %ld, %thread, %nextStage) : (!llvm.ptr, !llvm.ptr, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> ()
      }
      nvvm.cp.async.commit.group
      nvvm.cp.async.wait.group 1
      gpu.barrier // after the wait
      %stage = arith.andi %step, %c1 : i32
      %stageA = arith.muli %stage, %c1536 : i32
      %stageB = arith.muli %stage, %c768 : i32
      %atA = arith.addi %stageA, %offsetA : i32
      %atB = arith.addi %stageB, %offsetB : i32
      %pa = llvm.getelementptr %sa[%atA] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
      %pb = llvm.getelementptr %sb[%atB] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
      %fa = nvvm.ldmatrix %pa {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
      %fb = nvvm.ldmatrix %pb {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
      %a0 = llvm.extractvalue %fa[0] : !llvm.struct<(i32, i32, i32, i32)>
      %a1 = llvm.extractvalue %fa[1] : !llvm.struct<(i32, i32, i32, i32)>
      %a2 = llvm.extractvalue %fa[2] : !llvm.struct<(i32, i32, i32, i32)>
      %a3 = llvm.extractvalue %fa[3] : !llvm.struct<(i32, i32, i32, i32)>
      %b0 = llvm.extractvalue %fb[0] : !llvm.struct<(i32, i32, i32, i32)>
      %b1 = llvm.extractvalue %fb[1] : !llvm.struct<(i32, i32, i32, i32)>
      %b2 = llvm.extractvalue %fb[2] : !llvm.struct<(i32, i32, i32, i32)>
      %b3 = llvm.extractvalue %fb[3] : !llvm.struct<(i32, i32, i32, i32)>
      %x = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%b0, %b1] C[%s0, %s1, %s2, %s3] {intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<s8>, multiplicandBPtxType = #nvvm.mma_type<s8>, shape = #nvvm.shape<m = 16, n = 8, k = 32>} : (i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
      %y = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%b2, %b3] C[%s4, %s5, %s6, %s7] {intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<s8>, multiplicandBPtxType = #nvvm.mma_type<s8>, shape = #nvvm.shape<m = 16, n = 8, k = 32>} : (i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
      %x0 = llvm.extractvalue %x[0] : !llvm.struct<(i32, i32, i32, i32)>
      %x1 = llvm.extractvalue %x[1] : !llvm.struct<(i32, i32, i32, i32)>
      %x2 = llvm.extractvalue %x[2] : !llvm.struct<(i32, i32, i32, i32)>
      %x3 = llvm.extractvalue %x[3] : !llvm.struct<(i32, i32, i32, i32)>
      %y0 = llvm.extractvalue %y[0] : !llvm.struct<(i32, i32, i32, i32)>
      %y1 = llvm.extractvalue %y[1] : !llvm.struct<(i32, i32, i32, i32)>
      %y2 = llvm.extractvalue %y[2] : !llvm.struct<(i32, i32, i32, i32)>
      %y3 = llvm.extractvalue %y[3] : !llvm.struct<(i32, i32, i32, i32)>
      gpu.barrier // before the next copy
      scf.yield %x0, %x1, %x2, %x3, %y0, %y1, %y2, %y3 : i32, i32, i32, i32, i32, i32, i32, i32
    }
    %group = arith.shrui %lane, %c2 : i32
    %inGroup = arith.andi %lane, %c3 : i32
    %twice = arith.muli %inGroup, %c2 : i32
    %tileRow = arith.addi %m0, %warpRow : i32
    %row = arith.addi %tileRow, %group : i32
    %column = arith.addi %n0, %twice : i32
    STORES
    gpu.return
  })";

/// Guarded stores of the eight sums of a thread.
static std::string makeStores() {
  std::string text;
  for (int i = 0; i != 8; ++i) {
    std::string n = std::to_string(i);
    std::string row = i & 2 ? "%c8" : "%c0";
    text += "%rowOf" + n + " = arith.addi %row, " + row + " : i32\n";
    text += "%half" + n + " = arith.addi %column, " + (i & 4 ? "%c8" : "%c0") +
            " : i32\n";
    text += "%columnOf" + n + " = arith.addi %half" + n + ", " +
            (i & 1 ? "%c1" : "%c0") + " : i32\n";
    text += "%rowIn" + n + " = arith.cmpi slt, %rowOf" + n + ", %m : i32\n";
    text +=
        "%columnIn" + n + " = arith.cmpi slt, %columnOf" + n + ", %n : i32\n";
    text +=
        "%in" + n + " = arith.andi %rowIn" + n + ", %columnIn" + n + " : i1\n";
    text += "scf.if %in" + n + " {\n%ro" + n + " = arith.muli %rowOf" + n +
            ", %n : i32\n%at" + n + " = arith.addi %ro" + n + ", %columnOf" +
            n + " : i32\n%p" + n + " = llvm.getelementptr %c[%at" + n +
            "] : (!llvm.ptr, i32) -> !llvm.ptr, i32\nllvm.store %sums#" + n +
            ", %p" + n + " : i32, !llvm.ptr\n}\n";
  }
  return text;
}

static std::string makeGemm() {
  return replaced(kGemm, "STORES", makeStores());
}

namespace {
struct Problem {
  int m, n, k, ld;
  std::vector<int8_t> a, b;
  std::vector<int32_t> expected;

  Problem(int m, int n, int k)
      : m(m), n(n), k(k), ld((k + 15) / 16 * 16), a(m * ld), b(n * ld),
        expected(m * n) {
    std::mt19937 random(m * 10007 + n * 101 + k);
    for (std::vector<int8_t> *matrix : {&a, &b})
      for (int8_t &value : *matrix)
        value = random();
    for (int i = 0; i != m; ++i)
      for (int j = 0; j != n; ++j)
        for (int l = 0; l != k; ++l)
          expected[i * n + j] += a[i * ld + l] * b[j * ld + l];
  }

  /// Empty if the product is right; otherwise what was found.
  std::string run(SimulatedModule &module) const {
    Buffer<int8_t> da(a), db(b);
    Buffer<int32_t> dc(m * n);
    std::string error =
        module.launch({(m + 31) / 32, (n + 15) / 16, 1}, {64, 1, 1},
                      {da.get(), db.get(), dc.get()}, {m, n, k, ld});
    if (!error.empty())
      return error;
    return dc.read() == expected ? "" : "wrong numbers";
  }
};
} // namespace

TEST(SimulatorGemm, IsExactForAllSizesAndOrders) {
  SimulatedModule module(makeGemm());
  for (auto [m, n, k] : {std::tuple(32, 16, 32), std::tuple(64, 48, 96),
                         std::tuple(1, 1, 1), std::tuple(33, 17, 33),
                         std::tuple(31, 15, 127), std::tuple(7, 70, 16)}) {
    SCOPED_TRACE(std::to_string(m) + " " + std::to_string(n) + " " +
                 std::to_string(k));
    Problem problem(m, n, k);
    for (int seed : {0, 1, 2, 3}) {
      Seed scope(seed);
      EXPECT_EQ(problem.run(module), "");
    }
  }
}

TEST(SimulatorGemm, EveryMutationIsFound) {
  struct {
    const char *what, *from, *to, *error;
  } mutations[] = {
      {"no wait", "nvvm.cp.async.wait.group 1", "", "asynchronous copy"},
      {"wait for one group too few", "nvvm.cp.async.wait.group 1",
       "nvvm.cp.async.wait.group 2", "asynchronous copy"},
      {"no commit", "nvvm.cp.async.commit.group\n    %sums", "%sums",
       "asynchronous copy"},
      {"no barrier after the wait", "gpu.barrier // after the wait", "", ""},
      {"no barrier before the next copy", "gpu.barrier // before the next copy",
       "", ""},
      {"wait after the barrier",
       "nvvm.cp.async.wait.group 1\n      gpu.barrier // after the wait",
       "gpu.barrier\n      nvvm.cp.async.wait.group 1", ""},
      {"permuted fragment of A", "A[%a0, %a1, %a2, %a3] B[%b0, %b1]",
       "A[%a0, %a2, %a1, %a3] B[%b0, %b1]", "wrong numbers"},
      {"permuted fragment of B", "B[%b2, %b3]", "B[%b3, %b2]", "wrong numbers"},
      {"one row off", "arith.addi %warpRow, %laneRow : i32",
       "arith.addi %laneRow, %laneRow : i32", ""},
      {"always the first stage", "arith.andi %step, %c1 : i32",
       "arith.andi %step, %c0 : i32", ""},
      {"smaller buffer for A", "array<3072 x i8>", "array<3055 x i8>",
       "out-of-bounds write"},
      {"smaller buffer for B", "array<1536 x i8>", "array<1519 x i8>",
       "out-of-bounds write"},
      {"unsigned bytes", "multiplicandAPtxType = #nvvm.mma_type<s8>",
       "multiplicandAPtxType = #nvvm.mma_type<u8>", "wrong numbers"},
      {"rows beyond the matrix", "arith.select %inside, %few, %c0",
       "arith.select %inside, %few, %few", "out-of-bounds read"},
      {"one column too many", "arith.cmpi slt, %columnOf7, %n",
       "arith.cmpi sle, %columnOf7, %n", ""},
      {"too few steps", "arith.shrui %up, %c5", "arith.shrui %k, %c5",
       "wrong numbers"}};
  // Columns one short of a tile, the last stage is the second, and a row of
  // tiles that is not full.
  Problem problem(50, 31, 100);
  for (auto [what, from, to, error] : mutations) {
    SCOPED_TRACE(what);
    SimulatedModule module(replaced(makeGemm(), from, to));
    for (int seed : {0, 1}) {
      Seed scope(seed);
      std::string found = problem.run(module);
      EXPECT_NE(found, "");
      EXPECT_THAT(found, testing::HasSubstr(error));
    }
  }
}

TEST(SimulatorGemm, InputsAreCheckedToo) {
  SimulatedModule module(makeGemm());
  Problem problem(32, 16, 64);
  Buffer<int8_t> unwritten(problem.a.size()), b(problem.b);
  Buffer<int8_t> shorter(
      std::vector<int8_t>(problem.a.begin(), problem.a.end() - 1));
  Buffer<int32_t> c(problem.m * problem.n);
  auto run = [&](const void *a) {
    return module.launch({1, 1, 1}, {64, 1, 1}, {a, b.get(), c.get()},
                         {problem.m, problem.n, problem.k, problem.ld});
  };
  EXPECT_THAT(run(unwritten.get()), testing::HasSubstr("uninitialised read"));
  EXPECT_THAT(run(shorter.get()), testing::HasSubstr("out-of-bounds read"));
}
