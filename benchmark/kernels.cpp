//===- kernels.cpp - Throughput of the emitted code -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products and convolutions in f32 and in i8 (i32 accumulators), each
// compiled from a few lines of MLIR through the pipeline that qfmt-run uses.
// One thread. The column GMAC/s counts multiplications with their additions;
// the rows of one kernel stand together, so that one run compares the two types
// under the same conditions.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/Support/FormatVariadic.h"
#include <benchmark/benchmark.h>
#include <cstring>
#include <random>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// The element types of one variant of a kernel.
struct Types {
  const char *name;
  const char *element;
  const char *accumulator;
  const char *zero;
};

constexpr Types kTypes[] = {{"f32", "f32", "f32", "0.0"},
                            {"i8", "i8", "i32", "0"}};

struct Kernel {
  std::string name;
  double macs;
  /// {0} is the element type, {1} the accumulator's, {2} its zero.
  std::string source;
};

Kernel makeMatmul(int64_t m, int64_t n, int64_t k) {
  std::string x = llvm::formatv("tensor<{0}x{1}x{{0}>", m, k);
  std::string w = llvm::formatv("tensor<{0}x{1}x{{0}>", k, n);
  std::string y = llvm::formatv("tensor<{0}x{1}x{{1}>", m, n);
  return {llvm::formatv("matmul_{0}x{1}x{2}", m, n, k), double(m) * n * k,
          llvm::formatv(R"(
    func.func @main(%x: {0}, %w: {1}) -> {2} {{
      %zero = arith.constant {{2} : {{1}
      %e = tensor.empty() : {2}
      %f = linalg.fill ins(%zero : {{1}) outs(%e : {2}) -> {2}
      %y = linalg.matmul ins(%x, %w : {0}, {1}) outs(%f : {2}) -> {2}
      return %y : {2}
    })",
                        x, w, y)};
}

/// `size` is that of the result; the input comes padded.
Kernel makeConv(int64_t inChannels, int64_t outChannels, int64_t size,
                int64_t window) {
  int64_t padded = size + window - 1;
  std::string x =
      llvm::formatv("tensor<1x{0}x{1}x{1}x{{0}>", inChannels, padded);
  std::string w = llvm::formatv("tensor<{0}x{1}x{2}x{2}x{{0}>", outChannels,
                                inChannels, window);
  std::string y =
      llvm::formatv("tensor<1x{0}x{1}x{1}x{{1}>", outChannels, size);
  return {llvm::formatv("conv{0}x{0}_{1}to{2}_{3}x{3}", window, inChannels,
                        outChannels, size),
          double(inChannels) * outChannels * size * size * window * window,
          llvm::formatv(R"(
    func.func @main(%x: {0}, %w: {1}) -> {2} {{
      %zero = arith.constant {{2} : {{1}
      %e = tensor.empty() : {2}
      %f = linalg.fill ins(%zero : {{1}) outs(%e : {2}) -> {2}
      %y = linalg.conv_2d_nchw_fchw
        ins(%x, %w : {0}, {1}) outs(%f : {2}) -> {2}
      return %y : {2}
    })",
                        x, w, y)};
}

Kernel makeDepthwise(int64_t channels, int64_t size, int64_t window) {
  int64_t padded = size + window - 1;
  std::string x = llvm::formatv("tensor<1x{0}x{1}x{1}x{{0}>", channels, padded);
  std::string w = llvm::formatv("tensor<{0}x{1}x{1}x{{0}>", channels, window);
  std::string y = llvm::formatv("tensor<1x{0}x{1}x{1}x{{1}>", channels, size);
  return {llvm::formatv("depthwise{0}x{0}_{1}_{2}x{2}", window, channels, size),
          double(channels) * size * size * window * window,
          llvm::formatv(R"(
    func.func @main(%x: {0}, %w: {1}) -> {2} {{
      %zero = arith.constant {{2} : {{1}
      %e = tensor.empty() : {2}
      %f = linalg.fill ins(%zero : {{1}) outs(%e : {2}) -> {2}
      %y = linalg.depthwise_conv_2d_nchw_chw
        ins(%x, %w : {0}, {1}) outs(%f : {2}) -> {2}
      return %y : {2}
    })",
                        x, w, y)};
}

/// A compiled kernel with its operands.
class Program {
public:
  static std::shared_ptr<Program>
  create(MLIRContext &context, const Kernel &kernel, const Types &types) {
    std::string source = llvm::formatv(kernel.source.c_str(), types.element,
                                       types.accumulator, types.zero);
    auto module = parseSourceString<ModuleOp>(source, &context);
    if (!module)
      return nullptr;
    CompileOptions options;
    options.lowering = buildLowerToLLVMPipeline;
    auto compiled = CompiledFunction::compile(*module, options);
    if (failed(compiled))
      return nullptr;
    auto program = std::make_shared<Program>();
    program->function = std::move(*compiled);
    std::mt19937 random(1);
    std::uniform_int_distribution<int> codes(-128, 127);
    const FunctionSignature &signature = program->function->getSignature();
    for (const TensorSpec &spec : signature.inputs)
      program->inputs.push_back(fill(spec, [&] { return codes(random); }));
    for (const TensorSpec &spec : signature.outputs)
      program->outputs.push_back(fill(spec, [] { return 0; }));
    return program;
  }

  void run() {
    SmallVector<const void *> in;
    SmallVector<void *> out;
    for (std::vector<char> &buffer : inputs)
      in.push_back(buffer.data());
    for (std::vector<char> &buffer : outputs)
      out.push_back(buffer.data());
    function->call(in, out);
  }

private:
  template <typename Fn>
  static std::vector<char> fill(const TensorSpec &spec, Fn next) {
    std::vector<char> bytes(spec.getNumBytes());
    unsigned size = spec.element.getBytes();
    bool isFloat = spec.element.kind == ElementSpec::Kind::Float;
    for (size_t i = 0; i < bytes.size(); i += size) {
      int64_t integer = next();
      float real = integer / 64.0f;
      std::memcpy(&bytes[i], isFloat ? (const void *)&real : &integer, size);
    }
    return bytes;
  }

  std::unique_ptr<CompiledFunction> function;
  std::vector<std::vector<char>> inputs, outputs;
};

void registerKernel(MLIRContext &context, const Kernel &kernel,
                    const Types &types) {
  benchmark::RegisterBenchmark(
      (kernel.name + "/" + types.name).c_str(),
      [&context, kernel, types](benchmark::State &state) {
        std::shared_ptr<Program> program =
            Program::create(context, kernel, types);
        if (!program)
          return state.SkipWithError("the kernel does not compile");
        for (auto _ : state)
          program->run();
        state.counters["GMAC/s"] = benchmark::Counter(
            kernel.macs * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
      })
      ->Unit(benchmark::kMicrosecond);
}

} // namespace

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  DialectRegistry registry;
  registerPipelineDialects(registry);
  MLIRContext context(registry);
  const Kernel kernels[] = {
      makeMatmul(128, 768, 768), makeMatmul(512, 512, 512),
      makeConv(64, 64, 56, 3),   makeConv(32, 32, 28, 3),
      makeConv(64, 64, 7, 3),    makeConv(64, 128, 28, 1),
      makeDepthwise(64, 28, 3),  makeDepthwise(128, 14, 3)};
  for (const Kernel &kernel : kernels)
    for (const Types &types : kTypes)
      registerKernel(context, kernel, types);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
