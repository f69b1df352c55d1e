// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pass pipelines: what takes a network from one level to the next, and on to
// machine code.

#ifndef QFMT_PIPELINES_PIPELINES_H
#define QFMT_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "qfmt/CodeGen/GPU/GpuTarget.h"
#include "qfmt/CodeGen/Threads/Threads.h"

namespace mlir {
class DialectRegistry;
}

namespace mlir::qfmt {

/// Of qfmt-lower-to-llvm and qfmt-compile by name. From C++, `threads` is
/// qfmt-set-threads before the pipeline, or CompileOptions::threads.
struct LoweringOptions : PassPipelineOptions<LoweringOptions> {
  Option<ThreadCount> threads{
      *this, "threads", llvm::cl::init(0),
      llvm::cl::desc(
          "Divide loops among up to so many threads, with OpenMP; auto for as "
          "many as there are processors (default: what the module's "
          "qfmt_cpu.threads says, which is one if it says nothing)")};
};

/// From constituents-level IR (no encoded type) on tensors to the LLVM dialect.
/// The constants end as the module's attribute `qfmt.weights`
/// (qfmt/Conversion/Weights.h). Functions keep their names; tensors become
/// contiguous memrefs; results are allocated with malloc and belong to the
/// caller. With the module's attribute `qfmt_cpu.threads`
/// (qfmt/CodeGen/Threads/Threads.h), loops with much work are OpenMP's, and the
/// code needs LLVM's OpenMP runtime.
void buildLowerToLLVMPipeline(OpPassManager &pm);

/// From IR of any level that can run to the LLVM dialect: decompose, then
/// buildLowerToLLVMPipeline.
void buildCompilePipeline(OpPassManager &pm);

/// Which GPU code is for, and how.
struct GpuOptions {
  GpuRuntime runtime = GpuRuntime::Cuda;
  /// LLVM's name; empty for the runtime's usual chip.
  std::string chip;
  /// Kernels have no integers of more than 32 bits.
  bool emulateWideIntegers = false;
  /// LLVM's optimization level for kernels, 0 to 3.
  unsigned optLevel = 3;
  /// Of products of bytes: auto, mma, wgmma or portable.
  std::string tier = "auto";
};

/// From constituents-level IR to the LLVM dialect for the host and a gpu.binary
/// with the kernels, which compute everything that is computed on tensors.
/// Functions and constants are as buildLowerToLLVMPipeline leaves them; buffers
/// of callers are the host's. The code needs a library that defines the
/// functions of lib/Runtime/GPU/Mgpu.h.
void buildLowerToGpuPipeline(OpPassManager &pm, const GpuOptions &options);

/// From IR of any level that can run: decompose, then buildLowerToGpuPipeline.
void buildCompileForGpuPipeline(OpPassManager &pm, const GpuOptions &options);

/// The upstream dialects that the pipelines read and produce, the qfmt dialect,
/// and the interface implementations that bufferization and code generation
/// attach to them.
void registerPipelineDialects(DialectRegistry &registry);

/// What serializes kernels, and translates the host's part that loads and
/// launches them; part of registerPipelineDialects.
void registerGpuTranslations(DialectRegistry &registry);

/// Makes `qfmt-lower-to-llvm` and the other pipelines available by name.
void registerQFmtPipelines();

} // namespace mlir::qfmt

#endif // QFMT_PIPELINES_PIPELINES_H
