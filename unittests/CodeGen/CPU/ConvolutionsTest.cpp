//===- ConvolutionsTest.cpp - Convolutions and batches on every target ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled convolutions of bytes and products of two variables against the
// reference evaluator, bit for bit: channels first and last, odd sizes,
// strides, dilations, zero points, signs, windows, each kind of dot instruction
// that this machine has.
//
//===----------------------------------------------------------------------===//

#include "AmxEmulator.h"
#include "Targets.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

constexpr Target kTargets[] = {kSse2O0, kSse2, kAvx2,
                               kAvx512, kVnni, kAmxTiles};
constexpr unsigned kAmx = 1u << 5;
constexpr unsigned kNumTargets = std::size(kTargets);

/// Bytes of at most `greatest` from 0, or any if that is 0.
std::string makeDense(int64_t bytes, std::mt19937 &random, int greatest = 0) {
  std::vector<uint8_t> values(bytes);
  for (uint8_t &value : values)
    value = greatest == 0
                ? uint8_t(random())
                : uint8_t(int(random() % (2 * greatest + 1)) - greatest);
  return "dense<\"0x" + llvm::toHex(ArrayRef(values)) + "\">";
}

struct Convolution {
  /// Of the image, padded by `padding` on each side.
  int64_t images, height, width, channels;
  /// Of the result; ignored if depthwise.
  int64_t outputs;
  int64_t kernelHeight, kernelWidth;
  int64_t stride = 1, dilation = 1, padding = 0;
  bool isChannelsLast = false, isDepthwise = false;
  bool isUnsigned = false, isWeightUnsigned = false;
  int64_t zeroPoint = 0, weightZeroPoint = 0;
  /// Also a clamp to i8 and an addition of the image, if sizes allow it.
  bool isResidual = false;
  /// Of the weights, if it is not 0.
  int greatest = 0;
};

std::string getName(const Convolution &c) {
  return llvm::formatv("{0}x{1}x{2}x{3} to {4} window {5}x{6} stride {7} "
                       "dilation {8} padding {9}{10}{11} zero points {12} {13}",
                       c.images, c.height, c.width, c.channels, c.outputs,
                       c.kernelHeight, c.kernelWidth, c.stride, c.dilation,
                       c.padding, c.isChannelsLast ? " nhwc" : " nchw",
                       c.isDepthwise ? " depthwise" : "", c.zeroPoint,
                       c.weightZeroPoint);
}

std::string makeType(const Convolution &c, int64_t height, int64_t width,
                     int64_t channels, StringRef element) {
  return c.isChannelsLast
             ? llvm::formatv("tensor<{0}x{1}x{2}x{3}x{4}>", c.images, height,
                             width, channels, element)
                   .str()
             : llvm::formatv("tensor<{0}x{3}x{1}x{2}x{4}>", c.images, height,
                             width, channels, element)
                   .str();
}

std::string makeSource(const Convolution &c, std::mt19937 &random) {
  int64_t paddedHeight = c.height + 2 * c.padding;
  int64_t paddedWidth = c.width + 2 * c.padding;
  int64_t height =
      (paddedHeight - (c.kernelHeight - 1) * c.dilation - 1) / c.stride + 1;
  int64_t width =
      (paddedWidth - (c.kernelWidth - 1) * c.dilation - 1) / c.stride + 1;
  int64_t outputs = c.isDepthwise ? c.channels : c.outputs;
  std::string x = makeType(c, c.height, c.width, c.channels, "i8");
  std::string p = makeType(c, paddedHeight, paddedWidth, c.channels, "i8");
  std::string y = makeType(c, height, width, outputs, "i32");
  std::string q = makeType(c, height, width, outputs, "i8");
  std::string w = c.isDepthwise
                      ? llvm::formatv("tensor<{0}x{1}x{2}xi8>", c.channels,
                                      c.kernelHeight, c.kernelWidth)
                            .str()
                      : llvm::formatv("tensor<{0}x{1}x{2}x{3}xi8>", outputs,
                                      c.channels, c.kernelHeight, c.kernelWidth)
                            .str();
  std::string row = llvm::formatv("h * {0} + i * {1}", c.stride, c.dilation);
  std::string column = llvm::formatv("v * {0} + j * {1}", c.stride, c.dilation);
  std::string in = c.isDepthwise ? "f" : "c";
  std::string xMap = c.isChannelsLast ? "n, " + row + ", " + column + ", " + in
                                      : "n, " + in + ", " + row + ", " + column;
  std::string yMap = c.isChannelsLast ? "n, h, v, f" : "n, f, h, v";
  std::string loops =
      c.isDepthwise ? "(n, f, h, v, i, j)" : "(n, f, h, v, c, i, j)";
  std::string wMap = c.isDepthwise ? "f, i, j" : "f, c, i, j";
  std::string channelMap =
      c.isChannelsLast ? "(a, b, c, d) -> (d)" : "(a, b, c, d) -> (b)";
  std::string spatial =
      c.isChannelsLast ? "[0, {0}, {0}, 0]" : "[0, 0, {0}, {0}]";
  std::string pad = llvm::formatv(spatial.c_str(), c.padding);

  std::string source;
  llvm::raw_string_ostream os(source);
  os << llvm::formatv("func.func @main(%x: {0}) -> {1} {{\n", x, q);
  os << llvm::formatv("  %w = arith.constant {0} : {1}\n",
                      makeDense(outputs * (c.isDepthwise ? 1 : c.channels) *
                                    c.kernelHeight * c.kernelWidth,
                                random, c.greatest),
                      w);
  os << llvm::formatv("  %bias = arith.constant {0} : tensor<{1}xi32>\n",
                      makeDense(4 * outputs, random), outputs);
  os << llvm::formatv("  %xz = arith.constant {0} : i32\n"
                      "  %wz = arith.constant {1} : i32\n"
                      "  %code = arith.constant {2} : i8\n",
                      c.zeroPoint, c.weightZeroPoint, int(int8_t(c.zeroPoint)));
  os << llvm::formatv("  %p = tensor.pad %x low{0} high{0} {{\n"
                      "  ^bb0(%i: index, %j: index, %k: index, %l: index):\n"
                      "    tensor.yield %code : i8\n  } : {1} to {2}\n",
                      pad, x, p);
  os << llvm::formatv(
      "  %e = tensor.empty() : {0}\n"
      "  %init = linalg.generic {{indexing_maps = [affine_map<{1}>, "
      "affine_map<(a, b, c, d) -> (a, b, c, d)>], iterator_types = "
      "[\"parallel\", \"parallel\", \"parallel\", \"parallel\"]} "
      "ins(%bias : tensor<{2}xi32>) outs(%e : {0}) {{\n"
      "  ^bb0(%a: i32, %o: i32):\n    linalg.yield %a : i32\n  } -> {0}\n",
      y, channelMap, outputs);
  os << llvm::formatv(
      "  %y = linalg.generic {{indexing_maps = [affine_map<{0} -> ({1})>, "
      "affine_map<{0} -> ({2})>, affine_map<{0} -> ({3})>], iterator_types = "
      "[\"parallel\", \"parallel\", \"parallel\", \"parallel\", {4}"
      "\"reduction\", \"reduction\"]} ins(%p, %w : {5}, {6}) "
      "outs(%init : {7}) {{\n"
      "  ^bb0(%a: i8, %b: i8, %c: i32):\n"
      "    %a32 = arith.{8} %a : i8 to i32\n"
      "    %az = arith.subi %a32, %xz : i32\n"
      "    %b32 = arith.{9} %b : i8 to i32\n"
      "    %bz = arith.subi %b32, %wz : i32\n"
      "    %m = arith.muli %az, %bz : i32\n"
      "    %s = arith.addi %c, %m : i32\n"
      "    linalg.yield %s : i32\n  } -> {7}\n",
      loops, xMap, wMap, yMap, c.isDepthwise ? "" : "\"reduction\", ", p, w, y,
      c.isUnsigned ? "extui" : "extsi", c.isWeightUnsigned ? "extui" : "extsi");
  // All bits of the sum reach the result.
  std::string other = c.isResidual ? x : q;
  os << llvm::formatv(
      "  %qe = tensor.empty() : {0}\n"
      "  %q = linalg.generic {{indexing_maps = [affine_map<(a, b, c, d) -> "
      "(a, b, c, d)>, {2}affine_map<(a, b, c, d) -> (a, b, c, d)>], "
      "iterator_types = [\"parallel\", \"parallel\", \"parallel\", "
      "\"parallel\"]} ins(%y{3} : {1}{4}) outs(%qe : {0}) {{\n"
      "  ^bb0(%a: i32, {5}%o: i8):\n"
      "    %prime = arith.constant 747796405 : i32\n"
      "    %high = arith.constant 24 : i32\n"
      "    %m = arith.muli %a, %prime : i32\n"
      "    %s = arith.shrui %m, %high : i32\n"
      "    %t = arith.trunci %s : i32 to i8\n"
      "{6}    linalg.yield %u : i8\n  } -> {0}\n  return %q : {0}\n}\n",
      q, y, c.isResidual ? "affine_map<(a, b, c, d) -> (a, b, c, d)>, " : "",
      c.isResidual ? ", %x" : "", c.isResidual ? ", " + other : "",
      c.isResidual ? "%r: i8, " : "",
      c.isResidual ? "    %u = arith.addi %t, %r : i8\n"
                   : "    %u = arith.addi %t, %t : i8\n");
  return source;
}

struct Batch {
  int64_t batches, m, n, k;
  unsigned bits = 16, sumBits = 64;
  bool isRhsTransposed = false, isUnsigned = false;
  int64_t zeroPoint = 0;
};

std::string makeSource(const Batch &c) {
  std::string x =
      llvm::formatv("tensor<{0}x{1}x{2}xi{3}>", c.batches, c.m, c.k, c.bits);
  std::string w = llvm::formatv("tensor<{0}x{1}x{2}xi{3}>", c.batches,
                                c.isRhsTransposed ? c.n : c.k,
                                c.isRhsTransposed ? c.k : c.n, c.bits);
  std::string y =
      llvm::formatv("tensor<{0}x{1}x{2}xi{3}>", c.batches, c.m, c.n, c.sumBits);
  std::string source;
  llvm::raw_string_ostream os(source);
  os << llvm::formatv(
      "func.func @main(%x: {0}, %w: {1}) -> {2} {{\n"
      "  %z = arith.constant 5 : i{3}\n"
      "  %xz = arith.constant {4} : i32\n"
      "  %e = tensor.empty() : {2}\n"
      "  %f = linalg.fill ins(%z : i{3}) outs(%e : {2}) -> {2}\n",
      x, w, y, c.sumBits, c.zeroPoint);
  os << llvm::formatv(
      "  %y = linalg.generic {{indexing_maps = ["
      "affine_map<(b, m, n, k) -> (b, m, k)>, "
      "affine_map<(b, m, n, k) -> (b, {0})>, "
      "affine_map<(b, m, n, k) -> (b, m, n)>], iterator_types = "
      "[\"parallel\", \"parallel\", \"parallel\", \"reduction\"]} "
      "ins(%x, %w : {1}, {2}) outs(%f : {3}) {{\n"
      "  ^bb0(%a: i{4}, %b: i{4}, %c: i{5}):\n"
      "    %a32 = arith.{6} %a : i{4} to i32\n"
      "    %az = arith.subi %a32, %xz : i32\n"
      "    %b32 = arith.extsi %b : i{4} to i32\n"
      "    %p = arith.muli %az, %b32 : i32\n{7}"
      "    %s = arith.addi %c, %{8} : i{5}\n"
      "    linalg.yield %s : i{5}\n  } -> {3}\n  return %y : {3}\n}\n",
      c.isRhsTransposed ? "n, k" : "k, n", x, w, y, c.bits, c.sumBits,
      c.isUnsigned ? "extui" : "extsi",
      c.sumBits == 64 ? "    %l = arith.extsi %p : i32 to i64\n" : "",
      c.sumBits == 64 ? "l" : "p");
  return source;
}

class Convolutions : public ::testing::Test {
protected:
  Convolutions() {
    DialectRegistry registry;
    registerPipelineDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  std::vector<char> makeBytes(size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<char> bytes(size);
    for (char &byte : bytes)
      byte = char(random());
    return bytes;
  }

  /// On the targets whose bit in `targets` is set.
  void checkSource(const std::string &source,
                   ArrayRef<std::vector<char>> inputs,
                   ArrayRef<SmallVector<int64_t>> shapes, unsigned targets) {
    auto module = parseSourceString<ModuleOp>(source, &context);
    ASSERT_TRUE(module);
    auto expected = reference::evaluateBuffers(
        module->lookupSymbol<func::FuncOp>("main"),
        SmallVector<ArrayRef<char>>(inputs.begin(), inputs.end()));
    ASSERT_TRUE(succeeded(expected));
    std::vector<char> bytes = expected->front().toBytes();
    for (auto [i, target] : llvm::enumerate(kTargets))
      if ((targets >> i & 1) != 0 && canRun(target))
        checkBytes(target, *module, buildLowerToLLVMPipeline,
                   makeViews(inputs, shapes), bytes);
  }

  /// On two targets, others each time, to save time.
  unsigned chooseTargets() {
    unsigned first = number++ % kNumTargets;
    return 1u << first | 1u << (first + 2) % kNumTargets;
  }

  /// On the targets whose bit in `targets` is set, or on two.
  void check(Convolution c, unsigned targets = 0) {
    for (bool isChannelsLast : {false, true}) {
      c.isChannelsLast = isChannelsLast;
      SCOPED_TRACE(getName(c));
      std::mt19937 random(c.height * 100 + c.channels);
      SmallVector<int64_t> shape = {c.images, c.height, c.width, c.channels};
      if (!isChannelsLast)
        shape = {c.images, c.channels, c.height, c.width};
      checkSource(makeSource(c, random),
                  {makeBytes(c.images * c.height * c.width * c.channels, 1)},
                  {shape}, targets != 0 ? targets : chooseTargets());
    }
  }

  void checkBatch(const Batch &c, bool isExtreme = false) {
    SCOPED_TRACE(llvm::formatv("{0} x {1}x{2}x{3} of {4} bits", c.batches, c.m,
                               c.n, c.k, c.bits)
                     .str());
    int64_t bytes = c.bits / 8;
    std::vector<std::vector<char>> inputs = {
        makeBytes(c.batches * c.m * c.k * bytes, 1),
        makeBytes(c.batches * c.n * c.k * bytes, 2)};
    // Only the least code.
    if (isExtreme)
      for (std::vector<char> &input : inputs)
        for (size_t i = 0; i < input.size(); ++i)
          input[i] = i % bytes == size_t(bytes - 1) ? char(0x80) : char(0);
    SmallVector<int64_t> rhs = {c.batches, c.k, c.n};
    if (c.isRhsTransposed)
      rhs = {c.batches, c.n, c.k};
    checkSource(makeSource(c), inputs, {{c.batches, c.m, c.k}, rhs},
                isExtreme ? ~0u : chooseTargets());
  }

  MLIRContext context;
  unsigned number = 0;
};

TEST_F(Convolutions, Windows) {
  check({1, 5, 7, 3, 5, 1, 1});
  check({1, 6, 5, 16, 33, 3, 3});
  check({2, 9, 8, 5, 17, 3, 2});
  check({1, 7, 11, 1, 16, 2, 5});
  check({1, 1, 9, 4, 31, 1, 3});
  check({1, 9, 1, 7, 3, 4, 1});
  check({1, 5, 5, 63, 65, 5, 5});
  // Images whose elements change places by squares.
  check({2, 3, 33, 35, 18, 1, 1});
}

/// Runs of enough terms for AMX tiles, with and without rest.
TEST_F(Convolutions, Tiles) {
  uint64_t before = getNumEmulatedProducts();
  check({1, 7, 8, 64, 33, 3, 3}, kAmx);
  check({2, 6, 7, 65, 16, 3, 2}, kAmx);
  check({1, 11, 9, 33, 40, 3, 3, /*stride=*/2}, kAmx);
  check({1, 9, 9, 127, 17, 1, 1, /*stride=*/2}, kAmx);
  check({1, 10, 9, 32, 31, 2, 3, /*stride=*/1, /*dilation=*/2}, kAmx);
  Convolution c = {1, 8, 8, 63, 20, 3, 3, 1, 1, /*padding=*/1};
  c.zeroPoint = -3;
  check(c, kAmx);
  if (isAmxEmulated() && canRun(kAmxTiles))
    EXPECT_GT(getNumEmulatedProducts(), before);
}

/// Weights of two and four bits, unpacked for each panel.
TEST_F(Convolutions, FewBits) {
  for (int greatest : {1, 7}) {
    auto checkFewBits = [&](Convolution c, unsigned targets = 0) {
      c.greatest = greatest;
      check(c, targets);
    };
    checkFewBits({1, 5, 7, 3, 5, 1, 1});
    checkFewBits({1, 6, 5, 16, 33, 3, 3});
    checkFewBits({2, 9, 8, 5, 17, 3, 2});
    checkFewBits({1, 5, 5, 63, 65, 5, 5});
    checkFewBits({1, 8, 8, 63, 20, 3, 3, 1, 1, /*padding=*/1}, kAmx);
    checkFewBits({2, 6, 7, 65, 16, 3, 2}, kAmx);
    checkFewBits({1, 11, 9, 33, 40, 3, 3, /*stride=*/2}, kAmx);
    checkFewBits({1, 9, 9, 127, 17, 1, 1, /*stride=*/2}, kAmx);
  }
}

TEST_F(Convolutions, StridesAndDilations) {
  check({1, 9, 9, 6, 20, 3, 3, /*stride=*/2});
  check({2, 8, 8, 8, 16, 1, 1, /*stride=*/3});
  check({1, 13, 12, 5, 18, 3, 3, /*stride=*/1, /*dilation=*/2});
  check({1, 13, 13, 4, 16, 3, 3, /*stride=*/2, /*dilation=*/3});
  check({1, 14, 14, 1, 32, 7, 7, /*stride=*/7});
}

TEST_F(Convolutions, ZeroPointsAndSigns) {
  for (bool isUnsigned : {false, true})
    for (bool isWeightUnsigned : {false, true}) {
      Convolution c = {1, 5, 6, 7, 19, 3, 3, 1, 1, /*padding=*/1};
      c.isUnsigned = isUnsigned;
      c.isWeightUnsigned = isWeightUnsigned;
      c.zeroPoint = isUnsigned ? 130 : -3;
      c.weightZeroPoint = isWeightUnsigned ? 3 : 0;
      check(c);
      c.isDepthwise = true;
      check(c);
    }
}

TEST_F(Convolutions, Residuals) {
  Convolution c = {1, 7, 7, 18, 18, 3, 3, 1, 1, /*padding=*/1};
  c.isResidual = true;
  check(c);
  c.isDepthwise = true;
  check(c);
}

TEST_F(Convolutions, Depthwise) {
  auto checkDepthwise = [&](Convolution c) {
    c.isDepthwise = true;
    check(c);
  };
  checkDepthwise({1, 9, 17, 16, 0, 3, 3});
  checkDepthwise({2, 8, 9, 3, 0, 3, 3, 1, 1, 1});
  checkDepthwise({1, 11, 11, 17, 0, 5, 5, 2, 1, 2});
  checkDepthwise({1, 12, 13, 31, 0, 3, 2, 1, 2});
  checkDepthwise({1, 9, 9, 33, 0, 7, 7, 1, 1, 3});
  checkDepthwise({1, 4, 5, 20, 0, 1, 1});
  checkDepthwise({1, 1, 20, 19, 0, 1, 4});
  // More dot products than code is written for.
  checkDepthwise({1, 17, 17, 5, 0, 17, 17});
}

TEST_F(Convolutions, Batches) {
  const int64_t sizes[] = {4, 17, 31, 33, 65};
  for (unsigned i = 0; i < 5; ++i)
    for (bool isRhsTransposed : {false, true}) {
      Batch c = {1 + i % 3, sizes[i], sizes[(i + 2) % 5], sizes[(i + 3) % 5]};
      c.isRhsTransposed = isRhsTransposed;
      c.isUnsigned = i % 2 == 1;
      checkBatch(c);
      c.bits = 8;
      c.sumBits = 32;
      c.zeroPoint = i;
      checkBatch(c);
    }
  checkBatch({2, 5, 20, 1});
  checkBatch({3, 6, 18, 2, 16, 32});
  checkBatch({2, 3, 16, 16});
}

/// The sum of two products of the least code is one more than fits 32 bits.
TEST_F(Convolutions, LeastCodes) {
  checkBatch({1, 7, 18, 33}, /*isExtreme=*/true);
  checkBatch({1, 7, 18, 33, 8, 32}, /*isExtreme=*/true);
}

} // namespace
