//===- VariableProductsTest.cpp - Products of two variables, simulated ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of batches of products of two variables against the reference
// evaluator, bit for bit: sizes that fit nothing, terms in rows and in columns,
// codes of 8 and 16 bits, signed and unsigned, every block; threads in several
// orders. Kernels that were changed for the worse are all found.
//
//===----------------------------------------------------------------------===//

#include "ExpectedResult.h"
#include "KernelChanges.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Transforms/Passes.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "llvm/Support/FormatVariadic.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

struct VariableProductCase {
  int64_t batches, m, n, k;
  int64_t bits, sumBits;
  bool isLhsUnsigned, isRhsUnsigned;
  /// Columns of the right factor are rows in memory.
  bool isRhsTransposed;
  int64_t blockRows = 0, blockColumns = 0, stages = 0;
};

constexpr const char *kProduct = R"(
#id = affine_map<(b, m, n) -> (b, m, n)>
func.func @main(%x: tensor<$Bx$Mx$Kxi$W>, %y: tensor<$Bx$YSHAPExi$W>, %res: tensor<$Bx$Mx$Nxi32>) -> tensor<$Bx$Mx$Nxi16> {
  %zero = arith.constant 0 : i$S
  %e = tensor.empty() : tensor<$Bx$Mx$Nxi$S>
  %init = linalg.fill ins(%zero : i$S) outs(%e : tensor<$Bx$Mx$Nxi$S>) -> tensor<$Bx$Mx$Nxi$S>
  %p = linalg.generic {indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, $YMAP)>,
      affine_map<(b, m, n, k) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %y : tensor<$Bx$Mx$Kxi$W>, tensor<$Bx$YSHAPExi$W>) outs(%init : tensor<$Bx$Mx$Nxi$S>) {
  ^bb0(%a: i$W, %b: i$W, %s: i$S):
    %a0 = arith.$LEXT %a : i$W to i$S
    %b0 = arith.$REXT %b : i$W to i$S
    %t = arith.muli %a0, %b0 : i$S
    %u = arith.addi %s, %t : i$S
    linalg.yield %u : i$S
  } -> tensor<$Bx$Mx$Nxi$S>
  %re = tensor.empty() : tensor<$Bx$Mx$Nxi16>
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%p, %res : tensor<$Bx$Mx$Nxi$S>, tensor<$Bx$Mx$Nxi32>) outs(%re : tensor<$Bx$Mx$Nxi16>) {
  ^bb0(%s: i$S, %c: i32, %o: i16):
    %seven = arith.constant 7 : i$S
    %high = arith.shrsi %s, %seven : i$S
    %both = arith.xori %s, %high : i$S
    %t = arith.trunci %both : i$S to i16
    %d = arith.trunci %c : i32 to i16
    %v = arith.addi %t, %d : i16
    linalg.yield %v : i16
  } -> tensor<$Bx$Mx$Nxi16>
  return %r : tensor<$Bx$Mx$Nxi16>
}
)";

std::string makeFunction(const VariableProductCase &c) {
  std::string text = kProduct;
  auto put = [&](StringRef from, const std::string &to) {
    replaceAll(text, from, to);
  };
  put("$YSHAPE", c.isRhsTransposed ? "$Nx$K" : "$Kx$N");
  put("$YMAP", c.isRhsTransposed ? "n, k" : "k, n");
  put("$LEXT", c.isLhsUnsigned ? "extui" : "extsi");
  put("$REXT", c.isRhsUnsigned ? "extui" : "extsi");
  put("$B", std::to_string(c.batches));
  put("$M", std::to_string(c.m));
  put("$N", std::to_string(c.n));
  put("$K", std::to_string(c.k));
  put("$W", std::to_string(c.bits));
  put("$S", std::to_string(c.sumBits));
  return text;
}

LoweredKernel lower(const VariableProductCase &c) {
  return LoweredKernel(
      makeFunction(c), "sm_80",
      [](OpPassManager &pm) {
        pm.addPass(createBatchesToRows());
        pm.addPass(createCanonicalizerPass());
        pm.addPass(createCollapseReaders());
        pm.addPass(createCanonicalizerPass());
        pm.addPass(createFuseVariableProducts());
        pm.addPass(createCanonicalizerPass());
      },
      [&](OpPassManager &pm) {
        ProductsToKernelsOptions options;
        options.blockRows = c.blockRows;
        options.blockColumns = c.blockColumns;
        options.stages = c.stages;
        pm.addPass(createProductsToKernels(options));
      });
}

ExpectedResult getExpected(const VariableProductCase &c) {
  int64_t bytes = c.batches * c.bits / 8;
  return ExpectedResult(makeFunction(c),
                        {makeBytes(bytes * c.m * c.k, 1),
                         makeBytes(bytes * c.n * c.k, 2),
                         makeBytes(c.batches * c.m * c.n * 4, 3)},
                        1);
}

void check(const VariableProductCase &c) {
  SCOPED_TRACE(
      llvm::formatv("{0} x {1} x {2} x {3}, {4}{5} * {6}{5}{7} in {8} bits, "
                    "block {9}x{10}, {11} stages",
                    c.batches, c.m, c.n, c.k, c.isLhsUnsigned ? "u" : "s",
                    c.bits, c.isRhsUnsigned ? "u" : "s",
                    c.isRhsTransposed ? " transposed" : "", c.sumBits,
                    c.blockRows, c.blockColumns, c.stages)
          .str());
  LoweredKernel kernel = lower(c);
  ASSERT_THAT(kernel.getText(), testing::HasSubstr("nvvm.mma.sync"));
  kernel.load(kernel.getText());
  ExpectedResult expected = getExpected(c);
  for (int seed : {0, 1})
    EXPECT_EQ(expected.check(kernel, 1, seed), "") << "seed " << seed;
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

TEST(GpuVariableProducts, OddSizes) {
  const int64_t sizes[] = {1, 3, 17, 31, 33, 63, 65, 127};
  const std::pair<int64_t, int64_t> widths[] = {{8, 32}, {16, 32}, {16, 64}};
  for (auto [i, n] : llvm::enumerate(sizes))
    for (auto [j, k] : llvm::enumerate(sizes))
      if ((i + j) % 4 == 0)
        for (auto [bits, sumBits] : widths)
          for (bool isTransposed : {false, true})
            check({3, sizes[1 + (i + 2 * j + bits / 8) % 7], n, k, bits,
                   sumBits, bits == 8 && (i & 1) != 0,
                   bits == 8 && (j & 1) != 0, isTransposed});
}

/// Every block, in a ring of stages, with the last part and the last blocks of
/// a batch not full.
TEST(GpuVariableProducts, Blocks) {
  struct {
    int64_t rows, columns, stages;
  } blocks[] = {{128, 128, 2}, {64, 128, 3}, {64, 64, 3}, {32, 128, 2},
                {32, 64, 4},   {16, 128, 3}, {16, 64, 3}, {16, 32, 2}};
  for (auto [rows, columns, stages] : blocks)
    for (bool isTransposed : {false, true})
      check({2, rows + 3, columns + 16, 400, 8, 32, true, false, isTransposed,
             rows, columns, stages});
  for (auto [rows, columns, stages] : ArrayRef(blocks).drop_front(2))
    for (bool isTransposed : {false, true})
      check({2, rows + 3, columns + 16, 208, 16, 64, false, false, isTransposed,
             rows, columns, stages});
}

TEST(GpuVariableProducts, LargestBlock) {
  check({2, 128, 256, 192, 8, 32, false, true, false, 128, 256, 2});
  check({2, 128, 256, 192, 8, 32, true, true, true, 128, 256, 2});
}

TEST(GpuVariableProducts, Signs) {
  for (bool isLhsUnsigned : {false, true})
    for (bool isRhsUnsigned : {false, true})
      for (bool isTransposed : {false, true}) {
        check(
            {2, 20, 48, 80, 8, 32, isLhsUnsigned, isRhsUnsigned, isTransposed});
        if (!isLhsUnsigned && !isRhsUnsigned)
          check({2, 20, 48, 80, 16, 64, isLhsUnsigned, isRhsUnsigned,
                 isTransposed});
      }
}

/// Rows of the right factor begin at multiples of 16, 8, 4, 2 bytes and 1 byte.
TEST(GpuVariableProducts, RowsOfAnyAlignment) {
  for (int64_t n : {144, 136, 132, 130, 131})
    check({2, 19, n, 40, 8, 32, false, false, false});
}

TEST(GpuVariableProducts, ChangesAreFound) {
  for (bool isTransposed : {false, true}) {
    // 4 parts in 3 stages; blocks with rows and columns that are not there.
    VariableProductCase c{2,    40,    72,           400, 8,  32,
                          true, false, isTransposed, 32,  64, 3};
    LoweredKernel kernel = lower(c);
    ExpectedResult expected = getExpected(c);
    ChangeForTheWorse changes[] = {
        {"no waits", eraseAll<NVVM::CpAsyncWaitGroupOp>(), ""},
        {"no wait before the loop", eraseOne<NVVM::CpAsyncWaitGroupOp>(0), ""},
        {"no wait in the loop", eraseOne<NVVM::CpAsyncWaitGroupOp>(1), ""},
        {"no commits", eraseAll<NVVM::CpAsyncCommitGroupOp>(), ""},
        {"no barrier before the loop", eraseOne<gpu::BarrierOp>(0), ""},
        {"no barrier in the loop", eraseOne<gpu::BarrierOp>(1), ""},
        {"registers of the left factor exchanged",
         exchange<NVVM::MmaOp>(0, 1, 2), "wrong numbers"},
        {"registers of the right factor exchanged",
         exchange<NVVM::MmaOp>(3, 4, 5), "wrong numbers"},
        {"one matrix from another row", moveAddress<NVVM::LdMatrixOp>(3, 128),
         ""},
        {"one piece to another place", moveAddress<NVVM::CpAsyncOp>(2, 128),
         ""},
        {"one part too few", shortenLoop(), "wrong numbers"},
        {"less shared memory", [](gpu::GPUFuncOp) {}, "out-of-bounds", 16},
    };
    expectFound(kernel, changes, [&](int seed, int64_t missing) {
      return expected.check(kernel, 1, seed, missing);
    });
    if (isTransposed)
      continue;
    ChangeForTheWorse transposing[] = {
        {"bytes of two columns exchanged",
         setOperandOf<NVVM::PermuteOp>(0, 2, 0x7531), "wrong numbers"},
        {"terms exchanged", exchange<NVVM::PermuteOp>(1, 0, 1),
         "wrong numbers"},
        {"matrices not transposed",
         [](gpu::GPUFuncOp changed) {
           for (auto load : collect<NVVM::LdMatrixOp>(changed))
             load.setLayout(NVVM::MMALayout::row);
         },
         "wrong numbers"},
    };
    expectFound(kernel, transposing, [&](int seed, int64_t missing) {
      return expected.check(kernel, 1, seed, missing);
    });
  }
}

//===----------------------------------------------------------------------===//
// Codes of 4 bits
//===----------------------------------------------------------------------===//

struct FewBitCase {
  int64_t batches, m, n, k;
  bool isLhsUnsigned, isRhsUnsigned, isRhsTransposed;
};

constexpr const char *kFewBitKernel = R"(
func.func @main(%x: tensor<$ROWSx$Kxi8>, %y: tensor<$Bx$YSHAPExi8>) -> tensor<$ROWSx$Nxi32> {
  %e = tensor.empty() : tensor<$ROWSx$Nxi32>
  %r = qfmt_gpu.product %x $LSIGN * %y $RSIGN $ORDER bits 4 into %e {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<$ROWSx$Kxi8>, tensor<$Bx$YSHAPExi8>, tensor<$ROWSx$Nxi32> -> tensor<$ROWSx$Nxi32>
  return %r : tensor<$ROWSx$Nxi32>
}
)";

constexpr const char *kFewBitSums = R"(
func.func @main(%x: tensor<$Bx$Mx$Kxi8>, %y: tensor<$Bx$YSHAPExi8>) -> tensor<$Bx$Mx$Nxi32> {
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<$Bx$Mx$Nxi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<$Bx$Mx$Nxi32>) -> tensor<$Bx$Mx$Nxi32>
  %p = linalg.generic {indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, $YMAP)>,
      affine_map<(b, m, n, k) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %y : tensor<$Bx$Mx$Kxi8>, tensor<$Bx$YSHAPExi8>) outs(%init : tensor<$Bx$Mx$Nxi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %four = arith.constant 4 : i8
    %two = arith.constant 2 : index
    %place = linalg.index $LAST : index
    %odd = arith.remui %place, %two : index
    %one = arith.constant 1 : index
    %even = arith.subi %one, %odd : index
    %even8 = arith.index_cast %even : index to i8
    %shift = arith.muli %even8, %four : i8
    %up = arith.shli %b, %shift : i8
    %code = arith.$SHIFT %up, %four : i8
    %a0 = arith.$LEXT %a : i8 to i32
    %b0 = arith.extsi %code : i8 to i32
    %t = arith.muli %a0, %b0 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<$Bx$Mx$Nxi32>
  return %p : tensor<$Bx$Mx$Nxi32>
}
)";

std::string makeFewBitText(const FewBitCase &c, std::string text) {
  auto put = [&](StringRef from, const std::string &to) {
    replaceAll(text, from, to);
  };
  int64_t half = (c.isRhsTransposed ? c.k : c.n) / 2;
  put("$YSHAPE", (c.isRhsTransposed ? "$Nx" : "$Kx") + std::to_string(half));
  put("$YMAP", c.isRhsTransposed ? "n, k floordiv 2" : "k, n floordiv 2");
  put("$LAST", c.isRhsTransposed ? "3" : "2");
  put("$ORDER", c.isRhsTransposed ? "" : "by_terms");
  put("$LSIGN", c.isLhsUnsigned ? "unsigned" : "");
  put("$RSIGN", c.isRhsUnsigned ? "unsigned" : "");
  put("$LEXT", c.isLhsUnsigned ? "extui" : "extsi");
  put("$SHIFT", c.isRhsUnsigned ? "shrui" : "shrsi");
  put("$ROWS", std::to_string(c.batches * c.m));
  put("$B", std::to_string(c.batches));
  put("$M", std::to_string(c.m));
  put("$N", std::to_string(c.n));
  put("$K", std::to_string(c.k));
  return text;
}

void checkFewBits(const FewBitCase &c) {
  SCOPED_TRACE(llvm::formatv("{0} x {1} x {2} x {3} {4} * {5}{6}", c.batches,
                             c.m, c.n, c.k, c.isLhsUnsigned ? "u8" : "s8",
                             c.isRhsUnsigned ? "u4" : "s4",
                             c.isRhsTransposed ? " transposed" : "")
                   .str());
  LoweredKernel kernel(
      makeFewBitText(c, kFewBitKernel), "sm_80", [](OpPassManager &) {},
      [](OpPassManager &pm) { pm.addPass(createProductsToKernels()); });
  kernel.load(kernel.getText());
  ExpectedResult expected(makeFewBitText(c, kFewBitSums),
                          {makeBytes(c.batches * c.m * c.k, 1),
                           makeBytes(c.batches * c.n * c.k / 2, 2)},
                          1);
  for (int seed : {0, 1})
    EXPECT_EQ(expected.check(kernel, 1, seed), "") << "seed " << seed;
}

/// Rows begin at multiples of 8, 4, 2 bytes and 1 byte; parts that are not
/// full.
TEST(GpuVariableProducts, CodesOfFourBits) {
  for (int64_t size : {2, 18, 32, 40, 66, 144, 272})
    for (bool isUnsigned : {false, true}) {
      checkFewBits({2, 17, 33, size, isUnsigned, false, true});
      checkFewBits({3, 31, size, 65, false, isUnsigned, false});
    }
}

} // namespace
