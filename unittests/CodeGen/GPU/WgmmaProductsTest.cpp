//===- WgmmaProductsTest.cpp - Products of bytes by wgmma, simulated ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of qfmt-products-to-kernels with wgmma against the reference
// evaluator, bit for bit, as in ProductsTest.cpp; those that were changed for
// the worse, and wrong tensor maps, are all found.
//
//===----------------------------------------------------------------------===//

#include "ByteProduct.h"
#include "WgmmaChanges.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

constexpr const char *kWgmma = "nvvm.wgmma.mma_async";

/// Rows of the left factor begin at multiples of 16 bytes.
void checkWgmma(ByteProduct c, llvm::ArrayRef<int64_t> rows) {
  c.tier = "wgmma";
  EXPECT_THAT(lower(c).getText(), testing::HasSubstr(kWgmma));
  check(c, rows);
}

TEST(GpuWgmmaProducts, OddSizes) {
  const int64_t columns[] = {1, 3, 17, 33, 65, 127, 200};
  const int64_t terms[] = {16, 48, 144, 272};
  for (auto [i, n] : llvm::enumerate(columns))
    for (auto [j, k] : llvm::enumerate(terms))
      if ((i + j) % 3 == 0)
        checkWgmma({n, k, (i & 1) != 0, (j & 1) != 0, 3, 0,
                    i % 2 ? Body::Residual : Body::Bias},
                   {1, 65});
}

/// Every block, in rings of stages, with blocks that are not full.
TEST(GpuWgmmaProducts, Blocks) {
  struct {
    int64_t rows, columns, stages;
  } blocks[] = {{128, 256, 2}, {128, 128, 3}, {64, 256, 2}, {64, 128, 4},
                {128, 64, 2},  {64, 64, 3},   {64, 32, 5},  {64, 16, 2}};
  for (auto [rows, columns, stages] : blocks)
    checkWgmma({columns + 16, 688, true, false, 0, 0, Body::Requantize, rows,
                columns, stages},
               {rows + 3});
}

TEST(GpuWgmmaProducts, SignsAndZeroPoints) {
  for (bool isLhsUnsigned : {false, true})
    for (bool isRhsUnsigned : {false, true})
      checkWgmma({24, 160, isLhsUnsigned, isRhsUnsigned, isLhsUnsigned ? 7 : 0,
                  isRhsUnsigned ? 128 : 0, Body::Requantize},
                 {37});
}

TEST(GpuWgmmaProducts, Bodies) {
  for (Body body : {Body::Nothing, Body::Bias, Body::Requantize, Body::Residual,
                    Body::Float})
    for (int64_t n : {128, 20, 5})
      checkWgmma({n, 64, true, false, 128, 0, body}, {70});
}

TEST(GpuWgmmaProducts, KnownRows) {
  for (int64_t m : {64, 100}) {
    ByteProduct c{64, 160, false, false, 0, 0, Body::Residual};
    c.tier = "wgmma";
    LoweredKernel kernel = lower(c, m);
    kernel.load(kernel.getText());
    EXPECT_EQ(getExpected(c, m).check(kernel, m, 1), "");
  }
}

TEST(GpuWgmmaProducts, OtherRowsAreLeftToMmaSync) {
  ByteProduct c{40, 130, false, false, 0, 0, Body::Nothing};
  c.tier = "wgmma";
  EXPECT_THAT(lower(c).getText(), testing::Not(testing::HasSubstr(kWgmma)));
  check(c, {19});
}

//===----------------------------------------------------------------------===//
// Changes for the worse
//===----------------------------------------------------------------------===//

Change setWait(size_t i, int64_t groups) {
  return [=](gpu::GPUFuncOp kernel) {
    collect<NVVM::WgmmaWaitGroupSyncOp>(kernel)[i].setGroup(groups);
  };
}

constexpr int64_t kWgmmaRows = 70;

ByteProduct getWgmmaCase() {
  // 8 parts in 3 stages; blocks with rows and columns that are not there.
  ByteProduct c{72, 944, true, false, 0, 0, Body::Requantize, 64, 64, 3};
  c.tier = "wgmma";
  return c;
}

TEST(GpuWgmmaProducts, ChangesAreFound) {
  ByteProduct c = getWgmmaCase();
  LoweredKernel kernel = lower(c);
  ExpectedResult expected = getExpected(c, kWgmmaRows);
  auto run = [&](int seed, int64_t missing) {
    return expected.check(kernel, kWgmmaRows, seed, missing);
  };
  constexpr int64_t kStageBytes = 128 * 128;
  expectFound(kernel, getRingChanges(kStageBytes), run);
  const ChangeForTheWorse changes[] = {
      {"early stores", setWait(1, 1), ""},
      {"stages given back too early", setWait(0, 2), ""},
      {"signed codes", readAs(NVVM::WGMMATypes::s8), "wrong numbers"},
  };
  expectFound(kernel, changes, run);
}

TEST(GpuWgmmaProducts, WrongMapsAreFound) {
  for (int64_t i : {0, 1})
    for (auto [rows, bytes] : {std::pair(56, 128), std::pair(64, 64)}) {
      LoweredKernel kernel = lower(getWgmmaCase());
      kernel.load(kernel.getText());
      ExpectedResult expected = getExpected(getWgmmaCase(), kWgmmaRows);
      EXPECT_EQ(expected.check(kernel, kWgmmaRows, 0), "");
      SmallVector<kernel::TensorMapOp> maps;
      kernel.getHost().walk(
          [&](kernel::TensorMapOp map) { maps.push_back(map); });
      ASSERT_EQ(maps.size(), 2u);
      maps[i].setBox({rows, bytes});
      EXPECT_NE(expected.check(kernel, kWgmmaRows, 0), "");
    }
}

} // namespace
