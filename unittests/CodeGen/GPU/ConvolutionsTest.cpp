//===- ConvolutionsTest.cpp - Convolutions on tensor cores, simulated -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that gather the rows of their left factor against the reference
// evaluator, bit for bit: channels of any number, strides, dilation, windows of
// any shape, sizes that fit no block. Kernels that were changed for the worse
// are all found.
//
//===----------------------------------------------------------------------===//

#include "ExpectedResult.h"
#include "KernelChanges.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Transforms/Passes.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "llvm/Support/FormatVariadic.h"
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

struct Convolution {
  /// Of the image, which is padded already.
  int64_t images, height, width, channels;
  int64_t outputs, windowHeight, windowWidth;
  int64_t stride = 1, dilation = 1;
  bool isUnsigned = false;
  int64_t zeroPoint = 0;
  int64_t blockRows = 0, blockColumns = 0, stages = 0;

  int64_t getResultSize(int64_t size, int64_t window) const {
    return (size - (window - 1) * dilation - 1) / stride + 1;
  }
};

std::string getName(const Convolution &c) {
  return llvm::formatv(
      "{0}x{1}x{2}x{3} to {4} window {5}x{6} stride {7} dilation {8} block "
      "{9}x{10}",
      c.images, c.height, c.width, c.channels, c.outputs, c.windowHeight,
      c.windowWidth, c.stride, c.dilation, c.blockRows, c.blockColumns);
}

constexpr const char *kConvolution = R"(
#out = affine_map<(n, h, w, f) -> (n, h, w, f)>
#channel = affine_map<(n, h, w, f) -> (f)>
func.func @main(%x: tensor<$IMAGE>) -> tensor<$OUTxi8> {
  %weights = arith.constant $WEIGHTS : tensor<$FILTER>
  %bias = arith.constant $BIAS : tensor<$Fxi32>
  %e = tensor.empty() : tensor<$OUTxi32>
  %init = linalg.generic {indexing_maps = [#channel, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%bias : tensor<$Fxi32>) outs(%e : tensor<$OUTxi32>) {
  ^bb0(%b: i32, %o: i32):
    linalg.yield %b : i32
  } -> tensor<$OUTxi32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, h, w, f, i, j, c) -> (n, h * $S + i * $D, w * $S + j * $D, c)>,
      affine_map<(n, h, w, f, i, j, c) -> (f, c, i, j)>, affine_map<(n, h, w, f, i, j, c) -> (n, h, w, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
    ins(%x, %weights : tensor<$IMAGE>, tensor<$FILTER>) outs(%init : tensor<$OUTxi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %z = arith.constant $ZERO : i32
    %a0 = arith.$EXT %a : i8 to i32
    %a1 = arith.subi %a0, %z : i32
    %b0 = arith.extsi %b : i8 to i32
    %t = arith.muli %a1, %b0 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<$OUTxi32>
  %q = tensor.empty() : tensor<$OUTxi8>
  %r = linalg.generic {indexing_maps = [#out, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%y : tensor<$OUTxi32>) outs(%q : tensor<$OUTxi8>) {
  ^bb0(%s: i32, %o: i8):
    %shift = arith.constant 3 : i32
    %0 = arith.shrsi %s, %shift : i32
    %1 = arith.trunci %0 : i32 to i8
    linalg.yield %1 : i8
  } -> tensor<$OUTxi8>
  return %r : tensor<$OUTxi8>
}
)";

std::string makeFunction(const Convolution &c) {
  std::mt19937 random(unsigned(c.channels * 100 + c.outputs));
  std::string text = kConvolution;
  auto put = [&](StringRef from, const auto &to) {
    replaceAll(text, from, llvm::formatv("{0}", to).str());
  };
  put("$IMAGE", llvm::formatv("{0}x{1}x{2}x{3}xi8", c.images, c.height, c.width,
                              c.channels));
  put("$FILTER", llvm::formatv("{0}x{1}x{2}x{3}xi8", c.outputs, c.channels,
                               c.windowHeight, c.windowWidth));
  put("$OUT",
      llvm::formatv("{0}x{1}x{2}x{3}", c.images,
                    c.getResultSize(c.height, c.windowHeight),
                    c.getResultSize(c.width, c.windowWidth), c.outputs));
  put("$WEIGHTS", makeDense<uint8_t>(c.outputs * c.channels * c.windowHeight *
                                         c.windowWidth,
                                     [&] { return uint8_t(random()); }));
  put("$BIAS", makeDense<int32_t>(c.outputs, [&] {
        return int32_t(random() % 65536) - 32768;
      }));
  put("$ZERO", c.zeroPoint);
  put("$EXT", c.isUnsigned ? "extui" : "extsi");
  put("$F", c.outputs);
  put("$S", c.stride);
  put("$D", c.dilation);
  return text;
}

LoweredKernel lower(const Convolution &c) {
  return LoweredKernel(
      makeFunction(c), "sm_80",
      [&](OpPassManager &pm) {
        pm.addPass(createConvolutionsToProducts());
        pm.addPass(createCanonicalizerPass());
        pm.addPass(createCSEPass());
        pm.addPass(createCollapseReaders());
        pm.addPass(createCanonicalizerPass());
        pm.addPass(createFuseProducts());
      },
      [&](OpPassManager &pm) {
        ProductsToKernelsOptions options;
        options.blockRows = c.blockRows;
        options.blockColumns = c.blockColumns;
        options.stages = c.stages;
        pm.addPass(createProductsToKernels(options));
      });
}

ExpectedResult getExpected(const Convolution &c) {
  return ExpectedResult(
      makeFunction(c),
      {makeBytes(c.images * c.height * c.width * c.channels, 1)}, 1);
}

void check(const Convolution &c) {
  SCOPED_TRACE(getName(c));
  LoweredKernel kernel = lower(c);
  kernel.load(kernel.getText());
  ExpectedResult expected = getExpected(c);
  for (int seed : {0, 1})
    EXPECT_EQ(expected.check(kernel, 1, seed), "") << "seed " << seed;
}

/// Runs of 3 to 192 terms, and pieces of 16, 8, 4 bytes and 1 byte.
TEST(GpuConvolutions, Channels) {
  for (int64_t channels : {1, 3, 4, 8, 16, 17, 40, 64})
    check({1, 9, 11, channels, 24, 3, 3});
}

TEST(GpuConvolutions, StridesAndDilation) {
  for (int64_t channels : {3, 16, 20})
    for (auto [stride, dilation] : {std::pair(2, 1), {1, 2}, {2, 3}, {3, 1}})
      check({2, 13, 12, channels, 17, 3, 3, stride, dilation});
}

/// Windows of one row, of one column, even and uneven ones, and of one place.
TEST(GpuConvolutions, Windows) {
  for (auto [height, width] :
       {std::pair(1, 3), {3, 1}, {2, 5}, {5, 2}, {1, 1}, {7, 7}}) {
    check({1, 9, 8, 16, 20, height, width});
    check({3, 9, 8, 3, 20, height, width, 2});
  }
}

TEST(GpuConvolutions, ZeroPoints) {
  for (bool isUnsigned : {false, true})
    for (int64_t zeroPoint : {0, 5})
      check({1, 8, 8, 12, 33, 3, 3, 1, 1, isUnsigned, zeroPoint});
}

TEST(GpuConvolutions, Blocks) {
  struct {
    int64_t rows, columns, stages;
  } blocks[] = {{128, 128, 3}, {64, 128, 4}, {64, 64, 2}, {32, 128, 2},
                {32, 64, 5},   {16, 128, 6}, {16, 64, 3}, {16, 32, 2}};
  for (auto [rows, columns, stages] : blocks)
    check({1, 13, 15, 48, columns + 8, 3, 3, 1, 1, true, 3, rows, columns,
           stages});
}

TEST(GpuConvolutions, ChangesAreFound) {
  // 15 places of the image a row, 4 parts in 3 stages.
  Convolution c{1, 9, 17, 32, 40, 3, 3, 1, 1, true, 3, 32, 64, 3};
  LoweredKernel kernel = lower(c);
  ExpectedResult expected = getExpected(c);
  ChangeForTheWorse changes[] = {
      {"the first run for all", bypass<arith::DivUIOp>(0), ""},
      {"one piece of a row from elsewhere", moveAddress<NVVM::CpAsyncOp>(0, 16),
       ""},
      {"no barrier in the loop", eraseOne<gpu::BarrierOp>(1), ""},
      {"no waits", eraseAll<NVVM::CpAsyncWaitGroupOp>(), ""},
      {"one part too few", shortenLoop(), "wrong numbers"},
      {"less shared memory", [](gpu::GPUFuncOp) {}, "out-of-bounds", 16},
  };
  expectFound(kernel, changes, [&](int seed, int64_t missing) {
    return expected.check(kernel, 1, seed, missing);
  });
}

/// Behind the last run of the last row is nothing.
TEST(GpuConvolutions, TermsThatAreNotThereAreNotCopied) {
  Convolution c{1, 9, 17, 8, 40, 3, 3};
  LoweredKernel kernel = lower(c);
  kernel.load(kernel.change([](gpu::GPUFuncOp function) {
    for (auto copy : collect<NVVM::CpAsyncOp>(function))
      copy.getCpSizeMutable().clear();
  }));
  EXPECT_THAT(getExpected(c).check(kernel, 1, 0),
              testing::HasSubstr("out-of-bounds"));
}

/// Another distance of rows of the image, of places or of runs in it, another
/// number of terms of a run: all of them are found.
TEST(GpuConvolutions, WrongDistancesAreFound) {
  Convolution c{1, 9, 17, 32, 40, 3, 3, 1, 1, true, 3, 32, 64, 3};
  LoweredKernel kernel = lower(c);
  ExpectedResult expected = getExpected(c);
  // 15 places a row of the result, 544 bytes a row of the image, 96 terms a
  // run.
  for (int64_t number : {15, 544, 96}) {
    SCOPED_TRACE(number);
    bool isFound = false;
    kernel.load(kernel.change([&](gpu::GPUFuncOp function) {
      for (auto constant : collect<arith::ConstantOp>(function)) {
        auto value = dyn_cast<IntegerAttr>(constant.getValue());
        if (!value || value.getInt() != number ||
            !value.getType().isInteger(32))
          continue;
        isFound = true;
        constant.setValueAttr(IntegerAttr::get(value.getType(), number + 16));
      }
    }));
    EXPECT_TRUE(isFound);
    EXPECT_NE(expected.check(kernel, 1, 0), "");
  }
}

} // namespace
