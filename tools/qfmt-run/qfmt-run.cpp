//===- qfmt-run.cpp - Runs or compiles a function of a module -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   qfmt-run model.mlir --inputs=a.npy,b.npy --outputs=y.npy
//   qfmt-run model.mlir --engine=reference --inputs=... --outputs=...
//   qfmt-run model.mlir --samples --inputs=images.npy --outputs=logits.npy
//   qfmt-run model.mlir --check-bound --samples --inputs=images.npy
//   qfmt-run model.mlir --emit=object -o model.o
//   qfmt-run model.mlir --gpu=sim --inputs=a.npy,b.npy --outputs=y.npy
//   qfmt-run model.mlir --gpu=cuda --gpu-chip=sm_90a --emit=kernels -o
//   model.ptx
//
// Inputs and outputs are numpy arrays, one for each argument and result; an
// encoded tensor is one array for each of its constituents, in order. Output
// files are written after everything has succeeded.
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "CheckBound.h"
#include "EmitKernels.h"
#include "Engine.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/CodeGen/Threads/Threads.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/Runtime/EmitCode.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SourceMgr.h"
#include <chrono>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Calls the function for every sample and keeps what it returns.
class Runner {
public:
  Runner(const Options &options, const FunctionSignature &signature,
         ArrayRef<NpyArray> inputs, Engine engine)
      : options(options), signature(signature), inputs(inputs),
        engine(std::move(engine)), data(signature.outputs.size()),
        shapes(signature.outputs.size()) {}

  LogicalResult run() {
    int64_t numSamples = getNumSamples(options, inputs);
    for (int64_t i = 0; i < numSamples; ++i) {
      if (failed(runSample(i)))
        return failure();
      if (options.progress)
        reportProgress(i + 1, numSamples);
    }
    return success();
  }

  size_t getNumCalls() const { return milliseconds.size(); }

  double getMedianMilliseconds() {
    if (milliseconds.empty())
      return 0;
    auto middle = milliseconds.begin() + milliseconds.size() / 2;
    std::nth_element(milliseconds.begin(), middle, milliseconds.end());
    return *middle;
  }

  /// One row-major array for each result.
  ArrayRef<std::vector<char>> getData() const { return data; }
  SmallVector<int64_t> getShape(size_t result) const {
    SmallVector<int64_t> shape;
    if (options.samples)
      shape.push_back(inputs.empty() ? 1 : inputs.front().shape.front());
    // Without samples nothing says what a dynamic size would have been.
    bool called = !milliseconds.empty();
    for (int64_t size :
         called ? ArrayRef<int64_t>(shapes[result])
                : ArrayRef<int64_t>(signature.outputs[result].shape))
      shape.push_back(ShapedType::isDynamic(size) ? 0 : size);
    return shape;
  }

private:
  LogicalResult runSample(int64_t index) {
    SmallVector<TensorView> views = getSample(options, inputs, index);
    FailureOr<SmallVector<TensorResult>> results = failure();
    for (unsigned i = 0; i < std::max(1u, options.repeat.getValue()); ++i) {
      auto start = std::chrono::steady_clock::now();
      results = engine(views);
      std::chrono::duration<double, std::milli> time =
          std::chrono::steady_clock::now() - start;
      if (failed(results))
        return failure();
      milliseconds.push_back(time.count());
    }
    return keepResults(index, *results);
  }

  LogicalResult keepResults(int64_t index, ArrayRef<TensorResult> results) {
    for (size_t i = 0; i < results.size(); ++i) {
      if (index == 0)
        shapes[i] = results[i].shape;
      else if (results[i].shape != shapes[i])
        return error(signature.outputs[i].name +
                     " has another shape for sample " + Twine(index) +
                     " than for sample 0");
      const ElementSpec &element = signature.outputs[i].element;
      int64_t count = ShapedType::getNumElements(results[i].shape);
      normalizeElements(element, results[i].data, count);
      auto *bytes = static_cast<const char *>(results[i].data);
      data[i].insert(data[i].end(), bytes, bytes + count * element.getBytes());
    }
    return success();
  }

  /// At most ten lines a second.
  void reportProgress(int64_t done, int64_t total) {
    auto now = std::chrono::steady_clock::now();
    if (done != total && now - lastReport < std::chrono::milliseconds(100))
      return;
    lastReport = now;
    llvm::errs() << "\r" << done << "/" << total << (done == total ? "\n" : "");
  }

  const Options &options;
  const FunctionSignature &signature;
  ArrayRef<NpyArray> inputs;
  Engine engine;
  std::vector<std::vector<char>> data;
  SmallVector<SmallVector<int64_t>> shapes;
  std::vector<double> milliseconds;
  std::chrono::steady_clock::time_point lastReport;
};

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

LogicalResult writeOutputs(const Options &options,
                           const FunctionSignature &signature, Runner &runner) {
  OutputFiles files;
  for (size_t i = 0; i < options.outputs.size(); ++i) {
    const ElementSpec &element = signature.outputs[i].element;
    if (failed(files.write(options.outputs[i], [&](llvm::raw_ostream &os) {
          writeNpy(os, getNpyKind(element), element.getBytes(),
                   runner.getShape(i), runner.getData()[i]);
        })))
      return failure();
  }
  double milliseconds = runner.getMedianMilliseconds();
  if (!options.timeJson.empty() &&
      failed(files.write(options.timeJson, [&](llvm::raw_ostream &os) {
        os << llvm::json::Value(
                  llvm::json::Object{{"calls", int64_t(runner.getNumCalls())},
                                     {"ms_per_call", milliseconds}})
           << "\n";
      })))
    return failure();
  files.keep();
  llvm::outs() << "time per call: " << llvm::format("%.3f", milliseconds)
               << " ms\n";
  return success();
}

/// {"function": "main", "inputs": [{"name": "image", "dtype": "|u1",
/// "shape": [1, 28, 28]}], "outputs": [...]}; an open size is -1. An array of
/// packed codes also has "packed": {"format": "i4", "shape": [4, 5]}.
void printSignature(const FunctionSignature &signature) {
  auto describe = [](ArrayRef<TensorSpec> specs) {
    llvm::json::Array buffers;
    for (const TensorSpec &spec : specs) {
      llvm::json::Array shape;
      for (int64_t size : spec.shape)
        shape.push_back(ShapedType::isDynamic(size) ? -1 : size);
      llvm::json::Object buffer{{"name", spec.key},
                                {"dtype", getNpyDtype(getNpyKind(spec.element),
                                                      spec.element.getBytes())},
                                {"shape", std::move(shape)}};
      if (spec.packed) {
        std::string format;
        llvm::raw_string_ostream(format) << spec.packed.getElementType();
        buffer["packed"] = llvm::json::Object{
            {"format", format},
            {"shape", llvm::json::Array(spec.packed.getShape())}};
      }
      buffers.push_back(std::move(buffer));
    }
    return buffers;
  };
  llvm::outs() << llvm::json::Value(llvm::json::Object{
                      {"function", signature.function},
                      {"inputs", describe(signature.inputs)},
                      {"outputs", describe(signature.outputs)}})
               << "\n";
}

LogicalResult runFunction(ModuleOp module, const Options &options,
                          const GpuLibrary *gpu) {
  auto function = module.lookupSymbol<func::FuncOp>(options.entry);
  if (!function || function.isExternal())
    return error("'" + options.file + "' has no function '" + options.entry +
                 "' with a body; name one with --entry");
  FailureOr<FunctionSignature> signature = FunctionSignature::get(function);
  if (failed(signature))
    return failure();
  if (options.printSignature) {
    printSignature(*signature);
    return success();
  }
  SmallVector<NpyArray> inputs;
  if (failed(readInputs(options, *signature, inputs)))
    return failure();
  if (options.checkBound)
    return checkBound(function, options, inputs);
  if (!options.outputs.empty() &&
      options.outputs.size() != signature->outputs.size())
    return error("'" + signature->function + "' gives " +
                 Twine(signature->outputs.size()) + " arrays, found " +
                 Twine(options.outputs.size()) + " names with --outputs");
  FailureOr<Engine> engine = makeEngine(module, options, gpu);
  if (failed(engine))
    return failure();
  Runner runner(options, *signature, inputs, std::move(*engine));
  if (failed(runner.run()))
    return failure();
  return writeOutputs(options, *signature, runner);
}

LogicalResult emitFunction(ModuleOp module, const Options &options) {
  if (options.emit == Emit::Object && options.output == "-")
    return error("--emit=object needs -o FILE");
  if (options.emit == Emit::Kernels)
    return emitKernels(module, options);
  EmitKind kind = options.emit == Emit::Object     ? EmitKind::Object
                  : options.emit == Emit::Assembly ? EmitKind::Assembly
                                                   : EmitKind::LLVM;
  return emitCode(module, getCompileOptions(options), kind, options.output);
}

LogicalResult verifyGpuOptions(const Options &options) {
  if (options.gpu == Device::Cpu) {
    if (options.emit == Emit::Kernels)
      return error("--emit=kernels needs --gpu=cuda, sim, vulkan or rocm");
    if (options.gpuChip.getNumOccurrences() != 0 ||
        !options.gpuLibrary.empty() || !options.gpuOptions.empty() ||
        options.gpuTier.getNumOccurrences() != 0)
      return error("--gpu-chip, --gpu-tier, --gpu-library and --gpu-options "
                   "are for --gpu: give that too");
    return success();
  }
  if (options.gpuChip.getNumOccurrences() != 0 && options.gpuChip.empty())
    return error("--gpu-chip names a chip, found none: drop it for the usual "
                 "one");
  if (options.engine != EngineKind::JIT || options.checkBound)
    return error("--gpu is for compiled code: drop --engine=reference and "
                 "--check-bound");
  if (options.threads > 1)
    return error("--threads divides loops of this processor, and with --gpu "
                 "there are none: drop one of them");
  if (options.emit != Emit::Kernels && options.gpu == Device::Rocm)
    return error("nothing here runs kernels for AMD's GPUs; --gpu=rocm is for "
                 "--emit=kernels");
  return success();
}

/// What only a function that runs has a use for.
LogicalResult verifyEmitOptions(const Options &options) {
  if (options.emit == Emit::Nothing) {
    if (options.output.getNumOccurrences() != 0)
      return error("-o is for --emit; --outputs names the files of arrays");
    return success();
  }
  if (options.engine != EngineKind::JIT)
    return error("--emit compiles: drop --engine=reference");
  if (!options.inputs.empty() || !options.outputs.empty() || options.samples ||
      options.repeat.getNumOccurrences() != 0 || options.progress ||
      !options.timeJson.empty() || options.printSignature ||
      !options.gpuLibrary.empty() || !options.gpuOptions.empty())
    return error("--emit runs nothing: drop --inputs, --outputs, --samples, "
                 "--repeat, --progress, --time-json, --print-signature, "
                 "--gpu-library and --gpu-options");
  return success();
}

LogicalResult verifyOptions(const Options &options) {
  if (options.optLevel > 3)
    return error("-O takes 0 to 3, found " + Twine(options.optLevel));
  if (options.threads.getNumOccurrences() != 0 &&
      !isNumThreads(options.threads))
    return error("--threads takes 1 to " + Twine(kMaxThreads) + ", found " +
                 Twine(options.threads.value));
  if (options.threads > 1 && options.engine != EngineKind::JIT)
    return error("--threads is for compiled code: the reference evaluator has "
                 "one thread");
  if ((!options.cpu.empty() || !options.features.empty()) &&
      options.engine != EngineKind::JIT)
    return error("--mcpu and --mattr are for compiled code: drop them or "
                 "--engine=reference");
  if (options.repeat == 0)
    return error("--repeat takes a number of at least 1, found 0");
  if (!(options.boundFactor >= 0))
    return error("--bound-factor takes a number of at least 0");
  if (options.emit == Emit::Nothing && !options.triple.empty())
    return error("--mtriple is for --emit: another machine's code cannot run "
                 "here");
  if (!options.versions.empty() && options.emit == Emit::Nothing)
    return error("--versions is for --emit: code that runs here needs one "
                 "version, for this machine");
  if (!options.versions.empty() &&
      (!options.triple.empty() || !options.cpu.empty() ||
       !options.features.empty()))
    return error("--versions names processors itself: drop --mcpu, --mattr and "
                 "--mtriple");
  if (!options.checkBound) {
    if (!options.boundJson.empty() || !options.integerize.empty() ||
        options.boundFactor.getNumOccurrences() != 0)
      return error("--bound-json, --bound-factor and --integerize-options are "
                   "for --check-bound: give that too");
    return success();
  }
  if (options.emit != Emit::Nothing)
    return error("--check-bound runs the function, --emit does not: drop one "
                 "of them");
  if (!options.outputs.empty() || !options.timeJson.empty())
    return error("--check-bound compares and writes no arrays or times; drop "
                 "--outputs and --time-json");
  return success();
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  Options options;
  cl::HideUnrelatedOptions(options.category);
  cl::ParseCommandLineOptions(argc, argv,
                              "qfmt: runs or compiles a function\n");
  if (failed(verifyOptions(options)) || failed(verifyEmitOptions(options)) ||
      failed(verifyGpuOptions(options)))
    return 1;
  GpuLibrary gpu;
  if (options.gpu != Device::Cpu && options.emit == Emit::Nothing &&
      !options.printSignature)
    if (int status = gpu.open(options))
      return status;

  DialectRegistry registry;
  registerPipelineDialects(registry);
  reference::registerReferenceModels(registry);
  MLIRContext context(registry);
  // A network's operations carry histograms and weights: pages of numbers.
  context.printOpOnDiagnostic(false);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(options.file, sources, &context);
  if (!module)
    return 1;
  LogicalResult result = options.emit == Emit::Nothing
                             ? runFunction(*module, options, &gpu)
                             : emitFunction(*module, options);
  return succeeded(result) ? 0 : 1;
}
