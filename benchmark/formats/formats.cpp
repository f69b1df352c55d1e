//===- formats.cpp - Throughput of encoding and decoding ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each format of PlainLoops.h: qfmt.quantize and qfmt.dequantize of 256 x
// 256 f32 (256 KiB, in the second-level cache), with codes of less than a byte
// packed, beside the plain loop and a memcpy of the f32. One thread. GB/s count
// the bytes of f32.
//
// The three take turns, round by round, so that all see the same machine; the
// table has the medians. Before that the outputs of the compiled function and
// of the plain loop are compared, also for inputs with NaNs, infinities, zeros
// and subnormals; a difference is an error.
//
//   qfmt-benchmark-formats [rounds [name of one format]]
//
//===----------------------------------------------------------------------===//

#include "PlainLoops.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/Support/FormatVariadic.h"
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace mlir;
using namespace mlir::qfmt;

namespace {

constexpr size_t kElements = plain::kRows * plain::kColumns;
constexpr double kBytes = kElements * sizeof(float);

/// Bytes that start where a cache line does.
class Buffer {
public:
  explicit Buffer(size_t size)
      : lines(llvm::divideCeil(size, sizeof(Line))), numBytes(size) {}

  size_t size() const { return numBytes; }
  char *data() { return lines.data()->bytes; }
  const char *data() const { return lines.data()->bytes; }

private:
  struct alignas(64) Line {
    char bytes[64];
  };
  std::vector<Line> lines;
  size_t numBytes;
};

/// What one function reads, and what each of the two implementations writes.
class Candidate {
public:
  static std::unique_ptr<Candidate> create(MLIRContext &context,
                                           StringRef source, plain::Loop loop,
                                           std::vector<Buffer> inputs) {
    auto module = parseSourceString<ModuleOp>(source, &context);
    if (!module || failed(packBoundaries(*module)))
      return nullptr;
    CompileOptions options;
    options.lowering = buildCompilePipeline;
    auto compiled = CompiledFunction::compile(*module, options);
    if (failed(compiled))
      return nullptr;
    auto candidate = std::make_unique<Candidate>();
    candidate->function = std::move(*compiled);
    candidate->loop = loop;
    const FunctionSignature &signature = candidate->function->getSignature();
    for (const TensorSpec &output : signature.outputs)
      candidate->outputs.emplace_back(output.getNumBytes());
    for (Buffer &buffer : candidate->outputs)
      candidate->outputPointers.push_back(buffer.data());
    candidate->setInputs(std::move(inputs));
    return candidate;
  }

  void setInputs(std::vector<Buffer> buffers) {
    inputs = std::move(buffers);
    inputPointers.clear();
    views.clear();
    const FunctionSignature &signature = function->getSignature();
    for (auto [buffer, spec] : llvm::zip_equal(inputs, signature.inputs)) {
      inputPointers.push_back(buffer.data());
      views.push_back({buffer.data(), spec.shape});
    }
  }

  SmallVector<TensorResult> runCompiled() { return function->call(views); }
  void runPlain() { loop(inputPointers.data(), outputPointers.data()); }

  const std::vector<Buffer> &getPlainOutputs() const { return outputs; }

  /// Names the first result in which the two differ.
  std::optional<std::string> compare() {
    SmallVector<TensorResult> results = runCompiled();
    runPlain();
    const FunctionSignature &signature = function->getSignature();
    for (auto [result, expected, spec] :
         llvm::zip_equal(results, outputs, signature.outputs)) {
      auto *bytes = static_cast<const char *>(result.data);
      for (size_t i = 0; i < expected.size(); ++i)
        if (bytes[i] != expected.data()[i])
          return llvm::formatv("{0}, byte {1}: {2}, plain {3}", spec.name, i,
                               int(bytes[i]), int(expected.data()[i]));
    }
    return std::nullopt;
  }

private:
  static LogicalResult packBoundaries(ModuleOp module) {
    PackStorageOptions options;
    options.boundaries = true;
    PassManager pm(module.getContext(), ModuleOp::getOperationName());
    pm.addPass(createPackStorage(options));
    return pm.run(module);
  }

  std::unique_ptr<CompiledFunction> function;
  plain::Loop loop;
  std::vector<Buffer> inputs, outputs;
  SmallVector<const void *> inputPointers;
  SmallVector<void *> outputPointers;
  SmallVector<TensorView> views;
};

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

template <typename Fn>
Buffer makeReals(Fn next) {
  Buffer buffer(kElements * sizeof(float));
  for (size_t i = 0; i < kElements; ++i) {
    float real = next(i);
    std::memcpy(buffer.data() + i * sizeof(float), &real, sizeof(float));
  }
  return buffer;
}

Buffer makeNormalReals() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  return makeReals([&](size_t) { return normal(random); });
}

/// Rows of all magnitudes, some with special values, some of zeros.
Buffer makeHardReals() {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  constexpr float kSpecial[] = {std::numeric_limits<float>::quiet_NaN(),
                                std::numeric_limits<float>::infinity(),
                                -std::numeric_limits<float>::infinity(),
                                std::numeric_limits<float>::denorm_min(),
                                0.0f,
                                -0.0f};
  return makeReals([&](size_t i) {
    int row = int(i / plain::kColumns);
    if (row % 16 == 3)
      return i % 2 ? -0.0f : 0.0f;
    if (row % 8 == 1 && random() % 8 == 0)
      return kSpecial[random() % 6];
    // Few bits, so that ties occur.
    if (row % 4 == 2)
      return float(int(random() % 129) - 64) / 8.0f;
    return std::ldexp(normal(random), (row - 128) / 2);
  });
}

//===----------------------------------------------------------------------===//
// Timing
//===----------------------------------------------------------------------===//

double getMedian(std::vector<double> values) {
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// GB/s of f32 in the fastest of the bursts that fit 2 ms: what else runs on
/// the machine interrupts some of them.
template <typename Fn>
double measure(Fn run) {
  using Clock = std::chrono::steady_clock;
  constexpr int kBurst = 4;
  auto start = Clock::now(), last = start;
  double fastest = std::numeric_limits<double>::infinity();
  while (last - start < std::chrono::milliseconds(2)) {
    for (int i = 0; i < kBurst; ++i)
      run();
    auto now = Clock::now();
    fastest =
        std::min(fastest, std::chrono::duration<double>(now - last).count());
    last = now;
  }
  return kBytes * kBurst / fastest * 1e-9;
}

void benchmark(StringRef name, Candidate &candidate, int rounds) {
  Buffer from = makeNormalReals(), to(from.size());
  std::vector<double> copied, compiled, plain;
  for (int round = 0; round < rounds; ++round) {
    copied.push_back(measure([&] {
      std::memcpy(to.data(), from.data(), from.size());
      asm volatile("" : : "r"(to.data()) : "memory");
    }));
    compiled.push_back(measure([&] { candidate.runCompiled(); }));
    plain.push_back(measure([&] { candidate.runPlain(); }));
  }
  double copy = getMedian(copied), mine = getMedian(compiled),
         other = getMedian(plain);
  llvm::outs() << llvm::formatv(
      "{0,-18} {1,8:F1} {2,8:F1} {3,8:F1} {4,9:P0} {5,8:F1}\n", name, copy,
      mine, other, mine / copy, mine / other);
  llvm::outs().flush();
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

constexpr const char *kEncode = R"(
  func.func @main(%x: tensor<{0}x{1}xf32>) -> tensor<{0}x{1}xf32, {2}> {{
    %q = qfmt.quantize %x {3} : tensor<{0}x{1}xf32> to tensor<{0}x{1}xf32, {2}>
    return %q : tensor<{0}x{1}xf32, {2}>
  })";
constexpr const char *kDecode = R"(
  func.func @main(%q: tensor<{0}x{1}xf32, {2}>) -> tensor<{0}x{1}xf32> {{
    %x = qfmt.dequantize %q : tensor<{0}x{1}xf32, {2}> to tensor<{0}x{1}xf32>
    return %x : tensor<{0}x{1}xf32>
  })";

bool check(Candidate &candidate, const std::string &name) {
  std::optional<std::string> difference = candidate.compare();
  if (difference)
    llvm::errs() << "error: " << name << ": " << *difference << "\n";
  return !difference;
}

LogicalResult run(MLIRContext &context, const plain::Format &format,
                  int rounds) {
  auto write = [&](const char *source) {
    return llvm::formatv(source, plain::kRows, plain::kColumns, format.type,
                         format.quantize)
        .str();
  };
  std::string encodeName = (Twine(format.name) + " encode").str();
  std::string decodeName = (Twine(format.name) + " decode").str();
  auto encode = Candidate::create(context, write(kEncode), format.encode,
                                  {makeHardReals()});
  if (!encode || !check(*encode, encodeName))
    return failure();
  auto decode = Candidate::create(context, write(kDecode), format.decode,
                                  encode->getPlainOutputs());
  if (!decode || !check(*decode, decodeName))
    return failure();
  encode->setInputs({makeNormalReals()});
  if (!check(*encode, encodeName))
    return failure();
  decode->setInputs(encode->getPlainOutputs());
  if (!check(*decode, decodeName))
    return failure();
  benchmark(encodeName, *encode, rounds);
  benchmark(decodeName, *decode, rounds);
  return success();
}

} // namespace

int main(int argc, char **argv) {
  int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 15;
#ifdef __GLIBC__
  // Results come in fresh memory; that it is recycled is the caller's business.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
  DialectRegistry registry;
  registerPipelineDialects(registry);
  MLIRContext context(registry);
  llvm::outs() << llvm::formatv("{0,-18} {1,8} {2,8} {3,8} {4,9} {5,8}\n",
                                "GB/s of f32", "memcpy", "qfmt", "plain",
                                "of memcpy", "x plain");
  bool good = true;
  for (size_t i = 0; i < plain::kNumFormats; ++i)
    if (argc <= 2 || StringRef(argv[2]) == plain::kFormats[i].name)
      good &= succeeded(run(context, plain::kFormats[i], rounds));
  return good ? 0 : 1;
}
