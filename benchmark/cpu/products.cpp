//===- products.cpp - Integer matrix products against the machine's limit -===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of bytes with constant weights, with a bias for each column,
// requantized by a dyadic number for each column and clamped to i8, as
// qfmt-integerize makes them; the loop of the instruction that does the work
// beside them; and the same products by oneDNN where it was found (with float
// scales, which is what oneDNN has). One thread.
//
//   qfmt-benchmark-cpu --benchmark_repetitions=12 \
//     --benchmark_enable_random_interleaving=true \
//     --benchmark_out=cpu.json --benchmark_out_format=json
//   benchmark/cpu/table.py cpu.json
//
// The table has medians of the ratios of each repetition, as speeds of a
// machine drift. Rates count the CPU time of the process, not the time that
// passes, which means less on a machine that others use.
//
//===----------------------------------------------------------------------===//

#include "OneDnn.h"
#include "Peak.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/Support/FormatVariadic.h"
#include <benchmark/benchmark.h>
#include <random>
#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace mlir;
using namespace mlir::qfmt;

namespace {

struct Size {
  int64_t m, n, k;

  std::string getName() const { return llvm::formatv("{0}x{1}x{2}", m, n, k); }
};

constexpr Size kSizes[] = {{128, 768, 768},
                           {128, 768, 3072},
                           {512, 4096, 4096},
                           {2048, 2048, 2048},
                           {1, 4096, 4096}};

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

/// {0} x {2} codes times {2} x {1} weights; {3} is extui or extsi.
constexpr const char *kSource = R"(
  func.func @main(%x: tensor<{0}x{2}xi8>) -> tensor<{0}x{1}xi8> {{
    %w = arith.constant dense<1> : tensor<{2}x{1}xi8>
    %bias = arith.constant dense<1> : tensor<{1}xi32>
    %multiplier = arith.constant dense<2> : tensor<{1}xi32>
    %shift = arith.constant dense<3> : tensor<{1}xi32>
    %e = tensor.empty() : tensor<{0}x{1}xi32>
    %init = linalg.broadcast ins(%bias : tensor<{1}xi32>)
      outs(%e : tensor<{0}x{1}xi32>) dimensions = [0]
    %y = linalg.generic {{
        indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                         affine_map<(m, n, k) -> (k, n)>,
                         affine_map<(m, n, k) -> (m, n)>],
        iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<{0}x{2}xi8>, tensor<{2}x{1}xi8>)
      outs(%init : tensor<{0}x{1}xi32>) {{
    ^bb0(%a: i8, %b: i8, %c: i32):
      %a32 = arith.{3} %a : i8 to i32
      %b32 = arith.extsi %b : i8 to i32
      %p = arith.muli %a32, %b32 : i32
      %s = arith.addi %c, %p : i32
      linalg.yield %s : i32
    } -> tensor<{0}x{1}xi32>
    %qe = tensor.empty() : tensor<{0}x{1}xi8>
    %q = linalg.generic {{
        indexing_maps = [affine_map<(m, n) -> (m, n)>,
                         affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (n)>,
                         affine_map<(m, n) -> (m, n)>],
        iterator_types = ["parallel", "parallel"]}
      ins(%y, %multiplier, %shift
          : tensor<{0}x{1}xi32>, tensor<{1}xi32>, tensor<{1}xi32>)
      outs(%qe : tensor<{0}x{1}xi8>) {{
    ^bb0(%a: i32, %f: i32, %r: i32, %o: i8):
      %scaled = qfmt.dyadic_scale %a, %f, %r : i32, i32, i32 to i32
      %low = arith.constant -128 : i32
      %high = arith.constant 127 : i32
      %max = arith.maxsi %scaled, %low : i32
      %min = arith.minsi %max, %high : i32
      %t = arith.trunci %min : i32 to i8
      linalg.yield %t : i8
    } -> tensor<{0}x{1}xi8>
    return %q : tensor<{0}x{1}xi8>
  })";

template <typename T, typename Fn>
DenseElementsAttr makeElements(ShapedType type, Fn next) {
  std::vector<T> values(type.getNumElements());
  for (T &value : values)
    value = next();
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef(reinterpret_cast<const char *>(values.data()),
                     values.size() * sizeof(T)));
}

/// Random numbers instead of what the source names 1, 2 and 3.
void fillConstants(ModuleOp module, std::mt19937 &random) {
  module->walk([&](arith::ConstantOp op) {
    auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
    if (!splat)
      return;
    int64_t kind = splat.getSplatValue<APInt>().getSExtValue();
    auto type = cast<ShapedType>(splat.getType());
    if (type.getElementType().isInteger(8))
      op.setValueAttr(
          makeElements<int8_t>(type, [&] { return int8_t(random()); }));
    else if (kind == 1)
      op.setValueAttr(makeElements<int32_t>(
          type, [&] { return int32_t(random()) / 65536; }));
    else if (kind == 2)
      op.setValueAttr(makeElements<int32_t>(
          type, [&] { return int32_t(random() >> 2 | 1u << 29); }));
    else
      op.setValueAttr(makeElements<int32_t>(
          type, [&] { return int32_t(40 + random() % 4); }));
  });
}

std::unique_ptr<CompiledFunction> compile(MLIRContext &context,
                                          const Size &size, bool isUnsigned,
                                          StringRef cpu) {
  std::mt19937 random(1);
  auto module =
      parseSourceString<ModuleOp>(llvm::formatv(kSource, size.m, size.n, size.k,
                                                isUnsigned ? "extui" : "extsi")
                                      .str(),
                                  &context);
  if (!module)
    return nullptr;
  fillConstants(*module, random);
  CompileOptions options;
  options.lowering = buildLowerToLLVMPipeline;
  options.cpu = cpu.str();
  auto function = CompiledFunction::compile(*module, options);
  return failed(function) ? nullptr : std::move(*function);
}

//===----------------------------------------------------------------------===//
// Benchmarks
//===----------------------------------------------------------------------===//

void setRate(benchmark::State &state, double macs) {
  state.counters["GMAC/s"] = benchmark::Counter(
      macs * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void registerPeak(PeakInstruction instruction, const char *name) {
  if (!hasInstruction(instruction))
    return;
  benchmark::RegisterBenchmark((std::string("peak/") + name).c_str(),
                               [=](benchmark::State &state) {
                                 int64_t count = 0;
                                 for (auto _ : state)
                                   count = runPeak(instruction, 1 << 20);
                                 setRate(state, double(count) *
                                                    getProducts(instruction));
                               })
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMicrosecond);
}

void registerProduct(MLIRContext &context, const Size &size, bool isUnsigned,
                     const char *target, const char *cpu) {
  std::string name = llvm::formatv("qfmt/{0}/{1}/{2}", size.getName(),
                                   isUnsigned ? "u8" : "s8", target);
  // Once for all repetitions.
  auto function = std::make_shared<std::unique_ptr<CompiledFunction>>();
  auto run = [=, &context](benchmark::State &state) {
    if (!*function)
      *function = compile(context, size, isUnsigned, cpu);
    if (!*function)
      return state.SkipWithError("the product does not compile");
    std::vector<char> codes(size.m * size.k, 3);
    std::mt19937 random(2);
    for (char &code : codes)
      code = char(random());
    for (auto _ : state)
      (*function)->call(TensorView{codes.data(), {size.m, size.k}});
    setRate(state, double(size.m) * size.n * size.k);
  };
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMicrosecond);
}

void registerOneDnn(const Size &size, bool isUnsigned) {
  std::string name =
      llvm::formatv("onednn/{0}/{1}", size.getName(), isUnsigned ? "u8" : "s8");
  auto run = [=](benchmark::State &state) {
    std::unique_ptr<OneDnnProduct> product =
        OneDnnProduct::create(size.m, size.n, size.k, isUnsigned);
    if (!product)
      return state.SkipWithError("oneDNN has no such product");
    for (auto _ : state)
      product->run();
    state.SetLabel(product->getImplementation());
    setRate(state, double(size.m) * size.n * size.k);
  };
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMicrosecond);
}

} // namespace

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
#ifdef __GLIBC__
  // Results are allocated anew in each call, oneDNN's once: keep their pages.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
  DialectRegistry registry;
  registerPipelineDialects(registry);
  MLIRContext context(registry);
  registerPeak(PeakInstruction::Vpdpbusd512, "vpdpbusd512");
  registerPeak(PeakInstruction::Vpmaddwd256, "vpmaddwd256");
  for (const Size &size : kSizes)
    for (bool isUnsigned : {true, false}) {
      registerProduct(context, size, isUnsigned, "host", "");
      if (OneDnnProduct::isAvailable())
        registerOneDnn(size, isUnsigned);
    }
  if (hasInstruction(PeakInstruction::Vpmaddwd256))
    for (const Size &size : kSizes)
      registerProduct(context, size, false, "avx2", "haswell");
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
