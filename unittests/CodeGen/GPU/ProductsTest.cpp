//===- ProductsTest.cpp - Products of bytes on tensor cores, simulated ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of qfmt-products-to-kernels with mma.sync against the reference
// evaluator, bit for bit: sizes that fit nothing, signed and unsigned factors
// with and without zero points, every block, and what is computed from the
// sums; threads in several orders. Kernels that were changed for the worse are
// all found.
//
//===----------------------------------------------------------------------===//

#include "ByteProduct.h"
#include "KernelChanges.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

TEST(GpuProducts, OddSizes) {
  const int64_t sizes[] = {1, 3, 17, 31, 33, 63, 65, 127};
  for (auto [i, n] : llvm::enumerate(sizes))
    for (auto [j, k] : llvm::enumerate(sizes))
      if ((i + j) % 3 == 0)
        check({n, k, (i & 1) != 0, (j & 1) != 0, 3, 0,
               i % 2 ? Body::Residual : Body::Bias},
              {1, 17, 33});
}

/// Every block, in a ring of stages, all of them at once, and with the last
/// part and the last blocks not full.
TEST(GpuProducts, Blocks) {
  struct {
    int64_t rows, columns, stages;
  } blocks[] = {{128, 256, 2}, {128, 128, 3}, {64, 128, 4},
                {64, 64, 3},   {32, 128, 2},  {32, 64, 5},
                {16, 128, 6},  {16, 64, 3},   {16, 32, 2}};
  for (auto [rows, columns, stages] : blocks)
    check({columns + 16, 400, true, false, 0, 0, Body::Requantize, rows,
           columns, stages},
          {rows + 3, rows});
}

TEST(GpuProducts, SignsAndZeroPoints) {
  for (bool isLhsUnsigned : {false, true})
    for (bool isRhsUnsigned : {false, true})
      for (int64_t zeroPoint : {0, 7})
        check({24, 80, isLhsUnsigned, isRhsUnsigned, zeroPoint,
               isRhsUnsigned ? 128 : 0, Body::Requantize},
              {37});
  // Codes that are all signed read as unsigned ones, and the other way round.
  check({24, 80, false, false, -128, -128, Body::Bias}, {37});
}

/// Rows of the left factor begin at multiples of 16, 8, 4, 2 bytes and 1 byte.
TEST(GpuProducts, RowsOfAnyAlignment) {
  for (int64_t k : {144, 136, 132, 130, 131})
    for (bool isTransposed : {false, true})
      check({40, k, false, false, 0, 0, Body::Nothing, 0, 0, 0, isTransposed},
            {19});
}

/// Stores of every width, and of elements of every size.
TEST(GpuProducts, Bodies) {
  for (Body body : {Body::Nothing, Body::Bias, Body::Requantize, Body::Residual,
                    Body::Float})
    for (int64_t n : {64, 40, 20, 10, 5})
      check({n, 64, true, false, 128, 0, body, 32, 64}, {35});
}

/// More blocks of rows than those that are computed together.
TEST(GpuProducts, OrderOfBlocks) {
  check({96, 48, false, false, 0, 0, Body::Requantize, 16, 32}, {16 * 19});
}

/// The number of rows is known.
TEST(GpuProducts, KnownRows) {
  for (int64_t m : {1, 32, 50}) {
    ByteProduct c{48, 160, false, false, 0, 0, Body::Residual, 32, 64};
    LoweredKernel kernel = lower(c, m);
    kernel.load(kernel.getText());
    EXPECT_EQ(getExpected(c, m).check(kernel, m, 1), "");
  }
}

//===----------------------------------------------------------------------===//
// Changes for the worse
//===----------------------------------------------------------------------===//

Change setCopySize(size_t i) {
  return [i](gpu::GPUFuncOp kernel) {
    collect<NVVM::CpAsyncOp>(kernel)[i].getCpSizeMutable().clear();
  };
}

Change waitForFewer() {
  return [](gpu::GPUFuncOp kernel) {
    for (auto wait : collect<NVVM::CpAsyncWaitGroupOp>(kernel))
      wait.setN(wait.getN() + 1);
  };
}

Change readAsSigned() {
  return [](gpu::GPUFuncOp kernel) {
    for (auto product : collect<NVVM::MmaOp>(kernel))
      product.setMultiplicandAPtxType(NVVM::MMATypes::s8);
  };
}

TEST(GpuProducts, ChangesAreFound) {
  // 4 parts in 3 stages; blocks with rows and columns that are not there.
  ByteProduct c{72, 400, true, false, 0, 0, Body::Requantize, 32, 64, 3};
  constexpr int64_t kRows = 40;
  LoweredKernel kernel = lower(c);
  ExpectedResult expected = getExpected(c, kRows);
  const ChangeForTheWorse changes[] = {
      {"no waits", eraseAll<NVVM::CpAsyncWaitGroupOp>(), ""},
      {"waits for fewer copies", waitForFewer(), ""},
      {"no wait before the loop", eraseOne<NVVM::CpAsyncWaitGroupOp>(0), ""},
      {"no wait in the loop", eraseOne<NVVM::CpAsyncWaitGroupOp>(1), ""},
      {"no commits", eraseAll<NVVM::CpAsyncCommitGroupOp>(), ""},
      {"no commit in the loop", eraseOne<NVVM::CpAsyncCommitGroupOp>(2), ""},
      {"no barrier before the loop", eraseOne<gpu::BarrierOp>(0), ""},
      {"no barrier in the loop", eraseOne<gpu::BarrierOp>(1), ""},
      {"registers of the left factor exchanged", exchange<NVVM::MmaOp>(0, 1, 2),
       "wrong numbers"},
      {"registers of the right factor exchanged",
       exchange<NVVM::MmaOp>(3, 4, 5), "wrong numbers"},
      {"registers of the sums exchanged", exchange<NVVM::MmaOp>(5, 6, 8),
       "wrong numbers"},
      {"signed codes", readAsSigned(), "wrong numbers"},
      {"pieces not moved when they are copied", bypass<arith::XOrIOp>(0), ""},
      {"pieces not moved when they are read", bypass<arith::XOrIOp>(2), ""},
      {"one matrix from another row", moveAddress<NVVM::LdMatrixOp>(3, 128),
       ""},
      {"one piece to another place", moveAddress<NVVM::CpAsyncOp>(2, 128), ""},
      {"rows that are not there are copied", setCopySize(0), "out-of-bounds"},
      {"all stores are done", isAlwaysTrue(1), "out-of-bounds"},
      {"one part too few", shortenLoop(), "wrong numbers"},
      {"less shared memory", [](gpu::GPUFuncOp) {}, "out-of-bounds", 16},
  };
  expectFound(kernel, changes, [&](int seed, int64_t missing) {
    return expected.check(kernel, kRows, seed, missing);
  });
}

} // namespace
