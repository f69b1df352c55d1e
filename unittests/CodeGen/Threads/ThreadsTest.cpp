//===- ThreadsTest.cpp - Results do not depend on the number of threads ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions compiled for 1 to 8 threads and called several times give the same
// bytes: products of bytes and of floats, of known and unknown numbers of rows,
// with sums in one part and in several; chains of element-wise operations,
// maxima and sums of rows; sizes that no number of threads divides.
//
//===----------------------------------------------------------------------===//

#include "qfmt/CodeGen/Threads/Threads.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/CodeGen/Threads/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

constexpr int kCalls = 2;

std::string makeBytes(int64_t size, std::mt19937 &random) {
  std::vector<uint8_t> bytes(size);
  for (uint8_t &byte : bytes)
    byte = uint8_t(random());
  return "dense<\"0x" + llvm::toHex(bytes) + "\">";
}

/// Small numbers: sums of products of arbitrary bits would be NaN.
std::string makeFloats(int64_t size, std::mt19937 &random) {
  std::vector<float> numbers(size);
  for (float &number : numbers)
    number = float(int32_t(random())) / (1u << 31);
  return "dense<\"0x" +
         llvm::toHex(ArrayRef(reinterpret_cast<const uint8_t *>(numbers.data()),
                              size * sizeof(float))) +
         "\">";
}

/// One function of one tensor, for each kind of loops.
struct Case {
  std::string source;
  SmallVector<int64_t> shape;
  bool isFloat;
};

/// x (m x k) times a constant (k x n), then requantized for integers.
Case makeProduct(int64_t m, int64_t n, int64_t k, bool isFloat, bool isDynamic,
                 std::mt19937 &random) {
  const char *element = isFloat ? "f32" : "i8";
  const char *sum = isFloat ? "f32" : "i32";
  std::string rows = isDynamic ? "?" : std::to_string(m);
  std::string source = llvm::formatv(
      R"(
func.func @main(%x: tensor<{0}x{2}x{3}>) -> tensor<{0}x{1}x{5}> {{
  %w = arith.constant {6} : tensor<{2}x{1}x{3}>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<{0}x{2}x{3}>
  %zero = arith.constant {7} : {4}
  %e = tensor.empty({8}) : tensor<{0}x{1}x{4}>
  %init = linalg.fill ins(%zero : {4}) outs(%e : tensor<{0}x{1}x{4}>) -> tensor<{0}x{1}x{4}>
  %y = linalg.generic {{indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                                         affine_map<(m, n, k) -> (m, n)>],
                        iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<{0}x{2}x{3}>, tensor<{2}x{1}x{3}>) outs(%init : tensor<{0}x{1}x{4}>) {{
  ^bb0(%a: {3}, %b: {3}, %c: {4}):
)",
      rows, n, k, element, sum, isFloat ? "f32" : "i8",
      isFloat ? makeFloats(n * k, random) : makeBytes(n * k, random),
      isFloat ? "0.0" : "0", isDynamic ? "%m" : "");
  source += isFloat ? R"(
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32)"
                    : R"(
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32)";
  source += llvm::formatv("\n  } -> tensor<{0}x{1}x{2}>\n", rows, n, sum);
  if (isFloat)
    source += llvm::formatv("  return %y : tensor<{0}x{1}xf32>\n}\n", rows, n);
  else
    source += llvm::formatv(
        R"(
  %qe = tensor.empty({2}) : tensor<{0}x{1}xi8>
  %f = arith.constant 1073741827 : i32
  %r = arith.constant 41 : i32
  %q = linalg.generic {{indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>],
                        iterator_types = ["parallel", "parallel"]}
    ins(%y : tensor<{0}x{1}xi32>) outs(%qe : tensor<{0}x{1}xi8>) {{
  ^bb0(%a: i32, %o: i8):
    %s = qfmt.dyadic_scale %a, %f, %r : i32, i32, i32 to i32
    %t = arith.trunci %s : i32 to i8
    linalg.yield %t : i8
  } -> tensor<{0}x{1}xi8>
  return %q : tensor<{0}x{1}xi8>
}
)",
        rows, n, isDynamic ? "%m" : "");
  return {source, {m, k}, isFloat};
}

/// Of each row of a x b x c numbers x: exp(x - max) / sum(exp(x - max)), x * x
/// added. The sum goes through loops over scalars.
Case makeRows(int64_t a, int64_t b, int64_t c) {
  return {llvm::formatv(R"(
#all = affine_map<(i, j, k) -> (i, j, k)>
#row = affine_map<(i, j, k) -> (i, j)>
func.func @main(%x: tensor<{0}x{1}x{2}xf32>) -> tensor<{0}x{1}x{2}xf32> {{
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %re = tensor.empty() : tensor<{0}x{1}xf32>
  %e = tensor.empty() : tensor<{0}x{1}x{2}xf32>
  %lows = linalg.fill ins(%low : f32) outs(%re : tensor<{0}x{1}xf32>) -> tensor<{0}x{1}xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%re : tensor<{0}x{1}xf32>) -> tensor<{0}x{1}xf32>
  %max = linalg.generic {{indexing_maps = [#all, #row], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x : tensor<{0}x{1}x{2}xf32>) outs(%lows : tensor<{0}x{1}xf32>) {{
  ^bb0(%v: f32, %m: f32):
    %s = arith.maximumf %v, %m : f32
    linalg.yield %s : f32
  } -> tensor<{0}x{1}xf32>
  %exp = linalg.generic {{indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%x, %max : tensor<{0}x{1}x{2}xf32>, tensor<{0}x{1}xf32>) outs(%e : tensor<{0}x{1}x{2}xf32>) {{
  ^bb0(%v: f32, %m: f32, %o: f32):
    %d = arith.subf %v, %m : f32
    %s = math.exp %d : f32
    linalg.yield %s : f32
  } -> tensor<{0}x{1}x{2}xf32>
  %sum = linalg.generic {{indexing_maps = [#all, #row], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%exp : tensor<{0}x{1}x{2}xf32>) outs(%zeros : tensor<{0}x{1}xf32>) {{
  ^bb0(%v: f32, %m: f32):
    %s = arith.addf %m, %v : f32
    linalg.yield %s : f32
  } -> tensor<{0}x{1}xf32>
  %y = linalg.generic {{indexing_maps = [#all, #row, #all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%exp, %sum, %x : tensor<{0}x{1}x{2}xf32>, tensor<{0}x{1}xf32>, tensor<{0}x{1}x{2}xf32>)
    outs(%e : tensor<{0}x{1}x{2}xf32>) {{
  ^bb0(%v: f32, %m: f32, %z: f32, %o: f32):
    %d = arith.divf %v, %m : f32
    %q = arith.mulf %z, %z : f32
    %s = arith.addf %d, %q : f32
    linalg.yield %s : f32
  } -> tensor<{0}x{1}x{2}xf32>
  return %y : tensor<{0}x{1}x{2}xf32>
}
)",
                        a, b, c),
          {a, b, c},
          /*isFloat=*/true};
}

/// Of each batch of x (batches x m x k): x times x transposed.
Case makeBatches(int64_t batches, int64_t m, int64_t k) {
  return {llvm::formatv(R"(
func.func @main(%x: tensor<{0}x{1}x{2}xi8>) -> tensor<{0}x{1}x{1}xi32> {{
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<{0}x{1}x{1}xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<{0}x{1}x{1}xi32>) -> tensor<{0}x{1}x{1}xi32>
  %y = linalg.generic {{indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>,
                                         affine_map<(b, m, n, k) -> (b, m, n)>],
                        iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %x : tensor<{0}x{1}x{2}xi8>, tensor<{0}x{1}x{2}xi8>) outs(%init : tensor<{0}x{1}x{1}xi32>) {{
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<{0}x{1}x{1}xi32>
  return %y : tensor<{0}x{1}x{1}xi32>
}
)",
                        batches, m, k),
          {batches, m, k},
          /*isFloat=*/false};
}

/// A window of 3 x 3 over size x size places of `channels` channels, for each
/// of them (depthwise) or for all.
Case makeConvolution(int64_t size, int64_t channels, bool isDepthwise,
                     std::mt19937 &random) {
  std::string weights = llvm::formatv(
      isDepthwise ? "tensor<3x3x{0}xi8>" : "tensor<3x3x{0}x{0}xi8>", channels);
  int64_t count = 9 * channels * (isDepthwise ? 1 : channels);
  return {llvm::formatv(
              R"(
func.func @main(%x: tensor<1x{0}x{0}x{2}xi8>) -> tensor<1x{1}x{1}x{2}xi32> {{
  %w = arith.constant {3} : {4}
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x{1}x{1}x{2}xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<1x{1}x{1}x{2}xi32>) -> tensor<1x{1}x{1}x{2}xi32>
  %y = linalg.{5} ins(%x, %w : tensor<1x{0}x{0}x{2}xi8>, {4}) outs(%init : tensor<1x{1}x{1}x{2}xi32>)
    -> tensor<1x{1}x{1}x{2}xi32>
  return %y : tensor<1x{1}x{1}x{2}xi32>
}
)",
              size, size - 2, channels, makeBytes(count, random), weights,
              isDepthwise ? "depthwise_conv_2d_nhwc_hwc" : "conv_2d_nhwc_hwcf"),
          {1, size, size, channels},
          /*isFloat=*/false};
}

std::vector<char> makeInput(const Case &c, std::mt19937 &random) {
  int64_t size = ShapedType::getNumElements(c.shape);
  if (!c.isFloat) {
    std::vector<char> bytes(size);
    for (char &byte : bytes)
      byte = char(random());
    return bytes;
  }
  std::vector<char> bytes(size * sizeof(float));
  auto *numbers = reinterpret_cast<float *>(bytes.data());
  for (int64_t i = 0; i < size; ++i)
    numbers[i] = float(int32_t(random())) / (1u << 29);
  return bytes;
}

class Threads : public testing::Test {
protected:
  Threads() {
    registerPipelineDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  OwningOpRef<ModuleOp> parse(StringRef source) {
    return parseSourceString<ModuleOp>(source, &context);
  }

  /// The loops of `source` that several threads share, lowered for `threads`.
  int64_t countSharedLoops(StringRef source, int64_t threads) {
    OwningOpRef<ModuleOp> module = parse(source);
    PassManager pm(&context);
    pm.addPass(createSetThreads({threads}));
    buildLowerToLLVMPipeline(pm);
    EXPECT_TRUE(succeeded(pm.run(*module)));
    int64_t count = 0;
    module->walk([&](omp::WsloopOp) { ++count; });
    return count;
  }

  std::unique_ptr<CompiledFunction> compile(StringRef source, int64_t threads) {
    OwningOpRef<ModuleOp> module = parse(source);
    if (!module)
      return nullptr;
    CompileOptions options;
    options.lowering = buildLowerToLLVMPipeline;
    options.threads = threads;
    options.optLevel = 1;
    auto function = CompiledFunction::compile(*module, options);
    return failed(function) ? nullptr : std::move(*function);
  }

  /// With each number of threads what one thread gives.
  void check(const Case &c, ArrayRef<int64_t> numbers) {
    std::vector<char> input = makeInput(c, random);
    TensorView view{input.data(), c.shape};
    auto one = compile(c.source, 1);
    ASSERT_TRUE(one);
    SmallVector<TensorResult> wanted = one->call(view);
    size_t size = ShapedType::getNumElements(wanted[0].shape) *
                  one->getSignature().outputs[0].element.getBytes();
    for (int64_t threads : numbers) {
      auto function = compile(c.source, threads);
      ASSERT_TRUE(function);
      for (int i = 0; i < kCalls; ++i) {
        SmallVector<TensorResult> found = function->call(view);
        ASSERT_EQ(found[0].shape, wanted[0].shape);
        ASSERT_EQ(std::memcmp(found[0].data, wanted[0].data, size), 0)
            << threads << " threads, " << c.shape.front() << " rows";
      }
    }
  }

  DialectRegistry registry;
  MLIRContext context;
  std::mt19937 random{1};
};

constexpr int64_t kSome[] = {2, 3, 8};

#ifdef QFMT_HAVE_OPENMP

TEST_F(Threads, IntegerProducts) {
  // Rows are divided, columns, both; the last tile is smaller in either
  // dimension; with 9000 terms sums are taken in parts.
  const int64_t sizes[][3] = {{128, 64, 256}, {1, 2000, 300},  {65, 127, 513},
                              {300, 17, 300}, {7, 1030, 9000}, {301, 33, 511},
                              {23, 321, 203}};
  for (const auto &[m, n, k] : sizes)
    check(makeProduct(m, n, k, /*isFloat=*/false, /*isDynamic=*/false, random),
          kSome);
}

TEST_F(Threads, UnknownNumbersOfRows) {
  for (int64_t m : {1, 6, 131}) {
    check(
        makeProduct(m, 515, 400, /*isFloat=*/false, /*isDynamic=*/true, random),
        kSome);
    // Fewer panels than threads: rows are divided, too.
    check(
        makeProduct(m, 70, 2000, /*isFloat=*/false, /*isDynamic=*/true, random),
        {8});
  }
  check(
      makeProduct(13, 130, 9000, /*isFloat=*/false, /*isDynamic=*/true, random),
      {4});
}

TEST_F(Threads, FloatProducts) {
  const int64_t sizes[][3] = {
      {128, 64, 96}, {1, 2000, 100}, {65, 127, 257}, {301, 17, 99}};
  for (const auto &[m, n, k] : sizes)
    check(makeProduct(m, n, k, /*isFloat=*/true, /*isDynamic=*/false, random),
          kSome);
  check(makeProduct(37, 515, 111, /*isFloat=*/true, /*isDynamic=*/true, random),
        kSome);
}

TEST_F(Threads, Batches) {
  check(makeBatches(12, 64, 64), kSome);
  check(makeBatches(7, 77, 33), kSome);
}

TEST_F(Threads, Convolutions) {
  check(makeConvolution(23, 40, /*isDepthwise=*/false, random), kSome);
  check(makeConvolution(35, 200, /*isDepthwise=*/true, random), kSome);
}

TEST_F(Threads, Rows) {
  for (auto [a, b, c] : {std::tuple<int64_t, int64_t, int64_t>{12, 128, 128},
                         {1, 1001, 67},
                         {3, 101, 513},
                         {7, 1, 20001}})
    check(makeRows(a, b, c), kSome);
}

#endif

TEST_F(Threads, AreUsedWhereThereIsWork) {
  Case small = makeProduct(4, 16, 32, false, false, random);
  Case large = makeProduct(128, 256, 512, false, false, random);
  Case rows = makeRows(12, 128, 128);
  EXPECT_EQ(countSharedLoops(small.source, 8), 0);
  EXPECT_EQ(countSharedLoops(large.source, 2), 1);
  // The exponentials, the sums, what follows; the maxima are little work.
  EXPECT_GE(countSharedLoops(rows.source, 2), 3);
  EXPECT_EQ(countSharedLoops(large.source, 1), 0);
  EXPECT_EQ(countSharedLoops(rows.source, 1), 0);
}

TEST_F(Threads, OneThreadNeedsNoRuntime) {
  OwningOpRef<ModuleOp> module =
      parse(makeProduct(128, 256, 512, false, false, random).source);
  CompileOptions options;
  options.lowering = buildLowerToLLVMPipeline;
  options.openMPLibrary = "/nonexistent.so";
  for (int64_t threads : {0, 1}) {
    options.threads = threads;
    FailureOr<LLVMProgram> program = generateLLVMIR(*module, options);
    ASSERT_TRUE(succeeded(program));
    for (const llvm::Function &function : *program->module)
      EXPECT_FALSE(function.getName().starts_with("__kmpc") ||
                   function.getName().starts_with("omp_"))
          << function.getName().str();
    EXPECT_TRUE(succeeded(CompiledFunction::compile(*module, options)));
  }
}

TEST_F(Threads, WrongNumbersAreErrors) {
  OwningOpRef<ModuleOp> module =
      parse(makeProduct(4, 16, 32, false, false, random).source);
  CompileOptions options;
  options.lowering = buildLowerToLLVMPipeline;
  for (int64_t threads : {int64_t(-1), kMaxThreads + 1}) {
    options.threads = threads;
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      message = diagnostic.str();
      return success();
    });
    EXPECT_TRUE(failed(generateLLVMIR(*module, options)));
    EXPECT_EQ(message, "code is for 1 to 1024 threads, found " +
                           std::to_string(threads));
  }
}

} // namespace
