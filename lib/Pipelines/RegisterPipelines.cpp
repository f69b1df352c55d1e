//===- RegisterPipelines.cpp - The pipelines' names -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "mlir/Pass/PassRegistry.h"
#include "qfmt/CodeGen/Threads/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {

/// `build` for as many threads as the options say.
static auto withThreads(void (*build)(OpPassManager &)) {
  return [build](OpPassManager &pm, const LoweringOptions &options) {
    if (options.threads.hasValue())
      pm.addPass(createSetThreads({options.threads}));
    build(pm);
  };
}

namespace {
/// Of qfmt-lower-to-gpu and qfmt-compile-for-gpu by name.
struct GpuLoweringOptions : PassPipelineOptions<GpuLoweringOptions> {
  Option<GpuRuntime> runtime{
      *this, "runtime", llvm::cl::init(GpuRuntime::Cuda),
      llvm::cl::desc("Who runs the kernels"),
      llvm::cl::values(
          clEnumValN(GpuRuntime::Cuda, "cuda", "NVIDIA's driver"),
          clEnumValN(GpuRuntime::Sim, "sim", "the simulator"),
          clEnumValN(GpuRuntime::Vulkan, "vulkan", "any Vulkan driver"),
          clEnumValN(GpuRuntime::Rocm, "rocm", "AMD's driver"))};
  Option<std::string> chip{
      *this, "chip",
      llvm::cl::desc("The chip, sm_90 for example; empty for the usual one")};
  Option<bool> emulateWideIntegers{
      *this, "emulate-wide-integers", llvm::cl::init(false),
      llvm::cl::desc("Kernels have no integers of more than 32 bits")};
  Option<unsigned> optLevel{*this, "O", llvm::cl::init(3),
                            llvm::cl::desc("LLVM's level for kernels")};
  Option<std::string> tier{
      *this, "tier", llvm::cl::init("auto"),
      llvm::cl::desc("Of products of bytes: auto, mma, wgmma or portable")};
};
} // namespace

static auto forGpu(void (*build)(OpPassManager &, const GpuOptions &)) {
  return [build](OpPassManager &pm, const GpuLoweringOptions &options) {
    build(pm, {options.runtime, options.chip, options.emulateWideIntegers,
               options.optLevel, options.tier});
  };
}

void registerQFmtPipelines() {
  PassPipelineRegistration<LoweringOptions>(
      "qfmt-lower-to-llvm",
      "From constituents level (no encoded type) to the LLVM dialect",
      withThreads(buildLowerToLLVMPipeline));
  PassPipelineRegistration<LoweringOptions>(
      "qfmt-compile", "From any level that can run to the LLVM dialect",
      withThreads(buildCompilePipeline));
  PassPipelineRegistration<GpuLoweringOptions>(
      "qfmt-lower-to-gpu",
      "From constituents level (no encoded type) to kernels and the LLVM "
      "dialect",
      forGpu(buildLowerToGpuPipeline));
  PassPipelineRegistration<GpuLoweringOptions>(
      "qfmt-compile-for-gpu",
      "From any level that can run to kernels and the LLVM dialect",
      forGpu(buildCompileForGpuPipeline));
}

} // namespace mlir::qfmt
