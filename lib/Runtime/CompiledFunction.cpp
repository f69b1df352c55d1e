//===- CompiledFunction.cpp - Code in this process ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Runtime/CompiledFunction.h"
#include "EntryPoints.h"
#include "GlobalFunctions.h"
#include "HugePages.h"
#include "OpenMPRuntime.h"
#include "qfmt/Conversion/Weights.h"
#include "qfmt/Runtime/TilePermission.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/TargetParser/Host.h"
#include <cstdlib>
#include <cstring>

namespace mlir::qfmt {

static constexpr llvm::StringLiteral kPackedEntry = "qfmt_packed_entry";
static constexpr llvm::StringLiteral kInitializer = "qfmt_initialize";
static constexpr llvm::StringLiteral kFinalizer = "qfmt_finalize";

CompiledFunction::~CompiledFunction() {
  if (finalizer)
    finalizer();
}

/// Options for code that runs here: without tiles, if the processor has them
/// but the system denies them.
static CompileOptions getOptionsForHere(const CompileOptions &options) {
  CompileOptions result = options;
  if (!result.requestTiles)
    result.requestTiles = requestTilePermission;
  if (options.cpu.empty() && options.features.empty() &&
      llvm::sys::getHostCPUFeatures().lookup("amx-tile") &&
      !result.requestTiles())
    result.features = "-amx-tile";
  return result;
}

/// A JIT with `object` and the addresses it needs.
static llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>>
loadObject(std::unique_ptr<llvm::MemoryBuffer> object,
           ArrayRef<std::pair<std::string, void *>> symbols) {
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  llvm::orc::SymbolMap addresses;
  for (auto &[name, address] : symbols)
    addresses[(*jit)->mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(address),
        llvm::JITSymbolFlags::Exported};
  if (!addresses.empty())
    if (llvm::Error error = (*jit)->getMainJITDylib().define(
            llvm::orc::absoluteSymbols(std::move(addresses))))
      return std::move(error);
  if (llvm::Error error = (*jit)->addObjectFile(std::move(object)))
    return std::move(error);
  return jit;
}

FailureOr<std::unique_ptr<CompiledFunction>>
CompiledFunction::compile(ModuleOp module, const CompileOptions &given) {
  CompileOptions options = getOptionsForHere(given);
  FailureOr<LLVMProgram> program = generateLLVMIR(module, options);
  if (failed(program))
    return failure();
  if (usesTiles(*program) && !options.requestTiles())
    return module.emitError()
           << "the code uses AMX tiles, which this machine's system denies to "
              "this process; compile without the feature amx-tile";
  addPackedEntry(*program, kPackedEntry);
  addGlobalFunctions(*program, kInitializer, kFinalizer);
  optimizeProgram(*program, {kPackedEntry, kInitializer, kFinalizer},
                  options.optLevel);
  if (usesOpenMP(*program->module) &&
      failed(loadOpenMP(module.getLoc(), options.openMPLibrary)))
    return failure();
  SmallVector<char, 0> code;
  llvm::raw_svector_ostream os(code);
  if (failed(emitMachineCode(*program, llvm::CodeGenFileType::ObjectFile, os)))
    return failure();

  std::unique_ptr<CompiledFunction> compiled(new CompiledFunction());
  auto symbols = options.symbols;
  if (!program->weights.empty()) {
    auto *memory = static_cast<char *>(
        allocateInHugePages(program->weights.size(), kWeightsAlignment));
    if (!memory)
      return module.emitError() << "no memory for " << program->weights.size()
                                << " bytes of weights";
    compiled->weights = {memory, std::free};
    std::memcpy(memory, program->weights.data(), program->weights.size());
    symbols.push_back({program->weightsSymbol, memory});
  }
  auto jit = loadObject(
      std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(code)),
      symbols);
  if (!jit)
    return module.emitError() << "cannot load the compiled code: "
                              << llvm::toString(jit.takeError());
  SmallVector<llvm::orc::ExecutorAddr, 3> addresses;
  for (StringRef name : {kPackedEntry, kInitializer, kFinalizer}) {
    auto address = (*jit)->lookup(name);
    if (!address)
      return module.emitError() << "cannot link the compiled code: "
                                << llvm::toString(address.takeError());
    addresses.push_back(*address);
  }
  compiled->signature = std::move(program->signature);
  compiled->jit = std::move(*jit);
  compiled->entry = addresses[0].toPtr<void (*)(void **)>();
  addresses[1].toPtr<void (*)()>()();
  compiled->finalizer = addresses[2].toPtr<void (*)()>();
  return compiled;
}

/// 64-bit words of a memref descriptor (EntryPoints.h).
static size_t getDescriptorWords(size_t rank) { return 3 + 2 * rank; }

static void appendDescriptor(const TensorView &view,
                             SmallVectorImpl<int64_t> &words) {
  auto address = reinterpret_cast<int64_t>(view.data);
  words.append({address, address, 0});
  llvm::append_range(words, view.shape);
  size_t strides = words.size();
  words.append(view.shape.size(), 1);
  for (size_t i = view.shape.size(); i > 1; --i)
    words[strides + i - 2] = words[strides + i - 1] * view.shape[i - 1];
}

SmallVector<TensorResult>
CompiledFunction::call(ArrayRef<TensorView> inputs) const {
  assert(inputs.size() == signature.inputs.size());
  // All descriptors in one array: results first, as one structure.
  SmallVector<int64_t, 64> words;
  for (const TensorSpec &output : signature.outputs)
    words.append(getDescriptorWords(output.shape.size()), 0);
  SmallVector<size_t> starts;
  if (!signature.outputs.empty())
    starts.push_back(0);
  for (const TensorView &input : inputs) {
    starts.push_back(words.size());
    appendDescriptor(input, words);
  }
  SmallVector<void *> arguments;
  for (size_t start : starts)
    arguments.push_back(&words[start]);
  entry(arguments.data());

  SmallVector<TensorResult> results;
  llvm::SmallDenseMap<int64_t, std::shared_ptr<void>> owners;
  size_t start = 0;
  for (const TensorSpec &output : signature.outputs) {
    size_t rank = output.shape.size();
    const int64_t *descriptor = &words[start];
    std::shared_ptr<void> &owner = owners[descriptor[0]];
    if (!owner)
      owner.reset(reinterpret_cast<void *>(descriptor[0]), std::free);
    auto *data = reinterpret_cast<char *>(descriptor[1]) +
                 descriptor[2] * int64_t(output.element.getBytes());
    results.push_back(
        {data, SmallVector<int64_t>(descriptor + 3, descriptor + 3 + rank),
         owner});
    start += getDescriptorWords(rank);
  }
  return results;
}

void CompiledFunction::call(ArrayRef<const void *> inputs,
                            ArrayRef<void *> outputs) const {
  SmallVector<TensorView> views;
  for (auto [data, spec] : llvm::zip_equal(inputs, signature.inputs))
    views.push_back({data, spec.shape});
  SmallVector<TensorResult> results = call(views);
  for (auto [result, output, spec] :
       llvm::zip_equal(results, outputs, signature.outputs))
    std::memcpy(output, result.data, spec.getNumBytes());
}

} // namespace mlir::qfmt
