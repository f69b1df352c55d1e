//===- FloatProductsTest.cpp - Products of real numbers on every target ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled products in f32 against the reference evaluator, bit for bit: odd
// sizes, factors that are variables, constants, and constants in each kind of
// format, decoded where they are used; each kind of vector that this machine
// has. Few rows of constants in formats, whose scales may leave the sums, are
// compared within the bound that the pass states.
//
//===----------------------------------------------------------------------===//

#include "Targets.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Transforms/Passes.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

constexpr Target kTargets[] = {kAvx512, kAvx2, kSse2, kSse2O0, kVbmi};

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

/// A constituent of a weight of N x K.
struct Constituent {
  const char *type;
  enum Shape { Payload, Blocks, Row, One, Groups, Tables } shape;
  /// Columns of a block.
  int64_t block = 0;
};

struct Format {
  const char *name, *encoding;
  std::vector<Constituent> constituents;
};

const Format kFormats[] = {
    {"f32", "", {{"f32", Constituent::Payload}}},
    {"bf16", "", {{"bf16", Constituent::Payload}}},
    {"f16", "", {{"f16", Constituent::Payload}}},
    {"i8 a row",
     "#qfmt.scaled<i8, block = [1, *], scale = f32>",
     {{"i8", Constituent::Payload}, {"f32", Constituent::Row}}},
    {"int4 g32",
     "#qfmt.scaled<i4, block = [1, 32], scale = f16>",
     {{"i4", Constituent::Payload}, {"f16", Constituent::Blocks, 32}}},
    {"uint4 g48",
     "#qfmt.scaled<ui4, block = [1, 48], scale = f16, zero_point = ui4>",
     {{"i4", Constituent::Payload},
      {"f16", Constituent::Blocks, 48},
      {"i4", Constituent::Blocks, 48}}},
    {"int4 g64 q8",
     "#qfmt.scaled<i4, block = [1, 64], scale = #qfmt.scaled<ui8, block = [1, "
     "*], scale = f16>>",
     {{"i4", Constituent::Payload},
      {"i8", Constituent::Blocks, 64},
      {"f16", Constituent::Row}}},
    {"int3 g24",
     "#qfmt.scaled<i3, block = [1, 24], scale = f16>",
     {{"i3", Constituent::Payload}, {"f16", Constituent::Blocks, 24}}},
    {"int2 g16",
     "#qfmt.scaled<i2, block = [1, 16], scale = f16>",
     {{"i2", Constituent::Payload}, {"f16", Constituent::Blocks, 16}}},
    {"ternary",
     "#qfmt.scaled<!qfmt.int<i2, -1, 1>, scale = f16>",
     {{"i2", Constituent::Payload}, {"f16", Constituent::One}}},
    {"nf4",
     "#qfmt.scaled<!qfmt.codebook<[-1.0, -0.6961928009986877, "
     "-0.5250730514526367, -0.39491748809814453, -0.28444138169288635, "
     "-0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, "
     "0.16093020141124725, 0.24611230194568634, 0.33791524171829224, "
     "0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]>, "
     "block = [1, 64], scale = f32>",
     {{"i4", Constituent::Payload}, {"f32", Constituent::Blocks, 64}}},
    {"bitmod4",
     "#qfmt.select<[!qfmt.float<2, 1, negative_zero = 5.0>, !qfmt.float<2, 1, "
     "negative_zero = -5.0>, !qfmt.float<2, 1, negative_zero = 8.0>, "
     "!qfmt.float<2, 1, negative_zero = -8.0>], block = [1, 32], scale = "
     "#qfmt.scaled<ui8, block = [1, *], scale = f16>>",
     {{"i4", Constituent::Payload},
      {"i8", Constituent::Blocks, 32},
      {"f16", Constituent::Row},
      {"i2", Constituent::Blocks, 32}}},
    {"mxfp4",
     "#qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>",
     {{"f4E2M1FN", Constituent::Payload},
      {"f8E8M0FNU", Constituent::Blocks, 32}}},
    {"mxfp6",
     "#qfmt.scaled<f6E3M2FN, block = [1, 32], scale = f8E8M0FNU>",
     {{"f6E3M2FN", Constituent::Payload},
      {"f8E8M0FNU", Constituent::Blocks, 32}}},
    {"mxfp8",
     "#qfmt.scaled<f8E4M3FN, block = [1, 32], scale = f8E8M0FNU>",
     {{"f8E4M3FN", Constituent::Payload},
      {"f8E8M0FNU", Constituent::Blocks, 32}}},
    {"mxfp8 e5m2",
     "#qfmt.scaled<f8E5M2, block = [1, 32], scale = f8E8M0FNU>",
     {{"f8E5M2", Constituent::Payload},
      {"f8E8M0FNU", Constituent::Blocks, 32}}},
    {"fp8", "#qfmt.scaled<f8E4M3FN>", {{"f8E4M3FN", Constituent::Payload}}},
    {"int6 g24",
     "#qfmt.scaled<i6, block = [1, 24], scale = f16>",
     {{"i6", Constituent::Payload}, {"f16", Constituent::Blocks, 24}}},
    {"nvfp4",
     "#qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, "
     "scale = f32>>",
     {{"f4E2M1FN", Constituent::Payload},
      {"f8E4M3FN", Constituent::Blocks, 16},
      {"f32", Constituent::One}}},
    {"aqlm 2x8",
     "#qfmt.additive<codebooks = 2, bits = 8, group = [1, 8], table = f16, "
     "block = [1, *], scale = f16>",
     {{"i8", Constituent::Groups},
      {"f16", Constituent::Row},
      {"f16", Constituent::Tables}}},
};

const Format &getFormat(StringRef name) {
  return *llvm::find_if(kFormats,
                        [&](const Format &f) { return f.name == name; });
}

SmallVector<int64_t> getShape(const Constituent &c, int64_t n, int64_t k) {
  switch (c.shape) {
  case Constituent::Payload:
    return {n, k};
  case Constituent::Blocks:
    return {n, int64_t(llvm::divideCeil(k, c.block))};
  case Constituent::Row:
    return {n, 1};
  case Constituent::One:
    return {1, 1};
  case Constituent::Groups:
    return {n, k / 8, 2};
  case Constituent::Tables:
    return {2, 256, 1, 8};
  }
  return {};
}

/// Bits of an element: finite numbers, scales among them of a similar size.
uint32_t makeElement(StringRef type, std::mt19937 &random) {
  uint32_t bits = random();
  if (type == "f32")
    return (bits & 0x81ffffff) | 0x3e000000;
  if (type == "f16")
    return (bits & 0x87ff) | 0x3000;
  if (type == "bf16")
    return (bits & 0x81ff) | 0x3e00;
  if (type == "f8E8M0FNU")
    return 120 + bits % 12;
  if (type == "f8E4M3FN")
    return (bits & 0x7f) == 0x7f ? bits & 0xf7 : bits & 0xff;
  if (type == "f8E5M2")
    return bits & 0xfb;
  unsigned width = 0;
  type.drop_front().consumeInteger(10, width);
  return bits & llvm::maskTrailingOnes<uint32_t>(width);
}

int64_t getBytes(StringRef type) {
  return type == "f32" ? 4 : type == "f16" || type == "bf16" ? 2 : 1;
}

std::string makeDense(int64_t size, StringRef type, std::mt19937 &random) {
  std::string bytes;
  for (int64_t i = 0; i < size; ++i) {
    uint32_t bits = makeElement(type, random);
    for (int64_t byte = 0; byte < getBytes(type); ++byte)
      bytes.push_back(char(bits >> (8 * byte)));
  }
  return "dense<\"0x" + llvm::toHex(bytes) + "\">";
}

std::string makeType(ArrayRef<int64_t> shape, StringRef element) {
  std::string type = "tensor<";
  for (int64_t size : shape)
    type += (ShapedType::isDynamic(size) ? "?" : llvm::itostr(size)) + "x";
  return type + element.str() + ">";
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

enum class Init { Zero, Bias, Argument };

/// More rows than that are added up in the order of their terms.
constexpr int64_t kMaxReorderedRows = 6;

struct Case {
  int64_t m, n, k;
  const Format *format = nullptr;
  Init init = Init::Zero;
  bool hasEpilogue = false;
  bool isDynamic = false;
  /// The right factor is a variable, of this type, if there is no format.
  const char *lhsType = "f32", *rhsType = "f32";
  bool isRhsTransposed = true;
  bool isLhsTransposed = false;
  int64_t batches = 0;
  /// 0 for what the target has.
  int64_t l2Bytes = 0;

  /// True if scales may be taken out of sums.
  bool isReordered() const {
    return format && *format->encoding && m <= kMaxReorderedRows;
  }
};

std::string getName(const Case &c) {
  return llvm::formatv("{0}x{1}x{2} {3} {4} {5} init {6}{7}{8} batches {9}",
                       c.m, c.n, c.k, c.format ? c.format->name : "variable",
                       c.lhsType, c.rhsType, int(c.init),
                       c.hasEpilogue ? " epilogue" : "",
                       c.isDynamic ? " dynamic" : "", c.batches);
}

SmallVector<int64_t> makeShape(const Case &c, int64_t rows, int64_t columns) {
  SmallVector<int64_t> shape = {rows, columns};
  if (c.batches != 0)
    shape.insert(shape.begin(), c.batches);
  return shape;
}

SmallVector<int64_t> getLhsShape(const Case &c) {
  return c.isLhsTransposed ? makeShape(c, c.k, c.m) : makeShape(c, c.m, c.k);
}
SmallVector<int64_t> getRhsShape(const Case &c) {
  return c.isRhsTransposed ? makeShape(c, c.n, c.k) : makeShape(c, c.k, c.n);
}

/// The weight %w and what it is made of; its type.
std::string makeWeight(raw_ostream &os, const Case &c, std::mt19937 &random) {
  SmallVector<std::string> names, types;
  for (auto [i, constituent] : llvm::enumerate(c.format->constituents)) {
    SmallVector<int64_t> shape = getShape(constituent, c.n, c.k);
    types.push_back(makeType(shape, constituent.type));
    names.push_back(llvm::formatv("%c{0}", i));
    os << llvm::formatv(
        "  {0} = arith.constant {1} : {2}\n", names.back(),
        makeDense(ShapedType::getNumElements(shape), constituent.type, random),
        types.back());
  }
  if (!*c.format->encoding) {
    os << llvm::formatv("  %w = arith.bitcast %c0 : {0} to {0}\n", types[0]);
    return types[0];
  }
  std::string type =
      llvm::formatv("tensor<{0}x{1}xf32, {2}>", c.n, c.k, c.format->encoding);
  os << llvm::formatv("  %w = qfmt.assemble {0} : {1} to {2}\n",
                      llvm::join(names, ", "), llvm::join(types, ", "), type);
  return type;
}

std::string makeSource(const Case &c, std::mt19937 &random) {
  int64_t m = c.isDynamic ? ShapedType::kDynamic : c.m;
  Case sized = c;
  sized.m = m;
  std::string x = makeType(getLhsShape(sized), c.lhsType);
  std::string y = makeType(makeShape(c, m, c.n), "f32");
  std::string row = makeType({c.n}, "f32");
  std::string w = makeType(getRhsShape(c), c.rhsType);
  std::string source, weight;
  llvm::raw_string_ostream os(source);
  if (c.format)
    w = makeWeight(os, c, random);
  weight = std::move(source);
  source.clear();
  os << "func.func @main(%x: " << x;
  if (!c.format)
    os << ", %w: " << w;
  if (c.init == Init::Argument)
    os << ", %init: " << y;
  os << ") -> " << y << " {\n" << weight;
  std::string size = c.isDynamic ? "(%m)" : "()";
  os << llvm::formatv("  %i = arith.constant {0} : index\n"
                      "  %z = arith.constant 0.0 : f32\n"
                      "  %m = tensor.dim %x, %i : {1}\n"
                      "  %e = tensor.empty{2} : {3}\n"
                      "  %bias = arith.constant {4} : {5}\n",
                      c.isLhsTransposed ? 1 : 0, x, size, y,
                      makeDense(c.n, "f32", random), row);
  if (c.init == Init::Zero)
    os << llvm::formatv("  %init = linalg.fill ins(%z : f32) outs(%e : {0}) "
                        "-> {0}\n",
                        y);
  if (c.init == Init::Bias)
    os << llvm::formatv("  %init = linalg.broadcast ins(%bias : {0}) outs(%e : "
                        "{1}) dimensions = [{2}]\n",
                        row, y, c.batches != 0 ? "0, 1" : "0");
  std::string loops = c.batches != 0 ? "b, m, n, k" : "m, n, k";
  std::string batch = c.batches != 0 ? "b, " : "";
  os << llvm::formatv(
      "  %y = linalg.{7}matmul indexing_maps = ["
      "affine_map<({0}) -> ({1}{2})>, affine_map<({0}) -> ({1}{3})>, "
      "affine_map<({0}) -> ({1}m, n)>] ins(%x, %w : {4}, {5}) outs(%init : "
      "{6}) -> {6}\n",
      loops, batch, c.isLhsTransposed ? "k, m" : "m, k",
      c.isRhsTransposed ? "n, k" : "k, n", x, w, y,
      c.batches != 0 ? "batch_" : "");
  if (!c.hasEpilogue) {
    os << llvm::formatv("  return %y : {0}\n}\n", y);
    return source;
  }
  os << llvm::formatv(
      "  %f = tensor.empty{0} : {1}\n"
      "  %q = linalg.generic {{indexing_maps = [affine_map<(m, n) -> (m, n)>, "
      "affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], "
      "iterator_types = [\"parallel\", \"parallel\"]} ins(%y, %bias : {1}, "
      "{2}) outs(%f : {1}) {{\n"
      "  ^bb0(%a: f32, %b: f32, %o: f32):\n"
      "    %s = arith.addf %a, %b : f32\n"
      "    %r = arith.maximumf %s, %z : f32\n"
      "    linalg.yield %r : f32\n  } -> {1}\n  return %q : {1}\n}\n",
      size, y, row);
  return source;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// What compiles, with a cache of another size where all is f32 already.
void buildLowering(OpPassManager &pm, int64_t l2Bytes) {
  if (l2Bytes != 0) {
    pm.addPass(createLinalgGeneralizeNamedOpsPass());
    pm.addPass(createCanonicalizerPass());
    FloatProductsToVectorsOptions options;
    options.l2Bytes = l2Bytes;
    pm.addPass(createFloatProductsToVectors(options));
  }
  buildCompilePipeline(pm);
}

class FloatProducts : public ::testing::Test {
protected:
  FloatProducts() {
    DialectRegistry registry;
    registerPipelineDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The same numbers whether the number of rows is known or not.
  OwningOpRef<ModuleOp> parse(const Case &c) {
    std::mt19937 random(c.m * 10000 + c.n * 100 + c.k);
    return parseSourceString<ModuleOp>(makeSource(c, random), &context);
  }

  std::vector<char> makeBytes(ArrayRef<int64_t> shape, StringRef type,
                              unsigned seed) {
    std::mt19937 random(seed);
    std::vector<char> bytes;
    for (int64_t i = 0, e = ShapedType::getNumElements(shape); i < e; ++i) {
      uint32_t bits = makeElement(type, random);
      for (int64_t byte = 0; byte < getBytes(type); ++byte)
        bytes.push_back(char(bits >> (8 * byte)));
    }
    return bytes;
  }

  using Buffers = std::vector<std::vector<char>>;

  FailureOr<SmallVector<reference::Tensor>> evaluate(ModuleOp module,
                                                     const Buffers &inputs) {
    return reference::evaluateBuffers(
        module.lookupSymbol<func::FuncOp>("main"),
        SmallVector<ArrayRef<char>>(inputs.begin(), inputs.end()));
  }

  static std::vector<float> getFloats(const reference::Tensor &tensor) {
    std::vector<char> bytes = tensor.toBytes();
    std::vector<float> numbers(tensor.getNumElements());
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
  }

  /// The magnitudes of all terms of a decomposed module's product, initial
  /// values among them, added up.
  std::vector<double> addMagnitudes(ModuleOp module, const Buffers &inputs) {
    OwningOpRef<ModuleOp> copy(module.clone());
    linalg::LinalgOp product;
    copy->walk([&](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() != 0)
        product = op;
    });
    OpBuilder b(product);
    for (OpOperand &operand : product->getOpOperands())
      operand.set(
          math::AbsFOp::create(b, product.getLoc(), operand.get()).getResult());
    auto function = copy->lookupSymbol<func::FuncOp>("main");
    function.getBody().front().getTerminator()->setOperand(
        0, product->getResult(0));
    auto sums = evaluate(*copy, inputs);
    EXPECT_TRUE(succeeded(sums));
    if (failed(sums))
      return {};
    std::vector<float> magnitudes = getFloats(sums->front());
    return {magnitudes.begin(), magnitudes.end()};
  }

  /// On all targets, or on those whose bit in `targets` is set.
  void check(const Case &c, unsigned targets = ~0u) {
    SCOPED_TRACE(getName(c));
    Case known = c;
    known.isDynamic = false;
    OwningOpRef<ModuleOp> reference = parse(known), module = parse(c);
    ASSERT_TRUE(reference && module);
    PassManager pm(&context);
    pm.addPass(createDecompose());
    ASSERT_TRUE(succeeded(pm.run(*reference)));
    SmallVector<SmallVector<int64_t>> shapes = {getLhsShape(c)};
    Buffers inputs = {makeBytes(shapes[0], c.lhsType, 1)};
    if (!c.format) {
      shapes.push_back(getRhsShape(c));
      inputs.push_back(makeBytes(shapes.back(), c.rhsType, 2));
    }
    if (c.init == Init::Argument) {
      shapes.push_back(makeShape(c, c.m, c.n));
      inputs.push_back(makeBytes(shapes.back(), "f32", 3));
    }
    auto expected = evaluate(*reference, inputs);
    ASSERT_TRUE(succeeded(expected));
    std::vector<double> bounds;
    if (c.isReordered()) {
      // Groups of 16 terms at least; what follows adds a bias of less than 1.
      bounds = addMagnitudes(*reference, inputs);
      for (double &bound : bounds)
        bound = std::ldexp((2 * c.k + c.k / 16 + 5) * (bound + 1), -24);
    }
    for (auto [i, target] : llvm::enumerate(kTargets))
      if ((targets >> i & 1) != 0 && canRun(target))
        checkTarget(*module, target, c.l2Bytes, inputs, shapes,
                    expected->front(), bounds);
  }

  void checkTarget(ModuleOp module, const Target &target, int64_t l2Bytes,
                   ArrayRef<std::vector<char>> inputs,
                   ArrayRef<SmallVector<int64_t>> shapes,
                   const reference::Tensor &expected, ArrayRef<double> bounds) {
    SCOPED_TRACE(target.name);
    auto function = compileFor(
        target, module, [&](OpPassManager &pm) { buildLowering(pm, l2Bytes); });
    ASSERT_TRUE(succeeded(function));
    SmallVector<TensorResult> results =
        (*function)->call(makeViews(inputs, shapes));
    std::vector<char> bytes = expected.toBytes();
    std::vector<float> numbers = getFloats(expected);
    for (auto [i, bound] : llvm::enumerate(bounds)) {
      float found = static_cast<const float *>(results[0].data)[i];
      ASSERT_LE(std::abs(found - numbers[i]), bound) << i;
    }
    if (!bounds.empty())
      return;
    ASSERT_EQ(std::memcmp(results[0].data, bytes.data(), bytes.size()), 0);
  }

  MLIRContext context;
};

const int64_t kSizes[] = {1, 3, 17, 31, 33, 63, 65, 127};

/// Each size in each dimension, in each format; each on one target, to save
/// time.
TEST_F(FloatProducts, Formats) {
  for (auto [f, format] : llvm::enumerate(kFormats))
    for (unsigned i = 0; i < 8; ++i) {
      Case c{kSizes[i], kSizes[(3 * i + f) % 8],
             kSizes[(5 * i + 2 * f + 1) % 8], &format};
      if (StringRef(format.name).starts_with("aqlm"))
        c.k = llvm::alignTo(c.k, 8);
      c.init = Init((i + f) % 3);
      c.hasEpilogue = i % 2 != 0;
      check(c, 1u << (i + f) % 4);
    }
}

/// Whole registers, words and blocks, where nothing is masked, on all targets.
TEST_F(FloatProducts, RoundSizes) {
  for (const Format &format : kFormats) {
    check({1, 64, 192, &format});
    check({13, 32, 96, &format, Init::Bias, /*hasEpilogue=*/true}, 3);
  }
}

/// Numbers of 6 to 8 bits, looked up byte by byte.
TEST_F(FloatProducts, BytePlanes) {
  const char *const names[] = {"mxfp6", "mxfp8", "mxfp8 e5m2", "fp8",
                               "int6 g24"};
  for (auto [f, name] : llvm::enumerate(names))
    for (unsigned i = 0; i < 8; ++i)
      check({kSizes[(i + f) % 8], kSizes[(3 * i + f) % 8],
             kSizes[(5 * i + 2 * f + 1) % 8], &getFormat(name), Init(i % 3)},
            1u << 4);
}

/// Many more columns than entries of the tables, whose products are looked up.
TEST_F(FloatProducts, Tables) {
  const Format &format = getFormat("aqlm 2x8");
  check({1, 1024, 64, &format});
  check({3, 1100, 8, &format, Init::Argument});
  check({6, 1091, 72, &format, Init::Bias, /*hasEpilogue=*/true});
  Case narrow{1, 1030, 16, &format};
  narrow.lhsType = "bf16";
  check(narrow);
}

TEST_F(FloatProducts, UnknownRows) {
  for (const char *format : {"f32", "int4 g32", "nf4", "mxfp8"})
    for (int64_t m : {1, 6, 20})
      check({m, 35, 66, &getFormat(format), Init(m % 3), m % 2 == 0, true}, 1);
}

TEST_F(FloatProducts, Variables) {
  for (unsigned i = 0; i < 8; ++i)
    for (unsigned orientation = 0; orientation < 4; ++orientation) {
      Case c{kSizes[i], kSizes[(i + 3 * orientation + 2) % 8],
             kSizes[(3 * i + orientation + 1) % 8]};
      c.isRhsTransposed = (orientation & 1) != 0;
      c.isLhsTransposed = (orientation & 2) != 0;
      c.init = Init((i + orientation) % 3);
      check(c, 1u << (i + orientation) % 4);
    }
}

TEST_F(FloatProducts, NarrowVariables) {
  for (const char *type : {"f16", "bf16"})
    for (bool isTransposed : {false, true}) {
      Case c{7, 33, 35};
      c.lhsType = c.rhsType = type;
      c.isRhsTransposed = isTransposed;
      check(c, 3);
    }
}

TEST_F(FloatProducts, Batches) {
  for (Init init : {Init::Zero, Init::Bias, Init::Argument})
    for (bool isTransposed : {false, true}) {
      Case c{9, 19, 21};
      c.batches = 3;
      c.init = init;
      c.isRhsTransposed = isTransposed;
      check(c, 3);
    }
}

/// Rows that do not fit the level-2 cache together, and sums in parts: a cache
/// of 16 KiB gives them 64 terms.
TEST_F(FloatProducts, CacheBlocks) {
  for (int64_t k : {127, 128, 131})
    for (bool isTransposed : {false, true})
      for (bool isDynamic : {false, true}) {
        Case c{50, 83, k};
        c.init = isDynamic ? Init::Bias : Init::Zero;
        c.hasEpilogue = isTransposed;
        c.isDynamic = isDynamic;
        c.isRhsTransposed = isTransposed;
        c.l2Bytes = 16384;
        check(c, 1u << k % 4);
      }
}

} // namespace
