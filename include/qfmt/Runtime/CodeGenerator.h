// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a module to optimized LLVM IR and machine code: what the JIT and the
// ahead-of-time emission share.

#ifndef QFMT_RUNTIME_CODEGENERATOR_H
#define QFMT_RUNTIME_CODEGENERATOR_H

#include "mlir/Pass/PassManager.h"
#include "qfmt/Runtime/Signature.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Target/TargetMachine.h"
#include <functional>
#include <memory>

namespace mlir::qfmt {

struct CompileOptions {
  /// The function to make callable.
  std::string entry = "main";
  /// Takes the module to the LLVM dialect: buildCompilePipeline for IR of any
  /// level (qfmt/Pipelines/Pipelines.h), buildLowerToLLVMPipeline for IR
  /// without encoded types. Required.
  std::function<void(OpPassManager &)> lowering;
  /// LLVM's triple of the target, little-endian and of 64 bits; empty for this
  /// machine's. Ahead of time only.
  std::string triple;
  /// LLVM's name of the processor; empty for this machine's, or "generic" if
  /// there is a triple.
  std::string cpu;
  /// What the processor has or has not beside: "+dotprod,-sse4a".
  std::string features;
  /// Ahead of time only, on x86-64: the code has a version for each of these,
  /// best first, and takes the first one that the machine can run. Each is a
  /// processor's name and features, "x86-64-v4+avx512vnni"; they replace `cpu`
  /// and `features`.
  SmallVector<std::string> versions;
  /// Bytes of another version's constants, LLVMProgram::weights. This one's
  /// begin with them, and are not repeated.
  ArrayRef<char> sharedWeights;
  /// 0 to 3, for LLVM.
  unsigned optLevel = 3;
  /// Loops are divided among up to so many threads, 1 to kMaxThreads
  /// (qfmt/CodeGen/Threads/Threads.h); 0 for what the module says, or one. With
  /// more than one, code needs LLVM's OpenMP runtime.
  int64_t threads = 0;
  /// JIT only: that runtime's shared library; empty for the one found when qfmt
  /// was built, or by the system's loader.
  std::string openMPLibrary;
  /// JIT only: addresses of functions and data that the module declares.
  SmallVector<std::pair<std::string, void *>> symbols;
  /// JIT only: asks for the use of AMX tiles before code with such is called,
  /// false if that is denied; null for requestTilePermission.
  std::function<bool()> requestTiles;
};

/// A module as LLVM IR, not optimized yet.
struct LLVMProgram {
  FunctionSignature signature;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> target;
  /// The bytes of the constants, and the external symbol under which the IR
  /// refers to them (empty if there are none). Owned by the MLIR context.
  ArrayRef<char> weights;
  std::string weightsSymbol;
};

/// Lowers a copy of `module`. All functions but the entry become private, and
/// the entry is callable as `_mlir_ciface_<entry>`. Errors are diagnostics: no
/// such function, an argument that cannot be passed, a failed pass.
FailureOr<LLVMProgram> generateLLVMIR(ModuleOp module,
                                      const CompileOptions &options);

/// True if the program has instructions on AMX tiles.
bool usesTiles(const LLVMProgram &program);

/// Makes `names` the only exported functions; runs LLVM's optimizer.
void optimizeProgram(LLVMProgram &program, ArrayRef<StringRef> names,
                     unsigned optLevel);

/// Runs LLVM's code generator. Fails (with a message on stderr) if the target
/// cannot emit such files.
LogicalResult emitMachineCode(LLVMProgram &program, llvm::CodeGenFileType type,
                              llvm::raw_pwrite_stream &os);

} // namespace mlir::qfmt

#endif // QFMT_RUNTIME_CODEGENERATOR_H
