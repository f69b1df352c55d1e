// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line of qfmt-run, and how it reports errors.

#ifndef QFMT_TOOLS_QFMT_RUN_OPTIONS_H
#define QFMT_TOOLS_QFMT_RUN_OPTIONS_H

#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/WithColor.h"

namespace mlir::qfmt {

enum class EngineKind { JIT, Reference };
enum class Emit { Nothing, LLVM, Assembly, Object, Kernels };
/// Who computes: this processor or, with kernels, a GPU.
enum class Device { Cpu, Cuda, Sim, Vulkan, Rocm };

namespace cl = llvm::cl;

/// LLVM's libraries have options of their own, which mean nothing here.
inline bool releaseOptionName(StringRef name) {
  if (cl::Option *option = cl::getRegisteredOptions().lookup(name))
    option->removeArgument();
  return true;
}

struct Options {
  bool isThreadsFree = releaseOptionName("threads");
  cl::OptionCategory category{"qfmt-run options"};
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
  cl::opt<bool> checkBound{
      "check-bound",
      cl::desc(
          "make the function, at level encoded, integer-only, and compare "
          "each of its regions with real arithmetic on the same codes; "
          "fail if an error exceeds the bound that qfmt-integerize states"),
      cl::cat(category)};
  cl::opt<std::string> integerize{
      "integerize-options", cl::value_desc("table-bits=16 ..."),
      cl::desc("options of qfmt-integerize for --check-bound"),
      cl::cat(category)};
  cl::opt<double> boundFactor{
      "bound-factor", cl::init(1.0),
      cl::desc("--check-bound fails beyond this part of a bound (default 1)"),
      cl::cat(category)};
  cl::opt<std::string> boundJson{
      "bound-json", cl::value_desc("file"),
      cl::desc("write what --check-bound found, an object for each region"),
      cl::cat(category)};
  cl::opt<Emit> emit{
      "emit", cl::desc("write code instead of running"),
      cl::init(Emit::Nothing),
      cl::values(
          clEnumValN(Emit::LLVM, "llvm", "optimized LLVM IR"),
          clEnumValN(Emit::Assembly, "asm", "assembly"),
          clEnumValN(Emit::Object, "object", "an object file and a C header"),
          clEnumValN(Emit::Kernels, "kernels",
                     "the kernels alone, with --gpu: PTX, SPIR-V or bitcode")),
      cl::cat(category)};
  cl::opt<std::string> output{"o", cl::value_desc("file"), cl::init("-"),
                              cl::desc("where --emit writes"),
                              cl::cat(category)};
  cl::opt<std::string> cpu{"mcpu", cl::value_desc("name"),
                           cl::desc("the processor to compile for (default: "
                                    "this machine's)"),
                           cl::cat(category)};
  cl::opt<std::string> features{
      "mattr", cl::value_desc("+a,-b,..."),
      cl::desc("features that the processor has or has not"),
      cl::cat(category)};
  cl::opt<std::string> triple{
      "mtriple", cl::value_desc("triple"),
      cl::desc("the machine for which --emit compiles, aarch64-linux-gnu for "
               "example (default: this one)"),
      cl::cat(category)};
  cl::list<std::string> versions{
      "versions", cl::CommaSeparated,
      cl::value_desc("x86-64-v4+avx512vnni,x86-64-v3,..."),
      cl::desc("processors for which --emit=llvm, asm or object writes a "
               "version each, best first; the code takes the first one that "
               "the machine can run"),
      cl::cat(category)};
  cl::opt<ThreadCount> threads{
      "threads", cl::init(0),
      cl::desc("divide loops among up to so many threads, or as many as there "
               "are processors for this process, with LLVM's OpenMP runtime "
               "(default: one thread, without it)"),
      cl::cat(category)};
  cl::opt<std::string> openMPLibrary{
      "openmp-library", cl::value_desc("file"),
      cl::desc("that runtime, if it is not where qfmt was built to find it"),
      cl::cat(category)};
  cl::opt<Device> gpu{
      "gpu",
      cl::desc("compute with kernels on a GPU; exit status 77 if there is no "
               "driver or no device"),
      cl::init(Device::Cpu),
      cl::values(
          clEnumValN(Device::Cuda, "cuda", "NVIDIA's driver"),
          clEnumValN(Device::Sim, "sim",
                     "a simulator, which needs no GPU and finds mistakes"),
          clEnumValN(Device::Vulkan, "vulkan", "any Vulkan driver"),
          clEnumValN(Device::Rocm, "rocm", "AMD's, for --emit=kernels only")),
      cl::cat(category)};
  cl::opt<std::string> gpuChip{
      "gpu-chip", cl::value_desc("name"),
      cl::desc("the GPU that kernels are for: sm_80, sm_90a, gfx942, vulkan1.3 "
               "... (default: sm_90, gfx942, vulkan1.1)"),
      cl::cat(category)};
  cl::opt<std::string> gpuTier{
      "gpu-tier", cl::value_desc("name"), cl::init("auto"),
      cl::desc("how kernels multiply bytes: auto, mma, wgmma (sm_90a) or "
               "portable"),
      cl::cat(category)};
  cl::opt<std::string> gpuLibrary{
      "gpu-library", cl::value_desc("file"),
      cl::desc("the library that runs kernels, if it is not libqfmt_<gpu>.so "
               "in the directory lib beside that of qfmt-run"),
      cl::cat(category)};
  cl::opt<std::string> gpuOptions{
      "gpu-options", cl::value_desc("device=1"),
      cl::desc("what that library is told when it is opened"),
      cl::cat(category)};
  cl::opt<unsigned> optLevel{"O", cl::Prefix, cl::init(3),
                             cl::desc("LLVM's optimization level, 0 to 3"),
                             cl::cat(category)};
};

inline LogicalResult error(const Twine &message) {
  llvm::WithColor::error(llvm::errs(), "qfmt-run") << message << "\n";
  return failure();
}

inline LogicalResult error(llvm::Error failed) {
  return error(llvm::toString(std::move(failed)));
}

inline GpuOptions getGpuOptions(const Options &options) {
  GpuOptions gpu;
  gpu.runtime = options.gpu == Device::Sim      ? GpuRuntime::Sim
                : options.gpu == Device::Vulkan ? GpuRuntime::Vulkan
                : options.gpu == Device::Rocm   ? GpuRuntime::Rocm
                                                : GpuRuntime::Cuda;
  gpu.chip = options.gpuChip;
  gpu.optLevel = options.optLevel;
  gpu.tier = options.gpuTier;
  return gpu;
}

inline CompileOptions getCompileOptions(const Options &options) {
  CompileOptions compile;
  compile.entry = options.entry;
  compile.lowering = buildCompilePipeline;
  compile.triple = options.triple;
  compile.cpu = options.cpu;
  compile.features = options.features;
  compile.versions.append(options.versions.begin(), options.versions.end());
  compile.optLevel = options.optLevel;
  compile.threads = options.threads;
  compile.openMPLibrary = options.openMPLibrary;
  if (options.gpu != Device::Cpu)
    compile.lowering = [gpu = getGpuOptions(options)](OpPassManager &pm) {
      buildCompileForGpuPipeline(pm, gpu);
    };
  return compile;
}

} // namespace mlir::qfmt

#endif // QFMT_TOOLS_QFMT_RUN_OPTIONS_H
