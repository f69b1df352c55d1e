//===- qfmt-run.cpp - Runs or compiles a function of a module -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   qfmt-run model.mlir --inputs=a.npy,b.npy --outputs=y.npy
//   qfmt-run model.mlir --engine=reference --inputs=... --outputs=...
//   qfmt-run model.mlir --samples --inputs=images.npy --outputs=logits.npy
//   qfmt-run model.mlir --emit=object -o model.o
//
// Inputs and outputs are numpy arrays, one for each argument and result; an
// encoded tensor is one array for each of its constituents, in order. Output
// files are written after everything has succeeded.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "qfmt/Runtime/EmitCode.h"
#include "qfmt/Runtime/Npy.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"
#include <chrono>

using namespace mlir;
using namespace mlir::qfmt;
namespace cl = llvm::cl;

namespace {

enum class EngineKind { JIT, Reference };
enum class Emit { Nothing, LLVM, Assembly, Object };

cl::OptionCategory category("qfmt-run options");

struct Options {
  cl::opt<std::string> file{cl::Positional, cl::desc("<module>"), cl::Required,
                            cl::cat(category)};
  cl::opt<std::string> entry{"entry", cl::desc("the function to run"),
                             cl::init("main"), cl::cat(category)};
  cl::list<std::string> inputs{
      "inputs", cl::CommaSeparated, cl::value_desc("a.npy,b.npy,..."),
      cl::desc("one array for each argument"), cl::cat(category)};
  cl::list<std::string> outputs{
      "outputs", cl::CommaSeparated, cl::value_desc("x.npy,y.npy,..."),
      cl::desc("one file for each result"), cl::cat(category)};
  cl::opt<bool> samples{"samples",
                        cl::desc("every array has one more axis in front; the "
                                 "function is called once for each index"),
                        cl::cat(category)};
  cl::opt<EngineKind> engine{
      "engine", cl::desc("what executes the function"),
      cl::init(EngineKind::JIT),
      cl::values(clEnumValN(EngineKind::JIT, "jit", "compiled code"),
                 clEnumValN(EngineKind::Reference, "reference",
                            "the reference evaluator")),
      cl::cat(category)};
  cl::opt<bool> printSignature{
      "print-signature",
      cl::desc("print the names, numpy types and shapes of the function's "
               "arrays as JSON, and do nothing else"),
      cl::cat(category)};
  cl::opt<unsigned> repeat{"repeat", cl::desc("calls of each input"),
                           cl::init(1), cl::cat(category)};
  cl::opt<bool> progress{"progress", cl::desc("report progress on stderr"),
                         cl::cat(category)};
  cl::opt<std::string> timeJson{
      "time-json", cl::value_desc("file"),
      cl::desc("write the number of calls and the time of one"),
      cl::cat(category)};
  cl::opt<Emit> emit{
      "emit", cl::desc("write code instead of running"),
      cl::init(Emit::Nothing),
      cl::values(
          clEnumValN(Emit::LLVM, "llvm", "optimized LLVM IR"),
          clEnumValN(Emit::Assembly, "asm", "assembly"),
          clEnumValN(Emit::Object, "object", "an object file and a C header")),
      cl::cat(category)};
  cl::opt<std::string> output{"o", cl::value_desc("file"), cl::init("-"),
                              cl::desc("where --emit writes"),
                              cl::cat(category)};
  cl::opt<std::string> cpu{"mcpu", cl::value_desc("name"),
                           cl::desc("the processor to compile for (default: "
                                    "this machine's)"),
                           cl::cat(category)};
  cl::opt<unsigned> optLevel{"O", cl::Prefix, cl::init(3),
                             cl::desc("LLVM's optimization level, 0 to 3"),
                             cl::cat(category)};
};

LogicalResult error(const Twine &message) {
  llvm::WithColor::error(llvm::errs(), "qfmt-run") << message << "\n";
  return failure();
}

LogicalResult error(llvm::Error failed) {
  return error(llvm::toString(std::move(failed)));
}

CompileOptions getCompileOptions(const Options &options) {
  CompileOptions compile;
  compile.entry = options.entry;
  compile.lowering = buildCompilePipeline;
  compile.cpu = options.cpu;
  compile.optLevel = options.optLevel;
  return compile;
}

//===----------------------------------------------------------------------===//
// Engines
//===----------------------------------------------------------------------===//

/// Something that can call the function.
using Engine =
    std::function<FailureOr<SmallVector<TensorResult>>(ArrayRef<TensorView>)>;

FailureOr<Engine> makeJIT(ModuleOp module, const Options &options) {
  auto compiled = CompiledFunction::compile(module, getCompileOptions(options));
  if (failed(compiled))
    return failure();
  std::shared_ptr<CompiledFunction> function = std::move(*compiled);
  return Engine([function](ArrayRef<TensorView> inputs)
                    -> FailureOr<SmallVector<TensorResult>> {
    return function->call(inputs);
  });
}

/// The reference evaluator's tensor of one buffer.
FailureOr<reference::Tensor> makeTensor(RankedTensorType type,
                                        const TensorView &view,
                                        func::FuncOp function) {
  auto shaped = RankedTensorType::get(view.shape, type.getElementType());
  int64_t bytes =
      shaped.getNumElements() *
      reference::Tensor::getBytesPerElement(shaped.getElementType());
  return reference::Tensor::fromBytes(
      shaped, ArrayRef(static_cast<const char *>(view.data), bytes),
      [&] { return function.emitError(); });
}

/// Takes one buffer for an ordinary argument, one for each constituent of an
/// encoded one.
FailureOr<reference::Value> makeValue(Type type, ArrayRef<TensorView> &inputs,
                                      func::FuncOp function) {
  EncodedTensorType encoded = EncodedTensorType::get(type);
  if (!encoded) {
    auto tensor =
        makeTensor(cast<RankedTensorType>(type), inputs.front(), function);
    if (failed(tensor))
      return failure();
    inputs = inputs.drop_front();
    return reference::Value(std::move(*tensor));
  }
  encoded = encoded.withSizesOf(inputs.front().shape);
  SmallVector<reference::Tensor> parts;
  for (Type part : encoded.getConstituentTypes()) {
    auto tensor =
        makeTensor(cast<RankedTensorType>(part), inputs.front(), function);
    if (failed(tensor))
      return failure();
    parts.push_back(std::move(*tensor));
    inputs = inputs.drop_front();
  }
  return reference::Value(encoded, parts);
}

TensorResult makeResult(const reference::Tensor &tensor) {
  auto bytes = std::make_shared<std::vector<char>>(tensor.toBytes());
  return {bytes->data(), SmallVector<int64_t>(tensor.getShape()), bytes};
}

FailureOr<Engine> makeReference(ModuleOp module, const Options &options) {
  auto function = module.lookupSymbol<func::FuncOp>(options.entry);
  return Engine([function](ArrayRef<TensorView> inputs) mutable
                -> FailureOr<SmallVector<TensorResult>> {
    SmallVector<reference::Value> arguments;
    for (Type type : function.getArgumentTypes()) {
      FailureOr<reference::Value> value = makeValue(type, inputs, function);
      if (failed(value))
        return failure();
      arguments.push_back(std::move(*value));
    }
    auto values = reference::evaluate(function, arguments);
    if (failed(values))
      return failure();
    SmallVector<TensorResult> results;
    for (const reference::Value &value : *values) {
      if (!value.isEncoded()) {
        results.push_back(makeResult(value.getTensor()));
        continue;
      }
      for (const reference::Tensor &part : value.getConstituents())
        results.push_back(makeResult(part));
    }
    return results;
  });
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Reads and checks the arrays; the number of samples is that of the first.
LogicalResult readInputs(const Options &options,
                         const FunctionSignature &signature,
                         SmallVectorImpl<NpyArray> &arrays) {
  if (options.inputs.size() != signature.inputs.size())
    return error("'" + signature.function + "' takes " +
                 Twine(signature.inputs.size()) + " arrays, found " +
                 Twine(options.inputs.size()) + " with --inputs");
  for (auto [path, spec] : llvm::zip_equal(options.inputs, signature.inputs)) {
    llvm::Expected<NpyArray> array = readNpy(path);
    if (!array)
      return error(array.takeError());
    if (llvm::Error failed = checkNpy(*array, spec, options.samples))
      return error("'" + path + "': " + llvm::toString(std::move(failed)));
    if (options.samples && !arrays.empty() &&
        array->shape.front() != arrays.front().shape.front())
      return error("'" + path + "' has " + Twine(array->shape.front()) +
                   " samples, but '" + options.inputs.front() + "' has " +
                   Twine(arrays.front().shape.front()));
    arrays.push_back(std::move(*array));
  }
  return success();
}

/// Calls the function for every sample and keeps what it returns.
class Runner {
public:
  Runner(const Options &options, const FunctionSignature &signature,
         ArrayRef<NpyArray> inputs, Engine engine)
      : options(options), signature(signature), inputs(inputs),
        engine(std::move(engine)), data(signature.outputs.size()),
        shapes(signature.outputs.size()) {}

  LogicalResult run() {
    int64_t numSamples =
        options.samples && !inputs.empty() ? inputs.front().shape.front() : 1;
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
    SmallVector<TensorView> views;
    for (const NpyArray &array : inputs) {
      ArrayRef<int64_t> shape = array.shape;
      size_t offset = 0;
      if (options.samples) {
        shape = shape.drop_front();
        offset = index * ShapedType::getNumElements(shape) * array.itemSize;
      }
      views.push_back({array.data.data() + offset, shape});
    }
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

/// Files that stay only if all of them could be written.
class OutputFiles {
public:
  LogicalResult write(StringRef path,
                      llvm::function_ref<void(llvm::raw_ostream &)> print) {
    std::error_code code;
    files.push_back(std::make_unique<llvm::ToolOutputFile>(
        path, code, llvm::sys::fs::OF_None));
    if (code)
      return error("cannot write '" + path + "': " + code.message());
    llvm::raw_fd_ostream &os = files.back()->os();
    print(os);
    os.flush();
    if (!os.has_error())
      return success();
    code = os.error();
    os.clear_error();
    return error("cannot write '" + path + "': " + code.message());
  }

  void keep() {
    for (auto &file : files)
      file->keep();
  }

private:
  SmallVector<std::unique_ptr<llvm::ToolOutputFile>> files;
};

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

LogicalResult runFunction(ModuleOp module, const Options &options) {
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
  if (!options.outputs.empty() &&
      options.outputs.size() != signature->outputs.size())
    return error("'" + signature->function + "' gives " +
                 Twine(signature->outputs.size()) + " arrays, found " +
                 Twine(options.outputs.size()) + " names with --outputs");
  FailureOr<Engine> engine = options.engine == EngineKind::JIT
                                 ? makeJIT(module, options)
                                 : makeReference(module, options);
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
  EmitKind kind = options.emit == Emit::Object     ? EmitKind::Object
                  : options.emit == Emit::Assembly ? EmitKind::Assembly
                                                   : EmitKind::LLVM;
  return emitCode(module, getCompileOptions(options), kind, options.output);
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  Options options;
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv,
                              "qfmt: runs or compiles a function\n");

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
                             ? runFunction(*module, options)
                             : emitFunction(*module, options);
  return succeeded(result) ? 0 : 1;
}
