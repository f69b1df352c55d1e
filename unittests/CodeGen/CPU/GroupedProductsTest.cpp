//===- GroupedProductsTest.cpp - Products with scales on every target -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of quantized activations with constant weights of few bits. What
// qfmt-factor-scales writes is compared with the product as it was, within the
// bound that the pass states, computed from the numbers of each case; compiled
// code with what the reference evaluator makes of the rewritten product, bit
// for bit.
//
//===----------------------------------------------------------------------===//

#include "AmxEmulator.h"
#include "Targets.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

constexpr Target kTargets[] = {kPlainO0, kSse2, kAvx2,     kAvx512,    kVnni256,
                               kVnni,    kVbmi, kAmxTiles, kAmxTilesO0};
/// Bits of the targets above.
constexpr unsigned kAmx = 1u << 7, kAmxO0 = 1u << 8;

/// To constituents level, as qfmt-compile does it, and to the rewritten form.
void buildFactoring(OpPassManager &pm) {
  pm.addPass(createPackStorage());
  pm.addPass(createDecompose());
  pm.addPass(createFactorScales());
}

/// From there, with the instructions of the target.
void buildLowering(OpPassManager &pm, DotInstructions instructions,
                   int64_t l2Bytes) {
  pm.addPass(createPackGroups());
  GroupsToVectorsOptions vectors;
  vectors.instructions = instructions;
  vectors.l2Bytes = l2Bytes;
  pm.addPass(createGroupsToVectors(vectors));
  buildLowerToLLVMPipeline(pm);
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

/// How random elements of a constituent are made.
enum class Numbers {
  Code,
  /// Codes 0, 1 and 3.
  Ternary,
  /// 2^-9 ... 2^-3, as f16, f32, f8E8M0FNU or f8E4M3FN; some of f16 and f32 are
  /// 0.
  F16,
  F32,
  E8M0,
  E4M3,
  /// 1 ... 2, as f32.
  OneExponent,
};

struct Constituent {
  const char *type;
  Numbers numbers;
  /// Has one element for each block, or one.
  bool isOfBlock = true;
  /// Has one element for each row.
  bool isOfRow = false;
};

struct Format {
  const char *name;
  /// The encoding of an N x K matrix; {0} is its block.
  const char *encoding;
  /// 0 for whole rows.
  int64_t block;
  std::vector<Constituent> constituents;
};

const Format kInt4{"int4",
                   "#qfmt.scaled<i4, block = {0}, scale = f16>",
                   32,
                   {{"i4", Numbers::Code}, {"f16", Numbers::F16}}};
const Format kInt4x128{"int4x128",
                       "#qfmt.scaled<i4, block = {0}, scale = f16>",
                       128,
                       {{"i4", Numbers::Code}, {"f16", Numbers::F16}}};
const Format kInt4x20{"int4x20",
                      "#qfmt.scaled<i4, block = {0}, scale = f32>",
                      20,
                      {{"i4", Numbers::Code}, {"f32", Numbers::F32}}};
const Format kOneExponent{
    "one exponent",
    "#qfmt.scaled<i4, block = {0}, scale = f32>",
    32,
    {{"i4", Numbers::Code}, {"f32", Numbers::OneExponent}}};
const Format kInt8{"int8",
                   "#qfmt.scaled<i8, block = {0}, scale = f32>",
                   32,
                   {{"i8", Numbers::Code}, {"f32", Numbers::F32}}};
const Format kInt8Rows{"int8 rows",
                       "#qfmt.scaled<i8, block = {0}, scale = f32>",
                       0,
                       {{"i8", Numbers::Code}, {"f32", Numbers::F32}}};
const Format kInt3{"int3",
                   "#qfmt.scaled<i3, block = {0}, scale = f16>",
                   16,
                   {{"i3", Numbers::Code}, {"f16", Numbers::F16}}};
const Format kInt2{"int2",
                   "#qfmt.scaled<i2, block = {0}, scale = f16>",
                   32,
                   {{"i2", Numbers::Code}, {"f16", Numbers::F16}}};
const Format kAsymmetric{
    "asymmetric",
    "#qfmt.scaled<i4, block = {0}, scale = f16, zero_point = i4>",
    32,
    {{"i4", Numbers::Code}, {"f16", Numbers::F16}, {"i4", Numbers::Code}}};
const Format kAsymmetricRows{
    "asymmetric rows",
    "#qfmt.scaled<i4, block = {0}, scale = f16, zero_point = i4>",
    0,
    {{"i4", Numbers::Code}, {"f16", Numbers::F16}, {"i4", Numbers::Code}}};
const Format kScaledScales{
    "scaled scales",
    "#qfmt.scaled<i4, block = {0}, scale = #qfmt.scaled<ui8, block = [1, *], "
    "scale = f16>>",
    32,
    {{"i4", Numbers::Code},
     {"i8", Numbers::Code},
     {"f16", Numbers::F16, /*isOfBlock=*/false, /*isOfRow=*/true}}};
const Format kTernary{"ternary",
                      "#qfmt.scaled<!qfmt.ternary, block = {0}, scale = f16>",
                      0,
                      {{"i2", Numbers::Ternary}, {"f16", Numbers::F16}}};
const Format kMxfp4{
    "mxfp4",
    "#qfmt.scaled<f4E2M1FN, block = {0}, scale = f8E8M0FNU>",
    32,
    {{"f4E2M1FN", Numbers::Code}, {"f8E8M0FNU", Numbers::E8M0}}};
const Format kMxfp6{
    "mxfp6",
    "#qfmt.scaled<f6E2M3FN, block = {0}, scale = f8E8M0FNU>",
    32,
    {{"f6E2M3FN", Numbers::Code}, {"f8E8M0FNU", Numbers::E8M0}}};
const Format kNvfp4{
    "nvfp4",
    "#qfmt.scaled<f4E2M1FN, block = {0}, scale = #qfmt.scaled<f8E4M3FN, "
    "scale = f32>>",
    16,
    {{"f4E2M1FN", Numbers::Code},
     {"f8E4M3FN", Numbers::E4M3},
     {"f32", Numbers::F32, /*isOfBlock=*/false}}};
const Format kBitMod{
    "bitmod",
    "#qfmt.select<[!qfmt.float<2, 1, negative_zero = 5.0>, "
    "!qfmt.float<2, 1, negative_zero = -5.0>, "
    "!qfmt.float<2, 1, negative_zero = 8.0>, "
    "!qfmt.float<2, 1, negative_zero = -8.0>], block = {0}, scale = f16>",
    32,
    {{"i4", Numbers::Code}, {"f16", Numbers::F16}, {"i2", Numbers::Code}}};

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

struct Case {
  int64_t m, n, k;
  const Format &format;
  /// Of the activations' scales; 0 for one a row.
  int64_t block = 0;
  const char *activations = "i8";
  bool isDynamic = false;
  /// The weights are K x N.
  bool isTransposed = false;
  bool hasEpilogue = false;
  /// 0 for what the target has.
  int64_t l2Bytes = 0;
};

std::string getName(const Case &c) {
  return llvm::formatv("{0}x{1}x{2} {3} of {4}, activations {5} of {6}{7}{8}",
                       c.m, c.n, c.k, c.format.name, c.format.block,
                       c.activations, c.block, c.isDynamic ? ", dynamic" : "",
                       c.isTransposed ? ", transposed" : "")
      .str();
}

template <typename T>
std::string makeDense(int64_t size, llvm::function_ref<T()> next) {
  std::vector<T> values(size);
  for (T &value : values)
    value = next();
  return llvm::toHex(ArrayRef(reinterpret_cast<const uint8_t *>(values.data()),
                              size * sizeof(T)));
}

unsigned getWidth(StringRef type) {
  StringRef digits = type.drop_while([](char c) { return !llvm::isDigit(c); });
  unsigned width = 0;
  digits.consumeInteger(10, width);
  return width;
}

/// The bytes of `size` elements.
std::string makeElements(const Constituent &part, int64_t size,
                         std::mt19937 &random) {
  std::uniform_real_distribution<float> exponent(-9, -3);
  bool isFirst = true;
  switch (part.numbers) {
  case Numbers::Code:
    return makeDense<uint8_t>(size, [&] {
      return uint8_t(random() & ((1u << getWidth(part.type)) - 1));
    });
  case Numbers::Ternary:
    return makeDense<uint8_t>(
        size, [&] { return uint8_t((int(random() % 3) - 1) & 3); });
  case Numbers::F16:
    return makeDense<uint16_t>(size, [&]() -> uint16_t {
      bool isZero = !isFirst && random() % 17 == 0;
      isFirst = false;
      return isZero ? 0 : (6 + random() % 6) << 10 | random() % 1024;
    });
  case Numbers::F32:
    return makeDense<float>(size, [&] {
      bool isZero = !isFirst && random() % 17 == 0;
      isFirst = false;
      return isZero ? 0.0f : std::exp2(exponent(random));
    });
  case Numbers::OneExponent:
    return makeDense<float>(size, [&] {
      return llvm::bit_cast<float>(0x3f800000u | uint32_t(random() >> 9));
    });
  case Numbers::E8M0:
    return makeDense<uint8_t>(size,
                              [&] { return uint8_t(118 + random() % 7); });
  case Numbers::E4M3:
    return makeDense<uint8_t>(size, [&] { return uint8_t(random() % 127); });
  }
  return {};
}

std::string makeSource(const Case &c) {
  std::mt19937 random(c.m * 10000 + c.n * 100 + c.k);
  std::string operations, resources;
  SmallVector<std::string> names, types;
  int64_t blocks =
      c.format.block == 0 ? 1 : llvm::divideCeil(c.k, c.format.block);
  for (auto [i, part] : llvm::enumerate(c.format.constituents)) {
    int64_t rows = c.n, columns = blocks;
    if (i == 0)
      columns = c.k;
    if (!part.isOfBlock)
      columns = 1;
    if (!part.isOfBlock && !part.isOfRow)
      rows = 1;
    if (c.isTransposed)
      std::swap(rows, columns);
    names.push_back(llvm::formatv("%c{0}", i));
    types.push_back(
        llvm::formatv("tensor<{0}x{1}x{2}>", rows, columns, part.type));
    operations +=
        llvm::formatv("  %c{0} = arith.constant dense_resource<c{0}> : {1}\n",
                      i, types.back());
    resources += llvm::formatv("{0}c{1}: \"0x04000000{2}\"", i == 0 ? "" : ", ",
                               i, makeElements(part, rows * columns, random));
  }
  auto getBlock = [](int64_t size, bool isTransposed) -> std::string {
    std::string text = size == 0 ? "*" : llvm::itostr(size);
    return isTransposed ? "[" + text + ", 1]" : "[1, " + text + "]";
  };
  std::string rows = c.isDynamic ? "?" : llvm::itostr(c.m);
  std::string x = llvm::formatv("tensor<{0}x{1}xf32>", rows, c.k);
  std::string y = llvm::formatv("tensor<{0}x{1}xf32>", rows, c.n);
  std::string a = llvm::formatv(
      "tensor<{0}x{1}xf32, #qfmt.scaled<{2}, block = {3}, scale = f32>>", rows,
      c.k, c.activations, getBlock(c.block, false));
  std::string w = llvm::formatv(
      "tensor<{0}x{1}xf32, {2}>", c.isTransposed ? c.k : c.n,
      c.isTransposed ? c.n : c.k,
      llvm::formatv(c.format.encoding, getBlock(c.format.block, c.isTransposed))
          .str());
  std::string result = "%y";
  std::string epilogue;
  if (c.hasEpilogue) {
    result = "%r";
    epilogue = llvm::formatv("  %r = arith.maximumf %y, %i : {0}\n", y);
  }
  return llvm::formatv(
      "func.func @main(%x: {0}) -> {1} {{\n{2}"
      "  %w = qfmt.assemble {3} : {4} to {5}\n"
      "  %a = qfmt.quantize %x : {0} to {6}\n"
      "  %z = arith.constant 0.0 : f32\n"
      "  %zero = arith.constant 0 : index\n"
      "  %m = tensor.dim %x, %zero : {0}\n"
      "  %e = tensor.empty({7}) : {1}\n"
      "  %i = linalg.fill ins(%z : f32) outs(%e : {1}) -> {1}\n"
      "  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, "
      "affine_map<(m, n, k) -> ({8})>, affine_map<(m, n, k) -> (m, n)>] "
      "ins(%a, %w : {6}, {5}) outs(%i : {1}) -> {1}\n{9}"
      "  return {10} : {1}\n}\n"
      "{{-# dialect_resources: {{ builtin: {{ {11} } } #-}\n",
      x, y, operations, llvm::join(names, ", "), llvm::join(types, ", "), w, a,
      c.isDynamic ? "%m" : "", c.isTransposed ? "k, n" : "n, k", epilogue,
      result, resources);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

class GroupedProducts : public ::testing::Test {
protected:
  GroupedProducts() {
    DialectRegistry registry;
    registerPipelineDialects(registry);
    reference::registerReferenceModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  OwningOpRef<ModuleOp> parse(const Case &c) {
    return parseSourceString<ModuleOp>(makeSource(c), &context);
  }

  OwningOpRef<ModuleOp> factor(const Case &c) {
    OwningOpRef<ModuleOp> module = parse(c);
    PassManager pm(&context);
    buildFactoring(pm);
    if (!module || failed(pm.run(*module)))
      return nullptr;
    return module;
  }

  static std::vector<float>
  evaluate(ModuleOp module, ArrayRef<float> input,
           const reference::EvaluatorOptions &options = {}) {
    ArrayRef<char> bytes(reinterpret_cast<const char *>(input.data()),
                         input.size() * sizeof(float));
    auto results = reference::evaluateBuffers(
        module.lookupSymbol<func::FuncOp>("main"), bytes, options);
    if (failed(results))
      return {};
    std::vector<char> output = results->front().toBytes();
    std::vector<float> values(output.size() / sizeof(float));
    std::memcpy(values.data(), output.data(), output.size());
    return values;
  }

  std::vector<float> makeInput(const Case &c) {
    std::mt19937 random(c.n);
    std::normal_distribution<float> normal;
    std::vector<float> values(c.m * c.k);
    for (float &value : values)
      value = normal(random);
    return values;
  }

  void check(const Case &c, unsigned targets = ~0u, bool checksRewrite = true);
  /// Compiled code alone, with tiles if there are enough rows.
  void checkInTiles(const Case &c, unsigned targets = kAmx) {
    check(c, targets, /*checksRewrite=*/false);
  }
  void checkRewrite(const Case &c, ArrayRef<float> input,
                    ArrayRef<float> after);

  MLIRContext context;
};

/// |before - after| <= ((G + s + 1) + (n + s + 2)) 2^-24 sum |a w|, with s = 4,
/// more than any of the formats has.
void GroupedProducts::checkRewrite(const Case &c, ArrayRef<float> input,
                                   ArrayRef<float> after) {
  std::vector<reference::Tensor> factors;
  reference::EvaluatorOptions options;
  options.probe = [&](Operation *op, ArrayRef<reference::Value> results) {
    if (!isa<AssembleOp, QuantizeOp>(op))
      return;
    FailureOr<reference::Tensor> factor = results.front().readLogical();
    ASSERT_TRUE(succeeded(factor));
    factors.push_back(*factor);
  };
  OwningOpRef<ModuleOp> module = parse(c);
  std::vector<float> before = evaluate(*module, input, options);
  ASSERT_EQ(before.size(), after.size());
  ASSERT_EQ(factors.size(), 2u);
  const reference::Tensor &w = factors[0], &a = factors[1];
  double groups = 1;
  for (int64_t block : {c.block, c.format.block})
    if (block != 0)
      groups = std::max(groups, std::ceil(double(c.k) / block));
  double factor = (groups + double(c.k) + 11) * 0x1p-24;
  for (int64_t m = 0; m < c.m; ++m)
    for (int64_t n = 0; n < c.n; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < c.k; ++k)
        sum += std::abs(a[m * c.k + k].real *
                        w[c.isTransposed ? k * c.n + n : n * c.k + k].real);
      int64_t i = m * c.n + n;
      ASSERT_LE(std::abs(double(before[i]) - double(after[i])), factor * sum)
          << "row " << m << ", column " << n;
    }
}

/// On all targets, or on those whose bit in `targets` is set.
void GroupedProducts::check(const Case &c, unsigned targets,
                            bool checksRewrite) {
  SCOPED_TRACE(getName(c));
  Case known = c;
  known.isDynamic = false;
  OwningOpRef<ModuleOp> reference = factor(known), module = factor(c);
  ASSERT_TRUE(reference && module);
  reference->walk(
      [](linalg::MatmulOp op) { ADD_FAILURE() << "a product was left alone"; });
  std::vector<float> input = makeInput(c);
  std::vector<float> expected = evaluate(*reference, input);
  ASSERT_EQ(int64_t(expected.size()), c.m * c.n);
  if (checksRewrite && !c.hasEpilogue)
    checkRewrite(known, input, expected);
  SmallVector<int64_t> shape = {c.m, c.k};
  ArrayRef bytes(reinterpret_cast<const char *>(expected.data()),
                 expected.size() * sizeof(float));
  for (auto [i, target] : llvm::enumerate(kTargets))
    if ((targets >> i & 1) != 0 && canRun(target)) {
      OwningOpRef<ModuleOp> copy = module->clone();
      checkBytes(
          target, *copy,
          [instructions = target.instructions, &c](OpPassManager &pm) {
            buildLowering(pm, instructions, c.l2Bytes);
          },
          TensorView{input.data(), shape}, bytes);
    }
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

const Format *const kFormats[] = {
    &kInt4,  &kInt4x128, &kInt4x20,        &kOneExponent, &kInt8,  &kInt8Rows,
    &kInt3,  &kInt2,     &kAsymmetric,     &kTernary,     &kMxfp4, &kMxfp6,
    &kNvfp4, &kBitMod,   &kAsymmetricRows, &kScaledScales};

/// Each pair of sizes in each two dimensions, with formats and activations in
/// turn; each on one target, to save time.
TEST_F(GroupedProducts, OddSizes) {
  const int64_t sizes[] = {1, 3, 17, 31, 33, 63, 65, 127};
  for (unsigned i = 0; i < 8; ++i)
    for (unsigned j = 0; j < 8; ++j) {
      const Format &format = *kFormats[(8 * i + j) % std::size(kFormats)];
      int64_t block = (i + j) % 3 == 0 ? format.block : 0;
      check({sizes[i], sizes[j], sizes[(i + j) % 8], format, block},
            1u << (i + 2 * j) % 7);
    }
}

/// Each format on each target; partial groups, and columns of the last block.
TEST_F(GroupedProducts, Formats) {
  for (const Format *format : kFormats) {
    check({7, 40, 150, *format});
    check({1, 80, 256, *format}, 0x50);
  }
}

/// Groups of the first factor, equal to those of the second, parts of them, and
/// alone; codes of fewer bits, and codes with tables.
TEST_F(GroupedProducts, Activations) {
  check({5, 33, 100, kInt4, 32});
  check({5, 33, 300, kInt4x128, 32}, 0x24);
  check({5, 33, 100, kInt8Rows, 16}, 0x24);
  check({5, 33, 20, kTernary, 32}, 0x24);
  check({5, 33, 100, kInt4, 0, "i4"}, 0x24);
  check({5, 33, 100, kMxfp4, 32, "f4E2M1FN"}, 0x64);
}

TEST_F(GroupedProducts, Transposed) {
  check({5, 33, 100, kInt4, 0, "i8", false, true}, 0x24);
  check({3, 20, 64, kNvfp4, 0, "i8", false, true}, 0x24);
}

TEST_F(GroupedProducts, UnknownRows) {
  for (int64_t m : {1, 6, 13})
    check({m, 35, 70, kInt4, m == 6 ? 32 : 0, "i8", true}, 0x24);
}

TEST_F(GroupedProducts, Epilogue) {
  Case c{7, 40, 96, kInt4};
  c.hasEpilogue = true;
  check(c, 0x24);
}

/// Sums in parts, rows in blocks.
TEST_F(GroupedProducts, CacheBlocks) {
  Case c{40, 83, 500, kInt4};
  c.l2Bytes = 4096;
  check(c, 0x24);
}

/// Each pair of numbers of rows and columns, with every number of terms and
/// formats in turn, in tiles, whose last rows, columns and terms are missing.
TEST_F(GroupedProducts, OddSizesInTiles) {
  const int64_t sizes[] = {1, 3, 17, 31, 33, 63, 65, 127};
  uint64_t before = getNumEmulatedProducts();
  for (unsigned i = 0; i < 8; ++i)
    for (unsigned j = 0; j < 8; ++j) {
      const Format &format = *kFormats[(3 * i + j) % std::size(kFormats)];
      int64_t block = (i + j) % 3 == 0 ? format.block : 0;
      checkInTiles({sizes[i], sizes[j], sizes[(i + 3 * j) % 8], format, block});
    }
  if (isAmxEmulated() && canRun(kAmxTiles))
    EXPECT_GT(getNumEmulatedProducts(), before);
}

/// Each format in whole tiles and parts of tiles, as with vpdpbusd and without
/// optimization.
TEST_F(GroupedProducts, FormatsInTiles) {
  for (const Format *format : kFormats) {
    checkInTiles({32, 32, 256, *format});
    checkInTiles({19, 40, 150, *format}, 0x20 | kAmxO0);
  }
}

/// Odd and even numbers of groups in a part, parts of long sums and of groups
/// of several tiles, blocks of rows.
TEST_F(GroupedProducts, PartsInTiles) {
  for (int64_t k : {288, 500, 544, 600})
    checkInTiles({35, 50, k, kInt4});
  for (int64_t k : {300, 1024})
    checkInTiles({64, 33, k, kInt4x128, k == 300 ? 128 : 0});
  checkInTiles({20, 48, 600, kInt8Rows});
  for (const Format *format : {&kNvfp4, &kBitMod}) {
    Case c{70, 35, 560, *format};
    c.l2Bytes = 32768;
    checkInTiles(c);
  }
}

/// What follows, a transposed factor, unknown rows, scales of groups of
/// activations, codes of fewer bits.
TEST_F(GroupedProducts, KindsInTiles) {
  Case c{37, 40, 96, kInt4};
  c.hasEpilogue = true;
  checkInTiles(c);
  checkInTiles({17, 33, 100, kInt4, 0, "i8", false, true});
  checkInTiles({21, 35, 70, kInt4, 32, "i8", true});
  checkInTiles({33, 33, 300, kInt4x128, 32});
  checkInTiles({33, 33, 100, kInt8Rows, 16});
  checkInTiles({17, 33, 100, kMxfp4, 32, "f4E2M1FN"});
}

} // namespace
