//===- KernelModule.h - Bitcode for NVPTX as code for this host -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module is loaded in steps, a file each:
//
//   read             the bitcode, and what its kernels call
//   checkMemory      tests before each access (MemoryChecks.cpp)
//   placeShared      variables in shared memory get addresses
//   checkAccumulators  tests before uses of results (AccumulatorUses.cpp)
//   callOperations   intrinsics and inline assembly become calls of handlers
//   makeEntries      a function a kernel that takes addresses of arguments
//   compile          by LLVM's JIT for this host
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_KERNELMODULE_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_KERNELMODULE_H

#include "Kernel.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include <deque>
#include <map>
#include <memory>

namespace llvm::orc {
class JITDylib;
} // namespace llvm::orc

namespace mlir::qfmt::sim {

class KernelModule {
public:
  /// Null after an error.
  static std::unique_ptr<KernelModule> load(llvm::StringRef bitcode);
  ~KernelModule();

  /// Null, with an error, if there is none of the name.
  Kernel *getKernel(llvm::StringRef name);

private:
  KernelModule() = default;

  bool read(llvm::StringRef bitcode);
  void checkMemory(llvm::Function &function);
  void placeShared();
  void checkAccumulators(llvm::Function &function);
  bool callOperations(llvm::Function &function);
  bool checkCalls(llvm::Function &function);
  void makeEntry(llvm::Function &function);
  bool compile();

  friend class AccessChecker;
  friend class OperationCaller;
  Site &makeSite(const llvm::Instruction &instruction);

  ProgramText text;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  /// The number of each instruction in the program as it was loaded.
  llvm::DenseMap<const llvm::Instruction *, unsigned> numbers;
  /// Functions in which threads wait for each other.
  llvm::SmallPtrSet<const llvm::Function *, 8> blocking;
  std::map<const llvm::Function *, llvm::SmallPtrSet<llvm::Function *, 4>>
      reachable;
  std::deque<Site> sites;
  /// Of wgmma instructions, before they are rewritten.
  llvm::DenseMap<const llvm::CallInst *, Site *> productSites;
  std::vector<GlobalRange> globals;
  llvm::StringMap<Kernel> kernels;
  llvm::orc::JITDylib *library = nullptr;
};

/// A pointer to something of this process, as a constant of generated code.
llvm::Value *makeHostPointer(llvm::IRBuilderBase &builder, const void *pointer);
/// A call of `function` of this process, that returns nothing.
llvm::CallInst *callHost(llvm::IRBuilderBase &builder, const void *function,
                         llvm::ArrayRef<llvm::Value *> arguments);

/// Of the JIT; null after an error.
const llvm::DataLayout *getHostLayout();

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_KERNELMODULE_H
